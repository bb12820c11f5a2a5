/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a: to pass over most others without a look at their text. */
static uint64_t hash_of(const char *key)
{
	uint64_t hash = 14695981039346656037ULL;
	for (; *key; key++)
		hash = (hash ^ (unsigned char)*key) * 1099511628211ULL;
	return hash;
}

static struct queue_rule *find_rule(struct queue *queue, const char *name)
{
	struct queue_rule **end = &queue->rules;
	for (; *end; end = &(*end)->next)
		if (strcmp((*end)->name, name) == 0)
			return *end;
	struct queue_rule *rule = calloc(1, sizeof(*rule));
	if (rule && !(rule->name = strdup(name))) {
		free(rule);
		rule = NULL;
	}
	*end = rule;
	return rule;
}

static void forget(struct queue *queue, struct work *work)
{
	struct queue_rule *rule = work->rule;
	*(work->previous ? &work->previous->next : &rule->first) = work->next;
	*(work->next ? &work->next->previous : &rule->last) = work->previous;
	rule->n_waiting -= !work->running;
	queue->n_waiting -= !work->running;
	queue->n_running -= work->running;
	queue->bytes -= work->bytes;
	rule->bytes -= work->bytes;
	queue->drop(work->load);
	free(work->key);
	free(work);
}

static void drop(struct queue *queue, struct work *work)
{
	*(work->kind == WORK_DO ? &work->rule->dropped : &work->rule->dropped_undos) += 1;
	forget(queue, work);
}

static bool same_key(const struct work *a, const struct work *b)
{
	return a->hash == b->hash && strcmp(a->key, b->key) == 0;
}

/* W, or else what was asked for before it of this key. */
static struct work *of_key(struct work *w, const struct work *like)
{
	while (w && !same_key(w, like))
		w = w->previous;
	return w;
}

/* Rule 1: where what is asked for waits or runs as the newest of its key; and where it waits,
 * and so does the opposite behind it, which then need not be done either. */
static struct work *find_same(struct queue *queue, const struct work *work)
{
	struct work *newest = of_key(work->rule->last, work);
	if (!newest || newest->kind == work->kind)
		return newest;
	struct work *before = newest->running ? NULL : of_key(newest->previous, work);
	if (!before || before->running)
		return NULL;
	before->merged += 1 + newest->merged;
	work->rule->merged += 1;
	forget(queue, newest);
	return before;
}

static struct work *newest_alert(const struct queue_rule *rule)
{
	struct work *w = rule->last;
	while (w && (w->running || w->kind != WORK_DO))
		w = w->previous;
	return w;
}

/* Whether its rule then has no more than its share of all the bytes. */
static bool is_fair(const struct queue *queue, const struct work *work)
{
	size_t n = 0;
	for (const struct queue_rule *rule = queue->rules; rule; rule = rule->next)
		n++;
	return work->rule->bytes + work->bytes <= queue->bytes_max / n;
}

/* Rule 4: what gives way to WORK, which does not fit; NULL: nothing does. */
static struct work *dispensable(const struct queue *queue, const struct work *work)
{
	const struct queue_rule *most = work->rule;
	for (const struct queue_rule *rule = queue->rules; rule; rule = rule->next)
		if (rule->bytes > most->bytes)
			most = rule;
	if (work->rule->n_waiting < queue->per_rule && most != work->rule && is_fair(queue, work))
		return newest_alert(most);
	return work->kind == WORK_UNDO ? newest_alert(work->rule) : NULL;
}

static bool fits(const struct queue *queue, const struct work *work)
{
	return work->rule->n_waiting < queue->per_rule && queue->bytes + work->bytes <= queue->bytes_max;
}

static bool make_room(struct queue *queue, const struct work *work)
{
	while (!fits(queue, work)) {
		struct work *other = dispensable(queue, work);
		if (!other)
			return false;
		drop(queue, other);
	}
	return true;
}

static void append(struct queue *queue, struct work *work)
{
	struct queue_rule *rule = work->rule;
	work->previous = rule->last;
	*(rule->last ? &rule->last->next : &rule->first) = work;
	rule->last = work;
	rule->n_waiting++;
	queue->n_waiting++;
	queue->bytes += work->bytes;
	rule->bytes += work->bytes;
}

static enum queue_verdict judge(struct queue *queue, const struct work *work)
{
	struct work *same = find_same(queue, work);
	if (same) {
		same->merged++;
		work->rule->merged++;
		return QUEUE_MERGED;
	}
	if (make_room(queue, work))
		return QUEUE_TAKEN;
	*(work->kind == WORK_DO ? &work->rule->dropped : &work->rule->dropped_undos) += 1;
	return QUEUE_DROPPED;
}

int queue_put(struct queue *queue, const char *rule, const char *key, enum work_kind kind, void *load, size_t bytes)
{
	struct work *work = calloc(1, sizeof(*work));
	int r = -ENOMEM;
	if (work) {
		*work = (struct work){.kind = kind, .load = load, .bytes = bytes + sizeof(*work) + strlen(key),
		                      .hash = hash_of(key), .key = strdup(key), .rule = find_rule(queue, rule)};
		if (work->key && work->rule)
			r = judge(queue, work);
		if (r == QUEUE_TAKEN) {
			append(queue, work);
			return r;
		}
		free(work->key);
		free(work);
	}
	queue->drop(load);
	return r;
}

bool queue_newest(const struct queue *queue, const char *name, const char *key, enum work_kind *ret)
{
	const struct queue_rule *rule = queue->rules;
	const struct work like = {.hash = hash_of(key), .key = (char *)key};
	while (rule && strcmp(rule->name, name) != 0)
		rule = rule->next;
	const struct work *newest = rule ? of_key(rule->last, &like) : NULL;
	if (newest)
		*ret = newest->kind;
	return newest;
}

/* Rule 2: nothing of its key stands before it. */
static bool may_start(const struct work *work)
{
	if (work->running)
		return false;
	for (const struct work *w = work->previous; w; w = w->previous)
		if (same_key(w, work))
			return false;
	return true;
}

static struct work *startable(const struct queue_rule *rule)
{
	struct work *w = rule->n_waiting ? rule->first : NULL;
	while (w && !may_start(w))
		w = w->next;
	return w;
}

struct work *queue_start(struct queue *queue)
{
	if (queue->n_running >= queue->runs || !queue->n_waiting)
		return NULL;
	struct queue_rule *begin = queue->turn && queue->turn->next ? queue->turn->next : queue->rules;
	struct queue_rule *rule = begin;
	do {
		struct work *work = startable(rule);
		if (work) {
			work->running = true;
			rule->n_waiting--;
			queue->n_waiting--;
			queue->n_running++;
			queue->turn = rule;
			return work;
		}
		rule = rule->next ? rule->next : queue->rules;
	} while (rule != begin);
	return NULL;
}

void queue_put_back(struct queue *queue, struct work *work)
{
	work->running = false;
	work->rule->n_waiting++;
	queue->n_waiting++;
	queue->n_running--;
}

void queue_end(struct queue *queue, struct work *work)
{
	forget(queue, work);
}

void queue_drop_waiting(struct queue *queue)
{
	for (struct queue_rule *rule = queue->rules; rule; rule = rule->next)
		for (struct work *w = rule->first, *next; w; w = next) {
			next = w->next;
			if (!w->running)
				drop(queue, w);
		}
}

void queue_free(struct queue *queue)
{
	while (queue->rules) {
		struct queue_rule *rule = queue->rules;
		while (rule->first)
			forget(queue, rule->first);
		queue->rules = rule->next;
		free(rule->name);
		free(rule);
	}
	queue->turn = NULL;
}
