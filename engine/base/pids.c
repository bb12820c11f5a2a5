/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/pids.h"

#include <errno.h>
#include <stdlib.h>

int pids_add(struct pids *p, pid_t pid)
{
	if (p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 256;
		pid_t *v = reallocarray(p->v, cap, sizeof(*v));
		if (!v)
			return -ENOMEM;
		p->v = v;
		p->cap = cap;
	}
	p->v[p->n++] = pid;
	return 0;
}

bool pids_has(const struct pids *p, pid_t pid)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i] == pid)
			return true;
	return false;
}

void pids_free(struct pids *p)
{
	free(p->v);
	*p = (struct pids){0};
}
