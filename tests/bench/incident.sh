#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# incident.sh [ROUNDS]: the whole staged incident, answered by respond and by the usual
# commands of a responder's script, each time on a freshly staged host, in turn. Prints
# the median of each and the ratio. The script keeps no journal, checks nothing and can
# take nothing back; it also kills whatever bears the name.
#
# Needs root and a build with its range programs (make range-programs); run it by
# "make bench". respond does not wait for anything to come back here (settle = 0), and like the
# script it keeps no evidence beside what it takes.
set -eu
: "${TOP_SRCDIR:?}" "${TOP_BUILDDIR:?}"
rounds=${1:-5}
range=$TOP_SRCDIR/tests/range/range.sh

# Inside the range: stages, then times one way of answering. Milliseconds on stdout.
once() {
	"$range" bash -c '
		set -eu
		bash "$TOP_SRCDIR/tests/range/incident.sh"
		. /run/range/incident
		install -m 755 "$TOP_BUILDDIR/respond" /usr/sbin/respond
		install -m 644 "$TOP_SRCDIR/init/respond.pam" /etc/pam.d/respond
		mkdir -p /root/playbooks
		sed "/^settle/d" "$TOP_SRCDIR/playbooks/miner.pb" >/root/playbooks/miner.pb
		respond_way() {
			respond --playbook /root/playbooks/miner.pb --set "attacker-keys=$ATTACKER_FINGERPRINT" --set evidence= \
				>/dev/null 2>&1
		}
		dry_run() {
			respond --playbook /root/playbooks/miner.pb --set "attacker-keys=$ATTACKER_FINGERPRINT" --set evidence= \
				--dry-run >/dev/null 2>&1 || true
		}
		script_way() {
			pkill -STOP xmrig || true
			pkill -KILL "xmrig|kdevtmpfsi|dbus-helper|syslog-helper" || true
			nft add table inet blocked
			nft add chain inet blocked in "{ type filter hook input priority -10; }"
			nft add chain inet blocked out "{ type filter hook output priority -10; }"
			nft add rule inet blocked in ip saddr $SERVER drop
			nft add rule inet blocked out ip daddr $SERVER drop
			ss -K dst $SERVER >/dev/null
			mkdir -p /root/quarantine
			mv /usr/local/bin/xmrig /tmp/malicious.sh /etc/cron.hourly/malicious /root/quarantine
			sha256sum /root/quarantine/* >/root/quarantine.sums
			sed -i /malicious-site/d /var/spool/cron/crontabs/root
			chattr -i /root/.ssh/authorized_keys
			sed -i /malicious-site/d /root/.ssh/authorized_keys
			sed -i "s/^\( *\)PermitRootLogin yes/\1PermitRootLogin no/" /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf
			/usr/sbin/sshd -t
			kill -HUP "$(cat /run/sshd.pid)"
		}
		start=$(date +%s%N)
		"$1"
		echo $((($(date +%s%N) - start) / 1000))
	' - "$1" 2>/dev/null | tail -n 1
}

median() {
	sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for _ in $(seq "$rounds"); do
	for way in respond_way script_way dry_run; do
		once $way >>"$work/$way"
	done
done
respond=$(median <"$work/respond_way") script=$(median <"$work/script_way") dry=$(median <"$work/dry_run")
awk -v r="$respond" -v s="$script" -v d="$dry" -v n="$rounds" 'BEGIN {
	printf "respond, journaled    %7.1f ms\n", r / 1000
	printf "respond, dry run      %7.1f ms\n", d / 1000
	printf "the usual commands    %7.1f ms\n", s / 1000
	printf "respond / commands    %7.2f     (medians of %d)\n", r / s, n
}'
