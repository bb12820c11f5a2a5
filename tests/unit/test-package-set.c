/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is not on this host is asked for, with the package manager that there is: nothing is altered.
 */
#include "change/package-manager.h"
#include "change/package-set.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define REST "\"names\": [\"no-such-package\"], \"packages\": [[\"no-such-package\", \"1.0-1\", false]]}"

static struct change change_of(const char *data)
{
	struct change c = {.kind = &package_set_kind, .data = json_loads(data, 0, NULL)};
	assert_non_null(c.data);
	return c;
}

static int probe(struct host *host, const char *data, enum change_state *ret)
{
	struct change c = change_of(data);
	int r = package_set_kind.probe(host, &c, ret);
	json_decref(c.data);
	return r;
}

/* Journals of before the manager was recorded. */
static void the_manager_is_the_one_on_record(void **state)
{
	(void)state;
	struct host host;
	const struct package_backend *here = NULL;
	enum change_state s = CHANGE_DRIFTED;
	_cleanup_buf_ struct buf why = {0}, named = {0};
	assert_int_equal(host_open("/", &host), 0);
	if (packages_manager(&host, NULL, &here, &why) == -EOPNOTSUPP) {
		host_close(&host);
		skip();
	}
	assert_int_equal(probe(&host, "{" REST, &s), 0);
	assert_int_equal(s, CHANGE_BEFORE);
	s = CHANGE_DRIFTED;
	assert_int_equal(buf_printf(&named, "{\"manager\": \"%s\", " REST, packages_name(here)), 0);
	assert_int_equal(probe(&host, buf_text(&named), &s), 0);
	assert_int_equal(s, CHANGE_BEFORE);
	assert_int_equal(probe(&host, "{\"manager\": \"pacman\", " REST, &s), -EOPNOTSUPP);
	assert_int_equal(probe(&host, "{\"manager\": 1, " REST, &s), -EBADMSG);
	host_close(&host);
}

static void an_undo_says_which_manager_is_missing(void **state)
{
	(void)state;
	struct host host;
	struct effect effect = {0};
	struct change c = change_of("{\"manager\": \"pac\\u001bman\", " REST);
	assert_int_equal(host_open("/", &host), 0);
	assert_int_equal(package_set_kind.settle(&host, &c, &effect), -EOPNOTSUPP);
	assert_int_equal(package_set_kind.revert(&host, &c, &effect), -EOPNOTSUPP);
	assert_string_equal(buf_text(&effect.note), "it was done by pac\\x1bman, which is not known here");
	buf_free(&effect.note);
	json_decref(c.data);
	host_close(&host);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_manager_is_the_one_on_record),
		cmocka_unit_test(an_undo_says_which_manager_is_missing),
	};
	return cmocka_run_group_tests_name("package-set", tests, NULL, NULL);
}
