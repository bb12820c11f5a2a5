/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A line that is what a client says (its user, the text of its certificate), then a log, which
 * is also read as records of utmp. Arbitrary bytes do no harm; and whatever the client says,
 * its own address is the one that it is counted for.
 */
#include "fuzz.h"

#include "login-tally.h"
#include "utmp-codec.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NOW 1764036900
#define HEAD "1764036855.123456 host sshd[42]: "
#define PEER "203.0.113.5"
#define TAIL " from " PEER " port 9 ssh2"

static bool is_peer(const struct login *l)
{
	char text[NETADDR_TEXT_LEN];
	if (!l->has_address)
		return false;
	netaddr_format(&l->address, text);
	return strcmp(text, PEER) == 0;
}

static int parse(const struct buf *line, struct login *ret)
{
	MUST(buf_error(line) == 0);
	return sshd_log_parse(line->data, line->len, NOW, ret);
}

/* SAID as sshd logs it: at most 100 bytes, control characters and what is no ASCII escaped. */
static void log_text(const char *said, struct buf *ret)
{
	for (size_t i = 0; said[i] && ret->len < 100; i++)
		buf_putc(ret, isprint((unsigned char)said[i]) ? said[i] : '\\');
}

static void nobody_else_is_blamed(const char *said)
{
	_cleanup_buf_ struct buf name = {0}, password = {0}, key = {0}, both = {0};
	struct login l;
	log_text(said, &name);
	buf_printf(&password, HEAD "Failed password for invalid user %s" TAIL, buf_text(&name));
	MUST(parse(&password, &l) == 1 && is_peer(&l) && !l.accepted && l.invalid && !l.key && l.times == 1);
	MUST(strcmp(l.user, buf_text(&name)) == 0);
	buf_printf(&key, HEAD "Failed publickey for root" TAIL ": ED25519-CERT SHA256:x ID %s", buf_text(&name));
	MUST(parse(&key, &l) == 1 && is_peer(&l) && strcmp(l.user, "root") == 0);
	buf_printf(&both, HEAD "Failed publickey for invalid user %s" TAIL ": ED25519-CERT SHA256:x ID %s", buf_text(&name),
	           buf_text(&name));
	int r = parse(&both, &l);
	MUST(r == -EBADMSG || (r == 1 && is_peer(&l)));
}

static void check_login(const struct login *l)
{
	MUST(memchr(l->user, '\0', sizeof(l->user)) && memchr(l->method, '\0', sizeof(l->method)));
	MUST(memchr(l->fingerprint, '\0', sizeof(l->fingerprint)));
	MUST(!l->fingerprint[0] || strlen(l->fingerprint) == LOGIN_FINGERPRINT_LEN - 1);
	MUST(!l->has_address || netaddr_is_host(&l->address));
}

static void count_lines(const struct buf *text, struct tally *tally)
{
	struct fuzz_input in = {buf_text(text), text->len};
	while (in.left) {
		const char *newline = memchr(in.at, '\n', in.left);
		size_t n = newline ? (size_t)(newline - in.at) : in.left;
		_cleanup_free_ char *line = malloc(n ? n : 1); /* of exactly that length */
		struct login l;
		MUST(line);
		memcpy(line, in.at, n);
		int r = sshd_log_parse(line, n, NOW, &l);
		MUST(r == 0 || r == 1 || r == -EBADMSG);
		if (r == 1) {
			check_login(&l);
			MUST(tally_add(tally, &l) == 0);
		}
		n += newline != NULL;
		in.at += n;
		in.left -= n;
	}
}

static void check_tally(struct tally *t)
{
	unsigned long long failed = 0, accepted = 0;
	tally_sort(&t->users);
	tally_sort(&t->addresses);
	for (size_t i = 0; i < t->users.n; i++) {
		const struct tally_row *row = &t->users.v[i];
		MUST(tally_find(&t->users, row->key) == row);
		MUST(i == 0 || row->failed <= t->users.v[i - 1].failed);
		failed += row->failed + row->refused;
		accepted += row->accepted;
	}
	MUST(t->users.full || (failed == t->failed && accepted == t->accepted));
	MUST(t->n_successes <= TALLY_SUCCESSES_MAX);
}

static void read_records(const struct buf *text)
{
	for (size_t at = 0; at + UTMP_RECORD_LEN <= text->len; at += 16) {
		struct utmp_record r;
		if (utmp_decode(text->data + at, &r) < 0)
			continue;
		MUST(strlen(r.user) <= UT_NAMESIZE && strlen(r.host) <= UT_HOSTSIZE && strlen(r.line) <= UT_LINESIZE);
		MUST(!r.has_address || netaddr_is_host(&r.address));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	_cleanup_free_ char *said = fuzz_line(&in);
	_cleanup_buf_ struct buf text = fuzz_rest(&in);
	struct tally tally = {.threshold = 3};
	nobody_else_is_blamed(said);
	count_lines(&text, &tally);
	check_tally(&tally);
	read_records(&text);
	tally_free(&tally);
	return 0;
}
