/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What stops working when the host is isolated, for people to see in the plan: the services
 * that only the management reaches then, and the connections that go silent.
 */
#ifndef RESPOND_CHANGE_ISOLATION_STOPS_H
#define RESPOND_CHANGE_ISOLATION_STOPS_H

#include "base/addrs.h"
#include "core/host.h"

#include <jansson.h>

/* Adds what is there to DATA: "listening" and "connections" as in change/connections.h, the
 * first few, and "listening-total" and "connections-total". MANAGEMENT is sorted. What
 * cannot be looked at is noted in host->blind. */
int isolation_stops_find(struct host *host, const struct addrs *management, json_t *data);

/* Lines for people. */
int isolation_stops_text(const json_t *data, struct buf *ret);

#endif
