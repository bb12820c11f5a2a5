/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/unit-codec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char unit_properties[] =
	"Id,Names,LoadState,ActiveState,SubState,UnitFileState,FragmentPath,SourcePath,ControlGroup,InvocationID,"
	"DropInPaths,TriggeredBy,RequiredBy,BoundBy,ConsistsOf,ActiveEnterTimestampMonotonic,Transient,MainPID,"
	"Listen,Triggers";

void unit_info_free(struct unit_info *info)
{
	free(info->id);
	free(info->load);
	free(info->active);
	free(info->sub);
	free(info->file_state);
	free(info->fragment);
	free(info->source);
	free(info->cgroup);
	free(info->invocation);
	strv_free(&info->names);
	strv_free(&info->drop_ins);
	strv_free(&info->triggered_by);
	strv_free(&info->triggers);
	strv_free(&info->listen);
	strv_free(&info->carried);
	*info = (struct unit_info){0};
}

void unit_infos_free(struct unit_infos *infos)
{
	for (size_t i = 0; i < infos->n; i++)
		unit_info_free(&infos->v[i]);
	free(infos->v);
	*infos = (struct unit_infos){0};
}

/* One word of a list: plain, or in double quotes with backslashes for what needs them.
 * RET: emptied first. The rest of the list, NULL at its end. */
static const char *next_word(const char *list, const char *end, struct buf *ret)
{
	while (list < end && (*list == ' ' || *list == '\t'))
		list++;
	if (list == end)
		return NULL;
	buf_reset(ret);
	bool quoted = *list == '"';
	for (list += quoted; list < end && (quoted ? *list != '"' : *list != ' ' && *list != '\t'); list++) {
		if (quoted && *list == '\\' && list + 1 < end)
			list++;
		buf_putc(ret, *list);
	}
	return list + (quoted && list < end);
}

static int parse_list(const char *list, const char *end, struct strv *ret)
{
	_cleanup_buf_ struct buf word = {0};
	while ((list = next_word(list, end, &word)))
		strv_add(ret, buf_text(&word));
	return buf_error(&word) ? buf_error(&word) : strv_error(ret);
}

static int set_text(char **text, const char *value, const char *end)
{
	free(*text);
	*text = strndup(value, (size_t)(end - value));
	return *text ? 0 : -ENOMEM;
}

struct line {
	const char *name, *value, *end;
};

static bool is_property(const struct line *line, const char *name)
{
	size_t len = strlen(name);
	return (size_t)(line->value - line->name) == len + 1 && memcmp(line->name, name, len) == 0;
}

static int take_property(struct unit_info *info, const struct line *line)
{
	const struct {
		const char *name;
		char **text;
		struct strv *list;
	} properties[] = {
		{"Id", &info->id, NULL},
		{"LoadState", &info->load, NULL},
		{"ActiveState", &info->active, NULL},
		{"SubState", &info->sub, NULL},
		{"UnitFileState", &info->file_state, NULL},
		{"FragmentPath", &info->fragment, NULL},
		{"SourcePath", &info->source, NULL},
		{"ControlGroup", &info->cgroup, NULL},
		{"InvocationID", &info->invocation, NULL},
		{"Names", NULL, &info->names},
		{"DropInPaths", NULL, &info->drop_ins},
		{"TriggeredBy", NULL, &info->triggered_by},
		{"Triggers", NULL, &info->triggers},
		{"RequiredBy", NULL, &info->carried},
		{"BoundBy", NULL, &info->carried},
		{"ConsistsOf", NULL, &info->carried},
	};
	for (size_t i = 0; i < sizeof(properties) / sizeof(*properties); i++) {
		if (!is_property(line, properties[i].name))
			continue;
		return properties[i].text ? set_text(properties[i].text, line->value, line->end)
		                          : parse_list(line->value, line->end, properties[i].list);
	}
	if (is_property(line, "Transient"))
		info->transient = line->end - line->value == 3 && memcmp(line->value, "yes", 3) == 0;
	else if (is_property(line, "ActiveEnterTimestampMonotonic"))
		info->entered_us = strtoull(line->value, NULL, 10);
	else if (is_property(line, "MainPID"))
		info->main_pid = (pid_t)strtol(line->value, NULL, 10);
	else if (is_property(line, "Listen")) /* one line for each */
		return strv_addf(&info->listen, "%.*s", (int)(line->end - line->value), line->value);
	return 0;
}

/* What systemd does not know of a unit (a slice has no InvocationID) it does not print. */
static int fill_in(struct unit_info *info)
{
	char **const texts[] = {
		&info->load, &info->active, &info->sub, &info->file_state, &info->fragment, &info->source, &info->cgroup,
		&info->invocation,
	};
	if (!info->id || !info->id[0])
		return -EBADMSG;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (!*texts[i] && !(*texts[i] = strdup("")))
			return -ENOMEM;
	return info->names.n ? 0 : strv_add(&info->names, info->id);
}

static struct unit_info *add_unit(struct unit_infos *infos)
{
	struct unit_info *v = reallocarray(infos->v, infos->n + 1, sizeof(*v));
	if (!v)
		return NULL;
	infos->v = v;
	v[infos->n] = (struct unit_info){0};
	return &v[infos->n++];
}

static int parse_show(const struct buf *text, struct unit_infos *infos)
{
	struct unit_info *unit = NULL;
	const char *end = buf_text(text) + text->len;
	int r = 0;
	for (const char *p = buf_text(text), *eol; r == 0 && p < end; p = eol + 1) {
		eol = memchr(p, '\n', (size_t)(end - p));
		eol = eol ? eol : end;
		const char *equals = memchr(p, '=', (size_t)(eol - p));
		if (eol == p) {
			r = unit ? fill_in(unit) : 0;
			unit = NULL;
		} else if (equals && (unit || (unit = add_unit(infos)))) {
			r = take_property(unit, &(struct line){p, equals + 1, eol});
		} else {
			r = equals ? -ENOMEM : -EBADMSG;
		}
	}
	return r == 0 && unit ? fill_in(unit) : r;
}

int unit_parse_show(const struct buf *text, struct unit_infos *ret)
{
	_cleanup_units_ struct unit_infos infos = {0};
	int r = parse_show(text, &infos);
	if (r < 0)
		return r;
	*ret = infos;
	infos = (struct unit_infos){0};
	return 0;
}

bool unit_is_up(const struct unit_info *info)
{
	static const char *const up[] = {"active", "activating", "reloading", "refreshing", "deactivating", "maintenance"};
	for (size_t i = 0; i < sizeof(up) / sizeof(*up); i++)
		if (strcmp(info->active, up[i]) == 0)
			return true;
	return false;
}

bool unit_listens_on(const struct unit_info *info, bool udp, uint16_t port)
{
	char end[32];
	int len = snprintf(end, sizeof(end), ":%u (%s)", port, udp ? "Datagram" : "Stream");
	for (size_t i = 0; i < info->listen.n; i++) {
		const char *text = info->listen.v[i];
		size_t n = strlen(text);
		if (text[0] != '/' && n >= (size_t)len && strcmp(text + n - (size_t)len, end) == 0)
			return true;
	}
	return false;
}

bool unit_is_template(const char *name)
{
	const char *at = strchr(name, '@'), *dot = strrchr(name, '.');
	return at && dot && dot == at + 1;
}

bool unit_is_instance(const char *name)
{
	const char *at = strchr(name, '@'), *dot = strrchr(name, '.');
	return at && dot && dot > at + 1;
}

int unit_template_of(const char *name, struct buf *ret)
{
	const char *at = strchr(name, '@'), *dot = strrchr(name, '.');
	if (!at || !dot || dot < at)
		return -EINVAL;
	buf_add(ret, name, (size_t)(at + 1 - name));
	return buf_puts(ret, dot);
}

bool unit_has_type(const char *name, const char *type)
{
	const char *dot = strrchr(name, '.');
	return dot && strcmp(dot + 1, type) == 0;
}

void unit_install_free(struct unit_install *install)
{
	strv_free(&install->wanted_by);
	strv_free(&install->required_by);
	strv_free(&install->upheld_by);
	strv_free(&install->alias);
	strv_free(&install->also);
	free(install->default_instance);
	*install = (struct unit_install){0};
}

static int take_setting(struct unit_install *install, const char *name, size_t len, const char *value)
{
	const struct {
		const char *name;
		struct strv *list;
	} settings[] = {
		{"WantedBy", &install->wanted_by}, {"RequiredBy", &install->required_by}, {"UpheldBy", &install->upheld_by},
		{"Alias", &install->alias},        {"Also", &install->also},
	};
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		if (strlen(settings[i].name) != len || memcmp(settings[i].name, name, len) != 0)
			continue;
		if (!value[0])
			strv_free(settings[i].list);
		return parse_list(value, value + strlen(value), settings[i].list);
	}
	if (len != strlen("DefaultInstance") || memcmp(name, "DefaultInstance", len) != 0)
		return 0;
	free(install->default_instance);
	install->default_instance = value[0] ? strdup(value) : NULL;
	return value[0] && !install->default_instance ? -ENOMEM : 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* One line, its continuations joined. */
static int take_line(struct unit_install *install, char *line, bool *in_install)
{
	line += strspn(line, " \t\r");
	for (size_t len = strlen(line); len && is_blank(line[len - 1]);)
		line[--len] = '\0';
	if (line[0] == '[') {
		*in_install = strcmp(line, "[Install]") == 0;
		return 0;
	}
	char *equals = strchr(line, '=');
	if (!*in_install || !equals)
		return 0;
	size_t len = (size_t)(equals - line);
	while (len && is_blank(line[len - 1]))
		len--;
	return take_setting(install, line, len, equals + 1 + strspn(equals + 1, " \t"));
}

int unit_parse_install(const struct buf *file, struct unit_install *install)
{
	_cleanup_buf_ struct buf line = {0};
	bool in_install = false;
	int r = 0;
	for (const char *p = buf_text(file), *end = p + file->len, *eol; r == 0 && p < end; p = eol + 1) {
		eol = memchr(p, '\n', (size_t)(end - p));
		eol = eol ? eol : end;
		const char *first = p;
		while (first < eol && is_blank(*first))
			first++;
		/* A comment does not even end a line that goes on. */
		if (first < eol && (*first == '#' || *first == ';'))
			continue;
		bool goes_on = eol > p && eol[-1] == '\\';
		buf_add(&line, p, (size_t)(eol - p) - goes_on);
		if (goes_on && buf_putc(&line, ' ') == 0)
			continue;
		if (buf_error(&line))
			return buf_error(&line);
		r = line.len ? take_line(install, line.data, &in_install) : 0;
		buf_reset(&line);
	}
	return r == 0 && line.len ? take_line(install, line.data, &in_install) : r;
}

int unit_expand(const char *text, const char *name, struct buf *ret)
{
	const char *dot = strrchr(name, '.'), *at = strchr(name, '@');
	size_t stem = dot ? (size_t)(dot - name) : strlen(name);
	size_t prefix = at && (size_t)(at - name) < stem ? (size_t)(at - name) : stem;
	size_t dash = 0; /* where the last part of the prefix begins */
	for (size_t i = 0; i < prefix; i++)
		dash = name[i] == '-' ? i + 1 : dash;
	for (; *text; text++) {
		if (*text != '%') {
			buf_putc(ret, *text);
			continue;
		}
		switch (*++text) {
		case '%': buf_putc(ret, '%'); break;
		case 'n': buf_puts(ret, name); break;
		case 'N': buf_add(ret, name, stem); break;
		case 'p': buf_add(ret, name, prefix); break;
		case 'j': buf_add(ret, name + dash, prefix - dash); break;
		case 'i': buf_add(ret, name + prefix + (prefix < stem), stem - prefix - (prefix < stem)); break;
		default: return -EOPNOTSUPP;
		}
	}
	return buf_error(ret);
}
