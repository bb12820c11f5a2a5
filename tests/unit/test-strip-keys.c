/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * ssh.strip-keys on a staged host.
 */
#include "ssh-stage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern const struct action ssh_strip_keys;

static struct {
	struct buf op, bad;
	char op_fp[64], bad_fp[64];
} keys;

static void make_keys(void)
{
	struct buf fp = {0};
	make_key("ed25519", "op", &keys.op);
	make_key("ed25519", "bad", &keys.bad);
	fingerprint_of("/run/keys/op.pub", &fp);
	snprintf(keys.op_fp, sizeof(keys.op_fp), "%s", fp.data);
	fingerprint_of("/run/keys/bad.pub", &fp);
	snprintf(keys.bad_fp, sizeof(keys.bad_fp), "%s", fp.data);
	buf_free(&fp);
}

/* The operator's key, then the attacker's behind OPTIONS. */
static void keys_file(const char *path, uid_t uid, const char *options)
{
	_cleanup_buf_ struct buf b = {0};
	buf_printf(&b, "%s op@desk\n%s%s\n", keys.op.data, options, keys.bad.data);
	put(path, 0600, uid, b.data);
}

static void assert_only_op_left(struct ssh_stage *s, const char *path)
{
	_cleanup_buf_ struct buf b = {0};
	buf_printf(&b, "%s op@desk\n", keys.op.data);
	assert_planned(s, path, b.data);
}

static bool has_fact(struct ssh_stage *s, const char *fact, const char *value)
{
	const struct strv *v = plan_facts(s->plan, fact);
	return v && strv_has(v, value);
}

static int setup(void **state)
{
	int r = ssh_stage_setup(state);
	if (r == 0 && geteuid() == 0)
		make_keys();
	return r;
}

static int teardown(void **state)
{
	buf_free(&keys.op);
	buf_free(&keys.bad);
	return ssh_stage_teardown(state);
}

static void strips_everywhere_by_default(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	put("/etc/ssh/sshd_config", 0644, 0, "UsePAM no\n");
	keys_file("/root/.ssh/authorized_keys", 0, "");
	keys_file("/home/alice/.ssh/authorized_keys2", 1001, "no-pty,command=\"x\" ");
	assert_int_equal(plan_step(s, &ssh_strip_keys, "key", keys.bad.data, NULL), 0);
	assert_only_op_left(s, "/root/.ssh/authorized_keys");
	assert_only_op_left(s, "/home/alice/.ssh/authorized_keys2");
	assert_int_equal(plan_count(s->plan), 2);
	assert_true(has_fact(s, "user", "alice") && has_fact(s, "user", "root") && !has_fact(s, "user", "bob"));
	assert_true(has_fact(s, "fingerprint", keys.bad_fp) && has_fact(s, "count", "2"));
	assert_true(has_fact(s, "path", "/root/.ssh/authorized_keys"));
	assert_no_residual(s);
	apply_planned(s);
	ssh_stage_again(s);
	assert_int_equal(plan_step(s, &ssh_strip_keys, "key", keys.bad.data, NULL), 0);
	assert_int_equal(plan_count(s->plan), 0);
	assert_true(has_fact(s, "count", "0"));
}

static void each_matcher_matches(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	put("/etc/ssh/sshd_config", 0644, 0, "UsePAM no\n");
	_cleanup_buf_ struct buf list = {0};
	buf_printf(&list, "# ours\n\n%s  of the operator\nno-pty %s\n", keys.op_fp, keys.op.data);
	put("/etc/respond-keep", 0644, 0, list.data);
	const char *bare = strchr(keys.bad.data, ' ') + 1;
	const char *const asked[][2] = {
		{"fingerprint", keys.bad_fp}, {"comment", "bad"},   {"keep", keys.op_fp},
		{"keep", keys.op.data},       {"key", bare},        {"keep", "file:/etc/respond-keep"},
	};
	for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
		keys_file("/root/.ssh/authorized_keys", 0, "");
		ssh_stage_again(s);
		assert_int_equal(plan_step(s, &ssh_strip_keys, asked[i][0], asked[i][1], NULL), 0);
		assert_only_op_left(s, "/root/.ssh/authorized_keys");
	}
	ssh_stage_again(s);
	assert_int_equal(plan_step(s, &ssh_strip_keys, "comment", "ba", NULL), 0);
	assert_int_equal(plan_count(s->plan), 0);
}

static void keep_that_keeps_nothing_is_refused(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	put("/etc/ssh/sshd_config", 0644, 0, "UsePAM no\n");
	keys_file("/root/.ssh/authorized_keys", 0, "");
	put("/etc/respond-keep", 0644, 0, "# nothing\n");
	assert_int_equal(plan_step(s, &ssh_strip_keys, "keep", "file:/etc/respond-keep", NULL), -EINVAL);
	assert_non_null(strstr(plan_failure(s->plan), "no key at all"));
	put("/etc/respond-keep", 0644, 0, "ssh-ed25519 AAAAbroken\n");
	assert_int_equal(plan_step(s, &ssh_strip_keys, "keep", "file:/etc/respond-keep", NULL), -EINVAL);
	assert_string_equal(plan_failure(s->plan), "/etc/respond-keep:1: neither a fingerprint nor a key");
	put("/etc/respond-keep", 0666, 0, keys.op_fp);
	assert_int_equal(plan_step(s, &ssh_strip_keys, "keep", "file:/etc/respond-keep", NULL), -EPERM);
	/* A list that came out empty is nothing to do. */
	assert_int_equal(plan_step(s, &ssh_strip_keys, "keep", NULL, NULL), 0);
	assert_int_equal(plan_step(s, &ssh_strip_keys, "key", NULL, NULL), 0);
	assert_int_equal(plan_step(s, &ssh_strip_keys, "key", keys.bad.data, "users", NULL, NULL), 0);
	assert_int_equal(plan_count(s->plan), 0);
}

static void only_the_users_named(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	put("/etc/ssh/sshd_config", 0644, 0, "UsePAM no\n");
	keys_file("/root/.ssh/authorized_keys", 0, "");
	keys_file("/home/bob/.ssh/authorized_keys", 1002, "");
	assert_int_equal(plan_step(s, &ssh_strip_keys, "key", keys.bad.data, "users", "bob", "users", "nobody9", NULL),
			 0);
	assert_not_planned(s, "/root/.ssh/authorized_keys");
	assert_only_op_left(s, "/home/bob/.ssh/authorized_keys");
	assert_note(s, "there is no account nobody9");
}

static void files_where_sshd_looks(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	put("/etc/ssh/sshd_config", 0644, 0,
		"AuthorizedKeysFile \"/srv/keys of/%u\" /srv/%U%%.keys %h/k .ssh/mine\n"
		"Match User bob Address 10.0.0.0/8\n AuthorizedKeysFile /srv/bob.10\n"
		"Match Group wheel\n AuthorizedKeysFile /srv/wheel none.txt\n");
	keys_file("/srv/keys of/bob", 0, "");
	keys_file("/srv/1002%.keys", 0, "");
	keys_file("/home/bob/k", 1002, "");
	keys_file("/home/bob/.ssh/mine", 1002, "");
	keys_file("/home/bob/.ssh/authorized_keys", 1002, "");
	keys_file("/srv/bob.10", 0, "");
	keys_file("/srv/wheel", 0, "");
	keys_file("/home/alice/none.txt", 1001, "");
	keys_file("/home/alice/k", 1001, "");
	assert_int_equal(plan_step(s, &ssh_strip_keys, "key", keys.bad.data, NULL), 0);
	static const char *const edited[] = {"/srv/keys of/bob",    "/srv/1002%.keys", "/home/bob/k",
					     "/home/bob/.ssh/mine", "/srv/bob.10",     "/srv/wheel",
					     "/home/alice/none.txt"};
	for (size_t i = 0; i < sizeof(edited) / sizeof(*edited); i++)
		assert_only_op_left(s, edited[i]);
	assert_not_planned(s, "/home/bob/.ssh/authorized_keys");
}

static void an_exempted_user_is_asked_about(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	put("/etc/ssh/sshd_config", 0644, 0, "Match User *,!alice\n AuthorizedKeysFile /srv/%u\n");
	keys_file("/home/alice/.ssh/authorized_keys", 1001, "");
	keys_file("/home/bob/.ssh/authorized_keys", 1002, "");
	keys_file("/srv/bob", 0, "");
	assert_int_equal(plan_step(s, &ssh_strip_keys, "key", keys.bad.data, NULL), 0);
	assert_only_op_left(s, "/home/alice/.ssh/authorized_keys");
	assert_only_op_left(s, "/srv/bob");
	assert_int_equal(plan_count(s->plan), 2);
}

static void a_shared_file_is_edited_once(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	put("/etc/ssh/sshd_config", 0644, 0, "AuthorizedKeysFile /srv/all .ssh/authorized_keys\n");
	keys_file("/srv/all", 0, "");
	assert_int_equal(plan_step(s, &ssh_strip_keys, "key", keys.bad.data, NULL), 0);
	assert_int_equal(plan_count(s->plan), 1);
	assert_true(has_fact(s, "count", "1"));
}

static void links_stay_within_the_users_trust(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	put("/etc/ssh/sshd_config", 0644, 0, "UsePAM no\n");
	keys_file("/home/alice/real/keys", 1001, "");
	assert_int_equal(symlink("/home/alice/real/keys", "/home/alice/ak"), 0);
	mkdir("/home/alice/.ssh", 0700);
	assert_int_equal(symlink("../ak", "/home/alice/.ssh/authorized_keys"), 0);
	keys_file("/root/.ssh/authorized_keys", 0, "");
	put("/home/bob/x", 0600, 1002, "");
	assert_int_equal(symlink("/root/.ssh", "/home/bob/.ssh"), 0);
	assert_int_equal(lchown("/home/bob/.ssh", 1002, 1002), 0);
	assert_int_equal(plan_step(s, &ssh_strip_keys, "key", keys.bad.data, "users", "alice", "users", "bob", NULL),
			 0);
	assert_only_op_left(s, "/home/alice/real/keys");
	assert_int_equal(plan_count(s->plan), 1);
	assert_residual_has(s, "/home/bob/.ssh/authorized_keys: a symbolic link leads to a file that is not bob's own");
}

/* A team's file that users link to is left in peace, unless the key is in it. */
static void a_foreign_file_matters_for_its_keys(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	put("/etc/ssh/sshd_config", 0644, 0, "UsePAM no\n");
	keys_file("/root/.ssh/authorized_keys", 0, "");
	put("/home/team", 0644, 0, keys.op.data);
	put("/home/bob/x", 0600, 1002, "");
	mkdir("/home/bob/.ssh", 0700);
	assert_int_equal(symlink("/home/team", "/home/bob/.ssh/authorized_keys"), 0);
	assert_int_equal(lchown("/home/bob/.ssh/authorized_keys", 1002, 1002), 0);
	assert_int_equal(plan_step(s, &ssh_strip_keys, "key", keys.bad.data, NULL), 0);
	assert_int_equal(plan_count(s->plan), 1);
	assert_no_residual(s);
	keys_file("/home/team", 0, "");
	assert_int_equal(plan_step(s, &ssh_strip_keys, "key", keys.bad.data, NULL), 0);
	assert_residual_has(s, "/home/bob/.ssh/authorized_keys: a symbolic link leads to a file that is not bob's own");
}

static void odd_files_do_no_harm(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	put("/etc/ssh/sshd_config", 0644, 0, "UsePAM no\n");
	put("/home/alice/.ssh/x", 0600, 1001, "");
	assert_int_equal(mkfifo("/home/alice/.ssh/authorized_keys", 0600), 0);
	mkdir("/root/.ssh", 0700);
	mkdir("/root/.ssh/authorized_keys", 0700);
	put("/home/bob", 0600, 1002, "not a directory");
	assert_int_equal(plan_step(s, &ssh_strip_keys, "key", keys.bad.data, NULL), 0);
	assert_int_equal(plan_count(s->plan), 0);
	assert_no_residual(s);
	assert_note(s, "/home/alice/.ssh/authorized_keys is not a regular file: sshd reads no keys from it");
	unlink("/home/bob");
}

static void other_sources_are_told(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	_cleanup_buf_ struct buf ca = {0};
	buf_printf(&ca, "%s\n", keys.bad.data);
	put("/etc/ssh/ca.pub", 0644, 0, ca.data);
	put("/etc/ssh/sshd_config", 0644, 0,
		"AuthorizedKeysCommand /usr/bin/keys %u\nAuthorizedKeysCommandUser nobody\nTrustedUserCAKeys "
		"/etc/ssh/ca.pub\n");
	assert_int_equal(plan_step(s, &ssh_strip_keys, "fingerprint", keys.bad_fp, NULL), 0);
	assert_int_equal(plan_count(s->plan), 1);
	assert_string_equal(plan_at(s->plan, 0)->target, "/etc/ssh/ca.pub");
	assert_no_residual(s);
	assert_note(s, "sshd gets keys from a command, too, which is not looked at: /usr/bin/keys %u; sshd.harden can set "
	               "AuthorizedKeysCommand none");
	/* An authority is everybody's: for alice alone nothing can be done. */
	ssh_stage_again(s);
	assert_int_equal(plan_step(s, &ssh_strip_keys, "fingerprint", keys.bad_fp, "users", "alice", NULL), 0);
	assert_int_equal(plan_count(s->plan), 0);
	assert_residual_has(s, "/etc/ssh/ca.pub (TrustedUserCAKeys) trusts one of these keys");
	/* What is to be kept are keys of accounts. */
	ssh_stage_again(s);
	assert_int_equal(plan_step(s, &ssh_strip_keys, "keep", keys.op.data, NULL), 0);
	assert_int_equal(plan_count(s->plan), 0);
	assert_no_residual(s);
}

static void what_sshd_passes_over_is_stripped_too(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	keys_file("/home/alice/.ssh/authorized_keys", 1001, "");
	assert_int_equal(chmod("/home/alice", 0777), 0);
	assert_int_equal(plan_step(s, &ssh_strip_keys, "key", keys.bad.data, NULL), 0);
	assert_only_op_left(s, "/home/alice/.ssh/authorized_keys");
	assert_note(s, "unless StrictModes is off, sshd reads no keys from /home/alice/.ssh/authorized_keys now: /home/alice "
	               "can be written by everybody");
	assert_int_equal(chmod("/home/alice", 0755), 0);
}

static void a_list_of_revoked_keys_that_is_missing_is_told(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	put("/etc/ssh/sshd_config", 0644, 0, "RevokedKeys /etc/ssh/revoked\n");
	assert_int_equal(plan_step(s, &ssh_strip_keys, "fingerprint", keys.bad_fp, NULL), 0);
	assert_residual_has(s, "sshd refuses every key, for it cannot read /etc/ssh/revoked (RevokedKeys)");
	put("/etc/ssh/revoked", 0644, 0, "");
	ssh_stage_again(s);
	assert_int_equal(plan_step(s, &ssh_strip_keys, "fingerprint", keys.bad_fp, NULL), 0);
	assert_no_residual(s);
}

static void a_broken_configuration_is_told(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	keys_file("/root/.ssh/authorized_keys", 0, "");
	put("/etc/ssh/sshd_config", 0644, 0, "Frobnicate yes\nAuthorizedKeysFile /srv/%u .ssh/authorized_keys\n");
	keys_file("/srv/alice", 0, "");
	assert_int_equal(plan_step(s, &ssh_strip_keys, "key", keys.bad.data, NULL), 0);
	assert_only_op_left(s, "/root/.ssh/authorized_keys");
	assert_only_op_left(s, "/srv/alice");
	assert_int_equal(s->host.blind.n, 1);
	assert_non_null(
	    strstr(s->host.blind.v[0], "/etc/ssh/sshd_config: line 1: Bad configuration option: Frobnicate"));
	unlink("/etc/ssh/sshd_config");
	ssh_stage_again(s);
	assert_int_equal(plan_step(s, &ssh_strip_keys, "key", keys.bad.data, NULL), 0);
	assert_only_op_left(s, "/root/.ssh/authorized_keys");
	assert_int_equal(plan_count(s->plan), 1);
}

#define STAGED(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGED(strips_everywhere_by_default),
		STAGED(each_matcher_matches),
		STAGED(keep_that_keeps_nothing_is_refused),
		STAGED(only_the_users_named),
		STAGED(files_where_sshd_looks),
		STAGED(an_exempted_user_is_asked_about),
		STAGED(a_shared_file_is_edited_once),
		STAGED(links_stay_within_the_users_trust),
		STAGED(a_foreign_file_matters_for_its_keys),
		STAGED(odd_files_do_no_harm),
		STAGED(other_sources_are_told),
		STAGED(what_sshd_passes_over_is_stripped_too),
		STAGED(a_list_of_revoked_keys_that_is_missing_is_told),
		STAGED(a_broken_configuration_is_told),
	};
	return cmocka_run_group_tests_name("strip-keys", tests, ssh_stage_enter, NULL);
}
