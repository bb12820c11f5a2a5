/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * PAM: what pam_exec(8) has in its environment. Whoever logs in chooses the user's name: one
 * that is no text, or longer than one may be, is left out, so that it does not keep his address
 * from being blocked.
 */
#include "sources.h"

#include "common-fields.h"
#include "hook/flatten.h"
#include "pairs.h"

#include <errno.h>
#include <string.h>

static const char *const variables[] = {"PAM_TYPE",  "PAM_SERVICE", "PAM_USER", "PAM_RUSER",
                                        "PAM_RHOST", "PAM_TTY",     NULL};
static const char *const names[] = {"type", "service", "user", "ruser", "rhost", "tty"};
#define REQUIRED 2

static const char *name_of(struct slice variable)
{
	for (size_t i = 0; variables[i]; i++)
		if (slice_is(variable, variables[i]))
			return names[i];
	return NULL;
}

static int add_pair(struct event *event, const struct pair *pair, struct buf *ret_why)
{
	const char *name = name_of(pair->name);
	int r = 0;
	if (!name) {
		buf_puts(ret_why, "there is a variable that is none of pam_exec's");
		return -EINVAL;
	}
	r = pair->value.len ? event_add_text(event, name, pair->value) : event_add_empty(event, name);
	return r == -EILSEQ || r == -E2BIG ? 0 : flatten_refuse(r, name, ret_why);
}

static int check(const struct event *event, struct buf *ret_why)
{
	for (size_t i = 0; i < REQUIRED; i++) {
		if (event_field(event, names[i]))
			continue;
		buf_printf(ret_why, "%s is not set: it is pam_exec(8) that sets it", variables[i]);
		return -EINVAL;
	}
	return 0;
}

static int parse(struct slice message, struct events *ret, struct buf *ret_why)
{
	_cleanup_event_ struct event event = {0};
	struct pair pair;
	int r = 0;
	while ((r = take_pair(&message, &pair, ret_why)) > 0)
		if ((r = add_pair(&event, &pair, ret_why)) < 0)
			break;
	if (r == 0)
		r = check(&event, ret_why);
	if (r == 0)
		r = common_text(&event, "action", "alert", ret_why);
	if (r == 0)
		r = COMMON_COPY(&event, "srcip", ret_why, "rhost");
	return r < 0 ? r : events_add(ret, &event);
}

static const struct source_field fields[] = {
	{"type", FIELD_TEXT, "PAM_TYPE: auth, account, password, open_session or close_session"},
	{"service", FIELD_TEXT, "PAM_SERVICE: sshd, su, ..."},
	{"rhost", FIELD_TEXT, "PAM_RHOST: an address, or a name where the service resolves them"},
	{"ruser", FIELD_TEXT, "PAM_RUSER"},
	{"tty", FIELD_TEXT, "PAM_TTY"},
	ACTION_FIELD("alert"),
	SRCIP_FIELD("rhost"),
	USER_FIELD("PAM_USER"),
	{0},
};

const struct source source_pam = {
	.name = "pam",
	.summary = "the environment of pam_exec(8)",
	.input = INPUT_ENVIRONMENT,
	.size_max = 1024 * 1024, /* the kernel allows each variable 128 KiB */
	.apart = true,
	.variables = variables,
	.fields = fields,
	.closed = true,
	.parse = parse,
};
