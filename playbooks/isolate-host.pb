# SPDX-License-Identifier: GPL-2.0-or-later
# Cuts this host off from everybody but its management: nothing else comes in, goes out or passes
# through. Loopback, DHCP and IPv6 neighbour discovery stay. Unless the run is confirmed from
# a new login, all of it is taken back after ten minutes.
#
#   respond --playbook isolate-host.pb --set management=198.51.100.0/28,2001:db8:1::/64 --dry-run
#   respond --playbook isolate-host.pb --set management=198.51.100.0/28,2001:db8:1::/64
#   respond --confirm last

[playbook]
name = isolate-host
description = Let this host talk with its management only
on-failure = stop
confirm = 10m

[input management]
type = address-list
required = yes
help = addresses and prefixes to keep, your own among them, or file:/PATH with one a line

[step isolate]
action = net.isolate
management = ${management}
