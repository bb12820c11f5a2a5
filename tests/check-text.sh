#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What every source file must have, and what none may have.
set -u
. "$TOP_SRCDIR/tests/range/tap.sh"
cd "$TOP_SRCDIR" || exit 1

sources() {
	find engine plugins playbooks man tests bootstrap configure.ac Makefile.am .ci -type f \
		\( -name '*.[ch]' -o -name '*.sh' -o -name '*.pb' -o -name '*.am' -o -name '*.ac' -o -name '*.[1-9]' \
		-o -name bootstrap -o -name run -o -name run-check \) -print0
}

code() {
	find engine plugins -name '*.[ch]' -print0
}

every_file_names_its_licence() {
	local file lost=0
	while IFS= read -r -d '' file; do
		head -n 3 "$file" | grep -q 'SPDX-License-Identifier: GPL-2\.0-or-later' || { echo "$file"; lost=1; }
	done < <(sources)
	return $lost
}

# none PATTERN LIST: no file that the command LIST prints has a line that matches.
none() {
	local pattern=$1
	shift
	"$@" | xargs -0 grep -nE "$pattern" && return 1
	return 0
}

# Split, so that this file does not hold what it looks for.
unfinished='TO''DO|FIX''ME|XX''X'

check "every file names its licence" every_file_names_its_licence
check "LICENSE is the GPL, version 2" grep -q 'Version 2, June 1991' LICENSE
check "nothing is left unfinished" none "\\b($unfinished)\\b" sources
check "no shell and no unbounded copies" none '\b(system|popen|strcpy|strcat|sprintf|vsprintf|gets|alloca|mktemp|tmpnam) ?\(' code
check "no action asks whether it is a dry run" none '\bdry_run\b' code
check "only the command line prints or exits" none '\b(printf|puts|putchar|perror|exit|abort) ?\(' \
	find engine/base engine/core engine/change plugins -name '*.[ch]' -print0
check "no trailing blanks" none '[[:blank:]]+$' sources
finish
