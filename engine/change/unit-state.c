/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The data of a unit.state:
 *     unit, verb, state    its name, what is done to it, and what it was, in a word
 *     file, cgroup         where its file and its processes are; "" if unknown
 *     script               true: /etc/init.d has it, and systemd does not run
 *     take, make           the links that go and those that come: [[path, target], ...]
 *     dirs                 directories that are made for links
 *     with                 what systemd stops with it: [[unit, file, cgroup], ...]
 *     up                   [before, after], where starting or stopping is part of it
 *
 * Rules:
 *  1. A link is made and removed as the very link that was planned, never by a rule
 *     about names: so the undo gives back no more and no less than what was there.
 *  2. All links are looked at before the first is touched; one that is neither as
 *     before nor as after is drift, and nothing is done.
 *  3. Links first, then the manager is told, then it starts or stops: an undo that
 *     takes a mask away can start what was masked.
 */
#include "change/unit-state.h"

#include "base/clock.h"
#include "base/escape.h"
#include "base/fd.h"
#include "change/unit-manager.h"

#include <errno.h>
#include <fcntl.h>
#include <libaudit.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JOB_WAIT_MS 10000 /* for what a killed run had asked for */
#define JOB_POLL_MS 50
#define SCRIPT_WAIT_MS 2000

static int add_missing_dirs(struct host *host, const struct unit_links *make, json_t *dirs)
{
	for (size_t i = 0; i < make->n; i++) {
		_cleanup_buf_ struct buf parent = {0};
		_cleanup_close_ int dir = -1;
		const char *path = make->v[i].path;
		int r = buf_add(&parent, path, (size_t)(strrchr(path, '/') - path));
		if (r == 0)
			r = path_open(host->root, buf_text(&parent), O_PATH | O_DIRECTORY, &dir);
		if (r == -ENOENT)
			r = json_array_append_new(dirs, json_text(buf_text(&parent)));
		if (r < 0)
			return r == -1 ? -ENOMEM : r;
	}
	return 0;
}

int unit_state_plan(struct host *host, struct plan *plan, const struct unit_plan *what, struct change **ret)
{
	json_t *dirs = json_array();
	int r = dirs ? add_missing_dirs(host, what->make, dirs) : -ENOMEM;
	if (r < 0) {
		json_decref(dirs);
		json_decref(what->with);
		return r;
	}
	json_t *data = json_pack("{so ss so so so sb so so so so*}", "unit", json_text(what->unit), "verb", what->verb,
	                         "state", json_text(what->state), "file", json_text(what->file), "cgroup",
	                         json_text(what->cgroup), "script", what->script, "take", unit_links_json(what->take),
	                         "make", unit_links_json(what->make), "dirs", dirs, "with", what->with);
	if (!data)
		return -ENOMEM;
	if (what->up != UNIT_UP_KEPT &&
	    json_object_set_new(data, "up", json_pack("[bb]", what->up == UNIT_STOPPED, what->up == UNIT_STARTED)) < 0) {
		json_decref(data);
		return -ENOMEM;
	}
	return plan_change(plan, &unit_state_kind, what->unit, data, ret);
}

/* The data, read. */
struct state {
	char *unit, *verb, *shown_state, *file, *cgroup;
	struct unit_links take, make;
	bool script;
	bool moves;     /* it starts or stops */
	bool was_up, is_up;
};

static void state_free(struct state *s)
{
	free(s->unit);
	free(s->verb);
	free(s->shown_state);
	free(s->file);
	free(s->cgroup);
	unit_links_free(&s->take);
	unit_links_free(&s->make);
}
#define _cleanup_state_ _cleanup_(state_free)

static int state_read(const struct change *c, struct state *s)
{
	const json_t *up = json_object_get(c->data, "up");
	const struct {
		const char *name;
		char **text;
	} texts[] = {{"unit", &s->unit}, {"verb", &s->verb}, {"state", &s->shown_state}, {"file", &s->file}, {"cgroup", &s->cgroup}};
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(texts) / sizeof(*texts); i++)
		r = json_field_text(c->data, texts[i].name, texts[i].text);
	if (r == 0)
		r = unit_links_from_json(json_object_get(c->data, "take"), &s->take);
	if (r == 0)
		r = unit_links_from_json(json_object_get(c->data, "make"), &s->make);
	s->script = json_is_true(json_object_get(c->data, "script"));
	s->moves = json_array_size(up) == 2;
	s->was_up = json_is_true(json_array_get(up, 0));
	s->is_up = json_is_true(json_array_get(up, 1));
	return r == -ENOENT || r == -EINVAL ? -EBADMSG : r;
}

/* ---- what the host shows ------------------------------------------------------------- */

static int script_up(struct host *host, const char *unit, bool *ret)
{
	_cleanup_buf_ struct buf script = {0};
	int r = sysv_script(host, unit, &script);
	if (r < 0) { /* what is gone does not run as a service */
		*ret = false;
		return r == -ENOENT ? 0 : r;
	}
	return sysv_is_up(host, script.data, ret);
}

static int ask_up(struct host *host, const struct state *s, bool *ret, struct buf *why)
{
	_cleanup_units_ struct unit_infos infos = {0};
	if (s->script)
		return script_up(host, s->unit, ret);
	if (!host_runs_systemd(host))
		return -EOPNOTSUPP;
	int r = unit_show(s->unit, &infos, why);
	if (r == 0)
		*ret = unit_is_up(&infos.v[0]);
	return r;
}

/* How many parts are as before, as after, and neither. */
struct count {
	unsigned before, after, other;
	char *first_other; /* its path */
};

static void count_free(struct count *n)
{
	free(n->first_other);
}

static int count_links(struct host *host, const struct unit_links *links, unsigned *there, unsigned *gone, struct count *n)
{
	for (size_t i = 0; i < links->n; i++) {
		_cleanup_buf_ struct buf target = {0};
		int r = unit_link_read(host, links->v[i].path, &target);
		if (r == -ENOENT) {
			++*gone;
		} else if (r == 0 && strcmp(buf_text(&target), links->v[i].target) == 0) {
			++*there;
		} else if (r == 0 || r == -EINVAL || r == -ELOOP) {
			n->other++;
			if (!n->first_other && !(n->first_other = strdup(links->v[i].path)))
				return -ENOMEM;
		} else {
			return r;
		}
	}
	return 0;
}

static int count_all_links(struct host *host, const struct state *s, struct count *n)
{
	int r = count_links(host, &s->take, &n->before, &n->after, n);
	return r < 0 ? r : count_links(host, &s->make, &n->after, &n->before, n);
}

static int probe(struct host *host, const struct change *c, enum change_state *ret)
{
	_cleanup_state_ struct state s = {0};
	_cleanup_(count_free) struct count n = {0};
	_cleanup_buf_ struct buf why = {0};
	bool up = false;
	int r = state_read(c, &s);
	if (r == 0)
		r = count_all_links(host, &s, &n);
	if (r == 0 && s.moves)
		r = ask_up(host, &s, &up, &why);
	if (r < 0)
		return r;
	if (s.moves)
		*(up == s.is_up ? &n.after : &n.before) += 1;
	/* In between is neither: a part is in force, and can be taken back. */
	*ret = !n.other && !n.after ? CHANGE_BEFORE : !n.other && !n.before ? CHANGE_AFTER : CHANGE_DRIFTED;
	return 0;
}

/* ---- what is done to it ---------------------------------------------------------------- */

/* Those that go, then those that come; what has been done is put back when one fails. */
static int swap_links(struct host *host, const struct unit_links *take, const struct unit_links *make)
{
	size_t taken = 0, made = 0;
	int r = 0;
	for (; r == 0 && taken < take->n; taken += r == 0)
		r = unit_link_remove(host, &take->v[taken]);
	for (; r == 0 && made < make->n; made += r == 0)
		r = unit_link_make(host, &make->v[made]);
	while (r < 0 && made)
		unit_link_remove(host, &make->v[--made]);
	while (r < 0 && taken)
		unit_link_make(host, &take->v[--taken]);
	return r;
}

static int tell_drift(const struct count *n, struct buf *note)
{
	escape_str(note, n->first_other);
	buf_puts(note, " is not what this run knows: somebody changed it");
	return -ESTALE;
}

/* The same file may have two names: /lib is /usr/lib. */
static bool same_file(struct host *host, const char *a, const char *b)
{
	_cleanup_buf_ struct buf real_a = {0}, real_b = {0};
	return strcmp(a, b) == 0 || (path_follow(host->root, a, &real_a) == 0 && path_follow(host->root, b, &real_b) == 0 &&
	                             strcmp(real_a.data, real_b.data) == 0);
}

/* Whether what would be started is what was stopped. */
static int check_file(struct host *host, const struct state *s, struct buf *note)
{
	_cleanup_units_ struct unit_infos infos = {0};
	int r = unit_show(s->unit, &infos, note);
	if (r < 0)
		return r;
	const struct unit_info *u = &infos.v[0];
	if (strcmp(u->load, "masked") == 0)
		return buf_puts(note, "somebody has masked it since: it cannot be started"), -ESTALE;
	if (strcmp(u->load, "not-found") == 0)
		return buf_puts(note, "its file is gone: it cannot be started"), -ESTALE;
	if (!s->file[0] || same_file(host, u->fragment, s->file))
		return 0;
	buf_puts(note, "its file is another one now, ");
	escape_str(note, u->fragment);
	buf_puts(note, ": it is not started");
	return -ESTALE;
}

/* The services of a socket that run. */
static int add_triggered(const char *socket, struct strv *ret, struct buf *note)
{
	_cleanup_units_ struct unit_infos infos = {0}, services = {0};
	int r = unit_has_type(socket, "socket") ? unit_show(socket, &infos, note) : 0;
	if (r == 0 && infos.n && infos.v[0].triggers.n)
		r = units_show(&infos.v[0].triggers, &services, note);
	for (size_t i = 0; r == 0 && i < services.n; i++)
		if (unit_is_up(&services.v[i]))
			r = strv_add(ret, services.v[i].id);
	return r;
}

/* systemd does not start a socket whose service runs, as it does again when both were stopped,
 * the socket first. Cut short in between, the service is what the socket starts when needed. */
static int start_again(struct host *host, const struct state *s, struct buf *note)
{
	_cleanup_strv_ struct strv services = {0};
	size_t stopped = 0;
	int r = s->script ? 0 : add_triggered(s->unit, &services, note);
	for (; r == 0 && stopped < services.n; stopped += r == 0)
		r = unit_do(host, "stop", services.v[stopped], note);
	if (r == 0)
		r = unit_do(host, "start", s->unit, note);
	for (size_t i = 0; i < stopped; i++) {
		int back = unit_do(host, "start", services.v[i], note);
		r = r < 0 ? r : back;
		if (r < 0)
			continue;
		buf_puts(note, i ? ", " : "restarted for it: ");
		escape_str(note, services.v[i]);
	}
	return r;
}

static int bring(struct host *host, const struct state *s, bool up, bool undo, struct buf *note)
{
	bool now = false;
	int r = ask_up(host, s, &now, note);
	if (r < 0 || now == up)
		return r;
	if (up && !s->script && (r = check_file(host, s, note)) < 0)
		return r;
	r = up && undo ? start_again(host, s, note) : unit_do(host, up ? "start" : "stop", s->unit, note);
	/* A script may return before what it started can be seen. */
	for (int waited = 0; r == 0 && s->script && now != up && waited < SCRIPT_WAIT_MS; waited += JOB_POLL_MS) {
		r = ask_up(host, s, &now, note);
		if (r == 0 && now != up)
			sleep_ms(JOB_POLL_MS);
	}
	return r;
}

/* One way or the other. RULE 3. */
static int turn(struct host *host, const struct state *s, const struct unit_links *take, const struct unit_links *make,
                bool up, bool undo, struct buf *note)
{
	_cleanup_(count_free) struct count n = {0};
	bool told = !s->script && host_runs_systemd(host);
	int r = count_all_links(host, s, &n);
	if (r < 0)
		return r;
	if (n.other)
		return tell_drift(&n, note);
	r = swap_links(host, take, make);
	/* Also for a unit whose file alone came back: it is started as that says. */
	if (r == 0 && told && (take->n || make->n || (s->moves && up)))
		r = units_reload(note);
	if (r == 0 && s->moves)
		r = bring(host, s, up, undo, note);
	if (r < 0 && swap_links(host, make, take) == 0 && told && (take->n || make->n)) {
		_cleanup_buf_ struct buf ignored = {0};
		units_reload(&ignored);
	}
	return r;
}

/* What the links needed and nobody else uses by now. */
static void remove_dirs(struct host *host, const json_t *dirs)
{
	for (size_t i = 0; i < json_array_size(dirs); i++) {
		_cleanup_buf_ struct buf path = {0};
		_cleanup_close_ int parent = -1;
		const char *name;
		if (json_bytes_get(json_array_get(dirs, i), &path) == 0 && path.len &&
		    path_open_parent(host->root, path.data, &parent, &name) == 0)
			unlinkat(parent, name, AT_REMOVEDIR);
	}
}

static int apply(struct host *host, struct change *c, struct effect *effect)
{
	_cleanup_state_ struct state s = {0};
	int r = state_read(c, &s);
	if (r == 0)
		r = turn(host, &s, &s.take, &s.make, s.is_up, false, &effect->note);
	if (r < 0)
		remove_dirs(host, json_object_get(c->data, "dirs"));
	return r;
}

static int revert(struct host *host, const struct change *c, struct effect *effect)
{
	_cleanup_state_ struct state s = {0};
	int r = state_read(c, &s);
	if (r == 0)
		r = turn(host, &s, &s.make, &s.take, s.was_up, true, &effect->note);
	if (r == 0)
		remove_dirs(host, json_object_get(c->data, "dirs"));
	return r;
}

/* Each link is made or removed whole; what may be under way is a job of the manager, and
 * what it may not have been told of are the links. */
static int settle(struct host *host, const struct change *c, struct effect *effect)
{
	_cleanup_state_ struct state s = {0};
	int r = state_read(c, &s);
	if (r < 0 || s.script || !host_runs_systemd(host))
		return r;
	if (s.take.n || s.make.n)
		r = units_reload(&effect->note);
	for (int waited = 0; r == 0 && s.moves && waited < JOB_WAIT_MS; waited += JOB_POLL_MS) {
		_cleanup_units_ struct unit_infos infos = {0};
		r = unit_show(s.unit, &infos, &effect->note);
		if (r < 0 || strcmp(infos.v[0].active, "deactivating") != 0)
			break;
		sleep_ms(JOB_POLL_MS);
	}
	return r;
}

/* ---- what is said of it ------------------------------------------------------------------ */

static int describe(const struct change *c, struct buf *ret)
{
	_cleanup_state_ struct state s = {0};
	int r = state_read(c, &s);
	if (r < 0)
		return r;
	bool plain = strcmp(s.verb, "stop") == 0;
	buf_puts(ret, s.verb);
	if (s.moves && !plain)
		buf_puts(ret, s.is_up ? " and start" : " and stop");
	buf_putc(ret, ' ');
	escape_str(ret, s.unit);
	if (s.shown_state[0]) {
		buf_puts(ret, " (");
		escape_str(ret, s.shown_state);
		buf_putc(ret, ')');
	}
	return buf_error(ret);
}

static void add_links(struct buf *ret, char sign, const struct unit_links *links)
{
	for (size_t i = 0; i < links->n; i++) {
		buf_putc(ret, sign);
		escape_str(ret, links->v[i].path);
		buf_puts(ret, " -> ");
		escape_str(ret, links->v[i].target);
		buf_putc(ret, '\n');
	}
}

static int detail(const struct change *c, struct buf *ret)
{
	_cleanup_state_ struct state s = {0};
	int r = state_read(c, &s);
	if (r < 0)
		return r;
	add_links(ret, '-', &s.take);
	add_links(ret, '+', &s.make);
	return buf_error(ret);
}

static int visit_links(const struct unit_links *links, subject_fn visit, void *ctx)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < links->n; i++)
		r = visit(ctx, &(struct subject){.type = SUBJECT_EDIT_PATH, .path = links->v[i].path});
	return r;
}

int unit_visit_carried(const json_t *with, subject_fn visit, void *ctx)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < json_array_size(with); i++) {
		const json_t *one = json_array_get(with, i);
		_cleanup_buf_ struct buf unit = {0}, file = {0}, cgroup = {0};
		if (json_bytes_get(json_array_get(one, 0), &unit) < 0 || json_bytes_get(json_array_get(one, 1), &file) < 0 ||
		    json_bytes_get(json_array_get(one, 2), &cgroup) < 0)
			return -EBADMSG;
		r = visit(ctx, &(struct subject){
				       .type = SUBJECT_UNIT,
				       .unit = buf_text(&unit),
				       .path = file.len ? file.data : NULL,
				       .cgroup = cgroup.len ? cgroup.data : NULL,
			       });
	}
	return r;
}

static int subjects(const struct change *c, subject_fn visit, void *ctx)
{
	_cleanup_state_ struct state s = {0};
	int r = state_read(c, &s);
	if (r < 0)
		return r;
	r = visit(ctx, &(struct subject){
			       .type = SUBJECT_UNIT,
			       .unit = s.unit,
			       .path = s.file[0] ? s.file : NULL,
			       .cgroup = s.moves && !s.is_up && s.cgroup[0] ? s.cgroup : NULL,
			       .begins = strcmp(s.verb, "enable") == 0,
		       });
	if (r == 0)
		r = unit_visit_carried(json_object_get(c->data, "with"), visit, ctx);
	if (r == 0)
		r = visit_links(&s.take, visit, ctx);
	return r ? r : visit_links(&s.make, visit, ctx);
}

const struct change_kind unit_state_kind = {
	.name = "unit.state",
	.mark = '~',
	.audit_type = AUDIT_RESP_EXEC,
	.audit_undo_type = AUDIT_RESP_EXEC,
	.probe = probe,
	.apply = apply,
	.revert = revert,
	.settle = settle,
	.describe = describe,
	.detail = detail,
	.subjects = subjects,
};
