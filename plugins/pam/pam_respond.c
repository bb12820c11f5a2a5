/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * pam_respond(8): refuses in the account stack who is contained, and who comes from where
 * is contained, whatever credential was shown.
 *
 * It runs within sshd, login, su, ... Rules:
 *  1. It never makes anybody wait: one local file is read, at most CONTAINED_MAX bytes of it,
 *     opened so that a FIFO or a device does not block. The name service is asked only about
 *     somebody who is about to be refused.
 *  2. It never ends its caller: bounded loops, no recursion, nothing static.
 *  3. It lets pass when it cannot tell: no list, one that cannot be read, that others than
 *     root could have written, or that is damaged (what can be read of that one counts). An
 *     error on the disk must not lock out those who come to repair it; containing is a
 *     second lock besides that of the account itself. It says so to the log.
 *  4. The list is trusted as far as root's files are; names from outside are not: no byte of
 *     them can end a line of the log.
 */
#include "base/netaddr.h"
#include "change/contained-codec.h"

#include <errno.h>
#include <fcntl.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <security/pam_modutil.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define BREAK_GLASS "break-glass="
#define SHOWN_MAX 64

/* Who asks to be let in. */
struct visitor {
	const char *user;
	struct netaddr addresses[2]; /* what the service calls the remote host; where sshd's connection comes from */
	size_t n;
};

static void make_printable(const char *text, char ret[SHOWN_MAX])
{
	size_t i = 0;
	for (; text && text[i] && i < SHOWN_MAX - 1; i++)
		ret[i] = text[i] > ' ' && text[i] < 0x7f ? text[i] : '?';
	ret[i] = '\0';
}

/* The address that TEXT begins with, up to a blank. A zone ("%eth0") is not part of it. */
static void add_address(struct visitor *v, const char *text)
{
	char word[NETADDR_TEXT_LEN];
	size_t len = text ? strcspn(text, " %") : 0;
	if (!len || len >= sizeof(word))
		return;
	memcpy(word, text, len);
	word[len] = '\0';
	if (netaddr_parse(word, &v->addresses[v->n]) == 0)
		v->n++;
}

static int visitor_of(pam_handle_t *pamh, struct visitor *ret)
{
	const void *host = NULL;
	int r = pam_get_user(pamh, &ret->user, NULL);
	if (r != PAM_SUCCESS)
		return r;
	if (pam_get_item(pamh, PAM_RHOST, &host) == PAM_SUCCESS)
		add_address(ret, host);
	add_address(ret, pam_getenv(pamh, "SSH_CONNECTION")); /* with UseDNS, the former is a name */
	return ret->user ? PAM_SUCCESS : PAM_USER_UNKNOWN;
}

static int check_file(pam_handle_t *pamh, const struct stat *st)
{
	if (!S_ISREG(st->st_mode) || st->st_uid != 0 || (st->st_mode & 022)) {
		pam_syslog(pamh, LOG_ALERT, "%s is not root's alone to write: nobody is refused by it", CONTAINED_FILE);
		return -EPERM;
	}
	if (st->st_size > CONTAINED_MAX) {
		pam_syslog(pamh, LOG_ALERT, "%s is too large: nobody is refused by it", CONTAINED_FILE);
		return -EFBIG;
	}
	return 0;
}

/* At most MAX bytes, however the file grows meanwhile. */
static ssize_t read_all(int fd, char *text, size_t max)
{
	size_t len = 0;
	while (len < max) {
		ssize_t n = read(fd, text + len, max - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

/* The length of the list, whose bytes the caller frees; 0: there is none to go by. */
static size_t read_list(pam_handle_t *pamh, char **ret)
{
	struct stat st;
	int fd = open(CONTAINED_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) {
		/* Who is not root and may not look into root's directory cannot be kept out here. */
		if (errno != ENOENT && !(errno == EACCES && geteuid() != 0))
			pam_syslog(pamh, LOG_ALERT, "cannot open %s: %m: nobody is refused by it", CONTAINED_FILE);
		return 0;
	}
	ssize_t n = fstat(fd, &st) < 0 ? -errno : check_file(pamh, &st);
	char *text = n == 0 && st.st_size > 0 ? malloc((size_t)st.st_size) : NULL;
	if (text)
		n = read_all(fd, text, (size_t)st.st_size);
	close(fd);
	if (n <= 0) {
		free(text);
		return 0;
	}
	*ret = text;
	return (size_t)n;
}

/* One name of the list "rescue,@wheel", between AT and its end. */
static int is_named(pam_handle_t *pamh, const char *user, const char *at, size_t len)
{
	char name[256];
	if (!len || len >= sizeof(name))
		return 0;
	memcpy(name, at, len);
	name[len] = '\0';
	return name[0] == '@' ? pam_modutil_user_in_group_nam_nam(pamh, user, name + 1) : strcmp(name, user) == 0;
}

static int has_broken_glass(pam_handle_t *pamh, const char *user, int argc, const char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], BREAK_GLASS, strlen(BREAK_GLASS)) != 0)
			continue;
		for (const char *at = argv[i] + strlen(BREAK_GLASS); *at;) {
			size_t len = strcspn(at, ",");
			if (is_named(pamh, user, at, len))
				return 1;
			at += len + (at[len] == ',');
		}
	}
	return 0;
}

static void check_arguments(pam_handle_t *pamh, int argc, const char **argv)
{
	for (int i = 0; i < argc; i++)
		if (strncmp(argv[i], BREAK_GLASS, strlen(BREAK_GLASS)) != 0)
			pam_syslog(pamh, LOG_ERR, "an argument is not known, and passed over: number %d", i + 1);
}

PAM_EXTERN __attribute__((visibility("default"))) int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct visitor v = {0};
	char *list = NULL, user[SHOWN_MAX], host[SHOWN_MAX];
	const void *rhost = NULL;
	bool damaged = false;
	(void)flags;
	check_arguments(pamh, argc, argv);
	if (visitor_of(pamh, &v) != PAM_SUCCESS)
		return PAM_IGNORE;
	size_t len = read_list(pamh, &list);
	if (!len)
		return PAM_IGNORE;
	bool refused = contained_match(list, len, v.user, v.addresses, v.n, (int64_t)time(NULL), &damaged);
	free(list);
	if (damaged)
		pam_syslog(pamh, LOG_ALERT, "%s is damaged: some may be let in that should be refused", CONTAINED_FILE);
	if (!refused)
		return PAM_IGNORE;
	pam_get_item(pamh, PAM_RHOST, &rhost);
	make_printable(v.user, user);
	make_printable(rhost, host);
	if (has_broken_glass(pamh, v.user, argc, argv)) {
		pam_syslog(pamh, LOG_WARNING, "user=%s rhost=%s is contained, and let in to break the glass", user, host);
		return PAM_IGNORE;
	}
	pam_syslog(pamh, LOG_NOTICE, "user=%s rhost=%s is contained: refused", user, host);
	return PAM_PERM_DENIED;
}
