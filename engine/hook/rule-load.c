/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook/rule.h"

#include "base/escape.h"
#include "base/fd.h"
#include "core/ini.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static int load_playbook(void *ctx, const char *name, struct playbook **ret, struct diags *diags)
{
	const struct rule_world *world = ctx;
	if (strchr(name, '/') && name[0] != '/') {
		diags->file = strdup(name);
		return diag_add(diags, 0, "a rule names a playbook by its name alone or by its absolute path") < 0 ? -ENOMEM
		                                                                                                  : -EINVAL;
	}
	return playbook_load(world->root, name, world->shipped, world->actions, ret, diags);
}

static int load_file(const struct rule_world *world, const char *path, struct rules *rules, struct buf *wrong)
{
	_cleanup_buf_ struct buf bytes = {0}, name = {0};
	_cleanup_(diags_free) struct diags diags = {0};
	escape_str(&name, path);
	diags.file = buf_steal(&name);
	if (!diags.file)
		return -ENOMEM;
	int r = ini_read_file(world->root, path, &bytes, &diags);
	if (r == -ENOENT)
		return diag_add(&diags, 0, "is gone again") < 0 ? -ENOMEM : diags_print(&diags, wrong);
	if (r == 0)
		r = rules_parse(&bytes, world->sources, load_playbook, (void *)world, rules, &diags);
	return r < 0 && r != -EINVAL ? r : diags_print(&diags, wrong);
}

static bool is_conf(const char *name)
{
	size_t len = strlen(name);
	return name[0] != '.' && len > 5 && strcmp(name + len - 5, ".conf") == 0;
}

/* What cannot even be listed is wrong in a way that is no file's. */
static int cannot_list(const char *dir, int error, struct buf *wrong)
{
	if (error == -ENOENT)
		return 0;
	return error == -ENOMEM ? error : buf_printf(wrong, "%s: cannot be read: %s\n", dir, strerror(-error));
}

int rules_load(const struct rule_world *world, const char *dir, struct rules *ret, struct buf *ret_wrong)
{
	_cleanup_rules_ struct rules rules = {0};
	_cleanup_strv_ struct strv names = {0};
	_cleanup_close_ int fd = -1;
	size_t before = ret_wrong->len;
	int r = path_open(world->root, dir, O_RDONLY | O_DIRECTORY, &fd);
	if (r == 0)
		r = dir_names(fd, &names);
	if (r < 0)
		r = cannot_list(dir, r, ret_wrong);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		_cleanup_buf_ struct buf path = {0};
		if (!is_conf(names.v[i]))
			continue;
		r = buf_printf(&path, "%s/%s", dir, names.v[i]);
		if (r == 0)
			r = load_file(world, path.data, &rules, ret_wrong);
	}
	if (r < 0)
		return r;
	if (ret_wrong->len > before)
		return -EINVAL;
	*ret = rules;
	rules = (struct rules){0};
	return 0;
}
