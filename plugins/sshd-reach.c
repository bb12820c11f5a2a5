/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sshd-harden.h"

#include "base/escape.h"
#include "base/fd.h"
#include "base/nft-port.h"
#include "base/sockets.h"
#include "change/service-reload.h"
#include "change/unit-manager.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#define SELINUX_ENFORCE "/sys/fs/selinux/enforce"
#define SELINUX_LOCAL_PORTS "/var/lib/selinux/targeted/active/ports.local"
#define SELINUX_MAX (1024 * 1024)

/* Under socket activation systemd holds the port, and sshd is handed connections. */
static int check_units(struct job *job)
{
	static const char *const units[] = {"ssh.socket", "sshd.socket"};
	for (size_t i = 0; i < sizeof(units) / sizeof(*units) && host_runs_systemd(job->host); i++)
		if (service_unit_active(units[i]))
			return plan_fail(job->plan, -EOPNOTSUPP,
			                 "%s is active: systemd listens for sshd, and Port in sshd_config is not what it "
			                 "goes by; set ListenStream= with 'systemctl edit %s' and restart that unit, or "
			                 "disable it in favour of the service and run this again",
			                 units[i], units[i]);
	return 0;
}

struct listening {
	uint16_t port;
	bool found;
};

static int is_listening(void *ctx, const struct socket_info *info)
{
	struct listening *l = ctx;
	l->found |= info->protocol == IPPROTO_TCP && info->state == TCP_LISTEN && info->local_port == l->port;
	return l->found;
}

/* "portcon tcp 2222 system_u:object_r:ssh_port_t:s0" */
static bool is_labelled(struct host *host, uint16_t port)
{
	_cleanup_buf_ struct buf text = {0};
	char *save = NULL;
	if (path_read(host->root, SELINUX_LOCAL_PORTS, SELINUX_MAX, &text, NULL) < 0 || !text.len)
		return false;
	for (char *line = strtok_r(text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned first, last;
		int n = sscanf(line, "portcon tcp %u-%u", &first, &last);
		if (n >= 1 && port >= first && port <= (n == 2 ? last : first) && strstr(line, ":ssh_port_t:"))
			return true;
	}
	return false;
}

/* sshd may bind only to what is labelled for it. On a port where somebody listens already there
 * is nothing more to find out. */
static int check_selinux(struct job *job, uint16_t port)
{
	_cleanup_buf_ struct buf enforce = {0};
	struct listening listening = {.port = port};
	if (port == 22 || path_read(job->host->root, SELINUX_ENFORCE, 16, &enforce, NULL) < 0 || buf_text(&enforce)[0] != '1')
		return 0;
	int r = sockets_visit(is_listening, &listening);
	if (r < 0 || listening.found || is_labelled(job->host, port))
		return r < 0 && r != -EPROTONOSUPPORT ? r : 0;
	return plan_residual(job->plan, "SELinux is enforcing and no local label of port %u is seen: sshd could not listen "
	                     "there without 'semanage port -a -t ssh_port_t -p tcp %u'", port, port);
}

struct telling {
	struct job *job;
	uint16_t port;
};

static int tell_filter(void *ctx, const struct nft_filter *filter)
{
	struct telling *t = ctx;
	_cleanup_buf_ struct buf chain = {0};
	buf_printf(&chain, "%s ", filter->family);
	escape_str(&chain, filter->table);
	buf_putc(&chain, ' ');
	escape_str(&chain, filter->chain);
	if (buf_error(&chain))
		return buf_error(&chain);
	if (filter->fate == NFT_PORT_SOME)
		return plan_note(t->job->plan, "nftables: chain %s lets new connections to port %u in on conditions only",
		                 buf_text(&chain), t->port);
	return plan_residual(t->job->plan, "nftables: chain %s drops new connections to port %u: accept it there first",
	                     buf_text(&chain), t->port);
}

static int check_filters(struct job *job, uint16_t port)
{
	struct telling t = {.job = job, .port = port};
	int r = nft_port_filters(port, tell_filter, &t);
	if (r == -EPERM || r == -EACCES)
		return host_blind(job->host, "cannot read the nftables ruleset (%s): whether it lets port %u in is not known",
		                  strerror(-r), port);
	return r == -EOPNOTSUPP ? 0 : r;
}

int reach_check(struct job *job)
{
	int r = job->ports.n ? check_units(job) : 0;
	for (size_t i = 0; i < job->ports.n && r == 0; i++) {
		r = check_selinux(job, job->ports.v[i]);
		if (r == 0)
			r = check_filters(job, job->ports.v[i]);
	}
	return r;
}
