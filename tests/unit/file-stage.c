/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "file-stage.h"

#include "base/fd.h"
#include "base/meta.h"
#include "base/spawn.h"
#include "change/file-move.h"
#include "change/file-replace.h"
#include "core/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/fs.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

bool file_stage_root(void)
{
	return geteuid() == 0;
}

int file_stage_group(void **state)
{
	(void)state;
	if (!file_stage_root())
		return 0;
	return unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? -1 : 0;
}

int file_stage_make(void **state)
{
	struct file_stage *s = calloc(1, sizeof(*s));
	strcpy(s->dir, "/tmp/test-files-XXXXXX");
	if (!mkdtemp(s->dir) || host_open("/", &s->host) < 0 || plan_new(&s->plan) < 0 ||
	    plan_begin_step(s->plan, "step") < 0 || vault_open(s->host.root, at(s, "vault"), &s->host.vault) < 0)
		return -1;
	s->effect.run = "test";
	s->effect.temporary = ".respond-0123456789abcdef";
	*state = s;
	return 0;
}

static int unlock(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)type, (void)ftw;
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
		return 0;
	int none = 0, fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0) {
		ioctl(fd, FS_IOC_SETFLAGS, &none);
		close(fd);
	}
	return 0;
}

int file_stage_drop(void **state)
{
	struct file_stage *s = *state;
	static const char *const mounts[] = {"vault", "other", "file", "race"};
	for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++)
		umount2(at(s, mounts[i]), MNT_DETACH);
	plan_free(&s->plan);
	buf_free(&s->effect.note);
	vault_close(&s->host.vault);
	host_close(&s->host);
	nftw(s->dir, unlock, 32, FTW_PHYS);
	const char *argv[] = {"/bin/rm", "-rf", s->dir, NULL};
	int status = -1, r = spawn_read(argv, 60000, NULL, NULL, &status);
	free(s);
	return r < 0 || status ? -1 : 0;
}

const char *at(const struct file_stage *s, const char *name)
{
	static char paths[8][512];
	static unsigned turn;
	char *path = paths[turn++ % 8];
	snprintf(path, sizeof(paths[0]), "%s/%s", s->dir, name);
	return path;
}

void put_bytes(const struct file_stage *s, const char *name, const void *bytes, size_t len)
{
	_cleanup_close_ int fd = open(at(s, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fd_write(fd, bytes, len), 0);
}

void put_file(const struct file_stage *s, const char *name, const char *text)
{
	put_bytes(s, name, text, strlen(text));
}

void assert_file(const struct file_stage *s, const char *name, const char *text)
{
	_cleanup_buf_ struct buf b = {0};
	assert_int_equal(path_read(s->host.root, at(s, name), 1 << 20, &b, NULL), 0);
	assert_string_equal(buf_text(&b), text);
}

void assert_no_file(const struct file_stage *s, const char *name)
{
	assert_int_equal(faccessat(AT_FDCWD, at(s, name), F_OK, AT_SYMLINK_NOFOLLOW), -1);
	assert_int_equal(errno, ENOENT);
}

void mount_tmpfs(const struct file_stage *s, const char *name, const char *options)
{
	mkdir(at(s, name), 0700);
	assert_int_equal(mount("none", at(s, name), "tmpfs", 0, options), 0);
}

void mount_overlay(const struct file_stage *s, const char *name)
{
	char options[256];
	mkdir(at(s, "upper"), 0755);
	mkdir(at(s, "work"), 0755);
	mkdir(at(s, name), 0755);
	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s,workdir=%s", at(s, "lower"), at(s, "upper"),
	         at(s, "work"));
	assert_int_equal(mount("none", at(s, name), "overlay", 0, options), 0);
}

void set_flags(const struct file_stage *s, const char *name, int flags)
{
	_cleanup_close_ int fd = open(at(s, name), O_RDONLY | O_CLOEXEC);
	int now = 0;
	assert_true(fd >= 0 && ioctl(fd, FS_IOC_GETFLAGS, &now) == 0);
	now = (now & ~(FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL)) | flags;
	assert_int_equal(ioctl(fd, FS_IOC_SETFLAGS, &now), 0);
}

int get_flags(const struct file_stage *s, const char *name)
{
	_cleanup_close_ int fd = open(at(s, name), O_RDONLY | O_CLOEXEC);
	int now = 0;
	assert_true(fd >= 0 && ioctl(fd, FS_IOC_GETFLAGS, &now) == 0);
	return now & (FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL);
}

json_t *meta_of(const struct file_stage *s, const char *name)
{
	_cleanup_close_ int fd = open(at(s, name), O_RDONLY | O_CLOEXEC);
	json_t *meta = NULL;
	assert_true(fd >= 0);
	assert_int_equal(meta_read(fd, &meta), 0);
	return meta;
}

void assert_meta(const struct file_stage *s, const char *name, json_t *expected)
{
	json_t *now = meta_of(s, name);
	char *a = json_dumps(now, JSON_SORT_KEYS), *b = json_dumps(expected, JSON_SORT_KEYS);
	assert_string_equal(a, b);
	free(a);
	free(b);
	json_decref(now);
	json_decref(expected);
}

static const char *beside(const char *name, const char *base)
{
	static char paths[4][512];
	static unsigned turn;
	char *path = paths[turn++ % 4];
	const char *slash = strrchr(name, '/');
	snprintf(path, sizeof(paths[0]), "%.*s%s", slash ? (int)(slash + 1 - name) : 0, name, base);
	return path;
}

const char *temporary_of(const struct file_stage *s, const char *name)
{
	return beside(name, s->effect.temporary);
}

const char *part_of(const struct file_stage *s, const char *name)
{
	char part[RANDOM_NAME_LEN];
	file_part_name(s->effect.temporary, part);
	return beside(name, part);
}

static unsigned found;

static int count_leftover(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type;
	found += strncmp(path + ftw->base, ".respond-", 9) == 0;
	return 0;
}

unsigned leftovers(const struct file_stage *s)
{
	found = 0;
	nftw(s->dir, count_leftover, 32, FTW_PHYS);
	return found;
}

int apply_change(struct file_stage *s, struct change *c)
{
	buf_reset(&s->effect.note);
	for (size_t i = 0; i < c->n_blobs; i++) {
		struct sha256 sha256;
		int r = vault_put(s->host.vault, &c->blobs[i].bytes, &sha256);
		if (r < 0)
			return r;
	}
	return c->kind->apply(&s->host, c, &s->effect);
}

static struct change *decode_again(const struct change *c)
{
	char *text = json_dumps(c->data, 0);
	struct change *ret = NULL;
	assert_non_null(text);
	assert_int_equal(change_new(c->kind, c->step, c->target, json_loads(text, 0, NULL), &ret), 0);
	free(text);
	return ret;
}

int revert_change(struct file_stage *s, const struct change *c)
{
	struct change *again = decode_again(c);
	buf_reset(&s->effect.note);
	int r = again->kind->revert(&s->host, again, &s->effect);
	change_free(&again);
	return r;
}

int settle_change(struct file_stage *s, const struct change *c)
{
	struct change *again = decode_again(c);
	buf_reset(&s->effect.note);
	int r = again->kind->settle(&s->host, again, &s->effect);
	change_free(&again);
	return r;
}

int reapply_change(struct file_stage *s, const struct change *c)
{
	struct change *again = decode_again(c);
	buf_reset(&s->effect.note);
	int r = again->kind->reapply(&s->host, again, &s->effect);
	change_free(&again);
	return r;
}

enum change_state probe_change(struct file_stage *s, const struct change *c)
{
	struct change *again = decode_again(c);
	enum change_state state = CHANGE_DRIFTED;
	assert_int_equal(again->kind->probe(&s->host, again, &state), 0);
	change_free(&again);
	return state;
}

void assert_note(const struct file_stage *s, const char *part)
{
	if (!strstr(buf_text(&s->effect.note), part))
		fail_msg("the note is \"%s\", without \"%s\"", buf_text(&s->effect.note), part);
}

void assert_in_vault(struct file_stage *s, const char *text)
{
	struct sha256 sha256;
	_cleanup_buf_ struct buf b = {0};
	sha256_bytes(text, strlen(text), &sha256);
	assert_int_equal(vault_read(s->host.vault, sha256.hex, 1 << 20, &b), 0);
	assert_string_equal(buf_text(&b), text);
}

void plan_again(struct file_stage *s)
{
	plan_free(&s->plan);
	assert_int_equal(plan_new(&s->plan), 0);
	assert_int_equal(plan_begin_step(s->plan, "step"), 0);
}

struct change *plan_move(struct file_stage *s, const char *name)
{
	struct change *c = NULL;
	assert_int_equal(file_move_plan(&s->host, s->plan, at(s, name), NULL, &c), 0);
	return c;
}
