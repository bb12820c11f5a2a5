# SPDX-License-Identifier: GPL-2.0-or-later
# Stops a cryptominer and takes away what it came back by.
#
#   respond --playbook miner.pb --dry-run
#
# It starts from process names and follows what they lead to: their executable to
# more processes, their peers to the addresses to block, the files taken away to the
# crontab entries that would start them again. Give --set what you know beyond that.

[playbook]
name = miner
description = Stop a cryptominer and remove its footholds
on-failure = continue
# Whatever watches the miner gets this long to show itself again.
settle = 1s

[input names]
type = name-list
default = xmrig, kinsing, kdevtmpfsi, kthreadd, kswapd0, perfctl, perfcc, xmr-stak, minerd, cpuminer
help = names of processes to kill; kernel threads of such a name are never meant

[input c2]
type = address-list
help = the miner's servers, besides those that it is seen to be connected to

[input files]
type = glob-list
default = /tmp/malicious.sh, /tmp/kinsing*, /tmp/kdevtmpfsi*, /var/tmp/kinsing*, /var/tmp/kdevtmpfsi*
help = files to take away, besides the executables of the processes

[input cron-text]
type = text-list
default = malicious-site.example
help = fixed text in the crontab entries to remove, besides the paths of the files taken away

[input attacker-keys]
type = fingerprint-list
help = fingerprints of the SSH keys to strip, as ssh-keygen -l prints them

[input attacker-comments]
type = text-list
help = comments of the SSH keys to strip

[step miner]
action = process.kill
name = ${names}

# The same program under any other name: watchdogs, renamed copies.
[step kin]
action = process.kill
exe = ${miner.exe}

[step c2]
action = net.block
address = ${c2}, ${miner.peer}, ${kin.peer}

[step files]
action = file.quarantine
path = ${miner.exe}, ${files}

[step cron]
action = cron.remove
references = ${files.path}
match = ${cron-text}

[step keys]
action = ssh.strip-keys
fingerprint = ${attacker-keys}

[step keys-by-comment]
action = ssh.strip-keys
comment = ${attacker-comments}

# Whoever still needs root's login finds out in time: without respond --confirm, from a
# new login, this step is taken back.
[step sshd]
action = sshd.harden
option = PermitRootLogin no
confirm = 10m
