/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/diag.h"

#include <errno.h>
#include <stdlib.h>

int diag_add(struct diags *d, unsigned line, const char *fmt, ...)
{
	if (d->error)
		return d->error;
	_cleanup_buf_ struct buf text = {0};
	va_list ap;
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	struct diag *v = reallocarray(d->v, d->n + 1, sizeof(*v));
	if (!v)
		return d->error = -ENOMEM;
	d->v = v;
	v[d->n] = (struct diag){.line = line, .text = buf_steal(&text)};
	if (!v[d->n].text)
		return d->error = -ENOMEM;
	d->n++;
	return 0;
}

/* By line; what was found in one line keeps its order, as all texts are in one array. */
static int by_line(const void *a, const void *b)
{
	const struct diag *x = *(const struct diag *const *)a, *y = *(const struct diag *const *)b;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return (x > y) - (x < y);
}

int diags_print(const struct diags *d, struct buf *ret)
{
	if (!d->n)
		return d->error;
	_cleanup_free_ const struct diag **sorted = calloc(d->n, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < d->n; i++)
		sorted[i] = &d->v[i];
	qsort(sorted, d->n, sizeof(*sorted), by_line);
	for (size_t i = 0; i < d->n; i++) {
		buf_printf(ret, "%s:", d->file ? d->file : "playbook");
		if (sorted[i]->line)
			buf_printf(ret, "%u:", sorted[i]->line);
		buf_printf(ret, " %s\n", sorted[i]->text);
	}
	return d->error ? d->error : buf_error(ret);
}

void diags_free(struct diags *d)
{
	for (size_t i = 0; i < d->n; i++)
		free(d->v[i].text);
	free(d->v);
	free(d->file);
	*d = (struct diags){0};
}
