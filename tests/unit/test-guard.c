/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guard-stage.h"

#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROOT_ONLY(s) \
	do { \
		if (!stage_namespaces()) \
			skip(); \
		stage_open(s, "/"); \
	} while (0)

static void lift_everything(struct stage *s)
{
	for (const struct guard_rule *r = guard_rules; r->name; r++)
		strv_add(&s->allow, r->name);
	stage_again(s);
}

static void every_rule_is_explained_once(void **state)
{
	(void)state;
	for (const struct guard_rule *r = guard_rules; r->name; r++) {
		assert_true(strlen(r->help) > 10);
		assert_non_null(strchr(r->name, '.'));
		for (const struct guard_rule *other = r + 1; other->name; other++)
			assert_string_not_equal(r->name, other->name);
	}
}

static void init_self_and_ancestors_are_never_signalled(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	stage_open(&s, "/");
	for (int lifted = 0; lifted < 2; lifted++) {
		assert_refused(&s, ask_pid(&s, 1), "process.init");
		assert_refused(&s, ask_pid(&s, getpid()), "process.self");
		if (getppid() > 1)
			assert_refused(&s, ask_pid(&s, getppid()), "process.ancestor");
		lift_everything(&s);
	}
}

static int ask_account(struct stage *s, const char *name)
{
	return stage_ask(s, &(struct subject){.type = SUBJECT_ACCOUNT, .account = name});
}

static int ask_password(struct stage *s, const char *name)
{
	return stage_ask(s, &(struct subject){.type = SUBJECT_ACCOUNT, .account = name, .password = true});
}

static void root_and_protected_accounts_are_not_locked(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	stage_open(&s, "/");
	assert_refused(&s, ask_account(&s, "root"), "account.root");
	assert_allowed(&s, ask_password(&s, "root"));
	assert_allowed(&s, ask_account(&s, "daemon"));
	assert_allowed(&s, ask_account(&s, "no-such-user"));
	strv_add(&s.config.users, "daemon");
	stage_again(&s);
	assert_refused(&s, ask_account(&s, "daemon"), "user.protected");
	assert_refused(&s, ask_password(&s, "daemon"), "user.protected");
	lift_everything(&s);
	assert_allowed(&s, ask_account(&s, "root"));
	assert_allowed(&s, ask_account(&s, "daemon"));
}

/* As below sudo(8): what started this program is owned by who typed it. */
static void the_operator_is_not_locked_out(void **state)
{
	(void)state;
	int status;
	if (geteuid() != 0)
		skip();
	pid_t pid = fork();
	if (pid == 0) {
		_cleanup_(stage_close) struct stage s;
		if (setresuid(1, 0, 0) < 0)
			_exit(1);
		pid = fork();
		if (pid > 0)
			_exit(waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 3);
		if (setresuid(0, 0, 0) < 0)
			_exit(1);
		stage_open(&s, "/");
		bool right = ask_account(&s, "daemon") == -EPERM && strcmp(s.rule, "account.operator") == 0 &&
		             ask_account(&s, "bin") == 0;
		_exit(!right);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void a_group_of_processes_is_no_process(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	stage_open(&s, "/");
	lift_everything(&s);
	static const pid_t pids[] = {0, -1, -2};
	for (size_t i = 0; i < sizeof(pids) / sizeof(pids[0]); i++) {
		assert_int_equal(ask_pid(&s, pids[i]), -EINVAL);
		assert_true(s.why.len > 0);
	}
}

static void kernel_threads_are_never_signalled(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	stage_open(&s, "/");
	struct proc_stat st;
	if (proc_stat(s.host.proc, 2, &st) < 0 || !st.kthread)
		skip(); /* none in this pid namespace */
	lift_everything(&s);
	assert_refused(&s, ask_pid(&s, 2), "process.kernel-thread");
}

static void who_only_looks_like_one_is_fair_game(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	ROOT_ONLY(&s);
	static const char *const names[] = {"[kthreadd]", "kthreadd", "mysqld", "postgres",
	                                    "auditd",     "systemd",  "sshd"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		pid_t pid = stage_start("/opt/t/other", "name", names[i]);
		assert_allowed(&s, ask_pid(&s, pid));
		stage_kill(pid);
	}
	/* nor does a file that others than root could have put there */
	static const char *const paths[] = {"/tmp/guard-test/mysqld", "/dev/shm/guard-test/sshd"};
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		pid_t pid = stage_start(paths[i], "listen", "");
		assert_allowed(&s, ask_pid(&s, pid));
		stage_kill(pid);
		unlink(paths[i]);
	}
	rmdir("/tmp/guard-test");
	rmdir("/dev/shm/guard-test");
}

static void who_has_gone_is_nobody(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	stage_open(&s, "/");
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	assert_allowed(&s, ask_pid(&s, pid));
}

static void services_are_told_by_their_executable(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	ROOT_ONLY(&s);
	static const struct {
		const char *path, *mode, *rule;
	} cases[] = {
		{"/opt/db/mysqld", "name", "process.database"},
		{"/opt/db/postgres", "name", "process.database"},
		{"/opt/db/redis-server", "name", "process.database"},
		{"/opt/sys/auditd", "name", "process.audit-daemon"},
		{"/opt/sys/systemd-journald", "name", "process.essential"},
		{"/opt/sys/dbus-daemon", "name", "process.essential"},
		{"/opt/sys/containerd", "name", "process.essential"},
		{"/opt/ssh/sshd", "listen", "process.sshd-listener"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pid_t pid = stage_start(cases[i].path, cases[i].mode, "something");
		assert_refused(&s, ask_pid(&s, pid), cases[i].rule);
		strv_add(&s.allow, cases[i].rule);
		assert_allowed(&s, ask_pid(&s, pid));
		strv_free(&s.allow);
		stage_again(&s); /* the sockets are looked at once */
		stage_kill(pid);
	}
}

static void an_sshd_that_listens_to_nobody_is_no_listener(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	ROOT_ONLY(&s);
	pid_t pid = stage_start("/opt/ssh/sshd", "wait", "");
	assert_allowed(&s, ask_pid(&s, pid));
	stage_kill(pid);
}

/* Who is logged in has something else than sshd below the connection. */
static void a_login_is_not_ended(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	ROOT_ONLY(&s);
	if (!stage_ip())
		skip();
	RUN(stage_ip(), "link", "set", "lo", "up");
	stage_copy("/opt/ssh/shell");
	stage_copy("/opt/ssh/sshd-auth");
	pid_t pid = stage_start("/opt/ssh/sshd", "serve", "127.0.0.1 /opt/ssh/shell");
	assert_refused(&s, ask_pid(&s, pid), "process.ssh-session");
	strv_add(&s.allow, "process.ssh-session");
	assert_allowed(&s, ask_pid(&s, pid));
	strv_free(&s.allow);
	stage_kill(pid);
	stage_again(&s);
	pid = stage_start("/opt/ssh/sshd", "serve", "127.0.0.1 /opt/ssh/sshd-auth");
	assert_allowed(&s, ask_pid(&s, pid));
	stage_kill(pid);
}

static void an_upgraded_service_is_still_one(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	ROOT_ONLY(&s);
	pid_t pid = stage_start("/opt/db/mysqld", "wait", "");
	unlink("/opt/db/mysqld");
	assert_refused(&s, ask_pid(&s, pid), "process.database");
	stage_copy("/opt/db/mysqld");
	assert_refused(&s, ask_pid(&s, pid), "process.database");
	stage_kill(pid);
}

static void an_executable_that_others_could_write_is_nobodys_service(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	ROOT_ONLY(&s);
	pid_t pid = stage_start("/opt/db/mysqld", "wait", "");
	assert_refused(&s, ask_pid(&s, pid), "process.database");
	assert_int_equal(chmod("/opt/db/mysqld", 0757), 0);
	assert_allowed(&s, ask_pid(&s, pid));
	assert_int_equal(chmod("/opt/db/mysqld", 0755), 0);
	assert_int_equal(chown("/opt/db/mysqld", 12345, 0), 0);
	assert_allowed(&s, ask_pid(&s, pid));
	assert_int_equal(chown("/opt/db/mysqld", 0, 0), 0);
	assert_int_equal(chmod("/opt/db", 0777), 0);
	assert_allowed(&s, ask_pid(&s, pid));
	assert_int_equal(chmod("/opt/db", 0755), 0);
	stage_kill(pid);
}

/* The child's mounts are its own: its /opt/db/mysqld is not ours. */
static void a_service_in_a_container_is_one(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	ROOT_ONLY(&s);
	int tell[2];
	assert_int_equal(pipe2(tell, O_CLOEXEC), 0);
	pid_t child = fork();
	if (child == 0) {
		if (unshare(CLONE_NEWNS) < 0 || mount("inner", "/opt", "tmpfs", 0, "mode=0755") < 0)
			_exit(1);
		pid_t inner = stage_start("/opt/db/mysqld", "wait", "");
		if (write(tell[1], &inner, sizeof(inner)) != sizeof(inner))
			_exit(1);
		pause();
	}
	pid_t inner;
	assert_int_equal(read(tell[0], &inner, sizeof(inner)), sizeof(inner));
	unlink("/opt/db/mysqld");
	assert_refused(&s, ask_pid(&s, inner), "process.database");
	stage_kill(child); /* the inner one dies with it */
	close(tell[0]);
	close(tell[1]);
}

static void the_configuration_protects_more(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	ROOT_ONLY(&s);
	pid_t pid = stage_start("/opt/t/worker", "name", "billing-daemon-of-ours");
	assert_allowed(&s, ask_pid(&s, pid));
	static const char *const protect[] = {"worker", "billing-daemon-of-ours", "/opt/t/worker"};
	for (size_t i = 0; i < sizeof(protect) / sizeof(protect[0]); i++) {
		strv_add(&s.config.processes, protect[i]);
		stage_again(&s);
		assert_refused(&s, ask_pid(&s, pid), "process.protected");
		strv_free(&s.config.processes);
	}
	/* the same name elsewhere is another program */
	strv_add(&s.config.processes, "/opt/u/worker");
	strv_add(&s.config.processes, "billing");
	stage_again(&s);
	assert_allowed(&s, ask_pid(&s, pid));
	strv_add(&s.config.users, "root");
	strv_add(&s.config.users, "nobody-of-that-name");
	stage_again(&s);
	assert_refused(&s, ask_pid(&s, pid), "user.protected");
	assert_int_equal(s.host.blind.n, 1);
	stage_kill(pid);
}

/* Asks about the pid of a process in the session of a leader that is no ancestor; the
 * answer comes through a pipe, because this process has to leave the family. */
enum who { LEADER, MEMBER };

static void report(int fd, enum who who, pid_t leader, pid_t member)
{
	struct stage s;
	stage_open(&s, "/");
	int r = ask_pid(&s, who == LEADER ? leader : member);
	dprintf(fd, "%d %s", r, s.rule);
	stage_close(&s);
}

static void take_terminal(void)
{
	int pty = posix_openpt(O_RDWR | O_NOCTTY);
	if (pty < 0 || grantpt(pty) < 0 || unlockpt(pty) < 0)
		_exit(1);
	int end = open(ptsname(pty), O_RDWR | O_NOCTTY);
	if (end < 0 || ioctl(end, TIOCSCTTY, 0) < 0)
		_exit(1);
}

static void ask_in_session(enum who who, bool terminal, char *ret, size_t size)
{
	int tell[2];
	assert_int_equal(pipe2(tell, O_CLOEXEC), 0);
	pid_t leader = fork();
	if (leader == 0) {
		setsid();
		alarm(60);
		if (terminal)
			take_terminal();
		pid_t member = fork();
		if (member == 0) {
			alarm(60);
			for (;;)
				pause();
		}
		pid_t middle = fork();
		if (middle == 0) {
			pid_t middle_pid = getpid();
			if (fork() > 0)
				_exit(0);
			while (getppid() == middle_pid)
				usleep(1000);
			report(tell[1], who, getsid(0), member);
			kill(member, SIGKILL);
			_exit(0);
		}
		for (;;)
			pause();
	}
	close(tell[1]);
	ssize_t n = read(tell[0], ret, size - 1);
	ret[n > 0 ? n : 0] = '\0';
	close(tell[0]);
	stage_kill(leader);
}

static void the_operators_session_is_left_alone(void **state)
{
	(void)state;
	static const struct {
		enum who who;
		bool terminal;
		const char *answer;
	} cases[] = {
		{LEADER, true, "-1 process.session"},
		{MEMBER, true, "-1 process.session"},
		{LEADER, false, "-1 process.session"},
		{MEMBER, false, "0 "},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char answer[128];
		ask_in_session(cases[i].who, cases[i].terminal, answer, sizeof(answer));
		assert_string_equal(answer, cases[i].answer);
	}
}

/* A plan of changes whose subjects are listed in their data. */
static int fake_subjects(const struct change *change, subject_fn visit, void *ctx)
{
	json_int_t n = json_integer_value(json_object_get(change->data, "n"));
	json_int_t type = json_integer_value(json_object_get(change->data, "type"));
	for (json_int_t i = 0; i < n; i++) {
		char path[32];
		snprintf(path, sizeof(path), "/srv/%d", (int)i);
		struct subject s = {.type = (enum subject_type)type, .pid = (pid_t)(100000000 + i), .path = path};
		s.address = (struct netaddr){.family = AF_INET, .prefix = 32, .bytes = {203, 0, 113, (uint8_t)i}};
		int r = visit(ctx, &s);
		if (r)
			return r;
	}
	return 0;
}

static const struct change_kind fake_kind = {.name = "test.fake", .subjects = fake_subjects};

static struct change *plan_fake(struct plan *plan, enum subject_type type, int n)
{
	struct change *c = NULL;
	json_t *data = json_pack("{s:i, s:i}", "n", n, "type", (int)type);
	assert_int_equal(plan_change(plan, &fake_kind, "x", data, &c), 0);
	return c;
}

static int ask_plan(struct stage *s, const struct plan *plan)
{
	const char *rule = "";
	buf_reset(&s->why);
	int r = guard_plan(s->guard, plan, &rule, &s->why);
	snprintf(s->rule, sizeof(s->rule), "%s", rule);
	return r;
}

static void a_plan_has_limits(void **state)
{
	(void)state;
	static const struct {
		enum subject_type type;
		const char *rule;
	} cases[] = {
		{SUBJECT_PROCESS, "limit.processes"},
		{SUBJECT_EDIT_PATH, "limit.files"},
		{SUBJECT_REMOVE_PATH, "limit.files"},
		{SUBJECT_ADDRESS, "limit.addresses"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(stage_close) struct stage s;
		_cleanup_(plan_free) struct plan *plan = NULL;
		stage_open(&s, "/");
		s.config.max_processes = s.config.max_files = s.config.max_addresses = 10;
		assert_int_equal(plan_new(&plan), 0);
		plan_begin_step(plan, "one");
		plan_fake(plan, cases[i].type, 10);
		assert_allowed(&s, ask_plan(&s, plan));
		/* the same ones again are no more */
		plan_begin_step(plan, "two");
		plan_fake(plan, cases[i].type, cases[i].type == SUBJECT_ADDRESS ? 0 : 10);
		assert_allowed(&s, ask_plan(&s, plan));
		struct change *more = plan_fake(plan, cases[i].type, 11);
		assert_refused(&s, ask_plan(&s, plan), cases[i].rule);
		/* what is in force already does not count */
		more->held = true;
		assert_allowed(&s, ask_plan(&s, plan));
		more->held = false;
		strv_add(&s.allow, cases[i].rule);
		assert_allowed(&s, ask_plan(&s, plan));
	}
}

static int ask_growth(struct stage *s, struct change *part, int n)
{
	const char *rule = "";
	buf_reset(&s->why);
	json_object_set_new(part->data, "n", json_integer(n));
	int r = guard_growth(s->guard, part, &rule, &s->why);
	snprintf(s->rule, sizeof(s->rule), "%s", rule);
	return r;
}

/* What grew too far is refused; what grew before it, and the evidence, is not. */
static void growth_that_is_refused_does_not_count(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	_cleanup_(plan_free) struct plan *plan = NULL;
	stage_open(&s, "/");
	s.config.max_processes = 10;
	assert_int_equal(plan_new(&plan), 0);
	plan_begin_step(plan, "one");
	struct change *part = plan_fake(plan, SUBJECT_PROCESS, 8);
	assert_allowed(&s, ask_plan(&s, plan));
	assert_allowed(&s, ask_growth(&s, part, 9));
	assert_refused(&s, ask_growth(&s, part, 12), "limit.processes");
	assert_allowed(&s, ask_growth(&s, part, 0));
	assert_allowed(&s, ask_growth(&s, part, 10));
	assert_refused(&s, ask_growth(&s, part, 11), "limit.processes");
}

static int proof_answer;

static int fake_proof(struct host *host, const struct plan *plan, struct buf *ret_why)
{
	(void)host, (void)plan;
	if (proof_answer < 0)
		buf_puts(ret_why, "nobody could log in any more afterwards");
	return proof_answer;
}

static void proofs_are_asked(void **state)
{
	(void)state;
	static const struct proof proof = {"login.last-way", fake_proof};
	static const struct proof *const proofs[] = {&proof, NULL};
	_cleanup_(stage_close) struct stage s;
	_cleanup_(plan_free) struct plan *plan = NULL;
	stage_open(&s, "/");
	assert_int_equal(plan_new(&plan), 0);
	guard_free(&s.guard);
	assert_int_equal(guard_new(&s.host, &s.config, proofs, &s.allow, &s.guard), 0);
	proof_answer = 0;
	assert_allowed(&s, ask_plan(&s, plan));
	proof_answer = -EPERM;
	assert_refused(&s, ask_plan(&s, plan), "login.last-way");
	/* what cannot be proven is refused, too */
	proof_answer = -EIO;
	assert_int_equal(ask_plan(&s, plan), -EIO);
	assert_true(s.why.len > 0);
	strv_add(&s.allow, "login.last-way");
	assert_allowed(&s, ask_plan(&s, plan));
}

static void a_change_is_judged_by_all_it_touches(void **state)
{
	(void)state;
	_cleanup_(stage_close) struct stage s;
	_cleanup_(plan_free) struct plan *plan = NULL;
	const char *rule = "";
	stage_open(&s, "/");
	s.config.addresses = calloc(1, sizeof(*s.config.addresses));
	s.config.n_addresses = 1;
	netaddr_parse("203.0.113.7", &s.config.addresses[0]);
	assert_int_equal(plan_new(&plan), 0);
	plan_begin_step(plan, "one");
	struct change *seven = plan_fake(plan, SUBJECT_ADDRESS, 7), *eight = plan_fake(plan, SUBJECT_ADDRESS, 8);
	assert_int_equal(guard_change(s.guard, seven, &rule, &s.why), 0);
	assert_string_equal(rule, "");
	assert_int_equal(s.why.len, 0);
	assert_int_equal(guard_change(s.guard, eight, &rule, &s.why), -EPERM);
	assert_string_equal(rule, "net.protected");
	/* to free an address, or to let a process go on, hurts nobody */
	rule = "";
	assert_int_equal(guard_undo(s.guard, eight, &rule, &s.why), 0);
	assert_string_equal(rule, "");
}

int main(int argc, char **argv)
{
	stage_main(argc, argv);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rule_is_explained_once),
		cmocka_unit_test(init_self_and_ancestors_are_never_signalled),
		cmocka_unit_test(root_and_protected_accounts_are_not_locked),
		cmocka_unit_test(the_operator_is_not_locked_out),
		cmocka_unit_test(a_group_of_processes_is_no_process),
		cmocka_unit_test(kernel_threads_are_never_signalled),
		cmocka_unit_test(who_only_looks_like_one_is_fair_game),
		cmocka_unit_test(who_has_gone_is_nobody),
		cmocka_unit_test(services_are_told_by_their_executable),
		cmocka_unit_test(an_sshd_that_listens_to_nobody_is_no_listener),
		cmocka_unit_test(a_login_is_not_ended),
		cmocka_unit_test(an_upgraded_service_is_still_one),
		cmocka_unit_test(an_executable_that_others_could_write_is_nobodys_service),
		cmocka_unit_test(a_service_in_a_container_is_one),
		cmocka_unit_test(the_configuration_protects_more),
		cmocka_unit_test(the_operators_session_is_left_alone),
		cmocka_unit_test(a_plan_has_limits),
		cmocka_unit_test(growth_that_is_refused_does_not_count),
		cmocka_unit_test(proofs_are_asked),
		cmocka_unit_test(a_change_is_judged_by_all_it_touches),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
