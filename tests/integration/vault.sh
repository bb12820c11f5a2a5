#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What is kept in the vault, who needs it, and the way out of it: list, show, export,
# purge, quota; and what somebody else has done to the vault.
set -u
range_seconds=600
. "$TOP_SRCDIR/tests/range/host.sh"
enter_range "$@"
install_respond
stage_incident

vault=$state_dir/vault
conf=$SYSCONFDIR/respond/respond.conf
work=/root/work
mkdir -p $work
umask 022

# The names, contents and times of all that respond keeps.
state() {
	find "$state_dir" -printf '%p %y %m %U:%G %s %T@ %C@\n' | LC_ALL=C sort
	find "$state_dir" -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum --
}

hash_of() {
	sha256sum "$1" | cut -d ' ' -f 1
}

# fact HASH FIELD: what the list for machines says of an object.
fact() {
	respond --vault show "$1" --format json | json "$2"
}

objects() {
	find "$vault" -type f | wc -l
}

# quarantine PATH,...: the run's id is then in $run.
quarantine() {
	run_respond --playbook quarantine.pb --set "path=$1"
	run=$(last_run)
}

# ---- the command line ------------------------------------------------------------

run_respond --vault
same "no vault yet: nothing is in it" "0 0 objects, 0B on disk; 0 needed by runs that are not done with, 0 for a rollback." \
	"$status $output"
run_respond --vault purge 0s --dry-run
same "no vault yet: nothing to purge" "0 Nothing is old enough to be purged." "$status $output"
check_not "no vault yet: looking makes none" test -e "$state_dir"
while read -r usage; do
	# shellcheck disable=SC2086
	run_respond --vault $usage
	same "usage: respond --vault $usage" 2 $status
	check "usage: respond --vault $usage: says what is wrong" test -n "$output"
done <<-'END'
	burn
	list all
	show
	show a b
	show no-such-object
	export
	export a
	export a -
	export a b c
	purge
	purge soon
	purge 90
	purge 1d 2d
	list --dry-run
	--dry-run
	--list
END
run_respond --vault --list
same "one command at a time" 2 $status

# ---- one file, taken twice ----------------------------------------------------------

mkdir /opt/evil
printf 'harmless \033[31m"miner"\n' >/opt/evil/a
cp /opt/evil/a /opt/evil/b
chmod 0755 /opt/evil/b
chmod 0751 /opt/evil/a
chown operator /opt/evil/a
cp -p /opt/evil/a $work/original
touch -d '2026-03-01 12:34' /opt/evil/b
hash=$(hash_of /opt/evil/a)
quarantine /opt/evil/a,/opt/evil/b
same "both are taken" 0 $status
first=$run
same "the vault has it once" 1 "$(objects)"
same "it is root's alone" "600 0:0" "$(stat -c '%a %u:%g' "$vault/$hash")"
run_respond --vault
same "list: exit status" 0 $status
for text in "${hash:0:12}" "quarantined file: /opt/evil/a" "quarantined file: /opt/evil/b" "run $first" "step files" \
	"for a rollback" "1 object,"; do
	check "list: $text" grep -qF "$text" <<<"$output"
done
same "list: the same by its name" "$output" "$(respond --vault list)"
same "list for machines: both uses" "/opt/evil/a /opt/evil/b" \
	"$(respond --vault --format json | json 'objects.0.uses.*.target' | xargs)"
same "list for machines: size" "$(stat -c %s $work/original)" "$(fact "$hash" size)"
same "list for machines: no quota" null "$(respond --vault --format json | json quota)"
output=$(setpriv --reuid operator --regid operator --clear-groups respond --vault 2>&1)
same "only root looks into it" "1 respond: the vault: only root may look into it" "$? $output"

run_respond --vault show "${hash:0:6}"
same "show: exit status" 0 $status
for text in "$hash" "whole" "came in" "quarantined file: /opt/evil/b" "0751 operator" "0755 root:root" "2026-03-01 12:34"; do
	check "show: $text" grep -qF "$text" <<<"$output"
done
check_not "show: never the content" grep -q 'miner"' <<<"$output"
same "show for machines: whole" true "$(fact "$hash" whole)"
same "show: capitals are the same" "$output" "$(respond --vault show "$(tr a-f A-F <<<"${hash:0:6}")")"

# ---- export ---------------------------------------------------------------------------

run_respond --vault export "$hash" $work/copy
same "export: exit status" 0 $status
check "export: the very bytes" cmp $work/copy $work/original
same "export: nobody can run it, and root alone can read it" "600 0:0 1" "$(stat -c '%a %u:%g %h' $work/copy)"
echo mine >$work/there
ln -s $work/elsewhere $work/link
ln -s $work $work/roots-link
mkdir $work/directory
mkfifo $work/fifo
for place in there link directory fifo roots-link; do
	run_respond --vault export "$hash" $work/$place
	same "export: never onto what is there: $place" 1 $status
	check "export: never onto what is there: $place: says so" grep -q 'not overwritten' <<<"$output"
done
same "export: what was there stays" mine "$(cat $work/there)"
check_not "export: nothing is written through a link" test -e $work/elsewhere
run_respond --vault export "$hash" $work/roots-link/through
same "export: through a link that only root could have made" 0 $status
check "export: through that link" cmp $work/through $work/original
ln -s $work /tmp/others-link
chown -h operator /tmp/others-link
run_respond --vault export "$hash" /tmp/others-link/steered
same "export: not through anybody else's link" 1 $status
check "export: that link is named as the reason" grep -q 'symbolic link' <<<"$output"
check_not "export: that link leads nowhere" test -e $work/steered
run_respond --vault export "$hash" /no/such/directory
same "export: no such directory" 1 $status
for place in "$work/" "$work/.." /; do
	run_respond --vault export "$hash" "$place"
	same "export: no file: $place" 1 $status
done
output=$(cd $work && respond --vault export "$hash" ./-relative 2>&1)
same "export: a path from here" 0 $?
check "export: a path from here: the very bytes" cmp $work/-relative $work/original

# ---- somebody was at the vault --------------------------------------------------------

printf 'forged content, of another size\n' >"$vault/$hash"
run_respond --vault show "$hash"
same "damaged: show fails" 6 $status
check "damaged: show says so" grep -q 'damaged' <<<"$output"
same "damaged: for machines" false "$(fact "$hash" whole)"
run_respond --vault export "$hash" $work/forged
same "damaged: is not exported" 6 $status
check "damaged: export says why" grep -q 'damaged' <<<"$output"
check_not "damaged: export leaves nothing" test -e $work/forged
run_respond --rollback "$first" --step files
check_not "damaged: is not restored" test $status = 0
check "damaged: the rollback says why" grep -q 'tampered with' <<<"$output"
check_not "damaged: nothing is put back" test -e /opt/evil/a
run_respond --verify "$first"
same "damaged: --verify finds it" 6 $status
check "damaged: --verify says what" grep -q 'its copy in the vault is damaged' <<<"$output"
mv "$vault/$hash" $work/aside
run_respond --verify "$first"
same "lost: --verify finds it" 6 $status
check "lost: --verify says what" grep -q 'its copy is missing' <<<"$output"
install -m 0600 $work/original "$vault/$hash"
run_respond --verify "$first"
same "whole again: --verify finds nothing" 0 $status

planted=$(printf 'a%.0s' {1..64})
for kind in link fifo directory; do
	case $kind in
	link) ln -s $work/original "$vault/$planted" ;;
	fifo) mkfifo "$vault/$planted" ;;
	directory) mkdir "$vault/$planted" ;;
	esac
	run_respond --vault
	same "a planted $kind: the list goes on" 0 $status
	check "a planted $kind: is called damaged" grep -q "^${planted:0:12} .*damaged" <<<"$output"
	run_respond --vault show $planted
	same "a planted $kind: show fails" 6 $status
	run_respond --vault export $planted $work/planted
	same "a planted $kind: is not exported" 6 $status
	run_respond --vault purge 0s --dry-run
	check_not "a planted $kind: is not purged" grep -q "${planted:0:12}" <<<"$output"
	rm -d "$vault/$planted"
done
check_not "nothing came out of it" test -e $work/planted
echo x >"$vault/notes"
check "a stranger is named" grep -q '^notes: ' <<<"$(respond --vault)"
rm "$vault/notes"

# ---- purge ------------------------------------------------------------------------------

# A run that was killed while it waited for what comes back: not done with.
sed 's/^settle = .*/settle = 60s/' $playbooks/quarantine.pb >/root/slow.pb
echo another >/opt/evil/c
slow_hash=$(hash_of /opt/evil/c)
respond --playbook /root/slow.pb --set path=/opt/evil/c >$scratch/slow 2>&1 </dev/null &
slow=$!
patience=600 await grep -q '^waiting' $scratch/slow
kill -KILL $slow
wait $slow 2>/dev/null
unfinished=$(last_run)
check_not "the killed run is one of its own" test "$unfinished" = "$first"
check "the killed run had taken its file" test -f "$vault/$slow_hash"
check "its object is needed" grep -q "^${slow_hash:0:12} .* needed$" <<<"$(respond --vault)"
same "its object is needed, for machines" "true null" "$(fact "$slow_hash" needed) $(fact "$slow_hash" free_since)"

# What a crash has left: an object that no journal names, a temporary.
echo orphan >$work/orphan
orphan=$(hash_of $work/orphan)
install -m 0600 $work/orphan "$vault/$orphan"
echo half >"$vault/.respond-0123456789abcdef"
check "an orphan has no run" grep -q 'no run refers to it' <<<"$(respond --vault show "$orphan")"

before=$(state)
run_respond --vault purge 1d --dry-run
same "purge: nothing is a day old" "0 Nothing is old enough to be purged." "$status $(tail -n 1 <<<"$output")"
run_respond --vault purge 0s --dry-run
same "purge: a dry run has changes pending" 5 $status
for object in $hash $orphan; do
	check "purge: a dry run names ${object:0:12}" grep -q "^${object:0:12} " <<<"$output"
done
check_not "purge: nor does it name what is needed" grep -q "^${slow_hash:0:12}" <<<"$output"
check "purge: it says what that means" grep -q '2 changes in force cannot be taken back' <<<"$output"
same "purge: a dry run for machines" "$(printf '%s\n' "$hash" "$orphan" | sort | xargs)" \
	"$(respond --vault purge 0s --dry-run --format json | json 'objects.*' | xargs)"
same "purge: a dry run writes nothing" "$before" "$(state)"
run_respond --vault purge 1d
same "purge: nothing is a day old, really" 0 $status
check "purge: all is still there" test -f "$vault/$hash" -a -f "$vault/$orphan"

# A journal that cannot be read might need anything.
cp -p "$state_dir/runs/$first/journal" $work/journal
sed -i '2s/./x/5' "$state_dir/runs/$first/journal"
run_respond --vault
same "an unreadable journal: the list says so" 1 $status
check "an unreadable journal: is named" grep -q "not known of run $first" <<<"$output"
run_respond --vault purge 0s
same "an unreadable journal: nothing is purged" 1 $status
check "an unreadable journal: the purge names it" grep -q "$first" <<<"$output"
same "an unreadable journal: all is still there" 3 "$(objects)"
cp -p $work/journal "$state_dir/runs/$first/journal"

# It does what it said. What it says of the day may be that of tomorrow soon.
date="($(date +%Y-%m-%d)|$(date -d tomorrow +%Y-%m-%d))"
run_respond --vault purge 0s
same "purge: exit status" 0 $status
check "purge: says how much" grep -q '^Purged: 2 objects' <<<"$output"
check_not "purge: the object has gone" test -e "$vault/$hash"
check_not "purge: the orphan has gone" test -e "$vault/$orphan"
check_not "purge: so has the temporary" test -e "$vault/.respond-0123456789abcdef"
check "purge: never what an unfinished run needs" test -f "$vault/$slow_hash"
check "purge: the journal tells" grep -q "\"type\":\"purged\"" "$state_dir/runs/$first/journal"
check "purge: the journal names the object" grep -q "\"objects\":\\[\"$hash\"\\]" "$state_dir/runs/$first/journal"
check "purge: --show tells" grep -q 'purged from the vault on .*: 1 object$' <<<"$(respond --show "$first")"
check_not "purge: the other journal says nothing of it" grep -q purged "$state_dir/runs/$unfinished/journal"
check_not "purge: the run is done with as before" test -e "$state_dir/pending/$first"
run_respond --vault purge 0s
same "purge again: nothing is left" "0 Nothing is old enough to be purged." "$status $(tail -n 1 <<<"$output")"

run_respond --rollback "$first" --dry-run
check "purged: the plan of a rollback says when" grep -qE "cannot undo.*purged from the vault on $date" <<<"$output"
run_respond --rollback "$unfinished"
same "not purged: the unfinished run is taken back" 0 $status
check "not purged: its file is back" test -f /opt/evil/c

# The same file once more: the vault has it again, and the old run can be taken back.
cp -p $work/original /opt/evil/a
quarantine /opt/evil/a
same "taken again" 0 $status
run_respond --rollback "$run"
same "taken again: taken back" 0 $status
rm /opt/evil/a
run_respond --rollback "$first"
same "purged, and there again: it can be used" 0 $status
check "purged, and there again: the very bytes" cmp /opt/evil/a $work/original

# One that may be taken back by itself.
cp $work/orphan /opt/evil/b
run_respond --playbook quarantine.pb --set path=/opt/evil/b --confirm-within 10m
same "a deadline ahead: done" 0 $status
run=$(last_run)
check "a deadline ahead: needed" grep -q "^${orphan:0:12} .* needed$" <<<"$(respond --vault)"
run_respond --vault purge 0s
check "a deadline ahead: not purged" test -f "$vault/$orphan"
run_respond --confirm "$run"
run_respond --vault purge 0s --dry-run
check "a deadline ahead: confirmed, it may go" grep -q "^${orphan:0:12} " <<<"$output"
run_respond --rollback "$run"
same "a deadline ahead: taken back after all" 0 $status

# An object of two runs goes when neither needs it; purged is not tampered with.
quarantine /opt/evil/a,/opt/evil/b
run_respond --vault purge 0s
same "purge: all that has ended" "0 0" "$status $(objects)"
run_respond --verify "$run"
same "purged: in force all the same" 0 $status
check "purged: --verify tells machines" grep -qE "purged from the vault on $date" \
	<<<"$(respond --verify "$run" --format json)"
run_respond --rollback "$run"
check_not "purged: cannot be undone" test $status = 0
same "purged: each is told so" 2 "$(grep -cE "impossible .*purged from the vault on $date" <<<"$output")"
check_not "purged: nobody is accused" grep -q 'tampered' <<<"$output"
run_respond --rollback "$run"
same "purged: told once" "0 Nothing is left to undo." "$status $(tail -n 1 <<<"$output")"

# ---- a full disk ---------------------------------------------------------------------------

mv "$state_dir" /root/state
mkdir -m 0700 "$state_dir"
mount -t tmpfs -o size=2m,mode=0700 full "$state_dir"
head -c 200000 /dev/urandom >/opt/evil/large
quarantine /opt/evil/large
same "a full disk: what is taken before" 0 $status
cat /dev/zero >"$state_dir/filler" 2>/dev/null
check_not "a full disk: it is" cp $work/original "$state_dir/more"
run_respond --playbook quarantine.pb --set path=/opt/evil/c
same "a full disk: no run" 1 $status
check "a full disk: the file stays" test -f /opt/evil/c
run_respond --vault purge 0s
same "a full disk: a purge makes room" "0 0" "$status $(objects)"
check "a full disk: the journal tells" grep -q 'purged from the vault' <<<"$(respond --show "$run")"
rm "$state_dir/filler"
umount "$state_dir"
rmdir "$state_dir"
mv /root/state "$state_dir"

# ---- quota --------------------------------------------------------------------------------

mkdir -p "$(dirname "$conf")"
printf '[vault]\nquota = 1M\n' >"$conf"
head -c 2000000 /dev/urandom >/opt/evil/large
truncate -s 100M /opt/evil/sparse
echo 'and a little' >>/opt/evil/sparse
before=$(state)
run_respond --playbook quarantine.pb --set path=/opt/evil/large --dry-run
same "quota: a dry run tells" 1 $status
check "quota: a dry run tells why" grep -q 'a run would change nothing: .* quota' <<<"$output"
run_respond --playbook quarantine.pb --set path=/opt/evil/large
same "quota: more than it is refused" 1 $status
check "quota: says what to do" grep -q 'quota: make room (respond --vault purge AGE) or raise' <<<"$output"
same "quota: nothing was begun" "$before" "$(state)"
same "quota: the file stays" 2000000 "$(stat -c %s /opt/evil/large)"
run_respond --playbook quarantine.pb --set path=/opt/evil/sparse --dry-run
same "quota: a dry run knows of holes" 5 $status
quarantine /opt/evil/sparse
same "quota: holes do not count" 0 $status
check "quota: the list tells" grep -q 'on disk of 1.0M' <<<"$(respond --vault)"
same "quota: the list tells machines" 1048576 "$(respond --vault --format json | json quota)"
head -c 900000 /dev/urandom >/opt/evil/medium
cp /opt/evil/medium /opt/evil/twin
quarantine /opt/evil/medium,/opt/evil/twin
same "quota: what is twice the same counts once" 0 $status
head -c 200000 /dev/urandom >/opt/evil/small
run_respond --playbook quarantine.pb --set path=/opt/evil/small
same "quota: no room is left" 1 $status
cp "$vault/$(hash_of "$(find "$vault" -size +800k -size -1000k)")" /opt/evil/twin
quarantine /opt/evil/twin
same "quota: what is there already needs no room" 0 $status
head -c 2000000 /dev/zero >"$vault/filler"
printf '[playbook]\nname = kill\ndescription = kill\n[step kill]\naction = process.kill\nname = kdevtmpfsi\n' >/root/kill.pb
run_respond --playbook /root/kill.pb
same "quota: a process is killed all the same" 0 $status
check "quota: without its executable as evidence" grep -q '"exe-error":"Disk quota exceeded"' \
	"$state_dir/runs/$(last_run)/journal"
rm "$vault/filler"
respond --vault purge 0s >/dev/null 2>&1
quarantine /opt/evil/small
same "quota: a purge makes room" 0 $status
printf '[vault]\nquota = 10M\n' >"$conf"
quarantine /opt/evil/large
same "quota: raised, there is room" 0 $status
printf '[vault]\nquota = plenty\n' >"$conf"
run_respond --vault
same "quota: one that makes no sense" 2 $status
finish
