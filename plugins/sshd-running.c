/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sshd-harden.h"

#include "base/escape.h"
#include "base/proc.h"
#include "change/service-reload.h"
#include "core/value.h"

#include <errno.h>
#include <string.h>

/* An option on the command line of the running sshd beats its files. */
static int tell_override(struct job *job, pid_t pid, const char *text)
{
	_cleanup_(sshd_option_free) struct sshd_option given = {0};
	_cleanup_buf_ struct buf why = {0}, shown = {0};
	if (sshd_option_parse(text, &given, &why) < 0)
		return 0;
	const struct wanted *wanted = job_wanted(job, given.keyword);
	bool port = strcmp(given.keyword, "port") == 0 && job->ports.n;
	if (port ? ports_has(&job->ports, (unsigned)value_number(given.args.v[0])) :
	           !wanted || wanted_met(wanted, &given.args))
		return 0;
	escape_str(&shown, text);
	return plan_residual(job->plan, "the running sshd (pid %d) was started with -o %s, which %s its files", (int)pid,
	                     buf_text(&shown), port ? "adds to" : "beats");
}

/* -p beats every Port line, also where it says the same. */
static int tell_port(struct job *job, pid_t pid, const char *port)
{
	_cleanup_buf_ struct buf shown = {0};
	if (!job->ports.n)
		return 0;
	escape_str(&shown, port);
	return plan_residual(job->plan, "the running sshd (pid %d) was started with -p %s: Port has no effect until it is "
	                     "started without", (int)pid, buf_text(&shown));
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
		if (word && strncmp(word, "-p", 2) == 0) {
			const char *port = word[2] ? word + 2 : strtok_r(NULL, " ", &save);
			r = port ? tell_port(job, pid, port) : 0;
			continue;
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

int running_tell(struct job *job)
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
