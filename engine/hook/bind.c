/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook/decide.h"

#include "base/clock.h"
#include "base/escape.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_ITEMS 3    /* of a list, for people */
#define TEXT_BYTES 120  /* of a value */

void binding_free(struct binding *b)
{
	for (size_t i = 0; i < b->n; i++)
		strv_free(&b->v[i].items);
	free(b->v);
	free(b->text);
	*b = (struct binding){0};
}

/* The values of a field, as text. */
static int field_items(const struct event *event, const char *name, struct strv *ret, struct buf *why)
{
	const struct field *f = event_field(event, name);
	if (!f) {
		buf_printf(why, "the event has no field '%s'", name);
		return -EINVAL;
	}
	if (f->type == FIELD_LIST)
		return strv_add_all(ret, &f->items);
	if (f->type == FIELD_EMPTY || !*f->text) {
		buf_printf(why, "the field '%s' is empty", name);
		return -EINVAL;
	}
	return strv_add(ret, f->text);
}

static int bind_setting(const struct rule *rule, const struct setting *s, const struct event *event, struct bound *ret,
                        struct buf *why)
{
	_cleanup_strv_ struct strv items = {0};
	int r = 0;
	for (size_t i = 0; r == 0 && i < s->n; i++)
		r = s->v[i].field ? field_items(event, s->v[i].field, &items, why) : strv_add(&items, s->v[i].literal);
	ret->setting = s;
	return r < 0 ? r : input_accept(playbook_input(rule->playbook, s->input), &items, &ret->items, why);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Their order and how often they are there does not make another key of them. */
static int add_to_key(const struct bound *b, struct buf *key)
{
	const char **v = reallocarray(NULL, b->items.n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < b->items.n; i++)
		v[i] = b->items.v[i];
	qsort(v, b->items.n, sizeof(*v), by_text);
	buf_printf(key, "\n%s", b->setting->input);
	for (size_t i = 0; i < b->items.n; i++)
		if (!i || strcmp(v[i], v[i - 1]) != 0)
			buf_printf(key, " %zu:%s", strlen(v[i]), v[i]);
	free(v);
	return buf_error(key);
}

static int by_input(const void *a, const void *b)
{
	const struct bound *const *x = a, *const *y = b;
	return strcmp((*x)->setting->input, (*y)->setting->input);
}

/* (No input is named so.) */
static int add_party(const struct rule *rule, const struct event *event, struct buf *key)
{
	const struct field *f = rule->source->party ? event_field(event, rule->source->party) : NULL;
	return f && f->text ? buf_printf(key, "\n@%s %zu:%s", f->name, strlen(f->text), f->text) : 0;
}

static int make_key(const struct rule *rule, const struct event *event, struct binding *b)
{
	_cleanup_buf_ struct buf text = {0};
	struct sha256 sha;
	const struct bound **v = reallocarray(NULL, b->n + 1, sizeof(*v));
	size_t n = 0;
	int r = v ? buf_puts(&text, rule->name) : -ENOMEM;
	if (r == 0)
		r = add_party(rule, event, &text);
	for (size_t i = 0; v && i < b->n; i++)
		if (b->v[i].setting->key)
			v[n++] = &b->v[i];
	if (v)
		qsort(v, n, sizeof(*v), by_input);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_to_key(v[i], &text);
	free(v);
	if (r < 0)
		return r;
	sha256_bytes(text.data, text.len, &sha);
	memcpy(b->key, sha.hex, LEDGER_KEY_LEN - 1);
	b->key[LEDGER_KEY_LEN - 1] = '\0';
	return 0;
}

/* Not more of it than people want, and not half a character. */
static void add_cut(struct buf *out, const char *text, size_t max)
{
	size_t len = strlen(text), cut = len < max ? len : max;
	while (cut < len && cut && (text[cut] & 0xc0) == 0x80)
		cut--;
	escape_text(out, text, cut);
	if (cut < len)
		buf_puts(out, "...");
}

static void add_item(struct buf *out, enum type type, const char *item)
{
	if (type == TYPE_DURATION)
		span_format(value_ms(item), out);
	else
		add_cut(out, item, TEXT_BYTES);
}

static int make_text(const struct rule *rule, struct binding *b)
{
	_cleanup_buf_ struct buf text = {0};
	for (size_t i = 0; i < b->n; i++) {
		const struct strv *items = &b->v[i].items;
		const struct input *input = playbook_input(rule->playbook, b->v[i].setting->input);
		buf_printf(&text, "%s%s=", i ? "; " : "", input->name);
		for (size_t k = 0; k < items->n && k < TEXT_ITEMS; k++) {
			buf_puts(&text, k ? ", " : "");
			add_item(&text, input->type, items->v[k]);
		}
		if (items->n > TEXT_ITEMS)
			buf_printf(&text, " and %zu more", items->n - TEXT_ITEMS);
	}
	b->text = buf_steal(&text);
	return b->text ? 0 : -ENOMEM;
}

int bind_event(const struct rule *rule, const struct event *event, bool key_only, struct binding *ret,
               struct buf *ret_why)
{
	struct binding b = {.v = calloc(rule->n_settings + 1, sizeof(*b.v))};
	int r = b.v ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && i < rule->n_settings; i++) {
		const struct setting *s = &rule->settings[i];
		if (s->n && (s->key || !key_only))
			r = bind_setting(rule, s, event, &b.v[b.n++], ret_why);
	}
	if (r == 0)
		r = make_key(rule, event, &b);
	if (r == 0)
		r = make_text(rule, &b);
	if (r < 0)
		binding_free(&b);
	else
		*ret = b;
	return r;
}

int binding_apply(const struct binding *binding, const struct rule *rule, struct buf *ret_why)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < binding->n; i++)
		r = playbook_give(rule->playbook, binding->v[i].setting->input, &binding->v[i].items, ret_why);
	return r < 0 ? r : playbook_ready(rule->playbook, ret_why);
}

#define SUMMARY_FIELDS 4
#define SUMMARY_BYTES 60

int event_summary(const struct rule *rule, const struct event *event, struct buf *ret)
{
	size_t n = 0;
	for (size_t i = 0; i < rule->match.n && n < SUMMARY_FIELDS; i++) {
		const struct field *f = event_field(event, rule->match.v[i].field);
		if (!f)
			continue;
		buf_printf(ret, "%s%s=", n++ ? ", " : "", rule->match.v[i].field);
		add_cut(ret, f->type == FIELD_LIST ? f->items.v[0] : f->text, SUMMARY_BYTES);
		if (f->type == FIELD_LIST && f->items.n > 1)
			buf_printf(ret, " and %zu more", f->items.n - 1);
	}
	return buf_error(ret);
}
