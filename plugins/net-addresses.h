/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Lists of addresses as steps give them, with files of them among them.
 */
#ifndef RESPOND_PLUGINS_NET_ADDRESSES_H
#define RESPOND_PLUGINS_NET_ADDRESSES_H

#include "base/addrs.h"
#include "core/action.h"

/* The addresses of an argument, files read, sorted. Each is also a fact of the argument's
 * name as it was given; a file: stays one. */
int net_addresses(struct host *host, const struct args *args, const char *name, struct plan *plan, struct addrs *ret);

#endif
