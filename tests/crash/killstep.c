/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Runs a command and strikes at its Nth system call of those that alter something.
 *
 *   killstep [-aA] [-n N] [-t NAME,...] [-o REPORT] STRIKE -- COMMAND [ARGUMENT...]
 *
 *   STRIKE  -l        none: list the calls
 *           -k        kill the whole tree of processes before the call is made
 *           -e ERRNO  the call is not made and fails (EIO, ENOSPC, EROFS, EDQUOT, EINTR)
 *           -s        the call is given half of what it was to write (at least 1 byte)
 *           -c HOOK   run a shell command, with STEP=number and SYSCALL=name in its
 *                     environment, while the caller is stopped, and go on; without -n
 *                     at every call
 *   -a      after the call instead of before it (with -k, -c)
 *   -A      count every system call, not only those that alter something
 *   -t      count these calls only; with -s, calls that can write less are meant
 *   -o      where to report, one line each:
 *               call NUMBER NAME WHAT   the call that was struck, or each with -l
 *               calls COUNT             how many there were
 *               fired 0|1               whether the Nth call was reached and struck
 *
 * Calls of all processes that the command starts are counted together, from its first
 * exec on. A seccomp filter stops these calls only, so a run is hardly slower. When the
 * command ends, all that is left of its tree dies. Exit status: the command's, 128 and the
 * signal when one ended it; 125 when this program failed, 77 where it does not know the
 * machine's registers.
 *
 * What counts as altering: everything that changes a file, a directory or what is known
 * of it; opening with O_CREAT or O_TRUNC; ioctl() that sets flags; signals; whatever is
 * sent, for netlink changes the firewall and the sockets.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef __x86_64__
int main(void)
{
	return 77;
}
#else

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define NO_ARG (-1)

/* How a call is judged by one of its arguments. */
enum when { ALWAYS, IF_CREATES, IF_SETS_FLAGS };

struct call {
	int nr;
	const char *name;
	enum when when;
	int path;   /* which argument is a path */
	int length; /* which argument is a length that may be cut short */
};

#define CALL(name, ...) {SYS_##name, #name, __VA_ARGS__}

static const struct call calls[] = {
	CALL(write, ALWAYS, NO_ARG, 2),
	CALL(pwrite64, ALWAYS, NO_ARG, 2),
	CALL(writev, ALWAYS, NO_ARG, NO_ARG),
	CALL(pwritev, ALWAYS, NO_ARG, NO_ARG),
	CALL(pwritev2, ALWAYS, NO_ARG, NO_ARG),
	CALL(copy_file_range, ALWAYS, NO_ARG, 4),
	CALL(sendfile, ALWAYS, NO_ARG, 3),
	CALL(splice, ALWAYS, NO_ARG, NO_ARG),
	CALL(fsync, ALWAYS, NO_ARG, NO_ARG),
	CALL(fdatasync, ALWAYS, NO_ARG, NO_ARG),
	CALL(sync_file_range, ALWAYS, NO_ARG, NO_ARG),
	CALL(syncfs, ALWAYS, NO_ARG, NO_ARG),
	CALL(fallocate, ALWAYS, NO_ARG, NO_ARG),
	CALL(ftruncate, ALWAYS, NO_ARG, NO_ARG),
	CALL(truncate, ALWAYS, 0, NO_ARG),
	CALL(open, IF_CREATES, 0, NO_ARG),
	CALL(openat, IF_CREATES, 1, NO_ARG),
	CALL(creat, ALWAYS, 0, NO_ARG),
	CALL(rename, ALWAYS, 0, NO_ARG),
	CALL(renameat, ALWAYS, 1, NO_ARG),
	CALL(renameat2, ALWAYS, 1, NO_ARG),
	CALL(unlink, ALWAYS, 0, NO_ARG),
	CALL(unlinkat, ALWAYS, 1, NO_ARG),
	CALL(rmdir, ALWAYS, 0, NO_ARG),
	CALL(link, ALWAYS, 1, NO_ARG),
	CALL(linkat, ALWAYS, 3, NO_ARG),
	CALL(symlink, ALWAYS, 1, NO_ARG),
	CALL(symlinkat, ALWAYS, 2, NO_ARG),
	CALL(mkdir, ALWAYS, 0, NO_ARG),
	CALL(mkdirat, ALWAYS, 1, NO_ARG),
	CALL(mknod, ALWAYS, 0, NO_ARG),
	CALL(mknodat, ALWAYS, 1, NO_ARG),
	CALL(chmod, ALWAYS, 0, NO_ARG),
	CALL(fchmod, ALWAYS, NO_ARG, NO_ARG),
	CALL(fchmodat, ALWAYS, 1, NO_ARG),
	CALL(chown, ALWAYS, 0, NO_ARG),
	CALL(lchown, ALWAYS, 0, NO_ARG),
	CALL(fchown, ALWAYS, NO_ARG, NO_ARG),
	CALL(fchownat, ALWAYS, 1, NO_ARG),
	CALL(setxattr, ALWAYS, 0, NO_ARG),
	CALL(lsetxattr, ALWAYS, 0, NO_ARG),
	CALL(fsetxattr, ALWAYS, NO_ARG, NO_ARG),
	CALL(removexattr, ALWAYS, 0, NO_ARG),
	CALL(lremovexattr, ALWAYS, 0, NO_ARG),
	CALL(fremovexattr, ALWAYS, NO_ARG, NO_ARG),
	CALL(utimensat, ALWAYS, NO_ARG, NO_ARG),
	CALL(ioctl, IF_SETS_FLAGS, NO_ARG, NO_ARG),
	CALL(kill, ALWAYS, NO_ARG, NO_ARG),
	CALL(tkill, ALWAYS, NO_ARG, NO_ARG),
	CALL(tgkill, ALWAYS, NO_ARG, NO_ARG),
	CALL(pidfd_send_signal, ALWAYS, NO_ARG, NO_ARG),
	CALL(sendto, ALWAYS, NO_ARG, NO_ARG),
	CALL(sendmsg, ALWAYS, NO_ARG, NO_ARG),
	CALL(sendmmsg, ALWAYS, NO_ARG, NO_ARG),
	CALL(mount, ALWAYS, 1, NO_ARG),
	CALL(umount2, ALWAYS, 0, NO_ARG),
};

static const struct {
	const char *name;
	int number;
} errors[] = {
	{"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EROFS", EROFS}, {"EDQUOT", EDQUOT}, {"EINTR", EINTR},
	{"ENOMEM", ENOMEM}, {"EPERM", EPERM},
};

enum strike { NONE, LIST, KILL, FAIL, CUT_SHORT, HOOK };

static struct {
	enum strike strike;
	bool after, all_calls;
	long at; /* 0: every call */
	char *only;
	const char *hook;
	int error;
	FILE *report;
} options;

/* A process or thread of the tree; `struck` from the entry of a struck call to its exit. */
struct tracee {
	pid_t pid;
	bool struck;
	const struct call *call;
};

static struct tracee *tracees;
static size_t n_tracees;
static pid_t command;
static long count;
static bool started, fired;

static void die(const char *what)
{
	fprintf(stderr, "killstep: %s: %s\n", what, strerror(errno));
	_exit(125);
}

/* ---- which calls stop ------------------------------------------------------------ */

static bool wanted(const struct call *c)
{
	if (options.strike == CUT_SHORT && c->length == NO_ARG)
		return false;
	if (!options.only)
		return true;
	size_t length = strlen(c->name);
	for (const char *at = options.only; (at = strstr(at, c->name)); at += length)
		if ((at == options.only || at[-1] == ',') && (at[length] == ',' || !at[length]))
			return true;
	return false;
}

static const struct call *find_call(int nr)
{
	for (size_t i = 0; i < COUNT(calls); i++)
		if (calls[i].nr == nr)
			return &calls[i];
	return NULL;
}

#define ARG(n) ((unsigned)(offsetof(struct seccomp_data, args) + sizeof(__u64) * (n)))

struct program {
	struct sock_filter v[8 * COUNT(calls)];
	unsigned short n;
};

static void put(struct program *p, struct sock_filter instruction)
{
	p->v[p->n++] = instruction;
}

/* If the accumulator is not NR, the next SKIP instructions are left out. */
static void put_call(struct program *p, const struct call *c)
{
	const struct sock_filter trace = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
	const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	unsigned nr = (unsigned)c->nr;
	switch (c->when) {
	case ALWAYS:
		put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1));
		put(p, trace);
		break;
	case IF_CREATES:
		put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 4));
		put(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG(c->nr == SYS_openat ? 2 : 1)));
		put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_CREAT | O_TRUNC, 0, 1));
		put(p, trace);
		put(p, allow);
		break;
	case IF_SETS_FLAGS:
		put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 5));
		put(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG(1)));
		put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)FS_IOC_SETFLAGS, 1, 0));
		put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)FS_IOC_FSSETXATTR, 0, 1));
		put(p, trace);
		put(p, allow);
		break;
	}
}

static void install_filter(void)
{
	struct program p = {0};
	put(&p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
	for (size_t i = 0; i < COUNT(calls) && !options.all_calls; i++)
		if (wanted(&calls[i]))
			put_call(&p, &calls[i]);
	put(&p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, options.all_calls ? SECCOMP_RET_TRACE : SECCOMP_RET_ALLOW));
	struct sock_fprog program = {p.n, p.v};
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		die("seccomp (root is needed)");
}

/* ---- what is told of a call ------------------------------------------------------- */

static unsigned long long arg(const struct user_regs_struct *r, int n)
{
	const unsigned long long args[] = {r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9};
	return args[n];
}

static void set_arg(struct user_regs_struct *r, int n, unsigned long long value)
{
	unsigned long long *args[] = {&r->rdi, &r->rsi, &r->rdx, &r->r10, &r->r8, &r->r9};
	*args[n] = value;
}

static void report_path(pid_t pid, unsigned long long address)
{
	char text[256] = "";
	struct iovec to = {text, sizeof(text) - 1}, from = {(void *)(uintptr_t)address, sizeof(text) - 1};
	if (process_vm_readv(pid, &to, 1, &from, 1, 0) < 0) {
		/* Perhaps the page ends before: what is left of it will do. */
		from.iov_len = 4096 - address % 4096;
		process_vm_readv(pid, &to, 1, &from, 1, 0);
	}
	fprintf(options.report, " %s", text);
}

/* Where a descriptor leads that is the first argument. */
static void report_fd(pid_t pid, unsigned long long fd)
{
	char link[64], target[256];
	snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)pid, (int)fd);
	ssize_t n = readlink(link, target, sizeof(target) - 1);
	if (n > 0)
		fprintf(options.report, " %.*s", (int)n, target);
}

static void report_call(pid_t pid, const struct user_regs_struct *r, const struct call *c)
{
	if (!options.report)
		return;
	if (!c) {
		fprintf(options.report, "call %ld %lld\n", count, (long long)r->orig_rax);
		return;
	}
	fprintf(options.report, "call %ld %s", count, c->name);
	if (c->path != 0)
		report_fd(pid, r->rdi);
	if (c->path != NO_ARG)
		report_path(pid, arg(r, c->path));
	fputc('\n', options.report);
}

/* ---- the tree ---------------------------------------------------------------------- */

static struct tracee *tracee(pid_t pid)
{
	for (size_t i = 0; i < n_tracees; i++)
		if (tracees[i].pid == pid)
			return &tracees[i];
	tracees = reallocarray(tracees, n_tracees + 1, sizeof(*tracees));
	if (!tracees)
		die("memory");
	tracees[n_tracees] = (struct tracee){.pid = pid};
	return &tracees[n_tracees++];
}

static void forget(pid_t pid)
{
	for (size_t i = 0; i < n_tracees; i++)
		if (tracees[i].pid == pid)
			tracees[i--] = tracees[--n_tracees];
}

/* One that is in the middle of being forked is killed by PTRACE_O_EXITKILL or when it
 * shows itself. */
static void kill_tree(void)
{
	for (size_t i = 0; i < n_tracees; i++)
		kill(tracees[i].pid, SIGKILL);
}

static void run_hook(const struct call *c)
{
	char step[32];
	snprintf(step, sizeof(step), "%ld", count);
	pid_t pid = fork();
	if (pid == 0) {
		setenv("STEP", step, 1);
		setenv("SYSCALL", c ? c->name : "?", 1);
		execl("/bin/sh", "sh", "-c", options.hook, NULL);
		_exit(127);
	}
	int status;
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die("hook");
	if (status != 0) {
		fprintf(stderr, "killstep: the hook failed at call %ld (%s)\n", count, c ? c->name : "?");
		kill_tree();
		exit(125);
	}
}

static bool cut_short(struct user_regs_struct *r, const struct call *c)
{
	unsigned long long length = arg(r, c->length);
	if (length < 2)
		return false;
	set_arg(r, c->length, length / 2);
	return true;
}

static void set_regs(pid_t pid, struct user_regs_struct *r)
{
	if (ptrace(PTRACE_SETREGS, pid, 0, r) < 0 && errno != ESRCH)
		die("PTRACE_SETREGS");
}

static void resume(pid_t pid, bool to_exit, int sig)
{
	ptrace(to_exit ? PTRACE_SYSCALL : PTRACE_CONT, pid, 0, sig);
}

/* A call that counts is about to be made. */
static void on_entry(struct tracee *t)
{
	struct user_regs_struct r;
	if (!started || ptrace(PTRACE_GETREGS, t->pid, 0, &r) < 0) {
		resume(t->pid, false, 0);
		return;
	}
	const struct call *c = find_call((int)r.orig_rax);
	count++;
	bool hit = options.at ? count == options.at : options.strike == HOOK;
	if (options.strike == LIST || (options.at && hit))
		report_call(t->pid, &r, c);
	if (!hit) {
		resume(t->pid, false, 0);
		return;
	}
	t->call = c;
	t->struck = options.after || options.strike == FAIL;
	fired = options.strike != CUT_SHORT || cut_short(&r, c);
	if (options.strike == FAIL)
		r.orig_rax = (unsigned long long)-1; /* no such call: nothing is done */
	if (options.strike == FAIL || options.strike == CUT_SHORT)
		set_regs(t->pid, &r);
	else if (options.strike == KILL && !options.after)
		kill_tree();
	else if (options.strike == HOOK && !options.after)
		run_hook(c);
	resume(t->pid, t->struck, 0);
}

/* A struck call has returned. */
static void on_exit_of(struct tracee *t)
{
	struct user_regs_struct r;
	t->struck = false;
	if (options.strike == FAIL && ptrace(PTRACE_GETREGS, t->pid, 0, &r) == 0) {
		r.rax = (unsigned long long)-options.error;
		set_regs(t->pid, &r);
	} else if (options.strike == KILL) {
		kill_tree();
	} else if (options.strike == HOOK) {
		run_hook(t->call);
	}
	resume(t->pid, false, 0);
}

static void on_stop(pid_t pid, int status)
{
	int sig = WSTOPSIG(status), event = status >> 16;
	struct tracee *t = tracee(pid);
	if (event == PTRACE_EVENT_SECCOMP) {
		on_entry(t);
	} else if (sig == (SIGTRAP | 0x80)) {
		if (t->struck)
			on_exit_of(t);
		else
			resume(pid, false, 0);
	} else if (event == PTRACE_EVENT_STOP && (sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU)) {
		ptrace(PTRACE_LISTEN, pid, 0, 0);
	} else {
		started |= event == PTRACE_EVENT_EXEC;
		resume(pid, t->struck, event ? 0 : sig);
		if (options.strike == KILL && fired)
			kill(pid, SIGKILL);
	}
}

/* Returns the exit status of the command. */
static int watch(void)
{
	int result = 125, status;
	for (pid_t pid; (pid = waitpid(-1, &status, __WALL)) > 0;) {
		if (WIFSTOPPED(status)) {
			on_stop(pid, status);
			continue;
		}
		forget(pid);
		if (pid != command)
			continue;
		result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		kill_tree();
	}
	return result;
}

/* The command waits until it is traced: before that, a filter would make its calls fail. */
static void start(char **argv)
{
	int ready[2];
	char byte;
	if (pipe2(ready, O_CLOEXEC) < 0)
		die("pipe");
	command = fork();
	if (command < 0)
		die("fork");
	if (command == 0) {
		if (read(ready[0], &byte, 1) != 1)
			_exit(125);
		install_filter();
		execvp(argv[0], argv);
		die(argv[0]);
	}
	long how = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
	           PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	if (ptrace(PTRACE_SEIZE, command, 0, how) < 0 || write(ready[1], "x", 1) != 1)
		die("ptrace");
	close(ready[0]);
	close(ready[1]);
}

static int parse_error(const char *name)
{
	for (size_t i = 0; i < COUNT(errors); i++)
		if (strcmp(errors[i].name, name) == 0)
			return errors[i].number;
	errno = EINVAL;
	die(name);
	return 0;
}

static void choose(enum strike strike)
{
	options.strike = options.strike == NONE ? strike : NONE;
}

static void parse(int argc, char **argv)
{
	for (int o; (o = getopt(argc, argv, "+aAn:t:o:lke:sc:")) != -1;) {
		switch (o) {
		case 'a': options.after = true; break;
		case 'A': options.all_calls = true; break;
		case 'n': options.at = atol(optarg); break;
		case 't': options.only = optarg; break;
		case 'o': options.report = fopen(optarg, "we"); break;
		case 'l': choose(LIST); break;
		case 'k': choose(KILL); break;
		case 'e': choose(FAIL); options.error = parse_error(optarg); break;
		case 's': choose(CUT_SHORT); break;
		case 'c': choose(HOOK); options.hook = optarg; break;
		default: exit(125);
		}
	}
	bool somewhere = options.strike == LIST || options.strike == HOOK || options.at > 0;
	bool cut = options.strike == CUT_SHORT && options.all_calls;
	if (options.strike == NONE || !somewhere || cut || optind == argc) {
		fprintf(stderr, "usage: killstep [-aA] [-n N] [-t NAME,...] [-o REPORT] "
		                "{-l | -k | -e ERRNO | -s | -c HOOK} -- COMMAND...\n");
		exit(125);
	}
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	start(argv + optind);
	int status = watch();
	if (options.report) {
		fprintf(options.report, "calls %ld\nfired %d\n", count, fired);
		if (fclose(options.report) != 0)
			die("report");
	}
	return status;
}
#endif
