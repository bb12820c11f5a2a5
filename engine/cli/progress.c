/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "progress.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool running, shown, end;
	char what[64]; /* "" while nothing is under way */
	struct timespec since;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static void wipe(void)
{
	if (state.shown)
		fputs("\r\033[K", stderr);
	state.shown = false;
}

static void show(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	long seconds = now.tv_sec - state.since.tv_sec;
	if (!state.what[0] || seconds < 1)
		return;
	fprintf(stderr, "\r\033[K… %s (%ld s)", state.what, seconds);
	state.shown = true;
}

static void *watch(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&state.lock);
	while (!state.end) {
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec++;
		pthread_cond_timedwait(&state.wake, &state.lock, &until);
		if (!state.end)
			show();
	}
	pthread_mutex_unlock(&state.lock);
	return NULL;
}

void progress_start(void)
{
	if (!isatty(STDERR_FILENO))
		return;
	/* Signals stay with the main thread. */
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	state.running = pthread_create(&state.thread, NULL, watch, NULL) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void progress_phase(const char *what)
{
	pthread_mutex_lock(&state.lock);
	wipe();
	snprintf(state.what, sizeof(state.what), "%s", what ? what : "");
	clock_gettime(CLOCK_MONOTONIC, &state.since);
	pthread_mutex_unlock(&state.lock);
}

void progress_stop(void)
{
	if (!state.running)
		return;
	pthread_mutex_lock(&state.lock);
	state.end = true;
	wipe();
	pthread_cond_signal(&state.wake);
	pthread_mutex_unlock(&state.lock);
	pthread_join(state.thread, NULL);
	state.running = false;
}
