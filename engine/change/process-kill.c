/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/process-kill.h"

#include "base/clock.h"
#include "change/process-describe.h"
#include "change/process-evidence.h"
#include "change/process-freeze.h"
#include "change/process-settle.h"

#include <errno.h>
#include <libaudit.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#define FREEZE_MS 10000 /* until all hold still */
#define DEATH_MS 3000   /* from the signal to the end */
#define SWEEPS 5        /* looks at what appeared while others died */
#define NAMED 4

static int probe(struct host *host, const struct change *change, enum change_state *ret)
{
	_cleanup_processes_ struct processes list = {0};
	int r = processes_of(change, &list);
	if (r < 0)
		return r;
	r = process_same_boot(host, change);
	if (r < 0)
		return r;
	enum change_state state = CHANGE_AFTER;
	for (size_t i = 0; r == 1 && state == CHANGE_AFTER && i < list.n; i++) {
		struct proc_stat st;
		int pidfd;
		int held = proc_hold(host->proc, &list.v[i].id, &pidfd);
		if (held == -ESRCH)
			continue;
		if (held < 0)
			return held;
		if (proc_stat(host->proc, list.v[i].id.pid, &st) == 0 && proc_alive(host->proc, &st))
			state = CHANGE_BEFORE;
		close_fd(&pidfd);
	}
	*ret = state;
	return 0;
}

static bool still_there(const struct freeze *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (!proc_ended(f->held[i].pidfd))
			return true;
	return false;
}

/* Waits for each in turn: the time that one takes to end passes for all of them. */
static void await_ends(const struct freeze *f, int64_t until)
{
	for (size_t i = 0; i < f->n; i++) {
		int64_t now = monotonic_ms();
		struct pollfd p = {.fd = f->held[i].pidfd, .events = POLLIN};
		poll(&p, 1, now < until ? (int)(until - now) : 0);
	}
}

static void say(struct buf *note, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(struct buf *note, const char *fmt, ...)
{
	va_list ap;
	buf_puts(note, note->len ? "; " : "");
	va_start(ap, fmt);
	buf_vprintf(note, fmt, ap);
	va_end(ap);
}

static void say_why_pending(struct freeze *f, pid_t pid)
{
	struct proc_status status;
	struct proc_stat st;
	struct buf *note = &f->effect->note;
	if (proc_status(f->host->proc, pid, &status) == 0 && status.tracer)
		say(note, "%d is traced by %d and ends with it", (int)pid, (int)status.tracer);
	else if (proc_stat(f->host->proc, pid, &st) == 0 && st.state == 'D')
		say(note, "%d waits in the kernel or is frozen (state D), and ends when it wakes", (int)pid);
	else
		say(note, "%d has not ended yet", (int)pid);
}

/* How many have been signalled and have not ended. */
static size_t say_pending(struct freeze *f)
{
	size_t pending = 0;
	for (size_t i = 0; i < f->n; i++)
		if (!proc_ended(f->held[i].pidfd) && pending++ < NAMED)
			say_why_pending(f, f->held[i].id.pid);
	if (pending > NAMED)
		say(&f->effect->note, "and %zu more", pending - NAMED);
	return pending;
}

static int send_kill(struct freeze *f, size_t first)
{
	int r = 0;
	for (size_t i = first; i < f->n; i++) {
		int error = proc_signal(f->held[i].pidfd, SIGKILL);
		if (error < 0 && error != -ESRCH) {
			say(&f->effect->note, "cannot kill %d: %s", (int)f->held[i].id.pid, strerror(-error));
			r = error;
		}
	}
	return r;
}

/* Kills the held ones, and what turns up beside them, sweep by sweep. *RET_BEGUN tells
 * that a signal was sent, after which nothing is as before. */
static int sweep_all(struct freeze *f, bool *ret_begun)
{
	size_t first = 0;
	for (int sweep = 0; sweep < SWEEPS; sweep++) {
		int r = freeze_settle(f);
		if (r == -ETIMEDOUT)
			say(&f->effect->note, "they kept moving while they were stopped");
		else if (r < 0)
			return r;
		if (first == f->n)
			break;
		r = evidence_keep(f, first);
		if (r < 0)
			return r;
		*ret_begun = true;
		r = send_kill(f, first);
		if (r < 0)
			return r;
		await_ends(f, monotonic_ms() + DEATH_MS);
		first = f->n;
		if (monotonic_ms() >= f->deadline)
			break;
	}
	return 0;
}

static int apply(struct host *host, struct change *change, struct effect *effect)
{
	struct freeze f;
	bool begun = false;
	int r = freeze_begin(&f, host, change, effect, FREEZE_MS);
	size_t planned = f.n;
	if (r == 0)
		r = sweep_all(&f, &begun);
	if (r < 0)
		freeze_thaw(&f);
	size_t pending = begun && still_there(&f) ? say_pending(&f) : 0;
	if (f.gone)
		say(&effect->note, "%zu had already ended", f.gone);
	if (f.found)
		say(&effect->note, "%zu more found and killed beside the %zu", f.found, planned);
	if (f.spared)
		say(&effect->note, "%zu found beside them left alone: the guard refuses", f.spared);
	freeze_end(&f);
	if (begun && (r < 0 || pending))
		return -EINPROGRESS;
	return r;
}

static int settle(struct host *host, const struct change *change, struct effect *effect)
{
	return processes_settle(host, change, effect, false);
}

static int describe(const struct change *change, struct buf *ret)
{
	return processes_describe(change, "kill", ret);
}

const struct change_kind process_kill_kind = {
	.name = "process.kill",
	.mark = '!',
	.flags = CHANGE_IRREVERSIBLE,
	.audit_type = AUDIT_RESP_KILL_PROC,
	.probe = probe,
	.apply = apply,
	.settle = settle,
	.describe = describe,
	.detail = processes_detail,
	.processes = processes_view,
	.subjects = processes_subjects,
};
