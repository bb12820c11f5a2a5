/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/kinds.h"

#include "change/account-shadow.h"
#include "change/file-edit.h"
#include "change/file-mode.h"
#include "change/file-move.h"
#include "change/nft-elements.h"
#include "change/nft-isolate.h"
#include "change/nft-ports.h"
#include "change/package-set.h"
#include "change/pam-contain.h"
#include "change/process-kill.h"
#include "change/process-stop.h"
#include "change/socket-destroy.h"
#include "change/unit-command.h"
#include "change/unit-state.h"

const struct change_kind *const change_kinds[] = {
	&file_edit_kind,
	&file_move_kind,
	&file_mode_kind,
	&account_shadow_kind,
	&pam_contain_kind,
	&process_stop_kind,
	&process_kill_kind,
	&nft_elements_kind,
	&nft_isolate_kind,
	&nft_ports_kind,
	&socket_destroy_kind,
	&unit_state_kind,
	&unit_command_kind,
	&package_set_kind,
	NULL,
};
