/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guard-stage.h"

#include "base/fd.h"
#include "base/spawn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEADLINE 120 /* seconds after which a stand-in ends whatever happens */

void stage_open(struct stage *s, const char *root)
{
	*s = (struct stage){.config = {
		.max_processes = 50, .max_files = 100, .max_addresses = 100000, .min_prefix4 = 24, .min_prefix6 = 48,
	}};
	assert_int_equal(host_open(root, &s->host), 0);
	assert_int_equal(guard_new(&s->host, &s->config, NULL, &s->allow, &s->guard), 0);
}

void stage_again(struct stage *s)
{
	guard_free(&s->guard);
	assert_int_equal(guard_new(&s->host, &s->config, NULL, &s->allow, &s->guard), 0);
}

void stage_close(struct stage *s)
{
	guard_free(&s->guard);
	host_close(&s->host);
	strv_free(&s->allow);
	strv_free(&s->config.processes);
	strv_free(&s->config.paths);
	strv_free(&s->config.units);
	strv_free(&s->config.users);
	free(s->config.addresses);
	buf_free(&s->why);
}

int stage_ask(struct stage *s, const struct subject *subject)
{
	const char *rule = "";
	buf_reset(&s->why);
	int r = guard_subject(s->guard, subject, &rule, &s->why);
	snprintf(s->rule, sizeof(s->rule), "%s", rule);
	return r;
}

int ask_pid(struct stage *s, pid_t pid)
{
	return stage_ask(s, &(struct subject){.type = SUBJECT_PROCESS, .pid = pid});
}

int ask_address(struct stage *s, const char *text)
{
	struct subject subject = {.type = SUBJECT_ADDRESS};
	assert_int_equal(netaddr_parse(text, &subject.address), 0);
	return stage_ask(s, &subject);
}

int ask_edit(struct stage *s, const char *path)
{
	return stage_ask(s, &(struct subject){.type = SUBJECT_EDIT_PATH, .path = path});
}

int ask_remove(struct stage *s, const char *path)
{
	return stage_ask(s, &(struct subject){.type = SUBJECT_REMOVE_PATH, .path = path});
}

static const struct guard_rule *rule_named(const char *name)
{
	for (const struct guard_rule *r = guard_rules; r->name; r++)
		if (strcmp(r->name, name) == 0)
			return r;
	return NULL;
}

void assert_refused(struct stage *s, int answer, const char *rule)
{
	assert_string_equal(s->rule, rule);
	assert_int_equal(answer, -EPERM);
	const struct guard_rule *r = rule_named(rule);
	assert_non_null(r);
	/* What, why, and what to do. */
	assert_true(s->why.len > 30);
	assert_true(strstr(buf_text(&s->why), "--allow") ? !r->fixed : r->fixed);
	assert_null(strpbrk(buf_text(&s->why), "\n\033"));
}

void assert_allowed(struct stage *s, int answer)
{
	if (answer != 0)
		fail_msg("refused by \"%s\": %s", s->rule, buf_text(&s->why));
}

bool stage_namespaces(void)
{
	static int state; /* 1: done, -1: cannot */
	if (state == 0) {
		bool done = geteuid() == 0 && unshare(CLONE_NEWNS | CLONE_NEWNET) == 0 &&
		            mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		            mount("stage", "/opt", "tmpfs", 0, "mode=0755") == 0;
		state = done ? 1 : -1;
	}
	return state == 1;
}

void stage_run(const char *const argv[])
{
	_cleanup_buf_ struct buf err = {0};
	int status = -1;
	int r = spawn_read(argv, 120000, NULL, &err, &status);
	if (r < 0 || status != 0)
		fail_msg("%s %s: %s, status %d: %s", argv[0], argv[1], strerror(-r), status, buf_text(&err));
}

const char *stage_ip(void)
{
	static const char *const places[] = {"/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip", "/bin/ip"};
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return NULL;
}

static void make_parents(const char *path)
{
	char part[4096];
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		if (mkdir(part, 0755) < 0)
			assert_int_equal(errno, EEXIST);
	}
}

void stage_file(const char *path, const char *content)
{
	make_parents(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fd_write(fd, content, strlen(content)), 0);
	close(fd);
}

void stage_copy(const char *path)
{
	_cleanup_buf_ struct buf program = {0};
	int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fd_read(in, SIZE_MAX / 4, &program), 0);
	close(in);
	make_parents(path);
	unlink(path);
	int out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	assert_true(out >= 0);
	assert_int_equal(fd_write(out, program.data, program.len), 0);
	close(out);
}

pid_t stage_exec(const char *path, const char *mode, const char *arg)
{
	int ready[2];
	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		setsid();
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(ready[1], 3);
		char deadline[16];
		snprintf(deadline, sizeof(deadline), "%d", DEADLINE);
		execl(path, path, "--stand-in", deadline, mode, arg, NULL);
		_exit(127);
	}
	close(ready[1]);
	char byte;
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

pid_t stage_start(const char *path, const char *mode, const char *arg)
{
	stage_copy(path);
	return stage_exec(path, mode, arg);
}

/* Who is connected to it ends with it, a moment later, and is waited for. */
void stage_kill(pid_t pid)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	while (waitpid(-pid, NULL, 0) > 0)
		;
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static void ready(void)
{
	if (write(3, "r", 1) != 1)
		_exit(1);
	close(3);
}

/* PORT: "" for any. */
static int listener(const char *address, const char *port, struct sockaddr_in *ret)
{
	socklen_t len = sizeof(*ret);
	*ret = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	inet_pton(AF_INET, address, &ret->sin_addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(fd, (struct sockaddr *)ret, len) < 0 || listen(fd, 1) < 0 ||
	    getsockname(fd, (struct sockaddr *)ret, &len) < 0)
		_exit(2);
	return fd;
}

/* Accepts a connection from ADDRESS, made by a child that keeps the other end, and the
 * listening socket, too: who serves a login does not listen. */
static int accept_from(const char *address)
{
	struct sockaddr_in here, there = {.sin_family = AF_INET};
	int fd = listener("127.0.0.1", "", &here);
	inet_pton(AF_INET, address, &there.sin_addr);
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "client");
		close(3);
		int client = socket(AF_INET, SOCK_STREAM, 0);
		if (bind(client, (struct sockaddr *)&there, sizeof(there)) < 0 ||
		    connect(client, (struct sockaddr *)&here, sizeof(here)) < 0)
			_exit(2);
		for (;;)
			pause();
	}
	int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC); /* what runs below does not have it */
	close(fd);
	return connection;
}

/* An sshd that holds a connection, and below it
 *   serve    what somebody has logged in to, in a session of its own
 *   consult  what sshd asks before it lets anybody in
 *   lose     a process that has ended and that sshd has not asked about yet
 * ARG is "ADDRESS PROGRAM". */
static void serve(const char *mode, char *arg)
{
	char *program = strchr(arg, ' ');
	*program++ = '\0';
	if (accept_from(arg) < 0)
		_exit(2);
	pid_t child = program[0] ? fork() : -1;
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (strcmp(mode, "lose") == 0)
			_exit(0);
		if (strcmp(mode, "serve") == 0)
			setsid();
		execl(program, program, "--stand-in", "120", "wait", "", NULL);
		_exit(127);
	}
	siginfo_t info;
	if (child > 0 && strcmp(mode, "lose") != 0)
		return; /* the program says that it is ready */
	if (child > 0)
		waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
	ready();
}

void stage_main(int argc, char **argv)
{
	struct sockaddr_in ignored;
	if (argc < 5 || strcmp(argv[1], "--stand-in") != 0)
		return;
	alarm((unsigned)atoi(argv[2]));
	if (strcmp(argv[3], "name") == 0)
		prctl(PR_SET_NAME, argv[4]);
	if (strcmp(argv[3], "listen") == 0)
		listener("127.0.0.1", argv[4], &ignored);
	if (strcmp(argv[3], "serve") == 0 || strcmp(argv[3], "consult") == 0 || strcmp(argv[3], "lose") == 0)
		serve(argv[3], argv[4]);
	else
		ready();
	for (;;)
		pause();
}
