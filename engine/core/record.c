/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/record.h"

#include "base/escape.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The time now, RFC 3339 with the local zone's offset. */
static void time_text(char ret[40])
{
	struct timespec now;
	struct tm local;
	char zone[8], date[20];
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &local);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &local);
	strftime(zone, sizeof(zone), "%z", &local);
	unsigned ms = (unsigned)(now.tv_nsec / 1000000) % 1000;
	snprintf(ret, 40, "%.19s.%03u%.3s:%.2s", date, ms, zone, zone + 3);
}

int record_time(const json_t *record, int64_t *ret)
{
	const char *text = json_string_value(json_object_get(record, "time"));
	struct tm tm = {0};
	int hours, minutes;
	char sign;
	const char *zone = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	zone = zone ? zone + strspn(zone, ".0123456789") : NULL;
	if (!zone || sscanf(zone, "%c%2d:%2d", &sign, &hours, &minutes) != 3 || !strchr("+-", sign))
		return -EBADMSG;
	int64_t offset = (hours * 60 + minutes) * 60;
	*ret = (int64_t)timegm(&tm) - (sign == '-' ? -offset : offset);
	return 0;
}

json_t *record_new(const char *type, json_t *fields)
{
	char now[40];
	time_text(now);
	json_t *record = fields ? json_pack("{ss ss}", "type", type, "time", now) : NULL;
	if (record && json_object_update(record, fields) < 0) {
		json_decref(record);
		record = NULL;
	}
	json_decref(fields);
	return record;
}

static json_t *text_list(const struct strv *list)
{
	json_t *array = json_array();
	for (size_t i = 0; array && i < list->n; i++)
		json_array_append_new(array, json_text(list->v[i]));
	return array;
}

static json_t *host_name(void)
{
	char name[256] = "";
	gethostname(name, sizeof(name) - 1);
	return json_text(name);
}

static json_t *inputs(const struct playbook *playbook)
{
	json_t *object = json_object();
	for (size_t i = 0; object && i < playbook->n_inputs; i++)
		json_object_set_new(object, playbook->inputs[i].name, text_list(&playbook->inputs[i].value.items));
	return object;
}

/* Those that found nothing to do, too: a report is made when the playbook is gone. */
static json_t *steps(const struct playbook *playbook)
{
	json_t *list = json_array();
	for (size_t i = 0; list && i < playbook->n_steps; i++)
		json_array_append_new(list, json_pack("{ss ss}", "step", playbook->steps[i].name, "action",
		                                      playbook->steps[i].action->name));
	return list;
}

json_t *record_run(const struct journal_key *key, const struct playbook *p, const struct strv *allow,
                   json_t *operator)
{
	return record_new("run", json_pack("{si ss ss ss so so so so ss so so so sO}", "format", 2, "version",
	                                   PACKAGE_VERSION, "run", key->run, "key", key->host, "host", host_name(),
	                                   "playbook", json_text(p->name ? p->name : p->file), "description",
	                                   json_text(p->description ? p->description : ""), "file", json_text(p->path),
	                                   "sha256", p->sha256.hex, "inputs", inputs(p), "steps", steps(p), "allow",
	                                   text_list(allow), "operator", operator));
}

json_t *record_round(unsigned number)
{
	return record_new("round", json_pack("{si}", "round", (int)number));
}

json_t *record_refused(const struct change *c, const char *rule, const char *why)
{
	json_t *fields = json_pack("{ss so}", "rule", rule, "why", json_text(why));
	if (c && fields && json_object_update_new(fields, json_pack("{ss ss so}", "step", c->step, "kind", c->kind->name,
	                                                            "target", json_text(c->target))) < 0) {
		json_decref(fields);
		return NULL;
	}
	return record_new("refused", fields);
}

static json_t *blob_list(const struct change *c)
{
	json_t *list = json_array();
	for (size_t i = 0; list && i < c->n_blobs; i++)
		json_array_append_new(list, json_string(c->blobs[i].sha256.hex));
	return list;
}

static int add_time(json_t *fields, const char *name, int64_t at)
{
	return at ? json_object_set_new(fields, name, json_integer(at)) : 0;
}

json_t *record_intent(const struct change *c)
{
	json_t *fields = json_pack("{si ss ss so sb ss? so sO}", "change", (int)c->id, "kind", c->kind->name, "step",
	                           c->step, "target", json_text(c->target), "held", c->held, "service", c->service,
	                           "blobs", blob_list(c), "data", c->data);
	if (fields && (add_time(fields, "confirm-by", c->deadlines.confirm) < 0 ||
	               add_time(fields, "ttl-until", c->deadlines.ttl) < 0)) {
		json_decref(fields);
		fields = NULL;
	}
	return record_new("intent", fields);
}

/* What is journaled ahead of a change has its room laid out: notes have a limit. */
#define NOTE_MAX 480

static json_t *note_text(const char *note)
{
	size_t len = strlen(note);
	_cleanup_buf_ struct buf cut = {0};
	if (len <= NOTE_MAX)
		return json_text(note);
	for (len = NOTE_MAX; len && (note[len] & 0xc0) == 0x80;)
		len--;
	buf_add(&cut, note, len);
	return buf_puts(&cut, "...") < 0 ? NULL : json_text(cut.data);
}

/* Text that is escaped already, but not trusted to be. */
static json_t *safe_text(const char *text)
{
	_cleanup_buf_ struct buf safe = {0};
	return escape_controls(&safe, text, strlen(text)) < 0 ? NULL : json_string(buf_text(&safe));
}

static json_t *result(const char *type, unsigned change, const char *word, const char *note)
{
	return record_new(type, json_pack("{si ss so}", "change", (int)change, "result", word, "note", note_text(note)));
}

json_t *record_outcome(unsigned change, enum outcome outcome, const char *note)
{
	return result("outcome", change, outcome_word(outcome), note);
}

json_t *record_reapplied(unsigned change, enum outcome outcome, const char *note)
{
	return result("reapplied", change, outcome_word(outcome), note);
}

json_t *record_evidence(const struct evidence *e, const struct sha256 *sha256)
{
	return record_new("evidence", json_pack("{ss ss ss* ss* sI sb so}", "step", e->step, "name", e->name, "sha256",
	                                        sha256 ? sha256->hex : NULL, "lost", sha256 ? NULL : e->lost, "size",
	                                        (json_int_t)e->size, "partial", e->partial, "summary",
	                                        safe_text(e->summary)));
}

json_t *record_rollback(json_t *operator, const struct undo_scope *scope, const struct strv *allow)
{
	json_t *fields = json_pack("{so ss? so}", "operator", operator, "step", scope->step, "allow", text_list(allow));
	if (fields && add_time(fields, "due", scope->due) < 0) {
		json_decref(fields);
		fields = NULL;
	}
	return record_new("undo", fields);
}

json_t *record_purged(const struct strv *objects, json_t *operator)
{
	return record_new("purged", json_pack("{so so}", "objects", text_list(objects), "operator", operator));
}

json_t *record_undo(unsigned change, enum undo undo, const char *note)
{
	return result("undone", change, undo_word(undo), note);
}
