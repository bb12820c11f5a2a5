/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Messages of Falco, Suricata, Zabbix, Fail2ban and PAM, whole ones as these write them.
 */
#include "hook-stage.h"

#include "sources.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define FALCO(fields)                                                                                                  \
	"{\"uuid\":\"8f0f6a0c-6a4e-4f0e-9d9c-0c1b2a3d4e5f\",\"hostname\":\"web01\","                                    \
	"\"time\":\"2025-01-01T10:00:00.000000000Z\",\"rule\":\"Detect crypto miners\",\"priority\":\"Critical\","      \
	"\"source\":\"syscall\",\"tags\":[\"mitre_execution\",\"process\"],\"output\":\"10:00:00.000000000: Critical "  \
	"miner (user=www-data command=xmrig -o \\\"$(id)\\\")\",\"output_fields\":{" fields "}}\n"
#define MINER                                                                                                          \
	"\"evt.time\":1735725600000000000,\"proc.pid\":412,\"proc.name\":\"xmrig\",\"proc.exepath\":\"/tmp/xmrig\","   \
	"\"proc.cmdline\":\"xmrig -o pool:3333\",\"user.name\":\"www-data\",\"fd.rip\":\"198.51.100.7\","              \
	"\"fd.rport\":3333,\"container.id\":\"host\",\"k8s.pod.name\":null"

static void falco_is_read_whole(void **state)
{
	(void)state;
	const struct source *falco = source_find("falco");
	HOOK_HAS(falco, hook_text(FALCO(MINER)), "action text alert", "srcip text 198.51.100.7", "user text www-data",
	         "pid number 412", "rule text Detect crypto miners", "priority text Critical",
	         "tags list [mitre_execution][process]", "output_fields.proc.name text xmrig",
	         "output_fields.proc.exepath text /tmp/xmrig", "output_fields.fd.rport number 3333",
	         "output_fields.evt.time number 1735725600000000000", "output_fields.k8s.pod.name empty ");
	HOOK_HAS(falco, hook_text(FALCO("\"fd.rip\":\"<NA>\",\"fd.cip\":\"198.51.100.8\"")), "srcip text 198.51.100.8");
	static const char *const missing[] = {FALCO("\"fd.rip\":null,\"user.name\":null,\"proc.pid\":null"),
	                                      FALCO("\"fd.rip\":\"<NA>\",\"user.name\":\"<NA>\",\"proc.pid\":\"412\""),
	                                      FALCO("")};
	static const char *const names[] = {"srcip", "user", "pid"};
	for (size_t i = 0; i < COUNT(missing); i++)
		for (size_t k = 0; k < COUNT(names); k++)
			hook_lacks(falco, hook_text(missing[i]), names[k]);
}

static void what_is_not_falcos_is_refused(void **state)
{
	(void)state;
	const struct source *falco = source_find("falco");
	hook_refuses(falco, hook_text("{\"rule\":\"x\",\"time\":\"t\"}"), "it has no \"priority\"");
	hook_refuses(falco, hook_text("{\"rule\":5,\"priority\":\"Error\",\"time\":\"t\"}"), "it has no \"rule\"");
	hook_refuses(falco, hook_text("{\"rule\":\"x\",\"priority\":\"Error\",\"time\":null}"), "it has no \"time\"");
	hook_refuses(falco, hook_text("[" FALCO(MINER) "]"), "no JSON object");
	hook_refuses(falco, hook_text(FALCO("\"proc.pid\":1,\"proc.pid\":2")), "duplicate");
	hook_refuses(falco, hook_text(FALCO("\"proc.pid\":1,\"proc\":{\"pid\":2}")), "two members");
	hook_refuses(falco, hook_text("{\"rule\":\"x\",\"priority\":\"\xff\",\"time\":\"t\"}"), "it has no \"priority\"");
	hook_refuses(falco, hook_text("16:40:11.0: Critical Miner (user=root)"), "no JSON");
	hook_refuses_truncated(falco, hook_text(FALCO(MINER)));
}

/* A miner that calls itself by bytes that are no text is a miner all the same. */
static void what_an_attacker_writes_does_not_hide_him(void **state)
{
	(void)state;
	HOOK_HAS(source_find("falco"), hook_text(FALCO("\"proc.cmdline\":\"\xff\xfe\",\"proc.name\":\"\\udcff\",\"proc.pid\":7")),
	         "output_fields.proc.cmdline empty ", "output_fields.proc.name empty ", "pid number 7");
	HOOK_HAS(source_find("suricata"),
	         hook_text("{\"timestamp\":\"t\",\"event_type\":\"alert\",\"src_ip\":\"203.0.113.9\",\"http\":{\"http_user_agent\":"
	                   "\"curl\\u0000\"}}"),
	         "http.http_user_agent empty ", "srcip text 203.0.113.9");
	_cleanup_buf_ struct buf login = {0};
	buf_puts(&login, "PAM_TYPE=auth");
	buf_putc(&login, '\0');
	buf_puts(&login, "PAM_SERVICE=su");
	buf_putc(&login, '\0');
	buf_puts(&login, "PAM_RHOST=203.0.113.9");
	buf_putc(&login, '\0');
	buf_puts(&login, "PAM_USER=");
	for (int i = 0; i < 120000; i++)
		buf_putc(&login, 'u');
	buf_putc(&login, '\0');
	assert_true(login.len < source_find("pam")->size_max);
	HOOK_HAS(source_find("pam"), slice_of(&login), "srcip text 203.0.113.9");
	hook_lacks(source_find("pam"), slice_of(&login), "user");
}

#define EVE(type, rest)                                                                                                \
	"{\"timestamp\":\"2025-01-01T10:00:00.000000+0000\",\"flow_id\":1676750115612345,\"in_iface\":\"eth0\","       \
	"\"event_type\":\"" type "\",\"src_ip\":\"203.0.113.9\",\"src_port\":4444,\"dest_ip\":\"192.0.2.10\","         \
	"\"dest_port\":3333,\"proto\":\"TCP\",\"pkt_src\":\"wire/pcap\"" rest "}\n"
#define ALERT                                                                                                          \
	",\"metadata\":{\"flowbits\":[\"a\",\"b\"]},\"alert\":{\"action\":\"allowed\",\"gid\":1,"                     \
	"\"signature_id\":2024792,\"rev\":4,\"signature\":\"ET POLICY Cryptocurrency Miner Checkin\","                 \
	"\"category\":\"Potential Corporate Privacy Violation\",\"severity\":1},\"flow\":{\"pkts_toserver\":4,"        \
	"\"bytes_toserver\":500,\"start\":\"2025-01-01T10:00:00.000000+0000\"},\"http\":{\"hostname\":\"$(id)\","      \
	"\"url\":\"/'\\\"`x`\"}"

static void suricata_is_read_whole(void **state)
{
	(void)state;
	const struct source *suricata = source_find("suricata");
	HOOK_HAS(suricata, hook_text(EVE("alert", ALERT)), "action text alert", "srcip text 203.0.113.9",
	         "dest_ip text 192.0.2.10", "alert.signature_id number 2024792", "alert.severity number 1",
	         "alert.action text allowed", "flow_id number 1676750115612345", "metadata.flowbits list [a][b]",
	         "http.hostname text $(id)", "http.url text /'\"`x`");
	HOOK_HAS(suricata,
	         hook_text(EVE("alert", ",\"alert\":{\"severity\":1,\"source\":{\"ip\":\"198.51.100.7\",\"port\":1},"
	                                "\"target\":{\"ip\":\"203.0.113.9\",\"port\":2}}")),
	         "srcip text 198.51.100.7", "src_ip text 203.0.113.9");
	HOOK_HAS(suricata, hook_text(EVE("dns", ",\"dns\":{\"type\":\"query\",\"rrname\":\"a.example\"}")),
	         "action text dns", "dns.rrname text a.example");
	_cleanup_free_ char *stats = hook_events(suricata, hook_text("{\"timestamp\":\"t\",\"event_type\":\"stats\"}"));
	assert_string_equal(stats, "");
}

static void what_is_not_suricatas_is_refused(void **state)
{
	(void)state;
	const struct source *suricata = source_find("suricata");
	static const char *const none[] = {"{}", "{\"event_type\":\"alert\"}", "{\"timestamp\":\"t\"}",
	                                   "{\"timestamp\":1,\"event_type\":\"alert\"}",
	                                   "{\"timestamp\":\"t\",\"event_type\":7}",
	                                   "{\"timestamp\":\"t\",\"event_type\":\"\"}"};
	for (size_t i = 0; i < COUNT(none); i++)
		hook_refuses(suricata, hook_text(none[i]), "no event of Suricata's");
	hook_refuses(suricata, hook_text(EVE("alert", ",\"srcip\":\"192.0.2.1\"")), "named \"srcip\"");
	hook_refuses_truncated(suricata, hook_text(EVE("alert", ALERT)));
}

#define ZABBIX                                                                                                         \
	"{\"id\":\"4711\",\"host\":\"web01\",\"ip\":\"192.0.2.10\",\"trigger\":\"CPU of {HOST.NAME} is \\\"high\\\"\","  \
	"\"severity\":\"High\",\"value\":1,\"srcip\":\"203.0.113.9\"}"

static void zabbix_is_one_word_or_standard_input(void **state)
{
	(void)state;
	const struct source *zabbix = source_find("zabbix");
	HOOK_HAS(zabbix, HOOK_WORDS(ZABBIX), "action text alert", "srcip text 203.0.113.9", "severity text High",
	         "value number 1", "trigger text CPU of {HOST.NAME} is \"high\"");
	HOOK_HAS(zabbix, hook_text(ZABBIX "\n"), "action text alert", "id text 4711");
	HOOK_HAS(zabbix, HOOK_WORDS("{\"action\":\"recovery\"}"), "action text recovery");
	hook_refuses(zabbix, HOOK_WORDS("{\"a\":1}\0{\"b\":2}"), "one word is wanted");
	hook_refuses(zabbix, HOOK_WORDS("{\"a\":\0\"b\"}"), "one word is wanted");
	hook_refuses(zabbix, HOOK_WORDS(""), "no JSON");
	hook_refuses(zabbix, hook_text(""), "no JSON");
	hook_refuses(zabbix, hook_text("High: CPU"), "no JSON");
	assert_null(zabbix->undo_on);
}

#define BAN                                                                                                            \
	"action=ban\0ip=203.0.113.9\0family=inet4\0jail=sshd\0failures=5\0time=1696894457.9\0bantime=600\0restored=0"

static void fail2ban_is_read_whole(void **state)
{
	(void)state;
	const struct source *fail2ban = source_find("fail2ban");
	_cleanup_free_ char *ban = hook_events(fail2ban, HOOK_WORDS(BAN));
	assert_string_equal(ban, "action text ban\nbantime number 600\nduration text 10m\nfailures number 5\n"
	                         "family text inet4\nip text 203.0.113.9\njail text sshd\nrestored yes or no no\n"
	                         "srcip text 203.0.113.9\ntime number 1696894457\n");
	HOOK_HAS(fail2ban, HOOK_WORDS("action=unban\0ip=2001:db8::1\0jail=sshd\0family=inet6\0restored=1"),
	         "action text unban", "srcip text 2001:db8::1", "restored yes or no yes");
	HOOK_HAS(fail2ban, HOOK_WORDS("action=ban\0ip=$(reboot)\0jail=a=b"), "srcip text $(reboot)", "jail text a=b");
	hook_lacks(fail2ban, HOOK_WORDS("action=ban\0ip=203.0.113.9\0jail=j\0bantime=-1"), "duration");
	static const struct {
		struct slice words;
		const char *duration;
	} durations[] = {
		{HOOK_WORDS("action=ban\0ip=192.0.2.1\0jail=j\0bantime=1"), "duration text 1m"},
		{HOOK_WORDS("action=ban\0ip=192.0.2.1\0jail=j\0bantime=61"), "duration text 2m"},
		{HOOK_WORDS("action=ban\0ip=192.0.2.1\0jail=j\0bantime=3540"), "duration text 59m"},
		{HOOK_WORDS("action=ban\0ip=192.0.2.1\0jail=j\0bantime=3541"), "duration text 1h"},
		{HOOK_WORDS("action=ban\0ip=192.0.2.1\0jail=j\0bantime=3601"), "duration text 2h"},
		{HOOK_WORDS("action=ban\0ip=192.0.2.1\0jail=j\0bantime=86400"), "duration text 24h"},
		{HOOK_WORDS("action=ban\0ip=192.0.2.1\0jail=j\0bantime=9223372036854775807"), "duration text 876000h"},
	};
	for (size_t i = 0; i < COUNT(durations); i++)
		hook_has(fail2ban, durations[i].words, (const char *const[]){durations[i].duration, NULL});
}

static void what_is_not_fail2bans_is_refused(void **state)
{
	(void)state;
	const struct source *fail2ban = source_find("fail2ban");
	static const struct {
		struct slice words;
		const char *why;
	} cases[] = {
		{HOOK_WORDS("action=ban\0ip=192.0.2.1"), "there is no jail="},
		{HOOK_WORDS("action=ban\0jail=j"), "there is no ip="},
		{HOOK_WORDS("ip=192.0.2.1\0jail=j"), "there is no action="},
		{HOOK_WORDS("action=start\0ip=192.0.2.1\0jail=j"), "neither \"ban\" nor \"unban\""},
		{HOOK_WORDS(BAN "\0matches=Failed password for root"), "none of the action file's"},
		{HOOK_WORDS(BAN "\0ip=192.0.2.2"), "named \"ip\""},
		{HOOK_WORDS(BAN "\0srcip=192.0.2.2"), "none of the action file's"},
		{HOOK_WORDS("action=ban\0ip=\0jail=j"), "\"ip\" has a value"},
		{HOOK_WORDS("action=ban\0ip=\xff\0jail=j"), "\"ip\""},
		{HOOK_WORDS("action=ban\0ip=192.0.2.1\0jail=j\0bantime=99999999999999999999"),
		         "\"bantime\" has a value"},
		{HOOK_WORDS("action=ban\0ip=192.0.2.1\0jail=j\0bantime=1e3"), "\"bantime\" has a value"},
		{HOOK_WORDS("action=ban\0ip=192.0.2.1\0jail=j\0bantime="), "\"bantime\" has a value"},
		{HOOK_WORDS("action=ban\0ip=192.0.2.1\0jail=j\0time=1.2.3"), "\"time\" has a value"},
		{HOOK_WORDS("action=ban\0ip=192.0.2.1\0jail=j\0time=."), "\"time\" has a value"},
		{HOOK_WORDS("action=ban\0ip=192.0.2.1\0jail=j\0restored=yes"), "\"restored\" has a value"},
		{HOOK_WORDS("action=ban\0" "192.0.2.1"), "not NAME=VALUE"},
		{HOOK_WORDS(""), "not NAME=VALUE"},
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		hook_refuses(fail2ban, cases[i].words, cases[i].why);
	hook_refuses(fail2ban, hook_text("action=ban ip=192.0.2.1 jail=j"), "wanted as arguments");
	hook_refuses(fail2ban, (struct slice){BAN, sizeof(BAN) - 1}, "wanted as arguments");
	hook_refuses(fail2ban, hook_text(""), "there is no action=");
}

#define LOGIN "PAM_TYPE=auth\0PAM_SERVICE=sshd\0PAM_USER=bob\0PAM_RUSER=\0PAM_RHOST=203.0.113.9\0PAM_TTY=ssh"

static void pam_is_read_whole(void **state)
{
	(void)state;
	const struct source *pam = source_find("pam");
	_cleanup_free_ char *login = hook_events(pam, HOOK_WORDS(LOGIN));
	assert_string_equal(login, "action text alert\nrhost text 203.0.113.9\nruser empty \nservice text sshd\n"
	                           "srcip text 203.0.113.9\ntty text ssh\ntype text auth\nuser text bob\n");
	hook_lacks(pam, HOOK_WORDS("PAM_TYPE=auth\0PAM_SERVICE=su\0PAM_RHOST="), "srcip");
	/* Whose name is no text is still somebody who has an address. */
	struct slice odd = HOOK_WORDS("PAM_TYPE=auth\0PAM_SERVICE=sshd\0PAM_USER=\xff\xfe\0PAM_RHOST=203.0.113.9");
	HOOK_HAS(pam, odd, "srcip text 203.0.113.9");
	hook_lacks(pam, odd, "user");
	HOOK_HAS(pam, HOOK_WORDS("PAM_TYPE=auth\0PAM_SERVICE=sshd\0PAM_USER=a=b $(id)\n"), "user text a=b $(id)\n");
	hook_refuses(pam, HOOK_WORDS("PAM_SERVICE=sshd"), "PAM_TYPE is not set");
	hook_refuses(pam, HOOK_WORDS("PAM_TYPE=auth"), "PAM_SERVICE is not set");
	hook_refuses(pam, HOOK_WORDS(LOGIN "\0PATH=/bin"), "none of pam_exec's");
	hook_refuses(pam, HOOK_WORDS(LOGIN "\0PAM_USER=eve"), "named \"user\"");
	hook_refuses(pam, hook_text(""), "PAM_TYPE is not set");
}

static void sources_are_complete(void **state)
{
	(void)state;
	static const char *const names[] = {"wazuh", "falco", "fail2ban", "crowdsec", "suricata", "zabbix", "auditd",
	                                    "pam", "json"};
	size_t n = 0;
	for (; sources[n]; n++) {
		const struct source *s = sources[n];
		assert_string_equal(s->name, names[n]);
		assert_ptr_equal(source_find(s->name), s);
		assert_true(s->summary && s->size_max && s->parse && s->fields);
		assert_true(!s->greet == !s->answered && !s->greet == !s->answer);
		assert_true((s->input == INPUT_ENVIRONMENT) == (s->variables != NULL));
		for (size_t i = 0; s->fields[i].name; i++)
			assert_true(s->fields[i].help && s->fields[i].help[0]);
	}
	assert_int_equal(n, COUNT(names));
	assert_null(source_find("nessus"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(falco_is_read_whole),
		cmocka_unit_test(what_is_not_falcos_is_refused),
		cmocka_unit_test(what_an_attacker_writes_does_not_hide_him),
		cmocka_unit_test(suricata_is_read_whole),
		cmocka_unit_test(what_is_not_suricatas_is_refused),
		cmocka_unit_test(zabbix_is_one_word_or_standard_input),
		cmocka_unit_test(fail2ban_is_read_whole),
		cmocka_unit_test(what_is_not_fail2bans_is_refused),
		cmocka_unit_test(pam_is_read_whole),
		cmocka_unit_test(sources_are_complete),
	};
	return cmocka_run_group_tests_name("hook-sources", tests, NULL, NULL);
}
