/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include "base/escape.h"
#include "core/guard.h"
#include "core/near.h"
#include "core/value.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char help_text[] =
	"respond contains and cleans up an intrusion on this host, shows beforehand what\n"
	"it will do, and can take back afterwards what it did.\n"
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
	"      --confirm RUN      keep what waits to be confirmed\n"
	"  -l, --list             list the runs, and what they wait for\n"
	"      --show RUN         show what a run did and what became of it\n"
	"      --report RUN       tell the whole story of a run: --format md (for a\n"
	"                         ticket), html (one page to read or print) or json\n"
	"      --export RUN FILE  write a run with its evidence to a new FILE (.tar.zst)\n"
	"      --verify [RUN]     whether what the runs did is still in force, and their\n"
	"                         records are whole\n"
	"      --recover [RUN]    bring runs that were interrupted to an end: take them\n"
	"                         back, or with --recover=keep leave what was done\n"
	"  -c, --check FILE       say what is wrong with a playbook; needs no root\n"
	"      --actions [NAME]   list the actions, or one with its arguments and facts\n"
	"      --rules            list the rules of the guard\n"
	"      --hook SOURCE [WORD...]\n"
	"                         have what a detection source says (on standard input,\n"
	"                         as words or in the environment) meet the rules of\n"
	"                         /etc/respond/hooks.d\n"
	"      --hook SOURCE --follow FILE\n"
	"                         the same of every line that is appended to a file\n"
	"      --listen           the same of all that comes over /run/respond/hook.sock\n"
	"      --hooks            list those rules, and what they have done\n"
	"      --vault            list what is kept in the vault, and who needs it\n"
	"      --vault show OBJECT\n"
	"      --vault export OBJECT FILE\n"
	"                         OBJECT is a SHA-256 or the start of one\n"
	"      --vault purge AGE  remove what no run has needed for so long (90d)\n"
	"  -h, --help\n"
	"  -V, --version\n"
	"\n"
	"Options:\n"
	"  -n, --dry-run          plan only (with --playbook, --rollback, --vault purge)\n"
	"  -s, --set NAME=VALUE   give an input of the playbook a value; may be repeated\n"
	"      --step NAME        take back only this step (with --rollback)\n"
	"      --confirm-within TIME\n"
	"                         take everything back after this time, such as 10m,\n"
	"                         unless the run is confirmed; 0s: no confirmation\n"
	"      --reapply          put in force again what no longer is (with --verify)\n"
	"      --with-files       what it altered or took away, too (with --export)\n"
	"      --explain          only say what would be done, and why (with --hook)\n"
	"      --allow RULE       lift one rule of the guard for this run; recorded;\n"
	"                         may be repeated\n"
	"      --format FORMAT    text (default), json; a report: md (default), html\n"
	"      --color WHEN       auto (default), always or never\n"
	"\n"
	"Exit status:\n"
	"  0  done and clean, or nothing to do\n"
	"  1  failed, nothing was done\n"
	"  2  usage error, or an error in a playbook, rule or configuration\n"
	"  3  partly done, something is left, or not everything could be undone\n"
	"  4  refused: by the guard, or because you may not\n"
	"  5  dry run: changes are pending\n"
	"  6  a record is damaged or was tampered with\n"
	"\n"
	"respond(8) has more; respond-playbook(5) is the language of playbooks,\n"
	"respond-hooks(5) that of rules.\n";

enum { OPT_ROLLBACK = 256, OPT_SHOW, OPT_ACTIONS, OPT_RULES, OPT_STEP, OPT_ALLOW, OPT_FORMAT, OPT_COLOR,
       OPT_CONFIRM, OPT_CONFIRM_WITHIN, OPT_RECOVER, OPT_VERIFY, OPT_REAPPLY, OPT_AWAIT, OPT_VAULT, OPT_EXPORT,
       OPT_WITH_FILES, OPT_REPORT, OPT_HOOK, OPT_HOOKS, OPT_EXPLAIN,
       OPT_LISTEN, OPT_FOLLOW };

static const struct option long_options[] = {
	{"playbook", required_argument, NULL, 'p'},
	{"rollback", required_argument, NULL, OPT_ROLLBACK},
	{"confirm", required_argument, NULL, OPT_CONFIRM},
	{"confirm-within", required_argument, NULL, OPT_CONFIRM_WITHIN},
	{"recover", optional_argument, NULL, OPT_RECOVER},
	{"verify", optional_argument, NULL, OPT_VERIFY},
	{"reapply", no_argument, NULL, OPT_REAPPLY},
	{"await", required_argument, NULL, OPT_AWAIT},
	{"list", no_argument, NULL, 'l'},
	{"show", required_argument, NULL, OPT_SHOW},
	{"export", required_argument, NULL, OPT_EXPORT},
	{"with-files", no_argument, NULL, OPT_WITH_FILES},
	{"report", required_argument, NULL, OPT_REPORT},
	{"check", required_argument, NULL, 'c'},
	{"actions", optional_argument, NULL, OPT_ACTIONS},
	{"rules", no_argument, NULL, OPT_RULES},
	{"vault", optional_argument, NULL, OPT_VAULT},
	{"hook", required_argument, NULL, OPT_HOOK},
	{"hooks", no_argument, NULL, OPT_HOOKS},
	{"explain", no_argument, NULL, OPT_EXPLAIN},
	{"listen", no_argument, NULL, OPT_LISTEN},
	{"follow", required_argument, NULL, OPT_FOLLOW},
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
	case OPT_CONFIRM: return COMMAND_CONFIRM;
	case OPT_VERIFY: return COMMAND_VERIFY;
	case OPT_AWAIT: return COMMAND_AWAIT;
	case 'l': return COMMAND_LIST;
	case OPT_SHOW: return COMMAND_SHOW;
	case OPT_EXPORT: return COMMAND_EXPORT;
	case OPT_REPORT: return COMMAND_REPORT;
	case 'c': return COMMAND_CHECK;
	case OPT_ACTIONS: return COMMAND_ACTIONS;
	case OPT_RULES: return COMMAND_RULES;
	case OPT_VAULT: return COMMAND_VAULT;
	case OPT_HOOK: return COMMAND_HOOK;
	case OPT_HOOKS: return COMMAND_HOOKS;
	case OPT_LISTEN: return COMMAND_LISTEN;
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

/* What a report alone can be is only known to be wrong once the command is known. */
static int take_format(struct options *o, const char *value, bool *ret_of_report, struct buf *ret_why)
{
	bool md = strcmp(value, "md") == 0;
	o->html = strcmp(value, "html") == 0;
	o->json = strcmp(value, "json") == 0;
	*ret_of_report = md || o->html;
	if (!md && !o->html && !o->json && strcmp(value, "text") != 0)
		return bad(ret_why, "--format takes text or json; of a report also md or html");
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

static int take_span(struct options *o, const char *value, struct buf *ret_why)
{
	_cleanup_strv_ struct strv spelt = {0};
	int r = type_check(TYPE_DURATION, NULL, value, &spelt, ret_why);
	if (r == 0)
		o->confirm_ms = value_ms(spelt.v[0]);
	return r;
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

/* --recover, --recover=keep: how; what it is about stands apart. */
static int take_recover(struct options *o, const char *how, const char *run, struct buf *ret_why)
{
	if (how && strcmp(how, "keep") != 0 && strcmp(how, "rollback") != 0)
		return bad(ret_why, "--recover= takes rollback or keep");
	o->keep = how && strcmp(how, "keep") == 0;
	return take_command(o, COMMAND_RECOVER, run, ret_why);
}

/* What is only known to go together once all is read. */
struct company {
	bool reapply;   /* --reapply was given */
	bool of_report; /* --format has what only a report can be */
	bool explain;   /* --explain was given */
};

static int take(struct options *o, int opt, const char *value, struct company *with, struct buf *ret_why)
{
	enum command command = command_of(opt);
	if (command != COMMAND_NONE)
		return take_command(o, command, value, ret_why);
	switch (opt) {
	case 'n': o->dry = true; return 0;
	case 's': return strv_add(&o->set, value);
	case OPT_STEP: o->step = value; return 0;
	case OPT_CONFIRM_WITHIN: return take_span(o, value, ret_why);
	case OPT_REAPPLY: with->reapply = true; return 0;
	case OPT_WITH_FILES: o->with_files = true; return 0;
	case OPT_EXPLAIN: with->explain = true; return 0;
	case OPT_FOLLOW: o->follow = value; return 0;
	case OPT_ALLOW: return take_allow(o, value, ret_why);
	case OPT_FORMAT: return take_format(o, value, &with->of_report, ret_why);
	case OPT_COLOR: return take_colour(o, value, ret_why);
	default: return -ENOENT;
	}
}

/* What goes only together. */
static int check_company(struct options *o, const struct company *with, struct buf *ret_why)
{
	bool run = o->command == COMMAND_RUN, rollback = o->command == COMMAND_ROLLBACK;
	if (o->command == COMMAND_NONE)
		return bad(ret_why, "no command; --playbook FILE --dry-run is a good start");
	bool purge = o->command == COMMAND_VAULT && o->subject && strcmp(o->subject, "purge") == 0;
	if (o->dry && !run && !rollback && !purge)
		return bad(ret_why, "--dry-run goes with --playbook, --rollback or --vault purge");
	if (o->set.n && !run)
		return bad(ret_why, "--set goes with --playbook");
	if (o->allow.n && !run && !rollback && o->command != COMMAND_RECOVER)
		return bad(ret_why, "--allow goes with --playbook, --rollback or --recover");
	if (o->step && !rollback)
		return bad(ret_why, "--step goes with --rollback");
	if (o->confirm_ms >= 0 && !run)
		return bad(ret_why, "--confirm-within goes with --playbook");
	if (o->command == COMMAND_EXPORT && o->n_words != 2)
		return bad(ret_why, "--export takes a run and a file to write");
	if (o->with_files && o->command != COMMAND_EXPORT)
		return bad(ret_why, "--with-files goes with --export");
	if (with->of_report && o->command != COMMAND_REPORT)
		return bad(ret_why, "--format md and html go with --report");
	if (with->reapply && o->command != COMMAND_VERIFY)
		return bad(ret_why, "--reapply goes with --verify");
	if (with->explain && o->command != COMMAND_HOOK)
		return bad(ret_why, "--explain goes with --hook");
	if (o->follow && (o->command != COMMAND_HOOK || with->explain || o->n_message))
		return bad(ret_why, "--follow goes with --hook SOURCE, and nothing else with it");
	if (with->explain)
		o->command = COMMAND_EXPLAIN;
	if (with->reapply)
		o->command = COMMAND_REAPPLY;
	if (o->dry && !purge)
		o->command = run ? COMMAND_PLAN : COMMAND_ROLLBACK_PLAN;
	return 0;
}

/* The commands whose words are optional or several, and so may stand apart: at most how many. */
static size_t words_of(int opt)
{
	if (opt == OPT_EXPORT)
		return 2; /* RUN, FILE */
	return opt == OPT_VAULT ? WORDS_MAX : opt == OPT_ACTIONS || opt == OPT_VERIFY || opt == OPT_RECOVER ? 1 : 0;
}

/* The first of them, NULL: none. A lone "-" is a word. What is joined by "=" is the first,
 * but to --recover: there it says how. */
static const char *take_words(struct options *o, int opt, int argc, char **argv)
{
	o->n_words = 0;
	if (optarg && opt != OPT_RECOVER)
		o->words[o->n_words++] = optarg;
	while (o->n_words < words_of(opt) && optind < argc && (argv[optind][0] != '-' || !argv[optind][1]))
		o->words[o->n_words++] = argv[optind++];
	return o->n_words ? o->words[0] : NULL;
}

/* The words behind --hook SOURCE, up to the next option; behind a lone "--", all that follow. */
static void take_message(struct options *o, int argc, char **argv)
{
	o->message = argv + optind;
	while (optind < argc && (argv[optind][0] != '-' || !argv[optind][1]))
		optind++;
	o->n_message = (size_t)(argv + optind - o->message);
}

static void take_rest(struct options *o, int argc, char **argv)
{
	if (o->command != COMMAND_HOOK || o->n_message || optind < 2 || strcmp(argv[optind - 1], "--") != 0)
		return;
	o->message = argv + optind;
	o->n_message = (size_t)(argc - optind);
	optind = argc;
}

/* What WORD could have been: the option that is spelt like it. */
static void look_for_option(const char *word, struct buf *ret_why)
{
	_cleanup_free_ char *name = strndup(word + 2, strcspn(word + 2, "="));
	struct near near = {.wanted = name ? name : ""};
	size_t begun = 0;
	for (const struct option *o = long_options; o->name; o++) {
		if (o->val == OPT_AWAIT) /* it is for ourselves */
			continue;
		near_offer(&near, o->name);
		begun += strncmp(o->name, near.wanted, strlen(near.wanted)) == 0;
	}
	if (begun > 1)
		buf_puts(ret_why, " is the start of several options");
	else if (near.best)
		buf_printf(ret_why, " is no option (did you mean '--%s'?)", near.best);
	else
		buf_puts(ret_why, " is no option");
}

/* OPT: ':' where a value is missing, else '?'. */
static int no_option(const char *word, int opt, struct buf *ret_why)
{
	bool is_long = strncmp(word, "--", 2) == 0;
	if (is_long || opt == ':')
		escape_str(ret_why, word);
	else
		buf_printf(ret_why, "-%c", (char)optopt);
	if (opt == ':')
		buf_puts(ret_why, " lacks its value");
	else if (is_long && optopt)
		buf_puts(ret_why, ": that option takes no value");
	else if (is_long)
		look_for_option(word, ret_why);
	else
		buf_puts(ret_why, " is no option");
	return -EINVAL;
}

int options_parse(int argc, char **argv, struct options *ret, struct buf *ret_why)
{
	*ret = (struct options){.colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR"), .confirm_ms = -1};
	struct company with = {0};
	int opt, r = 0;
	opterr = 0;
	while (r == 0 && (opt = getopt_long(argc, argv, ":p:lc:hVns:", long_options, NULL)) >= 0) {
		const char *apart = words_of(opt) ? take_words(ret, opt, argc, argv) : NULL;
		if (opt == OPT_RECOVER)
			r = take_recover(ret, optarg, apart, ret_why);
		else
			r = take(ret, opt, apart ? apart : optarg, &with, ret_why);
		if (r == 0 && opt == OPT_HOOK)
			take_message(ret, argc, argv);
		if (r == -ENOENT)
			r = no_option(argv[optind - 1], opt, ret_why);
	}
	if (r == 0)
		take_rest(ret, argc, argv);
	if (r == 0 && optind < argc) {
		escape_str(ret_why, argv[optind]);
		buf_puts(ret_why, " belongs to no option");
		r = -EINVAL;
	}
	return r < 0 ? r : check_company(ret, &with, ret_why);
}

void options_free(struct options *options)
{
	strv_free(&options->set);
	strv_free(&options->allow);
}
