/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A private host for the tests of ssh: own mounts (an overlay on /etc, empty /run,
 * /root, /home and /srv) and an own network with nothing but loopback. Everything goes with the
 * program.
 */
#ifndef RESPOND_TESTS_SSH_STAGE_H
#define RESPOND_TESTS_SSH_STAGE_H

#include "core/action.h"
#include "core/host.h"
#include "core/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <cmocka.h>

/* Group setup: enters the private host; without root or sshd its tests skip themselves. */
int ssh_stage_enter(void **state);
void ssh_stage_need_root(void);

/* Back to the start: accounts root, alice (1001), bob (1002), empty homes, an empty
 * sshd_config directory. Test setup and teardown; *state is a struct ssh_stage. */
struct ssh_stage {
	struct host host;
	struct plan *plan;
};
int ssh_stage_setup(void **state);
int ssh_stage_teardown(void **state);

/* A new plan on the same host. */
void ssh_stage_again(struct ssh_stage *s);

void put(const char *path, mode_t mode, uid_t uid, const char *text); /* makes directories (0755, of UID) */
void put_bytes(const char *path, const void *bytes, size_t len);
void get(const char *path, struct buf *ret);
void assert_file(const char *path, const char *text);

/* Runs a program (argv ends with NULL) that must succeed; its output, if wanted. */
void run(struct buf *ret_out, const char *program, ...);

/* A fresh key pair of TYPE at /run/keys/NAME; RET gets its public line without newline. */
void make_key(const char *type, const char *name, struct buf *ret);
void fingerprint_of(const char *pub_file, struct buf *ret); /* as ssh-keygen -l says */

/* Plans one step of ACTION with NAME, VALUE pairs (NULL-ended; several of a name make a
 * list). The answer is plan's. */
int plan_step(struct ssh_stage *s, const struct action *action, ...);

/* What the plan would leave at PATH. */
void assert_planned(struct ssh_stage *s, const char *path, const char *text);
void assert_not_planned(struct ssh_stage *s, const char *path);
void assert_note(struct ssh_stage *s, const char *text);         /* one of the notes is this */
void assert_residual_has(struct ssh_stage *s, const char *part); /* one of them contains this */
void assert_no_residual(struct ssh_stage *s);

/* Writes what the plan says, as file.edit would. */
void apply_planned(struct ssh_stage *s);

/* A real sshd with the configuration that is in place (EXTRA: what follows -o,
 * or a whole option, or NULL), for a
 * minute at most. */
#define SSHD_PORT 2222
pid_t start_sshd(const char *extra);
void end_sshd(pid_t pid);

/* A connection to SSHD_PORT at loopback, tried for two seconds: -1 when nobody listens. BANNER: the first
 * bytes that the server says, "" when it does not answer within two seconds. */
int connect_sshd(char *banner, size_t size);

/* Whether sshd lets root in with the key at /run/keys/NAME. */
bool logs_in(const char *name);

#endif
