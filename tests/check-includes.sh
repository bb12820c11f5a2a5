#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Who may include whom: cli -> hook -> core -> base; change -> core, base; plugins -> what an
# action needs of core, change, base; plugins/hooks -> what a source needs of hook, base. What
# is not allowed here is not allowed.
set -u
. "$TOP_SRCDIR/tests/range/tap.sh"
cd "$TOP_SRCDIR" || exit 1

# wrong DIRECTORY PATTERN: includes in quotes below DIRECTORY that do not match.
wrong() {
	grep -n '^#include "' "$1"/*.[ch] | grep -Ev "#include \"($2)\"" && return 1
	return 0
}

# What stays between the engine's own parts.
engine_only='journal|journal-codec|run|run-result|runner|round|rollback|writer|playbook|condition|reference|ini|ini-line|config|audit|guard-rules|vault|vault-room|vault-export|vault-usage|purge|bundle'

plugins_stay_out_of_the_engine() {
	grep -nE "^#include \"core/($engine_only)\.h\"" plugins/*.[ch] && return 1
	return 0
}

only_one_file_knows_the_registry() {
	local files
	files=$(grep -l '#include "registry.h"' engine/*/*.[ch])
	case $files in
	engine/cli/*[[:space:]]*) ;;
	engine/cli/*) return 0 ;;
	esac
	echo "$files"
	return 1
}

# The names of actions are in plugins alone; a comment may give one as an example.
core_names_no_action() {
	local name names
	names=$(sed -n 's/^\t\.name = "\([a-z]*\.[a-z-]*\)",$/\1/p' plugins/*.c)
	[ -n "$names" ] || return 1
	for name in $names; do
		grep -nF "\"$name\"" engine/base/*.[ch] engine/core/*.[ch] engine/cli/*.[ch] |
			sed 's,/\*.*\*/,,' | grep -F "\"$name\"" && return 1
	done
	return 0
}

# Bytes in, bytes out: what the fuzzers call.
pure_files_do_no_io() {
	local found
	found=$(grep -nE '^#include (<(fcntl|unistd|dirent|spawn|signal|poll|sys/(stat|socket|mount|syscall|wait|ioctl))\.h>|"base/(fd|spawn|meta|proc|sockets|route|nft)\.h")' \
		engine/base/*-codec.c engine/core/*-codec.c engine/hook/*-codec.c plugins/*-{edit,codec,parse,tally}.c 2>&1)
	[ -z "$found" ] || { echo "$found"; return 1; }
}

# A test that cannot fail is worth nothing: an arrow that points the wrong way is seen.
a_wrong_arrow_is_seen() {
	local directory
	directory=$(mktemp -d)
	printf '#include "core/plan.h"\n' >"$directory/x.c"
	! wrong "$directory" 'base/[a-z0-9-]+\.h' >/dev/null
	local status=$?
	rm -r "$directory"
	return $status
}

check "base knows nothing of respond" wrong engine/base 'base/[a-z0-9-]+\.h'
check "core includes core and base" wrong engine/core '(core|base)/[a-z0-9-]+\.h'
check "change includes change, core and base" wrong engine/change '(change|core|base)/[a-z0-9-]+\.h'
check "hook includes hook, core and base" wrong engine/hook '(hook|core|base)/[a-z0-9-]+\.h'
check "cli includes cli, hook, core, base, and what it hands to the engine" wrong engine/cli \
	'[a-z0-9-]+\.h|(hook|core|base)/[a-z0-9-]+\.h|change/(kinds|service-reload)\.h'
check "plugins include plugins, change, core and base" wrong plugins '[a-z0-9-]+\.h|(change|core|base)/[a-z0-9-]+\.h'
check "sources include sources, what an event is, and base" wrong plugins/hooks \
	'[a-z0-9-]+\.h|hook/(event|source|flatten)\.h|base/[a-z0-9-]+\.h'
check "plugins stay out of what the engine keeps to itself" plugins_stay_out_of_the_engine
check "in the engine, one file of the command line knows the registry" only_one_file_knows_the_registry
check "core never names an action" core_names_no_action
check "edit, codec, parse and tally files do no input or output" pure_files_do_no_io
check "a wrong arrow is seen" a_wrong_arrow_is_seen
finish
