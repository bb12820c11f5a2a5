/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sshd-effective.h"

#include "base/escape.h"
#include "base/hash.h"
#include "base/spawn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SSHD_TIMEOUT_MS 10000

static const struct sshd_include *include_at(const struct sshd_file *file, unsigned number)
{
	for (size_t i = 0; i < file->n_includes; i++)
		if (file->lines.v[file->includes[i].line].number == number)
			return &file->includes[i];
	return NULL;
}

/* The file's bytes, each Include line replaced by one that names what it takes in: the
 * number of lines stays, so sshd's messages name the right one. */
static int compose(const struct sshd_view *view, const struct sshd_file *file, struct buf *out)
{
	unsigned number = 1;
	for (size_t at = 0, len; at < file->bytes.len; at += len, number++) {
		const char *line = file->bytes.data + at, *newline = memchr(line, '\n', file->bytes.len - at);
		len = newline ? (size_t)(newline - line) + 1 : file->bytes.len - at;
		const struct sshd_include *inc = include_at(file, number);
		if (!inc) {
			buf_add(out, line, len);
			continue;
		}
		buf_puts(out, "Include");
		for (size_t i = 0; i < inc->n; i++)
			buf_printf(out, " \"%s\"", view->paths.v[inc->files[i]]);
		buf_putc(out, '\n');
	}
	return buf_error(out);
}

static void set_path(struct sshd_view *view, size_t file, char *path)
{
	free(view->paths.v[file]);
	view->paths.v[file] = path;
}

/* Includes first, so that their names are known. Files do not include each other in a
 * circle: the loader has refused that. */
static int open_file(struct sshd_view *view, size_t index)
{
	const struct sshd_file *file = view->config->files[index];
	char path[64];
	_cleanup_buf_ struct buf bytes = {0};
	if (view->fds[index] >= 0 || !file->target)
		return 0;
	for (size_t i = 0; i < file->n_includes; i++)
		for (size_t k = 0; k < file->includes[i].n; k++) {
			int r = open_file(view, file->includes[i].files[k]);
			if (r < 0)
				return r;
		}
	int r = compose(view, file, &bytes);
	if (r == 0)
		r = memory_file("sshd_config", &bytes, &view->fds[index], path);
	char *copy = r == 0 ? strdup(path) : NULL;
	if (r < 0 || !copy)
		return r < 0 ? r : -ENOMEM;
	set_path(view, index, copy);
	return 0;
}

int sshd_view_open(const struct sshd_config *config, struct sshd_view *ret)
{
	struct sshd_view view = {.config = config, .fds = calloc(config->n_files, sizeof(int))};
	if (!view.fds)
		return -ENOMEM;
	for (size_t i = 0; i < config->n_files; i++) {
		view.fds[i] = -1;
		strv_add(&view.paths, config->files[i]->path);
	}
	int r = strv_error(&view.paths);
	if (r == 0)
		r = open_file(&view, 0);
	if (r < 0) {
		sshd_view_close(&view);
		return r;
	}
	*ret = view;
	return 0;
}

void sshd_view_close(struct sshd_view *view)
{
	for (size_t i = 0; view->fds && i < view->config->n_files; i++)
		close_fd(&view->fds[i]);
	free(view->fds);
	strv_free(&view->paths);
	*view = (struct sshd_view){0};
}

static void add_replaced(struct buf *out, const struct sshd_view *view, const char *line, size_t len)
{
	for (size_t at = 0; at < len;) {
		size_t i, n = 0;
		for (i = 0; i < view->paths.n; i++) {
			n = strlen(view->paths.v[i]);
			bool digit_follows = at + n < len && line[at + n] >= '0' && line[at + n] <= '9';
			if (view->fds[i] >= 0 && n <= len - at && !digit_follows &&
			    memcmp(line + at, view->paths.v[i], n) == 0)
				break;
		}
		if (i < view->paths.n) {
			buf_puts(out, view->config->files[i]->path);
			at += n;
		} else {
			buf_putc(out, line[at++]);
		}
	}
}

/* sshd's complaint on one line, without the summary that it ends with. */
static int set_words(const struct sshd_view *view, const struct buf *err, struct buf *ret)
{
	_cleanup_buf_ struct buf text = {0};
	const char *p = buf_text(err);
	while (*p) {
		size_t len = strcspn(p, "\r\n");
		if (len && !memmem(p, len, ": terminating, ", 15)) {
			buf_puts(&text, text.len ? "; " : "");
			add_replaced(&text, view, p, len);
		}
		p += len + strspn(p + len, "\r\n");
	}
	if (!text.len)
		buf_puts(&text, "sshd failed without a word");
	return buf_error(&text) ? buf_error(&text) : escape_controls(ret, text.data, text.len);
}

static bool cannot_be_asked(const struct buf *err)
{
	return strstr(buf_text(err), "Missing privilege separation directory") ||
	       strstr(buf_text(err), "no hostkeys available") ||
	       strstr(buf_text(err), "Privilege separation user");
}

/* What sshd has said to this program, by the whole question: every byte of the
 * configuration, and the case. Keys, hardening and the proof that somebody can still log
 * in ask much the same, round after round, and each answer costs milliseconds. */
#define SAID_MAX 64

struct said {
	struct sha256 question;
	struct buf answer;
};

static struct said said[SAID_MAX];
static size_t said_next;

static int question_of(const struct sshd_view *view, const char *spec, struct sha256 *ret)
{
	_cleanup_buf_ struct buf all = {0};
	buf_printf(&all, "%s\n", spec ? spec : "");
	for (size_t i = 0; i < view->config->n_files; i++) {
		const struct sshd_file *file = view->config->files[i];
		buf_printf(&all, "%s\n%zu\n", file->path, file->bytes.len);
		buf_add(&all, buf_text(&file->bytes), file->bytes.len);
	}
	if (buf_error(&all))
		return buf_error(&all);
	sha256_bytes(all.data, all.len, ret);
	return 0;
}

static const struct buf *recall(const struct sha256 *question)
{
	for (size_t i = 0; i < SAID_MAX; i++)
		if (strcmp(said[i].question.hex, question->hex) == 0)
			return &said[i].answer;
	return NULL;
}

static int remember(const struct sha256 *question, const struct buf *answer)
{
	struct said *s = &said[said_next++ % SAID_MAX];
	*s->question.hex = '\0'; /* no answer is recalled that was not kept whole */
	int r = buf_copy(&s->answer, answer);
	if (r == 0)
		s->question = *question;
	return r;
}

static int run(const struct sshd_view *view, const char *mode, const char *spec, struct buf *ret, struct buf *ret_why)
{
	_cleanup_buf_ struct buf out = {0}, err = {0};
	const char *argv[] = {SSHD_PROGRAM, mode, "-f", view->paths.v[0], spec ? "-C" : NULL, spec, NULL};
	int status = 0;
	if (geteuid() != 0) {
		buf_puts(ret_why, "only root can ask sshd, which reads the host keys");
		return -EOPNOTSUPP;
	}
	int r = spawn_read(argv, SSHD_TIMEOUT_MS, &out, &err, &status);
	if (r == -ENOENT) {
		buf_puts(ret_why, "there is no " SSHD_PROGRAM);
		return -EOPNOTSUPP;
	}
	if (r < 0 || status == 0)
		return r < 0 ? r : ret ? buf_copy(ret, &out) : 0;
	r = set_words(view, &err, ret_why);
	return r < 0 ? r : cannot_be_asked(&err) ? -EOPNOTSUPP : -EINVAL;
}

int sshd_test(const struct sshd_view *view, struct buf *ret_why)
{
	return run(view, "-t", NULL, NULL, ret_why);
}

static int dump(const struct sshd_view *view, const char *spec, struct buf *ret, struct buf *ret_why)
{
	_cleanup_buf_ struct buf answer = {0};
	struct sha256 question;
	int r = question_of(view, spec, &question);
	if (r < 0)
		return r;
	const struct buf *known = recall(&question);
	if (known)
		return buf_copy(ret, known);
	r = run(view, "-T", spec, &answer, ret_why);
	if (r == 0)
		r = remember(&question, &answer);
	return r < 0 ? r : buf_copy(ret, &answer);
}

int sshd_dump(const struct sshd_view *view, const struct sshd_case *c, struct buf *ret, struct buf *ret_why)
{
	_cleanup_buf_ struct buf spec = {0};
	if (!c)
		return dump(view, NULL, ret, ret_why);
	buf_printf(&spec, "user=%s,host=%s,addr=%s,laddr=%s,lport=%s", c->user, c->host, c->addr, c->laddr, c->lport);
	if (c->rdomain)
		buf_printf(&spec, ",rdomain=%s", c->rdomain);
	return buf_error(&spec) ? buf_error(&spec) : dump(view, spec.data, ret, ret_why);
}

int sshd_dump_value(const struct buf *dump, const char *keyword, struct buf *ret)
{
	size_t n = strlen(keyword);
	bool found = false;
	const char *p = buf_text(dump);
	while (*p) {
		size_t len = strcspn(p, "\n");
		if (len > n && strncasecmp(p, keyword, n) == 0 && p[n] == ' ') {
			buf_puts(ret, found ? "," : "");
			buf_add(ret, p + n + 1, len - n - 1);
			found = true;
		}
		p += len + (p[len] == '\n');
	}
	return found ? buf_error(ret) : -ENOENT;
}

bool sshd_dump_is(const struct buf *dump, const char *keyword, const char *value)
{
	_cleanup_buf_ struct buf b = {0};
	return sshd_dump_value(dump, keyword, &b) == 0 && strcasecmp(buf_text(&b), value) == 0;
}
