/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is to be done about an event: given the rules, the event, what was done before and the
 * time, nothing else. Reads no file and alters nothing.
 */
#ifndef RESPOND_HOOK_DECIDE_H
#define RESPOND_HOOK_DECIDE_H

#include "hook/ledger.h"
#include "hook/rule.h"

/* The values that a rule takes from an event, typed as the playbook's inputs are. */
struct bound {
	const struct setting *setting;
	struct strv items;
};

struct binding {
	struct bound *v; /* not those that are all literal */
	size_t n;
	char key[LEDGER_KEY_LEN]; /* the rule, and the values of those that are its key */
	char *text;               /* "address=203.0.113.9", for people; escaped */
};

/* KEY_ONLY: only what tells the runs of the rule apart, which is all that taking one back needs.
 * -EINVAL with a sentence in RET_WHY: a field is missing or empty, or not what the input is. */
int bind_event(const struct rule *rule, const struct event *event, bool key_only, struct binding *ret,
               struct buf *ret_why);
void binding_free(struct binding *binding);

/* Gives the rule's playbook those values. */
int binding_apply(const struct binding *binding, const struct rule *rule, struct buf *ret_why);

enum verdict_on_event {
	EVENT_UNMATCHED,    /* no rule of the source wants it */
	EVENT_REFUSED,      /* a rule does, and cannot take its values from it */
	EVENT_COOLED,       /* the same was done a moment ago */
	EVENT_LIMITED,      /* the rule has had its runs for now */
	EVENT_DRY,          /* to be planned, and no more */
	EVENT_RUN,
	EVENT_UNDO,         /* the runs of its key are to be taken back */
	EVENT_NOTHING_DONE, /* there are none, or not any more */
	EVENT_VERDICTS_,
};

const char *event_verdict_word(enum verdict_on_event verdict); /* "unmatched", "refused", ... */

struct decision {
	enum verdict_on_event verdict;
	const struct rule *rule; /* NULL: unmatched */
	struct binding binding;
	struct buf why;          /* of what is refused, cooled or limited; escaped */
};

int decide(const struct rules *rules, const struct source *source, const struct event *event,
           const struct ledger *ledger, int64_t now_ms, struct decision *ret);
void decision_free(struct decision *decision);
#define _cleanup_decision_ _cleanup_(decision_free)

/* Whether the rule wants the event; if not, RET_WHY (may be NULL) says in a few words why. */
bool rule_matches(const struct rule *rule, const struct event *event, struct buf *ret_why);

/* The same for taking back. A field that the event lacks does not speak against it: which run it
 * is about, its values say. */
bool rule_undoes(const struct rule *rule, const struct event *event);

/* What of the event the rule went by: "rule.level=10, action=add", cut; escaped. */
int event_summary(const struct rule *rule, const struct event *event, struct buf *ret);

#endif
