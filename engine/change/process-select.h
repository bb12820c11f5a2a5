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
 * because what is stopped uses none; nor can pids, which may be somebody else's by then. */
bool selector_repeats(const struct selector *selector);

/* One or more looks at all processes; keeps what is costly (hashes) in between. */
struct scan;

/* HOST and SELECTOR must outlive it. -errno with a sentence in RET_WHY (escaped). */
int scan_new(struct host *host, const struct selector *selector, struct scan **ret, struct buf *ret_why);
void scan_free(struct scan **scan);

/* Calls FOUND for every process that matches and is not in KNOWN (sorted, may grow
 * meanwhile; may be NULL), at once, because the next moment it may have gone. A pid is
 * only a number until proc_hold_pid() has it. Ends only after processes that appeared
 * during the scan have been looked at, as far as they hold still. A negative answer
 * ends the scan and is returned. */
typedef int (*found_fn)(void *ctx, pid_t pid);
int scan_run(struct scan *scan, const struct pids *known, found_fn found, void *ctx);

/* A sorted set of pids. */
bool pids_sorted_has(const struct pids *p, pid_t pid);
int pids_sorted_add(struct pids *p, pid_t pid); /* also when it is there */

#endif
