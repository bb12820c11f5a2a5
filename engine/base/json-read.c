/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/json-read.h"

#include "base/escape.h"

#include <errno.h>
#include <stdlib.h>

static bool memory_lacked;

static void *note_malloc(size_t size)
{
	void *p = malloc(size);
	memory_lacked = memory_lacked || !p;
	return p;
}

void json_free(json_t **json)
{
	json_decref(*json);
}

int json_read(const char *bytes, size_t len, size_t flags, json_t **ret, struct buf *ret_why)
{
	json_malloc_t usual_malloc;
	json_free_t usual_free;
	json_error_t error;
	json_get_alloc_funcs(&usual_malloc, &usual_free);
	json_set_alloc_funcs(note_malloc, free);
	memory_lacked = false;
	json_t *value = json_loadb(bytes, len, flags | JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	json_set_alloc_funcs(usual_malloc, usual_free);
	if (memory_lacked) {
		json_decref(value);
		return -ENOMEM;
	}
	if (!value && ret_why)
		escape_str(ret_why, error.text);
	if (!value)
		return -EINVAL;
	*ret = value;
	return 0;
}
