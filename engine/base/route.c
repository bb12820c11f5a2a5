/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/route.h"

#include "base/buf.h"
#include "base/netlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

struct found {
	struct netaddr *v;
	size_t n;
};

static void found_free(struct found *f)
{
	free(f->v);
	*f = (struct found){0};
}

static void restart(void *ctx)
{
	found_free(ctx);
}

/* For mnl callbacks: MNL_CB_OK, or MNL_CB_ERROR with errno set. */
static int add(struct found *f, int family, const void *bytes, size_t len)
{
	if ((family != AF_INET || len < 4) && (family != AF_INET6 || len < 16))
		return MNL_CB_OK;
	struct netaddr *v = reallocarray(f->v, f->n + 1, sizeof(*v));
	if (!v) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	f->v = v;
	netaddr_from_bytes(family, bytes, &v[f->n++]);
	return MNL_CB_OK;
}

static int add_attr(struct found *f, int family, const struct nlattr *attr)
{
	return add(f, family, mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
}

/* On a point-to-point link IFA_ADDRESS is the peer, and IFA_LOCAL is us. */
static int take_address(const struct nlmsghdr *nlh, void *ctx)
{
	const struct ifaddrmsg *m = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr, *address = NULL, *local = NULL;
	if (nlh->nlmsg_type != RTM_NEWADDR)
		return MNL_CB_OK;
	mnl_attr_for_each(attr, nlh, sizeof(*m)) {
		if (mnl_attr_get_type(attr) == IFA_ADDRESS)
			address = attr;
		if (mnl_attr_get_type(attr) == IFA_LOCAL)
			local = attr;
	}
	local = local ? local : address;
	return local ? add_attr(ctx, m->ifa_family, local) : MNL_CB_OK;
}

static int add_via(struct found *f, const struct nlattr *attr)
{
	const struct rtvia *via = mnl_attr_get_payload(attr);
	size_t len = mnl_attr_get_payload_len(attr);
	return len < sizeof(*via) ? MNL_CB_OK : add(f, via->rtvia_family, via->rtvia_addr, len - sizeof(*via));
}

static int add_hops(struct found *f, int family, const struct nlattr *multipath)
{
	int left = (int)mnl_attr_get_payload_len(multipath);
	const struct rtnexthop *hop = mnl_attr_get_payload(multipath);
	for (; RTNH_OK(hop, left); left -= RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop)) {
		const struct nlattr *attr;
		const void *attrs = RTNH_DATA(hop);
		size_t len = hop->rtnh_len - RTNH_LENGTH(0);
		mnl_attr_for_each_payload(attrs, len) {
			int r = MNL_CB_OK;
			if (mnl_attr_get_type(attr) == RTA_GATEWAY)
				r = add_attr(f, family, attr);
			if (mnl_attr_get_type(attr) == RTA_VIA)
				r = add_via(f, attr);
			if (r != MNL_CB_OK)
				return r;
		}
	}
	return MNL_CB_OK;
}

static int take_route(const struct nlmsghdr *nlh, void *ctx)
{
	const struct rtmsg *m = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	if (nlh->nlmsg_type != RTM_NEWROUTE || m->rtm_dst_len != 0)
		return MNL_CB_OK;
	int r = MNL_CB_OK;
	mnl_attr_for_each(attr, nlh, sizeof(*m)) {
		switch (mnl_attr_get_type(attr)) {
		case RTA_GATEWAY: r = add_attr(ctx, m->rtm_family, attr); break;
		case RTA_VIA: r = add_via(ctx, attr); break;
		case RTA_MULTIPATH: r = add_hops(ctx, m->rtm_family, attr); break;
		}
		if (r != MNL_CB_OK)
			break;
	}
	return r;
}

static int visit_all(const struct found *f, route_visit visit, void *ctx)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < f->n; i++)
		r = visit(ctx, &f->v[i]);
	return r;
}

static int ask(uint16_t type, int family, size_t header, mnl_cb_t take, struct found *ret)
{
	char request[64] = "";
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(request);
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = 1;
	unsigned char *extra = mnl_nlmsg_put_extra_header(nlh, header);
	extra[0] = (unsigned char)family; /* the first member of both ifaddrmsg and rtmsg */
	struct netlink_question q = {
		.bus = NETLINK_ROUTE, .request = nlh, .answer = take, .restart = restart, .ctx = ret,
	};
	return netlink_ask(&q);
}

int route_own_addresses(route_visit visit, void *ctx)
{
	_cleanup_(found_free) struct found found = {0};
	int r = ask(RTM_GETADDR, AF_UNSPEC, sizeof(struct ifaddrmsg), take_address, &found);
	return r < 0 ? r : visit_all(&found, visit, ctx);
}

int route_gateways(route_visit visit, void *ctx)
{
	static const int families[] = {AF_INET, AF_INET6};
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++) {
		_cleanup_(found_free) struct found found = {0};
		int r = ask(RTM_GETROUTE, families[i], sizeof(struct rtmsg), take_route, &found);
		/* A kernel without this family has no routes of it. */
		if (r == 0)
			r = visit_all(&found, visit, ctx);
		else if (r == -EAFNOSUPPORT || r == -EOPNOTSUPP)
			r = 0;
		if (r)
			return r;
	}
	return 0;
}
