/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook/decide.h"

#include "base/clock.h"
#include "base/escape.h"

#include <errno.h>
#include <string.h>

const char *event_verdict_word(enum verdict_on_event verdict)
{
	static const char *const words[] = {
		[EVENT_UNMATCHED] = "unmatched", [EVENT_REFUSED] = "refused", [EVENT_COOLED] = "cooled",
		[EVENT_LIMITED] = "limited",     [EVENT_DRY] = "dry-run",     [EVENT_RUN] = "run",
		[EVENT_UNDO] = "undo",           [EVENT_NOTHING_DONE] = "nothing-done",
	};
	return verdict < EVENT_VERDICTS_ ? words[verdict] : "?";
}

void decision_free(struct decision *d)
{
	binding_free(&d->binding);
	buf_free(&d->why);
	*d = (struct decision){0};
}

#define SHOWN_BYTES 80

static void explain_miss(const struct matcher *m, const struct event *event, struct buf *why)
{
	const struct field *f = event_field(event, m->field);
	size_t len = f ? strlen(f->text ? f->text : "") : 0;
	if (!f) {
		buf_printf(why, "the event has no field '%s'", m->field);
	} else if (f->type == FIELD_EMPTY) {
		buf_printf(why, "'%s' is empty", m->field);
	} else if (f->type == FIELD_LIST) {
		buf_printf(why, "none of the %zu in '%s' is %s", f->items.n, m->field, m->text);
	} else {
		while (len > SHOWN_BYTES && (len > SHOWN_BYTES + 4 || (f->text[len] & 0xc0) == 0x80))
			len--;
		buf_printf(why, "'%s' is '", m->field);
		escape_text(why, f->text, len);
		buf_printf(why, "%s', not %s", f->text[len] ? "..." : "", m->text);
	}
}

bool rule_matches(const struct rule *rule, const struct event *event, struct buf *ret_why)
{
	for (size_t i = 0; i < rule->match.n; i++) {
		if (matcher_holds(&rule->match.v[i], event))
			continue;
		if (ret_why)
			explain_miss(&rule->match.v[i], event, ret_why);
		return false;
	}
	return true;
}

static bool is_undo_field(const struct rule *rule, const char *field)
{
	for (size_t i = 0; i < rule->undo.n; i++)
		if (strcmp(rule->undo.v[i].field, field) == 0)
			return true;
	return false;
}

bool rule_undoes(const struct rule *rule, const struct event *event)
{
	for (size_t i = 0; i < rule->undo.n; i++)
		if (!matcher_holds(&rule->undo.v[i], event))
			return false;
	for (size_t i = 0; i < rule->match.n; i++) {
		const struct matcher *m = &rule->match.v[i];
		if (!is_undo_field(rule, m->field) && event_field(event, m->field) && !matcher_holds(m, event))
			return false;
	}
	return rule->undo.n;
}

static int refuse(struct decision *d, int error)
{
	if (error != -EINVAL && error != -ENOENT)
		return error;
	d->verdict = EVENT_REFUSED;
	return buf_error(&d->why);
}

static int decide_undo(const struct rule *rule, const struct event *event, const struct ledger *ledger, int64_t now,
                       struct decision *d)
{
	d->rule = rule;
	int r = bind_event(rule, event, true, &d->binding, &d->why);
	if (r < 0)
		return refuse(d, r);
	const struct ledger_key *k = ledger ? ledger_find(ledger, d->binding.key) : NULL;
	d->verdict = k && ledger_key_lives(k, now) ? EVENT_UNDO : EVENT_NOTHING_DONE;
	return 0;
}

/* A clock that was set back holds nothing up. */
static bool just_now(int64_t at, int64_t span, int64_t now)
{
	return at && at <= now && now - at < span;
}

static int decide_run(const struct rule *rule, const struct event *event, const struct ledger *ledger, int64_t now,
                      struct decision *d)
{
	d->rule = rule;
	int r = bind_event(rule, event, false, &d->binding, &d->why);
	if (r < 0)
		return refuse(d, r);
	const struct ledger_key *k = ledger ? ledger_find(ledger, d->binding.key) : NULL;
	int64_t last = !k ? 0 : rule->enforce ? k->ran : k->shown;
	d->verdict = rule->enforce ? EVENT_RUN : EVENT_DRY;
	if (just_now(last, rule->cooldown_ms, now)) {
		d->verdict = EVENT_COOLED;
		buf_printf(&d->why, "the same was done %lld s ago; again after ", (long long)(now - last) / 1000);
		return span_format(rule->cooldown_ms, &d->why);
	}
	if (ledger && ledger_recent(ledger, rule->name, now - rule->limit_ms, now) >= rule->limit) {
		d->verdict = EVENT_LIMITED;
		buf_printf(&d->why, "the rule has had its %u run%s within ", rule->limit, rule->limit == 1 ? "" : "s");
		return span_format(rule->limit_ms, &d->why);
	}
	if (ledger && !k && !ledger_has_room(ledger)) {
		d->verdict = EVENT_LIMITED;
		return buf_puts(&d->why, "there are more runs in force than can be kept account of");
	}
	return 0;
}

/* Of several rules that would take something back, the first that has something to. */
static int try_undo(const struct rules *rules, const struct source *source, const struct event *event,
                    const struct ledger *ledger, int64_t now, struct decision *ret)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < rules->n; i++) {
		const struct rule *rule = &rules->v[i];
		_cleanup_decision_ struct decision d = {0};
		if (rule->source != source || !rule_undoes(rule, event))
			continue;
		r = decide_undo(rule, event, ledger, now, &d);
		if (r == 0 && (!ret->rule || d.verdict == EVENT_UNDO)) {
			decision_free(ret);
			*ret = d;
			d = (struct decision){0};
		}
		if (ret->verdict == EVENT_UNDO)
			break;
	}
	return r;
}

int decide(const struct rules *rules, const struct source *source, const struct event *event,
           const struct ledger *ledger, int64_t now_ms, struct decision *ret)
{
	struct decision d = {0};
	int r = try_undo(rules, source, event, ledger, now_ms, &d);
	for (size_t i = 0; r == 0 && !d.rule && i < rules->n; i++)
		if (rules->v[i].source == source && rule_matches(&rules->v[i], event, NULL))
			r = decide_run(&rules->v[i], event, ledger, now_ms, &d);
	if (r == 0)
		r = buf_error(&d.why);
	if (r < 0)
		decision_free(&d);
	else
		*ret = d;
	return r;
}
