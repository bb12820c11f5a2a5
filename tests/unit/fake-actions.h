/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Actions that exist for tests of the language only.
 */
#ifndef RESPOND_TESTS_FAKE_ACTIONS_H
#define RESPOND_TESTS_FAKE_ACTIONS_H

#include "core/action.h"
#include "core/diag.h"
#include "core/playbook.h"

/*
 * process.kill  name (name-list), exe (glob-list), cmdline (text-list), user (user-list),
 *               connects-to (endpoint-list), cpu-above (percent): matchers; tree (yes-no: yes)
 *               facts: pid, exe, user, peer, count
 * net.block     address (address-list, required), direction (choice-list: all three), port (port-list),
 *               ttl (duration), note (text)
 *               facts: address, count
 * file.move     path (glob-list, required), missing (choice ok|fail: ok), sha256 (sha256), limit (number)
 *               no facts
 */
extern const struct action *const fake_actions[];

/* Parses TEXT as x.pb. NULL after an error; what is wrong goes to RET_DIAGS as it is printed. */
struct playbook *fake_playbook(const char *text, struct buf *ret_diags);

#endif
