/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What evidence is made of: executables, texts in files, shadow(5), /proc; and headers of tar.
 */
#include "elf-codec.h"
#include "kernel-codec.h"
#include "printable-codec.h"
#include "shadow-codec.h"

#include "base/fd.h"
#include "base/tar-codec.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void read_self(struct buf *ret)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fd_read(fd, 64 << 20, ret), 0);
}

static void an_executable_is_told(void **state)
{
	_cleanup_buf_ struct buf self = {0};
	struct elf_info info;
	(void)state;
	read_self(&self);
	assert_int_equal(elf_decode(self.data, self.len, &info), 0);
	assert_int_equal(info.bits, sizeof(void *) * 8);
	assert_int_equal(info.type, ET_DYN);
	assert_true(info.dynamic && !info.damaged && info.sections > 5);
	assert_non_null(info.interpreter);
	assert_non_null(memmem(info.interpreter, info.interpreter_len, "/ld", 3));
	assert_int_equal(elf_decode("#!/bin/sh\n", 10, &info), -ENOEXEC);
	assert_int_equal(elf_decode("", 0, &info), -ENOEXEC);
	assert_int_equal(elf_decode(ELFMAG, SELFMAG, &info), -ENOEXEC);
}

/* The headers of every length, and with every byte of them spoilt, in memory of that size. */
static void damaged_headers_do_no_harm(void **state)
{
	_cleanup_buf_ struct buf self = {0};
	struct elf_info info;
	(void)state;
	read_self(&self);
	for (size_t n = 0; n < 1024; n++) {
		char *copy = malloc(n ? n : 1);
		assert_non_null(copy);
		memcpy(copy, self.data, n);
		int r = elf_decode(copy, n, &info);
		assert_int_equal(r, n < EI_NIDENT ? -ENOEXEC : 0);
		assert_true(r < 0 || n >= sizeof(Elf64_Ehdr) || info.damaged);
		free(copy);
	}
	for (size_t i = EI_NIDENT; i < 512; i++) {
		char *copy = malloc(1024);
		assert_non_null(copy);
		memcpy(copy, self.data, 1024);
		copy[i] = (char)0xff;
		assert_int_equal(elf_decode(copy, 1024, &info), 0);
		if (info.interpreter)
			assert_true(info.interpreter + info.interpreter_len <= copy + 1024);
		free(copy);
	}
	char upx[512] = ELFMAG;
	upx[EI_CLASS] = ELFCLASS32;
	upx[EI_DATA] = ELFDATA2MSB;
	upx[17] = ET_EXEC;
	upx[19] = EM_MIPS;
	assert_int_equal(elf_decode(upx, sizeof(upx), &info), 0);
	assert_false(info.packed);
	memcpy(upx + 300, "UPX!", 4);
	assert_int_equal(elf_decode(upx, sizeof(upx), &info), 0);
	assert_true(info.packed && info.big_endian && info.bits == 32 && info.type == ET_EXEC && info.machine == EM_MIPS);
	assert_true(!info.dynamic && !info.interpreter);
}

static void texts_are_found(void **state)
{
	static const char bytes[] = "\0\1short\0http://x.example/a\0\xff\xfftabs\tand blanks\n12345\0" "123456";
	_cleanup_strv_ struct strv texts = {0}, few = {0}, cut = {0};
	char long_one[1000];
	(void)state;
	assert_int_equal(printable_find(bytes, sizeof(bytes) - 1, 4096, &texts), 0);
	assert_int_equal(texts.n, 3);
	assert_string_equal(texts.v[0], "http://x.example/a");
	assert_string_equal(texts.v[1], "tabs\tand blanks");
	assert_string_equal(texts.v[2], "123456");
	assert_int_equal(printable_find(bytes, sizeof(bytes) - 1, 20, &few), 1);
	assert_int_equal(few.n, 1);
	memset(long_one, 'a', sizeof(long_one));
	assert_int_equal(printable_find(long_one, sizeof(long_one), 4096, &cut), 0);
	assert_int_equal(cut.n, 1);
	assert_int_equal(strlen(cut.v[0]), PRINTABLE_MAX);
	assert_int_equal(printable_find(NULL, 0, 4096, &cut), 0);
}

static void assert_password(const char *line, const char *word, long changed, long expires)
{
	struct shadow_entry e;
	assert_int_equal(shadow_decode(line, strlen(line), &e), 0);
	assert_string_equal(e.password, word);
	assert_int_equal(e.changed, changed);
	assert_int_equal(e.expires, expires);
}

static void shadow_is_read_without_its_hashes(void **state)
{
	static const char *const bad[] = {"", "root", ":x:1", "a:b:c:d:e:f:g:h:i:j", "a:x:1x", "a:x:-", "a:x:1:::::z:",
	                                  "a:x:99999999999999999999"};
	struct shadow_entry e;
	(void)state;
	assert_password("root:$y$j9T$abcdefghijk$lmnopqrstuvwxyz:20000:0:99999:7:::", "set", 20000, -1);
	assert_password("root:!$y$j9T$abcdefghijk$lmnopqrstuvwxyz:20000:0:99999:7::1:", "locked", 20000, 1);
	assert_password("daemon:*:19000:0:99999:7:::", "none", 19000, -1);
	assert_password("new:!:::::::", "none", -1, -1);
	assert_password("open::20000:0:99999:7:::", "empty", 20000, -1);
	assert_password("old:abcdefghijklm:-1:", "set", -1, -1);
	assert_password("two:x", "none", -1, -1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (shadow_decode(bad[i], strlen(bad[i]), &e) != -EBADMSG)
			fail_msg("taken for an entry: %s", bad[i]);
}

static int module(const char *text, struct module_line *ret)
{
	static char line[512];
	snprintf(line, sizeof(line), "%s", text);
	return module_decode(line, ret);
}

static int mount(const char *text, struct mount_line *ret)
{
	static char line[512];
	snprintf(line, sizeof(line), "%s", text);
	return mount_decode(line, ret);
}

static void lines_of_proc_are_read(void **state)
{
	struct module_line m;
	struct mount_line p;
	(void)state;
	assert_int_equal(module("rootkit 16384 2 a,b, Live 0xffffffffc0a00000 (OE)", &m), 0);
	assert_string_equal(m.name, "rootkit");
	assert_int_equal(m.size, 16384);
	assert_string_equal(m.used_by, "a,b,");
	assert_string_equal(m.taint, "OE");
	assert_int_equal(module("ext4 1000000 1 - Live 0x0000000000000000", &m), 0);
	assert_string_equal(m.taint, "");
	assert_int_equal(module("", &m), -EBADMSG);
	assert_int_equal(module("ext4 x 1 - Live 0x0", &m), -EBADMSG);
	assert_int_equal(module("ext4 1 1 -", &m), -EBADMSG);
	assert_int_equal(mount("36 35 98:0 / /mnt\\040two rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue", &p), 0);
	assert_string_equal(p.point, "/mnt two");
	assert_string_equal(p.type, "ext3");
	assert_string_equal(p.source, "/dev/root");
	assert_int_equal(mount("36 35 98:0 / /proc/42 rw - tmpfs  rw", &p), 0);
	assert_string_equal(p.source, "");
	assert_int_equal(mount("36 35 98:0 /a\\012b\\134 /\\777 rw - tmpfs x rw", &p), 0);
	assert_string_equal(p.root, "/a\nb\\");
	assert_string_equal(p.point, "/\\777");
	assert_int_equal(mount("36 35 98:0 / /mnt rw master:1", &p), -EBADMSG);
	assert_int_equal(mount("36 35 98:0", &p), -EBADMSG);
	assert_int_equal(mount("", &p), -EBADMSG);
}

static void headers_of_tar_are_those_of_posix(void **state)
{
	unsigned char h[TAR_BLOCK];
	unsigned sum = 8 * ' ';
	char name[TAR_NAME_MAX + 2];
	(void)state;
	assert_int_equal(tar_header("run/journal", 1234, 1764036855, h), 0);
	assert_string_equal((char *)h, "run/journal");
	assert_string_equal((char *)h + 100, "0000600");
	assert_string_equal((char *)h + 124, "00000002322");
	assert_string_equal((char *)h + 257, "ustar");
	assert_memory_equal(h + 263, "00", 2);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += i >= 148 && i < 156 ? 0 : h[i];
	assert_int_equal(strtoul((char *)h + 148, NULL, 8), sum);
	memset(name, 'n', sizeof(name));
	name[TAR_NAME_MAX + 1] = '\0';
	assert_int_equal(tar_header(name, 0, 0, h), -ENAMETOOLONG);
	name[TAR_NAME_MAX] = '\0';
	assert_int_equal(tar_header(name, TAR_SIZE_MAX, -5, h), 0);
	assert_memory_equal(h + 124, "77777777777", 12);
	assert_int_equal(tar_header("x", TAR_SIZE_MAX + 1, 0, h), -EFBIG);
	assert_int_equal(tar_padding(0), 0);
	assert_int_equal(tar_padding(1), 511);
	assert_int_equal(tar_padding(512), 0);
	assert_int_equal(tar_padding(513), 511);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_executable_is_told),
		cmocka_unit_test(damaged_headers_do_no_harm),
		cmocka_unit_test(texts_are_found),
		cmocka_unit_test(shadow_is_read_without_its_hashes),
		cmocka_unit_test(lines_of_proc_are_read),
		cmocka_unit_test(headers_of_tar_are_those_of_posix),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
