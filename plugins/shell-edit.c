/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shell-edit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum fate { STAYS, GOES, EMPTIED };

struct line {
	struct slice whole; /* with its newline */
	struct slice line;
	size_t code_at, code_len; /* in the code of all lines: without comments */
	bool open;                /* a quote in it is not closed */
	enum fate fate;
};

struct lines {
	struct line *v;
	size_t n;
	struct buf code;
};

static void lines_free(struct lines *lines)
{
	free(lines->v);
	buf_free(&lines->code);
}

static struct slice code_of(const struct lines *lines, size_t i)
{
	return (struct slice){buf_text(&lines->code) + lines->v[i].code_at, lines->v[i].code_len};
}

/* Adds one line as the shell reads it, up to its comment. RET_JOINED: a backslash at its
 * end joins the next one to it; it is not added. */
static void add_code(struct slice s, struct buf *out, bool *ret_open, bool *ret_joined)
{
	char quote = '\0';
	*ret_joined = false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];
		if (c == '\\' && quote != '\'') {
			if (i + 1 == s.len)
				*ret_joined = true;
			else
				buf_add(out, s.p + i++, 2);
			continue;
		}
		if (quote ? c == quote : c == '\'' || c == '"' || c == '`')
			quote = quote ? '\0' : c;
		else if (!quote && c == '#' && (i == 0 || strchr(" \t;&|(", s.p[i - 1])))
			break;
		buf_putc(out, c);
	}
	*ret_open = quote != '\0';
}

static bool ends_in_operator(struct slice code)
{
	code = trim(code);
	return code.len && (code.p[code.len - 1] == '|' ||
	                    (code.len > 1 && code.p[code.len - 1] == '&' && code.p[code.len - 2] == '&'));
}

static int read_line(struct slice *rest, struct lines *lines)
{
	struct line *v = reallocarray(lines->v, lines->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	lines->v = v;
	struct line *l = &v[lines->n++];
	bool first = lines->n == 1, more = true;
	*l = (struct line){.whole = {rest->p, 0}, .line = {rest->p, 0}, .code_at = lines->code.len};
	while (more && rest->len) {
		struct slice whole, line = take_line(rest, false, &whole);
		bool joined = false;
		if (first && slice_starts(line, "#!")) /* the interpreter runs, too */
			buf_add(&lines->code, line.p + 2, line.len - 2);
		else
			add_code(line, &lines->code, &l->open, &joined);
		l->line.len = l->whole.len + line.len;
		l->whole.len += whole.len;
		l->code_len = lines->code.len - l->code_at;
		more = joined || (!l->open && ends_in_operator(code_of(lines, lines->n - 1)));
		first = false;
	}
	buf_putc(&lines->code, '\n');
	return buf_error(&lines->code);
}

static int read_lines(const struct buf *text, struct lines *ret)
{
	struct slice rest = slice_of(text);
	int r = 0;
	while (r == 0 && rest.len)
		r = read_line(&rest, ret);
	return r;
}

/* A word of the shell's grammar, outside of quotes. */
static bool next_word(struct slice *code, struct slice *ret)
{
	char quote = '\0';
	while (code->len && strchr(" \t\r;&|\n", code->p[0]) && code->p[0])
		*code = slice_from(*code, 1);
	*ret = (struct slice){code->p, 0};
	while (code->len && (quote || !strchr(" \t\r;&|\n", code->p[0]) || !code->p[0])) {
		char c = code->p[0];
		if (quote ? c == quote : c == '\'' || c == '"' || c == '`')
			quote = quote ? '\0' : c;
		size_t n = c == '\\' && quote != '\'' && code->len > 1 ? 2 : 1;
		ret->len += n;
		*code = slice_from(*code, n);
	}
	return ret->len > 0;
}

struct balance {
	int blocks;  /* if and case and loops that are open */
	int braces, parentheses;
	bool broken; /* the middle or the end of what began on another line */
};

static void weigh_parentheses(struct slice word, struct balance *b)
{
	char quote = '\0';
	for (size_t i = 0; i < word.len; i++) {
		char c = word.p[i];
		if (c == '\\' && quote != '\'')
			i++;
		else if (quote ? c == quote : c == '\'' || c == '"' || c == '`')
			quote = quote ? '\0' : c;
		else if (!quote)
			b->parentheses += c == '(' ? 1 : c == ')' ? -1 : 0;
		b->broken |= b->parentheses < 0;
	}
}

static void weigh(struct slice word, struct balance *b)
{
	static const char *const openers[] = {"if", "case", "for", "while", "until", "select"};
	static const char *const closers[] = {"fi", "esac", "done"};
	static const char *const middles[] = {"then", "else", "elif", "do"};
	for (size_t i = 0; i < sizeof(openers) / sizeof(*openers); i++)
		b->blocks += slice_is(word, openers[i]);
	for (size_t i = 0; i < sizeof(closers) / sizeof(*closers); i++)
		b->blocks -= slice_is(word, closers[i]);
	for (size_t i = 0; i < sizeof(middles) / sizeof(*middles); i++)
		b->broken |= b->blocks <= 0 && slice_is(word, middles[i]);
	b->braces += slice_is(word, "{") ? 1 : slice_is(word, "}") ? -1 : 0;
	weigh_parentheses(word, b);
	b->broken |= b->blocks < 0 || b->braces < 0;
}

/* Whether the line can go without breaking what is around it. */
static bool stands_alone(const struct line *l, struct slice code)
{
	struct balance b = {0};
	struct slice word, rest = code;
	while (next_word(&rest, &word))
		weigh(word, &b);
	const char *here = memmem(code.p, code.len, "<<", 2);
	bool document = here && (here + 2 == code.p + code.len || here[2] != '<');
	return !l->open && !b.broken && !b.blocks && !b.braces && !b.parentheses && !document;
}

static bool is_one_of(struct slice word, const char *const *words)
{
	for (; *words; words++)
		if (slice_is(word, *words))
			return true;
	return false;
}

/* Whether what stands before line I opens a block. */
static bool opens_before(const struct lines *lines, size_t i)
{
	static const char *const opening[] = {"then", "do", "else", "{", "(", NULL};
	while (i-- > 0) {
		struct slice code = code_of(lines, i), word, last = {"", 0};
		if (lines->v[i].fate == GOES || !trim(code).len)
			continue;
		while (next_word(&code, &word))
			last = word;
		return is_one_of(last, opening) || (last.len && (last.p[last.len - 1] == '(' || last.p[last.len - 1] == '{'));
	}
	return false;
}

static bool closes_behind(const struct lines *lines, size_t i)
{
	static const char *const closing[] = {"fi", "done", "else", "elif", "}", ")", NULL};
	while (++i < lines->n) {
		struct slice code = code_of(lines, i), word = {"", 0};
		if (lines->v[i].fate == GOES || !trim(code).len)
			continue;
		next_word(&code, &word);
		return is_one_of(word, closing) || slice_starts(word, ")") || slice_starts(word, "}");
	}
	return false;
}

static int judge_lines(const struct buf *text, struct lines *lines, const struct entry_search *search,
                       struct hits *hits)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && i < lines->n; i++) {
		struct line *l = &lines->v[i];
		struct slice code = code_of(lines, i);
		const char *why = NULL;
		enum hit_type what = HIT_ENTRY;
		bool interpreter = i == 0 && slice_starts(l->line, "#!");
		r = search_finds(search, code, &why);
		if (r > 0 && (interpreter || !stands_alone(l, code))) {
			what = HIT_STUCK;
		} else if (r == 0) {
			hits->live += trim(code).len && !interpreter;
			what = HIT_COMMENT;
			r = search_finds(search, l->line, &why);
		}
		l->fate = r > 0 && hit_goes(what) ? GOES : STAYS;
		if (r > 0)
			r = hits_add(hits, what, text, l->line, why);
	}
	return r < 0 ? r : 0;
}

/* What a line leaves that was all of its block, indented as it was. */
static void write_filler(const struct line *l, struct buf *out)
{
	buf_add(out, l->whole.p, l->line.len - skip_blanks(l->line).len);
	buf_puts(out, ":\n");
}

/* Whether the line may leave that: not if it is what is searched for itself. */
static int may_leave_filler(const struct line *l, const struct entry_search *search)
{
	_cleanup_buf_ struct buf filler = {0};
	write_filler(l, &filler);
	int r = buf_error(&filler);
	if (r == 0)
		r = search_finds(search, (struct slice){filler.data, filler.len - 1}, NULL);
	return r < 0 ? r : r == 0;
}

/* Of lines that go one after the other, the last leaves something in an empty block. */
static int keep_blocks_filled(struct lines *lines, const struct entry_search *search)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && i < lines->n; i++) {
		struct line *l = &lines->v[i];
		if (l->fate != GOES || !opens_before(lines, i) || !closes_behind(lines, i))
			continue;
		r = may_leave_filler(l, search);
		l->fate = r > 0 ? EMPTIED : GOES;
	}
	return r < 0 ? r : 0;
}

static void write_line(const struct line *l, struct buf *out)
{
	if (l->fate == STAYS)
		buf_add(out, l->whole.p, l->whole.len);
	else if (l->fate == EMPTIED)
		write_filler(l, out);
}

int shell_strip(const struct buf *text, const struct entry_search *search, struct buf *ret, struct hits *ret_hits)
{
	_cleanup_(lines_free) struct lines lines = {0};
	_cleanup_hits_ struct hits hits = {0};
	_cleanup_buf_ struct buf out = {0};
	int r = read_lines(text, &lines);
	if (r == 0)
		r = judge_lines(text, &lines, search, &hits);
	if (r == 0)
		r = keep_blocks_filled(&lines, search);
	if (r < 0)
		return r;
	for (size_t i = 0; i < lines.n; i++)
		write_line(&lines.v[i], &out);
	if (buf_error(&out) || buf_copy(ret, &out) < 0)
		return -ENOMEM;
	*ret_hits = hits;
	hits = (struct hits){0};
	return 0;
}

int script_mentions(const struct buf *script, const struct entry_search *search, const char **ret_why)
{
	_cleanup_(lines_free) struct lines lines = {0};
	int r = read_lines(script, &lines);
	for (size_t i = 0; r == 0 && i < lines.n; i++)
		r = search_finds(search, code_of(&lines, i), ret_why);
	return r;
}

int script_count_lines(const struct buf *script, size_t *ret)
{
	_cleanup_(lines_free) struct lines lines = {0};
	int r = read_lines(script, &lines);
	size_t n = 0;
	for (size_t i = 0; r == 0 && i < lines.n; i++)
		n += trim(code_of(&lines, i)).len && !(i == 0 && slice_starts(lines.v[i].line, "#!"));
	if (r == 0)
		*ret = n;
	return r;
}
