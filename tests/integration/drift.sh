#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Somebody else works on the host between a run and its rollback: what they did
# stays, and what cannot be put back without hurting it is refused by name.
set -u
range_seconds=600
. "$TOP_SRCDIR/tests/range/host.sh"
enter_range "$@"
install_respond
stage_incident

keys=/root/.ssh/authorized_keys
crontab=/var/spool/cron/crontabs/root
sshd=/etc/ssh/sshd_config
chattr -i $keys

# It runs, and has its child and its connection.
mines() {
	[ "$(cat /proc/"$miner"/comm)" = xmrig ] && pgrep -P "$miner" -x kthreadd &&
		ss -Htnp state established dst "$SERVER" | grep "pid=$miner,"
}

clean_up() {
	RANGE_DEADLINE=$RANGE_DEADLINE setsid --fork sh -c 'echo $$ >"$0" && exec "$@"' $scratch/miner \
		/usr/local/bin/xmrig -o "$SERVER:3333" </dev/null >/dev/null 2>&1
	await test -s $scratch/miner
	miner=$(cat $scratch/miner)
	await mines || echo "# the miner does not start"
	rm $scratch/miner
	run_respond --playbook miner.pb --set "attacker-keys=$ATTACKER_FINGERPRINT"
	[ $status = 0 ] || printf '%s\n' "$output" | tap_note
	same "$1: the run is done" 0 $status
	run=$(last_run)
}

# ---- edits that do not touch ours ------------------------------------------------

settings=$(sshd_settings)
clean_up "unrelated edits"
sed -i '1i # looked after by configuration management' $keys
sed -i '2i ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJGpgU2Dbc1EsDqgmI7wYROu8ddwo0OGJvqiqS9fTE54 new@desk' $keys
echo '0 4 * * * /usr/local/sbin/report' >>$crontab
sed -i '1i # edited by hand' $sshd
run_respond --rollback "$run"
same "unrelated edits: only the kills cannot be undone" 3 $status
check "unrelated edits: the comment in authorized_keys is there" grep -q '^# looked after' $keys
check "unrelated edits: the new key is there" grep -q ' new@desk$' $keys
check "unrelated edits: the stripped key is back" grep -q malicious-site $keys
check "unrelated edits: the new cron line is there" grep -q report $crontab
check "unrelated edits: the removed cron line is back" grep -q 'malicious-site' $crontab
check "unrelated edits: the comment in sshd_config is there" grep -q '^# edited by hand' $sshd
same "unrelated edits: sshd is set as before" "$settings" "$(sshd_settings)"
check "unrelated edits: the quarantined file is back" test -x /usr/local/bin/xmrig

# ---- edits that do -----------------------------------------------------------------

clean_up "touching edits"
# Where the removed lines stood, others stand now; where the file was, another is.
sed -i '/status.example/,/backup/c\* * * * * /usr/bin/true' $crontab
edited=$(cat $crontab)
echo 'somebody else wrote this' >/tmp/malicious.sh
run_respond --rollback "$run"
same "touching edits: not everything could be undone" 3 $status
check "touching edits: the crontab is named" grep -q "$crontab" <<<"$output"
check "touching edits: so is the file" grep -q /tmp/malicious.sh <<<"$output"
same "touching edits: the crontab stays as it was edited" "$edited" "$(cat $crontab)"
same "touching edits: the new file stays" 'somebody else wrote this' "$(cat /tmp/malicious.sh)"
check "touching edits: the rest is back all the same" grep -q malicious-site $keys

# ---- one step only -----------------------------------------------------------------

clean_up "one step"
run_respond --rollback "$run" --step keys
same "one step: undone" 0 $status
check "one step: the key is back" grep -q malicious-site $keys
check_not "one step: the miner is not" test -e /usr/local/bin/xmrig
run_respond --rollback "$run" --step no-such-step
check_not "one step: a step that is not there is an error" test $status = 0
run_respond --rollback "$run"
same "one step: the rest follows" 3 $status
check "one step: the miner's file is back" test -e /usr/local/bin/xmrig

# ---- a line that comes back elsewhere ----------------------------------------------

key=$(grep malicious-site $keys)
clean_up "a key that came back"
{ printf '%s\n' "$key"; cat $keys; } >/root/keys && cat /root/keys >$keys
run_respond --verify "$run"
check_not "a key that came back: verified" test $status = 0
check "a key that came back: it is drift, and where" grep -qE "$keys, line [0-9]+: .*stands there again" <<<"$output"
run_respond --verify "$run" --reapply
check "a key that came back: for the playbook to remove" grep -q 'run the playbook again' <<<"$output"
run_respond --rollback "$run" --step keys --dry-run
same "a key that came back: the dry run says that it can be undone" 5 $status
check "a key that came back: the dry run says where" grep -qE "$keys, line [0-9]+: .*stands there again" <<<"$output"
run_respond --rollback "$run" --step keys
same "a key that came back: undone all the same" 0 $status
same "a key that came back: it is there twice" 2 "$(grep -cF "$key" $keys)"

# ---- files that give rights ----------------------------------------------------------

cp /bin/true /tmp/rootshell
chmod 4755 /tmp/rootshell
run_respond --playbook quarantine.pb --set path=/tmp/rootshell
same "rights: taken away" 0 $status
run=$(last_run)
run_respond --rollback "$run" --dry-run
same "rights, dry run: refused" 4 $status
check "rights, dry run: by name" grep -q 'file\.setuid' <<<"$output"
run_respond --rollback "$run"
same "rights: refused" 4 $status
check "rights: by name, with what to do" grep -q -- '--allow file\.setuid' <<<"$output"
check_not "rights: the file is not there" test -e /tmp/rootshell
run_respond --rollback "$run" --allow file.setuid
same "rights: put back when told to" 0 $status
same "rights: as it was" 4755 "$(stat -c %a /tmp/rootshell)"
finish
