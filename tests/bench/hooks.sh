#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hooks.sh [ROUNDS]: from an alert to the block in the kernel, in milliseconds, each way in
# turn about addresses of its own, on one staged host. Prints the median of each and ratios.
#
#   respond, started    respond --hook wazuh, the alert and the answer of wazuh-execd on standard
#                       input, until the connection that the address has is dead, which is after
#                       the block; journaled, and taken back by itself
#   respond, listening  the same alert as JSON to respond --listen
#   firewall-drop       what Wazuh's active response starts: iptables for INPUT and FORWARD,
#                       until the last has ended; connections live on
#   fail2ban            fail2ban-client set JAIL banip, with its action nftables, until the element is
#                       in the set, which is when it returns; connections live on
#
# Needs root, iptables, fail2ban and a build with its range programs; run it by "make bench".
set -eu
: "${TOP_SRCDIR:?}" "${TOP_BUILDDIR:?}"
rounds=${1:-15}
[ "${IN_RANGE:-}" = yes ] || exec "$TOP_SRCDIR/tests/range/range.sh" -t 300 "$(realpath "$0")" "$rounds"

export RESPOND=$TOP_BUILDDIR/respond SYSCONFDIR=/etc LOCALSTATEDIR=/var
. "$TOP_SRCDIR/tests/range/host.sh"
install_respond
work=$scratch/bench
mkdir -p $work /etc/respond/hooks.d
cat >/etc/respond/hooks.d/bench.conf <<'RULES'
[rule wazuh]
source = wazuh
match parameters.alert.rule.level = >= 7
playbook = block.pb
set address = ${event.srcip}
mode = enforce
limit = 1000/1m
ttl = 1h

[rule json]
source = json
match kind = bench
playbook = block.pb
set address = ${event.srcip}
mode = enforce
limit = 1000/1m
ttl = 1h
RULES

# The other side of the wire, with an address for each round of each way.
ip netns add far
ip link add near type veth peer name eth0 netns far
ip address add 198.18.0.1/16 dev near && ip link set near up
ip -n far link set eth0 up && ip -n far link set lo up
for way in 1 2 3 4; do
	for i in $(seq "$rounds"); do ip -n far address add 198.18.$way.$i/16 dev eth0; done
done
export RANGE_DEADLINE=$(($(date +%s) + 280))
ip netns exec far "$TOP_BUILDDIR/tests/range/listener" 0.0.0.0 3333 &
sleep 0.3

now() {
	date +%s%N
}

# connect ADDRESS: $holder ends when the connection does.
connect() {
	"$TOP_BUILDDIR/tests/range/sleeper" -c "$1" 3333 &
	holder=$!
	for _ in $(seq 100); do
		if ss -Htn state established dst "$1" | grep -q .; then return; fi
		sleep 0.02
	done
	return 1
}

until_dead() {
	local status=0
	wait $holder || status=$?
	[ $status = 3 ] || { echo "the connection did not die: $status" >&2; exit 1; }
}

wazuh_alert() {
	printf '{"version":1,"origin":{"name":"node01","module":"wazuh-execd"},"command":"add","parameters":{"extra_args":[],"alert":{"rule":{"level":10,"id":"5763"},"id":"1696894457.%s","data":{"srcip":"%s","dstuser":"bob"}},"program":"active-response/bin/respond"}}\n' "$RANDOM" "$1"
	printf '{"version":1,"origin":{"name":"node01","module":"wazuh-execd"},"command":"continue","parameters":{}}\n'
}

started_way() {
	respond --hook wazuh <$work/alert >/dev/null 2>&1
	until_dead
}

listening_way() {
	"$TOP_BUILDDIR/tests/range/peer" /run/respond/hook.sock <$work/event >/dev/null
	until_dead
}

drop_way() {
	iptables -w -I INPUT -s "$1" -j DROP
	iptables -w -I FORWARD -s "$1" -j DROP
}

fail2ban_way() {
	fail2ban-client -s /run/fail2ban.sock -p /run/fail2ban.pid set bench banip "$1" >/dev/null
	until nft get element inet f2b-table addr-set-bench "{ $1 }" >/dev/null 2>&1; do :; done
}

# once WAY NUMBER ROUND
once() {
	local start address=198.18.$2.$3
	wazuh_alert "$address" >$work/alert
	printf 'json\n{"kind":"bench","srcip":"%s"}\n' "$address" >$work/event
	case $1 in started | listening) connect "$address" ;; esac
	start=$(now)
	"$1_way" "$address"
	echo $((($(now) - start) / 1000)) >>$work/$1
}

rm -rf /etc/fail2ban/jail.d /etc/fail2ban/jail.local
cat >/etc/fail2ban/jail.local <<'END'
[DEFAULT]
backend = polling
banaction = nftables
usedns = no
[bench]
enabled = true
filter = sshd
logpath = /var/log/bench.log
END
: >/var/log/bench.log
fail2ban-server -s /run/fail2ban.sock -p /run/fail2ban.pid --logtarget /run/fail2ban.log -b start >/dev/null 2>&1
await fail2ban-client -s /run/fail2ban.sock -p /run/fail2ban.pid ping
respond --listen >$work/log 2>&1 &
await test -S /run/respond/hook.sock

for round in $(seq "$rounds"); do
	once started 1 "$round"
	once listening 2 "$round"
	once drop 3 "$round"
	once fail2ban 4 "$round"
done

median() {
	sort -n "$work/$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}
awk -v s="$(median started)" -v l="$(median listening)" -v d="$(median drop)" -v f="$(median fail2ban)" -v n="$rounds" 'BEGIN {
	printf "respond, started           %7.1f ms to the block and the dead connection, journaled\n", s / 1000
	printf "respond, listening         %7.1f ms the same\n", l / 1000
	printf "firewall-drop: iptables    %7.1f ms to the block alone\n", d / 1000
	printf "fail2ban: banip, nftables  %7.1f ms to the block alone\n", f / 1000
	printf "respond started   / iptables %5.2f, / fail2ban %5.2f\n", s / d, s / f
	printf "respond listening / iptables %5.2f, / fail2ban %5.2f     (medians of %d)\n", l / d, l / f, n
}'
