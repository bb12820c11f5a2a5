/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vault-show.h"

#include "base/escape.h"
#include "base/meta.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define SHORT_HASH 12
#define TIME_TEXT_LEN 24

static uint64_t occupied(const struct vault_object *o)
{
	return (uint64_t)o->stat.st_blocks * 512;
}

static void time_text(int64_t s, char ret[TIME_TEXT_LEN])
{
	time_t at = (time_t)s;
	struct tm local;
	localtime_r(&at, &local);
	strftime(ret, TIME_TEXT_LEN, "%Y-%m-%d %H:%M", &local);
}

static void print_state(const struct printer *p, const struct vault_object *o)
{
	char since[TIME_TEXT_LEN];
	int64_t free_since = vault_object_free_since(o);
	time_text(free_since, since);
	if (!S_ISREG(o->stat.st_mode))
		print_styled(p, STYLE_RED, "damaged: no regular file");
	else if (free_since < 0)
		print_styled(p, STYLE_YELLOW, "needed");
	else if (vault_object_live(o))
		print_styled(p, STYLE_PLAIN, "for a rollback, since %s", since);
	else
		print_styled(p, STYLE_DIM, "for the record, since %s", since);
}

void print_object_line(const struct printer *p, const struct vault_object *o)
{
	char size[SIZE_TEXT_LEN], came[TIME_TEXT_LEN];
	size_text((uint64_t)o->stat.st_size, size);
	time_text(o->stat.st_ctim.tv_sec, came);
	print_styled(p, STYLE_BOLD, "%.*s", SHORT_HASH, o->sha256.hex);
	print_styled(p, STYLE_PLAIN, "  %8s  %s  ", size, came);
	print_state(p, o);
	fputc('\n', p->out);
}

static void print_use(const struct printer *p, const struct object_use *u)
{
	_cleanup_buf_ struct buf target = {0};
	escape_str(&target, u->target);
	print_styled(p, STYLE_PLAIN, "    %s: %s", u->what, buf_text(&target));
	print_styled(p, STYLE_DIM, "  (run %s", u->run);
	if (u->change)
		print_styled(p, STYLE_DIM, ", change %u", u->change);
	print_styled(p, STYLE_DIM, ", step %s%s)\n", u->step, u->open ? "; not done with" : u->live ? "; in force" : "");
}

static void print_uses(const struct printer *p, const struct vault_object *o)
{
	for (size_t i = 0; i < o->n; i++)
		print_use(p, &o->uses[i]);
	if (!o->n)
		print_styled(p, STYLE_DIM, "    no run refers to it\n");
}

static void print_summary(const struct printer *p, const struct vault_usage *usage, uint64_t quota)
{
	char sum[SIZE_TEXT_LEN], limit[SIZE_TEXT_LEN];
	uint64_t bytes = 0;
	size_t needed = 0, live = 0;
	for (size_t i = 0; i < usage->n; i++) {
		bytes += occupied(&usage->v[i]);
		bool open = vault_object_free_since(&usage->v[i]) < 0;
		needed += open;
		live += !open && vault_object_live(&usage->v[i]);
	}
	size_text(bytes, sum);
	size_text(quota, limit);
	print_styled(p, STYLE_BOLD, "%zu object%s", usage->n, usage->n == 1 ? "" : "s");
	print_styled(p, STYLE_PLAIN, ", %s on disk", sum);
	if (quota)
		print_styled(p, bytes > quota / 10 * 9 ? STYLE_YELLOW : STYLE_PLAIN, " of %s", limit);
	print_styled(p, STYLE_PLAIN, "; %zu needed by runs that are not done with, %zu for a rollback.\n", needed, live);
}

void print_vault(const struct printer *p, const struct vault_usage *usage, uint64_t quota)
{
	for (size_t i = 0; i < usage->n; i++) {
		print_object_line(p, &usage->v[i]);
		print_uses(p, &usage->v[i]);
	}
	for (size_t i = 0; i < usage->strangers.n; i++) {
		_cleanup_buf_ struct buf name = {0};
		escape_str(&name, usage->strangers.v[i]);
		print_styled(p, STYLE_YELLOW, "%s: this is no object; it does not belong there\n", buf_text(&name));
	}
	if (usage->n || usage->strangers.n)
		fputc('\n', p->out);
	print_summary(p, usage, quota);
}

static json_t *json_use(const struct object_use *u)
{
	return json_pack("{ss so ss so ss sb sb so so}", "run", u->run, "change",
	                 u->change ? json_integer(u->change) : json_null(), "step", u->step, "target",
	                 json_text(u->target), "what", u->what, "open", u->open, "live", u->live, "ended",
	                 u->open ? json_null() : json_integer(u->ended), "meta",
	                 u->meta ? json_incref(u->meta) : json_null());
}

static json_t *json_one(const struct vault_object *o)
{
	json_t *uses = json_array();
	int64_t since = vault_object_free_since(o);
	for (size_t i = 0; i < o->n; i++)
		json_array_append_new(uses, json_use(&o->uses[i]));
	return json_pack("{ss sI sI sI sb sb so so}", "sha256", o->sha256.hex, "size", (json_int_t)o->stat.st_size,
	                 "occupied", (json_int_t)occupied(o), "came", (json_int_t)o->stat.st_ctim.tv_sec, "regular",
	                 S_ISREG(o->stat.st_mode) != 0, "needed", since < 0, "free_since",
	                 since < 0 ? json_null() : json_integer(since), "uses", uses);
}

static json_t *json_names(const struct strv *names)
{
	json_t *list = json_array();
	for (size_t i = 0; i < names->n; i++)
		json_array_append_new(list, json_text(names->v[i]));
	return list;
}

json_t *json_vault(const struct vault_usage *usage, uint64_t quota)
{
	json_t *objects = json_array();
	uint64_t bytes = 0;
	for (size_t i = 0; i < usage->n; i++) {
		bytes += occupied(&usage->v[i]);
		json_array_append_new(objects, json_one(&usage->v[i]));
	}
	return json_pack("{so sI so so so}", "objects", objects, "occupied", (json_int_t)bytes, "quota",
	                 quota ? json_integer((json_int_t)quota) : json_null(), "strangers", json_names(&usage->strangers),
	                 "unreadable", json_names(&usage->unreadable));
}

static void print_meta(const struct printer *p, const json_t *meta)
{
	static const char *const times[] = {"mtime", "atime"};
	_cleanup_buf_ struct buf text = {0};
	if (!meta)
		return;
	meta_describe(meta, &text);
	for (size_t i = 0; i < 2; i++) {
		char at[TIME_TEXT_LEN];
		time_text(json_integer_value(json_array_get(json_object_get(meta, times[i]), 0)), at);
		buf_printf(&text, ", %s %s", i ? "read" : "modified", at);
	}
	size_t xattrs = json_object_size(json_object_get(meta, "xattrs"));
	if (xattrs)
		buf_printf(&text, ", %zu extended attribute%s", xattrs, xattrs == 1 ? "" : "s");
	print_styled(p, STYLE_PLAIN, "        %s\n", buf_text(&text));
}

static const char *verdict(int state)
{
	return state == 0 ? "whole: its content is what its name says"
	       : state == -EBADMSG ? "damaged: it is not what its name says, and is used for nothing" : strerror(-state);
}

void print_object(const struct printer *p, const struct vault_object *o, int state)
{
	char came[TIME_TEXT_LEN];
	time_text(o->stat.st_ctim.tv_sec, came);
	print_styled(p, STYLE_BOLD, "%s\n", o->sha256.hex);
	print_styled(p, STYLE_PLAIN, "  %lld bytes (%lld on disk), came in %s\n  ", (long long)o->stat.st_size,
	             (long long)occupied(o), came);
	print_styled(p, state == 0 ? STYLE_GREEN : STYLE_RED, "%s\n", verdict(state));
	fputs("  ", p->out);
	print_state(p, o);
	fputc('\n', p->out);
	for (size_t i = 0; i < o->n; i++) {
		print_use(p, &o->uses[i]);
		print_meta(p, o->uses[i].meta);
	}
	if (!o->n)
		print_uses(p, o);
}

json_t *json_object_shown(const struct vault_object *o, int state)
{
	json_t *object = json_one(o);
	if (object)
		json_object_set_new(object, "whole", json_boolean(state == 0));
	return object;
}
