/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A connection (lines: user, host, address, local address, local port), and a file of
 * sshd_config(5) with Match blocks. A connection that was made up for a block meets it;
 * patterns match what they say; a question about any connection has its answers.
 */
#include "fuzz.h"

#include "sshd-config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS_MAX 20
#define PATTERN_MAX_LEN 64

static int groups_of(const char *user, struct strv *ret)
{
	strv_add(ret, user);
	strv_add(ret, "wheel");
	return strv_error(ret);
}

/* The same by the book: whether the first I bytes of PATTERN match the first K of TEXT. */
static bool matches(const char *pattern, const char *text)
{
	bool m[PATTERN_MAX_LEN + 1][PATTERN_MAX_LEN + 1] = {{0}};
	size_t n = strlen(pattern), len = strlen(text);
	m[0][0] = true;
	for (size_t i = 1; i <= n; i++)
		for (size_t k = 0; k <= len; k++)
			if (pattern[i - 1] == '*')
				m[i][k] = m[i - 1][k] || (k && m[i][k - 1]);
			else if (k && (pattern[i - 1] == '?' || pattern[i - 1] == text[k - 1]))
				m[i][k] = m[i - 1][k - 1];
	return m[n][len];
}

static void patterns_match(const char *pattern, const char *text)
{
	if (strlen(pattern) > PATTERN_MAX_LEN || strlen(text) > PATTERN_MAX_LEN || strpbrk(pattern, ",!"))
		return;
	MUST(sshd_pattern_list(pattern, text, false) == matches(pattern, text));
	_cleanup_buf_ struct buf list = {0};
	buf_printf(&list, "*,!%s", pattern);
	MUST(sshd_pattern_list(buf_text(&list), text, false) == (matches(pattern, text) ? -1 : 1));
}

/* What sshd_config_load() makes of one file that includes nothing. */
static void load(struct sshd_file *file, struct sshd_config *config)
{
	size_t n = file->lines.n, chain = 0;
	config->files[0] = file;
	config->n_files = 1;
	config->n_chains = 1;
	config->chains = calloc(n + 1, sizeof(*config->chains));
	config->statements = calloc(n + 1, sizeof(*config->statements));
	MUST(config->chains && config->statements);
	for (size_t i = 0; i < n; i++) {
		config->statements[config->n_statements++] = (struct sshd_statement){0, i, chain};
		if (strcmp(file->lines.v[i].keyword, "match") != 0)
			continue;
		chain = config->n_chains++;
		config->chains[chain] = (struct sshd_chain){.match = {&file->lines.v[i].args}, .n = 1};
	}
}

static void blocks_can_be_met(const struct sshd_config *config, const struct sshd_people *people)
{
	for (size_t i = 0; i < config->n_chains && i < BLOCKS_MAX; i++) {
		struct sshd_case c = {0};
		int r = sshd_case_derive(&config->chains[i], people, &c);
		MUST(r == 0 || r == -ENOENT);
		if (r == 0) {
			struct buf label = {.data = c.label, .len = strlen(c.label)};
			MUST(sshd_chain_holds(&config->chains[i], &c, people) == 1);
			MUST(fuzz_printable(&label, false));
		}
		sshd_case_free(&c);
	}
}

static void questions_are_answered(const struct sshd_config *config, const struct sshd_case *c,
                                   const struct sshd_people *people)
{
	static const char *const keywords[] = {"\npermitrootlogin", "\npasswordauthentication", "\nauthorizedkeysfile"};
	_cleanup_buf_ struct buf answer = {0};
	buf_putc(&answer, '\n');
	MUST(sshd_config_guess(config, c, people, &answer) == 0);
	for (size_t i = 0; i < sizeof(keywords) / sizeof(*keywords); i++)
		MUST(strstr(answer.data, keywords[i]));
}

static struct sshd_case read_case(struct fuzz_input *in)
{
	struct sshd_case c = {.label = strdup("default")};
	char **fields[] = {&c.user, &c.host, &c.addr, &c.laddr, &c.lport};
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		*fields[i] = fuzz_line(in);
	return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	_cleanup_(sshd_case_free) struct sshd_case c = read_case(&in);
	_cleanup_strv_ struct strv users = {0};
	strv_add(&users, "root");
	strv_add(&users, "alice");
	const struct sshd_people people = {.users = &users, .groups = groups_of};
	struct sshd_file file = {.bytes = fuzz_rest(&in)}, *files[1];
	struct sshd_config config = {.files = files};
	patterns_match(c.host, c.user);
	sshd_address_list(c.host, c.addr);
	if (sshd_lines_parse(&file.bytes, &file.lines) == 0) {
		load(&file, &config);
		blocks_can_be_met(&config, &people);
		questions_are_answered(&config, &c, &people);
	}
	free(config.chains);
	free(config.statements);
	sshd_lines_free(&file.lines);
	buf_free(&file.bytes);
	return 0;
}
