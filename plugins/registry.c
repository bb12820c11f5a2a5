/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "registry.h"

const struct action *const actions[] = {
	NULL,
};

const struct service *const services[] = {
	NULL,
};

const struct proof *const proofs[] = {
	NULL,
};
