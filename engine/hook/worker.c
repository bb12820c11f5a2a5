/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is a signal to us (a terminal's ^C) is none to a run: it comes to its end. */
static void become_worker(void)
{
	sigset_t none;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	setpgid(0, 0);
	if (null >= 0)
		dup2(null, STDIN_FILENO);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int worker_start(struct workers *workers, struct work *work, int (*do_work)(void *ctx, struct work *work), void *ctx)
{
	if (workers->n == WORKERS_MAX)
		return -EAGAIN;
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		become_worker();
		_exit(do_work(ctx, work));
	}
	/* Without a pidfd it is reaped all the same, when something else wakes us. */
	workers->v[workers->n++] = (struct worker){pid, (int)syscall(SYS_pidfd_open, pid, 0), work};
	return 0;
}

size_t workers_polled(const struct workers *workers, struct pollfd *ret)
{
	for (size_t i = 0; i < workers->n; i++)
		ret[i] = (struct pollfd){.fd = workers->v[i].pidfd, .events = POLLIN};
	return workers->n;
}

static void take_end(struct workers *workers, const siginfo_t *info, struct worker_end *ret)
{
	if (info->si_code == CLD_EXITED)
		ret->status = info->si_status;
	else
		ret->signal = info->si_status;
	*(ret->signal ? &workers->crashed : ret->status ? &workers->failed : &workers->done) += 1;
}

bool workers_reap(struct workers *workers, struct worker_end *ret)
{
	for (size_t i = 0; i < workers->n; i++) {
		struct worker *w = &workers->v[i];
		siginfo_t info = {0};
		int r = waitid(P_PID, (id_t)w->pid, &info, WEXITED | WNOHANG);
		if (r == 0 && !info.si_pid)
			continue;
		*ret = (struct worker_end){.work = w->work};
		if (r == 0)
			take_end(workers, &info, ret);
		if (w->pidfd >= 0)
			close(w->pidfd);
		*w = workers->v[--workers->n];
		return true;
	}
	return false;
}
