# SPDX-License-Identifier: GPL-2.0-or-later
# Kills what runs from some files, takes the files away, and removes the crontab
# entries that would start them.
#
#   respond --playbook quarantine.pb --set path=/tmp/.x/updater

[playbook]
name = quarantine
description = Take files away, with what runs from them
settle = 1s

[input path]
type = path-list
required = yes
help = the files

[step processes]
action = process.kill
exe = ${path}

[step files]
action = file.quarantine
path = ${path}

[step cron]
action = cron.remove
references = ${path}
