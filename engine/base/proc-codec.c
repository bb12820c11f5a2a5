/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/proc-codec.h"

#include "base/slice.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#define PF_KTHREAD 0x00200000u

/* The name may hold anything, also ") R 1": only the last parenthesis closes it. */
int proc_stat_decode(const struct buf *text, struct proc_stat *ret)
{
	const char *open = strchr(buf_text(text), '('), *close = strrchr(buf_text(text), ')');
	if (!open || !close || close < open)
		return -EINVAL;
	struct proc_stat st = {.pid = (pid_t)strtol(text->data, NULL, 10)};
	int ppid, pgrp, session, tty;
	unsigned flags, n_threads;
	unsigned long long user, sys, start;
	int n = sscanf(close + 1, " %c %d %d %d %d %*d %u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %u %*d %llu",
	               &st.state, &ppid, &pgrp, &session, &tty, &flags, &user, &sys, &n_threads, &start);
	if (n != 10)
		return -EINVAL;
	st.ppid = ppid;
	st.pgrp = pgrp;
	st.session = session;
	st.tty = tty;
	st.kthread = flags & PF_KTHREAD;
	st.threads = n_threads;
	st.cpu_ticks = user + sys;
	st.start = start;
	size_t len = (size_t)(close - open - 1);
	memcpy(st.comm, open + 1, len < sizeof(st.comm) ? len : sizeof(st.comm) - 1);
	*ret = st;
	return 0;
}

int proc_status_decode(const struct buf *text, struct proc_status *ret)
{
	/* The name comes first and is escaped: no line of it can pass for another. */
	const char *uid = strstr(buf_text(text), "\nUid:"), *tracer = strstr(buf_text(text), "\nTracerPid:");
	const char *tgid = strstr(buf_text(text), "\nTgid:");
	struct proc_status st = {.tgid = tgid ? (pid_t)strtol(tgid + strlen("\nTgid:"), NULL, 10) : 0};
	if (!uid || sscanf(uid, "\nUid: %u %u", &st.uid, &st.euid) != 2)
		return -EINVAL;
	if (tracer)
		st.tracer = (pid_t)strtol(tracer + strlen("\nTracerPid:"), NULL, 10);
	*ret = st;
	return 0;
}

void proc_comm_decode(const struct buf *text, char ret[64])
{
	size_t len = text->len && text->data[text->len - 1] == '\n' ? text->len - 1 : text->len;
	if (len > 63)
		len = 63;
	memcpy(ret, buf_text(text), len);
	ret[len] = '\0';
}

int proc_cmdline_decode(const struct buf *text, struct strv *ret)
{
	size_t end = text->len;
	/* A title that was written over argv ends in many NULs. */
	while (end > 1 && text->data[end - 1] == '\0' && text->data[end - 2] == '\0')
		end--;
	for (size_t at = 0; at < end && !(at == 0 && text->data[0] == '\0' && end == 1);) {
		size_t len = strnlen(text->data + at, end - at);
		strv_addn(ret, text->data + at, len);
		at += len + 1;
	}
	return strv_error(ret);
}

int proc_environ_decode(const struct buf *text, struct strv *ret)
{
	for (size_t at = 0; at < text->len;) {
		size_t len = strnlen(text->data + at, text->len - at);
		const char *equals = memchr(text->data + at, '=', len);
		if (equals) /* without it there is no name, only content */
			strv_addn(ret, text->data + at, (size_t)(equals - (text->data + at)));
		at += len + 1;
	}
	return strv_error(ret);
}

int proc_children_decode(const struct buf *text, struct pids *ret)
{
	char *end;
	for (const char *p = buf_text(text); *p; p = end) {
		long pid = strtol(p, &end, 10);
		if (end == p)
			break;
		int r = pids_add(ret, (pid_t)pid);
		if (r < 0)
			return r;
		end += *end == ' ';
	}
	return 0;
}

int proc_last_pid_decode(const struct buf *text, pid_t *ret)
{
	int pid;
	if (sscanf(buf_text(text), "%*s %*s %*s %*s %d", &pid) != 1)
		return -EINVAL;
	*ret = pid;
	return 0;
}

static pid_t lease_of(struct slice line, dev_t dev, ino_t ino)
{
	char text[128], kind[8];
	unsigned major_number, minor_number;
	unsigned long inode;
	int pid;
	snprintf(text, sizeof(text), "%.*s", (int)(line.len < sizeof(text) ? line.len : sizeof(text) - 1), line.p);
	bool is = sscanf(text, "%*u: %7s %*s %*s %d %x:%x:%lu", kind, &pid, &major_number, &minor_number, &inode) == 5 &&
	          (strcmp(kind, "LEASE") == 0 || strcmp(kind, "DELEG") == 0) && makedev(major_number, minor_number) == dev &&
	          inode == ino;
	return is ? pid : 0;
}

int proc_lease_decode(const struct buf *text, dev_t dev, ino_t ino, pid_t *ret)
{
	struct slice rest = slice_of(text), whole;
	while (rest.len) {
		*ret = lease_of(take_line(&rest, false, &whole), dev, ino);
		if (*ret > 0)
			return 0;
	}
	return -ESRCH;
}

int proc_boot_id_decode(const struct buf *text, char ret[40])
{
	size_t len = strcspn(buf_text(text), "\n");
	if (len == 0 || len > 39)
		return -EINVAL;
	memcpy(ret, text->data, len);
	ret[len] = '\0';
	return 0;
}

int proc_socket_decode(const char *text, uint32_t *ret)
{
	unsigned inode;
	if (sscanf(text, "socket:[%u]", &inode) != 1)
		return -EINVAL;
	*ret = inode;
	return 0;
}
