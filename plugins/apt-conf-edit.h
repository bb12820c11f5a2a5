/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * apt.conf(5): the text without the settings that a search means. Pure: bytes in, bytes out.
 */
#ifndef RESPOND_PLUGINS_APT_CONF_EDIT_H
#define RESPOND_PLUGINS_APT_CONF_EDIT_H

#include "entry-hits.h"
#include "entry-search.h"

/* TEXT without the statements of which SEARCH finds a word or a string, and without what
 * encloses nothing then. In a text whose braces or quotes do not match, all is stuck. */
int apt_conf_strip(const struct buf *text, const struct entry_search *search, struct buf *ret,
                   struct hits *ret_hits);

#endif
