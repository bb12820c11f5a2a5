/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Rules of h.conf about made-up sources and one playbook, block.pb.
 */
#ifndef RESPOND_TESTS_RULE_STAGE_H
#define RESPOND_TESTS_RULE_STAGE_H

#include "base/buf.h"
#include "hook/rule.h"
#include "hook/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Has any field; has but a few; is taken back within one jail only. */
extern const struct source open_source, shut_source, jails_source;

/* As rules_parse(); what is wrong with it goes to RET_SAID. */
int parse(const char *text, struct rules *ret, struct buf *ret_said);

/* Nothing is wrong with it. */
void read_right(const char *text, struct rules *ret);

#define RULE(source, lines) "[rule r]\nsource = " source "\nplaybook = block.pb\n" lines
#define SET "set address = ${event.ip}\n"

#endif
