/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `when`: a closed little grammar over inputs and facts. No loops, no functions, and
 * everything in it is checked before a run starts.
 *
 *     condition  = and-part { "or" and-part }
 *     and-part   = part { "and" part }
 *     part       = "not" part | "(" condition ")" | test
 *     test       = name | operand compare operand
 *     operand    = name | number | "text"
 *     compare    = "==" | "!=" | "<" | "<=" | ">" | ">="
 *     name       = INPUT | STEP.FACT
 */
#ifndef RESPOND_CORE_CONDITION_H
#define RESPOND_CORE_CONDITION_H

#include "core/playbook.h"

/* Parses the `when` of step number STEP (from 0). -EINVAL with a sentence in RET_WHY; the
 * sentence is empty when what it refers to is wrong itself. */
int condition_parse(const char *text, const struct playbook *playbook, size_t step, struct condition **ret,
                    struct buf *ret_why);
void condition_free(struct condition **condition);

/* A name alone holds when it is yes, a number other than 0, or a list that is not empty.
 * == holds when any item of the one side is any item of the other, != when == does not.
 * A number that no step has yielded yet is 0. */
int condition_holds(const struct condition *condition, const struct playbook *playbook, const struct facts *facts,
                    bool *ret);

#endif
