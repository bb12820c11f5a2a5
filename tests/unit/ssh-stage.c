/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ssh-stage.h"

#include "base/fd.h"
#include "base/spawn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static bool entered;

static int raise_loopback(void)
{
	struct ifreq ifr = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = s < 0 ? -1 : ioctl(s, SIOCSIFFLAGS, &ifr);
	if (s >= 0)
		close(s);
	return r;
}

static int cover(const char *dir)
{
	return mount("tmpfs", dir, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755");
}

int ssh_stage_enter(void **state)
{
	(void)state;
	if (geteuid() != 0 || access("/usr/sbin/sshd", X_OK) < 0) {
		print_message("# without root, or without sshd, most of these tests are skipped\n");
		return 0;
	}
	if (unshare(CLONE_NEWNS | CLONE_NEWNET) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    raise_loopback() < 0)
		return -1;
	if (cover("/run") < 0 || cover("/root") < 0 || cover("/home") < 0 || cover("/srv") < 0)
		return -1;
	if (mkdir("/run/upper", 0755) < 0 || mkdir("/run/work", 0755) < 0 || mkdir("/run/sshd", 0755) < 0 ||
	    mkdir("/run/keys", 0700) < 0)
		return -1;
	if (mount("overlay", "/etc", "overlay", 0, "lowerdir=/etc,upperdir=/run/upper,workdir=/run/work") < 0 ||
	    cover("/etc/ssh") < 0)
		return -1;
	entered = true;
	run(NULL, "/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/etc/ssh/ssh_host_ed25519_key", NULL);
	return 0;
}

void ssh_stage_need_root(void)
{
	if (!entered)
		skip();
}

static void empty(const char *dir)
{
	_cleanup_buf_ struct buf cmd = {0};
	buf_printf(&cmd, "find %s -mindepth 1 -delete", dir);
	run(NULL, "/bin/sh", "-c", buf_text(&cmd), NULL);
}

int ssh_stage_setup(void **state)
{
	struct ssh_stage *s = calloc(1, sizeof(*s));
	*state = s;
	if (!s || host_open("/", &s->host) < 0 || plan_new(&s->plan) < 0 || plan_begin_step(s->plan, "step") < 0)
		return -1;
	if (!entered)
		return 0;
	empty("/root");
	empty("/home");
	empty("/srv");
	empty("/run/keys");
	run(NULL, "/bin/sh", "-c", "find /etc/ssh -mindepth 1 ! -name 'ssh_host*' -delete", NULL);
	mkdir("/root", 0700);
	put("/etc/nsswitch.conf", 0644, 0, "passwd: files\ngroup: files\nshadow: files\n");
	put("/etc/passwd", 0644, 0,
	    "root:x:0:0:root:/root:/bin/sh\n"
	    "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
	    "sshd:x:101:65534::/run/sshd:/usr/sbin/nologin\n"
	    "alice:x:1001:1001::/home/alice:/bin/sh\n"
	    "bob:x:1002:1002::/home/bob:/bin/sh\n"
	    "ghost:x:1003:1003::/home/ghost:/bin/sh\n");
	put("/etc/group", 0644, 0, "root:x:0:\nwheel:x:10:alice\nalice:x:1001:\nbob:x:1002:\n");
	put("/etc/shadow", 0600, 0,
	    "root:*:19000::::::\nalice:*:19000::::::\nbob:*:19000::::::\nghost:*:19000::::::\n");
	return 0;
}

int ssh_stage_teardown(void **state)
{
	struct ssh_stage *s = *state;
	plan_free(&s->plan);
	host_close(&s->host);
	free(s);
	return 0;
}

void ssh_stage_again(struct ssh_stage *s)
{
	plan_free(&s->plan);
	strv_free(&s->host.blind);
	assert_int_equal(plan_new(&s->plan), 0);
	assert_int_equal(plan_begin_step(s->plan, "step"), 0);
}

static void make_parents(const char *path, uid_t uid)
{
	char dir[256];
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
		if (mkdir(dir, 0755) == 0)
			assert_int_equal(chown(dir, uid, uid), 0);
	}
}

void put(const char *path, mode_t mode, uid_t uid, const char *text)
{
	make_parents(path, uid);
	put_bytes(path, text, strlen(text));
	assert_int_equal(chmod(path, mode), 0);
	assert_int_equal(chown(path, uid, uid), 0);
}

void put_bytes(const char *path, const void *bytes, size_t len)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fd_write(fd, bytes, len), 0);
}

void get(const char *path, struct buf *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fd_read(fd, 1 << 24, ret), 0);
}

void assert_file(const char *path, const char *text)
{
	_cleanup_buf_ struct buf b = {0};
	get(path, &b);
	assert_string_equal(buf_text(&b), text);
}

void run(struct buf *ret_out, const char *program, ...)
{
	const char *argv[16] = {program};
	_cleanup_buf_ struct buf err = {0};
	int status = -1;
	va_list ap;
	va_start(ap, program);
	for (size_t i = 1; i < 15 && (argv[i] = va_arg(ap, const char *)); i++)
		;
	va_end(ap);
	assert_int_equal(spawn_read(argv, 120000, ret_out, &err, &status), 0);
	if (status != 0)
		print_message("# %s: %s\n", program, buf_text(&err));
	assert_int_equal(status, 0);
}

void make_key(const char *type, const char *name, struct buf *ret)
{
	char path[128], pub[160];
	snprintf(path, sizeof(path), "/run/keys/%s", name);
	snprintf(pub, sizeof(pub), "%s.pub", path);
	run(NULL, "/usr/bin/ssh-keygen", "-q", "-t", type, "-N", "", "-C", name, "-f", path, NULL);
	buf_reset(ret);
	get(pub, ret);
	ret->data[--ret->len] = '\0';
}

void fingerprint_of(const char *pub_file, struct buf *ret)
{
	_cleanup_buf_ struct buf out = {0};
	run(&out, "/usr/bin/ssh-keygen", "-l", "-f", pub_file, NULL);
	char *save, *word = strtok_r(out.data, " ", &save);
	word = strtok_r(NULL, " ", &save);
	buf_reset(ret);
	buf_puts(ret, word);
}

static const struct param *param_of(const struct action *action, const char *name)
{
	const struct param *p = action_param(action, name);
	assert_non_null(p);
	return p;
}

int plan_step(struct ssh_stage *s, const struct action *action, ...)
{
	struct {
		const char *name;
		struct value value;
	} given[8] = {{0}};
	size_t n = 0;
	const char *name;
	va_list ap;
	va_start(ap, action);
	while ((name = va_arg(ap, const char *))) {
		const char *text = va_arg(ap, const char *);
		size_t i = 0;
		while (i < n && strcmp(given[i].name, name) != 0)
			i++;
		if (i == n) {
			const struct param *p = param_of(action, name);
			given[n].name = name;
			given[n++].value = (struct value){.type = p->type, .list = p->flags & PARAM_LIST};
		}
		if (text)
			strv_add(&given[i].value.items, text);
	}
	va_end(ap);
	struct args *args = NULL;
	assert_int_equal(args_new(&args), 0);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(args_set(args, given[i].name, &given[i].value), 0);
		value_free(&given[i].value);
	}
	int r = action->plan(&s->host, args, s->plan);
	args_free(&args);
	return r;
}

void assert_planned(struct ssh_stage *s, const char *path, const char *text)
{
	_cleanup_buf_ struct buf b = {0};
	assert_int_equal(plan_file(s->plan, path, &b), 1);
	assert_string_equal(buf_text(&b), text);
}

void assert_not_planned(struct ssh_stage *s, const char *path)
{
	_cleanup_buf_ struct buf b = {0};
	assert_int_equal(plan_file(s->plan, path, &b), 0);
}

void assert_note(struct ssh_stage *s, const char *text)
{
	const struct strv *notes = plan_notes(s->plan);
	if (strv_has(notes, text))
		return;
	for (size_t i = 0; i < notes->n; i++)
		print_message("# note: %s\n", notes->v[i]);
	fail_msg("no note '%s'", text);
}

void assert_residual_has(struct ssh_stage *s, const char *part)
{
	const struct strv *left = plan_residuals(s->plan);
	for (size_t i = 0; i < left->n; i++)
		if (strstr(left->v[i], part))
			return;
	for (size_t i = 0; i < left->n; i++)
		print_message("# residual: %s\n", left->v[i]);
	fail_msg("no residual with '%s'", part);
}

void assert_no_residual(struct ssh_stage *s)
{
	const struct strv *left = plan_residuals(s->plan);
	for (size_t i = 0; i < left->n; i++)
		print_message("# residual: %s\n", left->v[i]);
	assert_int_equal(left->n, 0);
}

void apply_planned(struct ssh_stage *s)
{
	for (size_t i = 0; i < plan_count(s->plan); i++) {
		const struct change *c = plan_at(s->plan, i);
		if (c->writes_target)
			put_bytes(c->target, buf_text(&c->result), c->result.len);
	}
}

pid_t start_sshd(const char *extra)
{
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(600);
		int null = open("/dev/null", O_RDWR);
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		bool whole = extra && *extra == '-';
		execl("/usr/sbin/sshd", "/usr/sbin/sshd", "-D", !extra ? NULL : whole ? extra : "-o",
		      whole ? NULL : extra, NULL);
		_exit(127);
	}
	return pid;
}

int connect_sshd(char *banner, size_t size)
{
	const struct sockaddr_in to = {
	    .sin_family = AF_INET, .sin_port = htons(SSHD_PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct timespec pause = {.tv_nsec = 20000000};
	for (int i = 0; i < 3000; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		const struct timeval limit = {.tv_sec = 60};
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0) {
			ssize_t n = recv(fd, banner, size - 1, 0);
			banner[n > 0 ? n : 0] = '\0';
			return fd;
		}
		close(fd);
		nanosleep(&pause, NULL);
	}
	banner[0] = '\0';
	return -1;
}

void end_sshd(pid_t pid)
{
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

bool logs_in(const char *name)
{
	char key[64];
	int status = -1;
	snprintf(key, sizeof(key), "/run/keys/%s", name);
	const char *argv[] = {"/usr/bin/ssh", "-F", "none", "-p", "2222", "-i", key, "-o", "IdentitiesOnly=yes", "-o",
	                      "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
	                      "root@127.0.0.1", "exit 7", NULL};
	assert_int_equal(spawn_read(argv, 120000, NULL, NULL, &status), 0);
	return status == 7;
}
