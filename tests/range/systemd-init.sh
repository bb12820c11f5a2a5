#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# systemd-init.sh ROOT: the first process of a staged host (systemd-host.sh), in its new
# mount, pid, net, uts, ipc and cgroup namespaces. Makes what the kernel and a boot
# loader would have provided below ROOT, and becomes systemd there.
#
# What is the kernel's alone, and so the machine's: settings below /proc/sys but the
# network's, /sys, modules, the clock, raw devices: cannot be changed from inside.
set -eu
root=$1
cd "$root"

kept_from='-sys_module,-sys_rawio,-sys_time,-sys_nice,-wake_alarm,-mac_admin,-mac_override,-syslog'

mount -t proc -o nosuid,nodev,noexec proc proc
for path in proc/sys proc/sysrq-trigger proc/irq proc/bus; do
	[ -e $path ] || continue
	mount --bind $path $path
	mount -o remount,bind,ro,nosuid,nodev,noexec $path
done
# One mounted anew can be written to.
mkdir -p /run/range/host/proc
mount -t proc -o nosuid,nodev,noexec proc /run/range/host/proc
mount --bind /run/range/host/proc/sys/net proc/sys/net
umount -l /run/range/host/proc

mount -t sysfs -o nosuid,nodev,noexec,ro sys sys
mount -t cgroup2 -o nosuid,nodev,noexec cgroup sys/fs/cgroup
mount -t tmpfs -o mode=755,nosuid,nodev run run
mkdir -p run/lock
mount -t tmpfs -o mode=755,nosuid dev dev
mkdir dev/pts dev/shm
for name in null zero full random urandom tty; do
	cp -a /dev/$name dev/$name
done
for name in /dev/loop-control /dev/loop[0-9]; do
	[ ! -e "$name" ] || cp -a "$name" dev/
done
mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 pts dev/pts
mount -t tmpfs -o mode=1777 shm dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr

mkdir -p .old-root
pivot_root . .old-root
umount -l /.old-root
rmdir /.old-root
hostname victim
exec env -i container=range PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	setpriv --bounding-set "$kept_from" --inh-caps "$kept_from" /lib/systemd/systemd
