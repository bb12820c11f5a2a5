/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/await.h"

#include "base/clock.h"
#include "base/fd.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* Wakes when the clock says AT, and when the clock is set. */
static int timer_at(int64_t at, int *ret)
{
	struct itimerspec when = {.it_value = {.tv_sec = at / 1000, .tv_nsec = at % 1000 * 1000000}};
	int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	*ret = fd;
	return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when, NULL) < 0 ? -errno : 0;
}

/* Wakes when the run is sealed anew, as it is after whatever alters its deadlines: once,
 * and not with each record. Where that cannot be had, a confirmation is seen when the
 * deadline comes. */
static int watch_run(const struct state *state, const char *run)
{
	_cleanup_close_ int dir = -1;
	char path[32];
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd < 0 || state_open_run(state, run, &dir) < 0)
		return fd;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", dir);
	inotify_add_watch(fd, path, IN_MOVED_TO | IN_DELETE_SELF);
	return fd;
}

static int next_deadline(const struct state *state, const char *id, const struct change_kind *const *kinds,
                         int64_t *ret, struct buf *ret_why)
{
	struct run *run = NULL;
	int r = run_load(state, id, kinds, &run, ret_why);
	if (r == 0)
		*ret = run_deadline(run);
	run_free(&run);
	return r;
}

int await_deadline(const struct state *state, const char *run, const struct change_kind *const *kinds,
                   struct buf *ret_why)
{
	_cleanup_close_ int watch = watch_run(state, run);
	for (;;) {
		_cleanup_close_ int timer = -1;
		char events[4096];
		int64_t at = 0;
		int r = next_deadline(state, run, kinds, &at, ret_why);
		if (r < 0 || !at || at <= realtime_ms())
			return r < 0 ? r : at != 0;
		r = timer_at(at, &timer);
		if (r < 0)
			return r;
		struct pollfd wake[] = {{.fd = timer, .events = POLLIN}, {.fd = watch, .events = POLLIN}};
		if (poll(wake, 2, -1) < 0 && errno != EINTR)
			return -errno;
		while (watch >= 0 && read(watch, events, sizeof(events)) > 0)
			;
	}
}
