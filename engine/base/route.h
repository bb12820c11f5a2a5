/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What this network namespace is called and which way it talks to the world, by
 * rtnetlink(7). Needs no privilege.
 */
#ifndef RESPOND_BASE_ROUTE_H
#define RESPOND_BASE_ROUTE_H

#include "base/netaddr.h"

typedef int (*route_visit)(void *ctx, const struct netaddr *address); /* nonzero ends the visit and is returned */

/* Every address of every interface, both families, as hosts. */
int route_own_addresses(route_visit visit, void *ctx);

/* The gateways of all default routes of all tables, both families, as hosts: also
 * those of multipath routes, and IPv6 gateways of IPv4 routes. */
int route_gateways(route_visit visit, void *ctx);

#endif
