/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * orchestrator/engine: forward phase by phase, backward in reverse, and at worst masking; against a world
 * that writes down what the engine wants.
 */
#include "world.h"

TEST(goes_forward_phase_by_phase)
{
	struct world w;

	world_open(&w);
	world_start(&w, world_steps);
	/* the intent is journalled before the change is sent */
	assert_saw(&w, "run 1 added req-1\nintent 0\nsend 0 {\"power\":\"off\"}\n");
	done(&w, 0);
	assert_saw(&w, "done 0\nintent 1\nsend 1 {\"m\":1}\nintent 2\nsend 2 {\"m\":2}\n");
	done(&w, 2);
	assert_saw(&w, "done 2\n"); /* the phase is not over */
	done(&w, 1);
	assert_saw(&w, "done 1\nintent 3\nsend 3 {\"power\":\"on\"}\n");
	done(&w, 3);
	assert_saw(&w, "done 3\nintent 4\ntimer 4 30000\n");
	assert_true(engine_reported(w.e, "node1", "script"));
	assert_saw(&w, "done 4\nrun done\nended\n"); /* masks are for the worst case only */
	assert_string_equal(w.ended, "done");
	assert_int_equal(engine_count(w.e), 0);
	world_close(&w);
}

TEST(sends_owner_and_generation_with_a_change)
{
	struct world w;
	json_t *steps = world_json(world_steps);

	/* world_apply() checks the object; here the whole step counts */
	world_open(&w);
	world_start(&w, world_steps);
	done(&w, 0);
	assert_string_equal(json_str(engine_run(w.e, 1)->steps[1].doc, "owner", ""), "web");
	assert_true(json_equal(engine_run(w.e, 1)->steps[1].doc, json_array_get(steps, 1)));
	json_decref(steps);
	world_close(&w);
}

TEST(ends_at_once_when_there_is_nothing_to_do)
{
	struct world w;

	world_open(&w);
	world_start(&w, "[]");
	assert_saw(&w, "run 1 added req-1\nrun done\nended\n");
	assert_int_equal(engine_holder(w.e, "machine:node1"), 0);
	world_close(&w);
}

TEST(sends_again_what_is_unknown_with_growing_delays)
{
	static const char *const delays[] = { "timer 0 250\n", "timer 0 500\n", "timer 0 1000\n", "timer 0 2000\n" };
	struct world w;
	size_t i;

	world_open(&w);
	world_start(&w, world_steps);
	forget_log(&w);
	for (i = 0; i < COUNT(delays); i++) {
		answer(&w, 0, OUTCOME_UNKNOWN, ERROR_UNREACHABLE);
		assert_saw(&w, delays[i]);
		w.now += 250 << i;
		fire(&w, 0);
		assert_saw(&w, "send 0 {\"power\":\"off\"}\n");
	}
	done(&w, 0);
	assert_contains(w.log.data, "done 0\nintent 1\n");
	world_close(&w);
}

TEST(retries_a_refusal_that_may_pass)
{
	struct world w;

	world_open(&w);
	world_start(&w, world_steps);
	forget_log(&w);
	answer(&w, 0, OUTCOME_NOT_APPLIED, ERROR_BUSY);
	assert_saw(&w, "timer 0 250\n");
	fire(&w, 0);
	assert_saw(&w, "send 0 {\"power\":\"off\"}\n");
	world_close(&w);
}

TEST(never_waits_past_the_deadline)
{
	struct world w;

	world_open(&w);
	world_start(&w, world_steps);
	forget_log(&w);
	w.now += 9900;
	answer(&w, 0, OUTCOME_UNKNOWN, ERROR_UNREACHABLE);
	assert_saw(&w, "timer 0 100\n");
	w.now += 100;
	fire(&w, 0);
	assert_saw(&w, "send 0 {\"power\":\"off\"}\n");
	answer(&w, 0, OUTCOME_UNKNOWN, ERROR_UNREACHABLE);
	/* it may have taken effect, so it is undone */
	assert_saw(&w, "failed 0\nrun running stopping\nrun undoing\nskipped 1\nskipped 2\nskipped 3\nskipped 4\n"
		       "undo 0\nsend 0 {\"power\":\"on\"}\n");
	done(&w, 0);
	assert_saw(&w, "undone 0\nrun rolled_back\nended\n");
	assert_contains(w.reason, "step 0, power off: the device says unreachable");
	world_close(&w);
}

TEST(asks_again_while_a_device_is_at_work)
{
	struct world w;

	world_open(&w);
	world_start(&w, world_steps);
	forget_log(&w);
	engine_changed(w.e, 1, 0, w.attempts[0], OUTCOME_AGAIN, 700, NULL);
	assert_saw(&w, "timer 0 700\n");
	fire(&w, 0);
	assert_saw(&w, "send 0 {\"power\":\"off\"}\n");
	w.now += 20000;
	engine_changed(w.e, 1, 0, w.attempts[0], OUTCOME_AGAIN, 0, NULL);
	assert_contains(w.log.data, "failed 0\nrun running stopping\nrun undoing\n");
	done(&w, 0);
	assert_contains(w.reason, "has not reached the wished state in time");
	world_close(&w);
}

/* With a reason nothing was done so far: it is told, and at the deadline there is nothing to undo. */
TEST(tells_whom_a_step_waits_for)
{
	struct error why = { 0 };
	struct world w;

	world_open(&w);
	world_start(&w, world_steps);
	forget_log(&w);
	error_set(&why, ERROR_BUSY, "locked by carol, 9 s left");
	engine_changed(w.e, 1, 0, w.attempts[0], OUTCOME_AGAIN, 700, &why);
	assert_saw(&w, "intent 0\ntimer 0 700\n");
	fire(&w, 0);
	forget_log(&w);
	w.now += 700;
	engine_changed(w.e, 1, 0, w.attempts[0], OUTCOME_AGAIN, 700, &why);
	assert_saw(&w, "timer 0 700\n");
	fire(&w, 0);
	forget_log(&w);
	w.now += 20000;
	engine_changed(w.e, 1, 0, w.attempts[0], OUTCOME_AGAIN, 700, &why);
	assert_contains(w.log.data, "failed 0\nrun running stopping\nrun undoing\n");
	assert_null(strstr(w.log.data, "undo 0"));
	assert_contains(w.reason, "locked by carol");
	world_close(&w);
}

/* Up to power-on, which is then refused. */
static void refuse_power_on(struct world *w)
{
	world_open(w);
	world_start(w, world_steps);
	done(w, 0);
	done(w, 1);
	done(w, 2);
	forget_log(w);
	answer(w, 3, OUTCOME_NOT_APPLIED, ERROR_REFUSED);
}

TEST(undoes_in_reverse_order_of_phases)
{
	struct world w;

	refuse_power_on(&w);
	/* step 3 was not applied: it needs no undo */
	assert_saw(&w, "failed 3\nrun running stopping\nrun undoing\nskipped 4\n"
		       "undo 1\nsend 1 {\"m\":0}\nundo 2\nsend 2 {\"m\":0}\n");
	done(&w, 1);
	assert_saw(&w, "undone 1\n");
	done(&w, 2);
	assert_saw(&w, "undone 2\nundo 0\nsend 0 {\"power\":\"on\"}\n");
	done(&w, 0);
	assert_saw(&w, "undone 0\nrun rolled_back\nended\n");
	assert_contains(w.reason, "the device says refused");
	assert_int_equal(engine_holder(w.e, "machine:node1"), 0);
	world_close(&w);
}

TEST(undoes_what_failed_after_an_unknown_attempt)
{
	struct world w;

	world_open(&w);
	world_start(&w, world_steps);
	done(&w, 0);
	answer(&w, 1, OUTCOME_UNKNOWN, ERROR_UNREACHABLE);
	fire(&w, 1);
	forget_log(&w);
	answer(&w, 1, OUTCOME_NOT_APPLIED, ERROR_REFUSED);
	assert_saw(&w, "failed 1\nrun running stopping\n");
	done(&w, 2); /* what is on its way is waited for */
	assert_contains(w.log.data, "done 2\nrun undoing\n");
	assert_contains(w.log.data, "undo 1\nsend 1 {\"m\":0}\nundo 2\nsend 2 {\"m\":0}\n");
	world_close(&w);
}

TEST(stops_retrying_other_steps_once_one_has_failed)
{
	struct world w;

	world_open(&w);
	world_start(&w, world_steps);
	done(&w, 0);
	answer(&w, 1, OUTCOME_NOT_APPLIED, ERROR_REFUSED);
	forget_log(&w);
	answer(&w, 2, OUTCOME_NOT_APPLIED, ERROR_BUSY);
	assert_saw(&w, "failed 2\nrun undoing\nskipped 3\nskipped 4\nundo 0\nsend 0 {\"power\":\"on\"}\n");
	world_close(&w);
}

TEST(settles_an_unknown_step_before_it_undoes)
{
	struct world w;

	world_open(&w);
	world_start(&w, world_steps);
	done(&w, 0);
	answer(&w, 1, OUTCOME_NOT_APPLIED, ERROR_REFUSED);
	forget_log(&w);
	answer(&w, 2, OUTCOME_UNKNOWN, ERROR_UNREACHABLE);
	assert_saw(&w, "timer 2 250\n");
	fire(&w, 2);
	assert_saw(&w, "send 2 {\"m\":2}\n");
	done(&w, 2);
	assert_contains(w.log.data, "done 2\nrun undoing\n");
	world_close(&w);
}

TEST(does_not_repeat_a_password_while_masking)
{
	struct world w;

	refuse_power_on(&w);
	answer(&w, 1, OUTCOME_NOT_APPLIED, ERROR_REFUSED);
	done(&w, 2);
	done(&w, 5);
	done(&w, 7);
	answer(&w, 6, OUTCOME_NOT_APPLIED, ERROR_AUTH);
	assert_string_equal(w.ended, "quarantined");
	world_close(&w);
}

/* node2 is the old place of the role; the step that took its power has an undo of its own no more. */
static const char restore_steps[] =
	"[{'phase': 1, 'device': 'bmc2', 'object': 'power', 'machine': 'node2', 'set': {'power': 'off'}, 'summary': 'power off'},"
	" {'phase': 2, 'device': 'san1', 'object': 'map:a', 'set': {'m': 1}, 'undo': {'m': 0}}]";
static const char restore_doc[] =
	"{'action': 'move', 'machine': 'node1', 'casts': [{'persona': 'web', 'from': 'node2', 'to': 'node1',"
	" 'generation': 3, 'next_generation': 4, 'activates': true}], 'restore': ["
	" {'phase': 11, 'device': 'bmc2', 'object': 'down', 'machine': 'node2', 'restore': true, 'set': {'power': 'off'}, 'deadline_ms': 60000},"
	" {'phase': 12, 'device': 'leaf1', 'object': 'port:p', 'machine': 'node2', 'restore': true, 'set': {'v': 10}},"
	" {'phase': 13, 'device': 'bmc2', 'object': 'power', 'machine': 'node2', 'restore': true, 'set': {'power': 'on'}},"
	" {'phase': 14, 'device': 'bmc2', 'object': 'proof', 'machine': 'node2', 'restore': true, 'optional': true, 'set': {'report': 'up'}},"
	" {'phase': 15, 'device': 'leaf1', 'object': 'port:p', 'machine': 'node2', 'restore': true, 'set': {'v': 110}}]}";

static void start_restorable(struct world *w)
{
	json_t *doc = world_json(restore_doc), *steps = world_json(restore_steps), *targets = world_json(world_targets);

	world_open(w);
	assert_int_equal(engine_reserve(w->e, 1, targets, NULL), 0);
	engine_start(w->e, 1, doc, steps, targets, NULL);
	json_decref(doc);
	json_decref(steps);
	json_decref(targets);
}

TEST(casts_a_role_anew_that_lost_its_power_in_a_run_that_was_undone)
{
	struct world w;

	start_restorable(&w);
	done(&w, 0);
	forget_log(&w);
	answer(&w, 1, OUTCOME_NOT_APPLIED, ERROR_REFUSED);
	assert_saw(&w, "failed 1\nrun running stopping\nrun undoing\nstep 2 added bmc2 down\nstep 3 added leaf1 port:p\n"
		       "step 4 added bmc2 power\nstep 5 added bmc2 proof\nstep 6 added leaf1 port:p\nintent 2\nread 2 bmc2 power\n");
	seen(&w, 2, "{'power': 'off'}");
	assert_saw(&w, "done 2\nintent 3\nsend 3 {\"v\":10}\n");
	assert_true(engine_leaving(w.e, "node2"));
	done(&w, 3);
	assert_false(engine_leaving(w.e, "node2")); /* powered on again */
	done(&w, 4);
	forget_log(&w);
	assert_true(engine_reported(w.e, "node2", "up"));
	assert_saw(&w, "done 5\nintent 6\nsend 6 {\"v\":110}\n");
	done(&w, 6);
	assert_string_equal(w.ended, "rolled_back");
	world_close(&w);
}

TEST(leaves_a_role_alone_that_never_lost_its_power)
{
	struct world w;

	start_restorable(&w);
	answer(&w, 0, OUTCOME_NOT_APPLIED, ERROR_REFUSED); /* for certain: nobody is asked */
	assert_string_equal(w.ended, "rolled_back");
	world_close(&w);
	start_restorable(&w);
	answer(&w, 0, OUTCOME_UNKNOWN, ERROR_UNREACHABLE);
	w.now += 60000;
	fire(&w, 0);
	answer(&w, 0, OUTCOME_UNKNOWN, ERROR_UNREACHABLE);
	forget_log(&w);
	seen(&w, 2, "{'power': 'on'}");
	assert_saw(&w, "timer 2 500\n"); /* the order may show its effect yet */
	w.now += 10000;
	fire(&w, 2);
	forget_log(&w);
	seen(&w, 2, "{'power': 'on'}");
	assert_saw(&w, "skipped 3\nskipped 4\nskipped 5\nskipped 6\ndone 2\nrun rolled_back\nended\n");
	world_close(&w);
}

TEST(quarantines_when_a_role_can_not_be_brought_back)
{
	struct world w;

	start_restorable(&w);
	done(&w, 0);
	answer(&w, 1, OUTCOME_NOT_APPLIED, ERROR_REFUSED);
	seen(&w, 2, NULL); /* the BMC does not answer: asked again until its time is over */
	assert_string_equal(w.ended, "");
	w.now += 60000;
	fire(&w, 2);
	forget_log(&w);
	seen(&w, 2, NULL);
	assert_contains(w.log.data, "failed 2\nrun masking\n");
	world_close(&w);
}

/* A map that was taken away in one generation and granted in the next. */
static const char remapped[] =
	"[{'phase': 1, 'device': 'san1', 'object': 'map:a', 'set': {'m': 0}, 'undo': {'m': 3}, 'generation': 3},"
	" {'phase': 2, 'device': 'san1', 'object': 'map:a', 'set': {'m': 4}, 'undo': {'m': 0}, 'generation': 4},"
	" {'phase': 3, 'device': 'bmc', 'object': 'power', 'set': {'power': 'on'}, 'generation': 4}]";

TEST(masks_in_the_highest_generation_that_the_run_has_set)
{
	json_t *doc = world_json("{'action': 'move', 'casts': []}"), *steps = world_json(remapped), *targets = world_json("['machine:node1']");
	struct world w;

	world_open(&w);
	assert_int_equal(engine_reserve(w.e, 1, targets, NULL), 0);
	engine_start(w.e, 1, doc, steps, targets, NULL);
	done(&w, 0);
	done(&w, 1);
	answer(&w, 2, OUTCOME_NOT_APPLIED, ERROR_REFUSED);
	answer(&w, 1, OUTCOME_NOT_APPLIED, ERROR_REFUSED);
	assert_contains(w.log.data, "added san1 map:a");
	assert_int_equal(json_int(engine_run(w.e, 1)->steps[3].doc, "generation", 0), 4);
	json_decref(doc);
	json_decref(steps);
	json_decref(targets);
	world_close(&w);
}

/* A port of a fabric that was opened: nobody knows who is behind it. */
static const char opened[] =
	"[{'phase': 1, 'device': 'fab-a', 'object': 'port:4', 'set': {'enabled': true}, 'undo': {'enabled': false}},"
	" {'phase': 2, 'device': 'leaf1', 'object': 'port:p1', 'set': {'native': 5}, 'undo': {'native': 6}},"
	" {'phase': 3, 'device': 'bmc', 'object': 'power', 'set': {'power': 'on'}, 'generation': 4}]";

TEST(masks_by_shutting_the_ports_of_fabrics)
{
	struct world w;

	world_open(&w);
	world_start(&w, opened);
	done(&w, 0);
	done(&w, 1);
	answer(&w, 2, OUTCOME_NOT_APPLIED, ERROR_REFUSED);
	answer(&w, 1, OUTCOME_NOT_APPLIED, ERROR_REFUSED);
	assert_contains(w.log.data, "added fab-a port:4");
	assert_null(strstr(w.log.data, "added leaf1"));
	done(&w, 4);
	assert_contains(w.log.data, "intent 3\nsend 3 {\"enabled\":false}\n");
	done(&w, 3);
	assert_string_equal(w.ended, "quarantined");
	world_close(&w);
}

TEST(masks_and_quarantines_when_an_undo_fails)
{
	struct world w;

	refuse_power_on(&w);
	forget_log(&w);
	answer(&w, 1, OUTCOME_NOT_APPLIED, ERROR_REFUSED);
	assert_saw(&w, "undo_failed 1\n");
	done(&w, 2);
	assert_saw(&w, "undone 2\nrun masking\nstep 5 added bmc power\nstep 6 added san1 map:a\nstep 7 added san2 map:b\n"
		       "intent 5\nsend 5 {\"power\":\"off\"} urgent\n");
	answer(&w, 5, OUTCOME_UNKNOWN, ERROR_UNREACHABLE);
	assert_saw(&w, "timer 5 250\n");
	fire(&w, 5);
	done(&w, 5);
	assert_saw(&w, "send 5 {\"power\":\"off\"} urgent\ndone 5\nintent 6\nsend 6 {\"exists\":false}\n"
		       "intent 7\nsend 7 {\"exists\":false}\n");
	done(&w, 7);
	answer(&w, 6, OUTCOME_NOT_APPLIED, ERROR_REFUSED); /* a refusal is not believed at once */
	assert_saw(&w, "done 7\ntimer 6 250\n");
	fire(&w, 6);
	w.now += 20000;
	answer(&w, 6, OUTCOME_NOT_APPLIED, ERROR_REFUSED); /* what cannot be masked does not hold the end up */
	assert_saw(&w, "send 6 {\"exists\":false}\nfailed 6\nrun quarantined\nended\n");
	assert_string_equal(w.ended, "quarantined");
	assert_contains(w.reason, "refused"); /* the first reason, not that of the mask */
	assert_int_equal(engine_count(w.e), 0);
	assert_int_equal(engine_holder(w.e, "persona:web"), 0);
	world_close(&w);
}

TEST(gives_an_undo_two_minutes_before_it_gives_up)
{
	struct world w;

	refuse_power_on(&w);
	done(&w, 2);
	forget_log(&w);
	w.now += 119000;
	answer(&w, 1, OUTCOME_UNKNOWN, ERROR_UNREACHABLE);
	assert_contains(w.log.data, "timer 1 ");
	w.now += 1000;
	fire(&w, 1);
	forget_log(&w);
	answer(&w, 1, OUTCOME_UNKNOWN, ERROR_UNREACHABLE);
	assert_contains(w.log.data, "undo_failed 1\nrun masking\n");
	world_close(&w);
}

TEST(cancels_after_what_is_on_its_way_has_answered)
{
	struct error err = { 0 };
	struct world w;

	world_open(&w);
	world_start(&w, world_steps);
	forget_log(&w);
	assert_int_equal(engine_cancel(w.e, 1, "alice", &err), 0);
	assert_saw(&w, "run running stopping\n");
	done(&w, 0);
	assert_saw(&w, "done 0\nrun undoing\nskipped 1\nskipped 2\nskipped 3\nskipped 4\nundo 0\nsend 0 {\"power\":\"on\"}\n");
	assert_int_equal(engine_cancel(w.e, 1, "bob", &err), -1);
	assert_contains(err.text, "being undone already");
	done(&w, 0);
	assert_string_equal(w.ended, "rolled_back");
	assert_string_equal(w.reason, "cancelled by alice");
	assert_int_equal(engine_cancel(w.e, 1, "bob", &err), -1);
	assert_contains(err.text, "has ended already");
	assert_int_equal(err.code, ERROR_CONFLICT);
	world_close(&w);
}

TEST(cancels_a_wait_for_the_world_at_once)
{
	struct world w;

	world_open(&w);
	world_start(&w, world_steps);
	done(&w, 0);
	done(&w, 1);
	done(&w, 2);
	done(&w, 3);
	forget_log(&w);
	assert_int_equal(engine_cancel(w.e, 1, "alice", NULL), 0);
	assert_saw(&w, "run running stopping\nfailed 4\nrun undoing\nundo 3\nsend 3 {\"power\":\"off\"} urgent\n");
	world_close(&w);
}

TEST(ignores_answers_to_older_attempts)
{
	struct world w;
	int first;

	world_open(&w);
	world_start(&w, world_steps);
	first = w.attempts[0];
	answer(&w, 0, OUTCOME_UNKNOWN, ERROR_UNREACHABLE);
	fire(&w, 0);
	assert_int_not_equal(w.attempts[0], first);
	forget_log(&w);
	engine_changed(w.e, 1, 0, first, OUTCOME_DONE, 0, NULL);
	engine_timer(w.e, 1, 0, first);
	engine_observed(w.e, 1, 0, first, NULL, NULL);
	assert_saw(&w, "");
	engine_changed(w.e, 1, 99, 1, OUTCOME_DONE, 0, NULL);
	engine_changed(w.e, 1, -1, 1, OUTCOME_DONE, 0, NULL);
	engine_changed(w.e, 7, 0, 1, OUTCOME_DONE, 0, NULL);
	assert_saw(&w, "");
	done(&w, 0);
	assert_contains(w.log.data, "done 0\n");
	world_close(&w);
}

/* An answer that comes twice must not pass for the answer to the undo of the same step. */
TEST(does_not_take_an_answer_to_a_change_for_one_to_its_undo)
{
	int attempts[3], i;
	struct world w;

	world_open(&w);
	world_start(&w, world_steps);
	done(&w, 0);
	for (i = 1; i < 3; i++)
		attempts[i] = w.attempts[i];
	done(&w, 1);
	done(&w, 2);
	answer(&w, 3, OUTCOME_NOT_APPLIED, ERROR_REFUSED);
	forget_log(&w);
	for (i = 1; i < 3; i++)
		engine_changed(w.e, 1, i, attempts[i], OUTCOME_DONE, 0, NULL);
	assert_saw(&w, "");
	world_close(&w);
}

TEST(ignores_a_second_answer)
{
	struct world w;
	int attempt;

	world_open(&w);
	world_start(&w, world_steps);
	attempt = w.attempts[0];
	done(&w, 0);
	forget_log(&w);
	engine_changed(w.e, 1, 0, attempt, OUTCOME_DONE, 0, NULL);
	assert_saw(&w, "");
	world_close(&w);
}

/* A run that waits for its proof only. */
static void wait_for(struct world *w, const char *set)
{
	struct text t = { 0 };

	world_open(w);
	text_printf(&t, "[{'phase': 7, 'device': 'bmc', 'object': 'proof', 'machine': 'node1', 'set': %s, 'deadline_ms': 30000}]", set);
	world_start(w, t.data);
	forget_log(w);
	text_fini(&t);
}

TEST(takes_only_the_report_that_it_waits_for)
{
	struct world w;

	wait_for(&w, "{'report': 'script'}");
	assert_false(engine_reported(w.e, "node2", "script"));
	assert_false(engine_reported(w.e, "node1", "initrd"));
	assert_saw(&w, "");
	assert_true(engine_reported(w.e, "node1", "script"));
	assert_saw(&w, "done 0\nrun done\nended\n");
	assert_false(engine_reported(w.e, "node1", "script"));
	world_close(&w);
}

TEST(fails_when_no_report_comes_in_time)
{
	struct world w;

	wait_for(&w, "{'report': 'script'}");
	w.now += 30000;
	fire(&w, 0);
	assert_string_equal(w.ended, "rolled_back");
	assert_contains(w.reason, "node1 gave no sign in time");
	world_close(&w);
}

TEST(reads_the_console_until_the_text_is_seen)
{
	struct world w;

	wait_for(&w, "{'serial': 'login:'}");
	fire(&w, 0);
	assert_saw(&w, "read 0 bmc console:login:\n");
	seen(&w, 0, "{'console': {'seen': false}}");
	assert_saw(&w, "timer 0 500\n");
	fire(&w, 0);
	seen(&w, 0, NULL); /* a failed reading is no reading */
	assert_saw(&w, "read 0 bmc console:login:\ntimer 0 500\n");
	fire(&w, 0);
	seen(&w, 0, "{'console': {'seen': true}}");
	assert_saw(&w, "read 0 bmc console:login:\ndone 0\nrun done\nended\n");
	world_close(&w);
}

TEST(probes_the_port_until_it_is_open)
{
	struct world w;

	wait_for(&w, "{'tcp': '10.0.0.1:80'}");
	fire(&w, 0);
	assert_saw(&w, "read 0 probe tcp:10.0.0.1:80\n");
	seen(&w, 0, "{'tcp:10.0.0.1:80': {'open': false}}");
	assert_saw(&w, "timer 0 500\n");
	fire(&w, 0);
	forget_log(&w);
	w.now += 30000;
	seen(&w, 0, "{'tcp:10.0.0.1:80': {'open': false}}");
	assert_contains(w.log.data, "failed 0\n");
	assert_string_equal(w.ended, "rolled_back");
	world_close(&w);
}

/* A reading may hold what another run asked of the same device at the same time. */
TEST(believes_only_what_is_said_of_its_own_proof)
{
	static const struct {
		const char *set, *others, *own;
	} rows[] = {
		{ "{'tcp': '10.0.0.1:80'}", "{'tcp:10.0.0.2:80': {'open': true}, 'tcp:10.0.0.1:80': {'open': false}}",
		  "{'tcp:10.0.0.2:80': {'open': false}, 'tcp:10.0.0.1:80': {'open': true}}" },
		{ "{'login': '20:00:00:00:00:00:00:01'}",
		  "{'logins': {'20:00:00:00:00:00:00:02': {'online': true}, '20:00:00:00:00:00:00:01': {'online': false}}}",
		  "{'logins': {'20:00:00:00:00:00:00:02': {'online': false}, '20:00:00:00:00:00:00:01': {'online': true}}}" },
		{ "{'session': {'map': 'web', 'address': '10.0.0.1', 'nth': 1}}",
		  "{'sessions': [{'map': 'db', 'address': '10.0.0.1'}, {'map': 'web', 'address': '10.0.0.10'}]}",
		  "{'sessions': [{'map': 'web', 'address': '10.0.0.1:3333'}]}" },
		{ "{'session': {'map': 'web', 'address': '10.0.0.1', 'nth': 2}}", "{'sessions': [{'map': 'web', 'address': '10.0.0.1'}]}",
		  "{'sessions': [{'map': 'web', 'address': '10.0.0.1'}, {'map': 'web', 'address': '10.0.0.1'}]}" },
	};
	struct world w;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		wait_for(&w, rows[i].set);
		fire(&w, 0);
		forget_log(&w);
		seen(&w, 0, rows[i].others);
		assert_saw(&w, "timer 0 500\n");
		fire(&w, 0);
		forget_log(&w);
		seen(&w, 0, rows[i].own);
		assert_saw(&w, "done 0\nrun done\nended\n");
		world_close(&w);
	}
}

static const char two_paths[] =
	"[{'phase': 14, 'device': 'fab-a', 'object': 'path:1', 'machine': 'node1', 'set': {'login': '1'}, 'deadline_ms': 5000, 'optional': true,"
	"  'group': 'paths of web'},"
	" {'phase': 14, 'device': 'fab-b', 'object': 'path:2', 'machine': 'node1', 'set': {'login': '2'}, 'deadline_ms': 5000, 'optional': true,"
	"  'group': 'paths of web'}]";

TEST(fails_only_when_all_of_a_group_have_failed)
{
	struct world w;
	int up;

	for (up = 0; up < 2; up++) {
		world_open(&w);
		world_start(&w, two_paths);
		seen(&w, 0, up ? "{'logins': {'1': {'online': true}}}" : "{}");
		w.now += 5000;
		if (!up)
			seen(&w, 0, "{}");
		seen(&w, 1, "{}");
		assert_string_equal(w.ended, up ? "done" : "rolled_back");
		if (!up)
			assert_contains(w.reason, "none of the paths of web is up");
		world_close(&w);
	}
}

static const char quiesce[] =
	"[{'phase': 0, 'device': 'bmc', 'object': 'shutdown', 'machine': 'node1', 'set': {'requested': true}, 'deadline_ms': 5000,"
	"  'optional': true}, {'phase': 1, 'device': 'bmc', 'object': 'power', 'set': {'power': 'off'}}]";

TEST(polls_the_power_after_asking_for_shutdown)
{
	struct world w;

	world_open(&w);
	world_start(&w, quiesce);
	assert_saw(&w, "run 1 added req-1\nintent 0\nsend 0 {\"requested\":true}\n");
	done(&w, 0);
	assert_saw(&w, "timer 0 500\n");
	fire(&w, 0);
	assert_saw(&w, "read 0 bmc power\n");
	seen(&w, 0, "{'power': 'on'}");
	assert_saw(&w, "timer 0 500\n");
	fire(&w, 0);
	seen(&w, 0, "{'power': 'off'}");
	assert_saw(&w, "read 0 bmc power\ndone 0\nintent 1\nsend 1 {\"power\":\"off\"}\n");
	world_close(&w);
}

TEST(goes_on_to_power_off_when_a_system_does_not_stop)
{
	struct world w;

	world_open(&w);
	world_start(&w, quiesce);
	done(&w, 0);
	w.now += 5000;
	fire(&w, 0);
	forget_log(&w);
	seen(&w, 0, "{'power': 'on'}");
	assert_saw(&w, "done 0\nintent 1\nsend 1 {\"power\":\"off\"}\n");
	world_close(&w);
}

TEST(goes_on_when_an_optional_step_fails)
{
	struct world w;

	world_open(&w);
	world_start(&w, quiesce);
	forget_log(&w);
	answer(&w, 0, OUTCOME_NOT_APPLIED, ERROR_UNSUPPORTED);
	assert_saw(&w, "done 0\nintent 1\nsend 1 {\"power\":\"off\"}\n");
	world_close(&w);
}

/* Powered off if it can be; its map goes away in any case; then the array is asked before the grant. */
static const char fenced[] =
	"[{'phase': 1, 'device': 'bmc', 'object': 'power', 'machine': 'node2', 'set': {'power': 'off'}, 'undo': {'power': 'on'},"
	"  'deadline_ms': 10000, 'fallback': true},"
	" {'phase': 2, 'device': 'san1', 'object': 'map:web', 'set': {'exists': false}, 'undo': {'exists': true}},"
	" {'phase': 5, 'device': 'san1', 'object': 'exclusive', 'set': {'volumes': ['a', 'b']}, 'deadline_ms': 5000},"
	" {'phase': 6, 'device': 'san1', 'object': 'map:web', 'set': {'exists': true}, 'undo': {'exists': false}}]";

TEST(goes_on_without_a_dead_bmc_and_remembers_it)
{
	struct world w;

	world_open(&w);
	world_start(&w, fenced);
	forget_log(&w);
	w.now += 10000;
	answer(&w, 0, OUTCOME_UNKNOWN, ERROR_UNREACHABLE);
	assert_saw(&w, "failed 0\nintent 1\nsend 1 {\"exists\":false}\n");
	assert_true(engine_fell_back(engine_at(w.e, 0), "node2"));
	assert_false(engine_fell_back(engine_at(w.e, 0), "node1"));
	world_close(&w);
}

TEST(does_not_go_on_when_a_bmc_answers_and_refuses)
{
	struct world w;

	world_open(&w);
	world_start(&w, fenced);
	forget_log(&w);
	answer(&w, 0, OUTCOME_NOT_APPLIED, ERROR_REFUSED);
	assert_contains(w.log.data, "failed 0\nrun running stopping\nrun undoing\n");
	assert_string_equal(w.ended, "rolled_back");
	world_close(&w);
}

TEST(asks_the_array_for_every_map_of_the_volumes_before_it_grants)
{
	static const struct {
		const char *document;
		const char *saw;
	} rows[] = {
		{ "{'maps': {}}", "done 2\nintent 3\nsend 3 {\"exists\":true}\n" },
		{ "{'maps': {'other': {'luns': {'1': 'c'}}}}", "done 2\nintent 3\nsend 3 {\"exists\":true}\n" },
		{ "{'maps': {'iqn.x': {'managed': false, 'luns': {'7': 'b'}}}}", "failed 2\nrun running stopping\n" },
		{ "{'maps': {'web': {'luns': {'1': 'a'}}}}", "failed 2\nrun running stopping\n" },
	};
	struct world w;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		world_open(&w);
		world_start(&w, fenced);
		done(&w, 0);
		forget_log(&w);
		done(&w, 1);
		assert_saw(&w, "done 1\nintent 2\nread 2 san1 volume:a volume:b\n");
		seen(&w, 2, rows[i].document);
		assert_contains(w.log.data, rows[i].saw);
		world_close(&w);
	}
}

TEST(holds_its_locks_until_it_ends)
{
	json_t *mine = world_json(world_targets), *other = world_json("['machine:node9', 'persona:web']");
	struct error err = { 0 };
	struct world w;

	world_open(&w);
	world_start(&w, world_steps);
	assert_int_equal(engine_holder(w.e, "machine:node1"), 1);
	assert_int_equal(engine_reserve(w.e, 2, other, &err), -1);
	assert_int_equal(err.code, ERROR_CONFLICT);
	assert_string_equal(err.text, "persona:web is held by run 1");
	assert_contains(err.hint, "persona run show 1");
	assert_int_equal(engine_holder(w.e, "machine:node9"), 0); /* all or nothing */
	assert_int_equal(engine_reserve(w.e, 1, mine, &err), 0);  /* its own are its own */
	engine_cancel(w.e, 1, "alice", NULL);
	done(&w, 0);
	assert_int_equal(engine_holder(w.e, "machine:node1"), 1); /* also while it is undone */
	done(&w, 0);
	assert_int_equal(engine_holder(w.e, "machine:node1"), 0);
	assert_int_equal(engine_reserve(w.e, 2, other, &err), 0);
	json_decref(mine);
	json_decref(other);
	world_close(&w);
}

TEST(takes_no_reservation_before_it_knows_the_open_runs)
{
	json_t *mine = world_json("['machine:a']");
	struct error err = { 0 };
	struct world w;

	world_open(&w);
	engine_close(w.e);
	assert_int_equal(engine_reserve(w.e, 5, mine, &err), -1);
	assert_int_equal(err.code, ERROR_STORAGE);
	engine_open(w.e);
	assert_int_equal(engine_reserve(w.e, 5, mine, &err), 0);
	json_decref(mine);
	world_close(&w);
}

TEST(gives_back_only_its_own_reservations)
{
	json_t *mine = world_json("['machine:a', 'machine:b']"), *theirs = world_json("['machine:b', 'machine:c']");
	struct world w;

	world_open(&w);
	assert_int_equal(engine_reserve(w.e, 5, mine, NULL), 0);
	engine_unreserve(w.e, 6, theirs);
	assert_int_equal(engine_holder(w.e, "machine:b"), 5);
	engine_unreserve(w.e, 5, mine);
	assert_int_equal(engine_holder(w.e, "machine:a"), 0);
	assert_int_equal(engine_holder(w.e, "machine:b"), 0);
	json_decref(mine);
	json_decref(theirs);
	world_close(&w);
}

TEST(knows_which_machine_boots_and_which_is_left)
{
	const struct run *run = NULL;
	struct world w;

	world_open(&w);
	world_start(&w, world_steps);
	assert_true(engine_leaving(w.e, "node2"));
	assert_false(engine_leaving(w.e, "node1"));
	assert_null(engine_booting(w.e, "node1", &run)); /* not powered on yet */
	done(&w, 0);
	done(&w, 1);
	done(&w, 2);
	assert_non_null(engine_booting(w.e, "node1", &run));
	assert_int_equal(run->id, 1);
	assert_int_equal(engine_booting(w.e, "node1", &run)->next_generation, 4);
	assert_null(engine_booting(w.e, "node2", &run));
	answer(&w, 3, OUTCOME_NOT_APPLIED, ERROR_REFUSED);
	assert_null(engine_booting(w.e, "node1", &run)); /* it is being undone */
	assert_true(engine_leaving(w.e, "node2"));	  /* and may still be up on node1 */
	world_close(&w);
}

UNIT_MAIN(T(goes_forward_phase_by_phase), T(sends_owner_and_generation_with_a_change),
	  T(ends_at_once_when_there_is_nothing_to_do), T(sends_again_what_is_unknown_with_growing_delays),
	  T(retries_a_refusal_that_may_pass), T(never_waits_past_the_deadline), T(asks_again_while_a_device_is_at_work),
	  T(tells_whom_a_step_waits_for),
	  T(undoes_in_reverse_order_of_phases), T(undoes_what_failed_after_an_unknown_attempt),
	  T(stops_retrying_other_steps_once_one_has_failed), T(settles_an_unknown_step_before_it_undoes),
	  T(masks_in_the_highest_generation_that_the_run_has_set), T(masks_and_quarantines_when_an_undo_fails), T(masks_by_shutting_the_ports_of_fabrics), T(does_not_repeat_a_password_while_masking),
	  T(casts_a_role_anew_that_lost_its_power_in_a_run_that_was_undone), T(leaves_a_role_alone_that_never_lost_its_power),
	  T(quarantines_when_a_role_can_not_be_brought_back), T(gives_an_undo_two_minutes_before_it_gives_up),
	  T(cancels_after_what_is_on_its_way_has_answered), T(cancels_a_wait_for_the_world_at_once),
	  T(ignores_answers_to_older_attempts), T(does_not_take_an_answer_to_a_change_for_one_to_its_undo),
	  T(ignores_a_second_answer), T(takes_only_the_report_that_it_waits_for),
	  T(fails_when_no_report_comes_in_time), T(reads_the_console_until_the_text_is_seen),
	  T(probes_the_port_until_it_is_open), T(believes_only_what_is_said_of_its_own_proof),
	  T(fails_only_when_all_of_a_group_have_failed), T(polls_the_power_after_asking_for_shutdown),
	  T(goes_on_to_power_off_when_a_system_does_not_stop), T(goes_on_when_an_optional_step_fails),
	  T(goes_on_without_a_dead_bmc_and_remembers_it), T(does_not_go_on_when_a_bmc_answers_and_refuses),
	  T(asks_the_array_for_every_map_of_the_volumes_before_it_grants), T(holds_its_locks_until_it_ends),
	  T(takes_no_reservation_before_it_knows_the_open_runs), T(gives_back_only_its_own_reservations),
	  T(knows_which_machine_boots_and_which_is_left))
