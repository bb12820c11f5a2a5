#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Who may have respond act: PAM's service "respond", asked about the account that was
# logged in to, whatever uid sudo has made of it.
set -u
range_seconds=600
. "$TOP_SRCDIR/tests/range/host.sh"
enter_range "$@"
install_respond

service=/etc/pam.d/respond
target=/root/taken
useradd --create-home --shell /bin/bash alice
useradd --create-home --shell /bin/bash expired
chage -E 1 expired

take() {
	echo evil >$target
	run_respond --playbook quarantine.pb --set path=$target "$@"
}

# ---- root, by itself ------------------------------------------------------------------

take
same "root: a run" 0 $status
check_not "root: the file is taken" test -e $target
run_respond --rollback last
same "root: a rollback" 0 $status
check "root: the file is back" test -e $target
chage -E 1 root
take
same "root: even when its account has expired" 0 $status
chage -E -1 root
run_respond --rollback last

# ---- behind sudo -------------------------------------------------------------------------

# As far as the kernel knows no login where this runs, what sudo says counts.
as() {
	local user=$1 status=0
	shift
	output=$(SUDO_USER=$user respond "$@" 2>&1 </dev/null) || status=$?
	return $status
}

login=$(cat /proc/self/loginuid 2>/dev/null || echo 4294967295)
if [ "$login" != 4294967295 ]; then
	skip "behind sudo" "this is somebody's login session"
else
	echo evil >$target
	check "sudo: alice may" as alice --playbook quarantine.pb --set path=$target
	as expired --rollback last
	same "sudo: an account that has expired may not" 4 $?
	check "sudo: it says who, and for what" grep -q '^respond: a rollback by expired: ' <<<"$output"
	check_not "sudo: nothing was done" test -e $target
	as no-such-user --rollback last
	same "sudo: nor an account that there is not" 4 $?
	as $'evil\n\033[2J' --rollback last
	same "sudo: nor one with a hostile name" 4 $?
	check_not "sudo: which is escaped" grep -q $'\033' <<<"$output"
	as expired --rollback last --dry-run
	same "sudo: who only looks is not asked" 5 $?
	sed -i 's/^#account requisite   pam_succeed_if.so/account requisite pam_succeed_if.so/' $service
	groupadd responders
	as alice --rollback last
	same "group: alice is not in it" 4 $?
	usermod -aG responders alice
	check "group: now she is" as alice --rollback last
	check "group: the file is back" test -e $target
	# A confirmation, and what waits for it.
	as alice --playbook quarantine.pb --set path=$target --confirm-within 5m
	gpasswd -d alice responders >/dev/null
	run=$(last_run)
	as alice --confirm "$run"
	same "confirm: not without the group" 4 $?
	check "confirm: it waits still" grep -q confirm <<<"$(respond --show "$run")"
	usermod -aG responders alice
	check "confirm: with it" as alice --confirm "$run"
	run_respond --rollback "$run"
fi

# A login that the kernel knows of says more than the environment.
if (echo 0 >/proc/self/loginuid) 2>/dev/null; then
	as_login() {
		local uid=$1 user=$2 status=0
		shift 2
		output=$(echo "$uid" >/proc/self/loginuid && SUDO_USER=$user respond "$@" 2>&1 </dev/null) || status=$?
		return $status
	}
	echo evil >$target
	as_login "$(id -u expired)" root --playbook quarantine.pb --set path=$target
	same "login: who logged in counts, not what the environment says" 4 $?
	check "login: and is named" grep -q 'a run by expired' <<<"$output"
	as_login 0 expired --playbook quarantine.pb --set path=$target
	same "login: root is root" 0 $?
	respond --rollback last >/dev/null 2>&1
	as_login 54321 root --playbook quarantine.pb --set path=$target
	same "login: a uid without an account may not" 4 $?
else
	skip "login uids" "they cannot be set here"
fi

# ---- the service itself --------------------------------------------------------------------

printf 'account required pam_permit.so\n' >/etc/pam.d/other
mv $service $scratch/service
take
same "missing: refused, though other would let pass" 4 $status
check "missing: it says what is missing" grep -q 'there is no /etc/pam.d/respond' <<<"$output"
check "missing: nothing was done" test -e $target
run_respond --recover
same "missing: what waits is brought to an end all the same" 0 $status
printf 'account required no-such-module.so\n' >$service
take
same "broken: refused" 4 $status
# Nothing of a module's is believed but what it answers.
printf '#!/bin/sh\nkill -KILL $PPID\n' >/usr/local/sbin/strike
chmod 755 /usr/local/sbin/strike
printf 'account required pam_exec.so /usr/local/sbin/strike\n' >$service
take
same "a module that ends its process: refused" 4 $status
check "a module that ends its process: said" grep -q 'PAM gave no answer' <<<"$output"
printf 'account required pam_deny.so\n' >$service
take
same "denied: refused" 4 $status
check "denied: nothing was done" test -e $target
mv $scratch/service $service
take
same "back: a run" 0 $status
finish
