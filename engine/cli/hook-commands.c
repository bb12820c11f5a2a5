/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook-commands.h"

#include "after-run.h"
#include "base/clock.h"
#include "base/escape.h"
#include "core/near.h"
#include "core/vault.h"
#include "hook-input.h"
#include "hook-show.h"
#include "hook/confine.h"
#include "listen-commands.h"
#include "show.h"
#include "sources.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define RULES_DIR SYSCONFDIR "/respond/hooks.d"
#define ANSWER_MS 5000

int session_rules(struct session *s, struct rules *ret)
{
	struct rule_world world = session_world(s);
	_cleanup_buf_ struct buf wrong = {0}, safe = {0};
	int r = rules_load(&world, RULES_DIR, ret, &wrong);
	if (r == 0)
		return EXIT_DONE;
	escape_controls(&safe, buf_text(&wrong), wrong.len);
	if (safe.len)
		fputs(safe.data, stderr);
	else
		complain(RULES_DIR, strerror(-r));
	return EXIT_USAGE;
}

int session_source(const struct session *s, const struct source **ret)
{
	const char *name = s->options->subject;
	*ret = source_find(name);
	if (*ret)
		return EXIT_DONE;
	_cleanup_buf_ struct buf text = {0};
	struct near near = {.wanted = name};
	escape_str(&text, name);
	for (size_t i = 0; sources[i]; i++)
		near_offer(&near, sources[i]->name);
	near_print(&near, &text);
	fprintf(stderr, "respond: --hook: there is no source %s; there are", buf_text(&text));
	for (size_t i = 0; sources[i]; i++)
		fprintf(stderr, "%s %s", i ? "," : "", sources[i]->name);
	fputc('\n', stderr);
	return EXIT_USAGE;
}

/* The events of the message, from a parser that could do nothing else. */
static int read_events(const struct session *s, const struct source *source, struct events *ret, struct buf *why)
{
	_cleanup_buf_ struct buf message = {0};
	_cleanup_confined_ struct confined child = CONFINED_OF(source);
	int r = hook_read_message(source, s->options, &message, why);
	return r < 0 ? r : confine_parse(&child, slice_of(&message), ret, why);
}

/* ---- telling --------------------------------------------------------------------------------- */

/* What a source hears from us on standard output is a protocol where it has one. */
static void told(void *ctx, const struct hook_result *result)
{
	struct session *s = ctx;
	if (s->options->json)
		json_array_append_new(s->outcomes, json_hook_result(result));
	else
		print_hook_result(&s->printer, result);
	fflush(s->printer.out);
}

static int before(void *ctx)
{
	struct session *s = ctx;
	int status = s->engine.guard ? EXIT_DONE : session_guard(s);
	return status == EXIT_DONE ? keep_deadlines(s) : status;
}

/* ---- the handshake ----------------------------------------------------------------------------- */

/* Who hangs up without an answer keeps no account of what we do, and has none to give. */
static int hear_answer(const struct source *source, struct buf *why)
{
	_cleanup_buf_ struct buf line = {0};
	_cleanup_events_ struct events events = {0};
	_cleanup_confined_ struct confined child = CONFINED_OF(source->answer);
	int r = hook_read_line(source->answer->size_max, ANSWER_MS, &line, why);
	if (r == -ENODATA) {
		buf_reset(why);
		return 1;
	}
	if (r == 0)
		r = confine_parse(&child, slice_of(&line), &events, why);
	if (r < 0)
		return r;
	r = events.n == 1 ? source->answered(&events.v[0]) : -EINVAL;
	if (r < 0)
		buf_puts(why, "the answer makes no sense");
	return r;
}

/* 1: go on; 0: somebody has acted already. */
static int greet(struct hook *hook, const struct event *event, struct buf *why)
{
	_cleanup_buf_ struct buf line = {0};
	int r = hook->source->greet ? hook->source->greet(event, &line) : 0;
	if (r < 0 || !line.len)
		return r < 0 ? r : 1;
	if (fwrite(line.data, 1, line.len, stdout) != line.len || fflush(stdout) != 0) {
		buf_puts(why, "nobody hears what is said to them");
		return -EPIPE;
	}
	return hear_answer(hook->source, why);
}

/* Whoever waits for our end has it at once; what is done is done in a process of its own, which
 * nobody's terminal, session or pipe ends. It goes on once the first has ended: pam_exec(8) has
 * that below sshd, where the guard would see somebody who is logged in. */
static int go_apart(struct session *s)
{
	int held[2];
	if (pipe2(held, O_CLOEXEC) < 0)
		return -errno;
	pid_t child = fork();
	if (child < 0)
		return -errno;
	if (child > 0)
		_exit(EXIT_DONE);
	close(held[1]);
	char nothing;
	if (TEMP_FAILURE_RETRY(read(held[0], &nothing, 1)) < 0)
		return -errno;
	close(held[0]);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (setsid() < 0 || null < 0 || chdir("/") < 0)
		return -errno;
	for (int fd = 0; fd < 3; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	close(null);
	s->printer.colour = false;
	return 0;
}

/* 1: handle them; 0: there is nothing to be done. An answer that is waited for in vain is a refusal:
 * it is not known who would tell us to take it back. */
static int answer_first(struct session *s, struct hook *hook, const struct events *events, struct buf *why)
{
	if (!hook->source->apart && !hook->source->greet)
		return 1;
	for (size_t i = 0; i < events->n; i++) {
		int r = hook_verdict(hook, &events->v[i]);
		if (r < 0)
			return r;
		if (r != EVENT_RUN && r != EVENT_UNDO && r != EVENT_DRY)
			continue;
		int go = r == EVENT_RUN ? greet(hook, &events->v[i], why) : 1;
		if (go == 0)
			return hook_declined(hook, &events->v[i]);
		if (go < 0)
			return go;
		r = hook->source->apart ? go_apart(s) : 0;
		return r < 0 ? r : 1;
	}
	return 1;
}

/* ---- --hook ------------------------------------------------------------------------------------- */

static int refused(struct hook *hook, int error, const struct buf *why)
{
	_cleanup_buf_ struct buf safe = {0};
	const char *words = reason(why, error);
	escape_controls(&safe, words, strlen(words));
	fprintf(stderr, "respond: --hook %s: %s\n", hook->source->name, buf_text(&safe));
	int r = error == -ENOMEM ? error : hook_refused(hook, 1, buf_text(&safe));
	return r < 0 ? EXIT_FAILED : EXIT_USAGE;
}

static int handle(struct session *s, struct hook *hook)
{
	_cleanup_events_ struct events events = {0};
	_cleanup_buf_ struct buf why = {0};
	int status = EXIT_DONE, r = read_events(s, hook->source, &events, &why);
	if (r < 0)
		return refused(hook, r, &why);
	r = answer_first(s, hook, &events, &why);
	if (r < 0)
		return refused(hook, r, &why);
	if (r > 0)
		r = hook_handle(hook, &events, &status);
	if (r < 0)
		return complain("the event could not be handled", strerror(-r));
	if (s->options->json)
		put_json(&s->printer, json_pack("{ss sO si}", "source", hook->source->name, "events", s->outcomes, "status",
		                                status));
	return status;
}

int session_ledger(struct session *s, struct ledger **ret)
{
	_cleanup_buf_ struct buf why = {0};
	int r = state_prepare(&s->state);
	if (r == 0)
		r = ledger_open(&s->state, s->engine.parts->kinds, ret, &why);
	if (r < 0)
		return complain("hooks", reason(&why, r));
	if (why.len)
		complain("hooks", why.data);
	return EXIT_DONE;
}

int command_hook(struct session *s)
{
	_cleanup_rules_ struct rules rules = {0};
	struct ledger *ledger = NULL;
	const struct source *source;
	int status = session_become_root("a hook");
	if (status == EXIT_DONE)
		status = session_source(s, &source);
	if (status == EXIT_DONE && (source->lives || s->options->follow))
		return command_live(s, source);
	if (status == EXIT_DONE)
		status = session_config(s);
	if (status == EXIT_DONE)
		status = session_rules(s, &rules);
	if (status == EXIT_DONE)
		status = session_ledger(s, &ledger);
	if (status != EXIT_DONE)
		return status;
	heed_signals();
	s->observer = (struct observer){.ctx = s, .phase = s->observer.phase, .warning = s->observer.warning};
	if (source->greet)
		s->printer.out = stderr;
	struct hook hook = {.engine = &s->engine, .source = source, .rules = &rules, .ledger = ledger,
	                    .operator = operator_record, .before = before, .told = told, .ctx = s};
	status = handle(s, &hook);
	int r = hook_flush(&hook);
	if (r < 0)
		status = worse_status(status, complain("the ledger of the hooks", strerror(-r)));
	ledger_free(&ledger);
	return status;
}

/* ---- --hook --explain ------------------------------------------------------------------------------ */

static int plan_explained(struct session *s, struct decision *d, struct round **ret, struct buf *left_out,
                          struct buf *why)
{
	struct facts *facts = NULL;
	if (d->verdict != EVENT_RUN && d->verdict != EVENT_DRY)
		return 0;
	s->engine.ttl_ms = d->rule->ttl_ms;
	int r = binding_leave_out(&d->binding, d->rule, s->engine.guard, left_out);
	if (r == 0)
		r = binding_apply(&d->binding, d->rule, why);
	if (r == 0)
		r = facts_new(&facts);
	if (r == 0)
		r = round_plan(&s->engine, d->rule->playbook, facts, ret);
	facts_free(&facts);
	return r;
}

static int explain_event(struct session *s, const struct source *source, const struct rules *rules,
                         const struct ledger *ledger, const struct event *event)
{
	_cleanup_decision_ struct decision d = {0};
	_cleanup_buf_ struct buf why = {0}, left_out = {0};
	struct round *round = NULL;
	int r = decide(rules, source, event, ledger, realtime_ms(), &d);
	if (r < 0)
		return r;
	r = plan_explained(s, &d, &round, &left_out, &why);
	if (r < 0 && !why.len)
		buf_puts(&why, strerror(-r));
	struct explanation x = {
		.source = source, .rules = rules, .event = event, .decision = &d, .round = round, .why = buf_text(&why),
		.left_out = buf_text(&left_out),
		.key = ledger && d.binding.text ? ledger_find(ledger, d.binding.key) : NULL,
	};
	if (s->options->json)
		json_array_append_new(s->outcomes, json_explanation(&x, &s->host));
	else
		print_explanation(&s->printer, &x, &s->host);
	round_free(&round);
	return r == -ENOMEM ? r : 0;
}

int command_explain(struct session *s)
{
	_cleanup_rules_ struct rules rules = {0};
	_cleanup_events_ struct events events = {0};
	_cleanup_(ledger_free) struct ledger *ledger = NULL;
	_cleanup_buf_ struct buf why = {0};
	const struct source *source;
	int status = session_need_root("explaining an event"); /* the parser is confined by root alone */
	if (status == EXIT_DONE)
		status = session_source(s, &source);
	if (status == EXIT_DONE)
		status = session_config(s);
	if (status == EXIT_DONE)
		status = session_guard(s);
	if (status == EXIT_DONE)
		status = session_rules(s, &rules);
	if (status != EXIT_DONE)
		return status;
	int r = read_events(s, source, &events, &why);
	if (r < 0) {
		fprintf(stderr, "respond: --hook %s: %s\n", source->name, reason(&why, r));
		return EXIT_USAGE;
	}
	r = ledger_open_to_read(&s->state, &ledger);
	if (r < 0)
		complain("the ledger of the hooks, which is left out here", strerror(-r));
	r = 0;
	for (size_t i = 0; r == 0 && i < events.n; i++)
		r = explain_event(s, source, &rules, ledger, &events.v[i]);
	if (r < 0)
		return complain("explaining", strerror(-r));
	if (s->options->json)
		return put_json(&s->printer, json_pack("{ss sO}", "source", source->name, "events", s->outcomes));
	if (!events.n)
		print_styled(&s->printer, STYLE_PLAIN, "This message says of itself that nothing has happened.\n");
	return EXIT_DONE;
}

/* ---- --hooks ------------------------------------------------------------------------------------------ */

int command_hooks(struct session *s)
{
	_cleanup_rules_ struct rules rules = {0};
	_cleanup_(ledger_free) struct ledger *ledger = NULL;
	int status = session_rules(s, &rules);
	int r = ledger_open_to_read(&s->state, &ledger);
	if (r == -EACCES)
		status = worse_status(status, session_need_root("seeing what hooks have done"));
	else if (r < 0)
		status = worse_status(status, complain("the ledger of the hooks", strerror(-r)));
	if (r < 0 || status == EXIT_USAGE)
		return status;
	if (s->options->json)
		return put_json(&s->printer, json_hooks(&rules, sources, ledger, realtime_ms()));
	print_hooks(&s->printer, &rules, sources, ledger, realtime_ms());
	return status;
}
