/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * evidence.collect, keys: every key that sshd would take for an account.
 */
#include "authorized-keys-edit.h"
#include "evidence.h"
#include "key-files.h"

#include "base/escape.h"
#include "base/fd.h"
#include "base/real-path.h"
#include "base/strset.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define FILE_MAX ((size_t)4 << 20)

struct look {
	struct collection *c;
	struct sshd_asker asker;
	bool asked;
	struct strset seen; /* files, resolved */
	struct evidence_rows rows;
	size_t n_keys, n_files;
	/* Of the file at hand. */
	json_t *keys;
};

static void look_end(struct look *look)
{
	strset_free(&look->seen);
	sshd_asker_close(&look->asker);
}

static int add_key(void *ctx, const struct authorized_key *key)
{
	struct look *look = ctx;
	look->n_keys++;
	json_t *item = json_pack("{sI ss so}", "line", (json_int_t)key->line, "fingerprint", key->key.fingerprint, "comment",
	                         json_bytes(key->comment, key->comment_len));
	if (!item || json_array_append_new(look->keys, item) < 0)
		return -ENOMEM;
	return plan_fact(look->c->plan, "key-fingerprint", key->key.fingerprint);
}

/* USER: NULL for a file of authorities, which sign certificates for everybody. */
static int read_file(struct look *look, const struct user *user, const char *real)
{
	_cleanup_buf_ struct buf bytes = {0};
	struct stat st;
	int r = path_read(look->c->host->root, real, FILE_MAX, &bytes, &st);
	if (r < 0)
		return r;
	look->keys = json_array();
	r = look->keys ? authorized_keys_visit(&bytes, add_key, look) : -ENOMEM;
	if (r < 0) {
		json_decref(look->keys);
		return r;
	}
	look->n_files++;
	struct sha256 sha256;
	sha256_bytes(buf_text(&bytes), bytes.len, &sha256);
	return evidence_row(&look->rows, json_pack("{so so sb ss so so}", "path", json_text(real), "user",
	                                           user ? json_text(user->name) : json_null(), "signs-for-all", !user,
	                                           "sha256", sha256.hex, "stat", evidence_stat(&st), "keys", look->keys));
}

static int look_at(struct look *look, const struct user *user, const char *path)
{
	_cleanup_buf_ struct buf real = {0};
	int r = path_real(look->c->host->root, path, &real);
	if (r == 0) {
		r = strset_add(&look->seen, real.data);
		if (r == 0)
			return 0; /* shared with another account */
		if (r > 0)
			r = read_file(look, user, real.data);
	}
	if (r == 0 || r == -ENOENT || r == -ENOTDIR || r == -ENOMEM)
		return r == -ENOMEM ? r : 0;
	look->rows.partial = true;
	return host_unreadable(look->c->host, path, r);
}

static int look_at_user(struct look *look, const struct user *user)
{
	_cleanup_strv_ struct strv paths = {0};
	int r = look->asked ? key_files_of(&look->asker, user, &paths) : key_files_usual(user, &paths);
	for (size_t i = 0; r == 0 && i < paths.n; i++)
		r = look_at(look, user, paths.v[i]);
	return r;
}

static int tell_command(struct look *look, const char *command)
{
	_cleanup_buf_ struct buf shown = {0};
	int r = escape_str(&shown, command);
	if (r == 0)
		r = plan_note(look->c->plan, "sshd gets keys from a command, too, which is not run: %s", shown.data);
	return r < 0 ? r : evidence_row(&look->rows, json_pack("{so}", "command", json_text(command)));
}

static int look_at_case(struct look *look, const struct buf *dump, struct strset *commands)
{
	_cleanup_buf_ struct buf command = {0}, authorities = {0};
	int r = 0;
	if (sshd_dump_value(dump, "authorizedkeyscommand", &command) == 0 && strcasecmp(buf_text(&command), "none") != 0)
		r = strset_add(commands, buf_text(&command));
	if (r > 0)
		r = tell_command(look, buf_text(&command));
	if (r == 0 && sshd_dump_value(dump, "trustedusercakeys", &authorities) == 0 && buf_text(&authorities)[0] == '/')
		r = look_at(look, NULL, authorities.data);
	return r;
}

/* What lets in without standing in a file of an account. */
static int look_elsewhere(struct look *look)
{
	static const char *const keywords[] = {"authorizedkeyscommand", "trustedusercakeys", NULL};
	_cleanup_(sshd_cases_free) struct sshd_cases cases = {0};
	_cleanup_(strset_free) struct strset commands = {0};
	int r = look->asked ? sshd_cases_of(&look->asker, NULL, keywords, &cases) : 0;
	for (size_t i = 0; i < cases.n && r == 0; i++) {
		const struct buf *dump;
		r = sshd_asker_dump(&look->asker, &cases.v[i], &dump, NULL);
		if (r == 0)
			r = look_at_case(look, dump, &commands);
	}
	return r;
}

static int open_asker(struct look *look)
{
	_cleanup_buf_ struct buf why = {0};
	int r = sshd_asker_open(&look->asker, look->c->host, look->c->plan, NULL, 0, &why);
	look->asked = r == 0;
	if (r == -EINVAL)
		r = host_blind(look->c->host, "sshd's configuration cannot be read (%s): only the usual authorized_keys files "
		               "were looked at", buf_text(&why));
	r = r == -ENOENT ? 0 : r;
	return r == 0 && !look->asker.users.n ? accounts_load(look->c->host, &look->asker.users) : r;
}

int evidence_keys(struct collection *c)
{
	_cleanup_(look_end) struct look look = {.c = c, .rows = {.array = json_array()}};
	int r = look.rows.array ? open_asker(&look) : -ENOMEM;
	for (size_t i = 0; r == 0 && i < look.asker.users.n; i++)
		r = look_at_user(&look, &look.asker.users.v[i]);
	if (r == 0)
		r = look_elsewhere(&look);
	if (r < 0) {
		json_decref(look.rows.array);
		return r;
	}
	return evidence_document(c, "keys.json", look.rows.array, look.rows.partial, "%zu keys in %zu files", look.n_keys,
	                         look.n_files);
}
