/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which processes a step means: the matchers of process.find, process.stop and
 * process.kill. A list in one matcher is "any of", several matchers are "all of"; a
 * list that was given and is empty matches nothing. Kernel threads, dead processes
 * and this program itself never match; nor, by `cmdline`, do its ancestors, whose
 * command lines hold what was asked for.
 *
 * A selector is journaled with the change, so that applying it can look again for
 * processes that have appeared since.
 */
#ifndef RESPOND_CHANGE_PROCESS_SELECT_H
#define RESPOND_CHANGE_PROCESS_SELECT_H

#include "base/proc.h"
#include "core/args.h"
#include "core/host.h"

#include <jansson.h>

struct selector;

int selector_from_args(const struct args *args, struct selector **ret);
int selector_from_json(const json_t *json, struct selector **ret); /* -EINVAL: not what selector_to_json() writes */
json_t *selector_to_json(const struct selector *selector);
void selector_free(struct selector **selector);

/* Whether descendants are meant, too. */
bool selector_tree(const struct selector *selector);

/* Whether it can be asked again while processes are being stopped: `cpu-above` cannot,
 * because what is stopped uses none. */
bool selector_repeats(const struct selector *selector);

/* One or more looks at all processes; keeps what is costly (hashes) in between. */
struct scan;

/* HOST and SELECTOR must outlive it. -errno with a sentence in RET_WHY (escaped). */
int scan_new(struct host *host, const struct selector *selector, struct scan **ret, struct buf *ret_why);
void scan_free(struct scan **scan);

/* Appends the pids that match and are not in KNOWN (sorted; may be NULL). They are
 * only numbers until proc_hold_pid() has one of them. Ends only after processes that
 * appeared during the scan have been looked at, as far as they hold still. */
int scan_run(struct scan *scan, const struct pids *known, struct pids *ret);

/* A sorted set of pids. */
bool pids_sorted_has(const struct pids *p, pid_t pid);
int pids_sorted_add(struct pids *p, pid_t pid); /* also when it is there */

#endif
