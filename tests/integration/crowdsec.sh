#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# CrowdSec's decisions, ten thousand in one stream: blocked in one transaction of one run,
# each as long as its decision says, and gone by themselves when that is over.
set -u
range_seconds=900
. "$TOP_SRCDIR/tests/range/host.sh"
enter_range "$@"
install_respond

rules=/etc/respond/hooks.d
mkdir -p -m 0755 $rules
cat >$rules/crowdsec.conf <<-'RULES'
	[rule decided]
	source = crowdsec
	match type = ban
	match origin = CAPI
	playbook = block.pb
	set address = ${event.value}
	set ttl = ${event.duration}
	key = address
	mode = enforce
	cooldown = 1h

	[rule short]
	source = crowdsec
	match type = ban
	match origin = cscli
	playbook = block.pb
	set address = ${event.value}
	set ttl = 15s
	mode = enforce
RULES

# decisions N ORIGIN PREFIX: a stream as LAPI gives it.
decisions() {
	awk -v n="$1" -v origin="$2" -v prefix="$3" 'BEGIN {
		printf "{\"deleted\":null,\"new\":["
		for (i = 0; i < n; i++)
			printf "%s{\"duration\":\"3h59m48.%dS\",\"id\":%d,\"origin\":\"%s\",\"scenario\":\"crowdsecurity/ssh-bf\",\"scope\":\"Ip\",\"type\":\"ban\",\"uuid\":\"x\",\"value\":\"%s.%d.%d\"}",
				i ? "," : "", i % 10, i, origin, prefix, i / 250, i % 250 + 1
		print "]}" }' | sed 's/S"/s"/g'
}

n_blocked() {
	nft list table inet respond 2>/dev/null | grep -oE "\\b$1\\.[0-9]+\\.[0-9]+\\b" | sort -u | wc -l
}

n_runs() {
	find "$state_dir/runs" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l
}

has_blocked() {
	[ "$(n_blocked "$1")" = "$2" ]
}

decisions 10000 CAPI 198.18 >$scratch/decisions
started=$(date +%s%N)
status=0
output=$(respond --hook crowdsec <$scratch/decisions 2>&1) || status=$?
ended "ten thousand decisions: handled" 0
echo "# 10,000 decisions in $((($(date +%s%N) - started) / 1000000)) ms"
same "in one run" 1 "$(n_runs)"
same "all of them are blocked" 10000 "$(n_blocked 198.18)"
same "in one change" 1 "$(respond --show last --format json | json 'changes.*.kind' | grep -c nft.elements)"
check "for as long as the decisions say" grep -qE 'timeout 4h' < <(nft list table inet respond)
respond --hook crowdsec <$scratch/decisions >/dev/null 2>&1
same "the same stream again is no run" 1 "$(n_runs)"
sed 's/"deleted":null,"new"/"new":null,"deleted"/' $scratch/decisions | respond --hook crowdsec >/dev/null 2>&1
same "what is deleted is taken back" 0 "$(n_blocked 198.18)"

decisions 10000 cscli 198.19 | respond --hook crowdsec >/dev/null 2>&1
same "ten thousand for a short time: blocked" 10000 "$(n_blocked 198.19)"
check "and gone when it is over" await has_blocked 198.19 0
finish
