#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# isolate-host.pb, beside somebody else's firewall: who gets in then, whom it refuses to cut off,
# foreign hands, and the way back, also by itself.
set -u
range_seconds=600
. "$TOP_SRCDIR/tests/range/host.sh"
enter_range "$@"
install_respond
stage_incident

desk=198.51.100.10 # the operator's address; the miner's server is $SERVER
firewall=$(firewall)

# logs_in ADDRESS [PATIENCE]: a new login from outside, by key. Who is not to get in has less patience.
logs_in() {
	ip netns exec internet ssh -i /run/range/keys/operator -b "$1" -o ConnectTimeout="${2:-30}" -o BatchMode=yes -o LogLevel=ERROR \
		-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null operator@192.168.1.100 true
}

# reaches ADDRESS PORT [PATIENCE]
reaches() {
	timeout "${3:-30}" bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>/dev/null
}

isolated() {
	nft list table inet respond-isolation >/dev/null 2>&1
}

check "before: the operator gets in" logs_in $desk
check "before: so does anybody else" logs_in "$SERVER"
check "before: the miner's server is reached" reaches "$SERVER" 3333

# ---- the plan --------------------------------------------------------------------------

run_respond --playbook isolate-host.pb
same "needs to be told who manages" 2 $status
run_respond --playbook isolate-host.pb --set management=$desk --dry-run
same "dry run: changes are pending" 5 $status
same "dry run: the firewall is as before" "$firewall" "$(firewall)"
check "dry run: says from whom" grep -q "isolate this host from all but $desk" <<<"$output"
check "dry run: sshd is for the management then" grep -qE 'tcp 0\.0\.0\.0:22, process [0-9]+ \(sshd\)' <<<"$output"
check "dry run: the miner goes silent" grep -qE "192\.168\.1\.100:[0-9]+ - $SERVER:3333, process [0-9]+ \(xmrig\)" <<<"$output"
check_not "dry run: the operator's session does not" grep -q -- "- $desk:" <<<"$output"
run_respond --playbook isolate-host.pb --set management=0.0.0.0/0 --dry-run
check "dry run: everybody is no management" grep -q 'is everybody' <<<"$output"

# ---- who would cut themselves off ------------------------------------------------------

export SSH_CONNECTION="$desk 50000 192.168.1.100 22"
run_respond --playbook isolate-host.pb --set management=198.51.100.11,2001:db8::/32
same "from elsewhere: refused" 4 $status
check "from elsewhere: by name" grep -q 'net\.operator' <<<"$output"
check "from elsewhere: and whom it would cut off" grep -q "$desk is where your own SSH session comes from" <<<"$output"
same "from elsewhere: nothing was done" "$firewall" "$(firewall)"
run_respond --playbook isolate-host.pb --set management=198.51.100.11 --dry-run
same "from elsewhere, dry run: refused" 4 $status

# ---- isolated --------------------------------------------------------------------------

run_respond --playbook isolate-host.pb --set management=198.51.100.0/28,2001:db8:1::/64
same "isolated" 0 $status
[ $status = 0 ] || printf '%s\n' "$output" | tap_note
run=$(last_run)
check "isolated: waits to be confirmed" grep -q "^$run.*to be confirmed until" <<<"$(respond --list)"
check "isolated: the operator gets in" logs_in $desk
check "isolated: the session lives" kill -0 "$SESSION_PID"
check_not "isolated: nobody else does" logs_in "$SERVER" 2
check_not "isolated: the miner's server is not reached" reaches "$SERVER" 3333 2
check "isolated: loopback is" reaches 127.0.0.1 22
check "isolated: so is the host's own address" reaches 192.168.1.100 22
same "isolated: the foreign table is as it was" "$firewall" "$(nft -s list table inet firewalld)"
run_respond --verify "$run"
same "isolated: verified" 0 $status
run_respond --playbook isolate-host.pb --set management=198.51.100.0/28,2001:db8:1::/64
same "isolated: nothing to do a second time" 0 $status
again=$(last_run)
check_not "isolated: the second run is one of its own" test "$again" = "$run"
run_respond --playbook isolate-host.pb --set management=$desk
check_not "isolated: for others too: not planned" test $status = 0
check "isolated: for others too: says why" grep -q 'isolated already' <<<"$output"

# ---- foreign hands ---------------------------------------------------------------------

nft flush table inet respond-isolation
check "flushed: nobody is locked out" logs_in "$SERVER"
run_respond --verify "$run"
check_not "flushed: seen" test $status = 0
check "flushed: and told" grep -q 'table inet respond-isolation: the rule "loopback" of chain input' <<<"$output"
run_respond --verify "$run" --reapply
same "flushed: in force again" 0 $status
check_not "flushed: nobody else gets in again" logs_in "$SERVER" 2
nft delete table inet respond-isolation
run_respond --verify "$run"
check_not "deleted: seen" test $status = 0
run_respond --verify "$run" --reapply
same "deleted: in force again" 0 $status
check_not "deleted: nobody else gets in again" logs_in "$SERVER" 2

# ---- and back --------------------------------------------------------------------------

run_respond --rollback "$run"
check "taken back by one run: the other holds it" isolated
run_respond --rollback "$again"
same "taken back by both" 0 $status
same "taken back: the firewall is as before" "$firewall" "$(firewall)"
check "taken back: anybody gets in again" logs_in "$SERVER"

# Nobody confirms it.
sed 's/^confirm = 10m/confirm = 10s/' $playbooks/isolate-host.pb >/root/isolate-briefly.pb
run_respond --playbook /root/isolate-briefly.pb --set management=$desk
same "not confirmed: isolated" 0 $status
check_not "not confirmed: nobody else gets in" logs_in "$SERVER" 1
opened() { ! isolated; }
check "not confirmed: it is taken back by itself" await opened
check "not confirmed: anybody gets in again" await logs_in "$SERVER" 5
same "not confirmed: the firewall is as before" "$firewall" "$(firewall)"
finish
