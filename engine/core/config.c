/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/config.h"

#include "core/ini.h"
#include "core/near.h"
#include "core/value.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define QUOTA_MIN (1 << 20)

/* A miner's tree has a dozen processes, an incident a few dozen files; a block list of
 * a hook may well have tens of thousands of addresses. */
static const struct config built_in = {
	.max_processes = 50,
	.max_files = 100,
	.max_addresses = 100000,
	.min_prefix4 = 24,
	.min_prefix6 = 48,
	.max_rounds = 5,
	.lock_wait_ms = 30000,
	.listen_connections = 32,
	.listen_runs = 2,
	.listen_queue = 1000,
};

struct setting;

struct context {
	struct config *config;
	const struct setting *setting;
	const struct ini_entry *entry;
	struct diags *diags;
};

typedef int take_fn(struct context *c);

struct setting {
	const char *section;
	const char *key;
	take_fn *take;
	size_t offset;    /* into struct config */
	unsigned min, max; /* of numbers */
};

static void *target(const struct context *c)
{
	return (char *)c->config + c->setting->offset;
}

/* Reports WHY; passes -ENOMEM on. */
static int refuse(struct context *c, int error, const struct buf *why)
{
	if (error == -ENOMEM)
		return error;
	diag_add(c->diags, c->entry->line, "'%s': %s", c->entry->key, buf_text(why));
	return 0;
}

/* Every element of the entry, checked; a wrong one does not hide the next. */
static int each_element(struct context *c, int (*take)(struct context *c, const char *text, struct buf *why))
{
	struct ini_element *v = NULL;
	size_t n = 0;
	_cleanup_buf_ struct buf bad = {0};
	if (!c->entry->value[0])
		return 0;
	int r = ini_split_list(c->entry->value, &v, &n, &bad);
	if (r < 0)
		return refuse(c, r, &bad);
	for (size_t i = 0; r == 0 && i < n; i++) {
		_cleanup_buf_ struct buf why = {0};
		r = take(c, v[i].text, &why);
		if (r < 0)
			r = refuse(c, r, &why);
	}
	ini_elements_free(v, n);
	return r;
}

static int take_address(struct context *c, const char *text, struct buf *why)
{
	_cleanup_strv_ struct strv spelt = {0};
	struct config *config = c->config;
	if (strncmp(text, "file:", 5) == 0) {
		buf_puts(why, "a file cannot be given here: list the addresses themselves");
		return -EINVAL;
	}
	int r = type_check(TYPE_ADDRESS, NULL, text, &spelt, why);
	if (r < 0)
		return r;
	struct netaddr *v = reallocarray(config->addresses, config->n_addresses + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	config->addresses = v;
	r = netaddr_parse(spelt.v[0], &v[config->n_addresses]);
	if (r == 0)
		config->n_addresses++;
	return r;
}

static int take_process(struct context *c, const char *text, struct buf *why)
{
	return type_check(text[0] == '/' ? TYPE_PATH : TYPE_NAME, NULL, text, target(c), why);
}

static int take_path(struct context *c, const char *text, struct buf *why)
{
	return type_check(TYPE_PATH, NULL, text, target(c), why);
}

static int take_unit(struct context *c, const char *text, struct buf *why)
{
	return type_check(TYPE_UNIT, NULL, text, target(c), why);
}

static int take_user(struct context *c, const char *text, struct buf *why)
{
	return type_check(TYPE_USER, NULL, text, target(c), why);
}

static int addresses(struct context *c)
{
	return each_element(c, take_address);
}

static int processes(struct context *c)
{
	return each_element(c, take_process);
}

static int paths(struct context *c)
{
	return each_element(c, take_path);
}

static int units(struct context *c)
{
	return each_element(c, take_unit);
}

static int users(struct context *c)
{
	return each_element(c, take_user);
}

static int number(struct context *c)
{
	_cleanup_strv_ struct strv spelt = {0};
	_cleanup_buf_ struct buf why = {0};
	int r = type_check(TYPE_NUMBER, NULL, c->entry->value, &spelt, &why);
	if (r < 0)
		return refuse(c, r, &why);
	int64_t n = value_number(spelt.v[0]);
	if (n < c->setting->min || n > c->setting->max) {
		buf_printf(&why, "%lld is out of range: %u to %u", (long long)n, c->setting->min, c->setting->max);
		return refuse(c, -EINVAL, &why);
	}
	*(unsigned *)target(c) = (unsigned)n;
	return 0;
}

/* A deadline that nobody keeps because of it would be none. */
#define WAIT_MAX_MS (3600 * 1000)

static int wait_span(struct context *c)
{
	_cleanup_strv_ struct strv spelt = {0};
	_cleanup_buf_ struct buf why = {0};
	int r = type_check(TYPE_DURATION, NULL, c->entry->value, &spelt, &why);
	if (r < 0)
		return refuse(c, r, &why);
	int64_t ms = value_ms(spelt.v[0]);
	if (ms > WAIT_MAX_MS) {
		buf_puts(&why, "it is out of range: up to 1h");
		return refuse(c, -EINVAL, &why);
	}
	*(unsigned *)target(c) = (unsigned)ms;
	return 0;
}

static int audit(struct context *c)
{
	_cleanup_strv_ struct strv spelt = {0};
	_cleanup_buf_ struct buf why = {0};
	int r = type_check(TYPE_CHOICE, "optional|required", c->entry->value, &spelt, &why);
	if (r < 0)
		return refuse(c, r, &why);
	*(bool *)target(c) = strcmp(spelt.v[0], "required") == 0;
	return 0;
}

/* A quota in which nothing can be kept is a mistake. */
static int quota(struct context *c)
{
	_cleanup_strv_ struct strv spelt = {0};
	_cleanup_buf_ struct buf why = {0};
	int r = type_check(TYPE_SIZE, NULL, c->entry->value, &spelt, &why);
	if (r == 0 && value_bytes(spelt.v[0]) < QUOTA_MIN) {
		buf_printf(&why, "'%s' is too small: at least %dM", c->entry->value, QUOTA_MIN >> 20);
		r = -EINVAL;
	}
	if (r < 0)
		return refuse(c, r, &why);
	*(uint64_t *)target(c) = (uint64_t)value_bytes(spelt.v[0]);
	return 0;
}

#define AT(member) offsetof(struct config, member)

static const struct setting settings[] = {
	{"protect", "addresses", addresses, AT(addresses), 0, 0},
	{"protect", "processes", processes, AT(processes), 0, 0},
	{"protect", "paths", paths, AT(paths), 0, 0},
	{"protect", "units", units, AT(units), 0, 0},
	{"protect", "users", users, AT(users), 0, 0},
	{"limits", "processes", number, AT(max_processes), 1, 1000000},
	{"limits", "files", number, AT(max_files), 1, 1000000},
	{"limits", "addresses", number, AT(max_addresses), 1, 10000000},
	{"limits", "prefix4", number, AT(min_prefix4), 1, 32},
	{"limits", "prefix6", number, AT(min_prefix6), 1, 128},
	{"limits", "rounds", number, AT(max_rounds), 1, 100},
	{"limits", "wait", wait_span, AT(lock_wait_ms), 0, 0},
	{"records", "audit", audit, AT(audit_required), 0, 0},
	{"vault", "quota", quota, AT(vault_quota), 0, 0},
	{"listen", "users", users, AT(listen_users), 0, 0},
	{"listen", "connections", number, AT(listen_connections), 1, 1000},
	{"listen", "runs", number, AT(listen_runs), 1, 64},
	{"listen", "queue", number, AT(listen_queue), 1, 100000},
};

#define N_SETTINGS (sizeof(settings) / sizeof(*settings))

static bool is_section(const char *name)
{
	for (size_t i = 0; i < N_SETTINGS; i++)
		if (strcmp(settings[i].section, name) == 0)
			return true;
	return false;
}

static void check_section(const struct ini_section *s, struct diags *diags)
{
	if (!is_section(s->section)) {
		struct near near = {.wanted = s->section};
		_cleanup_buf_ struct buf text = {0};
		for (size_t i = 0; i < N_SETTINGS; i++)
			near_offer(&near, settings[i].section);
		near_print(&near, &text);
		diag_add(diags, s->line, "[%s] is no section of this file%s: it has [protect], [limits], [records], "
		         "[vault] and [listen]", s->section, buf_text(&text));
	} else if (s->name[0]) {
		diag_add(diags, s->line, "[%s] takes no name", s->section);
	}
}

static int unknown_key(const struct ini_entry *e, struct diags *diags)
{
	struct near near = {.wanted = e->key};
	_cleanup_buf_ struct buf text = {0}, all = {0};
	if (!is_section(e->section))
		return 0;
	for (size_t i = 0; i < N_SETTINGS; i++)
		if (strcmp(settings[i].section, e->section) == 0) {
			near_offer(&near, settings[i].key);
			buf_printf(&all, "%s%s", all.len ? ", " : "", settings[i].key);
		}
	near_print(&near, &text);
	diag_add(diags, e->line, "'%s' is no key of [%s]%s: it has %s", e->key, e->section, buf_text(&text),
	         buf_text(&all));
	return 0;
}

static int take_entry(struct config *config, const struct ini_entry *e, struct diags *diags)
{
	for (size_t i = 0; i < N_SETTINGS; i++) {
		const struct setting *s = &settings[i];
		if (strcmp(s->section, e->section) == 0 && strcmp(s->key, e->key) == 0)
			return s->take(&(struct context){.config = config, .setting = s, .entry = e, .diags = diags});
	}
	return unknown_key(e, diags);
}

int config_parse(const struct buf *bytes, struct config *ret, struct diags *diags)
{
	_cleanup_(config_free) struct config config = built_in;
	_cleanup_(ini_free) struct ini ini = {0};
	int r = ini_parse_bytes(bytes, &ini, diags);
	for (size_t i = 0; i < ini.n_sections; i++)
		check_section(&ini.sections[i], diags);
	for (size_t i = 0; r == 0 && i < ini.n; i++)
		r = take_entry(&config, &ini.v[i], diags);
	if (r == 0)
		r = diags->error;
	if (r < 0 || diags->n)
		return r < 0 ? r : -EINVAL;
	*ret = config;
	config = (struct config){0};
	return 0;
}

int config_load(int root, const char *file, struct config *ret, struct diags *diags)
{
	_cleanup_buf_ struct buf bytes = {0};
	if (!diags->file && !(diags->file = strdup(file)))
		return -ENOMEM;
	int r = ini_read_file(root, file, &bytes, diags);
	if (r < 0 && r != -ENOENT)
		return r;
	return config_parse(&bytes, ret, diags);
}

void config_free(struct config *config)
{
	free(config->addresses);
	strv_free(&config->processes);
	strv_free(&config->paths);
	strv_free(&config->units);
	strv_free(&config->users);
	strv_free(&config->listen_users);
	*config = (struct config){0};
}
