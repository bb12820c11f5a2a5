/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the parts of sshd.harden share: one step that is being planned.
 *   sshd.c           what is wanted, the edits of the files, what sshd says before and after
 *   sshd-port.c      Port and ListenAddress lines
 *   sshd-reach.c     what else must know of another port: units, SELinux, nftables
 *   sshd-running.c   what the command line of the running sshd overrides
 */
#ifndef RESPOND_PLUGINS_SSHD_HARDEN_H
#define RESPOND_PLUGINS_SSHD_HARDEN_H

#include "core/service.h"
#include "sshd-asker.h"

#include <stdint.h>

extern const struct service sshd_service;

struct wanted {
	struct sshd_option option;
	bool profile; /* not asked for by name: what is stricter will do, too */
};

#define SSHD_PORTS_MAX 16

struct ports {
	uint16_t v[SSHD_PORTS_MAX];
	size_t n;
};

bool ports_has(const struct ports *ports, unsigned port);

/* The edits of one file, by line. */
struct file_edits {
	struct sshd_edit *v;
	size_t n;
	struct buf after;
};

struct job {
	struct host *host;
	struct plan *plan;
	struct wanted *wanted;
	size_t n_wanted;
	struct ports ports; /* none: those that there are stay */
	struct sshd_asker before, after;
	struct file_edits *edits; /* by file of `before` */
	struct strv texts;        /* of edits */
	struct sshd_overlay *overlays;
	size_t n_overlays;
	long long count; /* lines */
};

const struct wanted *job_wanted(const struct job *job, const char *keyword);

/* Whether the value fits what is wanted. */
bool wanted_met(const struct wanted *wanted, const struct strv *args);

/* The first file of `before` that is the same one: links may give it several names. */
size_t job_file(const struct job *job, size_t file);

/* Line NUMBER of a file becomes TEXT, which must live as long as the job; 0: a line of
 * its own before the first. A line that is edited already stays so. */
int job_edit(struct job *job, size_t file, unsigned number, const char *text);

/* job_edit() for all Port and ListenAddress lines, so that sshd listens on job->ports. */
int port_find_edits(struct job *job);

/* Says on which ports sshd would listen before and after. */
int port_tell(struct job *job);

/* What keeps a wanted port from being reached. Fails the plan where sshd would not open it at all. */
int reach_check(struct job *job);

/* Reports what the running sshd was started with and what beats its files. */
int running_tell(struct job *job);

#endif
