/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/change.h"

#include "base/password.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int change_new(const struct change_kind *kind, const char *step, const char *target, json_t *data, struct change **ret)
{
	struct change *c = calloc(1, sizeof(*c));
	if (!c || !data) {
		json_decref(data);
		free(c);
		return -ENOMEM;
	}
	c->kind = kind;
	c->data = data;
	c->step = strdup(step);
	c->target = strdup(target);
	if (!c->step || !c->target) {
		change_free(&c);
		return -ENOMEM;
	}
	*ret = c;
	return 0;
}

void change_free(struct change **change)
{
	struct change *c = *change;
	if (!c)
		return;
	free(c->step);
	free(c->target);
	free(c->service);
	json_decref(c->data);
	for (size_t i = 0; i < c->n_blobs; i++)
		buf_free(&c->blobs[i].bytes);
	free(c->blobs);
	buf_wipe(&c->secret);
	buf_free(&c->result);
	free(c);
	*change = NULL;
}

int change_add_blob(struct change *change, const struct buf *bytes, struct sha256 *ret)
{
	struct blob *v = reallocarray(change->blobs, change->n_blobs + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	change->blobs = v;
	struct blob blob = {0};
	int r = buf_copy(&blob.bytes, bytes);
	if (r < 0) {
		buf_free(&blob.bytes);
		return r;
	}
	sha256_bytes(buf_text(bytes), bytes->len, &blob.sha256);
	v[change->n_blobs++] = blob;
	if (ret)
		*ret = blob.sha256;
	return 0;
}

bool change_same(const struct change *a, const struct change *b)
{
	return a->kind == b->kind && strcmp(a->step, b->step) == 0 && strcmp(a->target, b->target) == 0 &&
	       json_equal(a->data, b->data);
}

const struct change_kind *change_kind_find(const struct change_kind *const *kinds, const char *name)
{
	for (; *kinds; kinds++)
		if (strcmp((*kinds)->name, name) == 0)
			return *kinds;
	return NULL;
}
