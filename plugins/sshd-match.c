/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sshd-match.h"

#include "base/escape.h"
#include "base/netaddr.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

/* Addresses for documentation, a name that no resolver knows. */
#define SOME_USER "nobody-in-particular"
#define SOME_HOST "client.invalid"
#define SOME_ADDR "192.0.2.1"
#define SOME_LADDR "192.0.2.2"
#define SOME_LPORT "22"

static bool pattern_matches(const char *pattern, const char *text, bool fold)
{
	const char *star = NULL, *back = NULL;
	while (*text) {
		char a = fold ? (char)tolower((unsigned char)*pattern) : *pattern;
		char b = fold ? (char)tolower((unsigned char)*text) : *text;
		if (*pattern == '*') {
			star = ++pattern;
			back = text;
		} else if (*pattern && (*pattern == '?' || a == b)) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star;
			text = ++back;
		} else {
			return false;
		}
	}
	return pattern[strspn(pattern, "*")] == '\0';
}

typedef bool entry_fn(const char *entry, const char *text, bool fold);

static int list_matches(const char *list, const char *text, bool fold, entry_fn *entry_matches)
{
	_cleanup_free_ char *copy = strdup(list);
	int found = 0;
	char *rest = copy, *entry;
	while ((entry = strsep(&rest, ","))) {
		bool negated = *entry == '!';
		if (!entry_matches(entry + negated, text, fold))
			continue;
		if (negated)
			return -1;
		found = 1;
	}
	return found;
}

int sshd_pattern_list(const char *list, const char *text, bool fold_case)
{
	return list_matches(list, text, fold_case, pattern_matches);
}

static bool address_matches(const char *entry, const char *text, bool fold)
{
	struct netaddr net, host;
	if (netaddr_parse(entry, &net) < 0)
		return pattern_matches(entry, text, fold);
	return netaddr_parse(text, &host) == 0 && netaddr_contains(&net, &host);
}

int sshd_address_list(const char *list, const char *address)
{
	return list_matches(list, address, false, address_matches);
}

void sshd_case_free(struct sshd_case *c)
{
	free(c->label);
	free(c->user);
	free(c->host);
	free(c->addr);
	free(c->laddr);
	free(c->lport);
	free(c->rdomain);
	*c = (struct sshd_case){0};
}

static int case_check(struct sshd_case *c, bool rdomain)
{
	if (c->label && c->user && c->host && c->addr && c->laddr && c->lport && (c->rdomain || !rdomain))
		return 0;
	sshd_case_free(c);
	return -ENOMEM;
}

int sshd_case_default(const char *user, struct sshd_case *ret)
{
	struct sshd_case c = {
		.label = strdup("default"), .user = strdup(user ? user : SOME_USER), .host = strdup(SOME_HOST),
		.addr = strdup(SOME_ADDR), .laddr = strdup(SOME_LADDR), .lport = strdup(SOME_LPORT),
	};
	int r = case_check(&c, false);
	if (r == 0)
		*ret = c;
	return r;
}

int sshd_case_copy(const struct sshd_case *from, const char *user, struct sshd_case *ret)
{
	struct sshd_case c = {
		.label = strdup(from->label), .user = strdup(user ? user : from->user), .host = strdup(from->host),
		.addr = strdup(from->addr), .laddr = strdup(from->laddr), .lport = strdup(from->lport),
		.rdomain = from->rdomain ? strdup(from->rdomain) : NULL,
	};
	int r = case_check(&c, from->rdomain);
	if (r == 0)
		*ret = c;
	return r;
}

bool sshd_case_same(const struct sshd_case *a, const struct sshd_case *b)
{
	return strcmp(a->user, b->user) == 0 && strcmp(a->host, b->host) == 0 && strcmp(a->addr, b->addr) == 0 &&
	       strcmp(a->laddr, b->laddr) == 0 && strcmp(a->lport, b->lport) == 0 &&
	       strcmp(a->rdomain ? a->rdomain : "", b->rdomain ? b->rdomain : "") == 0;
}

/* As sshd: a negated pattern that matches any group decides. */
static int groups_match(const char *list, const char *user, const struct sshd_people *people)
{
	_cleanup_strv_ struct strv groups = {0};
	int r = people->groups(user, &groups), found = 0;
	for (size_t i = 0; i < groups.n && r == 0; i++) {
		int m = sshd_pattern_list(list, groups.v[i], false);
		if (m < 0)
			return 0;
		found |= m;
	}
	return r < 0 ? r : found;
}

static int criterion_holds(const char *name, const char *value, const struct sshd_case *c,
                           const struct sshd_people *people)
{
	if (strcasecmp(name, "user") == 0)
		return sshd_pattern_list(value, c->user, false) == 1;
	if (strcasecmp(name, "group") == 0)
		return groups_match(value, c->user, people);
	if (strcasecmp(name, "host") == 0)
		return sshd_pattern_list(value, c->host, true) == 1;
	if (strcasecmp(name, "address") == 0)
		return sshd_address_list(value, c->addr) == 1;
	if (strcasecmp(name, "localaddress") == 0)
		return sshd_address_list(value, c->laddr) == 1;
	if (strcasecmp(name, "localport") == 0)
		return strcmp(value, c->lport) == 0;
	if (strcasecmp(name, "rdomain") == 0)
		return sshd_pattern_list(value, c->rdomain ? c->rdomain : "", false) == 1;
	return 0;
}

static bool is_all(const struct strv *match)
{
	return match->n == 1 && strcasecmp(match->v[0], "all") == 0;
}

int sshd_chain_holds(const struct sshd_chain *chain, const struct sshd_case *c, const struct sshd_people *people)
{
	for (size_t m = 0; m < chain->n; m++) {
		const struct strv *match = chain->match[m];
		if (is_all(match))
			continue;
		for (size_t i = 0; i < match->n; i += 2) {
			int r = i + 1 < match->n ? criterion_holds(match->v[i], match->v[i + 1], c, people) : 0;
			if (r <= 0)
				return r;
		}
	}
	return 1;
}

/* All values that the chain has for one criterion. */
static int values_of(const struct sshd_chain *chain, const char *criterion, struct strv *ret)
{
	for (size_t m = 0; m < chain->n; m++)
		for (size_t i = 0; i + 1 < chain->match[m]->n; i += 2)
			if (strcasecmp(chain->match[m]->v[i], criterion) == 0)
				strv_add(ret, chain->match[m]->v[i + 1]);
	return strv_error(ret);
}

bool sshd_chain_asks(const struct sshd_chain *chain, const char *criterion)
{
	_cleanup_strv_ struct strv values = {0};
	return values_of(chain, criterion, &values) == 0 && values.n;
}

static void add_filled(struct strv *out, const char *pattern, const char *star, const char *mark)
{
	_cleanup_buf_ struct buf text = {0};
	for (; *pattern; pattern++)
		buf_puts(&text, *pattern == '*' ? star : *pattern == '?' ? mark : (char[]){*pattern, '\0'});
	strv_add(out, buf_text(&text));
}

/* Some hosts of a network: the second, the third, one in the middle, the first. */
static void add_hosts(struct strv *out, const struct netaddr *net)
{
	unsigned bits = net->family == AF_INET ? 32 : 128, last = bits / 8 - 1;
	static const uint8_t low[] = {1, 2, 0x80, 0};
	for (size_t i = 0; i < sizeof(low); i++) {
		struct netaddr host = *net;
		char text[NETADDR_TEXT_LEN];
		host.prefix = bits;
		host.bytes[last] |= low[i];
		if (!netaddr_contains(net, &host))
			continue;
		netaddr_format(&host, text);
		strv_add(out, text);
	}
}

static void add_addresses(struct strv *out, const char *entry)
{
	struct netaddr net;
	if (netaddr_parse(entry, &net) == 0) {
		add_hosts(out, &net);
		return;
	}
	struct strv filled = {0};
	add_filled(&filled, entry, "1", "1");
	add_filled(&filled, entry, ":1", "1");
	for (size_t i = 0; i < filled.n; i++)
		if (netaddr_parse(filled.v[i], &net) == 0)
			strv_add(out, filled.v[i]);
	strv_free(&filled);
}

static void add_names(struct strv *out, const char *entry)
{
	add_filled(out, entry, "", "x");
	add_filled(out, entry, "x", "x");
}

/* What could meet a criterion, most likely first: the usual, then what the patterns suggest. */
static int candidates(const struct sshd_chain *chain, const char *criterion, const char *usual,
                      void (*suggest)(struct strv *out, const char *entry), struct strv *ret)
{
	_cleanup_strv_ struct strv lists = {0};
	int r = values_of(chain, criterion, &lists);
	strv_add(ret, usual);
	for (size_t i = 0; i < lists.n && r == 0; i++) {
		char *rest = lists.v[i], *entry;
		while ((entry = strsep(&rest, ",")))
			if (*entry != '!')
				suggest(ret, entry);
	}
	return r < 0 ? r : strv_error(ret);
}

/* Only the lines about CRITERION must hold for C. */
static int holds_for(const struct sshd_chain *chain, const char *criterion, const struct sshd_case *c,
                     const struct sshd_people *people)
{
	_cleanup_strv_ struct strv values = {0};
	int r = values_of(chain, criterion, &values);
	for (size_t i = 0; i < values.n && r == 0; i++) {
		int held = criterion_holds(criterion, values.v[i], c, people);
		if (held <= 0)
			return held;
	}
	return r < 0 ? r : 1;
}

static int choose(const struct sshd_chain *chain, const char *criterion, const struct strv *list,
                  const struct sshd_people *people, struct sshd_case *c, char **field)
{
	for (size_t i = 0; i < list->n; i++) {
		char *text = strdup(list->v[i]);
		if (!text)
			return -ENOMEM;
		free(*field);
		*field = text;
		int r = holds_for(chain, criterion, c, people);
		if (r == 1 && field == &c->user)
			r = holds_for(chain, "group", c, people);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	return -ENOENT;
}

static int choose_user(const struct sshd_chain *chain, const struct sshd_people *people, struct sshd_case *c)
{
	if (!sshd_chain_asks(chain, "user") && !sshd_chain_asks(chain, "group"))
		return 0;
	_cleanup_strv_ struct strv list = {0};
	int r = strv_add_all(&list, people->users);
	if (r == 0)
		r = candidates(chain, "user", SOME_USER, add_names, &list);
	return r < 0 ? r : choose(chain, "user", &list, people, c, &c->user);
}

static int choose_rest(const struct sshd_chain *chain, const struct sshd_people *people, struct sshd_case *c)
{
	const struct {
		const char *criterion, *usual;
		void (*suggest)(struct strv *out, const char *entry);
		char **field;
	} fields[] = {
		{"host", SOME_HOST, add_names, &c->host},
		{"address", SOME_ADDR, add_addresses, &c->addr},
		{"localaddress", SOME_LADDR, add_addresses, &c->laddr},
		{"localport", SOME_LPORT, add_names, &c->lport},
		{"rdomain", "", add_names, &c->rdomain},
	};
	int r = 0;
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields) && r == 0; i++) {
		_cleanup_strv_ struct strv list = {0};
		if (!sshd_chain_asks(chain, fields[i].criterion))
			continue;
		r = candidates(chain, fields[i].criterion, fields[i].usual, fields[i].suggest, &list);
		if (r == 0)
			r = choose(chain, fields[i].criterion, &list, people, c, fields[i].field);
	}
	return r;
}

static int set_label(const struct sshd_chain *chain, struct sshd_case *c)
{
	_cleanup_buf_ struct buf label = {0};
	for (size_t m = 0; m < chain->n; m++) {
		buf_puts(&label, m ? ", Match" : "Match");
		for (size_t i = 0; i < chain->match[m]->n; i++) {
			buf_putc(&label, ' ');
			escape_str(&label, chain->match[m]->v[i]);
		}
	}
	free(c->label);
	c->label = buf_steal(&label);
	return c->label ? 0 : -ENOMEM;
}

int sshd_case_derive(const struct sshd_chain *chain, const struct sshd_people *people, struct sshd_case *ret)
{
	_cleanup_(sshd_case_free) struct sshd_case c = {0};
	int r = sshd_case_default(NULL, &c);
	if (r == 0)
		r = choose_user(chain, people, &c);
	if (r == 0)
		r = choose_rest(chain, people, &c);
	if (r == 0)
		r = chain->n ? set_label(chain, &c) : 0;
	if (r < 0)
		return r;
	r = sshd_chain_holds(chain, &c, people);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	*ret = c;
	c = (struct sshd_case){0};
	return 0;
}
