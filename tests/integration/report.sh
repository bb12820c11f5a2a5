#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# --report of runs that were made on a staged host: a full one whose names are hostile, the
# same rolled back, a refused one, an interrupted one before and after its recovery. In the
# end a real browser looks at the pages. With REPORT_PICTURES=DIRECTORY what it saw is copied
# there; to see it outside, run this in tests/range/range.sh -s DIRECTORY.
set -u
range_seconds=900
. "$TOP_SRCDIR/tests/range/host.sh"
enter_range "$@"
install_respond
stage_incident

work=$scratch/report
mkdir -p $work
programs=$TOP_BUILDDIR/tests/range

# report NAME RUN: all three forms, as $work/NAME.md, .html and .json.
report() {
	local format
	for format in md html json; do
		respond --report "$2" --format $format >"$work/$1.$format" 2>$scratch/errors </dev/null
		same "$1: --format $format" 0 $?
		check "$1: $format: something is there" test -s "$work/$1.$format"
		check_not "$1: $format: no control character gets out" grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$work/$1.$format"
	done
	check "$1: JSON" json <"$work/$1.json"
}

told() {
	check "$1: $2" grep -qF -- "$2" "$work/$1.md"
}

# ---- usage ----------------------------------------------------------------------------

for usage in '--report' '--list --format html' '--list --format md' '--report last --format pdf' '--report last --dry-run'; do
	# shellcheck disable=SC2086
	run_respond $usage
	same "usage: respond $usage" 2 $status
done

# ---- no run, no report ------------------------------------------------------------------

run_respond --playbook block.pb --set address=203.0.113.9 --dry-run
same "a dry run" 5 $status
run_respond --report last
same "a dry run has no report" 2 $status
check "a dry run has no report: says so" grep -q 'there is none' <<<"$output"

# ---- refused -------------------------------------------------------------------------------

run_respond --playbook block.pb --set address=192.168.1.100
same "a run that is refused" 4 $status
report refused last
told refused '**refused.** Nothing on the host was changed. The guard refused 1 time.'
told refused 'net.own'
same "refused: the rule for machines" net.own "$(json refusals.0.rule <$work/refused.json)"

# ---- hostile names: a full run ----------------------------------------------------------------

# Names that are markup somewhere, and text here.
markup='<img src=x onerror=alert(1)>'
script='<script>alert(document.domain)</script>'
mkdir /tmp/evil
for name in "$markup" '"><svg onload=alert(2)>' "a\`b\`\`c](javascript:alert(3))" $'x\033[2J\n# heading\xff\xe2\x80\xae' \
	'&lt;b&gt;&amp;' '--><style>*{display:none}'; do
	printf 'inert\n' >"/tmp/evil/$name"
done
install -m 0755 "$programs/sleeper" "/tmp/evil/$markup-run"
RANGE_DEADLINE=$RANGE_DEADLINE setsid --fork bash -c 'exec -a "$0" "$1"' "$script" "/tmp/evil/$markup-run" \
	</dev/null >/dev/null 2>&1
evil_runs() {
	find /proc/[0-9]*/exe -maxdepth 0 -lname '/tmp/evil/*' | grep -q .
}
await evil_runs || echo "nothing runs from /tmp/evil"
sed -i "s|^\*/5.*|*/5 * * * * echo '$script' malicious-site.example|" /var/spool/cron/crontabs/root
cat >/root/evil.pb <<END
[playbook]
name = evil
description = Take away what $script left
on-failure = continue

[step look]
action = evidence.collect
what = processes, files
path = /tmp/evil/*

[step process]
action = process.kill
exe = /tmp/evil/*

[step files]
action = file.quarantine
path = /tmp/evil/*

[step cron]
action = cron.remove
match = malicious-site.example

[step nothing]
action = ssh.strip-keys
comment = nobody@nowhere

[step sshd]
action = sshd.harden
option = PermitRootLogin no
confirm = 10m
END
run_respond --playbook /root/evil.pb
same "a hostile incident is cleaned up" 0 $status
[ $status = 0 ] || printf '%s\n' "$output" | tap_note
evil=$(last_run)
# It listens before it writes the file with its number; it answers when it has.
sshd_answers() {
	timeout 20 bash -c 'exec 3<>/dev/tcp/127.0.0.1/22 && read -r line <&3 && [[ $line == SSH-* ]]'
}
await sshd_answers || echo "sshd does not come back"
files=$(every_file)
report evil "$evil"
run_respond --report "$evil"
same "a report writes nothing" "$files" "$(every_file)"
same "md is what there is without --format" "$(cat $work/evil.md)" "$output"
told evil "respond --confirm $evil"
told evil "respond --rollback $evil"
told evil "$script"
told evil '\x1b[2J\n# heading\xff\xe2\x80\xae'
told evil '**T1053.003** Scheduled Task/Job: Cron'
told evil "$(sha256sum /root/evil.pb | cut -d' ' -f1)"
told evil "$(tr -d '\0' <"$state_dir/runs/$evil/journal" | tail -n 1 | tr -d '\n' | sha256sum | cut -d' ' -f1)"
told evil "$(sha256sum "$programs/sleeper" | cut -d' ' -f1)"
told evil '- Trigger: `the command line`'
told evil '- Operator: `uid 0`'
kept=$(json 'evidence.*.sha256' <$work/evil.json | sort -u)
same "evil: it is counted" "$(json 'evidence.*.what' <$work/evil.json | grep -cx evidence)" "$(json summary.kept <$work/evil.json)"
check "evil: evidence is told" test "$(json 'evidence.*.what' <$work/evil.json | grep -cx evidence)" -gt 1
same "evil: what it says is in the vault is there under its hash" "$kept" \
	"$(cd "$state_dir/vault" && sha256sum -- $kept 2>/dev/null | cut -d' ' -f1)"
check_not "evil: hostile names open no line" grep -q '^# heading' $work/evil.md
check_not "evil: no hostile tag in the page" grep -qE '<(script|img|svg onload)' $work/evil.html
same "evil: done, for machines" done "$(json summary.state <$work/evil.json)"
same "evil: the step that found nothing is there" 0 "$(json steps.4.planned <$work/evil.json)"
same "evil: its times have a zone" 1 "$(json began <$work/evil.json | grep -cE 'T[0-9:.]+[+-][0-9]{2}:[0-9]{2}$')"
cp "$state_dir/runs/$evil/journal" $work/journal
check "a report is for root" not setpriv --reuid operator --regid operator --init-groups respond --report "$evil"

# Its playbook is not needed any more.
rm /root/evil.pb
run_respond --confirm "$evil"
same "it is confirmed" 0 $status
sed -i 's/^PermitRootLogin no/PermitRootLogin prohibit-password/' /etc/ssh/sshd_config
run_respond --rollback "$evil"
same "not all of it can be taken back" 3 $status
report back "$evil"
told back '### Confirmation'
told back '### Rollback'
told back '; rollback: drifted'
told back 'then undone'
told back '*cannot be undone*'
same "back: what drifted, for machines" 1 "$(json 'steps.*.changes.*.undo' <$work/back.json | grep -c '^drifted$')"

# ---- the staged incident ------------------------------------------------------------------------

cp /usr/share/zoneinfo/Asia/Kolkata /etc/localtime # no whole hours
run_respond --playbook miner.pb --set "attacker-keys=$ATTACKER_FINGERPRINT"
same "the miner is cleaned up" 0 $status
report miner last
told miner '+05:30'
told miner '└─ '
told miner "$SERVER:3333"
for id in T1053 T1098.004 T1496; do
	told miner "**$id**"
done
same "miner: the local time and its zone" +05:30 "$(json began <$work/miner.json | tail -c 7)"

# ---- interrupted, and recovered -----------------------------------------------------------------

cat >/root/slow.pb <<'END'
[playbook]
name = slow
description = Waits before it looks again
settle = 10m

[step file]
action = file.quarantine
path = /srv/slow
END
echo slow >/srv/slow
respond --playbook /root/slow.pb >$work/slow.out 2>&1 </dev/null &
pid=$!
is_done_and_waits() {
	[ ! -e /srv/slow ] && slow=$(last_run) && grep -q '"type":"outcome"' "$state_dir/runs/$slow/journal"
}
await is_done_and_waits || echo "the run does not get anywhere"
started=$SECONDS
report working "$slow"
check "a report waits for nobody" test $((SECONDS - started)) -lt 300
told working '**unfinished.** This run has not come to an end.'
kill -KILL $pid
wait $pid 2>/dev/null
report interrupted "$slow"
told interrupted "respond --recover $slow"
run_respond --recover
same "it is recovered" 0 $status
report recovered "$slow"
told recovered '### Recovery'
told recovered '**rolled back.**'
check_not "recovered: nothing is left to recover" grep -q "respond --recover $slow" $work/recovered.md

# ---- damaged ----------------------------------------------------------------------------------

sed -i '2s/"round":1/"round":2/' "$state_dir/runs/$slow/journal"
run_respond --report "$slow"
same "a journal that was tampered with is not reported on" 6 $status

# ---- in a browser ---------------------------------------------------------------------------------

if ! command -v chromium >/dev/null; then
	skip "the pages in a browser" "chromium is not installed"
	finish
fi

# count PATH FILE: how many items a list of what the browser saw has.
count() {
	json "$1.*" <"$2" | grep -c .
}

# look NAME: $work/NAME.html in the browser; what it saw is in $work/NAME.seen.
look() {
	"$programs/browser" $work/$1.html $work/$1 >$work/$1.seen 2>$work/$1.errors
	same "$1: the browser shows it" 0 $?
	[ -s $work/$1.seen ] || tap_note <$work/$1.errors
	rm -rf "$work/$1-profile"
}

# What is wrong with this one is seen: the same questions have other answers. The gateway refuses
# the connection at once.
cat >$work/control.html <<'END'
<!doctype html><title>x</title><p style="width:3000px">wide</p><details><summary>x</summary><pre>folded</pre></details>
<img src="http://192.168.1.1/x.png"><script>alert(4); console.error("script")</script>
END
look control
same "control: a request is seen" 2 "$(count requests $work/control.seen)"
check "control: a complaint is seen" test "$(count console $work/control.seen)" -gt 0
same "control: a dialog is seen" '["4"]' "$(json dialogs <$work/control.seen)"
check "control: what sticks out is seen" test "$(json phone.scroll <$work/control.seen)" -gt 390
same "control: a folded block is seen on paper" 1 "$(json print.hidden <$work/control.seen)"

for name in evil miner back refused interrupted; do
	look $name
	same "$name: nothing else is asked for" "[\"file://$work/$name.html\"]" "$(json requests <$work/$name.seen)"
	same "$name: the browser has nothing to complain about" '[]' "$(json console <$work/$name.seen)"
	same "$name: no script runs" '[]' "$(json dialogs <$work/$name.seen)"
	for media in desk phone dark print; do
		same "$name: $media: nothing sticks out" '[]' "$(json $media.overflow <$work/$name.seen)"
		same "$name: $media: no scrolling to the side" "$(json $media.width <$work/$name.seen)" \
			"$(json $media.scroll <$work/$name.seen)"
	done
	same "$name: on paper everything is unfolded" 0 "$(json print.hidden <$work/$name.seen)"
	check "$name: by night it is dark" not test "$(json desk.background <$work/$name.seen)" = "$(json dark.background <$work/$name.seen)"
	for element in script img iframe object embed form base link; do
		check_not "$name: no <$element>" json elements.$element <$work/$name.seen
	done
	for picture in $name-desk.png $name-phone.png $name-dark.png $name-print.png; do
		same "$picture is a picture" 89504e470d0a1a0a "$(head -c 8 $work/$picture | od -An -tx1 | tr -d ' \n')"
	done
	same "$name.pdf is a print" %PDF- "$(head -c 5 $work/$name.pdf)"
done
for text in "$markup" "$script" '"><svg onload=alert(2)>' '&lt;b&gt;&amp;' '\x1b[2J\n# heading\xff\xe2\x80\xae' \
	'a`b``c](javascript:alert(3))'; do
	check "evil: is text to its reader: $text" grep -qF -- "$text" $work/evil.txt
done
check "miner: a drawn tree, with branches" grep -qP '<ul class="tree">.*<ul>' $work/miner.html
check "evil: a drawn timeline" test "$(json elements.line <$work/evil.seen)" -gt 5
[ -z "${REPORT_PICTURES:-}" ] || cp $work/*.png $work/*.pdf $work/*.html "$REPORT_PICTURES"
finish
