#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tests/rows.md names tests that exist: in the file that it gives, by the name that it gives.
set -u
. "$TOP_SRCDIR/tests/range/tap.sh"
cd "$TOP_SRCDIR" || exit 1

every_test_exists() {
	local token file='' lost=0
	while IFS= read -r token; do
		case $token in
		tests/*)
			file=$token
			[ -e "$file" ] || { echo "there is no $file"; lost=1; }
			;;
		*) grep -qF -- "$token" "$file" || { echo "$file has no test \"$token\""; lost=1; } ;;
		esac
	done < <(grep '^|' tests/rows.md | grep -oE '`[^`]+`' | tr -d '`')
	return $lost
}

check "every test that is named exists" every_test_exists
check_not "every row has a test" grep -qvE '^\| State of the host \||`tests/[^`]+` `[^`]+`' < <(grep -E '^\| ' tests/rows.md)
finish
