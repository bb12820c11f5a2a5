#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# debian-tree.sh DIRECTORY
#
# Prints the name of a file below DIRECTORY that holds a Debian 12 with systemd as an
# ext4 image, and makes it first where there is none: about 35 seconds, 200 MB, from a
# package mirror. It is for staged hosts, which use it read-only (systemd-host.sh).
# What is in it makes up its name, so a change of this file makes a new one. Exit
# status: 77 when it cannot be made here (the last line on stderr says why).
#
# Nothing of it is installed, started or enabled on this host. RANGE_MIRROR: take the
# packages from there instead of from where this host takes its own.
set -eu

self=$(realpath "$0")
PATH=$PATH:/usr/sbin:/sbin

packages=(
	systemd-sysv dbus libpam-systemd kmod procps passwd login sudo
	openssh-server cron rsyslog logrotate nftables
	iproute2 iputils-ping netbase e2fsprogs acl attr
	libaudit1 libinih1 libjansson4 libmnl0 libnettle8 libnftnl11
)

# What has no business on a host that lives for a minute beside others.
masked=(
	apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service
	fstrim.timer logrotate.timer dev-hugepages.mount dev-mqueue.mount sys-kernel-config.mount
	sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount
	getty@.service console-getty.service systemd-firstboot.service
)

cannot() {
	echo "debian-tree: $1" >&2
	exit 77
}

# Empty: mmdebstrap(1) knows one.
mirror() {
	local own
	own=$(apt-cache policy base-files 2>/dev/null | awk '$3 == "bookworm/main" { print $2; exit }')
	echo "${RANGE_MIRROR:-$own}"
}

# As this host reaches its mirror, one option a line; nothing else of its configuration
# is taken.
proxies() {
	apt-config dump --format='--aptopt=%f "%v"%n' Acquire::http::Proxy Acquire::https::Proxy 2>/dev/null | sed '/ ""$/d'
}

# An identity and accounts, as an installer would have left them.
settle() {
	local tree=$1 unit
	echo 5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a >"$tree/etc/machine-id"
	echo victim >"$tree/etc/hostname"
	printf '127.0.0.1\tlocalhost\n127.0.1.1\tvictim\n::1\tlocalhost\n' >"$tree/etc/hosts"
	echo 'nameserver 192.168.1.53' >"$tree/etc/resolv.conf"
	: >"$tree/etc/fstab"
	# A clean upgrade policy: packages that a test installs are started as anywhere.
	rm -f "$tree/usr/sbin/policy-rc.d"
	for unit in "${masked[@]}"; do
		ln -sf /dev/null "$tree/etc/systemd/system/$unit"
	done
	rm -rf "$tree"/var/cache/apt/*.bin "$tree"/var/lib/apt/lists/* "$tree"/var/log/*.log "$tree/dev"/*
}

make_image() {
	local work=$1 image=$2 log=$1/log list proxies mirror
	mirror=$(mirror)
	mapfile -t proxies < <(proxies)
	list=$(IFS=,; echo "${packages[*]}")
	# Nothing is waited for that does not come: without a mirror this is a matter of seconds.
	mmdebstrap --mode=root --variant=minbase --components=main --include="$list" \
		--aptopt='Apt::Install-Recommends "false"' --aptopt='Acquire::Retries "1"' \
		--aptopt='Acquire::http::Timeout "20"' "${proxies[@]}" \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='force-unsafe-io' \
		bookworm "$work/tree" ${mirror:+"$mirror"} </dev/null >"$log" 2>&1 || {
		tail -n 30 "$log" >&2
		cannot "the packages for a Debian tree could not be had: $(grep -m 1 -E '^E: ' "$log" | cut -c1-200)"
	}
	settle "$work/tree"
	truncate -s 640M "$work/image"
	mke2fs -q -F -t ext4 -O ^has_journal -m 0 -E nodiscard,root_owner=0:0 -d "$work/tree" "$work/image"
	mv "$work/image" "$image"
}

[ $# = 1 ] || { sed -n '3,13s/^# \{0,1\}//p' "$self" >&2; exit 2; }
[ "$(id -u)" = 0 ] || cannot "needs root"
for tool in mmdebstrap mke2fs flock; do
	command -v $tool >/dev/null || cannot "$tool is not installed"
done
mkdir -p "$1"
directory=$(realpath "$1")
image=$directory/debian-12-$(sha256sum <"$self" | cut -c1-16).ext4

# One makes it, the others wait; what is left by one that was killed goes first.
exec 9>"$directory/lock"
flock -w 300 9 || cannot "somebody else has been making it for five minutes"
if [ ! -e "$image" ]; then
	rm -rf "$directory"/debian-12-*.ext4 "$directory"/work
	mkdir "$directory/work"
	trap 'rm -rf "$directory/work"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	make_image "$directory/work" "$image" 9>&-
fi
echo "$image"
