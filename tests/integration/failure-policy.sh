#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A run of several steps in which the middle one fails: what is in force afterwards,
# what is told of it, and that a rollback restores all, for every on-failure of the
# playbook and of the step.
set -u
range_seconds=900
. "$TOP_SRCDIR/tests/range/host.sh"
enter_range "$@"
install_respond

place=/srv/policy
mkdir -p $place

# ---- how the middle step fails --------------------------------------------------------

middle_step() {
	case $1 in
	full) # a vault with no room for it: fails when it is applied
		echo "action = file.quarantine"
		echo "path = $place/middle"
		;;
	refused) # a file that something is mounted on: the guard refuses
		echo "action = file.quarantine"
		echo "path = $place/mounted"
		;;
	unplanned) # a file that must be there and is not
		echo "action = file.quarantine"
		echo "path = $place/nowhere"
		echo "missing = fail"
		;;
	late) # what comes between two rounds is refused: see come_late
		echo "action = file.quarantine"
		echo "path = $place/middle, $place/late/*"
		;;
	stuck) # a process that waits in the kernel, for a frozen filesystem: it is killed and does not end
		echo "action = process.kill"
		echo "name = policy-stuck"
		;;
	esac
}

stage_files() {
	install -d -m 0755 $place/late
	echo first >$place/first
	head -c 2000000 /dev/urandom >$place/middle
	echo last >$place/last
	echo mounted >$place/mounted
	mount --bind $place/mounted $place/mounted
}

small_vault() {
	install -d -m 0700 "$state_dir" "$state_dir/vault"
	mount -t tmpfs -o size=1m,mode=0700 vault "$state_dir/vault"
}

# As one file is gone another comes, with something mounted on it: that is to be there when the next
# round looks.
come_late() {
	local tries=0
	while [ -e $place/first ] && [ $((tries += 1)) -lt 6000 ]; do sleep 0.01; done
	echo late >$place/late/new
	mount --bind $place/late/new $place/late/new
}

# ---- one run ----------------------------------------------------------------------------

# write_playbook FAILURE ON-FAILURE [ON-FAILURE-OF-THE-STEP]
write_playbook() {
	local settle=
	[ "$1" != late ] || settle='settle = 3s'
	cat >/root/policy.pb <<-END
		[playbook]
		name = policy
		description = The middle step fails
		on-failure = $2
		$settle

		[step first]
		action = file.quarantine
		path = $place/first

		[step middle]
		$(middle_step "$1")
		${3:+on-failure = $3}

		[step last]
		action = file.quarantine
		path = $place/last
	END
}

gone() {
	local name all=
	for name in first middle last; do
		[ -e $place/$name ] || all="$all$name "
	done
	echo "$all"
}

# The words of the journal for the changes of a run, in order.
outcomes() {
	respond --show "$1" --format json | json 'changes.*.step' >$scratch/steps
	respond --show "$1" --format json | json "changes.*.$2" | paste -d= $scratch/steps - | paste -sd' '
}

said() {
	check "$1" grep -qE "$2" <<<"$output"
}

# restored WHAT: a rollback gives all of it back.
restored() {
	run_respond --rollback last
	same "$1: the rollback's status" 0 $status
	same "$1: all is as it was" "$before" "$(describe_files $place)"
}

# ---- a change that fails when it is applied: the vault is full ------------------------------

stage_files
small_vault
before=$(describe_files $place)

# full PLAYBOOK STEP: status, what is gone, outcomes, counts
full() {
	local what="full vault, $1${2:+, step $2}"
	write_playbook full "$@"
	run_respond --playbook /root/policy.pb
	said "$what: the failure is named with its reason" '^  failed +middle: quarantine /srv/policy/middle.* \(there is no room for it in the vault\)$'
	said "$what: and again at the end" '^failed: middle: quarantine /srv/policy/middle.* \(there is no room for it in the vault\)$'
	case ${2:-$1} in
	stop)
		same "$what: status" 3 $status
		same "$what: in force" 'first ' "$(gone)"
		same "$what: the journal" 'first=done middle=failed last=skipped' "$(outcomes last outcome)"
		said "$what: what was not begun is named" '^  skipped +last: '
		said "$what: the counts" '^Run .*: 1 change done in 1 round, 1 failed, 1 not begun\.$'
		said "$what: why it stopped" '^Stopped at the first failure or refusal\.$'
		said "$what: what is in force" '^In force: 1 change of this run'
		;;
	continue)
		same "$what: status" 3 $status
		same "$what: in force" 'first last ' "$(gone)"
		same "$what: the journal" 'first=done middle=failed last=done' "$(outcomes last outcome)"
		said "$what: the counts" '^Run .*: 2 changes done in 1 round, 1 failed\.$'
		said "$what: the last look is told as such" '^Still there, and not tried again:$'
		check_not "$what: it is no round" grep -q '^Round 2' <<<"$output"
		said "$what: what is left" '^left: middle: quarantine /srv/policy/middle'
		said "$what: what is in force" '^In force: 2 changes of this run'
		;;
	rollback)
		same "$what: status" 1 $status
		same "$what: in force" '' "$(gone)"
		same "$what: the journal" 'first=done middle=failed last=skipped' "$(outcomes last outcome)"
		same "$what: the journal on the rollback" 'first=undone middle=none last=none' "$(outcomes last undo)"
		said "$what: the counts" '^Run .*: 1 change done in 1 round, 1 failed, 1 not begun\.$'
		said "$what: why it was taken back" '^Stopped .*, and taken back \(on-failure = rollback\)\.$'
		said "$what: what was undone" '^Rolled back: 1 undone\.$'
		said "$what: what is in force" '^In force: nothing of this run\.$'
		check_not "$what: no rollback is offered" grep -q -- --rollback <<<"$output"
		same "$what: all is as it was" "$before" "$(describe_files $place)"
		;;
	esac
	restored "$what"
	machines_full "$what" "$@"
}

counts() {
	local name all=
	for name in 'done' failed partly skipped refused unplanned stopped rolled_back.undone status; do
		all="$all$name=$(json "result.$name" <<<"$output" 2>/dev/null) "
	done
	echo "$all"
}

machines_full() {
	local what="$1, for machines"
	shift
	run_json --playbook /root/policy.pb
	case ${2:-$1} in
	stop) same "$what" 'done=1 failed=1 partly=0 skipped=1 refused=0 unplanned=0 stopped=true rolled_back.undone= status=3 ' "$(counts)" ;;
	continue) same "$what" 'done=2 failed=1 partly=0 skipped=0 refused=0 unplanned=0 stopped=false rolled_back.undone= status=3 ' "$(counts)" ;;
	rollback) same "$what" 'done=1 failed=1 partly=0 skipped=1 refused=0 unplanned=0 stopped=true rolled_back.undone=1 status=1 ' "$(counts)" ;;
	esac
	restored "$what"
}

for playbook in stop continue rollback; do
	for step in '' stop continue rollback; do
		full $playbook $step
	done
done
umount "$state_dir/vault"

# ---- a step that cannot be planned, and one that the guard refuses ---------------------------

# nothing_or_rest FAILURE STATUS-IF-STOPPED STATUS-IF-CONTINUED COUNT PLAYBOOK STEP
nothing_or_rest() {
	local failure=$1 stopped=$2 continued=$3 count=$4 what
	shift 4
	what="$failure, $1${2:+, step $2}"
	write_playbook "$failure" "$@"
	run_respond --playbook /root/policy.pb
	said "$what: the reason at the end" '^(not planned: middle: .*/nowhere is not there|refused: middle: .*mounted on .*\(file\.mount-point\)$)'
	if [ "${2:-$1}" = continue ]; then
		same "$what: status" "$continued" $status
		same "$what: in force" 'first last ' "$(gone)"
		said "$what: the counts" "^Run .*: 2 changes done in 1 round, $count\\.\$"
		said "$what: what is in force" '^In force: 2 changes of this run'
		run=$(last_run)
		check "$what: --list says that it was done in part" grep -q "^$run .* partly done  *2 done" < <(respond --list)
		check "$what: --show names the step that was not done" grep -qE '^  (failed|refused) middle: ' < <(respond --show "$run")
		restored "$what"
	else
		same "$what: status" "$stopped" $status
		same "$what: in force" '' "$(gone)"
		same "$what: all is as it was" "$before" "$(describe_files $place)"
		said "$what: the plan says so before" '^Because of that, a run changes nothing|not reached$'
		said "$what: the counts" "no change done, $count|Nothing was changed, $count"
		check_not "$what: no rollback is offered" grep -q -- --rollback <<<"$output"
	fi
	run_json --playbook /root/policy.pb
	same "$what, for machines: status" $status "$(json result.status <<<"$output")"
	same "$what, for machines: the count" 1 "$(json "result.$failure" <<<"$output")"
	check "$what, for machines: the reason" grep -q middle < <(json result.troubles.0 <<<"$output")
	[ "${2:-$1}" != continue ] || restored "$what, for machines"
}

for playbook in stop continue rollback; do
	for step in '' stop continue rollback; do
		nothing_or_rest unplanned 1 3 '1 step could not be planned' $playbook $step
		nothing_or_rest refused 4 4 '1 refused' $playbook $step
	done
done

# ---- a refusal in the second round ------------------------------------------------------------

late() {
	local what="second round, $1${2:+, step $2}"
	write_playbook late "$@"
	come_late &
	run_respond --playbook /root/policy.pb
	wait $!
	same "$what: status" 4 $status
	said "$what: what was refused, and why" "^refused: middle: .*$place/late/new.*\\(file\\.mount-point\\)$"
	if [ "${2:-$1}" = rollback ]; then
		same "$what: in force" '' "$(gone)"
		said "$what: what was undone" '^Rolled back: 3 undone\.$'
		said "$what: what is in force" '^In force: nothing of this run\.$'
	else
		same "$what: in force" 'first middle last ' "$(gone)"
		said "$what: what is in force" '^In force: 3 changes of this run'
	fi
	umount $place/late/new
	rm $place/late/new
	restored "$what"
}

late stop
late continue rollback
late rollback continue

# ---- begun and not finished ---------------------------------------------------------------------

truncate -s 16M $scratch/frozen.image
mke2fs -q -F $scratch/frozen.image
mkdir $scratch/frozen
make_loop_nodes
await mount -o loop $scratch/frozen.image $scratch/frozen # others look for a free loop device at the same time
install -m 0755 "$(command -v dd)" /usr/local/bin/policy-stuck
fsfreeze --freeze $scratch/frozen
policy-stuck if=/dev/zero of=$scratch/frozen/file bs=1 count=1 2>/dev/null &
stuck=$!
is_stuck() {
	ps -o stat=,comm= -p $stuck | grep -q '^D.* policy-stuck$'
}
await is_stuck || echo "# nothing waits in the kernel"
write_playbook stuck rollback
started=$(date +%s)
run_respond --playbook /root/policy.pb
echo "# $(($(date +%s) - started)) s with a process that does not end"
said "stuck: told as begun, with the reason" "^  partly +middle: kill .*$stuck waits in the kernel"
said "stuck: the counts" '^Run .*: 1 change done in 1 round, 1 begun and not finished, 1 not begun\.$'
said "stuck: undone is what can be" '^Rolled back: 1 undone, 1 cannot be undone\.$'
said "stuck: what is in force" '^In force: 1 change of this run'
check_not "stuck: no rollback is offered" grep -q -- --rollback <<<"$output"
same "stuck: status" 3 $status
same "stuck: in force" '' "$(gone)"
same "stuck: the journal" 'first=done middle=partly last=skipped' "$(outcomes last outcome)"
same "stuck: the journal on the rollback" 'first=undone middle=impossible last=none' "$(outcomes last undo)"
same "stuck: all else is as it was" "$before" "$(describe_files $place)"
fsfreeze --unfreeze $scratch/frozen
wait $stuck 2>/dev/null
check "stuck: it ended by the signal" test $? = 137
umount $scratch/frozen
umount $place/mounted
finish
