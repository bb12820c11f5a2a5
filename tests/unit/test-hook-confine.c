/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The confined child. A source of the test's own does, in its parser, what a parser does that a
 * message has taken over; every message beside such a one must be parsed all the same.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "hook/confine.h"
#include "hook/event-codec.h"
#include "hook/flatten.h"
#include "sources.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static volatile long sink;

static void open_file(void)
{
	sink = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static void fork_child(void)
{
	sink = fork();
}

static void execute(void)
{
	char *argv[] = {(char *)"/bin/true", NULL};
	sink = execv(argv[0], argv);
}

static void connect_out(void)
{
	sink = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void kill_parent(void)
{
	sink = kill(1, SIGKILL);
}

static void trace(void)
{
	sink = ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static void write_elsewhere(void)
{
	sink = write(1, "x", 1);
}

static void write_by_a_wide_number(void)
{
	sink = syscall(SYS_write, 0x100000001ul, "x", 1ul);
}

static void make_code(void)
{
	sink = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
}

static void turn_into_code(void)
{
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sink = mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static void lift_limits(void)
{
	struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
	sink = setrlimit(RLIMIT_AS, &none);
}

static void become_root(void)
{
	sink = setuid(0);
}

static void sleep_on(void)
{
	sink = usleep(1);
}

static const struct {
	const char *word;
	void (*act)(void);
} forbidden[] = {
	{"open", open_file},       {"fork", fork_child},        {"exec", execute},
	{"socket", connect_out},   {"kill", kill_parent},       {"trace", trace},
	{"write", write_elsewhere}, {"wide", write_by_a_wide_number}, {"code", make_code},
	{"turn", turn_into_code},  {"limits", lift_limits},     {"root", become_root},
	{"sleep", sleep_on},
};
#define N_FORBIDDEN (sizeof(forbidden) / sizeof(*forbidden))

/* Rather more than it may have, in pieces that are used. */
static int eat_memory(void)
{
	for (;;) {
		char *p = malloc(1024 * 1024);
		if (!p)
			return -ENOMEM;
		memset(p, 1, 1024 * 1024);
		sink += p[4095];
	}
}

static void spin(void)
{
	for (;;)
		sink++;
}

static void say(const void *bytes, size_t len)
{
	sink = write(0, bytes, len);
}

/* What the parent reads is not what the codec wrote. */
static bool forge(struct slice message)
{
	static const unsigned char huge[] = {0xff, 0xff, 0xff, 0xff}, none[] = {0, 0, 0, 0},
				   short_event[] = {12, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0},
				   odd_error[] = {8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0},
				   control[] = {12, 0, 0, 0, 22, 0, 0, 0, 4, 0, 0, 0, 'a', '\n', 033, '['};
	if (slice_is(message, "forge huge"))
		say(huge, sizeof(huge));
	else if (slice_is(message, "forge none"))
		say(none, sizeof(none));
	else if (slice_is(message, "forge short"))
		say(short_event, sizeof(short_event));
	else if (slice_is(message, "forge error"))
		say(odd_error, sizeof(odd_error));
	else if (slice_is(message, "forge control"))
		say(control, sizeof(control));
	else
		return false;
	return true;
}

static int parse(struct slice message, struct events *ret, struct buf *ret_why)
{
	_cleanup_event_ struct event event = {0};
	for (size_t i = 0; i < N_FORBIDDEN; i++)
		if (slice_is(message, forbidden[i].word))
			forbidden[i].act();
	if (slice_is(message, "eat"))
		return eat_memory();
	if (slice_is(message, "spin"))
		spin();
	if (slice_is(message, "fault"))
		raise(SIGSEGV);
	if (slice_is(message, "end"))
		_exit(0);
	if (slice_is(message, "nothing"))
		return 0;
	if (slice_is(message, "escape")) {
		buf_puts(ret_why, "no\033[2J\nway");
		return -EINVAL;
	}
	forge(message);
	if (slice_is(message, "no")) {
		buf_puts(ret_why, "it says no");
		return -EINVAL;
	}
	int r = event_add_text(&event, "text", message);
	return r < 0 ? flatten_refuse(r, "text", ret_why) : events_add(ret, &event);
}

static const struct source odd = {.name = "odd", .size_max = 64 * 1024, .parse = parse};

static struct slice slice(const char *text)
{
	return (struct slice){text, strlen(text)};
}

static void parses(struct confined *c, const char *text)
{
	_cleanup_events_ struct events events = {0};
	_cleanup_buf_ struct buf why = {0};
	int r = confine_parse(c, slice(text), &events, &why);
	if (r < 0)
		fail_msg("%s: %s (%d)", text, buf_text(&why), r);
	assert_int_equal(why.len, 0);
	assert_int_equal(events.n, 1);
	assert_int_equal(events.v[0].n, 1);
	assert_string_equal(event_field(&events.v[0], "text")->text, text);
}

static void refuses(struct confined *c, const char *text, int error, const char *words)
{
	_cleanup_events_ struct events events = {0};
	_cleanup_buf_ struct buf why = {0};
	int r = confine_parse(c, slice(text), &events, &why);
	if (r != error || !strstr(buf_text(&why), words))
		fail_msg("%s: %d (%s), not %d (%s)", text, r, buf_text(&why), error, words);
	assert_int_equal(events.n, 0);
}

static void one_child_parses_many_messages(void **state)
{
	(void)state;
	_cleanup_confined_ struct confined c = CONFINED_OF(&odd);
	_cleanup_events_ struct events none = {0};
	_cleanup_buf_ struct buf why = {0};
	parses(&c, "first");
	pid_t pid = c.pid;
	assert_true(pid > 0);
	for (int i = 0; i < 100; i++)
		parses(&c, "another $(id) \"quoted\"\n");
	refuses(&c, "no", -EINVAL, "it says no");
	parses(&c, "after it");
	assert_int_equal(confine_parse(&c, slice("nothing"), &none, &why), 0);
	assert_int_equal(none.n, 0);
	parses(&c, "");
	assert_int_equal(c.pid, pid);
	confine_end(&c);
	assert_int_equal(c.pid, 0);
	assert_int_equal(kill(pid, 0), -1);
	parses(&c, "and a new one");
}

static void what_it_may_not_do_ends_it(void **state)
{
	(void)state;
	_cleanup_confined_ struct confined c = CONFINED_OF(&odd);
	for (size_t i = 0; i < N_FORBIDDEN; i++) {
		refuses(&c, forbidden[i].word, -EINVAL, "system call");
		assert_int_equal(c.pid, 0);
		parses(&c, "as before");
	}
}

static void a_parser_that_breaks_spoils_one_message(void **state)
{
	(void)state;
	_cleanup_confined_ struct confined c = CONFINED_OF(&odd);
	static const char *const breaks[] = {"fault", "end", "forge huge", "forge none", "forge short", "forge error"};
	for (size_t i = 0; i < sizeof(breaks) / sizeof(*breaks); i++) {
		parses(&c, "before");
		refuses(&c, breaks[i], -EINVAL, "its parser");
		assert_int_equal(c.pid, 0);
		parses(&c, "after");
	}
}

static void what_it_says_is_fit_to_be_printed(void **state)
{
	(void)state;
	_cleanup_confined_ struct confined c = CONFINED_OF(&odd);
	refuses(&c, "escape", -EINVAL, "no\\x1b[2J way");
	refuses(&c, "forge control", -EINVAL, "a \\x1b[");
}

/* Who was forked from us has a copy of what we know of our child, and no child. */
static void a_child_is_its_own_parents_alone(void **state)
{
	(void)state;
	_cleanup_confined_ struct confined c = CONFINED_OF(&odd);
	parses(&c, "first");
	pid_t pid = c.pid, other = fork();
	assert_true(other >= 0);
	if (other == 0) {
		struct events events = {0};
		struct buf why = {0};
		bool good = confine_parse(&c, slice("another"), &events, &why) == 0 && c.pid != pid;
		confine_end(&c);
		_exit(good ? 0 : 1);
	}
	int status = -1;
	assert_int_equal(waitpid(other, &status, 0), other);
	assert_int_equal(status, 0);
	parses(&c, "second");
	assert_int_equal(c.pid, pid);
}

/* An answer too many is not that to the next message. */
static void an_answer_too_many_is_noticed(void **state)
{
	(void)state;
	_cleanup_confined_ struct confined c = CONFINED_OF(&odd);
	_cleanup_events_ struct events events = {0};
	_cleanup_buf_ struct buf why = {0};
	refuses(&c, "forge control", -EINVAL, "");
	pid_t pid = c.pid;
	struct pollfd second = {.fd = c.fd, .events = POLLIN};
	assert_int_equal(poll(&second, 1, 60000), 1);
	assert_int_equal(confine_parse(&c, slice("mine"), &events, &why), 0);
	assert_string_equal(event_field(&events.v[0], "text")->text, "mine");
	assert_int_not_equal(c.pid, pid);
}

/* CPU time of all children that have ended. */
static int64_t spent_ms(void)
{
	struct rusage r;
	assert_int_equal(getrusage(RUSAGE_CHILDREN, &r), 0);
	return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000LL + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1000;
}

static void time_is_limited(void **state)
{
	(void)state;
	_cleanup_confined_ struct confined c = CONFINED_OF(&odd);
	int64_t from, spent;
	int nice_before = getpriority(PRIO_PROCESS, 0);
	setpriority(PRIO_PROCESS, 0, -20); /* for the child, where many want a processor */
	for (int i = 0;; i++) {
		_cleanup_events_ struct events events = {0};
		_cleanup_buf_ struct buf why = {0};
		from = spent_ms();
		int r = confine_parse(&c, slice("spin"), &events, &why);
		spent = spent_ms() - from;
		if (r == -ETIMEDOUT && spent < CONFINE_CPU_MS(4) + 200 && i < 100)
			continue; /* the machine gave it too little of a processor: that is the other limit */
		assert_int_equal(r, -EINVAL);
		assert_non_null(strstr(buf_text(&why), "more CPU time"));
		break;
	}
	setpriority(PRIO_PROCESS, 0, nice_before);
	assert_true(spent < CONFINE_WAIT_MS(4));
	parses(&c, "after");
	/* One that does not even run is not waited for. */
	assert_int_equal(kill(c.pid, SIGSTOP), 0);
	from = monotonic_ms();
	refuses(&c, "stopped", -ETIMEDOUT, "in time");
	assert_true(monotonic_ms() - from >= CONFINE_WAIT_MS(7));
	assert_int_equal(c.pid, 0);
	parses(&c, "after");
}

static void memory_is_limited(void **state)
{
	(void)state;
	_cleanup_confined_ struct confined c = CONFINED_OF(&odd);
#if defined(__SANITIZE_ADDRESS__)
	skip(); /* which maps terabytes: there is no limit then */
#endif
	refuses(&c, "eat", -EINVAL, "more memory");
	assert_int_equal(c.pid, 0);
	parses(&c, "after");
	/* jansson leaves out parts of a text when memory lacks, and tells nobody. */
	_cleanup_confined_ struct confined json = CONFINED_OF(source_find("json"));
	_cleanup_events_ struct events events = {0};
	_cleanup_buf_ struct buf text = {0}, why = {0};
	buf_puts(&text, "{\"a\":[{}");
	while (text.len < json.source->size_max - 10)
		buf_puts(&text, ",{}");
	buf_puts(&text, "]}");
	assert_int_equal(confine_parse(&json, slice_of(&text), &events, &why), -EINVAL);
	assert_true(strstr(buf_text(&why), "more memory") || strstr(buf_text(&why), "more than an event may have"));
}

static void length_is_limited(void **state)
{
	(void)state;
	_cleanup_confined_ struct confined c = CONFINED_OF(&odd);
	_cleanup_buf_ struct buf text = {0};
	for (size_t i = 0; i < odd.size_max; i++)
		buf_putc(&text, 'a');
	parses(&c, buf_text(&text));
	buf_putc(&text, 'a');
	pid_t pid = c.pid;
	refuses(&c, buf_text(&text), -EINVAL, "it has 65537 bytes, and a message of odd no more than 65536");
	assert_int_equal(c.pid, pid);
}

static void many_are_parsed_in_one_go(void **state)
{
	(void)state;
	enum { N = 3 * CONFINE_MANY };
	_cleanup_confined_ struct confined c = CONFINED_OF(&odd);
	struct slice messages[N];
	struct parsed parsed[N];
	for (size_t i = 0; i < N; i++)
		messages[i] = slice(i == 10 ? "open" : i == 11 ? "no" : i == 300 ? "fault" : i % 2 ? "odd" : "even");
	confine_parse_many(&c, messages, N, parsed);
	for (size_t i = 0; i < N; i++) {
		const struct parsed *p = &parsed[i];
		bool bad = i == 10 || i == 11 || i == 300;
		assert_int_equal(p->error, bad ? -EINVAL : 0);
		assert_int_equal(p->events.n, !bad);
		assert_true(bad ? p->why.len > 0 : p->why.len == 0);
		if (!bad)
			assert_string_equal(event_field(&p->events.v[0], "text")->text, i % 2 ? "odd" : "even");
	}
	parsed_free(parsed, N);
}

static void read_about(pid_t pid, const char *name, struct buf *ret)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fd_read(fd, 65536, ret), 0);
}

static void has_status(pid_t pid, const char *line)
{
	_cleanup_buf_ struct buf text = {0};
	read_about(pid, "status", &text);
	if (!strstr(buf_text(&text), line))
		fail_msg("no \"%s\" in:\n%s", line, buf_text(&text));
}

static void has_limit(pid_t pid, const char *name, unsigned long long expected)
{
	_cleanup_buf_ struct buf text = {0};
	unsigned long long soft = 1, hard = 1;
	read_about(pid, "limits", &text);
	const char *line = strstr(buf_text(&text), name);
	assert_non_null(line);
	assert_int_equal(sscanf(line + strlen(name), "%llu %llu", &soft, &hard), 2);
	assert_int_equal(soft, expected);
	assert_int_equal(hard, expected);
}

static void has_one_file(pid_t pid)
{
	char path[64];
	_cleanup_strv_ struct strv names = {0};
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(dir_names(fd, &names), 0);
	assert_int_equal(names.n, 1);
	assert_string_equal(names.v[0], "0");
}

static void it_has_no_rights(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	_cleanup_confined_ struct confined c = CONFINED_OF(&odd);
	parses(&c, "x");
	static const char *const lines[] = {
		"\nUid:\t65534\t65534\t65534\t65534\n", "\nGid:\t65534\t65534\t65534\t65534\n", "\nGroups:\t \n",
		"\nCapInh:\t0000000000000000\n", "\nCapPrm:\t0000000000000000\n", "\nCapEff:\t0000000000000000\n",
		"\nNoNewPrivs:\t1\n", "\nSeccomp:\t2\n",
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		has_status(c.pid, lines[i]);
	has_one_file(c.pid);
	static const char *const none[] = {"Max core file size", "Max file size", "Max processes",
	                                   "Max locked memory"};
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		has_limit(c.pid, none[i], 0);
}

/* Signals that are meant for the parent leave it alone; the parent's end does not. */
static void it_ends_with_its_parent_and_not_before(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t parent = fork();
	assert_true(parent >= 0);
	if (parent == 0) {
		struct confined c = CONFINED_OF(&odd);
		struct events events = {0};
		struct buf why = {0};
		int r = confine_parse(&c, slice("x"), &events, &why);
		ssize_t n = write(ends[1], &c.pid, sizeof(c.pid));
		if (r < 0 || n != sizeof(c.pid))
			_exit(1);
		pause();
		_exit(0);
	}
	pid_t child = 0;
	assert_int_equal(read(ends[0], &child, sizeof(child)), sizeof(child));
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	assert_true(child > 0 && pidfd >= 0);
	static const int harmless[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGPIPE};
	for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless); i++)
		assert_int_equal(syscall(SYS_pidfd_send_signal, pidfd, harmless[i], NULL, 0), 0);
	sleep_ms(50);
	assert_int_equal(syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0), 0);
	kill(parent, SIGKILL);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	bool gone = false;
	for (int i = 0; i < 3000 && !gone; i++) {
		siginfo_t info = {0};
		gone = waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG) < 0 &&
		       syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) < 0 && errno == ESRCH;
		sleep_ms(20);
	}
	assert_true(gone);
	close(ends[0]);
	close(ends[1]);
}

static const struct source *find(struct slice name)
{
	for (size_t i = 0; sources[i]; i++) {
		if (slice_is(name, sources[i]->name))
			return sources[i];
		if (sources[i]->answer && slice_is(name, sources[i]->answer->name))
			return sources[i]->answer;
	}
	return NULL;
}

/* Confined, a message becomes what it becomes otherwise. */
static void same_confined(const struct source *source, struct slice message)
{
	_cleanup_confined_ struct confined c = CONFINED_OF(source);
	_cleanup_events_ struct events events = {0}, expected = {0};
	_cleanup_buf_ struct buf why = {0}, expected_why = {0}, bytes = {0}, expected_bytes = {0};
	int r = source->parse(message, &expected, &expected_why);
	assert_int_equal(confine_parse(&c, message, &events, &why), r);
	assert_string_equal(buf_text(&why), buf_text(&expected_why));
	assert_true(c.pid > 0);
	assert_int_equal(events_encode(&events, &bytes), 0);
	assert_int_equal(events_encode(&expected, &expected_bytes), 0);
	assert_true(buf_equal(&bytes, &expected_bytes));
}

/* Every seed of the fuzzer, that is at least one message of each source. */
static void every_source_works_confined(void **state)
{
	(void)state;
	const char *top = getenv("TOP_SRCDIR");
	char path[4096];
	_cleanup_strv_ struct strv names = {0}, seen = {0};
	if (!top)
		skip();
	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/hook", top);
	_cleanup_close_ int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dir >= 0);
	assert_int_equal(dir_names(dir, &names), 0);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_buf_ struct buf seed = {0};
		_cleanup_close_ int fd = openat(dir, names.v[i], O_RDONLY | O_CLOEXEC);
		struct slice whole;
		assert_int_equal(fd_read(fd, 65536, &seed), 0);
		struct slice message = slice_of(&seed), name = take_line(&message, false, &whole);
		const struct source *source = find(name);
		if (source) {
			strv_add_new(&seen, source->name);
			same_confined(source, message);
		}
	}
	for (size_t i = 0; sources[i]; i++)
		assert_true(strv_has(&seen, sources[i]->name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_child_parses_many_messages),
		cmocka_unit_test(what_it_may_not_do_ends_it),
		cmocka_unit_test(a_parser_that_breaks_spoils_one_message),
		cmocka_unit_test(what_it_says_is_fit_to_be_printed),
		cmocka_unit_test(a_child_is_its_own_parents_alone),
		cmocka_unit_test(an_answer_too_many_is_noticed),
		cmocka_unit_test(time_is_limited),
		cmocka_unit_test(memory_is_limited),
		cmocka_unit_test(length_is_limited),
		cmocka_unit_test(many_are_parsed_in_one_go),
		cmocka_unit_test(it_has_no_rights),
		cmocka_unit_test(it_ends_with_its_parent_and_not_before),
		cmocka_unit_test(every_source_works_confined),
	};
	return cmocka_run_group_tests_name("hook-confine", tests, NULL, NULL);
}
