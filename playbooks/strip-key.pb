# SPDX-License-Identifier: GPL-2.0-or-later
# Strips SSH keys from the authorized_keys files of all users.
#
#   respond --playbook strip-key.pb --set fingerprint=SHA256:...

[playbook]
name = strip-key
description = Strip SSH keys from every account

[input fingerprint]
type = fingerprint-list
required = yes
help = fingerprints of the keys, as ssh-keygen -l prints them

[step keys]
action = ssh.strip-keys
fingerprint = ${fingerprint}
