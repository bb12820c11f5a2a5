/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sshd.harden: sets options of sshd so that they are in effect for every connection,
 * and the services "sshd" and "sshd-config" that check each edit before it is put in
 * place (the second without reloading).
 *
 * What counts is the effective configuration: the first value wins across included
 * files, and a Match block beats the global section. So
 *  - every line that sets the keyword to something else becomes the wanted line, in
 *    the global section, in Match blocks and in included files, also where an earlier
 *    line wins anyway: nobody who reads the file later is to be misled, and no later
 *    removal of the first line is to bring the old value back;
 *  - when nothing in the global section says it, the line is put before the first line of
 *    sshd_config: at the end it could land in a Match block, or after another value.
 * Then sshd itself says, for every Match block, what holds before and after.
 */
#include "base/escape.h"
#include "change/file-edit.h"
#include "core/action.h"
#include "sshd-harden.h"
#include "sshd-profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

bool wanted_met(const struct wanted *wanted, const struct strv *args)
{
	return wanted->profile ? sshd_profile_met(&wanted->option, args) : sshd_option_is(&wanted->option, args);
}

static int add_port(struct plan *plan, struct ports *ports, const char *text)
{
	unsigned port = (unsigned)value_number(text);
	if (ports_has(ports, port))
		return 0;
	if (ports->n == SSHD_PORTS_MAX)
		return plan_fail(plan, -E2BIG, "more than %d ports are wanted", SSHD_PORTS_MAX);
	ports->v[ports->n++] = (uint16_t)port;
	return 0;
}

/* Takes OPTION over, also on failure. What was asked for by name comes first, and beats a profile. */
static int add_wanted(struct job *job, struct sshd_option *option, bool profile)
{
	const struct wanted *known = job_wanted(job, option->keyword);
	struct wanted *v = known ? NULL : reallocarray(job->wanted, job->n_wanted + 1, sizeof(*v));
	if (!v) {
		bool same = known && (profile || sshd_option_is(&known->option, &option->args));
		sshd_option_free(option);
		return !known ? -ENOMEM :
		       same   ? 0 :
				plan_fail(job->plan, -EINVAL, "%s is wanted with two values", known->option.keyword);
	}
	job->wanted = v;
	v[job->n_wanted++] = (struct wanted){*option, profile};
	return 0;
}

static int add_option(struct job *job, const char *text, bool profile)
{
	_cleanup_buf_ struct buf why = {0};
	struct sshd_option option;
	int r = sshd_option_parse(text, &option, &why);
	if (r < 0)
		return r == -EINVAL ? plan_fail(job->plan, r, "option %s", buf_text(&why)) : r;
	if (strcmp(option.keyword, "port") != 0)
		return add_wanted(job, &option, profile);
	r = add_port(job->plan, &job->ports, option.args.v[0]);
	sshd_option_free(&option);
	return r;
}

static int add_profile(struct job *job, const char *profile)
{
	_cleanup_strv_ struct strv lines = {0};
	int r = sshd_profile_options(profile, &lines);
	for (size_t i = 0; i < lines.n && r == 0; i++)
		r = add_option(job, lines.v[i], true);
	return r;
}

const struct wanted *job_wanted(const struct job *job, const char *keyword)
{
	for (size_t i = 0; i < job->n_wanted; i++)
		if (strcmp(job->wanted[i].option.keyword, keyword) == 0)
			return &job->wanted[i];
	return NULL;
}

static void job_end(struct job *job)
{
	for (size_t i = 0; job->edits && i < job->before.config.n_files; i++) {
		free(job->edits[i].v);
		buf_free(&job->edits[i].after);
	}
	free(job->edits);
	free(job->overlays);
	for (size_t i = 0; i < job->n_wanted; i++)
		sshd_option_free(&job->wanted[i].option);
	free(job->wanted);
	strv_free(&job->texts);
	sshd_asker_close(&job->before);
	sshd_asker_close(&job->after);
}

size_t job_file(const struct job *job, size_t file)
{
	const struct sshd_config *config = &job->before.config;
	for (size_t i = 0; i < file; i++)
		if (config->files[i]->target && strcmp(config->files[i]->target, config->files[file]->target) == 0)
			return i;
	return file;
}

int job_edit(struct job *job, size_t file, unsigned number, const char *text)
{
	struct file_edits *e = &job->edits[job_file(job, file)];
	for (size_t i = 0; number && i < e->n; i++)
		if (e->v[i].number == number)
			return 0; /* a file that is included twice */
	struct sshd_edit *v = reallocarray(e->v, e->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	e->v = v;
	size_t at = e->n++;
	for (; at && v[at - 1].number > number; at--)
		v[at] = v[at - 1];
	v[at] = (struct sshd_edit){number, text};
	job->count++;
	return 0;
}

static int find_edits(struct job *job)
{
	const struct sshd_config *config = &job->before.config;
	int r = 0;
	for (size_t o = 0; o < job->n_wanted && r == 0; o++) {
		const struct sshd_option *option = &job->wanted[o].option;
		bool global = false;
		for (size_t i = 0; i < config->n_statements && !global; i++)
			global = config->statements[i].chain == 0 &&
			         strcmp(sshd_statement_line(config, i)->keyword, option->keyword) == 0;
		if (!global)
			r = job_edit(job, 0, 0, option->text);
	}
	for (size_t i = 0; i < config->n_statements && r == 0; i++) {
		const struct sshd_line *line = sshd_statement_line(config, i);
		const struct wanted *wanted = job_wanted(job, line->keyword);
		if (wanted && (line->broken || !wanted_met(wanted, &line->args)))
			r = job_edit(job, config->statements[i].file, line->number, wanted->option.text);
	}
	return r;
}

static int compose_files(struct job *job)
{
	const struct sshd_config *config = &job->before.config;
	job->overlays = calloc(config->n_files, sizeof(*job->overlays));
	int r = job->overlays ? 0 : -ENOMEM;
	for (size_t i = 0; i < config->n_files && r == 0; i++) {
		struct file_edits *e = &job->edits[i];
		if (!e->n)
			continue;
		r = sshd_lines_edit(&config->files[i]->bytes, e->v, e->n, &e->after);
		job->overlays[job->n_overlays++] = (struct sshd_overlay){config->files[i]->target, &e->after};
	}
	return r;
}

/* The value that sshd prints for what is wanted: it may spell it in its own way. */
static int wanted_values(struct job *job, struct buf *ret_dump)
{
	struct sshd_file file = {.path = (char *)SSHD_CONFIG, .target = (char *)SSHD_CONFIG};
	struct sshd_file *files[] = {&file};
	struct sshd_config config = {.files = files, .n_files = 1};
	_cleanup_(sshd_view_close) struct sshd_view view = {0};
	_cleanup_buf_ struct buf why = {0};
	for (size_t i = 0; i < job->n_wanted; i++)
		buf_printf(&file.bytes, "%s\n", job->wanted[i].option.text);
	int r = buf_error(&file.bytes);
	if (r == 0)
		r = sshd_view_open(&config, &view);
	if (r == 0)
		r = sshd_dump(&view, NULL, ret_dump, &why);
	buf_free(&file.bytes);
	return r == -EINVAL || r == -EOPNOTSUPP ? 0 : r; /* it may not stand alone; the whole is tested */
}

static int wanted_value(const struct buf *dump, const struct sshd_option *option, struct buf *ret)
{
	int r = sshd_dump_value(dump, option->keyword, ret);
	for (size_t i = 0; r == -ENOENT && i < option->args.n; i++)
		buf_printf(ret, "%s%s", i ? " " : "", option->args.v[i]);
	return r == -ENOENT ? buf_error(ret) : r;
}

/* What the two dumps of one connection say about one option. */
static int tell_value(struct job *job, const struct sshd_case *c, const struct wanted *w, const struct buf *before,
                      const struct buf *after, const char *wanted)
{
	const struct sshd_option *option = &w->option;
	_cleanup_buf_ struct buf was = {0}, is = {0}, was_shown = {0}, is_shown = {0};
	int was_there = sshd_dump_value(before, option->keyword, &was);
	int is_there = sshd_dump_value(after, option->keyword, &is);
	if (was_there == -ENOENT && is_there == -ENOENT)
		return 0; /* sshd does not print this keyword */
	escape_str(&was_shown, was_there == 0 ? buf_text(&was) : "not set");
	escape_str(&is_shown, is_there == 0 ? buf_text(&is) : "not set");
	bool same = buf_equal(&was, &is);
	int r = plan_note(job->plan, "%s: %s %s%s%s", c->label, option->keyword, same ? "" : buf_text(&was_shown),
	                  same ? "" : " -> ", buf_text(&is_shown));
	bool met = !wanted || strcasecmp(buf_text(&is), wanted) == 0 ||
	           (w->profile && sshd_profile_met_by(option, buf_text(&is)));
	if (r == 0 && !met)
		r = plan_residual(job->plan, "%s: %s would still be %s", c->label, option->keyword,
		                  buf_text(&is_shown));
	return r;
}

static int tell_case(struct job *job, const struct sshd_case *c, const struct buf *wanted)
{
	const struct buf *before, *after;
	bool guessed;
	int r = sshd_asker_dump(&job->before, c, &before, NULL);
	if (r == 0)
		r = sshd_asker_dump(&job->after, c, &after, &guessed);
	for (size_t i = 0; i < job->n_wanted && r == 0; i++) {
		_cleanup_buf_ struct buf value = {0};
		r = wanted_value(wanted, &job->wanted[i].option, &value);
		if (r == 0)
			r = tell_value(job, c, &job->wanted[i], before, after, guessed ? NULL : buf_text(&value));
	}
	return r;
}

static int tell_cases(struct job *job)
{
	_cleanup_(sshd_cases_free) struct sshd_cases cases = {0};
	_cleanup_buf_ struct buf wanted = {0};
	int r = wanted_values(job, &wanted);
	if (r == 0)
		r = sshd_cases_all(&job->before, &cases);
	for (size_t i = 0; i < cases.n && r == 0; i++)
		r = tell_case(job, &cases.v[i], &wanted);
	return r;
}

/* sshd judges the whole of what would stand there. */
static int test_result(struct job *job)
{
	_cleanup_buf_ struct buf why = {0};
	int r = sshd_test(&job->after.view, &why);
	if (r == -EOPNOTSUPP && geteuid() == 0 && job->n_overlays)
		return plan_fail(job->plan, r, "%s: what sshd has not checked is not put in place", buf_text(&why));
	if (r == -EOPNOTSUPP)
		return 0; /* asking about the cases tells that */
	if (r != -EINVAL)
		return r;
	return job->n_overlays
		   ? plan_fail(job->plan, r, "sshd would refuse the result: %s", buf_text(&why))
		   : plan_residual(job->plan, "sshd refuses its configuration as it is: %s", buf_text(&why));
}

static int plan_edits(struct job *job, const char *service)
{
	const struct sshd_config *config = &job->before.config;
	int r = 0;
	for (size_t i = 0; i < config->n_files && r == 0; i++) {
		if (!job->edits[i].n)
			continue;
		r = file_edit_plan(job->host, job->plan, config->files[i]->target, &config->files[i]->bytes,
		                   &job->edits[i].after, service, NULL);
		if (r == 0)
			r = plan_fact(job->plan, "path", config->files[i]->target);
	}
	return r;
}

static int check_content(struct host *host, const char *path, const struct buf *content, struct buf *ret_why);

static const char *const units[] = {"ssh.service", "sshd.service", NULL};

const struct service sshd_service = {.name = "sshd", .units = units, .daemon = SSHD_PROGRAM, .check = check_content};
const struct service sshd_config_service = {.name = "sshd-config", .check = check_content};

static int check_content(struct host *host, const char *path, const struct buf *content, struct buf *ret_why)
{
	const struct sshd_overlay overlay = {path, content};
	_cleanup_(sshd_config_free) struct sshd_config config = {0};
	_cleanup_(sshd_view_close) struct sshd_view view = {0};
	int r = sshd_config_load(host, NULL, &overlay, 1, &config, ret_why);
	if (r == 0)
		r = sshd_view_open(&config, &view);
	if (r == 0)
		r = sshd_test(&view, ret_why);
	sshd_view_close(&view);
	return r;
}

static int open_before(struct job *job)
{
	_cleanup_buf_ struct buf why = {0};
	int r = sshd_asker_open(&job->before, job->host, job->plan, NULL, 0, &why);
	if (r == -EINVAL)
		return plan_fail(job->plan, r, "%s", buf_text(&why));
	if (r < 0)
		return r;
	if (!job->before.config.files[0]->target)
		return plan_fail(job->plan, -EACCES, "cannot read " SSHD_CONFIG);
	job->edits = calloc(job->before.config.n_files, sizeof(*job->edits));
	return job->edits ? 0 : -ENOMEM;
}

static int open_after(struct job *job)
{
	_cleanup_buf_ struct buf why = {0};
	int r = sshd_asker_open(&job->after, job->host, job->plan, job->overlays, job->n_overlays, &why);
	return r == -EINVAL ? plan_fail(job->plan, r, "%s", buf_text(&why)) : r;
}

static int harden(struct job *job, bool reload)
{
	int r = open_before(job);
	if (r == -ENOENT)
		return plan_note(job->plan, "there is no " SSHD_CONFIG " on this host: nothing to harden");
	int (*const steps[])(struct job *) = {
		reach_check, find_edits, port_find_edits, compose_files, open_after,
		test_result, tell_cases, port_tell,       running_tell,
	};
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps) && r == 0; i++)
		r = steps[i](job);
	if (r == 0 && job->n_overlays && !reload)
		r = plan_note(job->plan, "reload = no: the running sshd keeps its settings until it is told to read them");
	return r < 0 ? r : plan_edits(job, reload ? sshd_service.name : sshd_config_service.name);
}

static int plan_harden(struct host *host, const struct args *args, struct plan *plan)
{
	_cleanup_(job_end) struct job job = {.host = host, .plan = plan};
	const struct strv *options = args_list(args, "option");
	const char *profile = args_text(args, "profile");
	int r = 0;
	if (!args_has(args, "option") && !args_has(args, "profile"))
		return plan_fail(plan, -EINVAL, "neither an option nor a profile is wanted");
	for (size_t i = 0; i < options->n && r == 0; i++)
		r = add_option(&job, options->v[i], false);
	if (r == 0 && profile)
		r = add_profile(&job, profile);
	if (r == 0 && (job.n_wanted || job.ports.n))
		r = harden(&job, args_yes(args, "reload"));
	return r < 0 ? r : plan_fact_number(plan, "count", job.count);
}

static const struct param params[] = {
	{"option", TYPE_OPTION, PARAM_SOME | PARAM_LIST, NULL, NULL,
	 "options, as in sshd_config(5); they beat the profile's; Port lines: exactly these ports"},
	{"profile", TYPE_CHOICE, PARAM_SOME, NULL, SSHD_PROFILES,
	 "options that belong together, or stricter ones where there are. baseline: " SSHD_BASELINE
	 "; strict: the same and " SSHD_STRICT},
	{"reload", TYPE_YES_NO, 0, "yes", NULL, "whether the running sshd is told to read them"},
	{.name = NULL},
};

static const struct fact_decl facts[] = {
	{"path", TYPE_PATH, "files that are edited"},
	{"count", TYPE_NUMBER, "how many lines change"},
	{.name = NULL},
};

static const char *const techniques[] = {"T1021.004 Remote Services: SSH", "T1110 Brute Force", NULL};

const struct action sshd_harden = {
	.name = "sshd.harden",
	.summary = "set options of sshd so that they hold for every connection",
	.params = params,
	.facts = facts,
	.plan = plan_harden,
	.techniques = techniques,
};
