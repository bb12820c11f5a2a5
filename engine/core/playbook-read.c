/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/playbook-read.h"

#include "base/escape.h"
#include "core/near.h"
#include "core/reference.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One section that is being read. */
struct reading {
	const struct ini_section *section;
	const struct ini_entry *entries;
	size_t n;
	const struct action *const *actions;
	struct playbook *playbook;
	struct diags *diags;
};

static const char *const playbook_keys[] = {"name", "description", "on-failure", "settle", "confirm", NULL};
static const char *const input_keys[] = {"type", "default", "help", "required", "choices", NULL};
static const char *const step_keys[] = {"action", "when", "on-failure", "confirm", "ttl", NULL};

static const char *const on_failure_words = "stop|continue|rollback";

static bool is_among(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

static void offer_all(struct near *near, const char *const *names)
{
	for (; *names; names++)
		near_offer(near, *names);
}

static const struct ini_entry *entry(const struct reading *r, const char *key)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->entries[i].key, key) == 0)
			return &r->entries[i];
	return NULL;
}

/* "'KEY': WHY" at the entry's line; nothing when WHY is empty. */
static void complain(struct reading *r, const struct ini_entry *e, const struct buf *why)
{
	if (why->len)
		diag_add(r->diags, e->line, "'%s': %s", e->key, buf_text(why));
}

/* Passes -ENOMEM on and takes any other error as one that has been reported. */
static int reported(int r)
{
	return r == -ENOMEM ? r : 0;
}

/* The one normalised value of a key, or NULL: reported. */
static char *simple_value(struct reading *r, const struct ini_entry *e, enum type type, const char *choices)
{
	_cleanup_buf_ struct buf why = {0};
	_cleanup_strv_ struct strv items = {0};
	int error = type_check(type, choices, e->value, &items, &why);
	char *text = error == 0 ? strdup(items.v[0]) : NULL;
	if (error < 0 && error != -ENOMEM)
		complain(r, e, &why);
	else if (!text)
		r->diags->error = -ENOMEM;
	return text;
}

static bool read_on_failure(struct reading *r, enum on_failure *ret)
{
	const struct ini_entry *e = entry(r, "on-failure");
	_cleanup_free_ char *word = e ? simple_value(r, e, TYPE_CHOICE, on_failure_words) : NULL;
	if (!word)
		return false;
	*ret = word[0] == 's' ? ON_FAILURE_STOP : word[0] == 'c' ? ON_FAILURE_CONTINUE : ON_FAILURE_ROLLBACK;
	return true;
}

/* A span of time; *RET stays as it is without the key. */
static void read_duration(struct reading *r, const char *key, int64_t *ret)
{
	const struct ini_entry *e = entry(r, key);
	_cleanup_free_ char *ms = e ? simple_value(r, e, TYPE_DURATION, NULL) : NULL;
	if (ms)
		*ret = value_ms(ms);
}

static void check_keys(struct reading *r, const char *const *keys)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct ini_entry *e = &r->entries[i];
		if (is_among(keys, e->key))
			continue;
		struct near near = {.wanted = e->key};
		_cleanup_buf_ struct buf text = {0};
		offer_all(&near, keys);
		near_print(&near, &text);
		buf_puts(&text, ": it has ");
		for (size_t k = 0; keys[k]; k++)
			buf_printf(&text, "%s%s", k ? ", " : "", keys[k]);
		diag_add(r->diags, e->line, "'%s' is no key of [%s]%s", e->key, r->section->section, buf_text(&text));
	}
}

static int check_name(const char *text)
{
	struct element e = {0};
	int r = strlen(text) <= 40 ? reference_parse(text, strlen(text), &e) : -EINVAL;
	bool good = r == 0 && e.input;
	element_clear(&e);
	return good ? 0 : r == -ENOMEM ? r : -EINVAL;
}

static int read_playbook(struct reading *r)
{
	struct playbook *pb = r->playbook;
	const struct ini_entry *name = entry(r, "name"), *description = entry(r, "description");
	if (r->section->name[0])
		diag_add(r->diags, r->section->line, "[playbook] takes no name: write 'name = %s' below it", r->section->name);
	check_keys(r, playbook_keys);
	int named = name ? check_name(name->value) : 0;
	if (named == -ENOMEM)
		return named;
	if (!name)
		diag_add(r->diags, r->section->line, "[playbook] has no 'name'");
	else if (named < 0)
		diag_add(r->diags, name->line, "'name': a lower-case letter, then lower-case letters, digits and '-', at most 40");
	else if (!pb->name && !(pb->name = strdup(name->value)))
		return -ENOMEM;
	if (description && !pb->description)
		pb->description = simple_value(r, description, TYPE_TEXT, NULL);
	read_on_failure(r, &pb->on_failure);
	read_duration(r, "confirm", &pb->confirm_ms);
	read_duration(r, "settle", &pb->settle_ms);
	return 0;
}

static void read_type(struct reading *r, struct input *input)
{
	const struct ini_entry *e = entry(r, "type");
	if (!e) {
		diag_add(r->diags, input->line, "input '%s' has no 'type'", input->name);
		return;
	}
	if (type_from_name(e->value, &input->type, &input->list) == 0)
		return;
	struct near near = {.wanted = e->value};
	_cleanup_buf_ struct buf text = {0}, value = {0};
	for (unsigned i = 0; i < 2 * TYPE_COUNT_; i++)
		near_offer(&near, type_name((enum type)(i / 2), i % 2));
	near_print(&near, &text);
	escape_str(&value, e->value);
	diag_add(r->diags, e->line, "there is no type '%s'%s: respond-playbook(5) lists them", buf_text(&value),
	         buf_text(&text));
}

static int read_choices(struct reading *r, struct input *input)
{
	const struct ini_entry *e = entry(r, "choices");
	if (e && input->type != TYPE_CHOICE && input->type != TYPE_COUNT_)
		diag_add(r->diags, e->line, "'choices' goes with 'type = choice' and 'type = choice-list' only");
	if (!e && input->type == TYPE_CHOICE) {
		diag_add(r->diags, input->line, "input '%s' is a choice but has no 'choices'", input->name);
		input->type = TYPE_COUNT_;
	}
	if (!e)
		return 0;
	_cleanup_buf_ struct buf why = {0}, joined = {0};
	struct ini_element *words = NULL;
	size_t n = 0;
	int error = ini_split_list(e->value, &words, &n, &why);
	for (size_t i = 0; error == 0 && i < n; i++) {
		error = check_name(words[i].text);
		if (error == -EINVAL) {
			buf_putc(&why, '\'');
			escape_str(&why, words[i].text);
			buf_puts(&why, "' is no choice: a lower-case letter, then lower-case letters, digits and '-'");
		}
		buf_printf(&joined, "%s%s", i ? "|" : "", words[i].text);
	}
	ini_elements_free(words, n);
	if (error < 0) {
		complain(r, e, &why);
		input->type = TYPE_COUNT_;
		return reported(error);
	}
	input->choices = buf_steal(&joined);
	return input->choices ? 0 : -ENOMEM;
}

static int default_items(struct input *input, const char *text, struct strv *ret, struct buf *why)
{
	struct element *v = NULL;
	size_t n = 0;
	int r = elements_parse(text, &v, &n, why);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (element_is_reference(&v[i])) {
			buf_puts(why, "a default cannot refer to anything");
			r = -EINVAL;
		} else {
			r = type_check(input->type, input->choices, v[i].text, ret, why);
		}
	if (r == 0 && n > 1 && !input->list) {
		buf_printf(why, "type %s holds one value, not %zu: put a comma that is part of it in quotes",
		           type_name(input->type, false), n);
		r = -EINVAL;
	}
	elements_free(v, n);
	return r;
}

static int read_default(struct reading *r, struct input *input)
{
	const struct ini_entry *e = entry(r, "default"), *required = entry(r, "required");
	_cleanup_free_ char *yes = required ? simple_value(r, required, TYPE_YES_NO, NULL) : NULL;
	input->required = yes && value_yes(yes);
	if (e && input->required)
		diag_add(r->diags, required->line, "an input that has a default is never missing: leave 'required' out");
	if (input->type == TYPE_COUNT_)
		return 0;
	if (!e) {
		if (!input->list && !input->required)
			diag_add(r->diags, input->line, "input '%s' holds one value: give it a 'default', or 'required = yes'",
			         input->name);
		return 0;
	}
	_cleanup_buf_ struct buf why = {0};
	input->has_value = true;
	if (input->list && !e->value[0])
		return 0;
	int error = default_items(input, e->value, &input->value.items, &why);
	complain(r, e, &why);
	return reported(error);
}

static int read_input(struct reading *r)
{
	struct playbook *pb = r->playbook;
	if (!r->section->name[0]) {
		diag_add(r->diags, r->section->line, "[input] has no name: write [input NAME]");
		return 0;
	}
	struct input *v = reallocarray(pb->inputs, pb->n_inputs + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	pb->inputs = v;
	struct input *input = &v[pb->n_inputs++];
	*input = (struct input){.line = r->section->line, .name = strdup(r->section->name), .type = TYPE_COUNT_};
	if (!input->name)
		return -ENOMEM;
	if (is_among(reference_reserved, input->name))
		diag_add(r->diags, input->line, "an input cannot be named '%s': that is a word of 'when'", input->name);
	check_keys(r, input_keys);
	const struct ini_entry *help = entry(r, "help");
	if (help)
		input->help = simple_value(r, help, TYPE_TEXT, NULL);
	read_type(r, input);
	int error = read_choices(r, input);
	if (error == 0)
		error = read_default(r, input);
	input->value.type = input->type;
	input->value.list = input->list;
	return error;
}

static void read_action(struct reading *r, struct step *step)
{
	const struct ini_entry *e = entry(r, "action");
	if (!e) {
		diag_add(r->diags, step->line, "step '%s' has no 'action': respond --actions lists them", step->name);
		return;
	}
	step->action = action_find(r->actions, e->value);
	if (step->action)
		return;
	struct near near = {.wanted = e->value};
	_cleanup_buf_ struct buf text = {0}, value = {0};
	for (size_t i = 0; r->actions[i]; i++)
		near_offer(&near, r->actions[i]->name);
	near_print(&near, &text);
	escape_str(&value, e->value);
	diag_add(r->diags, e->line, "there is no action '%s'%s: respond --actions lists them", buf_text(&value),
	         buf_text(&text));
}

static void unknown_argument(struct reading *r, const struct step *step, const struct ini_entry *e)
{
	struct near near = {.wanted = e->key};
	_cleanup_buf_ struct buf text = {0};
	offer_all(&near, step_keys);
	for (const struct param *p = step->action->params; p->name; p++)
		near_offer(&near, p->name);
	near_print(&near, &text);
	diag_add(r->diags, e->line, "'%s' is no argument of %s%s: respond --actions %s lists them", e->key,
	         step->action->name, buf_text(&text), step->action->name);
}

static int read_argument(struct reading *r, struct step *step, const struct ini_entry *e)
{
	const struct param *param = action_param(step->action, e->key);
	if (!param) {
		unknown_argument(r, step, e);
		return 0;
	}
	struct argument *v = reallocarray(step->arguments, step->n_arguments + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	step->arguments = v;
	struct argument *argument = &v[step->n_arguments++];
	*argument = (struct argument){.line = e->line, .param = param};

	_cleanup_buf_ struct buf why = {0};
	int error = elements_parse(e->value, &argument->elements, &argument->n, &why);
	complain(r, e, &why);
	return reported(error);
}

/* An action may know better how long its work is to last: its argument goes before the
 * key of every step. */
static bool takes_argument(const struct step *step, const char *key)
{
	return step->action && action_param(step->action, key);
}

static int read_step(struct reading *r)
{
	struct playbook *pb = r->playbook;
	if (!r->section->name[0]) {
		diag_add(r->diags, r->section->line, "[step] has no name: write [step NAME]");
		return 0;
	}
	struct step *v = reallocarray(pb->steps, pb->n_steps + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	pb->steps = v;
	struct step *step = &v[pb->n_steps++];
	*step = (struct step){.line = r->section->line, .name = strdup(r->section->name), .on_failure = pb->on_failure,
	                     .confirm_ms = pb->confirm_ms};
	if (!step->name)
		return -ENOMEM;
	read_action(r, step);
	read_on_failure(r, &step->on_failure);
	read_duration(r, "confirm", &step->confirm_ms);
	if (!takes_argument(step, "ttl"))
		read_duration(r, "ttl", &step->ttl_ms);
	const struct ini_entry *when = entry(r, "when");
	if (when && !(step->when_text = strdup(when->value)))
		return -ENOMEM;
	if (when)
		step->when_line = when->line;
	for (size_t i = 0; i < r->n && step->action; i++) {
		bool own = is_among(step_keys, r->entries[i].key) && !takes_argument(step, r->entries[i].key);
		int error = own ? 0 : read_argument(r, step, &r->entries[i]);
		if (error < 0)
			return error;
	}
	return 0;
}

static const struct {
	const char *name;
	int (*read)(struct reading *r);
} kinds[] = {{"playbook", read_playbook}, {"input", read_input}, {"step", read_step}};

#define N_KINDS (sizeof(kinds) / sizeof(*kinds))

static int read_section(struct reading *r)
{
	struct near near = {.wanted = r->section->section};
	for (size_t i = 0; i < N_KINDS; i++) {
		if (strcmp(kinds[i].name, r->section->section) == 0)
			return kinds[i].read(r);
		near_offer(&near, kinds[i].name);
	}
	_cleanup_buf_ struct buf text = {0};
	near_print(&near, &text);
	diag_add(r->diags, r->section->line, "[%s] is no section of a playbook%s: write [playbook], [input NAME] or [step NAME]",
	         r->section->section, buf_text(&text));
	return 0;
}

/* Reads the sections of one kind: [playbook] first, for its on-failure is the steps' default. */
static int read_sections(const struct ini *ini, struct reading *r, bool playbook)
{
	size_t at = 0;
	for (size_t i = 0; i < ini->n_sections; i++) {
		r->section = &ini->sections[i];
		r->entries = ini->n ? ini->v + at : NULL;
		r->n = 0;
		while (at + r->n < ini->n && ini->v[at + r->n].section_line == r->section->line)
			r->n++;
		at += r->n;
		if ((strcmp(r->section->section, "playbook") == 0) != playbook)
			continue;
		int error = read_section(r);
		if (error < 0)
			return error;
	}
	return 0;
}

int playbook_read(const struct ini *ini, const struct action *const *actions, struct playbook *playbook,
                  struct diags *diags)
{
	struct reading r = {.actions = actions, .playbook = playbook, .diags = diags};
	int error = read_sections(ini, &r, true);
	return error < 0 ? error : read_sections(ini, &r, false);
}
