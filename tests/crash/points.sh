# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Many points of one kind, tried in several ranges at once, to be sourced:
#
#   modes=(NAME...)            what is tried; `point_NAME N` tries the Nth point of it and says
#                              in `problems` what is wrong; titles[NAME] is what holds then.
#                              It fails when there is no such point, with $skipped when only
#                              this one was not reached
#   least[NAME]                fewer points than that prove nothing
#   controls[NAME]=yes         here something must be wrong in some places: what finds nothing
#                              there would find nothing anywhere
#   left_out=("TITLE: WHY"...) what cannot be tried here
#   prepare                    stages the host of one range
#   try_points "$@"            last line of the script
#
# Outside a range it starts workers, which are this script again, each in a range of its
# own, takes every Mth point each, and adds up what they say.
#
#   CRASH_EVERY     every how many of them one is tried (default 1); with more, the points of a
#                   run are a sample, and the titles say so
#   CRASH_LONG      every point also of those modes that are a sample by default (strides[NAME])
#   CRASH_WORKERS   how many ranges at once (default: one a processor, at most 4)
#   CRASH_MODES     only these modes
#   CRASH_FROM, CRASH_TO   only these points

. "$TOP_SRCDIR/tests/range/tap.sh"

every=${CRASH_EVERY:-1}
skipped=3
left_out=()
declare -A titles least controls strides

# ---- a worker, inside ---------------------------------------------------------------

# What went wrong in one place is one line, and what it looked like follows.
tell_problems() {
	local mode=$1 n=$2 problem
	[ ${#problems[@]} = 0 ] || echo "bad $mode at $(where "$n")"
	for problem in "${problems[@]}"; do printf '%s\n' "$problem" | sed 's/^/    /' | head -n 30; done
}

# A mode may say more about a point than its number.
where() {
	struck 2>/dev/null | grep . || echo "point $1"
}

stride_of() {
	local stride=${strides[$1]:-1}
	[ -z "${CRASH_LONG:-}" ] || stride=1
	echo $((every * stride))
}

# Two points in a row that were not reached: there are no more. One may be missing, for
# two runs do not make exactly the same calls.
try_mode() {
	local mode=$1 worker=$2 workers=$3 n tried=0 missed=0 stride
	stride=$(stride_of "$mode")
	for ((n = ${CRASH_FROM:-1} + worker * stride; missed < 2 && n <= ${CRASH_TO:-1000000}; n += workers * stride)); do
		problems=()
		"point_$mode" "$n"
		case $? in
		0) tried=$((tried + 1)) missed=0 ;;
		"$skipped") ;;
		*) missed=$((missed + 1)) ;;
		esac
		tell_problems "$mode" "$n"
	done
	echo "points $mode $tried"
}

work() {
	local mode worker=$1 workers=$2
	exec >"$3/$worker" 2>&1
	prepare
	for mode in "${modes[@]}"; do try_mode "$mode" "$worker" "$workers"; done
	echo finished
}

# ---- outside -------------------------------------------------------------------------

start_workers() {
	local workers=$1 results=$2 seconds=$3 worker
	for ((worker = 0; worker < workers; worker++)); do
		"$TOP_SRCDIR/tests/range/range.sh" -t "$seconds" -s "$results" \
			"$(realpath "$0")" --worker "$worker" "$workers" "$results" >"$results/range-$worker" 2>&1 &
	done
	wait
}

tell_mode() {
	local mode=$1 results=$2 points bad title=${titles[$mode]} n_bad stride
	stride=$(stride_of "$mode")
	points=$(cat "$results"/[0-9]* | awk -v mode="$mode" '$1 == "points" && $2 == mode { n += $3 } END { print n + 0 }')
	bad=$(cat "$results"/[0-9]* | awk -v mode="$mode" '
		$1 == "bad" { show = $2 == mode } /^[^ ]/ && $1 != "bad" { show = 0 } show')
	[ "$stride" = 1 ] || title="$title (one in $stride)"
	n_bad=$(grep -c '^bad' <<<"$bad")
	if [ -z "${CRASH_TO:-}" ] && [ "$points" -lt $((${least[$mode]} / stride)) ]; then
		tap_result 'not ok' "$title: only $points points"
	elif [ "${controls[$mode]:-}" = yes ] && [ "$n_bad" -gt 0 ]; then
		tap_result ok "$title: wrong at $n_bad of $points points"
	elif [ -z "$bad" ] && [ "${controls[$mode]:-}" != yes ]; then
		tap_result ok "$title: $points points"
	else
		tap_result 'not ok' "$title: wrong at $n_bad of $points points"
		printf '%s\n' "$bad" | tap_note
	fi
}

# The last line of each worker says that it came to its end.
tell_worker() {
	local results=$1 worker=$2
	if [ "$(tail -n 1 "$results/$worker" 2>/dev/null)" = finished ]; then
		tap_result ok "range $worker came to its end"
	else
		tap_result 'not ok' "range $worker came to its end"
		cat "$results/range-$worker" <(tail -n 40 "$results/$worker") | tap_note
	fi
}

lead() {
	local workers why results mode worker what seconds=7200
	[ -z "${CRASH_LONG:-}" ] || seconds=200000
	if ! why=$("$TOP_SRCDIR/tests/range/range.sh" true 2>&1); then
		skip_all "$(printf %s "${why:-no range}" | tail -n 1)"
	fi
	workers=${CRASH_WORKERS:-$(nproc)}
	[ "$workers" -le 4 ] || workers=4
	results=$(mktemp -d -p /var/tmp) # not below /tmp, which is on the stage
	trap 'rm -rf "$results"' EXIT
	start_workers "$workers" "$results" $seconds
	for ((worker = 0; worker < workers; worker++)); do tell_worker "$results" "$worker"; done
	for mode in "${modes[@]}"; do tell_mode "$mode" "$results"; done
	for what in "${left_out[@]}"; do skip "${what%%: *}" "${what#*: }"; done
	[ -z "${CRASH_KEEP:-}" ] || cp -r "$results/." "$CRASH_KEEP"
	finish
}

try_points() {
	# shellcheck disable=SC2206
	[ -z "${CRASH_MODES:-}" ] || modes=($CRASH_MODES)
	if [ "${1:-}" = --worker ]; then
		work "$2" "$3" "$4"
	else
		lead
	fi
}
