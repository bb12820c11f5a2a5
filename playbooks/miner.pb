# SPDX-License-Identifier: GPL-2.0-or-later
# Answers a cryptominer, from looking to summing up: keeps what is to be seen, takes away what
# would start the miner again, kills it, blocks its servers, takes its files, the attacker's
# keys and named accounts, and leaves root no login.
#
#   respond --playbook miner.pb --dry-run
#   respond --playbook miner.pb
#   respond --confirm last
#   respond --report last --format html
#
# It starts from process names and follows what they lead to: their executable to more
# processes and to the entries that start it, their peers to the addresses to block. Give
# --set what you know beyond that. A host on which nothing is found is left alone, but for
# root's login.
#
# Accounts are a person's to judge: those that look odd are told, those that are named are shut
# out. How the attacker got in is for other playbooks: ssh-bruteforce.pb, backdoor-account.pb,
# preload-rootkit.pb.

[playbook]
name = miner
description = Answer a cryptominer: evidence, footholds, processes, servers, files, keys, accounts, root's login
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

[input text]
type = text-list
default = malicious-site.example
help = fixed text in the entries to remove, besides the paths and addresses that were found

[input attacker-keys]
type = fingerprint-list
help = fingerprints of the SSH keys to strip, as ssh-keygen -l prints them

[input attacker-comments]
type = text-list
help = comments of the SSH keys to strip

[input accounts]
type = user-list
help = accounts of the attacker's, to be shut out

[input evidence]
type = choice-list
choices = processes, sockets, modules, mounts, logins, accounts, keys, persistence
default = processes, sockets, modules, mounts, logins, accounts, keys, persistence
help = what is looked at and kept if a miner is found; processes take a second

[step miner]
action = process.find
name = ${names}

# The same program under any other name: watchdogs, renamed copies.
[step kin]
action = process.find
exe = ${miner.exe}

[step found]
action = file.find
path = ${miner.exe}, ${files}

# Before anything is done to the host.
[step evidence]
action = evidence.collect
when = miner.count or found.count
what = ${evidence}
path = ${found.path}

# Before the processes and the files: nothing starts them again.
[step footholds]
action = persist.remove
references = ${miner.exe}, ${found.path}, ${c2}, ${miner.peer}, ${kin.peer}
match = ${text}

[step kill]
action = process.kill
name = ${names}

[step kill-kin]
action = process.kill
exe = ${miner.exe}

[step c2]
action = net.block
address = ${c2}, ${miner.peer}, ${kin.peer}

[step files]
action = file.quarantine
path = ${miner.exe}, ${files}

[step keys]
action = ssh.strip-keys
fingerprint = ${attacker-keys}

[step keys-by-comment]
action = ssh.strip-keys
comment = ${attacker-comments}

[step odd-accounts]
action = account.find

[step accounts]
action = account.contain
user = ${accounts}

# Whoever still needs root's login finds out in time: without respond --confirm, from a new
# login, this step is taken back.
[step sshd]
action = sshd.harden
option = PermitRootLogin no
confirm = 10m
