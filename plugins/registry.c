/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "registry.h"

extern const struct action file_quarantine;

const struct action *const actions[] = {
	&file_quarantine,
	NULL,
};

const struct service *const services[] = {
	NULL,
};

const struct proof *const proofs[] = {
	NULL,
};
