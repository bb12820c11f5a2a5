/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sources.h"

#include <string.h>

extern const struct source source_wazuh;
extern const struct source source_falco;
extern const struct source source_fail2ban;
extern const struct source source_crowdsec;
extern const struct source source_suricata;
extern const struct source source_zabbix;
extern const struct source source_auditd;
extern const struct source source_pam;
extern const struct source source_json;

const struct source *const sources[] = {
	&source_wazuh,
	&source_falco,
	&source_fail2ban,
	&source_crowdsec,
	&source_suricata,
	&source_zabbix,
	&source_auditd,
	&source_pam,
	&source_json,
	NULL,
};

const struct source *source_find(const char *name)
{
	for (size_t i = 0; sources[i]; i++)
		if (strcmp(sources[i]->name, name) == 0)
			return sources[i];
	return NULL;
}
