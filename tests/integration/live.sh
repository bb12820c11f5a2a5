#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# respond that lives on: events over the socket, from a file that is followed, from lines on
# standard input. A flood is as many runs as it has targets; what does not fit is counted;
# nobody can hold up others; signals do what they should.
set -u
range_seconds=900
. "$TOP_SRCDIR/tests/range/host.sh"
enter_range "$@"
install_respond

hook_socket=/run/respond/hook.sock
rules=/etc/respond/hooks.d
peer=$TOP_BUILDDIR/tests/range/peer
mkdir -p -m 0755 $rules $scratch

cat >$rules/live.conf <<-'RULES'
	[rule flood]
	source = json
	match kind = flood
	playbook = block.pb
	set address = ${event.srcip}
	mode = enforce
	limit = 1000/1m
	cooldown = 10m
	ttl = 1h
	undo-on action = delete
RULES

alert() {
	printf '{"kind":"%s","srcip":"%s"}\n' "$1" "$2"
}

take_back() {
	printf '{"kind":"%s","srcip":"%s","action":"delete"}\n' "$1" "$2"
}

# from_socket: the events on standard input, sent; what is answered.
from_socket() {
	{ echo json && cat; } | timeout 300 "$peer" $hook_socket
}

# The last started is $daemon; all that it says is in $log.
start() {
	log=$scratch/log-$1
	shift
	respond "$@" <&0 >"$log" 2>&1 &
	daemon=$!
}

# It has a signal in its hands from here on: before, one would just end it.
hears_signals() {
	grep -q '^SigBlk:.*4003$' /proc/$daemon/status
}

# The socket is there before anybody may connect.
listens() {
	[ "$(stat -c %F:%a $hook_socket)" = socket:600 ] && hears_signals
}

start_listening() {
	start "$1" --listen
	check "$1: it listens" await listens
}

# stop WHAT: the last started ends at SIGTERM, in time and with success.
stop() {
	kill -TERM $daemon
	ends "$1"
}

ends() {
	local status=0
	check "$1: in time" await has_ended $daemon
	wait $daemon || status=$?
	same "$1: with success" 0 $status
}

blocked() {
	nft get element inet respond block4 "{ $1 }" >/dev/null 2>&1 ||
		nft list table inet respond 2>/dev/null | grep -qwF -- "$1"
}

n_blocked() {
	nft list table inet respond 2>/dev/null | grep -oE "\\b$1\\.[0-9]+\\b" | sort -u | wc -l
}

n_blocked_is() {
	[ "$(n_blocked "$1")" = "$2" ]
}

n_runs() {
	find "$state_dir/runs" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l
}

has_runs() {
	[ "$(n_runs)" = "$1" ]
}

rss() {
	awk '$1 == "VmRSS:" { print $2 }' "/proc/$1/status"
}

# tally RULE WORD: what respond --hooks says.
tally() {
	local all place
	all=$(respond --hooks --format json)
	place=$(json 'rules.*.rule' <<<"$all" | grep -nx "$1" | cut -d: -f1)
	json "rules.$((place - 1)).counts.$2" <<<"$all"
}

# follows FILE [POSITION]: the last started has it open, and has read so far.
follows() {
	local fd
	for fd in /proc/$daemon/fd/*; do
		[ "$(stat -L -c %d:%i "$fd")" = "$(stat -c %d:%i "$1")" ] &&
			grep -qx "pos:	${2:-[0-9]*}" "/proc/$daemon/fdinfo/${fd##*/}" && return
	done
	return 1
}

note() {
	echo "# $*"
}

# ---- a flood ------------------------------------------------------------------------------

# N alerts, one in a hundred about another target, in a scattered order.
flood() {
	awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++)
		printf "{\"kind\":\"flood\",\"srcip\":\"198.18.0.%d\",\"n\":%d,\"text\":\"quoted \\\" and $(reboot)\"}\n", i * 7919 % (n / 100), i }'
}

start_listening flood
same "the socket is root's alone" "600 0" "$(stat -c '%a %u' $hook_socket)"
alert flood 198.18.1.1 | from_socket >/dev/null
check "an alert is a run" await has_runs 1
check "the address is blocked" await blocked 198.18.1.1
before=$(rss $daemon)
started=$(date +%s%N)
answer=$(flood 10000 | from_socket)
same "10,000 alerts are taken" "taken 10000" "$answer"
taken=$(date +%s%N)
patience=3000 check "a flood of 10,000 alerts about 100 targets is 100 runs" await has_runs 101
ended=$(date +%s%N)
sleep 2
same "and no more" 101 "$(n_runs)"
check "every target is blocked" await n_blocked_is 198.18.0 100
after=$(rss $daemon)
note "10,000 alerts taken in $(((taken - started) / 1000000)) ms, 100 runs made after $(((ended - started) / 1000000)) ms"
note "resident memory: $before kB before, $after kB after"
if [ -n "${SANITIZE:-}" ]; then
	skip "memory stays flat" "a sanitizer keeps what is freed"
else
	check "memory stays flat" [ "$after" -lt $((before + 4096)) ]
fi

# ---- what it counts -------------------------------------------------------------------------

counted() {
	local want=$1 sum=0 word
	for word in runs cooled merged dropped limited; do
		sum=$((sum + $(tally flood $word)))
	done
	[ $sum = "$want" ]
}
check "each of 10,001 alerts is a run, or was merged with one, or came too soon after it" await counted 10001
same "101 of them are runs" 101 "$(tally flood runs)"
check "for people, too" grep -qE "101 runs, .*[0-9]+ merged with others" <<<"$(respond --hooks)"
same "none was dropped" 0 "$(tally flood dropped)"
note "merged while they waited: $(tally flood merged); within the cooldown: $(tally flood cooled)"

# ---- taking back ----------------------------------------------------------------------------

take_back flood 198.18.0.7 | from_socket >/dev/null
check "the undo event takes the block back" await not blocked 198.18.0.7
same "and only that" 99 "$(n_blocked 198.18.0)"
{ alert flood 198.18.2.1; take_back flood 198.18.2.1; } | from_socket >/dev/null
undone() {
	[ "$(tally flood undone)" = "$1" ]
}
check "an undo right behind its alert comes after it" await undone 2
check_not "and is the last word" blocked 198.18.2.1
{ alert flood 198.18.2.1; take_back flood 198.18.2.1; alert flood 198.18.2.1; } | from_socket >/dev/null
sleep 1
check "a last alert is the last word" await blocked 198.18.2.1

# ---- peers ----------------------------------------------------------------------------------

as_user() {
	timeout 60 setpriv --reuid "$1" --regid "$1" --clear-groups "$peer" $hook_socket
}
check_not "another user cannot connect" as_user 65534 </dev/null
chmod 0666 $hook_socket
answer=$({ echo json && alert flood 198.18.2.9; } | as_user 65534)
same "where the socket lets it, the kernel's word on who it is counts" "refused: this user may not send" "$answer"

# Of 40 peers that say nothing each holds a place, where there is one, for some seconds. One more
# was refused above.
mkfifo $scratch/silence
exec 8<>$scratch/silence
silent=()
for _ in $(seq 40); do
	"$peer" $hook_socket silent <&8 >/dev/null 2>&1 &
	silent+=($!)
done
exec 8>&-
all_refused() {
	[ "$(grep -oE '[0-9]+ peers were refused' "$log" | awk '{ n += $1 } END { print n }')" = 41 ]
}
check "peers that are silent are sent away" await all_refused
answer=$(alert flood 198.18.2.2 | from_socket)
same "peers that are silent do not keep others out" "taken 1" "$answer"
check "and what those say is done" await blocked 198.18.2.2
for pid in "${silent[@]}"; do kill "$pid" 2>/dev/null; done
wait "${silent[@]}" 2>/dev/null

answer=$({ head -c 3000000 /dev/zero | tr '\0' x; echo; alert flood 198.18.2.3; } | from_socket)
same "a line of 3 MB is refused" "taken 1, too long 1" "$answer"
check "and what follows it is done" await blocked 198.18.2.3
answer=$({ printf '{"kind":"flood"\n{"kind":\n\377\n[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n'; alert flood 198.18.2.4; } | from_socket)
check "what is no event does not keep off what is" await blocked 198.18.2.4
check "it is said" await grep -q "4 messages were refused" "$log"
same "a source that there is not is refused" "refused: the first line names no source whose messages are lines" \
	"$(echo nonesuch | timeout 60 "$peer" $hook_socket)"

# ---- signals --------------------------------------------------------------------------------

printf '[rule broken\n' >$rules/wrong.conf
kill -HUP $daemon
check "SIGHUP: what is wrong with the rules is said" await grep -q "wrong.conf" "$log"
alert flood 198.18.2.5 | from_socket >/dev/null
check "SIGHUP: the old rules hold" await blocked 198.18.2.5
rm $rules/wrong.conf
sed 's/rule flood/rule second/; s/kind = flood/kind = second/' $rules/live.conf >$rules/second.conf
kill -HUP $daemon
second_works() {
	alert second 198.18.3.1 | from_socket && blocked 198.18.3.1
}
check "SIGHUP: a new rule holds" await second_works

stop "SIGTERM: it ends"
check_not "SIGTERM: the socket goes" test -e $hook_socket

# ---- more than there is room for ---------------------------------------------------------------

cat >"$SYSCONFDIR/respond/respond.conf" <<-'CONF'
	[listen]
	queue = 5
	runs = 1
CONF
cat >$rules/live.conf <<-'RULES'
	[rule narrow]
	source = json
	match kind = narrow
	playbook = block.pb
	set address = ${event.srcip}
	mode = enforce
	limit = 1000/1m
	undo-on action = delete
RULES
rm $rules/second.conf
many() {
	local i
	for ((i = 1; i <= 200; i++)); do alert narrow 198.18.4.$i; done
	take_back narrow 198.18.4.1
}
many >$scratch/many
start_listening narrow
from_socket <$scratch/many >/dev/null
sum_is_whole() {
	[ $(($(tally narrow runs) + $(tally narrow dropped))) = 200 ] && [ "$(tally narrow undone)" = 1 ]
}
check "200 alerts: what is not run is counted, and the undo behind them is not lost" await sum_is_whole
note "$(tally narrow runs) runs, $(tally narrow dropped) dropped"
check "some were dropped" [ "$(tally narrow dropped)" -gt 0 ]
check "it is said, for the rule" grep -q "narrow: [0-9]* alerts and 0 undos were dropped" "$log"
check "in a line or two" [ "$(grep -c "were dropped" "$log")" -le 3 ]
same "what ran is blocked, but what was taken back" $(($(tally narrow runs) - 1)) "$(n_blocked 198.18.4)"
stop "SIGTERM once more: it ends"
rm "$SYSCONFDIR/respond/respond.conf"

# What waits at SIGTERM is done, not lost. The turn to act is ours until then, so that all of it waits;
# they are few, since two of them have to be at their end within the time that it gives itself.
sed -i 's/narrow/last/' $rules/live.conf
start_listening last
exec 8>>"$state_dir/hooks/act"
check "no run is under way" flock 8
for i in $(seq 4); do alert last 198.18.5.$i; done | from_socket >/dev/null
same "4 runs wait" 0 "$(n_blocked 198.18.5)"
kill -TERM $daemon
flock -u 8
exec 8>&-
ends "SIGTERM with 4 runs to do: it ends"
same "SIGTERM: they are done" 4 "$(n_blocked 198.18.5)"
same "nothing was dropped" 0 "$(tally last dropped)"

# ---- a file that is followed ---------------------------------------------------------------------

events=/var/log/events.json
alert last 198.18.6.1 >$events
start follow --hook json --follow $events
check "follow: from where it ends" await follows $events "$(stat -c %s $events)"
alert last 198.18.6.2 >>$events
check "follow: a line that is appended is an event" await blocked 198.18.6.2
check_not "follow: what was there before is none" blocked 198.18.6.1
mv $events $events.1
alert last 198.18.6.3 >>$events.1
alert last 198.18.6.4 >$events
check "follow: what is written behind a renaming is not lost" await blocked 198.18.6.3
check "follow: the new file is read from its beginning" await blocked 198.18.6.4
cp $events $events.2 && : >$events
check "follow: a file that was emptied is read from its beginning" await follows $events 0
alert last 198.18.6.5 >>$events
check "follow: and goes on" await blocked 198.18.6.5
rm $events
sleep 0.5
alert last 198.18.6.6 >$events
check "follow: a file that comes back is read" await blocked 198.18.6.6
# What following costs: ticks of the processor, and how often it went to wait.
costs() {
	awk '{ print $14 + $15 }' "/proc/$daemon/stat"
	awk '$1 == "voluntary_ctxt_switches:" { print $2 }' "/proc/$daemon/status"
}
# A busy host can only make it look dearer: one quiet stretch is enough.
is_idle() {
	for stretch in 1 2 3 4 5 6 7 8; do
		set -- $(costs)
		sleep 3
		set -- "$@" $(costs)
		echo "$(($3 - $1)) ticks, $(($4 - $2)) waits"
		[ $(($3 - $1)) -gt 2 ] || [ $(($4 - $2)) -gt 10 ] || return 0
	done
	return 1
}
check "follow: waiting costs nothing, and it wakes for its clock alone" is_idle
stop "follow: it ends at SIGTERM"

# A flood, and the file is rotated in its midst while its writer still writes to the old one.
sed 's/kind = last/kind = flood/' -i $rules/live.conf
events=/var/log/flood.json
: >$events
runs=$(n_runs) events_before=$(respond --hooks --format json | json sources.json.counts.events)
start rotated --hook json --follow $events
await follows $events || note "it is not followed"
flood 10000 >$scratch/flood
exec 8>>$events
sed -n 1,4000p $scratch/flood >&8
mv $events $events.1
: >$events
sed -n 4001,7000p $scratch/flood >&8
sed -n '7001,$p' $scratch/flood >>$events
exec 8>&-
read_all() {
	[ "$(respond --hooks --format json | json sources.json.counts.events)" = $((events_before + 10000)) ]
}
check "follow: every line of a flood over a rotation is read" await read_all
patience=3000 check "follow: a flood of 10,000 lines over a rotation is 100 runs" await has_runs $((runs + 100))
sleep 1.5
same "follow: and no more" $((runs + 100)) "$(n_runs)"
stop "follow: it ends after a flood"

# ---- a run that is killed ----------------------------------------------------------------------------

cat >$playbooks/slow.pb <<-'PLAYBOOK'
	[playbook]
	name = slow
	settle = 10m
	[input address]
	type = address-list
	required = yes
	[step block]
	action = net.block
	address = ${address}
PLAYBOOK
cat >$rules/live.conf <<-'RULES'
	[rule slow]
	source = json
	match kind = slow
	playbook = slow.pb
	set address = ${event.srcip}
	mode = enforce
	cooldown = 1h

	[rule quick]
	source = json
	match kind = quick
	playbook = block.pb
	set address = ${event.srcip}
	mode = enforce
RULES
printf '[listen]\nruns = 1\n' >"$SYSCONFDIR/respond/respond.conf"
start_listening killed
alert slow 198.18.8.1 | from_socket >/dev/null
check "a run under way" await blocked 198.18.8.1
worker=$(pgrep -P $daemon -x respond-run)
alert quick 198.18.8.2 | from_socket >/dev/null
sed -i 's/kind = quick/kind = quicker/' $rules/live.conf
kill -HUP $daemon
check "the rules are read again behind it" await grep -q "read again" "$log"
kill -KILL "$worker"
check "what waited, and no rule wants any more, is no run" await grep -q "no rule wants an event any more" "$log"
check "a run that is killed is told" await grep -q "a run of the rule slow was ended by signal 9" "$log"
respond --recover >/dev/null 2>&1
check_not "what it left is recovered from" blocked 198.18.8.1
alert slow 198.18.8.1 | from_socket >/dev/null
check "the same alert is acted on at once" await blocked 198.18.8.1
survivor=$(pgrep -P $daemon -x respond-run)
stop_now() {
	kill -TERM $daemon
	has_ended $daemon
}
check "a second SIGTERM does not wait for a run" await stop_now
wait $daemon
start_listening again
check "nor is a new start kept from its socket by that run" listens
kill -KILL "$survivor"
stop "it ends once more"

# ---- a source that starts us once ------------------------------------------------------------------

cat >$rules/live.conf <<-'RULES'
	[rule audit]
	source = auditd
	match type = ANOM_LOGIN_FAILURES
	playbook = block.pb
	set address = ${event.srcip}
	mode = enforce
	limit = 1000/1m
RULES
record() {
	echo "type=ANOM_LOGIN_FAILURES msg=audit(1696894457.995:$1): pid=1 uid=0 auid=4294967295 ses=4294967295 msg='op=x acct=\"root\" exe=\"/usr/sbin/sshd\" hostname=? addr=$2 terminal=ssh res=failed'"
}
for i in $(seq 30); do record $i 198.18.7.$((i % 3 + 1)); done | respond --hook auditd >/dev/null 2>&1
same "auditd: at the end of its lines it ends, and all is done" 3 "$(n_blocked 198.18.7)"
mkfifo $scratch/audisp
exec 7<>$scratch/audisp
start audisp --hook auditd <&7
record 31 198.18.7.9 >&7
check "auditd: a record is an event" await blocked 198.18.7.9
sed -i 's/ANOM_LOGIN_FAILURES/ANOM_PROMISCUOUS/' $rules/live.conf
kill -HUP $daemon
check "auditd: SIGHUP: the rules are read again" await grep -q "read again" "$log"
record 32 198.18.7.10 >&7
sleep 0.5
check_not "auditd: and hold" blocked 198.18.7.10
stop "auditd: it ends at SIGTERM"
exec 7>&-

run_respond --hook wazuh --follow /var/log/events.json
ended "a source whose messages are no lines is not followed" 2
run_respond --follow /var/log/events.json
ended "nor is a file without a source" 2
run_respond --hook json x --follow /var/log/events.json
ended "nor beside a message" 2
finish
