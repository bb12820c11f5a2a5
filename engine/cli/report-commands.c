/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "commands.h"

#include "base/clock.h"
#include "report-render.h"
#include "show.h"

#include <errno.h>
#include <string.h>

static int put_report(const struct session *s, const struct report *report)
{
	_cleanup_buf_ struct buf page = {0};
	if (s->options->json)
		return put_json(&s->printer, report_json(report));
	int r = s->options->html ? report_html(report, &page) : report_md(report, &page);
	if (r < 0)
		return complain("the report", strerror(-r));
	fputs(buf_text(&page), s->printer.out);
	return EXIT_DONE;
}

int command_report(struct session *s)
{
	char id[RUN_ID_LEN];
	struct run *run = NULL;
	struct report *report = NULL;
	_cleanup_buf_ struct buf why = {0};
	int status = session_find_run(s, id);
	if (status != EXIT_DONE)
		return status;
	int r = run_load(&s->state, id, s->engine.parts->kinds, &run, &why);
	if (r == 0 && !json_array_size(run->records)) {
		run_free(&run);
		return complain(id, "it ended before it wrote anything: there is nothing to report");
	}
	if (r == 0)
		r = report_new(run, s->engine.parts->actions, realtime_ms(), &report);
	if (r < 0) {
		complain(id, reason(&why, r));
		status = r == -EBADMSG ? EXIT_DAMAGED : EXIT_FAILED;
	} else {
		status = put_report(s, report);
	}
	report_free(&report);
	run_free(&run);
	return status;
}
