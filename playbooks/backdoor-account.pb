# SPDX-License-Identifier: GPL-2.0-or-later
# Finds accounts that an intruder has made or taken over, and shuts them out: those that are
# named, and every account of uid 0 beside root. What else looks odd is told, not touched. Shells
# that make whoever runs them root lose that right; to take that back, rollback must be told so
# (--allow file.setuid).
#
#   respond --playbook backdoor-account.pb --dry-run
#   respond --playbook backdoor-account.pb --set user=mallory

[playbook]
name = backdoor-account
description = Contain backdoor accounts, and take away the shells that were copied for them or make root of everybody

[input user]
type = user-list
required = no
help = accounts to contain, besides those of uid 0 that are not root

[input trees]
type = path-list
default = /tmp, /var/tmp, /dev/shm, /usr/bin
help = directories below which programs are searched for that give rights to who runs them, and that no package owns

[step find]
action = account.find

[step named]
action = account.contain
user = ${user}

[step uid0]
action = account.contain
user = ${find.uid0}

[step shells]
action = file.quarantine
path = ${find.shell}

[step rights]
action = file.strip-rights
tree = ${trees}
