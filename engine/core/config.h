/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * respond.conf(5): what the operator adds to the guard, the limits of the blast
 * radius, and how records are kept.
 */
#ifndef RESPOND_CORE_CONFIG_H
#define RESPOND_CORE_CONFIG_H

#include "base/buf.h"
#include "base/netaddr.h"
#include "core/diag.h"

#include <stdint.h>

struct config {
	/* [protect] */
	struct netaddr *addresses; /* never blocked, nor anything that contains them or lies within */
	size_t n_addresses;
	struct strv processes;     /* never killed: names (comm) or absolute paths of executables */
	struct strv paths;         /* never edited or removed, with all below them */
	struct strv units;         /* never stopped, disabled or masked; a template stands for its instances */
	struct strv users;         /* their processes are never killed, their keys never stripped */
	/* [limits] for one round of a run */
	unsigned max_processes;
	unsigned max_files;
	unsigned max_addresses;
	unsigned min_prefix4; /* the widest prefix that may be blocked */
	unsigned min_prefix6;
	unsigned max_rounds;
	unsigned lock_wait_ms; /* for another respond that is at work */
	/* [records] */
	bool audit_required;
	/* [vault] */
	uint64_t vault_quota; /* bytes that its objects may occupy; 0: no quota */
	/* [listen] */
	struct strv listen_users;     /* who may send events, beside root */
	unsigned listen_connections;  /* at once */
	unsigned listen_runs;         /* at once */
	unsigned listen_queue;        /* of one rule: what waits for its run */
};

/* The built-in values, then FILE on top of them. A missing file is no error. What is
 * wrong with it goes to DIAGS and returns -EINVAL. */
int config_load(int root, const char *file, struct config *ret, struct diags *diags);
int config_parse(const struct buf *bytes, struct config *ret, struct diags *diags);
void config_free(struct config *config);

#endif
