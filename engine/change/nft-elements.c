/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/nft-elements.h"

#include "change/nft-force.h"

#include <errno.h>
#include <libaudit.h>
#include <string.h>

static size_t count_state(const struct force_state *s, enum force state)
{
	size_t n = 0;
	for (size_t p = 0; p < PARTS; p++)
		for (size_t i = 0; i < s->parts[p].addrs.n; i++)
			n += s->parts[p].state[i] == state;
	return n;
}

static bool cannot_look(int r)
{
	return r == -EPERM || r == -EACCES || r == -EOPNOTSUPP;
}

int nft_elements_look(struct host *host, const struct block *block, struct addrs *ret_held, struct addrs *ret_missing)
{
	_cleanup_force_ struct force_state s = {0};
	int r = force_new(block, &s);
	if (r < 0)
		return r;
	r = force_read(&block->group, left_enough(block->ttl_ms), &s);
	if (cannot_look(r)) {
		r = host_blind(host, "cannot read the nftables ruleset (%s): what is blocked already is not known", strerror(-r));
		s.complete = false;
	}
	for (size_t p = 0; r == 0 && p < PARTS; p++)
		for (size_t i = 0; r == 0 && i < s.parts[p].addrs.n; i++) {
			bool held = s.complete && s.parts[p].state[i] == FORCE_FULL;
			r = addrs_add(held ? ret_held : ret_missing, &s.parts[p].addrs.v[i]);
		}
	return r;
}

static int probe(struct host *host, const struct change *change, enum change_state *ret)
{
	_cleanup_block_ struct block block = {0};
	_cleanup_force_ struct force_state s = {0};
	int r = block_read(host, change, &block);
	if (r == 0)
		r = force_new(&block, &s);
	if (r == 0)
		r = force_read(&block.group, left_enough_since(block.ttl_ms, block.until_s), &s);
	if (r < 0 && r != -EEXIST)
		return r;
	size_t full = r == 0 && s.complete ? count_state(&s, FORCE_FULL) : 0;
	size_t other = r == 0 && !s.complete ? count_state(&s, FORCE_FULL) : 0; /* there, without effect */
	if (full == block.addrs.n)
		*ret = CHANGE_AFTER;
	else
		*ret = full || other ? CHANGE_DRIFTED : CHANGE_BEFORE;
	return 0;
}

static int apply(struct host *host, struct change *change, struct effect *effect)
{
	_cleanup_block_ struct block block = {0};
	_cleanup_force_ struct force_state s = {0};
	_cleanup_buf_ struct buf comment = {0};
	int r = block_read(host, change, &block);
	if (r == 0)
		r = force_new(&block, &s);
	if (r == 0)
		r = buf_printf(&comment, "run %s", effect->run);
	if (r == 0)
		r = force_put(&block, &s, comment.data, &effect->note);
	size_t renewed = r == 0 ? count_state(&s, FORCE_SHORTER) : 0;
	if (renewed)
		buf_printf(&effect->note, "%zu of %zu renewed", renewed, block.addrs.n);
	return r;
}

/* Marks what other runs hold. Returns how many; one of their ids goes to RET_BY. */
static size_t mark_kept(const struct block *block, struct force_state *s, struct effect *effect, struct buf *ret_by)
{
	size_t n = 0;
	for (size_t p = 0; p < PARTS; p++)
		for (size_t i = 0; i < s->parts[p].addrs.n; i++) {
			char key[BLOCK_KEY_LEN];
			block_key(block, &s->parts[p].addrs.v[i], key);
			const char *by = effect->held_by(effect, key);
			s->parts[p].kept[i] = by != NULL;
			s->parts[p].keep_ms[i] = by ? left_held(effect, key) : 0;
			n += by != NULL;
			if (by && !ret_by->len)
				buf_puts(ret_by, by);
		}
	return n;
}

/* Whether there is something to take out or to shorten: a long list is not looked at in vain. */
static bool gives_way(const struct force_state *s)
{
	for (size_t p = 0; p < PARTS; p++)
		for (size_t i = 0; i < s->parts[p].addrs.n; i++)
			if (!s->parts[p].kept[i] || s->parts[p].keep_ms[i] != LEFT_FOREVER)
				return true;
	return false;
}

/* What was to be taken out and was not there: it ended by itself, or somebody flushed it. */
static size_t count_gone(const struct force_state *s)
{
	size_t n = 0;
	for (size_t p = 0; p < PARTS; p++)
		for (size_t i = 0; i < s->parts[p].addrs.n; i++)
			n += s->parts[p].state[i] == FORCE_NONE && !s->parts[p].kept[i];
	return n;
}

static size_t count_shortened(const struct force_state *s)
{
	size_t n = 0;
	for (size_t p = 0; p < PARTS; p++)
		for (size_t i = 0; i < s->parts[p].addrs.n; i++)
			n += force_keeps_shorter(&s->parts[p], i);
	return n;
}

static void note_revert(struct buf *note, size_t n, size_t kept, const char *by, const struct force_state *s)
{
	size_t gone = count_gone(s), shortened = count_shortened(s);
	if (kept == n)
		buf_printf(note, "kept: run %s holds %s too", by, n == 1 ? "it" : "them");
	else if (kept)
		buf_printf(note, "%zu of %zu kept: run %s holds them too", kept, n, by);
	if (shortened)
		buf_printf(note, "; %zu of %zu shortened to what is left of the time there", shortened, n);
	if (gone)
		buf_printf(note, "%s%zu of %zu no longer blocked", kept ? "; " : "", gone, n);
}

static int revert(struct host *host, const struct change *change, struct effect *effect)
{
	_cleanup_block_ struct block block = {0};
	_cleanup_force_ struct force_state s = {0};
	_cleanup_buf_ struct buf by = {0}, comment = {0};
	int r = block_read(host, change, &block);
	if (r == 0)
		r = force_new(&block, &s);
	if (r < 0)
		return r;
	size_t kept = mark_kept(&block, &s, effect, &by);
	r = buf_printf(&comment, "run %s", buf_text(&by));
	if (r == 0 && gives_way(&s))
		r = force_take(&block, &s, comment.data, &effect->note);
	if (r == 0 && kept < block.addrs.n)
		r = force_clean(&block.group, &effect->note);
	if (r < 0)
		return r;
	note_revert(&effect->note, block.addrs.n, kept, buf_text(&by), &s);
	return kept == block.addrs.n ? -EBUSY : 0;
}

/* Putting in force and taking out are one transaction each. Only after the latter, what
 * the group needed may be there yet, with nothing in it: it is ours, and goes. */
static int settle(struct host *host, const struct change *change, struct effect *effect)
{
	_cleanup_block_ struct block block = {0};
	int r = block_read(host, change, &block);
	return r < 0 ? r : force_clean(&block.group, &effect->note);
}

static int describe(const struct change *change, struct buf *ret)
{
	block_describe(change, "block", ret);
	return block_describe_scope(change, ret);
}

/* What has run out by the clock holds nothing any more. */
static int keys(struct host *host, const struct change *change, int (*visit)(void *ctx, const char *key), void *ctx)
{
	_cleanup_block_ struct block block = {0};
	int r = block_read(host, change, &block);
	for (size_t i = 0; r == 0 && !block_is_over(&block) && i < block.addrs.n; i++) {
		char key[BLOCK_KEY_LEN];
		block_key(&block, &block.addrs.v[i], key);
		r = visit(ctx, key);
	}
	return r;
}

static int64_t until(const struct change *change)
{
	return json_integer_value(json_object_get(change->data, "until"));
}

static int audit_type_of(const struct change *c)
{
	return json_object_get(c->data, "ttl") ? AUDIT_RESP_ORIGIN_BLOCK_TIMED : AUDIT_RESP_ORIGIN_BLOCK;
}

const struct change_kind nft_elements_kind = {
	.name = "nft.elements",
	.mark = '+',
	.audit_type = AUDIT_RESP_ORIGIN_BLOCK,
	.audit_undo_type = AUDIT_RESP_ORIGIN_UNBLOCK_TIMED,
	.audit_type_of = audit_type_of,
	.probe = probe,
	.apply = apply,
	.revert = revert,
	.settle = settle,
	.describe = describe,
	.detail = block_detail,
	.subjects = block_subjects,
	.keys = keys,
	.until = until,
};
