/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Events as bytes, for the way out of the child that parsed them. What is read may come from a
 * parser that a message has taken over: it is believed to be events and nothing more. Pure.
 *
 * Numbers are of 32 bits, low byte first; a text is its length and its bytes.
 *     events: how many, and each event
 *     event:  how many fields, and each in the order of names
 *     field:  a byte, enum field_type; its name; and then
 *             text: the text          yes or no: a byte, 0 or 1    list: how many items (one
 *             number: 64 bits         empty: nothing                     at least), and each
 */
#ifndef RESPOND_HOOK_EVENT_CODEC_H
#define RESPOND_HOOK_EVENT_CODEC_H

#include "hook/event.h"

int events_encode(const struct events *events, struct buf *ret);

/* -EBADMSG when it is not what events_encode() writes, byte for byte, of events that event.h
 * allows; -ENOMEM. */
int events_decode(struct slice bytes, struct events *ret);

/* The number at the front of S, which is taken off. -EBADMSG: S is shorter. */
int take_u32(struct slice *s, uint32_t *ret);
int put_u32(struct buf *b, uint32_t number);

/* A text at the front of S, which is taken off. */
int take_text(struct slice *s, struct slice *ret);
int put_text(struct buf *b, struct slice text);

#endif
