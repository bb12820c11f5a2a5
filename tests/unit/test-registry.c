/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The tables of the actions: whether the language can work with them, and whether
 * respond-playbook(5) says the same as they do.
 */
#include "base/fd.h"
#include "core/playbook.h"
#include "core/reference.h"
#include "registry.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_name(const char *name)
{
	struct element e = {0};
	assert_int_equal(reference_parse(name, strlen(name), &e), 0);
	assert_non_null(e.input);
	element_clear(&e);
	assert_true(strlen(name) <= 40);
}

/* A default is text of the playbook language, and must pass as such. */
static void assert_fallback(const struct action *action, const struct param *p)
{
	struct element *v = NULL;
	size_t n = 0;
	_cleanup_buf_ struct buf why = {0};
	_cleanup_strv_ struct strv items = {0};
	int r = elements_parse(p->fallback, &v, &n, &why);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = element_is_reference(&v[i]) ? -EINVAL : type_check(p->type, p->choices, v[i].text, &items, &why);
	if (r < 0)
		fail_msg("%s: %s: %s", action->name, p->name, buf_text(&why));
	assert_true(n == 1 || (p->flags & PARAM_LIST));
	elements_free(v, n);
}

static void check_param(const struct action *action, const struct param *p)
{
	static const char *const taken[] = {"action", "when", "on-failure"};
	assert_name(p->name);
	assert_ptr_equal(action_param(action, p->name), p); /* not there twice */
	for (size_t i = 0; i < 3; i++)
		assert_string_not_equal(p->name, taken[i]);
	assert_true(p->type < TYPE_COUNT_);
	assert_non_null(p->help);
	assert_int_equal(p->type == TYPE_CHOICE, p->choices != NULL);
	assert_false((p->flags & PARAM_REQUIRED) && ((p->flags & PARAM_MATCHER) || p->fallback));
	assert_false((p->flags & PARAM_MATCHER) && p->fallback);
	if (p->fallback)
		assert_fallback(action, p);
}

/* "T1053.003 Scheduled Task/Job: Cron" */
static void assert_technique(const char *text)
{
	static const char digits[] = "0123456789";
	assert_int_equal(text[0], 'T');
	assert_int_equal(strspn(text + 1, digits), 4);
	text += 5;
	if (*text == '.') {
		assert_int_equal(strspn(text + 1, digits), 3);
		text += 4;
	}
	assert_int_equal(text[0], ' ');
	assert_true(strlen(text + 1) > 3 && text[1] != ' ');
}

static void tables_fit_the_language(void **state)
{
	(void)state;
	for (size_t i = 0; actions[i]; i++) {
		const struct action *action = actions[i];
		assert_ptr_equal(action_find(actions, action->name), action);
		assert_non_null(action->summary);
		assert_non_null(action->plan);
		for (const struct param *p = action->params; p->name; p++)
			check_param(action, p);
		for (const char *const *t = action->techniques; t && *t; t++)
			assert_technique(*t);
		for (const struct fact_decl *f = action->facts; f->name; f++) {
			assert_name(f->name);
			assert_ptr_equal(action_fact(action, f->name), f);
			assert_true(f->type < TYPE_COUNT_ && f->type != TYPE_CHOICE);
			assert_non_null(f->help);
		}
	}
}

static char *manual;

static int read_manual(void **state)
{
	(void)state;
	const char *top = getenv("TOP_SRCDIR");
	_cleanup_buf_ struct buf path = {0}, text = {0};
	buf_printf(&path, "%s/man/respond-playbook.5", top ? top : ".");
	_cleanup_close_ int fd = open(buf_text(&path), O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fd_read(fd, 1024 * 1024, &text) < 0)
		return -1;
	manual = buf_steal(&text);
	return manual ? 0 : -1;
}

static int free_manual(void **state)
{
	(void)state;
	free(manual);
	return 0;
}

static bool names(const char *line, size_t len, const char *word)
{
	size_t n = strlen(word);
	for (const char *p = line; p + n <= line + len; p++)
		if (strncmp(p, word, n) == 0 && p > line && p[-1] == ' ' && (p + n == line + len || p[n] == ','))
			return true;
	return false;
}

/* The lines of ACTIONS below the .Ss that names the action. */
static char *section_of(const char *action)
{
	const char *p = strstr(manual, "\n.Sh ACTIONS\n");
	const char *end = p ? strstr(p + 1, "\n.Sh ") : NULL;
	assert_non_null(end);
	while ((p = strstr(p + 1, "\n.Ss ")) && p < end) {
		const char *next = strstr(p + 1, "\n.S");
		if (names(p + 1, strcspn(p + 1, "\n"), action))
			return strndup(p, (size_t)(next - p) + 1);
	}
	return NULL;
}

static void assert_documented(const struct action *action, const char *section, const char *macro, const char *name,
                              enum type type, bool list, const char *fallback)
{
	_cleanup_buf_ struct buf item = {0}, text = {0};
	buf_printf(&item, "\n.It %s %s Pq %s\n", macro, name, type_name(type, list));
	const char *at = strstr(section, buf_text(&item));
	if (!at)
		fail_msg("respond-playbook(5) lacks for %s:%s", action->name, buf_text(&item));
	if (!fallback || !at)
		return;
	const char *end = strstr(at + 1, "\n.It ");
	buf_add(&text, at, end ? (size_t)(end - at) : strlen(at));
	buf_reset(&item);
	buf_printf(&item, "Default:\n.Cm %s ", fallback);
	if (!strstr(buf_text(&text), buf_text(&item)) && !(list && strstr(buf_text(&text), "Default: all")))
		fail_msg("respond-playbook(5) does not give the default of %s: %s", action->name, name);
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;
	while ((text = strstr(text, what))) {
		n++;
		text++;
	}
	return n;
}

static void the_manual_says_what_the_tables_say(void **state)
{
	(void)state;
	for (size_t i = 0; actions[i]; i++) {
		const struct action *action = actions[i];
		_cleanup_free_ char *section = section_of(action->name);
		if (!section)
			fail_msg("respond-playbook(5) has nothing about %s", action->name);
		size_t params = 0, facts = 0;
		for (const struct param *p = action->params; p->name; p++, params++)
			assert_documented(action, section, "Cm", p->name, p->type, p->flags & PARAM_LIST, p->fallback);
		for (const struct fact_decl *f = action->facts; f->name; f++, facts++)
			assert_documented(action, section, "Va", f->name, f->type, false, NULL);
		assert_int_equal(count(section, "\n.It Cm "), params);
		assert_int_equal(count(section, "\n.It Va "), facts);
	}
}

static void the_manual_names_no_other_actions(void **state)
{
	(void)state;
	const char *p = strstr(manual, "\n.Sh ACTIONS\n"), *end = strstr(p + 1, "\n.Sh ");
	size_t n = 0, known = 0;
	while ((p = strstr(p + 1, "\n.Ss ")) && p < end) {
		_cleanup_free_ char *line = strndup(p + 5, strcspn(p + 5, "\n"));
		char *save = NULL;
		for (char *name = strtok_r(line, ", ", &save); name; name = strtok_r(NULL, ", ", &save), n++)
			if (!action_find(actions, name))
				fail_msg("there is no action %s", name);
	}
	while (actions[known])
		known++;
	assert_int_equal(n, known);
}

static void the_manual_has_all_types(void **state)
{
	(void)state;
	const char *types = strstr(manual, "\n.Sh TYPES\n");
	_cleanup_free_ char *section = strndup(types, (size_t)(strstr(types + 1, "\n.Sh ") - types));
	for (unsigned i = 0; i < TYPE_COUNT_; i++) {
		_cleanup_buf_ struct buf item = {0};
		buf_printf(&item, "\n.It Cm %s\n", type_name((enum type)i, false));
		if (!strstr(section, buf_text(&item)))
			fail_msg("respond-playbook(5) lacks the type %s", type_name((enum type)i, false));
	}
	assert_int_equal(count(section, "\n.It Cm "), TYPE_COUNT_);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_fit_the_language),
		cmocka_unit_test(the_manual_says_what_the_tables_say),
		cmocka_unit_test(the_manual_names_no_other_actions),
		cmocka_unit_test(the_manual_has_all_types),
	};
	return cmocka_run_group_tests_name("registry", tests, read_manual, free_manual);
}
