/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reports of runs that are put together record by record: what the model makes of them, and
 * that no text in them becomes markup, whatever it says.
 */
#include "base/escape.h"
#include "base/hash.h"
#include "change/kinds.h"
#include "registry.h"
#include "report-render.h"
#include "report-style.h"
#include "report-text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <nettle/base64.h>

#define NOON 1795608000000 /* 2026-11-25 12:00:00 UTC */
#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER_HASH "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

/* Everything that could be taken for markup, in HTML or Markdown. */
#define HOSTILE "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&lt;b&gt;</code></pre>--><!--``` `` ` ](javascript:x) | \\| **b** http://evil.example/ <style>*{display:none}</style>"

/* ---- runs, made up ---------------------------------------------------------------------- */

static int second; /* each record is one later than the one before */

/* Adds the record that TEXT is the rest of. As it is read back, not as it is made. */
static void add(struct run *run, const char *type, json_t *fields)
{
	char time[40];
	snprintf(time, sizeof(time), "2026-11-25T13:%02d:%02d.250+01:00", second / 60, second % 60);
	second++;
	json_t *record = fields ? fields : json_object();
	json_object_set_new(record, "type", json_string(type));
	json_object_set_new(record, "time", json_string(time));
	json_object_set_new(record, "seq", json_integer(second));
	if (strcmp(type, "evidence") == 0 || strcmp(type, "omen") == 0)
		assert_int_equal(json_array_append(run->records, record), 0);
	else
		assert_int_equal(run_replay(run, record, NULL, change_kinds), 0);
	json_decref(record);
}

static struct run *begin(const char *description)
{
	struct run *run = NULL;
	second = 0;
	assert_int_equal(run_new("20261125-120000-0001", &run), 0);
	add(run, "run", json_pack("{ss ss ss ss so ss ss s{s[s]} s[{ss ss}{ss ss}{ss ss}] s[s] s{si si ss}}", "version", "1.2", "key",
	                          "k1", "host", "web1", "playbook", "story", "description", json_text(description), "file", "/p.pb",
	                          "sha256", HASH, "inputs", "names", "xmrig", "steps", "step", "files", "action", "file.quarantine",
	                          "step", "cron", "action", "cron.remove", "step", "gone", "action", "no.such", "allow", "net.own",
	                          "operator", "uid", 0, "loginuid", 1000, "by", "command"));
	return run;
}

static void intend_move(struct run *run, unsigned id, const char *step, const char *path, int64_t confirm_by)
{
	json_t *data = json_pack("{so ss si s{}}", "path", json_text(path), "sha256", HASH, "size", 7, "meta");
	json_t *fields = json_pack("{si ss ss so so}", "change", (int)id, "kind", "file.move", "step", step, "target", json_text(path),
	                           "data", data);
	if (confirm_by)
		json_object_set_new(fields, "confirm-by", json_integer(confirm_by));
	add(run, "intent", fields);
}

static void result(struct run *run, const char *type, unsigned id, const char *word, const char *note)
{
	_cleanup_buf_ struct buf escaped = {0};
	escape_str(&escaped, note);
	add(run, type, json_pack("{si ss so}", "change", (int)id, "result", word, "note", json_text(buf_text(&escaped))));
}

static json_t *process(int pid, int ppid, const char *comm, const char *exe)
{
	char name[16];
	snprintf(name, sizeof(name), "%s", comm);
	return json_pack("{si si sI sI sI sI si sb sb so s[o] sb so so sb so}", "pid", pid, "ppid", ppid, "start", (json_int_t)pid,
	                 "dev", (json_int_t)1, "ino", (json_int_t)2, "unique", (json_int_t)0, "uid", 0, "direct", 1, "stopped", 0, "comm", json_text(name),
	                 "argv", json_text(comm), "argv-cut", 0, "user", json_text("root"), "exe", json_text(exe), "deleted", 1,
	                 "cwd", json_text("/"));
}

static void intend_kill(struct run *run, unsigned id, const char *comm, const char *exe)
{
	json_t *data = json_pack("{ss s{} s[ooo]}", "boot", "b", "select", "processes", process(10, 1, comm, exe),
	                         process(12, 10, comm, exe), process(11, 10, "sh", "/bin/sh"));
	add(run, "intent", json_pack("{si ss ss so so}", "change", (int)id, "kind", "process.kill", "step", "kill", "target",
	                             json_text(comm), "data", data));
	add(run, "grow", json_pack("{si s{s[{si ss sb so s[o]}]}}", "change", (int)id, "more", "evidence", "pid", 12, "exe-sha256",
	                           OTHER_HASH, "exe-in-vault", 1, "argv", json_array(), "sockets", json_text("tcp 1 -> 2")));
}

static struct report *report_of(const struct run *run)
{
	struct report *report = NULL;
	assert_int_equal(report_new(run, actions, NOON, &report), 0);
	return report;
}

static void end(struct run *run, struct report *report)
{
	report_free(&report);
	run_free(&run);
}

static const struct report_task *task(const struct report_tasks *tasks, const char *command)
{
	for (size_t i = 0; i < tasks->n; i++)
		if (strcmp(tasks->v[i].command, command) == 0)
			return &tasks->v[i];
	return NULL;
}

static char *rendered(const struct report *report, int (*render)(const struct report *report, struct buf *ret))
{
	struct buf text = {0};
	assert_int_equal(render(report, &text), 0);
	char *stolen = buf_steal(&text);
	assert_non_null(stolen);
	return stolen;
}

static void assert_has(const char *text, const char *what)
{
	if (!strstr(text, what))
		fail_msg("there is no %s in %s", what, text);
}

static void assert_has_not(const char *text, const char *what)
{
	if (strstr(text, what))
		fail_msg("there is %s", what);
}

/* Every tag is one that we write, with attributes that we write, and is closed where it was
 * opened: hostile text neither opened nor closed one. */
static void assert_page_is_whole(const char *page)
{
	static const char *const tags = " !doctype html head meta style title body main p h1 h2 h3 section span dl dt dd time nav a ul ol "
	                                "li code svg rect line div small b br table thead tbody tr th td details summary pre article "
	                                "header footer ";
	static const char *const empty = " !doctype meta rect line br ";
	char open[256][16];
	size_t depth = 0;
	for (const char *p = page; (p = strchr(p, '<')); p++) {
		char name[16] = "", word[20];
		bool closes = p[1] == '/';
		const char *start = p + 1 + closes;
		size_t len = strcspn(start, " />");
		assert_true(len && len < sizeof(name));
		memcpy(name, start, len);
		snprintf(word, sizeof(word), " %s ", name);
		if (!strstr(tags, word))
			fail_msg("a tag that is not ours: %.60s", p);
		const char *tag_end = strchr(p, '>');
		assert_non_null(tag_end);
		for (const char *a = p; a < tag_end; a++)
			if (strncmp(a, " on", 3) == 0 || strncmp(a, " src", 4) == 0 || strncmp(a, "style=", 6) == 0)
				fail_msg("an attribute that is not ours: %.80s", p);
		if (strstr(empty, word))
			continue;
		if (!closes) {
			assert_true(depth < 256);
			memcpy(open[depth++], name, sizeof(name));
			continue;
		}
		assert_true(depth > 0);
		if (strcmp(open[--depth], name) != 0)
			fail_msg("</%s> closes <%s>: %.60s", name, open[depth], p);
	}
	assert_int_equal(depth, 0);
}

/* ---- the model ------------------------------------------------------------------------- */

static void a_run_is_told(void **state)
{
	(void)state;
	struct run *run = begin("Take files away");
	add(run, "round", json_pack("{si}", "round", 1));
	intend_move(run, 1, "files", "/tmp/a", 0);
	intend_move(run, 2, "files", "/tmp/b", NOON + 600000);
	result(run, "outcome", 1, "done", "");
	result(run, "outcome", 2, "done", "");
	add(run, "end", json_pack("{si}", "status", 0));
	struct report *r = report_of(run);
	assert_string_equal(r->state, "done");
	assert_int_equal(r->tone, REPORT_GOOD);
	assert_string_equal(r->description, "Take files away");
	assert_string_equal(r->trigger, "the command line");
	assert_string_equal(r->operator, "login uid 1000, uid 0");
	assert_string_equal(r->phases[0].author, "login uid 1000, uid 0, by the command line");
	assert_string_equal(r->inputs.v[0], "names = xmrig");
	assert_string_equal(r->allowed.v[0], "net.own");
	assert_int_equal(r->counts.live, 2);
	assert_int_equal(r->n_steps, 3);
	assert_int_equal(r->steps[0].planned, 2);
	assert_int_equal(r->steps[0].done, 2);
	assert_non_null(r->steps[0].known);
	assert_int_equal(r->steps[1].planned, 0);
	assert_null(r->steps[2].known);
	assert_int_equal(r->n_phases, 1);
	assert_int_equal(r->n_events, 6); /* both intents are one */
	assert_string_equal(r->events[2].word, "planned");
	assert_string_equal(r->events[2].text, "2 changes, with what is needed to undo what can be undone");
	assert_int_equal(r->events[3].change, 1);
	assert_int_equal(r->events[1].ms - r->events[0].ms, 1000);
	assert_string_equal(r->events[0].time, "2026-11-25T13:00:00.250+01:00");
	assert_int_equal(r->n_techniques, 1); /* of the step that did something */
	assert_string_equal(r->techniques[0].id, "T1105");
	assert_int_equal(r->n_items, 2);
	assert_string_equal(r->items[0].what, "quarantined file");
	assert_int_equal(r->items[0].kept, REPORT_KEPT);
	assert_non_null(task(&r->todo, "respond --confirm 20261125-120000-0001"));
	assert_non_null(task(&r->todo, "respond --verify 20261125-120000-0001"));
	assert_non_null(task(&r->ways, "respond --rollback 20261125-120000-0001 --dry-run"));
	end(run, r);
}

static void a_deadline_that_is_over_is_told(void **state)
{
	(void)state;
	struct run *run = begin("");
	intend_move(run, 1, "files", "/tmp/a", NOON - 1);
	result(run, "outcome", 1, "done", "");
	add(run, "end", json_pack("{si}", "status", 0));
	struct report *r = report_of(run);
	assert_null(task(&r->todo, "respond --confirm 20261125-120000-0001"));
	const struct report_task *recover = task(&r->todo, "respond --recover 20261125-120000-0001");
	assert_true(recover && recover->tone == REPORT_BAD);
	end(run, r);
}

static void an_interrupted_run_is_told(void **state)
{
	(void)state;
	struct run *run = begin("");
	intend_move(run, 1, "files", "/tmp/a", 0);
	struct report *r = report_of(run);
	assert_string_equal(r->state, "unfinished");
	assert_int_equal(r->tone, REPORT_BAD);
	assert_int_equal(r->missed, 1);
	assert_non_null(task(&r->todo, "respond --recover 20261125-120000-0001"));
	assert_int_equal(r->ways.n, 0);
	report_free(&r);
	add(run, "recover", json_pack("{ss s{si ss}}", "how", "rollback", "operator", "uid", 0, "by", "recover"));
	result(run, "outcome", 1, "done", "found in force when the run was recovered");
	add(run, "end", json_pack("{si sb}", "status", 3, "recovered", 1));
	add(run, "undo", json_pack("{s{si ss} sn s[]}", "operator", "uid", 0, "by", "recover", "step", "allow"));
	add(run, "undo-intent", json_pack("{si}", "change", 1));
	result(run, "undone", 1, "undone", "");
	add(run, "undo-end", json_pack("{si}", "status", 0));
	r = report_of(run);
	assert_string_equal(r->state, "rolled back");
	assert_int_equal(r->n_phases, 3);
	assert_string_equal(r->phases[1].title, "Recovery");
	assert_string_equal(r->phases[1].author, "uid 0, by respond --recover");
	assert_string_equal(r->phases[2].title, "Rollback");
	assert_string_equal(r->phases[2].about, "of everything");
	assert_null(task(&r->todo, "respond --recover 20261125-120000-0001"));
	assert_int_equal(r->steps[0].undone, 1);
	end(run, r);
}

static void refusals_failures_and_residual_are_told(void **state)
{
	(void)state;
	struct run *run = begin("");
	add(run, "refused", json_pack("{ss ss ss ss ss}", "rule", "net.own", "why", "it is ours", "step", "files", "kind", "file.move",
	                              "target", "/tmp/a"));
	add(run, "refused", json_pack("{ss ss}", "rule", "plan.limit", "why", "too much"));
	add(run, "residual", json_pack("{ss}", "what", "cron: a line"));
	add(run, "failed", json_pack("{ss ss}", "step", "cron", "why", "no crontab"));
	add(run, "end", json_pack("{si}", "status", 4));
	struct report *r = report_of(run);
	assert_string_equal(r->state, "refused");
	assert_int_equal(r->n_refusals, 2);
	assert_int_equal(r->steps[0].refused, 1);
	assert_string_equal(r->refusals[1].what, "");
	assert_string_equal(r->residual.v[0], "cron: a line");
	assert_string_equal(r->steps[1].failure, "no crontab");
	assert_int_equal(r->n_techniques, 0);
	assert_int_equal(r->todo.n, 3);
	_cleanup_free_ char *md = rendered(r, report_md);
	assert_has(md, "Nothing on the host was changed.");
	assert_has(md, "`the plan as a whole`: `too much`");
	end(run, r);
}

static void an_undo_that_failed_is_told(void **state)
{
	(void)state;
	struct run *run = begin("");
	intend_move(run, 1, "files", "/tmp/a", 0);
	intend_move(run, 2, "files", "/tmp/b", 0);
	intend_move(run, 3, "cron", "/tmp/c", 0);
	result(run, "outcome", 1, "done", "");
	result(run, "outcome", 2, "partly", "half of it");
	result(run, "outcome", 3, "failed", "no");
	add(run, "end", json_pack("{si}", "status", 3));
	add(run, "undo", json_pack("{s{si ss} ss s[s]}", "operator", "uid", 0, "by", "command", "step", "files", "allow", "file.x"));
	result(run, "undone", 2, "drifted", "somebody was here");
	result(run, "undone", 1, "impossible", "purged");
	add(run, "undo-end", json_pack("{si}", "status", 3));
	add(run, "purged", json_pack("{s[s] s{si}}", "objects", HASH, "operator", "uid", 0));
	struct report *r = report_of(run);
	assert_int_equal(r->missed, 2);
	assert_int_equal(r->lasting, 1);
	assert_true(r->changes[0].lasting);
	assert_int_equal(r->changes[0].tone, REPORT_WARN);
	assert_int_equal(r->changes[1].tone, REPORT_BAD);
	assert_string_equal(r->phases[1].about, "only step files; lifted: file.x");
	assert_string_equal(r->phases[2].title, "Purge of the vault");
	assert_int_equal(r->items[0].kept, REPORT_PURGED);
	assert_string_equal(r->items[0].note, "purged from the vault on 2026-11-25");
	assert_int_equal(r->todo.v[0].tone, REPORT_BAD);
	end(run, r);
}

static void evidence_and_what_came_later_are_told(void **state)
{
	(void)state;
	struct run *run = begin("");
	add(run, "evidence", json_pack("{ss ss ss sI sb ss}", "step", "look", "name", "logins.json", "sha256", HASH, "size",
	                               (json_int_t)2048, "partial", 1, "summary", "3 logins"));
	add(run, "evidence", json_pack("{ss ss ss sI sb ss}", "step", "look", "name", "big", "lost", "too large", "size",
	                               (json_int_t)-1, "partial", 0, "summary", ""));
	add(run, "omen", json_pack("{ss si}", "bird", "raven", "count", 3));
	struct report *r = report_of(run);
	assert_int_equal(r->n_items, 2);
	assert_string_equal(r->items[0].name, "logins.json");
	assert_true(r->items[0].partial);
	assert_int_equal(r->items[1].kept, REPORT_LOST);
	assert_string_equal(r->steps[3].name, "look");
	assert_int_equal(r->steps[3].kept, 1);
	assert_int_equal(r->steps[3].lost, 1);
	assert_string_equal(r->events[3].word, "omen");
	assert_true(strcmp(r->events[3].text, "bird: raven, count: 3") == 0 || strcmp(r->events[3].text, "count: 3, bird: raven") == 0);
	_cleanup_free_ char *md = rendered(r, report_md), *html = rendered(r, report_html);
	assert_int_equal(r->kept, 1);
	assert_int_equal(r->lost, 1);
	assert_has(md, " 1 item of evidence was kept. 1 item of evidence could not be kept.");
	assert_has(md, "- [ ] 1 item of evidence could not be kept.");
	assert_has(md, "`logins.json`: evidence, in the vault, 2.0 KiB, in part (`3 logins`); step `look`");
	assert_has(html, "2.0 KiB, in part");
	end(run, r);
}

static void processes_are_a_tree(void **state)
{
	(void)state;
	struct run *run = begin("");
	intend_kill(run, 1, "miner", "/tmp/m");
	result(run, "outcome", 1, "done", "");
	add(run, "end", json_pack("{si}", "status", 0));
	struct report *r = report_of(run);
	const struct report_change *c = &r->changes[0];
	assert_int_equal(c->n_processes, 3);
	assert_int_equal(c->processes[0].pid, 10);
	assert_int_equal(c->processes[1].pid, 11);
	assert_int_equal(c->processes[1].depth, 1);
	assert_int_equal(c->processes[2].pid, 12);
	assert_string_equal(c->processes[2].sockets.v[0], "tcp 1 -> 2");
	assert_string_equal(c->processes[0].marks, "deleted executable");
	assert_string_equal(c->detail, "");
	assert_true(c->lasting);
	assert_int_equal(r->n_items, 1);
	assert_string_equal(r->items[0].name, "/tmp/m");
	assert_int_equal(r->items[0].kept, REPORT_KEPT);
	assert_int_equal(r->counts.live, 0);
	_cleanup_free_ char *html = rendered(r, report_html);
	assert_has(html, "<ul class=\"tree\"><li><div class=\"proc odd\"><span class=\"pid\">10</span>");
	assert_has(html, "<ul><li><div class=\"proc odd\"><span class=\"pid\">11</span>");
	end(run, r);
}

static void an_alert_is_the_trigger(void **state)
{
	(void)state;
	struct run *run = NULL;
	second = 0;
	assert_int_equal(run_new("20251125-120000-0001", &run), 0);
	add(run, "run", json_pack("{ss ss ss ss ss s{si sn ss ss ss ss ss ss}}", "version", "0", "host", "h", "playbook", "block",
	                          "file", "/o", "sha256", HASH, "operator", "uid", 0, "loginuid", "by", "hook", "source", "wazuh",
	                          "rule", "brute", "key", "0a", "values", "address=203.0.113.9", "event", "level=10"));
	add(run, "end", json_pack("{si}", "status", 0));
	struct report *r = report_of(run);
	assert_string_equal(r->trigger, "rule brute of wazuh, address=203.0.113.9 (event: level=10)");
	assert_string_equal(r->operator, "uid 0");
	_cleanup_free_ char *md = rendered(r, report_md), *html = rendered(r, report_html);
	assert_has(md, "rule brute of wazuh, address=203.0.113.9 (event: level=10)");
	assert_has(html, "rule brute of wazuh, address=203.0.113.9 (event: level=10)");
	end(run, r);
}

/* Written before runs recorded their steps. */
static void an_old_journal_is_told(void **state)
{
	(void)state;
	struct run *run = NULL;
	second = 0;
	assert_int_equal(run_new("20251125-120000-0001", &run), 0);
	add(run, "run", json_pack("{ss ss ss ss ss}", "version", "0", "host", "h", "playbook", "old", "file", "/o", "sha256", HASH));
	intend_move(run, 1, "files", "/tmp/a", 0);
	result(run, "outcome", 1, "done", "");
	add(run, "end", json_pack("{si}", "status", 0));
	struct report *r = report_of(run);
	assert_string_equal(r->steps[0].name, "files");
	assert_string_equal(r->steps[0].action, "");
	assert_string_equal(r->trigger, "");
	assert_string_equal(r->operator, "");
	_cleanup_free_ char *md = rendered(r, report_md), *html = rendered(r, report_html);
	assert_has(md, "/tmp/a");
	assert_has(html, "<h1>old</h1>");
	assert_page_is_whole(html);
	end(run, r);
}

/* Nowhere does markup hang on a text being there. */
static void empty_texts_leave_the_page_whole(void **state)
{
	(void)state;
	struct run *run = NULL;
	second = 0;
	assert_int_equal(run_new("20251125-120000-0001", &run), 0);
	add(run, "run", json_pack("{ss}", "playbook", ""));
	intend_move(run, 1, "", "", NOON + 1);
	intend_kill(run, 2, "", "");
	result(run, "outcome", 1, "done", "");
	static const char *const bare[] = {"refused", "failed", "residual", "reload", "evidence", "omen", "end", "undo", "undo-end",
	                                   "recover", "reapply", "reapply-end", "purged", "confirmed"};
	for (size_t i = 0; i < sizeof(bare) / sizeof(*bare); i++)
		add(run, bare[i], NULL);
	struct report *r = report_of(run);
	_cleanup_free_ char *md = rendered(r, report_md), *html = rendered(r, report_html);
	assert_page_is_whole(html);
	assert_has(md, "# Incident report");
	json_t *json = report_json(r);
	assert_non_null(json);
	json_decref(json);
	end(run, r);
}

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
		cmocka_unit_test(a_run_is_told),
		cmocka_unit_test(a_deadline_that_is_over_is_told),
		cmocka_unit_test(an_interrupted_run_is_told),
		cmocka_unit_test(refusals_failures_and_residual_are_told),
		cmocka_unit_test(an_undo_that_failed_is_told),
		cmocka_unit_test(evidence_and_what_came_later_are_told),
		cmocka_unit_test(processes_are_a_tree),
		cmocka_unit_test(an_alert_is_the_trigger),
		cmocka_unit_test(an_old_journal_is_told),
		cmocka_unit_test(empty_texts_leave_the_page_whole),
		cmocka_unit_test(text_stays_text),
		cmocka_unit_test(code_spans_end_where_they_should),
		cmocka_unit_test(blocks_end_where_they_should),
		cmocka_unit_test(nothing_becomes_html),
		cmocka_unit_test(the_policy_fits_the_style),
		cmocka_unit_test(nothing_becomes_markdown),
		cmocka_unit_test(machines_get_all_of_it),
	};
	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
