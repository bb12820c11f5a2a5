#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# package.ensure by dnf and rpm, with real packages of a repository that this test makes.
set -u
range_seconds=900
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
printf '%s\n' '[test]' 'name=test' "baseurl=file://$repository" 'gpgcheck=0' 'metadata_expire=1' >/etc/yum.repos.d/test.repo
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
package slow 1.0 "Requires: $library" '%post' \
	'mkdir -p /run/slow; until [ -e /run/slow/go ]; do sleep 0.1; done; sleep 3; touch /run/slow/done'
package beside 1.0
package chooser 1.0
index
dnf -q -y install present shell >$work/present 2>&1 || tap_note <$work/present
package present 2.0
package heir 1.0 'Obsoletes: present < 2'
package chooser 2.0 'Requires: nobody-provides-this'
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
# What sqlite has beside rpm's database, and a lock file for a moment, cannot be kept from it.
untouched() {
	every_file /var/log /var/lib/dnf /var/lib/rpm /var/cache/dnf | grep -vE '/rpmdb.sqlite-(shm|wal)|(/var/lib/rpm|/var/cache/dnf) d '
}
ensure 'jail, present' --dry-run # what it may make when it is asked for the first time is no excuse
ls /var/log/*dnf* /var/lib/dnf >$work/first 2>&1
files=$(untouched)
run_respond --playbook t.pb --dry-run
same "a dry run leaves no trace in dnf's logs, its history, or elsewhere" "$files" "$(untouched)"
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

# By the lists that were planned by, also where a repository says that they are old by now.
package $library 2.1
createrepo_c -q $repository
sleep 1.1
ensure jail
ended "what is new in the repository since" 0
check "does not come uncalled for" rpm -q $library-2.0~rc1
run_respond --rollback last
ended "taken back" 0
rm $repository/$library-2.1.rpm
index

# With best=False dnf takes an earlier version where the last cannot be had.
echo 'best=False' >>/etc/dnf/dnf.conf
ensure chooser
ended "what dnf would pass over" 1
says "is named" 'dnf would pass over what lacks its dependencies: chooser'
sed -i '/^best=/d' /etc/dnf/dnf.conf

# What is part of a module whose stream is not enabled.
package camel 5.26
createrepo_c -q $repository
cat >$work/modules.yaml <<-END
	---
	document: modulemd
	version: 2
	data:
	  name: herd
	  stream: "5.26"
	  version: 1
	  context: deadbeef
	  arch: $(uname -m)
	  summary: a test
	  description: a test
	  license: {module: [none]}
	  dependencies: [{requires: {platform: []}}]
	  artifacts: {rpms: [camel-0:5.26-1.noarch]}
	...
	---
	document: modulemd-defaults
	version: 1
	data: {module: herd, stream: "5.26"}
	...
END
modifyrepo_c --mdtype=modules $work/modules.yaml $repository/repodata >/dev/null
echo 'module_platform_id=platform:test' >>/etc/dnf/dnf.conf
dnf -q makecache >/dev/null 2>&1
ensure camel
ended "what is of a module" 1
says "is not worth enabling one" 'module streams would have to be enabled for it: herd'
sed -i '/^module_platform_id=/d' /etc/dnf/dnf.conf
rm $repository/camel-5.26.rpm
index
same "nothing of all that is left" "$before" "$(installed)"

# A plugin of dnf that installs another.
mkdir -p $work/plugins
cat >$work/plugins/beside.py <<-END
	import dnf
	import subprocess

	class Beside(dnf.Plugin):
	    name = 'beside'

	    def transaction(self):
	        subprocess.run(['/usr/bin/rpm', '-i', '$repository/beside-1.0.rpm'], check=True)
END
echo "pluginpath=$work/plugins" >>/etc/dnf/dnf.conf
ensure jail
ended "installed, and another beside it" 0
says "which is told" 'others came, too, and stay: beside 1.0-1'
sed -i '/^pluginpath=/d' /etc/dnf/dnf.conf
run_respond --rollback last
ended "taken back" 0
check "what came beside it is nobody's to take back" rpm -e beside

# By the one that did it, whatever else the host has by then.
ensure jail
run=$(last_run)
mv $work/apt-get /usr/bin
run_respond --verify "$run"
ended "the host has another package manager, too: it is in force" 0
mv /usr/bin/dnf $work
run_respond --rollback "$run"
ended "the one that did it is gone: not undone" 1
says "says why" '(it was done by dnf, which is no longer there)'
check "it is there still" rpm -q jail
mv $work/dnf /usr/bin
run_respond --rollback "$run"
ended "it is back: taken back" 0
same "by it" "$before" "$(installed)"
mv /usr/bin/apt-get $work

# Killed in the middle: the installation goes on, and is waited for.
killed_at() {
	local pid
	respond --playbook t.pb >/dev/null 2>&1 </dev/null &
	pid=$!
	patience=1200 check "a package is being installed" await "$@"
	kill -KILL $pid
	wait $pid 2>/dev/null
	mkdir -p /run/slow
	touch /run/slow/go # it is not done before the kill, however long that takes
	run_respond --recover
}

printf '%s\n' '[playbook]' 'name = t' 'description = a test' '[step it]' 'action = package.ensure' 'package = slow' >$playbooks/t.pb
killed_at test -d /run/slow
ended "killed while a script of the package runs: recovered" 0
check "the script has run to its end" test -e /run/slow/done
says "all of it had come, and is taken back" 'Rolled back: 1 undone'
same "it is as before" "$before" "$(installed)"
rm -rf /run/slow
killed_at pgrep -f -- '--cacheonly --assumeyes install'
ended "killed before dnf has begun with it: recovered" 0
says "what came then is taken back, too" 'Rolled back: 1 undone'
sleep 1
same "it is as before, and stays so" "$before" "$(installed)"

# Another version by the time that it is done.
ensure jail --dry-run
rm $repository/jail-1.0.rpm
index
ensure jail
ended "what is gone from the repository" 1
same "is not installed in part" "$before" "$(installed)"
finish
