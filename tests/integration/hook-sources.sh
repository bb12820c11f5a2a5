#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every detection source, by a message as it sends them: the address is blocked in the kernel, and
# its own undo event, where it has one, takes that back. A message that is cut off does nothing.
set -u
. "$TOP_SRCDIR/tests/range/host.sh"
enter_range "$@"
install_respond
stage_incident

rules=$SYSCONFDIR/respond/hooks.d
mkdir -p $rules

blocked() {
	nft list table inet respond 2>/dev/null | grep -qwF -- "$1"
}

gone() {
	! blocked "$1"
}

# rule SOURCE LINE...: the only one
rule() {
	rm -f $rules/*.conf
	local source=$1
	shift
	{
		printf '[rule all]\nsource = %s\nplaybook = block.pb\nmode = enforce\n' "$source"
		printf '%s\n' "$@"
	} >$rules/all.conf
}

# as_line, as_words, as_environment: how the message of $source comes in
as_line() {
	respond --hook "$source" <<<"$1" 2>&1
}

as_words() {
	local words
	mapfile -t words <<<"$1"
	respond --hook "$source" "${words[@]}" 2>&1 </dev/null
}

as_environment() {
	local words
	mapfile -t words <<<"$1"
	env "${words[@]}" respond --hook "$source" 2>&1 </dev/null
}

# As wazuh-execd, whose side stays open: the answer to the handshake is there when it is asked for.
as_wazuh() {
	{
		printf '%s\n' "$1"
		echo '{"version":1,"origin":{"name":"node01","module":"wazuh-execd"},"command":"continue","parameters":{}}'
		sleep 1
	} | respond --hook wazuh 2>&1
}

# What is left of it may be whole, and have another meaning. Who lives on only says what came of it.
unwanted() {
	[ $result = 2 ] || [ $result = 4 ] || grep -qE "no rule wants this event|^respond: 1 (event|message) was refused:" <<<"$half"
}

# tell WAY SOURCE ADDRESS MESSAGE [UNDO]
tell() {
	local way=$1 address=$3 message=$4 undo=${5:-}
	source=$2
	output=$("$way" "${message:0:${#message}/2}") && status=0 || status=$?
	result=$status half=$output
	check "$source: half a message is refused, or wanted by no rule" unwanted
	check "$source: and does nothing" gone "$address"
	output=$("$way" "$message") && status=0 || status=$?
	ended "$source: handled" 0
	check "$source: $address is blocked" await blocked "$address"
	[ -n "$undo" ] || return 0
	output=$("$way" "$undo") && status=0 || status=$?
	ended "$source: its undo event is handled" 0
	check "$source: $address is not blocked any more" await gone "$address"
}

rule wazuh 'match parameters.alert.rule.level = >= 10' 'set address = ${event.srcip}' 'set ttl = 1h'
message='{"version":1,"origin":{"name":"node01","module":"wazuh-execd"},"command":"add","parameters":{"extra_args":[],"alert":{"timestamp":"2025-01-01T10:00:00.000+0000","rule":{"level":10,"description":"sshd: brute force","id":"5763","firedtimes":1,"mail":false,"groups":["sshd"]},"agent":{"id":"001","name":"web1"},"manager":{"name":"m1"},"id":"1696894457.995791","full_log":"...","decoder":{"parent":"sshd","name":"sshd"},"data":{"srcip":"198.51.100.101","srcport":"56637","dstuser":"bob"},"location":"/var/log/auth.log"},"program":"active-response/bin/respond"}}'
tell as_wazuh wazuh 198.51.100.101 "$message" "${message/\"add\"/\"delete\"}"

rule wazuh 'match version = 5' 'set address = ${event.srcip}'
message='{"wazuh":{"active_response":{"name":"respond","executable":"respond","location":"local","agent_id":"001","type":"stateful","stateful_timeout":600,"extra_arguments":null},"agent":{"id":"001","name":"web01"}},"source":{"ip":"198.51.100.102","port":1},"user":{"name":"bob"},"command":"enable"}'
tell as_wazuh wazuh 198.51.100.102 "$message" "${message/\"enable\"/\"disable\"}"

rule falco 'match priority = Critical, Error' 'match rule = *miner*' 'set address = ${event.output_fields.fd.rip}'
tell as_line falco 198.51.100.103 '{"uuid":"a-b","hostname":"web01","time":"2025-01-01T10:00:00.000000000Z","rule":"Detect crypto miners","priority":"Critical","source":"syscall","tags":["process"],"output":"...","output_fields":{"proc.pid":412,"proc.name":"xmrig","proc.exepath":"/tmp/xmrig","user.name":"www-data","fd.rip":"198.51.100.103","fd.rport":3333}}'

rule fail2ban 'match jail = sshd' 'set address = ${event.ip}' 'set ttl = ${event.duration}' 'key = address'
message=$'action=ban\nip=198.51.100.104\nfamily=inet4\njail=sshd\nfailures=5\ntime=1735725600\nbantime=600\nrestored=0'
tell as_words fail2ban 198.51.100.104 "$message" "${message/ban/unban}"

rule crowdsec 'match type = ban' 'match scope = Ip, Range' 'set address = ${event.value}' 'set ttl = ${event.duration}' \
	'key = address'
message='{"duration":"4h","origin":"crowdsec","scenario":"crowdsecurity/ssh-bf","scope":"Ip","type":"ban","value":"198.51.100.105"}'
tell as_line crowdsec 198.51.100.105 "$message" "{\"new\":[],\"deleted\":[${message/4h/-5m}]}"

rule suricata 'match event_type = alert' 'match alert.signature = *Miner*' 'match alert.severity = <= 2' 'set address = ${event.dest_ip}'
tell as_line suricata 198.51.100.106 '{"timestamp":"2025-01-01T10:00:00.000000+0000","event_type":"alert","src_ip":"192.0.2.10","src_port":4444,"dest_ip":"198.51.100.106","dest_port":3333,"proto":"TCP","alert":{"action":"allowed","signature_id":2024792,"signature":"ET POLICY Cryptocurrency Miner Checkin","severity":1}}'

rule zabbix 'match severity = Disaster, High' 'set address = ${event.attacker}'
tell as_words zabbix 198.51.100.107 '{"event":"4711","host":"web01","ip":"192.168.1.100","trigger":"Brute force on web01","severity":"High","value":"1","attacker":"198.51.100.107"}'

rule auditd 'match type = ANOM_LOGIN_FAILURES' 'set address = ${event.srcip}'
tell as_line auditd 198.51.100.108 "type=ANOM_LOGIN_FAILURES msg=audit(1696894457.995:42): pid=412 uid=0 auid=4294967295 ses=4294967295 msg='op=login acct=\"root\" exe=\"/usr/sbin/sshd\" hostname=198.51.100.108 addr=198.51.100.108 terminal=ssh res=failed'"

rule pam 'match service = sshd' 'match type = auth' 'set address = ${event.rhost}'
tell as_environment pam 198.51.100.109 $'PAM_TYPE=auth\nPAM_USER=root\nPAM_RHOST=198.51.100.109\nPAM_SERVICE=sshd\nPAM_TTY=ssh'

rule json 'match kind = attack' 'set address = ${event.from}' 'undo-on kind = over'
message='{"kind":"attack","from":"198.51.100.110"}'
tell as_line json 198.51.100.110 "$message" "${message/attack/over}"

check "all of them are known" test "$(respond --hooks --format json | json sources | tr , '\n' | grep -c '"events":[1-9]')" = 9
finish
