/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * respond(8): the only place that prints, asks or exits.
 */
#include "change/kinds.h"
#include "change/service-reload.h"
#include "options.h"
#include "print-json.h"
#include "print.h"
#include "progress.h"
#include "registry.h"
#include "show.h"

#include "base/escape.h"
#include "core/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG_FILE SYSCONFDIR "/respond/respond.conf"
#define STATE_DIR LOCALSTATEDIR "/lib/respond"
#define SHIPPED_PLAYBOOKS PKGDATADIR "/playbooks"

static volatile sig_atomic_t stop_asked;

static const struct parts parts = {
	.actions = actions,
	.kinds = change_kinds,
	.services = services,
	.proofs = proofs,
	.reload = service_reload,
};

/* What every command needs, opened once. */
struct session {
	const struct options *options;
	struct printer printer;
	struct host host;
	struct config config;
	struct state state;
	struct observer observer;
	struct engine engine;
	json_t *rounds;   /* for --format json */
	json_t *outcomes;
};

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "respond: %s: %s\n", what, why);
	return EXIT_FAILED;
}

/* Nothing of the caller's is trusted: descriptors, mask, directory, environment. */
static int scrub(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return -EBADF;
	close_range(3, ~0U, 0);
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	char *no_color = getenv("NO_COLOR") ? strdup("NO_COLOR=1") : NULL;
	char *zone = getenv("TZ") && !strchr(getenv("TZ"), '/') ? strdup(getenv("TZ")) : NULL;
	char *peer = getenv("SSH_CONNECTION") ? strdup(getenv("SSH_CONNECTION")) : NULL;
	clearenv();
	int bad = setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1) | (zone ? setenv("TZ", zone, 1) : 0) |
	          (peer ? setenv("SSH_CONNECTION", peer, 1) : 0) | (no_color ? setenv("NO_COLOR", "1", 1) : 0);
	free(no_color);
	free(zone);
	free(peer);
	return bad ? -ENOMEM : 0;
}

static void ask_to_stop(int signal_number)
{
	(void)signal_number;
	stop_asked = 1;
}

/* A run that alters the host ends between two changes, not within one; and it does
 * not end because the terminal has gone. */
static void heed_signals(void)
{
	struct sigaction stop = {.sa_handler = ask_to_stop};
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	signal(SIGHUP, SIG_IGN);
}

static void on_phase(void *ctx, const char *what)
{
	(void)ctx;
	progress_phase(what);
}

static void on_wait(void *ctx, int64_t ms)
{
	struct session *s = ctx;
	if (!s->options->json)
		print_styled(&s->printer, STYLE_DIM, "\nwaiting %.1f s to see whether anything comes back\n", (double)ms / 1000);
	fflush(s->printer.out);
}

static void on_warning(void *ctx, const char *text)
{
	(void)ctx;
	progress_phase(NULL);
	fprintf(stderr, "respond: %s\n", text);
}

static void on_round_text(void *ctx, unsigned number, const struct round *round)
{
	struct session *s = ctx;
	size_t pending = round_count_pending(round);
	if (number > 1 && !pending)
		return;
	if (number > 1)
		print_styled(&s->printer, STYLE_BOLD, "\nRound %u: something is still there, or has come back\n", number);
	print_round(&s->printer, round);
	if (number == 1) {
		print_blind(&s->printer, &s->host);
		if (pending)
			print_plan_summary(&s->printer, round);
	}
	if (pending)
		fputc('\n', s->printer.out);
	fflush(s->printer.out);
}

static void on_outcome_text(void *ctx, const struct change *c, enum outcome outcome, const char *note)
{
	struct session *s = ctx;
	print_outcome(&s->printer, c, outcome, note);
	fflush(s->printer.out);
}

static void on_undone_text(void *ctx, const struct change *c, enum undo undo, const char *note)
{
	struct session *s = ctx;
	print_undone(&s->printer, c, undo, note);
	fflush(s->printer.out);
}

static void on_reloaded_text(void *ctx, const char *service, int error, const char *note)
{
	struct session *s = ctx;
	print_reloaded(&s->printer, service, error, note);
}

static void on_round_json(void *ctx, unsigned number, const struct round *round)
{
	(void)number;
	struct session *s = ctx;
	json_array_append_new(s->rounds, json_round(round));
}

static void on_outcome_json(void *ctx, const struct change *c, enum outcome outcome, const char *note)
{
	struct session *s = ctx;
	json_array_append_new(s->outcomes, json_pack("{si ss so}", "change", (int)c->id, "outcome",
	                                             outcome_word(outcome), "note", json_text(note)));
}

static void on_undone_json(void *ctx, const struct change *c, enum undo undo, const char *note)
{
	struct session *s = ctx;
	json_array_append_new(s->outcomes, json_pack("{si ss so}", "change", (int)c->id, "undo", undo_word(undo),
	                                             "note", json_text(note)));
}

static int session_open(struct session *s, const struct options *options)
{
	*s = (struct session){
		.options = options,
		.printer = {.out = stdout, .colour = options->colour},
		.host = {.root = -1, .proc = -1},
		.rounds = json_array(),
		.outcomes = json_array(),
	};
	s->observer = (struct observer){.ctx = s, .phase = on_phase, .wait = on_wait, .warning = on_warning};
	if (options->json) {
		s->observer.round = on_round_json;
		s->observer.outcome = on_outcome_json;
		s->observer.undone = on_undone_json;
	} else {
		s->observer.round = on_round_text;
		s->observer.outcome = on_outcome_text;
		s->observer.undone = on_undone_text;
		s->observer.reloaded = on_reloaded_text;
	}
	int r = host_open("/", &s->host);
	if (r < 0)
		return r;
	s->state = (struct state){.root = s->host.root, .dir = (char *)STATE_DIR};
	s->engine = (struct engine){
		.parts = &parts,
		.host = &s->host,
		.config = &s->config,
		.allow = &options->allow,
		.state = &s->state,
		.observer = &s->observer,
		.stop = &stop_asked,
	};
	return 0;
}

static void session_close(struct session *s)
{
	guard_free(&s->engine.guard);
	config_free(&s->config);
	host_close(&s->host);
	json_decref(s->rounds);
	json_decref(s->outcomes);
}

static int put_diags(const struct diags *diags)
{
	_cleanup_buf_ struct buf text = {0}, safe = {0};
	diags_print(diags, &text);
	escape_controls(&safe, buf_text(&text), text.len);
	fputs(buf_text(&safe), stderr);
	return EXIT_USAGE;
}

static int load_config(struct session *s)
{
	_cleanup_(diags_free) struct diags diags = {0};
	int r = config_load(s->host.root, CONFIG_FILE, &s->config, &diags);
	if (r == -EINVAL)
		return put_diags(&diags);
	if (r < 0) {
		fail(CONFIG_FILE, strerror(-r));
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

static int load_playbook(struct session *s, const char *file, struct playbook **ret)
{
	_cleanup_(diags_free) struct diags diags = {0};
	int r = playbook_load(s->host.root, file, SHIPPED_PLAYBOOKS, parts.actions, ret, &diags);
	if (r < 0 && !diags.n) {
		fail(file, strerror(-r));
		return EXIT_USAGE;
	}
	return r < 0 ? put_diags(&diags) : EXIT_DONE;
}

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
		if (playbook_set(playbook, set->v[i], equals + 1, &why) < 0) {
			fprintf(stderr, "respond: --set %s: %s\n", set->v[i], buf_text(&why));
			status = EXIT_USAGE;
		}
		*equals = '=';
	}
	_cleanup_buf_ struct buf why = {0};
	if (status == EXIT_DONE && playbook_ready(playbook, &why) < 0) {
		fprintf(stderr, "%s: %s\n", playbook->file, buf_text(&why));
		status = EXIT_USAGE;
	}
	return status;
}

static int prepare(struct session *s, struct playbook **ret)
{
	int status = load_config(s);
	if (status == EXIT_DONE)
		status = load_playbook(s, s->options->subject, ret);
	if (status == EXIT_DONE)
		status = set_inputs(*ret, &s->options->set);
	if (status != EXIT_DONE)
		return status;
	int r = guard_new(&s->host, &s->config, parts.proofs, &s->options->allow, &s->engine.guard);
	return r < 0 ? fail("guard", strerror(-r)) : EXIT_DONE;
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

static int command_plan(struct session *s)
{
	struct playbook *playbook = NULL;
	struct facts *facts = NULL;
	struct round *round = NULL;
	int status = prepare(s, &playbook);
	if (status == EXIT_DONE) {
		if (geteuid() != 0)
			host_blind(&s->host, "respond is not running as root: what only root may read is missing here");
		int r = facts_new(&facts);
		if (r == 0)
			r = round_plan(&s->engine, playbook, facts, &round);
		status = r < 0 ? fail("planning", strerror(-r)) : plan_status(round);
	}
	if (round && s->options->json) {
		put_json(&s->printer, json_plan(playbook, round, &s->host, status));
	} else if (round) {
		print_styled(&s->printer, STYLE_DIM, "Dry run of %s: nothing is changed.\n\n", playbook->file);
		print_round(&s->printer, round);
		print_blind(&s->printer, &s->host);
		print_plan_summary(&s->printer, round);
	}
	round_free(&round);
	facts_free(&facts);
	playbook_free(&playbook);
	return status;
}

static json_t *operator_record(void)
{
	_cleanup_close_ int fd = open("/proc/self/loginuid", O_RDONLY | O_CLOEXEC);
	char text[16] = "";
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	unsigned long login = n > 0 ? strtoul(text, NULL, 10) : 4294967295UL;
	return json_pack("{si so ss}", "uid", (int)getuid(), "loginuid",
	                 login == 4294967295UL ? json_null() : json_integer((json_int_t)login), "by", "command");
}

static int need_root(const char *what)
{
	if (geteuid() == 0)
		return EXIT_DONE;
	fprintf(stderr, "respond: %s needs root; with --dry-run it shows what it can see\n", what);
	return EXIT_FAILED;
}

static int run_failure(int r, const struct buf *why)
{
	fail("the run could not go on", why->len ? why->data : strerror(-r));
	return r == -ENOTSUP ? EXIT_REFUSED : EXIT_FAILED;
}

static int command_run(struct session *s)
{
	struct playbook *playbook = NULL;
	struct run_result result = {0};
	int status = need_root("a run");
	if (status == EXIT_DONE)
		status = prepare(s, &playbook);
	if (status == EXIT_DONE) {
		_cleanup_buf_ struct buf why = {0};
		heed_signals();
		int r = runner_run(&s->engine, playbook, operator_record(), &result, &why);
		status = r < 0 ? run_failure(r, &why) : result.status;
		if (s->options->json)
			put_json(&s->printer, json_pack("{sO sO so}", "rounds", s->rounds, "outcomes", s->outcomes, "result",
			                                json_result(&result)));
		else if (r == 0)
			print_result(&s->printer, &result);
		if (r < 0 && result.id[0])
			fprintf(stderr, "respond: run %s did not end; respond --show %s tells how far it came\n", result.id,
			        result.id);
	}
	run_result_free(&result);
	playbook_free(&playbook);
	return status;
}

static int find_run(const struct session *s, char ret[RUN_ID_LEN])
{
	int r = state_find_run(&s->state, s->options->subject, ret);
	if (r == 0)
		return EXIT_DONE;
	_cleanup_buf_ struct buf name = {0};
	escape_str(&name, s->options->subject);
	fprintf(stderr, "respond: run %s: %s; respond --list shows the runs\n", buf_text(&name),
	        r == -ENOENT ? "there is none" : r == -ENOTUNIQ ? "that is the start of several" : strerror(-r));
	return EXIT_USAGE;
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

static int undo_plan_status(const struct undo_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		if (plan->v[i].expect != UNDO_DONE && plan->v[i].expect != UNDO_KEPT)
			return EXIT_PARTLY;
	return plan->n ? EXIT_PENDING : EXIT_DONE;
}

static int command_rollback_plan(struct session *s)
{
	char id[RUN_ID_LEN];
	struct run *run = NULL;
	struct undo_plan plan = {0};
	_cleanup_buf_ struct buf why = {0};
	int status = find_run(s, id);
	if (status != EXIT_DONE)
		return status;
	int r = run_load(&s->state, id, parts.kinds, &run, &why);
	if (r == 0)
		r = runner_open_to_read(&s->engine);
	if (r == 0 && (status = check_step(run, s->options->step)) == EXIT_DONE)
		r = rollback_plan(&s->engine, run, s->options->step, &plan);
	if (r < 0)
		status = fail(id, why.len ? why.data : strerror(-r));
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
	int r = runner_reopen(&s->engine, id, &writer, &lock, &why);
	if (r < 0)
		return run_failure(r, &why);
	int status = check_step(writer.run, s->options->step);
	if (status == EXIT_DONE) {
		r = rollback_run(&writer, s->options->step, operator_record(), &result);
		status = r < 0 ? run_failure(r, &why) : undo_status(&result);
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

static int command_rollback(struct session *s)
{
	char id[RUN_ID_LEN];
	int status = need_root("a rollback");
	if (status == EXIT_DONE)
		status = find_run(s, id);
	if (status == EXIT_DONE)
		status = load_config(s);
	if (status != EXIT_DONE)
		return status;
	int r = guard_new(&s->host, &s->config, parts.proofs, &s->options->allow, &s->engine.guard);
	if (r < 0)
		return fail("guard", strerror(-r));
	heed_signals();
	return rollback(s, id);
}

static int command_show(struct session *s)
{
	char id[RUN_ID_LEN];
	int status = find_run(s, id);
	return status == EXIT_DONE ? show_run(&s->printer, &s->engine, id, s->options->json) : status;
}

static int command_check(struct session *s)
{
	struct playbook *playbook = NULL;
	int status = load_playbook(s, s->options->subject, &playbook);
	if (status == EXIT_DONE && !s->options->json)
		printf("%s: %zu step%s, no errors\n", playbook->file, playbook->n_steps, playbook->n_steps == 1 ? "" : "s");
	playbook_free(&playbook);
	return status;
}

static int dispatch(struct session *s)
{
	const struct options *o = s->options;
	switch (o->command) {
	case COMMAND_PLAN: return command_plan(s);
	case COMMAND_RUN: return command_run(s);
	case COMMAND_ROLLBACK: return command_rollback(s);
	case COMMAND_ROLLBACK_PLAN: return command_rollback_plan(s);
	case COMMAND_LIST: return show_list(&s->printer, &s->engine, o->json);
	case COMMAND_SHOW: return command_show(s);
	case COMMAND_CHECK: return command_check(s);
	case COMMAND_ACTIONS: return show_actions(&s->printer, &parts, o->subject, o->json);
	case COMMAND_RULES: return show_rules(&s->printer, o->json);
	case COMMAND_HELP: fputs(help_text, stdout); return EXIT_DONE;
	case COMMAND_VERSION: puts(PACKAGE_STRING); return EXIT_DONE;
	default: return EXIT_USAGE;
	}
}

int main(int argc, char **argv)
{
	int r = scrub();
	if (r < 0)
		return fail("start", strerror(-r));
	struct options options;
	_cleanup_buf_ struct buf why = {0};
	if (options_parse(argc, argv, &options, &why) < 0) {
		fprintf(stderr, "respond: %s\nTry: respond --help\n", buf_text(&why));
		options_free(&options);
		return EXIT_USAGE;
	}
	struct session session;
	int status;
	r = session_open(&session, &options);
	if (r < 0) {
		status = fail("/", strerror(-r));
	} else {
		progress_start();
		status = dispatch(&session);
		progress_stop();
	}
	session_close(&session);
	options_free(&options);
	if (fflush(stdout) != 0 && status == EXIT_DONE)
		status = EXIT_FAILED;
	return status;
}
