/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The data of a unit.command:
 *     unit, verb, why      its name, "restart" or "stop", and why there is no undo
 *     sub                  what it was doing
 *     invocation           which start of it is meant
 *     file, cgroup, with   as for unit.state
 *
 * A later start of the same unit is another invocation: so it can be told whether a
 * restart has happened, whoever asked for it.
 */
#include "change/unit-command.h"

#include "base/clock.h"
#include "base/escape.h"
#include "change/unit-manager.h"
#include "change/unit-state.h"

#include <errno.h>
#include <libaudit.h>
#include <stdlib.h>
#include <string.h>

#define JOB_WAIT_MS 10000 /* for what a killed run had asked for */
#define JOB_POLL_MS 50

int unit_command_plan(struct plan *plan, const char *verb, const struct unit_info *unit, const char *why_final,
                      json_t *with)
{
	json_t *data = json_pack("{so ss ss so so so so so*}", "unit", json_text(unit->id), "verb", verb, "why", why_final, "sub",
	                         json_text(unit->sub), "invocation", json_text(unit->invocation), "file",
	                         json_text(unit->fragment), "cgroup", json_text(unit->cgroup), "with", with);
	return data ? plan_change(plan, &unit_command_kind, unit->id, data, NULL) : -ENOMEM;
}

static const char *text_of(const struct change *c, const char *field)
{
	const char *text = json_string_value(json_object_get(c->data, field));
	return text ? text : "";
}

static bool is_restart(const struct change *c)
{
	return strcmp(text_of(c, "verb"), "restart") == 0;
}

/* BEFORE: the very start of it that was meant is still up. */
static int look(struct host *host, const struct change *c, struct unit_infos *ret, enum change_state *ret_state,
                struct buf *why)
{
	if (!host_runs_systemd(host))
		return -EOPNOTSUPP;
	int r = unit_show(c->target, ret, why);
	if (r < 0)
		return r;
	bool up = unit_is_up(&ret->v[0]), same = strcmp(ret->v[0].invocation, text_of(c, "invocation")) == 0;
	if (is_restart(c))
		*ret_state = !up ? CHANGE_DRIFTED : same ? CHANGE_BEFORE : CHANGE_AFTER;
	else
		*ret_state = !up ? CHANGE_AFTER : same ? CHANGE_BEFORE : CHANGE_DRIFTED;
	return 0;
}

static int probe(struct host *host, const struct change *c, enum change_state *ret)
{
	_cleanup_units_ struct unit_infos infos = {0};
	_cleanup_buf_ struct buf why = {0};
	return look(host, c, &infos, ret, &why);
}

static int apply(struct host *host, struct change *c, struct effect *effect)
{
	_cleanup_units_ struct unit_infos infos = {0};
	enum change_state state;
	int r = look(host, c, &infos, &state, &effect->note);
	if (r < 0 || state == CHANGE_AFTER)
		return r;
	if (state == CHANGE_DRIFTED) {
		buf_puts(&effect->note, is_restart(c) ? "it was stopped meanwhile" : "it was started anew meanwhile");
		return -ESTALE;
	}
	return unit_do(host, text_of(c, "verb"), c->target, &effect->note);
}

/* The manager goes on with a job when the one that asked for it is gone. */
static int settle(struct host *host, const struct change *c, struct effect *effect)
{
	int r = host_runs_systemd(host) ? 0 : -EOPNOTSUPP;
	for (int waited = 0; r == 0 && waited < JOB_WAIT_MS; waited += JOB_POLL_MS) {
		_cleanup_units_ struct unit_infos infos = {0};
		enum change_state state;
		r = look(host, c, &infos, &state, &effect->note);
		if (r < 0 || (strcmp(infos.v[0].active, "deactivating") != 0 && strcmp(infos.v[0].active, "activating") != 0))
			break;
		sleep_ms(JOB_POLL_MS);
	}
	return r;
}

static int describe(const struct change *c, struct buf *ret)
{
	buf_printf(ret, "%s ", text_of(c, "verb"));
	escape_str(ret, c->target);
	return buf_printf(ret, " (%s): %s", text_of(c, "sub"), text_of(c, "why"));
}

static int subjects(const struct change *c, subject_fn visit, void *ctx)
{
	_cleanup_free_ char *file = NULL, *cgroup = NULL;
	if (json_field_text(c->data, "file", &file) < 0 || json_field_text(c->data, "cgroup", &cgroup) < 0)
		return -EBADMSG;
	struct subject s = {.type = SUBJECT_UNIT, .unit = c->target, .path = file[0] ? file : NULL, .cgroup = cgroup};
	int r = visit(ctx, &s);
	return r ? r : unit_visit_carried(json_object_get(c->data, "with"), visit, ctx);
}

const struct change_kind unit_command_kind = {
	.name = "unit.command",
	.mark = '!',
	.flags = CHANGE_IRREVERSIBLE,
	.audit_type = AUDIT_RESP_EXEC,
	.audit_undo_type = AUDIT_RESP_EXEC,
	.probe = probe,
	.apply = apply,
	.settle = settle,
	.describe = describe,
	.subjects = subjects,
};
