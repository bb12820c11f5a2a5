/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session.h"

#include "base/escape.h"
#include "base/fd.h"
#include "base/spawn.h"
#include "change/kinds.h"
#include "change/service-reload.h"
#include "print-json.h"
#include "progress.h"
#include "registry.h"
#include "sources.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define CONFIG_FILE SYSCONFDIR "/respond/respond.conf"
#define STATE_DIR LOCALSTATEDIR "/lib/respond"
#define SHIPPED_PLAYBOOKS PKGDATADIR "/playbooks"
#define DESCRIPTORS 1024

static volatile sig_atomic_t stop_asked;

/* This very program, started anew: it outlives the run, the terminal and the session. */
static int start_waiter(const char *run)
{
	const char *const argv[] = {"respond", "--await", run, NULL};
	return spawn_apart("/proc/self/exe", argv);
}

static const struct parts parts = {
	.actions = actions,
	.kinds = change_kinds,
	.services = services,
	.proofs = proofs,
	.reload = service_reload,
	.await = start_waiter,
};

int complain(const char *what, const char *why)
{
	fprintf(stderr, "respond: %s: %s\n", what, why);
	return EXIT_FAILED;
}

const char *reason(const struct buf *why, int error)
{
	return why->len ? why->data : strerror(buf_error(why) ? -buf_error(why) : -error);
}

int run_failed(const char *id, int error, const struct buf *why)
{
	fprintf(stderr, "respond: run %s: %s\n", id, reason(why, error));
	return error == -EBADMSG ? EXIT_DAMAGED : error == -ENOTSUP ? EXIT_REFUSED : EXIT_FAILED;
}

int session_need_root(const char *what)
{
	if (geteuid() == 0)
		return EXIT_DONE;
	fprintf(stderr, "respond: %s needs root\n", what);
	return EXIT_FAILED;
}

/* To TO, if we may; else (a container may keep its root from that) as far as it goes. */
static void lift_limit(int resource, rlim_t to)
{
	struct rlimit now, wanted = {to, to};
	if (getrlimit(resource, &now) < 0 || now.rlim_cur >= to)
		return;
	if (now.rlim_max >= to)
		wanted.rlim_max = now.rlim_max;
	if (setrlimit(resource, &wanted) < 0) {
		wanted.rlim_cur = wanted.rlim_max = now.rlim_max;
		setrlimit(resource, &wanted);
	}
}

static void lift_limits(void)
{
	static const int unlimited[] = {RLIMIT_FSIZE, RLIMIT_CPU, RLIMIT_AS, RLIMIT_DATA, RLIMIT_NPROC};
	for (size_t i = 0; i < sizeof(unlimited) / sizeof(*unlimited); i++)
		lift_limit(unlimited[i], RLIM_INFINITY);
	lift_limit(RLIMIT_NOFILE, DESCRIPTORS);
}

int session_become_root(const char *what)
{
	int status = session_need_root(what);
	if (status != EXIT_DONE)
		return status;
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return complain(what, strerror(errno));
	lift_limits();
	return EXIT_DONE;
}

int absolute_path(const char *file, struct buf *ret)
{
	while (strncmp(file, "./", 2) == 0)
		file += 2;
	_cleanup_free_ char *here = file[0] == '/' ? NULL : getcwd(NULL, 0);
	if (file[0] != '/' && !here)
		return -errno;
	return buf_printf(ret, "%s%s%s", here ? here : "", here ? "/" : "", file);
}

json_t *operator_record(const char *by)
{
	_cleanup_close_ int fd = open("/proc/self/loginuid", O_RDONLY | O_CLOEXEC);
	char text[16] = "";
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	unsigned long login = n > 0 ? strtoul(text, NULL, 10) : 4294967295UL;
	return json_pack("{si so ss}", "uid", (int)getuid(), "loginuid",
	                 login == 4294967295UL ? json_null() : json_integer((json_int_t)login), "by", by);
}

static void ask_to_stop(int signal_number)
{
	(void)signal_number;
	stop_asked = 1;
}

void heed_signals(void)
{
	struct sigaction stop = {.sa_handler = ask_to_stop, .sa_flags = SA_RESTART};
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
		print_styled(&s->printer, STYLE_DIM, "\nwaiting %.1f s to see whether anything comes back\n",
		             (double)ms / 1000);
	fflush(s->printer.out);
}

static void on_warning(void *ctx, const char *text)
{
	(void)ctx;
	progress_phase(NULL);
	fprintf(stderr, "respond: %s\n", text);
}

static void on_round_text(void *ctx, unsigned number, const struct round *round, bool acts)
{
	struct session *s = ctx;
	size_t pending = round_count_pending(round);
	if (number > 1 && !pending)
		return;
	if (number > 1 && acts)
		print_styled(&s->printer, STYLE_BOLD, "\nRound %u: something is still there, or has come back\n",
		             number);
	else if (number > 1)
		print_styled(&s->printer, STYLE_BOLD, "\nStill there, and not tried again:\n");
	print_round(&s->printer, round);
	if (number == 1) {
		print_blind(&s->printer, &s->host);
		if (pending)
			print_plan_summary(&s->printer, round, &s->host);
	}
	if (pending && acts)
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

static void on_round_json(void *ctx, unsigned number, const struct round *round, bool acts)
{
	(void)acts;
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

int session_open(struct session *s, const struct options *options)
{
	*s = (struct session){
		.options = options,
		.printer = {.out = stdout, .colour = options->colour, .services = services},
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
		.confirm_ms = -1,
	};
	return 0;
}

void session_close(struct session *s)
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

int session_config(struct session *s)
{
	_cleanup_(diags_free) struct diags diags = {0};
	int r = config_load(s->host.root, CONFIG_FILE, &s->config, &diags);
	if (r == -EINVAL)
		return put_diags(&diags);
	if (r < 0) {
		complain(CONFIG_FILE, strerror(-r));
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

int session_playbook(struct session *s, struct playbook **ret)
{
	const char *file = s->options->subject;
	_cleanup_(diags_free) struct diags diags = {0};
	int r = playbook_load(s->host.root, file, SHIPPED_PLAYBOOKS, parts.actions, ret, &diags);
	if (r < 0 && !diags.n) {
		complain(file, strerror(-r));
		return EXIT_USAGE;
	}
	return r < 0 ? put_diags(&diags) : EXIT_DONE;
}

int session_guard(struct session *s)
{
	int r = guard_new(&s->host, &s->config, parts.proofs, &s->options->allow, &s->engine.guard);
	return r < 0 ? complain("guard", strerror(-r)) : EXIT_DONE;
}

struct rule_world session_world(const struct session *s)
{
	return (struct rule_world){.root = s->host.root, .shipped = SHIPPED_PLAYBOOKS, .actions = parts.actions, .sources = sources};
}

int session_find_run(const struct session *s, char ret[RUN_ID_LEN])
{
	int r = state_find_run(&s->state, s->options->subject, ret);
	if (r == 0)
		return EXIT_DONE;
	_cleanup_buf_ struct buf name = {0};
	escape_str(&name, s->options->subject);
	if (r != -ENOENT && r != -ENOTUNIQ) {
		fprintf(stderr, "respond: run %s: %s\n", buf_text(&name),
		        r == -EACCES ? "only root may look into the runs" : strerror(-r));
		return EXIT_FAILED;
	}
	fprintf(stderr, "respond: run %s: %s; respond --list shows the runs\n", buf_text(&name),
	        r == -ENOENT ? "there is none" : "that is the start of several");
	return EXIT_USAGE;
}

int session_find_runs(struct session *s, struct strv *ret)
{
	char id[RUN_ID_LEN];
	if (!s->options->subject) {
		int r = state_runs(&s->state, ret);
		return r < 0 ? complain("the runs", strerror(-r)) : EXIT_DONE;
	}
	int status = session_find_run(s, id);
	return status == EXIT_DONE && strv_add(ret, id) < 0 ? EXIT_FAILED : status;
}

int session_prepare(struct session *s, const char *what)
{
	int status = session_need_root(what);
	if (status == EXIT_DONE)
		status = session_config(s);
	if (status == EXIT_DONE)
		status = session_guard(s);
	if (status == EXIT_DONE)
		heed_signals();
	return status;
}

int worse_status(int a, int b)
{
	return b > a ? b : a;
}
