/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Transactions. Element lists are packed here, straight into the batch: a million
 * elements cost their bytes and no more, and no list outgrows the 16 bits that
 * netlink has for its length (the kernel takes a truncated list for a short one).
 */
#include "base/nft.h"

#include "base/escape.h"
#include "base/netlink.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <unistd.h>

#define LIST_MAX 60000    /* bytes of one element list */
#define ELEMENT_MAX 512   /* bytes of one element, comment included */
#define MESSAGE_ROOM 65536
#define ANSWERS_MAX (4 * 1024 * 1024)

static struct nlmsghdr *message_at(const struct nft_batch *b)
{
	return (struct nlmsghdr *)(void *)(b->bytes.data + b->at);
}

/* Room first: while a message is open its attributes are put in place. */
static struct nlmsghdr *put_message(struct nft_batch *b, int type, unsigned flags, int family, int resource,
                                    const char *what)
{
	if (buf_reserve(&b->bytes, MESSAGE_ROOM) < 0 || strv_add(&b->what, what) < 0)
		return NULL;
	b->at = b->bytes.len;
	b->open = true;
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(b->bytes.data + b->at);
	nlh->nlmsg_type = (uint16_t)type;
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	nlh->nlmsg_seq = (uint32_t)b->what.n; /* the number of what[], from 1 */
	struct nfgenmsg *m = mnl_nlmsg_put_extra_header(nlh, sizeof(*m));
	m->nfgen_family = (uint8_t)family;
	m->version = NFNETLINK_V0;
	m->res_id = htons((uint16_t)resource);
	return nlh;
}

static void end_message(struct nft_batch *b)
{
	if (b->open)
		b->bytes.len += message_at(b)->nlmsg_len;
	b->open = false;
}

static void end_elements(struct nft_batch *b)
{
	if (b->set) {
		struct nlmsghdr *nlh = message_at(b);
		mnl_attr_nest_end(nlh, (struct nlattr *)(void *)((char *)nlh + b->list));
		end_message(b);
	}
	b->set = NULL;
}

void nft_batch_begin(struct nft_batch *b, uint32_t generation)
{
	*b = (struct nft_batch){0};
	struct nlmsghdr *nlh = put_message(b, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES, "the transaction");
	if (!nlh)
		return;
	mnl_attr_put_u32(nlh, NFNL_BATCH_GENID, htonl(generation));
	end_message(b);
}

void nft_batch_free(struct nft_batch *b)
{
	buf_free(&b->bytes);
	strv_free(&b->what);
	*b = (struct nft_batch){0};
}

struct nlmsghdr *nft_batch_open(struct nft_batch *b, int type, unsigned flags, int family, const char *what)
{
	end_elements(b);
	return put_message(b, NFNL_SUBSYS_NFTABLES << 8 | type, flags, family, 0, what);
}

void nft_batch_close(struct nft_batch *b)
{
	end_message(b);
}

static int open_elements(struct nft_batch *b, int type, const struct nft_table *table, const char *set)
{
	_cleanup_buf_ struct buf text = {0};
	buf_printf(&text, "%s elements %s set %s", type == NFT_MSG_NEWSETELEM ? "adding" : "deleting",
	           type == NFT_MSG_NEWSETELEM ? "to" : "from", set);
	unsigned flags = type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE | NLM_F_EXCL : 0;
	struct nlmsghdr *nlh = nft_batch_open(b, type, flags, table->family, buf_text(&text));
	if (!nlh)
		return -ENOMEM;
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, table->name);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set);
	b->list = (size_t)((char *)mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS) - (char *)nlh);
	b->set = set;
	b->element_type = type;
	return 0;
}

static void put_comment(struct nlmsghdr *nlh, const char *comment)
{
	uint8_t udata[2 + NFTNL_UDATA_COMMENT_MAXLEN];
	size_t len = strnlen(comment, NFTNL_UDATA_COMMENT_MAXLEN - 1);
	udata[0] = NFTNL_UDATA_SET_ELEM_COMMENT;
	udata[1] = (uint8_t)(len + 1);
	memcpy(udata + 2, comment, len);
	udata[2 + len] = 0;
	mnl_attr_put(nlh, NFTA_SET_ELEM_USERDATA, 2 + len + 1, udata);
}

int nft_batch_element(struct nft_batch *b, int type, const struct nft_table *table, const char *set,
                      const struct nft_element *e, const char *comment)
{
	bool fits = b->set && b->element_type == type && strcmp(b->set, set) == 0 &&
	            message_at(b)->nlmsg_len - b->list + ELEMENT_MAX <= LIST_MAX;
	if (!fits && open_elements(b, type, table, set) < 0)
		return -ENOMEM;
	struct nlmsghdr *nlh = message_at(b);
	struct nlattr *element = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	struct nlattr *key = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_KEY);
	mnl_attr_put(nlh, NFTA_DATA_VALUE, e->key_len, e->key);
	mnl_attr_nest_end(nlh, key);
	if (e->end)
		mnl_attr_put_u32(nlh, NFTA_SET_ELEM_FLAGS, htonl(NFT_SET_ELEM_INTERVAL_END));
	if (e->timeout_ms)
		mnl_attr_put_u64(nlh, NFTA_SET_ELEM_TIMEOUT, htobe64(e->timeout_ms));
	if (comment)
		put_comment(nlh, comment);
	mnl_attr_nest_end(nlh, element);
	return 0;
}

/* The kernel's own words about a refusal, where it has some. */
static const char *kernel_words(const struct nlmsghdr *nlh)
{
	const struct nlattr *attr;
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	size_t skip = sizeof(struct nlmsgerr);
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(nlh);
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += error->msg.nlmsg_len - sizeof(struct nlmsghdr);
	mnl_attr_for_each(attr, nlh, skip)
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
			return mnl_attr_get_str(attr);
	return NULL;
}

/* nf_tables uses this error for something else than the C library says. */
static const char *error_text(int error)
{
	return error == ENFILE ? "the set is full" : strerror(error);
}

struct verdict {
	int error; /* the first refusal */
	bool acknowledged;
};

static void take_answer(const struct nft_batch *b, const struct nlmsghdr *nlh, struct verdict *v, struct buf *why)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(nlh);
	if (nlh->nlmsg_type != NLMSG_ERROR || mnl_nlmsg_get_payload_len(nlh) < sizeof(*error))
		return;
	if (error->error == 0)
		v->acknowledged = true;
	if (error->error == 0 || v->error)
		return;
	v->error = error->error;
	size_t seq = nlh->nlmsg_seq;
	const char *what = seq && seq <= b->what.n ? b->what.v[seq - 1] : "the transaction";
	const char *words = kernel_words(nlh);
	buf_printf(why, "the kernel refuses %s: %s", what, error_text(-error->error));
	if (words) {
		buf_puts(why, " (");
		escape_str(why, words);
		buf_putc(why, ')');
	}
}

/* When send returns, the kernel has done its work and queued all that it has to say. */
static int read_verdict(const struct nft_batch *b, struct mnl_socket *s, struct verdict *v, struct buf *why)
{
	char answer[16384] __attribute__((aligned(8)));
	for (;;) {
		ssize_t got = recv(mnl_socket_get_fd(s), answer, sizeof(answer), MSG_DONTWAIT);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
		int left = (int)got;
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)(void *)answer;
		for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
			take_answer(b, nlh, v, why);
	}
}

static int end_batch(struct nft_batch *b)
{
	end_elements(b);
	if (b->bytes.data && b->what.n > 1) /* the last message is acknowledged: silence is no proof */
		message_at(b)->nlmsg_flags |= NLM_F_ACK;
	put_message(b, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES, "the transaction");
	end_message(b);
	return buf_error(&b->bytes) ? buf_error(&b->bytes) : strv_error(&b->what);
}

int nft_batch_send(struct nft_batch *b, struct buf *ret_why)
{
	if (b->what.n == 1 && !buf_error(&b->bytes))
		return 0; /* nothing but the beginning */
	int r = end_batch(b);
	_cleanup_netlink_ struct mnl_socket *s = NULL;
	if (r == 0)
		r = netlink_open(NETLINK_NETFILTER, &s);
	if (r < 0)
		return r;
	int size = (int)(b->bytes.len + MESSAGE_ROOM), room = ANSWERS_MAX;
	setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (TEMP_FAILURE_RETRY(mnl_socket_sendto(s, b->bytes.data, b->bytes.len)) < 0) {
		r = -errno;
		buf_printf(ret_why, "the kernel does not take a transaction of %zu bytes: %s", b->bytes.len, strerror(-r));
		return r;
	}
	struct verdict v = {0};
	r = read_verdict(b, s, &v, ret_why);
	if (r == 0)
		r = v.error ? v.error : v.acknowledged ? 0 : -EIO;
	if (r < 0 && !v.error)
		buf_printf(ret_why, "the kernel's answer to the transaction is lost: %s", strerror(-r));
	return r;
}
