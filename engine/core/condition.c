/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/condition.h"

#include "base/escape.h"
#include "core/reference.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 50
#define DIGITS "0123456789"
#define NAME_CHARS "abcdefghijklmnopqrstuvwxyz" DIGITS "-."

enum verb { TEST_SET, TEST_EQ, TEST_NE, TEST_LT, TEST_LE, TEST_GT, TEST_GE, VERB_NOT, VERB_AND, VERB_OR };

enum token { END, OPEN, CLOSE, COMPARE, NUMBER, TEXT, NAME, WORD_AND, WORD_OR, WORD_NOT, ODD };

struct operand {
	struct element element; /* the text of a literal, or a reference */
	struct declared type;   /* of a reference */
	enum token token;       /* NAME, NUMBER or TEXT */
};

/* A condition is kept in postfix order, so that neither freeing it nor evaluating it
 * needs recursion. Tests push, VERB_NOT turns the top, VERB_AND and VERB_OR join two. */
struct word {
	enum verb verb;
	struct operand left, right; /* of a test */
};

struct condition {
	struct word *v;
	size_t n;
};

struct parser {
	const char *p;
	enum token token;
	enum verb compare;  /* of COMPARE */
	const char *at;     /* of the token */
	size_t len;
	unsigned depth;
	const struct playbook *playbook;
	size_t step;
	struct condition *out;
	struct buf *why;
};

static const struct {
	const char *text;
	enum token token;
	enum verb compare;
} symbols[] = {
	{"==", COMPARE, TEST_EQ}, {"!=", COMPARE, TEST_NE}, {"<=", COMPARE, TEST_LE}, {">=", COMPARE, TEST_GE},
	{"<", COMPARE, TEST_LT},  {">", COMPARE, TEST_GT},  {"(", OPEN, 0},           {")", CLOSE, 0},
};

static const struct {
	const char *text;
	enum token token;
} words[] = {{"and", WORD_AND}, {"or", WORD_OR}, {"not", WORD_NOT}};

static const struct {
	const char *text, *hint;
} foreign[] = {
	{"${", "write the name without ${ and }"},
	{"=", "write == to compare"},
	{"&", "write 'and'"},
	{"|", "write 'or'"},
	{"!", "write 'not', or != to compare"},
	{"'", "write texts in double quotes"},
};

static void take(struct parser *p, enum token token, size_t len)
{
	p->token = token;
	p->at = p->p;
	p->len = len;
	p->p += len;
}

static enum token word_token(const char *at, size_t len)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strlen(words[i].text) == len && memcmp(words[i].text, at, len) == 0)
			return words[i].token;
	return NAME;
}

/* The length of "..." with its quotes; 0 if it is not closed. */
static size_t quoted_len(const char *text)
{
	const char *p = text + 1;
	while (*p && *p != '"')
		p += *p == '\\' && p[1] ? 2 : 1;
	return *p ? (size_t)(p - text) + 1 : 0;
}

static void next(struct parser *p)
{
	p->p += strspn(p->p, " \t");
	for (size_t i = 0; i < sizeof(symbols) / sizeof(*symbols); i++)
		if (strncmp(p->p, symbols[i].text, strlen(symbols[i].text)) == 0) {
			p->compare = symbols[i].compare;
			take(p, symbols[i].token, strlen(symbols[i].text));
			return;
		}
	size_t digits = strspn(p->p, DIGITS), name = strspn(p->p, NAME_CHARS);
	if (!*p->p)
		take(p, END, 0);
	else if (digits && digits == name)
		take(p, NUMBER, digits);
	else if (name)
		take(p, word_token(p->p, name), name);
	else if (*p->p == '"' && quoted_len(p->p))
		take(p, TEXT, quoted_len(p->p));
	else
		take(p, ODD, strcspn(p->p, " \t"));
}

static int unexpected(struct parser *p, const char *wanted)
{
	if (p->token == END) {
		buf_printf(p->why, "it ends where %s is expected", wanted);
		return -EINVAL;
	}
	buf_putc(p->why, '\'');
	escape_text(p->why, p->at, p->len);
	buf_printf(p->why, "' stands where %s is expected", wanted);
	for (size_t i = 0; p->token == ODD && i < sizeof(foreign) / sizeof(*foreign); i++)
		if (strncmp(p->at, foreign[i].text, strlen(foreign[i].text)) == 0) {
			buf_printf(p->why, ": %s", foreign[i].hint);
			break;
		}
	if (p->token == ODD && *p->at == '"')
		buf_puts(p->why, ": the quote is not closed");
	return -EINVAL;
}

static void word_clear(struct word *w)
{
	element_clear(&w->left.element);
	element_clear(&w->right.element);
}

/* Takes over what WORD holds, also on failure. */
static int emit(struct parser *p, struct word word)
{
	struct word *v = reallocarray(p->out->v, p->out->n + 1, sizeof(*v));
	if (!v) {
		word_clear(&word);
		return -ENOMEM;
	}
	p->out->v = v;
	v[p->out->n++] = word;
	return 0;
}

static bool is_numeric(const struct declared *d)
{
	return d->type == TYPE_NUMBER || d->type == TYPE_PERCENT || d->type == TYPE_PORT || d->type == TYPE_PID;
}

static int take_text(struct parser *p, char **ret)
{
	_cleanup_buf_ struct buf text = {0};
	for (size_t i = 1; i + 1 < p->len; i++) {
		if (p->at[i] == '\\' && p->at[++i] != '"' && p->at[i] != '\\') {
			buf_puts(p->why, "a backslash in quotes must stand before a '\"' or another backslash");
			return -EINVAL;
		}
		buf_putc(&text, p->at[i]);
	}
	*ret = buf_steal(&text);
	return *ret ? 0 : -ENOMEM;
}

static int parse_operand(struct parser *p, struct operand *ret)
{
	struct operand o = {.token = p->token};
	int r = 0;
	if (p->token == NAME)
		r = reference_parse(p->at, p->len, &o.element);
	else if (p->token == NUMBER)
		r = (o.element.text = strndup(p->at, p->len)) ? 0 : -ENOMEM;
	else if (p->token == TEXT)
		r = take_text(p, &o.element.text);
	else
		return unexpected(p, "an input, STEP.FACT, a number or a \"text\"");
	if (r == -EINVAL && p->token == NAME)
		return unexpected(p, "an input or STEP.FACT");
	if (r == 0 && p->token == NAME)
		r = reference_declared(p->playbook, p->step, &o.element, &o.type, p->why);
	if (r < 0) {
		element_clear(&o.element);
		return r;
	}
	next(p);
	*ret = o;
	return 0;
}

static int refuse(struct parser *p, const struct element *e, const char *text)
{
	buf_putc(p->why, '\'');
	reference_print(e, p->why);
	buf_printf(p->why, "' %s", text);
	return -EINVAL;
}

/* A literal must be of the type of the name that it is compared with, and is kept in
 * that type's spelling. */
static int fit_literal(struct parser *p, const struct operand *name, struct operand *literal)
{
	if (is_numeric(&name->type) != (literal->token == NUMBER))
		return refuse(p, &name->element, is_numeric(&name->type) ? "is a number: compare it with a number"
		                                                         : "is not a number: compare it with a \"text\"");
	_cleanup_strv_ struct strv spelt = {0};
	int r = type_check(name->type.type, name->type.choices, literal->element.text, &spelt, p->why);
	if (r < 0)
		return r;
	char *text = strdup(spelt.v[0]);
	if (!text)
		return -ENOMEM;
	free(literal->element.text);
	literal->element.text = text;
	return 0;
}

static int check_order(struct parser *p, const struct operand *o)
{
	if (o->token != NAME)
		return 0;
	if (o->type.list)
		return refuse(p, &o->element, "is a list and has no order: compare its count, or use == and !=");
	if (!is_numeric(&o->type) && o->type.type != TYPE_DURATION && o->type.type != TYPE_SIZE)
		return refuse(p, &o->element, "has no order: use == and !=");
	return 0;
}

static int check_test(struct parser *p, enum verb verb, struct operand *left, struct operand *right)
{
	if (left->token != NAME && right->token != NAME) {
		buf_puts(p->why, "it compares two constants: one side must be an input or STEP.FACT");
		return -EINVAL;
	}
	if (left->token == NAME && right->token == NAME) {
		if (left->type.type != right->type.type && !(is_numeric(&left->type) && is_numeric(&right->type)))
			return refuse(p, &left->element, "is compared with a name of another type");
	} else {
		int r = left->token == NAME ? fit_literal(p, left, right) : fit_literal(p, right, left);
		if (r < 0)
			return r;
	}
	if (verb == TEST_EQ || verb == TEST_NE)
		return 0;
	int r = check_order(p, left);
	return r < 0 ? r : check_order(p, right);
}

static int parse_test(struct parser *p)
{
	struct operand left = {0}, right = {0};
	int r = parse_operand(p, &left);
	if (r < 0)
		return r;
	enum verb verb = TEST_SET;
	if (p->token == COMPARE) {
		verb = p->compare;
		next(p);
		r = parse_operand(p, &right);
		if (r == 0)
			r = check_test(p, verb, &left, &right);
	} else if (left.token != NAME) {
		r = unexpected(p, "a comparison");
	}
	struct word word = {.verb = verb, .left = left, .right = right};
	if (r == 0)
		return emit(p, word);
	word_clear(&word);
	return r;
}

static int parse_or(struct parser *p);

static int parse_part(struct parser *p)
{
	if (p->token != WORD_NOT && p->token != OPEN)
		return parse_test(p);
	if (++p->depth > DEPTH_MAX) {
		buf_printf(p->why, "it is nested more than %d deep", DEPTH_MAX);
		return -EINVAL;
	}
	bool negate = p->token == WORD_NOT;
	next(p);
	int r = negate ? parse_part(p) : parse_or(p);
	if (r == 0 && !negate && p->token != CLOSE)
		r = unexpected(p, "'and', 'or' or ')'");
	if (r < 0)
		return r;
	p->depth--;
	if (negate)
		return emit(p, (struct word){.verb = VERB_NOT});
	next(p);
	return 0;
}

static int parse_and(struct parser *p)
{
	int r = parse_part(p);
	while (r == 0 && p->token == WORD_AND) {
		next(p);
		r = parse_part(p);
		if (r == 0)
			r = emit(p, (struct word){.verb = VERB_AND});
	}
	return r;
}

static int parse_or(struct parser *p)
{
	int r = parse_and(p);
	while (r == 0 && p->token == WORD_OR) {
		next(p);
		r = parse_and(p);
		if (r == 0)
			r = emit(p, (struct word){.verb = VERB_OR});
	}
	return r;
}

int condition_parse(const char *text, const struct playbook *playbook, size_t step, struct condition **ret,
                    struct buf *ret_why)
{
	_cleanup_(condition_free) struct condition *condition = calloc(1, sizeof(*condition));
	if (!condition)
		return -ENOMEM;
	struct parser p = {.p = text, .playbook = playbook, .step = step, .out = condition, .why = ret_why};
	next(&p);
	int r = parse_or(&p);
	if (r == 0 && p.token != END)
		r = unexpected(&p, "'and', 'or' or the end");
	if (r < 0)
		return r;
	*ret = condition;
	condition = NULL;
	return 0;
}

void condition_free(struct condition **condition)
{
	if (!*condition)
		return;
	for (size_t i = 0; i < (*condition)->n; i++)
		word_clear(&(*condition)->v[i]);
	free((*condition)->v);
	free(*condition);
	*condition = NULL;
}

/* What one side of a test is worth. */
struct side {
	char *const *v;
	size_t n;
};

static struct side side_of(const struct operand *o, const struct playbook *playbook, const struct facts *facts)
{
	static char zero_text[] = "0";
	static char *const zero[] = {zero_text};
	if (o->token != NAME)
		return (struct side){&o->element.text, 1};
	const struct strv *items = reference_items(playbook, facts, &o->element);
	if (!items->n && is_numeric(&o->type) && !o->type.list)
		return (struct side){zero, 1};
	return (struct side){items->v, items->n};
}

static bool is_set(const struct operand *o, struct side side)
{
	if (o->type.list || !side.n)
		return side.n > 0;
	if (o->type.type == TYPE_YES_NO)
		return value_yes(side.v[0]);
	return !is_numeric(&o->type) || value_number(side.v[0]) != 0;
}

static bool any_equal(struct side a, struct side b)
{
	for (size_t i = 0; i < a.n; i++)
		for (size_t j = 0; j < b.n; j++)
			if (strcmp(a.v[i], b.v[j]) == 0)
				return true;
	return false;
}

static bool test_holds(const struct word *w, const struct playbook *playbook, const struct facts *facts)
{
	struct side left = side_of(&w->left, playbook, facts);
	if (w->verb == TEST_SET)
		return is_set(&w->left, left);
	struct side right = side_of(&w->right, playbook, facts);
	if (w->verb == TEST_EQ || w->verb == TEST_NE)
		return any_equal(left, right) == (w->verb == TEST_EQ);
	if (!left.n || !right.n)
		return false;
	int64_t a = value_number(left.v[0]), b = value_number(right.v[0]); /* a duration and a size start with it */
	switch (w->verb) {
	case TEST_LT: return a < b;
	case TEST_LE: return a <= b;
	case TEST_GT: return a > b;
	default: return a >= b;
	}
}

int condition_holds(const struct condition *condition, const struct playbook *playbook, const struct facts *facts,
                    bool *ret)
{
	_cleanup_free_ bool *stack = calloc(condition->n, sizeof(*stack));
	if (!stack)
		return -ENOMEM;
	size_t top = 0;
	for (size_t i = 0; i < condition->n; i++) {
		const struct word *w = &condition->v[i];
		if (w->verb == VERB_NOT) {
			stack[top - 1] = !stack[top - 1];
		} else if (w->verb == VERB_AND || w->verb == VERB_OR) {
			bool right = stack[--top];
			stack[top - 1] = w->verb == VERB_AND ? stack[top - 1] && right : stack[top - 1] || right;
		} else {
			stack[top++] = test_holds(w, playbook, facts);
		}
	}
	*ret = stack[0];
	return 0;
}
