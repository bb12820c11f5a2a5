/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A file of rules, and an event that they meet: read whole or refused with words; what is decided
 * is said, and whatever a playbook is given is what its input is declared as.
 *
 *     the file
 *     ----
 *     NAME=VALUE      fields of the event, a line each; several of a name are a list
 */
#include "fuzz.h"

#include "base/slice.h"
#include "hook/decide.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int no_plan(struct host *host, const struct args *args, struct plan *plan)
{
	(void)host, (void)args, (void)plan;
	return 0;
}

static const struct param params[] = {{.name = "text", .type = TYPE_TEXT, .flags = PARAM_LIST, .help = "any"}, {0}};
static const struct fact_decl facts[] = {{0}};
static const struct action say = {"test.say", "say", params, facts, no_plan, NULL, false};
static const struct action *const actions[] = {&say, NULL};

static const struct source_field fields[] = {{"ip", FIELD_TEXT, "who"}, {"many", FIELD_LIST, "which"}, {0}};
static const struct source any = {.name = "any", .undo_on = "action = delete, disable"};
static const struct source shut = {.name = "shut", .fields = fields, .closed = true};
static const struct source *const known[] = {&any, &shut, NULL};

#define PLAYBOOK "[playbook]\nname = p\n" \
	"[input address]\ntype = address-list\n[input user]\ntype = user\n[input pid]\ntype = pid\n" \
	"[input path]\ntype = path\n[input glob]\ntype = glob-list\n[input text]\ntype = text-list\n" \
	"[input ttl]\ntype = duration\n[step s]\naction = test.say\ntext = ${text}\n"

static int find(void *ctx, const char *name, struct playbook **ret, struct diags *diags)
{
	(void)ctx, (void)name;
	struct buf bytes = {.data = (char *)PLAYBOOK, .len = sizeof(PLAYBOOK) - 1};
	return playbook_parse("p.pb", &bytes, actions, ret, diags);
}

/* What cannot be a field is left out. */
static void read_event(struct fuzz_input *in, struct event *ret)
{
	while (in->left) {
		char *line = fuzz_line(in), *equals = strchr(line, '=');
		if (equals) {
			*equals = '\0';
			struct slice value = {equals + 1, strlen(equals + 1)};
			if (event_add_text(ret, line, value) == -EEXIST)
				event_add_item(ret, "many", value);
		}
		free(line);
	}
}

static void is_typed(const struct input *input, const struct strv *items)
{
	for (size_t i = 0; i < items->n; i++) {
		_cleanup_strv_ struct strv again = {0};
		_cleanup_buf_ struct buf why = {0};
		MUST(type_check(input->type, input->choices, items->v[i], &again, &why) == 0);
		MUST(strcmp(again.v[0], items->v[i]) == 0);
		MUST(strncmp(items->v[i], "file:", 5) != 0 || input->type == TYPE_TEXT);
	}
	MUST(input->list || items->n == 1);
}

static void is_sound(const struct decision *d)
{
	_cleanup_buf_ struct buf text = {0}, why = {0};
	MUST(fuzz_printable(&d->why, false));
	MUST((d->verdict == EVENT_UNMATCHED) == !d->rule);
	if (!d->rule || d->verdict == EVENT_REFUSED) {
		MUST(!d->rule || d->why.len);
		return;
	}
	MUST(buf_puts(&text, d->binding.text) == 0 && fuzz_printable(&text, false));
	MUST(strlen(d->binding.key) == LEDGER_KEY_LEN - 1);
	for (size_t i = 0; i < d->binding.n; i++)
		is_typed(playbook_input(d->rule->playbook, d->binding.v[i].setting->input), &d->binding.v[i].items);
	MUST(binding_apply(&d->binding, d->rule, &why) == 0);
}

static void meet(const struct rules *rules, const struct source *source, const struct event *event)
{
	_cleanup_decision_ struct decision d = {0};
	MUST(decide(rules, source, event, NULL, 1700000000000, &d) == 0);
	is_sound(&d);
	for (size_t i = 0; i < rules->n; i++) {
		_cleanup_buf_ struct buf why = {0}, summary = {0};
		MUST(rule_matches(&rules->v[i], event, &why) == !why.len);
		MUST(fuzz_printable(&why, false));
		MUST(event_summary(&rules->v[i], event, &summary) == 0 && fuzz_printable(&summary, false));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	_cleanup_buf_ struct buf bytes = fuzz_part(&in), told = {0};
	_cleanup_rules_ struct rules rules = {0};
	_cleanup_event_ struct event event = {0};
	_cleanup_(diags_free) struct diags diags = {.file = strdup("h.conf")};
	int r = rules_parse(&bytes, known, find, NULL, &rules, &diags);
	MUST(r == (diags.n ? -EINVAL : 0));
	MUST(diags_print(&diags, &told) == 0);
	MUST(fuzz_printable(&told, true));
	read_event(&in, &event);
	if (r == 0) {
		meet(&rules, &any, &event);
		meet(&rules, &shut, &event);
	}
	return 0;
}
