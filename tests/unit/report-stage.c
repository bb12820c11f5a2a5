/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report-stage.h"

#include "base/escape.h"
#include "change/kinds.h"
#include "registry.h"

#include <stdio.h>
#include <string.h>

static int second; /* each record is one later than the one before */

void add(struct run *run, const char *type, json_t *fields)
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

struct run *begin_bare(const char *id)
{
	struct run *run = NULL;
	second = 0;
	assert_int_equal(run_new(id, &run), 0);
	return run;
}

struct run *begin(const char *description)
{
	struct run *run = begin_bare("20261125-120000-0001");
	add(run, "run", json_pack("{ss ss ss ss so ss ss s{s[s]} s[{ss ss}{ss ss}{ss ss}] s[s] s{si si ss}}", "version", "1.2", "key",
	                          "k1", "host", "web1", "playbook", "story", "description", json_text(description), "file", "/p.pb",
	                          "sha256", HASH, "inputs", "names", "xmrig", "steps", "step", "files", "action", "file.quarantine",
	                          "step", "cron", "action", "cron.remove", "step", "gone", "action", "no.such", "allow", "net.own",
	                          "operator", "uid", 0, "loginuid", 1000, "by", "command"));
	return run;
}

void intend_move(struct run *run, unsigned id, const char *step, const char *path, int64_t confirm_by)
{
	json_t *data = json_pack("{so ss si s{}}", "path", json_text(path), "sha256", HASH, "size", 7, "meta");
	json_t *fields = json_pack("{si ss ss so so}", "change", (int)id, "kind", "file.move", "step", step, "target", json_text(path),
	                           "data", data);
	if (confirm_by)
		json_object_set_new(fields, "confirm-by", json_integer(confirm_by));
	add(run, "intent", fields);
}

void result(struct run *run, const char *type, unsigned id, const char *word, const char *note)
{
	_cleanup_buf_ struct buf escaped = {0};
	escape_str(&escaped, note);
	add(run, type, json_pack("{si ss so}", "change", (int)id, "result", word, "note", json_text(buf_text(&escaped))));
}

json_t *process(int pid, int ppid, const char *comm, const char *exe)
{
	char name[16];
	snprintf(name, sizeof(name), "%s", comm);
	return json_pack("{si si sI sI sI sI si sb sb so s[o] sb so so sb so}", "pid", pid, "ppid", ppid, "start", (json_int_t)pid,
	                 "dev", (json_int_t)1, "ino", (json_int_t)2, "unique", (json_int_t)0, "uid", 0, "direct", 1, "stopped", 0, "comm", json_text(name),
	                 "argv", json_text(comm), "argv-cut", 0, "user", json_text("root"), "exe", json_text(exe), "deleted", 1,
	                 "cwd", json_text("/"));
}

void intend_kill(struct run *run, unsigned id, const char *comm, const char *exe)
{
	json_t *data = json_pack("{ss s{} s[ooo]}", "boot", "b", "select", "processes", process(10, 1, comm, exe),
	                         process(12, 10, comm, exe), process(11, 10, "sh", "/bin/sh"));
	add(run, "intent", json_pack("{si ss ss so so}", "change", (int)id, "kind", "process.kill", "step", "kill", "target",
	                             json_text(comm), "data", data));
	add(run, "grow", json_pack("{si s{s[{si ss sb so s[o]}]}}", "change", (int)id, "more", "evidence", "pid", 12, "exe-sha256",
	                           OTHER_HASH, "exe-in-vault", 1, "argv", json_array(), "sockets", json_text("tcp 1 -> 2")));
}

struct report *report_of(const struct run *run)
{
	struct report *report = NULL;
	assert_int_equal(report_new(run, actions, NOON, &report), 0);
	return report;
}

void end(struct run *run, struct report *report)
{
	report_free(&report);
	run_free(&run);
}

char *rendered(const struct report *report, int (*render)(const struct report *report, struct buf *ret))
{
	struct buf text = {0};
	assert_int_equal(render(report, &text), 0);
	char *stolen = buf_steal(&text);
	assert_non_null(stolen);
	return stolen;
}

void assert_has(const char *text, const char *what)
{
	if (!strstr(text, what))
		fail_msg("there is no %s in %s", what, text);
}

void assert_has_not(const char *text, const char *what)
{
	if (strstr(text, what))
		fail_msg("there is %s", what);
}

void assert_page_is_whole(const char *page)
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
