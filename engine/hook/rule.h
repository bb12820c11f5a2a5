/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The rules of /etc/respond/hooks.d, respond-hooks(5): which events of which source start
 * which playbook, with which of their fields, and how often.
 */
#ifndef RESPOND_HOOK_RULE_H
#define RESPOND_HOOK_RULE_H

#include "base/netaddr.h"
#include "core/playbook.h"
#include "hook/source.h"

#define RULES_MAX 1000
#define RULE_LIMIT_MAX 1000 /* runs in a span of time */

enum test_kind {
	TEST_TEXT,   /* the same bytes */
	TEST_GLOB,   /* * ? [...] and \ have their meaning; a slash has none */
	TEST_NUMBER, /* compares: the field is a whole number, or text that is one */
	TEST_WITHIN, /* the field is an address or a prefix, and lies in this one */
};

enum comparison { IS_LESS, IS_AT_MOST, IS_MORE, IS_AT_LEAST, IS_EQUAL };

struct test {
	enum test_kind kind;
	char *text; /* without its quotes */
	enum comparison comparison;
	int64_t number;
	struct netaddr within;
};

/* One field, and what it may be: any of the tests. */
struct matcher {
	unsigned line;
	char *field;
	char *text; /* as it is written */
	struct test *tests;
	size_t n;
};

struct matchers {
	struct matcher *v;
	size_t n;
};

/* One element of what an input is set to: of both, one is NULL. */
struct part_of_setting {
	char *literal;
	char *field;
};

struct setting {
	unsigned line;
	char *input;
	struct part_of_setting *v; /* none: it was all literal, and the playbook has it already */
	size_t n;
	bool key; /* tells one run of the rule from another */
};

struct rule {
	char *file;
	unsigned line;
	char *name;
	const struct source *source;
	struct matchers match;
	struct matchers undo; /* none: no event takes back */
	struct playbook *playbook;
	struct setting *settings;
	size_t n_settings;
	bool enforce;
	bool leave_out;       /* of a list of addresses, those that the guard refuses; else none of it is done */
	int64_t cooldown_ms;
	unsigned limit;       /* runs within */
	int64_t limit_ms;
	int64_t ttl_ms;       /* 0: as the playbook says */
};

struct rules {
	struct rule *v;
	size_t n;
};

/* What the reader looks at: the host's files, and what rules may name. */
struct rule_world {
	int root;
	const char *shipped; /* playbooks */
	const struct action *const *actions;
	const struct source *const *sources;
};

/* Reads every *.conf of DIR (absolute, below root), in the order of their names; a directory
 * that is missing has no rules. All of them must be right, and root's alone to write, and so must
 * the playbooks that they name: -EINVAL with all that is wrong in RET_WRONG, a line each. */
int rules_load(const struct rule_world *world, const char *dir, struct rules *ret, struct buf *ret_wrong);

/* One file that has been read. FIND_PLAYBOOK gives what a name stands for, or NULL with what is
 * wrong with it in its diags. */
typedef int find_playbook_fn(void *ctx, const char *name, struct playbook **ret, struct diags *diags);
int rules_parse(const struct buf *bytes, const struct source *const *known, find_playbook_fn *find, void *ctx,
                struct rules *ret, struct diags *diags);
void rules_free(struct rules *rules);
#define _cleanup_rules_ _cleanup_(rules_free)

const struct rule *rules_find(const struct rules *rules, const char *name); /* NULL: there is none */

/* "FIELD = VALUE, ...", as a source spells its undo_on, or the value of a key. -EINVAL with a
 * sentence in RET_WHY. */
int matcher_parse(const char *field, const char *values, struct matcher *ret, struct buf *ret_why);
void matcher_free(struct matcher *matcher);

/* Whether one of the tests holds. A list is what any of its items is; a field that is empty, or
 * that the event does not have, is nothing. */
bool matcher_holds(const struct matcher *matcher, const struct event *event);

/* Shell patterns on bytes of UTF-8, in a time that a stranger's text cannot make long. */
bool glob_matches(const char *pattern, const char *text);
int glob_check(const char *pattern, struct buf *ret_why);

#endif
