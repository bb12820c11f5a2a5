/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook/confine.h"

#include "base/clock.h"
#include "base/escape.h"
#include "base/proc.h"
#include "hook/confine-child.h"
#include "hook/event-codec.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long a child whose socket is closed may take to end. */
#define BURIAL_MS 500

void parsed_free(struct parsed *parsed, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		events_free(&parsed[i].events);
		buf_free(&parsed[i].why);
	}
}

/* No signal is handled in the child as it is here, not for a moment. */
static pid_t fork_quietly(void)
{
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid_t pid = fork();
	int error = errno;
	if (pid != 0)
		sigprocmask(SIG_SETMASK, &before, NULL);
	errno = error;
	return pid;
}

/* Until the process ends by itself, and no longer than that. */
static void await_end(int pidfd, int ms)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	int64_t deadline = monotonic_ms() + ms, left = ms;
	while (left > 0 && poll(&p, 1, (int)left) < 0 && errno == EINTR)
		left = deadline - monotonic_ms();
}

static void let_go(struct confined *c)
{
	close(c->fd);
	close(c->pidfd);
	c->fd = c->pidfd = -1;
	c->pid = 0;
}

/* Ends the child after at most WAIT_MS. How it ended: CODE is one of waitid(2), 0 where
 * somebody else has asked before. */
static siginfo_t bury(struct confined *c, int wait_ms)
{
	siginfo_t end = {0};
	shutdown(c->fd, SHUT_RDWR);
	await_end(c->pidfd, wait_ms);
	proc_signal(c->pidfd, SIGKILL);
	while (waitid(P_PIDFD, (id_t)c->pidfd, &end, WEXITED) < 0 && errno == EINTR)
		;
	let_go(c);
	return end;
}

void confine_end(struct confined *c)
{
	if (c->pid > 0 && c->owner == getpid())
		bury(c, 0);
	else if (c->pid > 0)
		let_go(c);
}

/* Whether it waits for a message: it has not ended, nor answered what it was not asked. */
static bool is_silent(int fd)
{
	char byte;
	return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

static int fork_child(struct confined *c, int ends[2])
{
	pid_t self = getpid(), pid = fork_quietly();
	int error = errno;
	if (pid == 0)
		confined_child(c->source, ends[1], self);
	if (pid < 0)
		return -error;
	c->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (c->pidfd < 0) { /* it is ours, and not waited for: this is still its pid */
		error = errno;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return -error;
	}
	c->pid = pid;
	c->owner = self;
	c->proven = false;
	return 0;
}

static int start(struct confined *c)
{
	int ends[2];
	if (c->pid > 0 && c->owner == getpid() && is_silent(c->fd))
		return 0;
	confine_end(c);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	int r = fork_child(c, ends);
	close(ends[1]);
	if (r < 0)
		close(ends[0]);
	else
		c->fd = ends[0];
	return r;
}

/* The child has gone, or does not behave: what that makes of the message. */
static int explain_end(struct confined *c, struct buf *ret_why)
{
	bool proven = c->proven;
	siginfo_t end = bury(c, BURIAL_MS);
	int sig = end.si_code == CLD_KILLED || end.si_code == CLD_DUMPED ? end.si_status : 0;
	int error = end.si_code == CLD_EXITED ? end.si_status : 0;
	if (error == ENOMEM) {
		buf_puts(ret_why, "parsing it takes more memory than a message may");
	} else if (error && !proven) {
		buf_printf(ret_why, "its parser cannot be confined: %s", strerror(error));
		return -error;
	} else if (sig == SIGSYS) {
		buf_puts(ret_why, "its parser made a system call that it may not make");
	} else if (sig == SIGPROF) {
		buf_puts(ret_why, "parsing it takes more CPU time than a message may");
	} else if (sig) {
		buf_printf(ret_why, "its parser was ended by signal %d (%s)", sig, strsignal(sig));
	} else {
		buf_puts(ret_why, "its parser ended");
	}
	return -EINVAL;
}

/* -ETIMEDOUT; 0 when the socket is ready, or broken. */
static int await(int fd, short what, int64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = what};
	for (;;) {
		int64_t left = deadline - monotonic_ms();
		int n = left > 0 ? poll(&p, 1, (int)left) : 0;
		if (n > 0)
			return 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

static int send_all(int fd, struct slice s, int64_t deadline)
{
	while (s.len) {
		ssize_t n = send(fd, s.p, s.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0) {
			s = slice_from(s, (size_t)n);
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return -EPIPE;
		int r = await(fd, POLLOUT, deadline);
		if (r < 0)
			return r;
	}
	return 0;
}

static int receive_all(int fd, size_t len, int64_t deadline, struct buf *ret)
{
	size_t end = ret->len + len;
	int r = buf_reserve(ret, len);
	while (r == 0 && ret->len < end) {
		ssize_t n = recv(fd, ret->data + ret->len, end - ret->len, MSG_DONTWAIT);
		if (n > 0)
			ret->len += (size_t)n;
		else if (n == 0 || (errno != EAGAIN && errno != EINTR))
			return -EPIPE;
		else
			r = await(fd, POLLIN, deadline);
	}
	return r;
}

/* The answer's bytes, of a length that is possible. -EBADMSG. */
static int receive_frame(int fd, size_t max, int64_t deadline, struct buf *ret)
{
	_cleanup_buf_ struct buf head = {0};
	uint32_t len = 0;
	int r = receive_all(fd, FRAME_HEAD, deadline, &head);
	if (r < 0)
		return r;
	struct slice s = slice_of(&head);
	take_u32(&s, &len);
	return len > max ? -EBADMSG : receive_all(fd, len, deadline, ret);
}

/* What the child says goes to people: in one line, and nothing that acts on a terminal. */
static void take_why(struct slice why, struct buf *ret_why)
{
	size_t from = ret_why->len;
	escape_controls(ret_why, why.p, why.len < WHY_MAX ? why.len : WHY_MAX);
	for (size_t i = from; i < ret_why->len; i++)
		if (ret_why->data[i] == '\n' || ret_why->data[i] == '\t')
			ret_why->data[i] = ' ';
	if (ret_why->len == from)
		buf_puts(ret_why, "its parser refuses it and does not say why");
}

/* One answer off the front of ANSWERS. 0 or -ENOMEM; -EBADMSG: it is none. */
static int take_answer(struct slice *answers, struct parsed *ret)
{
	uint32_t error = 0;
	struct slice text;
	int r = take_u32(answers, &error);
	if (r == 0)
		r = take_text(answers, &text);
	if (r < 0 || (error && error != EINVAL && error != ENOMEM))
		return -EBADMSG;
	ret->error = -(int)error;
	if (error == 0)
		return events_decode(text, &ret->events);
	if (error == ENOMEM)
		buf_puts(&ret->why, "parsing it takes more memory than a message may");
	else
		take_why(text, &ret->why);
	return buf_error(&ret->why);
}

static int take_answers(struct slice answers, size_t n, struct parsed *ret)
{
	int r = 0;
	for (size_t i = 0; i < n && r == 0; i++)
		r = take_answer(&answers, &ret[i]);
	return r == 0 && answers.len ? -EBADMSG : r;
}

static int ask(int fd, const struct slice *messages, size_t n, size_t size, struct parsed *ret)
{
	_cleanup_buf_ struct buf frame = {0}, answers = {0};
	put_u32(&frame, (uint32_t)(FRAME_HEAD * (n + 1) + size));
	put_u32(&frame, (uint32_t)CONFINE_CPU_MS(size));
	for (size_t i = 0; i < n; i++)
		put_text(&frame, messages[i]);
	int64_t deadline = monotonic_ms() + CONFINE_WAIT_MS(size);
	int r = buf_error(&frame);
	if (r == 0)
		r = send_all(fd, slice_of(&frame), deadline);
	if (r == 0)
		r = receive_frame(fd, ANSWER_MAX(size), deadline, &answers);
	return r < 0 ? r : take_answers(slice_of(&answers), n, ret);
}

static void forget(struct parsed *parsed, size_t n)
{
	parsed_free(parsed, n);
	memset(parsed, 0, n * sizeof(*parsed));
}

/* A child that lacked memory is not asked again: its heap is full of holes. */
static bool lacked_memory(struct parsed *parsed, size_t n)
{
	bool lacked = false;
	for (size_t i = 0; i < n; i++) {
		if (parsed[i].error != -ENOMEM)
			continue;
		parsed[i].error = -EINVAL;
		lacked = true;
	}
	return lacked;
}

/* All of them, or a negative errno with a sentence in the first one's WHY and no child. */
static int parse_together(struct confined *c, const struct slice *messages, size_t n, size_t size, struct parsed *ret)
{
	int r = start(c);
	if (r < 0) {
		buf_printf(&ret->why, "there can be no parser for it: %s", strerror(-r));
		return r;
	}
	r = ask(c->fd, messages, n, size, ret);
	if (r == 0) {
		c->proven = true;
		if (lacked_memory(ret, n))
			bury(c, 0);
		return 0;
	}
	forget(ret, n);
	if (r == -EPIPE)
		return explain_end(c, &ret->why);
	bury(c, 0);
	buf_puts(&ret->why, r == -ETIMEDOUT ? "its parser does not answer in time"
	                    : r == -EBADMSG ? "its parser gives an answer that is none"
	                                    : strerror(-r));
	return r == -EBADMSG ? -EINVAL : r;
}

static bool refuse_long(const struct confined *c, struct slice message, struct parsed *ret)
{
	if (message.len <= c->source->size_max)
		return false;
	buf_printf(&ret->why, "it has %zu bytes, and a message of %s no more than %zu", message.len, c->source->name,
	           c->source->size_max);
	ret->error = -EINVAL;
	return true;
}

/* How many from the first on go together, and their size; none when the first is too long. */
static size_t take_batch(const struct confined *c, const struct slice *messages, size_t n, size_t *ret_size)
{
	size_t taken = 0, size = 0;
	while (taken < n && taken < CONFINE_MANY && messages[taken].len <= c->source->size_max &&
	       (!taken || size + messages[taken].len <= c->source->size_max))
		size += messages[taken++].len;
	*ret_size = size;
	return taken;
}

static void parse_alone(struct confined *c, const struct slice *message, struct parsed *ret)
{
	int r = parse_together(c, message, 1, message->len, ret);
	if (r < 0)
		ret->error = r;
}

void confine_parse_many(struct confined *c, const struct slice *messages, size_t n, struct parsed *ret)
{
	memset(ret, 0, n * sizeof(*ret));
	for (size_t i = 0, taken, size; i < n; i += taken) {
		taken = take_batch(c, messages + i, n - i, &size);
		if (!taken && refuse_long(c, messages[i], &ret[i])) {
			taken = 1;
		} else if (taken == 1) {
			parse_alone(c, &messages[i], &ret[i]);
		} else if (parse_together(c, messages + i, taken, size, ret + i) < 0) {
			forget(ret + i, taken);
			for (size_t k = i; k < i + taken; k++)
				parse_alone(c, &messages[k], &ret[k]);
		}
	}
}

int confine_parse(struct confined *c, struct slice message, struct events *ret, struct buf *ret_why)
{
	struct parsed one;
	confine_parse_many(c, &message, 1, &one);
	if (one.error == 0)
		*ret = one.events;
	else
		buf_add(ret_why, buf_text(&one.why), one.why.len);
	buf_free(&one.why);
	return one.error;
}
