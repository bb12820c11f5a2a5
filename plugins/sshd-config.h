/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The whole configuration of sshd: /etc/ssh/sshd_config and what it includes, in the
 * order in which sshd reads it, with the Match lines in force at each place. It only
 * reads the host; what it read is kept, so that sshd is asked about those very bytes.
 */
#ifndef RESPOND_PLUGINS_SSHD_CONFIG_H
#define RESPOND_PLUGINS_SSHD_CONFIG_H

#include "core/host.h"
#include "core/plan.h"
#include "sshd-config-edit.h"
#include "sshd-match.h"

#define SSHD_CONFIG "/etc/ssh/sshd_config"

struct sshd_file {
	char *path;   /* as sshd opens it */
	char *target; /* the file itself, links resolved; NULL: it cannot be read, `bytes` is empty */
	struct buf bytes;
	struct sshd_lines lines;
	/* Of its n-th Include line (in `lines`): the files that it takes in, by index. */
	struct sshd_include {
		size_t line;
		size_t *files;
		size_t n;
	} *includes;
	size_t n_includes;
};

/* A keyword at its place. A file included twice gives its statements twice. */
struct sshd_statement {
	size_t file, line; /* config->files[file]->lines.v[line] */
	size_t chain;      /* config->chains[chain]; 0: the global section */
};

struct sshd_config {
	struct sshd_file **files; /* [0] is SSHD_CONFIG */
	size_t n_files;
	struct sshd_chain *chains; /* [0] is empty; then one for each Match line as it is reached */
	size_t n_chains;
	struct sshd_statement *statements;
	size_t n_statements;
};

/* Bytes that stand for those on the host. */
struct sshd_overlay {
	const char *path; /* a target */
	const struct buf *bytes;
};

/* Reads it: with what PLAN (may be NULL) will have made of it, and OVERLAYS on top.
 * -ENOENT: there is no SSHD_CONFIG. -EINVAL, with a sentence in RET_WHY: it is not what
 * sshd could read (NUL bytes, files that include each other). What we may not
 * read is left out and noted with host_blind(). */
int sshd_config_load(struct host *host, const struct plan *plan, const struct sshd_overlay *overlays, size_t n_overlays,
                     struct sshd_config *ret, struct buf *ret_why);
void sshd_config_free(struct sshd_config *config);

const struct sshd_line *sshd_statement_line(const struct sshd_config *config, size_t statement);

/* What the file's own text says for a connection, in the form of `sshd -T`: for when
 * sshd itself cannot be asked. */
int sshd_config_guess(const struct sshd_config *config, const struct sshd_case *c, const struct sshd_people *people,
                      struct buf *ret);

/* Where the links of an administrator lead: PATH with every link resolved that root
 * alone could have made. -ELOOP: there is another one. */
int sshd_target(int root, const char *path, struct buf *ret);

#endif
