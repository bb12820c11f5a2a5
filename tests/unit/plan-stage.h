/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A made-up root directory for actions to plan on: files are put below it, and what the
 * plan makes of them is looked at.
 */
#ifndef RESPOND_TESTS_PLAN_STAGE_H
#define RESPOND_TESTS_PLAN_STAGE_H

#include "core/action.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct stage {
	char root[64];
	struct host host;
	struct plan *plan;
	struct args *args;
};

void open_stage(struct stage *s);
void close_stage(struct stage *s);
void plan_anew(struct stage *s); /* an empty plan; the arguments stay */

/* The directories on the way are made. */
void full_path(const struct stage *s, const char *path, char ret[PATH_MAX]);
void put(const struct stage *s, const char *path, const char *content);
void link_to(const struct stage *s, const char *target, const char *path);

/* A package of dpkg that owns these paths; they need not be there. NULL-ended. */
void put_package(const struct stage *s, const char *name, const char *const *paths);
#define OWNS(s, name, ...) put_package(s, name, (const char *const[]){__VA_ARGS__, NULL})

/* One argument, a list of one item (NULL: an empty one), or of some. */
void set(struct stage *s, const char *name, enum type type, const char *item);
void set_list(struct stage *s, const char *name, enum type type, const char *const *items);

const struct change *change_at(const struct stage *s, const char *path); /* NULL: there is none */
void assert_edited(const struct stage *s, const char *path, const char *result);
void assert_taken(const struct stage *s, const char *path);
void assert_untouched(const struct stage *s, const char *path);
bool noted(const struct strv *lines, const char *word);
void assert_count(const struct stage *s, const char *count, size_t changes);
bool is_fact(const struct stage *s, const char *fact, const char *value);

#endif
