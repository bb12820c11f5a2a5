#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Accounts against a real sshd with PAM: an intruder's accounts are contained while people
# work on, by every credential and from every address, and all of it is taken back.
set -u
. "$TOP_SRCDIR/tests/range/host.sh"
range_seconds=900
enter_range "$@"
install_respond

victim=192.0.2.1
desk=192.0.2.2
lair=192.0.2.3
keys=/run/range/keys
shadow=/etc/shadow
list=$state_dir/contained/list
books=/etc/respond/playbooks

# ---- the stage ---------------------------------------------------------------------

modules=$(dirname "$(find /usr/lib /lib -name pam_unix.so 2>/dev/null | head -n 1)")
install -m 0644 "$TOP_BUILDDIR/plugins/pam/pam_respond.so" "$modules/"

lay_network() {
	ip netns add outside
	ip link add in0 type veth peer name out0 netns outside
	ip addr add $victim/24 dev in0
	ip link set in0 up
	ip -n outside addr add $desk/24 dev out0
	ip -n outside addr add $lair/24 dev out0
	ip -n outside link set lo up
	ip -n outside link set out0 up
}

# add NAME PASSWORD [USERADD-OPTION...]: with a key of the same name.
add() {
	local name=$1 password=$2
	shift 2
	useradd --create-home --shell /bin/bash "$@" "$name"
	echo "$name:$password" | chpasswd
	ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$keys/$name"
	install -d -m 0700 -o "$name" -g "$(id -gn "$name")" "/home/$name/.ssh"
	install -m 0600 -o "$name" "$keys/$name.pub" "/home/$name/.ssh/authorized_keys"
}

lay_accounts() {
	mkdir -p $keys
	add alice 'alice-secret-1'
	add mallory 'mallory-secret-1'
	add rescue 'rescue-secret-1'
	add bob 'bob-secret-1'
	usermod --lock bob
	install -d -m 0700 /root/.ssh
	ssh-keygen -q -t ed25519 -N '' -C root -f $keys/root
	install -m 0600 $keys/root.pub /root/.ssh/authorized_keys
	# As an intruder does it: no entry in shadow, root's home, a uid that is taken.
	echo "toor:$(openssl passwd -6 toor-secret-1):0:0::/root:/bin/bash" >>/etc/passwd
	cp /bin/bash /usr/local/lib/.sh
	useradd --no-create-home --home-dir /home/alice --shell /usr/local/lib/.sh helper
}

start_sshd() {
	rm -rf /etc/ssh/sshd_config.d /etc/ssh/ssh_host_*
	ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
	cat >/etc/ssh/sshd_config <<-END
	HostKey /etc/ssh/ssh_host_ed25519_key
	PermitRootLogin yes
	PasswordAuthentication yes
	KbdInteractiveAuthentication no
	UsePAM ${1:-yes}
	PrintMotd no
	MaxStartups 100
	END
	{
		echo 'account requisite pam_respond.so break-glass=nobody-else,rescue'
		sed '/pam_motd\|pam_mail\|pam_selinux\|pam_keyinit/d' $scratch/pam-sshd
	} >/etc/pam.d/sshd
	/usr/sbin/sshd -E /run/range/sshd.log
	await test -s /run/sshd.pid # it listens by then
}

reload_sshd() {
	hang_up_sshd "$(cat /run/sshd.pid)"
}

command -v openssl >/dev/null || skip_all "openssl is not installed"
cp /etc/pam.d/sshd $scratch/pam-sshd
lay_network
lay_accounts
start_sshd
printf '#!/bin/sh\ncat /run/range/password\n' >/run/range/askpass
chmod 755 /run/range/askpass

common="-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=30 -o LogLevel=ERROR"

# by_key USER [ADDRESS [COMMAND...]]
by_key() {
	local user=$1 from=${2:-$desk} key=$keys/$1
	[ "$user" != toor ] || key=$keys/root
	shift
	[ $# = 0 ] || shift
	# shellcheck disable=SC2086
	timeout 60 ip netns exec outside ssh $common -b "$from" -o PreferredAuthentications=publickey -i "$key" \
		"$user@$victim" "${@:-true}" </dev/null
}

# by_password USER [ADDRESS]; $secret: another password than the one that was staged
by_password() {
	echo "${secret:-$1-secret-1}" >/run/range/password
	# shellcheck disable=SC2086
	SSH_ASKPASS=/run/range/askpass SSH_ASKPASS_REQUIRE=force timeout 60 ip netns exec outside ssh $common \
		-b "${2:-$desk}" -o PreferredAuthentications=password -o PubkeyAuthentication=no \
		-o NumberOfPasswordPrompts=1 "$1@$victim" true </dev/null
}

# A session that lasts, in the background; its client's pid in $client.
stay() {
	local user=$1 key=$keys/$1
	[ "$user" != toor ] || key=$keys/root
	# shellcheck disable=SC2086
	ip netns exec outside ssh $common -b "${2:-$desk}" -i "$key" "$user@$victim" "exec sleep $3" </dev/null >/dev/null 2>&1 &
	client=$!
	if patience=600 await runs "$3"; then return; fi
	echo "Bail out! no session of $user"
	exit 1
}

runs() {
	pgrep -f "^sleep $1\$" >/dev/null
}

gone() {
	await not kill -0 "$1"
}

accounts() {
	describe_files /etc/passwd /etc/shadow /root/.ssh /home /usr/local/lib
}

book() {
	printf '[playbook]\nname = %s\ndescription = test\nsettle = 100ms\n[step s]\n' "$1" >"$books/$1.pb"
	cat >>"$books/$1.pb"
}

for user in alice mallory rescue root toor; do
	check "before: $user gets in by key" by_key $user
done
for user in alice mallory rescue toor; do
	check "before: $user gets in by password" by_password $user
done
check_not "before: a wrong password is one" by_password bob
before=$(accounts)

# ---- looking ------------------------------------------------------------------------

book find <<<'action = account.find'
run_respond --playbook find.pb --dry-run
same "find: nothing is to be done" 0 $status
check "find: the account of uid 0" grep -q 'toor: has uid 0 and is not root' <<<"$output"
check "find: its password" grep -q 'toor: has its password in /etc/passwd' <<<"$output"
check "find: its home" grep -q "toor: its home /root is that of root, too" <<<"$output"
check "find: the copied shell" grep -q 'helper: its shell /usr/local/lib/.sh is a copy of /bin/bash' <<<"$output"
check "find: the borrowed home" grep -q 'helper: its home /home/alice is that of alice, too' <<<"$output"
check_not "find: nothing about honest accounts" grep -qE '^ *(alice|rescue|bob|mallory|root|daemon): ' <<<"$output"

# ---- containing ---------------------------------------------------------------------

stay mallory $desk 7001; mallory_client=$client
stay toor $desk 7002; toor_client=$client
stay root $desk 7003; root_client=$client
stay alice $desk 7004; alice_client=$client
run_respond --playbook backdoor-account.pb --set user=mallory,bob --dry-run
same "contain: changes are pending" 5 $status
check "contain: the dry run changes nothing" test "$before" = "$(accounts)"
check_not "contain: the dry run shows no hash of a password in shadow" grep -qF "$(grep ^mallory: $shadow | cut -d: -f2)" <<<"$output"
run_respond --playbook backdoor-account.pb --set user=mallory,bob
same "contain: done" 0 $status
[ $status = 0 ] || printf '%s\n' "$output" | tap_note
run=$(last_run)
check "contain: mallory's session ends" gone $mallory_client
check "contain: and what ran in it" await not runs 7001
check "contain: toor's session ends" gone $toor_client
check "contain: and what ran in it" await not runs 7002
check "contain: root's session goes on, though it has the same uid" runs 7003
check "contain: alice's session goes on" runs 7004
for user in mallory toor; do
	check_not "contain: $user is refused by key" by_key $user
	check_not "contain: $user is refused by password" by_password $user
done
check "contain: root gets in, whose key toor shared" by_key root
check "contain: alice gets in" by_key alice
check "contain: alice gets in by password" by_password alice
check "contain: the home is there" test -d /home/mallory
check_not "contain: the keys are not" test -e /home/mallory/.ssh/authorized_keys
check_not "contain: the copied shell is taken away" test -e /usr/local/lib/.sh
check "contain: the password is locked" grep -q '^mallory:!' $shadow
check_not "contain: bob's lock is not doubled" grep -q '^bob:!!' $shadow
check_not "contain: no hash of a password is in the journal" grep -qF "$(grep ^mallory: $shadow | cut -d: -f2 | tr -d '!')" "$state_dir/runs/$run/journal"
run_respond --verify "$run"
same "contain: verified" 0 $status
run_respond --playbook backdoor-account.pb --set user=mallory,bob
same "contain: nothing is left to do" 0 $status
check_not "contain: and nothing is done" grep -q 'done  ' <<<"$output"
run_respond --rollback "$run"
same "rollback: all but the sessions" 3 $status
same "rollback: every account is as before" "$before" "$(accounts)"
run_respond --rollback last # the second run holds the containment as well
for user in mallory toor; do
	check "rollback: $user gets in by key" by_key $user
	check "rollback: $user gets in by password" by_password $user
done
check_not "rollback: bob is locked as before" by_password bob

# ---- PAM alone ------------------------------------------------------------------------

book contain <<'END'
action = account.contain
user = mallory, rescue
keys = no
sessions = no
END
cp -a $shadow $scratch/shadow
run_respond --playbook contain.pb
same "pam: contained" 0 $status
run=$(last_run)
cp -a $shadow $scratch/shadow-locked
cat $scratch/shadow >$shadow # somebody unlocks the accounts
check_not "pam: refused by key although the account is unlocked" by_key mallory
check "pam: it was PAM that refused" await grep -q 'Access denied for user mallory by PAM account configuration' /run/range/sshd.log
check_not "pam: refused by password" by_password mallory
check "pam: who may break the glass gets in by key" by_key rescue
check "pam: and by password" by_password rescue
check "pam: others get in" by_key alice

# What is wrong with the list keeps nobody out, and nobody waiting.
cp -a $list $scratch/list
chmod 666 $list
check "pam: a list that others can write counts for nothing" by_key mallory
cp -a $scratch/list $list
printf 'junk\n' >>$list
check_not "pam: a damaged list counts as far as it can be read" by_key mallory
check "pam: and keeps nobody else out" by_key alice
printf '\0\377 user\n0 user alice' >$list
check "pam: half a line names nobody" by_key alice
rm -f $list
mkfifo $list
check "pam: a FIFO makes nobody wait" by_key alice
rm -f $list
ln -s $scratch/list $list
check "pam: a symbolic link is not followed" by_key mallory
rm -f $list
mkdir $list
check "pam: a directory is no list" by_key mallory
rmdir $list
truncate -s 2M $list
check "pam: a list that is too large counts for nothing" by_key mallory
rm -f $list
check "pam: no list, nobody is refused" by_key mallory
cp -a $scratch/list $list
cat $scratch/shadow-locked >$shadow
run_respond --rollback "$run"
same "pam: taken back" 0 $status
check "pam: by key again" by_key mallory
same "pam: shadow is as before" "$(cat $scratch/shadow)" "$(cat $shadow)"

# ---- addresses --------------------------------------------------------------------------

book address <<END
action = net.block
address = $lair
direction = forward
established = no
pam = yes
END
check "address: at first anybody may come from there" by_key alice $lair
run_respond --playbook address.pb
same "address: done" 0 $status
[ $status = 0 ] || printf '%s\n' "$output" | tap_note
run=$(last_run)
check_not "address: refused by key from there" by_key alice $lair
check_not "address: refused by password from there" by_password alice $lair
check "address: from elsewhere alice gets in" by_key alice $desk
check "address: the glass can be broken from there" by_key rescue $lair
run_respond --rollback "$run"
same "address: taken back" 0 $status
check "address: by key from there again" by_key alice $lair
check "address: by password, too" by_password alice $lair
book address <<END
action = net.block
address = $lair
direction = forward
established = no
pam = yes
ttl = 2s
END
run_respond --playbook address.pb
run=$(last_run)
# The clock of the list is rounded up to a minute: put it back to what was asked for.
check "address: with an end" grep -qE "^[0-9]+ address $lair\$" $list
sed -i "s/^[0-9]* address/$(($(date +%s) + 1)) address/" $list
sleep 2
check "address: what is over does not refuse" by_key alice $lair
run_respond --rollback "$run"

# ---- inert ---------------------------------------------------------------------------------

run_respond --playbook contain.pb --dry-run
check_not "inert: nothing to say where PAM has it" grep -q 'will not refuse' <<<"$output"
cp /etc/pam.d/sshd $scratch/pam-with
sed -i /pam_respond/d /etc/pam.d/sshd
run_respond --playbook contain.pb --dry-run
check "inert: no line" grep -q 'will not refuse them at sshd: the account stack of /etc/pam.d/sshd has no line' <<<"$output"
sed -i '1i account requisite pam_respond.so' /etc/pam.d/common-account
run_respond --playbook contain.pb --dry-run
check_not "inert: a line in a file that is included will do" grep -q 'will not refuse' <<<"$output"
sed -i 1d /etc/pam.d/common-account
for control in sufficient '[default=ignore success=done]'; do
	{ echo "account $control pam_permit.so"; cat $scratch/pam-with; } >/etc/pam.d/sshd
	run_respond --playbook contain.pb --dry-run
	check "inert: behind a line that is $control" \
		grep -q 'the account stack of /etc/pam.d/sshd lets users in before its line for pam_respond.so' <<<"$output"
done
echo 'account sufficient pam_permit.so' >/etc/pam.d/apart
{ echo 'account substack apart'; cat $scratch/pam-with; } >/etc/pam.d/sshd
run_respond --playbook contain.pb --dry-run
check_not "inert: what ends a substack alone does not matter" grep -q 'will not refuse' <<<"$output"
cp $scratch/pam-with /etc/pam.d/sshd
sed -i 's/^UsePAM yes/UsePAM no/' /etc/ssh/sshd_config
run_respond --playbook contain.pb --dry-run
check "inert: UsePAM no" grep -q 'will not refuse them at sshd: sshd does not ask PAM (UsePAM no)' <<<"$output"
run_respond --playbook address.pb --dry-run
check "inert: for addresses it is left over" grep -q 'UsePAM no' <<<"$output"
sed -i 's/^UsePAM no/UsePAM yes/' /etc/ssh/sshd_config
reload_sshd

# ---- refusals ---------------------------------------------------------------------------------

now=$(accounts)
book lock <<<$'action = account.lock\nuser = root'
run_respond --playbook lock.pb
same "refused: root" 4 $status
check "refused: by its rule" grep -q account.root <<<"$output"
mkdir -p "$SYSCONFDIR/respond"
printf '[protect]\nusers = alice\n' >"$SYSCONFDIR/respond/respond.conf"
book lock <<<$'action = account.lock\nuser = alice'
run_respond --playbook lock.pb
same "refused: a protected user" 4 $status
check "refused: by its rule" grep -q user.protected <<<"$output"
rm "$SYSCONFDIR/respond/respond.conf"
# Nobody but alice gets in any more, then; so alice stays.
mv /root/.ssh /root/ssh-away
cp -a $shadow $scratch/shadow
sed -i 's/^\(root\|mallory\|rescue\):[^:]*:/\1:*:/; /^toor:/d' $shadow
sed -i '/^toor:/d' /etc/passwd
sed -i '1s/^/\x00\n/' $shadow # to the C library an empty line; it hides nothing behind it
rm -rf /home/mallory/.ssh /home/rescue/.ssh /home/bob/.ssh # a lock of the password alone lets a key in
sessions=$(pgrep -f '^sleep 700')
book lock <<<$'action = account.contain\nuser = alice'
run_respond --playbook lock.pb
same "refused: the last way in" 4 $status
check "refused: by its rule" grep -q login.last-way <<<"$output"
same "refused: nothing was done" "$sessions" "$(pgrep -f '^sleep 700')"
check "refused: alice gets in" by_key alice
mv /root/ssh-away /root/.ssh
run_respond --playbook lock.pb --dry-run
same "refused: with another way it can be done" 5 $status
cat $scratch/shadow >$shadow

# ---- sessions -----------------------------------------------------------------------------------

stay alice $lair 7005; lair_client=$client
book end <<<$'action = session.end\naddress = '$lair
run_respond --playbook end.pb
same "session: done" 0 $status
check "session: the one from that address ends" gone $lair_client
check "session: one from elsewhere goes on" runs 7004
book end <<<$'action = session.end\nuser = root, alice\nolder-than = 1h'
run_respond --playbook end.pb
same "session: none is so old" 0 $status
check "session: and all go on" runs 7003
# The operator's own, asked from within it.
book end <<<$'action = session.end\nuser = root'
output=$(by_key root $desk 'respond --playbook end.pb; echo status $?' 2>&1)
check "session: respond comes to its end" grep -q 'status 0' <<<"$output"
check "session: its own session was left alone, and that is said" grep -q 'that this program runs in .* is left alone' <<<"$output"
check "session: the other one of root's is ended" gone $root_client
check "session: alice's is not" runs 7004
kill $alice_client 2>/dev/null

# ---- a new password ---------------------------------------------------------------------------------

book expire <<<$'action = account.expire-password\nuser = alice'
before=$(cat $shadow)
check "expire: alice gets in" by_password alice
run_respond --playbook expire.pb
same "expire: done" 0 $status
check_not "expire: a new password is asked for" by_password alice
run_respond --rollback last
same "expire: taken back" 0 $status
same "expire: shadow is as before" "$before" "$(cat $shadow)"
check "expire: the old password will do again" by_password alice

# ---- a password of ours -------------------------------------------------------------------------------

book set <<<$'action = account.set-password\nuser = alice\nfile = /root/alice.password'
run_respond --playbook set.pb --dry-run
same "set: changes are pending" 5 $status
check_not "set: the dry run makes no file" test -e /root/alice.password
same "set: and no other password" "$before" "$(cat $shadow)"
run_respond --playbook set.pb
same "set: done" 0 $status
[ $status = 0 ] || printf '%s\n' "$output" | tap_note
run=$(last_run)
said=$output$(respond --show "$run")$(respond --show "$run" --format json)
same "set: the file is root's alone" "600 root:root" "$(stat -c '%a %U:%G' /root/alice.password)"
secret=$(cat /root/alice.password)
check "set: it has 130 bits" grep -qxE '[a-z2-9]{26}' /root/alice.password
check "set: the new password lets alice in" by_password alice
check "set: so does her key" by_key alice
check_not "set: it is not in what was said" grep -qF "$secret" <<<"$said"
check_not "set: nor anywhere in the journal or the vault" grep -rqF "$secret" "$state_dir"
check_not "set: nor is its hash in the journal" grep -qF "$(grep ^alice: $shadow | cut -d: -f2)" "$state_dir/runs/$run/journal"
secret=
check_not "set: the old one is refused" by_password alice
run_respond --verify "$run"
same "set: verified" 0 $status
run_respond --playbook set.pb
same "set: again, there is nothing to do" 0 $status
check "set: and that is said" grep -q '/root/alice.password holds the password that alice has' <<<"$output"
run_respond --rollback "$run"
same "set: taken back" 0 $status
same "set: shadow is as before" "$before" "$(cat $shadow)"
check_not "set: the file is gone" test -e /root/alice.password
check "set: the old password will do again" by_password alice
echo notes >/root/alice.password
run_respond --playbook set.pb
check_not "set: not over what stands there" test $status = 0
same "set: which stays" notes "$(cat /root/alice.password)"
book set <<<$'action = account.set-password\nuser = alice\nfile = /tmp/alice.password'
run_respond --playbook set.pb
check "set: not where others can write" grep -q 'others than root can write to its directory' <<<"$output"
check_not "set: and it is not taken for done" test $status = 0
book set <<<$'action = account.set-password\nuser = bob\nfile = /root/bob.password'
run_respond --playbook set.pb
same "set: who has no password that counts is left alone" 0 $status
check "set: and that is said" grep -q 'bob is not let in by any password' <<<"$output"
same "set: nothing was done" "$before" "$(cat $shadow)"
book set <<<$'action = account.set-password\nuser = alice\nfile = /root/once\nexpire = yes'
run_respond --playbook set.pb
same "set: with one of her own to be chosen" 0 $status
secret=$(cat /root/once)
: >/run/range/sshd.log
check_not "set: is asked for at the login" by_password alice
check "set: after the one that was set" await grep -q 'Accepted password for alice' /run/range/sshd.log
secret=
run_respond --rollback last
same "set: taken back" "$before" "$(cat $shadow)"
finish
