#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Who is logged in over a real sshd is not cut off; who only tries to get in is blocked, while
# sshd still asks who he is, while it tells him no, and by the hook that pam_exec runs below it.
set -u
. "$TOP_SRCDIR/tests/range/host.sh"
range_seconds=180
enter_range "$@"
for program in /usr/sbin/sshd ssh; do
	command -v $program >/dev/null || skip_all "$program is not installed"
done
install_respond

victim=203.0.113.1
mkdir -p "$SYSCONFDIR/respond/hooks.d"
ip link set lo up
ip netns add outside
ip link add in0 type veth peer name out0 netns outside
ip addr add $victim/24 dev in0 && ip link set in0 up
ip -n outside link set out0 up
for n in {10..29}; do ip -n outside addr add 203.0.113.$n/24 dev out0; done

useradd --create-home --shell /bin/bash alice
echo 'alice:alice-secret-1' | chpasswd
ssh-keygen -q -t ed25519 -N '' -f $scratch/alice
install -d -m 0700 -o alice /home/alice/.ssh
install -m 0600 -o alice $scratch/alice.pub /home/alice/.ssh/authorized_keys
# What sshd asks for the keys of a user takes its time, as a directory service does.
printf '#!/bin/sh\n[ "$1" != mallory ] || exec sleep 20\n' >/usr/local/sbin/keys-of
chmod 755 /usr/local/sbin/keys-of
printf '#!/bin/sh\necho wrong\n' >$scratch/askpass
chmod 755 $scratch/askpass

sed -n 's,@sbindir@,/usr/sbin,; /^auth/p' "$TOP_SRCDIR/examples/hooks/pam-sshd.in" >$scratch/auth
sed -i -e "/^@include common-auth/{r $scratch/auth
d}" -e '/pam_motd\|pam_mail\|pam_selinux\|pam_keyinit/d' /etc/pam.d/sshd
cat >"$SYSCONFDIR/respond/hooks.d/pam.conf" <<-'RULES'
	[rule guesser]
	source = pam
	match type = auth
	match service = sshd
	playbook = block.pb
	set address = ${event.srcip}
	mode = enforce
	limit = 100/1m
RULES

rm -rf /etc/ssh/sshd_config.d /etc/ssh/ssh_host_*
ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
cat >/etc/ssh/sshd_config <<-END
	HostKey /etc/ssh/ssh_host_ed25519_key
	ListenAddress $victim
	PasswordAuthentication yes
	KbdInteractiveAuthentication no
	UsePAM yes
	PrintMotd no
	MaxStartups 100
	AuthorizedKeysCommand /usr/local/sbin/keys-of %u
	AuthorizedKeysCommandUser nobody
END
mkdir -p /run/sshd
/usr/sbin/sshd -E $scratch/sshd.log

# from ADDRESS SSH-ARGUMENT...: cut off, ssh would wait for sshd's answer.
from() {
	local address=$1
	shift
	SSH_ASKPASS=$scratch/askpass SSH_ASKPASS_REQUIRE=force timeout 60 ip netns exec outside ssh -b "$address" -F none \
		-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=20 -o LogLevel=ERROR \
		-o NumberOfPasswordPrompts=1 "$@" </dev/null >/dev/null 2>&1
}

runs() {
	pgrep -f "$1"
}

plan_block() {
	run_respond --playbook block.pb --set address="$1" --dry-run
}

blocked() {
	nft list table inet respond 2>/dev/null | grep -qwF -- "$1"
}

# ---- who is logged in ---------------------------------------------------------------------

from 203.0.113.10 -i $scratch/alice alice@$victim "exec sleep 101" &
check "somebody logs in" await runs '^sleep 101'
plan_block 203.0.113.10
ended "where a session comes from is protected" 4
says "by name" net.ssh-peer
from 203.0.113.11 -tt -i $scratch/alice alice@$victim "exec sleep 102" &
check "somebody logs in with a terminal" await runs '^sleep 102'
plan_block 203.0.113.11
ended "where a session with a terminal comes from is protected" 4
pkill -f '^sleep 10[12]'
session_is_over() {
	plan_block "$1"
	[ $status = 5 ]
}
check "a session that is over is none" await session_is_over 203.0.113.10
check "nor is one that had a terminal" await session_is_over 203.0.113.11

# ---- who is not ------------------------------------------------------------------------------

useradd --no-create-home --shell /bin/bash mallory
from 203.0.113.12 -i $scratch/alice mallory@$victim true &
check "sshd asks for keys" await runs '^sleep 20'
plan_block 203.0.113.12
ended "he whom sshd asks about is not protected" 5
check "while it still asks" runs '^sleep 20'

# Every one of them is blocked by what his guess starts, however busy the host is.
for n in {20..29}; do
	from 203.0.113.$n -o PubkeyAuthentication=no -o PreferredAuthentications=password alice@$victim true &
done
all_are_blocked() {
	local n
	for n in {20..29}; do blocked 203.0.113.$n || return; done
}
check "ten who guess a password are blocked" await all_are_blocked
check_not "he who logged in is not" blocked 203.0.113.10
tally_is() {
	[ "$(respond --hooks --format json | json "rules.0.counts.$1")" = "$2" ]
}
check "each by a run" await tally_is runs 10
check "none was refused" tally_is refused 0
finish
