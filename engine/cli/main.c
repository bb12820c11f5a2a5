/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * respond(8). Nothing outside this directory prints, asks or exits.
 */
#include "after-run.h"
#include "commands.h"
#include "export.h"
#include "hook-commands.h"
#include "hook-input.h"
#include "listen-commands.h"
#include "progress.h"
#include "show.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Nothing of the caller's is trusted: descriptors, mask, directory, environment. */
static int scrub(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return -EBADF;
	close_range(3 + listen_keep_socket(), ~0U, 0);
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	char *no_color = getenv("NO_COLOR") ? strdup("NO_COLOR=1") : NULL;
	char *zone = getenv("TZ") && !strchr(getenv("TZ"), '/') ? strdup(getenv("TZ")) : NULL;
	char *peer = getenv("SSH_CONNECTION") ? strdup(getenv("SSH_CONNECTION")) : NULL;
	char *sudo = getenv("SUDO_USER") ? strdup(getenv("SUDO_USER")) : NULL;
	int kept = hook_keep_environment();
	clearenv();
	int bad = setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1) | (zone ? setenv("TZ", zone, 1) : 0) |
	          (peer ? setenv("SSH_CONNECTION", peer, 1) : 0) | (sudo ? setenv("SUDO_USER", sudo, 1) : 0) |
	          (no_color ? setenv("NO_COLOR", "1", 1) : 0);
	free(no_color);
	free(zone);
	free(peer);
	free(sudo);
	return bad ? -ENOMEM : kept;
}

static int command_show(struct session *s)
{
	char id[RUN_ID_LEN];
	int status = session_find_run(s, id);
	return status == EXIT_DONE ? show_run(&s->printer, &s->engine, id, s->options->json) : status;
}

static int command_check(struct session *s)
{
	struct playbook *playbook = NULL;
	int status = session_playbook(s, &playbook);
	if (status == EXIT_DONE && !s->options->json)
		printf("%s: %zu step%s, no errors\n", playbook->file, playbook->n_steps,
		       playbook->n_steps == 1 ? "" : "s");
	playbook_free(&playbook);
	return status;
}

static int dispatch(struct session *s)
{
	const struct options *o = s->options;
	switch (o->command) {
	case COMMAND_PLAN: return command_plan(s);
	case COMMAND_RUN: return command_run(s);
	case COMMAND_ROLLBACK: return command_rollback(s);
	case COMMAND_ROLLBACK_PLAN: return command_rollback_plan(s);
	case COMMAND_CONFIRM: return command_confirm(s);
	case COMMAND_RECOVER: return command_recover(s);
	case COMMAND_VERIFY: return command_verify(s);
	case COMMAND_REAPPLY: return command_reapply(s);
	case COMMAND_AWAIT: return command_await(s);
	case COMMAND_LIST: return show_list(&s->printer, &s->engine, o->json);
	case COMMAND_SHOW: return command_show(s);
	case COMMAND_EXPORT: return command_export(s);
	case COMMAND_REPORT: return command_report(s);
	case COMMAND_CHECK: return command_check(s);
	case COMMAND_ACTIONS: return show_actions(&s->printer, s->engine.parts, o->subject, o->json);
	case COMMAND_RULES: return show_rules(&s->printer, o->json);
	case COMMAND_VAULT: return command_vault(s);
	case COMMAND_HOOK: return command_hook(s);
	case COMMAND_EXPLAIN: return command_explain(s);
	case COMMAND_HOOKS: return command_hooks(s);
	case COMMAND_LISTEN: return command_listen(s);
	case COMMAND_HELP: fputs(help_text, stdout); return EXIT_DONE;
	case COMMAND_VERSION: puts(PACKAGE_STRING); return EXIT_DONE;
	default: return EXIT_USAGE;
	}
}

int main(int argc, char **argv)
{
	int r = scrub();
	if (r < 0)
		return complain("start", strerror(-r));
	struct options options;
	_cleanup_buf_ struct buf why = {0};
	r = options_parse(argc, argv, &options, &why);
	if (r < 0) {
		fprintf(stderr, "respond: %s\nTry: respond --help\n", reason(&why, r));
		options_free(&options);
		return EXIT_USAGE;
	}
	struct session session;
	int status;
	r = session_open(&session, &options);
	if (r < 0) {
		status = complain("/", strerror(-r));
	} else {
		progress_start();
		session_notice(&session);
		status = dispatch(&session);
		progress_stop();
	}
	session_close(&session);
	options_free(&options);
	if (fflush(stdout) != 0 && status == EXIT_DONE)
		status = EXIT_FAILED;
	return status;
}
