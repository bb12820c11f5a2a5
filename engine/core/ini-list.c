/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/ini.h"

#include "base/escape.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t"

struct list {
	struct ini_element *v;
	size_t n;
};

static int append(struct list *list, char *text, bool quoted)
{
	struct ini_element *v = text ? reallocarray(list->v, list->n + 1, sizeof(*v)) : NULL;
	if (!v) {
		free(text);
		return -ENOMEM;
	}
	list->v = v;
	v[list->n++] = (struct ini_element){.text = text, .quoted = quoted};
	return 0;
}

/* AT is behind the opening quote; it goes behind the closing one. */
static int quoted_element(struct list *list, const char **at, struct buf *why)
{
	_cleanup_buf_ struct buf text = {0};
	const char *p = *at;
	for (; *p && *p != '"'; p++) {
		if (*p == '\\' && p[1] != '"' && p[1] != '\\') {
			buf_puts(why, "a backslash in quotes must stand before a '\"' or another backslash");
			return -EINVAL;
		}
		p += *p == '\\';
		buf_putc(&text, *p);
	}
	if (!*p) {
		buf_puts(why, "a quote is not closed");
		return -EINVAL;
	}
	p++;
	p += strspn(p, BLANKS);
	if (*p && *p != ',') {
		buf_puts(why, "'");
		escape_str(why, p);
		buf_puts(why, "' stands after a closing quote: a comma separates elements");
		return -EINVAL;
	}
	*at = p;
	return append(list, buf_steal(&text), true);
}

static int plain_element(struct list *list, const char **at, struct buf *why)
{
	const char *p = *at, *end = p + strcspn(p, ",");
	*at = end;
	while (end > p && strchr(BLANKS, end[-1]))
		end--;
	if (end == p) {
		buf_puts(why, list->n || **at ? "a comma has nothing before or after it" : "it has no value");
		return -EINVAL;
	}
	return append(list, strndup(p, (size_t)(end - p)), false);
}

static int split(const char *value, struct list *list, struct buf *why)
{
	for (const char *p = value;; p++) {
		p += strspn(p, BLANKS);
		int r;
		if (*p == '"') {
			p++;
			r = quoted_element(list, &p, why);
		} else {
			r = plain_element(list, &p, why);
		}
		if (r < 0 || !*p)
			return r;
	}
}

int ini_split_list(const char *value, struct ini_element **ret, size_t *ret_n, struct buf *ret_why)
{
	struct list list = {0};
	int r = split(value, &list, ret_why);
	if (r < 0) {
		ini_elements_free(list.v, list.n);
		return r;
	}
	*ret = list.v;
	*ret_n = list.n;
	return 0;
}

void ini_elements_free(struct ini_element *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i].text);
	free(v);
}
