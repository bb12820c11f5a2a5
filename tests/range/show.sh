#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# show.sh STAGE: shows respond, installed below the directory STAGE, at work on the
# staged incident: plan, run, run again, rollback. Runs in a range; "./bootstrap try"
# calls it. Fails when something does not end as it should.
set -eu

cp -dR "$1/." /
"$TOP_SRCDIR/tests/range/incident.sh"
. /run/range/incident

bold='' plain=''
if [ -t 1 ]; then
	bold=$(printf '\033[1m') plain=$(printf '\033[0m')
fi

title() {
	printf '\n%s%s%s\n\n' "$bold" "$*" "$plain"
}

# run STATUS COMMAND...: shows the command and what it prints.
run() {
	local expected=$1 status=0
	shift
	printf '%s# %s%s\n' "$bold" "$*" "$plain"
	"$@" </dev/null || status=$?
	printf '\n'
	[ $status = "$expected" ] || { echo "show: exit status $status, expected $expected" >&2; exit 1; }
}

set_key="attacker-keys=$ATTACKER_FINGERPRINT"

title "A private copy of this host, in its own namespaces, with a cryptominer on it"
run 0 ps -o pid,ppid,user,args --forest -p "$(pgrep -d, -x 'mysqld|xmrig|kthreadd|kdevtmpfsi|syslog-helper|dbus-helper')"
run 0 cat /var/spool/cron/crontabs/root

title "1. What would be done: nothing is changed"
run 5 respond --playbook miner.pb --set "$set_key" --dry-run
title "2. Do it"
run 0 respond --playbook miner.pb --set "$set_key"
title "3. Again: there is nothing left to do"
run 0 respond --playbook miner.pb --set "$set_key"
title "4. Take it back: all but the kills, which is what exit status 3 says"
run 3 respond --rollback last
run 0 respond --list
title "That was a copy: this host is as it was."
