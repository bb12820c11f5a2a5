/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "key-files.h"

#include "authorized-keys-edit.h"
#include "base/escape.h"
#include "base/fd.h"
#include "base/real-path.h"
#include "change/file-edit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

/* A group that is the user's own: Debian's sshd lets it write. */
static bool is_own_group(const struct users *users, const struct user *user, gid_t gid)
{
	for (size_t i = 0; i < users->n; i++)
		if (users->v[i].gid == gid && users->v[i].uid != user->uid)
			return false;
	return gid == user->gid;
}

static const char *looseness(const struct users *users, const struct user *user, const struct stat *st)
{
	if (st->st_uid != 0 && st->st_uid != user->uid)
		return "belongs to somebody else";
	if (st->st_mode & 002)
		return "can be written by everybody";
	return (st->st_mode & 020) && !is_own_group(users, user, st->st_gid) ? "can be written by its group" : NULL;
}

bool key_file_is_strict(struct host *host, const struct users *users, const struct user *user, const char *target,
                        struct buf *ret_why)
{
	_cleanup_free_ char *path = strdup(target);
	_cleanup_buf_ struct buf home = {0};
	path_resolve_for(host->root, user->home, user->uid, &home);
	while (path) {
		_cleanup_close_ int fd = -1;
		const char *name = *path ? path : "/";
		struct stat st;
		if (path_open(host->root, name, O_PATH, &fd) < 0 || fstat(fd, &st) < 0)
			return false;
		const char *loose = looseness(users, user, &st);
		if (loose && ret_why) {
			escape_str(ret_why, name);
			buf_printf(ret_why, " %s", loose);
		}
		if (loose)
			return false;
		char *slash = strrchr(path, '/');
		if (!slash || strcmp(path, buf_text(&home)) == 0)
			return true;
		*slash = '\0';
	}
	return false;
}

static int note_revoked(void *ctx, const struct authorized_key *key)
{
	int r = strset_add(ctx, key->key.fingerprint);
	return r < 0 ? r : 0;
}

void revocation_free(struct revocation *revocation)
{
	buf_free(&revocation->file);
	strset_free(&revocation->fingerprints);
}

int revocation_read(struct host *host, const struct plan *plan, const struct buf *dump, struct revocation *ret)
{
	_cleanup_buf_ struct buf target = {0}, bytes = {0};
	int r = sshd_dump_value(dump, "revokedkeys", &ret->file);
	if (r == -ENOENT || (r == 0 && strcasecmp(buf_text(&ret->file), "none") == 0)) {
		buf_free(&ret->file);
		return 0;
	}
	if (r == 0)
		r = path_real(host->root, buf_text(&ret->file), &target);
	if (r == 0)
		r = plan ? file_edit_read(host, plan, target.data, &bytes)
		         : path_read(host->root, target.data, FILE_EDIT_MAX, &bytes, NULL);
	if (r == 0)
		return authorized_keys_visit(&bytes, note_revoked, &ret->fingerprints);
	ret->error = r;
	return r == -ENOMEM ? r : 0;
}
