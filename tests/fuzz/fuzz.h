/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the fuzz targets share. A target is one subject: it hands its input to the pure
 * parsers of that subject and asserts what must hold of them, whatever the input is.
 *
 * With --enable-fuzzers the targets are libFuzzer programs (make fuzz). Otherwise
 * replay.c runs the seeds of tests/fuzz/corpus through them, as part of make check.
 */
#ifndef RESPOND_TESTS_FUZZ_H
#define RESPOND_TESTS_FUZZ_H

#include "core/value.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that does not hold ends the program like a crash. */
#define MUST(condition) ((condition) ? (void)0 : fuzz_broken(__FILE__, __LINE__, #condition))
void fuzz_broken(const char *file, int line, const char *condition) __attribute__((noreturn));

/* What is left of an input. Whatever is taken from it lies in memory of exactly its
 * length (and a NUL), so that a byte too many is seen. */
struct fuzz_input {
	const char *at;
	size_t left;
};

/* The next line without its newline, up to a NUL. */
char *fuzz_line(struct fuzz_input *in);

/* The next line as words that commas separate; empty ones are left out. */
struct strv fuzz_list(struct fuzz_input *in);

/* A file of what is left, for the C library to read. Each line ends at its first NUL, and with
 * a newline: to glibc it ends there, too, but where such a line begins with blanks, glibc 2.36
 * reads rubbish behind its end. The caller closes it. */
FILE *fuzz_lines_file(struct fuzz_input in);

/* What stands before the next "----\n", or all that is left. */
struct buf fuzz_part(struct fuzz_input *in);
struct buf fuzz_rest(struct fuzz_input *in);
char *fuzz_string(const struct buf *bytes); /* up to a NUL */

/* Fit to be printed: UTF-8 without control characters, but for newlines where LINES. */
bool fuzz_printable(const struct buf *text, bool lines);

/* A value of every type; CHOICES as in type_check(). */
void fuzz_example(enum type type, const char *choices, struct strv *ret);

#endif
