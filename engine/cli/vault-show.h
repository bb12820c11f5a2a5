/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is in the vault, for people and for machines. Contents are never printed.
 */
#ifndef RESPOND_CLI_VAULT_SHOW_H
#define RESPOND_CLI_VAULT_SHOW_H

#include "print.h"

#include "core/vault-usage.h"

/* QUOTA: 0 for none. */
void print_vault(const struct printer *p, const struct vault_usage *usage, uint64_t quota);
json_t *json_vault(const struct vault_usage *usage, uint64_t quota);

/* One object. STATE: 0, or what opening it came to. */
void print_object(const struct printer *p, const struct vault_object *object, int state);
json_t *json_object_shown(const struct vault_object *object, int state);

/* A line of a list. */
void print_object_line(const struct printer *p, const struct vault_object *object);

#endif
