/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/process-describe.h"

#include "base/escape.h"

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

static void put_marks(struct buf *ret, const struct process *p)
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
	bool any = false;
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
		if (!marks[i].applies)
			continue;
		buf_puts(ret, any ? ", " : "  <- ");
		buf_puts(ret, marks[i].text);
		any = true;
	}
}

static void put_argv(struct buf *ret, const struct process *p, size_t used)
{
	_cleanup_buf_ struct buf line = {0};
	for (size_t i = 0; i < p->argv.n; i++) {
		buf_puts(&line, i ? " " : "");
		escape_str(&line, p->argv.v[i]);
	}
	if (p->argv_cut)
		buf_puts(&line, " …");
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
	put_marks(ret, p);
	buf_putc(ret, '\n');
}

/* The list with its parents resolved: child and sibling by index, -1 for none. */
struct node {
	int child;
	int sibling;
	bool drawn; /* journaled parents need not form a tree */
};

static int by_pid(const void *a, const void *b, void *list)
{
	const struct processes *l = list;
	pid_t x = l->v[*(const int *)a].id.pid, y = l->v[*(const int *)b].id.pid;
	return x < y ? -1 : x > y;
}

/* The index of the process PID in the list, by the ORDER of pids; -1 for none. */
static int find(const struct processes *list, const int *order, pid_t pid)
{
	size_t low = 0, high = list->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (list->v[order[middle]].id.pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < list->n && list->v[order[low]].id.pid == pid ? order[low] : -1;
}

static void draw(const struct processes *list, struct node *nodes, int at, const struct buf *indent, const char *bend,
                 const char *next, int depth, struct buf *ret)
{
	_cleanup_buf_ struct buf below = {0};
	nodes[at].drawn = true;
	buf_puts(ret, buf_text(indent));
	buf_puts(ret, bend);
	put_process(ret, &list->v[at]);
	buf_puts(&below, buf_text(indent));
	if (depth < DEPTH_MAX)
		buf_puts(&below, next);
	for (int child = nodes[at].child; child >= 0; child = nodes[child].sibling) {
		bool last = nodes[child].sibling < 0;
		if (!nodes[child].drawn)
			draw(list, nodes, child, &below, last ? "└─ " : "├─ ", last ? "   " : "│  ", depth + 1, ret);
	}
}

/* Links every process below its parent; -1 as parent: a root. Walks from the last one
 * so that siblings keep their order. */
static void link_nodes(const struct processes *list, const int *order, struct node *nodes, bool *is_root)
{
	for (size_t i = 0; i < list->n; i++)
		nodes[i] = (struct node){.child = -1, .sibling = -1};
	for (size_t k = list->n; k-- > 0;) {
		int at = order[k];
		int parent = find(list, order, list->v[at].ppid);
		is_root[at] = parent < 0 || parent == at;
		if (is_root[at])
			continue;
		nodes[at].sibling = nodes[parent].child;
		nodes[parent].child = at;
	}
}

int processes_tree(const struct processes *list, struct buf *ret)
{
	if (list->n == 0)
		return 0;
	_cleanup_free_ struct node *nodes = calloc(list->n, sizeof(*nodes));
	_cleanup_free_ int *order = calloc(list->n, sizeof(*order));
	_cleanup_free_ bool *is_root = calloc(list->n, sizeof(*is_root));
	if (!nodes || !order || !is_root)
		return -ENOMEM;
	for (size_t i = 0; i < list->n; i++)
		order[i] = (int)i;
	qsort_r(order, list->n, sizeof(*order), by_pid, (void *)list);
	link_nodes(list, order, nodes, is_root);
	const struct buf none = {0};
	for (int pass = 0; pass < 2; pass++) /* then those whose parents lead in a circle */
		for (size_t k = 0; k < list->n; k++)
			if (!nodes[order[k]].drawn && (pass || is_root[order[k]]))
				draw(list, nodes, order[k], &none, "", "", 0, ret);
	return buf_error(ret);
}

int processes_detail(const struct change *change, struct buf *ret)
{
	_cleanup_processes_ struct processes list = {0};
	int r = processes_of(change, &list);
	return r < 0 ? r : processes_tree(&list, ret);
}

int processes_subjects(const struct change *change, subject_fn visit, void *ctx)
{
	_cleanup_processes_ struct processes list = {0};
	int r = processes_of(change, &list);
	for (size_t i = 0; r == 0 && i < list.n; i++) {
		struct subject subject = {.type = SUBJECT_PROCESS, .pid = list.v[i].id.pid};
		r = visit(ctx, &subject);
	}
	return r;
}
