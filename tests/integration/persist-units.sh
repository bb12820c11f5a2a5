#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# persist.remove on a real systemd host: units run until their files go, and run again once
# these are back.
set -u
range_seconds=600
. "$TOP_SRCDIR/tests/range/systemd-host.sh"
enter_systemd_range "$@"
start_host
install_on_host

evil=/opt/.x/agent
dir=$host_root/etc/systemd/system

# put FILE: what is read from standard input, on the host.
put() {
	mkdir -p "$(dirname "$host_root$1")"
	cat >"$host_root$1"
}

mkdir -p $host_root/opt/.x
cp $host_root/usr/bin/sleep $host_root$evil
put /etc/systemd/system/update.service <<END
[Service]
ExecStart=$evil 1000
Restart=always
RestartSec=100ms
[Install]
WantedBy=multi-user.target
RequiredBy=ssh.service
Also=honest.service
END
put /etc/systemd/system/update.timer <<<$'[Timer]\nOnCalendar=2099-01-01\n[Install]\nWantedBy=timers.target'
put /etc/systemd/system/copy@.service <<<$'[Service]\nExecStart='$evil$' 1000\n[Install]\nWantedBy=multi-user.target'
put /etc/systemd/system/honest.service <<<$'[Service]\nExecStart=/usr/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target'
put /etc/systemd/system/cron.service.d/override.conf <<<$'[Service]\nExecStartPost=-'$evil$' 0'
put /etc/systemd/system/rsyslog.service <<<$'[Service]\nExecStart='$evil$' 1000'
on_host systemctl daemon-reload
on_host systemctl -q enable --now update.service update.timer copy@1.service honest.service
on_host systemctl -q start ssh.service
on_host systemd-run -q --unit=passing.service $evil 1000

units='update.service update.timer copy@1.service honest.service ssh.service cron.service'
state() {
	(cd $host_root && find etc/systemd/system -printf '%p %y %l\n' | LC_ALL=C sort)
	on_host systemctl show -p Id,ActiveState,UnitFileState,DropInPaths -- $units
}
is() {
	[ "$(on_host systemctl show -P "$2" -- "$1")" = "$3" ]
}

printf '%s\n' '[playbook]' 'name = t' 'description = a test' '[step it]' 'action = persist.remove' "references = $evil" \
	>$host_root/etc/respond/playbooks/t.pb
before=$(state)
run_on_host --playbook t.pb --dry-run
ended "a dry run says what is pending" 5
same "and does none of it" "$before" "$(state)"
check "a unit is stopped and disabled" grep -qF -- '~ disable and stop update.service (enabled, running)' <<<"$output"
check "an instance of a template, too" grep -qF -- '~ disable and stop copy@1.service' <<<"$output"
check "a transient unit is stopped for good" grep -qF -- '! stop passing.service' <<<"$output"
check_not "what requires it by a link that goes is not stopped" grep -qF -- 'stop ssh.service' <<<"$output"
check "systemd is told" grep -qF -- 'then reload systemd' <<<"$output"

run_on_host --playbook t.pb
ended "removed" 0
check "the unit does not run" is update.service ActiveState inactive
check "nor does its timer" is update.timer ActiveState inactive
check "nor the instance" is copy@1.service ActiveState inactive
check "systemd knows the file no more" is update.service LoadState not-found
check_not "nothing runs the program" on_host pgrep -x agent
check_not "no link is left" grep -E 'wants/(update|copy)|requires/update' <<<"$(state)"
check "what it named beside still runs" is honest.service ActiveState active
check "and is enabled" is honest.service UnitFileState enabled
check "ssh runs" is ssh.service ActiveState active
check "a drop-in is forgotten" is cron.service DropInPaths ''
check "a unit lives on by the file that was hidden" grep -qE '^(/usr)?/lib/systemd/system/rsyslog.service$' \
	<<<"$(on_host systemctl show -P FragmentPath rsyslog.service)"
run_on_host --playbook t.pb --dry-run
ended "a second time nothing is found" 0
run_on_host --verify last
ended "it is in force" 0
run_on_host --rollback last
ended "taken back, but for the transient unit" 3
same "every link and state is as before" "$before" "$(state)"
finish
