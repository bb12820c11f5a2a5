/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The profiles and the ports of sshd.harden, with a real sshd on loopback, and what it
 * says about units, SELinux and nftables.
 */
#include "ssh-stage.h"

#include "base/nft-port.h"
#include "base/spawn.h"
#include "change/service-reload.h"
#include "sshd-profile.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

extern const struct action sshd_harden;
extern const struct service sshd_service;

#define NO_PAM "UsePAM no\n"

static int try(struct ssh_stage *s, const char *profile, const char *option)
{
	return option ? plan_step(s, &sshd_harden, profile ? "profile" : "option", profile ? profile : option, "option",
	                          option, "reload", "yes", NULL)
	              : plan_step(s, &sshd_harden, "profile", profile, "reload", "yes", NULL);
}

static void harden(struct ssh_stage *s, const char *profile, const char *option)
{
	if (try(s, profile, option) < 0)
		fail_msg("%s, %s: %s", profile ? profile : "-", option ? option : "-", plan_failure(s->plan));
}

/* After the edits the same step plans nothing and leaves nothing. */
static void assert_settled(struct ssh_stage *s, const char *profile, const char *option)
{
	apply_planned(s);
	ssh_stage_again(s);
	harden(s, profile, option);
	assert_int_equal(plan_count(s->plan), 0);
	assert_no_residual(s);
}

/* Every "Keyword value" of LIST is what sshd says of the files in place, for USER. */
static void assert_in_effect(const char *list, const char *user)
{
	_cleanup_buf_ struct buf dump = {0}, who = {0};
	_cleanup_free_ char *copy = strdup(list);
	char *save = NULL;
	buf_printf(&who, "user=%s,host=h,addr=192.0.2.1,laddr=192.0.2.2,lport=22", user);
	run(&dump, "/usr/sbin/sshd", "-T", "-C", buf_text(&who), NULL);
	for (char *line = strtok_r(copy, ",", &save); line; line = strtok_r(NULL, ",", &save)) {
		_cleanup_buf_ struct buf wanted = {0};
		buf_printf(&wanted, "\n%s\n", line + strspn(line, " "));
		if (!strcasestr(buf_text(&dump), wanted.data))
			fail_msg("%s is not in effect for %s", line, user);
	}
}

static void baseline_holds_for_everybody(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	put("/etc/ssh/sshd_config", 0644, 0,
	    NO_PAM "PermitRootLogin yes\nMaxAuthTries 6\nX11Forwarding yes\n"
	    "Match User alice\n\tPasswordAuthentication yes\n\tAllowAgentForwarding yes\n\tMaxAuthTries 20\n");
	harden(s, "baseline", NULL);
	assert_no_residual(s);
	assert_note(s, "Match User alice: maxauthtries 20 -> 4");
	assert_note(s, "default: x11forwarding yes -> no");
	apply_planned(s);
	assert_in_effect(SSHD_BASELINE, "alice");
	assert_in_effect(SSHD_BASELINE, "root");
	assert_in_effect("AllowTcpForwarding yes", "root"); /* baseline leaves it */
	assert_settled(s, "baseline", NULL);
}

/* A profile tightens only; what is asked for by name is exactly that. */
static void stricter_values_stay(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	put("/etc/ssh/sshd_config", 0644, 0,
	    NO_PAM "MaxAuthTries 2\nLoginGraceTime 20s\nMatch User alice\nMaxAuthTries 3\n");
	harden(s, "baseline", NULL);
	apply_planned(s);
	assert_in_effect("MaxAuthTries 2, LoginGraceTime 20", "root");
	assert_in_effect("MaxAuthTries 3", "alice");
	assert_settled(s, "baseline", NULL);
	ssh_stage_again(s);
	harden(s, "baseline", "MaxAuthTries 5");
	apply_planned(s);
	assert_in_effect("MaxAuthTries 5", "root");
	assert_in_effect("MaxAuthTries 5", "alice");
	put("/etc/ssh/sshd_config", 0644, 0, NO_PAM "LoginGraceTime 0\n"); /* no limit */
	ssh_stage_again(s);
	harden(s, "baseline", NULL);
	apply_planned(s);
	assert_in_effect("LoginGraceTime 60", "root");
}

static void an_option_beats_the_profile(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	put("/etc/ssh/sshd_config", 0644, 0, NO_PAM "PermitRootLogin yes\n");
	harden(s, "strict", "PermitRootLogin prohibit-password");
	apply_planned(s);
	assert_in_effect("PermitRootLogin without-password, DisableForwarding yes, MaxAuthTries 3, StrictModes yes",
	                 "root");
	assert_settled(s, "strict", "PermitRootLogin prohibit-password");
}

static void one_of_both_is_needed(void **state)
{
	struct ssh_stage *s = *state;
	assert_int_equal(plan_step(s, &sshd_harden, "reload", "yes", NULL), -EINVAL);
	assert_non_null(strstr(plan_failure(s->plan), "neither an option nor a profile"));
	ssh_stage_again(s);
	assert_int_equal(plan_step(s, &sshd_harden, "option", NULL, NULL), 0); /* a list that came out empty */
	assert_int_equal(plan_count(s->plan), 0);
}

/* A key and something else is more than a key: strict leaves it, and sshd has the last word. */
static void a_second_factor_stays(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	put("/etc/ssh/sshd_config", 0644, 0, NO_PAM "AuthenticationMethods publickey,password\n");
	assert_int_equal(try(s, "strict", NULL), -EINVAL);
	assert_non_null(strstr(plan_failure(s->plan), "sshd would refuse the result"));
	assert_int_equal(plan_count(s->plan), 0);
	ssh_stage_again(s);
	harden(s, "strict", "PasswordAuthentication yes");
	apply_planned(s);
	_cleanup_buf_ struct buf dump = {0};
	run(&dump, "/usr/sbin/sshd", "-T", NULL);
	assert_non_null(strstr(buf_text(&dump), "\nauthenticationmethods publickey,password\n"));
}

static bool forwards(void)
{
	_cleanup_buf_ struct buf out = {0};
	int status = -1;
	const char *argv[] = {"/usr/bin/ssh", "-F", "none", "-p", "2222", "-i", "/run/keys/good", "-o", "IdentitiesOnly=yes",
	                      "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o",
	                      "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=60", "-W", "127.0.0.1:2222",
	                      "root@127.0.0.1", NULL};
	assert_int_equal(spawn_read(argv, 120000, &out, NULL, &status), 0);
	return strncmp(buf_text(&out), "SSH-2.0-", 8) == 0;
}

static void strict_lets_keys_in_and_forwards_nothing(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	char banner[256];
	_cleanup_buf_ struct buf key = {0}, note = {0};
	make_key("ed25519", "good", &key);
	put("/root/.ssh/authorized_keys", 0600, 0, key.data);
	put("/etc/ssh/sshd_config", 0644, 0, "Port 2222\nListenAddress 127.0.0.1\n" NO_PAM);
	pid_t pid = start_sshd(NULL);
	close(connect_sshd(banner, sizeof(banner)));
	assert_true(logs_in("good"));
	assert_true(forwards());
	harden(s, "strict", "PermitRootLogin prohibit-password");
	apply_planned(s);
	assert_int_equal(service_reload(&s->host, &sshd_service, &note), 0);
	assert_true(logs_in("good"));
	assert_false(forwards());
	assert_settled(s, "strict", "PermitRootLogin prohibit-password");
	end_sshd(pid);
}

/* --- ports --- */

static void want_ports(struct ssh_stage *s, const char *const *ports, int answer)
{
	int r = plan_step(s, &sshd_harden, "option", ports[0], "option", ports[1] ? ports[1] : ports[0], NULL);
	if (r != answer)
		fail_msg("%s: %d %s", ports[0], r, plan_failure(s->plan));
}

static void exactly_the_wanted_ports_are_left(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	static const struct {
		const char *ports[2];
		const char *config, *after; /* NULL: nothing to do */
		const char *note;
	} cases[] = {
		{{"Port 2222"}, NO_PAM, "Port 2222\n" NO_PAM, "ports: 22 -> 2222"},
		{{"Port 2222"}, NO_PAM "  port = 22 # old\n", NO_PAM "  Port 2222\n", "ports: 22 -> 2222"},
		{{"Port 2222"}, "Port 22\nPort 2200\r\n" NO_PAM, "Port 2222\n#Port 2200\r\n" NO_PAM, "ports: 22, 2200 -> 2222"},
		{{"Port 2222"}, "Port 22\nPort 2222\nPort 2222\n" NO_PAM, "#Port 22\nPort 2222\n#Port 2222\n" NO_PAM,
		 "ports: 22, 2222 -> 2222"},
		{{"Port 2222"}, "Port 2222\n" NO_PAM, NULL, "ports: 2222"},
		{{"Port 22", "Port 2222"}, "Port 2222\n" NO_PAM, "Port 22\nPort 2222\n" NO_PAM, "ports: 2222 -> 22, 2222"},
		{{"Port 2222"}, "Port ssh\n" NO_PAM, "Port 2222\n" NO_PAM, "ports: 22 -> 2222"},
		{{"Port 2222"}, "ListenAddress 127.0.0.1:22\nListenAddress ::1\n" NO_PAM,
		 "Port 2222\nListenAddress 127.0.0.1\nListenAddress ::1\n" NO_PAM, "ports: 22 -> 2222"},
		{{"Port 2222"}, "Port 2222\nListenAddress [::1]:22\nListenAddress 127.0.0.1:2222\n" NO_PAM,
		 "Port 2222\nListenAddress ::1\nListenAddress 127.0.0.1:2222\n" NO_PAM, "ports: 22, 2222 -> 2222"},
		{{"Port 22", "Port 2222"}, "ListenAddress 127.0.0.1:22\nListenAddress 127.0.0.1:99\n" NO_PAM,
		 "Port 22\nPort 2222\nListenAddress 127.0.0.1\n#ListenAddress 127.0.0.1:99\n" NO_PAM,
		 "ports: 22, 99 -> 22, 2222"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_buf_ struct buf b = {0};
		print_message("# case %zu\n", i);
		put("/etc/ssh/sshd_config", 0644, 0, cases[i].config);
		ssh_stage_again(s);
		want_ports(s, cases[i].ports, 0);
		assert_int_equal(plan_count(s->plan), cases[i].after ? 1 : 0);
		if (cases[i].after)
			assert_planned(s, "/etc/ssh/sshd_config", cases[i].after);
		if (plan_notes(s->plan)->n != 1 || strcmp(plan_notes(s->plan)->v[0], cases[i].note) != 0)
			assert_note(s, cases[i].note);
		assert_no_residual(s);
		apply_planned(s);
		ssh_stage_again(s);
		want_ports(s, cases[i].ports, 0);
		assert_int_equal(plan_count(s->plan), 0);
		assert_no_residual(s);
	}
}

static void ports_of_included_files_count(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	put("/etc/ssh/d/a.conf", 0644, 0, "Port 22\nListenAddress 0.0.0.0:23");
	put("/etc/ssh/sshd_config", 0644, 0, "Include d/*.conf\nInclude d/a.conf\nPort 24\n" NO_PAM);
	harden(s, NULL, "Port 2222");
	assert_planned(s, "/etc/ssh/d/a.conf", "Port 2222\nListenAddress 0.0.0.0");
	assert_planned(s, "/etc/ssh/sshd_config", "Include d/*.conf\nInclude d/a.conf\n#Port 24\n" NO_PAM);
	assert_no_residual(s);
}

static bool listens(uint16_t port)
{
	const struct sockaddr_in to = {
	    .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0;
	close(fd);
	return yes;
}

static void a_real_sshd_moves(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	char banner[256];
	_cleanup_buf_ struct buf note = {0};
	put("/etc/ssh/sshd_config", 0644, 0,
	    "Port 2222\nListenAddress 127.0.0.1\nListenAddress 127.0.0.1:2244\n" NO_PAM);
	pid_t pid = start_sshd(NULL);
	int old = connect_sshd(banner, sizeof(banner));
	assert_true(listens(2222) && listens(2244));
	harden(s, NULL, "Port 2233");
	assert_no_residual(s);
	apply_planned(s);
	assert_int_equal(service_reload(&s->host, &sshd_service, &note), 0);
	assert_true(listens(2233));
	assert_false(listens(2222) || listens(2244));
	char byte;
	assert_int_equal(recv(old, &byte, 1, MSG_DONTWAIT), -1); /* the old connection is still there */
	assert_int_equal(errno, EAGAIN);
	close(old);
	end_sshd(pid);
	/* What the command line says beats the files, or comes on top. */
	put("/etc/ssh/sshd_config", 0644, 0, "Port 2222\nListenAddress 127.0.0.1\n" NO_PAM);
	pid = start_sshd("Port=2244");
	close(connect_sshd(banner, sizeof(banner)));
	ssh_stage_again(s);
	harden(s, NULL, "Port 2222");
	assert_residual_has(s, "was started with -o Port=2244, which adds to its files");
	end_sshd(pid);
	pid = start_sshd("-p2222");
	close(connect_sshd(banner, sizeof(banner)));
	ssh_stage_again(s);
	harden(s, NULL, "Port 2222");
	assert_residual_has(s, "was started with -p 2222: Port has no effect");
	end_sshd(pid);
}

static void systemd_may_hold_the_port(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	if (access("/usr/bin/systemctl", F_OK) < 0)
		skip();
	put("/srv/systemctl", 0755, 0, "#!/bin/sh\ntest -e /srv/active && case \"$*\" in *is-active*ssh.socket) exit 0;; esac\nexit 3\n");
	put("/srv/proc/1/comm", 0644, 0, "systemd\n");
	put("/etc/ssh/sshd_config", 0644, 0, NO_PAM);
	mkdir("/run/systemd", 0755);
	mkdir("/run/systemd/system", 0755);
	assert_int_equal(mount("/srv/systemctl", "/usr/bin/systemctl", NULL, MS_BIND, NULL), 0);
	close_fd(&s->host.proc);
	s->host.proc = open("/srv/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	put("/srv/active", 0644, 0, "");
	assert_int_equal(try(s, NULL, "Port 2222"), -EOPNOTSUPP);
	assert_non_null(strstr(plan_failure(s->plan), "ssh.socket is active: systemd listens for sshd"));
	assert_non_null(strstr(plan_failure(s->plan), "systemctl edit ssh.socket"));
	assert_int_equal(plan_count(s->plan), 0);
	ssh_stage_again(s);
	harden(s, NULL, "X11Forwarding no"); /* has nothing to do with it */
	assert_int_equal(unlink("/srv/active"), 0);
	ssh_stage_again(s);
	harden(s, NULL, "Port 2222");
	assert_int_equal(plan_count(s->plan), 1);
	assert_int_equal(umount("/usr/bin/systemctl"), 0);
	assert_int_equal(rmdir("/run/systemd/system"), 0);
}

static void selinux_wants_a_label(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	assert_int_equal(mount("tmpfs", "/sys/fs", "tmpfs", 0, "mode=0755"), 0);
	assert_int_equal(mount("tmpfs", "/var/lib", "tmpfs", 0, "mode=0755"), 0);
	put("/etc/ssh/sshd_config", 0644, 0, NO_PAM);
	put("/sys/fs/selinux/enforce", 0644, 0, "1");
	harden(s, NULL, "Port 2222");
	assert_residual_has(s, "'semanage port -a -t ssh_port_t -p tcp 2222'");
	put("/var/lib/selinux/targeted/active/ports.local", 0600, 0,
	    "# local\nportcon tcp 2222 system_u:object_r:http_port_t:s0\nportcon udp 2222 system_u:object_r:ssh_port_t:s0\n");
	ssh_stage_again(s);
	harden(s, NULL, "Port 2222");
	assert_residual_has(s, "semanage");
	put("/var/lib/selinux/targeted/active/ports.local", 0600, 0,
	    "portcon tcp 2220-2230 system_u:object_r:ssh_port_t:s0\n");
	ssh_stage_again(s);
	harden(s, NULL, "Port 2222");
	assert_no_residual(s);
	put("/sys/fs/selinux/enforce", 0644, 0, "0");
	ssh_stage_again(s);
	harden(s, NULL, "Port 2244");
	assert_no_residual(s);
	assert_int_equal(umount("/var/lib"), 0);
	assert_int_equal(umount("/sys/fs"), 0);
}

/* --- nftables --- */

static int note_filter(void *ctx, const struct nft_filter *filter)
{
	return buf_printf(ctx, "%s %s %s %s\n", filter->family, filter->table, filter->chain,
	                  filter->fate == NFT_PORT_SOME ? "some" : "none");
}

#define CHAIN(policy, rules) \
	"table inet f {\n set ports { type inet_service; flags interval; elements = { 2000-2300, 4000 } }\n" \
	" set few { type inet_service; elements = { 2222, 80 } }\n" \
	" chain web { tcp dport 80 accept; }\n chain ssh { tcp dport 2222 accept; }\n chain back { return; }\n" \
	" chain input { type filter hook input priority 0; policy " policy "; " rules " }\n}\n"

static void set_ruleset(const char *text)
{
	run(NULL, "/usr/sbin/nft", "flush", "ruleset", NULL);
	put("/run/keys/ruleset", 0600, 0, text);
	run(NULL, "/usr/sbin/nft", "-f", "/run/keys/ruleset", NULL);
}

static void filters_are_seen_through(void **state)
{
	(void)state;
	ssh_stage_need_root();
#define SOME "inet f input some\n"
#define NONE "inet f input none\n"
	static const struct {
		const char *ruleset, *seen;
	} cases[] = {
		{CHAIN("accept", ""), ""},
		{CHAIN("drop", ""), NONE},
		{CHAIN("drop", "tcp dport 2222 accept;"), ""},
		{CHAIN("drop", "tcp dport 22 accept;"), NONE},
		{CHAIN("drop", "tcp dport { 22, 2222 } accept;"), ""},
		{CHAIN("drop", "tcp dport { 22, 80 } accept;"), NONE},
		{CHAIN("drop", "tcp dport != { 22, 80 } accept;"), ""},
		{CHAIN("drop", "tcp dport @few accept;"), ""},
		{CHAIN("drop", "tcp dport @ports accept;"), ""},
		{CHAIN("drop", "tcp dport { 3000-4000, 5000-65535 } accept;"), NONE},
		{CHAIN("drop", "tcp dport 2000-3000 accept;"), ""},
		{CHAIN("drop", "tcp dport 3000-4000 accept;"), NONE},
		{CHAIN("drop", "udp dport 2222 accept;"), NONE},
		{CHAIN("drop", "meta l4proto tcp accept;"), ""},
		{CHAIN("drop", "ct state established,related accept;"), NONE},
		{CHAIN("drop", "ct state new tcp dport 2222 counter accept;"), ""},
		{CHAIN("drop", "iif lo accept; ip saddr 10.0.0.0/8 accept;"), SOME},
		{CHAIN("drop", "ip saddr 10.0.0.0/8 tcp dport 2222 accept;"), SOME},
		{CHAIN("drop", "tcp dport vmap { 22 : accept, 2222 : drop };"), NONE},
		{CHAIN("drop", "jump web; jump ssh;"), ""},
		{CHAIN("drop", "jump web;"), NONE},
		{CHAIN("drop", "jump back; tcp dport 2222 accept;"), ""},
		{CHAIN("drop", "goto web; tcp dport 2222 accept;"), NONE},
		{CHAIN("drop", "tcp dport 2222 limit rate 5/minute accept;"), SOME},
		{CHAIN("accept", "tcp dport 80 accept; reject with icmpx admin-prohibited;"), NONE},
		{CHAIN("accept", "tcp dport 2222 drop;"), NONE},
		{CHAIN("accept", "tcp dport 22 drop;"), ""},
		{CHAIN("accept", "ip saddr 10.0.0.0/8 drop;"), ""},
		{CHAIN("accept", "tcp dport 2222 ip saddr 10.0.0.0/8 accept; tcp dport 2222 drop;"), SOME},
		{"table ip6 six { chain in { type filter hook input priority 5; policy drop; }; }\n"
		 "table ip four { chain out { type filter hook output priority 0; policy drop; }; }\n",
		 "ip6 six in none\n"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_buf_ struct buf seen = {0};
		set_ruleset(cases[i].ruleset);
		assert_int_equal(nft_port_filters(2222, note_filter, &seen), 0);
		if (strcmp(buf_text(&seen), cases[i].seen) != 0)
			fail_msg("%s: %s", cases[i].ruleset, buf_text(&seen));
	}
	run(NULL, "/usr/sbin/nft", "flush", "ruleset", NULL);
}

static void a_filter_before_the_port_is_told(void **state)
{
	struct ssh_stage *s = *state;
	ssh_stage_need_root();
	put("/etc/ssh/sshd_config", 0644, 0, NO_PAM);
	set_ruleset(CHAIN("drop", "tcp dport 22 accept;"));
	harden(s, NULL, "Port 2222");
	assert_residual_has(s, "nftables: chain inet f input drops new connections to port 2222: accept it there first");
	ssh_stage_again(s);
	harden(s, NULL, "Port 22");
	assert_no_residual(s);
	set_ruleset(CHAIN("drop", "iif lo accept;"));
	ssh_stage_again(s);
	harden(s, NULL, "Port 2222");
	assert_no_residual(s);
	assert_note(s, "nftables: chain inet f input lets new connections to port 2222 in on conditions only");
	run(NULL, "/usr/sbin/nft", "flush", "ruleset", NULL);
}

#define STAGED(f) cmocka_unit_test_setup_teardown(f, ssh_stage_setup, ssh_stage_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGED(baseline_holds_for_everybody),
		STAGED(stricter_values_stay),
		STAGED(an_option_beats_the_profile),
		STAGED(one_of_both_is_needed),
		STAGED(a_second_factor_stays),
		STAGED(strict_lets_keys_in_and_forwards_nothing),
		STAGED(exactly_the_wanted_ports_are_left),
		STAGED(ports_of_included_files_count),
		STAGED(a_real_sshd_moves),
		STAGED(systemd_may_hold_the_port),
		STAGED(selinux_wants_a_label),
		STAGED(filters_are_seen_through),
		STAGED(a_filter_before_the_port_is_told),
	};
	return cmocka_run_group_tests_name("sshd-harden", tests, ssh_stage_enter, NULL);
}
