/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "registry.h"

#include "login-proof.h"

extern const struct action evidence_collect;
extern const struct action process_find;
extern const struct action process_stop;
extern const struct action process_kill;
extern const struct action net_block;
extern const struct action net_isolate;
extern const struct action port_close;
extern const struct action file_find;
extern const struct action file_quarantine;
extern const struct action file_strip_rights;
extern const struct action ssh_strip_keys;
extern const struct action sshd_harden;
extern const struct service sshd_service;
extern const struct service sshd_config_service;
extern const struct action cron_remove;
extern const struct action package_ensure;
extern const struct action persist_find;
extern const struct action persist_remove;
extern const struct service sudoers_service;
extern const struct action unit_stop;
extern const struct action unit_disable;
extern const struct action unit_mask;
extern const struct action unit_enable;
extern const struct action unit_restart;
extern const struct action account_find;
extern const struct action account_lock;
extern const struct action account_contain;
extern const struct action account_expire_password;
extern const struct action account_set_password;
extern const struct action session_end;
extern const struct service systemd_service;

const struct action *const actions[] = {
	&evidence_collect,
	&process_find,
	&process_stop,
	&process_kill,
	&net_block,
	&net_isolate,
	&port_close,
	&file_find,
	&file_quarantine,
	&file_strip_rights,
	&ssh_strip_keys,
	&sshd_harden,
	&cron_remove,
	&package_ensure,
	&persist_find,
	&persist_remove,
	&unit_stop,
	&unit_disable,
	&unit_mask,
	&unit_enable,
	&unit_restart,
	&account_find,
	&account_lock,
	&account_contain,
	&account_expire_password,
	&account_set_password,
	&session_end,
	NULL,
};

const struct service *const services[] = {
	&sshd_service,
	&sshd_config_service,
	&sudoers_service,
	&systemd_service,
	NULL,
};

const struct proof *const proofs[] = {
	&login_last_way,
	NULL,
};
