#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The systemd host that other tests rely on: that it is a real one, that it cannot reach
# the machine, and what a reboot keeps.
set -u
range_seconds=600
. "$TOP_SRCDIR/tests/range/systemd-host.sh"
enter_systemd_range "$@"
start_host

# Writes to a setting of the kernel the value that it has.
write_back() {
	on_host sh -c 'value=$(cat "$1") && echo "$value" >"$1"' - "$1"
}

no_capability() {
	local set
	set=$(on_host sed -n 's/^CapBnd:\t//p' /proc/1/status)
	[ $((0x$set >> $1 & 1)) = 0 ]
}

has_only_its_own_processes() {
	[ "$(on_host cat /proc/1/comm)" = systemd ] && ! on_host sh -c 'cat /proc/[0-9]*/comm' | grep -x bash
}

same "systemd is pid 1" systemd "$(on_host cat /proc/1/comm)"
same "all of it has come up" running "$(on_host systemctl is-system-running)"
check "it sees no process of the range" has_only_its_own_processes
same "a command is a unit of its own" 0::/system.slice/run- \
	"$(unit_on_host cat /proc/self/cgroup | grep -o '^0::/system.slice/run-')"
unit_on_host sh -c 'exit 7'
same "and its exit status arrives" 7 $?

check_not "settings of the kernel cannot be changed from inside" write_back /proc/sys/kernel/panic_on_oops
check_not "nor anything in /sys" write_back /sys/module/kernel/parameters/panic
check "those of its network can" on_host sysctl -q -w net.ipv4.ip_forward=1
same "which are its own" 0 "$(cat /proc/sys/net/ipv4/ip_forward)"
check "no modules are loaded from inside" no_capability 16
check "the clock is not set from inside" no_capability 25

mkdir -p $scratch $host_root/root/.ssh
ssh-keygen -q -t ed25519 -N '' -f $scratch/key
install -m 0600 $scratch/key.pub $host_root/root/.ssh/authorized_keys
login() {
	ssh -i $scratch/key -b "$1" -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
		-o LogLevel=ERROR -o ConnectTimeout=60 "root@$2" hostname
}
same "its sshd lets in from the internet" victim "$(login 203.0.113.67 192.168.1.100)"
same "over IPv6, too" victim "$(login 2001:db8:666::67 2001:db8:1::100)"
check "and it is in the log" await grep -q 'Accepted publickey for root from 203.0.113.67' $host_root/var/log/auth.log

install_on_host
check "respond is installed where a package would put it" on_host test -x /usr/sbin/respond -a -d /etc/respond/playbooks
check "its unit is known, and not enabled by itself" on_host sh -c \
	'systemctl cat respond-recover.service | grep -q "^ExecStart=/usr/sbin/respond " && ! systemctl -q is-enabled respond-recover.service'
run_on_host --list
same "it runs there" 0 $status

touch $host_root/root/kept
on_host sh -c 'touch /run/lost; nft add table inet lost'
reboot_host
check "a reboot keeps the disk" on_host test -e /root/kept
check_not "and nothing else: /run is new" on_host test -e /run/lost
check_not "so is the firewall" on_host nft list table inet lost
crash_host
start_host
check "a crash keeps the disk, too" on_host test -e /root/kept
finish
