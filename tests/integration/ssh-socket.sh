#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# sshd under socket activation: systemd holds the port, and starts sshd at the first connection.
# What is hardened holds all the same; the port is not sshd's to move.
set -u
range_seconds=600
. "$TOP_SRCDIR/tests/range/systemd-host.sh"
enter_systemd_range "$@"
start_host
install_on_host

mkdir -p $scratch $host_root/root/.ssh
ssh-keygen -q -t ed25519 -N '' -f $scratch/key
install -m 0600 $scratch/key.pub $host_root/root/.ssh/authorized_keys
on_host useradd --create-home --shell /bin/sh --password '*' --gid operator operator
install -d -m 0700 $host_root/home/operator/.ssh
install -m 0600 $scratch/key.pub $host_root/home/operator/.ssh/authorized_keys
on_host chown -R operator:operator /home/operator

login() {
	ssh -i $scratch/key -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
		-o ConnectTimeout=60 "$1@192.168.1.100" true >/dev/null 2>&1
}

state() {
	on_host systemctl is-active ssh.socket ssh.service
	on_host systemctl is-enabled ssh.socket ssh.service
	on_host ss -Hltn 'sport = :22' | awk '{ print $4 }' | sort
}

configs() {
	(cd $host_root/etc/ssh && find . -type f -name '*config*' -exec sha256sum {} + | sort)
}

on_host systemctl -q disable --now ssh.service
on_host systemctl -q enable --now ssh.socket
before=$(configs)
same "at first sshd does not run" inactive "$(on_host systemctl is-active ssh.service)"
check "root gets in" login root
check "and the operator" login operator
await on_host systemctl -q is-active ssh.service
units=$(state)

ssh -i $scratch/key -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
	operator@192.168.1.100 sleep $range_seconds </dev/null >/dev/null 2>&1 &
client=$!
check "a session of the operator's" await on_host pgrep -u operator -x sleep
run_on_host --playbook harden-sshd.pb --set 'options=PermitRootLogin no'
ended "hardened" 0
says "sshd is started anew, for it could not bind to the port" 'systemctl try-restart ssh.service'
check "the session lives" on_host pgrep -u operator -x sleep
check_not "root gets in no more" login root
check "the operator does" login operator
same "the socket is as it was" "$units" "$(state)"
run_on_host --playbook harden-sshd.pb --set 'options=PermitRootLogin no' --dry-run
ended "nothing is left to do" 0

run_on_host --playbook harden-sshd.pb --set 'options=Port 2222'
check "a port is refused" test $status != 0
says "by the name of the socket, with what to do" "ssh.socket is active: systemd listens for sshd"
check "the operator gets in where he did" login operator

run_on_host --rollback last
ended "taken back" 0
same "every file is as before" "$before" "$(configs)"
same "so is the socket" "$units" "$(state)"
check "root gets in again" login root
check "the session lives still" on_host pgrep -u operator -x sleep
check_not "sshd never failed" grep -q 'Cannot bind any address' $host_root/var/log/auth.log
kill $client
finish
