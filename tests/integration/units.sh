#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# unit.* on a real systemd host: planned, done, planned again, taken back to exactly the
# links and states that were there; what others do in between; what a reboot does to a
# run that was killed.
set -u
range_seconds=900
. "$TOP_SRCDIR/tests/range/systemd-host.sh"
enter_systemd_range "$@"
start_host
install_on_host

units='evil.service evil.timer evil.socket running.service rider.service tpl@1.service tpl@2.service cron.service rsyslog.service
	ssh.service old.service masked.service idle.service'
dir=$host_root/etc/systemd/system

# unit NAME LINE...: a unit file.
unit() {
	local name=$1
	shift
	printf '%s\n' "$@" >"$dir/$name"
}

service() {
	local name=$1
	shift
	unit "$name" '[Unit]' "Description=$name" '[Service]' 'ExecStart=/usr/bin/sleep 1000' "$@"
}

service evil.service 'Restart=always' '[Install]' 'WantedBy=multi-user.target' 'Alias=harmless.service' 'Also=evil.timer'
unit evil.timer '[Timer]' 'OnCalendar=2099-01-01' '[Install]' 'WantedBy=timers.target'
service running.service '[Install]' 'WantedBy=multi-user.target'
service tpl@.service '[Install]' 'WantedBy=multi-user.target' 'DefaultInstance=2'
service masked.service '[Install]' 'RequiredBy=%p-wants.target'
unit rider.service '[Unit]' 'BindsTo=running.service' 'After=running.service' '[Service]' 'ExecStart=/usr/bin/sleep 1000'
service gone.service
mv "$dir/masked.service" "$host_root/usr/lib/systemd/system/masked.service"
service idle.service
cat >$host_root/etc/init.d/old <<'END'
#!/bin/sh
### BEGIN INIT INFO
# Provides:          old
# Required-Start:
# Required-Stop:
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: a script of before
### END INIT INFO
exit 0
END
chmod 0755 $host_root/etc/init.d/old
on_host systemctl daemon-reload
on_host systemctl -q enable --now evil.service evil.timer tpl@1.service
on_host systemctl -q start running.service rider.service gone.service tpl@2.service
on_host systemctl -q mask masked.service
on_host update-rc.d old defaults
on_host systemctl daemon-reload
on_host systemctl -q start old.service
on_host systemd-run -q --unit=passing.service sleep 1000
# A link as somebody makes it by hand, which systemctl enable would not make again.
mkdir -p "$dir/basic.target.wants" $host_root/run
ln -s ../evil.service "$dir/basic.target.wants/evil.service"
rm "$dir/gone.service"
on_host systemctl daemon-reload

# Every link and file, and what systemd makes of them.
state() {
	(cd $host_root && find etc/systemd/system etc/rc?.d -printf '%p %y %l\n' | LC_ALL=C sort)
	on_host find /run/systemd/system -printf '%p %l\n' | LC_ALL=C sort
	on_host systemctl show -p Id,ActiveState,UnitFileState -- $units
}

# playbook ACTION UNITS [LINE...]: t.pb has it as its one step.
playbook() {
	local action=$1 list=$2
	shift 2
	printf '%s\n' '[playbook]' 'name = t' 'description = a test' '[step it]' "action = $action" "unit = $list" "$@" \
		>$host_root/etc/respond/playbooks/t.pb
}

# full_circle NAME CHECK...: the playbook planned, done, planned again, verified, taken
# back. The command CHECK must hold while it is done.
full_circle() {
	local name=$1 before
	shift
	before=$(state)
	run_on_host --playbook t.pb --dry-run
	ended "$name: a dry run says what is pending" 5
	same "$name: and does none of it" "$before" "$(state)"
	run_on_host --playbook t.pb
	ended "$name: done" 0
	check "$name: and so it is" "$@"
	run_on_host --playbook t.pb --dry-run
	ended "$name: planned again there is nothing to do" 0
	run_on_host --verify last
	ended "$name: it is in force" 0
	run_on_host --rollback last
	ended "$name: taken back" 0
	same "$name: every link and state is as before" "$before" "$(state)"
}

is() {
	[ "$(on_host systemctl show -P "$2" -- "$1")" = "$3" ]
}

# ---- stop --------------------------------------------------------------------------------

all_stopped() {
	is evil.service ActiveState inactive && is running.service ActiveState inactive && is evil.service UnitFileState enabled
}
playbook unit.stop 'harmless, evil.service, running, evil.timer, nonesuch'
full_circle "stop" all_stopped
run_on_host --playbook t.pb --dry-run
check "stop: what systemd stops with it is a change, too" grep -qF -- '~ stop rider.service (static, running)' <<<"$output"

playbook unit.stop evil.service
run_on_host --playbook t.pb --dry-run
check "stop: what would start it again is named" grep -qF -- 'evil.timer starts evil.service again: stop it, too' <<<"$output"

playbook unit.stop 'gone.service, passing.service'
run_on_host --playbook t.pb --dry-run
check "stop: a transient unit cannot be brought back, and the plan says so" grep -qF -- '! stop passing.service (running): it exists only' <<<"$output"
check "stop: nor one whose file is gone" grep -qF -- '! stop gone.service (running): its file is gone' <<<"$output"
run_on_host --playbook t.pb
ended "stop: both are stopped" 0
check "stop: and do not run" not on_host systemctl is-active --quiet passing.service gone.service
run_on_host --rollback last
ended "stop: the rollback says that it cannot" 3

# ---- disable -----------------------------------------------------------------------------

none_enabled() {
	! find "$dir" $host_root/etc/rc[2-5].d -type l '(' -name 'evil*' -o -name 'harmless*' -o -name 'tpl*' -o -name 'S*old' ')' |
		grep . && is evil.service ActiveState active
}
playbook unit.disable 'evil.service, tpl@.service, old'
full_circle "disable" none_enabled
run_on_host --playbook t.pb --dry-run
check "disable: the plan names every link" grep -qF -- "-/etc/systemd/system/basic.target.wants/evil.service -> ../evil.service" <<<"$output"
check "disable: and what Also= names is another change" grep -qF -- '~ disable evil.timer' <<<"$output"

on_host systemctl -q enable --runtime running.service
none_now() {
	is running.service ActiveState inactive && is running.service UnitFileState disabled
}
playbook unit.disable running.service 'now = yes'
run_on_host --playbook t.pb --dry-run
check "disable: what is stopped with it is a change, too" grep -qF -- '~ stop rider.service (static, running)' <<<"$output"
full_circle "disable what is enabled until the next boot" none_now

playbook unit.disable systemd-tmpfiles-clean.timer
run_on_host --playbook t.pb
ended "disable: what a package's own link starts is residual" 3
check "disable: and is named" grep -qF -- 'which disabling leaves alone: mask it' <<<"$output"

# ---- mask --------------------------------------------------------------------------------

is_masked() {
	is cron.service LoadState masked && is cron.service ActiveState inactive && ! on_host systemctl start cron.service
}
playbook unit.mask cron 'now = yes'
full_circle "mask" is_masked
playbook unit.mask evil.service
run_on_host --playbook t.pb
ended "mask: a unit whose own file is in the way is residual" 3
check "mask: and it is said why" grep -qF -- 'evil.service cannot be masked: /etc/systemd/system/evil.service is in the way' <<<"$output"

# ---- enable ------------------------------------------------------------------------------

is_enabled() {
	is masked.service UnitFileState enabled && is masked.service ActiveState active &&
		[ -L "$dir/masked-wants.target.requires/masked.service" ] && is tpl@2.service UnitFileState enabled &&
		is running.service UnitFileState enabled
}
playbook unit.enable 'masked, running, tpl@.service, evil.service' 'now = no'
run_on_host --playbook t.pb --dry-run
check "enable: the mask goes" grep -qF -- '-/etc/systemd/system/masked.service -> /dev/null' <<<"$output"
playbook unit.enable 'masked, running, tpl@2.service' 'now = yes'
full_circle "enable" is_enabled
check_not "enable: no directory is left" test -e "$dir/masked-wants.target.requires"
# What our links do is what systemctl's do.
run_on_host --playbook t.pb
links() {
	(cd "$dir" && find . -type l -printf '%p %l\n' | sed 's, /usr/lib/, /lib/,' | LC_ALL=C sort)
}
ours=$(links)
run_on_host --rollback last
on_host systemctl -q unmask masked.service
on_host systemctl -q enable masked running tpl@2.service
same "enable: the same links as systemctl makes" "$(links)" "$ours"
on_host systemctl -q disable masked running tpl@2.service
on_host systemctl -q mask masked.service
playbook unit.enable idle.service
run_on_host --playbook t.pb
ended "enable: a unit without [Install] is residual" 3

# ---- the playbook that ships --------------------------------------------------------------

before=$(state)
run_on_host --playbook stop-unit.pb --set unit=evil.service
ended "stop-unit.pb: done" 0
check "stop-unit.pb: the unit is neither up nor enabled" not is evil.service ActiveState active
check "stop-unit.pb: nor is the timer" is evil.timer ActiveState inactive
check "stop-unit.pb: which is disabled" is evil.timer UnitFileState disabled
run_on_host --playbook stop-unit.pb --set unit=evil.service
ended "stop-unit.pb: again there is nothing to do" 0
run_on_host --rollback last
ended "stop-unit.pb: taken back" 0
same "stop-unit.pb: every link and state is as before" "$before" "$(state)"

# ---- restart -----------------------------------------------------------------------------

invocation() {
	on_host systemctl show -P InvocationID -- "$1"
}
before=$(invocation cron.service)
riding=$(invocation rider.service)
playbook unit.restart running.service
run_on_host --playbook t.pb
ended "restart: done" 0
check "restart: what systemd restarts with it is a change, too" grep -qF -- '! restart rider.service' <<<"$output"
rides_anew() {
	[ "$riding" != "$(invocation rider.service)" ]
}
check "restart: so it was" await rides_anew # systemctl waits for the one alone
playbook unit.restart 'cron.service, idle.service'
run_on_host --playbook t.pb --dry-run
check "restart: has no undo, and the plan says so" grep -qF -- '! restart cron.service (running): a restart cannot be undone' <<<"$output"
same "restart: a dry run does not" "$before" "$(invocation cron.service)"
run_on_host --playbook t.pb
ended "restart: done, once" 0
check_not "restart: it is another start of it" test "$before" = "$(invocation cron.service)"
check_not "restart: what does not run is not started" on_host systemctl -q is-active idle.service
run_on_host --rollback last
ended "restart: cannot be taken back" 3

# ---- the guard ---------------------------------------------------------------------------

# refused ACTION UNIT RULE
refused() {
	playbook "$1" "$2"
	run_on_host --playbook t.pb
	ended "guard: $1 of $2 is refused" 4
	check "guard: by $3" grep -qF -- "refused by the guard ($3)" <<<"$output"
}
before=$(state)
refused unit.stop ssh unit.essential
refused unit.mask sshd.service unit.essential
refused unit.disable ssh unit.essential
refused unit.stop dbus.socket unit.essential
refused unit.stop multi-user.target unit.essential
unit base.service '[Unit]' 'Before=multi-user.target' '[Service]' 'ExecStart=/usr/bin/sleep 1000'
mkdir -p "$dir/multi-user.target.requires"
ln -s ../base.service "$dir/multi-user.target.requires/base.service"
on_host systemctl daemon-reload
on_host systemctl start base.service
refused unit.stop base.service unit.essential
playbook unit.stop base.service 'on-failure = continue'
run_on_host --playbook t.pb
ended "guard: what would be stopped with it saves it" 4
check "guard: so it runs" is base.service ActiveState active
on_host systemctl stop --job-mode=ignore-dependencies base.service
rm -r "$dir/base.service" "$dir/multi-user.target.requires"
on_host systemctl daemon-reload
refused unit.restart systemd-journald.service unit.essential
# By what runs in it: the name is nobody's.
unit door.service '[Service]' 'ExecStart=/usr/sbin/sshd -D -p 2222'
on_host systemctl daemon-reload
on_host systemctl start door.service
await on_host sh -c 'ss -Hltn sport = :2222 | grep -q .'
refused unit.stop door.service process.sshd-listener
on_host systemctl stop door.service
rm "$dir/door.service"
on_host systemctl daemon-reload
printf '%s\n' '[protect]' 'units = running.service, tpl@.service' >$host_root/etc/respond/respond.conf
refused unit.stop running unit.protected
refused unit.disable tpl@1.service unit.protected
rm $host_root/etc/respond/respond.conf
same "guard: nothing has changed" "$before" "$(state)"

# ---- others -------------------------------------------------------------------------------

playbook unit.disable evil.service 'now = yes'
run_on_host --playbook t.pb
ln -s /etc/systemd/system/running.service "$dir/multi-user.target.wants/evil.service"
on_host systemctl start evil.timer
run_on_host --verify last
ended "drift: what somebody started or changed is seen" 3
run_on_host --rollback last
ended "drift: it is left alone" 3
check "drift: and named" grep -qF -- 'multi-user.target.wants/evil.service is not what this run knows' <<<"$output"
same "drift: their link stays" /etc/systemd/system/running.service "$(readlink "$dir/multi-user.target.wants/evil.service")"
rm "$dir/multi-user.target.wants/evil.service"
run_on_host --rollback last
ended "drift: once it is out of the way it is taken back" 0
check "drift: as it was" is evil.service ActiveState active

playbook unit.stop evil.service
run_on_host --playbook t.pb
on_host systemctl start evil.service
run_on_host --verify last
ended "verify: somebody started it again" 3
run_on_host --verify last --reapply
ended "reapply: it is stopped again" 0
check "reapply: so it is" is evil.service ActiveState inactive
printf '#\n' >>"$dir/evil.service"
mv "$dir/evil.service" "$dir/other.service"
on_host systemctl daemon-reload
run_on_host --rollback last
ended "rollback: a unit whose file is gone is not started" 3
check "rollback: and it is said" grep -qF -- 'its file is gone: it cannot be started' <<<"$output"
mv "$dir/other.service" "$dir/evil.service"
run_on_host --rollback last
ended "rollback: once it is back, it is" 0
check "rollback: it runs" is evil.service ActiveState active

# ---- a boot in between ----------------------------------------------------------------------

check "boot: respond-recover.service is enabled" on_host systemctl -q enable respond-recover.service
before=$(state)
playbook unit.disable evil.service 'now = yes' 'confirm = 10s'
run_on_host --playbook t.pb
deadline=$(($(date +%s) + 11)) # at the latest
ended "boot: done until it is confirmed" 0
check "boot: it is disabled" is evil.service UnitFileState disabled
crash_host
deadline_has_passed() {
	[ "$(date +%s)" -ge $deadline ]
}
await deadline_has_passed
start_host
await is evil.service ActiveState active
check "boot: the deadline passed while the host was down: taken back" is evil.service UnitFileState enabled
check "boot: and started" is evil.service ActiveState active
same "boot: by respond-recover.service" success "$(on_host systemctl show -P Result respond-recover.service)"
same "boot: the links are as before" "$(grep ^etc <<<"$before")" "$(state | grep ^etc)"

# Killed while it waits for a unit that takes its time to stop; then the power goes.
sed -i '/^ExecStart/a ExecStop=/usr/bin/sleep 60' "$dir/evil.service"
on_host systemctl daemon-reload
playbook unit.disable evil.service 'now = yes' 'confirm = 2s'
on_host systemd-run -q --unit=killed.service respond --playbook t.pb
await is evil.service ActiveState deactivating
on_host systemctl kill -s KILL killed.service
check "boot: it was killed halfway" await is killed.service Result signal
run_on_host --list
check "boot: which is known" grep -q 'unfinished' <<<"$output"
crash_host
sleep 2
start_host
await is evil.service ActiveState active
check "boot: a run that was killed halfway is taken back, too" is evil.service UnitFileState enabled
check "boot: and the unit started" is evil.service ActiveState active
same "boot: the links are as before" "$(grep ^etc <<<"$before")" "$(state | grep ^etc)"
run_on_host --list
check "boot: the run is on record as rolled back" grep -qF -- 'undone' <<<"$output"
finish
