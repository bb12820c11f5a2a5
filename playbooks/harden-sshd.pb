# SPDX-License-Identifier: GPL-2.0-or-later
# Makes settings of sshd effective in every case: in included files and Match blocks
# too. The daemon reloads; sessions stay. Unless the run is confirmed from a new login, all
# of it is taken back after ten minutes.
#
#   respond --playbook harden-sshd.pb --dry-run
#   respond --playbook harden-sshd.pb
#   respond --confirm last

[playbook]
name = harden-sshd
description = Close the ways in that sshd leaves open to a stolen password
on-failure = stop
confirm = 10m

[input options]
type = option-list
default = PermitRootLogin no, PasswordAuthentication no, KbdInteractiveAuthentication no
help = lines of sshd_config(5) that are to hold for everybody

[step sshd]
action = sshd.harden
option = ${options}
