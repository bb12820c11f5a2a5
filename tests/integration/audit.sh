#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A real auditd, and ausearch reads back what respond wrote: changes, refusals, undos,
# with names made to break a log. Auditing belongs to the kernel, not to a namespace of
# processes, so this runs beside the host's processes, in mounts of its own, and puts
# the kernel's setting back.
set -u
. "$TOP_SRCDIR/tests/range/tap.sh"

[ "$(id -u)" = 0 ] || skip_all "needs root"
for program in auditd auditctl ausearch aureport; do
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
	exec timeout -k 10 120 unshare -m --propagation private "$BASH" "$0"
fi

mount -t tmpfs -o mode=0755 audit-test /mnt
mount -t tmpfs -o mode=0755 audit-test /var/lib
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
chmod 0640 /mnt/audit/auditd.conf

enabled=$(kernel_says enabled)
daemon=
put_back() {
	auditctl -e "$enabled" >/dev/null 2>&1
	[ -n "$daemon" ] && kill "$daemon" 2>/dev/null && wait "$daemon" 2>/dev/null
}
trap put_back EXIT
trap 'exit 1' INT TERM

# A playbook that takes a file with a hostile name away and is refused an interpreter.
name=$'evil\nop=apply res=success\033[2J'
mkdir /mnt/playbooks /mnt/host
echo harmless >"/mnt/host/$name"
cat >/mnt/playbooks/audit.pb <<-'PLAYBOOK'
	[playbook]
	name = audit test
	description = takes one file away and is refused another
	on-failure = continue

	[step take]
	action = file.quarantine
	path = /mnt/host/evil*

	[step perl]
	action = file.quarantine
	path = /usr/bin/perl
PLAYBOOK
respond() {
	"$RESPOND" "$@" </dev/null 2>&1
}
newest_run() {
	find /var/lib/respond/runs -mindepth 1 -maxdepth 1 -printf '%T@ %f\n' | sort -n | sed -n '$s/.* //p'
}

# ---- nobody listens ----------------------------------------------------------------

auditctl -e 0 >/dev/null
output=$(respond --playbook /mnt/playbooks/audit.pb)
same "audit off: the run goes on, and only the refusal counts" 4 $?
same "audit off: it is said once" 1 "$(grep -c 'syslog only' <<<"$output")"
check_not "audit off: the file is taken away" test -e "/mnt/host/$name"
output=$(respond --rollback "$(newest_run)")
check "audit off: the file is back" test -e "/mnt/host/$name"

mkdir -p /mnt/etc/respond
printf '[audit]\nrequired = yes\n' >/mnt/etc/respond/respond.conf
if [ -d /etc/respond ] || { [ "${RESPOND_SYSCONFDIR:-}" = "" ] && mkdir /mnt/upper /mnt/work &&
	mount -t overlay overlay -o lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work /etc; }; then
	mkdir -p /etc/respond
	cp /mnt/etc/respond/respond.conf /etc/respond/
fi
