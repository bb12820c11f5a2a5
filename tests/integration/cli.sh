#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The command line: what it lists and shows, for people and for machines, what it
# says about playbooks that are wrong, and who may write one.
set -u
range_seconds=600
. "$TOP_SRCDIR/tests/range/host.sh"
enter_range "$@"
install_respond
stage_incident

is_json() {
	json >/dev/null
}

# ---- help, actions, rules ---------------------------------------------------------------

check "--help" respond --help
check "--version" respond --version
for action in process.find process.stop process.kill net.block net.isolate port.close file.quarantine ssh.strip-keys sshd.harden cron.remove; do
	check "--actions lists $action" grep -q "$action" <<<"$(respond --actions)"
	check "--actions $action" grep -q "$action" <<<"$(respond --actions $action)"
	check "--actions $action for machines" is_json < <(respond --actions $action --format json)
done
check "--actions for machines" is_json < <(respond --actions --format json)
check "--actions says what an action remedies" grep -q "T1053.003 Scheduled Task/Job: Cron" <<<"$(respond --actions cron.remove)"
run_respond --actions no.such
same "an action that does not exist" 2 $status
for usage in '' '--playbook' '--no-such-option' '--dry-run' '--rollback last --list' '--list extra' '--format xml --list'; do
	# shellcheck disable=SC2086
	run_respond $usage
	same "usage: respond $usage" 2 $status
	check "usage: respond $usage: says what is wrong" test -n "$output"
done

run_respond --plybook miner.pb
says "an option that does not exist: what is spelt like it" "--plybook is no option (did you mean '--playbook'?)"
run_respond --rollback
says "an option without its value" "--rollback lacks its value"
run_respond --list=all
says "an option with a value too much" "--list=all: that option takes no value"
run_respond --re
says "an option cut too short" "--re is the start of several options"
run_respond -nx
says "a letter that is no option" "-x is no option"
run_respond --actions proces.kill
says "an action that does not exist: what is spelt like it" "did you mean 'process.kill'?"
check "--help fits a terminal" test "$(respond --help | wc -L)" -le 80

# ---- playbooks that are wrong ------------------------------------------------------------

wrong=/root/wrong.pb
cat >$wrong <<'END'
[playbook]
name = wrong
description = Everything is wrong with it
colour = red

[input c2]
type = adress-list

[step one]
action = process.kil
name = xmrig

[step two]
action = net.block
address = ${nobody}, 010.1.2.3

[step three]
action = file.quarantine
path = ${four.path}

[step four]
action = file.quarantine

[steps five]
END
run_respond --check $wrong
same "a wrong playbook: exit status" 2 $status
while read -r line what; do
	check "a wrong playbook: line $line ($what)" grep -qE "(^|/)wrong\.pb:$line: .*$what" <<<"$output"
done <<-'END'
	4 colour
	7 adress-list
	10 process.kil
	15 nobody
	15 010\.1\.2\.3
	19 four
	21 path
	24 steps
END
run_respond --playbook $wrong --dry-run
same "a wrong playbook is not planned" 2 $status
output=$(cp $wrong /tmp/wrong.pb && chmod 644 /tmp/wrong.pb && setpriv --reuid operator --regid operator --init-groups \
	respond --check /etc/respond/playbooks/miner.pb 2>&1)
same "--check needs no root" 0 $?

# Who may write it, and what it is.
cp /etc/respond/playbooks/block.pb /tmp/block.pb
chmod 644 /tmp/block.pb
run_respond --playbook /tmp/block.pb --set address=203.0.113.9 --dry-run
same "a playbook in a directory that anybody can write" 2 $status
cp /etc/respond/playbooks/block.pb /root/block.pb
for mode in 0666 0664; do
	chmod $mode /root/block.pb
	run_respond --check /root/block.pb
	same "a playbook with mode $mode" 2 $status
done
chmod 0644 /root/block.pb
chown operator /root/block.pb
run_respond --check /root/block.pb
same "a playbook of somebody else" 2 $status
chown root /root/block.pb
run_respond --check /root/block.pb
same "a playbook of root's" 0 $status
head -c 1100000 /dev/zero | tr '\0' '#' >/root/large.pb
for path in /root/large.pb /root /dev/null /root/no-such.pb no-such.pb; do
	run_respond --check $path
	same "no playbook: $path" 2 $status
	check "no playbook: $path: says why" test -n "$output"
done
for name in minr.pb miner; do
	run_respond --check $name
	says "no playbook: $name: says what is spelt like it" "did you mean 'miner.pb'?"
done
mkfifo /root/fifo.pb
run_respond --check /root/fifo.pb
same "no playbook: a FIFO" 2 $status

# ---- --set ---------------------------------------------------------------------------------

run_respond --playbook block.pb --dry-run
same "an input that is missing" 2 $status
check "an input that is missing: named" grep -q address <<<"$output"
run_respond --playbook block.pb --set adress=203.0.113.9 --dry-run
same "an input that does not exist" 2 $status
run_respond --playbook block.pb --set address --dry-run
same "--set without a value" 2 $status
run_respond --playbook block.pb --set address=203.0.113.9 --set ttl=soon --dry-run
same "a value that does not fit" 2 $status

# ---- runs -----------------------------------------------------------------------------------

run_respond --list
same "--list without runs" 0 $status
check "--list without runs, for machines" is_json < <(respond --list --format json)
run_json --playbook block.pb --set address=203.0.113.9
same "a run for machines" 0 $status
check "a run for machines: JSON" is_json <<<"$output"
run=$(last_run)
check "a run has an id" test -n "$run"
check "--list names it" grep -q "$run" <<<"$(respond --list)"
check "--list for machines" is_json < <(respond --list --format json)
check "--show" grep -q 203.0.113.9 <<<"$(respond --show "$run")"
check "--show last" grep -q 203.0.113.9 <<<"$(respond --show last)"
check "--show for machines" is_json < <(respond --show "$run" --format json)
check "the journal is JSON, a line each" json -l <"$state_dir/runs/$run/journal"
run_json --rollback "$run" --dry-run
same "the plan of a rollback for machines" 5 $status
check "the plan of a rollback for machines: JSON" is_json <<<"$output"
run_json --rollback "$run"
same "a rollback for machines" 0 $status
check "a rollback for machines: JSON" is_json <<<"$output"
run_respond --rollback "$run"
same "a second rollback: nothing fails" 0 $status
check "a second rollback: nothing is left" grep -q 'Nothing is left to undo' <<<"$output"
for command in --show --rollback; do
	for id in no-such-run ../../../etc '' 19990101; do
		run_respond $command "$id"
		check "$command '$id': refused" test $status -ne 0
	done
done

# ---- terminals ----------------------------------------------------------------------------------

plain=$(respond --playbook miner.pb --dry-run 2>&1)
check_not "what is piped has no colour" grep -q $'\033' <<<"$plain"
coloured=$(respond --playbook miner.pb --dry-run --color always 2>&1)
check "--color always" grep -qF $'\033[' <<<"$coloured"
same "colour is all the difference" "$plain" "$(sed 's/\x1b\[[0-9;]*m//g' <<<"$coloured")"
check "no environment variable is needed" env -i /usr/sbin/respond --list
finish
