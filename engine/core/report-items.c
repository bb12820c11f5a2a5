/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What was kept, with its hash: what steps saw, executables, quarantined files, before-images.
 */
#include "core/report-parts.h"

#include "base/escape.h"
#include "core/vault-usage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct report_item *add(struct report *r, const char *what, const char *step, unsigned change)
{
	struct report_item *v = report_more(r, r->items, &r->n_items, sizeof(*v));
	if (!v)
		return NULL;
	r->items = v;
	v += r->n_items - 1;
	*v = (struct report_item){.what = what, .step = report_safe(r, step), .change = change, .size = -1};
	return v;
}

static bool has(const struct report *r, const char *what, const char *name, const char *sha256)
{
	for (size_t i = 0; i < r->n_items; i++)
		if (strcmp(r->items[i].what, what) == 0 && strcmp(r->items[i].sha256, sha256) == 0 &&
		    strcmp(r->items[i].name, name) == 0)
			return true;
	return false;
}

/* What is no longer in the vault is told by the journal, too. */
static char *kept_note(struct report *r, struct report_item *item)
{
	const char *purged = item->kept == REPORT_KEPT ? run_purged(r->run, item->sha256) : NULL;
	if (!purged)
		return report_safe(r, NULL);
	item->kept = REPORT_PURGED;
	return report_printf(r, "purged from the vault on %.10s", purged);
}

static void add_evidence(struct report *r, const json_t *record)
{
	const char *step = json_string_value(json_object_get(record, "step"));
	const char *lost = json_string_value(json_object_get(record, "lost"));
	struct report_item *item = add(r, "evidence", step, 0);
	if (!item)
		return;
	item->name = report_shown(r, record, "name");
	item->sha256 = report_shown(r, record, "sha256");
	item->kept = lost ? REPORT_LOST : REPORT_KEPT;
	r->lost += lost != NULL;
	r->kept += lost == NULL;
	item->note = lost ? report_shown(r, record, "lost") : report_shown(r, record, "summary");
	item->size = json_integer_value(json_object_get(record, "size"));
	item->partial = json_is_true(json_object_get(record, "partial"));
	if (r->error || lost || !run_purged(r->run, item->sha256))
		return;
	free(item->note);
	item->note = kept_note(r, item);
}

struct from {
	struct report *report;
	const struct change *change;
	const char *name;
};

static void add_object(struct from *from, const char *what, const char *name, const char *sha256, bool kept)
{
	struct report *r = from->report;
	struct report_item *item = has(r, what, name, sha256) ? NULL : add(r, what, from->change->step, from->change->id);
	if (!item)
		return;
	item->name = report_safe(r, name);
	item->sha256 = report_safe(r, sha256);
	item->kept = kept ? REPORT_KEPT : REPORT_HASH_ONLY;
	item->note = r->error ? NULL : kept_note(r, item);
}

static int on_process(void *ctx, const struct process_view *p)
{
	struct from *from = ctx;
	if (p->exe_sha256)
		add_object(from, object_word("exe-sha256", NULL), p->exe, p->exe_sha256, p->exe_kept);
	return from->report->error;
}

/* Where the kind itself tells of executables, the bare hash says less. */
static int on_object(void *ctx, const char *sha256, const char *key)
{
	struct from *from = ctx;
	bool always;
	const char *what = object_word(key, &always);
	if (always || !from->change->kind->processes)
		add_object(from, what, from->name, sha256, always);
	return from->report->error;
}

/* What was not touched was not taken into the vault either. */
static bool touched(const struct run_entry *e)
{
	return e->outcome == OUTCOME_DONE || e->outcome == OUTCOME_HELD || e->outcome == OUTCOME_PARTLY ||
	       e->outcome == OUTCOME_UNKNOWN;
}

void report_items(struct report *r)
{
	const json_t *record;
	size_t k;
	json_array_foreach(r->run->records, k, record)
	{
		const char *type = json_string_value(json_object_get(record, "type"));
		if (type && strcmp(type, "evidence") == 0 && !r->error)
			add_evidence(r, record);
	}
	for (size_t i = 0; !r->error && i < r->run->n; i++) {
		const struct run_entry *e = &r->run->entries[i];
		_cleanup_buf_ struct buf name = {0};
		struct from from = {.report = r, .change = e->change};
		if (!touched(e))
			continue;
		if (escape_str(&name, e->change->target) < 0)
			r->error = -ENOMEM;
		from.name = buf_text(&name);
		/* What makes no sense to the kind is left out: there is the rest to tell. */
		if (e->change->kind->processes && e->change->kind->processes(e->change, on_process, &from) == -ENOMEM)
			r->error = -ENOMEM;
		if (change_objects(e->change, on_object, &from) == -ENOMEM)
			r->error = -ENOMEM;
	}
}
