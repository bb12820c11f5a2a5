/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * listener ADDRESS PORT [worker]
 *
 * Stands for an intruder's server: accepts every connection and holds it; with a third
 * argument a child of it does. Ends at
 * RANGE_DEADLINE (seconds since the epoch), or after a minute.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	if ((argc != 3 && argc != 4) || inet_pton(AF_INET, argv[1], &at.sin_addr) != 1)
		return 2;
	at.sin_port = htons((uint16_t)atoi(argv[2]));

	const char *until = getenv("RANGE_DEADLINE");
	long seconds = until ? (long)(atoll(until) - time(NULL)) : 60;
	alarm(seconds > 0 ? (unsigned)seconds : 1);

	if (argc == 4 && fork() > 0)
		for (;;)
			pause();
	alarm(seconds > 0 ? (unsigned)seconds : 1); /* a child inherits none */

	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 64) < 0)
		return 1;
	/* The accepted descriptors are kept on purpose: they are the connections. */
	while (accept(fd, NULL, NULL) >= 0)
		;
	return 1;
}
