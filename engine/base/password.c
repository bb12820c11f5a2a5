/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/password.h"

#include <crypt.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define LENGTH 26

/* libxcrypt, where it stands in for glibc's, and without that. */
static const char *const libraries[] = {"libcrypt.so.1", "libcrypt.so.2"};

struct library {
	void *handle;
	__typeof__(crypt_rn) *hash;
	__typeof__(crypt_gensalt_rn) *salt;
};

static void library_close(struct library *l)
{
	if (l->handle)
		dlclose(l->handle);
}

static int library_open(struct library *ret)
{
	for (size_t i = 0; i < sizeof(libraries) / sizeof(*libraries) && !ret->handle; i++)
		ret->handle = dlopen(libraries[i], RTLD_NOW | RTLD_LOCAL);
	if (!ret->handle)
		return -ENOPKG;
	*(void **)&ret->hash = dlsym(ret->handle, "crypt_rn");
	*(void **)&ret->salt = dlsym(ret->handle, "crypt_gensalt_rn");
	return ret->hash && ret->salt ? 0 : -ENOPKG;
}

void buf_wipe(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_free(b);
}

int password_make(struct buf *ret)
{
	static const char alphabet[] = "abcdefghijkmnpqrstuvwxyz23456789";
	unsigned char bytes[LENGTH];
	_Static_assert(sizeof(alphabet) - 1 == 32, "every byte gives five bits");
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return -EIO;
	if (buf_reserve(ret, LENGTH) < 0) /* it does not move, and leaves no copy behind */
		return -ENOMEM;
	for (size_t i = 0; i < LENGTH; i++)
		buf_putc(ret, alphabet[bytes[i] % 32]);
	explicit_bzero(bytes, sizeof(bytes));
	return buf_error(ret);
}

static int hash_with(const struct library *l, const char *password, const char *setting, struct buf *ret)
{
	struct crypt_data *data = calloc(1, sizeof(*data));
	if (!data)
		return -ENOMEM;
	const char *hash = l->hash(password, setting, data, sizeof(*data));
	int r = hash ? buf_puts(ret, hash) : -EINVAL;
	explicit_bzero(data, sizeof(*data));
	free(data);
	return r;
}

int password_hash(const char *password, struct buf *ret)
{
	_cleanup_(library_close) struct library l = {0};
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	int r = library_open(&l);
	if (r == 0 && !l.salt(NULL, 0, NULL, 0, setting, sizeof(setting)))
		r = -errno;
	return r < 0 ? r : hash_with(&l, password, setting, ret);
}

int password_matches(const char *password, const char *hash)
{
	_cleanup_(library_close) struct library l = {0};
	_cleanup_buf_ struct buf again = {0};
	int r = library_open(&l);
	if (r == 0)
		r = hash_with(&l, password, hash, &again);
	if (r == -EINVAL)
		return 0; /* no hash at all */
	return r < 0 ? r : strcmp(buf_text(&again), hash) == 0;
}
