/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sshd.harden, the reload of a real sshd on loopback, and the proof that somebody can
 * still log in.
 */
#include "ssh-stage.h"

#include "base/fd.h"
#include "base/spawn.h"
#include "change/account-shadow.h"
#include "change/service-reload.h"
#include "login-proof.h"
#include "sshd-config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern const struct action sshd_harden;
extern const struct action ssh_strip_keys;
extern const struct service sshd_service;
extern const struct service sshd_config_service;

static void harden(struct ssh_stage *s, const char *option)
{
	int r = plan_step(s, &sshd_harden, "option", option, "reload", "yes", NULL);
	if (r < 0)
		fail_msg("%s: %s", option, plan_failure(s->plan));
}

/* After the edits: the same step plans nothing and leaves nothing. */
static void assert_settled(struct ssh_stage *s, const char *option)
{
	apply_planned(s);
	ssh_stage_again(s);
	harden(s, option);
	assert_int_equal(plan_count(s->plan), 0);
	assert_no_residual(s);
}

static void every_place_is_hardened(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	put("/etc/ssh/sshd_config.d/01-a.conf", 0644, 0, "permitrootlogin=yes\r\n");
	put("/etc/ssh/sshd_config.d/.hidden.conf", 0644, 0, "PermitRootLogin yes\n");
	put("/etc/ssh/sshd_config.d/b.conf.bak", 0644, 0, "Garbage\n");
	put("/etc/ssh/m.conf", 0644, 0,
		"\tPermitRootLogin \"yes\" # why\nMatch User alice\n  PERMITROOTLOGIN prohibit-password");
	put("/etc/ssh/sshd_config", 0644, 0,
		"# main\nInclude /etc/ssh/sshd_config.d/*.conf\nPermitRootLogin yes\nX11Forwarding no\n"
		"Match Address 10.0.0.0/8\n    PermitRootLogin yes\n"
		"Match Group wheel LocalPort 2222\n\tInclude m.conf\n\tBanner none\n"
		"Match User bob\n\tPermitRootLogin NO # right already\n");
	harden(s, "PermitRootLogin no");
	assert_planned(s, "/etc/ssh/sshd_config.d/01-a.conf", "PermitRootLogin no\r\n");
	assert_planned(s, "/etc/ssh/m.conf", "\tPermitRootLogin no\nMatch User alice\n  PermitRootLogin no");
	assert_planned(s, "/etc/ssh/sshd_config",
	               "# main\nInclude /etc/ssh/sshd_config.d/*.conf\nPermitRootLogin no\nX11Forwarding no\n"
	               "Match Address 10.0.0.0/8\n    PermitRootLogin no\n"
	               "Match Group wheel LocalPort 2222\n\tInclude m.conf\n\tBanner none\n"
	               "Match User bob\n\tPermitRootLogin NO # right already\n");
	assert_int_equal(plan_count(s->plan), 3);
	assert_string_equal(plan_at(s->plan, 0)->service, "sshd");
	assert_note(s, "default: permitrootlogin yes -> no");
	assert_note(s, "Match Address 10.0.0.0/8: permitrootlogin yes -> no");
	assert_note(s, "Match Group wheel LocalPort 2222: permitrootlogin yes -> no");
	assert_note(s, "Match User bob: permitrootlogin no");
	assert_no_residual(s);
	assert_string_equal(plan_facts(s->plan, "count")->v[0], "5");
	assert_int_equal(s->host.blind.n, 0);
	assert_settled(s, "PermitRootLogin no");
	assert_note(s, "default: permitrootlogin no");
}

static void what_is_not_said_comes_first(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	put("/etc/ssh/d.conf", 0644, 0, "Banner none\n");
	put("/etc/ssh/sshd_config", 0644, 0, "Include d.conf\r\nMatch User alice\r\nPasswordAuthentication no");
	harden(s, "PasswordAuthentication no");
	assert_planned(s, "/etc/ssh/sshd_config",
	               "PasswordAuthentication no\r\nInclude d.conf\r\nMatch User alice\r\nPasswordAuthentication no");
	assert_note(s, "default: passwordauthentication yes -> no");
	assert_settled(s, "PasswordAuthentication no");
}

static void spellings_and_lists(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	put("/etc/ssh/sshd_config", 0644, 0,
		"ChallengeResponseAuthentication yes\nPermitRootLogin without-password\nCiphers aes256-ctr\n");
	assert_int_equal(plan_step(s, &sshd_harden, "option", "KbdInteractiveAuthentication no", "option",
				   "PermitRootLogin prohibit-password", "option", "Ciphers aes128-ctr,aes256-ctr",
				   "reload", "no", NULL),
			 0);
	assert_planned(s, "/etc/ssh/sshd_config", "KbdInteractiveAuthentication no\nPermitRootLogin without-password\n"
	                                          "Ciphers aes128-ctr,aes256-ctr\n");
	assert_string_equal(plan_at(s->plan, 0)->service, "sshd-config");
	assert_note(s, "reload = no: the running sshd keeps its settings until it is told to read them");
	assert_no_residual(s);
	assert_note(s, "default: ciphers aes256-ctr -> aes128-ctr,aes256-ctr");
}

static void what_is_refused_says_why(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	static const struct {
		const char *config, *option, *why;
	} cases[] = {
		{"UsePAM no\n", "Frobnicate yes", "/etc/ssh/sshd_config: line 1: Bad configuration option: Frobnicate"},
		{"UsePAM no\n", "PermitRootLogin perhaps", "unsupported option \"perhaps\""},
		{"UsePAM no\n", "AllowUsers root", "gathers the values"},
		{"\xef\xbb\xbfUsePAM no\n", "X11Forwarding no", "line 2: Bad configuration option"},
		{"Include d.conf\n", "X11Forwarding no", "/etc/ssh/d.conf: line 2: Bad configuration option: Oops"},
		{"Match User x\nPort 3\n", "X11Forwarding no", "not allowed within a Match block"},
	};
	put("/etc/ssh/d.conf", 0644, 0, "\nOops 1\n");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		put("/etc/ssh/sshd_config", 0644, 0, cases[i].config);
		ssh_stage_again(s);
		assert_int_equal(plan_step(s, &sshd_harden, "option", cases[i].option, "reload", "yes", NULL), -EINVAL);
		if (!strstr(plan_failure(s->plan), cases[i].why))
			fail_msg("%s: %s", cases[i].option, plan_failure(s->plan));
		assert_int_equal(plan_count(s->plan), 0);
	}
	ssh_stage_again(s);
	assert_int_equal(plan_step(s, &sshd_harden, "option", "X11Forwarding no", "option", "x11forwarding yes", NULL),
			 -EINVAL);
	put_bytes("/etc/ssh/sshd_config", "UsePAM no\0\n", 11);
	assert_int_equal(plan_step(s, &sshd_harden, "option", "X11Forwarding no", NULL), -EINVAL);
	assert_non_null(strstr(plan_failure(s->plan), "NUL"));
}

static void a_wrong_value_may_be_put_right(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	put("/etc/ssh/sshd_config", 0644, 0, "PermitRootLogin nope\n");
	harden(s, "PermitRootLogin no");
	assert_planned(s, "/etc/ssh/sshd_config", "PermitRootLogin no\n");
}

static void links_of_the_administrator_are_followed(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	put("/srv/shared/10.conf", 0644, 0, "PermitRootLogin yes\n");
	put("/etc/ssh/sshd_config", 0644, 0, "Include d/*.conf\n");
	mkdir("/etc/ssh/d", 0755);
	assert_int_equal(symlink("/srv/shared/10.conf", "/etc/ssh/d/10.conf"), 0);
	harden(s, "PermitRootLogin no");
	assert_planned(s, "/srv/shared/10.conf", "PermitRootLogin no\n");
	/* One file under two names is edited once. */
	put("/etc/ssh/sshd_config", 0644, 0, "Include d/*.conf /srv/shared/*.conf\n");
	ssh_stage_again(s);
	harden(s, "PermitRootLogin no");
	assert_int_equal(plan_count(s->plan), 1);
	assert_string_equal(plan_facts(s->plan, "count")->v[0], "1");
	put("/etc/ssh/sshd_config", 0644, 0, "Include d/*.conf\n");
	/* Somebody else's link is sshd's to read, not ours to edit: sshd still says yes. */
	assert_int_equal(lchown("/etc/ssh/d/10.conf", 1001, 1001), 0);
	ssh_stage_again(s);
	harden(s, "PermitRootLogin no");
	assert_not_planned(s, "/srv/shared/10.conf");
	assert_planned(s, "/etc/ssh/sshd_config", "PermitRootLogin no\nInclude d/*.conf\n");
	assert_int_equal(s->host.blind.n, 1);
	assert_no_residual(s); /* the first value wins */
	put("/etc/ssh/sshd_config", 0644, 0, "Match User bob\nInclude d/*.conf\n");
	ssh_stage_again(s);
	harden(s, "PermitRootLogin no");
	assert_residual_has(s, "Match User bob: permitrootlogin would still be yes");
}

static void the_service_checks_the_whole(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	_cleanup_buf_ struct buf good = {0}, bad = {0}, why = {0};
	put("/etc/ssh/d/a.conf", 0644, 0, "X11Forwarding no\n");
	put("/etc/ssh/sshd_config", 0644, 0, "Include d/*.conf\n");
	buf_puts(&good, "X11Forwarding yes\n");
	buf_puts(&bad, "X11Forwarding\n");
	assert_int_equal(sshd_service.check(&s->host, "/etc/ssh/d/a.conf", &good, &why), 0);
	assert_int_equal(sshd_service.check(&s->host, "/etc/ssh/d/a.conf", &bad, &why), -EINVAL);
	assert_non_null(strstr(why.data, "/etc/ssh/d/a.conf line 1: no argument after keyword"));
	assert_file("/etc/ssh/d/a.conf", "X11Forwarding no\n");
	buf_reset(&why);
	assert_int_equal(service_reload(&s->host, &sshd_config_service, &why), -ESRCH);
	/* Without its directory sshd says nothing: nothing is put in place, and the plan says so already. */
	assert_int_equal(rename("/run/sshd", "/run/sshd.gone"), 0);
	assert_int_equal(sshd_service.check(&s->host, "/etc/ssh/d/a.conf", &good, &why), -EOPNOTSUPP);
	assert_non_null(strstr(why.data, "Missing privilege separation directory: /run/sshd"));
	assert_int_equal(plan_step(s, &sshd_harden, "option", "X11Forwarding yes", "reload", "yes", NULL), -EOPNOTSUPP);
	assert_non_null(strstr(plan_failure(s->plan), "what sshd has not checked is not put in place"));
	assert_int_equal(plan_count(s->plan), 0);
	assert_int_equal(rename("/run/sshd.gone", "/run/sshd"), 0);
}

/* --- a real sshd on loopback --- */

static void a_reload_keeps_the_sessions(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	char banner[256];
	_cleanup_buf_ struct buf note = {0}, want = {0};
	_cleanup_pids_ struct pids pids = {0};
	assert_int_equal(service_reload(&s->host, &sshd_service, &note), -ESRCH);
	put("/etc/ssh/sshd_config", 0644, 0, "Port 2222\nListenAddress 127.0.0.1\nVersionAddendum first\nUsePAM no\n");
	pid_t pid = start_sshd(NULL);
	int old = connect_sshd(banner, sizeof(banner));
	assert_non_null(strstr(banner, "first"));
	assert_int_equal(service_listeners(&s->host, &sshd_service, &pids), 0);
	assert_int_equal(pids.n, 1);
	assert_int_equal(pids.v[0], pid);

	put("/etc/ssh/sshd_config", 0644, 0, "Port 2222\nListenAddress 127.0.0.1\nVersionAddendum second\nUsePAM no\n");
	buf_reset(&note);
	assert_int_equal(service_reload(&s->host, &sshd_service, &note), 0);
	buf_printf(&want, "SIGHUP to pid %d", (int)pid);
	assert_string_equal(note.data, want.data);
	int new = connect_sshd(banner, sizeof(banner));
	assert_non_null(strstr(banner, "second"));
	char byte;
	assert_int_equal(recv(old, &byte, 1, MSG_DONTWAIT), -1); /* the old connection is still there */
	assert_int_equal(errno, EAGAIN);

	/* One that does not come back is told. */
	put("/etc/ssh/sshd_config", 0644, 0, "Garbage\n");
	buf_reset(&note);
	assert_int_equal(service_reload(&s->host, &sshd_service, &note), -ETIMEDOUT);
	assert_non_null(strstr(note.data, "ended after SIGHUP"));
	close(old);
	close(new);
	end_sshd(pid);
}

static void the_command_line_beats_the_files(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	char banner[256];
	put("/etc/ssh/sshd_config", 0644, 0, "Port 2222\nListenAddress 127.0.0.1\nUsePAM no\nPermitRootLogin yes\n");
	pid_t pid = start_sshd("PermitRootLogin yes");
	close(connect_sshd(banner, sizeof(banner)));
	harden(s, "PermitRootLogin no");
	assert_residual_has(s, "was started with -o PermitRootLogin yes, which beats its files");
	ssh_stage_again(s);
	harden(s, "X11Forwarding no");
	assert_no_residual(s);
	end_sshd(pid);
	pid = start_sshd("permitrootlogin=no");
	close(connect_sshd(banner, sizeof(banner)));
	ssh_stage_again(s);
	harden(s, "PermitRootLogin no");
	assert_no_residual(s);
	end_sshd(pid);
}

/* With systemd as pid 1 (a /proc of our own says so) the first active unit is reloaded. */
static void systemd_is_asked_where_it_runs(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	if (access("/usr/bin/systemctl", F_OK) < 0)
		skip();
	_cleanup_buf_ struct buf note = {0};
	put("/srv/systemctl", 0755, 0,
	    "#!/bin/sh\n"
	    "echo \"$*\" >>/srv/asked\n"
	    "case \"$*\" in *is-active*sshd.service) exit 0;; *is-active*sshd.socket) test -e /srv/socket; exit;;\n"
	    "*is-active*) exit 3;; *KillMode*) cat /srv/socket; exit;; esac\n"
	    "test ! -e /srv/refuse || { echo 'Job failed. See\033 the journal.' >&2; exit 1; }\n");
	put("/srv/proc/1/comm", 0644, 0, "systemd\n");
	mkdir("/run/systemd", 0755);
	mkdir("/run/systemd/system", 0755);
	assert_int_equal(mount("/srv/systemctl", "/usr/bin/systemctl", NULL, MS_BIND, NULL), 0);
	close_fd(&s->host.proc);
	s->host.proc = open("/srv/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(service_reload(&s->host, &sshd_service, &note), 0);
	assert_string_equal(note.data, "systemctl reload sshd.service");
	assert_file("/srv/asked", "is-active --quiet -- ssh.service\nis-active --quiet -- sshd.service\n"
	                          "is-active --quiet -- sshd.socket\nreload -- sshd.service\n");
	put("/srv/socket", 0644, 0, "KillMode=process\n");
	buf_reset(&note);
	assert_int_equal(service_reload(&s->host, &sshd_service, &note), 0);
	assert_string_equal(note.data, "systemctl try-restart sshd.service");
	put("/srv/socket", 0644, 0, "KillMode=control-group\n");
	buf_reset(&note);
	assert_int_equal(service_reload(&s->host, &sshd_service, &note), -EOPNOTSUPP);
	assert_non_null(strstr(note.data, "its sessions would end with it"));
	unlink("/srv/socket");
	buf_reset(&note);
	put("/srv/refuse", 0644, 0, "");
	buf_reset(&note);
	assert_int_equal(service_reload(&s->host, &sshd_service, &note), -EIO);
	assert_string_equal(note.data, "systemctl reload sshd.service failed: Job failed. See\\x1b the journal.");
	assert_int_equal(umount("/usr/bin/systemctl"), 0);
	assert_int_equal(rmdir("/run/systemd/system"), 0);
}

/* Another program's listener, and a program of another name at sshd's socket, are none. */
static void only_the_daemon_itself_is_reloaded(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	_cleanup_buf_ struct buf note = {0};
	const struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_port = htons(22), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 1), 0);
	prctl(PR_SET_NAME, "sshd");
	assert_int_equal(service_reload(&s->host, &sshd_service, &note), -ESRCH);
	assert_string_equal(note.data, "sshd does not listen here: nothing to reload");
	close(fd);
}

static void a_stripped_key_opens_nothing(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	char banner[256];
	_cleanup_buf_ struct buf good = {0}, bad = {0}, file = {0};
	make_key("ed25519", "good", &good);
	make_key("ecdsa", "bad", &bad);
	char *blank = strchr(bad.data, ' ');
	buf_printf(&file, "%s\r\n \tenvironment=\"A=b\",no-pty %.*s\t%.40s\f%s\n", good.data, (int)(blank - bad.data), bad.data,
	           blank + 1, blank + 41);
	put("/etc/ssh/sshd_config", 0644, 0, "Port 2222\nListenAddress 127.0.0.1\nUsePAM no\n");
	put("/root/.ssh/authorized_keys", 0600, 0, file.data);
	pid_t pid = start_sshd(NULL);
	close(connect_sshd(banner, sizeof(banner)));
	assert_true(logs_in("good"));
	assert_true(logs_in("bad"));
	assert_int_equal(plan_step(s, &ssh_strip_keys, "comment", "bad", NULL), 0);
	apply_planned(s);
	assert_true(logs_in("good"));
	assert_false(logs_in("bad"));
	end_sshd(pid);
}

/* --- the last way in --- */

static int prove(struct ssh_stage *s, struct buf *why)
{
	buf_reset(why);
	return login_last_way.check(&s->host, s->plan, why);
}

static void the_last_key_stays(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	_cleanup_buf_ struct buf key = {0}, file = {0}, why = {0};
	make_key("ed25519", "only", &key);
	buf_printf(&file, "# keys\n%s\n", key.data);
	put("/etc/ssh/sshd_config", 0644, 0, "UsePAM yes\n");
	put("/root/.ssh/authorized_keys", 0600, 0, file.data);
	assert_int_equal(prove(s, &why), 0); /* an empty plan */
	assert_int_equal(plan_step(s, &ssh_strip_keys, "key", key.data, NULL), 0);
	assert_int_equal(plan_count(s->plan), 1);
	assert_int_equal(prove(s, &why), -EPERM);
	assert_string_equal(why.data,
			    "after this nobody could log in over ssh any more; now root with a key can: leave one key "
			    "or password that sshd accepts");
	/* Somebody else's key is a way, too. */
	_cleanup_buf_ struct buf other = {0};
	make_key("ed25519", "other", &other);
	put("/home/alice/.ssh/authorized_keys", 0600, 1001, other.data);
	assert_int_equal(prove(s, &why), 0);
	/* ... unless sshd takes none from there: a group of the user's own may write. */
	assert_int_equal(chown("/home/alice", 1001, 1001), 0);
	assert_int_equal(chmod("/home/alice", 0775), 0);
	assert_int_equal(prove(s, &why), 0);
	buf_reset(&why);
	assert_int_equal(chmod("/home/alice", 0777), 0);
	assert_int_equal(prove(s, &why), -EPERM);
	assert_int_equal(chmod("/home/alice", 0755), 0);
}

static void a_configuration_can_lock_out(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	static const struct {
		const char *config, *option;
		int answer;
	} cases[] = {
		{"UsePAM yes\n", "PermitRootLogin no", -EPERM},
		{"UsePAM yes\n", "PermitRootLogin prohibit-password", 0},
		{"UsePAM yes\n", "PermitRootLogin forced-commands-only", -EPERM},
		{"UsePAM yes\n", "PubkeyAuthentication no", -EPERM},
		{"UsePAM yes\n", "AuthorizedKeysFile none", -EPERM},
		{"UsePAM yes\n", "RevokedKeys /etc/ssh/missing", -EPERM},
		{"UsePAM yes\n", "RevokedKeys /etc/ssh/others", 0},
		{"UsePAM yes\n", "RevokedKeys /root/.ssh/authorized_keys", -EPERM},
		{"UsePAM yes\n", "AuthenticationMethods publickey,password", -EPERM},
		{"UsePAM yes\n", "AuthenticationMethods publickey", 0},
		{"UsePAM yes\nMatch Address 10.0.0.0/8\n PubkeyAuthentication yes\n", "PubkeyAuthentication no", -EPERM},
		{"UsePAM yes\nPermitRootLogin no\n", "PubkeyAuthentication no", 0}, /* nobody could before */
		{"UsePAM yes\nAllowUsers bob\n", "PubkeyAuthentication no", 0},
		{"UsePAM yes\nDenyUsers root\n", "PubkeyAuthentication no", 0},
		{"UsePAM yes\nAllowGroups wheel root\n", "PubkeyAuthentication no", -EPERM},
		{"UsePAM yes\nDenyGroups ro*\n", "PubkeyAuthentication no", 0},
		{"UsePAM yes\nAuthorizedKeysFile /srv/none\n", "PubkeyAuthentication no", 0},
	};
	_cleanup_buf_ struct buf key = {0}, why = {0};
	make_key("ed25519", "root", &key);
	put("/root/.ssh/authorized_keys", 0600, 0, key.data);
	put("/etc/ssh/others", 0644, 0, "# nobody's\n");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		put("/etc/ssh/sshd_config", 0644, 0, cases[i].config);
		ssh_stage_again(s);
		harden(s, cases[i].option);
		int r = prove(s, &why);
		if (r != cases[i].answer)
			fail_msg("%s + %s: %d %s", cases[i].config, cases[i].option, r, buf_text(&why));
	}
}

static void accounts_decide_too(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	static const struct {
		const char *shadow, *shell, *config;
		int answer;
	} cases[] = {
		{"$6$x$abc:19000::::::", "/bin/sh", "UsePAM yes\n", -EPERM},
		{"$6$x$abc:19000::::::", "/bin/sh", "UsePAM yes\nKbdInteractiveAuthentication no\n", -EPERM},
		{"$6$x$abc:19000:::::1:", "/bin/sh", "UsePAM yes\n", 0},                 /* expired */
		{"!$6$x$abc:19000::::::", "/bin/sh", "UsePAM yes\n", 0},                 /* locked */
		{"*:19000::::::", "/bin/sh", "UsePAM yes\n", 0},                         /* no password */
		{":19000::::::", "/bin/sh", "UsePAM yes\n", 0},                          /* empty, not permitted */
		{":19000::::::", "/bin/sh", "UsePAM yes\nPermitEmptyPasswords yes\n", -EPERM},
		{"$6$x$abc:19000::::::", "/usr/sbin/nologin", "UsePAM yes\n", 0},
		{"$6$x$abc:19000::::::", "/no/such/shell", "UsePAM yes\n", 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_buf_ struct buf passwd = {0}, shadow = {0}, why = {0};
		buf_printf(&passwd, "root:x:0:0::/root:/bin/sh\nsshd:x:101:65534::/run/sshd:/usr/sbin/nologin\n"
		                    "alice:x:1001:1001::/home/alice:%s\n", cases[i].shell);
		buf_printf(&shadow, "root:*:19000::::::\nalice:%s\n", cases[i].shadow);
		put("/etc/passwd", 0644, 0, passwd.data);
		put("/etc/shadow", 0600, 0, shadow.data);
		put("/etc/ssh/sshd_config", 0644, 0, cases[i].config);
		ssh_stage_again(s);
		assert_int_equal(plan_step(s, &sshd_harden, "option", "PasswordAuthentication no", "option",
		                           "KbdInteractiveAuthentication no", NULL), 0);
		int r = prove(s, &why);
		if (r != cases[i].answer)
			fail_msg("%s %s: %d %s", cases[i].shadow, cases[i].shell, r, buf_text(&why));
		assert_true(r == 0 || strstr(why.data, "alice with a password"));
	}
}

/* The last account that gets in is not locked; with another one it may be. */
static void the_last_account_is_not_locked(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	static const struct shadow_edit lock = {.lock = true, .expire = "1"};
	_cleanup_buf_ struct buf key = {0}, why = {0};
	make_key("ed25519", "alice", &key);
	put("/etc/ssh/sshd_config", 0644, 0, "UsePAM yes\n");
	put("/home/alice/.ssh/authorized_keys", 0600, 1001, key.data);
	assert_int_equal(account_shadow_plan(&s->host, s->plan, "bob", &lock), 0);
	assert_int_equal(prove(s, &why), 0);
	assert_int_equal(account_shadow_plan(&s->host, s->plan, "alice", &lock), 0);
	assert_int_equal(prove(s, &why), -EPERM);
	assert_non_null(strstr(why.data, "alice with a key"));
	put("/root/.ssh/authorized_keys", 0600, 0, key.data);
	assert_int_equal(prove(s, &why), 0);
}

/* Passwords off is not enough while keyboard-interactive asks PAM for them. */
static void keyboard_interactive_is_a_password(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	_cleanup_buf_ struct buf why = {0};
	put("/etc/shadow", 0600, 0, "root:*:19000::::::\nalice:$6$x$abc:19000::::::\n");
	put("/etc/ssh/sshd_config", 0644, 0, "UsePAM yes\n");
	harden(s, "PasswordAuthentication no");
	assert_int_equal(prove(s, &why), 0);
	put("/etc/ssh/sshd_config", 0644, 0, "UsePAM no\n");
	ssh_stage_again(s);
	harden(s, "PasswordAuthentication no");
	assert_int_equal(prove(s, &why), -EPERM);
}

/* What an unprivileged dry run plans, it plans by the text, and says so. */
static void without_root_the_text_has_to_do(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	put("/etc/ssh/sshd_config", 0644, 0, "PermitRootLogin yes\nMatch User bob\n PermitRootLogin yes\n");
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		bool ok = setresgid(1001, 1001, 1001) == 0 && setresuid(1001, 1001, 1001) == 0;
		ok = ok && plan_step(s, &sshd_harden, "option", "PermitRootLogin no", NULL) == 0;
		ok = ok && plan_count(s->plan) == 1 && s->host.blind.n > 0 && plan_residuals(s->plan)->n == 0;
		ok = ok && strv_has(plan_notes(s->plan), "Match User bob: permitrootlogin yes -> no");
		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

#define STAGED(f) cmocka_unit_test_setup_teardown(f, ssh_stage_setup, ssh_stage_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGED(every_place_is_hardened),
		STAGED(what_is_not_said_comes_first),
		STAGED(spellings_and_lists),
		STAGED(what_is_refused_says_why),
		STAGED(a_wrong_value_may_be_put_right),
		STAGED(links_of_the_administrator_are_followed),
		STAGED(the_service_checks_the_whole),
		STAGED(a_reload_keeps_the_sessions),
		STAGED(the_command_line_beats_the_files),
		STAGED(only_the_daemon_itself_is_reloaded),
		STAGED(systemd_is_asked_where_it_runs),
		STAGED(a_stripped_key_opens_nothing),
		STAGED(the_last_key_stays),
		STAGED(a_configuration_can_lock_out),
		STAGED(accounts_decide_too),
		STAGED(the_last_account_is_not_locked),
		STAGED(keyboard_interactive_is_a_password),
		STAGED(without_root_the_text_has_to_do),
	};
	return cmocka_run_group_tests_name("sshd", tests, ssh_stage_enter, NULL);
}
