/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A process action planned and applied by itself, with a stand-in for the engine.
 */
#ifndef RESPOND_TESTS_PROCESS_WORK_H
#define RESPOND_TESTS_PROCESS_WORK_H

#include "core/action.h"
#include "process-stage.h"

extern const struct action process_find;
extern const struct action process_stop;
extern const struct action process_kill;

/* The engine's side of an effect: a guard that refuses one pid, a journal that fails. */
struct journal_stand_in {
	struct effect effect;
	pid_t refused;
	int fails;
	size_t announced;
};

struct work {
	struct plan *plan;
	struct args *args;
	struct journal_stand_in journal;
};

void work_end(struct work *w);
#define _cleanup_work_ _cleanup_(work_end)

/* An argument with one value; NULL: it is given and empty. */
void work_give(struct work *w, const char *name, const char *item);
void work_give_file(struct work *w, struct stage *s, const char *file); /* exe = DIR/FILE */

/* Plans and gives the change, NULL if there is nothing to do. */
struct change *work_plan(struct stage *s, struct work *w, const struct action *action);

/* The same for what runs DIR/FILE, with its tree: there must be something to do. */
struct change *work_plan_tree(struct stage *s, struct work *w, const struct action *action, const char *file);

int work_apply(struct stage *s, struct work *w, struct change *c);
enum change_state work_probe(struct stage *s, const struct change *c);

const char *work_fact(struct work *w, const char *name); /* its first value, or NULL */

/* What the change announced about a process before it was killed, or NULL. */
const json_t *evidence_of(const struct change *c, pid_t pid);

#endif
