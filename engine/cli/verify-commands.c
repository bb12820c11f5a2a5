/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "commands.h"

#include "after-run.h"
#include "authorise.h"
#include "base/escape.h"
#include "core/vault.h"
#include "core/verify.h"
#include "print-json.h"
#include "show.h"

#include <errno.h>
#include <string.h>

static const char *const verdict_words[] = {
	[VERIFY_IN_FORCE] = "in force",
	[VERIFY_DRIFTED] = "drifted",
	[VERIFY_UNKNOWN] = "unknown",
	[VERIFY_DAMAGED] = "damaged",
};

/* Only what is not as it should be: the job that calls this sends mail about it. */
static void print_verification(const struct printer *p, const struct run *run, const struct verification *v)
{
	for (size_t i = 0; i < v->n; i++) {
		const struct verify_item *item = &v->v[i];
		const struct change *c = item->entry->change;
		_cleanup_buf_ struct buf line = {0};
		if (item->verdict == VERIFY_IN_FORCE)
			continue;
		c->kind->describe(c, &line);
		print_styled(p, item->verdict == VERIFY_DRIFTED ? STYLE_YELLOW : STYLE_RED, "%s  %-8s", run->id,
		             verdict_words[item->verdict]);
		print_styled(p, STYLE_PLAIN, " %s: %s", c->step, buf_text(&line));
		print_styled(p, STYLE_DIM, " (%s)\n", item->why);
	}
}

static json_t *json_verification(const struct run *run, const struct verification *v)
{
	json_t *items = json_array();
	for (size_t i = 0; i < v->n; i++) {
		const struct verify_item *item = &v->v[i];
		json_t *o = json_pack("{si ss ss ss so}", "change", (int)item->entry->change->id, "step",
		                      item->entry->change->step, "kind", item->entry->change->kind->name, "state",
		                      verdict_words[item->verdict], "why", item->why ? json_text(item->why) : json_null());
		json_array_append_new(items, o);
	}
	return json_pack("{ss so}", "run", run->id, "changes", items);
}

struct totals {
	size_t runs, in_force, drifted, unknown, damaged;
};

static void print_totals(const struct printer *p, const struct totals *t)
{
	print_styled(p, STYLE_BOLD, "%zu run%s: ", t->runs, t->runs == 1 ? "" : "s");
	print_styled(p, STYLE_GREEN, "%zu change%s in force", t->in_force, t->in_force == 1 ? "" : "s");
	if (t->drifted)
		print_styled(p, STYLE_YELLOW, ", %zu drifted", t->drifted);
	if (t->unknown)
		print_styled(p, STYLE_RED, ", %zu cannot be found out", t->unknown);
	if (t->damaged)
		print_styled(p, STYLE_RED, ", %zu damaged", t->damaged);
	fputs(".\n", p->out);
	if (t->drifted)
		print_styled(p, STYLE_DIM, "To put it in force again: respond --verify --reapply\n");
}

static int totals_status(const struct totals *t)
{
	return t->damaged ? EXIT_DAMAGED : t->unknown ? EXIT_FAILED : t->drifted ? EXIT_PARTLY : EXIT_DONE;
}

static int verify_one(struct session *s, const char *id, json_t *list, struct totals *t)
{
	struct run *run = NULL;
	struct verification v = {0};
	_cleanup_buf_ struct buf why = {0};
	int r = run_load(&s->state, id, s->engine.parts->kinds, &run, &why);
	if (r == 0)
		r = verify_run(&s->engine, run, &v);
	t->runs++;
	if (r < 0) {
		*(run_failed(id, r, &why) == EXIT_DAMAGED ? &t->damaged : &t->unknown) += 1;
		if (s->options->json)
			json_array_append_new(list, json_failure(id, r, &why));
	} else if (s->options->json) {
		json_array_append_new(list, json_verification(run, &v));
	} else {
		print_verification(&s->printer, run, &v);
	}
	t->in_force += v.in_force;
	t->drifted += v.drifted;
	t->unknown += v.unknown;
	t->damaged += v.damaged;
	verification_free(&v);
	run_free(&run);
	return r == -ENOMEM ? r : 0;
}

int command_verify(struct session *s)
{
	_cleanup_strv_ struct strv ids = {0};
	struct totals t = {0};
	int status = session_need_root("verifying");
	if (status == EXIT_DONE)
		status = session_config(s);
	if (status == EXIT_DONE)
		status = session_find_runs(s, &ids);
	if (status != EXIT_DONE)
		return status;
	int r = engine_open_to_read(&s->engine);
	if (r < 0)
		return complain("the vault", strerror(-r));
	json_t *list = json_array();
	for (size_t i = 0; r == 0 && i < ids.n; i++)
		r = verify_one(s, ids.v[i], list, &t);
	status = r < 0 ? complain("verifying", strerror(-r)) : totals_status(&t);
	if (s->options->json)
		put_json(&s->printer, json_pack("{sO si si si si si}", "runs", list, "in-force", (int)t.in_force, "drifted",
		                                (int)t.drifted, "unknown", (int)t.unknown, "damaged", (int)t.damaged, "status",
		                                status));
	else
		print_totals(&s->printer, &t);
	json_decref(list);
	vault_close(&s->host.vault);
	return status;
}

/* ---- reapply -------------------------------------------------------------------------- */

static int reapply_one(struct session *s, const char *id, struct reapply_result *total)
{
	struct writer w;
	struct reapply_result result = {0};
	_cleanup_close_ int lock = -1;
	_cleanup_buf_ struct buf why = {0};
	int r = writer_reopen(&w, &s->engine, id, &lock, &why);
	if (r < 0)
		return run_failed(id, r, &why);
	if (run_open(w.run))
		r = -EBUSY; /* session_notice() has said so */
	else
		r = verify_reapply(&w, operator_record("command"), &result);
	writer_end(&w);
	vault_close(&s->host.vault);
	total->done += result.done;
	total->drifted += result.drifted;
	total->failed += result.failed;
	total->refused += result.refused;
	if (r == -EBUSY)
		buf_puts(&why, "it was interrupted: recover it first");
	return r < 0 ? run_failed(id, r, &why) : EXIT_DONE;
}

static int reapply_status(const struct reapply_result *t)
{
	return t->refused ? EXIT_REFUSED : t->drifted || t->failed ? t->done ? EXIT_PARTLY : EXIT_FAILED : EXIT_DONE;
}

static void print_reapplied(const struct printer *p, const struct reapply_result *t)
{
	if (!(t->done || t->drifted || t->failed || t->refused)) {
		print_styled(p, STYLE_BOLD, "All is in force.\n");
		return;
	}
	print_styled(p, STYLE_GREEN, "%zu put in force again", t->done);
	if (t->drifted)
		print_styled(p, STYLE_YELLOW, ", %zu left alone because somebody changed them since", t->drifted);
	if (t->refused)
		print_styled(p, STYLE_RED, ", %zu refused by the guard", t->refused);
	if (t->failed)
		print_styled(p, STYLE_RED, ", %zu failed", t->failed);
	fputs(".\n", p->out);
}

int command_reapply(struct session *s)
{
	_cleanup_strv_ struct strv ids = {0};
	struct reapply_result t = {0};
	int status = session_prepare(s, "putting changes in force again");
	if (status == EXIT_DONE)
		status = authorise("putting changes in force again");
	if (status == EXIT_DONE)
		status = session_find_runs(s, &ids);
	if (status == EXIT_DONE)
		status = keep_deadlines(s);
	if (status != EXIT_DONE)
		return status;
	for (size_t i = 0; i < ids.n; i++)
		status = worse_status(status, reapply_one(s, ids.v[i], &t));
	status = worse_status(status, reapply_status(&t));
	if (s->options->json)
		return put_json(&s->printer, json_pack("{sO si si si si si}", "outcomes", s->outcomes, "done", (int)t.done,
		                                       "drifted", (int)t.drifted, "failed", (int)t.failed, "refused",
		                                       (int)t.refused, "status", status)), status;
	print_reapplied(&s->printer, &t);
	return status;
}
