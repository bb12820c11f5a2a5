# SPDX-License-Identifier: GPL-2.0-or-later
# Takes away a library that is preloaded into every program to hide files, processes and
# connections: first the line that preloads it, then the library. Whatever is started from
# then on sees what was hidden: run triage.pb and miner.pb afterwards.
#
#   respond --playbook preload-rootkit.pb --dry-run
#   respond --playbook preload-rootkit.pb --set library=/usr/lib/libx.so
#
# Programs that run already have it loaded until they are started again.

[playbook]
name = preload-rootkit
description = Remove a library that is preloaded to hide an intruder
on-failure = continue

[input library]
type = path-list
default = /usr/local/lib/libprocesshider.so, /usr/lib/libprocesshider.so, /etc/libsystem.so, /usr/lib/libgcwrap.so,
	/lib/libgcwrap.so, /usr/lib/libpprocps.so
help = libraries; the defaults are those of known rootkits

[step entries]
action = persist.remove
references = ${library}

[step library]
action = file.quarantine
path = ${library}
