#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# respond-listen.socket and respond-listen.service on a real systemd host: the first event
# starts respond, a reload reads the rules again, a stop loses neither events nor deadlines.
set -u
. "$TOP_SRCDIR/tests/range/systemd-host.sh"
enter_systemd_range "$@"
start_host
install_on_host
install -m 0755 "$TOP_BUILDDIR/tests/range/peer" $host_root/usr/local/bin/peer

write_rule() {
	mkdir -p -m 0755 $host_root/etc/respond/hooks.d
	cat >$host_root/etc/respond/hooks.d/unit.conf <<-RULES
		[rule unit]
		source = json
		match kind = $1
		playbook = block.pb
		set address = \${event.srcip}
		mode = enforce
		ttl = $2
	RULES
}

# event KIND ADDRESS: what is answered.
event() {
	printf 'json\n{"kind":"%s","srcip":"%s"}\n' "$1" "$2" | on_host timeout 120 peer /run/respond/hook.sock
}

blocked() {
	on_host nft list table inet respond | grep -qwF "$1"
}

is() {
	[ "$(on_host systemctl show -P "$1" respond-listen.service)" = "$2" ]
}

write_rule first 1h
check_not "it is not enabled by itself" on_host systemctl -q is-enabled respond-listen.socket
check "the socket is enabled" on_host systemctl -q enable --now respond-listen.socket
same "it is root's alone" "600 0" "$(on_host stat -c '%a %u' /run/respond/hook.sock)"
same "nothing runs yet" inactive "$(on_host systemctl show -P ActiveState respond-listen.service)"
same "an event is taken" "taken 1" "$(event first 198.51.100.77)"
check "it has started respond" await is ActiveState active
check "the address is blocked" await blocked 198.51.100.77
pid=$(on_host systemctl show -P MainPID respond-listen.service)

write_rule second 1h
check "it reloads" on_host systemctl reload respond-listen.service
second() {
	event second 198.51.100.78 && blocked 198.51.100.78
}
check "the rules were read again" await second
same "by the same process" "$pid" "$(on_host systemctl show -P MainPID respond-listen.service)"

# What only a process takes back in time: it outlives the service that started it.
cat >$host_root/etc/respond/playbooks/away.pb <<-'PLAYBOOK'
	[playbook]
	name = away
	[input path]
	type = path
	required = yes
	[step take]
	action = file.quarantine
	path = ${path}
PLAYBOOK
cat >$host_root/etc/respond/hooks.d/away.conf <<-'RULES'
	[rule away]
	source = json
	match kind = away
	playbook = away.pb
	set path = ${event.path}
	mode = enforce
	ttl = 15s
RULES
echo harmless >$host_root/srv/dropper
on_host systemctl reload respond-listen.service
away() {
	printf 'json\n{"kind":"away","path":"/srv/dropper"}\n' | on_host timeout 120 peer /run/respond/hook.sock
	! on_host test -e /srv/dropper
}
check "a file is taken away for 15 s" await away
check "the service stops" on_host systemctl stop respond-listen.service
same "with success" success "$(on_host systemctl show -P Result respond-listen.service)"
check_not "the file is away still" on_host test -e /srv/dropper
check "it comes back in time, though the service is stopped" await on_host test -e /srv/dropper
same "an event starts it again" "taken 1" "$(event second 198.51.100.80)"
check "and is acted on" await blocked 198.51.100.80
finish
