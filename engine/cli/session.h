/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What every command works with: the host, the configuration, the engine and whoever
 * listens to it. The functions that give an exit status have said what is wrong.
 */
#ifndef RESPOND_CLI_SESSION_H
#define RESPOND_CLI_SESSION_H

#include "options.h"
#include "print.h"

#include "hook/rule.h"

struct session {
	const struct options *options;
	struct printer printer;
	struct host host;
	struct config config;
	struct state state;
	struct observer observer;
	struct engine engine;
	json_t *rounds;   /* for --format json: what the observer was told */
	json_t *outcomes;
};

int session_open(struct session *s, const struct options *options); /* 0 or -errno */
void session_close(struct session *s);

int session_config(struct session *s);
int session_guard(struct session *s);

/* What hook/rule.h looks at. */
struct rule_world session_world(const struct session *s);
int session_playbook(struct session *s, struct playbook **ret);

/* The run that the command line means. */
int session_find_run(const struct session *s, char ret[RUN_ID_LEN]);

/* The same, or all runs where the command line names none. */
int session_find_runs(struct session *s, struct strv *ret);

int session_need_root(const char *what);

/* The same, for what programs start that somebody without rights may have started (su(1) and its
 * pam_exec(8)): from here on their real user cannot stop or end us, and their limits are not ours. */
int session_become_root(const char *what);

/* Root, the configuration and the guard; SIGINT and SIGTERM are heeded: for WHAT is about to
 * alter the host. */
int session_prepare(struct session *s, const char *what);

/* Of two exit statuses the one that is to be told. */
int worse_status(int a, int b);

/* FILE as an absolute path. */
int absolute_path(const char *file, struct buf *ret);

/* Who acts, for the journal; BY says in which way. New reference. */
json_t *operator_record(const char *by);

/* "respond: WHAT: WHY" on standard error; EXIT_FAILED. */
int complain(const char *what, const char *why);

/* WHY, or where there is no word (nor memory for one) what ERROR says. */
const char *reason(const struct buf *why, int error);

/* "respond: run ID: WHY" (or what ERROR says, without); the exit status that it stands for. */
int run_failed(const char *id, int error, const struct buf *why);

/* For commands that alter the host. SIGINT and SIGTERM end a run between two changes,
 * not within one, and the loss of the terminal does not end it. */
void heed_signals(void);

#endif
