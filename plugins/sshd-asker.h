/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sshd's configuration and everything that is needed to ask about it: which
 * connections make a difference, and what holds for each of them. Each question is put
 * to sshd once.
 */
#ifndef RESPOND_PLUGINS_SSHD_ASKER_H
#define RESPOND_PLUGINS_SSHD_ASKER_H

#include "accounts.h"
#include "sshd-effective.h"

struct sshd_asker {
	struct host *host;
	struct sshd_config config;
	struct sshd_view view;
	struct users users;
	struct strv names; /* of the users */
	struct sshd_people people;
	struct sshd_answer **answers;
	size_t n_answers;
};

/* Errors as sshd_config_load(). The asker must stay where it is; close it also after
 * an error. */
int sshd_asker_open(struct sshd_asker *asker, struct host *host, const struct plan *plan,
                    const struct sshd_overlay *overlays, size_t n_overlays, struct buf *ret_why);
void sshd_asker_close(struct sshd_asker *asker);

struct sshd_cases {
	struct sshd_case *v;
	size_t n;
};
void sshd_cases_free(struct sshd_cases *cases);

/* "default", and one connection for every Match line that somebody can meet. */
int sshd_cases_all(struct sshd_asker *asker, struct sshd_cases *ret);

/* The connections of USER between which any of KEYWORDS (NULL-ended) may differ. */
int sshd_cases_of(struct sshd_asker *asker, const char *user, const char *const *keywords, struct sshd_cases *ret);

/* What holds for a connection, as `sshd -T` prints it; owned by the asker. Where
 * sshd cannot be asked, or refuses its configuration, the text of the files has to do,
 * which host_blind() tells; *RET_GUESSED (may be NULL) too. */
int sshd_asker_dump(struct sshd_asker *asker, const struct sshd_case *c, const struct buf **ret, bool *ret_guessed);

#endif
