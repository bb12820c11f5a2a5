/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * respond --vault: what is kept in the vault, and the way out of it.
 */
#include "base/clock.h"
#include "base/escape.h"
#include "commands.h"
#include "core/purge.h"
#include "core/value.h"
#include "core/vault-export.h"
#include "core/vault-room.h"
#include "show.h"
#include "vault-show.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int usage_error(const char *text)
{
	fprintf(stderr, "respond: %s\nTry: respond --help\n", text);
	return EXIT_USAGE;
}

int quota_status(struct session *s, const struct round *round, int status)
{
	_cleanup_(vault_room_free) struct vault_room room = {0};
	uint64_t quota = s->config.vault_quota;
	if (!quota || status != EXIT_PENDING || engine_open_to_read(&s->engine) < 0)
		return status;
	struct vault *vault = s->host.vault;
	int r = vault ? vault_limit(vault, quota) : 0;
	for (size_t i = 0; r == 0 && i < plan_count(round->plan); i++)
		if (round_pending(round, i))
			r = vault_room_add(&room, vault, plan_at(round->plan, i));
	if (r == 0)
		r = vault ? vault_admit(vault, room.bytes) : room.bytes > quota ? -EDQUOT : 0;
	vault_close(&s->host.vault);
	return r == 0 ? status : complain("a run would change nothing", r == -EDQUOT ? vault_room_lacking : strerror(-r));
}

/* What the vault holds; the runs of which that is not known are named. */
static int load(struct session *s, struct vault_usage *ret)
{
	int r = engine_open_to_read(&s->engine);
	if (r == 0)
		r = vault_usage_load(&s->state, s->host.vault, s->engine.parts->kinds, ret);
	if (r == 0)
		return EXIT_DONE;
	return complain("the vault", geteuid() != 0 && (r == -EACCES || r == -EPERM) ? "only root may look into it"
	                                                                             : strerror(-r));
}

static int name_unreadable(const struct vault_usage *usage)
{
	for (size_t i = 0; i < usage->unreadable.n; i++)
		fprintf(stderr, "respond: what is needed is not known of run %s\n", usage->unreadable.v[i]);
	return usage->unreadable.n ? EXIT_FAILED : EXIT_DONE;
}

static int list(struct session *s)
{
	struct vault_usage usage = {0};
	int status = session_config(s);
	if (status == EXIT_DONE)
		status = load(s, &usage);
	if (status != EXIT_DONE)
		return status;
	if (s->options->json)
		put_json(&s->printer, json_vault(&usage, s->config.vault_quota));
	else
		print_vault(&s->printer, &usage, s->config.vault_quota);
	status = name_unreadable(&usage);
	vault_usage_free(&usage);
	return status;
}

static int find(struct session *s, struct vault_usage *usage, const struct vault_object **ret)
{
	int status = load(s, usage);
	if (status != EXIT_DONE)
		return status;
	int r = vault_usage_find(usage, s->options->words[1], ret);
	if (r == 0)
		return EXIT_DONE;
	_cleanup_buf_ struct buf name = {0};
	escape_str(&name, s->options->words[1]);
	fprintf(stderr, "respond: object %s: %s; respond --vault lists the objects\n", buf_text(&name),
	        r == -ENOENT ? "there is none" : "that is the start of several");
	return EXIT_USAGE;
}

static int show(struct session *s)
{
	struct vault_usage usage = {0};
	const struct vault_object *object;
	int status = find(s, &usage, &object);
	if (status == EXIT_DONE) {
		_cleanup_close_ int fd = -1;
		int state = vault_open_object(s->host.vault, object->sha256.hex, &fd);
		if (s->options->json)
			put_json(&s->printer, json_object_shown(object, state));
		else
			print_object(&s->printer, object, state);
		status = name_unreadable(&usage);
		if (state < 0)
			status = state == -EBADMSG ? EXIT_DAMAGED : EXIT_FAILED;
	}
	vault_usage_free(&usage);
	return status;
}

static const char *why_not(int r)
{
	switch (r) {
	case -EEXIST: return "something stands there already; it is not overwritten";
	case -ELOOP: return "a symbolic link on the way could have been made by somebody other than root";
	case -EINVAL: return "this is not the name of a file";
	case -EBADMSG: return "the object is damaged: it is not what its name says, and is not given out";
	default: return strerror(-r);
	}
}

/* Some filesystems know no modes, and give everybody every right. */
static void warn_of_mode(int root, const char *path)
{
	struct stat st;
	if (fstatat(root, path + 1, &st, AT_SYMLINK_NOFOLLOW) == 0 && (st.st_mode & 0177))
		fprintf(stderr, "respond: the filesystem gives it mode %04o: mind what it is\n",
		        (unsigned)(st.st_mode & 07777));
}

static int export(struct session *s)
{
	struct vault_usage usage = {0};
	const struct vault_object *object;
	_cleanup_buf_ struct buf path = {0}, name = {0};
	int status = find(s, &usage, &object);
	if (status == EXIT_DONE) {
		int r = absolute_path(s->options->words[2], &path);
		if (r == 0)
			r = vault_export(s->host.vault, object->sha256.hex, s->host.root, path.data);
		escape_str(&name, s->options->words[2]);
		if (r < 0)
			complain(buf_text(&name), why_not(r));
		if (r < 0)
			status = r == -EBADMSG ? EXIT_DAMAGED : EXIT_FAILED;
		else
			warn_of_mode(s->host.root, path.data);
		if (r == 0 && s->options->json)
			put_json(&s->printer, json_pack("{ss so}", "sha256", object->sha256.hex, "file", json_text(path.data)));
		else if (r == 0)
			print_styled(&s->printer, STYLE_PLAIN, "%s: %lld bytes, SHA-256 %s\n", buf_text(&name),
			             (long long)object->stat.st_size, object->sha256.hex);
	}
	vault_usage_free(&usage);
	return status;
}

static int put_purge(struct session *s, bool dry, const struct purge_result *result)
{
	const struct strv *objects = &result->objects;
	char size[SIZE_TEXT_LEN];
	size_text(result->bytes, size);
	if (s->options->json) {
		json_t *list = json_array();
		for (size_t i = 0; i < objects->n; i++)
			json_array_append_new(list, json_string(objects->v[i]));
		return put_json(&s->printer, json_pack("{sb so sI sI}", "planned", dry, "objects", list, "bytes",
		                                       (json_int_t)result->bytes, "live", (json_int_t)result->live));
	}
	if (!objects->n) {
		print_styled(&s->printer, STYLE_BOLD, "Nothing is old enough to be purged.\n");
		return EXIT_DONE;
	}
	print_styled(&s->printer, STYLE_BOLD, "%s%zu object%s, %s.", dry ? "To be purged: " : "Purged: ", objects->n,
	             objects->n == 1 ? "" : "s", size);
	if (result->live)
		print_styled(&s->printer, STYLE_YELLOW, " Without them, %zu change%s in force cannot be taken back.", result->live,
		             result->live == 1 ? "" : "s");
	fputc('\n', s->printer.out);
	return EXIT_DONE;
}

static int purge_plan(struct session *s, int64_t age_ms)
{
	struct vault_usage usage = {0};
	struct purge_result result = {0};
	int status = load(s, &usage);
	if (status == EXIT_DONE)
		status = name_unreadable(&usage);
	for (size_t i = 0; status == EXIT_DONE && i < usage.n; i++) {
		const struct vault_object *o = &usage.v[i];
		if (!purge_takes(o, realtime_ms() / 1000, age_ms))
			continue;
		strv_add(&result.objects, o->sha256.hex);
		result.bytes += (uint64_t)o->stat.st_blocks * 512;
		result.live += vault_object_live(o);
		if (!s->options->json)
			print_object_line(&s->printer, o);
	}
	if (status == EXIT_DONE && put_purge(s, true, &result) == EXIT_DONE && result.objects.n)
		status = EXIT_PENDING;
	purge_result_free(&result);
	vault_usage_free(&usage);
	return status;
}

static int purge_real(struct session *s, int64_t age_ms)
{
	struct purge_result result = {0};
	_cleanup_buf_ struct buf why = {0};
	if (geteuid() != 0)
		return complain("the vault", "only root may purge it");
	heed_signals();
	int status = EXIT_DONE;
	int r = purge_run(&s->engine, age_ms, operator_record("command"), &result, &why);
	if (r < 0) {
		complain("the purge could not go on", reason(&why, r));
		status = r == -ENOTSUP ? EXIT_REFUSED : result.objects.n ? EXIT_PARTLY : EXIT_FAILED;
	}
	if (r == 0 || result.objects.n)
		put_purge(s, false, &result);
	purge_result_free(&result);
	return status;
}

static int purge(struct session *s)
{
	_cleanup_strv_ struct strv age = {0};
	_cleanup_buf_ struct buf why = {0};
	int r = type_check(TYPE_DURATION, NULL, s->options->words[1], &age, &why);
	if (r < 0) {
		fprintf(stderr, "respond: --vault purge: %s\n", reason(&why, r));
		return EXIT_USAGE;
	}
	int status = session_config(s);
	if (status != EXIT_DONE)
		return status;
	return s->options->dry ? purge_plan(s, value_ms(age.v[0])) : purge_real(s, value_ms(age.v[0]));
}

int command_vault(struct session *s)
{
	static const struct {
		const char *name;
		size_t words;
		const char *form;
		int (*act)(struct session *s);
	} verbs[] = {
		{"list", 1, "--vault list takes nothing more", list},
		{"show", 2, "--vault show takes an OBJECT", show},
		{"export", 3, "--vault export takes an OBJECT and a new FILE", export},
		{"purge", 2, "--vault purge takes an AGE, such as 90d", purge},
	};
	const struct options *o = s->options;
	const char *name = o->n_words ? o->words[0] : "list";
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (strcmp(verbs[i].name, name) != 0)
			continue;
		if (o->n_words ? o->n_words != verbs[i].words : verbs[i].words != 1)
			return usage_error(verbs[i].form);
		if (verbs[i].act == export && strcmp(o->words[2], "-") == 0)
			return usage_error("an object is exported to a file, not to standard output");
		int status = verbs[i].act(s);
		vault_close(&s->host.vault);
		return status;
	}
	return usage_error("--vault takes list, show, export or purge");
}
