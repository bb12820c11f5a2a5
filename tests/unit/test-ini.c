/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/fd.h"
#include "core/ini.h"

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

#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN
#define LETTERS_40 "abcdefghijabcdefghijabcdefghijabcdefghij"

/* What INI files say, written out: one line an entry. */
static void print_ini(const struct ini *ini, struct buf *ret)
{
	size_t at = 0;
	for (size_t i = 0; i < ini->n_sections; i++) {
		const struct ini_section *s = &ini->sections[i];
		buf_printf(ret, "%u[%s|%s]", s->line, s->section, s->name);
		for (; at < ini->n && ini->v[at].section_line == s->line; at++) {
			assert_string_equal(ini->v[at].section, s->section);
			assert_string_equal(ini->v[at].name, s->name);
			buf_printf(ret, " %u:%s=<%s>", ini->v[at].line, ini->v[at].key, ini->v[at].value);
		}
		buf_puts(ret, "\n");
	}
	assert_int_equal(at, ini->n);
}

static void parse(const char *bytes, size_t len, struct buf *ret, struct buf *ret_diags)
{
	struct ini ini = {0};
	struct diags diags = {.file = strdup("x.pb")};
	struct buf in = {0};
	buf_add(&in, bytes, len);
	assert_int_equal(ini_parse_bytes(&in, &ini, &diags), 0);
	print_ini(&ini, ret);
	assert_int_equal(diags_print(&diags, ret_diags), 0);
	ini_free(&ini);
	diags_free(&diags);
	buf_free(&in);
}

struct good_case {
	const char *in, *out;
};

static void good_files(void **state)
{
	(void)state;
	static const struct good_case cases[] = {
		{"", ""},
		{"\n\n# x\n; y\n", ""},
		{"[a]\n", "1[a|]\n"},
		{"[a]", "1[a|]\n"},
		{"[a b]\nk=v", "1[a|b] 2:k=<v>\n"},
		{"[ step \t miner-2 ]  \n", "1[step|miner-2]\n"},
		{"[a]\nk = v w \t\nl\t=\tx\n", "1[a|] 2:k=<v w> 3:l=<x>\n"},
		{"[a]\nk =\n", "1[a|] 2:k=<>\n"},
		{"[a]\nk = a=b:c\n", "1[a|] 2:k=<a=b:c>\n"},
		{"[a]\nk=;v\n", "1[a|] 2:k=<;v>\n"},
		{"[a]\nk = a;b # c\n", "1[a|] 2:k=<a;b # c>\n"},
		{"[a]\nk = \"a, b\", c\n", "1[a|] 2:k=<\"a, b\", c>\n"},
		{"[a]\nk = [2001:db8::7]:33\n", "1[a|] 2:k=<[2001:db8::7]:33>\n"},
		{"[a]\nk = \xc3\xa9\n", "1[a|] 2:k=<\xc3\xa9>\n"},
		/* A list goes on in lines that start with a blank, comments may stand between them. */
		{"[a]\nk = 1,\n 2,\n# c\n\t3 , \n 4\nl = 5\n", "1[a|] 2:k=<1, 2, 3 , 4> 7:l=<5>\n"},
		{"[a]\nk = \"x\",\n  \"b=2\"\n", "1[a|] 2:k=<\"x\", \"b=2\">\n"},
		{"[a]\nk = 1,\n [2001:db8::1]:5\n", "1[a|] 2:k=<1, [2001:db8::1]:5>\n"},
		{"[a]\nk = 1,\n ${x}\n[b]\n", "1[a|] 2:k=<1, ${x}>\n4[b|]\n"},
		/* A key may say what it is about. */
		{"[a]\nmatch \t a.B_c@d-e/9 = 1\nmatch = 2\nmatch b = 3,\n  4\n",
		 "1[a|] 2:match a.B_c@d-e/9=<1> 3:match=<2> 4:match b=<3, 4>\n"},
		{"[a]\n" LETTERS_40 " " LETTERS_40 LETTERS_40 LETTERS_40 "=1\n",
		 "1[a|] 2:" LETTERS_40 " " LETTERS_40 LETTERS_40 LETTERS_40 "=<1>\n"},
		/* The same key in another section is another key. */
		{"[s a]\nk=1\n[s b]\nk=2\n[t a]\n", "1[s|a] 2:k=<1>\n3[s|b] 4:k=<2>\n5[t|a]\n"},
		{"[step " LETTERS_40 "]\n" LETTERS_40 "=1\n", "1[step|" LETTERS_40 "] 2:" LETTERS_40 "=<1>\n"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_buf_ struct buf out = {0}, why = {0};
		parse(cases[i].in, strlen(cases[i].in), &out, &why);
		assert_string_equal(buf_text(&why), "");
		assert_string_equal(buf_text(&out), cases[i].out);
	}
}

struct bad_case {
	const char *in;
	size_t len; /* 0: to the NUL */
	const char *diags;
};

static const struct bad_case bad_cases[] = {
	/* inih splits a line over its buffer, and what follows could open a section. */
	{"[a]\nnote=" FIFTY FIFTY FIFTY "012345678901234567890123456789012345678901234[block]\nx=1\n", 0,
	 "x.pb:2: the line is 207 bytes long, more than 198: let a list go over several lines that start with a blank, each "
	 "but the last ended by a comma\n"},
	{"[a]\nnote=" FIFTY FIFTY FIFTY "012345678901234567890123456789012345678901234dry_run=no\n", 0,
	 "x.pb:2: the line is 210 bytes long, more than 198: let a list go over several lines that start with a blank, each "
	 "but the last ended by a comma\n"},
	/* It truncates names. */
	{"[" LETTERS_40 " " LETTERS_40 "]\n", 0,
	 "x.pb:1: the section is 81 bytes long: at most 49 may stand between '[' and ']'\n"},
	{"[s " LETTERS_40 "z]\n", 0,
	 "x.pb:1: '" LETTERS_40 "z' is 41 bytes long: a name has at most 40\n"},
	{"[a]\n" LETTERS_40 "z=1\n", 0, "x.pb:2: '" LETTERS_40 "z' is 41 bytes long: a key has at most 40\n"},
	/* It drops what follows a NUL. */
	{"[a]\nk=1\0 2\n", 11, "x.pb:2: byte 4 is NUL: this is not a text file\n"},
	{"\0\0\0\0", 4, "x.pb:1: byte 1 is NUL: this is not a text file\n"},
	/* Other ends of lines. */
	{"[a]\rk=1\rl=2\r", 0,
	 "x.pb:1: a carriage return stands inside the line: lines end with a line feed, not with a carriage return "
	 "(tr '\\r' '\\n')\n"},
	{"[a]\r\nk=1\r\n k\r\n", 0,
	 "x.pb:1: the line ends with a carriage return and a line feed: lines end with a line feed alone (sed -i "
	 "'s/\\r$//')\n"
	 "x.pb:3: the line starts with a blank, but the value before it did not end with a comma: keys and sections start in "
	 "the first column\n"},
	/* Lines that are no key and no section. */
	{"[a]\nkey\n", 0, "x.pb:2: 'key' has no '=': a line is key = value, [section], or a comment that starts with #\n"},
	{"[a]\n[unclosed\nk=1\n", 0,
	 "x.pb:2: the section has no ']': write [KIND] or [KIND NAME]\n"},
	{"[a] junk\nk=1\n", 0, "x.pb:1: 'junk' stands after the section's ']': put it on a line of its own\n"},
	{"[a] # junk\nk=1\n", 0, "x.pb:1: '# junk' stands after the section's ']': put it on a line of its own\n"},
	{"[a]b]\n", 0, "x.pb:1: 'b]' stands after the section's ']': put it on a line of its own\n"},
	{"[]\nk=1\n", 0, "x.pb:1: the section has no name between '[' and ']'\n"},
	{"[ \t]\n", 0, "x.pb:1: the section has no name between '[' and ']'\n"},
	{"[Step x]\n", 0,
	 "x.pb:1: 'Step' is not a kind of section: a lower-case letter, then lower-case letters, digits and '-'\n"},
	{"[step a b]\n", 0,
	 "x.pb:1: 'a b' is not a name: a lower-case letter, then lower-case letters, digits and '-'\n"},
	{"[step 1x]\n", 0, "x.pb:1: '1x' is not a name: a lower-case letter, then lower-case letters, digits and '-'\n"},
	{"[a]\n=v\n", 0, "x.pb:2: no key stands before the '='\n"},
	{"[a]\n = v\n", 0,
	 "x.pb:2: the line starts with a blank, but the value before it did not end with a comma: keys and sections start in "
	 "the first column\n"},
	{"[a]\nKey=v\n", 0, "x.pb:2: 'Key' is not a key: a lower-case letter, then lower-case letters, digits and '-'\n"},
	{"[a]\n+=v\n", 0, "x.pb:2: '+' is not a key: a lower-case letter, then lower-case letters, digits and '-'\n"},
	{"[!]\nk=v\n", 0,
	 "x.pb:1: '!' is not a kind of section: a lower-case letter, then lower-case letters, digits and '-'\n"},
	{"k=v\n", 0, "x.pb:1: 'k' stands before the first section\n"},
	{"k=v,\n w\n", 0, "x.pb:1: 'k' stands before the first section\n"},
	/* What a key is about. */
	{"[a]\nk a b=v\n", 0, "x.pb:2: 'a b' cannot stand in a key: letters, digits, '.', '_', '@', '/' and '-' can\n"},
	{"[a]\nk a:b=v\n", 0, "x.pb:2: 'a:b' cannot stand in a key: letters, digits, '.', '_', '@', '/' and '-' can\n"},
	{"[a]\nk a=v\nk  a = w\n", 0, "x.pb:3: 'k a' is given again: the first is in line 2\n"},
	{"[a]\nk a=1,\n  k b = 2\n", 0,
	 "x.pb:3: the line is indented but looks like a key: start 'k' in the first column, or put the element in quotes\n"},
	/* A colon separates too. */
	{"[a]\nfe80::1=x\n", 0, "x.pb:2: a ':' stands after 'fe80': write key = value\n"},
	{"[a]\nkey: v\n", 0, "x.pb:2: a ':' stands after 'key': write key = value\n"},
	/* Continuation. */
	{"[a]\na=1\n  b=2\n", 0,
	 "x.pb:3: the line is indented but looks like a key: start 'b' in the first column, or put the element in quotes\n"},
	{"[a]\na=1,\n  b = 2\n", 0,
	 "x.pb:3: the line is indented but looks like a key: start 'b' in the first column, or put the element in quotes\n"},
	{"[a]\na=1\n  2\n  3\n", 0,
	 "x.pb:3: the line starts with a blank, but the value before it did not end with a comma: keys and sections start in "
	 "the first column\n"},
	{"[a]\n  [b]\n", 0,
	 "x.pb:2: the line starts with a blank, but the value before it did not end with a comma: keys and sections start in "
	 "the first column\n"},
	{"[a]\na=1,\nb=2\n", 0,
	 "x.pb:2: the value ends with a comma but the next line does not go on with it: a line that starts with a blank "
	 "would\n"},
	{"[a]\na=1,\n\n 2\n", 0,
	 "x.pb:2: the value ends with a comma but the next line does not go on with it: a line that starts with a blank "
	 "would\n"
	 "x.pb:4: the line starts with a blank, but the value before it did not end with a comma: keys and sections start in "
	 "the first column\n"},
	{"[a]\na=1,\n 2,", 0,
	 "x.pb:3: the value ends with a comma but the next line does not go on with it: a line that starts with a blank "
	 "would\n"},
	{"[a]\na=1,\n # c\n", 0, "x.pb:3: a comment starts in the first column: remove the blanks before it\n"},
	{"[a]\na=1,\n ;c\n 3\n", 0,
	 "x.pb:3: a comment starts in the first column: remove the blanks before it\n"
	 "x.pb:4: the line starts with a blank, but the value before it did not end with a comma: keys and sections start in "
	 "the first column\n"},
	{"[a]\na=\"1,\n 2\"\n", 0, "x.pb:2: a quote is not closed in its line\n"},
	{"[a]\na=1, \"2\\\"\n", 0, "x.pb:2: a quote is not closed in its line\n"},
	/* A ';' after a blank cuts. */
	{"[a]\nk=a ;b\n", 0,
	 "x.pb:2: a ';' after a blank would cut the value as if a comment started there, even in quotes: remove the blank or "
	 "the ';'; a comment stands on a line of its own\n"},
	{"[a]\nk=\"a\t;b\"\n", 0,
	 "x.pb:2: a ';' after a blank would cut the value as if a comment started there, even in quotes: remove the blank or "
	 "the ';'; a comment stands on a line of its own\n"},
	{"[a]\nk = ;b\n", 0,
	 "x.pb:2: a ';' after a blank would cut the value as if a comment started there, even in quotes: remove the blank or "
	 "the ';'; a comment stands on a line of its own\n"},
	{"[a]\nk = 1,\n 2 ;b\n", 0,
	 "x.pb:3: a ';' after a blank would cut the value as if a comment started there, even in quotes: remove the blank or "
	 "the ';'; a comment stands on a line of its own\n"},
	/* Duplicates. */
	{"[a]\nk=1\nl=2\nk=3\nk=4\n", 0,
	 "x.pb:4: 'k' is given again: the first is in line 2\n"
	 "x.pb:5: 'k' is given again: the first is in line 4\n"},
	{"[s x]\nk=1\n[t]\n[s x]\nk=1\n", 0, "x.pb:4: [s x] stands here again: the first is in line 1\n"},
	{"[s]\n[s]\n[s]\n", 0,
	 "x.pb:2: [s] stands here again: the first is in line 1\n"
	 "x.pb:3: [s] stands here again: the first is in line 1\n"},
	/* Bytes. */
	{"[a]\nk=\xff\n", 0, "x.pb:2: byte 3 (0xff) is not valid UTF-8: save the file as UTF-8\n"},
	{"[a]\nk=\xc0\xaf\n", 0, "x.pb:2: byte 3 (0xc0) is not valid UTF-8: save the file as UTF-8\n"},
	{"[a]\nk=\xed\xa0\x80\n", 0, "x.pb:2: byte 3 (0xed) is not valid UTF-8: save the file as UTF-8\n"},
	{"\xef\xbb\xbf[a]\nk=1\n[b\n", 0,
	 "x.pb:1: the file starts with a byte order mark: save it as UTF-8 without one\n"
	 "x.pb:3: the section has no ']': write [KIND] or [KIND NAME]\n"},
	{"[a]\nk=\xef\xbb\xbf" "1\n", 0, "x.pb:2: a byte order mark stands here: save the file as UTF-8 without one\n"},
	{"[a]\nk=\033[2J\n", 0, "x.pb:2: byte 3 is an invisible or control character (U+001B): remove it\n"},
	{"[a]\nk=\x7f\n", 0, "x.pb:2: byte 3 is an invisible or control character (U+007F): remove it\n"},
	{"[a]\n\fk=1\n", 0, "x.pb:2: byte 1 is an invisible or control character (U+000C): remove it\n"},
	{"[a]\nk=a\xc2\x9b\n", 0, "x.pb:2: byte 4 is an invisible or control character (U+009B): remove it\n"},
	{"[a]\n# a\xe2\x80\xae\n", 0, "x.pb:2: byte 4 is an invisible or control character (U+202E): remove it\n"},
};

static void bad_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_cases) / sizeof(*bad_cases); i++) {
		const struct bad_case *c = &bad_cases[i];
		_cleanup_buf_ struct buf out = {0}, why = {0};
		parse(c->in, c->len ? c->len : strlen(c->in), &out, &why);
		assert_string_equal(buf_text(&why), c->diags);
	}
}

/* What stands below a section that was refused belongs to nobody, least of all to the section before. */
static void refused_section_takes_its_keys_along(void **state)
{
	(void)state;
	static const struct good_case cases[] = {
		{"[a]\nk=1\n[unclosed\nl=2,\n 3\n[b]\nm=4\n", "1[a|] 2:k=<1>\n6[b|] 7:m=<4>\n"},
		{"[a]\n[B]\nl=2\n", "1[a|]\n"},
		{"[a]\n[b] x\nl=2\n", "1[a|]\n"},
		{"[a]\n[b\xff]\nl=2\n", "1[a|]\n"},
		{"[a]\n[b" FIFTY FIFTY FIFTY FIFTY "]\nl=2\n", "1[a|]\n"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_buf_ struct buf out = {0}, why = {0};
		parse(cases[i].in, strlen(cases[i].in), &out, &why);
		assert_string_equal(buf_text(&out), cases[i].out);
		assert_int_not_equal(why.len, 0);
	}
}

static void all_that_is_wrong_is_reported_in_order(void **state)
{
	(void)state;
	const char *text = "[a]\nkey\nk=1\nk=2,\nl=\x01\n[b\n";
	_cleanup_buf_ struct buf out = {0}, why = {0};
	parse(text, strlen(text), &out, &why);
	assert_string_equal(buf_text(&why),
	                    "x.pb:2: 'key' has no '=': a line is key = value, [section], or a comment that starts with #\n"
	                    "x.pb:4: 'k' is given again: the first is in line 3\n"
	                    "x.pb:4: the value ends with a comma but the next line does not go on with it: a line that starts "
	                    "with a blank would\n"
	                    "x.pb:5: byte 3 is an invisible or control character (U+0001): remove it\n"
	                    "x.pb:6: the section has no ']': write [KIND] or [KIND NAME]\n");
}

static void a_line_may_be_as_long_as_the_limit(void **state)
{
	(void)state;
	for (size_t len = 190; len < 210; len++) {
		_cleanup_buf_ struct buf in = {0}, out = {0}, why = {0}, want = {0};
		buf_puts(&in, "[a]\nk=");
		for (size_t i = 2; i < len; i++)
			buf_putc(&in, 'x');
		buf_puts(&in, "\nl=1,\n ");
		for (size_t i = 1; i < len; i++)
			buf_putc(&in, 'y');
		buf_puts(&in, "\n");
		parse(in.data, in.len, &out, &why);
		if (len <= 198) {
			assert_string_equal(buf_text(&why), "");
			assert_int_equal(out.len, strlen("1[a|] 2:k=<> 3:l=<1, >\n") + 2 * len - 3);
			continue;
		}
		for (unsigned line = 2; line <= 4; line += 2)
			buf_printf(&want, "x.pb:%u: the line is %zu bytes long, more than 198: let a list go over several lines that "
			                  "start with a blank, each but the last ended by a comma\n", line, len);
		assert_string_equal(buf_text(&why), buf_text(&want));
	}
}

static void there_are_limits_to_sections_and_keys(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf in = {0}, out = {0}, why = {0};
	buf_puts(&in, "[first]\n");
	for (unsigned i = 0; i < INI_KEYS_MAX + 5; i++)
		buf_printf(&in, "k%u=1\n", i);
	for (unsigned i = 1; i < INI_SECTIONS_MAX + 5; i++)
		buf_printf(&in, "[s%u]\nk=1\n", i);
	parse(in.data, in.len, &out, &why);
	assert_string_equal(buf_text(&why),
	                    "x.pb:102: this is one key too many: a section has at most 100\n"
	                    "x.pb:2105: this is one section too many: a file has at most 1000\n");
}

static void lists(void **state)
{
	(void)state;
	static const struct good_case good[] = {
		{"a", "<a>"},
		{" a b , c ", "<a b><c>"},
		{"\"a, b\" , \"\"", "q<a, b>q<>"},
		{"\"a \\\"b\\\" \\\\\"", "q<a \"b\" \\>"},
		{"a \"b\", c\\d", "<a \"b\"><c\\d>"},
		{"${x}, $${y}", "<${x}><$${y}>"},
	};
	static const struct good_case bad[] = {
		{"", "it has no value"},
		{"  ", "it has no value"},
		{",", "a comma has nothing before or after it"},
		{"a,", "a comma has nothing before or after it"},
		{",a", "a comma has nothing before or after it"},
		{"a,,b", "a comma has nothing before or after it"},
		{"\"a", "a quote is not closed"},
		{"\"a\" b", "'b' stands after a closing quote: a comma separates elements"},
		{"\"a\\n\"", "a backslash in quotes must stand before a '\"' or another backslash"},
		{"\"a\\", "a backslash in quotes must stand before a '\"' or another backslash"},
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		_cleanup_buf_ struct buf out = {0}, why = {0};
		struct ini_element *v = NULL;
		size_t n = 0;
		assert_int_equal(ini_split_list(good[i].in, &v, &n, &why), 0);
		for (size_t k = 0; k < n; k++)
			buf_printf(&out, "%s<%s>", v[k].quoted ? "q" : "", v[k].text);
		ini_elements_free(v, n);
		assert_string_equal(buf_text(&out), good[i].out);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		_cleanup_buf_ struct buf why = {0};
		struct ini_element *v = NULL;
		size_t n = 0;
		assert_int_equal(ini_split_list(bad[i].in, &v, &n, &why), -EINVAL);
		assert_null(v);
		assert_string_equal(buf_text(&why), bad[i].out);
	}
}

struct tree {
	char dir[64];
	int root;
};

static int tree_make(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));
	snprintf(t->dir, sizeof(t->dir), "/tmp/test-ini-XXXXXX");
	if (!mkdtemp(t->dir))
		return -1;
	t->root = open(t->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	*state = t;
	return t->root < 0 ? -1 : 0;
}

static int tree_remove(void **state)
{
	struct tree *t = *state;
	static const char *const names[] = {"d/f.pb", "link.pb", "f.pb", "big.pb", "fifo.pb", "dir.pb", "d"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (unlinkat(t->root, names[i], 0) < 0)
			unlinkat(t->root, names[i], AT_REMOVEDIR);
	close(t->root);
	rmdir(t->dir);
	free(t);
	return 0;
}

static void put(struct tree *t, const char *name, const char *text)
{
	_cleanup_close_ int fd = openat(t->root, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fd_write(fd, text, strlen(text)), 0);
	assert_int_equal(fchmod(fd, 0644), 0);
}

static int read_file(struct tree *t, const char *file, struct buf *ret_diags)
{
	struct diags diags = {.file = strdup("x.pb")};
	_cleanup_buf_ struct buf bytes = {0};
	int r = ini_read_file(t->root, file, &bytes, &diags);
	diags_print(&diags, ret_diags);
	diags_free(&diags);
	return r;
}

static void assert_refused(struct tree *t, const char *file, const char *diags)
{
	_cleanup_buf_ struct buf why = {0};
	assert_int_equal(read_file(t, file, &why), -EINVAL);
	assert_string_equal(buf_text(&why), diags);
}

#define ROOT_ONLY ": it and all directories above it must be root's alone to write\n"

static void files_that_are_not_read(void **state)
{
	struct tree *t = *state;
	_cleanup_buf_ struct buf why = {0};
	put(t, "f.pb", "[a]\n");
	assert_int_equal(read_file(t, "/f.pb", &why), 0);
	assert_int_equal(read_file(t, "/none.pb", &why), -ENOENT);
	assert_string_equal(buf_text(&why), "");

	assert_int_equal(mkdirat(t->root, "dir.pb", 0755), 0);
	assert_refused(t, "/dir.pb", "x.pb: /dir.pb is not a regular file\n");
	assert_int_equal(mkfifoat(t->root, "fifo.pb", 0644), 0);
	assert_refused(t, "/fifo.pb", "x.pb: /fifo.pb is not a regular file\n");
	assert_int_equal(symlinkat("f.pb", t->root, "link.pb"), 0);
	assert_refused(t, "/link.pb", "x.pb: /link.pb is a symbolic link or is reached through one that is not root's: name "
	                              "the file itself\n");

	put(t, "big.pb", "");
	_cleanup_close_ int fd = openat(t->root, "big.pb", O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, INI_FILE_MAX), 0);
	assert_int_equal(read_file(t, "/big.pb", &why), 0);
	assert_int_equal(ftruncate(fd, INI_FILE_MAX + 1), 0);
	assert_refused(t, "/big.pb", "x.pb: /big.pb is larger than 1024 KiB\n");
}

static void files_that_others_could_have_written(void **state)
{
	struct tree *t = *state;
	put(t, "f.pb", "[a]\n");
	assert_int_equal(fchmodat(t->root, "f.pb", 0664, 0), 0);
	assert_refused(t, "/f.pb", "x.pb: is not trusted, because /f.pb can be written by its group (mode 0664)" ROOT_ONLY);
	assert_int_equal(fchmodat(t->root, "f.pb", 0646, 0), 0);
	assert_refused(t, "/f.pb", "x.pb: is not trusted, because /f.pb can be written by everybody (mode 0646)" ROOT_ONLY);

	assert_int_equal(mkdirat(t->root, "d", 0755), 0);
	put(t, "d/f.pb", "[a]\n");
	assert_int_equal(fchmodat(t->root, "d", 01777, 0), 0);
	assert_refused(t, "/d/f.pb", "x.pb: is not trusted, because /d can be written by everybody (mode 1777)" ROOT_ONLY);
	if (geteuid() != 0)
		return;
	assert_int_equal(fchmodat(t->root, "d", 0755, 0), 0);
	assert_int_equal(fchownat(t->root, "d", 1234, 0, 0), 0);
	assert_refused(t, "/d/f.pb", "x.pb: is not trusted, because /d belongs to user 1234, not to root" ROOT_ONLY);
	assert_int_equal(fchownat(t->root, "d", 0, 0, 0), 0);
	assert_int_equal(fchownat(t->root, "d/f.pb", 1234, 0, 0), 0);
	assert_refused(t, "/d/f.pb", "x.pb: is not trusted, because /d/f.pb belongs to user 1234, not to root" ROOT_ONLY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_files),
		cmocka_unit_test(bad_files),
		cmocka_unit_test(refused_section_takes_its_keys_along),
		cmocka_unit_test(all_that_is_wrong_is_reported_in_order),
		cmocka_unit_test(a_line_may_be_as_long_as_the_limit),
		cmocka_unit_test(there_are_limits_to_sections_and_keys),
		cmocka_unit_test(lists),
		cmocka_unit_test_setup_teardown(files_that_are_not_read, tree_make, tree_remove),
		cmocka_unit_test_setup_teardown(files_that_others_could_have_written, tree_make, tree_remove),
	};
	return cmocka_run_group_tests_name("ini", tests, NULL, NULL);
}
