/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/engine.h"

#include "core/vault.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LOCK_WAIT_MS 30000

int64_t engine_confirm_ms(const struct engine *engine, const struct step *step)
{
	return engine->confirm_ms >= 0 ? engine->confirm_ms : step->confirm_ms;
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

int engine_lock(struct engine *engine, int *ret_lock, struct buf *ret_why)
{
	int r = state_prepare(engine->state);
	if (r == 0)
		r = state_lock(engine->state, LOCK_WAIT_MS, ret_lock);
	if (r == -EWOULDBLOCK) {
		buf_puts(ret_why, "another respond is at work on this host; it was waited for in vain");
		return r;
	}
	if (r == 0)
		r = open_vault(engine, vault_open);
	if (r == 0)
		r = vault_limit(engine->host->vault, engine->config->vault_quota);
	if (r < 0)
		buf_printf(ret_why, "%s cannot be used: %s", engine->state->dir, strerror(-r));
	return r;
}
