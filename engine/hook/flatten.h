/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * JSON to an event. Strict: one value and nothing behind it, no member twice, and no more
 * than event.h allows. Pure.
 *
 * A member of an object is named NAME.MEMBER, whatever characters MEMBER has: two ways to the
 * same name are refused, since a rule could not tell which one it reads. An array of texts,
 * numbers and true or false is a list; the elements of any other are NAME.0, NAME.1, ... A
 * number that is no whole one of 64 bits is text, as it was written.
 *
 * Values are what a stranger may have had a say in (the name of a process, a header), and one of
 * them must not keep the rest from being read: a string that has a NUL or no UTF-8, or is too
 * long, is empty, and no item of a list; of the elements of an array the first ones are read.
 *
 * -EINVAL with one sentence in RET_WHY, which is fit to be printed; -ENOMEM.
 */
#ifndef RESPOND_HOOK_FLATTEN_H
#define RESPOND_HOOK_FLATTEN_H

#include "base/json-read.h"
#include "hook/event.h"

#define FLATTEN_ELEMENTS 32 /* of an array that is no list */

/* New reference. Such numbers are strings by then, and strings that are no text have a NUL. */
int flatten_read(struct slice text, json_t **ret, struct buf *ret_why);

/* The member's text; NULL: it has none. */
const char *flatten_text(const json_t *object, const char *member);

int flatten_object(const json_t *object, struct event *ret, struct buf *ret_why);

/* Both. -EINVAL, too, when it is no object. */
int flatten(struct slice text, struct event *ret, struct buf *ret_why);

/* How an error of event_add_*() is refused: -EINVAL with words about the field NAME, or
 * -ENOMEM; 0 stays 0. */
int flatten_refuse(int error, const char *name, struct buf *ret_why);

#endif
