/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rule-stage.h"

#include "fake-actions.h"

#include <errno.h>
#include <string.h>

static const struct source_field shut_fields[] = {
	{"ip", FIELD_TEXT, "who"}, {"many", FIELD_LIST, "which"}, {"action", FIELD_TEXT, "what"}, {0}};
const struct source open_source = {.name = "open", .undo_on = "action = delete, disable"};
const struct source shut_source = {.name = "shut", .fields = shut_fields, .closed = true};
const struct source jails_source = {.name = "jails", .party = "jail", .undo_on = "action = unban"};
static const struct source *const known[] = {&open_source, &shut_source, &jails_source, NULL};

#define BLOCK "[playbook]\nname = block\n" \
	"[input address]\ntype = address-list\nrequired = yes\n" \
	"[input ttl]\ntype = duration\ndefault = 1h\n" \
	"[input who]\ntype = user\ndefault = nobody\n" \
	"[input paths]\ntype = glob-list\n" \
	"[step block]\naction = net.block\naddress = ${address}\nttl = ${ttl}\nnote = ${who}\n" \
	"[step move]\naction = file.move\npath = ${paths}\n"

static int find(void *ctx, const char *name, struct playbook **ret, struct diags *diags)
{
	(void)ctx;
	struct buf bytes = {.data = (char *)BLOCK, .len = strlen(BLOCK)};
	if (strcmp(name, "block.pb") == 0)
		return playbook_parse("block.pb", &bytes, fake_actions, ret, diags);
	diags->file = strdup(name);
	diag_add(diags, 3, "it is on fire");
	return -EINVAL;
}

int parse(const char *text, struct rules *ret, struct buf *ret_said)
{
	struct buf bytes = {.data = (char *)text, .len = strlen(text)};
	_cleanup_(diags_free) struct diags diags = {.file = strdup("h.conf")};
	int r = rules_parse(&bytes, known, find, NULL, ret, &diags);
	assert_int_equal(diags_print(&diags, ret_said), 0);
	return r;
}

void read_right(const char *text, struct rules *ret)
{
	_cleanup_buf_ struct buf said = {0};
	int r = parse(text, ret, &said);
	assert_string_equal(buf_text(&said), "");
	assert_int_equal(r, 0);
}
