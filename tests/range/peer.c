/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A detection tool that has a socket to send to:
 *
 *   peer SOCKET <EVENTS
 *   peer SOCKET silent <EVENTS
 *
 * It connects, sends its input to the end, says that this was all, and prints the answer. It
 * has the first words ready when it connects, whatever holds its input up; a silent one connects
 * at once. Exit status 3: it was cut off before it had said all. It ends by itself after five minutes.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int send_all(int fd, const char *bytes, ssize_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, bytes, (size_t)n, MSG_NOSIGNAL);
		if (sent < 0)
			return -1;
		bytes += sent;
		n -= sent;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	char block[65536];
	ssize_t n = 0;
	int cut = 0, silent = argc == 3 && strcmp(argv[2], "silent") == 0;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	alarm(300);
	if (argc != 2 + silent || strlen(argv[1]) >= sizeof(to.sun_path))
		return 2;
	strcpy(to.sun_path, argv[1]);
	if (!silent)
		n = read(STDIN_FILENO, block, sizeof(block));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		perror("peer: connect");
		return 1;
	}
	if (silent)
		n = read(STDIN_FILENO, block, sizeof(block));
	for (; !cut && n > 0; n = cut ? 0 : read(STDIN_FILENO, block, sizeof(block)))
		cut = send_all(fd, block, n) < 0;
	shutdown(fd, SHUT_WR);
	while ((n = recv(fd, block, sizeof(block), 0)) > 0)
		fwrite(block, 1, (size_t)n, stdout);
	return cut ? 3 : 0;
}
