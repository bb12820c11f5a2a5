/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake-actions.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct param kill_params[] = {
	{"name", TYPE_NAME, PARAM_LIST | PARAM_MATCHER, NULL, NULL, "names"},
	{"exe", TYPE_GLOB, PARAM_LIST | PARAM_MATCHER, NULL, NULL, "executables"},
	{"cmdline", TYPE_TEXT, PARAM_LIST | PARAM_MATCHER, NULL, NULL, "texts"},
	{"user", TYPE_USER, PARAM_LIST | PARAM_MATCHER, NULL, NULL, "users"},
	{"connects-to", TYPE_ENDPOINT, PARAM_LIST | PARAM_MATCHER, NULL, NULL, "peers"},
	{"cpu-above", TYPE_PERCENT, PARAM_MATCHER, NULL, NULL, "percent"},
	{"tree", TYPE_YES_NO, 0, "yes", NULL, "descendants too"},
	{0},
};

static const struct fact_decl kill_facts[] = {
	{"pid", TYPE_PID, "ids"},          {"exe", TYPE_PATH, "executables"}, {"user", TYPE_USER, "users"},
	{"peer", TYPE_ADDRESS, "peers"},   {"count", TYPE_NUMBER, "how many"}, {0},
};

static const struct param block_params[] = {
	{"address", TYPE_ADDRESS, PARAM_LIST | PARAM_REQUIRED, NULL, NULL, "what to block"},
	{"direction", TYPE_CHOICE, PARAM_LIST, "in, out, forward", "in|out|forward", "which way"},
	{"port", TYPE_PORT, PARAM_LIST, NULL, NULL, "only these"},
	{"ttl", TYPE_DURATION, 0, NULL, NULL, "how long"},
	{"note", TYPE_TEXT, 0, NULL, NULL, "a remark"},
	{0},
};

static const struct fact_decl block_facts[] = {
	{"address", TYPE_ADDRESS, "blocked"},
	{"count", TYPE_NUMBER, "how many"},
	{0},
};

static const struct param move_params[] = {
	{"path", TYPE_GLOB, PARAM_LIST | PARAM_REQUIRED, NULL, NULL, "files"},
	{"missing", TYPE_CHOICE, 0, "ok", "ok|fail", "when it is not there"},
	{"sha256", TYPE_SHA256, 0, NULL, NULL, "only with this hash"},
	{"limit", TYPE_NUMBER, 0, NULL, NULL, "at most"},
	{0},
};

static const struct fact_decl no_facts[] = {{0}};

static int no_plan(struct host *host, const struct args *args, struct plan *plan)
{
	(void)host, (void)args, (void)plan;
	return 0;
}

static const struct action process_kill = {"process.kill", "end processes", kill_params, kill_facts, no_plan, NULL, false};
static const struct action net_block = {"net.block", "cut addresses off", block_params, block_facts, no_plan, NULL, false};
static const struct action file_move = {"file.move", "take files away", move_params, no_facts, no_plan, NULL, false};

const struct action *const fake_actions[] = {&process_kill, &net_block, &file_move, NULL};

struct playbook *fake_playbook(const char *text, struct buf *ret_diags)
{
	struct playbook *playbook = NULL;
	struct diags diags = {0};
	_cleanup_buf_ struct buf bytes = {0};
	buf_puts(&bytes, text);
	int r = playbook_parse("x.pb", &bytes, fake_actions, &playbook, &diags);
	assert_int_equal(diags_print(&diags, ret_diags), 0);
	assert_int_equal(r, diags.n ? -EINVAL : 0);
	assert_int_equal(!playbook, r < 0);
	diags_free(&diags);
	return playbook;
}
