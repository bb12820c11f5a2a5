/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sshd-config-edit.h"

#include "base/escape.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BLANKS " \t\r\n"

/* What sshd still takes for a keyword, and how `sshd -T` prints it. */
static const struct {
	const char *alias, *keyword;
} aliases[] = {
	{"challengeresponseauthentication", "kbdinteractiveauthentication"},
	{"skeyauthentication", "kbdinteractiveauthentication"},
	{"dsaauthentication", "pubkeyauthentication"},
	{"pubkeyacceptedkeytypes", "pubkeyacceptedalgorithms"},
	{"hostbasedacceptedkeytypes", "hostbasedacceptedalgorithms"},
	{"hostdsakey", "hostkey"},
	{"keepalive", "tcpkeepalive"},
};

/* Keywords of which every line counts. */
static const char *const gathering[] = {
	"port", "listenaddress", "hostkey", "hostcertificate", "acceptenv", "allowusers", "denyusers",
	"allowgroups", "denygroups", "subsystem",
};

/* Words that mean the same in any case, wherever sshd takes one of them. */
static const struct {
	const char *word, *same;
} words[] = {
	{"yes", "yes"}, {"no", "no"}, {"none", "none"}, {"any", "any"}, {"all", "all"}, {"local", "local"},
	{"remote", "remote"}, {"prohibit-password", "prohibit-password"}, {"without-password", "prohibit-password"},
	{"forced-commands-only", "forced-commands-only"}, {"delayed", "yes"},
};

static char *keyword_new(const char *word)
{
	char *keyword = strdup(word);
	if (!keyword)
		return NULL;
	for (char *p = keyword; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	for (size_t i = 0; i < sizeof(aliases) / sizeof(*aliases); i++) {
		if (strcmp(keyword, aliases[i].alias) != 0)
			continue;
		free(keyword);
		return strdup(aliases[i].keyword);
	}
	return keyword;
}

/* The next word of *S, which is altered; *S becomes NULL after the last one. "=" (one of
 * them) separates like blanks; a quote anywhere starts a quoted rest. NULL: none left,
 * or a quote that is not closed. */
static char *next_word(char **s)
{
	char *word = *s;
	if (!word)
		return NULL;
	char *end = *s = strpbrk(word, BLANKS "\"=");
	if (!end)
		return word;
	if (*end == '"') {
		memmove(end, end + 1, strlen(end));
		end = *s = strpbrk(end, "\"");
		if (!end)
			return NULL;
		*end = '\0';
		*s += strspn(end + 1, BLANKS) + 1;
		return word;
	}
	bool equals = *end == '=';
	*end = '\0';
	*s += strspn(end + 1, BLANKS) + 1;
	if (**s == '=' && !equals)
		*s += strspn(*s + 1, BLANKS) + 1;
	return word;
}

/* The arguments of an ordinary keyword: blanks separate, both quotes quote, "#" at the
 * start of one ends the line. */
static int split_args(const char *s, struct strv *ret)
{
	while (s[0] == ' ' || s[0] == '\t')
		s++;
	while (*s && *s != '#') {
		_cleanup_buf_ struct buf arg = {0};
		char quote = 0;
		for (; *s && (quote || (*s != ' ' && *s != '\t')); s++) {
			if (*s == '\\' && (s[1] == '\'' || s[1] == '"' || s[1] == '\\' || (!quote && s[1] == ' ')))
				buf_putc(&arg, *++s);
			else if (!quote && (*s == '"' || *s == '\''))
				quote = *s;
			else if (quote && *s == quote)
				quote = 0;
			else
				buf_putc(&arg, *s);
		}
		if (quote)
			return -EINVAL;
		int r = buf_error(&arg) ? buf_error(&arg) : strv_add(ret, buf_text(&arg));
		if (r < 0)
			return r;
		while (*s == ' ' || *s == '\t')
			s++;
	}
	return 0;
}

/* The criteria of a Match line have the older rules of keywords. */
static int split_criteria(char *s, struct strv *ret)
{
	char *word;
	while ((word = next_word(&s)) && *word && *word != '#') {
		int r = strv_add(ret, word);
		if (r < 0)
			return r;
	}
	return word || !s ? 0 : -EINVAL;
}

static void line_free(struct sshd_line *line)
{
	free(line->keyword);
	strv_free(&line->args);
}

/* 1: RET is a keyword with its arguments; 0: there is none. */
static int parse_line(char *text, struct sshd_line *ret)
{
	char *rest = text + strspn(text, " \t\r");
	size_t len = strlen(rest);
	while (len > 1 && strchr(BLANKS "\f", rest[len - 1]))
		rest[--len] = '\0';
	if (!len)
		return 0;
	char *word = next_word(&rest);
	if (word && !*word)
		word = next_word(&rest);
	if (!word || !*word || *word == '#')
		return 0;
	struct sshd_line line = {.number = ret->number, .keyword = keyword_new(word)};
	if (!line.keyword)
		return -ENOMEM;
	int r = !rest ? -EINVAL : strcmp(line.keyword, "match") == 0 ? split_criteria(rest, &line.args)
	                                                             : split_args(rest, &line.args);
	line.broken = r == -EINVAL;
	if (r == -ENOMEM) {
		line_free(&line);
		return r;
	}
	*ret = line;
	return 1;
}

static int add_line(struct sshd_lines *lines, const char *text, size_t len, unsigned number)
{
	_cleanup_free_ char *copy = strndup(text, len);
	struct sshd_line line = {.number = number};
	int r = copy ? parse_line(copy, &line) : -ENOMEM;
	if (r <= 0)
		return r;
	struct sshd_line *v = reallocarray(lines->v, lines->n + 1, sizeof(*v));
	if (!v) {
		line_free(&line);
		return -ENOMEM;
	}
	lines->v = v;
	v[lines->n++] = line;
	return 0;
}

static size_t line_length(const struct buf *file, size_t at)
{
	const char *newline = memchr(file->data + at, '\n', file->len - at);
	return newline ? (size_t)(newline - file->data) - at + 1 : file->len - at;
}

int sshd_lines_parse(const struct buf *file, struct sshd_lines *ret)
{
	if (file->len && memchr(file->data, 0, file->len))
		return -EINVAL;
	struct sshd_lines lines = {0};
	unsigned number = 1;
	for (size_t at = 0, len; at < file->len; at += len) {
		len = line_length(file, at);
		int r = add_line(&lines, file->data + at, len, number++);
		if (r < 0) {
			sshd_lines_free(&lines);
			return r;
		}
	}
	*ret = lines;
	return 0;
}

void sshd_lines_free(struct sshd_lines *lines)
{
	for (size_t i = 0; i < lines->n; i++)
		line_free(&lines->v[i]);
	free(lines->v);
	*lines = (struct sshd_lines){0};
}

static bool gathers(const char *keyword)
{
	for (size_t i = 0; i < sizeof(gathering) / sizeof(*gathering); i++)
		if (strcmp(keyword, gathering[i]) == 0)
			return true;
	return false;
}

static int refuse(struct buf *why, const char *text, const char *sentence)
{
	buf_putc(why, '\'');
	escape_str(why, text);
	buf_printf(why, "' %s", sentence);
	return -EINVAL;
}

static bool has_controls(const char *text)
{
	for (; *text; text++)
		if (((unsigned char)*text < ' ' && *text != '\t') || *text == 0x7f)
			return true;
	return false;
}

static bool is_port(const char *text)
{
	char *end;
	unsigned long n = *text >= '1' && *text <= '9' ? strtoul(text, &end, 10) : 0;
	return n >= 1 && n <= 65535 && !*end;
}

int sshd_option_parse(const char *text, struct sshd_option *ret, struct buf *ret_why)
{
	if (has_controls(text))
		return refuse(ret_why, text, "is more than one line of sshd_config(5)");
	_cleanup_(sshd_lines_free) struct sshd_lines lines = {0};
	int r = add_line(&lines, text, strlen(text), 1);
	if (r < 0)
		return r;
	if (lines.n != 1 || lines.v[0].broken || !lines.v[0].args.n)
		return refuse(ret_why, text, "is not a keyword with its value");
	if (strcmp(lines.v[0].keyword, "match") == 0 || strcmp(lines.v[0].keyword, "include") == 0)
		return refuse(ret_why, text, "is no setting: it says where settings hold");
	bool port = strcmp(lines.v[0].keyword, "port") == 0;
	if (port && (lines.v[0].args.n != 1 || !is_port(lines.v[0].args.v[0])))
		return refuse(ret_why, text, "is not one port: write 'Port 2222'");
	if (!port && gathers(lines.v[0].keyword))
		return refuse(ret_why, text,
			      "cannot be set: sshd gathers the values of all lines with this keyword, so edit "
			      "the file by hand");
	struct sshd_option option = {.text = strdup(text + strspn(text, " \t"))};
	if (!option.text)
		return -ENOMEM;
	option.keyword = lines.v[0].keyword;
	option.args = lines.v[0].args;
	lines.v[0].keyword = NULL;
	lines.v[0].args = (struct strv){0};
	*ret = option;
	return 0;
}

void sshd_option_free(struct sshd_option *option)
{
	free(option->text);
	free(option->keyword);
	strv_free(&option->args);
}

static const char *word_meaning(const char *word)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcasecmp(words[i].word, word) == 0)
			return words[i].same;
	return word;
}

bool sshd_option_is(const struct sshd_option *option, const struct strv *args)
{
	if (args->n != option->args.n)
		return false;
	for (size_t i = 0; i < args->n; i++) {
		bool alone = args->n == 1;
		const char *a = alone ? word_meaning(args->v[i]) : args->v[i];
		const char *b = alone ? word_meaning(option->args.v[i]) : option->args.v[i];
		if (strcmp(a, b) != 0)
			return false;
	}
	return true;
}

static const char *line_end(const char *line, size_t len)
{
	if (!len || line[len - 1] != '\n')
		return "";
	return len > 1 && line[len - 2] == '\r' ? "\r\n" : "\n";
}

int sshd_line_text(const struct buf *file, unsigned number, struct buf *ret)
{
	unsigned at_number = 1;
	for (size_t at = 0, len; at < file->len; at += len) {
		len = line_length(file, at);
		if (at_number++ != number)
			continue;
		const char *line = file->data + at;
		size_t n = len - strlen(line_end(line, len)), indent = 0;
		while (indent < n && (line[indent] == ' ' || line[indent] == '\t'))
			indent++;
		return buf_add(ret, line + indent, n - indent);
	}
	return -ENOENT;
}

int sshd_lines_edit(const struct buf *file, const struct sshd_edit *edits, size_t n, struct buf *ret)
{
	_cleanup_buf_ struct buf out = {0};
	size_t next = 0;
	const char *top = file->len ? line_end(file->data, line_length(file, 0)) : "";
	for (; next < n && edits[next].number == 0; next++)
		buf_printf(&out, "%s%s", edits[next].text, *top ? top : "\n");
	unsigned number = 1;
	for (size_t at = 0, len; at < file->len; at += len, number++) {
		const char *line = file->data + at;
		len = line_length(file, at);
		if (next < n && edits[next].number == number) {
			size_t indent = strspn(line, " \t");
			buf_add(&out, line, indent < len ? indent : 0);
			buf_printf(&out, "%s%s", edits[next].text, line_end(line, len));
			next++;
		} else {
			buf_add(&out, line, len);
		}
	}
	return buf_error(&out) ? buf_error(&out) : buf_copy(ret, &out);
}
