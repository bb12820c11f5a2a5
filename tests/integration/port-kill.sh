#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# SIGKILL at every system call that alters something, of a run of close-port.pb and of its
# rollback; then `respond --recover`: all of it is done and on record, where the end was just
# not synced or the rollback had not begun, or no rule and no set is left and the process that
# listened goes on. What was blocked beside it stays.
#
#   CRASH_EVERY   every how many of them one is tried (default 1)
set -u
range_seconds=1800
. "$TOP_SRCDIR/tests/range/host.sh"
enter_range "$@"
install_respond
killstep=$TOP_BUILDDIR/tests/crash/killstep
[ "$(uname -m)" = x86_64 ] || skip_all "killstep does not know the registers of this machine"
export ASAN_OPTIONS=detect_leaks=0 # it does not work on what is traced
ip link set lo up

RANGE_DEADLINE=$(($(date +%s) + range_seconds)) "$TOP_BUILDDIR/tests/range/listener" 0.0.0.0 4444 &
listener=$!
await bash -c 'exec 3<>/dev/tcp/127.0.0.1/4444'
run_respond --playbook block.pb --set address=203.0.113.99
ended "an address is blocked beside it" 0
cp -a "$state_dir" $scratch/state
before=$(nft -s list ruleset)

# A process that is told to stop, or to go on, does so when it is next its turn.
listener_is() {
	[ "$(cut -d' ' -f3 /proc/$listener/stat)" = "$1" ]
}

# What is wrong on the host, if anything.
look() {
	local now
	now=$(nft -s list ruleset)
	[ "$now" = "$before" ] || { echo "the rules are not as before:"; diff <(echo "$before") <(echo "$now"); }
	await listener_is S || echo "the listener does not go on"
}

recovered() {
	run_respond --recover
	[ $status = 0 ] || { echo "--recover ends with $status: $output"; return; }
	! respond --list | grep -q unfinished || echo "a run is unfinished yet"
	if respond --list | tail -n 1 | grep -q ' done  *2 done  close-port'; then
		nft list set inet respond closed-tcp 2>&1 | grep -q 4444 || echo "it is done by the record, and the port is not closed"
		await listener_is T || echo "it is done by the record, and the listener goes on"
		ended=$((ended + 1))
		respond --rollback last >/dev/null 2>&1
	fi
	look
}

restage() {
	rm -rf "$state_dir"
	cp -a $scratch/state "$state_dir"
}

# strikes NAME PREPARE COMMAND...: at every call of the command.
strikes() {
	local name=$1 prepare=$2 n struck=0 bad=0 ended=0 wrong=$scratch/wrong
	shift 2
	for ((n = 1; ; n += ${CRASH_EVERY:-1})); do
		restage
		$prepare
		timeout -k 5 300 "$killstep" -o $scratch/report -k -n "$n" -- "$@" >$scratch/output 2>&1 </dev/null
		grep -q '^fired 1$' $scratch/report || break
		struck=$((struck + 1))
		recovered >$wrong
		[ -s $wrong ] || continue
		bad=$((bad + 1))
		printf 'killed at %s: %s\n' "$(sed -n 's/^call //p' $scratch/report)" "$(cat $wrong)" | tap_note
	done
	check "$name: killed before each of $struck calls, it is done or was not" test $bad = 0
	check "$name: hardly ever done" test $((ended * 2)) -le $struck
	check "$name: that was often enough" test $((struck * ${CRASH_EVERY:-1})) -ge 30
}

nothing() { :; }

taken_back() {
	respond --rollback last >/dev/null 2>&1
}

run_first() {
	respond --playbook close-port.pb --set port=4444 >/dev/null 2>&1
}

strikes "a run" nothing respond --playbook close-port.pb --set port=4444
taken_back
strikes "a rollback" run_first respond --rollback last
same "the address is blocked yet" 1 "$(nft list ruleset | grep -c '203\.0\.113\.99')"
kill $listener
finish
