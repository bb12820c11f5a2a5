/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/value.h"

#include "base/escape.h"
#include "base/hash.h"
#include "core/near.h"
#include "core/value-check.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 1000000000000000LL
#define DURATION_MAX_MS (36500LL * 24 * 60 * 60 * 1000) /* a hundred years */
#define SIZE_MAX_BYTES (1024LL << 40)
#define USER_MAX 255

int value_refuse(struct buf *why, const char *text, const char *fmt, ...)
{
	buf_putc(why, '\'');
	escape_str(why, text);
	buf_puts(why, "' ");
	va_list ap;
	va_start(ap, fmt);
	buf_vprintf(why, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int refuse_empty(struct buf *why, const char *what)
{
	buf_printf(why, "an empty text is no %s", what);
	return -EINVAL;
}

/* An empty text would be found everywhere, so no type takes one. */
int value_plain(const char *what, const char *text, struct buf *why)
{
	size_t len = strlen(text);
	if (!len)
		return refuse_empty(why, what);
	for (size_t i = 0, n; i < len; i += n) {
		unsigned c = 0;
		n = utf8_next(text + i, len - i, &c);
		if (!n)
			return value_refuse(why, text, "is not valid UTF-8");
		if (utf8_is_control(c) && c != '\t')
			return value_refuse(why, text, "holds a control character (U+%04X)", c);
	}
	return 0;
}

int value_spelt(const char *what, const char *letters, const char *text, struct buf *why)
{
	const char *odd = text + strspn(text, letters);
	unsigned c;
	if (!*odd)
		return 0;
	_cleanup_buf_ struct buf shown = {0};
	size_t len = utf8_next(odd, strlen(odd), &c);
	escape_text(&shown, odd, len ? len : 1);
	return value_refuse(why, text, "is not the name of a %s: it holds '%s'", what, buf_text(&shown));
}

static int check_text(const char *choices, const char *text, struct buf *out, struct buf *why)
{
	(void)choices;
	int r = value_plain("text", text, why);
	return r < 0 ? r : buf_puts(out, text);
}

static int check_name(const char *choices, const char *text, struct buf *out, struct buf *why)
{
	(void)choices;
	int r = value_plain("name", text, why);
	if (r < 0)
		return r;
	if (strpbrk(text, "/\t"))
		return value_refuse(why, text, "is not a name: it holds a '/' or a tab");
	return buf_puts(out, text);
}

/* Absolute, every component a real name; doubled and final slashes go. */
static int clean_path(const char *what, const char *text, struct buf *out, struct buf *why)
{
	if (!text[0])
		return refuse_empty(why, what);
	if (text[0] != '/')
		return value_refuse(why, text, "is not an absolute path: it must start with '/'");
	_cleanup_buf_ struct buf path = {0};
	for (const char *p = text + strspn(text, "/"); *p; p += strspn(p, "/")) {
		size_t len = strcspn(p, "/");
		if ((len == 1 && p[0] == '.') || (len == 2 && p[0] == '.' && p[1] == '.'))
			return value_refuse(why, text, "holds '%.*s': write the %s without it", (int)len, p, what);
		buf_putc(&path, '/');
		buf_add(&path, p, len);
		p += len;
	}
	if (buf_error(&path))
		return buf_error(&path);
	return buf_puts(out, path.len ? path.data : "/");
}

int check_path(const char *choices, const char *text, struct buf *out, struct buf *why)
{
	(void)choices;
	return clean_path("path", text, out, why);
}

static int check_glob(const char *choices, const char *text, struct buf *out, struct buf *why)
{
	(void)choices;
	for (const char *p = text; *p; p++)
		if (*p == '\\' && (*++p == '/' || !*p))
			return value_refuse(why, text, "has a backslash with nothing to quote: before a '/', or at its end");
	return clean_path("pattern", text, out, why);
}

/* Decimal digits without sign and leading zeros. */
static int parse_number(const char *text, size_t len, int64_t max, int64_t *ret)
{
	if (!len || len > 18 || strspn(text, "0123456789") < len || (len > 1 && text[0] == '0'))
		return -EINVAL;
	int64_t n = 0;
	for (size_t i = 0; i < len; i++)
		n = n * 10 + (text[i] - '0');
	if (n > max)
		return -ERANGE;
	*ret = n;
	return 0;
}

static int ranged(const char *what, const char *text, size_t len, int64_t min, int64_t max, struct buf *out,
                  struct buf *why)
{
	int64_t n = 0;
	if (parse_number(text, len, max, &n) < 0 || n < min)
		return value_refuse(why, text, "is not %s: a whole number from %lld to %lld, without leading zeros", what,
		                    (long long)min, (long long)max);
	return buf_printf(out, "%lld", (long long)n);
}

static int check_number(const char *choices, const char *text, struct buf *out, struct buf *why)
{
	(void)choices;
	return ranged("a number", text, strlen(text), 0, NUMBER_MAX, out, why);
}

static int check_port(const char *choices, const char *text, struct buf *out, struct buf *why)
{
	(void)choices;
	return ranged("a port", text, strlen(text), 1, 65535, out, why);
}

static int check_pid(const char *choices, const char *text, struct buf *out, struct buf *why)
{
	(void)choices;
	return ranged("a process id", text, strlen(text), 1, INT_MAX, out, why);
}

static int check_percent(const char *choices, const char *text, struct buf *out, struct buf *why)
{
	(void)choices;
	size_t len = strlen(text);
	return ranged("a percentage", text, len && text[len - 1] == '%' ? len - 1 : len, 0, 1000000, out, why);
}

struct unit {
	const char *name;
	int64_t worth; /* in the smallest */
};

/* A whole number and one of the UNITS, of which the first is the smallest. -ERANGE:
 * more than MAX of those. */
static int parse_units(const struct unit *units, size_t n_units, const char *text, int64_t max, struct buf *out)
{
	size_t digits = strspn(text, "0123456789");
	for (size_t i = 0; i < n_units; i++) {
		int64_t n;
		if (strcmp(text + digits, units[i].name) != 0)
			continue;
		int r = parse_number(text, digits, max / units[i].worth, &n);
		return r < 0 ? r : buf_printf(out, "%lld%s", (long long)(n * units[i].worth), units[0].name);
	}
	return -EINVAL;
}

int check_duration(const char *choices, const char *text, struct buf *out, struct buf *why)
{
	(void)choices;
	static const struct unit units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
	int r = parse_units(units, sizeof(units) / sizeof(*units), text, DURATION_MAX_MS, out);
	if (r == -ERANGE)
		return value_refuse(why, text, "is too long: at most 36500d");
	if (r != -EINVAL)
		return r;
	return value_refuse(why, text, "is not a duration: a whole number with a unit, such as 500ms, 30s, 10m, 24h or 7d");
}

static int check_size(const char *choices, const char *text, struct buf *out, struct buf *why)
{
	(void)choices;
	static const struct unit units[] = {{"B", 1}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"T", 1LL << 40}};
	int r = parse_units(units, sizeof(units) / sizeof(*units), text, SIZE_MAX_BYTES, out);
	if (r == -ERANGE)
		return value_refuse(why, text, "is too large: at most 1024T");
	if (r != -EINVAL)
		return r;
	return value_refuse(why, text, "is not a size: a whole number with a unit, such as 512B, 64K, 500M, 10G or 2T");
}

static int check_user(const char *choices, const char *text, struct buf *out, struct buf *why)
{
	(void)choices;
	int r = value_plain("user name", text, why);
	if (r < 0)
		return r;
	if (strspn(text, "0123456789") == strlen(text))
		return value_refuse(why, text, "is a number: write the user's name");
	if (text[0] == '-' || strpbrk(text, ":/ ,\t") || strlen(text) > USER_MAX)
		return value_refuse(why, text, "cannot be a user name in passwd(5)");
	return buf_puts(out, text);
}

static int check_sha256(const char *choices, const char *text, struct buf *out, struct buf *why)
{
	(void)choices;
	if (!sha256_is_hex(text))
		return value_refuse(why, text, "is not a SHA-256 hash: 64 hexadecimal digits");
	for (; *text; text++)
		buf_putc(out, (char)tolower((unsigned char)*text));
	return buf_error(out);
}

static int check_yes_no(const char *choices, const char *text, struct buf *out, struct buf *why)
{
	(void)choices;
	if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
		return value_refuse(why, text, "is neither yes nor no");
	return buf_puts(out, text);
}

static int check_choice(const char *choices, const char *text, struct buf *out, struct buf *why)
{
	_cleanup_free_ char *words = strdup(choices);
	if (!words)
		return -ENOMEM;
	struct near near = {.wanted = text};
	_cleanup_buf_ struct buf all = {0};
	char *save = NULL;
	for (char *word = strtok_r(words, "|", &save); word; word = strtok_r(NULL, "|", &save)) {
		if (strcmp(word, text) == 0)
			return buf_puts(out, text);
		near_offer(&near, word);
		buf_printf(&all, "%s%s", all.len ? ", " : "", word);
	}
	value_refuse(why, text, "is not one of %s", buf_text(&all));
	near_print(&near, why);
	return -EINVAL;
}

static const struct {
	const char *name;
	const char *list_name;
	check_fn *check;
} types[TYPE_COUNT_] = {
	[TYPE_TEXT] = {"text", "text-list", check_text},
	[TYPE_NAME] = {"name", "name-list", check_name},
	[TYPE_PATH] = {"path", "path-list", check_path},
	[TYPE_GLOB] = {"glob", "glob-list", check_glob},
	[TYPE_ADDRESS] = {"address", "address-list", check_address},
	[TYPE_ENDPOINT] = {"endpoint", "endpoint-list", check_endpoint},
	[TYPE_PORT] = {"port", "port-list", check_port},
	[TYPE_USER] = {"user", "user-list", check_user},
	[TYPE_PID] = {"pid", "pid-list", check_pid},
	[TYPE_SHA256] = {"sha256", "sha256-list", check_sha256},
	[TYPE_FINGERPRINT] = {"fingerprint", "fingerprint-list", check_fingerprint},
	[TYPE_KEY] = {"key", "key-list", check_key},
	[TYPE_NUMBER] = {"number", "number-list", check_number},
	[TYPE_PERCENT] = {"percent", "percent-list", check_percent},
	[TYPE_DURATION] = {"duration", "duration-list", check_duration},
	[TYPE_SIZE] = {"size", "size-list", check_size},
	[TYPE_TIME] = {"time", "time-list", check_time},
	[TYPE_YES_NO] = {"yes-no", "yes-no-list", check_yes_no},
	[TYPE_OPTION] = {"option", "option-list", check_option},
	[TYPE_UNIT] = {"unit", "unit-list", check_unit},
	[TYPE_PACKAGE] = {"package", "package-list", check_package},
	[TYPE_CHOICE] = {"choice", "choice-list", check_choice},
};

const char *type_name(enum type type, bool list)
{
	return list ? types[type].list_name : types[type].name;
}

int type_from_name(const char *name, enum type *ret, bool *ret_list)
{
	for (unsigned i = 0; i < 2 * TYPE_COUNT_; i++) {
		enum type type = (enum type)(i / 2);
		if (strcmp(type_name(type, i % 2), name) != 0)
			continue;
		*ret = type;
		*ret_list = i % 2;
		return 0;
	}
	return -ENOENT;
}

int type_check(enum type type, const char *choices, const char *text, struct strv *ret, struct buf *ret_why)
{
	_cleanup_buf_ struct buf out = {0};
	int r = types[type].check(choices, text, &out, ret_why);
	return r < 0 ? r : strv_add(ret, buf_text(&out));
}

bool type_fits(enum type from, enum type to)
{
	return from == to || to == TYPE_TEXT || (from == TYPE_ADDRESS && to == TYPE_ENDPOINT) ||
	       (from == TYPE_PATH && to == TYPE_GLOB) || (from == TYPE_DURATION && to == TYPE_TIME) ||
	       (from == TYPE_PID && to == TYPE_NUMBER);
}

int type_convert(enum type from, enum type to, const char *text, struct strv *ret)
{
	if (!type_fits(from, to) || (to == TYPE_ENDPOINT && strncmp(text, "file:", 5) == 0))
		return -EINVAL;
	if (from != TYPE_PATH || to != TYPE_GLOB)
		return strv_add(ret, text);
	_cleanup_buf_ struct buf pattern = {0};
	for (; *text; text++) {
		if (strchr("*?[]\\", *text))
			buf_putc(&pattern, '\\');
		buf_putc(&pattern, *text);
	}
	return buf_error(&pattern) ? buf_error(&pattern) : strv_add(ret, buf_text(&pattern));
}

void value_free(struct value *v)
{
	strv_free(&v->items);
}

int64_t value_number(const char *number)
{
	return strtoll(number, NULL, 10);
}

int64_t value_ms(const char *duration)
{
	return strtoll(duration, NULL, 10);
}

int64_t value_bytes(const char *size)
{
	return strtoll(size, NULL, 10);
}

int64_t value_time(const char *time, int64_t now)
{
	return time[0] == '@' ? value_number(time + 1) : now - value_ms(time) / 1000;
}

bool value_yes(const char *yes_no)
{
	return strcmp(yes_no, "yes") == 0;
}
