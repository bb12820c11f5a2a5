#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Each playbook that ships (miner.pb has a test of its own): checked, planned, run,
# run again, taken back.
set -u
range_seconds=600
. "$TOP_SRCDIR/tests/range/host.sh"
enter_range "$@"
install_respond
stage_incident

files=$(incident_files)
firewall=$(firewall)

# runs NAME ARGUMENT...: dry run, run, run again; the verification comes in between.
plan_and_run() {
	local name=$1
	shift
	run_respond --check "$name.pb"
	same "$name: is a playbook" 0 $status
	run_respond --playbook "$name.pb" "$@" --dry-run
	same "$name: changes are pending" 5 $status
	same "$name: and were not made: files" "$files" "$(incident_files)"
	same "$name: and were not made: firewall" "$firewall" "$(firewall)"
	run_respond --playbook "$name.pb" "$@"
	same "$name: done" 0 $status
	[ $status = 0 ] || printf '%s\n' "$output" | tap_note
	run=$(last_run)
	run_respond --playbook "$name.pb" "$@"
	same "$name: nothing to do" 0 $status
}

# process NAME: it is there; one that is dead and that its parent has not met yet is not
process() {
	ps -e -o stat=,comm= | grep -q "^[^Z]* $1\$"
}

# take_back NAME STATUS
take_back() {
	run_respond --rollback "$run"
	same "$1: taken back" "$2" $status
	same "$1: every file is as before" "$files" "$(incident_files)"
	same "$1: the firewall is as before" "$firewall" "$(firewall)"
}

for file in "$TOP_SRCDIR"/playbooks/*.pb; do
	check "${file##*/} is checked without complaint" respond --check "/etc/respond/playbooks/${file##*/}"
	check "${file##*/} describes itself" grep -q '^description = ' "$file"
done

# ---- block.pb ------------------------------------------------------------------------

plan_and_run block --set 'address=203.0.113.99, 2001:db8:bad::/64' --set ttl=1h
for address in 203.0.113.99 2001:db8:bad::; do
	check "block: $address is in a set" grep -q "$address" <<<"$(nft list ruleset)"
done
check "block: it ends by itself" grep -q expires <<<"$(nft list ruleset)"
same "block: the foreign table is as it was" "$firewall" "$(nft -s list table inet firewalld)"
# The second run holds the block too.
run_respond --rollback last
same "block: the second run is taken back" 0 $status
check "block: what the first run blocked stays" grep -q 203.0.113.99 <<<"$(nft list ruleset)"
# A third one makes it last longer, for as long as it stands.
run_respond --playbook block.pb --set 'address=203.0.113.99, 2001:db8:bad::/64' --set ttl=48h
check "block: another run makes it last longer" grep -q 'expires [12]d' <<<"$(nft list ruleset)"
run_respond --rollback last
same "block: the longer one is taken back" 0 $status
check "block: what is kept ends when the first run wanted" grep -q 'expires \(5[0-9]m\|1h\)' <<<"$(nft list ruleset)"
same "block: nothing of the longer one is left" 0 "$(nft list ruleset | grep -c 'expires [12]d')"
take_back block 0

# A long list, from a file that an operator wrote.
seq -f '203.0.113.%g' 100 199 >/root/addresses
run_respond --playbook block.pb --set address=file:/root/addresses
same "block: addresses from a file" 0 $status
run=$(last_run)
check "block: the last of them is in force" grep -q 203.0.113.199 <<<"$(nft list ruleset)"
rm /root/addresses
take_back "block, from a file" 0

# ---- strip-key.pb ----------------------------------------------------------------------

run_respond --playbook strip-key.pb
same "strip-key: needs to be told which" 2 $status
plan_and_run strip-key --set "fingerprint=$ATTACKER_FINGERPRINT"
check_not "strip-key: the key is gone" grep -q malicious-site /root/.ssh/authorized_keys
check "strip-key: the operator's is not" grep -q operator@desk /root/.ssh/authorized_keys
take_back strip-key 0

# The only key of the only one who may become root.
sed -i '/PermitRootLogin/d' /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf
echo 'PasswordAuthentication no' >/etc/ssh/sshd_config.d/00-keys.conf
files=$(incident_files)
run_respond --playbook strip-key.pb \
	--set "fingerprint=$OPERATOR_FINGERPRINT, $(ssh-keygen -l -f /run/range/keys/backup.pub | cut -d' ' -f2), $ATTACKER_FINGERPRINT"
same "strip-key: the last way to log in stays" 4 $status
check "strip-key: refused by name" grep -q 'login\.last-way' <<<"$output"
same "strip-key: and nothing was touched" "$files" "$(incident_files)"

# ---- quarantine.pb ---------------------------------------------------------------------

cp /usr/local/bin/xmrig /usr/local/bin/updater
RANGE_DEADLINE=$RANGE_DEADLINE setsid --fork /usr/local/bin/updater -o "$SERVER:3333" </dev/null >/dev/null 2>&1
updates() {
	pgrep -P "$(pgrep -x updater)" -x kthreadd && ss -Htnp state established dst "$SERVER" | grep '"updater"'
}
await updates || echo "# the updater does not start"
files=$(incident_files)
plan_and_run quarantine --set path=/usr/local/bin/updater
check_not "quarantine: the file is gone" test -e /usr/local/bin/updater
check_not "quarantine: nothing runs from it" process updater
check "quarantine: other miners are not its business" process xmrig
take_back quarantine 3

# ---- harden-sshd.pb --------------------------------------------------------------------

rm /etc/ssh/sshd_config.d/00-keys.conf
printf 'PermitRootLogin yes\nPasswordAuthentication yes\n' >/etc/ssh/sshd_config.d/50-cloud-init.conf
files=$(incident_files)
settings=$(sshd_settings)
plan_and_run harden-sshd
same "harden-sshd: in every case" \
	"kbdinteractiveauthentication no passwordauthentication no permitrootlogin no" \
	"$(sshd_settings | grep -E '^(permitroot|passwordauth|kbdinter)' | sort -u | paste -sd' ')"
check "harden-sshd: sshd lives" kill -0 "$SSHD_PID"
check "harden-sshd: the session lives" kill -0 "$SESSION_PID"
take_back harden-sshd 0
same "harden-sshd: sshd's settings are as before" "$settings" "$(sshd_settings)"

# ---- lockdown-sshd.pb ------------------------------------------------------------------

plan_and_run lockdown-sshd
same "lockdown-sshd: a key only, in every case" \
	"authenticationmethods publickey disableforwarding yes maxauthtries 3 passwordauthentication no permitrootlogin no" \
	"$(sshd_settings | grep -E '^(permitroot|passwordauth|authenticationm|disablefor|maxauth)' | sort -u | paste -sd' ')"
check "lockdown-sshd: waits to be confirmed" grep -q "^$run.*to be confirmed until" <<<"$(respond --list)"
check "lockdown-sshd: the session lives" kill -0 "$SESSION_PID"
take_back lockdown-sshd 0
same "lockdown-sshd: sshd's settings are as before" "$settings" "$(sshd_settings)"
run_respond --playbook lockdown-sshd.pb --set 'options=PermitRootLogin prohibit-password, Port 2222' --dry-run
check "lockdown-sshd: an option beats the profile" grep -q 'permitrootlogin .*without-password' <<<"$output"
check "lockdown-sshd: the port is told" grep -q 'ports: .* -> 2222' <<<"$output"

# ---- preload-rootkit.pb ----------------------------------------------------------------

# A real library, which does no harm. (A sanitizer wants to be the first one.)
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0
cp "$(ldconfig -p | awk '$1 == "libutil.so.1" { print $NF; exit }')" /usr/local/lib/libprocesshider.so
echo /usr/local/lib/libprocesshider.so >/etc/ld.so.preload
library=$(sha256sum /usr/local/lib/libprocesshider.so)
files=$(incident_files)
plan_and_run preload-rootkit
check_not "preload-rootkit: nothing is preloaded" test -e /etc/ld.so.preload
check_not "preload-rootkit: the library is gone" test -e /usr/local/lib/libprocesshider.so
take_back preload-rootkit 0
same "preload-rootkit: the library is back" "$library" "$(sha256sum /usr/local/lib/libprocesshider.so)"
rm -f /etc/ld.so.preload /usr/local/lib/libprocesshider.so
finish
