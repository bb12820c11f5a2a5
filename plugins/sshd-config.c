/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sshd-config.h"

#include "base/escape.h"
#include "base/fd.h"
#include "change/file-edit.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SSH_DIR "/etc/ssh/"
#define DEPTH_MAX 16 /* as sshd */
#define FILES_MAX 1024

struct loader {
	struct host *host;
	const struct plan *plan;
	const struct sshd_overlay *overlays;
	size_t n_overlays;
	struct sshd_config config;
	struct buf *why;
};

static int refuse(struct loader *l, const char *path, const char *sentence)
{
	escape_str(l->why, path);
	buf_printf(l->why, " %s", sentence);
	return -EINVAL;
}

/* One more step of a path whose last name is a link; 0 when it is none. */
static int follow(int root, const char *path, struct buf *ret)
{
	_cleanup_close_ int dir = -1;
	const char *name;
	char link[PATH_MAX];
	struct stat st;
	int r = path_open_parent(root, path, &dir, &name);
	if (r < 0)
		return r;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISLNK(st.st_mode))
		return 0;
	_cleanup_buf_ struct buf parent = {0}, why = {0};
	buf_add(&parent, path, (size_t)(name - path));
	if (buf_error(&parent) || st.st_uid != 0 || path_trusted(root, parent.data, &why) < 0)
		return -ELOOP;
	ssize_t n = readlinkat(dir, name, link, sizeof(link));
	if (n < 0 || n == (ssize_t)sizeof(link))
		return n < 0 ? -errno : -ENAMETOOLONG;
	if (link[0] != '/')
		buf_copy(ret, &parent);
	buf_add(ret, link, (size_t)n);
	return buf_error(ret) ? buf_error(ret) : 1;
}

int sshd_target(int root, const char *path, struct buf *ret)
{
	_cleanup_buf_ struct buf at = {0}, next = {0};
	int r = buf_puts(&at, path);
	for (int links = 0; r == 0 && links < 20; links++) {
		_cleanup_buf_ struct buf resolved = {0};
		r = path_resolve(root, at.data, &resolved);
		if (r < 0)
			return r;
		buf_reset(&next);
		r = follow(root, resolved.data, &next);
		if (r == 0)
			return buf_puts(ret, resolved.data);
		r = r < 0 ? r : buf_copy(&at, &next);
	}
	return r < 0 ? r : -ELOOP;
}

static void file_free(struct sshd_file *f)
{
	for (size_t i = 0; i < f->n_includes; i++)
		free(f->includes[i].files);
	free(f->includes);
	sshd_lines_free(&f->lines);
	buf_free(&f->bytes);
	free(f->path);
	free(f->target);
	free(f);
}

void sshd_config_free(struct sshd_config *config)
{
	for (size_t i = 0; i < config->n_files; i++)
		file_free(config->files[i]);
	free(config->files);
	free(config->chains);
	free(config->statements);
	*config = (struct sshd_config){0};
}

const struct sshd_line *sshd_statement_line(const struct sshd_config *config, size_t statement)
{
	const struct sshd_statement *s = &config->statements[statement];
	return &config->files[s->file]->lines.v[s->line];
}

/* What sshd would read at the target: an overlay, what the plan leaves there, or the
 * host's bytes. */
static int read_bytes(const struct loader *l, const char *target, struct buf *ret)
{
	for (size_t i = 0; i < l->n_overlays; i++)
		if (strcmp(l->overlays[i].path, target) == 0)
			return buf_copy(ret, l->overlays[i].bytes);
	int r = l->plan ? plan_file(l->plan, target, ret) : 0;
	return r > 0 ? 0 : r < 0 ? r : path_read(l->host->root, target, FILE_EDIT_MAX, ret, NULL);
}

/* To us a file that cannot be read is empty; sshd gets to see the real one. */
static int cannot_read(struct loader *l, struct sshd_file *f, int error)
{
	const char *why = error == -ELOOP ? "a symbolic link on its way is not root's own" :
	                  error == -EINVAL ? "it is not a regular file" : NULL;
	_cleanup_buf_ struct buf name = {0};
	escape_str(&name, f->path);
	buf_reset(&f->bytes);
	return why ? host_blind(l->host, "cannot read %s: %s", buf_text(&name), why) : host_unreadable(l->host, f->path, error);
}

/* -ENOENT: the main file is not there, or the plan takes this one away. */
static int fill_file(struct loader *l, struct sshd_file *f)
{
	_cleanup_buf_ struct buf target = {0};
	int r = sshd_target(l->host->root, f->path, &target);
	if (r == -ENOENT && l->config.n_files)
		return cannot_read(l, f, r); /* a link that leads nowhere: sshd will not have it */
	if (r == 0)
		r = read_bytes(l, target.data, &f->bytes);
	if (r == -ENOENT || r == -ENOMEM)
		return r;
	if (r < 0)
		return cannot_read(l, f, r);
	f->target = buf_steal(&target);
	r = f->target ? sshd_lines_parse(&f->bytes, &f->lines) : -ENOMEM;
	return r == -EINVAL ? refuse(l, f->path, "holds NUL bytes: sshd reads other lines than an editor shows") : r;
}

static int find_file(const struct sshd_config *config, const char *path, size_t *ret)
{
	for (size_t i = 0; i < config->n_files; i++) {
		if (strcmp(config->files[i]->path, path) != 0)
			continue;
		*ret = i;
		return 1;
	}
	return 0;
}

static int add_file(struct loader *l, const char *path, size_t *ret)
{
	struct sshd_config *c = &l->config;
	if (find_file(c, path, ret))
		return 0;
	if (c->n_files == FILES_MAX)
		return refuse(l, path, "is one included file too many");
	struct sshd_file **v = reallocarray(c->files, c->n_files + 1, sizeof(*v));
	struct sshd_file *f = calloc(1, sizeof(*f));
	if (v)
		c->files = v;
	if (!v || !f || !(f->path = strdup(path))) {
		free(f);
		return -ENOMEM;
	}
	int r = fill_file(l, f);
	if (r < 0) {
		file_free(f);
		return r;
	}
	*ret = c->n_files;
	v[c->n_files++] = f;
	return 0;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What sshd's own glob(3) gives, below our root: sorted in the C locale, hidden names
 * only for a pattern that starts with a dot. */
static int expand(const struct loader *l, const char *pattern, struct strv *ret)
{
	_cleanup_buf_ struct buf prefix = {0}, full = {0};
	buf_printf(&prefix, "/proc/self/fd/%d", l->host->root);
	if (pattern[0] == '~')
		return 0; /* sshd does not expand it */
	buf_printf(&full, "%s%s%s", buf_text(&prefix), pattern[0] == '/' ? "" : SSH_DIR, pattern);
	if (buf_error(&full))
		return buf_error(&full);
	glob_t g = {0};
	int r = glob(full.data, GLOB_NOSORT, NULL, &g);
	if (r == 0 && g.gl_pathc)
		qsort(g.gl_pathv, g.gl_pathc, sizeof(*g.gl_pathv), by_bytes);
	for (size_t i = 0; r == 0 && i < g.gl_pathc; i++)
		strv_add(ret, g.gl_pathv[i] + prefix.len);
	globfree(&g);
	return r == GLOB_NOSPACE ? -ENOMEM : strv_error(ret);
}

static int add_statement(struct sshd_config *c, size_t file, size_t line, size_t chain)
{
	struct sshd_statement *v = reallocarray(c->statements, c->n_statements + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	c->statements = v;
	v[c->n_statements++] = (struct sshd_statement){file, line, chain};
	return 0;
}

/* The chain that a Match line of a file starts: those of the including files, and this. */
static int add_chain(struct sshd_config *c, size_t outer, const struct strv *match, size_t *ret)
{
	struct sshd_chain *v = reallocarray(c->chains, c->n_chains + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	c->chains = v;
	v[c->n_chains] = v[outer];
	if (v[outer].n == SSHD_CHAIN_MAX)
		return -EINVAL;
	v[c->n_chains].match[v[c->n_chains].n++] = match;
	*ret = c->n_chains++;
	return 0;
}

static int note_include(struct sshd_file *f, size_t line, size_t file)
{
	struct sshd_include *inc = f->n_includes ? &f->includes[f->n_includes - 1] : NULL;
	if (!inc || inc->line != line) {
		struct sshd_include *v = reallocarray(f->includes, f->n_includes + 1, sizeof(*v));
		if (!v)
			return -ENOMEM;
		f->includes = v;
		inc = &v[f->n_includes++];
		*inc = (struct sshd_include){.line = line};
	}
	size_t *files = reallocarray(inc->files, inc->n + 1, sizeof(*files));
	if (!files)
		return -ENOMEM;
	inc->files = files;
	files[inc->n++] = file;
	return 0;
}

static int walk(struct loader *l, size_t file, size_t chain, unsigned depth);

static int walk_include(struct loader *l, size_t file, size_t line, size_t chain, unsigned depth, bool first)
{
	_cleanup_strv_ struct strv paths = {0};
	const struct strv *patterns = &l->config.files[file]->lines.v[line].args;
	int r = 0;
	for (size_t i = 0; i < patterns->n && r == 0; i++)
		r = expand(l, patterns->v[i], &paths);
	for (size_t i = 0; i < paths.n && r == 0; i++) {
		size_t inner = 0;
		r = add_file(l, paths.v[i], &inner);
		if (r == -ENOENT) {
			r = 0;
			continue;
		}
		if (r == 0 && first)
			r = note_include(l->config.files[file], line, inner);
		if (r == 0)
			r = walk(l, inner, chain, depth + 1);
	}
	return r;
}

/* In a file, a Match line is in force until the next one, and never outside. */
static int walk(struct loader *l, size_t file, size_t chain, unsigned depth)
{
	struct sshd_config *c = &l->config;
	const struct sshd_file *f = c->files[file];
	size_t outer = chain;
	bool first = true;
	if (depth > DEPTH_MAX)
		return refuse(l, f->path, "is included too deeply: the files include each other");
	for (size_t i = 0; i < c->n_statements && first; i++)
		first = c->statements[i].file != file;
	for (size_t i = 0; i < f->lines.n; i++) {
		const struct sshd_line *line = &f->lines.v[i];
		int r = add_statement(c, file, i, chain);
		if (r == 0 && strcmp(line->keyword, "match") == 0)
			r = add_chain(c, outer, &line->args, &chain);
		else if (r == 0 && strcmp(line->keyword, "include") == 0)
			r = walk_include(l, file, i, chain, depth, first);
		if (r < 0)
			return r;
	}
	return 0;
}

int sshd_config_load(struct host *host, const struct plan *plan, const struct sshd_overlay *overlays, size_t n_overlays,
                     struct sshd_config *ret, struct buf *ret_why)
{
	struct loader l = {.host = host, .plan = plan, .overlays = overlays, .n_overlays = n_overlays, .why = ret_why};
	size_t main_file;
	l.config.chains = calloc(1, sizeof(*l.config.chains));
	int r = l.config.chains ? 0 : -ENOMEM;
	l.config.n_chains = r == 0;
	if (r == 0)
		r = add_file(&l, SSHD_CONFIG, &main_file);
	if (r == 0)
		r = walk(&l, main_file, 0, 0);
	if (r < 0) {
		sshd_config_free(&l.config);
		return r;
	}
	*ret = l.config;
	return 0;
}

/* What sshd 9.2 on Debian does where nothing is said, for the keywords that decide
 * who can log in. */
static const char *const defaults[] = {
	"authorizedkeysfile .ssh/authorized_keys .ssh/authorized_keys2",
	"authorizedkeyscommand none",
	"trustedusercakeys none",
	"pubkeyauthentication yes",
	"passwordauthentication yes",
	"kbdinteractiveauthentication yes",
	"permitemptypasswords no",
	"permitrootlogin prohibit-password",
	"usepam no",
	"authenticationmethods any",
	"forcecommand none",
};

static int add_first(struct buf *out, struct strv *seen, const struct sshd_line *line)
{
	if (strv_has(seen, line->keyword) || line->broken)
		return 0;
	int r = strv_add(seen, line->keyword);
	buf_puts(out, line->keyword);
	for (size_t i = 0; i < line->args.n; i++)
		buf_printf(out, " %s", line->args.v[i]);
	buf_putc(out, '\n');
	return r < 0 ? r : buf_error(out);
}

int sshd_config_guess(const struct sshd_config *config, const struct sshd_case *c, const struct sshd_people *people,
                      struct buf *ret)
{
	_cleanup_strv_ struct strv seen = {0};
	int r = 0;
	for (int global = 0; global < 2; global++) {
		for (size_t i = 0; i < config->n_statements && r == 0; i++) {
			size_t chain = config->statements[i].chain;
			if ((chain == 0) != global)
				continue;
			int held = sshd_chain_holds(&config->chains[chain], c, people);
			r = held > 0 ? add_first(ret, &seen, sshd_statement_line(config, i)) : held;
		}
	}
	for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults) && r == 0; i++) {
		_cleanup_free_ char *keyword = strndup(defaults[i], strcspn(defaults[i], " "));
		r = !keyword ? -ENOMEM : strv_has(&seen, keyword) ? 0 : buf_printf(ret, "%s\n", defaults[i]);
	}
	return r;
}
