#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# port.close on a real systemd host, with connections from outside: services, sockets, workers,
# processes in somebody else's cgroup, transient units; who is connected already; what is
# refused; and the way back.
set -u
range_seconds=900
. "$TOP_SRCDIR/tests/range/systemd-host.sh"
enter_systemd_range "$@"
start_host
install_on_host

dir=$host_root/etc/systemd/system
victim=192.168.1.100
RANGE_DEADLINE=$(($(date +%s) + range_seconds))
units='door.service workers.service act.socket act.service inet.socket udp.socket udp.service cron.service redis.service ssh.service'
install -m 0755 "$TOP_BUILDDIR/tests/range/listener" $host_root/usr/local/bin/listener
install -m 0755 "$TOP_BUILDDIR/tests/range/listener" $host_root/usr/local/bin/redis-server
install -m 0755 "$TOP_BUILDDIR/tests/range/sleeper" $host_root/usr/local/bin/sleeper

# unit NAME LINE...: a unit file.
unit() {
	local name=$1
	shift
	printf '%s\n' "$@" >"$dir/$name"
}

# service NAME COMMAND [LINE...]
service() {
	unit "$1.service" '[Unit]' "Description=$1" '[Service]' "Environment=RANGE_DEADLINE=$RANGE_DEADLINE" "ExecStart=$2" \
		"${@:3}"
}

service door '/usr/local/bin/listener 0.0.0.0 4444' 'Restart=always' '[Install]' 'WantedBy=multi-user.target'
service workers '/usr/local/bin/listener 0.0.0.0 4445 worker' '[Install]' 'WantedBy=multi-user.target'
unit act.socket '[Socket]' 'ListenStream=4446' '[Install]' 'WantedBy=sockets.target'
service act '/usr/local/bin/sleeper 1000'
unit inet.socket '[Socket]' 'ListenStream=4447' 'Accept=yes' '[Install]' 'WantedBy=sockets.target'
unit inet@.service '[Service]' 'ExecStart=-/bin/cat' 'StandardInput=socket'
unit udp.socket '[Socket]' 'ListenDatagram=4448' '[Install]' 'WantedBy=sockets.target'
service udp '/usr/local/bin/sleeper 1000'
service redis '/usr/local/bin/redis-server 0.0.0.0 6379'
on_host systemctl daemon-reload
on_host systemctl -q enable --now door.service workers.service act.socket inet.socket udp.socket
on_host systemctl -q start redis.service udp.service
on_host systemd-run -q --unit=passing -E "RANGE_DEADLINE=$RANGE_DEADLINE" /usr/local/bin/listener 0.0.0.0 4450
# As cron would have started it.
on_host setsid --fork env "RANGE_DEADLINE=$RANGE_DEADLINE" bash -c '
	group=/sys/fs/cgroup$(systemctl show -P ControlGroup cron.service)
	echo $$ >"$group/cgroup.procs" && exec /usr/local/bin/listener 0.0.0.0 4449' </dev/null >/dev/null 2>&1

# A port that is closed is given up soon: whoever expects it to be open awaits it.
reaches() {
	timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "${2:-$victim}" "$1" 2>/dev/null
}

reaches_own() {
	on_host timeout 2 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0"' "$1" 2>/dev/null
}

# Every link and file, what systemd makes of them, and who listens; not the numbers of processes, nor
# whether one has something to do at that moment.
state() {
	(cd $host_root && find etc/systemd/system -printf '%p %y %l\n' | LC_ALL=C sort)
	on_host systemctl show -p Id,ActiveState,UnitFileState -- $units
	on_host ss -Hltun | awk '{ print $1, $2, $5 }' | LC_ALL=C sort
	on_host ps -e -o stat=,args= | grep '[l]istener' | sed 's/^[RD]/S/' | LC_ALL=C sort
	on_host nft -s list ruleset
}

is() {
	[ "$(on_host systemctl show -P "$2" -- "$1")" = "$3" ]
}

listener_at() {
	on_host ss -Hltnp "sport = :$1" | sed -n 's/.*pid=\([0-9]*\).*/\1/p' | head -n 1
}

# close_port NAME "PORTS" [ARGUMENT...]: planned, done, planned again, verified; $before is what was.
close_port() {
	local name=$1 ports=$2 port
	shift 2
	before=$(state)
	for port in $ports; do
		check "$name: port $port is open" await reaches "$port"
	done
	before=$(state)
	run_on_host --playbook close-port.pb --set "port=${ports// /,}" "$@" --dry-run
	ended "$name: a dry run says what is pending" 5
	plan=$output
	same "$name: and does none of it" "$before" "$(state)"
	run_on_host --playbook close-port.pb --set "port=${ports// /,}" "$@"
	ended "$name: done" 0
	for port in $ports; do
		check_not "$name: nobody gets in by port $port" reaches "$port"
	done
	run_on_host --playbook close-port.pb --set "port=${ports// /,}" "$@" --dry-run
	ended "$name: planned again there is nothing to do" 0
	run_on_host --verify last
	ended "$name: it is in force" 0
	run=$(on_host respond --show last --format json | json run)
}

# A unit counts as started, and a process as continued, before it listens again.
is_as_before() {
	[ "$(state)" = "$before" ]
}

# opened NAME "PORTS"
opened() {
	local port
	run_on_host --rollback "$run"
	ended "$1: taken back" 0
	local said=$output
	await is_as_before
	same "$1: every link, state, listener and rule is as before" "$before" "$(state)"
	for port in $2; do
		check "$1: port $port is open again" await reaches "$port"
	done
	output=$said
}

planned() {
	check "$1" grep -qF -- "$2" <<<"$plan"
	grep -qF -- "$2" <<<"$plan" || tap_note <<<"$plan"
}

for port in 4444 4445 4446 4447 4449 4450 6379; do
	await reaches $port
done
await is act.service ActiveState active # for it was connected to

# ---- services ----------------------------------------------------------------------------

close_port "a service" 4444
planned "a service: the port is closed first" '+ close tcp port 4444 to everybody outside'
planned "a service: then its unit goes" '~ disable and stop door.service'
check "a service: it is stopped" is door.service ActiveState inactive
check "a service: and disabled" is door.service UnitFileState disabled
run_on_host --playbook close-port.pb --set port=4444
ended "a service: another run holds it, too" 0
check "a service: somebody starts it by hand" on_host systemctl -q start door.service
await reaches_own 4444
check_not "a service: the port is closed all the same" reaches 4444
check "a service: but not to the host itself" await reaches_own 4444
on_host systemctl -q stop door.service
run_on_host --rollback last
ended "a service: who held it, too, lets go" 0
check_not "a service: it stays closed" reaches 4444
opened "a service" 4444

close_port "workers" 4445
planned "workers: they are their unit's" '~ disable and stop workers.service'
opened "workers" 4445

# ---- sockets ----------------------------------------------------------------------------

reaches 4446 # starts it
await is act.service ActiveState active
close_port "a socket" 4446
planned "a socket: it goes" '~ disable and stop act.socket'
check "a socket: before its service, which what waits there would start again" \
	test "$(grep -n 'stop act.socket' <<<"$plan" | cut -d: -f1)" -lt "$(grep -n 'stop act.service' <<<"$plan" | cut -d: -f1)"
check "a socket: both are stopped" test "$(on_host systemctl is-active act.socket act.service | xargs)" = 'inactive inactive'
check "a socket: nobody listens" test -z "$(listener_at 4446)"
opened "a socket" 4446
says "a socket: that its service is restarted for it is said" 'restarted for it: act.service'

says_back() {
	local line=
	echo "$1" >&5 && read -r -t 20 line <&5 && [ "$line" = "$1" ]
}

exec 5<>/dev/tcp/$victim/4447
check "who is connected: talks" says_back one
close_port "a socket for each connection" 4447
planned "a socket for each connection: systemd listens for it" '~ disable and stop inet.socket'
planned "who is connected: is named" '(cat) goes on with a connection that came by there'
check "who is connected: goes on" says_back two
check_not "who is connected: nobody else comes" reaches 4447
exec 5<&- 5>&-
await not on_host pgrep -x cat
opened "a socket for each connection" 4447

before=$(state)
run_on_host --playbook close-port.pb --set port=4448 --dry-run
check_not "UDP: TCP is another matter" grep -q udp.socket <<<"$output"
run_on_host --playbook close-port.pb --set port=4448 --set protocol=udp
ended "UDP: done" 0
same "UDP: socket and service are stopped" 'inactive inactive' "$(on_host systemctl is-active udp.socket udp.service | xargs)"
run=$(on_host respond --show last --format json | json run)
check "UDP: the port is closed" grep -q 4448 <<<"$(on_host nft list set inet respond closed-udp)"
opened "UDP" ''

# ---- processes ---------------------------------------------------------------------------

pid=$(listener_at 4449)
close_port "in another's cgroup" 4449
planned "in another's cgroup: told from the unit" "$pid (listener) runs in cron.service and is not its main process"
planned "in another's cgroup: the process stands still" "~ stop 1 process: listener ($pid)"
check "in another's cgroup: the unit runs" is cron.service ActiveState active
check "in another's cgroup: the process does not" grep -q '^T' <<<"$(on_host ps -o stat= -p "$pid")"
opened "in another's cgroup" 4449
check "in another's cgroup: the same process" test "$pid" = "$(listener_at 4449)"

pid=$(listener_at 4450)
close_port "a transient unit" 4450
planned "a transient unit: is not ended by default" 'passing.service could not be started again: its processes are stopped instead'
check "a transient unit: it runs" is passing.service ActiveState active
opened "a transient unit" 4450
close_port "kill" '4449 4450' --set kill=yes
planned "kill: the process" '! kill 1 process: listener'
planned "kill: the unit" '! stop passing.service (running): it exists only'
check "kill: it is gone" test -z "$(listener_at 4449)$(listener_at 4450)"
check "kill: cron runs" is cron.service ActiveState active
run_on_host --rollback "$run"
ended "kill: the rollback says that this cannot be undone" 3
same "kill: the ports are open again" 0 "$(on_host nft list ruleset | grep -c closed)"

# ---- refused ---------------------------------------------------------------------------

# refused NAME RULE ARGUMENT...
refused() {
	local name=$1 rule=$2 before
	shift 2
	before=$(state)
	run_on_host --playbook close-port.pb "$@"
	ended "$name: refused" 4
	says "$name: by the rule $rule" "$rule"
	same "$name: nothing is done" "$before" "$(state)"
}

refused "sshd" net.port-ssh --set port=22
refused "sshd, the rule lifted" process.sshd-listener --set port=22 --allow net.port-ssh --allow unit.essential
refused "a database" process.database --set port=6379
refused "a database among others" process.database --set port=4444,6379
before=$(state)
status=0
output=$(unit_on_host env 'SSH_CONNECTION=203.0.113.67 50000 192.168.1.100 4444' respond --playbook close-port.pb --set port=4444 \
	2>&1) || status=$?
ended "the operator's own port: refused" 4
says "the operator's own port: by its rule" net.port-operator
same "the operator's own port: nothing is done" "$before" "$(state)"

# ---- cut short ----------------------------------------------------------------------------

# Between what is done and its record: the unit is stopped by a command that waits for us.
unit slow.service '[Service]' "Environment=RANGE_DEADLINE=$RANGE_DEADLINE" 'ExecStart=/usr/local/bin/listener 0.0.0.0 4451' \
	'ExecStop=/bin/sh -c "until [ -e /run/cut ]; do sleep 0.1; done"' '[Install]' 'WantedBy=multi-user.target'
on_host systemctl daemon-reload
on_host systemctl -q enable --now slow.service
units="$units slow.service"
await reaches 4451
before=$(state)
on_host systemd-run -q --unit=cut respond --playbook close-port.pb --set port=4451
stopping() {
	is slow.service ActiveState deactivating
}
check "cut short: the unit is being stopped" await stopping
check_not "cut short: the port is closed by then" reaches 4451
on_host systemctl kill --signal KILL cut.service
await is cut.service Result signal
on_host touch /run/cut
await is slow.service ActiveState inactive
run_on_host --recover
ended "cut short: recovered" 0
await is_as_before
same "cut short: every link, state, listener and rule is as before" "$before" "$(state)"
check "cut short: the port is open again" await reaches 4451
finish
