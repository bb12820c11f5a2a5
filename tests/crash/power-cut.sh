#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The power fails at every system call that alters something, of a run and of its rollback:
# the disk has what was written out by then and nothing else. Afterwards the filesystem
# replays its journal, `respond --recover` runs as it does at boot, and the host must be
# exactly as before or exactly as after.
#
# The disk is a small image, ext4 or XFS, that holds everything which is altered: respond
# works in it with chroot. An image of the image, taken at the call, is the disk after
# the power cut. So that ordering matters, another program's fsync() commits all metadata
# just before, and ext4 does not write out data on its own (noauto_da_alloc). That
# this finds something is shown by the same test without any fsync() of ours (libeatmydata).
set -u
. "$TOP_SRCDIR/tests/crash/points.sh"
[ "${1:-}" != --worker ] || . "$TOP_SRCDIR/tests/crash/stage.sh"

modes=()
filesystems=()
for fs in ext4 xfs; do
	command -v "mkfs.$fs" >/dev/null || PATH=$PATH:/usr/sbin:/sbin
	if ! grep -qw "$fs" /proc/filesystems; then
		left_out+=("a power cut on $fs: this kernel has no $fs")
		continue
	fi
	if ! command -v "mkfs.$fs" >/dev/null; then
		left_out+=("a power cut on $fs: mkfs.$fs is not installed")
		continue
	fi
	filesystems+=($fs)
	modes+=("$fs" "$fs-keep" "$fs-rollback")
	titles[$fs]="a power cut on $fs before each call of a run"
	titles[$fs-keep]="a power cut on $fs before each call of a run, which is then kept as far as it came"
	titles[$fs-rollback]="a power cut on $fs before each call of a rollback"
	strides[$fs]=2 strides[$fs-keep]=5 strides[$fs-rollback]=3
	least[$fs]=100 least[$fs-keep]=100 least[$fs-rollback]=60
	eval "point_$fs() { cut_run $fs \"\$1\" '' before after; }"
	eval "point_$fs-keep() { cut_run $fs \"\$1\" =keep before after mixed; }"
	eval "point_$fs-rollback() { cut_rollback $fs \"\$1\" before after; }"
done
without_sync=$(find /usr/lib /usr/lib64 -name 'libeatmydata.so' 2>/dev/null | head -n 1)
if [ -n "$without_sync" ] && [ -z "${SANITIZE:-}" ] && [[ " ${filesystems[*]} " = *" ext4 "* ]]; then
	modes+=(control)
	titles[control]="the same on ext4 without fsync() is noticed"
	least[control]=60 strides[control]=4
	controls[control]=yes
else
	left_out+=("the same without fsync() is noticed: no libeatmydata, or a sanitizer, which does not suit it")
fi

image=/run/range/image
preload=

# ---- the disk ------------------------------------------------------------------------------

format() {
	case $1 in
	ext4)
		truncate -s 24M "$2"
		mke2fs -q -F -t ext4 -J size=4 -E lazy_itable_init=0,lazy_journal_init=0 "$2"
		;;
	xfs)
		truncate -s 320M "$2"
		mkfs.xfs -q "$2"
		fallocate -d "$2"
		;;
	esac
}

mount_options() {
	case $1 in
	ext4) echo loop,noauto_da_alloc,commit=300 ;;
	xfs) echo loop ;;
	esac
}

mount_disk() {
	local name i
	for i in $(seq 300); do # others look for a free loop device at the same time
		mount -o "$(mount_options "$fs")" "$1" $root 2>/dev/null && break
		sleep 0.1
	done
	mountpoint -q $root || broken "$fs does not mount"
	mkdir -p $root/{usr,proc,sys,dev,run}
	for name in usr proc sys dev run; do mount --rbind /$name $root/$name; done
	for name in bin sbin lib lib64; do
		[ -L $root/$name ] || [ ! -d $root/$name ] || mount --bind /$name $root/$name
	done
}

umount_disk() {
	await umount -R $root || broken "the disk is busy"
}

# respond lives on the disk from here on.
respond() {
	chroot $root /usr/bin/env ${preload:+LD_PRELOAD=$preload} /usr/sbin/respond "$@"
}

# ---- what is on it ------------------------------------------------------------------------

make_tree() {
	local name
	mkdir -p $root/{etc/ssh/sshd_config.d,etc/respond/playbooks,etc/cron.hourly,opt,root/.ssh,tmp}
	mkdir -p $root/var/{lib,spool/cron/crontabs} $root/home/operator/.ssh
	chmod 700 $root/root $root/root/.ssh $root/home/operator/.ssh
	chmod 1777 $root/tmp
	for name in bin sbin lib lib64; do
		if [ -L /$name ]; then cp -a /$name $root; elif [ -d /$name ]; then mkdir -p $root/$name; fi
	done
	cp -a /etc/{passwd,group,shadow,nsswitch.conf,ld.so.cache,pam.d} $root/etc
	cp -a /etc/ssh/{sshd_config,ssh_host_ed25519_key} $root/etc/ssh
	cp -a /etc/ssh/sshd_config.d/50-cloud-init.conf $root/etc/ssh/sshd_config.d
	cp -a /etc/cron.hourly/malicious $root/etc/cron.hourly
	cp -a /var/spool/cron/crontabs/root $root/var/spool/cron/crontabs
	cp -a /home/operator/.ssh/authorized_keys $root/home/operator/.ssh
	chown -R operator:operator $root/home/operator
	cp -a /root/.ssh/authorized_keys $root/root/.ssh
	install -m 0755 "$TOP_BUILDDIR/tests/range/miner" $root/opt/miner
	setfattr -n user.origin -v m.sh $root/opt/miner
	# The vault has the second one already when its turn comes: it goes in as a copy.
	head -c 20000 /dev/urandom >$root/opt/payload
	cp -p $root/opt/payload $root/opt/payload-2
	chattr +i $root/root/.ssh/authorized_keys $root/opt/miner
}

write_playbook() {
	cat >$root/etc/respond/playbooks/power.pb <<-END
	[playbook]
	name = power
	description = Everything that alters a disk
	on-failure = continue

	[step c2]
	action = net.block
	address = $SERVER

	[step files]
	action = file.quarantine
	path = /opt/miner, /opt/payload, /opt/payload-2, /etc/cron.hourly/malicious

	[step cron]
	action = cron.remove
	match = malicious-site.example

	[step keys]
	action = ssh.strip-keys
	fingerprint = $ATTACKER_FINGERPRINT

	[step sshd]
	action = sshd.harden
	option = PermitRootLogin no
	END
}

host_strays() {
	(cd $root && find . -xdev -path ./var/lib/respond -prune -o ! -type d ! -name .other-program -print | LC_ALL=C sort)
}

# After a reboot there is no firewall rule but what others load, and sshd reads its files.
judge_sshd() { :; }
rules() { nft list tables; }
in_kernel=(nft.elements) # gone, whatever the journal says

prepare_disk() {
	fs=$1
	format "$fs" "$image-$fs"
	mount_disk "$image-$fs"
	make_tree
	write_playbook
	umount_disk
	mount_disk "$image-$fs"
	before=$(host_files)
	before_rules=$(rules)
	before_strays=$(strays)
	umount_disk
	cp --sparse=always "$image-$fs" "$image-$fs-after"

	mount_disk "$image-$fs-after"
	run_respond "${run_args[@]}"
	[ $status = 0 ] || broken "the run itself ends with $status: $output"
	after=$(host_files)
	after_strays=$(strays)
	umount_disk
	nft list table inet respond >$scratch/table
	nft delete table inet respond
	after_rules=$before_rules # at boot
	[ "$before" != "$after" ] || broken "the run does nothing"
	known[$fs]=$(declare -p before before_rules before_strays after after_rules after_strays | sed 's/^declare --/declare -g/')
}

prepare() {
	local fs
	install_respond
	stage_incident
	export RANGE_DEADLINE
	root=/run/range/disk # where the disk is mounted
	mkdir -p $root
	make_loop_nodes
	stage_dirs=($root/etc $root/root $root/opt $root/var/spool $root/tmp $root/home)
	state_dir=$root/var/lib/respond
	run_args=(--playbook power.pb)
	for fs in "${filesystems[@]}"; do prepare_disk "$fs"; done
}

# ---- cutting the power ------------------------------------------------------------------

# cut_power FS IMAGE N COMMAND...: RET is whether there is an Nth call.
cut_power() {
	fs=$1
	eval "${known[$fs]}"
	cp --sparse=always "$2" $image
	mount_disk $image
	strike -n "$3" -c "dd if=/dev/zero of=$root/.other-program bs=1 count=1 conv=fsync status=none &&
		cp --sparse=always $image $image-cut" -- \
		chroot $root /usr/bin/env ${preload:+LD_PRELOAD=$preload} /usr/sbin/respond "${@:4}"
	umount_disk
	nft delete table inet respond 2>/dev/null
	fired
}

boot() {
	mount_disk $image-cut
}

recover_and_judge() {
	local how=$1
	shift
	boot
	recover "$how"
	local said="$output"
	judge_state "$@"
	judge_journal
	[ ${#problems[@]} = 0 ] || problem "recovery said: $said"
	umount_disk
	nft delete table inet respond 2>/dev/null
	return 0
}

cut_run() {
	local fs=$1 n=$2 how=$3
	cut_power "$fs" "$image-$fs" "$n" "${run_args[@]}" || return
	shift 3
	recover_and_judge "$how" "$@"
}

cut_rollback() {
	local fs=$1 n=$2
	nft -f $scratch/table
	cut_power "$fs" "$image-$fs-after" "$n" --rollback last || return
	shift 2
	recover_and_judge '' "$@"
}

point_control() {
	preload=$without_sync cut_run ext4 "$1" '' before after
}

declare -A known
try_points "$@"
