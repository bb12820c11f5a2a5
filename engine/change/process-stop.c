/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/process-stop.h"

#include "change/process-describe.h"
#include "change/process-freeze.h"
#include "change/process-settle.h"

#include <errno.h>
#include <libaudit.h>
#include <signal.h>
#include <string.h>

#define FREEZE_MS 10000

/* Calls FN with a pidfd of every recorded process that lives and ran before we came.
 * A nonzero answer ends the visit. */
static int visit_living(struct host *host, const struct change *change, int (*fn)(void *ctx, pid_t pid, int pidfd),
                        void *ctx, size_t *ret_gone)
{
	_cleanup_processes_ struct processes list = {0};
	int r = processes_of(change, &list);
	if (r < 0)
		return r;
	r = process_same_boot(host, change);
	bool same_boot = r == 1;
	*ret_gone = 0;
	for (size_t i = 0; r >= 0 && i < list.n; i++) {
		int pidfd = -1;
		if (list.v[i].stopped)
			continue;
		r = same_boot ? proc_hold(host->proc, &list.v[i].id, &pidfd) : -ESRCH;
		if (r == 0) {
			r = fn(ctx, list.v[i].id.pid, pidfd);
			close_fd(&pidfd);
			if (r)
				return r;
		} else if (r == -ESRCH) {
			++*ret_gone;
			r = 0;
		}
	}
	return r < 0 ? r : 0;
}

static int is_running(void *ctx, pid_t pid, int pidfd)
{
	(void)pidfd;
	const struct host *host = ctx;
	struct proc_stat st;
	return proc_stat(host->proc, pid, &st) == 0 && (st.state == 'R' || st.state == 'S' || st.state == 'I');
}

static int probe(struct host *host, const struct change *change, enum change_state *ret)
{
	size_t gone;
	int r = visit_living(host, change, is_running, host, &gone);
	if (r < 0)
		return r;
	*ret = r ? CHANGE_BEFORE : CHANGE_AFTER;
	return 0;
}

static int apply(struct host *host, struct change *change, struct effect *effect)
{
	struct freeze f;
	int r = freeze_begin(&f, host, change, effect, FREEZE_MS);
	if (r == 0)
		r = freeze_settle(&f);
	if (r == -ETIMEDOUT) {
		buf_puts(&effect->note, "they kept moving while they were stopped");
		r = -EINPROGRESS;
	} else if (r < 0) {
		freeze_thaw(&f);
	}
	const char *separator = effect->note.len ? "; " : "";
	if (f.gone) {
		buf_printf(&effect->note, "%s%zu had already ended", separator, f.gone);
		separator = "; ";
	}
	if (f.found) {
		buf_printf(&effect->note, "%s%zu more found and stopped", separator, f.found);
		separator = "; ";
	}
	if (f.spared)
		buf_printf(&effect->note, "%s%zu found beside them left alone: the guard refuses", separator, f.spared);
	freeze_end(&f);
	return r;
}

static int go_on(void *ctx, pid_t pid, int pidfd)
{
	(void)ctx, (void)pid;
	int r = proc_signal(pidfd, SIGCONT);
	return r == -ESRCH ? 0 : r;
}

static int revert(struct host *host, const struct change *change, struct effect *effect)
{
	size_t gone = 0;
	int r = proc_is_ours(host->proc);
	if (r == 0)
		r = visit_living(host, change, go_on, NULL, &gone);
	if (r < 0)
		buf_printf(&effect->note, "cannot continue all of them: %s", strerror(-r));
	else if (gone)
		buf_printf(&effect->note, "%zu had ended meanwhile", gone);
	return r;
}

/* Where all of them stand still, the change is made: only what is not recorded goes on. */
static int settle(struct host *host, const struct change *change, struct effect *effect)
{
	enum change_state state;
	int r = probe(host, change, &state);
	return r < 0 ? r : processes_settle(host, change, effect, state == CHANGE_AFTER);
}

static int describe(const struct change *change, struct buf *ret)
{
	return processes_describe(change, "stop", ret);
}

const struct change_kind process_stop_kind = {
	.name = "process.stop",
	.mark = '~',
	.audit_type = AUDIT_RESP_KILL_PROC,
	.audit_undo_type = AUDIT_RESP_EXEC,
	.probe = probe,
	.apply = apply,
	.revert = revert,
	.settle = settle,
	.describe = describe,
	.detail = processes_detail,
	.processes = processes_view,
	.subjects = processes_subjects,
};
