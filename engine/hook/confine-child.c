/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook/confine-child.h"

#include "base/fd.h"
#include "hook/event-codec.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <jansson.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#define NOBODY 65534
#define MEMORY (64ul * 1024 * 1024)

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

/* Everything as it is at the start of a program; what is meant for the parent is not heard: the
 * child ends when the parent closes the socket, or with it. */
static void reset_signals(void)
{
	static const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGTSTP};
	sigset_t none;
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* How much address space this process has. */
static int address_space(rlim_t *ret)
{
	_cleanup_buf_ struct buf text = {0};
	_cleanup_close_ int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	unsigned long pages = 0;
	int r = fd < 0 ? -errno : fd_read(fd, 4096, &text);
	if (r < 0)
		return r;
	if (sscanf(buf_text(&text), "%lu", &pages) != 1)
		return -EIO;
	*ret = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
	return 0;
}

static int limit(int resource, rlim_t to)
{
	struct rlimit l = {to, to};
	return setrlimit(resource, &l) < 0 ? -errno : 0;
}

/* An address sanitizer maps terabytes. */
static int limit_memory(const struct source *source)
{
#ifdef __SANITIZE_ADDRESS__
	(void)source;
	(void)address_space;
	return 0;
#else
	rlim_t now = 0;
	int r = address_space(&now);
	return r < 0 ? r : limit(RLIMIT_AS, now + MEMORY + 16 * (rlim_t)source->size_max);
#endif
}

static int limit_all(const struct source *source)
{
	static const int none[] = {RLIMIT_CORE, RLIMIT_FSIZE, RLIMIT_NPROC, RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE};
	int r = limit_memory(source);
	for (size_t i = 0; r == 0 && i < sizeof(none) / sizeof(*none); i++)
		r = limit(none[i], 0);
	return r;
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
	return syscall(SYS_capset, &head, none) < 0 ? -errno : 0;
}

/* Who is not root has nothing to drop. */
static int drop_rights(void)
{
	bool root = geteuid() == 0;
	if (root && (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	             setresuid(NOBODY, NOBODY, NOBODY) < 0))
		return -errno;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	return drop_capabilities();
}

/* Behind the change of user, which undoes it. */
static int end_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return -errno;
	return getppid() == parent ? 0 : -ESRCH;
}

/* Whatever the other arguments are. */
static int allow(scmp_filter_ctx filter, int call, unsigned n, const struct scmp_arg_cmp *arguments)
{
	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, n, arguments);
}

static int allow_all(scmp_filter_ctx filter)
{
	static const int calls[] = {
		SCMP_SYS(brk),       SCMP_SYS(munmap),     SCMP_SYS(mremap),        SCMP_SYS(madvise),
		SCMP_SYS(setitimer), SCMP_SYS(exit_group), SCMP_SYS(clock_gettime), SCMP_SYS(rt_sigreturn),
	};
	static const struct scmp_arg_cmp the_socket = {.arg = 0, .op = SCMP_CMP_EQ};
	static const struct scmp_arg_cmp data_alone[] = {
		{.arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = PROT_EXEC, .datum_b = 0},
		{.arg = 3, .op = SCMP_CMP_MASKED_EQ, .datum_a = MAP_ANONYMOUS, .datum_b = MAP_ANONYMOUS},
	};
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(calls) / sizeof(*calls); i++)
		r = allow(filter, calls[i], 0, NULL);
	if (r == 0)
		r = allow(filter, SCMP_SYS(read), 1, &the_socket);
	if (r == 0)
		r = allow(filter, SCMP_SYS(write), 1, &the_socket);
	if (r == 0)
		r = allow(filter, SCMP_SYS(mprotect), 1, data_alone);
	return r < 0 ? r : allow(filter, SCMP_SYS(mmap), 2, data_alone);
}

static int filter_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r = filter ? allow_all(filter) : -ENOMEM;
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}

/* From here on the socket is descriptor 0, and the only one. */
static int keep_socket(int socket)
{
	if ((socket != 0 && dup2(socket, 0) < 0) || close_range(1, ~0U, 0) < 0)
		return -errno;
	return 0;
}

static int confine(const struct source *source, int socket, pid_t parent)
{
	prctl(PR_SET_NAME, "respond-parse", 0, 0, 0);
	reset_signals();
	json_object_seed(0); /* from /dev/urandom, which it could not open later */
	int r = limit_all(source);
	if (r == 0)
		r = keep_socket(socket);
	if (r == 0)
		r = drop_rights();
	if (r == 0)
		r = end_with(parent);
	return r < 0 ? r : filter_calls();
}

static bool read_all(char *at, size_t len)
{
	while (len) {
		ssize_t n = read(0, at, len);
		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

static bool read_frame(size_t max, struct buf *ret)
{
	char head[FRAME_HEAD];
	uint32_t len = 0;
	if (!read_all(head, sizeof(head)))
		return false;
	struct slice s = {head, sizeof(head)};
	take_u32(&s, &len);
	if (len > max || buf_reserve(ret, len) < 0 || !read_all(ret->data, len))
		return false;
	ret->len = len;
	return true;
}

/* A signal (SIGPROF) ends the process that takes longer. */
static void limit_time(uint32_t ms)
{
	struct itimerval t = {.it_value = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000}};
	setitimer(ITIMER_PROF, &t, NULL);
}

static void answer(const struct source *source, struct slice message, struct buf *ret)
{
	_cleanup_events_ struct events events = {0};
	_cleanup_buf_ struct buf why = {0}, bytes = {0};
	int r = source->parse(message, &events, &why);
	if (r == 0)
		r = events_encode(&events, &bytes);
	put_u32(ret, (uint32_t)-r);
	if (r == 0)
		put_text(ret, slice_of(&bytes));
	else
		put_text(ret, (struct slice){buf_text(&why), why.len < WHY_MAX ? why.len : WHY_MAX});
}

static int answer_all(const struct source *source, struct slice messages, struct buf *ret)
{
	uint32_t ms = 0;
	struct slice message;
	int r = take_u32(&messages, &ms);
	limit_time(ms);
	put_u32(ret, 0);
	while (r == 0 && messages.len) {
		r = take_text(&messages, &message);
		if (r == 0)
			answer(source, message, ret);
	}
	limit_time(0);
	return r < 0 ? r : buf_error(ret);
}

static bool write_frame(struct buf *frame)
{
	struct buf head = {0};
	size_t at = 0;
	if (put_u32(&head, (uint32_t)(frame->len - FRAME_HEAD)) < 0)
		return false;
	memcpy(frame->data, head.data, FRAME_HEAD);
	buf_free(&head);
	while (at < frame->len) {
		ssize_t n = write(0, frame->data + at, frame->len - at);
		if (n <= 0)
			return false;
		at += (size_t)n;
	}
	return true;
}

void confined_child(const struct source *source, int socket, pid_t parent)
{
	int r = confine(source, socket, parent);
	for (bool more = r == 0; more;) {
		_cleanup_buf_ struct buf frame = {0}, out = {0};
		more = read_frame(FRAME_MAX(source), &frame);
		if (more && answer_all(source, slice_of(&frame), &out) < 0)
			_exit(ENOMEM);
		more = more && write_frame(&out);
	}
	_exit(-r);
}
