# SPDX-License-Identifier: GPL-2.0-or-later
# Installs packages that are missing, and has what they bring started at boot: fail2ban,
# which keeps password guessers out from now on.
#
#   respond --playbook ensure-package.pb

[playbook]
name = ensure-package
description = Install fail2ban, or other packages, and enable their units

[input package]
type = package-list
default = fail2ban
help = names of packages

[input unit]
type = unit-list
default = fail2ban.service
help = units of theirs that are to run

[step install]
action = package.ensure
package = ${package}

[step start]
action = unit.enable
unit = ${unit}
now = yes
