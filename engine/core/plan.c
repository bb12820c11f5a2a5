/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/plan.h"

#include "base/strset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct yield {
	char *name;
	struct strset values;
};

struct plan {
	struct change **changes;
	size_t n;
	struct evidence_list evidence;
	/* Of the step that is being planned. */
	char *step;
	struct yield *facts;
	size_t n_facts;
	struct strv notes;
	struct strv residuals;
	struct buf failure;
};

int plan_new(struct plan **ret)
{
	struct plan *plan = calloc(1, sizeof(*plan));
	if (!plan)
		return -ENOMEM;
	*ret = plan;
	return 0;
}

static void end_step(struct plan *plan)
{
	for (size_t i = 0; i < plan->n_facts; i++) {
		free(plan->facts[i].name);
		strset_free(&plan->facts[i].values);
	}
	free(plan->facts);
	plan->facts = NULL;
	plan->n_facts = 0;
	strv_free(&plan->notes);
	strv_free(&plan->residuals);
	buf_free(&plan->failure);
	free(plan->step);
	plan->step = NULL;
}

void plan_free(struct plan **plan)
{
	if (!*plan)
		return;
	end_step(*plan);
	for (size_t i = 0; i < (*plan)->n; i++)
		change_free(&(*plan)->changes[i]);
	free((*plan)->changes);
	evidence_list_free(&(*plan)->evidence);
	free(*plan);
	*plan = NULL;
}

int plan_begin_step(struct plan *plan, const char *step)
{
	end_step(plan);
	evidence_begin_step(&plan->evidence);
	plan->step = strdup(step);
	return plan->step ? 0 : -ENOMEM;
}

int plan_change(struct plan *plan, const struct change_kind *kind, const char *target, json_t *data,
                struct change **ret)
{
	struct change **v = reallocarray(plan->changes, plan->n + 1, sizeof(*v));
	if (!v) {
		json_decref(data);
		return -ENOMEM;
	}
	plan->changes = v;
	int r = change_new(kind, plan->step, target, data, &v[plan->n]);
	if (r < 0)
		return r;
	if (ret)
		*ret = v[plan->n];
	plan->n++;
	return 0;
}

static struct yield *yield_of(const struct plan *plan, const char *fact)
{
	for (size_t i = 0; i < plan->n_facts; i++)
		if (strcmp(plan->facts[i].name, fact) == 0)
			return &plan->facts[i];
	return NULL;
}

static struct yield *yield_make(struct plan *plan, const char *fact)
{
	struct yield *y = yield_of(plan, fact);
	if (y)
		return y;
	struct yield *v = reallocarray(plan->facts, plan->n_facts + 1, sizeof(*v));
	if (!v)
		return NULL;
	plan->facts = v;
	v[plan->n_facts] = (struct yield){.name = strdup(fact)};
	return v[plan->n_facts].name ? &v[plan->n_facts++] : NULL;
}

int plan_fact(struct plan *plan, const char *fact, const char *value)
{
	struct yield *y = yield_make(plan, fact);
	int r = y ? strset_add(&y->values, value) : -ENOMEM;
	return r < 0 ? r : 0;
}

int plan_fact_number(struct plan *plan, const char *fact, long long value)
{
	struct yield *y = yield_make(plan, fact);
	if (!y)
		return -ENOMEM;
	strset_free(&y->values);
	char text[24];
	snprintf(text, sizeof(text), "%lld", value);
	int r = strset_add(&y->values, text);
	return r < 0 ? r : 0;
}

__attribute__((format(printf, 2, 0)))
static int add_line(struct strv *lines, const char *fmt, va_list ap)
{
	_cleanup_buf_ struct buf b = {0};
	int r = buf_vprintf(&b, fmt, ap);
	return r < 0 ? r : strv_add_new(lines, buf_text(&b));
}

int plan_note(struct plan *plan, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int r = add_line(&plan->notes, fmt, ap);
	va_end(ap);
	return r;
}

int plan_residual(struct plan *plan, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int r = add_line(&plan->residuals, fmt, ap);
	va_end(ap);
	return r;
}

int plan_unreadable(struct plan *plan, struct host *host, const char *path, int error)
{
	_cleanup_buf_ struct buf why = {0};
	if (error != -EWOULDBLOCK)
		return host_unreadable(host, path, error);
	int r = host_why_unreadable(host, path, error, &why);
	return r < 0 ? r : plan_residual(plan, "%s", why.data);
}

__attribute__((format(printf, 6, 0)))
static int keep(struct plan *plan, const char *name, struct buf *bytes, int fd, bool partial, const char *fmt,
                va_list ap)
{
	_cleanup_buf_ struct buf summary = {0};
	buf_vprintf(&summary, fmt, ap);
	int r = evidence_add(&plan->evidence, plan->step, name, bytes, fd, partial, buf_text(&summary));
	return r < 0 ? r : buf_error(&summary);
}

int plan_evidence(struct plan *plan, const char *name, struct buf *bytes, bool partial, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int r = keep(plan, name, bytes, -1, partial, fmt, ap);
	va_end(ap);
	return r;
}

int plan_evidence_file(struct plan *plan, const char *name, int fd, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int r = keep(plan, name, NULL, fd, false, fmt, ap);
	va_end(ap);
	return r;
}

struct evidence_list *plan_evidences(struct plan *plan)
{
	return &plan->evidence;
}

int plan_fail(struct plan *plan, int error, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	buf_reset(&plan->failure);
	int r = buf_vprintf(&plan->failure, fmt, ap);
	va_end(ap);
	return r < 0 ? r : error;
}

int plan_file(const struct plan *plan, const char *path, struct buf *ret)
{
	for (size_t i = plan->n; i-- > 0;) {
		const struct change *c = plan->changes[i];
		if (!c || strcmp(c->target, path) != 0)
			continue;
		if (c->takes_target)
			return -ENOENT;
		if (c->writes_target) {
			int r = buf_copy(ret, &c->result);
			return r < 0 ? r : 1;
		}
	}
	return 0;
}

size_t plan_count(const struct plan *plan)
{
	return plan->n;
}

struct change *plan_at(const struct plan *plan, size_t i)
{
	return plan->changes[i];
}

struct change *plan_take(struct plan *plan, size_t i)
{
	struct change *c = plan->changes[i];
	plan->changes[i] = NULL;
	return c;
}

void plan_drop_from(struct plan *plan, size_t n)
{
	while (plan->n > n)
		change_free(&plan->changes[--plan->n]);
}

const struct strv *plan_facts(const struct plan *plan, const char *fact)
{
	const struct yield *y = yield_of(plan, fact);
	return y ? &y->values.list : NULL;
}

const struct strv *plan_notes(const struct plan *plan)
{
	return &plan->notes;
}

const struct strv *plan_residuals(const struct plan *plan)
{
	return &plan->residuals;
}

const char *plan_failure(const struct plan *plan)
{
	return buf_text(&plan->failure);
}
