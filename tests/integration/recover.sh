#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What was interrupted is noticed by every start, and brought to an end by --recover:
# taken back or kept, once more if need be, and never while somebody is at work on it.
set -u
range_seconds=600
. "$TOP_SRCDIR/tests/range/host.sh"
enter_range "$@"
install_respond

# ---- stage ---------------------------------------------------------------------------------

runs=$state_dir/runs
pending=$state_dir/pending
place=/var/tmp/place
big=/dev/shm/big # on another filesystem than the vault: it takes its time, both ways
mkdir -p $place

# Waits until a command succeeds, for a minute at most.
soon() {
	local i
	for i in $(seq 3000); do
		if "$@" >/dev/null 2>&1; then return; fi
		sleep 0.02
	done
	return 1
}

# playbook NAME STEP=PATH... [LINE]: quarantines each
playbook() {
	local name=$1 step
	shift
	printf '[playbook]\nname = %s\n' "$name"
	[[ $1 != settle* ]] || { echo "$1"; shift; }
	for step in "$@"; do
		printf '[step %s]\naction = file.quarantine\npath = %s\n' "${step%%=*}" "${step#*=}"
	done
}

put_files() {
	local name
	for name in a c other; do
		echo "content of $name" >$place/$name
	done
	rm -f $big
	truncate -s 384M $big
	echo end >>$big
}

files() {
	find $place $big -type f -printf '%p %s %m %u\n' 2>/dev/null | sort
}

newest() {
	ls "$runs" | tail -n 1
}

records() {
	json -l type <"$runs/$run/journal" 2>/dev/null
}

# How many such records all journals have.
count() {
	cat "$runs"/*/journal 2>/dev/null | grep -cE "\"type\":\"$1\""
}

more_than() {
	[ "$(count "$1")" -gt "$2" ]
}

# Starts respond with these arguments, and kills it once there is such a record, and the
# time that is given has passed. On a busy machine whoever looks for the record comes first.
kill_at() {
	local record=$1 pause=$2 before
	shift 2
	before=$(count "$record")
	nice respond "$@" >$scratch/killed 2>&1 </dev/null &
	killed=$!
	disown $killed
	soon more_than "$record" "$before" || echo "# no record $record"
	sleep "$pause"
	kill -KILL $killed
	soon not kill -0 $killed
	run=$(newest)
}

# kill_in_copy N ...: the same in the middle of copying the Nth file, which an ftruncate() begins. How fast
# anybody is does not count then; but where killstep knows nothing of this machine, kill_at has to do.
kill_in_copy() {
	local n=$1 status=0
	shift
	ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0 timeout 300 "$TOP_BUILDDIR/tests/crash/killstep" \
		-k -a -n "$n" -t ftruncate -o $scratch/report -- respond "${@:3}" >$scratch/killed 2>&1 </dev/null || status=$?
	[ $status != 77 ] || kill_at "$@"
	[ $status = 77 ] || grep -q '^fired 1$' $scratch/report || echo "# file $n was not copied"
	run=$(newest)
}

nothing_pending() {
	[ -z "$(ls $pending)" ]
}

playbook slow 'settle = 60s' a=$place/a >/root/slow.pb
playbook three a=$place/a big=$big c=$place/c >/root/three.pb
playbook other other=$place/other >/root/other.pb
put_files
files=$(files)

# ---- every start says so ---------------------------------------------------------------------------

run_respond --recover
same "nothing to recover" "0 Nothing to recover." "$status $output"
run_json --recover
same "nothing to recover, for machines" "0 []" "$status $output"
for usage in --recover=nonsense '--recover no-such' '--recover --step a' '--recover last last'; do
	# shellcheck disable=SC2086
	run_respond $usage
	same "usage: respond $usage" 2 $status
done

kill_at outcome 0.1 --playbook /root/slow.pb
check "killed: the file is away" test ! -e $place/a
check "killed: it is marked" test -e "$pending/$run"
say="respond: run $run was interrupted: respond --recover brings it to an end"
for command in --list "--show $run" --verify '--playbook /root/other.pb --dry-run' "--rollback $run --dry-run" \
	--rules --actions; do
	# shellcheck disable=SC2086
	run_json $command
	check "killed: respond $command says so" grep -qxF "$say" <<<"$errors"
	check "killed: respond $command: JSON is JSON" json <<<"$output"
done
same "killed: --list for machines" unfinished "$(respond --list --format json 2>/dev/null | json 0.state)"
check "killed: --list" grep -q "^$run .* unfinished " <<<"$(respond --list 2>/dev/null)"
check "killed: --show says what to do" grep -q 'did not end: respond --recover' <<<"$(respond --show "$run" 2>/dev/null)"
run_respond --playbook /root/other.pb
same "killed: another run goes on" 0 $status
check "killed: and says so" grep -qxF "$say" <<<"$output"
respond --rollback "$(newest)" >/dev/null 2>&1
run_respond --verify --reapply
check "killed: what did not end is not put in force again" grep -q "run $run: it was interrupted: recover it first" <<<"$output"

# ---- taken back ---------------------------------------------------------------------------------------

run_respond --recover
same "taken back: 0" 0 $status
check "taken back: says which" grep -qx "Run $run" <<<"$output"
check "taken back: says what" grep -qx 'Rolled back: 1 undone\.' <<<"$output"
same "taken back: every file is there" "$files" "$(files)"
check "taken back: nothing is pending" nothing_pending
check "taken back: nothing is said any more" test -z "$(respond --list 2>&1 >/dev/null)"
check "taken back: --list" grep -q "^$run .* rolled back " <<<"$(respond --list)"
check "taken back: --show tells it" grep -q '^  recovered on 2.*by respond --recover' <<<"$(respond --show "$run")"
run_respond --recover
same "taken back: once" "0 Nothing to recover." "$status $(tail -n 1 <<<"$output")"

# ---- between an intent and its outcome ---------------------------------------------------------------------

kill_in_copy 2 outcome 0.05 --playbook /root/three.pb
check "in the middle: one is done, one is not begun" test ! -e $place/a -a -e $place/c
check "in the middle: an intent has no outcome" test "$(records | grep -cx intent)" -gt "$(records | grep -cx outcome)"
run_respond --recover
same "in the middle: taken back" 0 $status
check "in the middle: what was not recorded" grep -qx 'Of what was not recorded, [01] had been done, [12] had not\.' <<<"$output"
same "in the middle: every file is there, and no other" "$files" "$(files)"
check "in the middle: nothing is left beside them" test -z "$(find $place /dev/shm -name '.respond-*')"
check "in the middle: nothing is pending" nothing_pending

kill_in_copy 2 outcome 0.05 --playbook /root/three.pb
run_json --recover=keep
same "kept: 0" 0 $status
same "kept: for machines" "$run false null 0" \
	"$(for field in run dropped rollback status; do json "0.$field" <<<"$output"; done | paste -sd' ')"
check "kept: what was done stays" test ! -e $place/a
check "kept: the rest is as it was" test -e $place/c
check "kept: nothing is pending" nothing_pending
check "kept: the record is complete" test "$(records | grep -cx intent)" = "$(records | grep -cx outcome)"
check "kept: --list" grep -q "^$run .* partly done " <<<"$(respond --list)"
check "kept: --show tells it" grep -q '^  recovered on 2.*what was done is kept' <<<"$(respond --show "$run")"
run_respond --verify "$run"
same "kept: it is in force" 0 $status
run_respond --rollback "$run"
same "kept: can be taken back" 0 $status
same "kept: every file is there" "$files" "$(files)"

kill_in_copy 2 outcome 0.05 --playbook /root/three.pb
run_respond --rollback "$run"
same "--rollback of what was interrupted" 0 $status
same "--rollback of what was interrupted: every file is there" "$files" "$(files)"
check "--rollback of what was interrupted: nothing is pending" nothing_pending

# ---- one run, a run that lives ---------------------------------------------------------------------------------

kill_at outcome 0.1 --playbook /root/slow.pb
first=$run
playbook slow2 'settle = 60s' c=$place/c >/root/slow2.pb
kill_at outcome 0.1 --playbook /root/slow2.pb
run_respond --recover "$first"
same "one run: recovered" 0 $status
check "one run: that one" test -e $place/a
check "one run: not the other" test ! -e $place/c
check "one run: the other is said" grep -q "run $run was interrupted" <<<"$(respond --list 2>&1)"
run_respond --recover "$first"
same "one run: nothing more" "0 Nothing to recover." "$status $(tail -n 1 <<<"$output")"
run_respond --recover
same "one run: the other" 0 $status
same "one run: every file is there" "$files" "$(files)"

rm -f $scratch/slow
respond --playbook /root/slow.pb >$scratch/slow 2>&1 </dev/null &
slow=$!
soon grep -q ^waiting $scratch/slow
start=$(date +%s%3N)
run_respond --recover
same "a run that lives: 0" 0 $status
check "a run that lives: left alone" grep -q "run $(newest) is being worked on by another respond: left alone" <<<"$output"
check "a run that lives: nobody waits for it" test $(($(date +%s%3N) - start)) -lt 20000
check_not "a run that lives: is not said to be interrupted" grep -q interrupted <<<"$(respond --list 2>&1)"
check "a run that lives: its work is in place" test ! -e $place/a
kill -INT $slow
wait $slow
same "a run that lives: ends by itself" 0 $?
run=$(newest)
same "a run that lives: its journal is whole" 0 "$(respond --verify "$run" >/dev/null 2>&1; echo $?)"
respond --rollback "$run" >/dev/null 2>&1

# ---- a run that had hardly begun ------------------------------------------------------------------------------------

mkdir -m 0700 "$runs/20260101-000000-aaaa"
touch "$pending/20260101-000000-aaaa"
mkdir -m 0700 "$runs/20260101-000000-bbbb"
touch "$runs/20260101-000000-bbbb/journal" "$pending/20260101-000000-bbbb" "$pending/20260101-000000-cccc"
head -c 4096 /dev/zero >"$runs/20260101-000000-bbbb/journal"
for id in a b c; do
	check "hardly begun, $id: is said" grep -q "run 20260101-000000-$id$id$id$id was interrupted" <<<"$(respond --list 2>&1)"
done
run_respond --recover
same "hardly begun: 0" 0 $status
same "hardly begun: nothing was changed" 3 "$(grep -c 'It had not begun: nothing was changed' <<<"$output")"
check "hardly begun: nothing is left" test -z "$(ls "$runs" "$pending" | grep ^20260101)"
same "hardly begun: nothing is said" '' "$(respond --list 2>&1 >/dev/null)"

# ---- a rollback, a recovery ----------------------------------------------------------------------------------------------

done_run() {
	run_respond --playbook /root/three.pb
	run=$(newest)
	[ $status = 0 ] || printf '%s\n' "$output" | tap_note
}

# Newest first: c is back, the big one is being copied.
done_run
kill_in_copy 2 undone 0.05 --rollback "$run"
check "a rollback: killed in the middle" test -e $place/c -a ! -e $place/a
check "a rollback: is said" grep -q "run $run was interrupted" <<<"$(respond --list 2>&1)"
check "a rollback: --list" grep -q "^$run .* rollback unfinished " <<<"$(respond --list 2>&1)"
run_respond --recover
same "a rollback: gone on with" 0 $status
same "a rollback: every file is there" "$files" "$(files)"
check "a rollback: nothing is left beside them" test -z "$(find $place /dev/shm -name '.respond-*')"
check "a rollback: nothing is pending" nothing_pending

done_run
kill_in_copy 2 undone 0.05 --rollback "$run"
run_respond --recover=keep
same "a rollback, kept: 0" 0 $status
check "a rollback, kept: ends where it was" test -e $place/c -a ! -e $place/a
check "a rollback, kept: nothing is pending" nothing_pending
run_respond --rollback "$run"
same "a rollback, kept: the rest" 0 $status
same "a rollback, kept: every file is there" "$files" "$(files)"

done_run
kill_in_copy 1 undo-intent 0.05 --rollback "$run" --step big
run_respond --recover
same "a rollback of one step: gone on with" 0 $status
check "a rollback of one step: that one" test -e $big
check "a rollback of one step: no other" test ! -e $place/a -a ! -e $place/c
check "a rollback of one step: --show tells it" grep -q '^  rolled back on 2.*, step big' <<<"$(respond --show "$run")"
respond --rollback "$run" >/dev/null 2>&1
same "a rollback of one step: every file is there" "$files" "$(files)"

# Killed while it takes back the big one, twice.
playbook end 'settle = 60s' big=$big c=$place/c >/root/end.pb
rm -f $scratch/slow
respond --playbook /root/end.pb >$scratch/slow 2>&1 </dev/null &
slow=$!
disown $slow
soon grep -q ^waiting $scratch/slow
kill -KILL $slow
soon not kill -0 $slow
for nth in 2 1; do
	kill_in_copy $nth undo-intent 0.1 --recover
	check "a recovery: killed" test -e "$pending/$run"
done
run_respond --recover
same "a recovery: recovered" 0 $status
same "a recovery: every file is there" "$files" "$(files)"
check "a recovery: nothing is left beside them" test -z "$(find $place /dev/shm -name '.respond-*')"
check "a recovery: nothing is pending" nothing_pending

# ---- processes left stopped --------------------------------------------------------------------------------------------------

# An executable that is gone is copied into the vault while its processes hold still.
start_miner() {
	install -m 0755 "$TOP_BUILDDIR/tests/range/sleeper" $place/miner
	truncate -s 256M $place/miner
	RANGE_DEADLINE=$(($(date +%s) + range_seconds)) $place/miner &
	miner=$!
	disown $miner
	soon test /proc/$miner/exe -ef $place/miner || echo "# the miner does not start"
	rm $place/miner
}

miner_is() {
	[ "$(ps -o stat= -p $miner | cut -c1)" = "$1" ]
}

# kill_when_stopped ACTION
kill_when_stopped() {
	printf '[playbook]\nname = stop\n[step it]\naction = %s\npid = %s\n' "$1" $miner >/root/stop.pb
	kill_in_copy 1 intent 0.05 --playbook /root/stop.pb
	check "$2: it was left stopped" soon miner_is T
}

start_miner
kill_when_stopped process.kill "a kill"
run_respond --recover
same "a kill: taken back" 0 $status
check "a kill: the process goes on" soon miner_is S
check "a kill: nothing is pending" nothing_pending
kill_when_stopped process.kill "a kill, kept"
run_respond --recover=keep
same "a kill, kept: 0" 0 $status
check "a kill, kept: it is finished" soon not kill -0 $miner
check "a kill, kept: nothing is pending" nothing_pending

# ---- one at a time ------------------------------------------------------------------------------------------------------------------

flock -o "$state_dir/lock" sleep $range_seconds &
holder=$!
soon not flock -n "$state_dir/lock" true
respond --playbook /root/other.pb >/dev/null 2>&1 </dev/null &
waiting=$!
sleep 1
waits=no
[ -d /proc/$waiting ] && [ -e $place/other ] && waits=yes
kill $holder
wait $waiting
same "another respond is at work: it is waited for" 0 $?
same "another respond is at work: until it has done" "yes, away" \
	"$waits, $([ -e $place/other ] && echo there || echo away)"
run_respond --rollback last
same "and then it is one's own turn" 0 $status
finish
