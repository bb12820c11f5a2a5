/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What sources have in common: the fields that a rule may ask any of them for, whatever their
 * own names are. They are copies: no source judges an address or a name.
 *
 *     action   what the source says happened: add, delete, ban, ...; "alert" where it has no word
 *     srcip    the attacker's address
 *     user     the account
 *     pid      the process
 */
#ifndef RESPOND_HOOKS_COMMON_FIELDS_H
#define RESPOND_HOOKS_COMMON_FIELDS_H

#include "hook/event.h"

#define ACTION_FIELD(words) {"action", FIELD_TEXT, words}
#define SRCIP_FIELD(help) {"srcip", FIELD_TEXT, help}
#define USER_FIELD(help) {"user", FIELD_TEXT, help}
#define PID_FIELD(help) {"pid", FIELD_NUMBER, help}

/* Adds NAME as a copy of the first of FROM (NULL-ended) that the event has as a text which is
 * not empty (a number for "pid"); none: no field. 0 or as flatten_refuse(): a message that has
 * a member of that name itself is refused. */
int common_copy(struct event *event, const char *name, const char *const *from, struct buf *ret_why);
#define COMMON_COPY(event, name, why, ...) common_copy(event, name, (const char *const[]){__VA_ARGS__, NULL}, why)

int common_text(struct event *event, const char *name, const char *text, struct buf *ret_why);

#endif
