/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who needs which object of the vault, as far as the journals tell.
 *
 * A change needs every object whose hash stands anywhere in its intent, or in what it
 * has grown by: no change kind can forget to say so. Evidence is needed for as long as
 * people want it: nothing is taken back by it.
 */
#ifndef RESPOND_CORE_VAULT_USAGE_H
#define RESPOND_CORE_VAULT_USAGE_H

#include "core/run.h"
#include "core/vault.h"

/* Calls VISIT for each object that a change names; KEY is the name of the field
 * under which the change's kind keeps the hash. A nonzero answer ends it. */
int change_objects(const struct change *change, int (*visit)(void *ctx, const char *sha256_hex, const char *key),
                   void *ctx);

/* What an object is that is kept under KEY: "before-image", "quarantined file", "executable".
 * RET_ALWAYS (may be NULL): the object must be there; otherwise the hash alone may be kept. */
const char *object_word(const char *key, bool *ret_always);

/* When the run's journal says that the object was purged ("2026-11-23T22:08:31.000+01:00"),
 * last; NULL: it does not. */
const char *run_purged(const struct run *run, const char *sha256_hex);

/* The same for any object of the change that VAULT (NULL: nothing) has no longer. */
const char *change_purged(const struct run *run, const struct change *change, const struct vault *vault);

/* Whether VAULT has what taking the change back needs. -EBADMSG: an object is damaged;
 * -ENODATA: one was purged, RET_WHEN says when; -ENOENT: one is lost. */
int change_kept(const struct run *run, const struct change *change, struct vault *vault, const char **ret_when);

struct object_use {
	char run[RUN_ID_LEN];
	bool open;         /* the run did not end, is being taken back, or has a deadline ahead; or it
	                    * is a list of what is in force still, and other runs may hold too */
	int64_t ended;     /* otherwise when something was last done about it; s since 1970 */
	bool live;         /* the change can be taken back, and has not been: that needs the object */
	unsigned change;   /* 0: evidence */
	char *step;
	char *target;      /* raw bytes; of evidence, its name */
	const char *what;  /* "before-image", "quarantined file", ...; of the program */
	json_t *meta;      /* what the file had beside its content (base/meta.h), or NULL */
};

struct vault_object {
	struct sha256 sha256;
	struct stat stat;
	struct object_use *uses;
	size_t n;
};

struct vault_usage {
	struct vault_object *v; /* by hash */
	size_t n;
	struct strv strangers;  /* names in the vault that are none of an object; raw bytes */
	struct strv unreadable; /* runs whose journal cannot be read: "RUN: why" */
};

/* VAULT may be NULL: none yet. */
int vault_usage_load(const struct state *state, struct vault *vault, const struct change_kind *const *kinds,
                     struct vault_usage *ret);
void vault_usage_free(struct vault_usage *usage);

/* The object that TEXT means: its hash, or the start of exactly one. -ENOENT, -ENOTUNIQ. */
int vault_usage_find(const struct vault_usage *usage, const char *text, const struct vault_object **ret);

/* Since when it is not needed in that way, in seconds since 1970; -1: it is. */
int64_t vault_object_free_since(const struct vault_object *object);

/* How many changes could not be taken back any longer without it. */
size_t vault_object_live(const struct vault_object *object);

#endif
