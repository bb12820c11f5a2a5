/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * /etc/passwd: an account that is one to the host's C library is one to us, with the
 * same ids, home and shell.
 */
#include "fuzz.h"

#include "base/users.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>

static bool is_an_account(const struct passwd *pw)
{
	return pw->pw_name[0] && !strchr("+-", pw->pw_name[0]) && pw->pw_uid != (uid_t)-1 && pw->pw_gid != (gid_t)-1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	FILE *f = fuzz_lines_file(in);
	_cleanup_buf_ struct buf bytes = fuzz_rest(&in);
	_cleanup_users_ struct users users = {0};
	const struct passwd *pw;
	size_t n = 0;
	MUST(users_parse(&bytes, &users) == 0);
	while ((pw = fgetpwent(f))) {
		if (!is_an_account(pw))
			continue;
		MUST(n < users.n);
		const struct user *u = &users.v[n++];
		MUST(strcmp(u->name, pw->pw_name) == 0 && u->uid == pw->pw_uid && u->gid == pw->pw_gid);
		MUST(strcmp(u->home, pw->pw_dir) == 0 && strcmp(u->shell, pw->pw_shell) == 0);
	}
	MUST(n == users.n);
	fclose(f);
	return 0;
}
