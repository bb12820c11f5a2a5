/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The elements of an argument: literals, and ${references} to inputs and to the facts
 * of earlier steps; what such a name is declared as, and what it is worth.
 */
#ifndef RESPOND_CORE_REFERENCE_H
#define RESPOND_CORE_REFERENCE_H

#include "core/playbook.h"

/* Words of `when`, which no input may be named. */
extern const char *const reference_reserved[]; /* NULL-ended */

/* Parses the text of an argument. -EINVAL with a sentence in RET_WHY. */
int elements_parse(const char *value, struct element **ret, size_t *ret_n, struct buf *ret_why);
void elements_free(struct element *v, size_t n);
void element_clear(struct element *e);
bool element_is_reference(const struct element *e);

/* "INPUT" or "STEP.FACT" of LEN bytes. -EINVAL: neither. */
int reference_parse(const char *text, size_t len, struct element *ret);

/* The reference as it is written: c2, miner.exe. */
int reference_print(const struct element *e, struct buf *ret);

struct declared {
	enum type type;
	bool list;
	const char *choices; /* of TYPE_CHOICE */
};

/* What a reference in step number STEP (from 0) of PLAYBOOK is declared as. -EINVAL with a
 * sentence in RET_WHY; the sentence is empty when what it refers to is wrong itself. */
int reference_declared(const struct playbook *playbook, size_t step, const struct element *e, struct declared *ret,
                       struct buf *ret_why);

/* The values at this moment: an empty list when there are none. */
const struct strv *reference_items(const struct playbook *playbook, const struct facts *facts,
                                   const struct element *e);

#endif
