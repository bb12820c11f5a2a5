/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A run in one file, to be taken elsewhere: a tar archive compressed by zstd, in it
 *
 *     RUN/SHA256SUMS              of all that follows, as sha256sum(1) checks it
 *     RUN/manifest.json           which host, when, and what each file is
 *     RUN/journal, RUN/seal       the record of the run
 *     RUN/evidence/STEP/NAME      what its steps kept
 *     RUN/files/SHA256.bin        if wanted: before-images, and what the run took away
 *
 * Every file in it is root's, mode 0600: nothing is executable. The names are made of
 * letters, digits, ".", "-" and "_", whatever those on the host were.
 */
#ifndef RESPOND_CORE_BUNDLE_H
#define RESPOND_CORE_BUNDLE_H

#include "core/engine.h"

struct bundle_result {
	size_t files;
	size_t missing; /* evidence that the vault has no longer */
	size_t damaged; /* that is not what it was */
	size_t left_out; /* files that were not wanted */
	int64_t size;   /* of the archive */
	struct sha256 sha256;
};

/* Writes the bundle of RUN to PATH, which must not be there (base/new-file.h). WITH_FILES: the
 * objects of its changes, too. The host's vault must be open to read, or NULL: there is none.
 * -errno with a sentence in RET_WHY. */
int bundle_write(const struct engine *engine, const struct run *run, bool with_files, const char *path,
                 struct bundle_result *ret, struct buf *ret_why);

#endif
