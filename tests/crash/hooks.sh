#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# SIGKILL at system calls that alter something, of a hook that blocks an address and of one
# that takes that back. Whatever was done by then, the next alert has the address blocked at once,
# and the undo event has nothing left of it.
set -u
range_seconds=1800
. "$TOP_SRCDIR/tests/range/host.sh"
enter_range "$@"
install_respond

killstep=$TOP_BUILDDIR/tests/crash/killstep
"$killstep" -l -- true >/dev/null 2>&1
[ $? != 77 ] || skip_all "killstep does not know this machine"

every=${CRASH_EVERY:-1} # a sample, as in the other crash tests

mkdir -p "$SYSCONFDIR/respond/hooks.d"
cat >"$SYSCONFDIR/respond/hooks.d/block.conf" <<'END'
[rule block]
source = json
playbook = block.pb
set address = ${event.srcip}
mode = enforce
limit = 1000/1s
ttl = 1h
undo-on action = unban
END

blocked() {
	nft list table inet respond 2>/dev/null | grep -qwF -- "$1"
}

# hook JSON-MEMBERS; with N, killed before its Nth call
hook() {
	status=0
	output=$(respond --hook json <<<"{$1}" 2>&1) || status=$?
}

# killed N JSON-MEMBERS: fails when it ended before
killed() {
	"$killstep" -k -n "$1" -o $scratch/report -- respond --hook json <<<"{$2}" >/dev/null 2>&1
	grep -q '^fired 1' $scratch/report
}

alert() { echo "\"srcip\":\"$1\""; }
undo() { echo "\"action\":\"unban\",\"srcip\":\"$1\""; }

wrong() {
	problems+="call $n ($(grep '^call ' $scratch/report)): $1: $output"$'\n'
}

# Everything that must hold of ADDRESS after a kill.
judge() {
	hook "$(alert "$1")"
	[ $status = 0 ] || wrong "the next alert ends with $status"
	blocked "$1" || wrong "the next alert does not have it blocked"
	hook "$(undo "$1")"
	[ $status = 0 ] || wrong "the undo event ends with $status"
	! blocked "$1" || wrong "it is blocked after the undo event"
	hook "$(undo "$1")"
	grep -q "nothing is in force" <<<"$output" || wrong "the undo event finds something twice"
	output=$(respond --hooks 2>&1) || wrong "the ledger cannot be read"
	output=$(respond --recover 2>&1) || wrong "what is left cannot be recovered"
	! blocked "$1" || wrong "it is blocked after the recovery"
}

# The first one of all makes the directories and the key.
problems=
for ((n = 1; n < 400; n += every)); do
	rm -rf "$state_dir"
	killed $n "$(alert 198.51.100.1)" || break
	judge 198.51.100.1
done
check "the first alert is killed at many points ($n)" test $n -gt 30
same "the first alert, killed before each call" '' "$problems"

# Of what is the same as before, a sample.
problems=
for ((n = 2; n < 400; n += every < 4 ? 4 : every)); do
	address=198.51.$((100 + n / 250)).$((n % 250 + 1))
	killed $n "$(alert $address)" || break
	judge $address
done
check "a later alert is killed at many points ($n)" test $n -gt 20
same "a later alert, killed before many a call" '' "$problems"

problems=
for ((n = 1; n < 400; n += every < 2 ? 2 : every)); do
	address=203.0.$((113 + n / 250)).$((n % 250 + 1))
	hook "$(alert $address)"
	blocked $address || wrong "it is not blocked to begin with"
	killed $n "$(undo $address)" || break
	hook "$(undo $address)"
	! blocked $address || wrong "it is blocked after the undo event, again"
	judge $address
done
check "an undo event is killed at many points ($n)" test $n -gt 20
same "an undo event, killed before many a call" '' "$problems"
finish
