/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A stand-in for a daemon that must live (a database), and for a connection that
 * somebody holds:
 *
 *   sleeper [-c ADDRESS PORT] [COMMAND [ARGUMENT...]]
 *
 * It starts COMMAND as its child, as an intruder who came in through the daemon
 * would, and sleeps. With -c it first connects, and ends with status 3 when that
 * connection ends, 4 when it cannot be made within 20 seconds. It ends by itself
 * at RANGE_DEADLINE (seconds since the epoch), or after a minute.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int hold_connection(const char *address, const char *port, long seconds)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
		return 2;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval patience = {.tv_sec = 20};
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return 4;
	struct pollfd p = {.fd = fd, .events = POLLRDHUP};
	return poll(&p, 1, (int)seconds * 1000) > 0 ? 3 : 0;
}

int main(int argc, char **argv)
{
	const char *until = getenv("RANGE_DEADLINE");
	long seconds = until ? (long)(atoll(until) - time(NULL)) : 60;
	if (seconds <= 0)
		return 0;
	if (argc == 4 && strcmp(argv[1], "-c") == 0)
		return hold_connection(argv[2], argv[3], seconds);
	if (argc > 1 && fork() == 0) {
		execv(argv[1], argv + 1);
		_exit(127);
	}
	/* A daemon does not show on its command line what was started through it. */
	for (int i = 1; i < argc; i++)
		memset(argv[i], 0, strlen(argv[i]));
	for (time_t end = time(NULL) + seconds; time(NULL) < end;)
		sleep((unsigned)(end - time(NULL)));
	return 0;
}
