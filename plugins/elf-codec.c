/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "elf-codec.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#define SEGMENTS_MAX 256
#define INTERPRETER_MAX 4096

struct reader {
	const unsigned char *bytes;
	size_t len;
	bool big;
	bool outside; /* something lay behind the end */
};

/* A number of SIZE bytes at AT; 0 where it lies outside. */
static uint64_t number(struct reader *r, uint64_t at, unsigned size)
{
	uint64_t n = 0;
	if (at > r->len || size > r->len - at) {
		r->outside = true;
		return 0;
	}
	for (unsigned i = 0; i < size; i++)
		n |= (uint64_t)r->bytes[at + (r->big ? size - 1 - i : i)] << (8 * i);
	return n;
}

static void read_segment(struct reader *r, bool wide, uint64_t at, struct elf_info *ret)
{
	uint64_t type = number(r, at, 4);
	uint64_t offset = wide ? number(r, at + 8, 8) : number(r, at + 4, 4);
	uint64_t size = wide ? number(r, at + 32, 8) : number(r, at + 16, 4);
	if (type == PT_DYNAMIC)
		ret->dynamic = true;
	if (type != PT_INTERP)
		return;
	if (!size || size > INTERPRETER_MAX || offset > r->len || size > r->len - offset) {
		r->outside = true;
		return;
	}
	ret->interpreter = (const char *)r->bytes + offset;
	ret->interpreter_len = strnlen(ret->interpreter, (size_t)size);
}

int elf_decode(const char *bytes, size_t len, struct elf_info *ret)
{
	struct reader r = {.bytes = (const unsigned char *)bytes, .len = len};
	struct elf_info info = {0};
	if (len < EI_NIDENT || memcmp(bytes, ELFMAG, SELFMAG) != 0)
		return -ENOEXEC;
	bool wide = bytes[EI_CLASS] == ELFCLASS64;
	if ((!wide && bytes[EI_CLASS] != ELFCLASS32) ||
	    (bytes[EI_DATA] != ELFDATA2LSB && bytes[EI_DATA] != ELFDATA2MSB))
		return -ENOEXEC;
	r.big = info.big_endian = bytes[EI_DATA] == ELFDATA2MSB;
	info.bits = wide ? 64 : 32;
	info.type = (unsigned)number(&r, 16, 2);
	info.machine = (unsigned)number(&r, 18, 2);
	info.entry = number(&r, 24, wide ? 8 : 4);
	uint64_t table = wide ? number(&r, 32, 8) : number(&r, 28, 4);
	unsigned size = (unsigned)number(&r, wide ? 54 : 42, 2);
	info.segments = (unsigned)number(&r, wide ? 56 : 44, 2);
	info.sections = (unsigned)number(&r, wide ? 60 : 48, 2);
	bool odd = info.segments > SEGMENTS_MAX || (info.segments && size < (wide ? 56u : 32u)) || table > len;
	for (unsigned i = 0; !odd && i < info.segments; i++)
		read_segment(&r, wide, table + (uint64_t)i * size, &info);
	info.damaged = odd || r.outside;
	info.packed = memmem(bytes, len, "UPX!", 4) != NULL;
	*ret = info;
	return 0;
}
