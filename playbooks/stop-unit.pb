# SPDX-License-Identifier: GPL-2.0-or-later
# Stops units, and what would start them again, and keeps them from being started.
#
#   respond --playbook stop-unit.pb --set unit=miner.service

[playbook]
name = stop-unit
description = Stop units, with their timers and sockets, and disable them

[input unit]
type = unit-list
required = yes
help = units; a name without a type is a service's

[step stop]
action = unit.stop
unit = ${unit}

[step triggers]
action = unit.disable
unit = ${stop.trigger}
now = yes

[step disable]
action = unit.disable
unit = ${unit}
