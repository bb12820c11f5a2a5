/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the tests of net.block and net.isolate share: planning from arguments, an effect with made-up
 * holders, and nft(8) to look at the result with. For root, in namespaces of the test's own.
 */
#ifndef RESPOND_TESTS_NET_STAGE_H
#define RESPOND_TESTS_NET_STAGE_H

#include "base/buf.h"
#include "core/action.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define PEER "203.0.113.67"
#define PEER6 "2001:db8:a::67"

extern struct host host;
extern char stage_dir[]; /* for files of the tests; the vault is in it */

/* For cmocka: the directory and the vault; a network namespace for each test. */
int stage_up(void **state);
int stage_down(void **state);
int new_namespace(void **state);

/* Runs a program; what goes wrong is printed. Its exit status or -errno. */
int run(const char *const argv[], struct buf *out);
#define RUN(...) assert_int_equal(run((const char *const[]){__VA_ARGS__, NULL}, NULL), 0)
#define IP(...) RUN("/sbin/ip", __VA_ARGS__)

void nft(const char *commands);
char *ruleset(void);              /* in JSON, with every handle */
char *table(const char *name);    /* of family inet */
size_t count_elements(const char *set);

/* What the engine's effect is to a change: a run, and what other runs hold. */
struct fake {
	struct effect effect;
	const char *other; /* the id of another run, */
	struct strv held;  /* and the keys that it holds, */
	int64_t until;     /* until then */
};

void fake_init(struct fake *f, const char *id);
void fake_free(struct fake *f);
void hold(struct fake *f, const char *other, const struct change *c); /* the other run has this change, too */

struct wish {
	const char *address[12], *direction[4], *port[4];
	const char *ttl;
	bool lasting; /* established = no */
};

void set_list(struct args *args, const char *name, enum type type, const char *const *items); /* NULL-ended */
int plan_wish(const struct wish *w, struct plan **ret);
struct plan *planned(const struct wish *w);
size_t pending(const struct plan *plan); /* changes that are not merely held */
enum change_state state_of(const struct change *c);
void put_blobs(const struct change *c);
void apply_all(struct plan *plan, struct fake *f);
struct plan *blocked(const struct wish *w, struct fake *f); /* planned and applied */

/* Reverts the change as the journal would give it back: nothing but its data and the vault. */
int revert(const struct change *c, struct fake *f);

/* An element that run-a made with that TTL: what is left of it passes at once, and the kernel lets it expire. */
void time_runs_out(const char *set, const char *element, const char *ttl);

#endif
