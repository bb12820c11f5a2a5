#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# unit.* where systemd does not run: the scripts of init.d and the links of runlevels.
set -u
range_seconds=600
. "$TOP_SRCDIR/tests/range/host.sh"
enter_range "$@"
install_respond
command -v start-stop-daemon >/dev/null || skip_all "start-stop-daemon is not installed"

RANGE_DEADLINE=$(($(date +%s) + range_seconds))

# script NAME: a daemon of this name, with a script as a package has it; service(8) clears the environment.
script() {
	install -m 0755 "$TOP_BUILDDIR/tests/range/sleeper" "/usr/sbin/$1"
	cat >"/etc/init.d/$1" <<-END
	#!/bin/sh
	### BEGIN INIT INFO
	# Provides:          $1
	# Required-Start:
	# Required-Stop:
	# Default-Start:     2 3 4 5
	# Default-Stop:      0 1 6
	# Short-Description: a daemon
	### END INIT INFO
	export RANGE_DEADLINE=$RANGE_DEADLINE
	daemon="--pidfile /run/$1.pid --exec /usr/sbin/$1"
	case \$1 in
	start) exec start-stop-daemon --start --oknodo --background --make-pidfile \$daemon ;;
	stop) exec start-stop-daemon --stop --oknodo --retry 5 --remove-pidfile \$daemon ;;
	status) start-stop-daemon --status \$daemon || exit \$? ;;
	restart) "\$0" stop && exec "\$0" start ;;
	*) exit 2 ;;
	esac
	END
	chmod 0755 "/etc/init.d/$1"
	update-rc.d "$1" defaults >/dev/null
}
script honest
script foreign
mkdir -p /var/lib/dpkg/info
echo /etc/init.d/honest >/var/lib/dpkg/info/honest.list
mv /etc/rc3.d/S01honest /etc/rc3.d/S20honest
service honest start >/dev/null 2>&1
service foreign start >/dev/null 2>&1

state() {
	find /etc/rc?.d /etc/init.d -printf '%p %y %l\n' | LC_ALL=C sort
	if runs honest; then echo "honest runs"; fi
}

runs() {
	service "$1" status >/dev/null 2>&1
}

# playbook ACTION UNITS [LINE...]
playbook() {
	local action=$1 list=$2
	shift 2
	printf '%s\n' '[playbook]' 'name = t' 'description = a test' '[step it]' "action = $action" "unit = $list" "$@" \
		>$playbooks/t.pb
}

check "the daemon runs" await runs honest
before=$(state)

playbook unit.stop 'honest, nonesuch'
run_respond --playbook t.pb --dry-run
ended "stop: a dry run says what is pending" 5
same "stop: and does none of it" "$before" "$(state)"
run_respond --playbook t.pb
ended "stop: done" 0
check_not "stop: it does not run" runs honest
run_respond --playbook t.pb
ended "stop: again there is nothing to do" 0
run_respond --verify last
ended "stop: it is in force" 0
run_respond --rollback last
ended "stop: taken back" 0
await runs honest
same "stop: it is as before" "$before" "$(state)"

playbook unit.disable honest.service 'now = yes'
run_respond --playbook t.pb
ended "disable: done" 0
run=$(last_run)
check_not "disable: it does not run" runs honest
check_not "disable: no runlevel starts it" ls /etc/rc2.d/S01honest /etc/rc3.d/S20honest /etc/rc4.d/S01honest
check "disable: what started late stops early" test -L /etc/rc3.d/K80honest -a -L /etc/rc2.d/K99honest
run_respond --playbook t.pb
ended "disable: again there is nothing to do" 0
disabled=$(state)
playbook unit.enable honest
run_respond --playbook t.pb
ended "enable: the links are turned again" 0
same "enable: all of them" "$(grep -v runs <<<"$before")" "$(state)"
run_respond --rollback last
ended "enable: taken back" 0
same "enable: it is as before" "$disabled" "$(state)"
run_respond --rollback "$run"
ended "disable: taken back" 0
await runs honest
same "disable: it is as before" "$before" "$(state)"

playbook unit.stop foreign
run_respond --playbook t.pb
ended "a script that no package owns is residual" 3
check "which is said" grep -qF 'no package owns this script, so it is neither asked nor run' <<<"$output"
check "it still runs" await runs foreign
playbook unit.mask honest
run_respond --playbook t.pb
ended "a script cannot be masked" 3
playbook unit.restart honest
run_respond --playbook t.pb
ended "nor restarted with proof" 1
playbook unit.stop ssh
touch /etc/init.d/ssh
chmod 0755 /etc/init.d/ssh
echo /etc/init.d/ssh >/var/lib/dpkg/info/honest.list
printf '#!/bin/sh\nexit 0\n' >/etc/init.d/ssh
run_respond --playbook t.pb
ended "sshd is guarded here, too" 4

# A template and a unit of which there is only the file: links are all there is to it.
mkdir -p /etc/systemd/system
printf '[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n' >/etc/systemd/system/offline.service
before=$(find /etc/systemd -printf '%p %l\n' | LC_ALL=C sort)
playbook unit.enable offline
run_respond --playbook t.pb
ended "offline: enabled by its links" 0
same "offline: which are there" /etc/systemd/system/offline.service \
	"$(readlink /etc/systemd/system/multi-user.target.wants/offline.service)"
run_respond --rollback last
ended "offline: taken back" 0
same "offline: nothing is left" "$before" "$(find /etc/systemd -printf '%p %l\n' | LC_ALL=C sort)"
service honest stop >/dev/null 2>&1
service foreign stop >/dev/null 2>&1
finish
