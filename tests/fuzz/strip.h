/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What must hold of everything that takes entries out of a text: what is searched for comes
 * first, a line each of texts, paths, hosts and addresses, separated by commas.
 */
#ifndef RESPOND_TESTS_FUZZ_STRIP_H
#define RESPOND_TESTS_FUZZ_STRIP_H

#include "fuzz.h"

#include "entry-hits.h"
#include "entry-search.h"

/* 0, or an error for which there is a rule: -EFBIG. CTX: the target's own. */
typedef int fuzz_strip(const struct buf *text, const struct entry_search *search, struct buf *ret, struct hits *ret_hits,
                       void *ctx);

/* The second time there is nothing left to take; hits are in order and within the text; what
 * takes nothing changes nothing; without a search nothing is found. The rest of IN is the text. */
void fuzz_strip_all(struct fuzz_input *in, fuzz_strip *strip, void *ctx);

#endif
