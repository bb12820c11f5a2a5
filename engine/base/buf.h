/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A growable run of bytes, and a list of strings.
 *
 * Both keep the first error they meet: a caller may append many times and ask
 * once, with buf_error() or strv_error(). What is appended after an error is
 * dropped. Every function also returns 0 or -ENOMEM.
 */
#ifndef RESPOND_BASE_BUF_H
#define RESPOND_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data; /* NULL while empty; otherwise data[len] is NUL */
	size_t len;
	size_t cap;
	int error;
};

int buf_add(struct buf *b, const void *bytes, size_t len);
int buf_puts(struct buf *b, const char *text);
int buf_putc(struct buf *b, char c);
int buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* Makes room for at least MORE bytes after len, so that they can be read in place. */
int buf_reserve(struct buf *b, size_t more);

/* The text so far, "" while empty; valid until the next change. */
const char *buf_text(const struct buf *b);
int buf_error(const struct buf *b);
void buf_reset(struct buf *b);           /* empty, memory kept, error forgotten */
void buf_free(struct buf *b);            /* empty, memory given back */
int buf_copy(struct buf *to, const struct buf *from);
bool buf_equal(const struct buf *a, const struct buf *b);

/* The bytes as a malloc'd string ("" if empty), NULL after an error; b is empty afterwards. */
char *buf_steal(struct buf *b);

struct strv {
	char **v; /* NULL while empty; otherwise v[n] is NULL */
	size_t n;
	size_t cap;
	int error;
};

int strv_add(struct strv *s, const char *text);
int strv_addn(struct strv *s, const char *text, size_t len);
int strv_addf(struct strv *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int strv_add_new(struct strv *s, const char *text); /* only if it is not in the list yet */
int strv_add_all(struct strv *s, const struct strv *from);
bool strv_has(const struct strv *s, const char *text);
int strv_error(const struct strv *s);
void strv_free(struct strv *s);

#define _cleanup_(f) __attribute__((cleanup(f)))

/* For _cleanup_: free what a pointer variable points at; close an fd variable. */
void free_ptr(void *pointer_to_pointer);
void close_fd(int *fd);

#define _cleanup_free_ _cleanup_(free_ptr)
#define _cleanup_close_ _cleanup_(close_fd)
#define _cleanup_buf_ _cleanup_(buf_free)
#define _cleanup_strv_ _cleanup_(strv_free)

#endif
