#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# States of a host that need a real sshd, a real mount or real packages to be told from what they
# look like: each is staged, answered, and taken back. (tests/rows.md says which.)
set -u
range_seconds=600
. "$TOP_SRCDIR/tests/range/host.sh"
enter_range "$@"
install_respond
stage_incident

keys=/run/range/keys
operator_file=/home/operator/.ssh/authorized_keys
config=/etc/ssh/sshd_config.d/01-row.conf

# by_key KEY [OPTION...]: whether sshd lets the operator in by it.
by_key() {
	ip netns exec internet ssh -i "$keys/$1" "${@:2}" -b "$OPERATOR" -o BatchMode=yes -o IdentitiesOnly=yes -o LogLevel=ERROR \
		-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null operator@192.168.1.100 true >/dev/null 2>&1
}

# The next row's configuration of sshd; the daemon listens anew.
configure() {
	printf '%s\n' "$@" >$config
	reload_sshd
}

reload_sshd() {
	hang_up_sshd "$SSHD_PID"
}

# step ACTION [LINE...]: a playbook of one step.
step() {
	printf '%s\n' '[playbook]' 'name = row' '' '[step it]' "action = $1" "${@:2}" >/etc/respond/playbooks/row.pb
}

roll_back() {
	run_respond --rollback last "$@"
}

# ---- keys: a directory that others can write to ---------------------------------------------

cat $keys/attacker.pub >>$operator_file
before=$(describe_files /home/operator/.ssh)
check "loose home: at first the attacker gets in" by_key attacker
chmod 0777 /home/operator
check_not "loose home: sshd passes over the file" by_key attacker
run_respond --playbook strip-key.pb --set "fingerprint=$ATTACKER_FINGERPRINT"
ended "loose home: the key is stripped all the same" 0
says "loose home: that sshd passes over the file is said" \
	"sshd reads no keys from $operator_file now: /home/operator can be written by everybody"
chmod 0755 /home/operator
check_not "loose home: put right, it lets the attacker in no more" by_key attacker
check "loose home: and the operator" by_key operator
roll_back
ended "loose home: taken back" 0
same "loose home: the file is as before" "$before" "$(describe_files /home/operator/.ssh)"
check "loose home: and the key in it" by_key attacker
ssh-keygen -q -t ed25519 -N '' -C row -f $keys/row
install -m 0600 -o operator -g operator $keys/operator.pub $operator_file

# ---- keys: from a command ---------------------------------------------------------------------

printf '#!/bin/sh\ncat %s\n' $keys/row.pub >/usr/local/sbin/keys
chmod 0755 /usr/local/sbin/keys
configure 'AuthorizedKeysCommand /usr/local/sbin/keys' 'AuthorizedKeysCommandUser root'
before=$(sha256sum $config)
check "command: a key in no file lets in" by_key row
run_respond --playbook strip-key.pb --set "fingerprint=$(ssh-keygen -l -f $keys/row.pub | cut -d' ' -f2)" --dry-run
says "command: that it is not looked at is said, and what to do" \
	'a command, too, which is not looked at: /usr/local/sbin/keys; sshd.harden can set AuthorizedKeysCommand none'
step evidence.collect 'what = keys'
run_respond --playbook row.pb --dry-run
says "command: evidence says so, too" 'sshd gets keys from a command, too, which is not run: /usr/local/sbin/keys'
step sshd.harden 'option = AuthorizedKeysCommand none, AuthorizedKeysCommandUser none'
run_respond --playbook row.pb
ended "command: turned off" 0
check_not "command: its key lets nobody in" by_key row
check "command: one in a file does" by_key operator
roll_back
ended "command: taken back" 0
same "command: the configuration is as before" "$before" "$(sha256sum $config)"
check "command: and what it does" by_key row

# ---- keys: signed by an authority ----------------------------------------------------------------

ssh-keygen -q -t ed25519 -N '' -C authority -f $keys/authority
ssh-keygen -q -s $keys/authority -I row -n operator $keys/row.pub
install -m 0644 $keys/authority.pub /etc/ssh/authorities
configure 'TrustedUserCAKeys /etc/ssh/authorities'
before=$(describe_files /etc/ssh/authorities)
check "authority: a certificate lets in" by_key row
step evidence.collect 'what = keys'
run_respond --playbook row.pb --dry-run
check "authority: its key is among those that let in" grep -qE 'keys\.json +[0-9]+ keys in 3 files' <<<"$output"
run_respond --playbook strip-key.pb --set "fingerprint=$(ssh-keygen -l -f $keys/authority.pub | cut -d' ' -f2)"
ended "authority: its key is stripped" 0
check_not "authority: its certificates let nobody in" by_key row
check "authority: a key in a file does" by_key operator
roll_back
ended "authority: taken back" 0
same "authority: the file is as before" "$before" "$(describe_files /etc/ssh/authorities)"
check "authority: and its certificates" by_key row

# ---- keys: a list of revoked ones -------------------------------------------------------------------

cat $keys/row.pub >/etc/ssh/revoked
rm -f $keys/row-cert.pub
cat $keys/row.pub >>$operator_file
configure 'RevokedKeys /etc/ssh/revoked'
check_not "revoked: a key on the list lets nobody in" by_key row
check "revoked: another does" by_key operator
rm /etc/ssh/revoked
check_not "revoked: without the list, no key does" by_key operator
run_respond --playbook strip-key.pb --set "fingerprint=$ATTACKER_FINGERPRINT" --dry-run
ended "revoked: changes are pending, too" 5
says "revoked: and said, with what to do" \
	'sshd refuses every key, for it cannot read /etc/ssh/revoked (RevokedKeys): No such file or directory; sshd.harden can set RevokedKeys none'
step sshd.harden 'option = RevokedKeys none'
before=$(sha256sum $config)
run_respond --playbook row.pb
ended "revoked: turned off" 0
check "revoked: keys let in again" by_key operator
roll_back
ended "revoked: taken back" 0
same "revoked: the configuration is as before" "$before" "$(sha256sum $config)"
check_not "revoked: and what it does" by_key operator
configure '# nothing'
check "revoked: as at first" by_key operator
step sshd.harden 'option = RevokedKeys /etc/ssh/revoked'
run_respond --playbook row.pb
ended "revoked: a list that is not there is refused" 4
says "revoked: by its rule" login.last-way
check "revoked: and keys let in" by_key operator

# ---- files: shells that make root of everybody ---------------------------------------------------------

bash=$(realpath /bin/bash) su=$(realpath /bin/su)
mkdir -p /var/tmp/.x
install -m 4755 "$bash" /var/tmp/.x/sh
chmod u+s "$bash"
chmod u+s "$su"
modes() {
	stat -c '%a %U %n' "$bash" "$su" /var/tmp/.x/sh
}
before=$(modes)
uid_by() {
	setpriv --reuid operator --regid operator --clear-groups "$1" -p -c 'echo $EUID'
}
same "setuid: the copy makes root of the operator" 0 "$(uid_by /var/tmp/.x/sh)"
run_respond --playbook backdoor-account.pb --dry-run
says "setuid: backdoor-account.pb looks for it" "take its owner's rights from /var/tmp/.x/sh (mode 4755 -> 0755, uid 0"
step file.strip-rights 'tree = /tmp, /var/tmp, /dev/shm, /usr/bin, /usr/sbin, /usr/local' 'on-failure = continue'
run_respond --playbook row.pb --dry-run
ended "setuid: changes are pending" 5
check_not "setuid: su needs its rights" grep -qF "$su" <<<"$output"
same "setuid: the dry run changes nothing" "$before" "$(modes)"
run_respond --playbook row.pb
ended "setuid: done" 0
same "setuid: the copy makes nobody root" "$(id -u operator)" "$(uid_by /var/tmp/.x/sh)"
same "setuid: nor does the shell itself" "$(id -u operator)" "$(uid_by "$bash")"
same "setuid: su is as it was" "$(grep -F "$su" <<<"$before")" "$(stat -c '%a %U %n' "$su")"
run_respond --playbook row.pb
ended "setuid: nothing is left to do" 0
run_respond --verify
ended "setuid: all of it is in force, and the vault lacks nothing for it" 0
roll_back
ended "setuid: not given back unasked" 4
says "setuid: by its rule" '--allow file.setuid'
roll_back --allow file.setuid
ended "setuid: taken back when told to" 0
same "setuid: every mode is as before" "$before" "$(modes)"
step file.strip-rights "path = $su"
run_respond --playbook row.pb
ended "setuid: su keeps its rights" 4
says "setuid: by its rule, too" file.packaged
chmod u-s "$bash"
step file.quarantine 'path = /var/tmp/.x/sh'
run_respond --playbook row.pb
ended "setuid: the copy can be taken away, too" 0
check_not "setuid: it is gone" test -e /var/tmp/.x/sh

# ---- files: something mounted over one ------------------------------------------------------------------

install -m 0755 "$TOP_BUILDDIR/tests/range/miner" /usr/local/bin/tool
tool=$(sha256sum /usr/local/bin/tool | cut -d' ' -f1)
mount --bind /bin/true /usr/local/bin/tool
step file.quarantine 'path = /usr/local/bin/tool'
run_respond --playbook row.pb
ended "mount: what hides a file is not taken for it" 4
says "mount: by its rule, with what to do" 'so it does not show the file below: unmount it first'
step evidence.collect 'what = mounts'
run_respond --playbook row.pb --dry-run
says "mount: it is named" 'something is mounted on /usr/local/bin/tool, and hides what is there'
umount /usr/local/bin/tool
step file.quarantine 'path = /usr/local/bin/tool'
run_respond --playbook row.pb
ended "mount: without it the file is taken" 0
check_not "mount: it is gone" test -e /usr/local/bin/tool
roll_back
ended "mount: taken back" 0
same "mount: it is that file" "$tool" "$(sha256sum /usr/local/bin/tool | cut -d' ' -f1)"

# ---- PAM: a module under its package's name ------------------------------------------------------------------

module=$(echo /usr/lib/*/security/pam_unix.so)
step persist.remove "references = $module"
run_respond --playbook row.pb
ended "PAM: what a package owns tells nothing" 3
check_not "PAM: and it is as its package has it" grep -q 'is not the module of PAM' <<<"$output"
cp -p "$module" $scratch/module
echo >>"$module"
altered=$(sha256sum "$module")
step persist.remove 'references = /usr/local/bin/xmrig-none'
run_respond --playbook row.pb
ended "PAM: a module that was replaced is left over" 3
says "PAM: by its name, and what to do" "$module is not the module of PAM that the package libpam-modules"
same "PAM: it is not touched" "$altered" "$(sha256sum "$module")"
step file.quarantine "path = $module"
run_respond --playbook row.pb
ended "PAM: nobody could log in without it" 4
same "PAM: it stays" "$altered" "$(sha256sum "$module")"
cp -p $scratch/module "$module" # as its package would
step persist.remove 'references = /usr/local/bin/xmrig-none'
run_respond --playbook row.pb
ended "PAM: reinstalled, nothing is left over" 0

# ---- kernel modules ------------------------------------------------------------------------------------------
# None can be loaded from here, and none is unloaded by respond: what hides is staged as sysfs shows it.

mount -t tmpfs -o mode=755 none /sys/module
mkdir /sys/module/hider
echo live >/sys/module/hider/initstate
echo hider >/etc/modules-load.d/hider.conf
before=$(describe_files /etc/modules-load.d)
step evidence.collect 'what = modules'
run_respond --playbook row.pb --dry-run
says "module: what hides is named" 'the kernel module hider is loaded and hides from the list of modules'
step persist.remove 'match = hider'
run_respond --playbook row.pb
ended "module: the next boot does not load it" 0
check_not "module: nothing names it" grep -rq hider /etc/modules-load.d
check "module: it is not unloaded" test -e /sys/module/hider
roll_back
ended "module: taken back" 0
same "module: every file is as before" "$before" "$(describe_files /etc/modules-load.d)"
finish
