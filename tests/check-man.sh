#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The man pages: no lint, and nothing left out that the program itself lists.
set -u
. "$TOP_SRCDIR/tests/range/tap.sh"
cd "$TOP_SRCDIR" || exit 1

text_of() {
	mandoc -T ascii "man/$1" | col -b
}

# has_all PAGE WORD...
has_all() {
	local page=$1 text word lost=0
	shift
	[ $# -gt 0 ] || { echo "nothing to look for"; return 1; }
	text=$(text_of "$page" | tr -s ' \n' '  ')
	for word in "$@"; do
		case $text in
		*"$word"*) ;;
		*)
			echo "$page does not mention $word"
			lost=1
			;;
		esac
	done
	return $lost
}

options() {
	"$RESPOND" --help | grep -oE -- '(^|[ ,])--[a-z-]+' | tr -d ' ,' | sort -u
}

actions() {
	"$RESPOND" --actions | grep -oE '^ *[a-z]+\.[a-z-]+' | tr -d ' '
}

arguments() {
	local action
	for action in $(actions); do
		"$RESPOND" --actions "$action" --format json | "$TOP_BUILDDIR/tests/range/json" 'arguments.*.name'
	done | sort -u
}

rules() {
	"$RESPOND" --rules | grep -oE '^ *[a-z]+\.[a-z-]+' | tr -d ' '
}

# What sources are called, and the fields that they themselves name.
sources() {
	sed -nE 's/^\t\.name = "([a-z0-9]+)",$/\1/p; s/^\t\{"([a-z]+)", FIELD_.*/\1/p' plugins/hooks/*.c | sort -u
}

command -v mandoc >/dev/null || skip_all "mandoc is not installed"
command -v col >/dev/null || col() { sed -e 's/.\x08//g'; }

for page in man/*.[1-9]; do
	check "$page: no lint" mandoc -T lint -W warning "$page"
done
check "respond(8) has every option" has_all respond.8 $(options)
check "respond-playbook(5) has every action" has_all respond-playbook.5 $(actions)
check "respond-playbook(5) has every argument" has_all respond-playbook.5 $(arguments)
check "respond-hooks(5) has every source and its fields" has_all respond-hooks.5 $(sources)
check "respond.conf(5) has every rule of the guard" has_all respond.conf.5 $(rules)
finish
