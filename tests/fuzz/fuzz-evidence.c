/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What evidence is made of: any bytes as an executable, as a file with texts in it, and line
 * by line as shadow(5), /proc/modules and mountinfo.
 */
#include "fuzz.h"

#include "elf-codec.h"
#include "kernel-codec.h"
#include "printable-codec.h"
#include "shadow-codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEXTS_MAX 1024

static void take_executable(const struct buf *bytes)
{
	struct elf_info e;
	int r = elf_decode(buf_text(bytes), bytes->len, &e);
	MUST(r == 0 || r == -ENOEXEC);
	if (r < 0)
		return;
	MUST(e.bits == 32 || e.bits == 64);
	if (e.interpreter)
		MUST(e.interpreter >= bytes->data && e.interpreter + e.interpreter_len <= bytes->data + bytes->len);
}

static void take_texts(const struct buf *bytes)
{
	_cleanup_strv_ struct strv texts = {0};
	size_t sum = 0;
	int r = printable_find(buf_text(bytes), bytes->len, TEXTS_MAX, &texts);
	MUST(r == 0 || r == 1);
	for (size_t i = 0; i < texts.n; i++) {
		size_t len = strlen(texts.v[i]);
		const struct buf text = {.data = texts.v[i], .len = len};
		MUST(len >= PRINTABLE_MIN && len <= PRINTABLE_MAX);
		MUST(memmem(bytes->data, bytes->len, text.data, text.len));
		sum += len;
	}
	MUST(sum <= TEXTS_MAX);
}

static void take_line(const char *line, size_t len)
{
	struct shadow_entry s;
	if (shadow_decode(line, len, &s) == 0) {
		MUST(s.name == line && s.name_len && s.name_len < len);
		MUST(s.changed >= -1 && s.expires >= -1);
		MUST(!memchr(s.name, ':', s.name_len));
	}
}

static void take_proc_line(const char *line)
{
	_cleanup_free_ char *a = strdup(line), *b = strdup(line);
	struct module_line m;
	struct mount_line p;
	MUST(a && b);
	if (module_decode(a, &m) == 0)
		MUST(*m.name && *m.used_by && *m.state && strlen(m.taint) < strlen(line));
	if (mount_decode(b, &p) == 0)
		MUST(strlen(p.root) + strlen(p.point) + strlen(p.type) + strlen(p.source) < strlen(line));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	_cleanup_buf_ struct buf bytes = fuzz_rest(&in);
	take_executable(&bytes);
	take_texts(&bytes);
	in = (struct fuzz_input){(const char *)data, size};
	while (in.left) {
		const char *newline = memchr(in.at, '\n', in.left);
		size_t n = newline ? (size_t)(newline - in.at) : in.left;
		char *copy = malloc(n ? n : 1);
		MUST(copy);
		memcpy(copy, in.at, n);
		take_line(copy, n);
		free(copy);
		_cleanup_free_ char *line = fuzz_line(&in);
		take_proc_line(line);
	}
	return 0;
}
