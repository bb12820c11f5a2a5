/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * respond-playbook(5): a playbook read, checked against the actions that exist, and
 * bound to values.
 */
#ifndef RESPOND_CORE_PLAYBOOK_H
#define RESPOND_CORE_PLAYBOOK_H

#include "base/hash.h"
#include "core/action.h"
#include "core/diag.h"

enum on_failure { ON_FAILURE_STOP, ON_FAILURE_CONTINUE, ON_FAILURE_ROLLBACK };

/* One element of an argument as it is written: a literal, or a whole ${reference}. */
struct element {
	char *text;       /* literal: as written, quotes removed */
	char *input;      /* ${c2}: "c2" */
	char *step;       /* ${miner.exe}: "miner" and */
	char *fact;       /* "exe" */
};

struct argument {
	unsigned line;
	const struct param *param;
	struct element *elements;
	size_t n;
};

struct input {
	unsigned line;
	char *name;
	enum type type;      /* TYPE_COUNT_ while reading a playbook whose input has none */
	bool list;
	bool required;
	char *choices;
	char *help;
	struct value value;  /* its default, or what input_set() gave it */
	bool has_value;
	bool given;          /* by playbook_set() */
};

struct condition; /* a parsed `when` */

struct step {
	unsigned line;
	char *name;
	const struct action *action;
	struct argument *arguments;
	size_t n_arguments;
	struct condition *when;     /* NULL: always */
	char *when_text;
	unsigned when_line;
	enum on_failure on_failure;
	int64_t confirm_ms;         /* taken back after this time unless confirmed; 0: for good */
	int64_t ttl_ms;             /* taken back after this time; 0: for good */
};

struct playbook {
	char *file;          /* as messages name it */
	char *path;          /* absolute; "" when parsed from bytes */
	struct sha256 sha256;
	char *name;
	char *description;
	enum on_failure on_failure;
	int64_t confirm_ms;  /* of steps that do not say */
	int64_t settle_ms;   /* to wait before the plan that proves the host clean */
	struct input *inputs;
	size_t n_inputs;
	struct step *steps;
	size_t n_steps;
};

/* The values of facts by "step.fact", gathered over the rounds of a run. */
struct facts;
int facts_new(struct facts **ret);
void facts_free(struct facts **facts);
int facts_add(struct facts *facts, const char *step, const char *fact, const char *value); /* duplicates dropped */
int facts_set(struct facts *facts, const char *step, const char *fact, const char *value);
const struct strv *facts_get(const struct facts *facts, const char *step, const char *fact); /* NULL: none yet */

/* Finds FILE (a name without a slash is looked up in /etc/respond/playbooks, then in
 * SHIPPED; anything else is a path), reads and checks it. -EINVAL with all that is
 * wrong in DIAGS; -ENOENT with one line there. */
int playbook_load(int root, const char *file, const char *shipped, const struct action *const *actions,
                  struct playbook **ret, struct diags *diags);
int playbook_parse(const char *file, const struct buf *bytes, const struct action *const *actions,
                   struct playbook **ret, struct diags *diags);
void playbook_free(struct playbook **playbook);

/* --set NAME=VALUE, once for each name. The elements of a list are separated as in a
 * playbook, a single value is taken as it is. -EINVAL or -ENOENT with a sentence in RET_WHY. */
int playbook_set(struct playbook *playbook, const char *name, const char *value, struct buf *ret_why);

/* Values that a stranger chose, for an input: each is one element, whatever commas or quotes
 * it has, typed as the input is declared; none names a file, a pattern or a line of a
 * configuration. input_accept() checks them into RET; playbook_give() has the input take them,
 * in place of those that it had. -EINVAL or -ENOENT with a sentence in RET_WHY. */
int input_accept(const struct input *input, const struct strv *items, struct strv *ret, struct buf *ret_why);
int playbook_give(struct playbook *playbook, const char *name, const struct strv *items, struct buf *ret_why);

/* Whether an input may be given such values at all; -EINVAL with a sentence in RET_WHY. */
int input_open_to_strangers(const struct input *input, struct buf *ret_why);

struct input *playbook_input(const struct playbook *playbook, const char *name); /* NULL: there is none */

/* -ENOENT with a sentence in RET_WHY that names those that there are. */
int playbook_unknown_input(const struct playbook *playbook, const char *name, struct buf *ret_why);

/* -EINVAL with a sentence when a required input has no value. */
int playbook_ready(const struct playbook *playbook, struct buf *ret_why);

/* The arguments of a step with inputs and facts filled in. -EINVAL with a sentence. */
int step_bind(const struct playbook *playbook, const struct step *step, const struct facts *facts,
              struct args **ret, struct buf *ret_why);

/* Whether the step's `when` holds (true without one). */
int step_wanted(const struct playbook *playbook, const struct step *step, const struct facts *facts, bool *ret);

#endif
