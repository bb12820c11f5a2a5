/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/fd.h"
#include "core/config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define FILE_NAME "/respond.conf"

struct tree {
	char dir[64];
	int root;
};

static int tree_make(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));
	snprintf(t->dir, sizeof(t->dir), "/tmp/test-config-XXXXXX");
	if (!mkdtemp(t->dir))
		return -1;
	t->root = open(t->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	*state = t;
	return t->root < 0 ? -1 : 0;
}

static int tree_remove(void **state)
{
	struct tree *t = *state;
	unlinkat(t->root, FILE_NAME + 1, 0);
	close(t->root);
	rmdir(t->dir);
	free(t);
	return 0;
}

static void put(struct tree *t, const char *text, mode_t mode)
{
	_cleanup_close_ int fd = openat(t->root, FILE_NAME + 1, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(fd_write(fd, text, strlen(text)), 0);
	assert_int_equal(fchmod(fd, mode), 0);
}

static int load(struct tree *t, struct config *ret, struct buf *ret_diags)
{
	struct diags diags = {0};
	int r = config_load(t->root, FILE_NAME, ret, &diags);
	diags_print(&diags, ret_diags);
	diags_free(&diags);
	return r;
}

static void assert_built_in(const struct config *c)
{
	assert_int_equal(c->max_processes, 50);
	assert_int_equal(c->max_files, 100);
	assert_int_equal(c->max_addresses, 100000);
	assert_int_equal(c->min_prefix4, 24);
	assert_int_equal(c->min_prefix6, 48);
	assert_int_equal(c->max_rounds, 5);
	assert_int_equal(c->lock_wait_ms, 30000);
	assert_false(c->audit_required);
	assert_int_equal(c->vault_quota, 0);
	assert_int_equal(c->listen_connections, 32);
	assert_int_equal(c->listen_runs, 2);
	assert_int_equal(c->listen_queue, 1000);
	assert_int_equal(c->n_addresses + c->processes.n + c->paths.n + c->users.n + c->listen_users.n, 0);
}

static void without_a_file_the_built_in_values_hold(void **state)
{
	struct tree *t = *state;
	static const char *const same[] = {"", "# nothing\n", "[protect]\n[limits]\n[records]\n",
	                                   "[protect]\naddresses =\nusers =\n"};
	for (size_t i = 0; i <= sizeof(same) / sizeof(*same); i++) {
		struct config c = {0};
		_cleanup_buf_ struct buf why = {0};
		assert_int_equal(load(t, &c, &why), 0);
		assert_string_equal(buf_text(&why), "");
		assert_built_in(&c);
		config_free(&c);
		if (i < sizeof(same) / sizeof(*same))
			put(t, same[i], 0644);
	}
}

static void a_file_adds_to_them(void **state)
{
	struct tree *t = *state;
	struct config c = {0};
	_cleanup_buf_ struct buf why = {0};
	char text[NETADDR_TEXT_LEN];
	put(t,
	    "[protect]\n"
	    "addresses = 198.51.100.0/24,\n"
	    "  ::ffff:192.0.2.1, 2001:db8::/32\n"
	    "processes = postgres, /usr/sbin//mysqld\n"
	    "paths = /srv/data/, \"/srv/a, b\"\n"
	    "users = backup\n"
	    "units = mysql, tpl@.service\n"
	    "[limits]\n"
	    "processes = 7\n"
	    "files = 8\n"
	    "addresses = 9\n"
	    "prefix4 = 16\n"
	    "prefix6 = 32\n"
	    "rounds = 3\n"
	    "wait = 2m\n"
	    "[records]\n"
	    "audit = required\n"
	    "[vault]\n"
	    "quota = 10G\n"
	    "[listen]\n"
	    "users = suricata, crowdsec\n"
	    "connections = 4\n"
	    "runs = 5\n"
	    "queue = 6\n",
	    0644);
	assert_int_equal(load(t, &c, &why), 0);
	assert_string_equal(buf_text(&why), "");
	assert_int_equal(c.n_addresses, 3);
	static const char *const addresses[] = {"198.51.100.0/24", "192.0.2.1", "2001:db8::/32"};
	for (size_t i = 0; i < 3; i++) {
		netaddr_format(&c.addresses[i], text);
		assert_string_equal(text, addresses[i]);
	}
	assert_int_equal(c.processes.n, 2);
	assert_string_equal(c.processes.v[0], "postgres");
	assert_string_equal(c.processes.v[1], "/usr/sbin/mysqld");
	assert_int_equal(c.paths.n, 2);
	assert_string_equal(c.paths.v[0], "/srv/data");
	assert_string_equal(c.paths.v[1], "/srv/a, b");
	assert_int_equal(c.units.n, 2);
	assert_string_equal(c.units.v[0], "mysql.service");
	assert_string_equal(c.units.v[1], "tpl@.service");
	assert_int_equal(c.users.n, 1);
	assert_string_equal(c.users.v[0], "backup");
	assert_int_equal(c.max_processes, 7);
	assert_int_equal(c.max_files, 8);
	assert_int_equal(c.max_addresses, 9);
	assert_int_equal(c.min_prefix4, 16);
	assert_int_equal(c.min_prefix6, 32);
	assert_int_equal(c.max_rounds, 3);
	assert_int_equal(c.lock_wait_ms, 120000);
	assert_true(c.audit_required);
	assert_int_equal(c.vault_quota, 10737418240);
	assert_int_equal(c.listen_users.n, 2);
	assert_string_equal(c.listen_users.v[1], "crowdsec");
	assert_int_equal(c.listen_connections, 4);
	assert_int_equal(c.listen_runs, 5);
	assert_int_equal(c.listen_queue, 6);
	config_free(&c);
}

static void what_is_wrong_is_refused(void **state)
{
	struct tree *t = *state;
	static const struct {
		const char *text, *diags;
	} cases[] = {
		{"[protects]\nusers = a\n",
		 "/respond.conf:1: [protects] is no section of this file (did you mean 'protect'?): it has [protect], [limits], "
		 "[records], [vault] and [listen]\n"},
		{"[vault]\nquota = 10\n",
		 "/respond.conf:2: 'quota': '10' is not a size: a whole number with a unit, such as 512B, 64K, 500M, 10G or 2T\n"},
		{"[vault]\nquota = 1023K\n", "/respond.conf:2: 'quota': '1023K' is too small: at least 1M\n"},
		{"[listen]\nruns = 0\n", "/respond.conf:2: 'runs': 0 is out of range: 1 to 64\n"},
		{"[protect a]\nusers = a\n", "/respond.conf:1: [protect] takes no name\n"},
		{"[protect]\nuser = a\n",
		 "/respond.conf:2: 'user' is no key of [protect] (did you mean 'users'?): it has addresses, processes, paths, "
		 "units, users\n"},
		{"[records]\naudit = yes\n", "/respond.conf:2: 'audit': 'yes' is not one of optional, required\n"},
		{"[records]\naudit =\n", "/respond.conf:2: 'audit': '' is not one of optional, required\n"},
		{"[protect]\naddresses = db.example, 10.0.0.0/8, 010.1.1.1, file:/x\n",
		 "/respond.conf:2: 'addresses': 'db.example' is not an IP address: names are never looked up, write the address "
		 "itself\n"
		 "/respond.conf:2: 'addresses': '010.1.1.1' is not an IP address: a number with a leading zero is octal to some "
		 "programs\n"
		 "/respond.conf:2: 'addresses': a file cannot be given here: list the addresses themselves\n"},
		{"[protect]\nprocesses = a/b, /a/../b\n",
		 "/respond.conf:2: 'processes': 'a/b' is not a name: it holds a '/' or a tab\n"
		 "/respond.conf:2: 'processes': '/a/../b' holds '..': write the path without it\n"},
		{"[protect]\npaths = srv\n",
		 "/respond.conf:2: 'paths': 'srv' is not an absolute path: it must start with '/'\n"},
		{"[protect]\nusers = 0\n", "/respond.conf:2: 'users': '0' is a number: write the user's name\n"},
		{"[protect]\nusers = a,,b\n", "/respond.conf:2: 'users': a comma has nothing before or after it\n"},
		{"[limits]\nprocesses = 0\nrounds = 101\n",
		 "/respond.conf:2: 'processes': 0 is out of range: 1 to 1000000\n"
		 "/respond.conf:3: 'rounds': 101 is out of range: 1 to 100\n"},
		{"[limits]\nwait = 61m\n", "/respond.conf:2: 'wait': it is out of range: up to 1h\n"},
		{"[limits]\nprefix4 = 0\nprefix6 = 129\n",
		 "/respond.conf:2: 'prefix4': 0 is out of range: 1 to 32\n"
		 "/respond.conf:3: 'prefix6': 129 is out of range: 1 to 128\n"},
		{"[limits]\nfiles = many\n",
		 "/respond.conf:2: 'files': 'many' is not a number: a whole number from 0 to 1000000000000000, without leading "
		 "zeros\n"},
		{"users = a\n[records\naudit = optional\n",
		 "/respond.conf:1: 'users' stands before the first section\n"
		 "/respond.conf:2: the section has no ']': write [KIND] or [KIND NAME]\n"},
		{"[limits]\nfiles = 1\nfiles = 2\n", "/respond.conf:3: 'files' is given again: the first is in line 2\n"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct config c = {.max_files = 4711};
		_cleanup_buf_ struct buf why = {0};
		put(t, cases[i].text, 0644);
		assert_int_equal(load(t, &c, &why), -EINVAL);
		assert_string_equal(buf_text(&why), cases[i].diags);
		assert_int_equal(c.max_files, 4711);
	}
}

static void a_file_that_others_could_have_written_is_refused(void **state)
{
	struct tree *t = *state;
	struct config c = {0};
	_cleanup_buf_ struct buf why = {0};
	put(t, "[limits]\nfiles = 1\n", 0666);
	assert_int_equal(load(t, &c, &why), -EINVAL);
	assert_string_equal(buf_text(&why), "/respond.conf: is not trusted, because /respond.conf can be written by everybody "
	                                    "(mode 0666): it and all directories above it must be root's alone to write\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(without_a_file_the_built_in_values_hold, tree_make, tree_remove),
		cmocka_unit_test_setup_teardown(a_file_adds_to_them, tree_make, tree_remove),
		cmocka_unit_test_setup_teardown(what_is_wrong_is_refused, tree_make, tree_remove),
		cmocka_unit_test_setup_teardown(a_file_that_others_could_have_written_is_refused, tree_make, tree_remove),
	};
	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
