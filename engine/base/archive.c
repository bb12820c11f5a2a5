/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/archive.h"

#include "base/fd.h"
#include "base/tar-codec.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define LIBRARY "libzstd.so.1"
#define LEVEL 3
#define CHUNK (128 * 1024)

struct zstd {
	void *library;
	__typeof__(ZSTD_createCCtx) *create;
	__typeof__(ZSTD_freeCCtx) *destroy;
	__typeof__(ZSTD_CCtx_setParameter) *set;
	__typeof__(ZSTD_compressStream2) *compress;
	__typeof__(ZSTD_isError) *is_error;
};

struct archive {
	int fd;
	struct zstd zstd;
	ZSTD_CCtx *stream;
	char out[CHUNK];
	char in[CHUNK];
};

static int load(struct zstd *z)
{
	const struct {
		const char *name;
		void **at;
	} functions[] = {
		{"ZSTD_createCCtx", (void **)&z->create},
		{"ZSTD_freeCCtx", (void **)&z->destroy},
		{"ZSTD_CCtx_setParameter", (void **)&z->set},
		{"ZSTD_compressStream2", (void **)&z->compress},
		{"ZSTD_isError", (void **)&z->is_error},
	};
	z->library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!z->library)
		return -ENOPKG;
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		*functions[i].at = dlsym(z->library, functions[i].name);
		if (!*functions[i].at)
			return -ENOPKG;
	}
	return 0;
}

void archive_free(struct archive **archive)
{
	struct archive *a = *archive;
	if (!a)
		return;
	if (a->stream)
		a->zstd.destroy(a->stream);
	if (a->zstd.library)
		dlclose(a->zstd.library);
	free(a);
	*archive = NULL;
}

int archive_new(int fd, struct archive **ret)
{
	struct archive *a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->fd = fd;
	int r = load(&a->zstd);
	if (r == 0 && !(a->stream = a->zstd.create()))
		r = -ENOMEM;
	if (r == 0 && (a->zstd.is_error(a->zstd.set(a->stream, ZSTD_c_compressionLevel, LEVEL)) ||
	               a->zstd.is_error(a->zstd.set(a->stream, ZSTD_c_checksumFlag, 1))))
		r = -EINVAL;
	if (r < 0)
		archive_free(&a);
	else
		*ret = a;
	return r;
}

static int put(struct archive *a, const void *bytes, size_t len, ZSTD_EndDirective how)
{
	ZSTD_inBuffer in = {bytes, len, 0};
	size_t left;
	do {
		ZSTD_outBuffer out = {a->out, sizeof(a->out), 0};
		left = a->zstd.compress(a->stream, &out, &in, how);
		if (a->zstd.is_error(left))
			return -ENOMEM; /* it fails for nothing else */
		int r = fd_write(a->fd, a->out, out.pos);
		if (r < 0)
			return r;
	} while (in.pos < in.size || (how == ZSTD_e_end && left));
	return 0;
}

static int put_header(struct archive *a, const char *name, int64_t mtime, uint64_t size)
{
	unsigned char header[TAR_BLOCK];
	int r = tar_header(name, size, mtime, header);
	return r < 0 ? r : put(a, header, sizeof(header), ZSTD_e_continue);
}

static int put_padding(struct archive *a, uint64_t size)
{
	static const char zeros[TAR_BLOCK];
	return put(a, zeros, tar_padding(size), ZSTD_e_continue);
}

int archive_add(struct archive *a, const char *name, int64_t mtime, const struct buf *bytes)
{
	int r = put_header(a, name, mtime, bytes->len);
	if (r == 0)
		r = put(a, buf_text(bytes), bytes->len, ZSTD_e_continue);
	return r < 0 ? r : put_padding(a, bytes->len);
}

int archive_add_file(struct archive *a, const char *name, int64_t mtime, int fd)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	int r = put_header(a, name, mtime, (uint64_t)st.st_size);
	for (off_t at = 0; r == 0 && at < st.st_size;) {
		size_t want = st.st_size - at < CHUNK ? (size_t)(st.st_size - at) : CHUNK;
		ssize_t n = pread(fd, a->in, want, at);
		if (n < 0 && errno == EINTR)
			continue;
		r = n < 0 ? -errno : n == 0 ? -EIO : put(a, a->in, (size_t)n, ZSTD_e_continue);
		at += n > 0 ? n : 0;
	}
	return r < 0 ? r : put_padding(a, (uint64_t)st.st_size);
}

int archive_end(struct archive *a)
{
	static const char zeros[2 * TAR_BLOCK];
	return put(a, zeros, sizeof(zeros), ZSTD_e_end);
}
