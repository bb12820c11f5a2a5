/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The bound arguments of one step: what an action's plan function is given.
 *
 * The engine has validated them against the action's parameters: a required one is
 * there, a type fits, a default is filled in. A list that was given but came out
 * empty (the fact it names has no values) is given with no items: nothing to do,
 * which is not the same as an argument that is missing.
 */
#ifndef RESPOND_CORE_ARGS_H
#define RESPOND_CORE_ARGS_H

#include "core/value.h"

struct args;

bool args_has(const struct args *args, const char *name);
const struct strv *args_list(const struct args *args, const char *name); /* an empty list when it is missing */
const char *args_text(const struct args *args, const char *name);        /* the one item; NULL when missing or empty */
bool args_yes(const struct args *args, const char *name);                /* false when missing */
int64_t args_ms(const struct args *args, const char *name, int64_t missing); /* MISSING when missing or empty */

/* For the engine and for tests of actions. */
int args_new(struct args **ret);
int args_set(struct args *args, const char *name, const struct value *value); /* copies, in place of what it was */
const struct value *args_get(const struct args *args, const char *name);
void args_free(struct args **args);

#endif
