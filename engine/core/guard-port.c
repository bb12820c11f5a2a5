/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which ports of this host are not closed: those that somebody gets in by. A listener of
 * anybody else's is no reason; nor is what a session of sshd forwards, which may be the
 * intruder's tunnel.
 */
#include "core/guard-rules.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct search {
	const struct socket_facts *sockets;
	int protocol;
	uint16_t port;
	bool listener; /* only what accepts connections */
};

static int is_it(void *ctx, uint32_t inode)
{
	const struct search *s = ctx;
	const struct socket_fact *fact = socket_by_inode(s->sockets, inode);
	return fact && fact->protocol == s->protocol && fact->local_port == s->port && (!s->listener || fact->listens);
}

/* Whether the process has the port. One that has gone has nothing; one whose sockets are out of
 * sight may have it. */
static bool has_port(struct guard *guard, const struct search *s, pid_t pid)
{
	int r = proc_sockets(guard->host->proc, pid, is_it, (void *)s);
	return r > 0 || r == -EACCES || r == -EPERM;
}

/* "CLIENT PORT SERVER PORT", for whoever is behind su or sudo that took the connection away. */
static bool in_environment(const struct subject *subject)
{
	const char *text = getenv("SSH_CONNECTION"), *last = text ? strrchr(text, ' ') : NULL;
	char *end;
	if (!last || subject->protocol != IPPROTO_TCP)
		return false;
	unsigned long port = strtoul(last + 1, &end, 10);
	return end > last + 1 && !*end && port == subject->port;
}

/* Whatever started this program: a shell behind sshd, or an agent that its manager connects to. */
static int check_operator(struct guard *guard, const struct subject *subject, const struct search *s, struct refusal *v)
{
	const struct pids *ancestors;
	int r = guard_ancestors(guard, &ancestors);
	if (r < 0)
		return guard_unsure(v, r, "cannot find out by which port you are here");
	bool found = in_environment(subject);
	for (size_t i = 0; !found && i < ancestors->n; i++)
		found = has_port(guard, s, ancestors->v[i]);
	return !found ? 0 : guard_refuse(guard, v, "net.port-operator",
	                                 "port %u is what your own session came by: you would not get in again; close it "
	                                 "from a session that comes another way", subject->port);
}

/* The name is asked for first because it is cheap; only the executable counts. */
static bool may_be_sshd(struct guard *guard, pid_t pid)
{
	char comm[64];
	return proc_comm(guard->host->proc, pid, comm) == 0 && strncmp(comm, "sshd", 4) == 0;
}

static int check_ssh(struct guard *guard, const struct subject *subject, struct search *s, struct refusal *v)
{
	_cleanup_pids_ struct pids pids = {0};
	const char *what = NULL;
	if (subject->protocol != IPPROTO_TCP || !socket_port_listens(s->sockets, subject->port))
		return 0;
	int r = proc_pids(guard->host->proc, &pids);
	if (r < 0)
		return guard_unsure(v, r, "cannot find out whether sshd listens on port %u", subject->port);
	for (size_t i = 0; !what && i < pids.n; i++) {
		if (!may_be_sshd(guard, pids.v[i]))
			continue;
		s->listener = true;
		if (guard_accepts_logins(guard, pids.v[i]) && has_port(guard, s, pids.v[i]))
			what = "what sshd listens on";
		s->listener = false;
		if (!what && guard_is_login(guard, pids.v[i]) && has_port(guard, s, pids.v[i]))
			what = "what somebody has come by who is logged in over SSH";
	}
	return !what ? 0 : guard_refuse(guard, v, "net.port-ssh",
	                                "port %u is %s: nobody would get in any more; narrow the step", subject->port, what);
}

int guard_port(struct guard *guard, const struct subject *subject, struct refusal *v)
{
	struct search s = {.protocol = subject->protocol, .port = subject->port};
	if (!subject->port || (subject->protocol != IPPROTO_TCP && subject->protocol != IPPROTO_UDP))
		return guard_unsure(v, -EINVAL, "a change names no port");
	int r = guard_sockets(guard, &s.sockets);
	if (r < 0)
		return guard_unsure(v, r, "cannot find out who listens on port %u", subject->port);
	r = check_operator(guard, subject, &s, v);
	return r < 0 ? r : check_ssh(guard, subject, &s, v);
}
