#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Somebody has been at the records: each way is refused with its own reason, the host is
# left as it is, and what was not touched stays good.
set -u
range_seconds=600
. "$TOP_SRCDIR/tests/range/host.sh"
enter_range "$@"
install_respond

# ---- stage ---------------------------------------------------------------------------------

runs=$state_dir/runs
vault=$state_dir/vault
place=/var/tmp/place
away=/var/local/away
mkdir -p $place $away /etc/cron.d "$SYSCONFDIR/respond"
# Whoever finds the lock taken has a mistake to show.
printf '[limits]\nwait = 2s\n' >"$SYSCONFDIR/respond/respond.conf"
getent passwd intruder >/dev/null || useradd --system intruder

# one NAME: quarantines a file of this name and removes a crontab entry; its run in $run
one() {
	echo "content of $1" >"$place/$1"
	printf '17 * * * * root /usr/bin/true\n0 0 * * * root /opt/%s\n' "$1" >"/etc/cron.d/$1"
	cat >/root/one.pb <<-END
	[playbook]
	name = $1
	[step file]
	action = file.quarantine
	path = $place/$1
	[step cron]
	action = cron.remove
	match = /opt/$1
	END
	run_respond --playbook /root/one.pb
	run=$(last_run)
}

host() {
	describe_files $place /etc/cron.d $away 2>/dev/null
}

save() {
	rm -rf $scratch/state
	cp -a "$state_dir" $scratch/state
}

# With the same inodes' places, whatever stands there now.
put_back() {
	rm -rf "$state_dir"
	cp -a $scratch/state "$state_dir"
}

# refused WHAT REASON: the journal of $run is, by every command; the other run is not.
refused() {
	local what=$1 reason=$2 command
	run_respond --verify
	same "$what: --verify" 6 $status
	check "$what: says why" grep -qE "run $run: .*$reason" <<<"$output"
	check "$what: --verify looks at the others" grep -q '^2 runs: 2 changes in force, 1 damaged\.$' <<<"$output"
	run_json --verify
	check "$what: --verify for machines" grep -qE "$reason" <<<"$(json 'runs.*.error' <<<"$output" 2>/dev/null)"
	run_respond --list
	same "$what: --list" 6 $status
	check "$what: --list goes on with the others" grep -q "^$other .* done .*other" <<<"$output"
	run_json --list
	check "$what: --list for machines" grep -qE "$reason" <<<"$(json '*.error' <<<"$output" 2>/dev/null)"
	for command in --show --rollback --confirm '--verify --reapply' '--rollback --dry-run'; do
		# shellcheck disable=SC2086
		set -- $command
		run_respond "$1" "$run" ${2:+"$2"}
		same "$what: $command" 6 $status
		check "$what: $command says why" grep -qE "run $run: .*$reason" <<<"$output"
	done
	run_respond --recover
	same "$what: --recover" 6 $status
	same "$what: the host is left as it is" "$host" "$(host)"
	respond --show "$other" >/dev/null
	check "$what: the other run can be looked at" respond --show "$other"
	check "$what: nothing is pending" test -z "$(ls "$state_dir/pending")"
	put_back
}

one other
other=$run
one mine
save
host=$(host)
journal=$runs/$run/journal
run_respond --verify
same "before: all is in force" "0 2 runs: 4 changes in force." "$status $output"
lines=$(wc -l <"$journal")

# ---- the journal -----------------------------------------------------------------------------

sed -i '3s/file.move/file.mOve/' "$journal"
refused "a changed byte" "line 3 is damaged or was tampered with: it was changed"
sed -i 3d "$journal"
refused "a removed line" "line 3 is damaged or was tampered with: record 3 is missing here"
sed -i '3{h;d};4{G}' "$journal"
refused "two lines that changed places" "line 3 is damaged or was tampered with: record 3 is missing here"
sed -i '3p' "$journal"
refused "a line twice" "line 4 is damaged or was tampered with: record 4 is missing here"
sed -i '$d' "$journal"
refused "the last line cut off" "line $lines .*it was cut off: the last record is missing"
sed -i '3,$d' "$journal"
refused "more than one line cut off" "it was cut off: the last $((lines - 2)) records are missing"
truncate -s -10 "$journal"
refused "cut off within a line" "it was cut off: the last record is missing"
truncate -s 0 "$journal"
refused "emptied" "it was cut off: the last $lines records are missing"
printf '\0\0\0\0' | dd of="$journal" bs=1 seek=200 conv=notrunc status=none
refused "zeros in the middle" "line 1 is damaged or was tampered with"
echo '{"type":"end"}' >>"$journal"
refused "a line added" "line $((lines + 1)) is damaged or was tampered with"
rm "$journal"
refused "removed, with its seal left" "it was removed, and only its seal is left"
cp "$runs/$other/journal" "$journal"
refused "that of another run" "it is the journal of another run"
mv "$journal" $scratch/journal
ln -s $scratch/journal "$journal"
refused "a symbolic link" "it is no regular file"
rm "$journal"
mkfifo "$journal"
refused "a FIFO" "it is no regular file"

# ---- the seal ------------------------------------------------------------------------------------

sed -i 's/"seq":[0-9]*/"seq":2/' "$runs/$run/seal"
refused "a changed seal" "its seal is damaged or was tampered with"
cp "$runs/$other/seal" "$runs/$run/seal"
refused "the seal of another run" "its seal is damaged or was tampered with"
: >"$runs/$run/seal"
refused "an empty seal" "its seal is damaged or was tampered with"

# An older seal and the journal of that time: only a log that is kept elsewhere tells. But
# an older seal under a journal that went on is what a crash leaves, and good.
cp "$runs/$run/seal" $scratch/seal
run_respond --rollback "$run"
same "rolled back" 0 $status
cp $scratch/seal "$runs/$run/seal"
run_respond --verify
same "a seal that is older than the journal" 0 $status
put_back
sed -i 2d /etc/cron.d/mine
rm -f $place/mine
same "as before" "$host" "$(host)"

# ---- another host ------------------------------------------------------------------------------------

mv "$state_dir" $scratch/away
one mine
cp "$runs/$run/journal" $scratch/foreign
rm -rf "$state_dir"
mv $scratch/away "$state_dir"
run=$(ls "$runs" | tail -n 1)
cp $scratch/foreign "$journal"
host=$(host)
refused "from another host" "it was written on another host"

# ---- the key -------------------------------------------------------------------------------------------

# key_refused WHAT REASON: nothing can be believed any more.
key_refused() {
	local what=$1 reason=$2
	run_respond --verify
	same "$what: --verify" 6 $status
	same "$what: says so of both runs" 2 "$(grep -cE "$reason" <<<"$output")"
	run_respond --list
	same "$what: --list" 6 $status
	run_respond --rollback "$run"
	check "$what: no rollback" test $status -ne 0
	echo 'not mine' >$place/new
	sed "s,$place/.*,$place/new," /root/one.pb >/root/new.pb
	run_respond --playbook /root/new.pb
	same "$what: no run" 1 $status
	check "$what: says why" grep -q "its key or one of its directories is not root's alone" <<<"$output"
	check "$what: nothing was touched" test -e $place/new
	rm $place/new
	same "$what: the host is left as it is" "$host" "$(host)"
	put_back
}

chmod 0444 "$state_dir/key"
key_refused "a key that others can read" 'is not a key that only root could read'
chown intruder "$state_dir/key"
key_refused "a key of somebody else" 'is not a key that only root could read'
chmod 0600 "$state_dir/key"
truncate -s 31 "$state_dir/key"
chmod 0400 "$state_dir/key"
key_refused "a key that is too short" 'is not a key that only root could read'
mv "$state_dir/key" $scratch/key
ln -s $scratch/key "$state_dir/key"
key_refused "a key behind a symbolic link" 'is not a key that only root could read'

rm "$state_dir/key"
run_respond --verify
same "without the key: --verify" 6 $status
same "without the key: says so of both runs" 2 "$(grep -c 'key, which authenticates it, is missing' <<<"$output")"
check "without the key: none is made by looking" test ! -e "$state_dir/key"
run_respond --rollback "$run"
same "without the key: no rollback" 6 $status
check "without the key: says why" grep -q 'under a key that is no longer there' <<<"$output"
same "without the key: the host is left as it is" "$host" "$(host)"
put_back
head -c 32 /dev/urandom >$scratch/key
cat $scratch/key >"$state_dir/key"
run_respond --verify
same "another key: --verify" 6 $status
same "another key: says so of both runs" 2 "$(grep -c 'written on another host, or under a key' <<<"$output")"
put_back

# ---- the vault ----------------------------------------------------------------------------------------------

object=$(grep -l "content of mine" "$vault"/*)
before=$(json -l blobs.0 <"$journal" 2>/dev/null | head -n 1)

# damaged WHAT STEP REASON
damaged() {
	run_respond --verify
	same "$1: --verify" 6 $status
	check "$1: named" grep -q "^$run  damaged   *$2: " <<<"$output"
	run_json --verify "$run"
	same "$1: for machines" "6 1" "$status $(json damaged <<<"$output")"
	run_respond --rollback "$run" --step "$2"
	check "$1: cannot be undone" test $status = 1 -o $status = 3
	check "$1: says why" grep -qE "(failed|drifted)   *$2: .*$3" <<<"$output"
	same "$1: the host is left as it is" "$host" "$(host)"
	run_respond --rollback "$other" --dry-run
	same "$1: the other run can be taken back" 5 $status
	put_back
}

chmod 0600 "$object"
echo 'something worse' >"$object"
damaged "a changed object" file 'vault'
cp "$vault/$before" $scratch/object
cat $scratch/object >"$object"
damaged "another object in its place" file 'vault'
rm "$object"
ln -s /etc/shadow "$object"
damaged "a symbolic link for an object" file 'vault'
echo >>"$vault/$before"
damaged "a changed before-image" cron 'vault'
rm "$vault/$before"
damaged "a before-image that is gone" cron 'vault'

# ---- what stands in the way of giving back --------------------------------------------------------------------

# in_the_way WHAT COMMAND...: makes it, and it stays
in_the_way() {
	local what=$1 there
	shift
	"$@"
	there=$(host)
	run_respond --rollback "$run" --step file
	same "$what: left alone" 3 $status
	check "$what: named" grep -q "drifted   *file: .*$place/mine" <<<"$output"
	same "$what: the host is left as it is" "$there" "$(host)"
	put_back
}

echo precious >$away/precious
host=$(host)
in_the_way "a file where it was" sh -c "echo other >$place/mine"
rm $place/mine
in_the_way "a directory where it was" mkdir $place/mine
rmdir $place/mine
in_the_way "a symbolic link where it was" ln -s $away/precious $place/mine
rm $place/mine
in_the_way "a symbolic link to nowhere" ln -s $away/nowhere $place/mine
rm $place/mine
mv $place $place.away
ln -s $away $place
there=$(host)
run_respond --rollback "$run" --step file
same "a symbolic link for its directory: refused" 4 $status
check "a symbolic link for its directory: named" grep -q "refused   *file: .*$place/mine" <<<"$output"
same "a symbolic link for its directory: the host is left as it is" "$there" "$(host)"
put_back
check "a symbolic link for its directory: nothing came there" test ! -e $away/mine
rm $place
in_the_way "its directory gone" true
mv $place.away $place
same "as before" "$host" "$(host)"

# A copy that gives rights is not handed back without a word.
printf 'gives rights\n' >$place/rights
chmod 4755 $place/rights
sed "s,$place/.*,$place/rights," /root/one.pb >/root/rights.pb
sed -i '/^\[step cron\]/,$d' /root/rights.pb
run_respond --playbook /root/rights.pb
same "a setuid file: taken away" 0 $status
rights=$(last_run)
run_respond --rollback "$rights"
same "a setuid file: not given back" 4 $status
check "a setuid file: refused by name" grep -q 'file\.setuid' <<<"$output"
check "a setuid file: is not there" test ! -e $place/rights
run_respond --rollback "$rights" --allow file.setuid
same "a setuid file: given back where that is allowed" "0 4755" "$status $(stat -c %a $place/rights)"
rm $place/rights
put_back

# ---- what stands in the way of the records -----------------------------------------------------------------------

# no_run WHAT: nobody's directory is written to.
no_run() {
	echo 'not mine' >$place/new
	run_respond --playbook /root/new.pb
	same "$1: no run" 1 $status
	check "$1: says why" grep -qE "$state_dir (cannot be used|.*symbolic link)" <<<"$output"
	check "$1: nothing was touched" test -e $place/new
	check "$1: nor written" test -z "$(ls -A $away/there)"
	rm $place/new
	rm -rf "$state_dir"
	put_back
}

mkdir $away/there
for part in '' /runs /vault /pending; do
	rm -rf "$state_dir$part"
	ln -s $away/there "$state_dir$part"
	no_run "a symbolic link for ${part:-/var/lib/respond}"
	chmod 0777 "$state_dir$part"
	no_run "anybody could write to ${part:-/var/lib/respond}"
	chown intruder "$state_dir$part"
	no_run "somebody else owns ${part:-/var/lib/respond}"
done
rm "$state_dir/lock"
ln -s $away/there/lock "$state_dir/lock"
no_run "a symbolic link for the lock"

# ---- a run that did not end ------------------------------------------------------------------------------------------

# A tail that is cut off is no more than what a crash leaves: the host tells the rest.
sed -i 's/^name = .*/&\nsettle = 60s/' /root/new.pb
for cut in 'truncate -s -10' "sed -i \$d"; do
	echo 'content of new' >$place/new
	rm -f $scratch/slow
	respond --playbook /root/new.pb >$scratch/slow 2>&1 &
	slow=$!
	disown $slow
	patience=600 await grep -q ^waiting $scratch/slow
	kill -KILL $slow
	await not kill -0 $slow # it holds its journal until then
	run=$(ls "$runs" | tail -n 1)
	$cut "$runs/$run/journal"
	check "unfinished, after $cut: the file is away" test ! -e $place/new
	run_respond --list
	check "unfinished, after $cut: can be read" grep -q "^$run .*unfinished" <<<"$output"
	run_respond --recover
	same "unfinished, after $cut: recovered" 0 $status
	same "unfinished, after $cut: the file is back" 'content of new' "$(cat $place/new 2>&1)"
done
finish
