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
	exec timeout -k 10 600 unshare -m --propagation private "$BASH" "$0"
fi

mount -t tmpfs -o mode=0755 audit-test /mnt
for place in /etc /var /usr/local; do
	mkdir -p "/mnt/overlay$place/upper" "/mnt/overlay$place/work"
	mount -t overlay overlay -o "lowerdir=$place,upperdir=/mnt/overlay$place/upper,workdir=/mnt/overlay$place/work" $place
done
mkdir -p "$SYSCONFDIR/respond" "$LOCALSTATEDIR/lib"
install -m 0644 "$TOP_SRCDIR/init/respond.pam" /etc/pam.d/respond
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
	name = audit
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
	find "$LOCALSTATEDIR/lib/respond/runs" -mindepth 1 -maxdepth 1 -printf '%T@ %f\n' | sort -n | sed -n '$s/.* //p'
}
# search TYPE: the records of one type, decoded.
search() {
	ausearch -i -if $log -m "$1" 2>&1
}
one_line() {
	grep -F -e "$1" | grep -F -e "$2" | grep -cF -e "$3"
}

# ---- nobody listens ----------------------------------------------------------------

auditctl -e 0 >/dev/null
output=$(respond --playbook /mnt/playbooks/audit.pb)
same "audit off: the run goes on, and only the refusal counts" 4 $?
same "audit off: it is said once" 1 "$(grep -c 'syslog only' <<<"$output")"
check_not "audit off: the file is taken away" test -e "/mnt/host/$name"
respond --rollback "$(newest_run)" >/dev/null
check "audit off: the file is back" test -e "/mnt/host/$name"

printf '[records]\naudit = required\n' >"$SYSCONFDIR/respond/respond.conf"
output=$(respond --playbook /mnt/playbooks/audit.pb)
same "audit required and off: it refuses to act" 4 $?
check "audit required and off: it says why" grep -q "auditctl -e 1" <<<"$output"
check "audit required and off: nothing was done" test -e "/mnt/host/$name"
same "audit required and off: a dry run is possible" 4 "$(respond --dry-run --playbook /mnt/playbooks/audit.pb >/dev/null; echo $?)"

# ---- auditd listens ----------------------------------------------------------------

auditd -n -s nochange -c /mnt/audit >/mnt/audit/output 2>&1 &
daemon=$!
auditd_runs() {
	[ "$(kernel_says pid)" = $daemon ]
}
check "auditd runs" await auditd_runs
auditctl -e 1 >/dev/null
# What comes while it starts is lost: wait until it writes.
writes() {
	auditctl -m "are you there" && sleep 0.1 && grep -qs "are you there" $log
}
check "auditd writes" await writes

output=$(respond --playbook /mnt/playbooks/audit.pb)
same "the run is done, but for the refusal" 4 $?
check_not "nothing is said about syslog" grep -q 'syslog only' <<<"$output"
run=$(newest_run)
head=$(tail -n 1 "$LOCALSTATEDIR/lib/respond/runs/$run/journal" | tr -d '\n' | sha256sum | cut -d' ' -f1)
respond --rollback "$run" >/dev/null
check "the file is back" test -e "/mnt/host/$name"
auditctl -m "that was all" >/dev/null
check "auditd has written all of it" await grep -q "that was all" $log

apply=$(grep -aF "op=apply run=\"$run\"" $log)
same "one record for the change" 1 "$(grep -c . <<<"$apply")"
check "it is a response" grep -q '^type=RESP_' <<<"$apply"
check "it succeeded" grep -q "res=success'*\$" <<<"$apply"
check "it names step and kind" grep -q 'kind=file.move step="take"' <<<"$apply"
hex=$(printf '/mnt/host/%s' "$name" | od -An -v -tx1 | tr -d ' \n' | tr a-f A-F)
check "the path is encoded as a whole" grep -qF "path=$hex " <<<"$apply"
type=$(sed -n 's/^type=\(RESP_[A-Z_]*\) .*/\1/p' <<<"$apply")
check "ausearch decodes it" grep -qF '/mnt/host/evil' <<<"$(search "$type")"

check "ausearch finds the refusal" test "$(search RESP_ANOMALY | one_line "$run" op=refuse "path=/usr/bin/perl")" = 1
check "it names the rule" test "$(search RESP_ANOMALY | one_line "$run" rule=file. res=failed)" = 1
same "ausearch finds one undo" 1 "$(ausearch -i -if $log 2>&1 | one_line "$run" op=undo res=success)"
same "ausearch finds the begin" 1 "$(search RESP_EXEC | one_line "$run" op=begin name=audit)"
same "the end vouches for the journal" 1 "$(search RESP_EXEC | one_line op=end "$run" "head=\"$head\"")"
check "aureport counts them as responses" grep -q "$type" <<<"$(aureport --response -if $log 2>&1)"
finish
