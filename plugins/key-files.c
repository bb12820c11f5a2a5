/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "key-files.h"

#include <errno.h>
#include <string.h>

#define KEYWORD "authorizedkeysfile"

static int add_file(const char *pattern, const struct user *user, struct strv *ret)
{
	_cleanup_buf_ struct buf path = {0};
	for (const char *p = pattern; *p; p++) {
		if (*p != '%')
			buf_putc(&path, *p);
		else if (*++p == 'h')
			buf_puts(&path, user->home);
		else if (*p == 'u')
			buf_puts(&path, user->name);
		else if (*p == 'U')
			buf_printf(&path, "%u", (unsigned)user->uid);
		else if (*p == '%')
			buf_putc(&path, '%');
		else
			return 0; /* sshd gives up on it, too */
	}
	if (buf_error(&path))
		return buf_error(&path);
	if (buf_text(&path)[0] == '/')
		return strv_add_new(ret, path.data);
	_cleanup_buf_ struct buf full = {0};
	buf_printf(&full, "%s/%s", user->home, buf_text(&path));
	return buf_error(&full) ? buf_error(&full) : strv_add_new(ret, full.data);
}

static int add_files(const struct strv *patterns, const struct user *user, struct strv *ret)
{
	int r = 0;
	if (patterns->n == 1 && strcasecmp(patterns->v[0], "none") == 0)
		return 0;
	for (size_t i = 0; i < patterns->n && r == 0; i++)
		r = add_file(patterns->v[i], user, ret);
	return r;
}

static bool joins_to(const struct strv *args, const char *text)
{
	_cleanup_buf_ struct buf b = {0};
	for (size_t i = 0; i < args->n; i++)
		buf_printf(&b, "%s%s", i ? " " : "", args->v[i]);
	return strcmp(buf_text(&b), text) == 0;
}

/* sshd prints the names with blanks between, also those with blanks inside: the line
 * that it took them from tells them apart. */
static int split_value(const struct sshd_asker *asker, char *value, struct strv *ret)
{
	for (size_t i = 0; i < asker->config.n_statements; i++) {
		const struct sshd_line *line = sshd_statement_line(&asker->config, i);
		if (strcmp(line->keyword, KEYWORD) == 0 && joins_to(&line->args, value))
			return strv_add_all(ret, &line->args);
	}
	char *word;
	while ((word = strsep(&value, " ")))
		if (*word)
			strv_add(ret, word);
	return strv_error(ret);
}

int key_files_in(const struct sshd_asker *asker, const struct user *user, const struct buf *dump, struct strv *ret)
{
	_cleanup_buf_ struct buf value = {0};
	_cleanup_strv_ struct strv patterns = {0};
	int r = sshd_dump_value(dump, KEYWORD, &value);
	if (r == -ENOENT || (r == 0 && !value.len))
		return 0;
	if (r == 0)
		r = split_value(asker, value.data, &patterns);
	return r < 0 ? r : add_files(&patterns, user, ret);
}

int key_files_of(struct sshd_asker *asker, const struct user *user, struct strv *ret)
{
	static const char *const keywords[] = {KEYWORD, NULL};
	_cleanup_(sshd_cases_free) struct sshd_cases cases = {0};
	int r = sshd_cases_of(asker, user->name, keywords, &cases);
	for (size_t i = 0; i < cases.n && r == 0; i++) {
		const struct buf *dump;
		r = sshd_asker_dump(asker, &cases.v[i], &dump, NULL);
		if (r == 0)
			r = key_files_in(asker, user, dump, ret);
	}
	return r;
}

int key_files_usual(const struct user *user, struct strv *ret)
{
	int r = add_file(".ssh/authorized_keys", user, ret);
	return r < 0 ? r : add_file(".ssh/authorized_keys2", user, ret);
}
