/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/nft.h"

#include "base/netlink.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The comment of a table, a rule and an element has the same type number. */
#define COMMENT NFTNL_UDATA_RULE_COMMENT

static struct nlmsghdr *put_header(char *buffer, int type, unsigned flags, int family)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	nlh->nlmsg_seq = 1;
	struct nfgenmsg *m = mnl_nlmsg_put_extra_header(nlh, sizeof(*m));
	m->nfgen_family = (uint8_t)family;
	m->version = NFNETLINK_V0;
	return nlh;
}

/* nfnetlink calls a subsystem that it does not have an invalid argument. */
static int clear_error(int r)
{
	return r == -EINVAL || r == -EPROTONOSUPPORT ? -EOPNOTSUPP : r;
}

static int ask(const struct nlmsghdr *request, mnl_cb_t answer, void (*restart)(void *ctx), void *ctx)
{
	struct netlink_question q = {
		.bus = NETLINK_NETFILTER, .request = request, .answer = answer, .restart = restart, .ctx = ctx,
	};
	return clear_error(netlink_ask(&q));
}

static int fail(int error)
{
	errno = error;
	return MNL_CB_ERROR;
}

/* The attribute TYPE among those of a message, or among those nested in another. */
static const struct nlattr *attr_of(const struct nlmsghdr *nlh, int type)
{
	const struct nlattr *attr;
	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg))
		if (mnl_attr_get_type(attr) == type)
			return attr;
	return NULL;
}

static const struct nlattr *nested_of(const struct nlattr *nest, int type)
{
	const struct nlattr *attr;
	mnl_attr_for_each_nested(attr, nest)
		if (mnl_attr_get_type(attr) == type)
			return attr;
	return NULL;
}

static const char *string_of(const struct nlmsghdr *nlh, int type)
{
	const struct nlattr *attr = attr_of(nlh, type);
	return attr && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0 ? mnl_attr_get_str(attr) : "";
}

/* A number of LEN bytes in network order, 0 where it is missing. */
static uint64_t number_of(const struct nlattr *attr)
{
	uint64_t n64 = 0;
	uint32_t n32 = 0;
	if (attr && mnl_attr_get_payload_len(attr) == sizeof(n64)) {
		memcpy(&n64, mnl_attr_get_payload(attr), sizeof(n64));
		return be64toh(n64);
	}
	if (attr && mnl_attr_get_payload_len(attr) == sizeof(n32))
		memcpy(&n32, mnl_attr_get_payload(attr), sizeof(n32));
	return ntohl(n32);
}

/* User data is a row of type, length, value. */
static int add_comment(const struct nlattr *udata, struct buf *ret)
{
	const uint8_t *p = udata ? mnl_attr_get_payload(udata) : NULL;
	size_t left = udata ? mnl_attr_get_payload_len(udata) : 0;
	for (; left >= 2 && left >= 2 + (size_t)p[1]; left -= 2 + (size_t)p[1], p += 2 + (size_t)p[1])
		if (p[0] == COMMENT)
			return buf_add(ret, p + 2, strnlen((const char *)p + 2, p[1]));
	return 0;
}

static int take_generation(const struct nlmsghdr *nlh, void *ctx)
{
	*(uint32_t *)ctx = (uint32_t)number_of(attr_of(nlh, NFTA_GEN_ID));
	return MNL_CB_STOP;
}

int nft_generation(uint32_t *ret)
{
	char buffer[64] = "";
	return ask(put_header(buffer, NFT_MSG_GETGEN, 0, NFPROTO_UNSPEC), take_generation, NULL, ret);
}

static int take_table(const struct nlmsghdr *nlh, void *ctx)
{
	return add_comment(attr_of(nlh, NFTA_TABLE_USERDATA), ctx) < 0 ? fail(ENOMEM) : MNL_CB_STOP;
}

int nft_table_comment(const struct nft_table *table, struct buf *ret_comment)
{
	char buffer[512] = "";
	struct nlmsghdr *nlh = put_header(buffer, NFT_MSG_GETTABLE, 0, table->family);
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, table->name);
	return ask(nlh, take_table, NULL, ret_comment);
}

/* A dump of what belongs to one table: the kernel filters some of them, not all. */
struct names {
	const struct nft_table *table;
	int table_attr, name_attr;
	struct strv *ret;
	size_t first;
};

static bool of_table(const struct nlmsghdr *nlh, const struct nft_table *table, int table_attr)
{
	const struct nfgenmsg *m = mnl_nlmsg_get_payload(nlh);
	return m->nfgen_family == table->family && strcmp(string_of(nlh, table_attr), table->name) == 0;
}

static int take_name(const struct nlmsghdr *nlh, void *ctx)
{
	struct names *names = ctx;
	if (!of_table(nlh, names->table, names->table_attr))
		return MNL_CB_OK;
	return strv_add(names->ret, string_of(nlh, names->name_attr)) < 0 ? fail(ENOMEM) : MNL_CB_OK;
}

static void restart_names(void *ctx)
{
	struct names *names = ctx;
	while (names->ret->n > names->first)
		free(names->ret->v[--names->ret->n]);
	if (names->ret->v)
		names->ret->v[names->ret->n] = NULL;
}

static int list_names(int type, struct names *names)
{
	char buffer[512] = "";
	struct nlmsghdr *nlh = put_header(buffer, type, NLM_F_DUMP, names->table->family);
	mnl_attr_put_strz(nlh, (uint16_t)names->table_attr, names->table->name);
	names->first = names->ret->n;
	int r = ask(nlh, take_name, restart_names, names);
	return r == -ENOENT ? 0 : r;
}

int nft_chains(const struct nft_table *table, struct strv *ret)
{
	struct names names = {
		.table = table, .table_attr = NFTA_CHAIN_TABLE, .name_attr = NFTA_CHAIN_NAME, .ret = ret,
	};
	return list_names(NFT_MSG_GETCHAIN, &names);
}

int nft_sets(const struct nft_table *table, struct strv *ret)
{
	struct names names = {.table = table, .table_attr = NFTA_SET_TABLE, .name_attr = NFTA_SET_NAME, .ret = ret};
	return list_names(NFT_MSG_GETSET, &names);
}

struct rule_dump {
	const struct nft_table *table;
	struct nft_rules *ret;
};

void nft_rules_free(struct nft_rules *rules)
{
	for (size_t i = 0; i < rules->n; i++) {
		free(rules->v[i].chain);
		free(rules->v[i].comment);
	}
	free(rules->v);
	*rules = (struct nft_rules){0};
}

static void restart_rules(void *ctx)
{
	nft_rules_free(((struct rule_dump *)ctx)->ret);
}

static int take_rule(const struct nlmsghdr *nlh, void *ctx)
{
	struct rule_dump *dump = ctx;
	if (!of_table(nlh, dump->table, NFTA_RULE_TABLE))
		return MNL_CB_OK;
	struct nft_rule *v = reallocarray(dump->ret->v, dump->ret->n + 1, sizeof(*v));
	if (!v)
		return fail(ENOMEM);
	dump->ret->v = v;
	_cleanup_buf_ struct buf comment = {0};
	add_comment(attr_of(nlh, NFTA_RULE_USERDATA), &comment);
	struct nft_rule rule = {
		.chain = strdup(string_of(nlh, NFTA_RULE_CHAIN)),
		.comment = buf_steal(&comment),
		.handle = number_of(attr_of(nlh, NFTA_RULE_HANDLE)),
	};
	v[dump->ret->n++] = rule;
	return rule.chain && rule.comment ? MNL_CB_OK : fail(ENOMEM);
}

int nft_rules(const struct nft_table *table, struct nft_rules *ret)
{
	char buffer[512] = "";
	struct nlmsghdr *nlh = put_header(buffer, NFT_MSG_GETRULE, NLM_F_DUMP, table->family);
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, table->name);
	struct rule_dump dump = {.table = table, .ret = ret};
	int r = ask(nlh, take_rule, restart_rules, &dump);
	return r == -ENOENT ? 0 : r;
}

static bool read_element(const struct nlattr *attr, struct nft_element *ret)
{
	struct nft_element e = {0};
	const struct nlattr *key = nested_of(attr, NFTA_SET_ELEM_KEY);
	const struct nlattr *value = key ? nested_of(key, NFTA_DATA_VALUE) : NULL;
	if (!value || mnl_attr_get_payload_len(value) > sizeof(e.key))
		return false; /* a catch-all element, or a key that is none of ours */
	e.key_len = (uint8_t)mnl_attr_get_payload_len(value);
	memcpy(e.key, mnl_attr_get_payload(value), e.key_len);
	e.end = number_of(nested_of(attr, NFTA_SET_ELEM_FLAGS)) & NFT_SET_ELEM_INTERVAL_END;
	e.timeout_ms = number_of(nested_of(attr, NFTA_SET_ELEM_TIMEOUT));
	const struct nlattr *left = nested_of(attr, NFTA_SET_ELEM_EXPIRATION);
	e.left_ms = left ? number_of(left) : e.timeout_ms;
	*ret = e;
	return true;
}

struct element_dump {
	struct nft_elements *ret;
	size_t at_least;
};

void nft_elements_free(struct nft_elements *elements)
{
	free(elements->v);
	*elements = (struct nft_elements){0};
}

static void restart_elements(void *ctx)
{
	((struct element_dump *)ctx)->ret->n = 0;
}

static int add_element(struct nft_elements *all, const struct nft_element *e)
{
	if (all->n == all->cap) {
		size_t cap = all->cap ? 2 * all->cap : 64;
		struct nft_element *v = reallocarray(all->v, cap, sizeof(*v));
		if (!v)
			return -ENOMEM;
		all->v = v;
		all->cap = cap;
	}
	all->v[all->n++] = *e;
	return 0;
}

static int take_elements(const struct nlmsghdr *nlh, void *ctx)
{
	struct element_dump *dump = ctx;
	const struct nlattr *list = attr_of(nlh, NFTA_SET_ELEM_LIST_ELEMENTS), *attr;
	if (!list)
		return MNL_CB_OK;
	mnl_attr_for_each_nested(attr, list) {
		struct nft_element e;
		if (read_element(attr, &e) && add_element(dump->ret, &e) < 0)
			return fail(ENOMEM);
	}
	return dump->at_least && dump->ret->n >= dump->at_least ? MNL_CB_STOP : MNL_CB_OK;
}

static void put_set(struct nlmsghdr *nlh, const struct nft_table *table, const char *set)
{
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, table->name);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set);
}

int nft_elements(const struct nft_table *table, const char *set, size_t at_least, struct nft_elements *ret)
{
	char buffer[1024] = "";
	struct nlmsghdr *nlh = put_header(buffer, NFT_MSG_GETSETELEM, NLM_F_DUMP, table->family);
	put_set(nlh, table, set);
	struct element_dump dump = {.ret = ret, .at_least = at_least};
	return ask(nlh, take_elements, restart_elements, &dump);
}

/* Questions by key are sent many at a time; the kernel answers each with one message, at
 * once: when sending returns, all answers are there. */
#define AT_A_TIME 512
#define QUESTION_MAX 512 /* bytes, with the names of table and set */
#define ANSWER_MAX 1024  /* the element, its comment and those names, or an error without its request */
#define READ_AT_ONCE 64
#define ANSWERS_MAX (4 * 1024 * 1024)

struct search {
	struct mnl_socket *socket;
	char *questions;
	char *answers;
	size_t first;
	struct nft_element found[AT_A_TIME];
	enum { UNANSWERED, ABSENT, FOUND } state[AT_A_TIME];
};

static void search_free(struct search **s)
{
	if (!*s)
		return;
	netlink_close(&(*s)->socket);
	free((*s)->questions);
	free((*s)->answers);
	free(*s);
}

static int search_new(struct search **ret)
{
	_cleanup_(search_free) struct search *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->questions = malloc(AT_A_TIME * QUESTION_MAX);
	s->answers = malloc(READ_AT_ONCE * ANSWER_MAX);
	if (!s->questions || !s->answers)
		return -ENOMEM;
	int r = netlink_open(NETLINK_NETFILTER, &s->socket);
	if (r < 0)
		return r;
	int size = ANSWERS_MAX;
	setsockopt(mnl_socket_get_fd(s->socket), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	*ret = s;
	s = NULL;
	return 0;
}

static size_t put_question(char *at, uint32_t seq, const struct nft_table *table, const char *set, const void *key,
                           size_t len)
{
	struct nlmsghdr *nlh = put_header(at, NFT_MSG_GETSETELEM, 0, table->family);
	nlh->nlmsg_seq = seq;
	put_set(nlh, table, set);
	struct nlattr *list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	struct nlattr *element = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_KEY);
	mnl_attr_put(nlh, NFTA_DATA_VALUE, len, key);
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_nest_end(nlh, element);
	mnl_attr_nest_end(nlh, list);
	return nlh->nlmsg_len;
}

/* 1: an answer was taken; 0: it was none of ours. */
static int take_answer(struct search *s, const struct nlmsghdr *nlh, size_t n)
{
	size_t i = nlh->nlmsg_seq - s->first;
	if (i >= n || s->state[i] != UNANSWERED)
		return 0;
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *error = mnl_nlmsg_get_payload(nlh);
		s->state[i] = ABSENT;
		return error->error == -ENOENT ? 1 : error->error;
	}
	const struct nlattr *list = attr_of(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	const struct nlattr *element = list ? nested_of(list, NFTA_LIST_ELEM) : NULL;
	s->state[i] = element && read_element(element, &s->found[i]) ? FOUND : ABSENT;
	return 1;
}

static int take_answers(struct search *s, const char *bytes, size_t len, size_t n, size_t *answered)
{
	int left = (int)len;
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)bytes;
	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		int r = take_answer(s, nlh, n);
		if (r < 0)
			return r;
		*answered += (size_t)r;
	}
	return 0;
}

static int read_answers(struct search *s, size_t n)
{
	struct iovec room[READ_AT_ONCE];
	struct mmsghdr messages[READ_AT_ONCE] = {0};
	for (size_t i = 0; i < READ_AT_ONCE; i++) {
		room[i] = (struct iovec){.iov_base = s->answers + i * ANSWER_MAX, .iov_len = ANSWER_MAX};
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &room[i], .msg_iovlen = 1};
	}
	for (size_t answered = 0; answered < n;) {
		int got = recvmmsg(mnl_socket_get_fd(s->socket), messages, READ_AT_ONCE, MSG_DONTWAIT, NULL);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == EAGAIN ? -EIO : -errno; /* an answer is missing */
		for (int i = 0; i < got; i++) {
			int r = messages[i].msg_hdr.msg_flags & MSG_TRUNC
			                ? -EMSGSIZE : take_answers(s, s->answers + (size_t)i * ANSWER_MAX, messages[i].msg_len, n, &answered);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int nft_find(const struct nft_table *table, const char *set, const void *keys, size_t stride, size_t key_len, size_t n,
             int (*visit)(void *ctx, size_t i, const struct nft_element *element), void *ctx)
{
	_cleanup_(search_free) struct search *s = NULL;
	int r = search_new(&s);
	for (size_t done = 0; r == 0 && done < n;) {
		size_t part = n - done < AT_A_TIME ? n - done : AT_A_TIME, len = 0;
		s->first = done + 1;
		for (size_t i = 0; i < part; i++) {
			const char *key = (const char *)keys + (done + i) * stride;
			len += put_question(s->questions + len, (uint32_t)(s->first + i), table, set, key, key_len);
			s->state[i] = UNANSWERED;
		}
		if (TEMP_FAILURE_RETRY(mnl_socket_sendto(s->socket, s->questions, len)) < 0)
			return -errno;
		r = clear_error(read_answers(s, part));
		for (size_t i = 0; r == 0 && i < part; i++)
			r = visit(ctx, done + i, s->state[i] == FOUND ? &s->found[i] : NULL);
		done += part;
	}
	return r;
}
