/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * authorized_keys: what sshd takes for a key, and lines taken out of it.
 */
#include "ssh-stage.h"

#include "authorized-keys-edit.h"

#include <stdlib.h>
#include <string.h>

/* Two keys. */
#define B1 "AAAAC3NzaC1lZDI1NTE5AAAAIJ7Bv1nIqdJOePRgnVk9gQ8l6mP2eSs1Ic1hV6Jr0u5a"
#define B2 "AAAAC3NzaC1lZDI1NTE5AAAAIEaHCq2Oqg8bC8kD4Qh9g7f0m2yNnq1V3xX5pJrT8sWd"
#define K1 "ssh-ed25519 " B1
#define K2 "ssh-ed25519 " B2

struct seen {
	size_t n;
	char fingerprint[16][SSH_FINGERPRINT_LEN + 1];
	char comment[16][128];
	size_t line[16];
};

static int see(void *ctx, const struct authorized_key *k)
{
	struct seen *s = ctx;
	assert_true(s->n < 16);
	memcpy(s->fingerprint[s->n], k->key.fingerprint, sizeof(s->fingerprint[0]));
	snprintf(s->comment[s->n], sizeof(s->comment[0]), "%.*s", (int)k->comment_len, k->comment);
	s->line[s->n++] = k->line;
	return 0;
}

static struct seen look(const char *text, size_t len)
{
	_cleanup_buf_ struct buf b = {0};
	struct seen s = {0};
	buf_add(&b, text, len);
	assert_int_equal(authorized_keys_visit(&b, see, &s), 0);
	return s;
}

static void one_key_many_spellings(void **state)
{
	(void)state;
	static const struct {
		const char *line, *comment;
	} good[] = {
		{K1 " c", "c"},
		{K1, ""},
		{" \t" K1 " c\r", "c"},
		{"ssh-ed25519\t \t" B1 "\t a b  c ", "a b  c"},
		{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7Bv1nIqdJOePRgnVk9gQ8l\f6mP2eSs1Ic1hV6Jr0u5a c", "c"},
		{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA\rIJ7Bv1nIqdJOePRgnVk9gQ8l\v6mP2eSs1Ic1hV6Jr0u5a", ""},
		{"no-pty,restrict " K1 " c", "c"},
		{"command=\"echo \\\"hi there\\\", x\",from=\"10.0.0.0/8,!10.1.1.1\" " K1 " c", "c"},
		{"environment=\"A=ssh-rsa AAAA\" \t" K1, ""},
		{"command=\"" K2 " x\" " K1 " c", "c"},
		{"cert-authority,principals=\"root,x\" " K1 " ca", "ca"},
	};
	struct seen want = look(K1, strlen(K1));
	assert_int_equal(want.n, 1);
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct seen s = look(good[i].line, strlen(good[i].line));
		assert_int_equal(s.n, 1);
		assert_string_equal(s.fingerprint[0], want.fingerprint[0]);
		assert_string_equal(s.comment[0], good[i].comment);
	}
}

static void what_is_no_key(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"#" K1,
		" \t# " K1,
		"ssh-ed25519",
		"ssh-ed25519 ",
		"ssh-ed25519 !!!!",
		"ssh-rsa " B1,
		"ecdsa-sha2-nistp256 " B1,
		"command=\"open " K1,
		"no-pty",
		"no-pty restrict " K1,
		B1,
		"ssh-ed25519 "
		"AAAA",
		"x " B1,
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7Bv1nIqdJOePRg nVk9gQ8l6mP2eSs1Ic1hV6Jr0u5a",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct seen s = look(bad[i], strlen(bad[i]));
		if (s.n)
			print_message("# taken for a key: %s\n", bad[i]);
		assert_int_equal(s.n, 0);
	}
}

static void lines_end_as_sshd_ends_them(void **state)
{
	(void)state;
	static const char text[] = K1 " a\0" K2 " hidden\n" K2 " b";
	struct seen s = look(text, sizeof(text) - 1);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.line[0], 1);
	assert_string_equal(s.comment[0], "a");
	assert_string_equal(s.comment[1], "b");
	/* An append to a file without final newline glues two keys: sshd sees the first. */
	s = look(K1 " op" K2 " x\n", strlen(K1 " op" K2 " x\n"));
	assert_int_equal(s.n, 1);
	assert_string_equal(s.comment[0], "opssh-ed25519 " B2 " x");
}

struct doom {
	const char *fingerprint;
};

static int by_fingerprint(void *ctx, const struct authorized_key *k)
{
	return strcmp(((struct doom *)ctx)->fingerprint, k->key.fingerprint) == 0;
}

static void assert_removed(const char *fingerprint, const char *before, size_t before_len, const char *after,
                           size_t after_len)
{
	_cleanup_buf_ struct buf in = {0}, out = {0};
	struct doom doom = {fingerprint};
	buf_add(&in, before, before_len);
	assert_int_equal(authorized_keys_remove(&in, by_fingerprint, &doom, &out), 0);
	assert_int_equal(out.len, after_len);
	assert_memory_equal(buf_text(&out), after, after_len);
}

static void only_matching_lines_go(void **state)
{
	(void)state;
	struct seen k1 = look(K1, strlen(K1));
#define REMOVED(before, after) assert_removed(k1.fingerprint[0], before, sizeof(before) - 1, after, sizeof(after) - 1)
	REMOVED("", "");
	REMOVED(K1, "");
	REMOVED(K2 "\r\n" K1 " x\r\n\r\n# " K1, K2 "\r\n\r\n# " K1);
	REMOVED("\n" K1 "\nno-pty " K1 "\n \t" K2 "  \n" K1, "\n \t" K2 "  \n");
	REMOVED(K2 "\0 \xff\n" K1 " \xff\0\n\0\n", K2 "\0 \xff\n\0\n");
	REMOVED("command=\"" K1 "\" " K2, "command=\"" K1 "\" " K2);
#undef REMOVED
}

/* Any mixture of lines: what stays is each other line, byte for byte and in order. */
static void removing_keeps_every_other_byte(void **state)
{
	(void)state;
	static char long_option[8300];
	snprintf(long_option, sizeof(long_option), "command=\"%08192d\" " K2 " long\n", 0);
	const char *const stay[] = {K2 "\n",
				    "\n",
				    "# c\n",
				    "\t\r\n",
				    "garbage \x01\xff\n",
				    "no-pty " K2 " x\r\n",
				    "ssh-rsa AAAA\n",
				    "command=\"" K1 "\" " K2 "\n",
				    long_option,
				    "\"unclosed " K1 "\n"};
	const char *const go[] = {K1 "\n", " " K1 " x\n", "no-pty " K1 "\r\n", "cert-authority " K1 " ca\n"};
	struct seen k1 = look(K1, strlen(K1));
	unsigned seed = 1;
	for (int round = 0; round < 300; round++) {
		_cleanup_buf_ struct buf in = {0}, want = {0};
		for (int i = 0; i < 20; i++) {
			unsigned pick = (unsigned)rand_r(&seed) % 14;
			const char *line = pick < 10 ? stay[pick] : go[pick - 10];
			buf_puts(&in, line);
			if (pick < 10)
				buf_puts(&want, line);
		}
		assert_removed(k1.fingerprint[0], in.data, in.len, buf_text(&want), want.len);
	}
}

static void b64(const struct buf *raw, struct buf *ret)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < raw->len; i += 3) {
		unsigned v = 0;
		size_t n = raw->len - i < 3 ? raw->len - i : 3;
		for (size_t k = 0; k < 3; k++)
			v = v << 8 | (k < n ? (unsigned char)raw->data[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			buf_putc(ret, k <= n ? digits[v >> (18 - 6 * k) & 63] : '=');
	}
}

static void add_field(struct buf *raw, const char *bytes, size_t len)
{
	const char head[4] = {0, 0, (char)(len >> 8), (char)len};
	buf_add(raw, head, 4);
	buf_add(raw, bytes, len);
}

/* sshd takes the short name of a type inside a blob; ssh-keygen -l shows the same key. */
static void short_type_names_inside_a_blob(void **state)
{
	(void)state;
	_cleanup_buf_ struct buf odd = {0}, plain = {0}, raw = {0}, out = {0};
	char point[32];
	for (size_t i = 0; i < sizeof(point); i++)
		point[i] = (char)(i * 7 + 1);
	add_field(&raw, "ED25519", 7);
	add_field(&raw, point, 32);
	buf_puts(&odd, "ssh-ed25519 ");
	b64(&raw, &odd);
	buf_reset(&raw);
	add_field(&raw, "ssh-ed25519", 11);
	add_field(&raw, point, 32);
	buf_puts(&plain, "ssh-ed25519 ");
	b64(&raw, &plain);
	struct seen a = look(odd.data, odd.len), b = look(plain.data, plain.len);
	assert_int_equal(a.n, 1);
	assert_string_equal(a.fingerprint[0], b.fingerprint[0]);

	ssh_stage_need_root();
	put("/run/keys/odd.pub", 0600, 0, odd.data);
	fingerprint_of("/run/keys/odd.pub", &out);
	assert_string_equal(out.data, a.fingerprint[0]);
}

static void fingerprints_are_those_of_ssh_keygen(void **state)
{
	(void)state;
	static const char *const types[] = {"ed25519", "rsa", "ecdsa"};
	ssh_stage_need_root();
	for (size_t i = 0; i < 3; i++) {
		_cleanup_buf_ struct buf line = {0}, want = {0}, cert = {0};
		char name[64];
		make_key(types[i], types[i], &line);
		snprintf(name, sizeof(name), "/run/keys/%s.pub", types[i]);
		fingerprint_of(name, &want);
		struct seen s = look(line.data, line.len);
		assert_string_equal(s.fingerprint[0], want.data);
		assert_string_equal(s.comment[0], types[i]);

		/* A certificate is its plain key. */
		run(NULL, "/usr/bin/ssh-keygen", "-q", "-s", "/run/keys/ed25519", "-I", "id", "-n", "root", name, NULL);
		snprintf(name, sizeof(name), "/run/keys/%s-cert.pub", types[i]);
		get(name, &cert);
		fingerprint_of(name, &want);
		s = look(cert.data, cert.len);
		assert_int_equal(s.n, 1);
		assert_string_equal(s.fingerprint[0], want.data);
	}
}

#define STAGED(f) cmocka_unit_test_setup_teardown(f, ssh_stage_setup, ssh_stage_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_key_many_spellings),
		cmocka_unit_test(what_is_no_key),
		cmocka_unit_test(lines_end_as_sshd_ends_them),
		cmocka_unit_test(only_matching_lines_go),
		cmocka_unit_test(removing_keeps_every_other_byte),
		STAGED(short_type_names_inside_a_blob),
		STAGED(fingerprints_are_those_of_ssh_keygen),
	};
	return cmocka_run_group_tests_name("authorized-keys", tests, ssh_stage_enter, NULL);
}
