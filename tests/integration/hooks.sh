#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Detection starts us: alerts meet the rules, addresses are blocked in the kernel, a miner dies,
# the source's own undo event restores; once, not too often, and never what an attacker chose.
set -u
range_seconds=900
. "$TOP_SRCDIR/tests/range/host.sh"
enter_range "$@"
install_respond
stage_incident

rules=$SYSCONFDIR/respond/hooks.d
ledger=$state_dir/hooks/ledger
mkdir -p $rules

# ---- stage ------------------------------------------------------------------------------------

# rule NAME LINE...: in a file of its own
rule() {
	local name=$1
	shift
	{
		printf '[rule %s]\n' "$name"
		printf '%s\n' "$@"
	} >"$rules/$name.conf"
}

no_rules() {
	rm -f $rules/*.conf
}

# hook SOURCE [ARGUMENT...] < message
hook() {
	status=0
	output=$(respond --hook "$@" 2>&1) || status=$?
}

# alert JSON-MEMBERS...
alert() {
	hook json <<<"{$1}"
}

runs() {
	respond --list --format json | json '*.run' 2>/dev/null | wc -l
}

# In one of the sets of addresses, with any timeout.
blocked() {
	nft list table inet respond 2>/dev/null | grep -qwF -- "$1"
}

# The seconds that the kernel gives an address yet.
left_of() {
	nft -j list table inet respond | grep -oE "\"val\": \"$1\"[^}]*\"expires\": [0-9]+" | grep -oE '[0-9]+$' | sort -n | tail -n 1
}

count() { # count RULE WORD
	respond --hooks --format json | json 'rules.*' | grep -F "\"rule\":\"$1\"" | grep -oE "\"$2\":[0-9]+" | grep -oE '[0-9]+$'
}

address=198.51.100.77

# ---- rules that are wrong ------------------------------------------------------------------------

alert '"a":1'
ended "no rules: an event that nothing wants" 0
says "no rules: says so" "no rule wants this event"

rule wrong 'source = wazu' 'playbook = block.pb' 'set adress = ${event.srcip}' 'match level = >= high'
alert '"a":1'
ended "wrong rules: refused" 2
says "wrong rules: the source, and which was meant" "wrong.conf:2: 'wazu' is no source (did you mean 'wazuh'?)"
says "wrong rules: the input, and which was meant" "'set adress': playbook 'block' has no input 'adress' (did you mean 'address'?)"
says "wrong rules: the number" "wrong.conf:5: 'match level': 'high' is no whole number"
run_respond --hooks
ended "wrong rules: --hooks tells it, too" 2

no_rules
rule mine 'source = json' 'playbook = block.pb' 'set address = ${event.srcip}'
chmod 0666 $rules/mine.conf
alert '"a":1'
ended "a file that anybody may write: refused" 2
says "a file that anybody may write: says so" "is not trusted"
chmod 0644 $rules/mine.conf
chown operator $rules
alert '"a":1'
ended "a directory that is somebody's: refused" 2
chown root $rules
mkdir -p /opt/books
printf '[playbook]\nname = x\n[step x]\naction = net.block\naddress = 192.0.2.1\n' >/opt/books/x.pb
chmod 0777 /opt/books
rule mine 'source = json' 'playbook = /opt/books/x.pb'
alert '"a":1'
ended "a playbook that anybody may write: refused" 2

# ---- the rules that ship ------------------------------------------------------------------------------

no_rules
install -m 0644 "$TOP_SRCDIR/examples/hooks/rules.conf.in" $rules/examples.conf
run_respond --hooks
ended "the examples are right" 0
same "the examples alter nothing" "$(grep -c '^\[rule ' $rules/examples.conf)" "$(grep -c '  dry-run  ' <<<"$output")"

# ---- dry run is what a new rule does ---------------------------------------------------------------

no_rules
rule block 'source = json' 'match level = >= 10' 'match rule = ssh*, "a, b"' 'playbook = block.pb' \
	'set address = ${event.srcip}' 'set ttl = 1h' 'undo-on action = unban'
firewall=$(firewall)
everything=$(every_file)

hook json --explain <<<"{\"level\":12,\"rule\":\"sshd\",\"srcip\":\"$address\"}"
ended "explain: says what would be done" 0
says "explain: which rule" "rule block ($rules/block.conf:1): this one"
says "explain: which values" "with address=$address"
says "explain: that it would only be planned" "the rule's mode is dry-run"
says "explain: the plan" "block $address"
hook json --explain <<<"{\"level\":9,\"rule\":\"sshd\",\"srcip\":\"$address\"}"
says "explain: why a rule does not want it" "'level' is '9', not >= 10"
hook json --explain <<<"{\"level\":10,\"rule\":\"sshd\"}"
says "explain: what is missing" "the event has no field 'srcip'"
status=0
output=$(respond --hook json --explain --format json <<<"{\"level\":12,\"rule\":\"sshd\",\"srcip\":\"$address\"}") || status=$?
check "explain: for machines" json events <<<"$output"
same "explain: every file is as it was, our own, too" "$everything" "$(every_file)"

alert "\"level\":12,\"rule\":\"sshd\",\"srcip\":\"$address\""
ended "dry run: handled" 0
says "dry run: what would be made" "1 change would be made; none is, because the rule's mode is dry-run"
same "dry run: the firewall is as it was" "$firewall" "$(firewall)"
same "dry run: no run" 0 "$(runs)"
same "dry run: counted" 1 "$(count block dry-runs)"

# ---- block, once, and back ---------------------------------------------------------------------------

sed -i '$a mode = enforce' $rules/block.conf
alert "\"level\":12,\"rule\":\"sshd\",\"srcip\":\"$address\""
ended "block: done" 0
says "block: which run" "rule block: address=$address: run "
check "block: it is in the kernel" blocked $address
run=$(last_run)
alert "\"level\":12,\"rule\":\"sshd\",\"srcip\":\"$address\""
ended "again: handled" 0
says "again: not done" "not again: the same was done"
same "again: one run" 1 "$(runs)"
alert "\"level\":12,\"rule\":\"smtp\",\"srcip\":\"198.51.100.78\""
check_not "another rule's alert: not blocked" blocked 198.51.100.78
alert "\"level\":12,\"rule\":\"a, b\",\"srcip\":\"198.51.100.79\""
check "a value in quotes" blocked 198.51.100.79

run_respond --show "$run"
says "show: the trigger" "by rule block of json, address=$address"
says "show: what the rule went by" "level=12, rule=sshd"
check "report: the trigger" grep -qF "rule block of json" <<<"$(respond --report "$run")"

alert "\"action\":\"unban\",\"level\":12,\"rule\":\"sshd\",\"srcip\":\"203.0.113.200\""
ended "undo of what was not done: handled" 0
says "undo of what was not done: says so" "nothing is in force that could be taken back"
alert "\"action\":\"unban\",\"srcip\":\"$address\""
ended "undo: done" 0
says "undo: says so" "1 run taken back"
check_not "undo: it is in the kernel no more" blocked $address
check "undo: the other one is" blocked 198.51.100.79
same "undo: the run is taken back" "rolled back" "$(respond --list | grep "$run" | grep -o 'rolled back')"
alert "\"level\":12,\"rule\":\"sshd\",\"srcip\":\"$address\""
check "after the undo it is blocked at once again" blocked $address
respond --rollback last >/dev/null
alert "\"action\":\"unban\",\"srcip\":\"$address\""
ended "undo after a rollback by hand: handled" 0
says "undo after a rollback by hand: says so" "taken back already"

# ---- many at once ---------------------------------------------------------------------------------------

before=$(runs)
for i in $(seq 20); do
	respond --hook json <<<"{\"level\":12,\"rule\":\"sshd\",\"srcip\":\"198.51.100.80\"}" >/dev/null 2>&1 &
	pids+=($!)
done
bad=0
for pid in "${pids[@]}"; do wait "$pid" || bad=$((bad + 1)); done
same "twenty at once: each is answered" 0 $bad
same "twenty at once: one run" $((before + 1)) "$(runs)"
check "twenty at once: blocked" blocked 198.51.100.80

# ---- limits ------------------------------------------------------------------------------------------------

no_rules
rule few 'source = json' 'playbook = block.pb' 'set address = ${event.srcip}' 'mode = enforce' 'limit = 3/1h'
refused=0
for i in 1 2 3 4 5 6; do
	alert "\"srcip\":\"203.0.113.10$i\""
	[ $status = 4 ] && refused=$((refused + 1))
done
same "limit: what is beyond is refused" 3 $refused
says "limit: says so" "the rule has had its 3 runs within 1h"
check "limit: the first ones are blocked" blocked 203.0.113.103
check_not "limit: the others are not" blocked 203.0.113.104
same "limit: counted" 3 "$(count few limited)"
run_respond --hooks
says "--hooks: the last refusal" "the rule has had its 3 runs within 1h"
says "--hooks: counts are in words" "over the limit"
says "--hooks: what is in force" "in force: address=203.0.113.101: run "
says "--hooks: the mode" "few  enforce"

# ---- hostile values ------------------------------------------------------------------------------------------

no_rules
rule any 'source = json' 'playbook = block.pb' 'set address = ${event.srcip}' 'mode = enforce' 'cooldown = 0s' 'limit = 1000/1s'
firewall=$(firewall)
before=$(runs)
touch /root/canary
hostile=('"$(touch /root/pwned)"' '"`touch /root/pwned`"' '"1.2.3.4; touch /root/pwned"' '"file:/root/canary"' '"1.2.3.4,5.6.7.8"'
	'"1.2.3"' '"010.1.2.3"' '"0x7f000001"' '"2130706433"' '2130706433' '"evil.example"' '"1.2.3.4\n"' '"1.2.3.4\u0000"' '" 1.2.3.4"'
	'"1.2.3.4/8"' '"fe80::1%eth0"' '"${event.srcip}"' '""' 'null' '[]' '{}' 'true' '-1' '1e400' '99999999999999999999999'
	'"\u001b[2J"' '["1.2.3.4","x"]' '"--rollback=last"' '"../../etc/passwd"')
bad=
for value in "${hostile[@]}"; do
	alert "\"srcip\":$value"
	[ $status = 4 ] || [ $status = 2 ] || bad+=" $value:$status"
	LC_ALL=C grep -q $'[\001-\010\013-\037\177]' <<<"$output" && bad+=" $value:control"
done
same "hostile values: each is refused (${#hostile[@]})" '' "$bad"
bad=
messages=('' '{' '[]' '"x"' '{"a":1}{"b":2}' '{"a":1,"a":2}' $'{"\xff":1}' "$(printf '{"a":%0.s' $(seq 100))" '{"a.b":1,"a":{"b":2}}')
for message in "${messages[@]}"; do
	hook json <<<"$message"
	[ $status = 2 ] || bad+=" $message:$status"
done
same "hostile messages: each is refused (${#messages[@]})" '' "$bad"
head -c 3000000 /dev/zero | tr '\0' ' ' >$scratch/huge
hook json <$scratch/huge
ended "a message that is too long: refused" 2
same "hostile: no run" "$before" "$(runs)"
same "hostile: the firewall is as it was" "$firewall" "$(firewall)"
check_not "hostile: no shell" test -e /root/pwned
check "hostile: odd spellings of one address are one" eval '
	alert "\"srcip\":\"::ffff:203.0.113.201\""; blocked 203.0.113.201'

# ---- targets that are not an attacker's to choose ---------------------------------------------------------------

refused_by() { # refused_by RULE ADDRESS
	alert "\"srcip\":\"$2\""
	ended "$2: refused" 4
	says "$2: by name" "$1"
}
refused_by net.loopback 127.0.0.1
refused_by net.own 192.168.1.100
refused_by net.too-wide 198.0.0.0/8
mkdir -p "$SYSCONFDIR/respond"
printf '[protect]\naddresses = 198.51.100.200\n' >"$SYSCONFDIR/respond/respond.conf"
refused_by net.protected 198.51.100.200
rm "$SYSCONFDIR/respond/respond.conf"
list='"srcip":["198.51.100.130","192.168.1.100","198.51.100.131"]'
alert "$list"
ended "one of a list is protected: nothing of it is done" 4
check_not "one of a list is protected: not blocked" blocked 198.51.100.130
sed -i '$a protected = leave-out' $rules/any.conf
hook json --explain <<<"{$list}"
says "left out: explained" "1 of 3 left out: 192.168.1.100 is this host's own address"
alert "$list"
ended "left out: the others are" 0
says "left out: by name" "1 of 3 left out: 192.168.1.100 is this host's own address"
check "left out: blocked" blocked 198.51.100.131
check_not "left out: the protected one is not" blocked 192.168.1.100
check "left out: the run says so" grep -q "1 of 3 left out: 192.168.1.100" <<<"$(respond --show last)"
alert '"srcip":["127.0.0.1","192.168.1.100"]'
ended "all of a list are protected: refused" 4
check "refusals are counted" test "$(count any refused)" -ge 4

# ---- a miner ---------------------------------------------------------------------------------------------------------

miners() {
	ps -e -o pid=,stat=,comm=,args= | awk '$2 !~ /^Z/ && ($3 == "xmrig" || $4 ~ /xmrig/)'
}

no_miners() {
	[ -z "$(miners)" ]
}

no_rules
rule miner 'source = json' 'match rule = *miner*' 'match priority = Critical, Error' 'playbook = miner.pb' 'mode = enforce' \
	'set names = ${event.output_fields.proc.name}, kthreadd, kdevtmpfsi, syslog-helper, dbus-helper' 'undo-on = never'
check "the miner runs" eval '[ -n "$(miners)" ]'
hook json <<'END'
{"uuid":"x","hostname":"web01","time":"2025-01-01T10:00:00.000000000Z","rule":"Detect crypto miners","priority":"Critical","source":"syscall","tags":["process"],"output":"...","output_fields":{"proc.pid":412,"proc.name":"xmrig","proc.exepath":"/tmp/xmrig","user.name":"www-data","fd.rip":"198.51.100.7","fd.rport":3333}}
END
check "miner: a run was made" grep -q "rule miner: .*run 20" <<<"$output"
check "miner: it is dead" await no_miners
check "miner: its server is blocked" blocked "$SERVER"

# ---- ttl ---------------------------------------------------------------------------------------------------------------

no_rules
rule short 'source = json' 'playbook = block.pb' 'set address = ${event.srcip}' 'mode = enforce' 'ttl = 300s' 'cooldown = 1s' \
	'undo-on action = unban'
gone() { ! blocked "$1"; }
waiters() { pgrep -cf -- '--await [0-9]'; }
waiters_are() { [ "$(waiters)" = "$1" ]; }
waiting=$(waiters)
alert "\"srcip\":\"198.51.100.90\""
left=$(left_of 198.51.100.90)
check "ttl: the rule's goes before the playbook's seven days (${left:-none} s)" test "${left:-0}" -gt 250 -a "${left:-0}" -le 300
# What waits for the miner's run may be slow to say so: then a second one is started, and goes.
check "ttl: the kernel ends it, nothing more waits" await waiters_are "$waiting"
# The clock of the host is the kernel's: a block that has 100 s left is put there by hand.
set_name=$(nft list table inet respond | awk '$1 == "set" {name = $2} /198.51.100.90/ {print name; exit}')
nft delete element inet respond "$set_name" '{ 198.51.100.90 }'
nft add element inet respond "$set_name" '{ 198.51.100.90 timeout 100s }'
sleep 1.1
alert "\"srcip\":\"198.51.100.90\""
says "renewed: a run of its own" "run "
left=$(left_of 198.51.100.90)
check "renewed: for the whole time again (${left:-none} s)" test "${left:-0}" -gt 250
first=$(respond --list --format json | json '*.run' | sort | tail -n 2 | head -n 1)
respond --rollback "$first" >/dev/null
check "renewed: the end of the first run does not end it" blocked 198.51.100.90
left=$(left_of 198.51.100.90)
check "renewed: nor does it last shorter (${left:-none} s)" test "${left:-0}" -gt 230
alert "\"action\":\"unban\",\"srcip\":\"198.51.100.90\""
check_not "renewed: the undo event ends it" blocked 198.51.100.90

# A rollback by hand, the undo event and the end of the time meet in any order.
alert "\"srcip\":\"198.51.100.91\""
check "by hand: blocked" blocked 198.51.100.91
respond --rollback last >/dev/null
same "by hand: taken back" 0 $?
check_not "by hand: not blocked" blocked 198.51.100.91
alert "\"action\":\"unban\",\"srcip\":\"198.51.100.91\""
ended "by hand: the undo event afterwards finds nothing" 0
sleep 1.1
alert "\"srcip\":\"198.51.100.91\""
check "by hand: blocked again" blocked 198.51.100.91
alert "\"action\":\"unban\",\"srcip\":\"198.51.100.91\""
check_not "by hand: the undo event ends it" blocked 198.51.100.91
respond --rollback last >/dev/null
same "by hand: a rollback after the undo event has nothing to do" 0 $?
alert "\"srcip\":\"198.51.100.92\""
set_name=$(nft list table inet respond | awk '$1 == "set" {name = $2} /198.51.100.92/ {print name; exit}')
nft delete element inet respond "$set_name" '{ 198.51.100.92 }' # as the kernel does at the end of the time
respond --rollback last >/dev/null
same "its time over: a rollback has nothing to do" 0 $?
alert "\"action\":\"unban\",\"srcip\":\"198.51.100.92\""
ended "its time over: nor has the undo event" 0

# What the kernel does not end by itself has a deadline, which is kept.
cat >$playbooks/away.pb <<'END'
[playbook]
name = away
[input file]
type = path
required = yes
[step file]
action = file.quarantine
path = ${file}
END
rule away 'source = json' 'match file = /var/tmp/*' 'playbook = away.pb' 'set file = ${event.file}' 'mode = enforce' 'ttl = 10s' \
	'cooldown = 0s' 'undo-on action = unban'
echo harmless >/var/tmp/evil
alert '"file":"/var/tmp/evil"'
ended "deadline: the file is taken away" 0
check_not "deadline: it is" test -e /var/tmp/evil
check "deadline: it is back by itself" await test -e /var/tmp/evil
alert '"file":"/var/tmp/evil","action":"unban"'
ended "deadline: the undo event afterwards finds nothing" 0
alert '"file":"/var/tmp/../../etc/passwd"'
check "a path that climbs is refused" test $status = 4

# Killed in the middle of a run: the undo event takes back what was done by then.
no_rules
rule slow 'source = json' 'playbook = slow.pb' 'set file = ${event.file}' 'mode = enforce' 'undo-on action = unban'
sed 's/^name = away/name = slow\nsettle = 60s/' $playbooks/away.pb >$playbooks/slow.pb
echo harmless >/var/tmp/evil2
respond --hook json <<<'{"file":"/var/tmp/evil2"}' >/dev/null 2>&1 &
pid=$!
check "killed: the file is taken away" await test ! -e /var/tmp/evil2
kill -KILL $pid
wait $pid 2>/dev/null
alert '"file":"/var/tmp/evil2","action":"unban"'
ended "killed: the undo event is handled" 0
says "killed: and takes it back" "1 run taken back"
check "killed: the file is back" test -e /var/tmp/evil2
alert '"file":"/var/tmp/evil2","action":"unban"'
says "killed: once" "nothing is in force that could be taken back"

# ---- Wazuh ----------------------------------------------------------------------------------------------------------------

no_rules
rule brute 'source = wazuh' 'match parameters.alert.rule.level = >= 10' 'match parameters.alert.rule.groups = sshd' \
	'playbook = block.pb' 'set address = ${event.srcip}' 'set ttl = 1h' 'mode = enforce'
wazuh() { # wazuh COMMAND ADDRESS
	printf '{"version":1,"origin":{"name":"node01","module":"wazuh-execd"},"command":"%s","parameters":{"extra_args":[],"alert":{"timestamp":"2025-01-01T10:00:00.000+0000","rule":{"level":10,"description":"sshd: brute force","id":"5763","firedtimes":1,"mail":false,"groups":["sshd"]},"agent":{"id":"001","name":"web1"},"manager":{"name":"m1"},"id":"1696894457.995791","full_log":"...","decoder":{"parent":"sshd","name":"sshd"},"data":{"srcip":"%s","srcport":"56637","dstuser":"bob"},"location":"/var/log/auth.log"},"program":"active-response/bin/respond"}}\n' "$1" "$2"
}

# As wazuh-execd: says the alert, hears the keys, answers, and waits for the end; its side stays
# open. What was said is then in $keys, how it ended in $status.
execd() { # execd COMMAND ADDRESS ANSWER
	local start
	start=$(date +%s%3N)
	coproc peer { respond --hook wazuh 2>$scratch/peer; }
	local pid=$peer_PID out=${peer[0]} in=${peer[1]}
	wazuh "$1" "$2" >&"$in"
	keys=
	if [ -n "${3:-}" ]; then
		read -r -t 60 -u "$out" keys
		printf '{"version":1,"origin":{"name":"node01","module":"wazuh-execd"},"command":"%s","parameters":{}}\n' "$3" >&"$in"
	fi
	status=0
	wait "$pid" || status=$?
	took=$(($(date +%s%3N) - start))
	output=$(cat $scratch/peer)
}

execd add 198.51.100.95 continue
ended "wazuh: add is answered" 0
check "wazuh: with the keys" grep -qF '"command":"check_keys","parameters":{"keys":["198.51.100.95"]}' <<<"$keys"
check "wazuh: at once ($took ms)" test $took -lt 8000 # it waits for the end of its input for 10 s
check "wazuh: then it is blocked" await blocked 198.51.100.95
before=$(runs)
execd add 198.51.100.96 abort
ended "wazuh: abort ends it" 0
sleep 0.5
check_not "wazuh: abort: not blocked" blocked 198.51.100.96
same "wazuh: abort: no run" "$before" "$(runs)"
execd add 198.51.100.96 nonsense
ended "wazuh: an answer that makes no sense is refused" 2
check_not "wazuh: and nothing is done" blocked 198.51.100.96
execd delete 198.51.100.95
ended "wazuh: delete is answered" 0
check "wazuh: delete takes it back" await gone 198.51.100.95
wazuh add 198.51.100.94 | respond --hook wazuh >$scratch/keys 2>/dev/null
same "wazuh: an agent that hangs up is answered" 0 $?
check "wazuh: an agent that hangs up: blocked all the same" await blocked 198.51.100.94
wazuh add 198.51.100.97 | sed 's/"version":1/"version":7/' | respond --hook wazuh >/dev/null 2>&1
same "wazuh: another version is refused" 2 $?
wazuh add 198.51.100.97 | head -c 300 | respond --hook wazuh >/dev/null 2>&1
same "wazuh: half a message is refused" 2 $?
check "wazuh: refusals are seen" grep -q "last refusal" <<<"$(respond --hooks)"

# ---- two jails ------------------------------------------------------------------------------------------------------------------

no_rules
rule jails 'source = fail2ban' 'playbook = block.pb' 'set address = ${event.ip}' 'mode = enforce'
for jail in sshd recidive; do
	hook fail2ban action=ban ip=198.51.100.98 jail=$jail
	ended "fail2ban: $jail bans" 0
done
hook fail2ban action=unban ip=198.51.100.98 jail=sshd
ended "fail2ban: sshd unbans" 0
check "fail2ban: what another jail bans stays blocked" blocked 198.51.100.98
hook fail2ban action=unban ip=198.51.100.98 jail=recidive
check_not "fail2ban: and is free when that unbans, too" blocked 198.51.100.98

# ---- the ledger -----------------------------------------------------------------------------------------------------------------

no_rules
rule kept 'source = json' 'playbook = block.pb' 'set address = ${event.srcip}' 'mode = enforce' 'undo-on action = unban'
alert '"srcip":"198.51.100.99"'
check "ledger: blocked" blocked 198.51.100.99
same "ledger: it is root's alone" "700 600" "$(stat -c %a $state_dir/hooks) $(stat -c %a $ledger)"
printf '{"format":1,' >$ledger
alert '"srcip":"198.51.100.99","action":"unban"'
ended "a damaged ledger is made anew" 0
says "a damaged ledger: says so" "made anew from the journals"
check_not "a damaged ledger: what was done is known, and taken back" blocked 198.51.100.99
check "--hooks for machines" json rules <<<"$(respond --hooks --format json)"

# ---- who starts us -------------------------------------------------------------------------------------------------------------

# su(1) starts a hook for its user: whose limits are not ours, and who cannot stop or end us.
n=0
for limit in '-f 0' '-v 20000' '-n 5' '-u 1'; do
	n=$((n + 1))
	if [ -n "${SANITIZE:-}" ] && [ "$limit" = '-v 20000' ]; then
		skip "under ulimit $limit: blocked" "a sanitizer takes terabytes of addresses before main()"
		continue
	fi
	# shellcheck disable=SC2086
	(ulimit -S $limit && exec respond --hook json) <<<"{\"srcip\":\"198.51.100.10$n\"}" >/dev/null 2>&1
	check "under ulimit $limit: blocked" blocked 198.51.100.10$n
done
mkfifo $scratch/message
exec 7<>$scratch/message
setpriv --ruid operator respond --hook json <$scratch/message >/dev/null 2>&1 &
child=$!
are_root() { # setpriv was, before it became respond
	grep -qx respond /proc/$child/comm && grep -qE '^Uid:\s+0\s+0\s+0\s+0$' /proc/$child/status
}
check "started by another user: root's altogether" await are_root
check_not "started by another user: who cannot stop it" setpriv --reuid operator --clear-groups kill -STOP $child
echo '{"srcip":"198.51.100.105"}' >&7
exec 7>&-
wait $child
same "started by another user: acts" 0 $?
check "started by another user: blocked" blocked 198.51.100.105

# Nobody but root.
status=0
output=$(setpriv --reuid operator --clear-groups respond --hook json 2>&1 <<<'{}') || status=$?
ended "not root: refused" 1
hook jason <<<'{}'
ended "no such source" 2
says "no such source: which was meant" "did you mean 'json'?"
hook json word <<<'{}'
ended "words for a source that takes none" 2
hook json -- --word <<<'{}'
ended "words behind a lone --" 2
says "words behind a lone --: are words" "takes no words"
hook pam -- --word <<<'{}'
says "words for a source that reads the environment" "its message comes in the environment"
for usage in '--hook' '--explain' '--explain --list' '--hook json --hook json' '--hook json --hooks' '--hook json --dry-run' '--hooks x'; do
	# shellcheck disable=SC2086
	run_respond $usage
	ended "usage: respond $usage" 2
done
finish
