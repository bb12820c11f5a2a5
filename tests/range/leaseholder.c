/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * leaseholder FILE...
 *
 * Keeps others from reading the files by write leases on them, and does not let go when it is
 * asked to. Prints "held" once it has them all. It ends by itself at RANGE_DEADLINE (seconds since
 * the epoch), or after a minute.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *until = getenv("RANGE_DEADLINE");
	long seconds = until ? (long)(atoll(until) - time(NULL)) : 60;
	signal(SIGIO, SIG_IGN);
	for (int i = 1; i < argc; i++) {
		int fd = open(argv[i], O_RDWR | O_CLOEXEC);
		if (fd < 0 || fcntl(fd, F_SETLEASE, F_WRLCK) < 0) {
			perror(argv[i]);
			return 1;
		}
	}
	puts("held");
	fflush(stdout);
	while (seconds > 0)
		seconds = (long)sleep((unsigned)seconds);
	return 0;
}
