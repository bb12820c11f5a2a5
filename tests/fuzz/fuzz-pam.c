/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A line with the form (d, conf), the modules that are foreign, those of them that are meant,
 * what is searched for (strip.h), then a stack.
 */
#include "strip.h"

#include "pam-edit.h"

#include <errno.h>
#include <stdlib.h>

struct stack {
	enum pam_form form;
	struct strv foreign, meant;
};

static int strip(const struct buf *text, const struct entry_search *search, struct buf *ret, struct hits *ret_hits,
                 void *ctx)
{
	const struct stack *s = ctx;
	const struct pam_modules modules = {&s->foreign, &s->meant};
	_cleanup_strv_ struct strv names = {0};
	int r = pam_list_modules(s->form, text, &names);
	MUST(r == 0 || r == -EFBIG);
	MUST(pam_strip(s->form, text, search, &modules, ret, ret_hits) == r);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	struct stack s = {0};
	_cleanup_free_ char *line = fuzz_line(&in);
	s.form = line[0] == 'c' ? PAM_CONF : PAM_D;
	s.foreign = fuzz_list(&in);
	s.meant = fuzz_list(&in);
	fuzz_strip_all(&in, strip, &s);
	strv_free(&s.foreign);
	strv_free(&s.meant);
	return 0;
}
