/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who that is: the login uid, which the kernel keeps through su and sudo and nobody can set
 * again; where it has none, the user that sudo names; and root itself for what no login has
 * started (cron, the boot, a console without PAM).
 *
 * Without a service file PAM would ask "other", which on many a host lets everybody pass who
 * has an account: then nobody is let in here.
 *
 * PAM's modules are the host's, and may be slow or broken: they run in a child, which has a
 * limited time and of which only the exit status is believed.
 */
#include "authorise.h"

#include "base/escape.h"
#include "base/fd.h"
#include "base/proc.h"
#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SERVICE "respond"
#define TIMEOUT_MS 60000

/* Where libpam looks. */
static const char *const directories[] = {"/etc/pam.d/", "/usr/lib/pam.d/"};

/* As PAM's modules and names of accounts have it: escaped. */
static void say(const char *what, const char *who, const char *text)
{
	_cleanup_buf_ struct buf name = {0}, safe = {0};
	escape_str(&name, who);
	escape_str(&safe, text);
	fprintf(stderr, "respond: %s%s%s: %s\n", what, name.len ? " by " : "", buf_text(&name), buf_text(&safe));
}

/* ---- in the child ------------------------------------------------------------------------ */

/* Nobody is asked anything: there may be no terminal, and this is no login. */
static int talk(int n, const struct pam_message **messages, struct pam_response **ret, void *ctx)
{
	for (int i = 0; i < n; i++) {
		if (messages[i]->msg_style != PAM_TEXT_INFO && messages[i]->msg_style != PAM_ERROR_MSG)
			return PAM_CONV_ERR;
		say(ctx, "", messages[i]->msg);
	}
	*ret = calloc((size_t)n, sizeof(**ret));
	return *ret ? PAM_SUCCESS : PAM_BUF_ERR;
}

static int login_uid(uid_t *ret)
{
	_cleanup_close_ int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return proc < 0 ? -errno : proc_loginuid(proc, getpid(), ret);
}

/* The name of the account; static or the environment's. */
static const char *login_user(void)
{
	uid_t uid;
	const char *sudo = getenv("SUDO_USER");
	if (login_uid(&uid) < 0)
		return NULL;
	if (uid == PROC_NO_LOGIN)
		return sudo && *sudo ? sudo : "root";
	const struct passwd *pw = getpwuid(uid);
	return pw ? pw->pw_name : NULL;
}

/* Where the person sits, for modules that care. */
static void set_items(pam_handle_t *pamh, const char *user)
{
	const char *peer = getenv("SSH_CONNECTION"), *tty = ttyname(STDERR_FILENO);
	_cleanup_free_ char *address = peer ? strndup(peer, strcspn(peer, " ")) : NULL;
	pam_set_item(pamh, PAM_RUSER, user);
	if (address && *address)
		pam_set_item(pamh, PAM_RHOST, address);
	if (tty)
		pam_set_item(pamh, PAM_TTY, tty);
}

/* 0: they may. */
static int ask(const char *what)
{
	const struct pam_conv conv = {talk, (void *)what};
	const char *user = login_user();
	pam_handle_t *pamh = NULL;
	if (!user) {
		say(what, "", "who is logged in cannot be found out: refused");
		return 1;
	}
	int r = pam_start(SERVICE, user, &conv, &pamh);
	if (r == PAM_SUCCESS) {
		set_items(pamh, user);
		r = pam_acct_mgmt(pamh, 0);
	}
	if (r != PAM_SUCCESS)
		say(what, user, pam_strerror(pamh, r));
	if (pamh)
		pam_end(pamh, r);
	return r != PAM_SUCCESS;
}

/* ---- outside ---------------------------------------------------------------------------------- */

/* 0; -ENOENT: nothing that could be read as one; -ENOMEM. */
static int find_service(void)
{
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++) {
		_cleanup_buf_ struct buf path = {0}, real = {0};
		_cleanup_close_ int fd = -1;
		int r = buf_printf(&path, "%s" SERVICE, directories[i]);
		if (r == 0)
			r = path_follow(root, path.data, &real);
		if (r == 0)
			r = path_open_regular(root, real.data, &fd, NULL);
		if (r == 0 || r == -ENOMEM)
			return r;
	}
	return -ENOENT;
}

/* How the child ended; -1: it had to be killed. */
static int await_child(pid_t pid)
{
	struct pollfd p = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
	int status, n;
	do
		n = poll(&p, 1, TIMEOUT_MS);
	while (n < 0 && errno == EINTR);
	close(p.fd);
	if (n == 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return n > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int authorise(const char *what)
{
	int r = find_service();
	if (r == -ENOMEM) {
		say(what, "", strerror(-r));
		return EXIT_FAILED;
	}
	if (r < 0) {
		say(what, "", "there is no /etc/pam.d/" SERVICE ", which says who may: refused");
		return EXIT_REFUSED;
	}
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(ask(what));
	}
	int status = pid < 0 ? -1 : await_child(pid);
	if (status < 0)
		say(what, "", "PAM gave no answer: refused");
	return status == 0 ? EXIT_DONE : EXIT_REFUSED;
}
