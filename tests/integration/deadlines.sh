#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What is to be confirmed, or lasts for a time, is taken back when that is over: with
# the program alive, killed, and after a reboot. The delays are measured.
set -u
range_seconds=900
. "$TOP_SRCDIR/tests/range/host.sh"
enter_range "$@"
install_respond

# From the deadline to what it does, in ms. It is some 20 on an idle machine; one that is busy may stand
# still for seconds.
delay_max=15000
file=/var/tmp/miner
pending=$state_dir/pending

# ---- stage -------------------------------------------------------------------------------

# playbook NAME LINE...: takes the file away, with these lines in [playbook]
playbook() {
	local name=$1
	shift
	{
		printf '[playbook]\nname = %s\n' "$name"
		printf '%s\n' "$@"
		printf '[step file]\naction = file.quarantine\npath = %s\n' $file
	} >"/root/$name.pb"
}

# The same with lines in the step.
step() {
	local name=$1
	shift
	playbook "$name"
	printf '%s\n' "$@" >>"/root/$name.pb"
}

put_file() {
	rm -f $file
	echo 'harmless' >$file
	chmod 0755 $file
}

# run NAME ARGUMENT...: the playbook on a fresh file; its run is then in $run
run() {
	local name=$1
	shift
	put_file
	run_respond --playbook "/root/$name.pb" "$@"
	run=$(last_run)
	[ $status = 0 ] || printf '%s\n' "$output" | tap_note
}

ask() {
	respond --show "$run" --format json 2>/dev/null | json "$1"
}

# promised confirm-by|ttl-until: what was written before the first change; it may be over by now
promised() {
	respond --show "$run" --format json 2>/dev/null | json "records.*.$1" 2>/dev/null | head -n 1
}

now() {
	date +%s%3N
}

wait_until() {
	while [ "$(now)" -lt "$1" ]; do sleep 0.1; done
}

waiters() {
	pgrep -f -- "--await $run\$"
}

one_waiter() {
	[ "$(waiters | wc -l)" = 1 ]
}

# Waits until a command succeeds, for forty seconds at most.
soon() {
	local i
	for i in $(seq 800); do
		if "$@" >/dev/null 2>&1; then return; fi
		sleep 0.05
	done
	return 1
}

nothing_pending() {
	[ -z "$(ls $pending)" ]
}

no_waiter() {
	[ -z "$(waiters)" ]
}

# When the file came back, by the clock of its inode.
back_at() {
	stat -c %.3Z $file | tr -d .
}

# in_time WHAT SINCE [WHO]: the file is back, soon after that moment and not before
in_time() {
	local delay
	if ! soon test -e $file; then
		tap_result 'not ok' "$1: taken back"
		return
	fi
	delay=$(($(back_at) - $2))
	echo "# $1: $delay ms"
	# The clock of an inode is that of the last tick.
	check "$1: taken back, and not before" test $delay -ge -15
	check "$1: within $delay_max ms" test $delay -le $delay_max
	check "$1: nothing is pending" soon nothing_pending
	check "$1: nobody waits" soon no_waiter
	check "$1: the run says who took it back" soon said_by "${3:-deadline}"
}

said_by() {
	respond --show "$run" --format json | json 'records.*.operator.by' 2>/dev/null | grep -qx "$1"
}

kill_one() {
	kill -KILL "$1"
	soon not kill -0 "$1"
}

# As a power cut does; nothing but the disk stays.
kill_all() {
	local pid
	for pid in $(pgrep -f '^respond '); do
		kill_one "$pid"
	done
}

# A run that stays busy: it waits to see whether anything comes back. Its run is in $run.
start_slow_run() {
	local before
	before=$(ls "$state_dir/runs" | wc -l)
	put_file
	rm -f $scratch/slow
	respond --playbook /root/slow.pb "$@" >$scratch/slow 2>&1 &
	slow=$!
	disown $slow
	soon grep -q '^waiting' $scratch/slow
	run=$(ls "$state_dir/runs" | tail -n 1)
	[ "$(ls "$state_dir/runs" | wc -l)" -gt "$before" ] || echo "# the slow run did not start"
}

# stop_waiter: the time may be over from here on, and nothing happens before go_on. What a test does
# in between has its time.
stop_waiter() {
	soon one_waiter || echo "# not one process waits"
	waiter=$(waiters)
	kill -STOP "$waiter"
}

# The time is over, or the waiter goes on: from the later of them on it is to happen, and that is $since.
go_on() {
	since=$(now)
	[ "$since" -ge "$by" ] || since=$by
	kill -CONT "$waiter"
}

# A run that has ended, with a stopped waiter. Its deadline is $by.
start_held_run() {
	start_slow_run --confirm-within 2s
	by=$(promised confirm-by)
	stop_waiter
	kill -INT $slow
	soon not kill -0 $slow
}

playbook plain
playbook two 'confirm = 2s'
playbook long 'confirm = 10m'
step step-two 'confirm = 2s'
step step-none 'confirm = 0s'
step lasting 'ttl = 2s'
step lasting-long 'ttl = 10m'
step both 'confirm = 10m' 'ttl = 8s'
playbook slow 'confirm = 4s' 'settle = 60s'

# ---- what a run and a list say ---------------------------------------------------------------

run_respond --playbook /root/long.pb --dry-run
put_file
run_respond --playbook /root/long.pb --dry-run
check "dry run: says when it is taken back" grep -q 'taken back after 10m unless the run is confirmed' <<<"$output"
run_respond --playbook /root/both.pb --dry-run
check "dry run: says how long it lasts" grep -q 'taken back after 8s$' <<<"$output"
run_respond --playbook /root/long.pb --confirm-within 0s --dry-run
check_not "dry run: --confirm-within 0s lifts it" grep -q 'taken back' <<<"$output"
check "dry run: nobody waits" test -z "$(pgrep -f -- --await)"

before=$(now)
run long
same "confirm = 10m: done" 0 $status
check "confirm = 10m: how to confirm is said" grep -q "respond --confirm $run" <<<"$output"
by=$(ask confirm-by)
check "confirm = 10m: counted from the first change" test $((by - before)) -ge 600000 -a $((by - $(now))) -le 600000
check "confirm = 10m: --list says so" grep -q "to be confirmed until $(date -d "@$((by / 1000))" '+%F %T')" <<<"$(respond --list)"
same "confirm = 10m: --list for machines" "$by" "$(respond --list --format json | json 0.confirm-by)"
check "confirm = 10m: --show says so" grep -q 'file: done; to be confirmed until' <<<"$(respond --show "$run")"
check "confirm = 10m: one process waits" soon one_waiter
check "confirm = 10m: it is pending" test -e "$pending/$run"

# ---- confirming --------------------------------------------------------------------------------

run_respond --confirm "$run"
same "--confirm: in time" 0 $status
check "--confirm: says so" grep -q "Run $run is confirmed: it stays" <<<"$output"
check "--confirm: nothing is pending" soon nothing_pending
check "--confirm: nobody waits" soon no_waiter
check_not "--confirm: it stays" test -e $file
check "--confirm: --show tells it" grep -q '^  confirmed on 2' <<<"$(respond --show "$run")"
run_respond --confirm "$run"
same "--confirm: twice does no harm" 0 $status
check "--confirm: twice is said" grep -q 'was confirmed already' <<<"$output"
check "--confirm: twice leaves nothing pending" nothing_pending
run_respond --rollback "$run"
same "--confirm: what is confirmed can be rolled back" 0 $status
run_respond --confirm "$run"
same "--confirm: and not confirmed again" 1 $status
check "--confirm: that is said" grep -q 'has been taken back' <<<"$output"
run plain
run_respond --confirm "$run"
same "--confirm: a run without deadlines" 1 $status
check "--confirm: that is said" grep -q 'nothing that waits to be confirmed' <<<"$output"
check "--confirm: leaves nothing pending" nothing_pending
for id in no-such-run 20 ''; do
	run_respond --confirm "$id"
	same "--confirm '$id': no such run" 2 $status
done
run long
run_json --confirm "$run"
same "--confirm for machines" '0 true null' "$status $(json confirmed <<<"$output") $(json deadline <<<"$output")"
run_json --confirm last
same "--confirm for machines, again" '0 true' "$status $(json confirmed <<<"$output")"

# ---- which steps ---------------------------------------------------------------------------------

run long --confirm-within 0s
same "--confirm-within 0s: nothing waits" null "$(ask deadline)"
check "--confirm-within 0s: nothing is pending" nothing_pending
run plain --confirm-within 10m
check "--confirm-within: without a word in the playbook" test "$(ask confirm-by)" != null
respond --confirm "$run" >/dev/null
run step-none --confirm-within 10m
check "--confirm-within: goes before what a step says" test "$(ask confirm-by)" != null
respond --confirm "$run" >/dev/null
{ cat /root/long.pb; echo 'confirm = 0s'; } >/root/but.pb
run but
same "a step may lift what the playbook says" null "$(ask deadline)"
for span in 10 soon -1m ''; do
	run_respond --playbook /root/plain.pb --confirm-within "$span"
	same "--confirm-within '$span': no time" 2 $status
done
check "nothing is pending" nothing_pending

# ---- the time is over ------------------------------------------------------------------------------

run two
in_time "not confirmed" "$(promised confirm-by)"
run_respond --confirm "$run"
same "too late" 1 $status
check "too late: is said" grep -q 'was not confirmed in time' <<<"$output"
check "too late: --list says what became of it" grep -q "$run.*rolled back" <<<"$(respond --list)"
check "too late: --show tells that it happened by itself" \
	grep -q '^  rolled back on 2.*by itself at its deadline' <<<"$(respond --show "$run")"

run step-two
in_time "a step that is not confirmed" "$(promised confirm-by)"
run long --confirm-within 2s
in_time "--confirm-within 2s" "$(promised confirm-by)"

run lasting-long
same "ttl: nothing to confirm" null "$(ask confirm-by)"
check "ttl: --list says until when" grep -q "$run.*in force until" <<<"$(respond --list)"
run_respond --confirm "$run"
same "ttl: cannot be confirmed" 1 $status
respond --rollback "$run" >/dev/null 2>&1
run lasting
in_time "ttl" "$(promised ttl-until)"

run both
by=$(ask deadline)
run_respond --confirm "$run"
same "both: confirmed" 0 $status
check "both: it is said that the ttl holds all the same" grep -q 'taken back all the same' <<<"$output"
same "both: the ttl holds" "$by" "$(ask deadline)"
check "both: still pending" test -e "$pending/$run"
in_time "both: the ttl" "$by"

# ---- the run is killed, or takes long ----------------------------------------------------------------

start_slow_run
by=$(promised confirm-by)
check "killed in the middle: one process waits" soon one_waiter
stop_waiter
kill_one $slow
check "killed in the middle: the file is away" test ! -e $file
go_on
in_time "killed in the middle" "$since"
same "killed in the middle: the record is complete" 3 "$(ask status)"
run_respond --recover
same "killed in the middle: nothing to recover" 'Nothing to recover.' "$output"

start_slow_run --confirm-within 1s
wait_until $(($(promised confirm-by) + 200))
check "still at work when the time is over: it is left alone" test ! -e $file
start=$(now)
kill -INT $slow
in_time "once it has ended" "$start"

# ---- the process that waits is killed -------------------------------------------------------------------

start_held_run
kill_one "$waiter"
wait_until $((by + 200))
check "nobody waits: nothing happens by itself" test ! -e $file
sleep 1
check "overdue: --list says so" grep -q "run $run should have been taken back by now" <<<"$(respond --list 2>&1)"
late=$run
run_respond --playbook /root/no-such.pb --dry-run
check "a dry run takes nothing back" test ! -e $file
cp /root/plain.pb /root/other.pb
sed -i 's,/var/tmp/miner,/var/tmp/other,' /root/other.pb
start=$(now)
run_respond --playbook /root/other.pb
same "overdue: the next run does what it was asked for" 0 $status
check "overdue: it says what it does first" grep -q "run $late is taken back first" <<<"$output"
in_time "overdue, at the next start" "$start"

run long
soon one_waiter
kill_one "$(waiters)"
run_respond --playbook /root/other.pb
check "ahead: the next start waits for it again" soon one_waiter
run_respond --playbook /root/other.pb
sleep 0.3
check "ahead: and another does not wait twice" soon one_waiter
respond --confirm "$run" >/dev/null

# ---- reboot -------------------------------------------------------------------------------------------------

start_held_run
kill_all
wait_until $((by + 200))
check "down over the deadline: still away" test ! -e $file
start=$(now)
run_respond --recover
same "boot after the deadline" 0 $status
check "boot after the deadline: says what it did" grep -q "1 undone" <<<"$output"
in_time "boot after the deadline" "$start" recover

run two --confirm-within 8s
by=$(promised confirm-by)
kill_all
run_respond --recover
same "boot before the deadline" 0 $status
check "boot before the deadline: it is still away" test ! -e $file
check "boot before the deadline: one process waits again" soon one_waiter
run_respond --recover
sleep 0.3
check "boot before the deadline: never two" soon one_waiter
in_time "boot before the deadline" "$by"

start_slow_run
kill_all
start=$(now)
run_respond --recover
same "down in the middle of a run: taken back at boot" 0 $status
check "down in the middle of a run: the file is back" test -e $file
check "down in the middle of a run: nothing is pending" nothing_pending

start_slow_run --confirm-within 8s
by=$(promised confirm-by)
kill_all
run_respond --recover=keep
check "kept at boot: the file is still away" test ! -e $file
check "kept at boot: one process waits" soon one_waiter
in_time "kept at boot" "$by"

# ---- what is in the way ------------------------------------------------------------------------------------------

ticks() {
	awk '{ print $14 + $15 }' "/proc/$waiter/stat"
}

start_held_run
mkdir -p "$SYSCONFDIR/respond"
echo 'nonsense' >"$SYSCONFDIR/respond/respond.conf"
ticks=$(ticks)
go_on
wait_until $((since + 700))
check "a wrong respond.conf: nothing is done" test ! -e $file
check "a wrong respond.conf: and no time is burnt" test $(($(ticks) - ticks)) -lt 50
start=$(now)
rm "$SYSCONFDIR/respond/respond.conf"
in_time "once it is right again" "$start"

start_held_run
echo 'somebody else' >$file
go_on
soon nothing_pending
same "somebody else's file stays" 'somebody else' "$(cat $file)"
check "it was tried once" grep -q 'file: done; rollback: drifted' <<<"$(respond --show "$run")"
check "and nobody waits" soon no_waiter

# ---- the terminal goes away ------------------------------------------------------------------------------------------

if command -v script >/dev/null; then
	on_terminal() {
		put_file
		script -qec "respond --playbook /root/$1.pb" /dev/null </dev/null >/dev/null
		run=$(last_run)
	}
	on_terminal long
	soon one_waiter
	same "on a terminal that is gone: one process waits, without it" '?' "$(ps -o tty= -p "$(waiters)" | tr -d ' ')"
	respond --rollback "$run" >/dev/null 2>&1
	on_terminal two
	in_time "on a terminal that is gone" "$(promised confirm-by)"
else
	skip "on a terminal that is gone" "script is not installed"
fi

# ---- sshd ----------------------------------------------------------------------------------------------------------

stage_incident
root_can_log_in() {
	ip netns exec internet ssh -i /run/range/keys/attacker -b "$OPERATOR" -o BatchMode=yes -o LogLevel=ERROR \
		-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@192.168.1.100 true
}
check "sshd: root can log in" root_can_log_in
before=$(cat /etc/ssh/sshd_config)
settings=$(sshd_settings)
run_respond --playbook harden-sshd.pb --set 'options=PermitRootLogin no' --confirm-within 8s
same "sshd: hardened" 0 $status
run=$(last_run)
by=$(promised confirm-by)
check_not "sshd: root cannot log in" root_can_log_in
soon nothing_pending
check "sshd: not confirmed: root can log in again" soon root_can_log_in
echo "# sshd: reverted $(($(stat -c %.3Z /etc/ssh/sshd_config | tr -d .) - by)) ms after the deadline"
same "sshd: not confirmed: the file is as before" "$before" "$(cat /etc/ssh/sshd_config)"
same "sshd: not confirmed: so are the settings" "$settings" "$(sshd_settings)"
check "sshd: it lives" kill -0 "$SSHD_PID"
run_respond --playbook harden-sshd.pb --set 'options=PermitRootLogin no'
run=$(last_run)
check "sshd: ten minutes to confirm" test $(($(ask confirm-by) - $(now))) -gt 500000
run_respond --confirm last
same "sshd: confirmed" 0 $status
check_not "sshd: confirmed: root cannot log in" root_can_log_in
check "sshd: confirmed: nothing is pending" nothing_pending
check "sshd: confirmed: nobody waits" soon no_waiter
finish
