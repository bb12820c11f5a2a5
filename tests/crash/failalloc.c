/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * LD_PRELOAD: makes an allocation fail at one place of a program, or lists the places.
 *
 *   FAILALLOC_PROGRAM=NAME   meddle with this program only
 *   FAILALLOC_LIST=FILE      append every place that allocates to FILE, one a line, once
 *   FAILALLOC_SITE=PLACE     the first allocation there fails (ENOMEM)
 *   FAILALLOC_FIRED=FILE     is made when it has failed; says "libc" where all callers that
 *                            make the place are the C library's own, or its loader asked
 *   FAILALLOC_DEPTH=N        how many callers make a place (default: all, at most 29)
 *
 * A place is the call stack, as a hash of the return addresses: the same function called
 * from two places counts twice. Addresses must be the same in every run: setarch -R.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRAMES 32
#define OWN_FRAMES 3 /* place(), must_fail() and malloc(): no part of the place */
#define TABLE (1u << 16)

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static bool on, failed;
static __thread bool inside; /* backtrace() may allocate */
static uint64_t wanted, seen[TABLE];
static int depth = FRAMES - OWN_FRAMES;
static char list[256], fired[256];

__attribute__((constructor)) static void begin(void)
{
	const char *program = getenv("FAILALLOC_PROGRAM"), *to = getenv("FAILALLOC_LIST");
	const char *site = getenv("FAILALLOC_SITE"), *mark = getenv("FAILALLOC_FIRED"), *up = getenv("FAILALLOC_DEPTH");
	void *warm_up[2];
	if (program && strcmp(program, program_invocation_short_name) != 0)
		return;
	backtrace(warm_up, 2); /* loads the unwinder */
	if (to)
		snprintf(list, sizeof(list), "%s", to);
	if (site)
		wanted = strtoull(site, NULL, 16);
	if (up && atoi(up) > 0 && atoi(up) < depth)
		depth = atoi(up);
	if (mark)
		snprintf(fired, sizeof(fired), "%s", mark);
	on = true;
}

static bool is_in(const char *library, void *address)
{
	Dl_info info;
	const char *name = dladdr(address, &info) && info.dli_fname ? strrchr(info.dli_fname, '/') : NULL;
	return name && strncmp(name + 1, library, strlen(library)) == 0;
}

__attribute__((noinline)) static uint64_t place(bool *ret_libc)
{
	void *frames[FRAMES];
	int n = backtrace(frames, FRAMES);
	uint64_t hash = 14695981039346656037u;
	bool all_libc = true;
	for (int i = OWN_FRAMES; i < n && i < OWN_FRAMES + depth; i++) {
		hash = (hash ^ (uintptr_t)frames[i]) * 1099511628211u;
		all_libc = all_libc && (is_in("libc.so", frames[i]) || is_in("ld-", frames[i]));
	}
	*ret_libc = all_libc || (n > OWN_FRAMES && is_in("ld-", frames[OWN_FRAMES]));
	return hash ? hash : 1;
}

/* Opened each time: a careful program closes what it did not open itself. */
static void append(uint64_t at)
{
	char line[24];
	int n = snprintf(line, sizeof(line), "%016llx\n", (unsigned long long)at);
	int fd = open(list, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, line, (size_t)n) != n)
		_exit(125);
	close(fd);
}

static void note(uint64_t at)
{
	for (unsigned i = (unsigned)at % TABLE;; i = (i + 1) % TABLE) {
		if (seen[i] == at)
			return;
		if (seen[i])
			continue;
		seen[i] = at;
		append(at);
		return;
	}
}

static void note_failure(bool in_libc)
{
	int fd = open(fired, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || (in_libc && write(fd, "libc\n", 5) != 5))
		_exit(125);
	close(fd);
}

__attribute__((noinline)) static bool must_fail(void)
{
	if (!on || inside || failed || (!list[0] && !wanted))
		return false;
	inside = true;
	bool in_libc;
	uint64_t at = place(&in_libc);
	if (list[0])
		note(at);
	if (at == wanted) {
		failed = true;
		note_failure(in_libc);
		errno = ENOMEM;
	}
	inside = false;
	return failed;
}

void *malloc(size_t size)
{
	return must_fail() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return must_fail() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	return must_fail() ? NULL : __libc_realloc(old, size);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
	void *p = must_fail() ? NULL : __libc_memalign(alignment, size);
	if (!p)
		return ENOMEM;
	*ret = p;
	return 0;
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return must_fail() ? NULL : __libc_memalign(alignment, size);
}
