#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every manual page is clean mdoc, and every page that it refers to as ours exists.
set -u
man=${TOP_SRCDIR:-.}/man

if ! command -v mandoc >/dev/null; then
	echo "1..0 # SKIP mandoc is not installed"
	exit 0
fi

set -- "$man"/*.[0-9]
echo "1..$(($# * 2))"
n=0
for page; do
	n=$((n + 1))
	name=$(basename "$page")
	if said=$(mandoc -T lint -W warning "$page" 2>&1); then
		echo "ok $n - $name is clean"
	else
		echo "not ok $n - $name is clean"
		echo "$said" | sed 's/^/# /'
	fi
	n=$((n + 1))
	missing=
	for ref in $(sed -n 's/^\.Xr \(respond[^ ]*\) \([0-9]\).*/\1.\2/p' "$page" | sort -u); do
		[ -f "$man/$ref" ] || missing="$missing $ref"
	done
	if [ -z "$missing" ]; then
		echo "ok $n - $name refers to pages that exist"
	else
		echo "not ok $n - $name refers to pages that exist"
		echo "# missing:$missing"
	fi
done
