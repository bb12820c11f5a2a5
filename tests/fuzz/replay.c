/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Runs a fuzz target over its seeds, the files of tests/fuzz/corpus/NAME, and says in TAP
 * how each of them went. Without a fuzzer this is the main() of every target. Each seed
 * has a process of its own, so that one that crashes or hangs does not hide the others.
 */
#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEED_SECONDS 60

static void replay(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		exit(2);
	size_t size = (size_t)st.st_size;
	uint8_t *data = malloc(size ? size : 1);
	if (!data || read(fd, data, size) != st.st_size)
		exit(2);
	alarm(SEED_SECONDS);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	close(fd);
	exit(0);
}

static int run(int dir, const char *name)
{
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0)
		replay(dir, name);
	int status = -1;
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

static int is_seed(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* The corpus of the target: its name is the program's, without "fuzz-". */
static int open_corpus(const char *program)
{
	const char *slash = strrchr(program, '/'), *name = slash ? slash + 1 : program;
	const char *top = getenv("TOP_SRCDIR");
	char path[4096];
	if (strncmp(name, "fuzz-", 5) == 0)
		name += 5;
	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", top ? top : ".", name);
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		perror(path);
	return dir;
}

int main(int argc, char **argv)
{
	struct dirent **seeds = NULL;
	int dir = open_corpus(argc > 0 ? argv[0] : "");
	int n = dir < 0 ? -1 : scandirat(dir, ".", &seeds, is_seed, alphasort), failed = 0;
	if (n < 1) {
		printf("1..1\nnot ok 1 - there are seeds\n");
		return 1;
	}
	printf("1..%d\n", n);
	for (int i = 0; i < n; i++) {
		int status = run(dir, seeds[i]->d_name);
		printf("%s %d - %s\n", status ? "not ok" : "ok", i + 1, seeds[i]->d_name);
		if (status)
			printf("#   wait status 0x%x\n", (unsigned)status);
		failed += status != 0;
		free(seeds[i]);
	}
	free(seeds);
	close(dir);
	return failed != 0;
}
