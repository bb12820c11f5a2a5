#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Looking: the staged incident, with a brute force in the logs that led to a login, is
# looked at; a later step acts on what was seen; the bundle of the run is whole; logs of any
# size and content do no harm.
set -u
. "$TOP_SRCDIR/tests/range/host.sh"
range_seconds=600
enter_range "$@"
install_respond
stage_incident

log=/var/log/auth.log
seen=$scratch/seen

# ---- what the logs say -----------------------------------------------------------------

# line SECONDS-AGO TEXT
line() {
	echo "$(LC_ALL=C date -d "@$(($(date +%s) - $1))" '+%b %e %H:%M:%S') victim sshd[4711]: $2"
}

stage_log() {
	local i
	for i in $(seq 40 -1 1); do
		line $((600 + i)) "Failed password for root from 203.0.113.77 port $((40000 + i)) ssh2"
	done
	# Somebody wants the operator to be taken for the attacker.
	for i in $(seq 20); do
		line 590 "Failed password for invalid user root from $OPERATOR port 22 ssh2 from 203.0.113.78 port 9 ssh2"
	done
	line 580 "Failed password for operator from $OPERATOR port 50000 ssh2"
	line 575 "Accepted publickey for operator from $OPERATOR port 50001 ssh2: ED25519 $OPERATOR_FINGERPRINT"
	line 570 "Accepted password for operator from 203.0.113.77 port 41000 ssh2"
}

stage_records() {
	local i now
	now=$(date +%s)
	rm -f /var/log/wtmp /var/log/btmp
	for i in $(seq 15); do
		echo "[6] [00042] [    ] [admin   ] [ssh:notty   ] [203.0.113.99        ] [203.0.113.99   ] [$(record_time $((now - 900 + i)))]"
	done | utmpdump -r >/var/log/btmp 2>/dev/null
	echo "[7] [00043] [ts/0] [root    ] [pts/0       ] [203.0.113.99        ] [203.0.113.99   ] [$(record_time $((now - 800)))]" |
		utmpdump -r >/var/log/wtmp 2>/dev/null
}

record_time() {
	date -u -d "@$1" '+%Y-%m-%dT%H:%M:%S,000000+00:00'
}

stage_log >$log
stage_records
mkdir -p /etc/dpkg/dpkg.cfg.d "/home/operator/.config/autostart"
echo 'post-invoke=/tmp/malicious.sh' >/etc/dpkg/dpkg.cfg.d/99-update
printf '[Desktop Entry]\nExec=/tmp/malicious.sh\n' >/home/operator/.config/autostart/update.desktop

cat >/etc/respond/playbooks/answer.pb <<-'END'
[playbook]
name = answer
on-failure = continue

[step login]
action = evidence.collect
what = logins

[step block]
action = net.block
when = login.breach-address
address = ${login.breach-address}
ttl = 1h
END

# What the last run kept under this name.
document() {
	local sha256
	sha256=$(respond --show last --format json | json evidence | tr '{' '\n' | grep "\"name\":\"$1\"" |
		grep -o '"sha256":"[0-9a-f]*"' | cut -d'"' -f4 | head -n 1)
	cat "$state_dir/vault/$sha256"
}

# ---- a dry run ---------------------------------------------------------------------------

before=$(every_file)
firewall=$(firewall)
run_respond --playbook triage.pb --dry-run
same "triage, dry run: nothing is pending" 0 $status
check "triage, dry run: says what would be kept" grep -qE '[0-9]+ items of evidence .* would be kept' <<<"$output"
check "triage, dry run: names the login that succeeded" \
	grep -q 'login of operator from 203.0.113.77 succeeded after 40 had failed' <<<"$output"
same "triage, dry run: every file is as it was" "$before" "$(every_file)"
check_not "triage, dry run: no state was made" test -e "$state_dir/runs"

# ---- a run ---------------------------------------------------------------------------------

touched=$(touched_files)
run_respond --playbook triage.pb --set 'files=/tmp/malicious.sh, /usr/local/bin/xm*'
same "triage: done" 0 $status
[ $status = 0 ] || printf '%s\n' "$output" | tap_note
same "triage: no file of the host was touched" "$touched" "$(touched_files)"
same "triage: the firewall is as it was" "$firewall" "$(firewall)"
run=$(last_run)
check "triage: the list of runs says what was kept" grep -qE "$run .* kept .*triage" <<<"$(respond --list)"
check "triage: nothing is left to undo" grep -q 'Nothing is left to undo' <<<"$(respond --rollback "$run" 2>&1)"

document logins.json >$seen
same "logins: the attack and the login are in the log's document" "203.0.113.77 operator 40" \
	"$(json succeeded-after-attack.0.address <$seen) $(json succeeded-after-attack.0.user <$seen) $(json succeeded-after-attack.0.failed-before <$seen)"
same "logins: the operator is no attacker" 1 "$(json 'addresses.*' <$seen | grep -F "\"$OPERATOR\"" | json failed)"
same "logins: who named him is" 20 "$(json 'addresses.*' <$seen | grep -F '"203.0.113.78"' | json failed)"
check "logins: the operator's key is named" grep -qF "$OPERATOR_FINGERPRINT" $seen
document login-records.json >$seen
same "logins: what wtmp and btmp have is told, too" "203.0.113.99 root 15" \
	"$(json succeeded-after-attack.0.address <$seen) $(json succeeded-after-attack.0.user <$seen) $(json succeeded-after-attack.0.failed-before <$seen)"

document processes.json >$seen
check "processes: the miner is one" grep -q '"exe": "/usr/local/bin/xmrig"' $seen
same "processes: by the hash of its executable" "$(sha256sum /usr/local/bin/xmrig | cut -d' ' -f1)" \
	"$(json 'processes.*' <$seen | grep -F '"comm":"xmrig"' | json -l sha256 | sort -u | head -n 1)"
check "processes: what poses as a kernel thread is told" grep -q '"poses-as-kernel": true' $seen
check "processes: so is a deleted executable" grep -q '"deleted": true' $seen
same "processes: a copy of that is kept" "$(sha256sum "/proc/$(pgrep -x kdevtmpfsi)/exe" | cut -d' ' -f1)" \
	"$(document "deleted-executable-$(pgrep -x kdevtmpfsi).bin" | sha256sum | cut -d' ' -f1)"
document sockets.json >$seen
check "sockets: who talks to the server is told" grep -qE "$SERVER:3333" $seen
check "sockets: and which process" grep -q '"process": "xmrig"' $seen
document keys.json >$seen
check "keys: the attacker's is listed" grep -qF "$ATTACKER_FINGERPRINT" $seen
document persistence.json >$seen
for path in /etc/cron.hourly/malicious /etc/dpkg/dpkg.cfg.d/99-update /home/operator/.config/autostart/update.desktop; do
	check "persistence: $path" grep -qF "\"path\": \"$path\"" $seen
done
same "persistence: each file once" 1 "$(grep -cF '"path": "/etc/cron.hourly/malicious"' $seen)"
check_not "persistence: not what packages have below /usr" grep -q '"path": "/usr/lib/systemd/system/systemd-' $seen
document files.json >$seen
check "files: kind of executable" grep -q '"interpreter": "/lib' $seen
check "files: texts" grep -q 'inert: nothing runs this' $seen
check "accounts: no hash of a password is kept" \
	test -z "$(grep -rlE '\$(y|6|5|2b)\$' "$state_dir/vault" | head -n 1)"

# ---- busy processes -------------------------------------------------------------------------

cat >/etc/respond/playbooks/busy.pb <<-'END'
[playbook]
name = busy
description = Kill what burns the CPU

[step look]
action = evidence.collect
what = processes

[step top]
action = process.find
pid = ${look.process-top-pid}

[step kill]
action = process.kill
exe = ${look.process-top-exe}
END
cp /bin/dash /var/tmp/busy
setsid --fork timeout $range_seconds /var/tmp/busy -c 'while :; do :; done' </dev/null >/dev/null 2>&1
await pgrep -x busy
burner=$(pgrep -x busy)
for _ in $(seq 50); do # the host may be busy with something else
	run_respond --playbook busy.pb --dry-run
	! grep -q "kill .*busy" <<<"$output" || break
done
check "busy: it is the one that is found" grep -q "$burner busy (root) /var/tmp/busy" <<<"$output"
check "busy: and the one that a later step would kill" grep -q "kill .*busy ($burner)" <<<"$output"
# A zombie that its parent has not met yet has gone.
burns() {
	ps -o stat= -p "$burner" | grep -qv '^Z'
}
for _ in $(seq 50); do
	run_respond --playbook busy.pb
	burns || break
done
same "busy: killed" 0 $status
check_not "busy: gone" burns

check "vault: knows evidence" grep -qE "evidence: processes.json +\(run $run, step live\)" <<<"$(respond --vault)"

# ---- hidden processes -------------------------------------------------------------------------

miner=$(pgrep -x xmrig | head -n 1)
mkdir -p $scratch/empty
mount --bind $scratch/empty "/proc/$miner"
run_respond --playbook triage.pb
document processes.json >$seen
same "hidden: what is covered in /proc is told" "$miner" "$(json 'covered-in-proc.*' <$seen)"
document mounts.json >$seen
check "hidden: and what covers it" grep -q '"covers-process": true' $seen
umount "/proc/$miner"
run_respond --playbook triage.pb
document processes.json >$seen
same "hidden: nothing is hidden otherwise" "[][]" "$(json covered-in-proc <$seen)$(json in-no-listing <$seen)"

# ---- the bundle ---------------------------------------------------------------------------------

cd $scratch || exit 1
run_respond --export "$run" bundle.tar.zst --with-files
same "export: done" 0 $status
[ $status = 0 ] || printf '%s\n' "$output" | tap_note
same "export: root's alone" 600:root "$(stat -c %a:%U bundle.tar.zst)"
check "export: prints its hash" grep -q "$(sha256sum bundle.tar.zst | cut -d' ' -f1)" <<<"$output"
before=$(sha256sum bundle.tar.zst)
run_respond --export "$run" bundle.tar.zst
same "export: nothing is overwritten" 1 $status
same "export: not a byte" "$before" "$(sha256sum bundle.tar.zst)"
zstd -q -d bundle.tar.zst -o bundle.tar
check "export: tar unpacks it" tar -xf bundle.tar
check "export: the sums are right" eval "cd $run && sha256sum --quiet -c SHA256SUMS"
same "export: of every file in it" "$(cd "$run" && find . -type f ! -name SHA256SUMS | sed 's,^\./,,' | LC_ALL=C sort)" \
	"$(sed 's/^[0-9a-f]*  //' "$run/SHA256SUMS" | LC_ALL=C sort)"
same "export: nothing is executable" "" "$(find "$run" -type f -perm /111)"
check "export: nor is anything in the archive" eval "! tar -tvf bundle.tar | grep -vq '^-rw-------'"
same "export: the manifest comes first" "$run/SHA256SUMS $run/manifest.json" "$(tar -tf bundle.tar | head -n 2 | paste -sd' ')"
same "export: the journal is the run's" "$(sha256sum <"$state_dir/runs/$run/journal")" "$(sha256sum <"$run/journal")"
same "export: names the host" "$(hostname) $(uname -r)" \
	"$(json host.hostname <"$run/manifest.json") $(json host.kernel <"$run/manifest.json")"
check "export: with the time and its zone" grep -qE '"time": "....-..-..T..:..:..\....[+-]..:.."' "$run/manifest.json"
check "export: evidence under its name" test -s "$run/evidence/live/processes.json"
if command -v bsdtar >/dev/null; then
	check "export: bsdtar reads it, too" eval "bsdtar -tf bundle.tar.zst | diff - <(tar -tf bundle.tar)"
else
	skip "export: bsdtar reads it, too" "bsdtar is not installed"
fi

# What a run took away is in it only when that is wanted.
run_respond --playbook quarantine.pb --set path=/tmp/malicious.sh
taken=$(last_run)
script=$(respond --show last --format json | grep -o '"sha256": "[0-9a-f]*"' | tail -n 1 | cut -d'"' -f4)
run_respond --export "$taken" without.tar.zst
check "export: what was taken away is left out" eval "! tar -I zstd -tf without.tar.zst | grep -q files/"
check "export: which is said" grep -q -- '--with-files' <<<"$output"
run_respond --export "$taken" with.tar.zst --with-files
check "export: or in it, by its hash" grep -q "files/$script.bin" <<<"$(tar -I zstd -tf with.tar.zst)"
run_respond --rollback "$taken"
run_respond --export "$run"
same "export: wants to know where to" 2 $status
run_respond --export nothing file.tar.zst
same "export: of a run that there is not" 2 $status
cd /

# ---- what was seen is acted upon ------------------------------------------------------------------

run_respond --playbook answer.pb --dry-run
same "answer, dry run: changes are pending" 5 $status
check "answer, dry run: the attacker would be blocked" grep -q 'block .*203.0.113.77' <<<"$output"
check_not "answer, dry run: the operator would not" grep -q "block .*$OPERATOR" <<<"$output"
run_respond --playbook answer.pb
same "answer: done" 0 $status
answer=$(last_run)
check "answer: who got in by guessing is blocked" grep -q 203.0.113.77 <<<"$(nft list ruleset)"
check "answer: by the records of wtmp and btmp, too" grep -q 203.0.113.99 <<<"$(nft list ruleset)"
check_not "answer: who did not get in is not" grep -q 203.0.113.78 <<<"$(nft list ruleset)"
check_not "answer: the operator is not" grep -qF "$OPERATOR" <<<"$(nft list ruleset)"
check "answer: the session lives" kill -0 "$SESSION_PID"
run_respond --playbook answer.pb
same "answer: again, nothing is left to do" 0 $status
run_respond --rollback last
run_respond --rollback "$answer"
same "answer: taken back" 0 $status
same "answer: the firewall is as before" "$firewall" "$(firewall)"

# ---- logs that were rotated ----------------------------------------------------------------------

# rotated ADDRESS SECONDS-AGO FAILURES: an attack, and a login after it.
rotated() {
	local i
	for i in $(seq "$3"); do line $(($2 + 100 - i)) "Failed password for root from $1 port $((30000 + i)) ssh2"; done
	line "$2" "Accepted password for root from $1 port 39000 ssh2"
}

rotated 203.0.113.88 700000 12 | gzip >$log.3.gz
rotated 203.0.113.89 600000 13 >$log-20200101
rotated 203.0.113.90 500000 3 | gzip >$log.2.gz
head -c 10000 /dev/urandom >$log.4.gz
rotated 203.0.113.91 9000000 14 | gzip >$log.9.gz
touch -d '90 days ago' $log.9.gz
printf '[playbook]\nname = rotated\n\n[step look]\naction = evidence.collect\nwhat = logins\n' \
	>/etc/respond/playbooks/rotated.pb
run_respond --playbook rotated.pb
same "rotated: looked at" 0 $status
check "rotated: an attack in a packed log" grep -q 'login of root from 203.0.113.88 succeeded after 12 had failed' <<<"$output"
check "rotated: one in a log with a date" grep -q 'login of root from 203.0.113.89 succeeded after 13 had failed' <<<"$output"
check_not "rotated: few failures are none" grep -q 203.0.113.90 <<<"$output"
check_not "rotated: what is older than is of interest is not read" grep -q 203.0.113.91 <<<"$output"
check "rotated: what cannot be unpacked makes it partial" grep -q 'logins.json .*partial' <<<"$output"
document logins.json >$seen
same "rotated: and is named" false "$(json 'sources.*' <$seen | grep -F auth.log.4.gz | json read)"
check "rotated: a packed log is kept as it is" grep -q "auth.log.3.gz  /var/log/auth.log.3.gz as it is" <<<"$output"
rm $log.[2-9].gz $log-20200101

# ---- logs of all kinds --------------------------------------------------------------------------------

only_logins() {
	# In KiB and hundredths of a second. How long it takes is also a matter of what else the machine does.
	LC_ALL=C /usr/bin/time -f '%M %e %U %S' -o $scratch/cost respond --playbook answer.pb --dry-run >$scratch/output 2>&1
	read -r memory elapsed user system <<<"$(tail -n 1 $scratch/cost)"
	seconds=$(awk "BEGIN { print $user + $system }")
}

if [ -z "$SANITIZE" ] && [ -x /usr/bin/time ]; then
	truncate -s 1G $log
	stage_log >>$log
	only_logins
	# but for its first line, which the holes are a part of
	check "a log of 1 GiB of holes: its end is read" grep -q '203.0.113.77 succeeded after 39' $scratch/output
	check "a log of 1 GiB of holes: that it is not all of it is said" grep -q 'logins.json.*partial' $scratch/output
	check "a log of 1 GiB of holes: memory is bounded ($memory KiB)" test "$memory" -lt 65536
	check "a log of 1 GiB of holes: time is bounded ($seconds s)" test "${seconds%.*}" -lt 10 -a "${elapsed%.*}" -lt 100

	head -c 70000000 /dev/urandom >$log
	stage_log | tr '\n' '\0' >>$log # no newline anywhere
	cp $log /var/log/btmp
	cp $log /var/log/wtmp
	only_logins
	check "70 MB of junk: says so" grep -q 'logins.json.*partial' $scratch/output
	check "70 MB of junk: memory is bounded ($memory KiB)" test "$memory" -lt 65536
	check "70 MB of junk: time is bounded ($seconds s)" test "${seconds%.*}" -lt 10 -a "${elapsed%.*}" -lt 100

	# A million failures from as many addresses, as far as a log of 64 MiB has them.
	awk -v stamp="$(line 60 '')" 'BEGIN { for (i = 0; i < 700000; i++)
		printf "%sFailed password for u%d from 10.%d.%d.%d port 22 ssh2\n", stamp, i, i / 65536, i / 256 % 256, i % 256 }' >$log
	rm -f /var/log/btmp /var/log/wtmp
	only_logins
	check "a flood of addresses: says that they are not all" grep -q 'logins.json.*partial' $scratch/output
	check "a flood of addresses: memory is bounded ($memory KiB)" test "$memory" -lt 65536
	check "a flood of addresses: time is bounded ($seconds s)" test "${seconds%.*}" -lt 20 -a "${elapsed%.*}" -lt 100
else
	skip "huge logs" "built with sanitizers, or no /usr/bin/time"
fi

rm -f $log
mkfifo $log
run_respond --playbook answer.pb --dry-run
check "a FIFO in place of the log: said" grep -q 'cannot read /var/log/auth.log' <<<"$output"
rm $log
ln -s /etc/shadow $log
run_respond --playbook answer.pb --dry-run
check "a link in place of the log: said" grep -q 'cannot read /var/log/auth.log' <<<"$output"
rm $log

# ---- the systemd journal, where there is no log --------------------------------------------------------

start_journald() {
	mkdir -p /run/systemd/journal /run/log/journal
	[ -s /etc/machine-id ] || echo 0123456789abcdef0123456789abcdef >/etc/machine-id
	setsid --fork /lib/systemd/systemd-journald </dev/null >/dev/null 2>&1
	await test -S /run/systemd/journal/dev-log
}

last_is_there() {
	journalctl -q --no-pager -t sshd | grep -q 203.0.113.65
}

say() {
	logger --socket /run/systemd/journal/dev-log -t sshd -p auth.info "$1"
}

if [ -x /lib/systemd/systemd-journald ] && [ -x /usr/bin/journalctl ] && command -v logger >/dev/null && start_journald; then
	for i in $(seq 12); do
		say "Failed password for root from 203.0.113.66 port $((50000 + i)) ssh2"
	done
	say "Accepted password for operator from 203.0.113.66 port 50100 ssh2"
	setpriv --reuid operator --regid operator --init-groups logger --socket /run/systemd/journal/dev-log -t sshd \
		"Accepted password for operator from 203.0.113.65 port 50100 ssh2"
	await last_is_there || echo "the journal does not have what was logged"
	run_respond --playbook answer.pb --dry-run
	check "journal: the login that succeeded is found" \
		grep -q 'login of operator from 203.0.113.66 succeeded after 12 had failed' <<<"$output"
	check_not "journal: nobody but root is believed to be sshd" grep -q 203.0.113.65 <<<"$output"
	run_respond --playbook answer.pb
	document logins.json >$seen
	same "journal: one login, by root's word" 1 "$(json accepted <$seen)"
else
	skip "journal" "systemd-journald cannot be started here"
fi
finish
