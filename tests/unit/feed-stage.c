/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "feed-stage.h"

#include "base/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int stage_make(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));
	snprintf(s->dir, sizeof(s->dir), "/dev/shm/test-feed-XXXXXX");
	if (!mkdtemp(s->dir))
		return -1;
	s->root = open(s->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	*state = s;
	return s->root < 0 || mkdirat(s->root, "log", 0755) < 0 ? -1 : 0;
}

int stage_remove(void **state)
{
	struct stage *s = *state;
	static const char *const files[] = {"log/f", "log/f.1", "log/f.2", "old/f", "socket"};
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		unlinkat(s->root, files[i], 0);
	unlinkat(s->root, "log", AT_REMOVEDIR);
	unlinkat(s->root, "old", AT_REMOVEDIR);
	buf_free(&s->taken);
	close(s->root);
	rmdir(s->dir);
	free(s);
	return 0;
}
void append(struct stage *s, const char *file, const char *text)
{
	_cleanup_close_ int fd = openat(s->root, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	assert_true(fd >= 0);
	assert_int_equal(fd_write(fd, text, strlen(text)), 0);
}

void note(void *taken, struct slice line)
{
	buf_add(taken, line.p, line.len);
	buf_putc(taken, '|');
}

void assert_taken(struct buf *taken, const char *expected)
{
	assert_int_equal(buf_error(taken), 0);
	assert_string_equal(buf_text(taken), expected);
	buf_reset(taken);
}
