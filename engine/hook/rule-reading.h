/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For rule-read.c and rule-settings.c: a section that is being read. What is wrong goes to the
 * diags; the functions answer 0 all the same, and only -ENOMEM ends the reading.
 */
#ifndef RESPOND_HOOK_RULE_READING_H
#define RESPOND_HOOK_RULE_READING_H

#include "core/ini.h"
#include "hook/rule.h"

struct reading {
	const struct ini_section *section;
	const struct ini_entry *entries; /* of the section */
	size_t n;
	const struct source *const *known;
	find_playbook_fn *find;
	void *ctx;
	struct rule *rule;
	struct diags *diags;
};

const struct ini_entry *reading_entry(const struct reading *r, const char *key); /* NULL: there is none */

/* Of "match rule.level" what follows WORD; NULL: it is another key, or the word alone. */
const char *reading_about(const char *key, const char *word);

/* Tells WHY of an entry; passes -ENOMEM on. */
int reading_wrong(struct reading *r, const struct ini_entry *e, int error, const struct buf *why);

/* What the source says of a field; NULL: nothing. */
const struct source_field *reading_field(const struct source *source, const char *name);

/* Tells it where events of the rule's source cannot have FIELD. */
int reading_check_field(struct reading *r, const struct ini_entry *e, const char *field);

/* "set" and "key", once the rule has its source and its playbook. */
int reading_settings(struct reading *r);
int reading_key(struct reading *r);

void setting_free(struct setting *setting);

#endif
