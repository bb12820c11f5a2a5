#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ensure-package.pb on a real systemd host: a package of a repository that this test makes is
# installed, and its unit enabled and started, which does not exist before; and the way back.
set -u
range_seconds=900
. "$TOP_SRCDIR/tests/range/systemd-host.sh"
enter_systemd_range "$@"
command -v dpkg-deb >/dev/null || skip_all "no dpkg-deb here"
start_host
install_on_host

repository=$host_root/root/repository
work=$scratch/package
mkdir -p $repository $work/DEBIAN $work/lib/systemd/system $work/usr/bin
printf '%s\n' 'Package: fail2ban' 'Version: 1.0' 'Architecture: all' 'Maintainer: Nobody <nobody@example.org>' \
	'Description: a test' >$work/DEBIAN/control
printf '%s\n' '[Service]' 'ExecStart=/usr/bin/jailer' '[Install]' 'WantedBy=multi-user.target' \
	>$work/lib/systemd/system/fail2ban.service
printf '%s\n' '#!/bin/sh' 'exec sleep 1000' >$work/usr/bin/jailer
chmod 0755 $work/usr/bin/jailer
dpkg-deb --root-owner-group -b $work $repository/fail2ban.deb >/dev/null
{
	cat $work/DEBIAN/control
	printf '%s\n' 'Filename: ./fail2ban.deb' "Size: $(stat -c %s $repository/fail2ban.deb)" \
		"SHA256: $(sha256sum $repository/fail2ban.deb | cut -d ' ' -f 1)" ''
} >$repository/Packages
rm -rf $host_root/etc/apt/sources.list $host_root/etc/apt/sources.list.d
echo 'deb [trusted=yes] file:/root/repository ./' >$host_root/etc/apt/sources.list
unit_on_host apt-get -q update >$scratch/update 2>&1 || tap_note <$scratch/update

state() {
	on_host dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\n'
	(cd $host_root && find etc/systemd/system usr/lib/systemd/system/fail2ban* -printf '%p %l\n' 2>/dev/null | LC_ALL=C sort)
	on_host systemctl is-active fail2ban.service
}

before=$(state)
run_on_host --playbook ensure-package.pb --dry-run
ended "a dry run says what is pending" 5
says "what comes" '+ install fail2ban 1.0'
same "none of it is done" "$before" "$(state)"
run_on_host --playbook ensure-package.pb
ended "done" 0
same "the unit runs" active "$(on_host systemctl is-active fail2ban.service)"
same "and is enabled" enabled "$(on_host systemctl is-enabled fail2ban.service)"
run=$(on_host respond --show last --format json | json run)
run_on_host --playbook ensure-package.pb
ended "again there is nothing to do" 0
run_on_host --verify "$run"
ended "it is in force" 0
reboot_host
same "after a reboot it runs again" active "$(on_host systemctl is-active fail2ban.service)"
run_on_host --rollback "$run"
ended "taken back" 0
same "package, links and unit are as before" "$before" "$(state)"
finish
