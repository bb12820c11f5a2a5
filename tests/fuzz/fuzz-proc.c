/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The texts of /proc. Arbitrary bytes never crash a decoder; and whatever a process
 * calls itself, the rest of what the kernel says about it is read right.
 */
#include "fuzz.h"

#include "base/proc-codec.h"

#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>

/* Arbitrary bytes for every decoder. */
static void take_anything(const struct buf *text)
{
	struct proc_stat st;
	struct proc_status status;
	_cleanup_pids_ struct pids pids = {0};
	pid_t last;
	char boot_id[40];
	uint32_t inode;
	int r = proc_stat_decode(text, &st);
	MUST(r == 0 || r == -EINVAL);
	MUST(r < 0 || memchr(st.comm, '\0', sizeof(st.comm)));
	r = proc_status_decode(text, &status);
	MUST(r == 0 || r == -EINVAL);
	MUST(proc_children_decode(text, &pids) == 0);
	MUST(pids.n <= text->len);
	r = proc_last_pid_decode(text, &last);
	MUST(r == 0 || r == -EINVAL);
	r = proc_boot_id_decode(text, boot_id);
	MUST(r < 0 || strlen(boot_id) > 0);
	r = proc_lease_decode(text, makedev(8, 1), 42, &last);
	MUST(r == 0 ? last > 0 : r == -ESRCH);
	proc_socket_decode(buf_text(text), &inode);
}

/* argv is the text cut at its NULs; only NULs at the end may get lost. */
static void argv_is_the_text(const struct buf *text)
{
	_cleanup_strv_ struct strv argv = {0};
	_cleanup_buf_ struct buf joined = {0};
	MUST(proc_cmdline_decode(text, &argv) == 0);
	for (size_t i = 0; i < argv.n; i++)
		buf_add(&joined, argv.v[i], strlen(argv.v[i]) + 1);
	for (size_t i = 0; i < text->len || i < joined.len; i++)
		MUST((i < text->len ? text->data[i] : 0) == (i < joined.len ? joined.data[i] : 0));
}

static void names_hold_no_value(const struct buf *text)
{
	_cleanup_strv_ struct strv names = {0};
	MUST(proc_environ_decode(text, &names) == 0);
	for (size_t i = 0; i < names.n; i++)
		MUST(!strchr(names.v[i], '='));
}

/* A process sets its name to NAME, of which the kernel keeps 15 bytes (63 for a worker). */
static void a_name_forges_nothing(const char *name)
{
	_cleanup_buf_ struct buf stat = {0}, status = {0}, comm = {0};
	struct proc_stat st;
	struct proc_status u;
	char seen[64];
	buf_printf(&comm, "%.63s", name);
	buf_printf(&stat, "42 (%s) S 1 43 44 34816 45 4194560 1 0 0 0 100 23 0 0 20 0 3 0 12345 1 1\n", buf_text(&comm));
	MUST(proc_stat_decode(&stat, &st) == 0);
	MUST(strcmp(st.comm, buf_text(&comm)) == 0);
	MUST(st.pid == 42 && st.state == 'S' && st.ppid == 1 && st.pgrp == 43 && st.session == 44 && st.tty == 34816);
	MUST(!st.kthread && st.cpu_ticks == 123 && st.threads == 3 && st.start == 12345);

	buf_puts(&status, "Name:\t");
	for (size_t i = 0; i < comm.len; i++) /* as the kernel escapes it: seq_escape_str(), "\n\\" */
		buf_puts(&status, comm.data[i] == '\n' ? "\\n" : comm.data[i] == '\\' ? "\\\\" : (char[]){comm.data[i], 0});
	buf_puts(&status, "\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t42\nNgid:\t0\nPid:\t42\nPPid:\t1\n"
	                  "TracerPid:\t7\nUid:\t1000\t0\t0\t0\nGid:\t1000\t0\t0\t0\n");
	MUST(proc_status_decode(&status, &u) == 0);
	MUST(u.tgid == 42 && u.tracer == 7 && u.uid == 1000 && u.euid == 0);

	buf_putc(&comm, '\n');
	proc_comm_decode(&comm, seen);
	MUST(strcmp(seen, st.comm) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	_cleanup_buf_ struct buf text = fuzz_rest(&in);
	take_anything(&text);
	argv_is_the_text(&text);
	names_hold_no_value(&text);
	a_name_forges_nothing(buf_text(&text));
	return 0;
}
