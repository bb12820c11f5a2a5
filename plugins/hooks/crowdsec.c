/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * CrowdSec: decisions of its Local API, one or an array, a bouncer's stream of new and deleted
 * ones, or alerts with their decisions, as notifications have them. Many decisions that want the
 * same become one event with a list of their values: ten thousand are one transaction. Of a few,
 * each is an event: it is taken back by itself when it is deleted. Simulated ones, which CrowdSec
 * wants nobody to act on, are passed over.
 */
#include "sources.h"

#include "common-fields.h"
#include "durations.h"
#include "hook/flatten.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FEW 20

enum { ORIGIN, SCENARIO, N_SHARED };
static const char *const shared_names[N_SHARED] = {"origin", "scenario"};

/* What decisions have in common that become one event. Texts are the message's. */
struct group {
	bool add;
	const char *type, *scope;
	char duration[DURATION_LEN]; /* "" where none: delete */
	const char *shared[N_SHARED]; /* NULL: they differ, or one has none */
	struct event event;
};

struct groups {
	struct group *v;
	size_t n;
	struct buf *why;
};

static void groups_free(struct groups *groups)
{
	for (size_t i = 0; i < groups->n; i++)
		event_free(&groups->v[i].event);
	free(groups->v);
}

static int refuse(struct groups *groups, const char *sentence)
{
	buf_puts(groups->why, sentence);
	return -EINVAL;
}

static bool same_text(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static bool is_full(const struct group *g)
{
	return event_field(&g->event, "value")->items.n >= EVENT_ITEMS_MAX;
}

/* The group of a decision; a new one where there is none yet. NULL: there are too many. */
static struct group *find_group(struct groups *groups, const struct group *like)
{
	for (size_t i = 0; i < groups->n; i++) {
		struct group *g = &groups->v[i];
		if (g->add == like->add && same_text(g->type, like->type) && same_text(g->scope, like->scope) &&
		    same_text(g->duration, like->duration) && !is_full(g))
			return g;
	}
	struct group *v = groups->n < EVENTS_MAX ? reallocarray(groups->v, groups->n + 1, sizeof(*v)) : NULL;
	if (!v)
		return NULL;
	groups->v = v;
	v[groups->n] = *like;
	return &v[groups->n++];
}

static int add_to_group(struct groups *groups, const json_t *decision, const struct group *like)
{
	const char *value = flatten_text(decision, "value");
	struct group *g = find_group(groups, like);
	if (!g)
		return groups->n < EVENTS_MAX ? -ENOMEM : refuse(groups, "decisions of too many different kinds");
	for (size_t i = 0; i < N_SHARED; i++)
		if (!same_text(g->shared[i], like->shared[i]))
			g->shared[i] = NULL;
	struct slice text = {value, strlen(value)};
	return flatten_refuse(event_add_item(&g->event, "value", text), "value", groups->why);
}

/* What is past is to be taken back, wherever it is found. */
static int read_duration(struct groups *groups, const json_t *decision, struct group *g)
{
	const char *text = flatten_text(decision, "duration");
	uint64_t seconds = 0;
	bool past = false;
	if (!g->add)
		return 0;
	if (!text || duration_read((struct slice){text, strlen(text)}, &seconds, &past) < 0)
		return refuse(groups, "a decision has no \"duration\" such as \"4h\" or \"3h59m51.5s\"");
	g->add = !past;
	if (!past)
		duration_of(seconds, g->duration);
	return 0;
}

static int add_decision(struct groups *groups, const json_t *decision, bool add)
{
	const char *value = flatten_text(decision, "value");
	struct group like = {.add = add, .type = flatten_text(decision, "type"), .scope = flatten_text(decision, "scope")};
	if (!value || !value[0] || !like.type || !like.scope)
		return refuse(groups, "a decision has no \"value\", \"type\" or \"scope\"");
	if (json_is_true(json_object_get(decision, "simulated")))
		return 0;
	for (size_t i = 0; i < N_SHARED; i++)
		like.shared[i] = flatten_text(decision, shared_names[i]);
	int r = read_duration(groups, decision, &like);
	return r < 0 ? r : add_to_group(groups, decision, &like);
}

static int add_list(struct groups *groups, const json_t *list, bool add);

/* A decision, or an alert that has some. */
static int add_element(struct groups *groups, const json_t *element, bool add)
{
	if (!json_is_object(element))
		return refuse(groups, "what should be a decision is no object");
	const json_t *decisions = json_object_get(element, "decisions");
	if (decisions && !json_object_get(element, "value"))
		return add_list(groups, decisions, add);
	return add_decision(groups, element, add);
}

static int add_list(struct groups *groups, const json_t *list, bool add)
{
	size_t i;
	json_t *element;
	int r = 0;
	if (!list || json_is_null(list))
		return 0;
	if (!json_is_array(list))
		return refuse(groups, "what should be a list of decisions is none");
	json_array_foreach(list, i, element)
		if ((r = add_element(groups, element, add)) < 0)
			break;
	return r;
}

static int add_message(struct groups *groups, const json_t *message)
{
	if (!json_is_object(message))
		return add_list(groups, message, true);
	const json_t *new = json_object_get(message, "new"), *deleted = json_object_get(message, "deleted");
	if (!new && !deleted)
		return add_element(groups, message, true);
	/* What expired goes before what came: an address may be in both. */
	int r = add_list(groups, deleted, false);
	return r < 0 ? r : add_list(groups, new, true);
}

/* What the decisions of the group share goes to EVENT, which has the values, and that to RET. */
static int finish(const struct group *g, struct event *event, struct events *ret, struct buf *ret_why)
{
	int r = common_text(event, "action", g->add ? "add" : "delete", ret_why);
	if (r == 0)
		r = common_text(event, "type", g->type, ret_why);
	if (r == 0)
		r = common_text(event, "scope", g->scope, ret_why);
	if (r == 0 && g->duration[0])
		r = common_text(event, "duration", g->duration, ret_why);
	for (size_t i = 0; r == 0 && i < N_SHARED; i++)
		if (g->shared[i])
			r = common_text(event, shared_names[i], g->shared[i], ret_why);
	return r < 0 ? r : events_add(ret, event);
}

static int finish_each(const struct group *g, struct events *ret, struct buf *ret_why)
{
	const struct strv *values = &event_field(&g->event, "value")->items;
	int r = 0;
	for (size_t i = 0; r == 0 && i < values->n; i++) {
		_cleanup_event_ struct event event = {0};
		r = event_add_item(&event, "value", (struct slice){values->v[i], strlen(values->v[i])});
		if (r == 0)
			r = finish(g, &event, ret, ret_why);
	}
	return r;
}

static int finish_all(struct groups *groups, struct events *ret)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < groups->n; i++) {
		struct group *g = &groups->v[i];
		size_t n = event_field(&g->event, "value")->items.n, others = groups->n - i - 1;
		if (n <= FEW && ret->n + n + others <= EVENTS_MAX)
			r = finish_each(g, ret, groups->why);
		else
			r = finish(g, &g->event, ret, groups->why);
	}
	return r;
}

static int parse(struct slice message, struct events *ret, struct buf *ret_why)
{
	_cleanup_json_ json_t *json = NULL;
	_cleanup_events_ struct events events = {0};
	_cleanup_(groups_free) struct groups groups = {.why = ret_why};
	int r = flatten_read(message, &json, ret_why);
	if (r == 0)
		r = add_message(&groups, json);
	if (r == 0)
		r = finish_all(&groups, &events);
	if (r < 0)
		return r;
	*ret = events;
	events = (struct events){0};
	return 0;
}

static const struct source_field fields[] = {
	ACTION_FIELD("add; delete for what is deleted or has expired"),
	{"type", FIELD_TEXT, "ban, captcha, ..."},
	{"scope", FIELD_TEXT, "Ip, Range, ..."},
	{"value", FIELD_LIST, "the addresses, prefixes, ... of all decisions that are alike"},
	{"duration", FIELD_TEXT, "how long they are meant to last, in whole minutes or hours; not for delete"},
	{"origin", FIELD_TEXT, "where all of them are from: crowdsec, cscli, CAPI, lists"},
	{"scenario", FIELD_TEXT, "what all of them are for"},
	{0},
};

const struct source source_crowdsec = {
	.name = "crowdsec",
	.summary = "decisions of CrowdSec, one or a stream",
	.input = INPUT_WHOLE,
	.size_max = 32 * 1024 * 1024,
	.lines = true,
	.fields = fields,
	.closed = true,
	.undo_on = "action = delete",
	.parse = parse,
};
