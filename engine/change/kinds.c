/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/kinds.h"

const struct change_kind *const change_kinds[] = {
	NULL,
};
