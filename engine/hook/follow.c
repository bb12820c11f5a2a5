/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook/follow.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* Reads of what has left its place when its time is over: 64 MiB. */
#define LAST_READS 1024

#define DIRECTORY_EVENTS \
	(IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

static int watch_fd(int notify, int fd, uint32_t events)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return inotify_add_watch(notify, path, events);
}

static void followed_close(struct follow *f, struct followed *file)
{
	if (file->watch >= 0)
		inotify_rm_watch(f->notify, file->watch);
	if (file->fd >= 0)
		close(file->fd);
	f->too_long += file->feed.too_long;
	feed_free(&file->feed);
	*file = (struct followed){.fd = -1, .watch = -1};
}

/* It is another one when it was replaced. */
static void watch_directory(struct follow *f, const char *path)
{
	_cleanup_close_ int dir = -1;
	int r = path_open(f->root, path, O_PATH | O_DIRECTORY, &dir);
	int watch = r < 0 ? -1 : watch_fd(f->notify, dir, DIRECTORY_EVENTS);
	if (f->directory_watch >= 0 && f->directory_watch != watch)
		inotify_rm_watch(f->notify, f->directory_watch);
	f->directory_watch = watch;
}

/* PATH, or where there is no such file the one that might come, in its directory. */
static int find_place(struct follow *f, struct buf *ret_path, struct buf *ret_directory)
{
	_cleanup_buf_ struct buf asked = {0};
	int r = path_follow(f->root, f->path, ret_path);
	const char *path = r < 0 ? f->path : buf_text(ret_path);
	size_t len = (size_t)(strrchr(path, '/') - path);
	if (buf_add(&asked, path, len ? len : 1) == 0)
		path_follow(f->root, buf_text(&asked), ret_directory);
	return r;
}

/* What stands at the place now. The directory is watched before it is looked at, so that
 * nothing comes in between. */
static int open_place(struct follow *f, int *ret_fd, struct stat *ret_stat)
{
	_cleanup_buf_ struct buf path = {0}, directory = {0};
	int r = find_place(f, &path, &directory);
	watch_directory(f, buf_text(&directory));
	return r < 0 ? r : path_open_regular(f->root, buf_text(&path), ret_fd, ret_stat);
}

static void followed_begin(struct follow *f, int fd, const struct stat *st)
{
	f->now = (struct followed){.fd = fd, .dev = st->st_dev, .ino = st->st_ino};
	feed_init(&f->now.feed, f->line_max);
	f->now.watch = watch_fd(f->notify, fd, IN_MODIFY);
}

/* Of what is there when we come, nothing: not even the rest of a line. */
static void join_at_end(struct followed *file)
{
	char last = '\n';
	file->at = lseek(file->fd, 0, SEEK_END);
	if (file->at > 0 && pread(file->fd, &last, 1, file->at - 1) == 1 && last != '\n')
		feed_join(&file->feed);
}

static int read_once(struct followed *file, const struct feed_taker *taker)
{
	ssize_t n = file->fd < 0 ? 0 : feed_turn(&file->feed, file->fd, taker);
	if (n > 0)
		file->at += n;
	return n < 0 ? (int)n : n > 0;
}

/* Its time is over. */
static void leave_before(struct follow *f, const struct feed_taker *taker)
{
	if (f->before.fd < 0)
		return;
	for (int i = 0; i < LAST_READS && read_once(&f->before, taker) > 0; i++)
		;
	feed_end(&f->before.feed, taker);
	followed_close(f, &f->before);
}

static void look(struct follow *f, int64_t now_ms, const struct feed_taker *taker)
{
	struct stat st;
	int fd;
	f->look_at = now_ms + FOLLOW_LOOK_MS;
	f->trouble = open_place(f, &fd, &st);
	if (f->trouble < 0)
		return;
	if (f->now.fd >= 0 && st.st_dev == f->now.dev && st.st_ino == f->now.ino) {
		close(fd);
		return;
	}
	if (f->now.fd >= 0) {
		leave_before(f, taker);
		f->before = f->now;
		f->before_until = now_ms + FOLLOW_LAST_MS;
		f->rotations++;
	}
	followed_begin(f, fd, &st);
}

static void check_truncated(struct follow *f)
{
	struct stat st;
	if (f->now.fd < 0 || fstat(f->now.fd, &st) < 0 || st.st_size >= f->now.at)
		return;
	f->now.at = lseek(f->now.fd, 0, SEEK_SET);
	feed_cut(&f->now.feed);
	f->truncations++;
}

/* Whether inotify has told of more than lines that were added. */
static bool hear(struct follow *f)
{
	char room[16 * 1024] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool more = false;
	ssize_t n = read(f->notify, room, sizeof(room));
	for (ssize_t at = 0; at < n;) {
		struct inotify_event event;
		memcpy(&event, room + at, sizeof(event));
		more |= event.mask != IN_MODIFY;
		at += (ssize_t)(sizeof(event) + event.len);
	}
	return more;
}

int follow_turn(struct follow *f, int64_t now_ms, const struct feed_taker *taker)
{
	if (hear(f) || now_ms >= f->look_at)
		look(f, now_ms, taker);
	check_truncated(f);
	int before = read_once(&f->before, taker);
	int now = before > 0 ? 0 : read_once(&f->now, taker);
	if (f->before.fd >= 0 && before <= 0 && now_ms >= f->before_until)
		leave_before(f, taker);
	return before == -ENOMEM || now == -ENOMEM ? -ENOMEM : before > 0 || now > 0;
}

int follow_open(int root, const char *path, size_t line_max, struct follow *ret)
{
	struct follow f = {.root = root, .line_max = line_max, .directory_watch = -1,
	                   .now = {.fd = -1, .watch = -1}, .before = {.fd = -1, .watch = -1}};
	if (path[0] != '/' || path[strlen(path) - 1] == '/')
		return -EINVAL;
	f.notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (f.notify < 0)
		return -errno;
	if (!(f.path = strdup(path))) {
		close(f.notify);
		return -ENOMEM;
	}
	look(&f, 0, NULL);
	if (f.now.fd >= 0)
		join_at_end(&f.now);
	*ret = f;
	return 0;
}

void follow_close(struct follow *f)
{
	followed_close(f, &f->now);
	followed_close(f, &f->before);
	close(f->notify);
	free(f->path);
	*f = (struct follow){.notify = -1};
}
