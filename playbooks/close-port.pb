# SPDX-License-Identifier: GPL-2.0-or-later
# Closes ports of this host to everybody outside, and stops and disables what listens there:
# the unit and its socket, or, where no unit owns it, the process, which is frozen and not
# ended. Who is connected already by a process that goes on stays.
#
#   respond --playbook close-port.pb --set port=4444 --dry-run
#   respond --playbook close-port.pb --set port=4444,6379 --set kill=yes
#   respond --playbook close-port.pb --set port=11211 --set protocol=udp

[playbook]
name = close-port
description = Close ports, and stop what listens there

[input port]
type = port-list
required = yes
help = ports of this host

[input protocol]
type = choice
choices = tcp, udp
default = tcp
help = of which protocol

[input kill]
type = yes-no
default = no
help = do what cannot be undone, too: kill processes that no unit owns, end units that nothing starts again

[step close]
action = port.close
port = ${port}
protocol = ${protocol}
kill = ${kill}
