/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/evidence.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void evidence_free(struct evidence *e)
{
	free(e->step);
	free(e->name);
	free(e->summary);
	buf_free(&e->bytes);
	close_fd(&e->fd);
}

void evidence_list_free(struct evidence_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		evidence_free(&list->v[i]);
	free(list->v);
	*list = (struct evidence_list){0};
}

void evidence_begin_step(struct evidence_list *list)
{
	list->step_bytes = 0;
}

static const char *admit_bytes(struct evidence_list *list, const struct evidence *e)
{
	if (e->bytes.len > EVIDENCE_BYTES_MAX)
		return "it is larger than one item may be";
	if (list->step_bytes + e->bytes.len > EVIDENCE_STEP_BYTES_MAX)
		return "the step has reached its limit";
	if (list->bytes + e->bytes.len > EVIDENCE_PLAN_BYTES_MAX)
		return "the run has reached its limit";
	list->step_bytes += e->bytes.len;
	list->bytes += e->bytes.len;
	return NULL;
}

static const char *admit_file(struct evidence_list *list, struct evidence *e)
{
	struct stat st;
	if (fstat(e->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return "it is no regular file";
	e->size = st.st_size; /* holes count: they would be hashed */
	if (e->size > EVIDENCE_FILE_MAX)
		return "it is larger than what is copied";
	if (list->files == EVIDENCE_FILES_MAX || list->file_bytes + e->size > EVIDENCE_PLAN_FILES_MAX)
		return "the run has reached its limit of files to copy";
	list->files++;
	list->file_bytes += e->size;
	return NULL;
}

static void admit(struct evidence_list *list, struct evidence *e)
{
	e->size = (off_t)e->bytes.len;
	if (list->n == EVIDENCE_ITEMS_MAX)
		e->lost = "it and all that follow are more items than a run keeps";
	else
		e->lost = e->fd >= 0 ? admit_file(list, e) : admit_bytes(list, e);
	if (!e->lost)
		return;
	buf_free(&e->bytes);
	close_fd(&e->fd);
	e->fd = -1;
}

int evidence_add(struct evidence_list *list, const char *step, const char *name, struct buf *bytes, int fd,
                 bool partial, const char *summary)
{
	struct evidence e = {.fd = fd, .partial = partial};
	if (bytes) {
		e.bytes = *bytes;
		*bytes = (struct buf){0};
	}
	int r = buf_error(&e.bytes);
	if (r == 0 && list->n > EVIDENCE_ITEMS_MAX) {
		evidence_free(&e);
		return 0;
	}
	struct evidence *v = r == 0 ? reallocarray(list->v, list->n + 1, sizeof(*v)) : NULL;
	if (v)
		list->v = v;
	e.step = strdup(step);
	e.name = strdup(name);
	e.summary = strdup(summary);
	if (!v || !e.step || !e.name || !e.summary) {
		evidence_free(&e);
		return r < 0 ? r : -ENOMEM;
	}
	admit(list, &e);
	v[list->n++] = e;
	return 0;
}
