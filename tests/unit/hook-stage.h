/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Messages of detection sources, and the events that they must become.
 */
#ifndef RESPOND_TESTS_HOOK_STAGE_H
#define RESPOND_TESTS_HOOK_STAGE_H

#include "hook/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Every event of a message that is accepted: each field as "NAME TYPE VALUE", a line each, the
 * items of a list as [A][B]; events are separated by "--". Malloc'd. */
char *hook_events(const struct source *source, struct slice message);

/* The message becomes one event, which has these lines (NULL-ended), among others. */
void hook_has(const struct source *source, struct slice message, const char *const *lines);
#define HOOK_HAS(source, message, ...) hook_has(source, message, (const char *const[]){__VA_ARGS__, NULL})

/* It has no field of that name. */
void hook_lacks(const struct source *source, struct slice message, const char *name);

/* The message is refused, with a sentence that has WORDS and is fit to be printed. */
void hook_refuses(const struct source *source, struct slice message, const char *words);

/* Of every beginning of a message that is shorter than the whole, none is accepted, but for
 * line ends. */
void hook_refuses_truncated(const struct source *source, struct slice message);

struct slice hook_text(const char *text);

/* "A" "\0" "B" "\0": words or variables, each ended by a NUL. */
#define HOOK_WORDS(literal) ((struct slice){literal, sizeof(literal)})

#endif
