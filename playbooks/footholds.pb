# SPDX-License-Identifier: GPL-2.0-or-later
# Removes the ways by which an intruder's programs are started again: from crontabs, units,
# shell start files, udev, PAM, sudo, apt and the like, only the entries that lead to what
# is named.
#
#   respond --playbook footholds.pb --set references=/opt/.x/agent,203.0.113.67 --dry-run
#
# The programs themselves go last, when nothing starts them any more.

[playbook]
name = footholds
description = Remove the ways by which an intruder's programs are started again
on-failure = continue

[input references]
type = text-list
default =
help = paths, addresses and host names that the entries lead to

[input text]
type = text-list
default =
help = fixed text in the entries, where no path or address tells them

[input trees]
type = path-list
default =
help = trees with git repositories, whose hooks are searched, too

[input programs]
type = glob-list
default =
help = files to take away once nothing starts them any more

[step footholds]
action = persist.remove
references = ${references}
match = ${text}
tree = ${trees}

[step programs]
action = file.quarantine
path = ${programs}
