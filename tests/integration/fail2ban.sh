#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Our blocks beside the bans of a real fail2ban, and beside the tables of firewalld, ufw
# and Docker: neither touches what the others have.
set -u
. "$TOP_SRCDIR/tests/range/host.sh"
enter_range "$@"
command -v fail2ban-server >/dev/null || skip_all "fail2ban is not installed"
install_respond
stage_incident

guesser=203.0.113.77
log=/var/log/auth.log

# As they lay them down, but for what does not matter here.
lay_other_tables() {
	nft -f - <<'END'
table ip filter {
	chain DOCKER {
	}
	chain DOCKER-USER {
		counter return
	}
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
		jump DOCKER-USER
		oifname "docker0" jump DOCKER
	}
	chain ufw-user-input {
		ip saddr 198.51.100.0/24 tcp dport 22 accept
	}
	chain INPUT {
		type filter hook input priority filter; policy accept;
		jump ufw-user-input
	}
}
table ip nat {
	chain DOCKER {
		iifname "docker0" return
	}
	chain POSTROUTING {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr 172.17.0.0/16 oifname != "docker0" masquerade
	}
}
table ip6 filter {
	chain ufw6-user-input {
		tcp dport 22 accept
	}
}
table inet firewalld {
	set trusted {
		type ipv4_addr
		flags interval
		elements = { 198.51.100.0/24 }
	}
	chain filter_INPUT {
		type filter hook input priority filter + 10; policy accept;
		ct state { established, related } accept
		ip saddr @trusted accept
	}
}
END
}

rm -rf /etc/fail2ban/jail.d /etc/fail2ban/jail.local
# It would ask for this host's own name, and nobody here answers.
cat >/etc/fail2ban/jail.local <<END
[DEFAULT]
backend = polling
banaction = nftables
maxretry = 3
findtime = 1h
bantime = 1h
usedns = no
ignoreself = no

[sshd]
enabled = true
logpath = $log
END

fail() {
	echo "$(LC_ALL=C date '+%b %e %H:%M:%S') victim sshd[4711]: Failed password for root from $1 port 40000 ssh2" >>$log
}

bans() {
	nft list table inet f2b-table 2>/dev/null | grep -q "$1"
}

blocks() {
	nft list table inet respond 2>/dev/null | grep -q "$1"
}

bans_both() {
	bans $guesser && bans 203.0.113.78
}

not_banned() {
	! bans "$1"
}

jailer() {
	fail2ban-client -s /run/fail2ban.sock -p /run/fail2ban.pid "$@"
}

others() {
	nft -s list table ip filter &&
		nft -s list table ip nat &&
		nft -s list table ip6 filter &&
		nft -s list table inet firewalld
}

start_jailer() {
	fail2ban-server -s /run/fail2ban.sock -p /run/fail2ban.pid --logtarget /run/fail2ban.log -b start >/dev/null 2>&1
	await jailer ping
}

# It answers until its end, and goes on for a while behind that.
stop_jailer() {
	jailer stop && await test ! -e /run/fail2ban.pid
}

: >$log
check "the other firewalls' tables are laid" lay_other_tables
check "fail2ban starts" start_jailer
for _ in 1 2 3; do fail $guesser; done
check "fail2ban bans who guesses" await bans $guesser
others=$(others)
theirs=$(nft -s list table inet f2b-table)

run_respond --playbook block.pb --set address=203.0.113.99
ended "block: done" 0
run=$(last_run)
check "block: it is in force" blocks 203.0.113.99
same "block: fail2ban's table is as it was" "$theirs" "$(nft -s list table inet f2b-table)"
same "block: so are the others'" "$others" "$(others)"

for _ in 1 2 3; do fail 203.0.113.78; done
check "fail2ban bans the next one beside it" await bans 203.0.113.78
check "ours stands" blocks 203.0.113.99
run_respond --verify
ended "and is seen to" 0

# Both hold the same address: each lets go of its own.
run_respond --playbook block.pb --set address=$guesser
ended "an address that fail2ban has banned can be blocked, too" 0
both=$(last_run)
jailer set sshd unbanip $guesser >/dev/null
check "fail2ban lets go of it" await not_banned $guesser
check "ours stands" blocks $guesser
for _ in 1 2 3; do fail $guesser; done
check "fail2ban bans it again" await bans $guesser
run_respond --rollback "$both"
ended "ours is taken back" 0
check "the ban stands" bans $guesser

# It takes its table away and lays it again.
check "fail2ban ends" stop_jailer
check "fail2ban stops: its table is gone" await not_banned $guesser
check "ours stands" blocks 203.0.113.99
run_respond --verify
ended "and is seen to" 0
check "fail2ban starts again" start_jailer
check "fail2ban knows its bans again" await bans_both

theirs=$(nft -s list table inet f2b-table)
run_respond --rollback "$run"
ended "taken back" 0
same "taken back: fail2ban's table is as it was" "$theirs" "$(nft -s list table inet f2b-table)"
same "taken back: so are the others'" "$others" "$(others)"
jailer stop >/dev/null
finish
