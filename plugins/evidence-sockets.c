/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * evidence.collect, sockets: who listens, who talks to whom, and who reads raw packets
 * (what waits for a magic packet has no port).
 */
#include "evidence.h"

#include "base/escape.h"
#include "base/fd.h"
#include "base/proc.h"
#include "change/process-sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OWNERS_MAX 200000
#define TABLE_MAX ((size_t)1 << 20)

/* Which process has a socket open: one of them, where they are several. */
struct owner {
	uint32_t inode;
	pid_t pid;
};

struct look {
	struct collection *c;
	struct owner *owners; /* sorted by inode once all are read */
	size_t n, cap;
	pid_t pid; /* that is being read */
	unsigned listening, connected, raw;
	bool blind;
	struct evidence_rows rows;
};

static int add_owner(void *ctx, uint32_t inode)
{
	struct look *look = ctx;
	if (look->n == OWNERS_MAX)
		return look->rows.partial = true, 1;
	if (look->n == look->cap) {
		size_t cap = look->cap ? look->cap * 2 : 256;
		struct owner *v = reallocarray(look->owners, cap, sizeof(*v));
		if (!v)
			return -ENOMEM;
		look->owners = v;
		look->cap = cap;
	}
	look->owners[look->n++] = (struct owner){inode, look->pid};
	return 0;
}

static int by_inode(const void *a, const void *b)
{
	const struct owner *x = a, *y = b;
	return x->inode < y->inode ? -1 : x->inode > y->inode ? 1 : x->pid < y->pid ? -1 : x->pid > y->pid;
}

static int read_owners(struct look *look)
{
	struct host *host = look->c->host;
	_cleanup_pids_ struct pids pids = {0};
	int r = proc_pids(host->proc, &pids);
	for (size_t i = 0; r == 0 && i < pids.n; i++) {
		look->pid = pids.v[i];
		r = proc_sockets(host->proc, look->pid, add_owner, look);
		look->blind |= r == -EACCES || r == -EPERM;
		if (r == 1)
			break;
		r = r == -ENOMEM ? r : 0;
	}
	if (r >= 0 && look->n)
		qsort(look->owners, look->n, sizeof(*look->owners), by_inode);
	return r < 0 ? r : 0;
}

static const struct owner *owner_of(const struct look *look, uint32_t inode)
{
	struct owner key = {.inode = inode};
	size_t low = 0, high = look->n;
	while (low < high) { /* the first of this inode */
		size_t middle = low + (high - low) / 2;
		if (by_inode(&look->owners[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return inode && low < look->n && look->owners[low].inode == inode ? &look->owners[low] : NULL;
}

static int set_owner(const struct look *look, uint32_t inode, json_t *json)
{
	const struct owner *owner = owner_of(look, inode);
	char comm[64] = "";
	if (!json || !owner)
		return 0;
	if (proc_comm(look->c->host->proc, owner->pid, comm) < 0)
		comm[0] = '\0';
	json_object_set_new(json, "pid", json_integer(owner->pid));
	return json_object_set_new(json, "process", json_text(comm));
}

/* ---- TCP and UDP ---------------------------------------------------------------- */

static bool is_loopback(const struct netaddr *a)
{
	static const uint8_t one[16] = {[15] = 1};
	return a->family == AF_INET ? a->bytes[0] == 127 : memcmp(a->bytes, one, sizeof(one)) == 0;
}

/* A UDP socket without a peer waits for whoever comes. */
static bool listens(const struct socket_info *s)
{
	return s->protocol == IPPROTO_TCP ? s->state == TCP_LISTEN : s->local_port && !s->peer_port;
}

static int yield(struct look *look, const struct socket_info *s)
{
	char text[NETADDR_TEXT_LEN];
	if (listens(s)) {
		look->listening++;
		snprintf(text, sizeof(text), "%u", (unsigned)s->local_port);
		return is_loopback(&s->local) ? 0 : plan_fact(look->c->plan, "listening-port", text);
	}
	if (!socket_has_peer(s))
		return 0;
	look->connected++;
	netaddr_format(&s->peer, text);
	return is_loopback(&s->peer) ? 0 : plan_fact(look->c->plan, "peer", text);
}

static int add_socket(struct look *look, const struct socket_info *s)
{
	_cleanup_buf_ struct buf text = {0};
	int r = socket_format(s, &text);
	json_t *json = r < 0 ? NULL : json_pack("{so sb sI sI}", "socket", json_text(buf_text(&text)), "listens", listens(s),
	                                        "uid", (json_int_t)s->uid, "inode", (json_int_t)s->inode);
	set_owner(look, s->inode, json);
	r = evidence_row(&look->rows, json);
	return r < 0 ? r : yield(look, s);
}

/* ---- raw and packet sockets, proc(5) /proc/net --------------------------------------- */

/* The inode stands in column COLUMN of each line but the first. */
static int add_table(struct look *look, const char *path, const char *what, unsigned column)
{
	_cleanup_buf_ struct buf text = {0};
	_cleanup_close_ int fd = openat(look->c->host->proc, path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : fd_read(fd, TABLE_MAX, &text);
	if (r < 0)
		return r == -ENOMEM ? r : 0; /* a kernel without them */
	char *rest = text.data, *line = strsep(&rest, "\n");
	while (r == 0 && line && (line = strsep(&rest, "\n"))) {
		char *word, *inode = NULL;
		for (unsigned i = 0; i <= column;)
			if (!(word = strsep(&line, " \t")))
				break;
			else if (*word && i++ == column)
				inode = word;
		if (!inode)
			continue;
		json_t *json = json_pack("{ss ss}", "socket", what, "inode", inode);
		set_owner(look, (uint32_t)strtoul(inode, NULL, 10), json);
		look->raw++;
		r = evidence_row(&look->rows, json);
	}
	return r;
}

int evidence_sockets(struct collection *c)
{
	struct look look = {.c = c, .rows = {.array = json_array()}};
	struct socket_table table = {0};
	int r = look.rows.array ? read_owners(&look) : -ENOMEM;
	int listed = r == 0 ? socket_table_load(&table) : 0;
	if (listed < 0)
		r = listed == -ENOMEM ? listed
		                      : host_blind(c->host, "cannot list the connections of this host: %s", strerror(-listed));
	for (size_t i = 0; r == 0 && i < table.n; i++)
		r = add_socket(&look, &table.v[i]);
	if (r == 0)
		r = add_table(&look, "self/net/packet", "packet", 8);
	if (r == 0)
		r = add_table(&look, "self/net/raw", "raw", 9);
	if (r == 0)
		r = add_table(&look, "self/net/raw6", "raw6", 9);
	if (r == 0 && look.blind)
		r = host_blind(c->host, "cannot see the connections of other users' processes: not root");
	socket_table_free(&table);
	free(look.owners);
	if (r < 0) {
		json_decref(look.rows.array);
		return r;
	}
	return evidence_document(c, "sockets.json", look.rows.array, look.rows.partial,
	                         "%u listening, %u connected, %u raw", look.listening, look.connected, look.raw);
}
