# SPDX-License-Identifier: GPL-2.0-or-later
# Makes settings of sshd effective in every case: in included files and Match blocks
# too. The daemon reloads; sessions stay.
#
#   respond --playbook harden-sshd.pb --dry-run

[playbook]
name = harden-sshd
description = Close the ways in that sshd leaves open to a stolen password
on-failure = stop

[input options]
type = option-list
default = PermitRootLogin no, PasswordAuthentication no, KbdInteractiveAuthentication no
help = lines of sshd_config(5) that are to hold for everybody

[step sshd]
action = sshd.harden
option = ${options}
