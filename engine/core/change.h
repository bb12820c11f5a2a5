/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A change: one effect on the host. It says what is there before and after, and its
 * kind knows how to tell which of the two the host is in.
 *
 * Everything that a kind needs to apply, probe, revert or describe a change is in
 * its JSON data and in the vault. A change that was decoded from a journal, on
 * another day, after a crash or an upgrade, is as good as the one that was planned.
 * Host-derived bytes are kept in the data with json_bytes() (base/escape.h).
 */
#ifndef RESPOND_CORE_CHANGE_H
#define RESPOND_CORE_CHANGE_H

#include "base/addrs.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/netaddr.h"
#include "core/host.h"

#include <jansson.h>
#include <sys/types.h>

enum change_state {
	CHANGE_BEFORE,  /* not applied */
	CHANGE_AFTER,   /* applied */
	CHANGE_DRIFTED, /* neither: somebody else was here */
};

/* Flags of a kind. */
#define CHANGE_IRREVERSIBLE 1u /* revert is NULL; the plan marks it with "!" */
#define CHANGE_IN_PLACE 2u     /* hashes in its data are of what stays on the host: the vault has nothing of it */

struct change;

/* What apply and revert are given by the engine, and what they tell it. */
struct effect {
	const char *run; /* the id of the run */
	/* The one name under which the change may keep a file for a moment, beside its
	 * target: nobody else can guess it, and settle is given the same again. */
	const char *temporary;
	/* Whether the change is on record as made: what it has put into the vault was judged
	 * then, and what settle finds there otherwise is somebody else's. */
	bool done;
	/* Announces what the change has found to belong to it (members of a process
	 * tree). MORE (reference stolen) has the form of the change's data, and holds what
	 * is new only: the engine puts it before the guard (kind->subjects), into the
	 * journal, durably, and at the end of the array "grown" of the change's data.
	 * 0: go on with it. -EPERM: the guard refuses it, leave it alone. Other -errno: stop. */
	int (*grow)(struct effect *effect, struct change *change, json_t *more);
	/* The id of another live run that holds what this change put in force: revert
	 * then leaves it. KEY is one of the change's keys. NULL: nobody does. */
	const char *(*held_by)(struct effect *effect, const char *key);
	/* Until when, in seconds since 1970, by the one that holds it longest. 0: until
	 * that run is taken back. */
	int64_t (*held_until)(struct effect *effect, const char *key);
	/* Whether CONTENT may stand at the change's target: asks the service whose
	 * configuration it is. 0 (also without a service), or with the reason in note
	 * -EINVAL, or -EOPNOTSUPP where the service cannot be asked. May be NULL: nothing is
	 * asked. */
	int (*check)(struct effect *effect, const struct change *change, const struct buf *content);
	/* One short sentence about how it went: why it failed, or what is worth knowing
	 * ("2 of 3 had already ended"). Escaped. */
	struct buf note;
};

/* What a change touches, for the guard. */
enum subject_type {
	SUBJECT_PROCESS,     /* signals a process: pid */
	SUBJECT_ADDRESS,     /* cuts an address off: address */
	SUBJECT_EDIT_PATH,   /* alters a file in place: path */
	SUBJECT_REMOVE_PATH, /* takes a file away: path */
	SUBJECT_RIGHTS,      /* takes the rights away that a file gives to who runs it: path */
	SUBJECT_ALL_BUT,     /* cuts everybody off but some addresses: kept */
	SUBJECT_PORT,        /* closes a port of this host to everybody: protocol, port */
	SUBJECT_UNIT,        /* ends a service or keeps it from starting: unit, path (its file), cgroup */
	SUBJECT_ACCOUNT,     /* keeps somebody from logging in: account */
};

struct subject {
	enum subject_type type;
	pid_t pid;
	struct netaddr address;
	const struct addrs *kept; /* sorted */
	uint8_t protocol;   /* IPPROTO_TCP, IPPROTO_UDP */
	uint16_t port;      /* host order */
	const char *path;   /* of a unit: its file; NULL: it has none, or none is known */
	const char *unit;   /* its real name, with its type */
	const char *cgroup; /* of a unit: where the processes are that are ended; NULL: none are */
	bool begins;        /* of a unit: it is enabled or started, not ended */
	const char *account; /* the user's name */
	bool password;       /* of an account: it gets another password, which is handed over */
	bool login;         /* of SUBJECT_PROCESS: ended as the session of somebody who was meant by name or address */
	bool privileged;    /* of SUBJECT_REMOVE_PATH, SUBJECT_RIGHTS: it gives rights to who runs it, and would again when put back */
};

typedef int (*subject_fn)(void *ctx, const struct subject *subject); /* nonzero ends the visit and is returned */

/* A process that a change is about, as it was. All texts are escaped. */
struct process_view {
	unsigned depth; /* in the tree of those that the change is about: 0 where the parent is not */
	pid_t pid;
	const char *name, *user, *exe, *args;
	const char *marks;      /* what is odd about it: "deleted executable, stopped"; "" for nothing */
	const char *exe_sha256; /* NULL: not known */
	bool exe_kept;          /* in the vault */
	const json_t *sockets;  /* an array of texts, or NULL */
};

struct change_kind {
	const char *name;    /* "file.edit": the journal's tag, stable for ever */
	char mark;           /* '+' adds, '-' removes, '~' alters, '!' cannot be undone */
	unsigned flags;
	int audit_type;      /* of an applied change: AUDIT_RESP_KILL_PROC, ... */
	int audit_undo_type; /* of a reverted one */
	int (*audit_type_of)(const struct change *change); /* where it is not the same for all: NULL, or asked first */

	/* Which state the host is in. 0 or -errno. */
	int (*probe)(struct host *host, const struct change *change, enum change_state *ret);

	/* Both check the identity of their target again, on what they hold open.
	 * 0: done (or already so). -ESTALE: the host has drifted, nothing was altered.
	 * -EBUSY from revert: kept on purpose (held by another run). Other -errno: failed,
	 * the host is as it was before. In each case effect->note says more. */
	int (*apply)(struct host *host, struct change *change, struct effect *effect);
	int (*revert)(struct host *host, const struct change *change, struct effect *effect);

	/* After an apply or a revert that was cut short by the end of this program or of the
	 * host: puts in order what may lie between their steps (a temporary file, flags that
	 * were taken off, processes left stopped) without going on with either, so that
	 * probe's answer is all there is to know. Loses nothing that is not in the vault, and
	 * may itself be cut short. 0 or -errno. NULL where nothing can be left. */
	int (*settle)(struct host *host, const struct change *change, struct effect *effect);

	/* Puts the change in force again where it was and is no longer, and keeps what others
	 * have done beside it since. Answers as apply does. NULL: apply will do. */
	int (*reapply)(struct host *host, struct change *change, struct effect *effect);

	/* Says in one sentence (escaped) where the host has drifted, once probe found that it
	 * has. 0: revert will take the change back all the same; -ESTALE: it will refuse; other
	 * -errno. NULL: nobody knows more, and it will refuse. */
	int (*drift)(struct host *host, const struct change *change, struct buf *ret);

	/* One line without mark and newline, e.g. "block 203.0.113.67 in, out, forward";
	 * host-derived bytes escaped with escape_text(). */
	int (*describe)(const struct change *change, struct buf *ret);

	/* More lines, each ended by a newline: a unified diff, a process tree. May be NULL. */
	int (*detail)(const struct change *change, struct buf *ret);

	/* Visits the processes that the change is about, each once, right below its parent. A
	 * nonzero answer ends it. NULL: it is about none. */
	int (*processes)(const struct change *change, int (*visit)(void *ctx, const struct process_view *process),
	                 void *ctx);

	/* Visits everything that the change touches. */
	int (*subjects)(const struct change *change, subject_fn visit, void *ctx);

	/* Visits the keys of what the change puts in force and other runs may hold too
	 * ("203.0.113.67 all"): the engine asks the journals of other live runs for them
	 * (effect->held_by). NULL where nothing can be shared. */
	int (*keys)(struct host *host, const struct change *change, int (*visit)(void *ctx, const char *key), void *ctx);

	/* When what it holds ends by itself, in seconds since 1970, rounded up by a minute at
	 * most; 0: never. May be NULL. */
	int64_t (*until)(const struct change *change);
};

/* Where a change must be taken back by itself, in milliseconds since 1970; 0: it need not. */
struct deadlines {
	int64_t confirm; /* unless the run is confirmed before */
	int64_t ttl;     /* in any case */
};

/* Bytes that must be in the vault before the change may happen. */
struct blob {
	struct sha256 sha256;
	struct buf bytes;
};

struct change {
	const struct change_kind *kind;
	unsigned id;     /* within the run, from 1; 0 while it is not journaled */
	char *step;      /* the step that planned it */
	char *target;    /* raw bytes, for audit and messages: a path, an address, "412 (xmrig)" */
	char *service;   /* the service whose configuration this is (core/service.h), or NULL */
	bool held;       /* already in force: nothing is applied, but this run holds it too, and
	                  * revert takes it away once no other run does */
	struct deadlines deadlines;
	json_t *data;    /* object; the kind's own */
	struct blob *blobs;
	size_t n_blobs;

	/* What apply hands over to a person, such as a new password: in no journal and in no
	 * vault, so that a change which was decoded from one has none. */
	struct buf secret;

	/* While planning only: what will stand at the path `target` afterwards. */
	bool writes_target; /* `result` will */
	bool takes_target;  /* nothing will */
	struct buf result;
	struct sha256 takes;  /* the object of the vault that the target becomes */
	uint64_t takes_bytes; /* what that occupies; 0: none */
};

/* All texts are copied, DATA's reference is stolen (also on failure). */
int change_new(const struct change_kind *kind, const char *step, const char *target, json_t *data,
               struct change **ret);
void change_free(struct change **change);

/* Adds a copy of the bytes to what the engine stores in the vault first; their hash
 * goes to RET (may be NULL). */
int change_add_blob(struct change *change, const struct buf *bytes, struct sha256 *ret);

/* Whether two changes would do the same to the same target. */
bool change_same(const struct change *a, const struct change *b);

/* The kinds that exist: a NULL-ended array that main hands to the engine. */
const struct change_kind *change_kind_find(const struct change_kind *const *kinds, const char *name);

#endif
