# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The Test Anything Protocol for test scripts, to be sourced:
#
#   check "what must hold" COMMAND [ARGUMENT...]      holds when the command succeeds
#   check_not "what must not hold" COMMAND...         holds when it fails
#   same "what must be the same" EXPECTED ACTUAL
#   await COMMAND...                                  until it succeeds: for what comes in a while
#   skip "what" "why"
#   finish                                            last line of the script
#
# The output of a command that fails its check is shown as a diagnostic.

tap_count=0
tap_failed=0

tap_result() {
	tap_count=$((tap_count + 1))
	[ "$1" = ok ] || tap_failed=$((tap_failed + 1))
	echo "$1 $tap_count - $2"
}

tap_note() {
	sed 's/^/#   /' | head -n 60
}

check() {
	local what=$1 output status
	shift
	if output=$("$@" 2>&1); then
		tap_result ok "$what"
	else
		status=$?
		tap_result 'not ok' "$what"
		printf '%s: status %s\n%s\n' "$*" $status "$output" | tap_note
	fi
}

not() {
	if "$@"; then return 1; fi
}

check_not() {
	local what=$1
	shift
	check "$what" not "$@"
}

same() {
	if [ "$2" = "$3" ]; then
		tap_result ok "$1"
	else
		tap_result 'not ok' "$1"
		diff -u --label expected --label actual <(printf '%s\n' "$2") <(printf '%s\n' "$3") | tap_note
	fi
}

skip() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

# Waits until a command succeeds: at most 60 s, or as many tenths as $patience says.
await() {
	local i
	for ((i = 0; i < ${patience:-600}; i++)); do
		if "$@" >/dev/null 2>&1; then return; fi
		sleep 0.1
	done
	return 1
}

# has_ended PID: also where nobody has asked yet how.
has_ended() {
	! kill -0 "$1" 2>/dev/null || [ "$(awk '$1 == "State:" { print $2 }' "/proc/$1/status")" = Z ]
}

finish() {
	echo "1..$tap_count"
	[ $tap_failed = 0 ]
	exit
}
