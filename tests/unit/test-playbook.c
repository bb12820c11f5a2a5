/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/fd.h"
#include "fake-actions.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define HEAD "[playbook]\nname = x\n" /* two lines */

static void everything_is_read(void **state)
{
	(void)state;
	static const char text[] = "# a comment\n"
				   "[step miner]\n"
				   "action = process.kill\n"
				   "name = ${names}, \"a, b\", $${x}, $y\n"
				   "exe = /tmp/*,\n"
				   "  /var/tmp/*\n"
				   "\n"
				   "[step c2]\n"
				   "action = net.block\n"
				   "address = ${c2}, ${miner.peer}, 192.0.2.1\n"
				   "when = miner.count > 0\n"
				   "on-failure = stop\n"
				   "[playbook]\n"
				   "name = miner-2\n"
				   "description = Stop it, then\n"
				   "on-failure = rollback\n"
				   "settle = 2s\n"
				   "[input names]\n"
				   "type = name-list\n"
				   "default = xmrig, \"k, d\"\n"
				   "help = what it is called\n"
				   "[input c2]\n"
				   "type = address-list\n"
				   "required = yes\n"
				   "[input empty]\n"
				   "type = path-list\n"
				   "default =\n"
				   "[input mode]\n"
				   "type = choice\n"
				   "choices = soft, hard\n"
				   "default = hard\n";
	_cleanup_buf_ struct buf why = {0};
	_cleanup_(playbook_free) struct playbook *pb = fake_playbook(text, &why);
	assert_string_equal(buf_text(&why), "");
	assert_string_equal(pb->file, "x.pb");
	assert_string_equal(pb->path, "");
	assert_string_equal(pb->name, "miner-2");
	assert_string_equal(pb->description, "Stop it, then");
	assert_int_equal(pb->on_failure, ON_FAILURE_ROLLBACK);
	assert_int_equal(pb->settle_ms, 2000);
	struct sha256 hash;
	sha256_bytes(text, strlen(text), &hash);
	assert_string_equal(pb->sha256.hex, hash.hex);

	assert_int_equal(pb->n_inputs, 4);
	const struct input *names = &pb->inputs[0], *c2 = &pb->inputs[1], *empty = &pb->inputs[2], *mode = &pb->inputs[3];
	assert_int_equal(names->line, 18);
	assert_int_equal(names->type, TYPE_NAME);
	assert_true(names->list && names->has_value && !names->required);
	assert_int_equal(names->value.type, TYPE_NAME);
	assert_int_equal(names->value.items.n, 2);
	assert_string_equal(names->value.items.v[1], "k, d");
	assert_string_equal(names->help, "what it is called");
	assert_true(c2->list && c2->required && !c2->has_value);
	assert_true(empty->has_value && !empty->value.items.n);
	assert_string_equal(mode->choices, "soft|hard");
	assert_string_equal(mode->value.items.v[0], "hard");

	assert_int_equal(pb->n_steps, 2);
	const struct step *miner = &pb->steps[0], *block = &pb->steps[1];
	assert_int_equal(miner->line, 2);
	assert_string_equal(miner->action->name, "process.kill");
	assert_int_equal(miner->on_failure, ON_FAILURE_ROLLBACK);
	assert_null(miner->when);
	assert_int_equal(miner->n_arguments, 2);
	assert_int_equal(miner->arguments[0].n, 4);
	assert_string_equal(miner->arguments[0].elements[0].input, "names");
	assert_string_equal(miner->arguments[0].elements[1].text, "a, b");
	assert_string_equal(miner->arguments[0].elements[2].text, "${x}");
	assert_string_equal(miner->arguments[0].elements[3].text, "$y");
	assert_int_equal(miner->arguments[1].line, 5);
	assert_int_equal(miner->arguments[1].n, 2);
	assert_int_equal(block->on_failure, ON_FAILURE_STOP);
	assert_string_equal(block->when_text, "miner.count > 0");
	assert_non_null(block->when);
	assert_string_equal(block->arguments[0].elements[1].step, "miner");
	assert_string_equal(block->arguments[0].elements[1].fact, "peer");
}

struct refusal {
	const char *text, *diags;
};

#define KILL "[step k]\naction = process.kill\n" /* two lines */
#define KEYS ": a lower-case letter, then lower-case letters, digits and '-'"

static const struct refusal refusals[] = {
	/* The file as a whole, and its sections. */
	{"", "x.pb: there is no [playbook] section: is this a playbook?\n"
	     "x.pb: the playbook has no steps: write [step NAME]\n"},
	{HEAD, "x.pb: the playbook has no steps: write [step NAME]\n"},
	{HEAD "[steps k]\n" KILL "name=a\n",
	 "x.pb:3: [steps] is no section of a playbook (did you mean 'step'?): write [playbook], [input NAME] or [step NAME]\n"},
	{HEAD "[hook]\n" KILL "name=a\n",
	 "x.pb:3: [hook] is no section of a playbook: write [playbook], [input NAME] or [step NAME]\n"},
	{"[playbook x]\nname = x\n" KILL "name=a\n", "x.pb:1: [playbook] takes no name: write 'name = x' below it\n"},
	{HEAD "[input]\ntype=text\n" KILL "name=a\n", "x.pb:3: [input] has no name: write [input NAME]\n"},
	{HEAD "[step]\naction=net.block\n" KILL "name=a\n", "x.pb:3: [step] has no name: write [step NAME]\n"},
	{HEAD KILL "name=a\n" KILL "name=b\n", "x.pb:6: [step k] stands here again: the first is in line 3\n"},
	/* [playbook] */
	{"[playbook]\n" KILL "name=a\n", "x.pb:1: [playbook] has no 'name'\n"},
	{"[playbook]\nname = My Playbook\n" KILL "name=a\n",
	 "x.pb:2: 'name'" KEYS ", at most 40\n"},
	{HEAD "descripton = x\n" KILL "name=a\n",
	 "x.pb:3: 'descripton' is no key of [playbook] (did you mean 'description'?): it has name, description, on-failure, "
	 "settle, confirm\n"},
	{HEAD "description =\n" KILL "name=a\n", "x.pb:3: 'description': an empty text is no text\n"},
	{HEAD "on-failure = retry\n" KILL "name=a\n",
	 "x.pb:3: 'on-failure': 'retry' is not one of stop, continue, rollback\n"},
	{HEAD "settle = 2\n" KILL "name=a\n",
	 "x.pb:3: 'settle': '2' is not a duration: a whole number with a unit, such as 500ms, 30s, 10m, 24h or 7d\n"},
	/* [input NAME] */
	{HEAD "[input a]\n" KILL "name=a\n", "x.pb:3: input 'a' has no 'type'\n"},
	{HEAD "[input a]\ntype = adress-list\n" KILL "name=${a}\n",
	 "x.pb:4: there is no type 'adress-list' (did you mean 'address-list'?): respond-playbook(5) lists them\n"},
	{HEAD "[input a]\ntype = text\n" KILL "name=b\n",
	 "x.pb:3: input 'a' holds one value: give it a 'default', or 'required = yes'\n"},
	{HEAD "[input a]\ntype = text\ndefault = b\nrequired = yes\n" KILL "name=b\n",
	 "x.pb:6: an input that has a default is never missing: leave 'required' out\n"},
	{HEAD "[input a]\ntype = text-list\nrequired = maybe\n" KILL "name=b\n",
	 "x.pb:5: 'required': 'maybe' is neither yes nor no\n"},
	{HEAD "[input a]\ntype = address\ndefault = localhost\n" KILL "name=b\n",
	 "x.pb:5: 'default': 'localhost' is not an IP address: names are never looked up, write the address itself\n"},
	{HEAD "[input a]\ntype = address\ndefault = 192.0.2.1, 192.0.2.2\n" KILL "name=b\n",
	 "x.pb:5: 'default': type address holds one value, not 2: put a comma that is part of it in quotes\n"},
	{HEAD "[input a]\ntype = text\ndefault =\n" KILL "name=b\n", "x.pb:5: 'default': it has no value\n"},
	{HEAD "[input a]\ntype = text\ndefault = ${b}\n" KILL "name=b\n",
	 "x.pb:5: 'default': a default cannot refer to anything\n"},
	{HEAD "[input a]\ntype = choice\ndefault = b\n" KILL "name=b\n", "x.pb:3: input 'a' is a choice but has no 'choices'\n"},
	{HEAD "[input a]\ntype = choice\nchoices = b, C\ndefault = b\n" KILL "name=b\n",
	 "x.pb:5: 'choices': 'C' is no choice" KEYS "\n"},
	{HEAD "[input a]\ntype = choice\nchoices = bb, cc\ndefault = bc\n" KILL "name=b\n",
	 "x.pb:6: 'default': 'bc' is not one of bb, cc (did you mean 'bb'?)\n"},
	{HEAD "[input a]\ntype = text-list\nchoices = b\n" KILL "name=b\n",
	 "x.pb:5: 'choices' goes with 'type = choice' and 'type = choice-list' only\n"},
	{HEAD "[input not]\ntype = text-list\n" KILL "name=b\n",
	 "x.pb:3: an input cannot be named 'not': that is a word of 'when'\n"},
	{HEAD "[input a]\ntype = text-list\nhlep = b\n" KILL "name=b\n",
	 "x.pb:5: 'hlep' is no key of [input]: it has type, default, help, required, choices\n"},
	/* [step NAME] */
	{HEAD "[step a]\n", "x.pb:3: step 'a' has no 'action': respond --actions lists them\n"},
	{HEAD "[step a]\naction = proces.kill\nname = b\n",
	 "x.pb:4: there is no action 'proces.kill' (did you mean 'process.kill'?): respond --actions lists them\n"},
	{HEAD "[step a]\naction = run;\n", "x.pb:4: there is no action 'run;': respond --actions lists them\n"},
	{HEAD KILL "name=a\ntre = no\n",
	 "x.pb:6: 'tre' is no argument of process.kill (did you mean 'tree'?): respond --actions process.kill lists them\n"},
	{HEAD KILL "name=a\nwhn = k\n",
	 "x.pb:6: 'whn' is no argument of process.kill (did you mean 'when'?): respond --actions process.kill lists them\n"},
	{HEAD KILL "name =\n", "x.pb:5: 'name': it has no value\n"},
	{HEAD KILL "name = a,, b\n", "x.pb:5: 'name': a comma has nothing before or after it\n"},
	{HEAD KILL "name = a, b/c, /d\n",
	 "x.pb:5: 'name': 'b/c' is not a name: it holds a '/' or a tab\n"
	 "x.pb:5: 'name': '/d' is not a name: it holds a '/' or a tab\n"},
	{HEAD KILL "name = a\ntree = yes, no\n",
	 "x.pb:6: 'tree': one value is wanted, not 2: put a comma that is part of it in quotes\n"},
	{HEAD KILL "name = a\ntree = true\n", "x.pb:6: 'tree': 'true' is neither yes nor no\n"},
	{HEAD KILL "name = a\non-failure = go on\n",
	 "x.pb:6: 'on-failure': 'go on' is not one of stop, continue, rollback\n"},
	{HEAD KILL "tree = no\n",
	 "x.pb:3: step 'k' (process.kill) does not say what to act on: at least one of name, exe, cmdline, user, connects-to, "
	 "cpu-above is required\n"},
	{HEAD "[step b]\naction = net.block\nport = 22\n",
	 "x.pb:3: step 'b' (net.block) lacks 'address', which is required: what to block\n"},
	{HEAD "[step b]\naction = net.block\naddress = 010.1.2.3, 1.2.3.4; flush ruleset\n",
	 "x.pb:5: 'address': '010.1.2.3' is not an IP address: a number with a leading zero is octal to some programs\n"
	 "x.pb:5: 'address': '1.2.3.4; flush ruleset' is not an IP address: write it as 203.0.113.7, 203.0.113.0/24, "
	 "2001:db8::7 or 2001:db8::/32\n"},
	/* References. */
	{HEAD KILL "cmdline = a${b}\n",
	 "x.pb:5: 'cmdline': 'a${b}' has a reference inside a text: ${NAME} must be the whole element, or $${ for a literal "
	 "${\n"},
	{HEAD KILL "cmdline = ${b}${c}\n",
	 "x.pb:5: 'cmdline': '${b}${c}' has a reference inside a text: ${NAME} must be the whole element, or $${ for a literal "
	 "${\n"},
	{HEAD KILL "cmdline = \"${b}\"\n",
	 "x.pb:5: 'cmdline': '${b}' has a reference in quotes: write ${NAME} without quotes, or $${ for a literal ${\n"},
	{HEAD KILL "cmdline = ${b c}\n", "x.pb:5: 'cmdline': '${b c}' is not a reference: write ${INPUT} or ${STEP.FACT}\n"},
	{HEAD KILL "cmdline = ${a.b.c}\n",
	 "x.pb:5: 'cmdline': '${a.b.c}' is not a reference: write ${INPUT} or ${STEP.FACT}\n"},
	{HEAD KILL "cmdline = ${}\n",
	 "x.pb:5: 'cmdline': '${}' is not a reference: write ${INPUT} or ${STEP.FACT}\n"},
	{HEAD "[input names]\ntype = name-list\n" KILL "name = ${name}\n",
	 "x.pb:7: 'name': there is no input 'name' (did you mean 'names'?)\n"},
	{HEAD KILL "name = ${l.pid}\n", "x.pb:5: 'name': there is no step 'l'\n"},
	{HEAD KILL "user = ${k.user}\n",
	 "x.pb:5: 'user': 'k.user' is a fact of this very step: only facts of earlier steps can be used\n"},
	{HEAD KILL "user = ${later.user}\n[step later]\naction = process.kill\nname = a\n",
	 "x.pb:5: 'user': 'later.user' is used before step 'later', which comes in line 6: only facts of earlier steps can be "
	 "used\n"},
	{HEAD KILL "name = a\n[step m]\naction = file.move\npath = ${k.exes}\n",
	 "x.pb:8: 'path': step 'k' (process.kill) yields no fact 'exes' (did you mean 'exe'?): it has pid, exe, user, peer, "
	 "count\n"},
	{HEAD "[step m]\naction = file.move\npath = /a\n" KILL "exe = ${m.path}\n",
	 "x.pb:8: 'exe': step 'm' (file.move) yields no fact 'path'\n"},
	{HEAD KILL "name = a\n[step m]\naction = file.move\npath = ${k.user}\n",
	 "x.pb:8: 'path': 'k.user' is of type user-list, not glob-list\n"},
	{HEAD "[input t]\ntype = text\nrequired = yes\n[step m]\naction = file.move\npath = ${t}\n",
	 "x.pb:8: 'path': 't' is of type text, not glob-list\n"},
	{HEAD "[input t]\ntype = sha256-list\n[step m]\naction = file.move\npath = /a\nsha256 = ${t}\n",
	 "x.pb:8: 'sha256': 't' is a list (sha256-list), but one value is wanted\n"},
	{HEAD "[input m]\ntype = choice\nchoices = ok, no\ndefault = ok\n[step m]\naction = file.move\npath = /a\nmissing = "
	      "${m}\n",
	 "x.pb:10: 'missing': 'm' may be one of ok|no, but only ok|fail are taken here\n"},
	/* when */
	{HEAD KILL "name = a\nwhen = kk.count > 0\n", "x.pb:6: 'when': there is no step 'kk'\n"},
	{HEAD KILL "name = a\nwhen = 1 >\n",
	 "x.pb:6: 'when': it ends where an input, STEP.FACT, a number or a \"text\" is expected\n"},
	/* What INI itself gets wrong is reported with the rest. */
	{HEAD KILL "name = a\n  tree = no\n[step l]\naction = nope\n",
	 "x.pb:6: the line is indented but looks like a key: start 'tree' in the first column, or put the element in quotes\n"
	 "x.pb:8: there is no action 'nope': respond --actions lists them\n"},
	/* What a wrong step or input yields is not complained about again. */
	{HEAD "[step k]\naction = nope\nfoo = 1\n[step m]\naction = file.move\npath = ${k.exe}\nwhen = k.count > 0\n",
	 "x.pb:4: there is no action 'nope': respond --actions lists them\n"},
	{HEAD "[input a]\ntype = nope\n" KILL "name = ${a}\nwhen = a\n",
	 "x.pb:4: there is no type 'nope': respond-playbook(5) lists them\n"},
};

static void refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		_cleanup_buf_ struct buf why = {0};
		assert_null(fake_playbook(refusals[i].text, &why));
		assert_string_equal(buf_text(&why), refusals[i].diags);
	}
}

static void all_errors_come_at_once(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf why = {0};
	assert_null(fake_playbook("[playbook]\n"
				  "nam = x\n"
				  "[step b]\n"
				  "action = net.block\n"
				  "address = ${miner.peer}, localhost\n"
				  "ttl = 1\n"
				  "[step miner]\n"
				  "action = process.kill\n"
				  "when = b.count\n"
				  "[input i]\n"
				  "type = text\n",
				  &why));
	assert_string_equal(buf_text(&why),
	                    "x.pb:1: [playbook] has no 'name'\n"
	                    "x.pb:2: 'nam' is no key of [playbook] (did you mean 'name'?): it has name, description, on-failure, "
	                    "settle, confirm\n"
	                    "x.pb:5: 'address': 'miner.peer' is used before step 'miner', which comes in line 7: only facts of "
	                    "earlier steps can be used\n"
	                    "x.pb:5: 'address': 'localhost' is not an IP address: names are never looked up, write the address "
	                    "itself\n"
	                    "x.pb:6: 'ttl': '1' is not a duration: a whole number with a unit, such as 500ms, 30s, 10m, 24h or "
	                    "7d\n"
	                    "x.pb:7: step 'miner' (process.kill) does not say what to act on: at least one of name, exe, "
	                    "cmdline, user, connects-to, cpu-above is required\n"
	                    "x.pb:10: input 'i' holds one value: give it a 'default', or 'required = yes'\n");
}

static struct playbook *inputs_playbook(void)
{
	_cleanup_buf_ struct buf why = {0};
	struct playbook *pb = fake_playbook(HEAD "[input c2]\ntype = address-list\nrequired = yes\nhelp = whom to cut off\n"
	                                         "[input word]\ntype = text\ndefault = w\n"
	                                         "[input hash]\ntype = sha256\nrequired = yes\n"
	                                         "[input names]\ntype = name-list\n"
	                                         "[input port]\ntype = port\ndefault = 22\n"
	                                         "[input mode]\ntype = choice-list\nchoices = in, out\ndefault = in\n" KILL
	                                         "name = ${names}\ncmdline = ${word}, x\nconnects-to = ${c2}\n"
	                                         "[step b]\naction = net.block\naddress = ${c2}, ${k.peer}\n"
	                                         "direction = ${mode}\nport = ${port}\n"
	                                         "[step m]\naction = file.move\npath = ${k.exe}, /tmp/*\nlimit = ${k.count}\n"
	                                         "when = k.count > 1\n",
	                                    &why);
	assert_string_equal(buf_text(&why), "");
	return pb;
}

static void inputs_are_set(void **state)
{
	(void)state;
	static const struct {
		const char *name, *value, *why;
		int error;
	} cases[] = {
		{"c3", "1", "playbook 'x' has no input 'c3' (did you mean 'c2'?): it has c2, word, hash, names, port, mode",
		 -ENOENT},
		{"\033", "1", "playbook 'x' has no input '\\x1b': it has c2, word, hash, names, port, mode", -ENOENT},
		{"c2", "", "input 'c2': it is required and may not be empty", -EINVAL},
		{"c2", "192.0.2.1,localhost",
		 "input 'c2': 'localhost' is not an IP address: names are never looked up, write the address itself", -EINVAL},
		{"c2", "192.0.2.1,", "input 'c2': a comma has nothing before or after it", -EINVAL},
		{"c2", "::ffff:192.0.2.1, 2001:DB8::1", "", 0},
		{"c2", "192.0.2.3", "input 'c2': it is set twice: separate the elements of a list with commas", -EINVAL},
		{"word", "a\nb", "input 'word': 'a\\nb' holds a control character (U+000A)", -EINVAL},
		{"word", " a, \"b\" ${c} ", "", 0},
		{"word", "b", "input 'word': it is set twice", -EINVAL},
		{"hash", "abc", "input 'hash': 'abc' is not a SHA-256 hash: 64 hexadecimal digits", -EINVAL},
		{"names", " ", "", 0},
		{"port", "ssh", "input 'port': 'ssh' is not a port: a whole number from 1 to 65535, without leading zeros",
		 -EINVAL},
		{"mode", "in, forward", "input 'mode': 'forward' is not one of in, out", -EINVAL},
		{"mode", "out", "", 0},
	};
	_cleanup_(playbook_free) struct playbook *pb = inputs_playbook();
	_cleanup_buf_ struct buf missing = {0};
	assert_int_equal(playbook_ready(pb, &missing), -EINVAL);
	assert_string_equal(buf_text(&missing),
	                    "input 'c2' is required: add --set c2=VALUE (address-list, whom to cut off); input 'hash' is "
	                    "required: add --set hash=VALUE (sha256)");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_buf_ struct buf why = {0};
		assert_int_equal(playbook_set(pb, cases[i].name, cases[i].value, &why), cases[i].error);
		assert_string_equal(buf_text(&why), cases[i].why);
	}
	assert_int_equal(pb->inputs[0].value.items.n, 2);
	assert_string_equal(pb->inputs[0].value.items.v[0], "192.0.2.1");
	assert_string_equal(pb->inputs[0].value.items.v[1], "2001:db8::1");
	assert_string_equal(pb->inputs[1].value.items.v[0], " a, \"b\" ${c} ");
	assert_int_equal(pb->inputs[3].value.items.n, 0);
	assert_string_equal(pb->inputs[4].value.items.v[0], "22");
	assert_string_equal(pb->inputs[5].value.items.v[0], "out");

	buf_reset(&missing);
	assert_int_equal(playbook_ready(pb, &missing), -EINVAL);
	assert_string_equal(buf_text(&missing), "input 'hash' is required: add --set hash=VALUE (sha256)");
	buf_reset(&missing);
	assert_int_equal(playbook_set(pb, "hash", "0123456789012345678901234567890123456789012345678901234567890123", &missing),
	                 0);
	assert_int_equal(playbook_ready(pb, &missing), 0);
}

static void assert_items(const struct args *args, const char *name, const char *want)
{
	_cleanup_buf_ struct buf text = {0};
	const struct strv *items = args_list(args, name);
	for (size_t i = 0; i < items->n; i++)
		buf_printf(&text, "<%s>", items->v[i]);
	assert_string_equal(buf_text(&text), want);
}

static void steps_are_bound(void **state)
{
	(void)state;
	_cleanup_(playbook_free) struct playbook *pb = inputs_playbook();
	_cleanup_(facts_free) struct facts *facts = NULL;
	_cleanup_(args_free) struct args *kill = NULL, *block = NULL, *move = NULL;
	_cleanup_buf_ struct buf why = {0};
	assert_int_equal(facts_new(&facts), 0);
	assert_int_equal(playbook_set(pb, "c2", "192.0.2.1", &why), 0);

	/* An input list without a value is given and empty: it matches nothing, it is not left out. */
	assert_int_equal(step_bind(pb, &pb->steps[0], facts, &kill, &why), 0);
	assert_true(args_has(kill, "name"));
	assert_items(kill, "name", "");
	assert_items(kill, "cmdline", "<w><x>");
	assert_items(kill, "connects-to", "<192.0.2.1>");
	assert_false(args_has(kill, "exe"));
	assert_true(args_yes(kill, "tree"));
	assert_true(args_get(kill, "name")->list);
	assert_int_equal(args_get(kill, "connects-to")->type, TYPE_ENDPOINT);

	facts_add(facts, "k", "peer", "2001:db8::1");
	facts_add(facts, "k", "exe", "/tmp/a\n[1]*");
	facts_set(facts, "k", "count", "2");
	assert_int_equal(step_bind(pb, &pb->steps[1], facts, &block, &why), 0);
	assert_items(block, "address", "<192.0.2.1><2001:db8::1>");
	assert_items(block, "direction", "<in>");
	assert_items(block, "port", "<22>");
	assert_false(args_has(block, "ttl"));

	/* A path that an attacker named stays a path when it becomes a pattern. */
	assert_int_equal(step_bind(pb, &pb->steps[2], facts, &move, &why), 0);
	assert_items(move, "path", "</tmp/a\n\\[1\\]\\*></tmp/*>");
	assert_items(move, "missing", "<ok>");
	assert_string_equal(args_text(move, "limit"), "2");
	assert_string_equal(buf_text(&why), "");
}

static void facts_that_are_not_there_bind_to_nothing(void **state)
{
	(void)state;
	_cleanup_(playbook_free) struct playbook *pb = inputs_playbook();
	_cleanup_(facts_free) struct facts *facts = NULL;
	_cleanup_(args_free) struct args *move = NULL;
	_cleanup_buf_ struct buf why = {0};
	bool wanted = true;
	assert_int_equal(facts_new(&facts), 0);
	assert_int_equal(step_bind(pb, &pb->steps[2], facts, &move, &why), 0);
	assert_items(move, "path", "</tmp/*>");
	assert_null(args_text(move, "limit"));
	assert_int_equal(step_wanted(pb, &pb->steps[2], facts, &wanted), 0);
	assert_false(wanted);
	facts_set(facts, "k", "count", "2");
	assert_int_equal(step_wanted(pb, &pb->steps[2], facts, &wanted), 0);
	assert_true(wanted);
	wanted = false;
	assert_int_equal(step_wanted(pb, &pb->steps[0], facts, &wanted), 0);
	assert_true(wanted);
}

static void a_file_of_addresses_is_no_endpoint(void **state)
{
	(void)state;
	_cleanup_(playbook_free) struct playbook *pb = inputs_playbook();
	_cleanup_(facts_free) struct facts *facts = NULL;
	_cleanup_(args_free) struct args *args = NULL;
	_cleanup_buf_ struct buf why = {0};
	assert_int_equal(facts_new(&facts), 0);
	assert_int_equal(playbook_set(pb, "c2", "192.0.2.1, file:/etc/c2.txt", &why), 0);
	assert_int_equal(step_bind(pb, &pb->steps[0], facts, &args, &why), -EINVAL);
	assert_null(args);
	assert_string_equal(buf_text(&why),
	                    "'connects-to': 'file:/etc/c2.txt' of 'c2' cannot stand for a value of type endpoint");
	assert_int_equal(step_bind(pb, &pb->steps[1], facts, &args, &why), 0);
	assert_items(args, "address", "<192.0.2.1><file:/etc/c2.txt>");
}

struct tree {
	char dir[64], before[4096];
	int root;
};

static void put(struct tree *t, const char *name, const char *text)
{
	_cleanup_close_ int fd = openat(t->root, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fd_write(fd, text, strlen(text)), 0);
}

static const char *const tree_dirs[] = {"etc", "etc/respond", "etc/respond/playbooks", "shipped"};
static const char *const tree_files[] = {"etc/respond/playbooks/a.pb", "shipped/a.pb", "shipped/b.pb", "bad.pb"};

static int tree_make(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));
	snprintf(t->dir, sizeof(t->dir), "/tmp/test-playbook-XXXXXX");
	if (!mkdtemp(t->dir) || !getcwd(t->before, sizeof(t->before)))
		return -1;
	t->root = open(t->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	umask(022);
	for (size_t i = 0; i < sizeof(tree_dirs) / sizeof(*tree_dirs); i++)
		if (mkdirat(t->root, tree_dirs[i], 0755) < 0)
			return -1;
	put(t, tree_files[0], "[playbook]\nname = local-a\n" KILL "name=a\n");
	put(t, tree_files[1], "[playbook]\nname = shipped-a\n" KILL "name=a\n");
	put(t, tree_files[2], "[playbook]\nname = shipped-b\n" KILL "name=a\n");
	put(t, tree_files[3], "[playbook]\n");
	*state = t;
	return 0;
}

static int tree_remove(void **state)
{
	struct tree *t = *state;
	for (size_t i = 0; i < sizeof(tree_files) / sizeof(*tree_files); i++)
		unlinkat(t->root, tree_files[i], 0);
	for (size_t i = sizeof(tree_dirs) / sizeof(*tree_dirs); i-- > 0;)
		unlinkat(t->root, tree_dirs[i], AT_REMOVEDIR);
	close(t->root);
	if (chdir(t->before) < 0)
		return -1;
	rmdir(t->dir);
	free(t);
	return 0;
}

static int load(struct tree *t, const char *file, struct playbook **ret, struct buf *ret_diags)
{
	struct diags diags = {0};
	int r = playbook_load(t->root, file, "/shipped", fake_actions, ret, &diags);
	diags_print(&diags, ret_diags);
	diags_free(&diags);
	return r;
}

static void playbooks_are_found(void **state)
{
	struct tree *t = *state;
	static const struct {
		const char *file, *name, *path;
	} cases[] = {
		{"a.pb", "local-a", "/etc/respond/playbooks/a.pb"}, /* before the one that ships */
		{"b.pb", "shipped-b", "/shipped/b.pb"},
		{"/shipped/a.pb", "shipped-a", "/shipped/a.pb"},
		{"/etc/..//shipped/./a.pb", "shipped-a", "/shipped/a.pb"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_(playbook_free) struct playbook *pb = NULL;
		_cleanup_buf_ struct buf why = {0};
		assert_int_equal(load(t, cases[i].file, &pb, &why), 0);
		assert_string_equal(buf_text(&why), "");
		assert_string_equal(pb->name, cases[i].name);
		assert_string_equal(pb->path, cases[i].path);
		assert_string_equal(pb->file, cases[i].file);
	}
}

static void playbooks_are_not_found(void **state)
{
	struct tree *t = *state;
	static const struct {
		const char *file, *diags;
		int error;
	} cases[] = {
		{"c.pb",
		 "c.pb: is neither in /etc/respond/playbooks nor in /shipped (did you mean 'a.pb'?): "
		 "write ./NAME for a file in this directory\n",
		 -ENOENT},
		{"another",
		 "another: is neither in /etc/respond/playbooks nor in /shipped: write ./NAME for a file in this directory\n",
		 -ENOENT},
		{"/c\033.pb", "/c\\x1b.pb: there is no such file\n", -ENOENT},
		{"/shipped", "/shipped: /shipped is not a regular file\n", -EINVAL},
		{"/bad.pb", "/bad.pb: the playbook has no steps: write [step NAME]\n/bad.pb:1: [playbook] has no 'name'\n",
		 -EINVAL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct playbook *pb = NULL;
		_cleanup_buf_ struct buf why = {0};
		assert_int_equal(load(t, cases[i].file, &pb, &why), cases[i].error);
		assert_null(pb);
		assert_string_equal(buf_text(&why), cases[i].diags);
	}
}

/* A path is taken from the directory one is in, and what counts are all directories from the root on. */
static void relative_paths(void **state)
{
	struct tree *t = *state;
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_buf_ struct buf why = {0};
	struct playbook *pb = NULL;
	struct diags diags = {0};
	assert_int_equal(chdir(t->dir), 0);
	assert_int_equal(playbook_load(root, "./shipped/../shipped/b.pb", "/none", fake_actions, &pb, &diags), -EINVAL);
	diags_print(&diags, &why);
	diags_free(&diags);
	assert_null(pb);
	assert_string_equal(buf_text(&why),
	                    "./shipped/../shipped/b.pb: is not trusted, because /tmp can be written by everybody (mode 1777): "
	                    "it and all directories above it must be root's alone to write\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_read),
		cmocka_unit_test(refused),
		cmocka_unit_test(all_errors_come_at_once),
		cmocka_unit_test(inputs_are_set),
		cmocka_unit_test(steps_are_bound),
		cmocka_unit_test(facts_that_are_not_there_bind_to_nothing),
		cmocka_unit_test(a_file_of_addresses_is_no_endpoint),
		cmocka_unit_test_setup_teardown(playbooks_are_found, tree_make, tree_remove),
		cmocka_unit_test_setup_teardown(playbooks_are_not_found, tree_make, tree_remove),
		cmocka_unit_test_setup_teardown(relative_paths, tree_make, tree_remove),
	};
	return cmocka_run_group_tests_name("playbook", tests, NULL, NULL);
}
