/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A place of its own to move and edit files in: a directory under /tmp with a vault,
 * seen by a host that is opened on "/".
 */
#ifndef RESPOND_TESTS_FILE_STAGE_H
#define RESPOND_TESTS_FILE_STAGE_H

#include "base/buf.h"
#include "core/change.h"
#include "core/plan.h"

struct file_stage {
	char dir[32];
	struct host host;
	struct effect effect;
	struct plan *plan;
};

/* cmocka fixtures: of a group (its own mount namespace; skips without root), of a test. */
int file_stage_group(void **state);
int file_stage_make(void **state);
int file_stage_drop(void **state);
bool file_stage_root(void);

/* The absolute path of NAME in the stage; valid for the next few calls. */
const char *at(const struct file_stage *s, const char *name);

void put_file(const struct file_stage *s, const char *name, const char *text);
void put_bytes(const struct file_stage *s, const char *name, const void *bytes, size_t len);
void assert_file(const struct file_stage *s, const char *name, const char *text);
void assert_no_file(const struct file_stage *s, const char *name);
void mount_tmpfs(const struct file_stage *s, const char *name, const char *options);
void mount_overlay(const struct file_stage *s, const char *name); /* of the directory "lower", read-only below */
void set_flags(const struct file_stage *s, const char *name, int flags);
int get_flags(const struct file_stage *s, const char *name);

/* What the file has beside its content. */
json_t *meta_of(const struct file_stage *s, const char *name);
void assert_meta(const struct file_stage *s, const char *name, json_t *expected);

/* The names under which a change may keep a file beside NAME, as at() takes them. */
const char *temporary_of(const struct file_stage *s, const char *name);
const char *part_of(const struct file_stage *s, const char *name);

/* How many names with the prefix of temporary files there are anywhere in the stage. */
unsigned leftovers(const struct file_stage *s);

/* The plan to move a file to the vault: one change. */
struct change *plan_move(struct file_stage *s, const char *name);

/* Stores the blobs as the engine does, then applies. */
int apply_change(struct file_stage *s, struct change *c);
/* From a change that is decoded again, as a journal would give it. */
int revert_change(struct file_stage *s, const struct change *c);
int settle_change(struct file_stage *s, const struct change *c);
int reapply_change(struct file_stage *s, const struct change *c);
enum change_state probe_change(struct file_stage *s, const struct change *c);
void assert_note(const struct file_stage *s, const char *part);
void assert_in_vault(struct file_stage *s, const char *text);
void plan_again(struct file_stage *s);

#endif
