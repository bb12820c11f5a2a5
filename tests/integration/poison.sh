#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Inputs that would hurt the host or its operator: refused or harmless, each with its
# message. (The race for a quarantined path is in tests/unit/test-file-race.c.)
set -u
range_seconds=600
. "$TOP_SRCDIR/tests/range/host.sh"
enter_range "$@"
install_respond
stage_incident

cat >/etc/respond/playbooks/kill.pb <<'END'
[playbook]
name = kill
description = Kill by name or number

[input name]
type = name-list

[input pid]
type = pid-list

[step by-name]
action = process.kill
name = ${name}

[step by-pid]
action = process.kill
pid = ${pid}
END
cat >/etc/respond/playbooks/tmp.pb <<'END'
[playbook]
name = tmp
description = Take away what has control characters in its name

[step files]
action = file.quarantine
path = /tmp/?]0;*
END
[ "$SYSCONFDIR" = /etc ] || cp /etc/respond/playbooks/{kill,tmp}.pb "$SYSCONFDIR/respond/playbooks"
files=$(incident_files)
firewall=$(firewall)

# unharmed WHAT: after each poisoned run.
unharmed() {
	same "$1: no file was touched" "$files" "$(incident_files)"
	same "$1: the firewall is as it was" "$firewall" "$(firewall)"
}

# poison WHAT STATUS MESSAGE RESPOND-ARGUMENT...
poison() {
	local what=$1 expected=$2 message=$3
	shift 3
	run_respond "$@"
	same "$what: exit status $expected" "$expected" $status
	check "$what: says why" grep -qiE -- "$message" <<<"$output"
	check_not "$what: no control character gets out" grep -qP '[\x00-\x08\x0b-\x1f\x7f]' <<<"$output"
}

# ---- addresses -----------------------------------------------------------------------

# Refused by the guard, by name.
while read -r address rule; do
	poison "block $address" 4 "$rule" --playbook block.pb --set "address=$address"
	poison "block $address, dry run" 4 "$rule" --playbook block.pb --set "address=$address" --dry-run
done <<-'END'
	127.0.0.1           net\.loopback
	127.0.0.0/24        net\.loopback
	::1                 net\.loopback
	::ffff:127.0.0.1    net\.loopback
	192.168.1.100       net\.own
	::ffff:192.168.1.100 net\.own
	192.168.1.0/24      net\.(own|gateway|resolver)
	192.168.1.1         net\.gateway
	192.168.1.53        net\.resolver
	198.51.100.10       net\.(operator|ssh-peer)
	::ffff:198.51.100.10 net\.(operator|ssh-peer)
	198.51.100.0/24     net\.(operator|ssh-peer)
	0.0.0.0/0           net\.(too-wide|unspecified|loopback)
	::/0                net\.(too-wide|unspecified|loopback)
	128.0.0.0/1         net\.(too-wide|own|gateway)
	203.0.0.0/8         net\.too-wide
	0.0.0.0             net\.unspecified
	::                  net\.unspecified
	224.0.0.1           net\.multicast
	255.255.255.255     net\.broadcast
	169.254.169.254     net\.link-local
END
unharmed "addresses that the guard refuses"

# No addresses at all.
for address in 010.1.2.3 0x0a010203 167838211 10.1.2 '1.2.3.4; flush ruleset' localhost malicious-site.example \
	203.0.113.67/33 203.0.113.67/-1 '203.0.113.67 ' $'203.0.113.67\n' $'\033[2J203.0.113.67' '' fe80::1%host0 \
	file:/nonexistent file:relative '$(reboot)' '${miner.exe}'; do
	[ "$address" != '203.0.113.67 ' ] || continue # blanks around a value are no part of it
	run_respond --playbook block.pb --set "address=$address"
	shown=$(printf %q "$address")
	check "block $shown: refused" test $status -ne 0
	check "block $shown: says so in words" test -n "$output"
	check_not "block $shown: no control character gets out" grep -qP '[\x00-\x08\x0b-\x1f\x7f]' <<<"$output"
done
unharmed "texts that are no addresses"

# ---- processes -----------------------------------------------------------------------

poison "kill pid 1" 4 'process\.(init|ancestor)' --playbook kill.pb --set pid=1
poison "kill the shell that asks" 4 'process\.(ancestor|self|session)' --playbook kill.pb --set pid=$$
poison "kill sshd" 4 'process\.sshd-listener' --playbook kill.pb --set "pid=$SSHD_PID"
check "sshd lives" kill -0 "$SSHD_PID"
poison "kill the database by name" 4 'process\.database' --playbook kill.pb --set name=mysqld
check "the database lives" kill -0 "$MYSQLD_PID"
check "pid 1 lives" kill -0 1
unharmed "processes that the guard refuses"

# ---- files -----------------------------------------------------------------------------

poison "quarantine an interpreter" 4 'file\.(interpreter|packaged|essential)' --playbook quarantine.pb --set path=/usr/bin/perl
check "perl is there" test -x /usr/bin/perl
poison "quarantine a shell" 4 'file\.(interpreter|packaged|essential)' --playbook quarantine.pb --set path=/bin/bash
poison "quarantine /etc/passwd" 4 'file\.' --playbook quarantine.pb --set path=/etc/passwd
poison "quarantine the engine" 4 'file\.' --playbook quarantine.pb --set path=/usr/sbin/respond
check "respond is there" test -x /usr/sbin/respond
for path in /proc/self/exe /dev/null /etc/../etc/passwd relative/path /tmp /; do
	run_respond --playbook quarantine.pb --set "path=$path"
	check "quarantine $path: not done" test $status -ne 0
done
unharmed "what is no file"
ln -s /etc/passwd /tmp/link
run_respond --playbook quarantine.pb --set path=/tmp/link
check "a link to /etc/passwd leaves /etc/passwd alone" test -s /etc/passwd
rm -f /tmp/link
run_respond --rollback last >/dev/null 2>&1
rm -f /tmp/link

# ---- names ------------------------------------------------------------------------------

name=$'/tmp/\033]0;owned\007\n[step x]\n-rf \377'
printf 'inert\n' >"$name"
poison "a name with ESC, BEL and newline, dry run" 5 '\\x1b' --playbook tmp.pb --dry-run
poison "a name with ESC, BEL and newline" 0 '\\x1b' --playbook tmp.pb
check_not "it is gone" test -e "$name"
run_respond --show last
check_not "--show lets no control character out" grep -qP '[\x00-\x08\x0b-\x1f\x7f]' <<<"$output"
check "--show for machines is JSON" json < <(respond --show last --format json)
run_respond --rollback last
same "it is put back" 0 $status
same "under its very name" inert "$(cat "$name")"
rm -f "$name"

unharmed "all of it"
finish
