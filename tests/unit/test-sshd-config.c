/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sshd_config: lines and Match blocks as sshd itself reads them. Each reading is held
 * against a real `sshd -T -C`.
 */
#include "ssh-stage.h"

#include "sshd-asker.h"
#include "sshd-config-edit.h"
#include "sshd-effective.h"

#include <errno.h>
#include <string.h>

static void parse(const char *text, struct sshd_lines *ret)
{
	_cleanup_buf_ struct buf b = {0};
	buf_puts(&b, text);
	assert_int_equal(sshd_lines_parse(&b, ret), 0);
}

static void lines_are_split_as_sshd_splits_them(void **state)
{
	(void)state;
	static const struct {
		const char *text, *args; /* joined by | */
	} good[] = {
		{"PermitRootLogin no", "no"},
		{" \t\rpermitROOTlogin\t no \t\r", "no"},
		{"PermitRootLogin=no", "no"},
		{"PermitRootLogin = no", "no"},
		{"=PermitRootLogin no", "no"},
		{"\"PermitRootLogin\" \"no\"", "no"},
		{"Permit\"RootLogin\" 'no'", "no"},
		{"PermitRootLogin no # yes", "no"},
		{"PermitRootLogin no\f", "no"},
		{"PermitRootLogin no#yes", "no#yes"},
		{"PermitRootLogin \"a b\" c\\ d 'e\"f' \\\\", "a b|c d|e\"f|\\"},
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		_cleanup_(sshd_lines_free) struct sshd_lines lines = {0};
		_cleanup_buf_ struct buf args = {0};
		parse(good[i].text, &lines);
		assert_int_equal(lines.n, 1);
		assert_string_equal(lines.v[0].keyword, "permitrootlogin");
		assert_false(lines.v[0].broken);
		for (size_t k = 0; k < lines.v[0].args.n; k++)
			buf_printf(&args, "%s%s", k ? "|" : "", lines.v[0].args.v[k]);
		assert_string_equal(buf_text(&args), good[i].args);
	}
	static const char *const nothing[] = {"", "  ", "# PermitRootLogin no", "\t#x", "\r\n"};
	for (size_t i = 0; i < sizeof(nothing) / sizeof(*nothing); i++) {
		_cleanup_(sshd_lines_free) struct sshd_lines lines = {0};
		parse(nothing[i], &lines);
		assert_int_equal(lines.n, 0);
	}
	_cleanup_(sshd_lines_free) struct sshd_lines lines = {0};
	parse("ChallengeResponseAuthentication no\nBanner \"open\nMatch User=a Address=10.0.0.0/8 # x\n", &lines);
	assert_string_equal(lines.v[0].keyword, "kbdinteractiveauthentication");
	assert_true(lines.v[1].broken);
	assert_string_equal(lines.v[2].keyword, "match");
	assert_int_equal(lines.v[2].number, 3);
	assert_int_equal(lines.v[2].args.n, 4);
	assert_string_equal(lines.v[2].args.v[3], "10.0.0.0/8");
}

static void a_nul_byte_is_refused(void **state)
{
	(void)state;
	struct buf b = {0};
	struct sshd_lines lines;
	buf_add(&b, "PermitRootLogin no\0#\n", 21);
	assert_int_equal(sshd_lines_parse(&b, &lines), -EINVAL);
	buf_free(&b);
}

static void options_are_checked(void **state)
{
	(void)state;
	static const struct {
		const char *text, *why;
	} bad[] = {
		{"Port ssh", "is not one port"}, {"Port 0", "is not one port"}, {"Port 22 23", "is not one port"},
		{"ListenAddress ::", "gathers"},       {"AllowUsers a", "gathers"},       {"Subsystem sftp x", "gathers"},
		{"Match all", "is no setting"},      {"Include /x", "is no setting"},         {"acceptenv X", "gathers"},
		{"PermitRootLogin", "not a keyword"}, {"# no", "not a keyword"},        {"", "not a keyword"},
		{"Banner \"x", "not a keyword"},   {"PermitRootLogin no\nPort 1", "more than one line"},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		_cleanup_buf_ struct buf why = {0};
		struct sshd_option option;
		assert_int_equal(sshd_option_parse(bad[i].text, &option, &why), -EINVAL);
		if (!strstr(buf_text(&why), bad[i].why))
			fail_msg("%s: %s", bad[i].text, buf_text(&why));
	}
	static const struct {
		const char *option, *args;
		bool same;
	} pairs[] = {
		{"PermitRootLogin no", "NO", true},
		{"PermitRootLogin prohibit-password", "without-password", true},
		{"PermitRootLogin no", "yes", false},
		{"Banner /etc/A", "/etc/a", false},
		{"Ciphers aes128-ctr", "AES128-CTR", false},
	};
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		_cleanup_buf_ struct buf why = {0};
		_cleanup_(sshd_option_free) struct sshd_option option = {0};
		_cleanup_strv_ struct strv args = {0};
		strv_add(&args, pairs[i].args);
		assert_int_equal(sshd_option_parse(pairs[i].option, &option, &why), 0);
		assert_int_equal(sshd_option_is(&option, &args), pairs[i].same);
	}
}

static void edits_touch_their_lines_only(void **state)
{
	(void)state;
	static const struct {
		const char *before;
		struct sshd_edit edits[3];
		size_t n;
		const char *after;
	} cases[] = {
		{"", {{0, "A b"}}, 1, "A b\n"},
		{"x", {{0, "A b"}}, 1, "A b\nx"},
		{"x\r\ny", {{0, "A b"}, {0, "C d"}, {2, "E f"}}, 3, "A b\r\nC d\r\nx\r\nE f"},
		{"x\n \t P yes # c\r\n\n\xff\n", {{2, "P no"}}, 1, "x\n \t P no\r\n\n\xff\n"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_buf_ struct buf in = {0}, out = {0};
		buf_puts(&in, cases[i].before);
		assert_int_equal(sshd_lines_edit(&in, cases[i].edits, cases[i].n, &out), 0);
		assert_string_equal(buf_text(&out), cases[i].after);
	}
}

static void lists_match_as_sshd_matches_them(void **state)
{
	(void)state;
	assert_int_equal(sshd_pattern_list("a*,!ab", "ac", false), 1);
	assert_int_equal(sshd_pattern_list("a*,!ab", "ab", false), -1);
	assert_int_equal(sshd_pattern_list("A", "a", false), 0);
	assert_int_equal(sshd_pattern_list("A.B", "a.b", true), 1);
	assert_int_equal(sshd_pattern_list("*?x*", "aax", false), 1);
	assert_int_equal(sshd_pattern_list("!a", "b", false), 0);
	assert_int_equal(sshd_address_list("10.0.0.0/8,!10.1.0.0/16", "10.1.2.3"), -1);
	assert_int_equal(sshd_address_list("192.168.*.*", "192.168.3.4"), 1);
	assert_int_equal(sshd_address_list("2001:db8::/32", "2001:db8::5"), 1);
	assert_int_equal(sshd_address_list("10.0.0.0/8", "2001:db8::5"), 0);
}

/* Every Match line gets a connection for which sshd says what the block says. */
static void each_match_line_is_met(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	static const char *const lines[] = {
		"Match all",
		"Match User root",
		"Match user bob,!alice",
		"Match User=x*y",
		"Match User \"bob\"",
		"Match User *,!root,!daemon",
		"Match Group wheel",
		"Match Group *,!root",
		"Match Group alice User alice",
		"Match Host *.example.org,!a.example.org",
		"Match Host B",
		"Match Address 10.0.0.0/8",
		"Match Address 10.0.0.0/30,!10.0.0.1",
		"Match Address 192.168.*.?",
		"Match Address 2001:db8::/32",
		"Match Address 2001:db8:*",
		"Match Address *,!192.0.2.0/24,10.9.8.7",
		"Match LocalPort 2222",
		"Match LocalAddress 127.0.0.0/8 LocalPort 22",
		"Match RDomain blue",
		"Match Address 10.0.0.0/8 User bob Host h?st LocalPort 8022 # all",
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		_cleanup_(sshd_asker_close) struct sshd_asker asker = {0};
		_cleanup_(sshd_cases_free) struct sshd_cases cases = {0};
		_cleanup_buf_ struct buf why = {0}, text = {0};
		const struct buf *dump;
		buf_printf(&text, "%s\n\tBanner /met\n", lines[i]);
		put(SSHD_CONFIG, 0644, 0, text.data);
		assert_int_equal(sshd_asker_open(&asker, &s->host, NULL, NULL, 0, &why), 0);
		assert_int_equal(sshd_cases_all(&asker, &cases), 0);
		const struct sshd_case *c = &cases.v[cases.n - 1];
		if (cases.n != 2 && i != 0)
			fail_msg("nobody meets '%s'", lines[i]);
		assert_int_equal(sshd_asker_dump(&asker, c, &dump, NULL), 0);
		if (!sshd_dump_is(dump, "banner", "/met"))
			fail_msg("'%s' is not met by user=%s,host=%s,addr=%s", lines[i], c->user, c->host, c->addr);
	}
	assert_int_equal(s->host.blind.n, 0);
}

static void impossible_matches_have_no_case(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	put(SSHD_CONFIG, 0644, 0,
		"Match Group nosuchgroup\nMatch User !root\nMatch Address !10.0.0.0/8\nMatch User a User b\n");
	_cleanup_(sshd_asker_close) struct sshd_asker asker = {0};
	_cleanup_(sshd_cases_free) struct sshd_cases cases = {0};
	_cleanup_buf_ struct buf why = {0};
	assert_int_equal(sshd_asker_open(&asker, &s->host, NULL, NULL, 0, &why), 0);
	assert_int_equal(sshd_cases_all(&asker, &cases), 0);
	assert_int_equal(cases.n, 1);
}

/* A configuration of every kind, and for each connection the same answer from sshd, from
 * sshd about our memory files, and from the text alone. */
static const char *const trees[][2] = {
	{"PermitRootLogin no\nPermitRootLogin yes\n", ""},
	{"Include /etc/ssh/d/*.conf\nPermitRootLogin no\n", "PermitRootLogin yes\n"},
	{"PermitRootLogin no\nInclude /etc/ssh/d/*.conf\n", "PermitRootLogin yes\n"},
	{"Include d/*.conf\nPermitRootLogin no\n", "PermitRootLogin yes\n"},
	{"Match User bob\nInclude d/a.conf\nMatch all\nPermitRootLogin no\n", "PermitRootLogin yes\n"},
	{"Include d/a.conf\nPermitRootLogin no\n", "Match User bob\nPermitRootLogin yes\n"},
	{"Include d/a.conf\nBanner /global\nPermitRootLogin no\n", "Match Address 10.0.0.0/8\nPermitRootLogin yes\n"},
	{"Match User bob\nInclude d/a.conf\nBanner /bob\n", "Match Address 10.0.0.0/8\nPermitRootLogin yes\n"},
	{"PermitRootLogin no\nMatch User bob\n PermitRootLogin yes\nMatch Address 10.0.0.0/8\n PermitRootLogin "
	 "forced-commands-only\n",
	 ""},
	{"Match User alice\r\n PermitRootLogin = \"yes\" # x\r\nMatch Group wheel\r\n Banner /w\r\n", ""},
	{"Include d/a.conf d/*.conf \"d/a.conf\" /nowhere/*\nPermitRootLogin no\n",
	 "Match User bob\nPermitRootLogin yes\n"},
	{"Match all\nPermitRootLogin no\n", ""},
	{"Include d/.*.conf d/a.txt\nPermitRootLogin no\n", "PermitRootLogin yes\n"},
};

static void value_by_sshd_itself(const struct sshd_case *c, const char *keyword, struct buf *ret)
{
	_cleanup_buf_ struct buf out = {0};
	char spec[256];
	snprintf(spec, sizeof(spec), "user=%s,host=%s,addr=%s,laddr=%s,lport=%s", c->user, c->host, c->addr, c->laddr,
		 c->lport);
	run(&out, SSHD_PROGRAM, "-T", "-C", spec, NULL);
	assert_int_equal(sshd_dump_value(&out, keyword, ret), 0);
}

static void compare(struct sshd_asker *asker, const struct sshd_case *c, const char *keyword)
{
	_cleanup_buf_ struct buf want = {0}, got = {0}, guess = {0}, guessed = {0};
	const struct buf *dump;
	bool is_guess = true;
	value_by_sshd_itself(c, keyword, &want);
	assert_int_equal(sshd_asker_dump(asker, c, &dump, &is_guess), 0);
	assert_false(is_guess);
	assert_int_equal(sshd_dump_value(dump, keyword, &got), 0);
	assert_string_equal(got.data, want.data);
	assert_int_equal(sshd_config_guess(&asker->config, c, &asker->people, &guess), 0);
	if (sshd_dump_value(&guess, keyword, &guessed) == -ENOENT)
		buf_puts(&guessed, "none");
	const char *text = strcmp(guessed.data, "prohibit-password") == 0 ? "without-password" : guessed.data;
	assert_string_equal(text, want.data);
}

static void three_readings_agree(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	static const char *const users[] = {"root", "alice", "bob"}, *const addresses[] = {"10.0.0.7", "192.0.2.9"};
	put("/etc/ssh/d/.hidden.conf", 0644, 0, "PermitRootLogin forced-commands-only\n");
	put("/etc/ssh/d/0.conf", 0644, 0, "Banner /0\n"); /* the directory lists the newest first */
	put("/etc/ssh/d/b.conf", 0644, 0, "Banner /b\n");
	put("/etc/ssh/d/a.conf~", 0644, 0, "Garbage\n");
	for (size_t i = 0; i < sizeof(trees) / sizeof(*trees); i++) {
		put("/etc/ssh/d/a.conf", 0644, 0, trees[i][1]);
		put(SSHD_CONFIG, 0644, 0, trees[i][0]);
		_cleanup_(sshd_asker_close) struct sshd_asker asker = {0};
		_cleanup_buf_ struct buf why = {0};
		assert_int_equal(sshd_asker_open(&asker, &s->host, NULL, NULL, 0, &why), 0);
		for (size_t u = 0; u < 3; u++)
			for (size_t a = 0; a < 2; a++) {
				struct sshd_case c = {.label = (char *)"x",
						      .user = (char *)users[u],
						      .host = (char *)"h",
						      .addr = (char *)addresses[a],
						      .laddr = (char *)"192.0.2.2",
						      .lport = (char *)"22"};
				compare(&asker, &c, "permitrootlogin");
				compare(&asker, &c, "banner");
			}
	}
}

static void sshds_words_name_the_real_file(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	put("/etc/ssh/d/a b.conf", 0644, 0, "\n\nFrob yes\n");
	put(SSHD_CONFIG, 0644, 0, "Include d/*.conf\n");
	_cleanup_(sshd_asker_close) struct sshd_asker asker = {0};
	_cleanup_buf_ struct buf why = {0};
	assert_int_equal(sshd_asker_open(&asker, &s->host, NULL, NULL, 0, &why), 0);
	assert_int_equal(sshd_test(&asker.view, &why), -EINVAL);
	assert_string_equal(why.data, "/etc/ssh/d/a b.conf: line 3: Bad configuration option: Frob");
}

static void files_in_a_circle_are_refused(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	put("/etc/ssh/d/a.conf", 0644, 0, "Include /etc/ssh/sshd_config\n");
	put(SSHD_CONFIG, 0644, 0, "Include d/*.conf\n");
	struct sshd_config config;
	_cleanup_buf_ struct buf why = {0};
	assert_int_equal(sshd_config_load(&s->host, NULL, NULL, 0, &config, &why), -EINVAL);
	assert_non_null(strstr(why.data, "include each other"));
}

#define STAGED(f) cmocka_unit_test_setup_teardown(f, ssh_stage_setup, ssh_stage_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_split_as_sshd_splits_them),
		cmocka_unit_test(a_nul_byte_is_refused),
		cmocka_unit_test(options_are_checked),
		cmocka_unit_test(edits_touch_their_lines_only),
		cmocka_unit_test(lists_match_as_sshd_matches_them),
		STAGED(each_match_line_is_met),
		STAGED(impossible_matches_have_no_case),
		STAGED(three_readings_agree),
		STAGED(sshds_words_name_the_real_file),
		STAGED(files_in_a_circle_are_refused),
	};
	return cmocka_run_group_tests_name("sshd-config", tests, ssh_stage_enter, NULL);
}
