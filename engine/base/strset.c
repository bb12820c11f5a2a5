/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/strset.h"

#include <errno.h>
#include <search.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

int strset_add(struct strset *s, const char *text)
{
	if (strset_has(s, text))
		return 0;
	int r = strv_add(&s->list, text);
	if (r < 0)
		return r;
	return tsearch(s->list.v[s->list.n - 1], &s->tree, compare) ? 1 : -ENOMEM;
}

bool strset_has(const struct strset *s, const char *text)
{
	return tfind(text, (void *const *)&s->tree, compare) != NULL;
}

static void keep(void *text)
{
	(void)text; /* the list frees it */
}

void strset_free(struct strset *s)
{
	tdestroy(s->tree, keep);
	s->tree = NULL;
	strv_free(&s->list);
}
