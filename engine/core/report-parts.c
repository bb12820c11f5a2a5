/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/report-parts.h"

#include "base/escape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char *steal(struct report *report, struct buf *text)
{
	char *stolen = buf_steal(text);
	if (!stolen)
		report->error = -ENOMEM;
	return stolen;
}

char *report_safe(struct report *report, const char *escaped)
{
	_cleanup_buf_ struct buf safe = {0};
	if (escaped)
		escape_controls(&safe, escaped, strlen(escaped));
	return steal(report, &safe);
}

char *report_shown(struct report *report, const json_t *record, const char *field)
{
	return report_safe(report, json_string_value(json_object_get(record, field)));
}

char *report_said(struct report *report, const json_t *record, const char *field)
{
	_cleanup_free_ char *text = NULL;
	int r = json_field_text(record, field, &text);
	if (r == -EINVAL)
		return report_shown(report, record, field);
	if (r == -ENOMEM)
		report->error = r;
	return report_safe(report, text);
}

char *report_printf(struct report *report, const char *fmt, ...)
{
	_cleanup_buf_ struct buf text = {0};
	va_list ap;
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	return steal(report, &text);
}

void *report_more(struct report *report, void *v, size_t *n, size_t size)
{
	char *more = reallocarray(v, *n + 1, size);
	if (!more) {
		report->error = -ENOMEM;
		return NULL;
	}
	memset(more + *n * size, 0, size);
	++*n;
	return more;
}

struct report_step *report_step(struct report *report, const char *name)
{
	for (size_t i = 0; i < report->n_steps; i++)
		if (report->steps[i].name && strcmp(report->steps[i].name, name) == 0)
			return &report->steps[i];
	struct report_step *v = report_more(report, report->steps, &report->n_steps, sizeof(*v));
	if (!v)
		return NULL;
	report->steps = v;
	struct report_step *step = &v[report->n_steps - 1];
	step->name = report_safe(report, name);
	step->action = report_safe(report, NULL);
	step->failure = report_safe(report, NULL);
	return step;
}

char *report_operator(struct report *report, const json_t *operator)
{
	const json_t *login = json_object_get(operator, "loginuid"), *uid = json_object_get(operator, "uid");
	_cleanup_buf_ struct buf text = {0};
	if (json_is_integer(login))
		buf_printf(&text, "login uid %lld", (long long)json_integer_value(login));
	if (json_is_integer(uid))
		buf_printf(&text, "%suid %lld", text.len ? ", " : "", (long long)json_integer_value(uid));
	return steal(report, &text);
}

static const char *text_of(const json_t *object, const char *field)
{
	const char *text = json_string_value(json_object_get(object, field));
	return text ? text : "";
}

/* "rule brute of wazuh, address=203.0.113.9 (event: level=10)": texts that are escaped. */
static char *hook_words(struct report *report, const json_t *operator)
{
	_cleanup_buf_ struct buf text = {0};
	buf_printf(&text, "rule %s of %s", text_of(operator, "rule"), text_of(operator, "source"));
	if (*text_of(operator, "values"))
		buf_printf(&text, ", %s", text_of(operator, "values"));
	if (*text_of(operator, "event"))
		buf_printf(&text, " (event: %s)", text_of(operator, "event"));
	if (*text_of(operator, "left-out"))
		buf_printf(&text, "; %s", text_of(operator, "left-out"));
	return buf_error(&text) ? report_safe(report, NULL) : report_safe(report, text.data);
}

/* What is not among the ways is a word of a later version. */
char *report_trigger(struct report *report, const json_t *operator)
{
	static const struct {
		const char *by, *words;
	} ways[] = {
		{"command", "the command line"},
		{"recover", "respond --recover"},
		{"deadline", "its deadline"},
	};
	const char *by = json_string_value(json_object_get(operator, "by"));
	if (by && strcmp(by, "hook") == 0)
		return hook_words(report, operator);
	for (size_t i = 0; by && i < sizeof(ways) / sizeof(*ways); i++)
		if (strcmp(by, ways[i].by) == 0)
			return report_safe(report, ways[i].words);
	return report_safe(report, by);
}

char *report_author(struct report *report, const json_t *operator)
{
	_cleanup_free_ char *who = report_operator(report, operator), *how = report_trigger(report, operator);
	if (!who || !how || !*how)
		return report_safe(report, who);
	return report_printf(report, "%s%sby %s", who, *who ? ", " : "", how);
}

void report_time(int64_t ms, char ret[40])
{
	time_t seconds = ms / 1000;
	struct tm local;
	char date[24] = "?", zone[8] = "+0000";
	localtime_r(&seconds, &local);
	strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &local);
	strftime(zone, sizeof(zone), "%z", &local);
	snprintf(ret, 40, "%s %.3s:%.2s", date, zone, zone + 3);
}
