/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/process-freeze.h"

#include "base/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define STILL_LOOKS 2 /* processes can continue each other between two looks */

/* One descriptor for each process: a crowd needs more than the usual 1024. */
static void raise_files(struct freeze *f)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	f->files_before = limit.rlim_cur;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void restore_files(const struct freeze *f)
{
	struct rlimit limit;
	if (!f->files_before || getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = f->files_before;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int hold(struct freeze *f, const struct proc_identity *id, int pidfd)
{
	if (f->n == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 64;
		struct held *v = reallocarray(f->held, cap, sizeof(*v));
		if (!v) {
			close(pidfd);
			return -ENOMEM;
		}
		f->held = v;
		f->cap = cap;
	}
	f->held[f->n++] = (struct held){.id = *id, .pidfd = pidfd};
	return pids_sorted_add(&f->seen, id->pid);
}

static int hold_recorded(struct freeze *f)
{
	_cleanup_processes_ struct processes list = {0};
	int r = processes_of(f->change, &list);
	for (size_t i = 0; r == 0 && i < list.n; i++) {
		int pidfd;
		r = proc_hold(f->host->proc, &list.v[i].id, &pidfd);
		if (r == -ESRCH) {
			f->gone++;
			r = 0;
		} else if (r == 0) {
			r = hold(f, &list.v[i].id, pidfd);
		}
	}
	return r;
}

int freeze_begin(struct freeze *f, struct host *host, struct change *change, struct effect *effect, int timeout_ms)
{
	*f = (struct freeze){.host = host, .change = change, .effect = effect};
	f->deadline = monotonic_ms() + timeout_ms;
	raise_files(f);
	int r = proc_is_ours(host->proc);
	if (r == 0)
		r = selector_from_json(json_object_get(change->data, "select"), &f->selector);
	if (r == 0)
		r = users_load(host->root, &f->users);
	if (r == 0)
		r = process_same_boot(host, change);
	if (r == 0) { /* after a reboot the pids are other processes' */
		f->gone = json_array_size(json_object_get(change->data, "processes"));
		return 0;
	}
	if (r > 0 && selector_repeats(f->selector))
		r = scan_new(host, f->selector, &f->scan, &effect->note);
	if (r >= 0)
		r = hold_recorded(f);
	if (r < 0 && !effect->note.len)
		buf_printf(&effect->note, "cannot take hold of the processes: %s", strerror(-r));
	return r;
}

void freeze_end(struct freeze *f)
{
	for (size_t i = 0; i < f->n; i++)
		close(f->held[i].pidfd);
	free(f->held);
	pids_free(&f->seen);
	users_free(&f->users);
	scan_free(&f->scan);
	selector_free(&f->selector);
	restore_files(f);
	*f = (struct freeze){0};
}

static void thaw_one(struct held *h)
{
	if (h->stopped)
		proc_signal(h->pidfd, SIGCONT);
	h->stopped = false;
}

void freeze_thaw(struct freeze *f)
{
	for (size_t i = 0; i < f->n; i++)
		thaw_one(&f->held[i]);
}

/* A stop is under way or done in every state but these. With a main thread that has
 * ended the state says nothing, and the signal has to be trusted. */
static bool runs(const struct proc_stat *st)
{
	return st->state == 'R' || st->state == 'S' || st->state == 'I';
}

/* Stops it unless it is; *RET_MOVED tells that it was not. */
static int stop_one(struct freeze *f, struct held *h, bool *ret_moved)
{
	struct proc_stat st;
	int r = proc_stat(f->host->proc, h->id.pid, &st);
	if (r == -ESRCH || proc_ended(h->pidfd))
		return 0;
	if (r < 0)
		return r;
	if (!runs(&st) && (h->stopped || st.state == 'T'))
		return 0;
	r = proc_signal(h->pidfd, SIGSTOP);
	if (r == -ESRCH)
		return 0;
	if (r < 0)
		return r;
	h->stopped = true;
	*ret_moved = true;
	return 0;
}

/* Its pid stays among those that were seen. */
static void let_go(struct freeze *f, size_t at)
{
	thaw_one(&f->held[at]);
	close(f->held[at].pidfd);
	memmove(&f->held[at], &f->held[at + 1], (f->n - at - 1) * sizeof(*f->held));
	f->n--;
}

/* What one look finds. */
struct look {
	struct freeze *f;
	struct processes caught;
};

/* Stops first and reads then: a process that hops from pid to pid gives no time. */
static int hold_still(struct freeze *f, pid_t pid, struct process *ret)
{
	struct proc_identity id;
	int pidfd;
	bool moved;
	int r = proc_hold_pid(f->host->proc, pid, &id, &pidfd);
	if (r == 0)
		r = hold(f, &id, pidfd);
	if (r < 0)
		return r;
	struct held *h = &f->held[f->n - 1];
	r = stop_one(f, h, &moved);
	if (r == 0)
		r = process_read(f->host, &f->users, pid, ret);
	if (r == 0 && proc_ended(h->pidfd)) {
		process_free(ret);
		r = -ESRCH;
	}
	if (r < 0)
		return r;
	h->id = ret->id; /* it may have executed something else before it stopped */
	ret->stopped = !h->stopped;
	return 0;
}

/* Holds and stops a newcomer; one that has gone, or is of no concern, is let go. */
static int catch_one(void *ctx, pid_t pid)
{
	struct look *look = ctx;
	struct freeze *f = look->f;
	struct process p = {0};
	size_t held = f->n;
	if (pid == getpid() || pids_sorted_has(&f->seen, pid))
		return 0;
	int r = hold_still(f, pid, &p);
	if (r == 0)
		return processes_add(&look->caught, &p);
	if (f->n > held)
		let_go(f, held);
	return r == -ESRCH || r == -ENOENT ? 0 : r;
}

static int find_new(struct look *look)
{
	struct freeze *f = look->f;
	int r = f->scan ? scan_run(f->scan, &f->seen, catch_one, look) : 0;
	for (size_t i = 0; r == 0 && selector_tree(f->selector) && i < f->n; i++) {
		_cleanup_pids_ struct pids children = {0};
		r = proc_children(f->host->proc, f->held[i].id.pid, &children);
		r = r == -ESRCH ? 0 : r;
		for (size_t k = 0; r == 0 && k < children.n; k++)
			r = catch_one(look, children.v[k]);
	}
	return r;
}

static json_t *announcement(const struct process *v, size_t n)
{
	json_t *array = json_array();
	for (size_t i = 0; array && i < n; i++) {
		if (json_array_append_new(array, process_to_json(&v[i])) < 0) {
			json_decref(array);
			array = NULL;
		}
	}
	return array ? json_pack("{s:o}", "processes", array) : NULL;
}

static int announce(struct freeze *f, const struct process *v, size_t n)
{
	json_t *more = announcement(v, n);
	return more ? f->effect->grow(f->effect, f->change, more) : -ENOMEM;
}

/* Announces what was caught, the last ones held: all together, and one by one when
 * the guard refuses any of them. */
static int announce_all(struct freeze *f, const struct processes *caught)
{
	if (caught->n == 0)
		return 0;
	size_t first = f->n - caught->n;
	int r = announce(f, caught->v, caught->n);
	if (r == 0)
		f->found += caught->n;
	if (r != -EPERM)
		return r;
	size_t at = first;
	r = 0;
	for (size_t i = 0; r == 0 && i < caught->n; i++) {
		r = caught->n > 1 ? announce(f, &caught->v[i], 1) : -EPERM;
		if (r == 0) {
			f->found++;
			at++;
		} else if (r == -EPERM) {
			let_go(f, at);
			f->spared++;
			r = 0;
		}
	}
	return r;
}

static int catch_new(struct freeze *f, bool *ret_moved)
{
	struct look look = {.f = f};
	int r = find_new(&look);
	if (r == 0) {
		*ret_moved |= look.caught.n > 0;
		r = announce_all(f, &look.caught);
	}
	processes_free(&look.caught);
	return r;
}

int freeze_settle(struct freeze *f)
{
	for (unsigned still = 0; still < STILL_LOOKS;) {
		bool moved = false;
		int r = 0;
		for (size_t i = 0; r == 0 && i < f->n; i++)
			r = stop_one(f, &f->held[i], &moved);
		if (r == 0 && moved)
			sleep_ms(1); /* a stop takes effect when the process next leaves the kernel */
		if (r == 0)
			r = catch_new(f, &moved);
		if (r < 0)
			return r;
		still = moved ? 0 : still + 1;
		if (monotonic_ms() >= f->deadline)
			return -ETIMEDOUT;
	}
	return 0;
}
