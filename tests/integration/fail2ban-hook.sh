#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A real fail2ban bans from a log file through the action file that ships: respond blocks.
# Its unban, by hand, by time and when it stops, takes the block back; what it bans again after
# a restart is told apart.
set -u
range_seconds=600
. "$TOP_SRCDIR/tests/range/host.sh"
enter_range "$@"
command -v fail2ban-server >/dev/null || skip_all "fail2ban is not installed"
install_respond

log=/var/log/auth.log
rules=$SYSCONFDIR/respond/hooks.d
mkdir -p -m 0755 $rules
sed 's,@sbindir@,/usr/sbin,' "$TOP_SRCDIR/examples/hooks/fail2ban-respond.conf.in" >/etc/fail2ban/action.d/respond.conf
rm -rf /etc/fail2ban/jail.d /etc/fail2ban/jail.local
cat >/etc/fail2ban/jail.local <<END
[DEFAULT]
backend = polling
banaction = respond
banaction_allports = respond
maxretry = 3
findtime = 1h
bantime = 1h
usedns = no
ignoreself = no

[sshd]
enabled = true
logpath = $log

[short]
enabled = true
filter = sshd
bantime = 10
logpath = /var/log/short.log
END

write_rule() {
	{
		printf '[rule banned]\nsource = fail2ban\n'
		printf '%s\n' "$@"
		printf 'playbook = block.pb\nset address = ${event.ip}\nset ttl = 2h\nmode = enforce\ncooldown = 1s\n'
	} >$rules/fail2ban.conf
}

# fails ADDRESS FILE: three logins that fail, by an sshd of their own.
sshd=4711
fails() {
	local i
	sshd=$((sshd + 1))
	for i in 1 2 3; do
		echo "$(LC_ALL=C date '+%b %e %H:%M:%S') victim sshd[$sshd]: Failed password for root from $1 port 40000 ssh2" >>"$2"
	done
}

blocked() {
	nft list table inet respond 2>/dev/null | grep -qwF -- "$1"
}

gone() {
	! blocked "$1"
}

jailer() {
	timeout 120 fail2ban-client -s /run/fail2ban.sock -p /run/fail2ban.pid "$@"
}

start_jailer() {
	timeout 120 fail2ban-server -s /run/fail2ban.sock -p /run/fail2ban.pid --logtarget /run/fail2ban.log -b start >/dev/null 2>&1
	await jailer ping
}

stop_jailer() {
	jailer stop && await test ! -e /run/fail2ban.pid
}

n_runs() {
	find "$state_dir/runs" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l
}

tally() {
	respond --hooks --format json | json "rules.0.counts.$1"
}

: >$log
: >/var/log/short.log
write_rule 'match restored = no'
check "fail2ban starts" start_jailer
fails 203.0.113.77 $log
check "who guesses is banned, and blocked by respond" await blocked 203.0.113.77
same "by one run" 1 "$(n_runs)"
check "which names the jail" grep -q 'fail2ban' < <(respond --show last --format json)
fails 2001:db8:666::67 $log
check "over IPv6, too" await blocked 2001:db8:666::67
jailer set sshd unbanip 203.0.113.77 >/dev/null
check "an unban by hand takes the block back" await gone 203.0.113.77
check "and only that" blocked 2001:db8:666::67
fails 203.0.113.78 /var/log/short.log
check "a short ban" await blocked 203.0.113.78
check "ends with its time" await gone 203.0.113.78

fails 203.0.113.79 $log
check "a ban that a restart meets" await blocked 203.0.113.79
before=$(n_runs)
check "fail2ban stops" stop_jailer
check "and takes back what it had banned" await gone 203.0.113.79
check "it starts again" start_jailer
restored() {
	jailer status sshd | grep -qwF "$1"
}
check "and restores the ban" await restored 203.0.113.79
unmatched() {
	[ "$(respond --hooks --format json | json sources.fail2ban.counts.unmatched)" -ge 1 ]
}
check "which the rule does not want: restored = no" await unmatched
same "it is no run" "$before" "$(n_runs)"
check "stopped once more" stop_jailer
write_rule
check "and started with a rule that wants it" start_jailer
check "it is blocked again" await blocked 203.0.113.79
check "the end" stop_jailer
check "nothing is left blocked" await gone 203.0.113.79
finish
