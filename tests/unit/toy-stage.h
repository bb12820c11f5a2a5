/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The engine with toy actions on a toy host (an array of cells), so that what is tested
 * is the order of things, the policies and the journal, and nothing else.
 */
#ifndef RESPOND_TOY_STAGE_H
#define RESPOND_TOY_STAGE_H

#include "core/recover.h"
#include "core/runner.h"

#define CELLS 10

/* What each cell holds (0: before, 1: after, other: drifted), and how it misbehaves. */
struct toy {
	int value[CELLS];
	int respawns[CELLS]; /* a set cell falls back that many times when it is planned again */
	bool fails[CELLS];
	bool drifts[CELLS]; /* once, at apply */
	bool hidden[CELLS]; /* probing it fails */
	bool stays[CELLS];  /* reverting it fails */
	bool grows;
	int grow_answer;
	char order[64]; /* what was done: "a1 " applied, "r1 " reverted, "s1 " settled */
	int reloads, reload_error;
	int waiters; /* processes that were to wait for deadlines */
};
extern struct toy toy;

/* Reversible, with a key that runs share; and not. Cell 9 is guarded. */
extern const struct change_kind toy_set, toy_burn;
extern const struct action toy_set_action; /* toy.set */

struct bench {
	char dir[64], sub[80];
	struct host host;
	struct config config;
	struct state state;
	struct observer observer;
	struct strv allow;
	struct engine engine;
	volatile sig_atomic_t stop;
	struct run_result result;
};

int bench_make(void **state);
int bench_make_of(const struct parts *parts, void **state); /* of other actions */
int bench_drop(void **state);

json_t *somebody(void); /* an operator */
struct playbook *parse(const struct bench *b, const char *text); /* one without errors */

/* Runs a playbook, the second without an error: the result is in b->result. */
int try_text(struct bench *b, const char *text, struct buf *ret_why);
int run_text(struct bench *b, const char *text);
struct undo_result roll_back(struct bench *b, const char *id, const char *step);
struct run *load(struct bench *b, const char *id);

#define HEAD "[playbook]\nname = toy\n"
#define STEP(name, action, cell) "[step " name "]\naction = " action "\ncell = " cell "\n"

#endif
