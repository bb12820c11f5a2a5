/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Files that are followed: what is written is taken, once, through every kind of rotation.
 */
#include "feed-stage.h"

#include "base/fd.h"
#include "hook/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct follow followed;
static int64_t now;

static void move(struct stage *s, const char *from, const char *to)
{
	assert_int_equal(renameat(s->root, from, s->root, to), 0);
}

static void follow_it(struct stage *s)
{
	now = 1000;
	assert_int_equal(follow_open(s->root, "/log/f", 100, &followed), 0);
}

static bool told(void)
{
	struct pollfd p = {.fd = followed.notify, .events = POLLIN};
	return poll(&p, 1, 0) == 1;
}

/* What comes without the time going on: inotify must have told of it. */
static void assert_comes(struct stage *s, const char *lines)
{
	const struct feed_taker taker = {.take = note, .ctx = &s->taken};
	assert_true(told());
	while (follow_turn(&followed, now, &taker) > 0)
		;
	assert_false(told()); /* nothing that would wake us for ever */
	assert_taken(&s->taken, lines);
}

static void later(struct stage *s, int64_t ms, const char *lines)
{
	const struct feed_taker taker = {.take = note, .ctx = &s->taken};
	now += ms;
	while (follow_turn(&followed, now, &taker) > 0)
		;
	assert_taken(&s->taken, lines);
}

static void a_file_is_followed_from_its_end(void **state)
{
	struct stage *s = *state;
	append(s, "log/f", "old\nhalf");
	follow_it(s);
	later(s, 1, "");
	append(s, "log/f", " a line\nnew\n");
	assert_comes(s, "new|");
	append(s, "log/f", "in ");
	assert_comes(s, "");
	append(s, "log/f", "pieces\nand more\n");
	assert_comes(s, "in pieces|and more|");
	follow_close(&followed);
}

static void a_file_that_comes_later_is_read_whole(void **state)
{
	struct stage *s = *state;
	follow_it(s);
	assert_int_equal(followed.trouble, -ENOENT);
	later(s, 1, "");
	append(s, "log/f", "first\n");
	assert_comes(s, "first|");
	assert_int_equal(followed.trouble, 0);
	assert_int_equal(followed.rotations, 0);
	follow_close(&followed);
}

static void rotation_by_renaming_loses_nothing(void **state)
{
	struct stage *s = *state;
	append(s, "log/f", "");
	follow_it(s);
	append(s, "log/f", "1\n");
	move(s, "log/f", "log/f.1");
	append(s, "log/f.1", "2\n"); /* its writer does not know yet */
	assert_comes(s, "1|2|");
	append(s, "log/f", "4\n");
	append(s, "log/f.1", "3\n");
	assert_comes(s, "3|4|");
	assert_int_equal(followed.rotations, 1);
	append(s, "log/f.1", "late\n");
	assert_comes(s, "late|");
	append(s, "log/f.1", "last");
	later(s, FOLLOW_LAST_MS, "last|");
	append(s, "log/f.1", "too late\n");
	later(s, 1, "");
	append(s, "log/f", "5\n");
	assert_comes(s, "5|");
	/* twice at once */
	move(s, "log/f.1", "log/f.2");
	move(s, "log/f", "log/f.1");
	append(s, "log/f", "6\n");
	assert_comes(s, "6|");
	assert_int_equal(followed.rotations, 2);
	follow_close(&followed);
}

static void rotation_by_copying_and_emptying_is_seen(void **state)
{
	struct stage *s = *state;
	append(s, "log/f", "");
	follow_it(s);
	append(s, "log/f", "a long line of before\nhalf");
	assert_comes(s, "a long line of before|");
	_cleanup_close_ int fd = openat(s->root, "log/f", O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, 0), 0);
	append(s, "log/f", "new\n");
	assert_comes(s, "new|");
	assert_int_equal(followed.truncations, 1);
	assert_int_equal(followed.rotations, 0);
	follow_close(&followed);
}

static void what_is_removed_may_come_back(void **state)
{
	struct stage *s = *state;
	append(s, "log/f", "");
	follow_it(s);
	append(s, "log/f", "1\n");
	assert_int_equal(unlinkat(s->root, "log/f", 0), 0);
	assert_comes(s, "1|");
	assert_int_equal(followed.trouble, -ENOENT);
	append(s, "log/f", "2\n");
	assert_comes(s, "2|");
	follow_close(&followed);
}

static void a_directory_that_is_replaced_is_found_again(void **state)
{
	struct stage *s = *state;
	append(s, "log/f", "");
	follow_it(s);
	move(s, "log", "old");
	assert_int_equal(mkdirat(s->root, "log", 0755), 0);
	append(s, "log/f", "1\n");
	later(s, FOLLOW_LOOK_MS, "1|");
	append(s, "log/f", "2\n");
	assert_comes(s, "2|");
	follow_close(&followed);
}

/* What stands at the place may be anybody's work. */
static void only_a_regular_file_is_followed(void **state)
{
	struct stage *s = *state;
	append(s, "log/f.1", "not ours\n");
	assert_int_equal(symlinkat("f.1", s->root, "log/f"), 0);
	if (geteuid() == 0)
		assert_int_equal(fchownat(s->root, "log/f", 65534, 65534, AT_SYMLINK_NOFOLLOW), 0);
	follow_it(s);
	assert_int_equal(followed.trouble, geteuid() == 0 ? -ELOOP : followed.trouble);
	append(s, "log/f.1", "nor this\n");
	later(s, FOLLOW_LOOK_MS, "");
	unlinkat(s->root, "log/f", 0);
	assert_int_equal(mkfifoat(s->root, "log/f", 0666), 0);
	later(s, FOLLOW_LOOK_MS, ""); /* and does not hang */
	assert_int_equal(followed.trouble, -EINVAL);
	unlinkat(s->root, "log/f", 0);
	append(s, "log/f", "at last\n");
	later(s, FOLLOW_LOOK_MS, "at last|");
	follow_close(&followed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STAGE(a_file_is_followed_from_its_end),
		WITH_STAGE(a_file_that_comes_later_is_read_whole),
		WITH_STAGE(rotation_by_renaming_loses_nothing),
		WITH_STAGE(rotation_by_copying_and_emptying_is_seen),
		WITH_STAGE(what_is_removed_may_come_back),
		WITH_STAGE(a_directory_that_is_replaced_is_found_again),
		WITH_STAGE(only_a_regular_file_is_followed),
	};
	return cmocka_run_group_tests_name("follow", tests, NULL, NULL);
}
