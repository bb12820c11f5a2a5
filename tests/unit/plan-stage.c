/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan-stage.h"

#include "base/fd.h"
#include "change/file-edit.h"
#include "change/file-move.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void open_stage(struct stage *s)
{
	char path[PATH_MAX];
	*s = (struct stage){.root = "/dev/shm/test-plan.XXXXXX"};
	assert_non_null(mkdtemp(s->root));
	assert_int_equal(chmod(s->root, 0755), 0);
	snprintf(path, sizeof(path), "%s/proc", s->root);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(host_open(s->root, &s->host), 0);
	assert_int_equal(plan_new(&s->plan), 0);
	assert_int_equal(plan_begin_step(s->plan, "step"), 0);
	assert_int_equal(args_new(&s->args), 0);
}

static int drop(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

void close_stage(struct stage *s)
{
	args_free(&s->args);
	plan_free(&s->plan);
	host_close(&s->host);
	nftw(s->root, drop, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

void full_path(const struct stage *s, const char *path, char ret[PATH_MAX])
{
	snprintf(ret, PATH_MAX, "%s%s", s->root, path);
	for (char *slash = strchr(ret + strlen(s->root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(ret, 0755);
		*slash = '/';
	}
}

void put(const struct stage *s, const char *path, const char *content)
{
	char full[PATH_MAX];
	full_path(s, path, full);
	int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fd_write(fd, content, strlen(content)), 0);
	close(fd);
}

void set_list(struct stage *s, const char *name, enum type type, const char *const *items)
{
	struct value v = {.type = type, .list = true};
	for (; items && *items; items++)
		strv_add(&v.items, *items);
	assert_int_equal(args_set(s->args, name, &v), 0);
	value_free(&v);
}

void set(struct stage *s, const char *name, enum type type, const char *item)
{
	set_list(s, name, type, (const char *const[]){item, NULL});
}

void link_to(const struct stage *s, const char *target, const char *path)
{
	char full[PATH_MAX];
	full_path(s, path, full);
	assert_int_equal(symlink(target, full), 0);
}

void put_package(const struct stage *s, const char *name, const char *const *paths)
{
	_cleanup_buf_ struct buf list = {0}, path = {0};
	buf_puts(&list, "/.\n");
	for (; *paths; paths++)
		buf_printf(&list, "%s\n", *paths);
	buf_printf(&path, "/var/lib/dpkg/info/%s.list", name);
	put(s, buf_text(&path), buf_text(&list));
}

void plan_anew(struct stage *s)
{
	plan_free(&s->plan);
	assert_int_equal(plan_new(&s->plan), 0);
	assert_int_equal(plan_begin_step(s->plan, "step"), 0);
}

const struct change *change_at(const struct stage *s, const char *path)
{
	for (size_t i = 0; i < plan_count(s->plan); i++)
		if (strcmp(plan_at(s->plan, i)->target, path) == 0)
			return plan_at(s->plan, i);
	return NULL;
}

void assert_edited(const struct stage *s, const char *path, const char *result)
{
	const struct change *c = change_at(s, path);
	if (!c)
		fail_msg("%s is not edited", path);
	assert_ptr_equal(c->kind, &file_edit_kind);
	assert_true(c->writes_target);
	assert_string_equal(buf_text(&c->result), result);
}

void assert_taken(const struct stage *s, const char *path)
{
	const struct change *c = change_at(s, path);
	if (!c)
		fail_msg("%s is not taken", path);
	assert_ptr_equal(c->kind, &file_move_kind);
}

bool noted(const struct strv *lines, const char *word)
{
	for (size_t i = 0; i < lines->n; i++)
		if (strstr(lines->v[i], word))
			return true;
	return false;
}

void assert_count(const struct stage *s, const char *count, size_t changes)
{
	assert_int_equal(plan_count(s->plan), changes);
	assert_string_equal(plan_facts(s->plan, "count")->v[0], count);
}

void assert_untouched(const struct stage *s, const char *path)
{
	if (change_at(s, path))
		fail_msg("%s is touched", path);
}

bool is_fact(const struct stage *s, const char *fact, const char *value)
{
	const struct strv *values = plan_facts(s->plan, fact);
	return values && strv_has(values, value);
}
