# SPDX-License-Identifier: GPL-2.0-or-later
# Answers a brute force on sshd: keeps what the logs say, blocks who got in by guessing, ends
# the sessions from there, and leaves passwords no way in.
#
#   respond --playbook ssh-bruteforce.pb --dry-run
#   respond --playbook ssh-bruteforce.pb
#   respond --confirm last
#
# While the attacker is logged in, the guard does not tell that session from a colleague's: it
# refuses the block until --allow net.ssh-peer says that nobody else comes from there.
#
# What an attacker did once inside is for other playbooks: miner.pb, footholds.pb,
# backdoor-account.pb. A log says what whoever could write to it wanted it to say: look at
# the plan before it is done.

[playbook]
name = ssh-bruteforce
description = Shut out who guessed a password of sshd, and leave passwords no way in
on-failure = continue

[input since]
type = duration
default = 7d
help = how far back logins are of interest

[input failures]
type = number
default = 10
help = how many failed logins from one address are an attack

[input address]
type = address-list
help = addresses to block, besides those that an attack came from and then a login

[input user]
type = user
default = root
help = gets a new password, if it is the account whose was guessed

[input new-password]
type = path
default = /root/new-password
help = where root finds it: a file that does not exist yet

[input packages]
type = package-list
help = packages that keep guessers out, fail2ban for one

[step login]
action = evidence.collect
what = logins, accounts, keys
since = ${since}
failures = ${failures}

[step block]
action = net.block
address = ${address}, ${login.breach-address}

[step sessions]
action = session.end
address = ${address}, ${login.breach-address}

# A password that was guessed is known: whoever uses it elsewhere, too, should hear of that.
[step password]
action = account.set-password
when = login.breach-user == user
user = ${user}
file = ${new-password}

# Whoever still needs a password finds out in time: without respond --confirm, from a new
# login, this step is taken back.
[step sshd]
action = sshd.harden
profile = baseline
confirm = 10m

[step guard]
action = package.ensure
package = ${packages}
