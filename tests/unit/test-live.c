/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The loop that lives on, with lines of standard input and children that only say that they
 * ran: what is done, in which order, how it ends, and what is said about what is lost.
 */
#include "toy-stage.h"

#include "base/clock.h"
#include "base/fd.h"
#include "hook/live.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* "add 3", "delete 3", "rot". */
static int parse_toy(struct slice message, struct events *ret, struct buf *ret_why)
{
	_cleanup_event_ struct event event = {0};
	struct slice action = take_word(&message);
	if (!slice_is(action, "add") && !slice_is(action, "delete")) {
		buf_puts(ret_why, "it is rotten");
		return -EINVAL;
	}
	int r = event_add_text(&event, "action", action);
	if (r == 0)
		r = event_add_text(&event, "cell", trim(message));
	return r < 0 ? r : events_add(ret, &event);
}

static const struct source toy_source = {.name = "toy", .size_max = 64, .lines = true, .undo_on = "action = delete",
                                         .parse = parse_toy};
static const struct source *const known[] = {&toy_source, NULL};

static const char playbook_text[] = HEAD "[input cell]\ntype = number-list\nrequired = yes\n"
	"[step set]\naction = toy.set\ncell = ${cell}\n";
static const char rules_text[] = "[rule r]\nsource = toy\nmatch action = add\nplaybook = toy.pb\n"
	"set cell = ${event.cell}\nmode = enforce\nlimit = 1000/1m\n";

/* What the children did, in the order in which they ended. */
struct shared {
	unsigned n;
	unsigned begun;
	bool go; /* for those that wait */
	char done[4096];
};

struct stage {
	struct bench *b;
	struct rules rules;
	struct hook hook;
	struct live live;
	struct shared *shared;
	unsigned ms; /* that a child takes */
	bool waits;  /* until it is told to go on */
	int write_end;
	unsigned reloads;
	struct buf told;
};

static int find(void *ctx, const char *name, struct playbook **ret, struct diags *diags)
{
	struct bench *b = ctx;
	struct buf bytes = {.data = (char *)playbook_text, .len = strlen(playbook_text)};
	return playbook_parse(name, &bytes, b->engine.parts->actions, ret, diags);
}

static int act(void *ctx, struct errand *errand)
{
	struct stage *s = ctx;
	const struct field *action = event_field(&errand->event, "action"), *cell = event_field(&errand->event, "cell");
	__atomic_fetch_add(&s->shared->begun, 1, __ATOMIC_SEQ_CST);
	sleep_ms(s->ms);
	for (int i = 0; s->waits && !__atomic_load_n(&s->shared->go, __ATOMIC_SEQ_CST) && i < 6000; i++)
		sleep_ms(10);
	if (strcmp(cell->text, "9") == 0)
		raise(SIGKILL);
	unsigned at = __atomic_fetch_add(&s->shared->n, 1, __ATOMIC_SEQ_CST);
	snprintf(s->shared->done + at * 4, 4, "%c%2s", action->text[0] == 'a' ? '+' : '-', cell->text);
	return 0;
}

static int reload(void *ctx)
{
	struct stage *s = ctx;
	s->reloads++;
	return 0;
}

static void tell(void *ctx, const char *text)
{
	struct stage *s = ctx;
	buf_printf(&s->told, "%s\n", text);
}

static int make(void **state)
{
	void *bench = NULL;
	int ends[2];
	live_hold_signals();
	struct stage *s = calloc(1, sizeof(*s));
	_cleanup_buf_ struct buf why = {0};
	_cleanup_(diags_free) struct diags diags = {.file = strdup("h.conf")};
	struct buf bytes = {.data = (char *)rules_text, .len = strlen(rules_text)};
	if (bench_make(&bench) < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	s->b = bench;
	s->shared = mmap(NULL, sizeof(*s->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (state_prepare(&s->b->state) < 0 || rules_parse(&bytes, known, find, s->b, &s->rules, &diags) < 0)
		return -1;
	s->hook = (struct hook){.engine = &s->b->engine, .rules = &s->rules, .waited = true};
	if (ledger_open(&s->b->state, s->b->engine.parts->kinds, &s->hook.ledger, &why) < 0)
		return -1;
	intake_init(&s->live.intake, &s->hook);
	s->live.intake.queue.runs = 2;
	s->live.intake.queue.per_rule = 100;
	s->live.source = &toy_source;
	s->live.input = ends[0];
	s->live.act = act;
	s->live.reload = reload;
	s->live.tell = tell;
	s->live.ctx = s;
	s->write_end = ends[1];
	*state = s;
	return 0;
}

static int drop(void **state)
{
	struct stage *s = *state;
	void *bench = s->b;
	intake_free(&s->live.intake);
	ledger_free(&s->hook.ledger);
	rules_free(&s->rules);
	munmap(s->shared, sizeof(*s->shared));
	buf_free(&s->told);
	free(s);
	return bench_drop(&bench);
}

static void put(struct stage *s, const char *text)
{
	assert_int_equal(fd_write(s->write_end, text, strlen(text)), 0);
}

/* That was all that comes. */
static void run(struct stage *s)
{
	int fd = s->live.input;
	if (s->write_end >= 0)
		close(s->write_end);
	assert_int_equal(live_run(&s->live), 0);
	close(fd);
}

static bool is_pending(pid_t pid, int number)
{
	char path[64];
	_cleanup_buf_ struct buf text = {0};
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	const char *set = fd >= 0 && fd_read(fd, 65536, &text) == 0 ? strstr(buf_text(&text), "\nShdPnd:") : NULL;
	return set && strtoull(set + 8, NULL, 16) >> (number - 1) & 1;
}

/* From another process, when so many runs have begun: two signals (0: just one), each when the one
 * before has been taken. That process keeps the write end open until it is ended. */
static pid_t signal_when(struct stage *s, unsigned begun, int first, int second)
{
	const int numbers[] = {first, second};
	pid_t us = getpid(), child = fork();
	if (child)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (__atomic_load_n(&s->shared->begun, __ATOMIC_SEQ_CST) < begun)
		sleep_ms(1);
	for (size_t i = 0; i < 2 && numbers[i]; i++) {
		kill(us, numbers[i]);
		while (is_pending(us, numbers[i]))
			sleep_ms(1);
	}
	for (;;)
		pause();
}

static void end(pid_t child)
{
	assert_int_equal(waitpid(child, NULL, WNOHANG), 0); /* it was not the end of the input */
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static uint64_t count_of(struct stage *s, const char *name, enum tally tally)
{
	const struct ledger_rule *r = ledger_rule_find(s->hook.ledger, name);
	return r ? r->saved[tally] + r->fresh[tally] : 0;
}

static bool did(struct stage *s, const char *what)
{
	bool found = false;
	for (unsigned i = 0; i < s->shared->n; i++)
		found |= strcmp(s->shared->done + 4 * i, what) == 0;
	return found;
}

static void a_flood_is_as_many_runs_as_it_has_keys(void **state)
{
	struct stage *s = *state;
	char line[32];
	pid_t writer = fork();
	if (writer == 0) {
		for (int i = 0; i < 5000; i++) {
			snprintf(line, sizeof(line), "add %d\n", i * 7919 % 50 + 10);
			(void)!write(s->write_end, line, strlen(line));
		}
		_exit(0);
	}
	s->ms = 200; /* longer than the flood takes: each key is asked for once */
	run(s);
	waitpid(writer, NULL, 0);
	assert_true(s->shared->n >= 50);
	assert_int_equal(s->live.intake.messages, 5000);
	assert_int_equal(count_of(s, "r", TALLY_MATCHED), 5000);
	assert_int_equal(count_of(s, "@toy", TALLY_EVENTS), 5000);
	assert_int_equal(count_of(s, "r", TALLY_MERGED) + s->shared->n, 5000);
	assert_int_equal(count_of(s, "r", TALLY_DROPPED), 0);
	for (int i = 10; i < 60; i++) {
		snprintf(line, sizeof(line), "+%d", i);
		assert_true(did(s, line));
	}
	assert_string_equal(buf_text(&s->told), "");
}

static void an_undo_comes_behind_its_alert(void **state)
{
	struct stage *s = *state;
	s->ms = 30;
	put(s, "add 1\ndelete 1\ndelete 2\nadd 3\n");
	run(s);
	/* What nothing was done about, and nothing waits to be, is not taken back. */
	assert_int_equal(s->shared->n, 3);
	assert_true(did(s, "+ 1") && did(s, "+ 3") && did(s, "- 1"));
	assert_string_not_equal(s->shared->done, "- 1");
	assert_int_equal(count_of(s, "r", TALLY_NOTHING), 1);
}

static void a_run_that_crashes_ends_nothing_else(void **state)
{
	struct stage *s = *state;
	put(s, "add 9\nadd 1\nadd 2\n");
	run(s);
	assert_int_equal(s->shared->n, 2);
	assert_int_equal(s->live.workers.crashed, 1);
	assert_string_equal(buf_text(&s->told),
	                    "a run of the rule r was ended by signal 9; respond --recover brings it to an end\n");
}

static void what_is_lost_is_said_in_one_line(void **state)
{
	struct stage *s = *state;
	char line[200];
	s->live.intake.queue.runs = 1;
	s->live.intake.queue.per_rule = 2;
	s->ms = 100;
	memset(line, 'x', sizeof(line));
	memcpy(line + sizeof(line) - 2, "\n", 2);
	put(s, "rot\n");
	put(s, line);
	put(s, "add 1\nadd 2\nadd 3\nadd 4\nadd 5\nmore rot\n");
	run(s);
	assert_int_equal(s->shared->n, 2);
	assert_int_equal(count_of(s, "r", TALLY_DROPPED), 3);
	assert_int_equal(count_of(s, "@toy", TALLY_REFUSED), 3);
	assert_string_equal(buf_text(&s->told), "r: 3 alerts and 0 undos were dropped; 1 messages were too long; "
	                                        "2 messages were refused, the first: toy: it is rotten\n");
}

static void sigterm_ends_it_when_what_waits_is_done(void **state)
{
	struct stage *s = *state;
	s->ms = 200;
	put(s, "add 1\nadd 2\nadd 3\nadd 4\n");
	pid_t child = signal_when(s, 1, SIGTERM, 0);
	run(s);
	assert_int_equal(s->shared->n, 4);
	end(child);
	assert_string_equal(buf_text(&s->told), "");
}

static void a_second_sigterm_does_not_wait(void **state)
{
	struct stage *s = *state;
	s->waits = true;
	s->live.intake.queue.runs = 1;
	put(s, "add 1\nadd 2\nadd 3\n");
	pid_t child = signal_when(s, 1, SIGTERM, SIGTERM);
	run(s);
	assert_int_equal(s->shared->n, 0);
	assert_string_equal(buf_text(&s->told), "r: 2 alerts and 0 undos were dropped\n");
	assert_int_equal(count_of(s, "r", TALLY_DROPPED), 2);
	end(child);
	__atomic_store_n(&s->shared->go, true, __ATOMIC_SEQ_CST);
	for (int i = 0; i < 6000 && __atomic_load_n(&s->shared->n, __ATOMIC_SEQ_CST) < 1; i++)
		sleep_ms(10);
	assert_int_equal(s->shared->n, 1); /* the run that was not waited for */
}

static void sighup_reads_the_rules_again(void **state)
{
	struct stage *s = *state;
	pid_t child = signal_when(s, 0, SIGHUP, SIGTERM);
	run(s);
	assert_int_equal(s->reloads, 1);
	end(child);
}

static void a_signal_while_it_starts_is_heard(void **state)
{
	struct stage *s = *state;
	kill(getpid(), SIGHUP);
	pid_t child = signal_when(s, 0, SIGTERM, 0);
	run(s);
	assert_int_equal(s->reloads, 1);
	end(child);
}

int main(void)
{
#define STAGED(test) cmocka_unit_test_setup_teardown(test, make, drop)
	const struct CMUnitTest tests[] = {
		STAGED(a_flood_is_as_many_runs_as_it_has_keys),
		STAGED(an_undo_comes_behind_its_alert),
		STAGED(a_run_that_crashes_ends_nothing_else),
		STAGED(what_is_lost_is_said_in_one_line),
		STAGED(sigterm_ends_it_when_what_waits_is_done),
		STAGED(a_second_sigterm_does_not_wait),
		STAGED(sighup_reads_the_rules_again),
		STAGED(a_signal_while_it_starts_is_heard),
	};
	if (geteuid() != 0) { /* parsers are confined by root alone */
		puts("1..0 # SKIP needs root");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
