/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A `when`, of a playbook with an input of every kind and a step with facts. What is
 * taken obeys logic.
 */
#include "fuzz.h"

#include "core/condition.h"
#include "registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char text[] =
	"[playbook]\nname = x\n"
	"[input number]\ntype = number\ndefault = 3\n"
	"[input percent]\ntype = percent\nrequired = yes\n"
	"[input users]\ntype = user-list\ndefault = alice, bob\n"
	"[input yes]\ntype = yes-no\ndefault = yes\n"
	"[input ttl]\ntype = duration\ndefault = 10m\n"
	"[input path]\ntype = path\ndefault = /tmp/x\n"
	"[input mode]\ntype = choice\nchoices = a, b\ndefault = a\n"
	"[input note]\ntype = text\nrequired = yes\n"
	"[input peers]\ntype = address-list\n"
	"[step miner]\naction = process.kill\nname = xmrig\n"
	"[step c2]\naction = net.block\naddress = ${peers}\n";

#define STEP 1 /* c2: it sees the facts of miner */

static struct playbook *playbook;
static struct facts *none, *some;

static void prepare(void)
{
	struct diags diags = {0};
	_cleanup_buf_ struct buf bytes = {0};
	buf_puts(&bytes, text);
	MUST(playbook_parse("x.pb", &bytes, actions, &playbook, &diags) == 0);
	MUST(facts_new(&none) == 0 && facts_new(&some) == 0);
	const struct step *miner = &playbook->steps[0];
	for (const struct fact_decl *f = miner->action->facts; f->name; f++) {
		_cleanup_strv_ struct strv value = {0};
		fuzz_example(f->type, NULL, &value);
		MUST(facts_add(some, miner->name, f->name, value.v[0]) == 0);
	}
	diags_free(&diags);
}

static bool parse(const char *when, struct condition **ret)
{
	_cleanup_buf_ struct buf why = {0};
	int r = condition_parse(when, playbook, STEP, ret, &why);
	MUST(r == 0 ? *ret != NULL : r == -EINVAL && why.len && !*ret);
	MUST(fuzz_printable(&why, false));
	return r == 0;
}

static bool holds(const struct condition *condition, const struct facts *facts)
{
	bool ret = false;
	MUST(condition_holds(condition, playbook, facts, &ret) == 0);
	return ret;
}

/* FORMAT has the condition in parentheses, which may be one level too many. */
static void means(const char *format, const char *when, const struct facts *facts, bool expected)
{
	_cleanup_buf_ struct buf all = {0};
	_cleanup_(condition_free) struct condition *condition = NULL;
	for (const char *p = format; *p; p++)
		if (*p == 'C')
			buf_printf(&all, "(%s)", when);
		else
			buf_putc(&all, *p);
	if (parse(buf_text(&all), &condition))
		MUST(holds(condition, facts) == expected);
}

static void obeys_logic(const char *when, const struct condition *condition, const struct facts *facts)
{
	bool c = holds(condition, facts);
	means("C", when, facts, c);
	means("not C", when, facts, !c);
	means("C and not C", when, facts, false);
	means("C or not C", when, facts, true);
	means("not C or C and C", when, facts, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	_cleanup_buf_ struct buf bytes = fuzz_rest(&in);
	_cleanup_free_ char *when = fuzz_string(&bytes);
	_cleanup_(condition_free) struct condition *condition = NULL;
	if (!playbook)
		prepare();
	if (!parse(when, &condition))
		return 0;
	obeys_logic(when, condition, none);
	obeys_logic(when, condition, some);
	return 0;
}
