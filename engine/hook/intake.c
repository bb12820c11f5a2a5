/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook/intake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void drop_errand(void *load)
{
	struct errand *errand = load;
	event_free(&errand->event);
	free(errand);
}

void intake_init(struct intake *in, struct hook *hook)
{
	*in = (struct intake){
		.hook = hook,
		.queue = {.runs = 1, .per_rule = 1, .bytes_max = INTAKE_QUEUE_BYTES, .drop = drop_errand},
	};
}

void intake_free(struct intake *in)
{
	for (size_t i = 0; i < in->n_parsers; i++)
		confine_end(&in->parsers[i]);
	queue_free(&in->queue);
	buf_free(&in->unreadable.first);
	buf_free(&in->declined.first);
}

void remark_clear(struct remark *remark)
{
	remark->n = 0;
	buf_reset(&remark->first);
}

static void remark(struct remark *remark, const char *who, const char *why)
{
	if (!remark->n++)
		buf_printf(&remark->first, "%s: %s", who, why);
}

static void note_error(struct intake *in, int r)
{
	if (r < 0 && !in->error)
		in->error = r;
}

static size_t event_bytes(const struct event *event)
{
	size_t bytes = sizeof(struct errand);
	for (size_t i = 0; i < event->n; i++) {
		const struct field *f = &event->v[i];
		bytes += sizeof(*f) + strlen(f->name) + (f->text ? strlen(f->text) : 0);
		for (size_t k = 0; k < f->items.n; k++)
			bytes += sizeof(char *) + strlen(f->items.v[k]) + 16;
	}
	return bytes;
}

/* EVENT is empty afterwards. */
static int queue_event(struct intake *in, struct event *event, const struct decision *d, enum work_kind kind)
{
	struct errand *errand = malloc(sizeof(*errand));
	if (!errand)
		return -ENOMEM;
	*errand = (struct errand){in->hook->source, *event};
	*event = (struct event){0};
	int r = queue_put(&in->queue, d->rule->name, d->binding.key, kind, errand, event_bytes(&errand->event));
	return r < 0 ? r : 0;
}

/* What one of our children is doing is not asked for again, or behind what takes it back; what
 * a program that was killed left open is. */
static bool wanted_again(struct intake *in, const struct event *event, const struct decision *d, bool known)
{
	const struct ledger_key *k = known ? NULL : ledger_find(in->hook->ledger, d->binding.key);
	return known || (k && k->open && hook_verdict(in->hook, event) == EVENT_RUN);
}

/* The ledger knows what has been done; the queue, what is about to be. So an undo whose alert
 * still waits is about something, and an alert behind an undo is not too soon. */
static bool wanted(struct intake *in, const struct event *event, const struct decision *d, enum work_kind *ret)
{
	enum work_kind newest = WORK_DO;
	bool known = d->rule && queue_newest(&in->queue, d->rule->name, d->binding.key, &newest);
	bool undoes = d->verdict == EVENT_UNDO || d->verdict == EVENT_NOTHING_DONE;
	*ret = undoes ? WORK_UNDO : WORK_DO;
	switch (d->verdict) {
	case EVENT_DRY:
	case EVENT_RUN:
	case EVENT_UNDO: return true;
	case EVENT_COOLED: return wanted_again(in, event, d, known);
	case EVENT_NOTHING_DONE: return known;
	default: return false;
	}
}

static int judge(struct intake *in, struct event *event)
{
	_cleanup_decision_ struct decision d = {0};
	enum work_kind kind;
	int r = hook_decide(in->hook, event, &d);
	if (r < 0)
		return r;
	bool waits = wanted(in, event, &d, &kind);
	in->events++;
	if (d.verdict == EVENT_REFUSED || d.verdict == EVENT_LIMITED)
		remark(&in->declined, d.rule->name, buf_text(&d.why));
	r = hook_note(in->hook, event, &d, waits);
	return r == 0 && waits ? queue_event(in, event, &d, kind) : r;
}

static void refuse(struct intake *in, const struct parsed *p)
{
	if (p->error != -EINVAL && p->error != -ETIMEDOUT)
		note_error(in, p->error);
	remark(&in->unreadable, in->hook->source->name, buf_text(&p->why));
	note_error(in, hook_refused(in->hook, 1, buf_text(&p->why)));
}

static struct confined *parser_of(struct intake *in, const struct source *source)
{
	for (size_t i = 0; i < in->n_parsers; i++)
		if (in->parsers[i].source == source)
			return &in->parsers[i];
	if (in->n_parsers == INTAKE_SOURCES)
		return NULL;
	in->parsers[in->n_parsers] = CONFINED_OF(source);
	return &in->parsers[in->n_parsers++];
}

void intake_done(struct intake *in)
{
	struct confined *parser = in->n ? parser_of(in, in->hook->source) : NULL;
	size_t n = in->n;
	in->n = 0;
	if (!parser)
		return;
	memset(in->parsed, 0, n * sizeof(*in->parsed));
	confine_parse_many(parser, in->batch, n, in->parsed);
	for (size_t i = 0; i < n; i++) {
		struct parsed *p = &in->parsed[i];
		if (p->error < 0)
			refuse(in, p);
		for (size_t k = 0; k < p->events.n; k++)
			note_error(in, judge(in, &p->events.v[k]));
	}
	parsed_free(in->parsed, n);
	in->messages += n;
}

void intake_take(struct intake *in, const struct source *source, struct slice message)
{
	if (in->n == CONFINE_MANY || source != in->hook->source)
		intake_done(in);
	in->hook->source = source;
	in->batch[in->n++] = message;
}
