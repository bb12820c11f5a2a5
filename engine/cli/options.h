/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The command line of respond(8).
 */
#ifndef RESPOND_CLI_OPTIONS_H
#define RESPOND_CLI_OPTIONS_H

#include "base/buf.h"

#include <stdint.h>

/* The exit statuses of respond(8). */
enum exit_status {
	EXIT_DONE = 0,     /* done and clean, or nothing to do */
	EXIT_FAILED = 1,   /* nothing was done */
	EXIT_USAGE = 2,    /* usage or playbook error */
	EXIT_PARTLY = 3,   /* partly done, residual left, or not everything could be undone */
	EXIT_REFUSED = 4,  /* by the guard, by PAM, or because audit is required and not to be had */
	EXIT_PENDING = 5,  /* dry run: changes are pending */
	EXIT_DAMAGED = 6,  /* a journal or an object of the vault is damaged or was tampered with */
};

enum command {
	COMMAND_NONE,
	COMMAND_RUN,
	COMMAND_PLAN,          /* --playbook with --dry-run */
	COMMAND_ROLLBACK,
	COMMAND_ROLLBACK_PLAN, /* --rollback with --dry-run */
	COMMAND_CONFIRM,
	COMMAND_RECOVER,
	COMMAND_VERIFY,
	COMMAND_REAPPLY,       /* --verify with --reapply */
	COMMAND_AWAIT,         /* what the program starts itself, to wait for deadlines */
	COMMAND_LIST,
	COMMAND_SHOW,
	COMMAND_EXPORT,
	COMMAND_REPORT,
	COMMAND_CHECK,
	COMMAND_ACTIONS,
	COMMAND_RULES,
	COMMAND_VAULT,
	COMMAND_HOOK,
	COMMAND_EXPLAIN,       /* --hook with --explain */
	COMMAND_HOOKS,
	COMMAND_LISTEN,
	COMMAND_HELP,
	COMMAND_VERSION,
};

#define WORDS_MAX 3

struct options {
	enum command command;
	const char *subject; /* of the command: FILE, RUN or NAME; NULL where it is optional */
	const char *words[WORDS_MAX]; /* of a command that takes several: SUBJECT and what follows it */
	size_t n_words;
	char *const *message;  /* --hook: the words behind its source, which may be any number */
	size_t n_message;
	const char *follow;    /* a file whose lines are messages; NULL: none */
	bool with_files;
	const char *step;
	bool keep;             /* --recover=keep */
	int64_t confirm_ms;    /* --confirm-within; -1: not given */
	struct strv set;
	struct strv allow;
	bool dry;
	bool json;
	bool html;             /* --format html, of a report */
	bool colour;
};

/* 0, or -EINVAL with one sentence for people in RET_WHY. */
int options_parse(int argc, char **argv, struct options *ret, struct buf *ret_why);
void options_free(struct options *options);

extern const char help_text[];

#endif
