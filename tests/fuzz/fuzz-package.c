/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What apt-get --simulate, dpkg-query, dnf and rpm say: each package that is understood has a name, and
 * comes back from the journal as it was.
 */
#include "fuzz.h"

#include "change/package-codec.h"

#include <errno.h>
#include <string.h>

static void check(const struct package_set *set)
{
	_cleanup_packages_ struct package_set back = {0};
	for (size_t i = 0; i < set->n; i++) {
		MUST(set->v[i].name[0] && set->v[i].version);
		MUST(!strpbrk(set->v[i].name, " \n\t/=") && set->v[i].name[0] != '-');
	}
	json_t *json = package_set_json(set);
	MUST(json);
	MUST(package_set_from_json(json, &back) == (set->n ? 0 : -EBADMSG));
	for (size_t i = 0; i < back.n; i++)
		MUST(strcmp(back.v[i].name, set->v[i].name) == 0 && strcmp(back.v[i].version, set->v[i].version) == 0);
	json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	_cleanup_buf_ struct buf simulation = fuzz_part(&in), status = fuzz_rest(&in);
	_cleanup_packages_ struct package_set install = {0}, remove = {0}, known = {0};
	int r = apt_parse_simulation(&simulation, &install, &remove);
	MUST(r == 0 || r == -EBADMSG);
	check(&install);
	check(&remove);
	r = dpkg_parse_status(&status, &known);
	MUST(r == 0 || r == -EBADMSG);
	check(&known);
	dpkg_configuration_changed(&status);
	_cleanup_packages_ struct package_set dnf_install = {0}, dnf_remove = {0}, queried = {0};
	_cleanup_buf_ struct buf who = {0}, why = {0};
	_cleanup_strv_ struct strv came = {0}, went = {0};
	size_t absent = 0;
	r = dnf_parse_transaction(&simulation, &dnf_install, &dnf_remove, &why);
	MUST(r == 0 || r == -EBADMSG || r == -ENODATA || r == -EPERM);
	MUST((r == -EPERM) == (why.len > 0));
	check(&dnf_install);
	check(&dnf_remove);
	r = rpm_parse_query(&status, &queried, &absent);
	MUST(r == 0 || r == -EBADMSG);
	check(&queried);
	MUST(!rpm_needed_by(&status, &who) || !strpbrk(buf_text(&who), " \n"));
	MUST(packages_compare(&status, &status, &known, &came, &went) == 0 && !came.n && !went.n);
	MUST(packages_compare(&simulation, &status, &known, &came, &went) == 0);
	return 0;
}
