/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the beginning of an executable tells: elf(5). Pure: no I/O.
 */
#ifndef RESPOND_PLUGINS_ELF_CODEC_H
#define RESPOND_PLUGINS_ELF_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_info {
	unsigned bits;        /* 32 or 64 */
	bool big_endian;
	unsigned type;        /* ET_EXEC, ET_DYN, ... */
	unsigned machine;     /* EM_X86_64, ... */
	uint64_t entry;
	unsigned segments, sections;
	bool dynamic;         /* it has a dynamic segment: otherwise it stands alone */
	const char *interpreter; /* into the bytes, not NUL-terminated; NULL: none */
	size_t interpreter_len;
	bool packed;          /* marked by the packer UPX */
	bool damaged;         /* its headers lead outside of the bytes, or make no sense */
};

/* BYTES: from the start of the file; as much as there is. 0; -ENOEXEC: not ELF. */
int elf_decode(const char *bytes, size_t len, struct elf_info *ret);

#endif
