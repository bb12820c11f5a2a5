/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/package-codec.h"

#include "base/escape.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void package_set_free(struct package_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		free(set->v[i].name);
		free(set->v[i].version);
	}
	free(set->v);
	*set = (struct package_set){0};
}

int package_set_add(struct package_set *set, const char *name, const char *version, enum package_state state)
{
	struct package *v = reallocarray(set->v, set->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	set->v = v;
	v[set->n] = (struct package){.name = strdup(name), .version = strdup(version), .state = state};
	if (!v[set->n].name || !v[set->n].version) {
		free(v[set->n].name);
		free(v[set->n].version);
		return -ENOMEM;
	}
	set->n++;
	return 0;
}

int package_set_names(const struct package_set *set, struct strv *ret)
{
	for (size_t i = 0; i < set->n; i++)
		strv_add(ret, set->v[i].name);
	return strv_error(ret);
}

struct package *package_set_find(const struct package_set *set, const char *name)
{
	for (size_t i = 0; i < set->n; i++)
		if (strcmp(set->v[i].name, name) == 0)
			return &set->v[i];
	return NULL;
}

/* deb-control(5), deb-version(7): what is to stand on a command line. */
static bool is_plain(const char *text, const char *others)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr(others, *text))
			return false;
	return true;
}

static bool is_name(const char *text)
{
	return isalnum((unsigned char)text[0]) && is_plain(text, "+-._:");
}

static bool is_version(const char *text)
{
	return is_plain(text, "+-.~:_^");
}

/* A line of TEXT from *AT on as a malloc'd string; NULL at the end, or -ENOMEM in *RET_ERROR. */
static char *next_line(const struct buf *text, size_t *at, int *ret_error)
{
	if (*at >= text->len)
		return NULL;
	const char *line = text->data + *at, *end = memchr(line, '\n', text->len - *at);
	size_t len = end ? (size_t)(end - line) : text->len - *at;
	*at += len + (end ? 1 : 0);
	char *copy = strndup(line, len);
	if (!copy)
		*ret_error = -ENOMEM;
	return copy;
}

static bool takes_prefix(char **line, const char *prefix)
{
	size_t len = strlen(prefix);
	if (strncmp(*line, prefix, len) != 0)
		return false;
	*line += len;
	return true;
}

/* "NAME [OLD] (NEW ORIGIN... [ARCH]) ...", "NAME (NEW ...)" */
static int parse_inst(char *line, struct package_set *install, struct package_set *remove)
{
	char *rest = NULL, *name = strtok_r(line, " ", &rest), *old = NULL;
	char *version = strtok_r(NULL, " ", &rest);
	if (version && version[0] == '[') {
		old = version + 1;
		old[strcspn(old, "]")] = '\0';
		version = strtok_r(NULL, " ", &rest);
	}
	if (!name || !version || version[0] != '(' || !version[1])
		return -EBADMSG;
	version++;
	version[strcspn(version, ")")] = '\0';
	if (!is_name(name) || !is_version(version) || (old && !is_version(old)))
		return -EBADMSG;
	int r = old ? package_set_add(remove, name, old, PACKAGE_INSTALLED) : 0;
	return r < 0 ? r : package_set_add(install, name, version, PACKAGE_ABSENT);
}

/* "NAME [OLD]" */
static int parse_remv(char *line, struct package_set *remove)
{
	char *rest = NULL, *name = strtok_r(line, " ", &rest);
	char *version = strtok_r(NULL, " ", &rest);
	if (!name)
		return -EBADMSG;
	if (version && version[0] == '[') {
		version++;
		version[strcspn(version, "]")] = '\0';
	}
	if (!is_name(name) || (version && !is_version(version)))
		return -EBADMSG;
	return package_set_add(remove, name, version ? version : "", PACKAGE_INSTALLED);
}

int apt_parse_simulation(const struct buf *text, struct package_set *ret_install, struct package_set *ret_remove)
{
	_cleanup_packages_ struct package_set install = {0}, remove = {0};
	int r = 0;
	char *copy;
	for (size_t at = 0; r == 0 && (copy = next_line(text, &at, &r));) {
		char *line = copy;
		if (takes_prefix(&line, "Inst "))
			r = parse_inst(line, &install, &remove);
		else if (takes_prefix(&line, "Remv ") || takes_prefix(&line, "Purg "))
			r = parse_remv(line, &remove);
		free(copy);
	}
	if (r < 0)
		return r;
	*ret_install = install;
	*ret_remove = remove;
	install = remove = (struct package_set){0};
	return 0;
}

static enum package_state state_of(const char *word)
{
	if (strcmp(word, "installed") == 0)
		return PACKAGE_INSTALLED;
	if (strcmp(word, "not-installed") == 0)
		return PACKAGE_ABSENT;
	return strcmp(word, "config-files") == 0 ? PACKAGE_REMOVED : PACKAGE_HALFWAY;
}

static int parse_status(char *line, struct package_set *set)
{
	char *name = strsep(&line, "\t"), *version = strsep(&line, "\t"), *state = line;
	if (!version || !state || !is_name(name) || !is_version(version))
		return -EBADMSG;
	struct package *known = package_set_find(set, name);
	if (!known)
		return package_set_add(set, name, version, state_of(state));
	if (state_of(state) > known->state)
		known->state = state_of(state);
	return 0;
}

int dpkg_parse_status(const struct buf *text, struct package_set *ret)
{
	_cleanup_packages_ struct package_set set = {0};
	int r = 0;
	char *line;
	for (size_t at = 0; r == 0 && (line = next_line(text, &at, &r));) {
		if (*line)
			r = parse_status(line, &set);
		free(line);
	}
	if (r < 0)
		return r;
	*ret = set;
	set = (struct package_set){0};
	return 0;
}

/* dpkg(1), --verify-format rpm: "??5?????? c /etc/x", "missing   c /etc/x". One that the
 * administrator took away is his change, too. */
bool dpkg_configuration_changed(const struct buf *text)
{
	int r = 0;
	bool changed = false;
	char *line;
	for (size_t at = 0; !changed && (line = next_line(text, &at, &r));) {
		changed = strstr(line, " c /") != NULL;
		free(line);
	}
	return changed || r < 0;
}

json_t *package_set_json(const struct package_set *set)
{
	json_t *array = json_array();
	for (size_t i = 0; array && i < set->n; i++) {
		const struct package *p = &set->v[i];
		json_t *one = json_pack("[oob]", json_text(p->name), json_text(p->version), p->state == PACKAGE_REMOVED);
		if (json_array_append_new(array, one) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

int package_set_from_json(const json_t *array, struct package_set *ret)
{
	_cleanup_packages_ struct package_set set = {0};
	int r = json_array_size(array) ? 0 : -EBADMSG;
	for (size_t i = 0; r == 0 && i < json_array_size(array); i++) {
		const json_t *one = json_array_get(array, i);
		_cleanup_buf_ struct buf name = {0}, version = {0};
		r = json_bytes_get(json_array_get(one, 0), &name);
		if (r == 0)
			r = json_bytes_get(json_array_get(one, 1), &version);
		if (r == 0)
			r = package_set_add(&set, buf_text(&name), buf_text(&version),
			                    json_is_true(json_array_get(one, 2)) ? PACKAGE_REMOVED : PACKAGE_ABSENT);
	}
	if (r < 0)
		return r == -EINVAL ? -EBADMSG : r;
	*ret = set;
	set = (struct package_set){0};
	return 0;
}
