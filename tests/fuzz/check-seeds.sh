#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every fuzz target has seeds, and those of the playbook are all that ship.
set -u
. "$TOP_SRCDIR/tests/range/tap.sh"
cd "$TOP_SRCDIR/tests/fuzz" || exit 1

every_target_has_seeds() {
	local source lost=0
	for source in fuzz-*.c; do
		source=${source#fuzz-}
		[ -n "$(ls "corpus/${source%.c}" 2>/dev/null)" ] || { echo "none for $source"; lost=1; }
	done
	return $lost
}

all_seeds_are_used() {
	local directory lost=0
	for directory in corpus/*; do
		[ -e "fuzz-${directory#corpus/}.c" ] || { echo "$directory is of no target"; lost=1; }
	done
	return $lost
}

every_shipped_playbook_is_a_seed() {
	local playbook lost=0
	for playbook in ../../playbooks/*.pb; do
		cmp "$playbook" "corpus/playbook/shipped-$(basename "$playbook" .pb)" || lost=1
	done
	return $lost
}

check "every target has seeds" every_target_has_seeds
check "all seeds are used" all_seeds_are_used
check "every playbook that ships is a seed" every_shipped_playbook_is_a_seed
finish
