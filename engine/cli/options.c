/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include "base/escape.h"
#include "core/guard.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char help_text[] =
	"respond contains and cleans up an intrusion on this host, shows beforehand what it\n"
	"will do, and can take back afterwards what it did.\n"
	"\n"
	"  respond --playbook FILE --dry-run     show the plan; nothing is changed\n"
	"  respond --playbook FILE               do it, journaled\n"
	"  respond --rollback RUN                take a run back, newest change first\n"
	"\n"
	"Commands:\n"
	"  -p, --playbook FILE    run a playbook: a name (miner.pb) is looked up in\n"
	"                         /etc/respond/playbooks, then among the installed ones;\n"
	"                         anything with a slash is a path\n"
	"      --rollback RUN     RUN is an id, the start of one, or \"last\"\n"
	"  -l, --list             list the runs\n"
	"      --show RUN         show what a run did and what became of it\n"
	"  -c, --check FILE       say what is wrong with a playbook; needs no root\n"
	"      --actions [NAME]   list the actions, or one with its arguments and facts\n"
	"      --rules            list the rules of the guard\n"
	"  -h, --help\n"
	"  -V, --version\n"
	"\n"
	"Options:\n"
	"  -n, --dry-run          plan only (with --playbook or --rollback)\n"
	"  -s, --set NAME=VALUE   give an input of the playbook a value; may be repeated\n"
	"      --step NAME        take back only this step (with --rollback)\n"
	"      --allow RULE       lift one rule of the guard for this run; recorded;\n"
	"                         may be repeated\n"
	"      --format FORMAT    text (default) or json\n"
	"      --color WHEN       auto (default), always or never\n"
	"\n"
	"Exit status:\n"
	"  0  done and clean, or nothing to do    3  partly done, something is left, or not\n"
	"  1  failed, nothing was done               everything could be undone\n"
	"  2  usage or playbook error             4  refused by the guard\n"
	"                                         5  dry run: changes are pending\n"
	"\n"
	"respond(8) has more; respond-playbook(5) is the language of playbooks.\n";

enum { OPT_ROLLBACK = 256, OPT_SHOW, OPT_ACTIONS, OPT_RULES, OPT_STEP, OPT_ALLOW, OPT_FORMAT, OPT_COLOR };

static const struct option long_options[] = {
	{"playbook", required_argument, NULL, 'p'},
	{"rollback", required_argument, NULL, OPT_ROLLBACK},
	{"list", no_argument, NULL, 'l'},
	{"show", required_argument, NULL, OPT_SHOW},
	{"check", required_argument, NULL, 'c'},
	{"actions", optional_argument, NULL, OPT_ACTIONS},
	{"rules", no_argument, NULL, OPT_RULES},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{"dry-run", no_argument, NULL, 'n'},
	{"set", required_argument, NULL, 's'},
	{"step", required_argument, NULL, OPT_STEP},
	{"allow", required_argument, NULL, OPT_ALLOW},
	{"format", required_argument, NULL, OPT_FORMAT},
	{"color", required_argument, NULL, OPT_COLOR},
	{"colour", required_argument, NULL, OPT_COLOR},
	{NULL, 0, NULL, 0},
};

static enum command command_of(int opt)
{
	switch (opt) {
	case 'p': return COMMAND_RUN;
	case OPT_ROLLBACK: return COMMAND_ROLLBACK;
	case 'l': return COMMAND_LIST;
	case OPT_SHOW: return COMMAND_SHOW;
	case 'c': return COMMAND_CHECK;
	case OPT_ACTIONS: return COMMAND_ACTIONS;
	case OPT_RULES: return COMMAND_RULES;
	case 'h': return COMMAND_HELP;
	case 'V': return COMMAND_VERSION;
	default: return COMMAND_NONE;
	}
}

static int bad(struct buf *ret_why, const char *text)
{
	buf_puts(ret_why, text);
	return -EINVAL;
}

static int take_format(struct options *o, const char *value, struct buf *ret_why)
{
	if (strcmp(value, "json") != 0 && strcmp(value, "text") != 0)
		return bad(ret_why, "--format takes text or json");
	o->json = strcmp(value, "json") == 0;
	return 0;
}

static int take_colour(struct options *o, const char *value, struct buf *ret_why)
{
	if (strcmp(value, "always") != 0 && strcmp(value, "never") != 0 && strcmp(value, "auto") != 0)
		return bad(ret_why, "--color takes auto, always or never");
	if (strcmp(value, "auto") != 0)
		o->colour = strcmp(value, "always") == 0;
	return 0;
}

static int take_allow(struct options *o, const char *rule, struct buf *ret_why)
{
	for (const struct guard_rule *r = guard_rules; r->name; r++) {
		if (strcmp(r->name, rule) != 0)
			continue;
		if (!r->fixed)
			return strv_add(&o->allow, rule);
		buf_printf(ret_why, "the rule %s cannot be lifted", rule);
		return -EINVAL;
	}
	buf_puts(ret_why, "--allow takes the name of a rule; respond --rules lists them");
	return -EINVAL;
}

static int take_command(struct options *o, enum command command, const char *subject, struct buf *ret_why)
{
	if (o->command != COMMAND_NONE)
		return bad(ret_why, "one command at a time, please");
	o->command = command;
	o->subject = subject;
	return 0;
}

static int take(struct options *o, int opt, const char *value, bool *dry, struct buf *ret_why)
{
	enum command command = command_of(opt);
	if (command != COMMAND_NONE)
		return take_command(o, command, value, ret_why);
	switch (opt) {
	case 'n': *dry = true; return 0;
	case 's': return strv_add(&o->set, value);
	case OPT_STEP: o->step = value; return 0;
	case OPT_ALLOW: return take_allow(o, value, ret_why);
	case OPT_FORMAT: return take_format(o, value, ret_why);
	case OPT_COLOR: return take_colour(o, value, ret_why);
	default: return -ENOENT;
	}
}

/* What goes only together. */
static int check_company(struct options *o, bool dry, struct buf *ret_why)
{
	bool run = o->command == COMMAND_RUN, rollback = o->command == COMMAND_ROLLBACK;
	if (o->command == COMMAND_NONE)
		return bad(ret_why, "no command; --playbook FILE --dry-run is a good start");
	if (dry && !run && !rollback)
		return bad(ret_why, "--dry-run goes with --playbook or --rollback");
	if (o->set.n && !run)
		return bad(ret_why, "--set goes with --playbook");
	if (o->allow.n && !run && !rollback)
		return bad(ret_why, "--allow goes with --playbook or --rollback");
	if (o->step && !rollback)
		return bad(ret_why, "--step goes with --rollback");
	if (dry)
		o->command = run ? COMMAND_PLAN : COMMAND_ROLLBACK_PLAN;
	return 0;
}

int options_parse(int argc, char **argv, struct options *ret, struct buf *ret_why)
{
	*ret = (struct options){.colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR")};
	bool dry = false;
	int opt, r = 0;
	opterr = 0;
	while (r == 0 && (opt = getopt_long(argc, argv, "p:lc:hVns:", long_options, NULL)) >= 0) {
		/* --actions NAME: an optional value may stand apart. */
		if (opt == OPT_ACTIONS && !optarg && optind < argc && argv[optind][0] != '-')
			optarg = argv[optind++];
		r = take(ret, opt, optarg, &dry, ret_why);
		if (r == -ENOENT) {
			escape_str(ret_why, argv[optind - 1]);
			buf_puts(ret_why, " is no option, or lacks its value");
			r = -EINVAL;
		}
	}
	if (r == 0 && optind < argc) {
		escape_str(ret_why, argv[optind]);
		buf_puts(ret_why, " belongs to no option");
		r = -EINVAL;
	}
	return r < 0 ? r : check_company(ret, dry, ret_why);
}

void options_free(struct options *options)
{
	strv_free(&options->set);
	strv_free(&options->allow);
}
