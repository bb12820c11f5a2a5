/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "process-stage.h"

#include "base/proc.h"
#include "base/spawn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
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
#include <sys/sendfile.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define READY_FD 100
#define STORM 40

static time_t deadline;
static char **act_argv;

static void ready(void)
{
	if (write(READY_FD, "r", 1) < 0)
		_exit(1);
	close(READY_FD);
}

static void stay(void)
{
	while (time(NULL) < deadline)
		usleep(50000);
	_exit(0);
}

static void act_sleep(const char *argument)
{
	(void)argument;
	ready();
	stay();
}

static void act_name(const char *argument)
{
	prctl(PR_SET_NAME, argument);
	ready();
	stay();
}

/* As a kernel thread looks: no argv at all. */
static void act_hide_argv(const char *argument)
{
	prctl(PR_SET_NAME, argument);
	for (char **arg = act_argv; *arg; arg++)
		memset(*arg, 0, strlen(*arg));
	ready();
	stay();
}

static void act_tree(const char *argument)
{
	(void)argument;
	if (fork() == 0) {
		prctl(PR_SET_NAME, "the-child");
		if (fork() == 0) {
			prctl(PR_SET_NAME, "the-grandchild");
			ready();
		}
	}
	stay();
}

static void act_daemon(const char *argument)
{
	(void)argument;
	if (fork() > 0)
		_exit(0);
	setsid();
	if (fork() > 0)
		_exit(0);
	ready();
	stay();
}

static void *thread_main(void *name)
{
	prctl(PR_SET_NAME, name);
	ready();
	stay();
	return NULL;
}

static void act_thread(const char *argument)
{
	pthread_t thread;
	pthread_create(&thread, NULL, thread_main, (void *)argument);
	stay();
}

static void act_leaderless(const char *argument)
{
	pthread_t thread;
	pthread_create(&thread, NULL, thread_main, (void *)argument);
	pthread_exit(NULL);
}

static void act_zombie(const char *argument)
{
	(void)argument;
	siginfo_t info;
	pid_t child = fork();
	if (child == 0)
		_exit(0);
	waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
	ready();
	stay();
}

static void watch(pid_t parent);

static void keep_child(void)
{
	while (time(NULL) < deadline) {
		pid_t me = getpid(), child = fork();
		if (child == 0)
			watch(me);
		while (time(NULL) < deadline && waitpid(child, NULL, WNOHANG) == 0)
			usleep(1000);
	}
	_exit(0);
}

static void watch(pid_t parent)
{
	while (time(NULL) < deadline && getppid() == parent)
		usleep(1000);
	keep_child();
}

static void act_pair(const char *argument)
{
	(void)argument;
	if (fork() > 0)
		_exit(0);
	setsid();
	ready();
	keep_child();
}

static void act_hop(const char *argument)
{
	(void)argument;
	ready();
	while (time(NULL) < deadline) {
		if (fork() > 0)
			_exit(0);
		usleep(300);
	}
	_exit(0);
}

static void act_storm(const char *argument)
{
	for (int i = 0; i < STORM; i++)
		if (fork() == 0) {
			setsid();
			keep_child();
		}
	ready();
	(void)argument;
	_exit(0);
}

static void act_burn(const char *argument)
{
	(void)argument;
	setpriority(PRIO_PROCESS, 0, -20); /* root's has a processor even where many want one */
	ready();
	while (time(NULL) < deadline)
		;
	_exit(0);
}

static void act_connect(const char *argument)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argument)),
	                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		_exit(1);
	ready();
	stay();
}

/* Holds another one by its exit, which then waits for us. */
static void act_trace(const char *argument)
{
	pid_t pid = (pid_t)atoi(argument);
	if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEEXIT) < 0)
		_exit(1);
	ready();
	stay();
}

void act_if_asked(int argc, char **argv)
{
	static const struct {
		const char *part;
		void (*act)(const char *argument);
	} parts[] = {
		{"sleep", act_sleep},   {"name", act_name},     {"hide-argv", act_hide_argv}, {"tree", act_tree},
		{"daemon", act_daemon}, {"thread", act_thread}, {"leaderless", act_leaderless}, {"zombie", act_zombie},
		{"pair", act_pair},     {"hop", act_hop},       {"storm", act_storm},         {"burn", act_burn},
		{"connect", act_connect}, {"trace", act_trace},
	};
	if (argc < 3 || strcmp(argv[1], "--act") != 0)
		return;
	deadline = time(NULL) + ACT_SECONDS;
	act_argv = argv;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (strcmp(parts[i].part, argv[2]) == 0)
			parts[i].act(argc > 3 ? strdup(argv[3]) : "");
	_exit(2);
}

int stage_make(void **state)
{
	struct stage *stage = calloc(1, sizeof(*stage));
	if (!stage || host_open("/", &stage->host) < 0)
		return -1;
	snprintf(stage->dir, sizeof(stage->dir), "/tmp/test-process-XXXXXX");
	if (!mkdtemp(stage->dir))
		return -1;
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* so that what forks away can be found and reaped */
	*state = stage;
	return 0;
}

void stage_reap(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static bool is_ours(struct stage *stage, pid_t pid)
{
	_cleanup_buf_ struct buf path = {0};
	struct stat st;
	if (proc_exe_stat(stage->host.proc, pid, &st) < 0 || proc_exe_path(stage->host.proc, pid, &st, &path, NULL) < 0)
		return false;
	return strncmp(buf_text(&path), stage->dir, strlen(stage->dir)) == 0 ||
	       strncmp(buf_text(&path), "/memfd:stand-in", 15) == 0;
}

/* Kills until two looks find none. */
static void end_all(struct stage *stage)
{
	time_t until = time(NULL) + ACT_SECONDS;
	for (int empty = 0; empty < 2 && time(NULL) < until;) {
		_cleanup_pids_ struct pids pids = {0};
		bool any = false;
		proc_pids(stage->host.proc, &pids);
		for (int sig = SIGSTOP; sig; sig = sig == SIGSTOP ? SIGKILL : 0)
			for (size_t i = 0; i < pids.n; i++)
				if (pids.v[i] != getpid() && is_ours(stage, pids.v[i])) {
					any = true;
					kill(pids.v[i], sig);
				}
		empty = any ? 0 : empty + 1;
		stage_reap();
	}
}

int stage_drop(void **state)
{
	struct stage *stage = *state;
	end_all(stage);
	const char *argv[] = {"/bin/rm", "-rf", stage->dir, NULL};
	int r = spawn_read(argv, 60000, NULL, NULL, NULL);
	host_close(&stage->host);
	free(stage);
	return r;
}

static void copy_self(int to)
{
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat st;
	assert_int_equal(fstat(from, &st), 0);
	for (off_t left = st.st_size; left > 0;) {
		ssize_t n = sendfile(to, from, NULL, (size_t)left);
		assert_true(n > 0);
		left -= n;
	}
	close(from);
}

static void make_file(const char *path)
{
	int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	if (to < 0 && errno == EEXIST)
		return;
	copy_self(to);
	close(to);
}

static void exec_part(const char *path, int memfd, const char *argv0, const char *part, const char *argument,
                      int ready_fd)
{
	char *argv[] = {(char *)argv0, (char *)"--act", (char *)part, (char *)argument, NULL};
	char *envp[] = {(char *)"STAGE_SECRET=hunter2", (char *)"ASAN_OPTIONS=detect_leaks=0", NULL};
	dup2(ready_fd, READY_FD);
	if (memfd >= 0)
		fexecve(memfd, argv, envp);
	else
		execve(path, argv, envp);
	_exit(127);
}

pid_t stage_start(struct stage *stage, const char *file, const char *argv0, const char *part, const char *argument)
{
	char path[128], c;
	int ends[2], memfd = -1;
	snprintf(path, sizeof(path), "%s/%s", stage->dir, file);
	if (strncmp(file, "memfd:", 6) == 0)
		copy_self(memfd = memfd_create(file + 6, MFD_CLOEXEC));
	else
		make_file(path);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0)
		exec_part(path, memfd, argv0 ? argv0 : path, part, argument, ends[1]);
	close(ends[1]);
	assert_int_equal(read(ends[0], &c, 1), 1);
	close(ends[0]);
	if (memfd >= 0)
		close(memfd);
	return pid;
}

char stage_state(struct stage *stage, pid_t pid)
{
	struct proc_stat st;
	return proc_stat(stage->host.proc, pid, &st) == 0 ? st.state : 0;
}

void stage_await_state(struct stage *stage, pid_t pid, char state)
{
	char seen = stage_state(stage, pid);
	for (int i = 0; i < 60000 && seen != state; i++) {
		usleep(1000);
		seen = stage_state(stage, pid); /* looked at once: it may be another the next time */
	}
	assert_int_equal(seen, state);
}

size_t stage_count(struct stage *stage, const char *file)
{
	_cleanup_pids_ struct pids pids = {0};
	size_t n = 0;
	char wanted[128];
	snprintf(wanted, sizeof(wanted), "%s/%s", stage->dir, file);
	assert_int_equal(proc_pids(stage->host.proc, &pids), 0);
	for (size_t i = 0; i < pids.n; i++) {
		_cleanup_buf_ struct buf path = {0};
		struct stat st;
		if (proc_exe_stat(stage->host.proc, pids.v[i], &st) == 0 &&
		    proc_exe_path(stage->host.proc, pids.v[i], &st, &path, NULL) == 0)
			n += strcmp(buf_text(&path), wanted) == 0;
	}
	return n;
}
