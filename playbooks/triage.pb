# SPDX-License-Identifier: GPL-2.0-or-later
# Looks at the host and keeps what it sees as evidence. Nothing is changed.
#
#   respond --playbook triage.pb --dry-run
#   respond --playbook triage.pb
#   respond --export last /root/triage.tar.zst
#
# Each step is a subject of its own: what cannot be looked at does not keep the others from it.

[playbook]
name = triage
description = Look at the host and keep what is seen; changes nothing
on-failure = continue

[input files]
type = glob-list
help = files to look at and to keep a copy of, besides

[input since]
type = duration
default = 30d
help = how far back logins and changes of accounts are of interest

[input failures]
type = number
default = 10
help = how many failed logins from one address are an attack

[input copy]
type = yes-no
default = yes
help = whether login records, files and deleted executables are copied as a whole

# What goes first when somebody notices.
[step live]
action = evidence.collect
what = processes, sockets, modules, mounts
copy = ${copy}

[step login]
action = evidence.collect
what = logins, accounts, keys
since = ${since}
failures = ${failures}
copy = ${copy}

[step persistence]
action = evidence.collect
what = persistence
since = ${since}

[step files]
action = evidence.collect
what = files
path = ${files}
copy = ${copy}
