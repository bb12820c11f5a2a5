/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook/queue.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static size_t loads_alive;

static void *load_of(const char *text)
{
	loads_alive++;
	return strdup(text);
}

static void drop_load(void *load)
{
	loads_alive--;
	free(load);
}

static struct queue queue_of(unsigned runs, size_t per_rule)
{
	return (struct queue){.runs = runs, .per_rule = per_rule, .bytes_max = 1 << 20, .drop = drop_load};
}

static int put(struct queue *q, const char *rule, const char *key, enum work_kind kind)
{
	return queue_put(q, rule, key, kind, load_of(key), 100);
}

/* Starts the next and says what it is: "do a 1.2.3.4"; "" where there is none. */
static const char *started(struct queue *q, struct work **ret)
{
	static char text[128];
	struct work *w = queue_start(q);
	text[0] = '\0';
	if (w)
		snprintf(text, sizeof(text), "%s %s %s", w->kind == WORK_DO ? "do" : "undo", w->rule->name, w->key);
	if (ret)
		*ret = w;
	return text;
}

static void end(struct queue *q)
{
	queue_free(q);
	assert_int_equal(loads_alive, 0);
}

static const struct queue_rule *rule(const struct queue *q, const char *name)
{
	static const struct queue_rule none = {.merged = 999999, .dropped = 999999, .dropped_undos = 999999};
	for (const struct queue_rule *r = q->rules; r; r = r->next)
		if (strcmp(r->name, name) == 0)
			return r;
	return &none;
}

static void the_same_is_merged_while_it_waits_and_while_it_runs(void **state)
{
	(void)state;
	struct queue q = queue_of(4, 10);
	struct work *w;
	assert_int_equal(put(&q, "a", "k", WORK_DO), QUEUE_TAKEN);
	assert_int_equal(put(&q, "a", "k", WORK_DO), QUEUE_MERGED);
	assert_int_equal(put(&q, "b", "k", WORK_DO), QUEUE_TAKEN); /* another rule's key */
	assert_string_equal(started(&q, &w), "do a k");
	assert_int_equal(put(&q, "a", "k", WORK_DO), QUEUE_MERGED);
	assert_int_equal(w->merged, 2);
	assert_int_equal(rule(&q, "a")->merged, 2);
	assert_string_equal(started(&q, NULL), "do b k");
	assert_string_equal(started(&q, NULL), "");
	queue_end(&q, w);
	assert_int_equal(put(&q, "a", "k", WORK_DO), QUEUE_TAKEN);
	end(&q);
}

static void ten_thousand_alerts_of_a_hundred_keys_are_a_hundred_runs(void **state)
{
	(void)state;
	struct queue q = queue_of(3, 100);
	struct work *running[3] = {0}, *w;
	char key[16];
	size_t runs = 0;
	for (unsigned i = 0; i < 10000; i++) {
		snprintf(key, sizeof(key), "%u", i * 7919 % 100);
		assert_in_range(put(&q, "a", key, WORK_DO), QUEUE_TAKEN, QUEUE_MERGED);
		assert_true(q.n_waiting <= 100);
		if (i % 50 == 0 && q.n_running < 3 && runs < 3 && (w = queue_start(&q)))
			running[runs++] = w;
	}
	assert_int_equal(runs, 3);
	assert_null(queue_start(&q)); /* no more than three at once */
	for (size_t i = 0; i < 3; i++)
		queue_end(&q, running[i]);
	for (; (w = queue_start(&q)); runs++)
		queue_end(&q, w);
	assert_int_equal(runs, 100);
	assert_int_equal(rule(&q, "a")->merged, 9900);
	assert_int_equal(rule(&q, "a")->dropped, 0);
	end(&q);
}

static void an_undo_waits_for_its_alert(void **state)
{
	(void)state;
	struct queue q = queue_of(4, 10);
	struct work *alert, *w;
	put(&q, "a", "k", WORK_DO);
	assert_int_equal(put(&q, "a", "k", WORK_UNDO), QUEUE_TAKEN);
	put(&q, "a", "other", WORK_DO);
	assert_string_equal(started(&q, &alert), "do a k");
	assert_string_equal(started(&q, NULL), "do a other"); /* what does not wait for anything goes first */
	assert_string_equal(started(&q, NULL), "");
	assert_int_equal(put(&q, "a", "k", WORK_UNDO), QUEUE_MERGED);
	queue_end(&q, alert);
	assert_string_equal(started(&q, &w), "undo a k");
	assert_int_equal(put(&q, "a", "k", WORK_UNDO), QUEUE_MERGED);
	assert_int_equal(put(&q, "a", "k", WORK_DO), QUEUE_TAKEN); /* behind what takes back */
	assert_string_equal(started(&q, NULL), "");
	queue_end(&q, w);
	assert_string_equal(started(&q, NULL), "do a k");
	end(&q);
}

/* Whoever can make a source alternate does not fill the queue. */
static void there_and_back_while_both_wait_is_nothing_new(void **state)
{
	(void)state;
	struct queue q = queue_of(1, 10);
	struct work *w;
	put(&q, "a", "k", WORK_DO);
	assert_string_equal(started(&q, &w), "do a k");
	for (int i = 0; i < 100; i++)
		assert_int_not_equal(put(&q, "a", "k", i % 2 ? WORK_DO : WORK_UNDO), QUEUE_DROPPED);
	assert_int_equal(q.n_waiting, 2);
	queue_end(&q, w);
	assert_string_equal(started(&q, &w), "undo a k");
	queue_end(&q, w);
	assert_string_equal(started(&q, &w), "do a k");
	queue_end(&q, w);
	assert_string_equal(started(&q, NULL), "");
	assert_int_equal(rule(&q, "a")->merged + 3, 101);
	end(&q);
}

static void what_does_not_fit_is_counted_and_an_undo_goes_before_alerts(void **state)
{
	(void)state;
	struct queue q = queue_of(1, 3);
	put(&q, "a", "1", WORK_DO);
	put(&q, "a", "2", WORK_DO);
	put(&q, "a", "3", WORK_DO);
	put(&q, "a", "3", WORK_DO);
	assert_int_equal(put(&q, "a", "4", WORK_DO), QUEUE_DROPPED);
	assert_int_equal(put(&q, "b", "1", WORK_DO), QUEUE_TAKEN); /* a rule does not fill up another */
	assert_int_equal(rule(&q, "a")->dropped, 1);
	assert_int_equal(put(&q, "a", "1", WORK_UNDO), QUEUE_TAKEN);
	assert_int_equal(rule(&q, "a")->dropped, 2); /* the newest: 3 */
	assert_int_equal(put(&q, "a", "8", WORK_UNDO), QUEUE_TAKEN);
	assert_int_equal(rule(&q, "a")->dropped, 3);
	assert_int_equal(rule(&q, "a")->dropped_undos, 0);
	assert_int_equal(put(&q, "a", "9", WORK_UNDO), QUEUE_TAKEN);
	assert_int_equal(put(&q, "a", "10", WORK_UNDO), QUEUE_DROPPED); /* undos alone wait */
	assert_int_equal(rule(&q, "a")->dropped_undos, 1);
	assert_int_equal(q.n_waiting, 4);
	queue_drop_waiting(&q);
	assert_int_equal(q.n_waiting, 0);
	assert_int_equal(rule(&q, "a")->dropped_undos, 4);
	assert_int_equal(rule(&q, "b")->dropped, 1);
	assert_int_equal(q.bytes, 0);
	end(&q);
}

static void memory_is_bounded_too(void **state)
{
	(void)state;
	struct queue q = queue_of(1, 1000);
	q.bytes_max = 10000;
	assert_int_equal(queue_put(&q, "a", "1", WORK_DO, load_of("1"), 6000), QUEUE_TAKEN);
	assert_int_equal(queue_put(&q, "a", "2", WORK_DO, load_of("2"), 6000), QUEUE_DROPPED);
	assert_int_equal(queue_put(&q, "a", "3", WORK_UNDO, load_of("3"), 6000), QUEUE_TAKEN);
	assert_int_equal(q.n_waiting, 1);
	assert_true(q.bytes < 10000);
	end(&q);
}

static void who_has_most_gives_way(void **state)
{
	(void)state;
	struct queue q = queue_of(1, 1000);
	q.bytes_max = 10000;
	char key[16];
	for (int i = 0; i < 9; i++) {
		snprintf(key, sizeof(key), "%d", i);
		queue_put(&q, "flood", key, WORK_DO, load_of(key), 1500);
	}
	struct queue_rule *flood = q.rules;
	size_t dropped = flood->dropped;
	assert_true(dropped > 0);
	assert_int_equal(queue_put(&q, "rare", "x", WORK_DO, load_of("x"), 1500), QUEUE_TAKEN);
	assert_int_equal(queue_put(&q, "rare", "y", WORK_UNDO, load_of("y"), 1500), QUEUE_TAKEN);
	assert_int_equal(flood->dropped, dropped + 2);
	assert_true(q.bytes <= 10000);
	assert_int_equal(queue_put(&q, "rare", "z", WORK_DO, load_of("z"), 3000), QUEUE_DROPPED);
	assert_string_equal(started(&q, NULL), "do flood 0"); /* the newest gave way */
	end(&q);
}

static void rules_take_turns(void **state)
{
	(void)state;
	struct queue q = queue_of(10, 100);
	char key[16];
	for (int i = 0; i < 50; i++) {
		snprintf(key, sizeof(key), "%d", i);
		put(&q, "flood", key, WORK_DO);
	}
	put(&q, "rare", "x", WORK_DO);
	put(&q, "rare", "y", WORK_DO);
	static const char *const order[] = {"do flood 0", "do rare x",  "do flood 1",
	                                    "do rare y",  "do flood 2", "do flood 3"};
	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++)
		assert_string_equal(started(&q, NULL), order[i]);
	end(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_is_merged_while_it_waits_and_while_it_runs),
		cmocka_unit_test(ten_thousand_alerts_of_a_hundred_keys_are_a_hundred_runs),
		cmocka_unit_test(an_undo_waits_for_its_alert),
		cmocka_unit_test(there_and_back_while_both_wait_is_nothing_new),
		cmocka_unit_test(what_does_not_fit_is_counted_and_an_undo_goes_before_alerts),
		cmocka_unit_test(memory_is_bounded_too),
		cmocka_unit_test(who_has_most_gives_way),
		cmocka_unit_test(rules_take_turns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
