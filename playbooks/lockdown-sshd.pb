# SPDX-License-Identifier: GPL-2.0-or-later
# Leaves one way into sshd: a key. No passwords, no root, no forwarding, few tries. The daemon
# reloads; sessions stay. Unless the run is confirmed from a new login, all of it is taken
# back after ten minutes.
#
#   respond --playbook lockdown-sshd.pb --dry-run
#   respond --playbook lockdown-sshd.pb --set 'options=PermitRootLogin prohibit-password'
#   respond --confirm last

[playbook]
name = lockdown-sshd
description = Let nobody into sshd but with a key, and nothing be forwarded
on-failure = stop
confirm = 10m

[input options]
type = option-list
help = lines of sshd_config(5) that hold instead of the profile's; Port lines: exactly these ports

[step sshd]
action = sshd.harden
profile = strict
option = ${options}
