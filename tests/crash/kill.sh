#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# SIGKILL at every system call that alters something, of a run of miner.pb, of its rollback
# and of the recovery itself; then `respond --recover`. Afterwards the host is exactly as
# before or exactly as after the run, no process is left stopped, and the journal says
# which it is. That a process was killed cannot be taken back.
#
#   CRASH_ALL_CALLS=yes   every system call instead
set -u
. "$TOP_SRCDIR/tests/crash/points.sh"
[ "${1:-}" != --worker ] || . "$TOP_SRCDIR/tests/crash/stage.sh"

all=()
[ -z "${CRASH_ALL_CALLS:-}" ] || all=(-A)
recovery_calls=40

modes=(run run-after recovery keep rollback rollback-keep)
[ -z "${CRASH_ALL_CALLS:-}" ] || modes=(run rollback)
strides=([run-after]=7 [recovery]=4 [keep]=4 [rollback-keep]=3)
titles=(
	[run]="a run killed before each call is rolled back"
	[run-after]="a run killed after each call is rolled back"
	[recovery]="a run killed before each call, and its recovery somewhere, is rolled back"
	[keep]="a run killed before each call is kept as far as it came"
	[rollback]="a rollback killed before each call is finished"
	[rollback-keep]="a rollback killed before each call is kept as far as it came"
)
least=([run]=150 [run-after]=150 [recovery]=150 [keep]=150 [rollback]=100 [rollback-keep]=100)

prepare() {
	stage_host
}

# After a recovery nothing is left to recover.
recover_once() {
	recover "$@"
	local first="$status, $output"
	recover "$@"
	[ $status = 0 ] || problem "a second recovery ends with $status: $output; the first: $first"
}

kill_run() {
	restage
	strike "${all[@]}" "$@" -- respond "${run_args[@]}"
	fired
}

kill_rollback() {
	restage_after
	strike "${all[@]}" -k -n "$1" -- respond --rollback last
	fired
}

point_run() {
	kill_run -k -n "$1"
	local reached=$?
	recover_once
	judge before after
	return $reached
}

point_run-after() {
	kill_run -k -a -n "$1"
	local reached=$?
	recover_once
	judge before after
	return $reached
}

# Where the recovery is killed moves through all of it.
point_recovery() {
	kill_run -k -n "$1"
	local reached=$? first
	first=$(struck)
	strike -k -n $(($1 * 7 % recovery_calls + 1)) -- respond --recover
	[ "$(calls_made)" -le "$recovery_calls" ] || recovery_calls=$(calls_made)
	first="$first, then at $(struck)"
	recover_once
	judge before after
	echo "call $first" >$scratch/report
	return $reached
}

point_keep() {
	kill_run -k -n "$1"
	local reached=$?
	recover_once =keep
	judge before after mixed
	return $reached
}

point_rollback() {
	kill_rollback "$1"
	local reached=$?
	recover_once
	judge before after
	return $reached
}

point_rollback-keep() {
	kill_rollback "$1"
	local reached=$?
	recover_once =keep
	judge before after mixed
	return $reached
}

try_points "$@"
