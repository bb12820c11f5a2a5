/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/condition.h"
#include "fake-actions.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const char text[] = "[playbook]\n"
			   "name = x\n"
			   "[input c2]\n"
			   "type = address-list\n"
			   "default = 192.0.2.1, 2001:db8::1\n"
			   "[input none]\n"
			   "type = text-list\n"
			   "[input sure]\n"
			   "type = yes-no\n"
			   "default = yes\n"
			   "[input unsure]\n"
			   "type = yes-no\n"
			   "default = no\n"
			   "[input mode]\n"
			   "type = choice\n"
			   "choices = soft, hard\n"
			   "default = soft\n"
			   "[input ttl]\n"
			   "type = duration\n"
			   "default = 10m\n"
			   "[input word]\n"
			   "type = text\n"
			   "default = a \"b\" \\c\n"
			   "[input orange]\n"
			   "type = number\n"
			   "default = 7\n"
			   "[input zero]\n"
			   "type = percent\n"
			   "default = 0\n"
			   "[step miner]\n"
			   "action = process.kill\n"
			   "name = xmrig\n"
			   "[step idle]\n"
			   "action = process.kill\n"
			   "name = x\n"
			   "[step here]\n"
			   "action = process.kill\n"
			   "name = x\n"
			   "[step later]\n"
			   "action = net.block\n"
			   "address = ${c2}\n";

#define HERE 2 /* the step that is asked for */

static struct playbook *playbook;
static struct facts *facts;

static int setup(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf why = {0};
	playbook = fake_playbook(text, &why);
	assert_string_equal(buf_text(&why), "");
	assert_int_equal(facts_new(&facts), 0);
	facts_set(facts, "miner", "count", "3");
	facts_add(facts, "miner", "exe", "/tmp/a");
	facts_add(facts, "miner", "exe", "/tmp/b");
	facts_add(facts, "miner", "peer", "192.0.2.1");
	facts_add(facts, "miner", "pid", "7");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	playbook_free(&playbook);
	facts_free(&facts);
	return 0;
}

static void conditions(void **state)
{
	(void)state;
	static const struct {
		const char *when;
		bool holds;
	} cases[] = {
		/* A name alone. */
		{"c2", true},
		{"none", false},
		{"sure", true},
		{"unsure", false},
		{"orange", true},
		{"zero", false},
		{"mode", true},
		{"miner.count", true},
		{"miner.exe", true},
		{"miner.pid", true},
		{"miner.user", false},
		{"idle.count", false},
		{"idle.exe", false},
		/* Numbers. */
		{"miner.count > 2", true},
		{"miner.count > 3", false},
		{"miner.count>=3", true},
		{"miner.count < 3", false},
		{"miner.count <= 3", true},
		{"miner.count == 3", true},
		{"miner.count != 3", false},
		{"2 < miner.count", true},
		{"idle.count == 0", true},
		{"idle.count < 1", true},
		{"orange > miner.count", true},
		{"orange == zero", false},
		{"zero <= orange", true},
		/* == holds for any item, != when none is equal. */
		{"miner.exe == \"/tmp/b\"", true},
		{"miner.exe == \"//tmp/b/\"", true},
		{"miner.exe != \"/tmp/b\"", false},
		{"miner.exe != \"/tmp/c\"", true},
		{"miner.user == \"root\"", false},
		{"miner.user != \"root\"", true},
		{"c2 == \"::ffff:192.0.2.1\"", true},
		{"\"2001:DB8::1\" == c2", true},
		{"c2 == miner.peer", true},
		{"c2 != miner.peer", false},
		{"idle.pid == 1", false},
		{"idle.pid != 1", true},
		{"mode == \"soft\"", true},
		{"mode == \"hard\"", false},
		{"sure == \"yes\"", true},
		{"word == \"a \\\"b\\\" \\\\c\"", true},
		{"ttl == \"600s\"", true},
		{"ttl < \"1h\"", true},
		{"ttl > \"1h\"", false},
		/* not binds closer than and, and closer than or. */
		{"not unsure", true},
		{"not not sure", true},
		{"not sure or sure", true},
		{"not (sure or sure)", false},
		{"sure or sure and unsure", true},
		{"(sure or sure) and unsure", false},
		{"unsure and sure or sure", true},
		{"unsure and (sure or sure)", false},
		{"sure and not unsure and miner.count > 0", true},
		{"\tsure\tand(sure)", true},
		{"not miner.count == 3", false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct condition *c = NULL;
		_cleanup_buf_ struct buf why = {0};
		int r = condition_parse(cases[i].when, playbook, HERE, &c, &why);
		assert_string_equal(buf_text(&why), "");
		assert_int_equal(r, 0);
		bool holds = !cases[i].holds;
		assert_int_equal(condition_holds(c, playbook, facts, &holds), 0);
		if (holds != cases[i].holds)
			fail_msg("%s", cases[i].when);
		condition_free(&c);
	}
}

static void refusals(void **state)
{
	(void)state;
	static const struct {
		const char *when, *why;
	} cases[] = {
		{"", "it ends where an input, STEP.FACT, a number or a \"text\" is expected"},
		{"sure and", "it ends where an input, STEP.FACT, a number or a \"text\" is expected"},
		{"sure sure", "'sure' stands where 'and', 'or' or the end is expected"},
		{"(sure", "it ends where 'and', 'or' or ')' is expected"},
		{"sure)", "')' stands where 'and', 'or' or the end is expected"},
		{"()", "')' stands where an input, STEP.FACT, a number or a \"text\" is expected"},
		{"or sure", "'or' stands where an input, STEP.FACT, a number or a \"text\" is expected"},
		{"3", "it ends where a comparison is expected"},
		{"\"a\" and sure", "'and' stands where a comparison is expected"},
		{"orange == == 3", "'==' stands where an input, STEP.FACT, a number or a \"text\" is expected"},
		{"orange < 3 < 4", "'<' stands where 'and', 'or' or the end is expected"},
		/* Other languages. */
		{"${miner.count} > 0",
		 "'${miner.count}' stands where an input, STEP.FACT, a number or a \"text\" is expected: write the name without ${ "
		 "and }"},
		{"orange = 3", "'=' stands where 'and', 'or' or the end is expected: write == to compare"},
		{"sure && sure", "'&&' stands where 'and', 'or' or the end is expected: write 'and'"},
		{"sure || sure", "'||' stands where 'and', 'or' or the end is expected: write 'or'"},
		{"!sure",
		 "'!sure' stands where an input, STEP.FACT, a number or a \"text\" is expected: write 'not', or != to compare"},
		{"mode == 'soft'",
		 "''soft'' stands where an input, STEP.FACT, a number or a \"text\" is expected: write texts in double quotes"},
		{"mode == \"soft",
		 "'\"soft' stands where an input, STEP.FACT, a number or a \"text\" is expected: the quote is not closed"},
		{"word == \"a\\n\"", "a backslash in quotes must stand before a '\"' or another backslash"},
		{"miner.exe.x", "'miner.exe.x' stands where an input or STEP.FACT is expected"},
		{"3x > 2", "'3x' stands where an input or STEP.FACT is expected"},
		{"system(1)", "there is no input 'system'"},
		{"sure + sure", "'+' stands where 'and', 'or' or the end is expected"},
		{"\033", "'\\x1b' stands where an input, STEP.FACT, a number or a \"text\" is expected"},
		/* Names. */
		{"unsur", "there is no input 'unsur' (did you mean 'unsure'?)"},
		{"mine.exe", "there is no step 'mine' (did you mean 'miner'?)"},
		{"here.exe", "'here.exe' is a fact of this very step: only facts of earlier steps can be used"},
		{"later.count",
		 "'later.count' is used before step 'later', which comes in line 39: only facts of earlier steps can be used"},
		{"miner.cont",
		 "step 'miner' (process.kill) yields no fact 'cont' (did you mean 'count'?): it has pid, exe, user, peer, count"},
		/* Types. */
		{"1 == 1", "it compares two constants: one side must be an input or STEP.FACT"},
		{"miner.count == \"3\"", "'miner.count' is a number: compare it with a number"},
		{"mode == 3", "'mode' is not a number: compare it with a \"text\""},
		{"mode == \"sof\"", "'sof' is not one of soft, hard (did you mean 'soft'?)"},
		{"c2 == \"localhost\"",
		 "'localhost' is not an IP address: names are never looked up, write the address itself"},
		{"miner.pid == 0", "'0' is not a process id: a whole number from 1 to 2147483647, without leading zeros"},
		{"miner.pid > 1", "'miner.pid' is a list and has no order: compare its count, or use == and !="},
		{"1 < miner.pid", "'miner.pid' is a list and has no order: compare its count, or use == and !="},
		{"mode < \"soft\"", "'mode' has no order: use == and !="},
		{"c2 == miner.exe", "'c2' is compared with a name of another type"},
		{"miner.count == word", "'miner.count' is compared with a name of another type"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct condition *c = NULL;
		_cleanup_buf_ struct buf why = {0};
		assert_int_equal(condition_parse(cases[i].when, playbook, HERE, &c, &why), -EINVAL);
		assert_null(c);
		assert_string_equal(buf_text(&why), cases[i].why);
	}
}

static void nesting_has_a_limit(void **state)
{
	(void)state;
	static const char *const parts[] = {"(", "not "};
	for (size_t i = 0; i < 2; i++) {
		_cleanup_buf_ struct buf deep = {0}, why = {0};
		struct condition *c = NULL;
		for (unsigned k = 0; k < 100000; k++)
			buf_puts(&deep, parts[i]);
		assert_int_equal(condition_parse(deep.data, playbook, HERE, &c, &why), -EINVAL);
		assert_string_equal(buf_text(&why), "it is nested more than 50 deep");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conditions),
		cmocka_unit_test(refusals),
		cmocka_unit_test(nesting_has_a_limit),
	};
	return cmocka_run_group_tests_name("condition", tests, setup, teardown);
}
