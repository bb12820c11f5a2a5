/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * json [-l] [PATH...]
 *
 * Reads one JSON value (with -l: one a line) from standard input and fails unless
 * that is all there is. PATH ("changes.0.target", "changes.*.state") prints what is
 * there: texts as they are, anything else as JSON, one a line; nothing there is a
 * failure. Several are printed one after the other.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int print(const json_t *value)
{
	if (json_is_string(value))
		return puts(json_string_value(value)) < 0;
	int failed = json_dumpf(value, stdout, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
	putchar('\n');
	return failed;
}

static int walk(json_t *value, const char *path)
{
	if (!value)
		return 1;
	if (!*path)
		return print(value);
	size_t length = strcspn(path, "."), i;
	const char *rest = path + length + (path[length] == '.');
	char name[64];
	if (length >= sizeof(name))
		return 1;
	memcpy(name, path, length);
	name[length] = '\0';
	if (strcmp(name, "*") != 0)
		return walk(json_is_array(value) ? json_array_get(value, (size_t)atoi(name)) : json_object_get(value, name),
		            rest);
	json_t *item;
	int failed = 0;
	json_array_foreach(value, i, item)
		failed |= walk(item, rest);
	return failed;
}

static int walk_all(json_t *value, char **paths)
{
	int failed = 0;
	for (; *paths; paths++)
		failed |= walk(value, *paths);
	return failed;
}

static int read_one(char **paths, bool lines)
{
	json_error_t error;
	char *line = NULL;
	size_t size = 0;
	int failed = 0;
	if (!lines) {
		json_t *value = json_loadf(stdin, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
		if (!value)
			fprintf(stderr, "json: line %d: %s\n", error.line, error.text);
		failed = !value || walk_all(value, paths);
		json_decref(value);
		return failed;
	}
	for (ssize_t n; (n = getline(&line, &size, stdin)) > 0;) {
		json_t *value = json_loadb(line, (size_t)n, JSON_REJECT_DUPLICATES, &error);
		if (!value)
			fprintf(stderr, "json: %s\n", error.text);
		failed |= !value || walk_all(value, paths);
		json_decref(value);
	}
	free(line);
	return failed;
}

int main(int argc, char **argv)
{
	bool lines = argc > 1 && strcmp(argv[1], "-l") == 0;
	return read_one(argv + 1 + lines, lines);
}
