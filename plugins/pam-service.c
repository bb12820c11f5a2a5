/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pam-service.h"

#include "base/fd.h"
#include "change/file-edit.h"
#include "sshd-asker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DIRECTORY "/etc/pam.d/"
#define MODULE "pam_respond.so"
#define DEPTH 8

static const char blanks[] = " \t\r\f\v";

/* The next word; "[success=1 default=ignore]" is one. */
static char *next_word(char **rest)
{
	char *word = *rest + strspn(*rest, blanks);
	if (!*word)
		return NULL;
	size_t len = word[0] == '[' ? strcspn(word, "]") : strcspn(word, blanks);
	len += word[len] == ']';
	*rest = word + len + (word[len] != '\0');
	word[len] = '\0';
	return word;
}

static bool is_module(const char *path, const char *module)
{
	const char *slash = strrchr(path, '/');
	return strcmp(slash ? slash + 1 : path, module) == 0;
}

/* The search for a module in a stack. */
struct hunt {
	struct host *host;
	const struct plan *plan;
	const char *module;
	bool ended; /* a line before it lets in whom it accepts, and ends the stack */
};

static bool ends_stack(const char *control)
{
	return strcasecmp(control, "sufficient") == 0 || strcasestr(control, "success=done");
}

static int search(struct hunt *hunt, const char *service, int depth);

static int search_line(struct hunt *hunt, char *line, int depth)
{
	char *type = next_word(&line), *control = type ? next_word(&line) : NULL;
	bool ended = hunt->ended;
	if (!control || type[0] == '#')
		return 0;
	if (strcmp(type, "@include") == 0)
		return search(hunt, control, depth + 1);
	char *path = next_word(&line);
	if (!path || strcasecmp(type + (type[0] == '-'), "account") != 0)
		return 0;
	if (strcasecmp(control, "include") == 0)
		return search(hunt, path, depth + 1);
	if (strcasecmp(control, "substack") == 0) {
		int r = search(hunt, path, depth + 1);
		if (r == 0)
			hunt->ended = ended; /* what ends a substack ends no more than that */
		return r;
	}
	if (is_module(path, hunt->module))
		return 1;
	hunt->ended |= ends_stack(control);
	return 0;
}

static int search(struct hunt *hunt, const char *service, int depth)
{
	_cleanup_buf_ struct buf path = {0}, file = {0}, real = {0};
	if (depth > DEPTH)
		return 0;
	buf_printf(&path, "%s%s", service[0] == '/' ? "" : DIRECTORY, service);
	int r = path_follow(hunt->host->root, buf_text(&path), &real);
	if (r == 0)
		r = hunt->plan ? file_edit_read(hunt->host, hunt->plan, real.data, &file)
		               : path_read(hunt->host->root, real.data, FILE_EDIT_MAX, &file, NULL);
	char *rest = r == 0 && file.len ? file.data : NULL, *line;
	while (r == 0 && (line = strsep(&rest, "\n")))
		r = search_line(hunt, line, depth);
	return r == -ENOENT && depth ? 0 : r;
}

int pam_service_has(struct host *host, const struct plan *plan, const char *service, const char *module,
                    bool *ret_passed)
{
	struct hunt hunt = {host, plan, module, false};
	int r = search(&hunt, service, 0);
	if (r == 1 && ret_passed)
		*ret_passed = hunt.ended;
	return r;
}

static int uses_pam(struct host *host, struct plan *plan, bool *ret)
{
	_cleanup_(sshd_case_free) struct sshd_case anybody = {0};
	_cleanup_(sshd_asker_close) struct sshd_asker asker = {0};
	_cleanup_buf_ struct buf why = {0};
	const struct buf *dump;
	int r = sshd_asker_open(&asker, host, plan, NULL, 0, &why);
	if (r == 0)
		r = sshd_case_default(NULL, &anybody); /* no Match line can say otherwise */
	if (r == 0)
		r = sshd_asker_dump(&asker, &anybody, &dump, NULL);
	if (r == 0)
		*ret = sshd_dump_is(dump, "usepam", "yes");
	return r;
}

int pam_inert_at_sshd(struct host *host, struct plan *plan, struct buf *ret_why)
{
	bool pam = true, passed = false;
	int r = uses_pam(host, plan, &pam);
	if (r == -ENOMEM)
		return r;
	if (r == 0 && !pam)
		return buf_puts(ret_why, "sshd does not ask PAM (UsePAM no)");
	r = pam_service_has(host, plan, "sshd", MODULE, &passed);
	if (r == 1 && passed)
		return buf_puts(ret_why, "the account stack of " DIRECTORY "sshd lets users in before its line for " MODULE);
	if (r == 1 || r == -ENOMEM || r == -EACCES)
		return r == -ENOMEM ? r : 0;
	return buf_puts(ret_why, r == -ENOENT ? "there is no " DIRECTORY "sshd"
	                                      : "the account stack of " DIRECTORY "sshd has no line for " MODULE);
}
