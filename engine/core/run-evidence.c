/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/run.h"

#include "base/escape.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void item_free(struct run_evidence *e)
{
	free(e->step);
	free(e->name);
	free(e->summary);
	free(e->time);
	free(e->lost);
}

void run_evidence_free(struct run *run)
{
	for (size_t i = 0; i < run->n_evidence; i++)
		item_free(&run->evidence[i]);
	free(run->evidence);
}

static char *copy_text(const json_t *record, const char *field)
{
	const char *text = json_string_value(json_object_get(record, field));
	return text ? strdup(text) : NULL;
}

static bool decode(const json_t *record, struct run_evidence *e)
{
	const char *sha256 = json_string_value(json_object_get(record, "sha256"));
	e->step = copy_text(record, "step");
	e->name = copy_text(record, "name");
	e->summary = copy_text(record, "summary"); /* stays escaped */
	e->time = copy_text(record, "time");
	e->lost = copy_text(record, "lost");
	e->size = json_integer_value(json_object_get(record, "size"));
	e->partial = json_is_true(json_object_get(record, "partial"));
	bool kept = sha256 && sha256_is_hex(sha256);
	if (kept)
		memcpy(e->sha256.hex, sha256, SHA256_HEX_LEN);
	return e->step && e->name && e->summary && e->time && kept == !e->lost;
}

int run_evidence_replay(struct run *run, const json_t *record)
{
	struct run_evidence *v = reallocarray(run->evidence, run->n_evidence + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	run->evidence = v;
	struct run_evidence e = {.round = run->round};
	if (!decode(record, &e)) {
		item_free(&e);
		return -EBADMSG;
	}
	v[run->n_evidence++] = e;
	return 0;
}

const struct run_evidence *run_find_evidence(const struct run *run, const char *step, const char *name,
                                             const struct sha256 *sha256)
{
	for (size_t i = 0; i < run->n_evidence; i++) {
		const struct run_evidence *e = &run->evidence[i];
		if (strcmp(e->step, step) == 0 && strcmp(e->name, name) == 0 &&
		    strcmp(e->sha256.hex, sha256 ? sha256->hex : "") == 0)
			return e;
	}
	return NULL;
}
