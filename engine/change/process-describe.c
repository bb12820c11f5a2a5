/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/process-describe.h"

#include "base/escape.h"
#include "change/process-tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH 100      /* columns of a line of the tree, as far as argv can be shortened */
#define NAMED 4        /* processes that the one line names */
#define DEPTH_MAX 16   /* deeper ones are drawn at this depth */

static char *target_of(const struct processes *list)
{
	struct buf text = {0};
	buf_printf(&text, "%d (%s)", (int)list->v[0].id.pid, process_name(&list->v[0]));
	if (list->n > 1)
		buf_printf(&text, " and %zu more", list->n - 1);
	return buf_steal(&text);
}

static json_t *identity_of(const struct process *p)
{
	return identity_to_json(&p->id);
}

static json_t *array_of(const struct processes *list, json_t *(*encode)(const struct process *p))
{
	json_t *array = json_array();
	for (size_t i = 0; array && i < list->n; i++) {
		if (json_array_append_new(array, encode(&list->v[i])) < 0) {
			json_decref(array);
			array = NULL;
		}
	}
	return array;
}

static json_t *data_of(const char *boot, const struct selector *selector, const struct processes *list,
                       const struct processes *left)
{
	json_t *data = json_pack("{s:s, s:o, s:o}", "boot", boot, "select", selector_to_json(selector), "processes",
	                         array_of(list, process_to_json));
	if (data && left->n && json_object_set_new(data, "left-out", array_of(left, identity_of)) < 0) {
		json_decref(data);
		data = NULL;
	}
	return data;
}

int processes_plan(struct host *host, struct plan *plan, const struct change_kind *kind,
                   const struct selector *selector, const struct processes *list, const struct processes *left)
{
	char boot[40];
	if (list->n == 0)
		return 0;
	int r = proc_boot_id(host->proc, boot);
	if (r < 0)
		return r;
	_cleanup_free_ char *target = target_of(list);
	json_t *data = data_of(boot, selector, list, left);
	if (!target || !data) {
		json_decref(data);
		return -ENOMEM;
	}
	return plan_change(plan, kind, target, data, NULL);
}

int processes_describe(const struct change *change, const char *verb, struct buf *ret)
{
	_cleanup_processes_ struct processes list = {0};
	int r = processes_of(change, &list);
	if (r < 0)
		return r;
	size_t named = 0, direct = 0;
	buf_printf(ret, "%s %zu process%s:", verb, list.n, list.n == 1 ? "" : "es");
	for (size_t i = 0; i < list.n; i++) {
		direct += list.v[i].direct;
		if (!list.v[i].direct || named == NAMED)
			continue;
		buf_puts(ret, named++ ? ", " : " ");
		escape_str(ret, process_name(&list.v[i]));
		buf_printf(ret, " (%d)", (int)list.v[i].id.pid);
	}
	if (direct > named)
		buf_printf(ret, " and %zu more", direct - named);
	if (list.n > direct)
		buf_printf(ret, "%s %zu descendant%s", direct ? " and" : "", list.n - direct,
		           list.n - direct == 1 ? "" : "s");
	return buf_error(ret);
}

/* How many columns the text takes, near enough: one for each character. */
static size_t columns(const char *text, size_t len)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

/* Appends at most WIDE columns of TEXT, which is escaped already. */
static void put_short(struct buf *ret, const struct buf *text, size_t wide)
{
	if (columns(buf_text(text), text->len) <= wide) {
		buf_add(ret, buf_text(text), text->len);
		return;
	}
	size_t at = 0;
	for (size_t n = 0; at < text->len && n + 1 < wide; n++) {
		unsigned c;
		size_t step = utf8_next(text->data + at, text->len - at, &c);
		at += step ? step : 1;
	}
	buf_add(ret, text->data, at);
	buf_puts(ret, "…");
}

static void put_marks(struct buf *ret, const struct process *p, const char *before)
{
	const struct {
		bool applies;
		const char *text;
	} marks[] = {
		{process_poses_as_kernel(p), "poses as a kernel thread"},
		{p->deleted && strncmp(p->exe, "/memfd:", 7) == 0, "executable only in memory"},
		{p->deleted && strncmp(p->exe, "/memfd:", 7) != 0, "deleted executable"},
		{p->stopped, "stopped"},
	};
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
		if (!marks[i].applies)
			continue;
		buf_puts(ret, before);
		buf_puts(ret, marks[i].text);
		before = ", ";
	}
}

static void argv_line(struct buf *ret, const struct process *p)
{
	for (size_t i = 0; i < p->argv.n; i++) {
		buf_puts(ret, i ? " " : "");
		escape_str(ret, p->argv.v[i]);
	}
	if (p->argv_cut)
		buf_puts(ret, " …");
}

static void put_argv(struct buf *ret, const struct process *p, size_t used)
{
	_cleanup_buf_ struct buf line = {0};
	argv_line(&line, p);
	if (!line.len)
		return;
	buf_puts(ret, ": ");
	put_short(ret, &line, used + 12 < WIDTH ? WIDTH - used - 2 : 10);
}

static void put_process(struct buf *ret, const struct process *p)
{
	size_t start = ret->len;
	while (start && ret->data[start - 1] != '\n')
		start--;
	buf_printf(ret, "%d ", (int)p->id.pid);
	escape_str(ret, process_name(p));
	buf_puts(ret, " (");
	escape_str(ret, p->user);
	buf_puts(ret, ") ");
	escape_str(ret, p->exe[0] ? p->exe : "?");
	put_argv(ret, p, columns(ret->data + start, ret->len - start));
	put_marks(ret, p, "  <- ");
	buf_putc(ret, '\n');
}

struct drawing {
	struct buf *text;
	bool more[DEPTH_MAX]; /* whether the branch of that depth goes on below */
};

static int draw(void *ctx, const struct tree_place *place)
{
	struct drawing *d = ctx;
	for (unsigned depth = 1; depth < place->depth && depth < DEPTH_MAX; depth++)
		buf_puts(d->text, d->more[depth] ? "│  " : "   ");
	if (place->depth)
		buf_puts(d->text, place->last ? "└─ " : "├─ ");
	if (place->depth < DEPTH_MAX)
		d->more[place->depth] = !place->last;
	put_process(d->text, place->process);
	return buf_error(d->text);
}

int processes_tree(const struct processes *list, struct buf *ret)
{
	struct drawing d = {.text = ret};
	return process_tree_walk(list, draw, &d);
}

int processes_detail(const struct change *change, struct buf *ret)
{
	_cleanup_processes_ struct processes list = {0};
	int r = processes_of(change, &list);
	return r < 0 ? r : processes_tree(&list, ret);
}

/* What was kept of each before it was killed, by pid. */
struct kept_list {
	const json_t **v;
	size_t n;
};

static pid_t pid_of(const json_t *evidence)
{
	return (pid_t)json_integer_value(json_object_get(evidence, "pid"));
}

static int by_pid(const void *a, const void *b)
{
	pid_t x = pid_of(*(const json_t *const *)a), y = pid_of(*(const json_t *const *)b);
	return x < y ? -1 : x > y;
}

static int find_kept(const struct change *change, struct kept_list *ret)
{
	const json_t *more, *item;
	size_t i, k;
	json_array_foreach(json_object_get(change->data, "grown"), i, more)
	{
		const json_t *evidence = json_object_get(more, "evidence");
		const json_t **v = reallocarray(ret->v, ret->n + json_array_size(evidence) + 1, sizeof(*v));
		if (!v)
			return -ENOMEM;
		ret->v = v;
		json_array_foreach(evidence, k, item)
			v[ret->n++] = item;
	}
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_pid);
	return 0;
}

static const json_t *kept_of(const struct kept_list *list, pid_t pid)
{
	size_t low = 0, high = list->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (pid_of(list->v[middle]) < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < list->n && pid_of(list->v[low]) == pid ? list->v[low] : NULL;
}

struct viewing {
	struct kept_list kept;
	int (*visit)(void *ctx, const struct process_view *process);
	void *ctx;
};

static int view(void *ctx, const struct tree_place *place)
{
	const struct viewing *v = ctx;
	const struct process *p = place->process;
	const json_t *kept = kept_of(&v->kept, p->id.pid);
	_cleanup_buf_ struct buf name = {0}, user = {0}, exe = {0}, args = {0}, marks = {0};
	escape_str(&name, process_name(p));
	escape_str(&user, p->user);
	escape_str(&exe, p->exe);
	argv_line(&args, p);
	put_marks(&marks, p, "");
	if (buf_error(&name) || buf_error(&user) || buf_error(&exe) || buf_error(&args) || buf_error(&marks))
		return -ENOMEM;
	const struct process_view process = {
		.depth = place->depth,
		.pid = p->id.pid,
		.name = buf_text(&name),
		.user = buf_text(&user),
		.exe = buf_text(&exe),
		.args = buf_text(&args),
		.marks = buf_text(&marks),
		.exe_sha256 = json_string_value(json_object_get(kept, "exe-sha256")),
		.exe_kept = json_is_true(json_object_get(kept, "exe-in-vault")),
		.sockets = json_object_get(kept, "sockets"),
	};
	return v->visit(v->ctx, &process);
}

int processes_view(const struct change *change, int (*visit)(void *ctx, const struct process_view *process), void *ctx)
{
	_cleanup_processes_ struct processes list = {0};
	struct viewing v = {.visit = visit, .ctx = ctx};
	int r = processes_of(change, &list);
	if (r == 0)
		r = find_kept(change, &v.kept);
	if (r == 0)
		r = process_tree_walk(&list, view, &v);
	free(v.kept.v);
	return r;
}

int processes_subjects(const struct change *change, subject_fn visit, void *ctx)
{
	_cleanup_processes_ struct processes list = {0};
	int r = processes_of(change, &list);
	bool login = json_is_true(json_object_get(change->data, "login"));
	for (size_t i = 0; r == 0 && i < list.n; i++) {
		struct subject subject = {.type = SUBJECT_PROCESS, .pid = list.v[i].id.pid, .login = login};
		r = visit(ctx, &subject);
	}
	return r;
}
