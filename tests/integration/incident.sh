#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The whole story on a systemd host: an attacker guesses root's password and moves in; the
# playbooks that ship shut him out, kill what he runs, take away what he left, and say what
# they did; and all of it is taken back, compared file by file and unit by unit.
set -u
range_seconds=900
. "$TOP_SRCDIR/tests/range/systemd-host.sh"
enter_systemd_range "$@"
. "$TOP_SRCDIR/tests/range/systemd-incident.sh"
start_host
install_on_host
stage_attack

# What the attacker or the playbooks may alter, without times.
files() {
	(cd $host_root && find etc root home usr/local usr/sbin var/spool/cron tmp var/tmp -xdev \
		'(' -path 'tmp/systemd-private-*' -o -path 'var/tmp/systemd-private-*' ')' -prune -o \
		'(' -type f -printf '%p f %m %U:%G ' -exec sha256sum {} ';' ')' -o -printf '%p %y %m %U:%G %l\n' |
		sed 's/  [^ ]*$//' | LC_ALL=C sort)
}

units() {
	on_host systemctl show -p Id,LoadState,ActiveState,UnitFileState -- kthreadd.service mysqld.service ssh.service cron.service \
		rsyslog.service
}

firewall_on_host() {
	on_host nft -s list ruleset
}

# who_gets_in [PATIENCE]: attacker by password, attacker by key, operator. The attacker has that many
# seconds for it, where no answer is what is expected.
who_gets_in() {
	ssh_patience=${1:-} with_password $attacker summer24 true >/dev/null 2>&1 && echo attacker by password
	ssh_patience=${1:-} with_key $attacker attacker root true >/dev/null 2>&1 && echo attacker by key
	with_key $operator operator operator true >/dev/null 2>&1 && echo operator
	return 0
}

# runs NAME [USER]: a zombie that its parent has not met yet is none.
runs() {
	on_host ps -e -o stat=,user:20=,comm= | awk '$1 !~ /^Z/ { print $2, $3 }' | grep -xE "${2:-.*} ($1)"
}

lives() {
	on_host test -d "/proc/$1"
}

journal_of() {
	run_on_host --show "$1" --format json
	printf '%s\n' "$output" | grep -v '^respond: cannot tell'
}

run_id() {
	journal_of last | json run
}

attackers_key=$(ssh-keygen -l -f $keys/attacker.pub | cut -d' ' -f2)
before=$(files)
units_before=$(units)
firewall_before=$(firewall_on_host)
session=$(on_host pgrep -u operator -x sleep)
database=$(on_host pgrep -x mysqld)
same "the stage: who gets in" "attacker by password
attacker by key
operator" "$(who_gets_in)"

# ---- looking -------------------------------------------------------------------------------

run_on_host --playbook ssh-bruteforce.pb --dry-run
ended "ssh-bruteforce, dry run: the attacker is logged in, and that is for people to judge" 4
says "ssh-bruteforce, dry run: how to go on is said" '--allow net.ssh-peer'
run_on_host --playbook ssh-bruteforce.pb --allow net.ssh-peer --dry-run
ended "ssh-bruteforce, dry run: changes are pending" 5
says "ssh-bruteforce, dry run: the breach is named" "login of root from $attacker succeeded after 12 had failed"
says "ssh-bruteforce, dry run: the attacker would be blocked" "block $attacker"
same "ssh-bruteforce, dry run: no file is touched" "$before" "$(files)"
same "ssh-bruteforce, dry run: nor the firewall" "$firewall_before" "$(firewall_on_host)"

# ---- shutting out ----------------------------------------------------------------------------

run_on_host --playbook ssh-bruteforce.pb --allow net.ssh-peer
ended "ssh-bruteforce: done" 0
bruteforce=$(run_id)
same "ssh-bruteforce: the operator alone gets in" operator "$(who_gets_in 5)"
check_not "ssh-bruteforce: the attacker's session is ended" runs sleep root
check "ssh-bruteforce: the operator's session lives" lives "$session"
check "ssh-bruteforce: there is a new password, for root to read" \
	test "$(stat -c %a:%U $host_root/root/new-password)" = 600:root
run_on_host --confirm "$bruteforce"
ended "ssh-bruteforce: confirmed" 0

# ---- cleaning up -------------------------------------------------------------------------------

miner=(--playbook miner.pb --set "attacker-keys=$attackers_key" --set accounts=support
	--set 'text=malicious-site.example, support ALL=')
run_on_host "${miner[@]}"
ended "miner: done" 0
says "miner: what was seen is kept" 'items of evidence kept'
says "miner: the backdoor account is told" 'support: has uid 0 and is not root'
miner_run=$(run_id)
check_not "miner: it does not run" runs xmrig
check_not "miner: nor what watched it" runs 'dbus-helper|syslog-helper'
check_not "miner: its executable is gone" test -e $host_root/usr/local/bin/xmrig
check_not "miner: so is what cron ran" test -e $host_root/etc/cron.hourly/malicious
check_not "miner: and its crontab line" grep -rq malicious-site $host_root/var/spool/cron/crontabs
check "miner: the honest line stands" grep -rq backup $host_root/var/spool/cron/crontabs
check_not "miner: its unit is gone" test -e $host_root/etc/systemd/system/kthreadd.service
check_not "miner: and what enabled it" test -L $host_root/etc/systemd/system/multi-user.target.wants/kthreadd.service
check_not "miner: no login starts it" grep -rqs xmrig $host_root/etc/profile.d
check_not "miner: no rights by sudo" test -e $host_root/etc/sudoers.d/90-support
same "miner: one key is left to root" 1 "$(grep -c . $host_root/root/.ssh/authorized_keys)"
check "miner: the account is locked" grep -q '^support:!' $host_root/etc/shadow
check "miner: root is not" grep -qv '^root:!' $host_root/etc/shadow
check "miner: the database lives" lives "$database"
same "miner: the operator alone gets in" operator "$(who_gets_in 5)"

for playbook in 'ssh-bruteforce.pb --allow net.ssh-peer' 'footholds.pb --set references=/usr/local/bin/xmrig' \
	backdoor-account.pb; do
	# shellcheck disable=SC2086
	run_on_host --playbook $playbook --dry-run
	ended "$playbook: nothing is left to do" 0
done
run_on_host "${miner[@]}" --dry-run
ended "miner.pb: nothing is left to do" 0
run_on_host --verify
ended "all of it is in force" 0

# ---- summing up -----------------------------------------------------------------------------------

run_on_host --report "$miner_run" --format md
ended "report: made" 0
says "report: names the executable" /usr/local/bin/xmrig
says "report: and the server" "$attacker"
run_on_host --report "$bruteforce" --format html
ended "report: as a page" 0
says "report: the guessed password is in it" "new password to root"

# ---- and back ---------------------------------------------------------------------------------------

for run in "$miner_run" "$bruteforce"; do
	run_on_host --rollback "$run"
	check "$run: taken back as far as it can be" test $status = 0 -o $status = 3
	check_not "$run: nothing failed" grep -qE 'failed|drifted|refused' <<<"$output"
done
same "taken back: file by file" "$before" "$(files)"
same "taken back: unit by unit" "$(grep -v ActiveState <<<"$units_before")" "$(units | grep -v ActiveState)"
same "taken back: the firewall" "$firewall_before" "$(firewall_on_host)"
same "taken back: who gets in" "attacker by password
attacker by key
operator" "$(who_gets_in)"
check "taken back: the operator's session lives" lives "$session"
check "taken back: the database lives" lives "$database"
kill "$operator_pid" "$attacker_pid" 2>/dev/null
finish
