/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What stands in one file of rules, read and checked against the sources and playbooks that there
 * are. All that is wrong is told; only -ENOMEM ends it.
 */
#include "hook/rule-reading.h"

#include "base/escape.h"
#include "core/ini.h"
#include "core/near.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COOLDOWN_MS (60 * 1000)
#define LIMIT 20
#define LIMIT_MS (60 * 1000)

static void matchers_free(struct matchers *m)
{
	for (size_t i = 0; i < m->n; i++)
		matcher_free(&m->v[i]);
	free(m->v);
}

void setting_free(struct setting *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].literal);
		free(s->v[i].field);
	}
	free(s->v);
	free(s->input);
}

static void rule_free(struct rule *rule)
{
	for (size_t i = 0; i < rule->n_settings; i++)
		setting_free(&rule->settings[i]);
	free(rule->settings);
	matchers_free(&rule->match);
	matchers_free(&rule->undo);
	playbook_free(&rule->playbook);
	free(rule->file);
	free(rule->name);
}

void rules_free(struct rules *rules)
{
	for (size_t i = 0; i < rules->n; i++)
		rule_free(&rules->v[i]);
	free(rules->v);
	*rules = (struct rules){0};
}

const struct rule *rules_find(const struct rules *rules, const char *name)
{
	for (size_t i = 0; i < rules->n; i++)
		if (strcmp(rules->v[i].name, name) == 0)
			return &rules->v[i];
	return NULL;
}

/* ---- entries --------------------------------------------------------------------------- */

const struct ini_entry *reading_entry(const struct reading *r, const char *key)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->entries[i].key, key) == 0)
			return &r->entries[i];
	return NULL;
}

const char *reading_about(const char *key, const char *word)
{
	size_t len = strlen(word);
	return strncmp(key, word, len) == 0 && key[len] == ' ' ? key + len + 1 : NULL;
}

int reading_wrong(struct reading *r, const struct ini_entry *e, int error, const struct buf *why)
{
	if (error == -ENOMEM || buf_error(why))
		return -ENOMEM;
	return diag_add(r->diags, e->line, "'%s': %s", e->key, buf_text(why));
}

static int read_duration(struct reading *r, const char *key, int64_t *ret)
{
	const struct ini_entry *e = reading_entry(r, key);
	_cleanup_strv_ struct strv spelt = {0};
	_cleanup_buf_ struct buf why = {0};
	int error = e ? type_check(TYPE_DURATION, NULL, e->value, &spelt, &why) : 0;
	if (error < 0)
		return reading_wrong(r, e, error, &why);
	if (e)
		*ret = value_ms(spelt.v[0]);
	return 0;
}

static int read_limit(struct reading *r)
{
	const struct ini_entry *e = reading_entry(r, "limit");
	if (!e)
		return 0;
	_cleanup_strv_ struct strv number = {0}, span = {0};
	_cleanup_buf_ struct buf why = {0};
	const char *slash = strchr(e->value, '/');
	_cleanup_free_ char *count = strndup(e->value, slash ? (size_t)(slash - e->value) : 0);
	if (!count)
		return -ENOMEM;
	int error = slash ? type_check(TYPE_NUMBER, NULL, count, &number, &why) : -EINVAL;
	if (error == 0)
		error = type_check(TYPE_DURATION, NULL, slash + 1, &span, &why);
	int64_t n = error == 0 ? value_number(number.v[0]) : 0;
	if (error == 0 && n >= 1 && n <= RULE_LIMIT_MAX && value_ms(span.v[0]) > 0) {
		r->rule->limit = (unsigned)n;
		r->rule->limit_ms = value_ms(span.v[0]);
		return 0;
	}
	if (error == -ENOMEM)
		return error;
	buf_reset(&why);
	buf_printf(&why, "write how many runs within which time, such as 20/1m: 1 to %d", RULE_LIMIT_MAX);
	return reading_wrong(r, e, -EINVAL, &why);
}

static int read_mode(struct reading *r)
{
	const struct ini_entry *e = reading_entry(r, "mode");
	_cleanup_strv_ struct strv spelt = {0};
	_cleanup_buf_ struct buf why = {0};
	int error = e ? type_check(TYPE_CHOICE, "dry-run|enforce", e->value, &spelt, &why) : 0;
	if (error < 0)
		return reading_wrong(r, e, error, &why);
	r->rule->enforce = e && strcmp(spelt.v[0], "enforce") == 0;
	return 0;
}

static int read_protected(struct reading *r)
{
	const struct ini_entry *e = reading_entry(r, "protected");
	_cleanup_strv_ struct strv spelt = {0};
	_cleanup_buf_ struct buf why = {0};
	int error = e ? type_check(TYPE_CHOICE, "refuse|leave-out", e->value, &spelt, &why) : 0;
	if (error < 0)
		return reading_wrong(r, e, error, &why);
	r->rule->leave_out = e && strcmp(spelt.v[0], "leave-out") == 0;
	return 0;
}

static int read_source(struct reading *r)
{
	const struct ini_entry *e = reading_entry(r, "source");
	_cleanup_buf_ struct buf all = {0}, near_text = {0}, value = {0};
	if (!e)
		return diag_add(r->diags, r->section->line, "rule '%s' has no source: add source = NAME", r->rule->name);
	struct near near = {.wanted = e->value};
	for (size_t i = 0; r->known[i]; i++) {
		if (strcmp(r->known[i]->name, e->value) == 0) {
			r->rule->source = r->known[i];
			return 0;
		}
		near_offer(&near, r->known[i]->name);
		buf_printf(&all, "%s%s", i ? ", " : "", r->known[i]->name);
	}
	escape_str(&value, e->value);
	near_print(&near, &near_text);
	return diag_add(r->diags, e->line, "'%s' is no source%s: there are %s", buf_text(&value), buf_text(&near_text),
	                buf_text(&all));
}

/* ---- fields ---------------------------------------------------------------------------- */

const struct source_field *reading_field(const struct source *source, const char *name)
{
	for (const struct source_field *f = source->fields; f && f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

int reading_check_field(struct reading *r, const struct ini_entry *e, const char *field)
{
	const struct source *source = r->rule->source;
	struct near near = {.wanted = field};
	_cleanup_buf_ struct buf all = {0}, near_text = {0};
	if (!source || !source->closed || reading_field(source, field))
		return 0;
	for (const struct source_field *f = source->fields; f && f->name; f++) {
		near_offer(&near, f->name);
		buf_printf(&all, "%s%s", all.len ? ", " : "", f->name);
	}
	near_print(&near, &near_text);
	return diag_add(r->diags, e->line, "events of '%s' have no field '%s'%s: they have %s", source->name, field,
	                buf_text(&near_text), buf_text(&all));
}

static int add_matcher(struct matchers *to, struct matcher *m)
{
	struct matcher *v = reallocarray(to->v, to->n + 1, sizeof(*v));
	if (!v) {
		matcher_free(m);
		return -ENOMEM;
	}
	to->v = v;
	v[to->n++] = *m;
	return 0;
}

static int read_matchers(struct reading *r, const char *word, struct matchers *ret)
{
	int error = 0;
	for (size_t i = 0; error == 0 && i < r->n; i++) {
		const struct ini_entry *e = &r->entries[i];
		const char *field = reading_about(e->key, word);
		struct matcher m;
		_cleanup_buf_ struct buf why = {0};
		if (!field)
			continue;
		error = reading_check_field(r, e, field);
		if (error < 0)
			break;
		int bad = matcher_parse(field, e->value, &m, &why);
		if (bad < 0) {
			error = reading_wrong(r, e, bad, &why);
			continue;
		}
		m.line = e->line;
		error = add_matcher(ret, &m);
	}
	return error;
}

/* What the source itself says: "action = delete, disable". */
static int source_undo(struct rule *rule)
{
	_cleanup_buf_ struct buf why = {0};
	const char *text = rule->source->undo_on, *equals = text ? strchr(text, '=') : NULL;
	struct matcher m;
	if (!equals)
		return 0;
	_cleanup_free_ char *field = strndup(text, strcspn(text, " ="));
	int r = field ? matcher_parse(field, equals + 1 + strspn(equals + 1, " "), &m, &why) : -ENOMEM;
	return r < 0 ? r : add_matcher(&rule->undo, &m);
}

static int read_undo(struct reading *r)
{
	const struct ini_entry *e = reading_entry(r, "undo-on");
	int error = read_matchers(r, "undo-on", &r->rule->undo);
	if (error < 0)
		return error;
	if (e && strcmp(e->value, "never") != 0)
		return diag_add(r->diags, e->line, "'undo-on': write undo-on FIELD = VALUE, or undo-on = never");
	if (e && r->rule->undo.n)
		return diag_add(r->diags, e->line, "'undo-on': never, and line %u says when", r->rule->undo.v[0].line);
	return e || r->rule->undo.n || !r->rule->source ? 0 : source_undo(r->rule);
}

/* ---- what the playbook is given ---------------------------------------------------------- */

static int read_playbook(struct reading *r)
{
	const struct ini_entry *e = reading_entry(r, "playbook");
	struct diags inner = {0};
	if (!e)
		return diag_add(r->diags, r->section->line, "rule '%s' has no playbook: add playbook = FILE", r->rule->name);
	int error = r->find(r->ctx, e->value, &r->rule->playbook, &inner), told = 0;
	for (size_t i = 0; i < inner.n && told == 0; i++) {
		const struct diag *d = &inner.v[i];
		told = d->line ? diag_add(r->diags, e->line, "playbook %s:%u: %s", inner.file, d->line, d->text)
		               : diag_add(r->diags, e->line, "playbook %s: %s", inner.file, d->text);
	}
	if (error < 0 && error != -ENOMEM && !inner.n)
		told = diag_add(r->diags, e->line, "the playbook cannot be read: %s", strerror(-error));
	diags_free(&inner);
	return error == -ENOMEM ? error : told;
}

/* ---- a rule, a file ----------------------------------------------------------------------- */

static int check_keys(struct reading *r)
{
	static const char *const plain[] = {"source", "playbook", "mode", "cooldown", "limit", "ttl", "key", "undo-on",
	                                    "protected", NULL};
	static const char *const with_field[] = {"match", "set", "undo-on", NULL};
	int error = 0;
	for (size_t i = 0; error == 0 && i < r->n; i++) {
		const struct ini_entry *e = &r->entries[i];
		struct near near = {.wanted = e->key};
		_cleanup_buf_ struct buf text = {0};
		bool known = false;
		for (size_t k = 0; plain[k]; k++) {
			known |= strcmp(plain[k], e->key) == 0;
			near_offer(&near, plain[k]);
		}
		for (size_t k = 0; with_field[k]; k++)
			known |= reading_about(e->key, with_field[k]) != NULL;
		near_print(&near, &text);
		if (!known)
			error = diag_add(r->diags, e->line, "'%s' is no key of a rule%s: it has source, match FIELD, playbook, set "
			                 "INPUT, mode, cooldown, limit, ttl, key, undo-on and protected", e->key, buf_text(&text));
	}
	return error;
}

static int read_rule(struct reading *r)
{
	struct rule *rule = r->rule;
	int error = check_keys(r);
	if (error == 0)
		error = read_source(r);
	if (error == 0)
		error = read_matchers(r, "match", &rule->match);
	if (error == 0)
		error = read_undo(r);
	if (error == 0)
		error = read_playbook(r);
	if (error == 0 && rule->playbook)
		error = reading_settings(r);
	if (error == 0 && rule->playbook)
		error = reading_key(r);
	if (error == 0)
		error = read_mode(r);
	if (error == 0)
		error = read_protected(r);
	if (error == 0)
		error = read_duration(r, "cooldown", &rule->cooldown_ms);
	if (error == 0)
		error = read_duration(r, "ttl", &rule->ttl_ms);
	return error < 0 ? error : read_limit(r);
}

/* -EINVAL, told: it is no rule, or none that may be. */
static int check_section(const struct ini_section *s, const struct rules *rules, struct diags *diags)
{
	const struct rule *other = rules_find(rules, s->name);
	int told = 0;
	if (strcmp(s->section, "rule") != 0)
		told = diag_add(diags, s->line, "[%s] is no section of this file: it has [rule NAME]", s->section);
	else if (!s->name[0])
		told = diag_add(diags, s->line, "[rule] has no name: write [rule NAME]");
	else if (other)
		told = diag_add(diags, s->line, "there is a rule '%s' already: %s:%u", s->name, other->file, other->line);
	else if (rules->n >= RULES_MAX)
		told = diag_add(diags, s->line, "this is one rule too many: there may be %d", RULES_MAX);
	else
		return 0;
	return told < 0 ? told : -EINVAL;
}

static int add_rule(struct rules *rules, const char *file, const struct ini_section *s)
{
	struct rule *v = reallocarray(rules->v, rules->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	rules->v = v;
	struct rule *rule = &v[rules->n++];
	*rule = (struct rule){.line = s->line, .file = strdup(file), .name = strdup(s->name), .cooldown_ms = COOLDOWN_MS,
	                      .limit = LIMIT, .limit_ms = LIMIT_MS};
	return rule->file && rule->name ? 0 : -ENOMEM;
}

static void take_entries(const struct ini *ini, struct reading *r)
{
	size_t first = 0;
	while (first < ini->n && ini->v[first].section_line != r->section->line)
		first++;
	r->entries = ini->n ? &ini->v[first < ini->n ? first : 0] : NULL;
	for (r->n = 0; first + r->n < ini->n && ini->v[first + r->n].section_line == r->section->line;)
		r->n++;
}

int rules_parse(const struct buf *bytes, const struct source *const *known, find_playbook_fn *find, void *ctx,
                struct rules *ret, struct diags *diags)
{
	_cleanup_(ini_free) struct ini ini = {0};
	int r = ini_parse_bytes(bytes, &ini, diags);
	for (size_t i = 0; r == 0 && i < ini.n_sections; i++) {
		struct reading reading = {
			.section = &ini.sections[i], .known = known, .find = find, .ctx = ctx, .diags = diags};
		r = check_section(&ini.sections[i], ret, diags);
		if (r == -EINVAL) {
			r = 0;
			continue;
		}
		if (r == 0)
			r = add_rule(ret, diags->file ? diags->file : "", &ini.sections[i]);
		if (r < 0)
			break;
		take_entries(&ini, &reading);
		reading.rule = &ret->v[ret->n - 1];
		r = read_rule(&reading);
	}
	if (r == 0)
		r = diags->error;
	return r < 0 ? r : diags->n ? -EINVAL : 0;
}
