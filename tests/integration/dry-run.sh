#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A dry run writes nothing: proven by what the kernel was asked to do.
#
# Writing means: a call that alters a file, a directory, an attribute, a process or
# the firewall. What goes to stdout and stderr, to a pipe or a memfd of its own and
# to the programs it asks (sshd -T), and questions over netlink sockets are not it.
set -u
range_seconds=600
. "$TOP_SRCDIR/tests/range/host.sh"
enter_range "$@"
command -v strace >/dev/null || skip_all "strace is not installed"
install_respond
stage_incident
export ASAN_OPTIONS=detect_leaks=0 # the leak checker cannot work under ptrace
miner=(--playbook miner.pb --set "attacker-keys=$ATTACKER_FINGERPRINT")
trace=$scratch/trace

calls='write,pwrite64,writev,pwritev,pwritev2,sendfile,splice,copy_file_range,truncate,ftruncate,fallocate'
calls+=',rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,mkdir,mkdirat,rmdir,mknod,mknodat'
calls+=',chmod,fchmod,fchmodat,chown,fchown,lchown,fchownat,utime,utimes,utimensat,futimesat'
calls+=',setxattr,lsetxattr,fsetxattr,removexattr,lremovexattr,fremovexattr'
calls+=',kill,tkill,tgkill,pidfd_send_signal,rt_sigqueueinfo,ptrace,process_vm_writev,process_madvise'
calls+=',mount,umount2,fsmount,move_mount,mount_setattr,pivot_root,sethostname,init_module,finit_module,delete_module'
calls+=',open,openat,openat2,creat,ioctl,sendto,sendmsg,sendmmsg,fcntl'

# Calls that succeeded and could have altered something; what is left over is wrong.
writes() {
	grep -v ' = -1 E' $trace |
		# to stdout, stderr, pipes, memfds, /dev/null, and between processes of its own
		grep -vE '(write|writev|pwrite64)\([0-9]+<(/dev/(null|pts/[0-9]+|tty)|pipe:|socket:|/memfd:|UNIX|'"$1"')' |
		grep -vE 'f?truncate\([0-9]+<(/memfd:)|fallocate\([0-9]+<(/memfd:)' |
		# a procfs of its own, mounted nowhere (move_mount would)
		grep -vE 'fsmount\([0-9]+<anon_inode:\[fscontext\]>' |
		# opened for reading
		grep -vE '(open|openat|openat2)\(.*(O_RDONLY|O_PATH)' | grep -vE 'openat?2?\(.*"/dev/(null|tty)"' |
		# questions
		grep -vE 'ioctl\(.*(TCGETS|TIOCGWINSZ|TIOCGPGRP|FS_IOC_GETFLAGS|FS_IOC_FSGETXATTR|FIONREAD|FIONBIO|SIOC)' |
		grep -vE 'fcntl\(.*, F_(GETFD|SETFD|GETFL|SETFL|DUPFD|DUPFD_CLOEXEC|GET_SEALS|ADD_SEALS|GETLK|OFD_GETLK)' |
		grep -vE 'send(to|msg|mmsg)\([0-9]+<(NETLINK|socket:\[|UNIX)' |
		# signal 0 asks whether a process is there
		grep -vE '(kill|tkill|pidfd_send_signal)\(.*, (0|SIG_0)[,)]' |
		grep -vE '^[0-9]+ +(\+\+\+|---|<\.\.\.)'
}

no_writes() {
	local found
	[ -s $trace ] || { echo "the trace is empty"; return 1; }
	found=$(writes $scratch/output)
	[ -z "$found" ] || { printf '%s\n' "$found"; return 1; }
}

trace() {
	rm -f $trace
	strace -f -y -s 200 -e trace="$calls" -o $trace "$@" >$scratch/output 2>&1 </dev/null
}

# What netlink sockets of the firewall are asked: to get, never to make or delete.
nft_questions_only() {
	local n
	n=$(grep -cE 'NFT_MSG_(NEW|DEL)' $trace)
	[ "$n" = 0 ] || { grep -E 'NFT_MSG_(NEW|DEL)' $trace; return 1; }
}

before=$(every_file)
processes=$(processes)
firewall=$(firewall)
trace respond "${miner[@]}" --dry-run
same "the plan is printed" 5 $?
check "no call that could alter anything" no_writes
check "the firewall is only asked" nft_questions_only
rm -f $trace $scratch/output
same "every file is as it was" "$before" "$(every_file)"
same "every process is as it was" "$processes" "$(processes)"
same "the firewall is as it was" "$firewall" "$(firewall)"

# A host on which rpm is installed, and nothing by it: asked, it would make a database.
mkdir -p $scratch/no-packages
mount --bind $scratch/no-packages /var/lib/dpkg
before=$(every_file)
respond "${miner[@]}" --dry-run >/dev/null 2>&1
same "without packages there is a plan" 5 $?
same "every file is as it was, without packages, too" "$before" "$(every_file)"
umount /var/lib/dpkg

# The check itself: a real run must be seen to write.
# Nobody has to wait for a deadline here: the trace would.
trace respond "${miner[@]}" --confirm-within 0s
same "a real run is done" 0 $?
check_not "a real run is seen to write" no_writes
rm -f $trace

before=$(every_file)
trace respond --playbook triage.pb --dry-run
same "looking changes nothing, and needs no change" 0 $?
check "no call that could alter anything, with triage.pb" no_writes
rm -f $trace $scratch/output
same "every file is as it was after looking" "$before" "$(every_file)"

run=$(last_run)
before=$(every_file)
trace respond --rollback "$run" --dry-run
same "the plan of a rollback is printed, with what cannot be undone" 3 $?
check "no call that could alter anything, with --rollback" no_writes
for command in --list "--show $run" --actions --rules "--check miner.pb"; do
	# shellcheck disable=SC2086
	trace respond $command
	check "no call that could alter anything, with ${command%% *}" no_writes
done
rm -f $trace $scratch/output
same "every file is as it was after all of these" "$before" "$(every_file)"

# Without root: as far as it may read.
output=$(setpriv --reuid operator --regid operator --init-groups respond "${miner[@]}" --dry-run 2>&1 </dev/null)
status=$?
check "without root there is a plan or nothing to do" test $status = 5 -o $status = 0
check "without root it says what it could not see" grep -qiE 'cannot|could not|not root|permission' <<<"$output"
output=$(setpriv --reuid operator --regid operator --init-groups respond --playbook strip-key.pb \
	--set fingerprint="$ATTACKER_FINGERPRINT" --dry-run 2>&1 </dev/null)
check "without root that nothing was found is no promise" grep -q 'Nothing to do, as far as could be seen' <<<"$output"
output=$(setpriv --reuid operator --regid operator --init-groups respond "${miner[@]}" 2>&1 </dev/null)
status=$?
check_not "without root nothing is done" test $status = 0
finish
