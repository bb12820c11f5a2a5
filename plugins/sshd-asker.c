/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sshd-asker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CASES_MAX 64

struct sshd_answer {
	struct sshd_case about;
	struct buf dump;
	bool guessed;
};

int sshd_asker_open(struct sshd_asker *asker, struct host *host, const struct plan *plan,
                    const struct sshd_overlay *overlays, size_t n_overlays, struct buf *ret_why)
{
	*asker = (struct sshd_asker){.host = host, .people = {.users = &asker->names, .groups = account_groups}};
	int r = sshd_config_load(host, plan, overlays, n_overlays, &asker->config, ret_why);
	if (r == 0)
		r = sshd_view_open(&asker->config, &asker->view);
	if (r == 0)
		r = accounts_load(host, &asker->users);
	for (size_t i = 0; i < asker->users.n && r == 0; i++)
		r = strv_add(&asker->names, asker->users.v[i].name);
	return r;
}

static void answer_free(struct sshd_answer *a)
{
	sshd_case_free(&a->about);
	buf_free(&a->dump);
	free(a);
}

void sshd_asker_close(struct sshd_asker *asker)
{
	for (size_t i = 0; i < asker->n_answers; i++)
		answer_free(asker->answers[i]);
	free(asker->answers);
	strv_free(&asker->names);
	users_free(&asker->users);
	sshd_view_close(&asker->view);
	sshd_config_free(&asker->config);
	*asker = (struct sshd_asker){0};
}

void sshd_cases_free(struct sshd_cases *cases)
{
	for (size_t i = 0; i < cases->n; i++)
		sshd_case_free(&cases->v[i]);
	free(cases->v);
	*cases = (struct sshd_cases){0};
}

/* Takes C over, also on failure; one that differs in its label only is dropped. */
static int add_case(struct sshd_cases *cases, struct sshd_case *c)
{
	struct sshd_case *v = NULL;
	bool known = false;
	for (size_t i = 0; i < cases->n && !known; i++)
		known = sshd_case_same(&cases->v[i], c);
	if (!known)
		v = reallocarray(cases->v, cases->n + 1, sizeof(*v));
	if (!v) {
		sshd_case_free(c);
		return known ? 0 : -ENOMEM;
	}
	cases->v = v;
	v[cases->n++] = *c;
	return 0;
}

static int add_default(struct sshd_cases *cases, const char *user)
{
	struct sshd_case c;
	int r = sshd_case_default(user, &c);
	return r < 0 ? r : add_case(cases, &c);
}

int sshd_cases_all(struct sshd_asker *asker, struct sshd_cases *ret)
{
	int r = add_default(ret, NULL);
	for (size_t i = 1; i < asker->config.n_chains && r == 0; i++) {
		struct sshd_case c;
		if (ret->n == CASES_MAX)
			return host_blind(asker->host,
					  "sshd_config has many Match blocks: only the first %d were tried out",
					  CASES_MAX);
		r = sshd_case_derive(&asker->config.chains[i], &asker->people, &c);
		r = r == -ENOENT ? 0 : r < 0 ? r : add_case(ret, &c);
	}
	return r;
}

static bool names_keyword(const struct sshd_asker *asker, size_t statement, const char *const *keywords)
{
	const char *keyword = sshd_statement_line(&asker->config, statement)->keyword;
	for (; *keywords; keywords++)
		if (strcmp(*keywords, keyword) == 0)
			return true;
	return false;
}

static bool about_people(const struct sshd_chain *chain)
{
	return sshd_chain_asks(chain, "user") || sshd_chain_asks(chain, "group");
}

/* Whether any Match block that asks who it is sets one of the keywords. */
static bool user_matters(const struct sshd_asker *asker, const char *const *keywords)
{
	const struct sshd_config *c = &asker->config;
	for (size_t i = 0; i < c->n_statements; i++)
		if (names_keyword(asker, i, keywords) && about_people(&c->chains[c->statements[i].chain]))
			return true;
	return false;
}

/* A connection by USER from where CHAIN wants it from, if USER can meet it at all. */
static int add_case_of(struct sshd_asker *asker, const struct sshd_chain *chain, const char *user,
                       struct sshd_cases *cases)
{
	_cleanup_strv_ struct strv only = {0};
	_cleanup_(sshd_case_free) struct sshd_case found = {0};
	struct sshd_people people = {.users = &only, .groups = asker->people.groups};
	struct sshd_case c;
	int r = user ? strv_add(&only, user) : 0;
	if (r == 0)
		r = sshd_case_derive(chain, user ? &people : &asker->people, &found);
	if (r == 0)
		r = sshd_case_copy(&found, user, &c);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = sshd_chain_holds(chain, &c, &asker->people);
	if (r == 1)
		return add_case(cases, &c);
	sshd_case_free(&c);
	return r;
}

int sshd_cases_of(struct sshd_asker *asker, const char *user, const char *const *keywords, struct sshd_cases *ret)
{
	const struct sshd_config *config = &asker->config;
	const char *who = user_matters(asker, keywords) ? user : NULL;
	size_t last = 0;
	int r = add_default(ret, who);
	for (size_t i = 0; i < config->n_statements && r == 0 && ret->n < CASES_MAX; i++) {
		size_t chain = config->statements[i].chain;
		if (chain == last || chain == 0 || !names_keyword(asker, i, keywords))
			continue;
		last = chain;
		r = add_case_of(asker, &config->chains[chain], who, ret);
	}
	return r;
}

static int note_guess(struct sshd_asker *asker, int error, const struct buf *why)
{
	return host_blind(asker->host, "%s (%s): what holds is worked out from the text of its files, unchecked",
	                  error == -EINVAL ? "sshd refuses its configuration" : "sshd cannot be asked", buf_text(why));
}

static int ask(struct sshd_asker *asker, const struct sshd_case *c, struct sshd_answer *ret)
{
	_cleanup_buf_ struct buf why = {0};
	int r = sshd_dump(&asker->view, c, &ret->dump, &why);
	if (r == 0 || (r != -EINVAL && r != -EOPNOTSUPP))
		return r;
	ret->guessed = true;
	int noted = note_guess(asker, r, &why);
	return noted < 0 ? noted : sshd_config_guess(&asker->config, c, &asker->people, &ret->dump);
}

static int add_answer(struct sshd_asker *asker, const struct sshd_case *c, struct sshd_answer **ret)
{
	struct sshd_answer **v = reallocarray(asker->answers, asker->n_answers + 1, sizeof(struct sshd_answer *));
	struct sshd_answer *a = calloc(1, sizeof(*a));
	if (v)
		asker->answers = v;
	int r = v && a ? sshd_case_copy(c, NULL, &a->about) : -ENOMEM;
	if (r == 0)
		r = ask(asker, c, a);
	if (r < 0) {
		if (a)
			answer_free(a);
		return r;
	}
	*ret = v[asker->n_answers++] = a;
	return 0;
}

int sshd_asker_dump(struct sshd_asker *asker, const struct sshd_case *c, const struct buf **ret, bool *ret_guessed)
{
	struct sshd_answer *a = NULL;
	for (size_t i = 0; i < asker->n_answers && !a; i++)
		if (sshd_case_same(&asker->answers[i]->about, c))
			a = asker->answers[i];
	int r = a ? 0 : add_answer(asker, c, &a);
	if (r < 0)
		return r;
	*ret = &a->dump;
	if (ret_guessed)
		*ret_guessed = a->guessed;
	return 0;
}
