#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# range.sh [-t SECONDS] [-s DIRECTORY]... [--] COMMAND [ARGUMENT...]
#
# Runs COMMAND as root on a private, throw-away copy of this host: own mount, pid,
# net, uts, ipc and cgroup namespaces, and an overlay on "/" whose upper layer is an
# ext4 image in memory, so that inode flags, ACLs and xattrs behave as on a real disk.
# /proc, /sys, /dev, /run, /tmp and /var/tmp are new. Exit status: the command's; 77 when this
# host cannot carry a range (the last line on stderr says why).
#
#   -t SECONDS    after that everything inside is killed (default 120)
#   -s DIRECTORY  the same directory inside and outside, writable; where it is
#                 left out, whatever the command writes is gone afterwards
#
# TOP_SRCDIR, TOP_BUILDDIR: are seen inside at the same place, wherever they are.
#
# Nothing is left on the host, even after kill -9: every mount belongs to the mount
# namespace, every process to the pid namespace, and both end with their last
# process. So there is no clean-up to forget, and no directory is made outside.
# What the overlay has gathered is seen at /run/range/upper, read-only: the upper
# layer holds every file of "/" that was touched in any way, and nothing else.
set -eu

self=$(realpath "$0")
deadline=120
shared=()

cannot() {
	echo "range: $1" >&2
	exit 77
}

# ---- outside ---------------------------------------------------------------

outside() {
	local tool
	[ "$(id -u)" = 0 ] || cannot "needs root"
	for tool in unshare setpriv setfattr mke2fs ip timeout; do
		command -v $tool >/dev/null || cannot "$tool is not installed"
	done
	[ -e /dev/loop-control ] || cannot "this kernel has no loop devices"
	unshare --mount --pid --net --uts --ipc --cgroup --fork true 2>/dev/null ||
		cannot "namespaces are not permitted here"

	# Killing unshare kills the first process of the pid namespace, and with it all.
	RANGE_SHARED=$(printf '%s\n' "${shared[@]}")
	export RANGE_DEADLINE_SECONDS=$deadline RANGE_SHARED
	setpriv --pdeathsig KILL unshare --mount --propagation private --net --uts --ipc --cgroup \
		--pid --fork --kill-child=KILL bash "$self" --inside "$@" <&0 &
	child=$!
	trap 'kill -KILL $child 2>/dev/null || true' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	wait $child
}

# ---- inside, before the old root is gone ------------------------------------

# A directory of the old root to work in: it is hidden here only, and must not hide
# anything that is to be seen inside.
pick_workplace() {
	local place path
	for place in /mnt /media /srv /opt; do
		if [ ! -d $place ] || [ -L $place ]; then continue; fi
		for path in / "${seen[@]}"; do
			case $path/ in $place/*) continue 2 ;; esac
		done
		echo $place
		return
	done
	cannot "none of /mnt /media /srv /opt is free to work in"
}

# hide_directory PARENT DIRECTORY MODE: it is empty inside, and still on the image.
hide_directory() {
	mkdir -p "$work/disk/upper$2"
	chown --reference="$1" "$work/disk/upper$1"
	chmod --reference="$1" "$work/disk/upper$1"
	touch --reference="$1" "$work/disk/upper$1"
	chmod "$3" "$work/disk/upper$2"
	setfattr -n trusted.overlay.opaque -v y "$work/disk/upper$2"
}

mount_root() {
	mount -t tmpfs -o mode=755,size=1g range "$work" || cannot "cannot mount a tmpfs"
	truncate -s 768M "$work/image"
	mke2fs -q -F -t ext4 -O ^has_journal -E nodiscard,lazy_itable_init=1 "$work/image"
	mkdir "$work/disk" "$work/root"
	mount -o loop,noatime "$work/image" "$work/disk" || cannot "cannot mount an image"
	mkdir "$work/disk/upper" "$work/disk/work"
	hide_directory /var /var/tmp 1777
	mount -t overlay -o "lowerdir=/,upperdir=$work/disk/upper,workdir=$work/disk/work" range "$work/root" ||
		cannot "overlayfs does not work on this root filesystem"
}

mount_devices() {
	local name
	mount -t tmpfs -o mode=755 dev dev
	mkdir dev/pts dev/shm dev/net
	for name in null zero full random urandom tty loop-control net/tun; do
		[ ! -c /dev/$name ] || cp -a /dev/$name dev/$name
	done
	for name in /dev/loop[0-9]; do
		[ ! -b "$name" ] || cp -a "$name" dev/
	done
	mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 pts dev/pts
	mount -t tmpfs -o mode=1777 shm dev/shm
	ln -s pts/ptmx dev/ptmx
	ln -s /proc/self/fd dev/fd
	ln -s fd/0 dev/stdin
	ln -s fd/1 dev/stdout
	ln -s fd/2 dev/stderr
}

# PATH may lie on another filesystem than "/", or under what is new inside: then it
# gets an overlay of its own.
show_directory() {
	local path=$1 n=$2
	case $path/ in
	/tmp/* | /var/tmp/* | /run/* | /dev/* | /proc/* | /sys/*) ;;
	*) [ "$(findmnt -n -o TARGET -T "$path")" != / ] || return 0 ;;
	esac
	mkdir -p ".$path" "$work/disk/upper-$n" "$work/disk/work-$n"
	# Given by its name from within, so that commas and colons in it do no harm.
	( cd "$path" && mount -t overlay -o "lowerdir=.,upperdir=$work/disk/upper-$n,workdir=$work/disk/work-$n" \
		range "$work/root$path" )
}

inside() {
	local path n=0 work trees
	mapfile -t shared < <(printf %s "$RANGE_SHARED")
	trees=("$(dirname "$self")" ${TOP_SRCDIR:+"$TOP_SRCDIR"} ${TOP_BUILDDIR:+"$TOP_BUILDDIR"})
	seen=("${trees[@]}" "${shared[@]}")
	work=$(pick_workplace)

	mount_root
	cd "$work/root"
	mount_devices
	mount -t tmpfs -o mode=755 run run
	mount -t tmpfs -o mode=1777 tmp tmp
	mkdir -p run/lock run/sshd run/netns run/range/upper
	for path in "${trees[@]}"; do
		n=$((n + 1))
		show_directory "$path" $n
	done
	for path in "${shared[@]}"; do
		mkdir -p ".$path"
		mount --bind "$path" ".$path"
	done
	mount --bind -o ro "$work/disk/upper" run/range/upper

	mkdir -p .old-root
	pivot_root . .old-root
	cd /
	mount -t proc -o nosuid,nodev,noexec proc proc
	mount -t sysfs -o nosuid,ro sys sys
	mount -t cgroup2 -o ro cgroup sys/fs/cgroup 2>/dev/null || true
	umount -l .old-root
	rmdir .old-root
	hostname range
	ip link set lo up

	# This shell stays the first process: orphans come to it and are reaped.
	unset RANGE_SHARED child
	trap 'exit 143' INT TERM HUP
	cd "$HOME"
	timeout --foreground --signal=KILL "$RANGE_DEADLINE_SECONDS" "$@"
}

if [ "${1:-}" = --inside ]; then
	shift
	export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin IN_RANGE=yes
	inside "$@"
	exit
fi

PATH=$PATH:/usr/sbin:/sbin
while getopts t:s: option; do
	case $option in
	t) deadline=$OPTARG ;;
	s) shared+=("$(realpath "$OPTARG")") ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { sed -n '3,11s/^# \{0,1\}//p' "$self" >&2; exit 2; }
outside "$@"
