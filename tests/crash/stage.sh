# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The host of the crash tests, to be sourced by a worker inside a range. It is the staged
# incident, brought back between two points without staging it anew:
#
#   stage_host          stages the incident and learns what it is like before and after
#   restage             makes it as before again: files, firewall, sshd, miners, no runs
#   restage_after       as after a complete run, with that run's journal and vault
#   judge STATE...      whether the host is in one of these states: "before", "after", "mixed" (each
#                       change by itself, as the journal has it), and the journal says so;
#                       what is wrong is added to `problems`
#   run_args            the run that all of this is about
#   strike OPTION... -- COMMAND...   under killstep; then $status, `fired`, `struck`, $output
#
# Four things differ from the incident that people see: the playbook waits for nothing
# (settle = 0s) and for nobody (no confirm), the only evidence are the files that are found (to
# look for hidden processes takes a million system calls), and the database has no miner below
# it, for it would have to be started again each time.

. "$TOP_SRCDIR/tests/range/host.sh"

killstep=$TOP_BUILDDIR/tests/crash/killstep
stage_dirs=(/etc/ssh /etc/cron.hourly /root/.ssh /usr/local/bin /var/spool/cron /tmp)
saved=$scratch/saved
root= # of the host that respond works on
problems=()
patience_s=300 # what takes longer hangs
in_kernel=() # kinds of change that a reboot takes away
export ASAN_OPTIONS=detect_leaks=0 # it does not work on what is traced

# ---- looking ------------------------------------------------------------------------

# One line a file: path, type, mode, owner, links and link count, inode flags, hash, xattrs
# and ACL. The paths of the stage hold no space.
host_files() {
	{
		find "${stage_dirs[@]}" -xdev '(' -type d -printf 'find %p d,%m,%U:%G\n' ')' -o \
			-printf 'find %p %y,%m,%U:%G,%n,%l\n'
		find "${stage_dirs[@]}" -xdev -type f -exec sha256sum {} + | awk '{ print "sha256", $2, $1 }'
		find "${stage_dirs[@]}" -xdev '(' -type f -o -type d ')' -exec lsattr -d {} + 2>/dev/null |
			awk '{ print "flags", $2, $1 }'
		find "${stage_dirs[@]}" -xdev '(' -type f -o -type d ')' -exec getfattr -h -d -m '^(user|security|system)' \
			--absolute-names {} + 2>/dev/null |
			awk '/^# file: / { path = $3; next } /=/ { print "xattr", path, $0 }'
	} | awk '
		{ path = $2; type = $1; sub(/^[^ ]+ [^ ]+ /, ""); at[path] = at[path] " " type "=" $0 }
		END { for (path in at) print path at[path] }' | LC_ALL=C sort
}

# Files that a crash may leave beside what it was about, anywhere in the overlay or beside it.
host_strays() {
	(cd /run/range/upper && find . -path ".$state_dir" -prune -o ! -type d -print | LC_ALL=C sort)
	find /run /dev/shm -path /run/range -prune -o -name '.respond-*' -print
}

vault_strays() {
	find "$state_dir/vault" -name '.*' 2>/dev/null
}

strays() {
	host_strays
	vault_strays
}

rules() {
	firewall | sed 's/"run [0-9a-f-]*"/"run"/'
}

stopped_processes() {
	grep -lE '^State:\s+[Tt]' /proc/[0-9]*/status 2>/dev/null
}

# sshd_listens_but BEFORE: whether it listens on as many as at first, and on none of those. It closes
# them one by one, and makes the new ones after that.
sshd_listens_but() {
	listens=$(sshd_sockets)
	[ "$(wc -l <<<"$listens")" = "$n_listens" ] && [ -z "$(LC_ALL=C comm -12 <(echo "$1") <(echo "$listens"))" ]
}

# await_sshd BEFORE
await_sshd() {
	local i
	for i in $(seq 6000); do
		if sshd_listens_but "$1"; then return; fi
		sleep 0.01
	done
	broken "sshd does not come back"
}

# Whether the sshd that runs lets root in: not what is in its files, but what it does.
root_can_log_in() {
	ip netns exec internet ssh -i /run/range/keys/operator -b "$OPERATOR" -o BatchMode=yes -o LogLevel=ERROR \
		-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@192.168.1.100 true >/dev/null 2>&1
}

# ---- miners ----------------------------------------------------------------------------

# Everything that start_miners has started bears this in its environment.
our_miners() {
	grep -lz '^CRASH_MINER=' /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3 | sort -n | tr '\n' ' '
}

stop_miners() {
	local pids
	# They restart each other: until none is left.
	while pids=$(our_miners); [ -n "$pids" ]; do
		# shellcheck disable=SC2086
		kill -KILL $pids 2>/dev/null
	done
}

restart_miners() {
	stop_miners
	start_miners
}

start_miners() {
	local i last=6000
	install -m 0755 -o mysql -g mysql "$TOP_BUILDDIR/tests/range/miner" /var/tmp/.cache/kdevtmpfsi
	CRASH_MINER=yes setsid --fork /usr/local/bin/xmrig -o "$SERVER:3333" -w </dev/null >/dev/null 2>&1
	CRASH_MINER=yes setsid --fork setpriv --reuid mysql --regid mysql --clear-groups \
		/var/tmp/.cache/kdevtmpfsi -o "$SERVER:3333" </dev/null >/dev/null 2>&1
	for i in $(seq $last); do
		[ "$(ss -Htn state established dst "$SERVER" | wc -l)" = 2 ] &&
			[ "$(our_miners | wc -w)" = 6 ] && break
		sleep 0.01
	done
	[ "$i" != $last ] || broken "the miners do not start: $(ps -ef)"
	rm -f /var/tmp/.cache/kdevtmpfsi
	miners=$(our_miners)
}

# ---- making it as it was -----------------------------------------------------------------

broken() {
	echo "broken $*"
	exit 1
}

save_files() {
	local dir
	mkdir -p "$saved/$1"
	for dir in "${stage_dirs[@]}"; do
		mkdir -p "$saved/$1$dir"
		cp -ax "$dir/." "$saved/$1$dir"
	done
	nft list ruleset >"$saved/$1/ruleset"
}

put_files() {
	local dir
	find "${stage_dirs[@]}" -xdev '(' -type f -o -type d ')' -exec chattr -ia {} + 2>/dev/null
	for dir in "${stage_dirs[@]}"; do
		find "$dir" -xdev ! -type d -delete
		cp -a "$saved/$1$dir/." "$dir"
	done
	# What the place of the copy may not be able to hold.
	[ ! -e /usr/local/bin/xmrig ] || setfattr -n user.origin -v m.sh /usr/local/bin/xmrig 2>/dev/null
	chattr +i /root/.ssh/authorized_keys
	miners=none # those that run are of another file
}

put_ruleset() {
	{ echo flush ruleset; cat "$saved/$1/ruleset"; } | nft -f -
}

# sshd as the files of this name say, if it was told something else since.
put_sshd() {
	local before=$listens
	[ "$(sshd_sockets)" != "$before" ] || [ "$1" != "$sshd_obeys" ] || return 0
	await_sshd ''          # whoever told it to reload may have been killed meanwhile
	sshd_obeys=$1
	before=$listens
	kill -HUP "$SSHD_PID"
	await_sshd "$before"
}

put_host() {
	local name=$1 files=$2 rules=$3
	rm -rf "$state_dir" # as before a first run
	if [ "$(host_files)" != "$files" ]; then
		put_files "$name"
		[ "$(host_files)" = "$files" ] || broken "files are not put back: $(diff <(echo "$files") <(host_files))"
	fi
	[ "$(rules)" = "$rules" ] || put_ruleset "$name"
	put_sshd "$name"
}

restage() {
	put_host before "$before" "$before_rules"
	[ "$(our_miners)" = "$miners" ] && [ -z "$(stopped_processes)" ] || { stop_miners; start_miners; }
}

restage_after() {
	put_host after "$after" "$after_rules"
	cp -a "$saved/state" "$state_dir"
}

# Directories of the stage hide what lies below them, for that is this machine's and may
# change at any time. /tmp is new in each range.
own_directories() {
	local dir
	for dir in "${stage_dirs[@]}"; do
		if [ "$dir" = /tmp ] || [ ! -d "$dir" ]; then continue; fi
		cp -ax "$dir" $scratch/own
		rm -rf "$dir"
		cp -ax $scratch/own "$dir"
		rm -rf $scratch/own
	done
	find /usr/local/bin -mindepth 1 -delete # nothing of that is needed, and all is looked at often
}

stage_host() {
	install_respond
	own_directories
	stage_incident
	export RANGE_DEADLINE
	sed -e 's/^settle = .*/settle = 0s/' -e '/^confirm = /d' "$playbooks/miner.pb" >"$playbooks/crash.pb"
	run_args=(--playbook crash.pb --set evidence= --set "attacker-keys=$ATTACKER_FINGERPRINT")
	mkdir -p "$saved"
	rm -rf "$state_dir"

	listens=$(sshd_sockets)
	n_listens=$(wc -l <<<"$listens")
	sshd_obeys=before
	save_files before
	before=$(host_files)
	before_rules=$(rules)
	before_strays=$(strays)

	# This run ends the miners of the incident too: later ones are ours.
	run_respond "${run_args[@]}"
	[ $status = 0 ] || broken "the run itself ends with $status: $output"
	after=$(host_files)
	after_rules=$(rules)
	after_strays=$(strays)
	save_files after
	cp -a "$state_dir" "$saved/state"
	miners=none
	sshd_obeys=after
	restage
}

# ---- striking ----------------------------------------------------------------------------

strike() {
	status=0
	timeout -k 5 $patience_s "$killstep" -o $scratch/report "$@" >$scratch/output 2>&1 </dev/null || status=$?
	output=$(cat $scratch/output)
	[ $status != 124 ] || problem "it hangs"
}

fired() {
	grep -q '^fired 1$' $scratch/report
}

# Which call it was.
struck() {
	sed -n 's/^call //p' $scratch/report
}

calls_made() {
	sed -n 's/^calls //p' $scratch/report
}

# ---- judging -----------------------------------------------------------------------------

problem() {
	problems+=("$1")
}

changed() {
	diff <(printf '%s\n' "$1") <(printf '%s\n' "$2") | grep '^[<>]'
}

# The state that all of the host is in: "before", "after", or "mixed" when every file is as
# it was before or as it is after; otherwise "neither".
find_state() {
	local left
	files=$(host_files)
	rules=$(rules)
	left=$(strays)
	if [ "$files" = "$before" ] && [ "$rules" = "$before_rules" ] && [ "$left" = "$before_strays" ]; then
		state=before
	elif [ "$files" = "$after" ] && [ "$rules" = "$after_rules" ] && [ "$left" = "$after_strays" ]; then
		state=after
	elif [ -z "$(comm -23 <(printf '%s\n' "$files") <(printf '%s\n%s\n' "$before" "$after" | LC_ALL=C sort -u))" ] &&
		[ "$rules" = "$before_rules" -o "$rules" = "$after_rules" ] &&
		[ -z "$(comm -23 <(printf '%s\n' "$left") <(printf '%s\n%s\n' "$before_strays" "$after_strays" | LC_ALL=C sort -u))" ]; then
		state=mixed
	else
		state=neither
	fi
	difference="from before: $(changed "$before" "$files"; changed "$before_rules" "$rules"; changed "$before_strays" "$left")"
}

judge_state() {
	find_state
	case " $* " in
	*" $state "*) ;;
	*) problem "the host is $state, not $*: $difference" ;;
	esac
}

nothing_stopped() {
	stopped=$(stopped_processes)
	[ -z "$stopped" ]
}

judge_processes() {
	local stopped
	await nothing_stopped || problem "left stopped: $(for s in $stopped; do head -n 1 "$s"; done | tr '\n' ' ')"
}

sshd_does_as_it_says() {
	lets_in=no
	! root_can_log_in || lets_in=yes
	[ $lets_in = $says ]
}

# sshd was told to read its files whenever they changed: it does what is in them, once it has read them.
judge_sshd() {
	local lets_in=no says=no
	[ "$(sshd_sockets)" != "$listens" ] || [ "$state" != before ] || return 0
	! grep -qs '^PermitRootLogin yes' /etc/ssh/sshd_config.d/50-cloud-init.conf || says=yes
	await sshd_does_as_it_says || problem "sshd lets root in: $lets_in, but its files say: $says"
}

# Whether a target is as after the run: its line is the same as then.
is_after() {
	case $1 in
	nft.elements) [ "$rules" = "$after_rules" ] && [ "$after_rules" != "$before_rules" ] ;;
	*) [ "$(grep "^$2 " <<<"$files")" = "$(grep "^$2 " <<<"$after")" ] ;;
	esac
}

# Every change that can be undone: in force by the journal if and only if by the host. An undo
# that failed is neither: it is tried again.
judge_changes() {
	local kind reversible target outcome undo recorded found
	while IFS=$'\t' read -r kind reversible outcome undo target; do
		[ "$reversible" = true ] && [[ " ${in_kernel[*]} " != *" $kind "* ]] || continue
		recorded=no found=no
		case $outcome/$undo in */failed) continue ;; done/none | done/drifted | done/refused | held/none | partly/none) recorded=yes ;; esac
		! is_after "$kind" "$root$target" || found=yes
		[ $recorded = $found ] ||
			problem "$kind $target: in force by the journal: $recorded ($outcome, rollback $undo), by the host: $found"
	done < <(json changes.*.{kind,reversible,outcome,undo,target} <$scratch/show |
		awk '{ line[NR] = $0 } END { n = NR / 5; for (i = 1; i <= n; i++)
			print line[i] "\t" line[n + i] "\t" line[2 * n + i] "\t" line[3 * n + i] "\t" line[4 * n + i] }')
}

# The journal can be read, knows of an end, and tells what the host shows.
judge_journal() {
	local words
	words=$(respond --list --format json 2>$scratch/errors | json '*.state')
	! grep -v 'audit is on' $scratch/errors || problem "--list: $(cat $scratch/errors)"
	case $words in
	'')
		judge_state before
		return
		;;
	*unfinished*) problem "--list still says: $words" ;;
	esac
	[ -z "$(ls "$state_dir/pending")" ] || problem "marked as unfinished still: $(ls "$state_dir/pending")"
	respond --show last --format json >$scratch/show 2>$scratch/errors || problem "--show: $(cat $scratch/errors)"
	judge_changes
}

judge() {
	judge_state "$@"
	judge_processes
	judge_sshd
	judge_journal
}

# recover [=HOW]: the recovery itself may find what needs a look, but never fails.
recover() {
	run_respond "--recover${1:-}"
	case $status in
	0 | 3) ;;
	*) problem "recovery ends with $status: $output" ;;
	esac
}
