/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * No text in a report becomes markup, whatever it says.
 */
#include "report-stage.h"

#include "base/escape.h"
#include "base/hash.h"
#include "report-style.h"
#include "report-text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/base64.h>

/* Everything that could be taken for markup, in HTML or Markdown. */
#define HOSTILE "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&lt;b&gt;</code></pre>--><!--``` `` ` ](javascript:x) | \\| **b** http://evil.example/ <style>*{display:none}</style>"

/* ---- escaping ---------------------------------------------------------------------------- */

static void text_stays_text(void **state)
{
	(void)state;
	static const struct {
		const char *in, *text, *attr;
	} cases[] = {
		{"", "", ""},
		{"<a href=\"x\">", "&lt;a href=\"x\"&gt;", "&lt;a href=&quot;x&quot;&gt;"},
		{"' ` &lt;", "' ` &amp;lt;", "&#39; &#96; &amp;lt;"},
		{"a\nb\tc", "a\nb\tc", "a b c"},
		{"\033[2J\r", "\\x1b[2J\\x0d", "\\x1b[2J\\x0d"},
		{"\xff<", "\\xff&lt;", "\\xff&lt;"},
		{"a\xe2\x80\xae" "b", "a\\xe2\\x80\\xae" "b", "a\\xe2\\x80\\xae" "b"},
		{"\xc3\xa9", "\xc3\xa9", "\xc3\xa9"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_buf_ struct buf text = {0}, attr = {0};
		assert_int_equal(html_text(&text, cases[i].in), 0);
		assert_int_equal(html_attr(&attr, cases[i].in), 0);
		assert_string_equal(buf_text(&text), cases[i].text);
		assert_string_equal(buf_text(&attr), cases[i].attr);
	}
}

/* What CommonMark makes of a code span that is all of TEXT: the fence is the run of backticks
 * that it begins with, and the next run as long ends it. */
static char *read_code(const char *text)
{
	size_t fence = strspn(text, "`"), len = strlen(text);
	const char *p = text + fence;
	while (*p) {
		size_t run = strspn(p, "`");
		if (run == fence)
			break;
		p += run ? run : 1;
	}
	assert_true(fence > 0);
	assert_ptr_equal(p + fence, text + len); /* it ends where it should */
	char *inside = strndup(text + fence, (size_t)(p - text) - fence);
	size_t n = strlen(inside);
	if (n >= 2 && inside[0] == ' ' && inside[n - 1] == ' ' && strspn(inside, " ") != n) {
		inside[n - 1] = '\0';
		memmove(inside, inside + 1, n - 1);
	}
	return inside;
}

static void code_spans_end_where_they_should(void **state)
{
	(void)state;
	static const char letters[] = "`` `a\\|<";
	unsigned seed = 7;
	for (int i = 0; i < 20000; i++) {
		char in[12] = "";
		size_t len = 1 + (size_t)rand_r(&seed) % 10;
		for (size_t k = 0; k < len; k++)
			in[k] = letters[(size_t)rand_r(&seed) % (sizeof(letters) - 1)];
		if (strspn(in, " ") == len)
			continue; /* blanks stay as many as they were padded to, and hurt nobody */
		_cleanup_buf_ struct buf out = {0};
		assert_int_equal(md_code(&out, in), 0);
		_cleanup_free_ char *back = read_code(buf_text(&out));
		assert_string_equal(back, in);
	}
	_cleanup_buf_ struct buf lines = {0};
	md_code(&lines, "a\n# b\033");
	assert_string_equal(buf_text(&lines), "`a # b\\x1b`");
}

static void blocks_end_where_they_should(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf out = {0};
	md_block(&out, "diff", "+a\n```\n````\n# b\n", "  ");
	assert_string_equal(buf_text(&out), "  `````diff\n  +a\n  ```\n  ````\n  # b\n  `````\n");
}

/* ---- hostile runs ------------------------------------------------------------------------- */

static struct run *hostile_run(void)
{
	struct run *run = begin(HOSTILE);
	json_object_set_new(run->head, "host", json_text(HOSTILE));
	json_object_set_new(run->head, "inputs", json_pack("{s[o]}", "names", json_text(HOSTILE)));
	json_object_set_new(run->head, "operator", json_pack("{ss ss ss ss ss}", "by", "hook", "source", HOSTILE, "rule", HOSTILE,
	                                                     "values", HOSTILE "\x1b[2J", "event", HOSTILE));
	intend_move(run, 1, "files", "/tmp/" HOSTILE "\n# x\033[2J\xff\xe2\x80\xae", NOON + 1000);
	intend_kill(run, 2, HOSTILE, "/tmp/" HOSTILE);
	result(run, "outcome", 1, "done", HOSTILE);
	result(run, "outcome", 2, "partly", HOSTILE);
	add(run, "refused", json_pack("{ss so ss ss so}", "rule", HOSTILE, "why", json_text(HOSTILE), "step", HOSTILE, "kind", "x",
	                              "target", json_text(HOSTILE)));
	add(run, "failed", json_pack("{ss so}", "step", "cron", "why", json_text(HOSTILE)));
	add(run, "residual", json_pack("{so}", "what", json_text(HOSTILE)));
	add(run, "reload", json_pack("{ss si so}", "service", HOSTILE, "error", -5, "note", json_text(HOSTILE)));
	add(run, "evidence", json_pack("{ss ss ss sI sb ss}", "step", "look", "name", HOSTILE, "sha256", HASH, "size", (json_int_t)1,
	                               "partial", 0, "summary", HOSTILE));
	add(run, "omen", json_pack("{ss}", "<b>", HOSTILE));
	add(run, "end", json_pack("{si}", "status", 3));
	add(run, "undo", json_pack("{s{si ss} ss s[s]}", "operator", "uid", 0, "by", HOSTILE, "step", "files", "allow", HOSTILE));
	result(run, "undone", 1, "drifted", HOSTILE);
	add(run, "undo-end", json_pack("{si}", "status", 3));
	return run;
}

static void assert_no_control(const char *text)
{
	unsigned c;
	size_t len = strlen(text);
	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_next(text + i, len - i, &c);
		assert_true(n > 0);
		assert_true(!utf8_is_control(c) || c == '\n' || c == '\t');
	}
}

static void nothing_becomes_html(void **state)
{
	(void)state;
	struct run *run = hostile_run();
	struct report *r = report_of(run);
	_cleanup_free_ char *page = rendered(r, report_html);
	assert_page_is_whole(page);
	assert_no_control(page);
	assert_has(page, "&lt;script&gt;alert(1)&lt;/script&gt;");
	assert_has(page, "&lt;img src=x onerror=alert(2)&gt;&amp;lt;b&amp;gt;");
	assert_has(page, "\\xe2\\x80\\xae");
	assert_has_not(page, "<script");
	assert_has_not(page, "<img");
	assert_has_not(page, "href=\"http");
	assert_has_not(page, "href=\"javascript");
	end(run, r);
}

/* The page allows its own style sheet, by its hash, and nothing else. */
static void the_policy_fits_the_style(void **state)
{
	(void)state;
	struct run *run = begin("");
	struct report *r = report_of(run);
	_cleanup_free_ char *page = rendered(r, report_html);
	char *style = strstr(page, "<style>") + 7, *style_end = strstr(style, "</style>");
	struct sha256 hash;
	uint8_t bytes[SHA256_LEN];
	char base64[64] = "";
	_cleanup_buf_ struct buf policy = {0};
	sha256_bytes(style, (size_t)(style_end - style), &hash);
	for (size_t i = 0; i < SHA256_LEN; i++) {
		unsigned byte;
		assert_int_equal(sscanf(hash.hex + 2 * i, "%2x", &byte), 1);
		bytes[i] = (uint8_t)byte;
	}
	base64_encode_raw(base64, SHA256_LEN, bytes);
	buf_printf(&policy, "content=\"default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; form-action 'none'\"", base64);
	assert_has(page, buf_text(&policy));
	assert_true(strstr(page, "Content-Security-Policy") < strstr(page, "<style>"));
	static const char *const from_elsewhere[] = {"url(", "@import", "http:", "https:", "src="};
	for (size_t i = 0; i < sizeof(from_elsewhere) / sizeof(*from_elsewhere); i++)
		assert_null(strstr(report_style, from_elsewhere[i]));
	end(run, r);
}

/* Takes the code spans of a line of Markdown out: what is left is ours. */
static void assert_spans_hold_it_all(const char *line)
{
	for (const char *p = line; *p;) {
		size_t fence = strspn(p, "`"), run = 0;
		if (!fence) {
			if (strchr("<>[]&!", *p) && strncmp(p, "[ ] ", 4) != 0 && strncmp(p, "] ", 2) != 0 && strncmp(p, "&CK", 3) != 0)
				fail_msg("markup outside of code: %s", p);
			p++;
			continue;
		}
		for (p += fence; *p && (run = strspn(p, "`")) != fence; p += run ? run : 1)
			;
		if (run != fence)
			fail_msg("a code span has no end: %s", line);
		p += fence;
	}
}

static void nothing_becomes_markdown(void **state)
{
	(void)state;
	struct run *run = hostile_run();
	struct report *r = report_of(run);
	_cleanup_free_ char *md = rendered(r, report_md);
	char *save = NULL;
	size_t fence = 0, rows = 0;
	assert_no_control(md);
	assert_has(md, "onerror=alert(2)");
	for (char *line = strtok_r(md, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		size_t blanks = strspn(line, " "), ticks = strspn(line + blanks, "`");
		bool alone = strspn(line + blanks + ticks, "abcdefghijklmnopqrstuvwxyz") == strlen(line + blanks + ticks);
		if (fence) {
			fence = ticks >= fence && !line[blanks + ticks] ? 0 : fence;
			continue;
		}
		if (ticks >= 3 && alone) {
			fence = ticks;
			continue;
		}
		assert_spans_hold_it_all(line);
		if (line[0] != '|')
			continue;
		size_t bars = 0;
		for (const char *p = line; *p; p++)
			bars += *p == '|';
		assert_int_equal(bars, 10);
		rows++;
	}
	assert_int_equal(fence, 0);
	assert_true(rows > 4);
	end(run, r);
}

static void machines_get_all_of_it(void **state)
{
	(void)state;
	struct run *run = hostile_run();
	struct report *r = report_of(run);
	json_t *json = report_json(r);
	assert_non_null(json);
	_cleanup_free_ char *text = json_dumps(json, JSON_ENSURE_ASCII);
	assert_non_null(text);
	assert_int_equal(json_array_size(json_object_get(json, "timeline")), 2);
	assert_int_equal(json_array_size(json_object_get(json, "evidence")), 3);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(json, "summary"), "done")), 1);
	const json_t *files = json_array_get(json_object_get(json, "steps"), 0);
	assert_string_equal(json_string_value(json_object_get(files, "action")), "file.quarantine");
	const json_t *change = json_array_get(json_object_get(files, "changes"), 0);
	assert_string_equal(json_string_value(json_object_get(change, "undo")), "drifted");
	assert_non_null(strstr(json_string_value(json_object_get(change, "what")), "<script>"));
	json_decref(json);
	end(run, r);
}

int main(void)
{
	setenv("TZ", "UTC", 1);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_stays_text),
		cmocka_unit_test(code_spans_end_where_they_should),
		cmocka_unit_test(blocks_end_where_they_should),
		cmocka_unit_test(nothing_becomes_html),
		cmocka_unit_test(the_policy_fits_the_style),
		cmocka_unit_test(nothing_becomes_markdown),
		cmocka_unit_test(machines_get_all_of_it),
	};
	return cmocka_run_group_tests_name("report-hostile", tests, NULL, NULL);
}
