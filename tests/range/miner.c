/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A stand-in for a cryptominer in the tests: it looks like one from outside (names,
 * tree, connection, a little processor time, respawning) and does nothing.
 *
 *   miner [-o ADDRESS:PORT] [-w]
 *
 * It keeps a connection to ADDRESS:PORT and a child that calls itself [kthreadd].
 * With -w, two watchdogs, forked off twice so that they are nobody's children and
 * named after honest daemons, start again whichever of the three dies: the miner or
 * either of them.
 *
 * Everything ends by itself: at RANGE_DEADLINE (seconds since the epoch, from the
 * environment; one minute from the start without it), and after a bounded number of
 * restarts and of busy loops.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WATCH_PERIOD_MS = 200, MAX_RESTARTS = 1000, MAX_BUSY_LOOPS = 100, BUSY_MS = 5 };

enum role { MINER, WATCHDOG_1, WATCHDOG_2, ROLES };

/* Shared by the three, by fork alone: a restart needs no file that could be taken away. */
struct crew {
	atomic_int pid[ROLES];
	atomic_int restarts;
};

static struct sockaddr_in server;
static time_t deadline;
static char *command_line; /* as it stands in memory, all arguments */
static size_t command_line_size;

static void take_name(const char *name)
{
	prctl(PR_SET_NAME, name);
	memset(command_line, 0, command_line_size);
	strncpy(command_line, name, command_line_size - 1);
}

static int64_t now_ms(clockid_t clock)
{
	struct timespec ts;
	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void sleep_ms(long ms)
{
	struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	nanosleep(&ts, NULL);
}

static bool time_is_up(void)
{
	return time(NULL) >= deadline;
}

static void be_busy(void)
{
	int64_t until = now_ms(CLOCK_MONOTONIC) + BUSY_MS;
	while (now_ms(CLOCK_MONOTONIC) < until)
		;
}

static int parse_server(const char *text)
{
	char host[INET_ADDRSTRLEN];
	const char *colon = strchr(text, ':');
	if (!colon || (size_t)(colon - text) >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	server.sin_family = AF_INET;
	server.sin_port = htons((uint16_t)atoi(colon + 1));
	return inet_pton(AF_INET, host, &server.sin_addr) == 1 ? 0 : -EINVAL;
}

/* The connection, or -1 to be tried again. A blocked server must not hang the loop. */
static int connect_server(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	struct timeval patience = {.tv_usec = 300000};
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&server, sizeof(server)) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool connection_lives(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
	return n > 0 || (n < 0 && errno == EAGAIN);
}

static void start_false_kthread(void)
{
	if (fork() != 0)
		return;
	char name[] = "[kthreadd]", *argv[] = {name, NULL};
	execv("/proc/self/exe", argv);
	_exit(127);
}

static int be_false_kthread(void)
{
	prctl(PR_SET_NAME, "kthreadd");
	while (!time_is_up())
		sleep_ms(100);
	return 0;
}

static int mine(void)
{
	int fd = -1;
	start_false_kthread();
	for (int loops = 0; !time_is_up(); loops++) {
		if (fd >= 0 && !connection_lives(fd)) {
			close(fd);
			fd = -1;
		}
		if (fd < 0 && server.sin_port)
			fd = connect_server();
		if (loops < MAX_BUSY_LOOPS)
			be_busy();
		sleep_ms(50);
		waitpid(-1, NULL, WNOHANG);
	}
	return 0;
}

/* Runs ROLE in a grandchild, which is nobody's child once its parent has gone. */
static void start(struct crew *crew, enum role role);

static void restart_the_dead(struct crew *crew, enum role self)
{
	for (enum role role = 0; role < ROLES; role++) {
		int pid = atomic_load(&crew->pid[role]);
		if (role == self || pid <= 0 || kill(pid, 0) == 0 || errno != ESRCH)
			continue;
		/* The one who puts 0 there is the one who starts it again. */
		if (!atomic_compare_exchange_strong(&crew->pid[role], &pid, 0))
			continue;
		if (atomic_fetch_add(&crew->restarts, 1) < MAX_RESTARTS)
			start(crew, role);
	}
}

static int watch(struct crew *crew, enum role self)
{
	take_name(self == WATCHDOG_1 ? "syslog-helper" : "dbus-helper");
	while (!time_is_up()) {
		restart_the_dead(crew, self);
		sleep_ms(WATCH_PERIOD_MS);
	}
	return 0;
}

static void start(struct crew *crew, enum role role)
{
	pid_t child = fork();
	if (child > 0)
		waitpid(child, NULL, 0);
	if (child != 0)
		return;
	setsid();
	if (fork() != 0)
		_exit(0);
	atomic_store(&crew->pid[role], getpid());
	if (role == MINER)
		take_name("xmrig");
	_exit(role == MINER ? mine() : watch(crew, role));
}

static int start_crew(void)
{
	struct crew *crew = mmap(NULL, sizeof(*crew), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (crew == MAP_FAILED)
		return 1;
	for (enum role role = 0; role < ROLES; role++)
		start(crew, role);
	return 0;
}

int main(int argc, char **argv)
{
	const char *until = getenv("RANGE_DEADLINE");
	deadline = until ? (time_t)atoll(until) : time(NULL) + 60;
	if (strcmp(argv[0], "[kthreadd]") == 0)
		return be_false_kthread();

	bool watched = false;
	for (int option; (option = getopt(argc, argv, "o:w")) != -1;) {
		if (option == 'o' && parse_server(optarg) < 0)
			return 2;
		watched |= option == 'w';
	}
	command_line = argv[0];
	command_line_size = (size_t)(argv[argc - 1] - argv[0]) + strlen(argv[argc - 1]) + 1;
	return watched ? start_crew() : mine();
}
