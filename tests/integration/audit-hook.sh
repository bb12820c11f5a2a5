#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A real auditd starts respond as its plugin and feeds it its records: a login that a real
# sshd refuses blocks where it came from, SIGHUP to auditd has the rules read again, and
# respond ends with auditd. Auditing belongs to the kernel, not to a namespace of processes,
# so this runs beside the host's processes, in mounts and a network of its own, and puts the
# kernel's setting back.
set -u
. "$TOP_SRCDIR/tests/range/tap.sh"

[ "$(id -u)" = 0 ] || skip_all "needs root"
for program in auditd auditctl /usr/sbin/sshd ssh nft; do
	command -v $program >/dev/null || skip_all "$program is not installed"
done
kernel_says() {
	auditctl -s 2>/dev/null | awk -v what="$1" '$1 == what { print $2 }'
}
[ -n "$(kernel_says enabled)" ] || skip_all "the kernel gives no access to its audit here (not the initial pid namespace?)"
[ "$(kernel_says enabled)" != 2 ] || skip_all "the audit configuration is locked until the next boot"
[ "$(kernel_says pid)" = 0 ] || skip_all "another audit daemon runs here"

if [ "${AUDIT_INSIDE:-}" != yes ]; then
	export AUDIT_INSIDE=yes
	exec timeout -k 10 600 unshare -m -n --propagation private "$BASH" "$0"
fi

mount -t tmpfs -o mode=0755 audit-test /mnt
for place in /etc /var /usr/local; do
	mkdir -p "/mnt/overlay$place/upper" "/mnt/overlay$place/work"
	mount -t overlay overlay -o "lowerdir=$place,upperdir=/mnt/overlay$place/upper,workdir=/mnt/overlay$place/work" $place
done
mount -t tmpfs -o mode=0755 run /run
mkdir -p "$SYSCONFDIR/respond/playbooks" "$SYSCONFDIR/respond/hooks.d" "$LOCALSTATEDIR/lib" /run/sshd
install -m 0644 "$TOP_SRCDIR/playbooks/block.pb" "$SYSCONFDIR/respond/playbooks"
ip link set lo up
# Whoever guesses is in a network of its own.
ip netns add guesser
ip link add out type veth peer name eth0 netns guesser
ip address add 203.0.113.1/24 dev out && ip link set out up
ip -n guesser address add 203.0.113.9/24 dev eth0 && ip -n guesser link set eth0 up

log=/mnt/audit/audit.log
mkdir -m 0700 /mnt/audit /mnt/audit/plugins.d
cat >/mnt/audit/auditd.conf <<-CONF
	local_events = yes
	write_logs = yes
	log_file = $log
	log_group = root
	log_format = RAW
	flush = INCREMENTAL
	freq = 1
	max_log_file = 8
	num_logs = 2
	priority_boost = 0
	name_format = NONE
	max_log_file_action = ROTATE
	space_left = 1
	admin_space_left = 0
	space_left_action = IGNORE
	admin_space_left_action = IGNORE
	disk_full_action = IGNORE
	disk_error_action = IGNORE
	verify_email = no
	plugin_dir = /mnt/audit/plugins.d
CONF
# What an operator adds, but for where the program is.
cat >/mnt/audit/plugins.d/respond.conf <<-CONF
	active = yes
	direction = out
	path = $RESPOND
	type = always
	args = --hook auditd
	format = string
CONF
chmod 0640 /mnt/audit/auditd.conf /mnt/audit/plugins.d/respond.conf
rules=$SYSCONFDIR/respond/hooks.d
cat >$rules/audit.conf <<-'RULES'
	[rule guesser]
	source = auditd
	match type = USER_LOGIN
	match res = failed
	playbook = block.pb
	set address = ${event.srcip}
	mode = dry-run
RULES

enabled=$(kernel_says enabled)
daemon='' sshd=''
put_back() {
	auditctl -e "$enabled" >/dev/null 2>&1
	for pid in $daemon $sshd; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; done
}
trap put_back EXIT
trap 'exit 1' INT TERM

auditd_runs() {
	[ "$(kernel_says pid)" = "$daemon" ]
}

plugin() {
	pgrep -P "$daemon" -x respond
}

sshd_listens() {
	ss -Hltn src 203.0.113.1:22 | grep -q .
}

# guess SECONDS: a login that fails, as sshd's own record has it. The block it leads to can cut it off
# before sshd has answered, and ssh would wait for that answer.
guess() {
	timeout "$1" ip netns exec guesser ssh -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes \
		-o ConnectTimeout="$1" nobody-here@203.0.113.1 true >/dev/null 2>&1
	true
}

tally() {
	"$RESPOND" --hooks --format json | "$TOP_BUILDDIR/tests/range/json" "rules.0.counts.$1"
}

tally_is() {
	[ "$(tally "$1")" = "$2" ]
}

at_least() {
	[ "$(tally "$1")" -ge "$2" ]
}

blocked() {
	nft list table inet respond | grep -qwF 203.0.113.9
}

ssh-keygen -q -t ed25519 -N '' -f /run/hostkey
/usr/sbin/sshd -D -f /dev/null -h /run/hostkey -o ListenAddress=203.0.113.1 -o UsePAM=yes -o PidFile=none \
	-o PasswordAuthentication=no >/dev/null 2>&1 &
sshd=$!
auditd -n -s nochange -c /mnt/audit >/mnt/audit/output 2>&1 &
daemon=$!
check "auditd runs" await auditd_runs
check "it has started respond" await plugin
ours=$(plugin)
auditctl -e 1 >/dev/null
writes() {
	auditctl -m "are you there" && sleep 0.1 && grep -qs "are you there" $log
}
check "auditd writes" await writes
check "sshd listens" await sshd_listens

guess 60
check "sshd tells auditd of a login that failed" await grep -qE '^type=USER_LOGIN .*addr=203\.0\.113\.9 .*res=failed' $log
check "respond has it from auditd, and by the rule plans only" await at_least dry-runs 1
check_not "nothing is blocked" blocked
sed -i 's/dry-run/enforce/' $rules/audit.conf
kill -HUP $daemon
again() {
	guess 10
	at_least runs 1
}
check "once the rules were read again, a guess is a run" await again
check "the guesser is blocked" await blocked
check "it is the same respond that auditd started" kill -0 "$ours"
pid=$daemon
kill -TERM $daemon
wait $daemon 2>/dev/null
daemon=''
check "respond ends with auditd" await has_ended "$ours"
finish
