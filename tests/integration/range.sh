#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The range itself: what is done in it stays in it, and it leaves nothing behind,
# however it ends.
set -u
. "$TOP_SRCDIR/tests/range/tap.sh"
range=$TOP_SRCDIR/tests/range/range.sh
why=$("$range" true 2>&1) || skip_all "$(printf %s "${why:-no range}" | tail -n 1)"

mark="respond-range-$$"

# Nothing here is anybody else's: other ranges may come and go at the same time.
left_behind() {
	grep -E '^range ' /proc/self/mounts
	ip netns list | grep -w "$mark"
	pgrep -f "sleep 98765[.]$$"
	ls -d "/$mark" "/tmp/$mark" "/run/$mark" "/dev/shm/$mark" 2>/dev/null
	return 0
}

before=$(left_behind)

# The command itself, not what brings it there.
await_sleep() {
	for _ in $(seq 200); do
		if pgrep -xf "sleep 98765[.]$$"; then return; fi
		sleep 0.1
	done
	return 1
}

# What was killed takes a moment to go.
same_soon() {
	for _ in $(seq 200); do
		[ "$before" != "$(left_behind)" ] || break
		sleep 0.1
	done
	same "$1" "$before" "$(left_behind)"
}

"$range" sh -c "touch /$mark /tmp/$mark /run/$mark /dev/shm/$mark; hostname $mark; ip netns add $mark; exit 7"
same "the exit status is the command's" 7 $?
same_soon "nothing is left behind"
check_not "the host keeps its name" test "$(hostname)" = "$mark"

"$range" -t 1 sleep "98765.$$" 2>/dev/null
same "a deadline ends it" 137 $?
same_soon "nothing is left behind by a deadline"

"$range" sleep "98765.$$" &
check "it runs" await_sleep
kill -KILL $!
wait $! 2>/dev/null
same_soon "nothing is left behind by kill -9"

"$range" sleep "98765.$$" &
await_sleep >/dev/null
kill -TERM $!
wait $! 2>/dev/null
same "SIGTERM ends it" 143 $?
same_soon "nothing is left behind by SIGTERM"

directory=$(mktemp -d)
"$range" -s "$directory" sh -c "echo shared >'$directory/file'"
same "what is shared is shared" shared "$(cat "$directory/file")"
rm -r "$directory"
check "it has no network" "$range" sh -c '[ "$(ip -br link | wc -l)" = 1 ]'
check "inode flags work on the host's own files" "$range" sh -c 'chattr +i /etc/passwd && ! mv /etc/passwd /etc/x 2>/dev/null'
check "the host's own files are as they were" sh -c 'lsattr /etc/passwd | grep -q "^....-"'
finish
