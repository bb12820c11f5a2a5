#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# package.ensure, with real packages of a repository that this test makes.
set -u
range_seconds=600
. "$TOP_SRCDIR/tests/range/host.sh"
enter_range "$@"
install_respond
command -v apt-get >/dev/null || skip_all "no apt-get here"
repository=/root/repository

# package NAME VERSION [FIELD...]: what stands in $work/root goes into it, what stands in
# $work/postinst runs when it is installed. Both are empty afterwards.
work=/root/work
mkdir -p $repository $work/root
package() {
	local name=$1 version=$2 root=$work/root
	shift 2
	mkdir -p $root/DEBIAN $root/usr/share/$name
	echo "$version" >$root/usr/share/$name/version
	printf '%s\n' "Package: $name" "Version: $version" 'Architecture: all' 'Maintainer: Nobody <nobody@example.org>' \
		'Description: a test' "$@" >$root/DEBIAN/control
	[ ! -d $root/etc ] || (cd $root && find etc -type f -printf '/%p\n' >DEBIAN/conffiles)
	[ ! -e $work/postinst ] || install -m 0755 $work/postinst $root/DEBIAN/postinst
	dpkg-deb --root-owner-group -b $root "$repository/${name}_$version.deb" >/dev/null
	rm -rf $root/* $work/postinst
}

index() {
	local file
	(cd $repository && for file in *.deb; do
		dpkg-deb -f "$file"
		printf '%s\n' "Filename: ./$file" "Size: $(stat -c %s "$file")" "SHA256: $(sha256sum "$file" | cut -d ' ' -f 1)" ''
	done) >$repository/Packages
	apt-get -q update >$work/update 2>&1 || tap_note <$work/update
}

rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /etc/apt/apt.conf.d/*
echo "deb [trusted=yes] file:$repository ./" >/etc/apt/sources.list
mkdir -p $work/root/etc
echo 'ban = no' >$work/root/etc/jail.conf
package jail 1.0-1 'Depends: jail-lib' 'Recommends: jail-doc'
package jail-lib 1.0
package jail-doc 1.0
package fan 1.0 'Depends: jail-lib'
package rival 1.0 'Conflicts: present'
package newer 1.0 'Depends: present (>= 2)'
package present 1.0
package virtual-one 1.0 'Provides: virtual'
printf '%s\n' '#!/bin/sh' 'setsid /usr/local/bin/sleeper 60 & exit 0' >$work/postinst
package noisy 1.0
printf '%s\n' '#!/bin/sh' 'exit 1' >$work/postinst
package failing 1.0 'Depends: jail-lib'
printf '%s\n' '#!/bin/sh' 'mkdir -p /run/slow; until [ -e /run/slow/go ]; do sleep 0.1; done; sleep 3' >$work/postinst
package slow 1.0 'Depends: jail-lib'
index
apt-get -q -y install present >/dev/null 2>&1
package present 2.0
index

installed() {
	dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\n' | grep -E '^(jail|fan|rival|newer|present|noisy|failing|slow|virtual)'
	find /etc/jail.conf* /usr/share/jail* /usr/share/{fan,rival,newer,present,noisy,failing,slow} 2>/dev/null
	apt-mark showauto | grep jail
}

ensure() {
	printf '%s\n' '[playbook]' 'name = t' 'description = a test' '[step it]' 'action = package.ensure' "package = $1" \
		>$playbooks/t.pb
	run_respond --playbook t.pb "${@:2}"
}

before=$(installed)
ensure 'jail, present' --dry-run
ended "a dry run says what is pending" 5
says "what comes, at which version" '+ install jail 1.0-1 and one that it needs'
says "and what it needs" '+ jail-lib 1.0'
says "what is there already" 'present is installed'
check_not "not what is merely recommended" grep -q jail-doc <<<"$output"
same "none of it is done" "$before" "$(installed)"
check_not "not even fetched" ls /var/cache/apt/archives/jail*.deb

ensure 'jail, present'
ended "installed" 0
run=$(last_run)
same "it is there, and what it needs" 'installed installed' \
	"$(dpkg-query -W -f '${db:Status-Status} ' jail jail-lib | xargs)"
check "as the manager itself would have it: only what was asked for counts as wanted" \
	grep -qx jail-lib <<<"$(apt-mark showauto)"
check_not "nothing else came" test -e /usr/share/jail-doc
same "what was there is as it was" 1.0 "$(dpkg-query -W -f '${Version}' present)"
ensure 'jail, present'
ended "again there is nothing to do" 0
run_respond --verify "$run"
ended "it is in force" 0
dpkg --remove --force-depends jail-lib >/dev/null 2>&1
run_respond --verify "$run"
ended "somebody removes a part: that is noticed" 3
says "and named" 'some of its packages are not installed'
run_respond --verify "$run" --reapply
ended "put back" 0
same "all of it" 'installed installed' "$(dpkg-query -W -f '${db:Status-Status} ' jail jail-lib | xargs)"
run_respond --rollback "$run"
ended "taken back" 0
same "nothing of it is left, and nothing else is gone" "$before" "$(installed)"

# What others have done since.
ensure jail
run=$(last_run)
apt-get -q -y install fan >/dev/null 2>&1
run_respond --rollback "$run"
ended "others need a part of it by now: refused" 3
says "says who" 'by now it is needed by fan'
same "nothing was removed" installed "$(dpkg-query -W -f '${db:Status-Status}' jail)"
apt-get -q -y purge fan >/dev/null 2>&1
echo 'ban = yes' >/etc/jail.conf
run_respond --rollback "$run"
ended "taken back when nobody does" 0
same "a changed configuration file is kept" 'ban = yes' "$(cat /etc/jail.conf 2>/dev/null)"
says "and that is said" 'configuration that was changed since is kept: jail'
same "the package is gone" config-files "$(dpkg-query -W -f '${db:Status-Status}' jail)"

# One that was there once: its configuration stays as it was.
ensure jail
ended "installed over an old configuration" 0
same "which is not replaced" 'ban = yes' "$(cat /etc/jail.conf)"
run_respond --rollback last
ended "taken back" 0
same "and is there still" 'ban = yes' "$(cat /etc/jail.conf 2>/dev/null)"
apt-get -q -y purge jail >/dev/null 2>&1
same "as in the beginning" "$before" "$(installed)"

# A daemon that keeps the output of its package open; and what fails halfway.
install -m 0755 "$TOP_BUILDDIR/tests/range/sleeper" /usr/local/bin/sleeper
ensure noisy
ended "a package that leaves a daemon behind" 0
run_respond --rollback last
ended "taken back" 0
ensure failing
ended "a package whose installation fails" 1
says "says where to look" '/var/log/apt/term.log'
same "what came of it is gone" "$before" "$(installed)"

# What is not done.
ensure nonesuch
ended "a package that there is not" 1
says "is named" 'nonesuch'
ensure virtual
ended "a name that stands for others" 1
says "is no package" 'no package that can be installed has the name virtual'
ensure 'jai.'
ended "a pattern is no name" 2
ensure 'jail-'
ended "nor is what removes" 2
ensure rival
ended "others are not removed for it" 1
says "and are named" 'others would have to be removed or upgraded for it: present'
ensure newer
ended "nor upgraded" 1
same "nothing has happened" "$before" "$(installed)"

# Something else that comes with it.
echo 'DPkg::Post-Invoke {"[ ! -e /run/beside ] || { rm /run/beside; dpkg -i '$repository'/jail-doc_1.0.deb; }";};' \
	>/etc/apt/apt.conf.d/beside
touch /run/beside
ensure jail
ended "installed, and another beside it" 0
says "which is told" 'others came, too, and stay: jail-doc 1.0'
run_respond --rollback last
ended "taken back" 0
dpkg --purge jail-doc >/dev/null 2>&1
rm /etc/apt/apt.conf.d/beside
same "it is as before" "$before" "$(installed)"

# Killed in the middle.
printf '%s\n' '[playbook]' 'name = t' 'description = a test' '[step it]' 'action = package.ensure' 'package = slow' >$playbooks/t.pb
respond --playbook t.pb >/dev/null 2>&1 </dev/null &
pid=$!
patience=1200 await test -d /run/slow || echo "nothing is installed"
kill -KILL $pid
wait $pid 2>/dev/null
touch /run/slow/go # it is not done before the kill, however long that takes
run_respond --recover
ended "killed while a package is installed: recovered" 0
same "it is as before" "$before" "$(installed)"
rm -rf /run/slow

mv /usr/bin/apt-get /usr/bin/apt-get.away
ensure jail
ended "without a known package manager" 1
says "says so" 'no package manager is known here'
finish
