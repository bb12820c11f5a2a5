/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook/live.h"

#include "base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* ---- what is told ---------------------------------------------------------------------- */

static void tell(struct live *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void tell(struct live *l, const char *fmt, ...)
{
	_cleanup_buf_ struct buf text = {0};
	va_list ap;
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	if (text.len)
		l->tell(l->ctx, buf_text(&text));
}

/* What was lost since the last time, "RULE: 12 alerts", and into the ledger. */
static void note_dropped(struct live *l, struct buf *said)
{
	for (struct queue_rule *rule = l->intake.queue.rules; rule; rule = rule->next) {
		uint64_t dropped = rule->dropped + rule->dropped_undos;
		ledger_count_many(l->intake.hook->ledger, rule->name, TALLY_MERGED, rule->merged);
		ledger_count_many(l->intake.hook->ledger, rule->name, TALLY_DROPPED, dropped);
		if (dropped)
			buf_printf(said, "%s%s: %" PRIu64 " alerts and %" PRIu64 " undos were dropped",
			           said->len ? "; " : "", rule->name, rule->dropped, rule->dropped_undos);
		rule->merged = rule->dropped = rule->dropped_undos = 0;
	}
}

static void note_too_long(void *ctx, const struct source *source, uint64_t n)
{
	struct live *l = ctx;
	if (!n)
		return;
	l->too_long += n;
	l->intake.hook->source = source;
	hook_refused(l->intake.hook, n, "the message was too long");
}

/* Of input and file, all that there ever were. */
static uint64_t lines_too_long(const struct live *l)
{
	const struct follow *f = l->follow;
	return l->feed.too_long + (f ? f->too_long + f->now.feed.too_long + f->before.feed.too_long : 0);
}

static uint64_t refused_peers(const struct listener *li)
{
	return li ? li->refused_uid + li->refused_full + li->refused_source + li->too_slow : 0;
}

static void add_remark(struct buf *said, struct remark *remark, const char *what)
{
	if (remark->n == 1)
		buf_printf(said, "%s1 %s was refused: %s", said->len ? "; " : "", what, buf_text(&remark->first));
	else if (remark->n)
		buf_printf(said, "%s%" PRIu64 " %ss were refused, the first: %s", said->len ? "; " : "", remark->n, what,
		           buf_text(&remark->first));
	remark_clear(remark);
}

static void note_troubles(struct live *l, struct buf *said)
{
	struct intake *in = &l->intake;
	uint64_t lines = lines_too_long(l), peers = refused_peers(l->listener) - l->noted_refused;
	note_too_long(l, l->source, lines - l->noted_too_long);
	if (l->listener)
		listener_note_lost(l->listener);
	if (l->too_long)
		buf_printf(said, "%s%" PRIu64 " messages were too long", said->len ? "; " : "", l->too_long);
	add_remark(said, &in->unreadable, "message");
	add_remark(said, &in->declined, "event");
	if (peers)
		buf_printf(said, "%s%" PRIu64 " peers were refused", said->len ? "; " : "", peers);
	if (in->error)
		buf_printf(said, "%sevents could not be judged: %s", said->len ? "; " : "", strerror(-in->error));
	if (l->start_error)
		buf_printf(said, "%sa run has to wait: %s", said->len ? "; " : "", strerror(-l->start_error));
	l->noted_too_long = lines;
	l->noted_refused += peers;
	l->too_long = 0;
	l->start_error = 0;
	in->error = 0;
}

static void tick(struct live *l, int64_t now)
{
	_cleanup_buf_ struct buf said = {0};
	l->tick_at = now + LIVE_TICK_MS;
	note_dropped(l, &said);
	note_troubles(l, &said);
	if (said.len)
		l->tell(l->ctx, buf_text(&said));
	int r = hook_flush(l->intake.hook);
	if (r < 0)
		tell(l, "what was counted could not be saved: %s", strerror(-r));
}

/* ---- runs ------------------------------------------------------------------------------ */

/* What comes in is the parent's, and a child that outlives it keeps no socket. */
static int do_errand(void *ctx, struct work *work)
{
	struct live *l = ctx;
	if (l->listener)
		listener_leave(l->listener);
	return l->act(l->ctx, work->load);
}

/* A run that could not be started waits for its turn again. */
static void start_runs(struct live *l)
{
	struct queue *q = &l->intake.queue;
	struct work *work;
	while (l->workers.n < WORKERS_MAX && (work = queue_start(q))) {
		int r = worker_start(&l->workers, work, do_errand, l);
		if (r == 0)
			continue;
		l->start_error = r;
		queue_put_back(q, work);
		return;
	}
}

static void reap_runs(struct live *l)
{
	struct worker_end end;
	while (workers_reap(&l->workers, &end)) {
		if (end.signal)
			tell(l, "a run of the rule %s was ended by signal %d; respond --recover brings it to an end",
			     end.work->rule->name, end.signal);
		queue_end(&l->intake.queue, end.work);
	}
}

/* ---- what comes in --------------------------------------------------------------------- */

static void read_line(void *ctx, struct slice line)
{
	struct live *l = ctx;
	intake_take(&l->intake, l->source, line);
}

static void take_message(void *ctx, const struct source *source, struct slice message)
{
	struct live *l = ctx;
	intake_take(&l->intake, source, message);
}

static void lines_going(void *ctx)
{
	struct live *l = ctx;
	intake_done(&l->intake);
}

static void read_input(struct live *l)
{
	const struct feed_taker taker = {read_line, lines_going, l};
	ssize_t n = feed_turn(&l->feed, l->input, &taker);
	if (n > 0 || n == -EAGAIN)
		return;
	feed_end(&l->feed, &taker);
	if (n < 0)
		tell(l, "the input cannot be read: %s", strerror((int)-n));
	l->input = -1;
}

static void stop(struct live *l, int64_t now)
{
	l->cut = l->stopping;
	l->stopping = true;
	if (!l->stop_at)
		l->stop_at = now + LIVE_STOP_MS;
}

static void hear_signals(struct live *l, int64_t now)
{
	struct signalfd_siginfo info;
	while (read(l->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			l->reload(l->ctx);
		else
			stop(l, now);
	}
}

/* ---- the loop -------------------------------------------------------------------------- */

/* The places in what poll() is given. */
struct polled {
	struct pollfd *v;
	size_t n;
	size_t listener, n_listener;
};

enum { AT_SIGNALS, AT_INPUT, AT_FOLLOW, AT_REST };

static void gather(struct live *l, struct polled *p)
{
	bool reading = !l->stopping;
	p->v[AT_SIGNALS] = (struct pollfd){.fd = l->signals, .events = POLLIN};
	p->v[AT_INPUT] = (struct pollfd){.fd = reading ? l->input : -1, .events = POLLIN};
	p->v[AT_FOLLOW] = (struct pollfd){.fd = reading && l->follow ? l->follow->notify : -1, .events = POLLIN};
	p->n = AT_REST + workers_polled(&l->workers, p->v + AT_REST);
	p->listener = p->n;
	p->n_listener = reading && l->listener ? listener_polled(l->listener, p->v + p->n) : 0;
	p->n += p->n_listener;
}

static bool has_news(const struct live *l)
{
	if (ledger_has_news(l->intake.hook->ledger) || l->intake.unreadable.n || l->intake.error)
		return true;
	for (size_t i = 0; l->listener && i < l->listener->n; i++)
		if (l->listener->clients[i].feed.too_long != l->listener->clients[i].noted)
			return true;
	return l->too_long || lines_too_long(l) != l->noted_too_long || refused_peers(l->listener) != l->noted_refused;
}

static int wait_ms(const struct live *l, int64_t now, bool more)
{
	int64_t until = INT64_MAX;
	if (more)
		return 0;
	if (has_news(l) || l->intake.queue.n_waiting)
		until = l->tick_at;
	if (!l->stopping && l->follow && l->follow->look_at < until)
		until = l->follow->look_at;
	if (!l->stopping && l->listener && listener_due(l->listener) < until)
		until = listener_due(l->listener);
	if (l->stopping && l->intake.queue.n_waiting && l->stop_at < until)
		until = l->stop_at;
	if (until == INT64_MAX)
		return -1;
	return until <= now ? 0 : until - now > 60000 ? 60000 : (int)(until - now);
}

/* Whether there may be more to read at once. */
static bool read_all(struct live *l, const struct polled *p, int64_t now)
{
	const struct feed_taker taker = {read_line, lines_going, l};
	int more = 0;
	if (l->stopping)
		return false;
	if (p->v[AT_INPUT].revents && l->input >= 0)
		read_input(l);
	if (l->follow)
		more = follow_turn(l->follow, now, &taker);
	if (p->n_listener)
		listener_turn(l->listener, p->v + p->listener, p->n_listener, now);
	return more > 0;
}

static bool at_end(struct live *l)
{
	bool reading = !l->stopping && (l->input >= 0 || l->follow || l->listener);
	return l->cut || (!reading && !l->intake.queue.n_waiting && !l->workers.n);
}

static int loop(struct live *l, struct polled *p)
{
	for (bool more = false; !at_end(l);) {
		int64_t now = monotonic_ms();
		gather(l, p);
		if (poll(p->v, p->n, wait_ms(l, now, more)) < 0) {
			if (errno != EINTR)
				return -errno;
			continue;
		}
		now = monotonic_ms();
		if (p->v[AT_SIGNALS].revents)
			hear_signals(l, now);
		reap_runs(l);
		more = read_all(l, p, now);
		if (l->stopping && now >= l->stop_at)
			queue_drop_waiting(&l->intake.queue);
		start_runs(l);
		if (now >= l->tick_at)
			tick(l, now);
	}
	return 0;
}

static void heard_signals(sigset_t *ret)
{
	sigemptyset(ret);
	sigaddset(ret, SIGHUP);
	sigaddset(ret, SIGINT);
	sigaddset(ret, SIGTERM);
}

void live_hold_signals(void)
{
	sigset_t heard;
	heard_signals(&heard);
	sigprocmask(SIG_BLOCK, &heard, NULL);
}

static int open_signals(sigset_t *ret_before, int *ret)
{
	sigset_t heard;
	heard_signals(&heard);
	sigprocmask(SIG_BLOCK, &heard, ret_before);
	*ret = signalfd(-1, &heard, SFD_CLOEXEC | SFD_NONBLOCK);
	return *ret < 0 ? -errno : 0;
}

int live_run(struct live *l)
{
	size_t room = AT_REST + WORKERS_MAX + 1 + (l->listener ? l->listener->limit : 0);
	struct polled p = {.v = calloc(room, sizeof(*p.v))};
	sigset_t before;
	int r = p.v ? open_signals(&before, &l->signals) : -ENOMEM;
	if (l->source)
		feed_init(&l->feed, l->source->size_max);
	if (l->listener) {
		l->listener->take = take_message;
		l->listener->going = lines_going;
		l->listener->too_long = note_too_long;
		l->listener->ctx = l;
	}
	if (r == 0)
		r = loop(l, &p);
	queue_drop_waiting(&l->intake.queue);
	tick(l, monotonic_ms());
	if (p.v && l->signals >= 0) {
		close(l->signals);
		sigprocmask(SIG_SETMASK, &before, NULL);
	}
	feed_free(&l->feed);
	free(p.v);
	return r;
}
