/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the report makes of a run.
 */
#include "report-stage.h"

#include <stdlib.h>
#include <string.h>

static const struct report_task *task(const struct report_tasks *tasks, const char *command)
{
	for (size_t i = 0; i < tasks->n; i++)
		if (strcmp(tasks->v[i].command, command) == 0)
			return &tasks->v[i];
	return NULL;
}

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
	struct run *run = begin_bare("20251125-120000-0001");
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
	struct run *run = begin_bare("20251125-120000-0001");
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
	struct run *run = begin_bare("20251125-120000-0001");
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
	};
	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
