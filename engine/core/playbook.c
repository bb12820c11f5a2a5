/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/playbook.h"

#include "base/escape.h"
#include "base/fd.h"
#include "core/condition.h"
#include "core/near.h"
#include "core/playbook-read.h"
#include "core/reference.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOCAL_PLAYBOOKS SYSCONFDIR "/respond/playbooks"

static void input_clear(struct input *input)
{
	free(input->name);
	free(input->choices);
	free(input->help);
	value_free(&input->value);
}

static void step_clear(struct step *step)
{
	free(step->name);
	free(step->when_text);
	condition_free(&step->when);
	for (size_t i = 0; i < step->n_arguments; i++)
		elements_free(step->arguments[i].elements, step->arguments[i].n);
	free(step->arguments);
}

void playbook_free(struct playbook **playbook)
{
	struct playbook *pb = *playbook;
	if (!pb)
		return;
	for (size_t i = 0; i < pb->n_inputs; i++)
		input_clear(&pb->inputs[i]);
	for (size_t i = 0; i < pb->n_steps; i++)
		step_clear(&pb->steps[i]);
	free(pb->file);
	free(pb->path);
	free(pb->name);
	free(pb->description);
	free(pb->inputs);
	free(pb->steps);
	free(pb);
	*playbook = NULL;
}

/* The file's name as every message starts with it. */
static int name_file(struct diags *diags, const char *file)
{
	if (diags->file)
		return 0;
	_cleanup_buf_ struct buf name = {0};
	escape_str(&name, file);
	diags->file = buf_steal(&name);
	return diags->file ? 0 : -ENOMEM;
}

static int read_and_check(const struct buf *bytes, const struct action *const *actions, struct playbook *playbook,
                          struct diags *diags)
{
	_cleanup_(ini_free) struct ini ini = {0};
	int r = ini_parse_bytes(bytes, &ini, diags);
	if (r < 0)
		return r;
	bool found = false;
	for (size_t i = 0; i < ini.n_sections; i++)
		found = found || strcmp(ini.sections[i].section, "playbook") == 0;
	if (!found)
		diag_add(diags, 0, "there is no [playbook] section: is this a playbook?");
	r = playbook_read(&ini, actions, playbook, diags);
	if (r == 0)
		r = playbook_check(playbook, diags);
	if (r == 0)
		r = diags->error;
	return r < 0 ? r : diags->n ? -EINVAL : 0;
}

int playbook_parse(const char *file, const struct buf *bytes, const struct action *const *actions,
                   struct playbook **ret, struct diags *diags)
{
	_cleanup_(playbook_free) struct playbook *pb = calloc(1, sizeof(*pb));
	if (!pb)
		return -ENOMEM;
	int r = name_file(diags, file);
	if (r < 0)
		return r;
	r = read_and_check(bytes, actions, pb, diags);
	if (r < 0)
		return r;
	sha256_bytes(buf_text(bytes), bytes->len, &pb->sha256);
	pb->file = strdup(diags->file);
	pb->path = strdup("");
	if (!pb->description)
		pb->description = strdup("");
	if (!pb->file || !pb->path || !pb->description)
		return -ENOMEM;
	*ret = pb;
	pb = NULL;
	return 0;
}

static bool exists(int root, const char *path)
{
	_cleanup_buf_ struct buf real = {0};
	return path_resolve(root, path, &real) != -ENOENT;
}

/* What FILE was meant to be: another playbook's name, or its own without the ending. */
static int look_for_name(int root, const char *file, const char *const dirs[2], struct buf *ret)
{
	struct strv names[2] = {0};
	_cleanup_buf_ struct buf whole = {0};
	bool ended = strlen(file) > 3 && strcmp(file + strlen(file) - 3, ".pb") == 0;
	int r = buf_printf(&whole, "%s%s", file, ended ? "" : ".pb");
	struct near near = {.wanted = buf_text(&whole)};
	for (size_t i = 0; r == 0 && i < 2; i++) {
		_cleanup_close_ int dir = -1;
		if (path_open(root, dirs[i], O_RDONLY | O_DIRECTORY, &dir) == 0)
			r = dir_names(dir, &names[i]);
		for (size_t n = 0; r == 0 && n < names[i].n; n++)
			near_offer(&near, names[i].v[n]);
	}
	if (r == 0)
		r = near_print(&near, ret);
	for (size_t i = 0; i < 2; i++)
		strv_free(&names[i]);
	return r;
}

/* The absolute path of what is meant by FILE. */
static int find(int root, const char *file, const char *shipped, struct buf *ret, struct diags *diags)
{
	if (file[0] == '/')
		return buf_puts(ret, file);
	if (strchr(file, '/')) {
		_cleanup_free_ char *cwd = getcwd(NULL, 0);
		if (!cwd || cwd[0] != '/') {
			diag_add(diags, 0, "the current directory cannot be found: name the file by its absolute path");
			return -EINVAL;
		}
		return buf_printf(ret, "%s/%s", cwd, file);
	}
	const char *const dirs[] = {LOCAL_PLAYBOOKS, shipped};
	for (size_t i = 0; i < 2; i++) {
		buf_reset(ret);
		int r = buf_printf(ret, "%s/%s", dirs[i], file);
		if (r < 0 || exists(root, buf_text(ret)))
			return r;
	}
	_cleanup_buf_ struct buf hint = {0};
	int r = look_for_name(root, file, dirs, &hint);
	diag_add(diags, 0, "is neither in %s nor in %s%s: write ./NAME for a file in this directory", dirs[0], dirs[1],
	         buf_text(&hint));
	return r < 0 ? r : -ENOENT;
}

int playbook_load(int root, const char *file, const char *shipped, const struct action *const *actions,
                  struct playbook **ret, struct diags *diags)
{
	_cleanup_buf_ struct buf named = {0}, path = {0}, bytes = {0};
	int r = name_file(diags, file);
	if (r == 0)
		r = find(root, file, shipped, &named, diags);
	if (r < 0)
		return r;
	r = ini_read_file(root, buf_text(&named), &bytes, diags);
	if (r == -ENOENT)
		diag_add(diags, 0, "there is no such file");
	if (r == 0)
		r = path_resolve(root, buf_text(&named), &path);
	if (r < 0)
		return r;

	_cleanup_(playbook_free) struct playbook *pb = NULL;
	r = playbook_parse(file, &bytes, actions, &pb, diags);
	if (r < 0)
		return r;
	free(pb->path);
	pb->path = buf_steal(&path);
	if (!pb->path)
		return -ENOMEM;
	*ret = pb;
	pb = NULL;
	return 0;
}
