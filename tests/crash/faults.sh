#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a run of miner.pb and its rollback do when a system call fails, writes less than it
# was given, or is interrupted: at every call that alters something, one at a time; and
# when an allocation fails, at every place that allocates.
#
# A fault is survived, or it is told: exit status and message say so, nothing is lost, the
# journal can be read, and after recovery and a rollback the host is as before. An
# interrupted call and a short write are always survived. The same with real disks that
# are full, have no inodes left, or are mounted read-only.
#
#   CRASH_DEPTH   how many callers tell two places of allocation apart (default 4)
set -u
. "$TOP_SRCDIR/tests/crash/points.sh"
[ "${1:-}" != --worker ] || . "$TOP_SRCDIR/tests/crash/stage.sh"

depth=${CRASH_DEPTH:-4}
failalloc=$TOP_BUILDDIR/tests/crash/failalloc.so

# Which calls can fail so. EIO: any of them. (To open a regular file, and to alter a directory or
# an inode, is not interrupted.)
no_room=write,pwrite64,fallocate,ftruncate,openat,mkdirat,renameat2,linkat,fsync,fdatasync,fsetxattr,copy_file_range
read_only=openat,mkdirat,renameat2,unlinkat,linkat,fchmod,fchown,ioctl,fsetxattr,fremovexattr,utimensat,ftruncate
interrupted=write,pwrite64,fsync,fdatasync,fallocate,ftruncate,sendto,sendmsg,copy_file_range
declare -A strike_of=(
	[EIO]="-e EIO"
	[ENOSPC]="-e ENOSPC -t $no_room"
	[EDQUOT]="-e EDQUOT -t $no_room"
	[EROFS]="-e EROFS -t $read_only"
	[EINTR]="-e EINTR -t $interrupted"
	[short]="-s"
)

modes=()
strides=([EIO]=5 [EIO-rollback]=4 [ENOSPC]=5 [ENOSPC-rollback]=4 [EDQUOT]=8 [EDQUOT-rollback]=8
	[EROFS]=4 [EROFS-rollback]=4 [EINTR]=6 [EINTR-rollback]=6 [short]=4 [short-rollback]=4
	[memory-dry]=7 [memory]=5 [memory-rollback]=5 [inodes]=2 [room]=4)
for fault in EIO ENOSPC EDQUOT EROFS EINTR short; do
	modes+=("$fault" "$fault-rollback")
	titles[$fault]="$fault in a run: survived, or told and recovered from"
	titles[$fault-rollback]="$fault in a rollback: survived, or told and made good by another one"
	least[$fault]=30
	least[$fault-rollback]=20
	eval "point_$fault() { fail_run $fault \"\$1\"; }"
	eval "point_$fault-rollback() { fail_rollback $fault \"\$1\"; }"
done
titles[EINTR]="an interrupted call of a run is made again"
titles[EINTR-rollback]="an interrupted call of a rollback is made again"
titles[short]="a short write of a run is completed"
titles[short-rollback]="a short write of a rollback is completed"
if [ -z "${SANITIZE:-}" ]; then
	modes+=(memory-dry memory memory-rollback)
	titles[memory-dry]="no memory, at each place of a dry run: told, nothing is changed"
	titles[memory]="no memory, at each place of a run that a dry run has not: told and recovered from"
	titles[memory-rollback]="no memory, at each further place of a rollback: told and made good by another one"
	least[memory-dry]=700 least[memory]=200 least[memory-rollback]=100
else
	left_out+=("no memory: a sanitizer has an allocator of its own")
fi

modes+=(inodes room disk)
titles[inodes]="a state directory with so few inodes: told and recovered from"
titles[room]="a state directory with so little room: told and recovered from"
titles[disk]="files on a disk that is full, has no inodes left or is read-only: told and recovered from"
least[inodes]=10 least[room]=60 least[disk]=15

# ---- what must hold after a fault ------------------------------------------------------

lacking=          # who got no memory: "libc" where nothing of respond asked for it
run_status=0      # of a run without faults
rollback_status=3 # that processes were killed cannot be undone

prepare() {
	stage_host
	make_loop_nodes
	[ -n "${SANITIZE:-}" ] || list_places
}

# A failure is told in words.
judge_message() {
	[ $status != 0 ] && [ $status -lt 126 ] || return 0
	grep -qiE 'cannot|could not|failed|error|no space|no room|memory|read-only|quota|interrupted' <<<"$output" ||
		problem "status $status, but no word why: $output"
}

# The C library itself may end a program for want of memory, in what it does on its own behalf
# (getpwent(3) and its configuration, thread-local data): as good as a kill.
judge_crash() {
	[ $status -lt 126 ] || [ "$lacking" = libc ] || problem "status $status: $output"
}

# What fails may leave a run unfinished or some changes undone, but nothing that recovery and
# a rollback do not put right.
judge_recovered() {
	recover
	find_state
	judge_journal
	run_respond --rollback last
	local said=$output
	judge_state before
	judge_processes
	judge_sshd
	case $state in before) ;; *) problem "the rollback said, with status $status: $said" ;; esac
	judge_journal
}

# (What respond prints goes through stdio, which does not write again; its handlers of signals
# see to it that a write is not interrupted.)
# Survived is what looks like a run without a fault, from outside and inside. The status of
# a rollback alone does not tell, since kills cannot be undone.
judge_survived() {
	local expected=$1 state_expected=$2 said="$output"
	if [ $status = "$expected" ] && ! grep -qE '[0-9] (failed|drifted|refused|partly)' <<<"$output"; then
		judge "$state_expected"
		[ ${#problems[@]} = 0 ] || problem "status $status all the same, with: $said"
	elif [ "$3" = always ] && ! grep -q "^call .* $scratch/output" $scratch/report; then
		problem "status $status, not $expected: $output"
	fi
}

judge_fault() {
	local always=no
	case $1 in EINTR | short) always=always ;; esac
	judge_crash
	judge_message
	judge_survived "$2" "$3" $always
	judge_recovered
	return 0
}

fail_run() {
	restage
	# shellcheck disable=SC2086
	strike ${strike_of[$1]} -n "$2" -- respond "${run_args[@]}"
	fired || return
	judge_fault "$1" $run_status after
}

fail_rollback() {
	restage_after
	# shellcheck disable=SC2086
	strike ${strike_of[$1]} -n "$2" -- respond --rollback last
	fired || return
	judge_fault "$1" $rollback_status before
}

# A temporary that could not be removed from the vault stays until it is swept.
strays() {
	host_strays
	grep -qs 'call .* unlinkat .*/vault ' $scratch/report || vault_strays
}

# ---- memory -----------------------------------------------------------------------------

# with_memory VARIABLE=VALUE... -- COMMAND...
with_memory() {
	local settings=()
	while [ "$1" != -- ]; do
		settings+=("$1")
		shift
	done
	shift
	status=0
	output=$(env FAILALLOC_PROGRAM=respond FAILALLOC_DEPTH="$depth" "${settings[@]}" LD_PRELOAD="$failalloc" \
		timeout -k 5 $patience_s setarch -R "$@" 2>&1 </dev/null) || status=$?
}

# The places of a dry run, and the further ones of a run and of a rollback.
list_places() {
	local work=$scratch/places
	mkdir -p $work
	restage
	with_memory FAILALLOC_LIST=$work/dry.all -- respond "${run_args[@]}" --dry-run
	with_memory FAILALLOC_LIST=$work/run.all -- respond "${run_args[@]}"
	with_memory FAILALLOC_LIST=$work/rollback.all -- respond --rollback last
	for name in dry run rollback; do sort -u $work/$name.all -o $work/$name.all; done
	cp $work/dry.all $work/dry
	comm -23 $work/run.all $work/dry.all >$work/run
	comm -23 $work/rollback.all <(sort -u $work/dry.all $work/run.all) >$work/rollback
}

# fail_memory LIST N COMMAND...
fail_memory() {
	local site
	site=$(sed -n "${2}p" "$scratch/places/$1")
	[ -n "$site" ] || return 1
	rm -f $scratch/fired
	with_memory FAILALLOC_SITE="$site" FAILALLOC_FIRED=$scratch/fired -- "${@:3}"
	echo "call $2, place $site" >$scratch/report
	[ -e $scratch/fired ] || return $skipped
	lacking=$(cat $scratch/fired)
}

point_memory-dry() {
	# A dry run alters nothing; only another mode may have.
	[ ! -e "$state_dir" ] && [ "$(our_miners)" = "$miners" ] || restage
	fail_memory dry "$1" respond "${run_args[@]}" --dry-run || return
	judge_crash
	judge_message
	case $status in 0 | 4) problem "status $status: $output" ;; esac
	[ ! -e "$state_dir" ] || problem "a dry run left $(find "$state_dir")"
	judge_state before
	return 0
}

point_memory() {
	restage
	fail_memory run "$1" respond "${run_args[@]}" || return
	judge_fault memory $run_status after
}

point_memory-rollback() {
	restage_after
	fail_memory rollback "$1" respond --rollback last || return
	judge_fault memory $rollback_status before
}

# ---- real disks ---------------------------------------------------------------------------

# small_state N OPTIONS MORE: runs with its state on a small filesystem, then gets more of it.
small_state() {
	restage
	mkdir -m 700 "$state_dir"
	mount -t tmpfs -o "mode=700,$2" small "$state_dir" || broken "no tmpfs"
	echo "call $1, $2" >$scratch/report
	strike_plainly respond "${run_args[@]}"
	local enough=$([ $status = $run_status ] && echo yes)
	judge_crash
	judge_message
	judge_survived $run_status after no
	mount -o "remount,$3" "$state_dir"
	[ -n "$(ls "$state_dir/runs" 2>/dev/null)" ] && judge_recovered || judge_state before
	umount "$state_dir"
	[ -z "$enough" ] # more would be enough too
}

strike_plainly() {
	status=0
	lacking=
	output=$(timeout -k 5 $patience_s "$@" 2>&1 </dev/null) || status=$?
}

point_inodes() {
	small_state "$1" "nr_inodes=$1" nr_inodes=1000
}

point_room() {
	small_state "$1" "size=$((4 * $1))k" size=20m
}

disks=(/root/.ssh /etc/ssh /etc/cron.hourly /var/spool/cron/crontabs /usr/local/bin)
lacks=(room inodes leave-to-write)

# Puts what is in a directory on a disk of its own, which is mounted there.
small_disk() {
	rm -f $scratch/disk # the last one may be in use yet
	truncate -s 1M $scratch/disk
	mke2fs -q -F -t ext4 -O ^has_journal -m 0 -N 32 $scratch/disk
	mkdir -p $scratch/mnt
	await mount -o loop $scratch/disk $scratch/mnt || broken "no small disk"
	cp -a "$1/." $scratch/mnt
	rmdir $scratch/mnt/lost+found
	[ ! -e $scratch/mnt/authorized_keys ] || chattr +i $scratch/mnt/authorized_keys
	mount --move $scratch/mnt "$1" 2>/dev/null || { umount $scratch/mnt; await mount -o loop $scratch/disk "$1"; }
}

take_away() {
	local i
	mkdir "$2/filler"
	case $1 in
	room) cat /dev/zero >"$2/filler/zeros" 2>/dev/null ;;
	inodes) for i in $(seq 100); do : >"$2/filler/$i" || break; done 2>/dev/null ;;
	leave-to-write) mount -o remount,ro "$2" ;;
	esac
}

give_back() {
	[ "$1" != leave-to-write ] || mount -o remount,rw "$2"
	rm -r "$2/filler"
}

# A disk of which something lacks, of every kind and for every directory in turn.
point_disk() {
	local n=$(($1 - 1)) before=$before stage_dirs=("${stage_dirs[@]}") dir lack
	[ $n -lt $((${#disks[@]} * ${#lacks[@]})) ] || return
	dir=${disks[n / ${#lacks[@]}]}
	lack=${lacks[n % ${#lacks[@]}]}
	restage
	stop_miners
	small_disk "$dir"
	# What is looked at does not go into another filesystem.
	[[ " ${stage_dirs[*]} " = *" $dir "* ]] || stage_dirs+=("$dir")
	before=$(host_files)
	start_miners
	take_away "$lack" "$dir"
	echo "call $1, no $lack in $dir" >$scratch/report
	strike_plainly respond "${run_args[@]}"
	judge_crash
	judge_message
	# A file can be taken off a full disk.
	[ $status != 0 ] || [ "$lack" != leave-to-write ] || problem "status 0: $output"
	local said="$status: $output"
	recover
	give_back "$lack" "$dir"
	judge_recovered
	[ ${#problems[@]} = 0 ] || problem "the run said: $said"
	stop_miners
	umount -l "$dir"
	miners=none
	return 0
}

try_points "$@"
