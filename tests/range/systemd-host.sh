# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# A real systemd host for integration tests, to be sourced instead of host.sh, which it
# brings along:
#
#   . "$TOP_SRCDIR/tests/range/systemd-host.sh"
#   enter_systemd_range "$@"  runs the script again inside a range that has the disk of
#                             such a host, or skips all of it
#   start_host                boots a throw-away Debian 12 (debian-tree.sh), systemd as pid 1
#   install_on_host           respond, by "make install", with the libraries it needs
#   reboot_host               what is on the disk stays, the rest is gone
#   crash_host                ends it without a goodbye; start_host boots the same disk again
#
#   on_host COMMAND...        runs it in the namespaces of the host: quick, for questions
#   unit_on_host COMMAND...   runs it as a unit of its own, as the host's own commands are
#   run_on_host ARGUMENT...   respond there: all that it says in $output, its status in $status
#   $host_root/etc/...        its disk, as the script sees it
#
# The script runs in the range and the host is beside it, joined by a cable:
#
#   the host 192.168.1.100, 2001:db8:1::100 ---- the range, which is the internet:
#                                192.168.1.1, 2001:db8:1::1      the gateway
#                                203.0.113.67, 2001:db8:666::67  an attacker
#                                198.51.100.10                   an operator
#
# The host has its own mount, pid, net, uts, ipc and cgroup namespaces and a cgroup of
# its own. It cannot change what is the machine's (systemd-init.sh), and it ends with
# the range, which has one absolute deadline. RANGE_TREES, where its tree is kept from
# one test to the next, is set by make.

. "$TOP_SRCDIR/tests/range/host.sh"

host_root=/run/range/host/root
host_pid=     # of its pid 1, as the range numbers it
host_keeper=  # the process in the range that ends when pid 1 does

# ---- outside of the range ---------------------------------------------------------

# Removes the cgroups of ranges that have gone, and of this one once it has. One that
# still has a process stays: the kernel sees to that.
sweep_cgroups() {
	unshare --mount --propagation private bash -c '
		mount -t cgroup2 cgroup /mnt && cd "/mnt$1" || exit 0
		for group in respond-host-*; do
			owner=${group#respond-host-}
			if [ "$owner" = "$2" ] || [ ! -d "/proc/$owner" ]; then
				find "$group" -depth -type d -exec rmdir {} +
			fi
		done' - "$(sed -n 's/^0:://p' /proc/self/cgroup)" "${1:-none}" 2>/dev/null || true
}

# What the last line of a failed command's words says; skips the script.
skip_for() {
	skip_all "$(printf %s "${1:-this host cannot carry a systemd host}" | tail -n 1)"
}

enter_systemd_range() {
	local why status=0
	[ "${IN_RANGE:-}" != yes ] || return 0
	why=$("$TOP_SRCDIR/tests/range/range.sh" mount -t cgroup2 cgroup /mnt 2>&1) || skip_for "$why"
	why=$("$TOP_SRCDIR/tests/range/debian-tree.sh" "$RANGE_TREES" 2>&1) || skip_for "$why"
	HOST_TREE=$(printf %s "$why" | tail -n 1)
	HOST_CGROUP=respond-host-$$
	export HOST_TREE HOST_CGROUP
	sweep_cgroups
	setpriv --pdeathsig TERM "$TOP_SRCDIR/tests/range/range.sh" -t "${range_seconds:-600}" -s "$RANGE_TREES" \
		"$(realpath "$0")" "$@" <&0 &
	trap 'kill -TERM $! 2>/dev/null' INT TERM HUP
	wait $! || status=$?
	sweep_cgroups $$
	exit $status
}

# ---- power, disk and cable --------------------------------------------------------

bail_out() {
	echo "Bail out! $*"
	exit 1
}

# The tree is never written to: what the host writes goes to an ext4 image in memory, as
# in every range.
make_disk() {
	make_loop_nodes
	mkdir -p /run/range/host/{tree,disk,root,cgroup} $scratch
	mount -o ro,loop "$HOST_TREE" /run/range/host/tree &&
		truncate -s 1G /run/range/host/image &&
		mke2fs -q -F -t ext4 -O ^has_journal -E nodiscard,lazy_itable_init=1 /run/range/host/image &&
		mount -o loop,noatime /run/range/host/image /run/range/host/disk &&
		mkdir /run/range/host/disk/{upper,work} &&
		mount -t overlay -o lowerdir=/run/range/host/tree,upperdir=/run/range/host/disk/upper,workdir=/run/range/host/disk/work \
			host $host_root &&
		mount -t cgroup2 cgroup /run/range/host/cgroup &&
		mkdir "/run/range/host/cgroup/$HOST_CGROUP"
}

be_the_internet() {
	ip addr add 203.0.113.67/32 dev lo
	ip addr add 198.51.100.10/32 dev lo
	ip addr add 2001:db8:666::67/128 dev lo
}

no_cable() {
	! ip link show net0
}

# Sockets, routes and rules of the last boot go with its network namespace; the kernel takes
# its time over that.
lay_cable() {
	ip netns del host 2>/dev/null
	ip link del net0 2>/dev/null
	await no_cable && ip netns add host &&
		ip link add net0 type veth peer name host0 netns host &&
		ip addr add 192.168.1.1/24 brd + dev net0 &&
		ip addr add 2001:db8:1::1/64 dev net0 nodad &&
		ip link set net0 up &&
		ip -n host addr add 192.168.1.100/24 brd + dev host0 &&
		ip -n host addr add 2001:db8:1::100/64 dev host0 nodad &&
		ip -n host link set lo up &&
		ip -n host link set host0 up &&
		ip -n host route add default via 192.168.1.1 &&
		ip -n host route add default via 2001:db8:1::1
}

# The keeper is no child of the script, which would otherwise have to say how it ended.
switch_on() {
	host_keeper=$(setsid bash -c 'echo $$ >"/run/range/host/cgroup/$HOST_CGROUP/cgroup.procs" && exec nsenter --net=/run/netns/host \
		unshare --mount --uts --ipc --cgroup --pid --fork --kill-child "$TOP_SRCDIR/tests/range/systemd-init.sh" "$0"' \
		$host_root </dev/null >>/run/range/host/console 2>&1 & echo $!)
}

is_up() {
	host_pid=$(cat "/proc/$host_keeper/task/$host_keeper/children" 2>/dev/null)
	host_pid=${host_pid%% *}
	[ -n "$host_pid" ] && [ "$(cat "/proc/$host_pid/comm" 2>/dev/null)" = systemd ] &&
		on_host test -S /run/systemd/private 2>/dev/null
}

start_host() {
	if [ ! -d $host_root ]; then
		make_disk || bail_out "the disk of the host could not be made"
		be_the_internet
	fi
	lay_cable || bail_out "the cable of the host could not be laid"
	switch_on
	await is_up || bail_out "systemd did not come up: $(tail -n 3 /run/range/host/console)"
	[ "$(on_host timeout 240 systemctl is-system-running --wait)" = running ] || {
		on_host systemctl status --no-pager --full --lines 50 --state failed '*' | tap_note
		bail_out "the host came up $(on_host systemctl is-system-running)"
	}
}

is_off() {
	[ ! -d "/proc/$host_keeper" ] || [ "$(cut -d' ' -f3 "/proc/$host_keeper/stat" 2>/dev/null)" = Z ]
}

crash_host() {
	kill -KILL "$host_pid" 2>/dev/null
	await is_off || bail_out "the host could not be ended"
	# Whatever was in its cgroup died with its pid 1; the groups themselves are left.
	find "/run/range/host/cgroup/$HOST_CGROUP" -mindepth 1 -depth -type d -exec rmdir {} + 2>/dev/null
	return 0
}

reboot_host() {
	on_host systemctl reboot 2>/dev/null
	await is_off || bail_out "the host did not go down"
	crash_host
	start_host
}

# ---- what a test does on it ---------------------------------------------------------

on_host() {
	nsenter -t "$host_pid" -a -- env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		HOME=/root LC_ALL=C.UTF-8 "$@"
}

unit_on_host() {
	on_host systemd-run --quiet --wait --pipe --collect -- "$@"
}

run_on_host() {
	status=0
	output=$(unit_on_host /usr/sbin/respond "$@" 2>&1 </dev/null) || status=$?
}

# What a library of this build needs and the tree does not have: a sanitizer's runtime.
copy_libraries() {
	local library
	for library in $(ldd "$RESPOND" | awk '$3 ~ /^\// { print $3 }'); do
		if ! on_host test -e "$library" && ! on_host test -e "/usr$library"; then
			install -D -m 0644 "$library" "$host_root$library"
		fi
	done
}

# The units are made anew, since they name the directories that they are installed to. A respond that
# was built for another prefix looks for playbooks there: the host's own place is the same.
install_on_host() {
	{
		rm -f "$TOP_BUILDDIR"/init/respond-*.service
		make -s -C "$TOP_BUILDDIR" install prefix=/usr sysconfdir=/etc localstatedir=/var DESTDIR=$host_root &&
			install -m 0644 "$TOP_SRCDIR"/playbooks/*.pb $host_root$playbooks && copy_libraries && on_host ldconfig && on_host systemctl daemon-reload
	} >$scratch/install 2>&1 || { tap_note <$scratch/install; bail_out "respond could not be installed"; }
	on_host respond --version >/dev/null || bail_out "respond does not run on the host"
}
