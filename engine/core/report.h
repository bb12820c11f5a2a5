/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a run was, for people who were not there: a neutral model, which the command line
 * renders. It is made from the records of the run alone; neither the host nor the vault is
 * looked at, so that it tells of an old run, too, whose playbook is gone.
 *
 * Texts are escaped (no control bytes, valid UTF-8), but may hold anything that a markup
 * language takes for markup.
 */
#ifndef RESPOND_CORE_REPORT_H
#define RESPOND_CORE_REPORT_H

#include "core/action.h"
#include "core/run.h"

enum report_tone { REPORT_PLAIN, REPORT_GOOD, REPORT_WARN, REPORT_BAD };

/* One line of the timeline. */
struct report_event {
	char *time;       /* as the journal has it: RFC 3339, the host's local time with its offset */
	int64_t ms;       /* the same since 1970; 0 where it makes no sense */
	enum report_tone tone;
	const char *word; /* "done", "refused" */
	char *step;       /* "": of none */
	char *text;
	char *note;       /* "": none */
	unsigned change;  /* 0: of none */
};

/* What was done in one go: the run, its rollback, a confirmation. */
struct report_phase {
	const char *title;
	char *about;   /* what it was limited to, and what was lifted for it; "" */
	char *author;  /* who asked for it, and how; "" */
	size_t first, n; /* its events */
};

struct report_process {
	unsigned depth;
	pid_t pid;
	char *name, *user, *exe, *args, *marks;
	struct strv sockets;
};

struct report_change {
	const struct run_entry *entry;
	size_t step;         /* among the steps */
	char *what;          /* in one sentence */
	char *detail;        /* more lines, "" for none; of a change about processes: see there */
	enum report_tone tone;
	bool lasting;        /* it was made, at least in part, and cannot be undone */
	struct report_process *processes;
	size_t n_processes;
};

struct report_step {
	char *name;
	char *action;                /* its name; "": the journal does not tell */
	const struct action *known;  /* NULL: this version has no such action */
	size_t planned, done, held, missed, undone, refused; /* missed: neither done nor held */
	size_t kept, lost;           /* items of evidence */
	char *failure;               /* why it could not be planned; "" */
};

/* A technique of ATT&CK that the actions of the run remedy. */
struct report_technique {
	char id[16];
	const char *name;
	struct strv steps;
};

enum report_kept {
	REPORT_KEPT,      /* in the vault */
	REPORT_HASH_ONLY,
	REPORT_PURGED,    /* no longer in the vault */
	REPORT_LOST,      /* it could not be kept */
};

struct report_item {
	const char *what;  /* "executable", "before-image" */
	char *name;        /* a path, or the name that the step gave it */
	char *sha256;      /* "": none */
	enum report_kept kept;
	char *note;        /* since when, why, or what is in it; "" */
	char *step;
	unsigned change;   /* 0: of none */
	int64_t size;      /* -1: not recorded */
	bool partial;
};

struct report_refusal {
	char *step, *rule, *what, *why; /* "" where it does not apply */
};

/* What somebody has to do, or can. */
struct report_task {
	enum report_tone tone;
	char *text;
	char *command; /* "": there is none for it */
};

struct report_tasks {
	struct report_task *v;
	size_t n;
};

struct report {
	const struct run *run;
	const char *state; /* run_word() */
	enum report_tone tone;
	struct run_counts counts;
	size_t missed, lasting, rounds;
	size_t kept, lost; /* items of evidence */
	char *host, *playbook, *description, *file, *sha256, *version, *key;
	char *trigger;         /* what started it: "the command line" */
	char *operator;        /* who did: "login uid 1000, uid 0" */
	char *last;            /* when something was last done about it */
	struct strv inputs;    /* "names = xmrig, kinsing" */
	struct strv allowed;   /* guard rules that were lifted */
	struct strv residual;
	struct report_step *steps;
	size_t n_steps;
	struct report_change *changes; /* as many as the run has entries, in their order */
	struct report_phase *phases;
	size_t n_phases;
	struct report_event *events;
	size_t n_events;
	struct report_technique *techniques;
	size_t n_techniques;
	struct report_item *items;
	size_t n_items;
	struct report_refusal *refusals;
	size_t n_refusals;
	struct report_tasks todo; /* what is left to do, the most urgent first */
	struct report_tasks ways; /* how to take it back, or look into it */
	int error;                /* while it is made (core/report-parts.h) */
};

/* NOW is the time in milliseconds since 1970: some of what is left to do has its time. RUN
 * must outlive the report. 0 or -ENOMEM. */
int report_new(const struct run *run, const struct action *const *actions, int64_t now, struct report **ret);
void report_free(struct report **report);

/* "2026-11-25 03:14:15 +01:00" of a time in milliseconds since 1970. */
void report_time(int64_t ms, char ret[40]);

#endif
