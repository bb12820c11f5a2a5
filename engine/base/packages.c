/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * All lists are read into one buffer, with a hash table of the offsets of its lines: one
 * pass over a few megabytes, and then any number of questions for nothing.
 */
#include "base/packages.h"
#include "base/fd.h"
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LISTS_MAX (256 * 1024 * 1024)
#define INFO_DIR "/var/lib/dpkg/info"
#define DIVERSIONS "/var/lib/dpkg/diversions"
#define RPM "/usr/bin/rpm"

struct list {
	size_t start; /* of its text */
	char *package;
};

struct packages {
	struct buf text; /* paths, each ended by a newline */
	struct list *lists;
	size_t n_lists;
	uint32_t *slots;  /* offset of a line */
	uint8_t *tags;    /* of its hash; 0: free. Small enough to stay at hand while lines are added */
	size_t mask;
	bool rpm;
};

void packages_close(struct packages **packages)
{
	struct packages *p = *packages;
	if (!p)
		return;
	for (size_t i = 0; i < p->n_lists; i++)
		free(p->lists[i].package);
	free(p->lists);
	free(p->slots);
	free(p->tags);
	buf_free(&p->text);
	free(p);
	*packages = NULL;
}

static int begin_list(struct packages *p, const char *package, size_t len)
{
	struct list *v = reallocarray(p->lists, p->n_lists + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	p->lists = v;
	v[p->n_lists] = (struct list){p->text.len, strndup(package, len)};
	if (!v[p->n_lists].package)
		return -ENOMEM;
	p->n_lists++;
	return 0;
}

static int add_list(struct packages *p, int dir, const char *name, size_t len)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = begin_list(p, name, len);
	if (r == 0)
		r = fd_read(fd, LISTS_MAX, &p->text);
	if (r == 0 && p->text.len && p->text.data[p->text.len - 1] != '\n')
		r = buf_putc(&p->text, '\n');
	return r;
}

/* "base-files.list", "libc6:amd64.list" */
static int add_lists(struct packages *p, int root)
{
	_cleanup_close_ int dir = -1;
	_cleanup_strv_ struct strv names = {0};
	int r = path_open(root, INFO_DIR, O_PATH | O_DIRECTORY, &dir);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = dir_names(dir, &names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		size_t len = strlen(names.v[i]);
		if (len > 5 && strcmp(names.v[i] + len - 5, ".list") == 0)
			r = add_list(p, dir, names.v[i], len - 5);
	}
	return r;
}

/* Three lines each: the path that is diverted, where its file is kept instead, and by
 * whom. The second belongs to some package, too. */
static int add_diversions(struct packages *p, int root)
{
	_cleanup_buf_ struct buf text = {0};
	int r = path_read(root, DIVERSIONS, LISTS_MAX, &text, NULL);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = begin_list(p, "a diverted file", strlen("a diverted file"));
	char *rest = text.data, *line;
	for (unsigned i = 0; r == 0 && (line = strsep(&rest, "\n")); i++)
		if (i % 3 == 1)
			r = buf_printf(&p->text, "%s\n", line);
	return r;
}

static size_t line_len(const struct packages *p, size_t at)
{
	return (size_t)((const char *)memchr(p->text.data + at, '\n', p->text.len - at) - p->text.data) - at;
}

/* Eight bytes at a time: a host lists millions of them. */
static uint32_t hash(const char *s, size_t len)
{
	uint64_t h = len, word;
	for (; len >= sizeof(word); s += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, s, sizeof(word));
		h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 32;
	}
	word = 0;
	memcpy(&word, s, len);
	h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(h >> 32);
}

static uint8_t tag_of(uint32_t h)
{
	return (uint8_t)(h >> 24) | 1;
}

static bool is_line(const struct packages *p, size_t at, const char *path, size_t len)
{
	return p->text.len - at > len && p->text.data[at + len] == '\n' && memcmp(p->text.data + at, path, len) == 0;
}

/* The slot that holds PATH, or the free one where it would be. */
static size_t find_slot(const struct packages *p, const char *path, size_t len, uint32_t h)
{
	size_t i = h & p->mask;
	while (p->tags[i] && (p->tags[i] != tag_of(h) || !is_line(p, p->slots[i], path, len)))
		i = (i + 1) & p->mask;
	return i;
}

static int make_index(struct packages *p)
{
	size_t lines = 0;
	for (size_t at = 0; at < p->text.len; at += line_len(p, at) + 1)
		lines++;
	size_t n = 64;
	while (n < lines * 2)
		n *= 2;
	p->slots = calloc(n, sizeof(*p->slots));
	p->tags = calloc(n, sizeof(*p->tags));
	if (!p->slots || !p->tags)
		return -ENOMEM;
	p->mask = n - 1;
	for (size_t at = 0, len; at < p->text.len; at += len + 1) {
		len = line_len(p, at);
		uint32_t h = hash(p->text.data + at, len);
		size_t slot = find_slot(p, p->text.data + at, len, h);
		if (!p->tags[slot]) {
			p->tags[slot] = tag_of(h);
			p->slots[slot] = (uint32_t)at;
		}
	}
	return 0;
}

bool packages_have_database(const char *const *paths, size_t n)
{
	struct stat st;
	for (size_t i = 0; i < n && paths[i]; i++)
		if (stat(paths[i], &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
			return true;
	return false;
}

/* rpm reads its own database, so it can speak for the running system only. */
static bool has_rpm(int root)
{
	static const char *const databases[] = {RPM_DATABASES};
	struct stat here, slash;
	return fstat(root, &here) == 0 && stat("/", &slash) == 0 && here.st_dev == slash.st_dev &&
	       here.st_ino == slash.st_ino && access(RPM, X_OK) == 0 &&
	       packages_have_database(databases, sizeof(databases) / sizeof(*databases));
}

int packages_open(int root, struct packages **ret)
{
	struct packages *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	int r = add_lists(p, root);
	if (r == 0)
		r = add_diversions(p, root);
	if (r == 0)
		r = make_index(p);
	if (r < 0) {
		packages_close(&p);
		return r;
	}
	p->rpm = !p->n_lists && has_rpm(root);
	*ret = p;
	return 0;
}

static const char *package_at(const struct packages *p, size_t at)
{
	size_t low = 0, high = p->n_lists;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (p->lists[middle].start <= at)
			low = middle;
		else
			high = middle;
	}
	return p->lists[low].package;
}

/* A newline in PATH would match across two lines. */
static const char *find_owner(const struct packages *p, const char *path)
{
	size_t len = strlen(path);
	if (!p->text.len || strchr(path, '\n'))
		return NULL;
	size_t slot = find_slot(p, path, len, hash(path, len));
	return p->tags[slot] ? package_at(p, p->slots[slot]) : NULL;
}

/* The directories that merging /usr moved there; packages may still list the old names. */
static const char *old_name(const char *path)
{
	static const char *const dirs[] = {"/bin/", "/sbin/", "/lib/", "/lib32/", "/lib64/", "/libx32/", "/libo32/"};
	if (strncmp(path, "/usr/", 5) == 0)
		for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
			if (strncmp(path + 4, dirs[i], strlen(dirs[i])) == 0)
				return path + 4;
	return NULL;
}

static int ask_rpm(const char *path, struct buf *ret_name)
{
	const char *const argv[] = {RPM, "-qf", "--queryformat", "%{NAME}\n", path, NULL};
	_cleanup_buf_ struct buf out = {0};
	int status;
	int r = spawn_read(argv, 10000, &out, NULL, &status);
	if (r < 0)
		return r;
	if (status != 0 || !out.len)
		return -ENOENT;
	return buf_add(ret_name, out.data, strcspn(out.data, "\n"));
}

int packages_owner(struct packages *packages, const char *path, struct buf *ret_name)
{
	const char *old = old_name(path);
	const char *name = find_owner(packages, path);
	if (!name && old)
		name = find_owner(packages, old);
	if (name)
		return buf_puts(ret_name, name);
	return packages->rpm ? ask_rpm(path, ret_name) : -ENOENT;
}
