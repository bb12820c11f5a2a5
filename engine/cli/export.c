/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "export.h"

#include "base/escape.h"
#include "core/bundle.h"
#include "core/vault.h"
#include "print-json.h"
#include "progress.h"
#include "show.h"

#include <errno.h>
#include <string.h>

static void print_bundle(const struct printer *p, const char *id, const char *file, const struct bundle_result *r)
{
	char size[SIZE_TEXT_LEN];
	size_text((uint64_t)r->size, size);
	print_styled(p, STYLE_BOLD, "Run %s: ", id);
	print_styled(p, STYLE_PLAIN, "%zu files in %s (%s)\nSHA-256 %s\n", r->files, file, size, r->sha256.hex);
	if (r->left_out)
		print_styled(p, STYLE_DIM, "%zu file%s of its changes left out; --with-files takes them in.\n", r->left_out,
		             r->left_out == 1 ? "" : "s");
	if (r->missing)
		print_styled(p, STYLE_YELLOW, "%zu of its objects are no longer in the vault.\n", r->missing);
	if (r->damaged)
		print_styled(p, STYLE_RED, "%zu of its objects are damaged or were tampered with, and are left out.\n",
		             r->damaged);
}

static int put_bundle(struct session *s, const char *id, const char *file, const struct bundle_result *r)
{
	_cleanup_buf_ struct buf shown = {0};
	int status = r->damaged ? EXIT_DAMAGED : r->missing ? EXIT_PARTLY : EXIT_DONE;
	escape_str(&shown, file);
	if (!s->options->json)
		print_bundle(&s->printer, id, buf_text(&shown), r);
	else
		put_json(&s->printer,
		         json_pack("{ss so si sI ss si si si si}", "run", id, "file", json_text(file), "files", (int)r->files,
		                   "size", (json_int_t)r->size, "sha256", r->sha256.hex, "left-out", (int)r->left_out,
		                   "missing", (int)r->missing, "damaged", (int)r->damaged, "status", status));
	return status;
}

int command_export(struct session *s)
{
	char id[RUN_ID_LEN];
	struct run *run = NULL;
	struct bundle_result result;
	_cleanup_buf_ struct buf path = {0}, why = {0}, about = {0};
	int status = session_need_root("an export");
	if (status == EXIT_DONE)
		status = session_find_run(s, id);
	if (status != EXIT_DONE)
		return status;
	int r = run_load(&s->state, id, s->engine.parts->kinds, &run, &why);
	bool damaged = r == -EBADMSG;
	if (r == 0)
		r = engine_open_to_read(&s->engine);
	if (r == 0)
		r = absolute_path(s->options->words[1], &path);
	if (r == 0) {
		progress_phase("writing the bundle");
		r = bundle_write(&s->engine, run, s->options->with_files, buf_text(&path), &result, &why);
		progress_phase(NULL);
	}
	escape_str(&about, path.len ? path.data : id);
	status = r == 0 ? put_bundle(s, id, buf_text(&path), &result)
	                : complain(buf_text(&about), reason(&why, r));
	vault_close(&s->host.vault);
	run_free(&run);
	return damaged ? EXIT_DAMAGED : status;
}
