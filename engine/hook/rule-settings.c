/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a rule gives to the inputs of its playbook, and which of them are its key.
 */
#include "hook/rule-reading.h"

#include "base/escape.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* "${event.FIELD}": 1 and the field; 0: a literal. */
static int read_reference(const struct ini_element *e, char **ret, struct buf *why)
{
	static const char head[] = "${event.";
	size_t len = strlen(e->text), head_len = sizeof(head) - 1;
	if (e->quoted || !strstr(e->text, "${"))
		return 0;
	if (strncmp(e->text, head, head_len) == 0 && len > head_len + 1 && strcspn(e->text + 2, "${}") + 3 == len &&
	    e->text[len - 1] == '}') {
		*ret = strndup(e->text + head_len, len - head_len - 1);
		return *ret ? 1 : -ENOMEM;
	}
	buf_putc(why, '\'');
	escape_str(why, e->text);
	buf_puts(why, "' is no value: a value is ${event.FIELD} and nothing beside it, or text without '${'");
	return -EINVAL;
}

static int split_setting(const char *text, struct setting *s, bool *ret_refers, struct buf *why)
{
	struct ini_element *v = NULL;
	size_t n = 0;
	int r = ini_split_list(text, &v, &n, why);
	s->v = r == 0 ? calloc(n, sizeof(*s->v)) : NULL;
	if (r == 0 && !s->v)
		r = -ENOMEM;
	for (size_t i = 0; r >= 0 && i < n; i++) {
		struct part_of_setting *part = &s->v[s->n++];
		r = read_reference(&v[i], &part->field, why);
		*ret_refers |= r > 0;
		if (r == 0 && !(part->literal = strdup(v[i].text)))
			r = -ENOMEM;
	}
	ini_elements_free(v, n);
	return r < 0 ? r : 0;
}

static int check_reference(struct reading *r, const struct ini_entry *e, const struct input *input, const char *field,
                           struct buf *why)
{
	const struct source_field *known = r->rule->source ? reading_field(r->rule->source, field) : NULL;
	int error = reading_check_field(r, e, field);
	if (error == 0)
		error = input_open_to_strangers(input, why);
	if (error == 0 && known && known->type == FIELD_LIST && !input->list) {
		buf_printf(why, "'%s' is a list, and the input takes one value", field);
		error = -EINVAL;
	}
	return error;
}

/* What is literal is as if the operator had said --set; the rest is there when an event is. */
static int fill_setting(struct reading *r, const struct ini_entry *e, const struct input *input, struct setting *s,
                        struct buf *why)
{
	bool refers = false;
	int error = split_setting(e->value, s, &refers, why);
	if (error == 0 && !refers) {
		setting_free(s);
		*s = (struct setting){.line = e->line, .input = strdup(input->name)};
		return s->input ? playbook_set(r->rule->playbook, input->name, e->value, why) : -ENOMEM;
	}
	for (size_t i = 0; error == 0 && i < s->n; i++) {
		_cleanup_strv_ struct strv one = {0}, spelt = {0};
		if (s->v[i].field)
			error = check_reference(r, e, input, s->v[i].field, why);
		else if ((error = strv_add(&one, s->v[i].literal)) == 0)
			error = type_check(input->type, input->choices, one.v[0], &spelt, why);
	}
	if (error == 0 && s->n > 1 && !input->list) {
		buf_puts(why, "the input takes one value");
		error = -EINVAL;
	}
	return error;
}

static int read_setting(struct reading *r, const struct ini_entry *e, const char *name)
{
	_cleanup_buf_ struct buf why = {0};
	const struct input *input = playbook_input(r->rule->playbook, name);
	if (!input)
		return reading_wrong(r, e, playbook_unknown_input(r->rule->playbook, name, &why), &why);
	struct setting *v = reallocarray(r->rule->settings, r->rule->n_settings + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	r->rule->settings = v;
	struct setting *s = &v[r->rule->n_settings++];
	*s = (struct setting){.line = e->line, .input = strdup(name)};
	int error = s->input ? fill_setting(r, e, input, s, &why) : -ENOMEM;
	return error < 0 ? reading_wrong(r, e, error, &why) : 0;
}

static bool is_set(const struct rule *rule, const char *input)
{
	for (size_t i = 0; i < rule->n_settings; i++)
		if (strcmp(rule->settings[i].input, input) == 0)
			return true;
	return false;
}

static int check_required(struct reading *r)
{
	const struct playbook *pb = r->rule->playbook;
	for (size_t i = 0; i < pb->n_inputs; i++) {
		const struct input *input = &pb->inputs[i];
		if (!input->required || input->has_value || is_set(r->rule, input->name))
			continue;
		int error = diag_add(r->diags, r->section->line, "playbook '%s' requires the input '%s': add set %s = "
		                     "${event.FIELD}", pb->name ? pb->name : pb->file, input->name, input->name);
		if (error < 0)
			return error;
	}
	return 0;
}

int reading_settings(struct reading *r)
{
	int error = 0;
	for (size_t i = 0; error == 0 && i < r->n; i++) {
		const char *name = reading_about(r->entries[i].key, "set");
		error = name ? read_setting(r, &r->entries[i], name) : 0;
	}
	return error < 0 ? error : check_required(r);
}

/* By which inputs runs are told from each other: all that come from the event, or those that
 * "key" names. */
int reading_key(struct reading *r)
{
	const struct ini_entry *e = reading_entry(r, "key");
	struct rule *rule = r->rule;
	_cleanup_buf_ struct buf why = {0};
	struct ini_element *v = NULL;
	size_t n = 0;
	int error = e ? ini_split_list(e->value, &v, &n, &why) : 0;
	for (size_t s = 0; s < rule->n_settings; s++)
		rule->settings[s].key = !e && rule->settings[s].n;
	for (size_t i = 0; error == 0 && i < n; i++) {
		bool found = false;
		for (size_t s = 0; s < rule->n_settings; s++)
			if (rule->settings[s].n && strcmp(rule->settings[s].input, v[i].text) == 0)
				found = rule->settings[s].key = true;
		if (found)
			continue;
		buf_putc(&why, '\'');
		escape_str(&why, v[i].text);
		buf_puts(&why, "' is no input that this rule sets from the event");
		error = -EINVAL;
	}
	ini_elements_free(v, n);
	return error < 0 ? reading_wrong(r, e, error, &why) : 0;
}
