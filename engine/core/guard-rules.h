/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Private to the guard: what its files share.
 *
 * Each family (guard-process.c, guard-net.c, guard-port.c, guard-file.c, ...) judges one subject. It
 * gathers what it must know about the host once, at the first question, and keeps it
 * for the life of the guard.
 */
#ifndef RESPOND_CORE_GUARD_RULES_H
#define RESPOND_CORE_GUARD_RULES_H

#include "core/guard.h"
#include "base/proc.h"
#include "base/strset.h"
#include "base/users.h"

#include <stdint.h>

struct process_facts;
struct socket_facts;
struct net_facts;
struct file_facts;

/* How much a plan touches; what several changes touch counts once. */
struct radius {
	struct strset processes;
	struct strset files;
	size_t addresses;
};

struct guard {
	struct host *host;
	const struct config *config;
	const struct proof *const *proofs;
	const struct strv *allow;
	struct users users;
	bool users_known;
	struct process_facts *process; /* each NULL until it is asked for */
	struct socket_facts *sockets;
	struct net_facts *net;
	struct file_facts *file;
	struct radius radius;          /* of the plan at hand, and of what has grown since */
};

/* What is done to the subject. */
enum deed { DEED_APPLY, DEED_UNDO };

struct refusal {
	const char *rule;
	struct buf *why;
};

/* Refuses by RULE unless it is lifted: 0 (lifted) or -EPERM with the verdict filled.
 * How to lift it is added to the sentence. */
int guard_refuse(struct guard *guard, struct refusal *v, const char *rule, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Says why something could not be decided; returns ERROR. */
int guard_unsure(struct refusal *v, int error, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

bool guard_lifted(const struct guard *guard, const char *rule);

/* TEXT for a sentence, escaped, in RET (emptied first). */
const char *guard_text(struct buf *ret, const char *text);

/* 0: nothing against it; -EPERM and the verdict; other -errno and the sentence. */
int guard_process(struct guard *guard, const struct subject *subject, struct refusal *v);
int guard_address(struct guard *guard, const struct netaddr *address, struct refusal *v);
int guard_all_but(struct guard *guard, const struct addrs *kept, struct refusal *v);
int guard_port(struct guard *guard, const struct subject *subject, struct refusal *v);
int guard_path(struct guard *guard, const struct subject *subject, enum deed deed, struct refusal *v);
int guard_unit(struct guard *guard, const struct subject *unit, struct refusal *v);

int guard_account(struct guard *guard, const struct subject *s, struct refusal *v);

void process_facts_free(struct process_facts **facts);
void socket_facts_free(struct socket_facts **facts);
void net_facts_free(struct net_facts **facts);
void file_facts_free(struct file_facts **facts);

/* guard-process.c for guard-net.c and guard-port.c: this program's ancestors without pid 1, the
 * nearest first; whether PID is an sshd behind which somebody is logged in: it runs
 * something that is not sshd, which who only guesses passwords does not; and whether it is
 * one that logins come to, rather than the sshd of one of them. */
int guard_ancestors(struct guard *guard, const struct pids **ret);
bool guard_is_login(struct guard *guard, pid_t pid);
bool guard_accepts_logins(struct guard *guard, pid_t pid);

/* guard-sockets.c: the sockets of this network namespace as they were at the first
 * question, by inode. */
struct socket_fact {
	uint32_t inode;
	bool listens; /* TCP */
	int protocol;
	uint16_t local_port, peer_port;
	struct netaddr peer; /* family 0: none, it listens or is not connected */
};

int guard_sockets(struct guard *guard, const struct socket_facts **ret);
const struct socket_fact *socket_by_inode(const struct socket_facts *facts, uint32_t inode); /* NULL: none */
bool socket_port_listens(const struct socket_facts *facts, uint16_t port);

/* The users in /etc/passwd; those of a directory service are not among them. */
int guard_users(struct guard *guard, const struct users **ret);

#endif
