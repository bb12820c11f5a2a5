/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/package-codec.h"

#include "base/escape.h"
#include "base/strset.h"

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

/* ---- dnf and rpm ------------------------------------------------------------------------ */

enum section { SECTION_NONE, SECTION_INSTALL, SECTION_REMOVE };

static const struct header {
	const char *text;
	enum section section;
	const char *refusal; /* NULL: none */
} headers[] = {
	{"Installing:", SECTION_INSTALL, NULL},
	{"Installing dependencies:", SECTION_INSTALL, NULL},
	{"Upgrading:", SECTION_REMOVE, NULL},
	{"Downgrading:", SECTION_REMOVE, NULL},
	{"Reinstalling:", SECTION_REMOVE, NULL},
	{"Removing:", SECTION_REMOVE, NULL},
	{"Removing dependent packages:", SECTION_REMOVE, NULL},
	{"Removing unused dependencies:", SECTION_REMOVE, NULL},
	{"Enabling module streams:", SECTION_NONE, "module streams would have to be enabled for it"},
	{"Switching module streams:", SECTION_NONE, "module streams would have to be switched for it"},
	{"Disabling modules:", SECTION_NONE, "modules would have to be disabled for it"},
	{"Resetting modules:", SECTION_NONE, "modules would have to be reset for it"},
	/* With best=False, another version is taken then. */
	{"Skipping packages with conflicts:", SECTION_NONE, "dnf would pass over what is in conflict with others"},
	{"Skipping packages with broken dependencies:", SECTION_NONE,
	 "dnf would pass over what lacks its dependencies"},
	{"Skipping packages with broken dependencies or part of a group:", SECTION_NONE,
	 "dnf would pass over what lacks its dependencies"},
};

#define HEADER_GOES_ON "(add '" /* the second line of one */
#define REFUSED_MAX 5           /* names that are told */

/* The table of a transaction while it is read. A row is name, architecture, version, repository
 * and size, over as many lines as it takes. */
struct table {
	enum section section;
	unsigned column;
	char *name;
	struct package_set install, remove;
	const char *refusal;  /* of the section; NULL: none */
	size_t n_refused;     /* in it */
	struct buf refused;
};

static void table_free(struct table *t)
{
	free(t->name);
	package_set_free(&t->install);
	package_set_free(&t->remove);
	buf_free(&t->refused);
}

static int add_row(struct table *t, const char *version)
{
	if (!is_name(t->name) || !is_version(version))
		return -EBADMSG;
	if (t->section == SECTION_REMOVE)
		return package_set_add(&t->remove, t->name, version, PACKAGE_INSTALLED);
	/* Of two architectures at once the name alone does not tell one from the other. */
	return package_set_find(&t->install, t->name) ? -EBADMSG
	                                              : package_set_add(&t->install, t->name, version, PACKAGE_ABSENT);
}

static int add_cell(struct table *t, const char *word)
{
	bool unit = word[0] && !word[1] && strchr("kMGT", word[0]);
	if (t->column == 5 && unit) {
		t->column = 0;
		return 0;
	}
	t->column %= 5; /* a size in bytes has no unit */
	if (t->column == 0) {
		free(t->name);
		t->name = strdup(word);
		if (!t->name)
			return -ENOMEM;
	}
	if (t->column == 4 && !isdigit((unsigned char)word[0]))
		return -EBADMSG;
	return t->column++ == 2 ? add_row(t, word) : 0;
}

/* "replacing  NAME.ARCH VERSION" */
static int add_replaced(struct table *t, char *rest)
{
	char *name = strtok_r(NULL, " ", &rest), *dot = name ? strrchr(name, '.') : NULL;
	if (!dot)
		return -EBADMSG;
	*dot = '\0';
	return is_name(name) ? package_set_add(&t->remove, name, "", PACKAGE_INSTALLED) : -EBADMSG;
}

/* " NAME ARCH VERSION REPOSITORY SIZE", " MODULE STREAM", " MODULE": the name. A line that goes on
 * with a row is blank where the name would be. */
static int add_refused(struct table *t, const char *line)
{
	if (line[1] == ' ' || t->n_refused++ >= REFUSED_MAX)
		return 0;
	if (t->n_refused == 1)
		buf_printf(&t->refused, "%s%s: ", t->refused.len ? "; " : "", t->refusal);
	else
		buf_puts(&t->refused, ", ");
	return escape_text(&t->refused, line + 1, strcspn(line + 1, " "));
}

static int read_row(struct table *t, char *line)
{
	char *rest = NULL;
	int r = t->section == SECTION_NONE ? -EBADMSG : 0;
	if (t->refusal)
		return add_refused(t, line);
	for (char *word = strtok_r(line, " ", &rest); r == 0 && word; word = strtok_r(NULL, " ", &rest)) {
		if (strcmp(word, "replacing") == 0 && (t->column == 0 || t->column == 5))
			return add_replaced(t, rest);
		r = add_cell(t, word);
	}
	return r;
}

static int enter_section(struct table *t, const char *line)
{
	bool whole = t->column == 0 || t->column == 5;
	if (strncmp(line, HEADER_GOES_ON, strlen(HEADER_GOES_ON)) == 0 && t->refusal)
		return 0;
	t->section = SECTION_NONE;
	t->refusal = NULL;
	t->column = t->n_refused = 0;
	for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++)
		if (strcmp(line, headers[i].text) == 0) {
			t->section = headers[i].section;
			t->refusal = headers[i].refusal;
		}
	return whole ? 0 : -EBADMSG;
}

/* Begins below the second rule of "=" and ends at the summary. */
static int read_table(const struct buf *text, struct table *t, unsigned *ret_rules)
{
	char *line;
	bool ended = false;
	int r = 0;
	for (size_t at = 0; r == 0 && !ended && (line = next_line(text, &at, &r));) {
		if (strncmp(line, "====", 4) == 0)
			++*ret_rules;
		else if (*ret_rules >= 2 && strcmp(line, "Transaction Summary") == 0)
			ended = true;
		else if (*ret_rules >= 2 && line[0] == ' ')
			r = read_row(t, line);
		else if (*ret_rules >= 2 && line[0])
			r = enter_section(t, line);
		free(line);
	}
	return r == 0 && ended ? enter_section(t, "") : r < 0 ? r : *ret_rules ? -EBADMSG : -ENODATA;
}

int dnf_parse_transaction(const struct buf *text, struct package_set *ret_install, struct package_set *ret_remove,
                          struct buf *ret_why)
{
	_cleanup_(table_free) struct table t = {0};
	unsigned rules = 0;
	int r = read_table(text, &t, &rules);
	if (r == 0 && t.refused.len)
		return buf_puts(ret_why, buf_text(&t.refused)), -EPERM;
	if (r < 0)
		return r;
	*ret_install = t.install;
	*ret_remove = t.remove;
	t.install = t.remove = (struct package_set){0};
	return 0;
}

static int parse_query(char *line, struct package_set *set, size_t *absent)
{
	char *name = strsep(&line, "\t"), *version = line;
	if (!version) {
		*absent += strncmp(name, "package ", 8) == 0;
		return 0;
	}
	if (!is_name(name) || !is_version(version))
		return -EBADMSG;
	return package_set_find(set, name) ? 0 : package_set_add(set, name, version, PACKAGE_INSTALLED);
}

int rpm_parse_query(const struct buf *text, struct package_set *ret, size_t *ret_absent)
{
	_cleanup_packages_ struct package_set set = {0};
	size_t absent = 0;
	int r = 0;
	char *line;
	for (size_t at = 0; r == 0 && (line = next_line(text, &at, &r));) {
		if (*line)
			r = parse_query(line, &set, &absent);
		free(line);
	}
	if (r < 0)
		return r;
	*ret = set;
	*ret_absent = absent;
	set = (struct package_set){0};
	return 0;
}

/* apt names the architecture of some only where it is another, dpkg of some always. */
static bool is_expected(const struct package_set *expected, char *name)
{
	if (package_set_find(expected, name))
		return true;
	char *colon = strchr(name, ':');
	if (!colon)
		return false;
	*colon = '\0';
	bool found = package_set_find(expected, name);
	*colon = ':';
	return found;
}

/* Adds the lines of TEXT, "NAME\tVERSION", that are not in OTHERS, as "NAME VERSION". */
static int add_new_lines(const struct buf *text, const struct strset *others, const struct package_set *expected,
                         struct strv *ret)
{
	int r = 0;
	char *line;
	for (size_t at = 0; r == 0 && (line = next_line(text, &at, &r));) {
		char *tab = strchr(line, '\t');
		if (tab && !strset_has(others, line)) {
			*tab = '\0';
			if (!is_expected(expected, line))
				r = strv_addf(ret, "%s %s", line, tab + 1);
		}
		free(line);
	}
	return r;
}

static int read_lines(const struct buf *text, struct strset *ret)
{
	int r = 0;
	char *line;
	for (size_t at = 0; r >= 0 && (line = next_line(text, &at, &r));) {
		r = strset_add(ret, line);
		free(line);
	}
	return r < 0 ? r : 0;
}

int packages_compare(const struct buf *before, const struct buf *after, const struct package_set *expected,
                     struct strv *ret_came, struct strv *ret_went)
{
	_cleanup_(strset_free) struct strset old = {0}, new = {0};
	int r = read_lines(before, &old);
	if (r == 0)
		r = read_lines(after, &new);
	if (r == 0)
		r = add_new_lines(after, &old, expected, ret_came);
	return r < 0 ? r : add_new_lines(before, &new, expected, ret_went);
}

/* "NAME is needed by (installed) NAME-VERSION.ARCH" */
bool rpm_needed_by(const struct buf *text, struct buf *ret)
{
	static const char words[] = " is needed by (installed) ";
	const char *at = strstr(buf_text(text), words);
	if (!at)
		return false;
	at += strlen(words);
	return buf_add(ret, at, strcspn(at, " \n")) == 0;
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
