# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What integration tests do to a staged host and ask it, to be sourced:
#
#   . "$TOP_SRCDIR/tests/range/host.sh"
#   enter_range "$@"       runs the script again inside a range, or skips all of it
#   install_respond        as /usr/sbin/respond, its playbooks in /etc/respond/playbooks, and its
#                          service of PAM
#   stage_incident         tests/range/incident.sh, and its facts as variables
#
# RESPOND, TOP_SRCDIR, TOP_BUILDDIR, SYSCONFDIR and LOCALSTATEDIR are set by make.

. "$TOP_SRCDIR/tests/range/tap.sh"

state_dir=$LOCALSTATEDIR/lib/respond
playbooks=/etc/respond/playbooks
scratch=/run/range/scratch # for the tests' own files: no part of the host

enter_range() {
	local seconds=${range_seconds:-600} why
	[ "${IN_RANGE:-}" != yes ] || return 0
	if ! why=$("$TOP_SRCDIR/tests/range/range.sh" true 2>&1); then
		skip_all "$(printf %s "${why:-no range}" | tail -n 1)"
	fi
	# shellcheck disable=SC2093
	exec "$TOP_SRCDIR/tests/range/range.sh" -t "$seconds" "$(realpath "$0")" "$@"
}

install_respond() {
	install -m 0755 "$RESPOND" /usr/sbin/respond
	install -d -m 0755 $playbooks "$SYSCONFDIR/respond/playbooks"
	install -m 0644 "$TOP_SRCDIR"/playbooks/*.pb $playbooks
	install -m 0644 "$TOP_SRCDIR/init/respond.pam" /etc/pam.d/respond
	[ "$SYSCONFDIR" = /etc ] || install -m 0644 "$TOP_SRCDIR"/playbooks/*.pb "$SYSCONFDIR/respond/playbooks"
	rm -rf "$state_dir"
	mkdir -p $scratch
}

stage_incident() {
	"$TOP_SRCDIR/tests/range/incident.sh" || { echo "Bail out! the incident could not be staged"; exit 1; }
	. /run/range/incident
}

# Runs respond; all that it says is then in $output, its exit status in $status.
run_respond() {
	status=0
	output=$(respond "$@" 2>&1 </dev/null) || status=$?
}

# For machines: what it prints in $output, what it says beside that in $errors.
run_json() {
	status=0
	output=$(respond "$@" --format json 2>$scratch/errors </dev/null) || status=$?
	errors=$(cat $scratch/errors)
}

# ended WHAT STATUS, says WHAT TEXT: how the last one ended, and what it said.
ended() {
	same "$1" "$2" $status
	[ $status = "$2" ] || printf '%s\n' "$output" | tap_note
}

says() {
	check "$1" grep -qF -- "$2" <<<"$output"
	grep -qF -- "$2" <<<"$output" || printf '%s\n' "$output" | tap_note
}

# ---- what a host looks like ----------------------------------------------------

# One line for everything below the given directories: type, mode, owner, size and
# contents, inode flags, ACL and xattrs; with times where the first argument says so.
describe_files() {
	local times='' format='%p %y %m %U:%G %n %l'
	local but=(-xdev '(' -path "$state_dir" -o -path /run/range -o -path /run/netns ')' -prune -o)
	if [ "$1" = --times ]; then
		times=' %s %T@ %C@'
		shift
	fi
	find "$@" "${but[@]}" -printf "$format$times\n" | LC_ALL=C sort
	find "$@" "${but[@]}" -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum --
	find "$@" "${but[@]}" '(' -type f -o -type d ')' -print0 | LC_ALL=C sort -z | xargs -0r lsattr -d -- 2>/dev/null
	find "$@" "${but[@]}" '(' -type f -o -type d ')' -print0 | LC_ALL=C sort -z |
		xargs -0r getfattr -h -d -m '^(user|security|system|trusted[.][^o])' --absolute-names -- 2>/dev/null
}

# Every file of this host that was ever touched in the range, which is what an
# overlay keeps, and all of what is not in the overlay. Any write shows here.
every_file() {
	describe_files --times /run/range/upper /run /tmp /dev/shm "$@"
}

# The files that the incident consists of, without times.
incident_files() {
	describe_files /etc /root/.ssh /home/operator /usr/local/bin /usr/local/sbin /usr/sbin/mysqld \
		/var/spool/cron /var/tmp /tmp
}

# Paths in the upper layer that are not directories: what the range differs in.
touched_files() {
	(cd /run/range/upper && find . -path ".$state_dir" -prune -o ! -type d -print | LC_ALL=C sort)
}

processes() {
	local me=$BASHPID
	ps -e -o pid=,ppid=,sid=,user:20=,args= | awk -v shell="$me" -v self="$$" \
		'$1 != shell && $2 != shell && $1 != self && $2 != self'
}

firewall() {
	nft -s list ruleset
}

sshd_settings() {
	local user address
	for user in root operator; do
		for address in 192.168.1.7 198.51.100.10 203.0.113.9 127.0.0.1; do
			echo "$user from $address"
			sshd -T -C "user=$user,host=host,addr=$address,laddr=192.168.1.100,lport=22"
		done
	done
}

# The listening sockets of sshd: others after each reload.
sshd_sockets() {
	ss -Hltne 'sport = :22' | grep -o 'ino:[0-9]*' | LC_ALL=C sort
}

# listens_anew BEFORE: on as many sockets as then, and on none of those. It has closed them before it
# makes the new ones.
listens_anew() {
	local now
	now=$(sshd_sockets)
	[ -n "$now" ] && [ "$(wc -l <<<"$now")" = "$(wc -l <<<"$1")" ] && [ -z "$(LC_ALL=C comm -12 <(echo "$now") <(echo "$1"))" ]
}

# hang_up_sshd PID: it reads its configuration again, and has when this is over.
hang_up_sshd() {
	local before
	before=$(sshd_sockets)
	kill -HUP "$1"
	await listens_anew "$before" || echo "sshd does not come back"
}

# Nodes for disks in files, which a host of its own may lack.
make_loop_nodes() {
	local n
	for n in {0..31}; do
		[ -b /dev/loop$n ] || mknod -m 0660 /dev/loop$n b 7 $n
	done
}

# ---- what a run has left ---------------------------------------------------------

last_run() {
	respond --show last --format json | json run
}

json() {
	"$TOP_BUILDDIR/tests/range/json" "$@"
}
