/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook/handle.h"

#include "base/escape.h"
#include "core/guard.h"

#include <errno.h>

/* -EPERM, with the reason, where the guard would not have it blocked. */
static int ask_guard(struct guard *guard, const char *address, struct buf *why)
{
	struct subject subject = {.type = SUBJECT_ADDRESS};
	const char *rule;
	int r = netaddr_parse(address, &subject.address);
	return r < 0 ? r : guard_subject(guard, &subject, &rule, why);
}

static int leave_out(struct guard *guard, struct bound *b, struct buf *told)
{
	_cleanup_strv_ struct strv kept = {0};
	_cleanup_buf_ struct buf first = {0};
	int r = 0;
	for (size_t i = 0; r == 0 && i < b->items.n; i++) {
		_cleanup_buf_ struct buf why = {0};
		r = ask_guard(guard, b->items.v[i], &why);
		if (r == 0)
			r = strv_add(&kept, b->items.v[i]);
		else if (r != -ENOMEM)
			r = first.len ? 0 : buf_copy(&first, &why);
	}
	if (r < 0 || !kept.n || kept.n == b->items.n)
		return r;
	buf_printf(told, "%s%zu of %zu left out: ", told->len ? "; " : "", b->items.n - kept.n, b->items.n);
	escape_controls(told, buf_text(&first), first.len);
	struct strv all = b->items;
	b->items = kept;
	kept = all;
	return buf_error(told);
}

int binding_leave_out(struct binding *binding, const struct rule *rule, struct guard *guard, struct buf *ret_told)
{
	int r = 0;
	for (size_t i = 0; r == 0 && rule->leave_out && i < binding->n; i++) {
		const struct input *input = playbook_input(rule->playbook, binding->v[i].setting->input);
		if (input->type == TYPE_ADDRESS && input->list && binding->v[i].items.n > 1)
			r = leave_out(guard, &binding->v[i], ret_told);
	}
	return r;
}
