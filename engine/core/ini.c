/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Rules:
 *  1. inih is called with our own line reader, and the reader's count is the line
 *     number: inih stores while the reader stands still.
 *  2. A line reaches inih only after ini_line_judge() has found one meaning in it, and
 *     in a spelling without blanks that inih could read otherwise. Of a line that is
 *     refused, inih sees an empty one.
 *  3. What inih then says a line means must be what was judged; anything else is an
 *     error of that line. So none of inih's compile options, nor the variables that
 *     some distributions make of them, can change what a file means.
 *  4. A line that continues a list goes to inih as a key of its own, "+", which no
 *     file can spell: inih's own idea of continuation is not used.
 */
#include "core/ini.h"

#include "base/escape.h"
#include "base/fd.h"
#include "core/ini-line.h"

#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

#define CONTINUED "+"
#define NOWHERE "!" /* the section of keys whose section header was refused */

/* What an indented line would be. */
enum more {
	MORE_NO,     /* a mistake */
	MORE_LIST,   /* the value's next elements: the one before ended with a comma */
	MORE_IGNORE, /* part of a value that was refused already */
};

struct reader {
	const char *p, *end;
	unsigned line;
	enum more more;
	unsigned open_line; /* where the comma of MORE_LIST stands */
	bool carriage_return;
	bool any_section;
	unsigned keys; /* of the current section */

	/* What the line that inih looks at must come out as. */
	char section[64];
	char key[INI_KEY_LEN];
	char value[INI_LINE_MAX + 1];
	bool expected;

	struct ini *ini;
	struct buf last; /* the value of the last entry, while lines may still be added to it */
	struct diags *diags;
	int error;
};

static bool same_section(const struct ini_section *s, const char *section, const char *name)
{
	return strcmp(s->section, section) == 0 && strcmp(s->name, name) == 0;
}

static void print_section(struct buf *b, const struct ini_section *s)
{
	buf_printf(b, s->name[0] ? "[%s %s]" : "[%s%s]", s->section, s->name);
}

static int add_section(struct reader *r, const struct ini_line *line)
{
	struct ini *ini = r->ini;
	struct ini_section *v = reallocarray(ini->sections, ini->n_sections + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	ini->sections = v;
	struct ini_section *s = &v[ini->n_sections];
	*s = (struct ini_section){
		.line = r->line,
		.section = strndup(line->section.at, line->section.len),
		.name = strndup(line->name.at, line->name.len),
	};
	ini->n_sections++;
	if (!s->section || !s->name)
		return -ENOMEM;

	_cleanup_buf_ struct buf title = {0};
	print_section(&title, s);
	for (size_t i = 0; i + 1 < ini->n_sections; i++)
		if (same_section(&v[i], s->section, s->name)) {
			diag_add(r->diags, r->line, "%s stands here again: the first is in line %u", buf_text(&title), v[i].line);
			break;
		}
	return buf_error(&title);
}

static const struct ini_section *current_section(const struct reader *r)
{
	return &r->ini->sections[r->ini->n_sections - 1];
}

/* One complaint about a key that has stood in this section before. */
static void check_duplicate(struct reader *r, const char *key)
{
	const struct ini *ini = r->ini;
	unsigned section_line = current_section(r)->line;
	for (size_t i = ini->n; i-- > 0 && ini->v[i].section_line == section_line;)
		if (strcmp(ini->v[i].key, key) == 0) {
			diag_add(r->diags, r->line, "'%s' is given again: the first is in line %u", key, ini->v[i].line);
			return;
		}
}

/* Gives the last entry the value that has gathered for it. */
static int close_entry(struct reader *r)
{
	if (!r->ini->n || r->ini->v[r->ini->n - 1].value)
		return 0;
	char *value = buf_steal(&r->last);
	r->ini->v[r->ini->n - 1].value = value;
	return value ? 0 : -ENOMEM;
}

static int add_entry(struct reader *r, const char *key, const char *value)
{
	struct ini *ini = r->ini;
	const struct ini_section *s = current_section(r);
	int error = close_entry(r);
	if (error < 0)
		return error;
	struct ini_entry *v = reallocarray(ini->v, ini->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	ini->v = v;
	v[ini->n] = (struct ini_entry){
		.line = r->line,
		.section = strdup(s->section),
		.name = strdup(s->name),
		.key = strdup(key),
		.section_line = s->line,
	};
	const struct ini_entry *e = &v[ini->n++];
	return e->section && e->name && e->key ? buf_puts(&r->last, value) : -ENOMEM;
}

static int continue_entry(struct reader *r, const char *value)
{
	buf_putc(&r->last, ' ');
	return buf_puts(&r->last, value);
}

static int store(void *user, const char *section, const char *key, const char *value)
{
	struct reader *r = user;
	bool agreed = r->expected && key && value && strcmp(section, r->section) == 0 && strcmp(key, r->key) == 0 &&
	              strcmp(value, r->value) == 0;
	r->expected = false;
	if (!agreed) {
		diag_add(r->diags, r->line, "the INI reader takes this line for something else: spell it more simply");
		return 1;
	}
	if (r->error < 0 || strcmp(section, NOWHERE) == 0)
		return 1;
	if (strcmp(key, CONTINUED) == 0) {
		r->error = continue_entry(r, value);
		return 1;
	}
	check_duplicate(r, key);
	r->error = add_entry(r, key, value);
	return 1;
}

static void copy_span(char *to, size_t size, struct ini_span span)
{
	size_t len = span.len < size ? span.len : size - 1;
	memcpy(to, span.at, len);
	to[len] = '\0';
}

static void on_section(struct reader *r, const struct ini_line *line)
{
	_cleanup_buf_ struct buf text = {0};
	r->any_section = true;
	r->keys = 0;
	if (r->ini->n_sections >= INI_SECTIONS_MAX) {
		if (strcmp(r->section, NOWHERE) != 0)
			diag_add(r->diags, r->line, "this is one section too many: a file has at most %d", INI_SECTIONS_MAX);
		copy_span(r->section, sizeof(r->section), (struct ini_span){NOWHERE, 1});
		return;
	}
	r->error = add_section(r, line);
	buf_add(&text, line->section.at, line->section.len);
	buf_puts(&text, line->name.len ? " " : "");
	buf_add(&text, line->name.at, line->name.len);
	copy_span(r->section, sizeof(r->section), (struct ini_span){buf_text(&text), text.len});
}

static void expect(struct reader *r, struct ini_span key, struct ini_span of, struct ini_span value)
{
	copy_span(r->key, sizeof(r->key), key);
	if (of.len) {
		r->key[key.len] = ' ';
		copy_span(r->key + key.len + 1, sizeof(r->key) - key.len - 1, of);
	}
	copy_span(r->value, sizeof(r->value), value);
	r->expected = true;
}

/* The comma that ended the value before this line has nothing after it. */
static void close_list(struct reader *r)
{
	if (r->more == MORE_LIST)
		diag_add(r->diags, r->open_line, "the value ends with a comma but the next line does not go on with it: a line "
		                                 "that starts with a blank would");
	r->more = MORE_NO;
}

static void after_value(struct reader *r, bool open)
{
	r->more = open ? MORE_LIST : MORE_NO;
	r->open_line = r->line;
}

static void on_key(struct reader *r, const struct ini_line *line)
{
	after_value(r, line->open);
	if (!r->any_section) {
		diag_add(r->diags, r->line, "'%.*s' stands before the first section", (int)line->key.len, line->key.at);
		r->more = line->open ? MORE_IGNORE : MORE_NO;
		return;
	}
	if (strcmp(r->section, NOWHERE) == 0 || ++r->keys <= INI_KEYS_MAX) {
		expect(r, line->key, line->of, line->value);
		return;
	}
	if (r->keys == INI_KEYS_MAX + 1)
		diag_add(r->diags, r->line, "this is one key too many: a section has at most %d", INI_KEYS_MAX);
	r->more = line->open ? MORE_IGNORE : MORE_NO;
}

static void on_indented(struct reader *r, const struct ini_line *line)
{
	if (r->more == MORE_LIST) {
		expect(r, (struct ini_span){CONTINUED, 1}, (struct ini_span){0}, line->value);
		after_value(r, line->open);
	} else if (r->more == MORE_NO) {
		diag_add(r->diags, r->line, "the line starts with a blank, but the value before it did not end with a comma: "
		                            "keys and sections start in the first column");
		r->more = MORE_IGNORE;
	}
}

static void on_bad(struct reader *r, const struct ini_line *line, const char *why)
{
	diag_add(r->diags, r->line, "%s", why);
	if (line->meant == INI_LINE_COMMENT)
		return;
	r->more = line->open ? MORE_IGNORE : MORE_NO;
	if (line->meant != INI_LINE_SECTION)
		return;
	r->any_section = true;
	copy_span(r->section, sizeof(r->section), (struct ini_span){NOWHERE, 1});
}

static void note_carriage_return(struct reader *r)
{
	if (!r->carriage_return)
		diag_add(r->diags, r->line, "the line ends with a carriage return and a line feed: lines end with a line feed "
		                            "alone (sed -i 's/\\r$//')");
	r->carriage_return = true;
}

/* Judges one line and writes what inih may see of it to STR. */
static void take_line(struct reader *r, const char *text, size_t len, char *str, size_t size)
{
	_cleanup_buf_ struct buf why = {0}, seen = {0};
	struct ini_line line;
	ini_line_judge(text, len, &line, &why);
	if (line.carriage_return)
		note_carriage_return(r);
	if (line.meant != INI_LINE_INDENTED && line.meant != INI_LINE_COMMENT)
		close_list(r);

	switch (line.kind) {
	case INI_LINE_SECTION: on_section(r, &line); break;
	case INI_LINE_KEY: on_key(r, &line); break;
	case INI_LINE_INDENTED: on_indented(r, &line); break;
	case INI_LINE_BAD: on_bad(r, &line, buf_text(&why)); break;
	default: break;
	}

	if (line.meant == INI_LINE_SECTION)
		buf_printf(&seen, "[%s]", r->section);
	else if (r->expected)
		buf_printf(&seen, "%s=%s", r->key, r->value);
	if (buf_error(&why) || buf_error(&seen))
		r->error = -ENOMEM;
	if (seen.len >= size) {
		diag_add(r->diags, r->line, "the line is longer than the INI reader's buffer");
		r->expected = false;
		buf_reset(&seen);
	}
	copy_span(str, size, (struct ini_span){buf_text(&seen), seen.len});
}

static char *next_line(char *str, int size, void *stream)
{
	struct reader *r = stream;
	if (r->expected && r->error == 0)
		diag_add(r->diags, r->line, "the INI reader does not take this line: spell it more simply");
	r->expected = false;
	if (r->p >= r->end || r->error < 0) {
		close_list(r);
		return NULL;
	}
	const char *newline = memchr(r->p, '\n', (size_t)(r->end - r->p));
	const char *line_end = newline ? newline : r->end;
	const char *text = r->p;
	r->p = newline ? newline + 1 : r->end;
	r->line++;
	take_line(r, text, (size_t)(line_end - text), str, (size_t)size);
	return str;
}

int ini_parse_bytes(const struct buf *bytes, struct ini *ret, struct diags *diags)
{
	struct ini ini = {0};
	struct reader r = {.p = buf_text(bytes), .ini = &ini, .diags = diags};
	r.end = r.p + bytes->len;
	if (bytes->len > 3 && memcmp(r.p, "\xef\xbb\xbf", 3) == 0) {
		diag_add(diags, 1, "the file starts with a byte order mark: save it as UTF-8 without one");
		r.p += 3;
	}
	int line = ini_parse_stream(next_line, &r, store, &r);
	if (line > 0)
		diag_add(diags, (unsigned)line, "the INI reader does not understand this line: spell it more simply");
	if (line < 0)
		r.error = -ENOMEM;
	if (r.error == 0)
		r.error = close_entry(&r);
	if (r.error == 0)
		r.error = diags->error;
	buf_free(&r.last);
	if (r.error < 0) {
		ini_free(&ini);
		return r.error;
	}
	*ret = ini;
	return 0;
}

void ini_free(struct ini *ini)
{
	for (size_t i = 0; i < ini->n; i++) {
		free(ini->v[i].section);
		free(ini->v[i].name);
		free(ini->v[i].key);
		free(ini->v[i].value);
	}
	for (size_t i = 0; i < ini->n_sections; i++) {
		free(ini->sections[i].section);
		free(ini->sections[i].name);
	}
	free(ini->v);
	free(ini->sections);
	*ini = (struct ini){0};
}

int ini_read_file(int root, const char *file, struct buf *ret, struct diags *diags)
{
	_cleanup_buf_ struct buf why = {0}, name = {0}, path = {0};
	escape_str(&name, file);
	int r = path_trusted(root, file, &why);
	if (r == -EPERM && why.len) {
		diag_add(diags, 0, "is not trusted, because %s: it and all directories above it must be root's alone to write",
		         buf_text(&why));
		return -EINVAL;
	}
	if (r == 0)
		r = path_resolve(root, file, &path);
	if (r == 0)
		r = path_read(root, buf_text(&path), INI_FILE_MAX, ret, NULL);
	if (r == 0 || r == -ENOENT || r == -ENOMEM)
		return r;
	if (r == -EINVAL)
		diag_add(diags, 0, "%s is not a regular file", buf_text(&name));
	else if (r == -EFBIG)
		diag_add(diags, 0, "%s is larger than %d KiB", buf_text(&name), INI_FILE_MAX / 1024);
	else if (r == -ELOOP)
		diag_add(diags, 0, "%s is a symbolic link or is reached through one that is not root's: name the file itself",
		         buf_text(&name));
	else
		diag_add(diags, 0, "cannot read %s: %s", buf_text(&name), strerror(-r));
	return -EINVAL;
}
