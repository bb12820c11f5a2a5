/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What steps saw on the host and want kept. Not a change: there is no before and after,
 * nothing to apply and nothing to take back.
 *
 * A real run stores each item in the vault and says so in the journal, before it makes the
 * changes of that round; an item that the run has by the same step, name and content is
 * not kept twice. What a plan holds of it is bounded, whatever is on the host: an item
 * beyond a limit stays in the list, so that people see that it is not kept, and why.
 */
#ifndef RESPOND_CORE_EVIDENCE_H
#define RESPOND_CORE_EVIDENCE_H

#include "base/buf.h"

#include <sys/types.h>

#define EVIDENCE_BYTES_MAX ((size_t)8 << 20)      /* of an item in memory */
#define EVIDENCE_STEP_BYTES_MAX ((size_t)24 << 20)
#define EVIDENCE_PLAN_BYTES_MAX ((size_t)64 << 20)
#define EVIDENCE_FILE_MAX ((off_t)256 << 20)      /* of a file to copy */
#define EVIDENCE_PLAN_FILES_MAX ((off_t)1 << 30)
#define EVIDENCE_FILES_MAX 128                    /* open files of a plan */
#define EVIDENCE_ITEMS_MAX 1024                   /* of a plan */

struct evidence {
	char *step;
	char *name;       /* of the item within the step, fit for a file name: "processes.json" */
	char *summary;    /* one line for people, escaped */
	bool partial;     /* there was more to see */
	struct buf bytes;
	int fd;           /* a file to copy, instead of the bytes; -1: none */
	off_t size;
	const char *lost; /* why it cannot be kept, or NULL */
};

struct evidence_list {
	struct evidence *v;
	size_t n;
	size_t step_bytes, bytes; /* in memory: of the step at hand, of all */
	off_t file_bytes;
	size_t files;
};

/* BYTES or FD (-1: none) are the list's afterwards, also on failure; the texts are copied. */
int evidence_add(struct evidence_list *list, const char *step, const char *name, struct buf *bytes, int fd,
                 bool partial, const char *summary);
void evidence_begin_step(struct evidence_list *list);
void evidence_list_free(struct evidence_list *list);

#endif
