#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# package.ensure by dnf and rpm, with real packages of a repository that this test makes.
set -u
. "$TOP_SRCDIR/tests/range/host.sh"
enter_range "$@"
install_respond
for program in dnf rpmbuild createrepo_c; do
	command -v $program >/dev/null || skip_all "no $program here"
done
repository=/root/repository
work=/root/work

# A host whose packages are rpm's: there is no apt-get, and rpm's database is where it is there.
mkdir -p $repository $work /etc/rpm /etc/yum.repos.d /var/lib/rpm
mv /usr/bin/apt-get $work
echo '%_dbpath /var/lib/rpm' >/etc/rpm/macros
printf '%s\n' '[test]' 'name=test' "baseurl=file://$repository" 'gpgcheck=0' >/etc/yum.repos.d/test.repo
rpmdb --initdb

# package NAME VERSION [LINE...]: with what it is and a configuration file.
package() {
	local name=$1 version=$2
	shift 2
	printf '%s\n' "Name: $name" "Version: $version" 'Release: 1' 'Summary: a test' 'License: none' 'BuildArch: noarch' "$@" \
		'%description' 'a test' '%install' "mkdir -p %{buildroot}/usr/share/$name %{buildroot}/etc" \
		"echo $version >%{buildroot}/usr/share/$name/version" "echo 'ban = no' >%{buildroot}/etc/$name.conf" \
		'%files' "/usr/share/$name" "%config(noreplace) /etc/$name.conf" >$work/$name.spec
	rpmbuild -bb --quiet --define "_rpmdir $repository" --define "_topdir $work" \
		--define '_build_name_fmt %%{NAME}-%%{VERSION}.rpm' "$work/$name.spec" >$work/build 2>&1 || tap_note <$work/build
}

index() {
	{ createrepo_c -q $repository && dnf -q makecache; } >$work/cache 2>&1 || tap_note <$work/cache
}

library=jail-library-whose-name-is-so-long-that-the-table-of-dnf-is-broken-into-lines
package jail 1.0 'Epoch: 2' "Requires: $library" 'Recommends: jail-doc'
package $library 2.0~rc1
package jail-doc 1.0
package fan 1.0 "Requires: $library"
package rival 1.0 'Conflicts: present'
package newer 1.0 'Requires: present >= 2'
package present 1.0
package shell 1.0 'Provides: /bin/sh'
package virtual-one 1.0 'Provides: virtual'
package failing 1.0 "Requires: $library" '%pre' 'exit 1'
package slow 1.0 "Requires: $library" '%pre' 'mkdir -p /run/slow; sleep 3'
index
dnf -q -y install present shell >$work/present 2>&1 || tap_note <$work/present
package present 2.0
package heir 1.0 'Obsoletes: present < 2'
index

installed() {
	rpm -qa | LC_ALL=C sort
	find /etc -maxdepth 1 -name '*.conf*' -newer $work/present.spec | LC_ALL=C sort
	find /usr/share -maxdepth 1 '(' -name 'jail*' -o -name fan -o -name rival -o -name newer -o -name present -o -name failing -o -name slow ')' |
		LC_ALL=C sort
}

ensure() {
	printf '%s\n' '[playbook]' 'name = t' 'description = a test' '[step it]' 'action = package.ensure' "package = $1" \
		>$playbooks/t.pb
	run_respond --playbook t.pb "${@:2}"
}

before=$(installed)
ensure 'jail, present' --dry-run
ended "a dry run says what is pending" 5
says "what comes, at which version" '+ install jail 2:1.0-1 and one that it needs'
says "and what it needs" "+ $library 2.0~rc1-1"
says "what is there already" 'present is installed'
check_not "not what is merely recommended" grep -q jail-doc <<<"$output"
same "none of it is done" "$before" "$(installed)"

ensure 'jail, present'
ended "installed" 0
run=$(last_run)
check "it is there, and what it needs" rpm -q jail $library
check "as the manager itself would have it: only what was asked for counts as wanted" \
	test "$(dnf -q repoquery --userinstalled --qf '%{name}' 2>/dev/null | grep jail | xargs)" = jail
check_not "nothing else came" rpm -q jail-doc
check "what was there is as it was" rpm -q present-1.0
ensure 'jail, present'
ended "again there is nothing to do" 0
run_respond --verify "$run"
ended "it is in force" 0
rpm -e --nodeps $library 2>/dev/null
run_respond --verify "$run"
ended "somebody removes a part: that is noticed" 3
run_respond --verify "$run" --reapply
ended "put back" 0
check "all of it" rpm -q jail $library
run_respond --rollback "$run"
ended "taken back" 0
same "nothing of it is left, and nothing else is gone" "$before" "$(installed)"

# What others have done since.
ensure jail
run=$(last_run)
dnf -q -y install fan >/dev/null 2>&1
run_respond --rollback "$run"
ended "others need a part of it by now: refused" 3
says "says who" 'by now it is needed by fan-1.0-1'
check "nothing was removed" rpm -q jail $library
rpm -e fan 2>/dev/null
echo 'ban = yes' >/etc/jail.conf
run_respond --rollback "$run"
ended "taken back when nobody does" 0
same "a changed configuration file is kept" 'ban = yes' "$(cat /etc/jail.conf.rpmsave 2>/dev/null)"
says "and that is said" 'configuration that was changed since is kept as .rpmsave: jail'
rm -f /etc/jail.conf.rpmsave

# What cannot be.
before=$(installed)
ensure nonesuch
ended "what nobody has" 1
says "is said, and what may help" 'run dnf makecache if its lists are old'
ensure rival
ended "what another stands in the way of" 1
says "is not put aside" 'others would have to be removed or upgraded for it: present'
ensure newer
ended "what would upgrade another" 1
says "is not done for it" 'others would have to be removed or upgraded for it: present'
ensure heir
ended "what would take another's place" 1
says "does not" 'others would have to be removed or upgraded for it: present'
ensure virtual
ended "what stands for others" 1
says "is no name" 'no package that can be installed has the name virtual'
ensure failing
ended "what fails while it is installed" 1
says "is a failure" 'dnf install failed'
same "and nothing is left of any of it" "$before" "$(installed)"

# Killed in the middle: what it needs is there and the package is not, which is taken back.
printf '%s\n' '[playbook]' 'name = t' 'description = a test' '[step it]' 'action = package.ensure' 'package = slow' >$playbooks/t.pb
respond --playbook t.pb >/dev/null 2>&1 </dev/null &
pid=$!
check "a package is being installed" await test -d /run/slow
kill -KILL $pid
wait $pid 2>/dev/null
run_respond --recover
ended "killed while a package is installed: that it was done in part is told" 3
says "and it is taken back" 'Rolled back: 1 undone'
same "it is as before" "$before" "$(installed)"

# Another version by the time that it is done.
ensure jail --dry-run
rm $repository/jail-1.0.rpm
index
ensure jail
ended "what is gone from the repository" 1
same "is not installed in part" "$before" "$(installed)"
finish
