/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The ports of sshd. Every Port line adds one, and a ListenAddress line that names a port
 * of its own listens there whatever Port says. So
 *  - a Port line that is wanted stays, another becomes the next one that is wanted and not
 *    there, and what is left over becomes a comment; what is then still lacking comes first;
 *  - a ListenAddress line loses a port of its own, unless that is all that is wanted.
 */
#include "sshd-harden.h"

#include "base/escape.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool ports_has(const struct ports *ports, unsigned port)
{
	for (size_t i = 0; i < ports->n; i++)
		if (ports->v[i] == port)
			return true;
	return false;
}

static int ports_add(struct ports *ports, unsigned port)
{
	if (ports->n < SSHD_PORTS_MAX && !ports_has(ports, port))
		ports->v[ports->n++] = (uint16_t)port;
	return 0;
}

/* 0: no number, so none that is wanted (sshd takes names of services too). */
static unsigned port_of(const char *text)
{
	char *end;
	unsigned long n = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;
	return n && !*end && n <= 65535 ? (unsigned)n : 0;
}

static int edit(struct job *job, size_t statement, const struct buf *text)
{
	const struct sshd_config *config = &job->before.config;
	int r = buf_error(text) ? buf_error(text) : strv_add(&job->texts, buf_text(text));
	return r < 0 ? r : job_edit(job, config->statements[statement].file, sshd_statement_line(config, statement)->number,
	                            job->texts.v[job->texts.n - 1]);
}

static int comment_out(struct job *job, size_t statement)
{
	const struct sshd_config *config = &job->before.config;
	_cleanup_buf_ struct buf text = {0};
	buf_putc(&text, '#');
	int r = sshd_line_text(&config->files[config->statements[statement].file]->bytes,
	                       sshd_statement_line(config, statement)->number, &text);
	return r < 0 ? r : edit(job, statement, &text);
}

/* The same line, reached a second time: a file that is included twice. */
static bool seen(const struct job *job, size_t statement)
{
	const struct sshd_config *c = &job->before.config;
	const struct sshd_statement *s = &c->statements[statement];
	for (size_t i = 0; i < statement; i++)
		if (c->statements[i].line == s->line &&
		    job_file(job, c->statements[i].file) == job_file(job, s->file))
			return true;
	return false;
}

static bool is_line(const struct job *job, size_t statement, const char *keyword)
{
	return strcmp(sshd_statement_line(&job->before.config, statement)->keyword, keyword) == 0;
}

/* The port of a Port line, 0: none that could be wanted. */
static unsigned line_port(const struct job *job, size_t statement)
{
	const struct sshd_line *line = sshd_statement_line(&job->before.config, statement);
	return !line->broken && line->args.n == 1 ? port_of(line->args.v[0]) : 0;
}

/* Whether the line stays: the first that says a wanted port. */
static bool stays(const struct job *job, size_t statement)
{
	unsigned port = line_port(job, statement);
	for (size_t i = 0; i < statement; i++)
		if (is_line(job, i, "port") && line_port(job, i) == port)
			return false;
	return ports_has(&job->ports, port);
}

/* The next wanted port that no line says, 0: none is left. */
static unsigned next_lacking(const struct job *job, const struct ports *there)
{
	for (size_t i = 0; i < job->ports.n; i++)
		if (!ports_has(there, job->ports.v[i]))
			return job->ports.v[i];
	return 0;
}

static int change_port_line(struct job *job, size_t statement, struct ports *there)
{
	_cleanup_buf_ struct buf text = {0};
	unsigned port = next_lacking(job, there);
	if (!port)
		return comment_out(job, statement);
	ports_add(there, port);
	buf_printf(&text, "Port %u", port);
	return edit(job, statement, &text);
}

static int add_port_line(struct job *job, struct ports *there)
{
	unsigned port = next_lacking(job, there);
	int r = strv_addf(&job->texts, "Port %u", port);
	ports_add(there, port);
	return r < 0 ? r : job_edit(job, 0, 0, job->texts.v[job->texts.n - 1]);
}

static int edit_ports(struct job *job)
{
	const size_t n = job->before.config.n_statements;
	struct ports there = {.n = 0};
	int r = 0;
	for (size_t i = 0; i < n; i++)
		if (is_line(job, i, "port") && stays(job, i))
			ports_add(&there, line_port(job, i));
	for (size_t i = 0; i < n && r == 0; i++)
		if (is_line(job, i, "port") && !seen(job, i) && !stays(job, i))
			r = change_port_line(job, i, &there);
	while (r == 0 && next_lacking(job, &there))
		r = add_port_line(job, &there);
	return r;
}

/* Splits "ADDRESS", "ADDRESS:PORT", "[ADDRESS]:PORT" as sshd does: more than one colon without
 * brackets is an address. 1: there is a port, RET_PORT is 0 where it is no number. */
static int split_address(const char *text, struct buf *ret_address, unsigned *ret_port)
{
	const char *close = *text == '[' ? strchr(text, ']') : NULL;
	const char *colon = strpbrk(close ? close : text, ":/");
	if (!close && colon && strchr(colon + 1, ':'))
		colon = NULL;
	size_t len = colon ? (size_t)(colon - text) : strlen(text);
	if (close)
		buf_add(ret_address, text + 1, (size_t)(close - text) - 1);
	else
		buf_add(ret_address, text, len);
	*ret_port = colon ? port_of(colon + 1) : 0;
	return buf_error(ret_address) ? buf_error(ret_address) : colon != NULL;
}

/* ADDRESSES: those that listen on all ports of Port lines so far. */
static int edit_address(struct job *job, size_t statement, struct strv *addresses)
{
	const struct sshd_line *line = sshd_statement_line(&job->before.config, statement);
	_cleanup_buf_ struct buf address = {0}, text = {0};
	unsigned port;
	if (line->broken || !line->args.n)
		return 0; /* sshd says what is wrong with it */
	int r = split_address(line->args.v[0], &address, &port);
	if (r < 0 || (r && job->ports.n == 1 && port == job->ports.v[0]))
		return r < 0 ? r : 0;
	for (size_t i = 1; i < line->args.n; i++) /* rdomain */
		buf_printf(&address, " %s", line->args.v[i]);
	bool twice = strv_has(addresses, buf_text(&address));
	int added = strv_add(addresses, buf_text(&address));
	if (!r || added < 0)
		return added;
	if (twice)
		return comment_out(job, statement);
	buf_printf(&text, "ListenAddress %s", buf_text(&address));
	return edit(job, statement, &text);
}

static int edit_addresses(struct job *job)
{
	_cleanup_strv_ struct strv addresses = {0};
	int r = 0;
	for (size_t i = 0; i < job->before.config.n_statements && r == 0; i++)
		if (is_line(job, i, "listenaddress") && !seen(job, i))
			r = edit_address(job, i, &addresses);
	return r;
}

int port_find_edits(struct job *job)
{
	if (!job->ports.n)
		return 0;
	int r = edit_ports(job);
	return r < 0 ? r : edit_addresses(job);
}

/* The ports of "0.0.0.0:22,[::]:22". */
static void listened(const struct buf *dump, struct ports *ret)
{
	_cleanup_buf_ struct buf all = {0};
	char *save = NULL;
	if (sshd_dump_value(dump, "listenaddress", &all) < 0 || !all.len)
		return;
	for (char *word = strtok_r(all.data, ", ", &save); word; word = strtok_r(NULL, ", ", &save)) {
		const char *colon = strrchr(word, ':');
		if (colon && port_of(colon + 1))
			ports_add(ret, port_of(colon + 1));
	}
}

static int put_ports(const struct ports *ports, struct buf *ret)
{
	for (size_t i = 0; i < ports->n; i++)
		buf_printf(ret, "%s%u", i ? ", " : "", ports->v[i]);
	return buf_error(ret);
}

static bool same_ports(const struct ports *a, const struct ports *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (!ports_has(b, a->v[i]))
			return false;
	return a->n == b->n;
}

int port_tell(struct job *job)
{
	_cleanup_(sshd_cases_free) struct sshd_cases cases = {0};
	_cleanup_buf_ struct buf was_text = {0}, is_text = {0};
	struct ports was = {.n = 0}, is = {.n = 0};
	const struct buf *before, *after;
	bool guessed;
	if (!job->ports.n)
		return 0;
	int r = sshd_cases_all(&job->before, &cases);
	if (r == 0)
		r = sshd_asker_dump(&job->before, &cases.v[0], &before, NULL);
	if (r == 0)
		r = sshd_asker_dump(&job->after, &cases.v[0], &after, &guessed);
	if (r < 0)
		return r;
	listened(before, &was);
	listened(after, &is);
	put_ports(&was, &was_text);
	put_ports(&is, &is_text);
	if (guessed || !was.n)
		return 0; /* what sshd would make of it is not known, and was told so */
	r = plan_note(job->plan, "ports: %s%s%s", same_ports(&was, &is) ? "" : buf_text(&was_text),
	              same_ports(&was, &is) ? "" : " -> ", buf_text(&is_text));
	if (r == 0 && !same_ports(&is, &job->ports))
		r = plan_residual(job->plan, "sshd would still listen on ports %s", buf_text(&is_text));
	return r;
}
