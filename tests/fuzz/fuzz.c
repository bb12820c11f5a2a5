/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "base/escape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SEPARATOR "----\n"

void fuzz_broken(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
	abort();
}

static struct buf take(struct fuzz_input *in, size_t len, size_t behind)
{
	struct buf b = {.data = malloc(len + 1), .len = len, .cap = len + 1};
	MUST(b.data);
	if (len)
		memcpy(b.data, in->at, len);
	b.data[len] = '\0';
	in->at += len + behind;
	in->left -= len + behind;
	return b;
}

struct buf fuzz_rest(struct fuzz_input *in)
{
	return take(in, in->left, 0);
}

struct strv fuzz_list(struct fuzz_input *in)
{
	struct strv list = {0};
	_cleanup_free_ char *line = fuzz_line(in);
	char *rest = line, *word;
	while ((word = strsep(&rest, ",")))
		if (*word)
			strv_add(&list, word);
	MUST(strv_error(&list) == 0);
	return list;
}

FILE *fuzz_lines_file(struct fuzz_input in)
{
	int fd = memfd_create("lines", MFD_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r+");
	MUST(f);
	while (in.left) {
		_cleanup_free_ char *line = fuzz_line(&in);
		fprintf(f, "%s\n", line);
	}
	MUST(!ferror(f) && fseek(f, 0, SEEK_SET) == 0);
	return f;
}

struct buf fuzz_part(struct fuzz_input *in)
{
	const char *end = in->left ? memmem(in->at, in->left, SEPARATOR, strlen(SEPARATOR)) : NULL;
	return end ? take(in, (size_t)(end - in->at), strlen(SEPARATOR)) : fuzz_rest(in);
}

char *fuzz_string(const struct buf *bytes)
{
	char *text = strdup(buf_text(bytes));
	MUST(text);
	return text;
}

char *fuzz_line(struct fuzz_input *in)
{
	const char *newline = in->left ? memchr(in->at, '\n', in->left) : NULL;
	_cleanup_buf_ struct buf line = newline ? take(in, (size_t)(newline - in->at), 1) : fuzz_rest(in);
	return fuzz_string(&line);
}

bool fuzz_printable(const struct buf *text, bool lines)
{
	const char *s = buf_text(text);
	for (size_t i = 0, n; i < text->len; i += n) {
		unsigned c = 0;
		n = utf8_next(s + i, text->len - i, &c);
		if (!n || (utf8_is_control(c) && !(lines && c == '\n')))
			return false;
	}
	return true;
}

void fuzz_example(enum type type, const char *choices, struct strv *ret)
{
	static const char *const examples[TYPE_COUNT_] = {
		[TYPE_TEXT] = "some text",
		[TYPE_NAME] = "xmrig",
		[TYPE_PATH] = "/tmp/a[1]*",
		[TYPE_GLOB] = "/tmp/*",
		[TYPE_ADDRESS] = "2001:db8::/32",
		[TYPE_ENDPOINT] = "192.0.2.1:3333",
		[TYPE_PORT] = "3333",
		[TYPE_USER] = "alice",
		[TYPE_PID] = "4711",
		[TYPE_SHA256] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		[TYPE_FINGERPRINT] = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
		[TYPE_KEY] = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f alice",
		[TYPE_NUMBER] = "3",
		[TYPE_PERCENT] = "90",
		[TYPE_DURATION] = "1000ms",
		[TYPE_TIME] = "@1769853600",
		[TYPE_YES_NO] = "yes",
		[TYPE_OPTION] = "PermitRootLogin no",
		[TYPE_UNIT] = "evil.timer",
		[TYPE_PACKAGE] = "fail2ban",
	};
	if (type == TYPE_CHOICE)
		strv_addn(ret, choices, strcspn(choices, "|"));
	else
		strv_add(ret, examples[type]);
	MUST(strv_error(ret) == 0);
}
