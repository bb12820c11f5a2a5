/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/process-tree.h"

#include <errno.h>
#include <stdlib.h>

/* The list with its parents resolved: child and sibling by index, -1 for none. */
struct node {
	int child;
	int sibling;
	bool visited; /* journaled parents need not form a tree */
};

struct tree {
	const struct processes *list;
	struct node *nodes;
	int *order; /* by pid */
	bool *is_root;
	int (*visit)(void *ctx, const struct tree_place *place);
	void *ctx;
};

static int by_pid(const void *a, const void *b, void *list)
{
	const struct processes *l = list;
	pid_t x = l->v[*(const int *)a].id.pid, y = l->v[*(const int *)b].id.pid;
	return x < y ? -1 : x > y;
}

/* The index of the process PID in the list; -1 for none. */
static int find(const struct tree *t, pid_t pid)
{
	size_t low = 0, high = t->list->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (t->list->v[t->order[middle]].id.pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < t->list->n && t->list->v[t->order[low]].id.pid == pid ? t->order[low] : -1;
}

/* Links every process below its parent. Walks from the last one so that siblings keep
 * their order. */
static void link_nodes(struct tree *t)
{
	for (size_t i = 0; i < t->list->n; i++)
		t->nodes[i] = (struct node){.child = -1, .sibling = -1};
	for (size_t k = t->list->n; k-- > 0;) {
		int at = t->order[k];
		int parent = find(t, t->list->v[at].ppid);
		t->is_root[at] = parent < 0 || parent == at;
		if (t->is_root[at])
			continue;
		t->nodes[at].sibling = t->nodes[parent].child;
		t->nodes[parent].child = at;
	}
}

static int walk(struct tree *t, int at, unsigned depth)
{
	const struct tree_place place = {
		.process = &t->list->v[at],
		.depth = depth,
		.last = t->nodes[at].sibling < 0,
	};
	t->nodes[at].visited = true;
	int r = t->visit(t->ctx, &place);
	for (int child = t->nodes[at].child; r == 0 && child >= 0; child = t->nodes[child].sibling)
		if (!t->nodes[child].visited)
			r = walk(t, child, depth + 1);
	return r;
}

/* From the roots; then from those whose parents lead in a circle. */
static int walk_all(struct tree *t)
{
	int r = 0;
	for (int pass = 0; pass < 2; pass++)
		for (size_t k = 0; r == 0 && k < t->list->n; k++)
			if (!t->nodes[t->order[k]].visited && (pass || t->is_root[t->order[k]]))
				r = walk(t, t->order[k], 0);
	return r;
}

int process_tree_walk(const struct processes *list, int (*visit)(void *ctx, const struct tree_place *place), void *ctx)
{
	if (list->n == 0)
		return 0;
	_cleanup_free_ struct node *nodes = calloc(list->n, sizeof(*nodes));
	_cleanup_free_ int *order = calloc(list->n, sizeof(*order));
	_cleanup_free_ bool *is_root = calloc(list->n, sizeof(*is_root));
	if (!nodes || !order || !is_root)
		return -ENOMEM;
	struct tree tree = {.list = list, .nodes = nodes, .order = order, .is_root = is_root, .visit = visit, .ctx = ctx};
	for (size_t i = 0; i < list->n; i++)
		order[i] = (int)i;
	qsort_r(order, list->n, sizeof(*order), by_pid, (void *)list);
	link_nodes(&tree);
	return walk_all(&tree);
}
