/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The change kind package.set: packages that are installed, with what they depend on. Undo
 * removes these and no others, and only while nothing else needs them.
 */
#ifndef RESPOND_CHANGE_PACKAGE_SET_H
#define RESPOND_CHANGE_PACKAGE_SET_H

#include "change/package-codec.h"
#include "core/change.h"
#include "core/plan.h"

extern const struct change_kind package_set_kind;

/* MANAGER: packages_name() of the one that planned it; NAMES: those that were asked for; ALL: these, and
 * what they depend on. */
int package_set_plan(struct plan *plan, const char *manager, const struct strv *names, const struct package_set *all);

#endif
