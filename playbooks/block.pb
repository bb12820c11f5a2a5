# SPDX-License-Identifier: GPL-2.0-or-later
# Blocks addresses and ends the connections with them.
#
#   respond --playbook block.pb --set address=203.0.113.67,2001:db8::/64 --set ttl=24h

[playbook]
name = block
description = Block addresses in all directions and end their connections

[input address]
type = address-list
required = yes
help = addresses and prefixes, or file:/PATH with one a line

[input ttl]
type = duration
default = 7d
help = after this time the block ends by itself

[step block]
action = net.block
address = ${address}
ttl = ${ttl}
