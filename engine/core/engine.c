/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/engine.h"

#include "core/vault.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int64_t engine_confirm_ms(const struct engine *engine, const struct step *step)
{
	return engine->confirm_ms >= 0 ? engine->confirm_ms : step->confirm_ms;
}

int64_t engine_ttl_ms(const struct engine *engine, const struct step *step)
{
	if (action_param(step->action, "ttl"))
		return 0;
	int64_t most = engine->ttl_ms, own = step->ttl_ms;
	return own && (!most || own < most) ? own : most;
}

static int open_vault(struct engine *engine, int (*open_at)(int root, const char *dir, struct vault **ret))
{
	_cleanup_free_ char *dir = NULL;
	if (asprintf(&dir, "%s/vault", engine->state->dir) < 0)
		return -ENOMEM;
	return open_at(engine->state->root, dir, &engine->host->vault);
}

int engine_open_to_read(struct engine *engine)
{
	int r = open_vault(engine, vault_open_to_read);
	return r == -ENOENT ? 0 : r;
}

/* Somebody who could write there would be believed like root. */
static void explain(const struct state *state, int error, struct buf *ret_why)
{
	buf_printf(ret_why, "%s cannot be used: ", state->dir);
	if (error == -EPERM)
		buf_puts(ret_why, "it, its key or one of its directories is not root's alone");
	else if (error == -ELOOP || error == -ENOTDIR)
		buf_puts(ret_why, "a symbolic link, or no directory, stands where one of its directories should be");
	else
		buf_puts(ret_why, strerror(-error));
}

int engine_lock(struct engine *engine, int *ret_lock, struct buf *ret_why)
{
	int r = state_prepare(engine->state);
	if (r == 0)
		r = state_lock(engine->state, (int)engine->config->lock_wait_ms, ret_lock);
	if (r == -EWOULDBLOCK) {
		buf_puts(ret_why, "another respond is at work on this host; it was waited for in vain");
		return r;
	}
	if (r == 0)
		r = open_vault(engine, vault_open);
	if (r == 0)
		r = vault_limit(engine->host->vault, engine->config->vault_quota);
	if (r < 0)
		explain(engine->state, r, ret_why);
	return r;
}
