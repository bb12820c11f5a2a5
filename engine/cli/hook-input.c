/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook-input.h"

#include "base/clock.h"
#include "sources.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whoever starts a hook has its message ready. */
#define MESSAGE_MS 10000
#define CHUNK 65536

static struct strv environment; /* NAME=VALUE */
static struct buf pending;      /* read, and behind the line that was asked for */

int hook_keep_environment(void)
{
	for (size_t i = 0; sources[i]; i++)
		for (const char *const *name = sources[i]->variables; name && *name; name++) {
			const char *value = getenv(*name);
			if (value)
				strv_addf(&environment, "%s=%s", *name, value);
		}
	return strv_error(&environment);
}

/* sshd tells PAM by SSH_CONNECTION, too, where he comes from whom this is about: it is no
 * operator's session that the guard should protect. */
static int from_environment(const struct source *source, struct buf *ret)
{
	unsetenv("SSH_CONNECTION");
	for (const char *const *name = source->variables; *name; name++)
		for (size_t i = 0; i < environment.n; i++) {
			size_t len = strlen(*name);
			if (strncmp(environment.v[i], *name, len) == 0 && environment.v[i][len] == '=')
				buf_add(ret, environment.v[i], strlen(environment.v[i]) + 1);
		}
	return buf_error(ret);
}

static int from_words(const struct options *options, struct buf *ret)
{
	for (size_t i = 0; i < options->n_message; i++)
		buf_add(ret, options->message[i], strlen(options->message[i]) + 1);
	return buf_error(ret);
}

/* More of standard input, at the end of INTO: how much, 0 at its end. */
static int read_more(struct buf *into, int64_t deadline_ms, struct buf *why)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	int64_t left = deadline_ms - monotonic_ms();
	int r = left > 0 ? poll(&in, 1, (int)left) : 0;
	if (r < 0 && errno == EINTR)
		return -EAGAIN;
	if (r == 0) {
		buf_puts(why, "no whole message came in time");
		return -ETIMEDOUT;
	}
	if (r < 0 || buf_reserve(into, CHUNK) < 0)
		return r < 0 ? -errno : -ENOMEM;
	ssize_t n = read(STDIN_FILENO, into->data + into->len, CHUNK);
	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	into->len += (size_t)n;
	into->data[into->len] = '\0';
	return (int)n;
}

/* Takes a line, with its newline, off what is pending; what is over MAX stays as long as it is. */
static int take_line_of(struct buf *ret, size_t max)
{
	const char *newline = pending.len ? memchr(pending.data, '\n', pending.len) : NULL;
	size_t len = newline ? (size_t)(newline - pending.data) : pending.len, whole = newline ? len + 1 : len;
	int r = buf_add(ret, pending.data, len < max + 1 ? len : max + 1);
	if (r < 0)
		return r;
	memmove(pending.data, pending.data + whole, pending.len - whole);
	pending.len -= whole;
	return 0;
}

int hook_read_line(size_t max, int timeout_ms, struct buf *ret, struct buf *ret_why)
{
	int64_t deadline = monotonic_ms() + timeout_ms;
	while (!(pending.len && memchr(pending.data, '\n', pending.len)) && pending.len <= max) {
		int n = read_more(&pending, deadline, ret_why);
		if (n == -EAGAIN)
			continue;
		if (n < 0)
			return n;
		if (n == 0)
			break;
	}
	if (!pending.len) {
		buf_puts(ret_why, "there is nothing on standard input");
		return -ENODATA;
	}
	return take_line_of(ret, max);
}

static int read_whole(size_t max, struct buf *ret, struct buf *ret_why)
{
	int64_t deadline = monotonic_ms() + MESSAGE_MS;
	int n = 1;
	while (n != 0 && ret->len <= max) {
		n = read_more(ret, deadline, ret_why);
		if (n < 0 && n != -EAGAIN)
			return n;
	}
	if (ret->len > max)
		ret->len = max + 1;
	return 0;
}

int hook_read_message(const struct source *source, const struct options *options, struct buf *ret, struct buf *ret_why)
{
	if (options->n_message && source->input != INPUT_WORDS) {
		buf_printf(ret_why, "--hook %s takes no words: its message comes in %s", source->name,
		           source->input == INPUT_ENVIRONMENT ? "the environment" : "on standard input");
		return -EINVAL;
	}
	switch (source->input) {
	case INPUT_ENVIRONMENT: return from_environment(source, ret);
	case INPUT_LINE: return hook_read_line(source->size_max, MESSAGE_MS, ret, ret_why);
	case INPUT_WORDS:
		if (options->n_message)
			return from_words(options, ret);
		/* fallthrough */
	default: return read_whole(source->size_max, ret, ret_why);
	}
}
