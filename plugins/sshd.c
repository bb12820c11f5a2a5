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
#include "change/service-reload.h"
#include "core/action.h"
#include "core/service.h"
#include "sshd-asker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
	struct sshd_option *v;
	size_t n;
};

static void options_free(struct options *options)
{
	for (size_t i = 0; i < options->n; i++)
		sshd_option_free(&options->v[i]);
	free(options->v);
}

static int add_option(struct plan *plan, struct options *options, const char *text)
{
	_cleanup_buf_ struct buf why = {0};
	struct sshd_option *v = reallocarray(options->v, options->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	options->v = v;
	struct sshd_option *o = &v[options->n];
	int r = sshd_option_parse(text, o, &why);
	if (r < 0)
		return r == -EINVAL ? plan_fail(plan, r, "option %s", buf_text(&why)) : r;
	for (size_t i = 0; i < options->n; i++) {
		if (strcmp(v[i].keyword, o->keyword) != 0)
			continue;
		bool same = sshd_option_is(&v[i], &o->args);
		sshd_option_free(o);
		return same ? 0 : plan_fail(plan, -EINVAL, "%s is wanted with two values", v[i].keyword);
	}
	options->n++;
	return 0;
}

static const struct sshd_option *option_for(const struct options *options, const char *keyword)
{
	for (size_t i = 0; i < options->n; i++)
		if (strcmp(options->v[i].keyword, keyword) == 0)
			return &options->v[i];
	return NULL;
}

/* The edits of one file, by line. */
struct file_edits {
	struct sshd_edit *v;
	size_t n;
	struct buf after;
};

struct job {
	struct host *host;
	struct plan *plan;
	struct options options;
	struct sshd_asker before, after;
	struct file_edits *edits; /* by file of `before` */
	struct sshd_overlay *overlays;
	size_t n_overlays;
	long long count; /* lines */
};

static void job_end(struct job *job)
{
	for (size_t i = 0; job->edits && i < job->before.config.n_files; i++) {
		free(job->edits[i].v);
		buf_free(&job->edits[i].after);
	}
	free(job->edits);
	free(job->overlays);
	options_free(&job->options);
	sshd_asker_close(&job->before);
	sshd_asker_close(&job->after);
}

/* The first file that is the same one: links may give it several names. */
static size_t first_name(const struct sshd_config *config, size_t file)
{
	for (size_t i = 0; i < file; i++)
		if (config->files[i]->target && strcmp(config->files[i]->target, config->files[file]->target) == 0)
			return i;
	return file;
}

static int add_edit(struct job *job, size_t file, unsigned number, const char *text)
{
	struct file_edits *e = &job->edits[first_name(&job->before.config, file)];
	for (size_t i = 0; number && i < e->n; i++)
		if (e->v[i].number == number)
			return 0; /* a file that is included twice */
	struct sshd_edit *v = reallocarray(e->v, e->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	e->v = v;
	v[e->n++] = (struct sshd_edit){number, text};
	job->count++;
	return 0;
}

static int find_edits(struct job *job)
{
	const struct sshd_config *config = &job->before.config;
	int r = 0;
	for (size_t o = 0; o < job->options.n && r == 0; o++) {
		const struct sshd_option *option = &job->options.v[o];
		bool global = false;
		for (size_t i = 0; i < config->n_statements && !global; i++)
			global = config->statements[i].chain == 0 &&
			         strcmp(sshd_statement_line(config, i)->keyword, option->keyword) == 0;
		if (!global)
			r = add_edit(job, 0, 0, option->text);
	}
	for (size_t i = 0; i < config->n_statements && r == 0; i++) {
		const struct sshd_line *line = sshd_statement_line(config, i);
		const struct sshd_option *option = option_for(&job->options, line->keyword);
		if (option && (line->broken || !sshd_option_is(option, &line->args)))
			r = add_edit(job, config->statements[i].file, line->number, option->text);
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
	for (size_t i = 0; i < job->options.n; i++)
		buf_printf(&file.bytes, "%s\n", job->options.v[i].text);
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
static int tell_value(struct job *job, const struct sshd_case *c, const struct sshd_option *option,
                      const struct buf *before, const struct buf *after, const char *wanted)
{
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
	if (r == 0 && wanted && strcasecmp(buf_text(&is), wanted) != 0)
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
	for (size_t i = 0; i < job->options.n && r == 0; i++) {
		_cleanup_buf_ struct buf value = {0};
		r = wanted_value(wanted, &job->options.v[i], &value);
		if (r == 0)
			r = tell_value(job, c, &job->options.v[i], before, after, guessed ? NULL : buf_text(&value));
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

/* An option on the command line of the running sshd beats its files. */
static int tell_override(struct job *job, pid_t pid, const char *text)
{
	_cleanup_(sshd_option_free) struct sshd_option given = {0};
	_cleanup_buf_ struct buf why = {0}, shown = {0};
	if (sshd_option_parse(text, &given, &why) < 0)
		return 0;
	const struct sshd_option *option = option_for(&job->options, given.keyword);
	if (!option || sshd_option_is(option, &given.args))
		return 0;
	escape_str(&shown, text);
	return plan_residual(job->plan, "the running sshd (pid %d) was started with -o %s, which beats its files",
			     (int)pid, buf_text(&shown));
}

/* sshd shows its arguments in its title, joined by blanks: "sshd: /usr/sbin/sshd -D -o
 * PermitRootLogin=yes [listener] 0 of 10-100 startups". */
static int tell_title(struct job *job, pid_t pid, char *title)
{
	int r = 0;
	char *save = NULL, *word = strtok_r(title, " ", &save);
	for (; word && r == 0; word = strtok_r(NULL, " ", &save)) {
		if (strcmp(word, "[listener]") == 0)
			break;
		if (strcmp(word, "-f") == 0 && (word = strtok_r(NULL, " ", &save)) && strcmp(word, SSHD_CONFIG) != 0) {
			_cleanup_buf_ struct buf shown = {0};
			escape_str(&shown, word);
			r = plan_residual(job->plan, "the running sshd (pid %d) reads %s, not " SSHD_CONFIG, (int)pid,
					  buf_text(&shown));
		}
		if (!word || strncmp(word, "-o", 2) != 0)
			continue;
		char *text = word[2] ? word + 2 : strtok_r(NULL, " ", &save);
		_cleanup_buf_ struct buf option = {0};
		buf_puts(&option, text ? text : "");
		if (text && !strchr(text, '=')) { /* -o "Keyword value" */
			char *value = strtok_r(NULL, " ", &save);
			buf_printf(&option, " %s", value ? value : "");
		}
		r = buf_error(&option) ? buf_error(&option) : tell_override(job, pid, buf_text(&option));
	}
	return r;
}

static int tell_overrides(struct job *job)
{
	_cleanup_pids_ struct pids pids = {0};
	int r = service_listeners(job->host, &sshd_service, &pids);
	if (r < 0 && r != -ENOMEM)
		return host_blind(job->host, "cannot look for the running sshd: %s", strerror(-r));
	for (size_t i = 0; i < pids.n && r == 0; i++) {
		_cleanup_strv_ struct strv argv = {0};
		_cleanup_buf_ struct buf title = {0};
		if (proc_cmdline(job->host->proc, pids.v[i], 65536, &argv, NULL) < 0)
			continue;
		for (size_t k = 0; k < argv.n; k++)
			buf_printf(&title, "%s ", argv.v[k]);
		r = buf_error(&title) ? buf_error(&title) : title.len ? tell_title(job, pids.v[i], title.data) : 0;
	}
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
		find_edits, compose_files, open_after, test_result, tell_cases, tell_overrides,
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
	int r = 0;
	for (size_t i = 0; i < options->n && r == 0; i++)
		r = add_option(plan, &job.options, options->v[i]);
	if (r == 0 && job.options.n)
		r = harden(&job, args_yes(args, "reload"));
	return r < 0 ? r : plan_fact_number(plan, "count", job.count);
}

static const struct param params[] = {
	{"option", TYPE_OPTION, PARAM_REQUIRED | PARAM_LIST, NULL, NULL, "options, as in sshd_config(5)"},
	{"reload", TYPE_YES_NO, 0, "yes", NULL, "whether the running sshd is told to read them"},
	{.name = NULL},
};

static const struct fact_decl facts[] = {
	{"path", TYPE_PATH, "files that are edited"},
	{"count", TYPE_NUMBER, "how many lines change"},
	{.name = NULL},
};

const struct action sshd_harden = {
	.name = "sshd.harden",
	.summary = "set options of sshd so that they hold for every connection",
	.params = params,
	.facts = facts,
	.plan = plan_harden,
};
