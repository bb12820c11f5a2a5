/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The formats in which entries stand: what goes, what stays byte by byte, what is told.
 */
#include "apt-conf-edit.h"
#include "line-edit.h"
#include "pam-edit.h"
#include "shell-edit.h"
#include "unit-file-edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* "evil" anywhere, the path /tmp/m, the host evil.example, the addresses 203.0.113.0/24 and
 * 2001:db8::67. */
static struct strv texts, paths, hosts, nets;
static const struct entry_search search = {.texts = &texts, .paths = &paths, .hosts = &hosts, .nets = &nets};

static int fill_search(void **state)
{
	(void)state;
	strv_add(&texts, "evil");
	strv_add(&paths, "/tmp/m");
	strv_add(&paths, "/lib/modules/6.1/extra/bad_mod.ko.xz");
	strv_add(&hosts, "bad.example");
	strv_add(&nets, "203.0.113.0/24");
	strv_add(&nets, "2001:db8::67");
	return 0;
}

static int free_search(void **state)
{
	(void)state;
	strv_free(&texts);
	strv_free(&paths);
	strv_free(&hosts);
	strv_free(&nets);
	return 0;
}

/* What became of the lines, a letter a hit: e s i c x (entry, setting, inert, comment, stuck). */
static void letters(const struct hits *hits, char *ret, size_t room)
{
	size_t n = 0;
	for (; n < hits->n && n + 1 < room; n++)
		ret[n] = "esicx"[hits->v[n].what];
	ret[n] = '\0';
}

typedef int strip_fn(const struct buf *text, struct buf *ret, struct hits *ret_hits);

static void check(strip_fn *strip, const char *before, const char *after, const char *expected)
{
	_cleanup_buf_ struct buf in = {0}, out = {0}, again = {0};
	_cleanup_hits_ struct hits hits = {0}, left = {0};
	char got[64];
	buf_puts(&in, before);
	assert_int_equal(strip(&in, &out, &hits), 0);
	assert_string_equal(buf_text(&out), after);
	letters(&hits, got, sizeof(got));
	assert_string_equal(got, expected);
	assert_int_equal(strip(&out, &again, &left), 0);
	assert_true(buf_equal(&out, &again));
	assert_int_equal(left.taken, 0);
}

static void stays(strip_fn *strip, const char *text, const char *expected)
{
	check(strip, text, text, expected);
}

/* ---- what is searched for ---------------------------------------------------------------- */

static bool finds(const char *line)
{
	return search_finds(&search, (struct slice){line, strlen(line)}, NULL) > 0;
}

static void references_are_found_in_any_spelling(void **state)
{
	(void)state;
	static const char *const hits[] = {
		"an evil thing", "/tmp/m", "x=/tmp/m;", "/tmp//m -x", "/tmp/./m", "\"/tmp/m\"", "</tmp/m",
		"http://bad.example/x", "u@BAD.example:22", "bad.example.", "c2.bad.example", "bad.example:443",
		"203.0.113.67", "203.0.113.67:3333", "/dev/tcp/203.0.113.9/4444", "(203.0.113.9)", "203.0.113.67.",
		"2001:db8::67", "[2001:DB8:0:0::67]:3333", "2001:0db8:0000::0067", "::ffff:203.0.113.5",
	};
	static const char *const misses[] = {
		"good", "/tmp/mm", "/tmp/m.txt", "/tmp/m/x", "/x/tmp/m", "$HOME/tmp/m", "notbad.example",
		"bad.example.org", "bad-example", "203.0.114.1", "1203.0.113.6", "203.0.113.999", "203.0.113",
		"2001:db8::68", "2001:db8:1::67", "x203.0.113.67", "203.0.113.67a", "",
	};
	for (size_t i = 0; i < sizeof(hits) / sizeof(*hits); i++)
		if (!finds(hits[i]))
			fail_msg("not found in: %s", hits[i]);
	for (size_t i = 0; i < sizeof(misses) / sizeof(*misses); i++)
		if (finds(misses[i]))
			fail_msg("found in: %s", misses[i]);
}

static void paths_are_taken_from_a_line(void **state)
{
	(void)state;
	const char *line = "x=/a/b;(/c/d) \"/e f\" g/h </i $/j //k";
	static const char *const expected[] = {"/a/b", "/c/d", "/e", "/i", "//k"};
	struct slice rest = {line, strlen(line)}, path;
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		assert_true(take_path(&rest, &path));
		assert_true(slice_is(path, expected[i]));
	}
	assert_false(take_path(&rest, &path));
}

/* ---- shells -------------------------------------------------------------------------------- */

static int strip_shell(const struct buf *text, struct buf *ret, struct hits *hits)
{
	return shell_strip(text, &search, ret, hits);
}

static void a_line_of_a_shell_goes(void **state)
{
	(void)state;
	check(strip_shell, "a\nevil &\nb\n", "a\nb\n", "e");
	check(strip_shell, "a\n/tmp/m", "a\n", "e");
	check(strip_shell, "\tnohup /tmp/m >/dev/null 2>&1 &\n", "", "e");
	check(strip_shell, "(evil; sleep 1) &\n", "", "e");
	check(strip_shell, "if [ -x /tmp/m ]; then /tmp/m; fi\nb\n", "b\n", "e");
	check(strip_shell, "for i in 1 2; do evil $i; done\nb\n", "b\n", "e");
	check(strip_shell, "[ -x /tmp/m ] && {\\\n /tmp/m;\\\n }\nb\n", "b\n", "e");
	check(strip_shell, "test -x x &&\n  evil\nb\n", "b\n", "e");
	check(strip_shell, "wget -qO- good |\n  evil\nb\n", "b\n", "e");
	check(strip_shell, "a # fine\nevil # bad\n", "a # fine\n", "e");
	check(strip_shell, "alias sudo='evil sudo'\n", "", "e");
	check(strip_shell, "\rgood; evil\n", "", "e");
}

static void comments_of_a_shell_stay(void **state)
{
	(void)state;
	stays(strip_shell, "# evil\n", "c");
	stays(strip_shell, "a # evil\n", "c");
	stays(strip_shell, "a; #evil\n", "c");
	check(strip_shell, "echo '# ' evil\n", "", "e");
	check(strip_shell, "echo x#evil\n", "", "e");
	check(strip_shell, "echo \"a # evil\"\n", "", "e");
	check(strip_shell, "echo \\# evil\n", "", "e");
	check(strip_shell, "echo \"it's\" # good\n evil\n", "echo \"it's\" # good\n", "e");
}

static void parts_of_a_whole_are_stuck(void **state)
{
	(void)state;
	stays(strip_shell, "if evil; then\n\ta\nfi\n", "x");
	stays(strip_shell, "while evil\ndo\n\ta\ndone\n", "x");
	stays(strip_shell, "cat <<END | evil\na\nEND\n", "x");
	stays(strip_shell, "sh -c 'evil\n  a'\n", "x");
	stays(strip_shell, "f() { evil\n}\n", "x");
	stays(strip_shell, "case $x in\n  evil) a ;;\nesac\n", "x");
	stays(strip_shell, "if a; then\n\tb\nelif evil; then\n\tc\nfi\n", "x");
	stays(strip_shell, "#!/tmp/m\na\n", "x");
	check(strip_shell, "cat <<<evil\n", "", "e");
}

static void an_empty_block_is_filled(void **state)
{
	(void)state;
	check(strip_shell, "if a; then\n\tevil\nfi\n", "if a; then\n\t:\nfi\n", "e");
	check(strip_shell, "if a; then\n\tevil\n\tevil 2\nelse\n\tb\nfi\n", "if a; then\n\t:\nelse\n\tb\nfi\n", "ee");
	check(strip_shell, "if a; then\n\tb\n\tevil\nfi\n", "if a; then\n\tb\nfi\n", "e");
	check(strip_shell, "f() {\n  evil\n}\n", "f() {\n  :\n}\n", "e");
	check(strip_shell, "while a\ndo\n# x\n evil\n\ndone\n", "while a\ndo\n# x\n :\n\ndone\n", "e");
}

static void scripts_are_searched_without_comments(void **state)
{
	(void)state;
	static const struct {
		const char *script;
		int found;
		size_t lines;
	} cases[] = {
		{"#!/bin/sh\n# evil\ntrue\n", 0, 1},     {"#!/tmp/m\ntrue\n", 1, 1},
		{"#!/bin/sh\n\nexec /tmp/m\n", 1, 1},    {"", 0, 0},
		{"true # evil\nfalse &&\n true\n", 0, 2}, {"\177ELF\1\2 evil", 1, 1},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_buf_ struct buf script = {0};
		size_t lines;
		buf_puts(&script, cases[i].script);
		assert_int_equal(script_mentions(&script, &search, NULL), cases[i].found);
		assert_int_equal(script_count_lines(&script, &lines), 0);
		assert_int_equal(lines, cases[i].lines);
	}
}

/* ---- one entry a line ------------------------------------------------------------------------ */

static int strip_plain(const struct buf *text, struct buf *ret, struct hits *hits)
{
	return lines_strip(LINES_PLAIN, text, &search, ret, hits);
}

static int strip_sudoers(const struct buf *text, struct buf *ret, struct hits *hits)
{
	return lines_strip(LINES_SUDOERS, text, &search, ret, hits);
}

static int strip_udev(const struct buf *text, struct buf *ret, struct hits *hits)
{
	return lines_strip(LINES_UDEV, text, &search, ret, hits);
}

static int strip_words(const struct buf *text, struct buf *ret, struct hits *hits)
{
	return lines_strip(LINES_WORDS, text, &search, ret, hits);
}

static int strip_modules(const struct buf *text, struct buf *ret, struct hits *hits)
{
	return lines_strip(LINES_MODULES, text, &search, ret, hits);
}

static void plain_lines(void **state)
{
	(void)state;
	check(strip_plain, "a\nx:2345:respawn:/tmp/m\n# evil\n\nb", "a\n# evil\n\nb", "ec");
	check(strip_plain, "post-invoke=/tmp/m", "", "e");
}

static void lines_of_sudoers(void **state)
{
	(void)state;
	check(strip_sudoers, "root ALL=(ALL) ALL\nevil ALL=(ALL) NOPASSWD: ALL\n", "root ALL=(ALL) ALL\n", "e");
	check(strip_sudoers, "bob ALL = /bin/ls, \\\n  /tmp/m\nalice ALL=ALL\n", "alice ALL=ALL\n", "e");
	check(strip_sudoers, "#1000 ALL=/tmp/m\n#include /tmp/m\n", "", "ee");
	stays(strip_sudoers, "# evil\nbob ALL=ALL # evil\n", "cc");
}

static void rules_of_udev(void **state)
{
	(void)state;
	check(strip_udev, "ACTION==\"add\", RUN+=\"/tmp/m\"\nKERNEL==\"x\", NAME=\"y\"\n", "KERNEL==\"x\", NAME=\"y\"\n", "e");
	/* a rule that does more loses what it runs only */
	check(strip_udev, "SUBSYSTEM==\"net\", NAME=\"x\", RUN+=\"/tmp/m %k\", MODE=\"0600\"\n",
	      "SUBSYSTEM==\"net\", NAME=\"x\", MODE=\"0600\"\n", "e");
	check(strip_udev, "SUBSYSTEM==\"net\", NAME=\"x\", RUN+=\"/tmp/m\"\n", "SUBSYSTEM==\"net\", NAME=\"x\"\n", "e");
	check(strip_udev, "RUN{program}+=\"/tmp/m\", SYMLINK+=\"z\"\n", "SYMLINK+=\"z\"\n", "e");
	check(strip_udev, "KERNEL==\"a\", \\\n  PROGRAM==\"/tmp/m\"\nb\n", "b\n", "e");
	check(strip_udev, "IMPORT{program}=\"/tmp/m\"\nIMPORT{file}=\"x\"\n", "IMPORT{file}=\"x\"\n", "e");
	check(strip_udev, "RUN+=\"good\", RUN+=\"evil\"\n", "RUN+=\"good\"\n", "e");
	stays(strip_udev, "# evil\nKERNEL==\"evil\", MODE=\"0600\"\n", "ci");
}

static void libraries_to_preload(void **state)
{
	(void)state;
	check(strip_words, "/tmp/m\n", "", "e");
	check(strip_words, "/a.so /tmp/m /b.so\n", "/a.so /b.so\n", "e");
	check(strip_words, "/a.so:/tmp/m\n", "/a.so\n", "e");
	check(strip_words, "/tmp/m:/b.so", "/b.so", "e");
	check(strip_words, "  /tmp/m /tmp/m\n/a.so\n", "/a.so\n", "ee");
	check(strip_words, "/tmp/m # mine\n", " # mine\n", "e");
	check(strip_words, "/a.so\t/tmp/m # mine\n", "/a.so # mine\n", "e");
	check(strip_words, "/a\".so /tmp/m \" # evil\n", "/a\".so \" # evil\n", "e"); /* a quote is nothing special */
	stays(strip_words, "# /tmp/m\n/a.so # evil\n", "cc");
	stays(strip_words, "/a\".so # evil\n", "c");
}

static void modules_to_load(void **state)
{
	(void)state;
	check(strip_modules, "loop\nbad_mod\nbad-mod x=1\nbad_mod2\n; evil\n", "loop\nbad_mod2\n; evil\n", "eec");
}

/* ---- units and desktop entries --------------------------------------------------------------- */

static struct unit_verdict verdict;

static int strip_unit(const struct buf *text, struct buf *ret, struct hits *hits)
{
	return unit_file_strip(UNIT_FILE, text, &search, ret, hits, &verdict);
}

static int strip_desktop(const struct buf *text, struct buf *ret, struct hits *hits)
{
	return unit_file_strip(UNIT_DESKTOP, text, &search, ret, hits, &verdict);
}

static struct unit_verdict verdict_of(strip_fn *strip, const char *text)
{
	_cleanup_buf_ struct buf in = {0}, out = {0};
	_cleanup_hits_ struct hits hits = {0};
	buf_puts(&in, text);
	assert_int_equal(strip(&in, &out, &hits), 0);
	return verdict;
}

static void a_setting_of_a_unit_goes(void **state)
{
	(void)state;
	check(strip_unit, "[Service]\nExecStart=/bin/a\nExecStartPost=/tmp/m\nRestart=always\n",
	      "[Service]\nExecStart=/bin/a\nRestart=always\n", "e");
	check(strip_unit, "[Service]\nExecStart=-/tmp/m --x \\\n# evil\n  --y\nUser=a\n", "[Service]\nUser=a\n", "e");
	check(strip_unit, "[Service]\nExecStart=-@+!!/tmp/m evil\nUser=a\n", "[Service]\nUser=a\n", "e");
	check(strip_unit, "[Service]\n Environment = LD_PRELOAD=/tmp/m\r\n", "[Service]\n", "e");
	/* a reset would leave the unit with nothing to start */
	check(strip_unit, "[Service]\nExecStart=\nExecStart=/tmp/m\nUser=a\n", "[Service]\nUser=a\n", "e");
	check(strip_unit, "[Service]\nExecStart=\nExecStart=/tmp/m\nExecStart=/bin/a\n",
	      "[Service]\nExecStart=\nExecStart=/bin/a\n", "e");
	stays(strip_unit, "# evil\n;evil\n[Unit]\nDescription=evil\n[X-Y]\nZ=evil\nevil\n", "cciii");
}

static void what_a_unit_is_for(void **state)
{
	(void)state;
	assert_true(verdict_of(strip_unit, "[Unit]\nAfter=x\n[Service]\nExecStart=/tmp/m\n[Install]\nWantedBy=y\n").purpose);
	assert_false(verdict_of(strip_unit, "[Service]\nExecStart=/bin/a\nExecStartPost=/tmp/m\n").purpose);
	assert_false(verdict_of(strip_unit, "[Service]\nExecStart=/bin/a\nExecStart=/tmp/m\n").purpose);
	assert_true(verdict_of(strip_unit, "[Timer]\nOnBootSec=1\nUnit=evil.service\n").purpose);
	assert_true(verdict_of(strip_unit, "[Service]\nExecStartPost=/tmp/m\n[Install]\nWantedBy=x\n").empty);
	assert_true(verdict_of(strip_unit, "[Service]\nExecStart=\nExecStart=/tmp/m\n").empty);
	assert_false(verdict_of(strip_unit, "[Service]\nMemoryMax=1G\nExecStartPost=/tmp/m\n").empty);
	assert_false(verdict_of(strip_unit, "[Service]\nExecStart=/bin/a\n").empty);
}

static void desktop_entries(void **state)
{
	(void)state;
	check(strip_desktop, "[Desktop Entry]\nName=evil\nExec=/tmp/m\n", "[Desktop Entry]\nName=evil\n", "ie");
	assert_true(verdict_of(strip_desktop, "[Desktop Entry]\nName=x\nExec=/tmp/m\n").purpose);
	assert_false(verdict_of(strip_desktop, "[Desktop Entry]\nName=evil\nExec=/bin/a\n").purpose);
}

static void values_of_a_unit(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf text = {0};
	_cleanup_strv_ struct strv values = {0};
	buf_puts(&text, "[Timer]\nUnit=a\nUnit=\nUnit = b.service \n[X]\nUnit=c\n");
	assert_int_equal(unit_file_values(&text, "Timer", "Unit", &values), 0);
	assert_int_equal(values.n, 1);
	assert_string_equal(values.v[0], "b.service");
}

/* ---- PAM ------------------------------------------------------------------------------------- */

static int strip_pam_form(enum pam_form form, const struct buf *text, struct buf *ret, struct hits *hits)
{
	static const char *const foreign_names[] = {"pam_evil.so", "/tmp/m", "pam_mine.so", "pam_named.so", NULL};
	_cleanup_strv_ struct strv foreign = {0}, meant = {0};
	const struct pam_modules modules = {&foreign, &meant};
	for (size_t i = 0; foreign_names[i]; i++)
		strv_add(&foreign, foreign_names[i]);
	strv_add(&meant, "pam_named.so");
	return pam_strip(form, text, &search, &modules, ret, hits);
}

static int strip_pam(const struct buf *text, struct buf *ret, struct hits *hits)
{
	return strip_pam_form(PAM_D, text, ret, hits);
}

static int strip_pam_conf(const struct buf *text, struct buf *ret, struct hits *hits)
{
	return strip_pam_form(PAM_CONF, text, ret, hits);
}

#define UNIX(n) "auth\t[success=" n " default=ignore]\tpam_unix.so nullok\n"
#define DENY "auth\trequisite\tpam_deny.so\n"
#define PERMIT "auth\trequired\tpam_permit.so\n"
#define EVIL "auth\tsufficient\tpam_evil.so\n"

static void foreign_modules_go(void **state)
{
	(void)state;
	check(strip_pam, EVIL UNIX("1") DENY PERMIT, UNIX("1") DENY PERMIT, "e");
	check(strip_pam, "@include common-auth\n-session optional /tmp/m\n", "@include common-auth\n", "e");
	check(strip_pam, "auth required \\\n pam_named.so\n" DENY, DENY, "e");
	check(strip_pam, "auth optional pam_exec.so quiet /tmp/m\n" DENY, DENY, "e");
	check(strip_pam_conf, "sshd auth sufficient pam_evil.so\nsshd auth required pam_unix.so\n",
	      "sshd auth required pam_unix.so\n", "e");
	stays(strip_pam, "auth required pam_mine.so\n", "");
	stays(strip_pam, "# evil\n" DENY "auth required pam_unix.so # evil\n", "cc");
}

/* A package's module is not foreign, whatever its name holds. */
static void modules_of_packages_stay(void **state)
{
	(void)state;
	stays(strip_pam, "auth required pam_devil.so\n@include evil\nauth include evil\n", "iii");
}

/* What the stack answers must not depend on a line that is no longer there. */
static void jumps_are_corrected(void **state)
{
	(void)state;
	check(strip_pam, UNIX("2") EVIL DENY PERMIT, UNIX("1") DENY PERMIT, "e");
	check(strip_pam, UNIX("3") EVIL "account required pam_evil.so\n" EVIL DENY PERMIT, UNIX("1") DENY PERMIT, "eee");
	check(strip_pam, UNIX("1") DENY EVIL PERMIT, UNIX("1") DENY PERMIT, "e");
	check(strip_pam, "auth [success=2 default=1] pam_unix.so\n" DENY EVIL PERMIT,
	      "auth [success=1 default=1] pam_unix.so\n" DENY PERMIT, "e");
	check(strip_pam, "auth [success=10 default=ignore] pam_unix.so\n" EVIL,
	      "auth [success=9 default=ignore] pam_unix.so\n", "e");
	check(strip_pam, "auth [success=1 default=ignore] pam_evil.so\n" UNIX("1") DENY, UNIX("1") DENY, "e");
	/* a jump over nothing is none, and a jump over what is included is a guess */
	stays(strip_pam, UNIX("1") EVIL DENY PERMIT, "x");
	stays(strip_pam, UNIX("3") "@include x\n" EVIL DENY PERMIT, "x");
}

static void the_modules_of_a_stack(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf text = {0};
	_cleanup_strv_ struct strv names = {0};
	buf_puts(&text, "# x\nauth required a.so\n-auth [success=1 default=ignore] /x/b.so y\nauth include common\n"
	                "account required a.so\n@include c\njunk\n");
	assert_int_equal(pam_list_modules(PAM_D, &text, &names), 0);
	assert_int_equal(names.n, 2);
	assert_string_equal(names.v[0], "a.so");
	assert_string_equal(names.v[1], "/x/b.so");
}

/* ---- apt --------------------------------------------------------------------------------------- */

static int strip_apt(const struct buf *text, struct buf *ret, struct hits *hits)
{
	return apt_conf_strip(text, &search, ret, hits);
}

static void statements_of_apt(void **state)
{
	(void)state;
	check(strip_apt, "DPkg::Post-Invoke {\"/tmp/m\";};\nAPT::X \"y\";\n", "APT::X \"y\";\n", "e");
	check(strip_apt, "DPkg::Post-Invoke { \"good\"; \"evil\"; };\n", "DPkg::Post-Invoke { \"good\";  };\n", "e");
	check(strip_apt, "A\n{\n  Update\n  {\n\tPre-Invoke { \"evil\"; };\n  };\n  B \"1\";\n};\n", "A\n{\n  B \"1\";\n};\n", "e");
	check(strip_apt, "Acquire::http::Proxy \"http://203.0.113.67:8080\";", "", "e");
	check(strip_apt, "// x\na \"b\"; c \"evil\"; # d\n", "// x\na \"b\";  # d\n", "e");
	stays(strip_apt, "// evil\n/* evil\n */ a \"b\"; # evil\n", "ccc");
	stays(strip_apt, "A { \"evil\";\n", "x");
	stays(strip_apt, "A \"evil\n", "x");
}

static void nothing_searched_nothing_found(void **state)
{
	(void)state;
	static const char *const text = "evil /tmp/m { \"evil\"; }; RUN+=\"evil\" # evil\n[Service]\nExecStart=evil\n";
	const struct entry_search none = {0};
	_cleanup_buf_ struct buf in = {0}, out = {0};
	struct hits hits = {0};
	struct unit_verdict v;
	const struct pam_modules modules = {0};
	buf_puts(&in, text);
	assert_true(search_is_empty(&none));
	for (int form = LINES_PLAIN; form <= LINES_MODULES; form++) {
		buf_reset(&out);
		assert_int_equal(lines_strip((enum line_form)form, &in, &none, &out, &hits), 0);
		assert_true(buf_equal(&in, &out) && !hits.n);
	}
	buf_reset(&out);
	assert_int_equal(shell_strip(&in, &none, &out, &hits), 0);
	assert_true(buf_equal(&in, &out) && !hits.n);
	buf_reset(&out);
	assert_int_equal(unit_file_strip(UNIT_FILE, &in, &none, &out, &hits, &v), 0);
	assert_true(buf_equal(&in, &out) && !hits.n && !v.purpose && !v.empty);
	buf_reset(&out);
	assert_int_equal(pam_strip(PAM_D, &in, &none, &modules, &out, &hits), 0);
	assert_true(buf_equal(&in, &out) && !hits.n);
	buf_reset(&out);
	assert_int_equal(apt_conf_strip(&in, &none, &out, &hits), 0);
	assert_true(buf_equal(&in, &out) && !hits.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(references_are_found_in_any_spelling),
		cmocka_unit_test(paths_are_taken_from_a_line),
		cmocka_unit_test(a_line_of_a_shell_goes),
		cmocka_unit_test(comments_of_a_shell_stay),
		cmocka_unit_test(parts_of_a_whole_are_stuck),
		cmocka_unit_test(an_empty_block_is_filled),
		cmocka_unit_test(scripts_are_searched_without_comments),
		cmocka_unit_test(plain_lines),
		cmocka_unit_test(lines_of_sudoers),
		cmocka_unit_test(rules_of_udev),
		cmocka_unit_test(libraries_to_preload),
		cmocka_unit_test(modules_to_load),
		cmocka_unit_test(a_setting_of_a_unit_goes),
		cmocka_unit_test(what_a_unit_is_for),
		cmocka_unit_test(desktop_entries),
		cmocka_unit_test(values_of_a_unit),
		cmocka_unit_test(foreign_modules_go),
		cmocka_unit_test(modules_of_packages_stay),
		cmocka_unit_test(jumps_are_corrected),
		cmocka_unit_test(the_modules_of_a_stack),
		cmocka_unit_test(statements_of_apt),
		cmocka_unit_test(nothing_searched_nothing_found),
	};
	return cmocka_run_group_tests(tests, fill_search, free_search);
}
