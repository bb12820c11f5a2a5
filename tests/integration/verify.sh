#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Whether what a run did is still in force: each way to undo it by a foreign hand is
# named, put in force again, and taken back in the end as if it had never been.
set -u
range_seconds=600
. "$TOP_SRCDIR/tests/range/host.sh"
enter_range "$@"
install_respond
stage_incident

keys=/root/.ssh/authorized_keys
crontab=/var/spool/cron/crontabs/root
sshd=/etc/ssh/sshd_config

install -m 0755 "$TOP_BUILDDIR/tests/range/sleeper" /usr/local/bin/beacon
RANGE_DEADLINE=$RANGE_DEADLINE setsid --fork /usr/local/bin/beacon </dev/null >/dev/null 2>&1
until beacon=$(pgrep -x beacon); do sleep 0.02; done
cat >/root/held.pb <<'END'
[playbook]
name = held

[step block]
action = net.block
address = 203.0.113.77

[step file]
action = file.quarantine
path = /tmp/malicious.sh

[step cron]
action = cron.remove
match = malicious-site.example

[step keys]
action = ssh.strip-keys
comment = root@malicious-site.example

[step stop]
action = process.stop
exe = /usr/local/bin/beacon

[step sshd]
action = sshd.harden
option = PermitRootLogin no
END

# All that the run may touch.
files() {
	describe_files /etc /root/.ssh /usr/local/bin /var/spool/cron /tmp
}

stopped() {
	[ "$(ps -o stat= -p $beacon | cut -c1)" = T ]
}

drifted_steps() {
	local i
	for i in 0 1 2 3 4 5 6; do
		[ "$(json "runs.0.changes.$i.state" <<<"$output")" != drifted ] || json "runs.0.changes.$i.step" <<<"$output"
	done
}

# As a foreign hand puts them back: the files as they were, bytes and owners.
keep_copies() {
	cp -p $keys $crontab $sshd /tmp/malicious.sh $scratch
}

chattr -i $keys
keep_copies
files=$(files)
firewall=$(firewall)
settings=$(sshd_settings)

# ---- all in force ------------------------------------------------------------------------------

run_respond --verify
same "no runs: all is in force" "0 0 runs: 0 changes in force." "$status $output"
run_respond --verify --reapply
same "no runs: nothing to put in force" "0 All is in force." "$status $output"
run_respond --verify no-such
same "a run that does not exist" 2 $status
run_respond --playbook /root/held.pb
same "the run is done" 0 $status
run=$(last_run)

everything=$(every_file "$state_dir")
rules=$(firewall)
run_respond --verify
same "in force: one line, and 0" "0 1 run: 7 changes in force." "$status $output"
run_respond --verify "$run"
same "in force: one run" 0 $status
run_json --verify
same "in force: for machines" "0 7 0 0 0" \
	"$status $(for field in in-force drifted unknown damaged; do json $field <<<"$output"; done | paste -sd' ')"
same "in force: every file is as it was, and no other" "$everything" "$(every_file "$state_dir")"
same "in force: so is the firewall" "$rules" "$(firewall)"
run_respond --verify --reapply
same "in force: nothing to put in force again" "0 All is in force." "$status $(tail -n 1 <<<"$output")"
check "in force: nothing is pending" test -z "$(ls "$state_dir/pending")"
same "in force: no record was written" "$everything" "$(every_file "$state_dir")"

# ---- each gone, one after the other ----------------------------------------------------------------

# gone STEP WORDS: what --verify says of it; put in force again; in force.
gone() {
	local step=$1 words=$2 before
	before=$(every_file "$state_dir")
	run_respond --verify
	same "$step: 3" 3 $status
	check "$step: named" grep -qE "^$run  drifted +$step: .*\(($words)\)\$" <<<"$output"
	same "$step: alone" 1 "$(grep -c ' drifted  ' <<<"$output")"
	check "$step: what to do is said" grep -q 'respond --verify --reapply' <<<"$output"
	run_json --verify "$run"
	same "$step: for machines" "3 $step" "$status $(drifted_steps)"
	same "$step: nothing was written" "$before" "$(every_file "$state_dir")"
	run_respond --verify "$run" --reapply
	same "$step: put in force again" 0 $status
	check "$step: says so" grep -q '^1 put in force again\.$' <<<"$output"
	run_respond --verify
	same "$step: in force" 0 $status
	check "$step: nothing is pending" test -z "$(ls "$state_dir/pending")"
}

before='it is as it was before the run'
other='somebody changed it since|changed by somebody else since.*'

nft flush ruleset
gone block "$before"
check "block: the rules are there" grep -q 203.0.113.77 <<<"$(nft list ruleset)"
cp -p $scratch/root $crontab
gone cron "$before"
cp -p $scratch/authorized_keys $keys
gone keys "$before"
cp -p $scratch/malicious.sh /tmp
gone file "$before"
check_not "file: it is gone again" test -e /tmp/malicious.sh
{ cat $scratch/root; echo '0 4 * * * /usr/local/sbin/report'; } >$crontab
gone cron "$before|$other"
check "cron: what somebody added stays" grep -q report $crontab
check_not "cron: the entry is gone again" grep -q malicious-site $crontab
sed -i '/report/d' $crontab
kill -CONT "$beacon"
gone stop "$before"
check "stop: it is stopped" await stopped
cp -p $scratch/sshd_config $sshd
gone sshd "$before"
check "sshd: the daemon was told" grep -q '"type":"reload"' <<<"$(tail -n 4 "$state_dir/runs/$run/journal")"

same "the journal has it all" "reapply 7 7 reapplied 5" \
	"reapply $(json -l type <"$state_dir/runs/$run/journal" | grep -cx reapply) $(json -l type \
		<"$state_dir/runs/$run/journal" | grep -cx reapply-end) reapplied $(json -l result \
		<"$state_dir/runs/$run/journal" 2>/dev/null | tail -n 5 | grep -cx done)"
check "--show tells it" grep -q '^  put in force again on 2' <<<"$(respond --show "$run")"

# ---- all gone at once, and some of it otherwise --------------------------------------------------------

nft flush ruleset
cp -p $scratch/root $crontab
kill -CONT "$beacon"
echo 'somebody else wrote this' >/tmp/malicious.sh
sed -i 's/^PermitRootLogin no$/PermitRootLogin prohibit-password/' $sshd
edited=$(cat $sshd)
run_respond --verify
same "several: 3" 3 $status
for step in block cron stop; do
	check "several: $step" grep -q "drifted   *$step: .*($before)" <<<"$output"
done
for step in file sshd; do
	check "several: $step" grep -qE "drifted +$step: .*($other)\)\$" <<<"$output"
done
check "several: counted" grep -q '^1 run: 2 changes in force, 5 drifted\.$' <<<"$output"
run_respond --verify --reapply
same "several: in part" 3 $status
check "several: says so" \
	grep -q '^3 put in force again, 2 left alone because somebody changed them since\.$' <<<"$output"
same "several: somebody's file is left alone" 'somebody else wrote this' "$(cat /tmp/malicious.sh)"
same "several: so is somebody's line" "$edited" "$(cat $sshd)"
check "several: the rest is in force" await stopped
run_respond --verify --reapply
same "several: nothing else can be done" 1 $status

# What they did is undone by them: the rollback gives back all of what there was before.
rm /tmp/malicious.sh
sed -i 's/^PermitRootLogin prohibit-password$/PermitRootLogin no/' $sshd
run_respond --verify
same "in force once more" 0 $status
run_respond --rollback "$run"
same "rollback" 0 $status
same "rollback: every file is as before the run" "$files" "$(files)"
same "rollback: so is sshd" "$settings" "$(sshd_settings)"
check "rollback: the process goes on" await not stopped
same "rollback: nothing of the block is left" 0 "$(nft list ruleset | grep -c 203.0.113.77)"
nft -f - <<<"$firewall"
run_respond --verify
same "rollback: nothing is missed" "0 1 run: 0 changes in force." "$status $output"

# ---- what is not missed ----------------------------------------------------------------------------------

run_respond --playbook block.pb --set address=203.0.113.78 --set ttl=4s
same "a block for four seconds" 0 $status
blocked() {
	nft list ruleset | grep 203.0.113.78
}
await not blocked
run_respond --verify
same "a block that has ended by itself is not missed" 0 $status

keep_copies
run_respond --playbook /root/held.pb
run=$(last_run)
echo '* * * * * /usr/bin/true' >$crontab
run_respond --rollback "$run"
same "a rollback that leaves something alone" 3 $status
run_respond --verify
same "what was to be taken back is not missed" 0 $status
run_respond --verify --reapply
same "nor put in force again" "0 All is in force." "$status $(tail -n 1 <<<"$output")"
cp -p $scratch/root $crontab

# ---- in the way ---------------------------------------------------------------------------------------------

# Another respond holds the lock: who only looks does not wait.
run_respond --playbook /root/held.pb
flock -o "$state_dir/lock" sleep $range_seconds &
holder=$!
await not flock -n "$state_dir/lock" true
for command in --verify --list '--show last' '--rollback last --dry-run' '--playbook held.pb --dry-run' --rules; do
	cp /root/held.pb $playbooks
	# shellcheck disable=SC2086
	timeout 25 respond $command >/dev/null 2>&1 </dev/null
	check_not "while another respond is at work: respond $command does not wait" test $? = 124
done
mkdir -p "$SYSCONFDIR/respond"
printf '[limits]\nwait = 300ms\n' >"$SYSCONFDIR/respond/respond.conf"
start=$(date +%s%3N)
run_respond --verify --reapply
same "who alters the host waits, with a limit" 1 $status
check "and says for what" grep -q 'another respond is at work on this host' <<<"$output"
check "for as long as respond.conf says" test $(($(date +%s%3N) - start)) -ge 300
kill $holder
wait $holder 2>/dev/null

# For a job of cron: something cannot be found out.
cp -p $keys $keys.away
truncate -s 1G $keys
run_respond --verify
same "what cannot be found out: 1" 1 $status
check "what cannot be found out: named" grep -q "  unknown   *keys: " <<<"$output"
mv $keys.away $keys
run_respond --verify
same "found out again" 0 $status
finish
