/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "commands.h"

#include "after-run.h"
#include "authorise.h"
#include "base/escape.h"
#include "core/recover.h"
#include "core/vault.h"
#include "print-json.h"
#include "show.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --set NAME=VALUE, each, and whether all that is required is there. */
static int set_inputs(struct playbook *playbook, const struct strv *set)
{
	int status = EXIT_DONE;
	for (size_t i = 0; i < set->n; i++) {
		_cleanup_buf_ struct buf why = {0};
		char *equals = strchr(set->v[i], '=');
		if (!equals) {
			fprintf(stderr, "respond: --set takes NAME=VALUE\n");
			return EXIT_USAGE;
		}
		*equals = '\0';
		int r = playbook_set(playbook, set->v[i], equals + 1, &why);
		if (r < 0) {
			fprintf(stderr, "respond: --set %s: %s\n", set->v[i], reason(&why, r));
			status = EXIT_USAGE;
		}
		*equals = '=';
	}
	_cleanup_buf_ struct buf why = {0};
	int r = status == EXIT_DONE ? playbook_ready(playbook, &why) : 0;
	if (r < 0) {
		fprintf(stderr, "%s: %s\n", playbook->file, reason(&why, r));
		status = EXIT_USAGE;
	}
	return status;
}

static int prepare(struct session *s, struct playbook **ret)
{
	int status = session_config(s);
	if (status == EXIT_DONE)
		status = session_playbook(s, ret);
	if (status == EXIT_DONE)
		status = set_inputs(*ret, &s->options->set);
	return status == EXIT_DONE ? session_guard(s) : status;
}

static int plan_status(const struct round *round)
{
	if (round_count_refused(round))
		return EXIT_REFUSED;
	if (round_count_failed(round))
		return EXIT_FAILED;
	if (round_count_pending(round))
		return EXIT_PENDING;
	return round_count_residual(round) ? EXIT_PARTLY : EXIT_DONE;
}

int command_plan(struct session *s)
{
	struct playbook *playbook = NULL;
	struct facts *facts = NULL;
	struct round *round = NULL;
	int status = prepare(s, &playbook);
	if (status == EXIT_DONE) {
		if (geteuid() != 0)
			host_blind(&s->host, "respond is not running as root: what only root may read is missing here");
		int r = facts_new(&facts);
		s->engine.confirm_ms = s->options->confirm_ms;
		if (r == 0)
			r = round_plan(&s->engine, playbook, facts, &round);
		status = r < 0 ? complain("planning", strerror(-r)) : quota_status(s, round, plan_status(round));
	}
	if (round && s->options->json) {
		put_json(&s->printer, json_plan(playbook, round, &s->host, status));
	} else if (round) {
		print_styled(&s->printer, STYLE_DIM, "Dry run of %s: nothing is changed.\n\n", playbook->file);
		print_round(&s->printer, round);
		print_blind(&s->printer, &s->host);
		print_plan_summary(&s->printer, round, &s->host);
	}
	round_free(&round);
	facts_free(&facts);
	playbook_free(&playbook);
	return status;
}

static int run_failure(int r, const struct buf *why)
{
	complain("the run could not go on", why->len ? why->data : strerror(-r));
	return r == -ENOTSUP ? EXIT_REFUSED : EXIT_FAILED;
}

int command_run(struct session *s)
{
	struct playbook *playbook = NULL;
	struct run_result result = {0};
	int status = session_need_root("a run, but not its --dry-run,");
	if (status == EXIT_DONE)
		status = authorise("a run");
	if (status == EXIT_DONE)
		status = prepare(s, &playbook);
	if (status == EXIT_DONE)
		status = keep_deadlines(s);
	if (status == EXIT_DONE) {
		_cleanup_buf_ struct buf why = {0};
		heed_signals();
		s->engine.confirm_ms = s->options->confirm_ms;
		int r = runner_run(&s->engine, playbook, operator_record("command"), &result, &why);
		status = r < 0 ? run_failure(r, &why) : result.status;
		if (s->options->json)
			put_json(&s->printer, json_pack("{sO sO so}", "rounds", s->rounds, "outcomes", s->outcomes,
			                                "result", json_result(&result)));
		else if (r == 0)
			print_result(&s->printer, &result);
		if (r < 0 && result.id[0])
			fprintf(stderr, "respond: run %s did not end; respond --show %s tells how far it came\n",
			        result.id, result.id);
	}
	run_result_free(&result);
	playbook_free(&playbook);
	return status;
}

static bool run_has_step(const struct run *run, const char *step)
{
	for (size_t i = 0; i < run->n; i++)
		if (strcmp(run->entries[i].change->step, step) == 0)
			return true;
	return false;
}

static int check_step(const struct run *run, const char *step)
{
	if (!step || run_has_step(run, step))
		return EXIT_DONE;
	fprintf(stderr, "respond: run %s has no change of that step; respond --show %s lists its changes\n", run->id,
	        run->id);
	return EXIT_USAGE;
}

/* What a rollback would come to, but for the changes that are still pending. */
static int undo_plan_status(const struct undo_plan *plan)
{
	int status = plan->n ? EXIT_PENDING : EXIT_DONE;
	for (size_t i = 0; i < plan->n; i++) {
		if (plan->v[i].expect == UNDO_REFUSED)
			return EXIT_REFUSED;
		if (plan->v[i].expect != UNDO_DONE && plan->v[i].expect != UNDO_KEPT)
			status = EXIT_PARTLY;
	}
	return status;
}

int command_rollback_plan(struct session *s)
{
	char id[RUN_ID_LEN];
	struct run *run = NULL;
	struct undo_plan plan = {0};
	_cleanup_buf_ struct buf why = {0};
	int status = session_find_run(s, id);
	if (status == EXIT_DONE)
		status = session_config(s);
	if (status == EXIT_DONE)
		status = session_guard(s);
	if (status != EXIT_DONE)
		return status;
	int r = run_load(&s->state, id, s->engine.parts->kinds, &run, &why);
	if (r == 0)
		r = engine_open_to_read(&s->engine);
	if (r == 0 && (status = check_step(run, s->options->step)) == EXIT_DONE)
		r = rollback_plan(&s->engine, run, &(struct undo_scope){.step = (char *)s->options->step}, &plan);
	if (r < 0)
		status = run_failed(id, r, &why);
	if (r == 0 && status == EXIT_DONE) {
		if (s->options->json)
			put_json(&s->printer, json_undo_plan(&plan));
		else
			print_undo_plan(&s->printer, &plan);
		status = undo_plan_status(&plan);
	}
	undo_plan_free(&plan);
	vault_close(&s->host.vault);
	run_free(&run);
	return status;
}

static int rollback(struct session *s, const char *id)
{
	struct writer writer;
	struct undo_result result = {0};
	_cleanup_close_ int lock = -1;
	_cleanup_buf_ struct buf why = {0};
	struct undo_scope scope = {.step = (char *)s->options->step};
	int r = writer_reopen(&writer, &s->engine, id, &lock, &why);
	if (r < 0)
		return run_failed(id, r, &why);
	int status = check_step(writer.run, s->options->step);
	if (status == EXIT_DONE) {
		r = recover_rollback(&writer, &scope, operator_record("command"), &result);
		status = r < 0 ? run_failed(id, r, &why) : undo_status(&result);
		if (s->options->json)
			put_json(&s->printer, json_pack("{ss sO so}", "run", id, "outcomes", s->outcomes, "result",
			                                json_undo_result(&result)));
		else
			print_undo_result(&s->printer, &result);
	}
	writer_end(&writer);
	vault_close(&s->host.vault);
	return status;
}

int command_rollback(struct session *s)
{
	char id[RUN_ID_LEN];
	int status = session_need_root("a rollback");
	if (status == EXIT_DONE)
		status = authorise("a rollback");
	if (status == EXIT_DONE)
		status = session_find_run(s, id);
	if (status == EXIT_DONE)
		status = session_config(s);
	if (status == EXIT_DONE)
		status = session_guard(s);
	if (status != EXIT_DONE)
		return status;
	status = keep_deadlines(s);
	if (status != EXIT_DONE)
		return status;
	heed_signals();
	return rollback(s, id);
}
