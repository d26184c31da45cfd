/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * orchestrator/engine after a restart: a run is taken up in every state of every step, with what the journal
 * holds and nothing else.
 */
#include "world.h"

/* What joins the journal when a run begins to mask. */
static const char mask_steps[] =
	"[{'phase': 100, 'device': 'bmc', 'object': 'power', 'machine': 'node1', 'set': {'power': 'off'}, 'mask': true},"
	" {'phase': 101, 'device': 'san1', 'object': 'map:a', 'set': {'exists': false}, 'mask': true}]";

/* Take up run 1 in @run with the steps of the world in @states (a comma between; "pending" when short). */
static void resume(struct world *w, const char *run, const char *const *states, const char *reason)
{
	json_t *docs = world_json(world_steps), *targets = world_json(world_targets), *steps = json_array(), *doc, *row;
	size_t i;

	world_open(w);
	if (!strcmp(run, "masking")) {
		doc = world_json(mask_steps);
		json_array_extend(docs, doc);
		json_decref(doc);
	}
	json_array_foreach(docs, i, doc)
		json_array_append_new(steps, json_pack("{s:i, s:O, s:s, s:n}", "n", (int)i, "doc", doc, "state",
						       *states ? *states++ : "pending", "reason"));
	row = json_pack("{s:i, s:s, s:o, s:I}", "id", 1, "state", run, "doc", world_json(world_doc), "created", (json_int_t)5);
	if (reason)
		json_object_set_new(row, "reason", json_pack("{s:s, s:s}", "code", "refused", "text", reason));
	engine_resume(w->e, row, steps, targets);
	json_decref(row);
	json_decref(steps);
	json_decref(docs);
	json_decref(targets);
}

#define STATES(...) ((const char *const[]){ __VA_ARGS__, NULL })

TEST(takes_a_run_up_in_every_state)
{
	static const struct {
		const char *name, *run;
		const char *states[8];
		const char *reason, *saw;
	} rows[] = {
		{ "before the first step", "running", { "pending" }, NULL, "intent 0\nsend 0 {\"power\":\"off\"}\n" },
		{ "in a first step", "running", { "intent" }, NULL, "send 0 {\"power\":\"off\"}\n" },
		{ "between phases", "running", { "done" }, NULL, "intent 1\nsend 1 {\"m\":1}\nintent 2\nsend 2 {\"m\":2}\n" },
		{ "in the middle of a phase", "running", { "done", "done", "intent" }, NULL, "send 2 {\"m\":2}\n" },
		{ "in both steps of a phase", "running", { "done", "intent", "intent" }, NULL, "send 1 {\"m\":1}\nsend 2 {\"m\":2}\n" },
		{ "waiting for a proof", "running", { "done", "done", "done", "done", "intent" }, NULL, "timer 4 30000\n" },
		{ "after the last step", "running", { "done", "done", "done", "done", "done" }, NULL, "run done\nended\n" },
		{ "failed, another on its way", "running", { "done", "failed", "intent" }, "no", "send 2 {\"m\":2}\n" },
		{ "failed, before undoing", "running", { "done", "failed", "done" }, "no",
		  "run undoing\nskipped 3\nskipped 4\nundo 1\nsend 1 {\"m\":0}\nundo 2\nsend 2 {\"m\":0}\n" },
		{ "cancelled in a first step", "running", { "intent" }, "cancelled", "send 0 {\"power\":\"off\"}\n" },
		{ "undoing, not begun", "undoing", { "done", "done", "done", "failed" }, "no",
		  "skipped 4\nundo 3\nsend 3 {\"power\":\"off\"} urgent\n" },
		{ "in an undo", "undoing", { "done", "undone", "undo", "undone", "skipped" }, "no", "send 2 {\"m\":0}\n" },
		{ "in an undo, below what was refused", "undoing", { "done", "undone", "undone", "failed", "skipped" }, "no",
		  "undo 0\nsend 0 {\"power\":\"on\"}\n" },
		{ "before the last undo", "undoing", { "done", "undone", "undone", "undone", "skipped" }, "no",
		  "undo 0\nsend 0 {\"power\":\"on\"}\n" },
		{ "all undone", "undoing", { "undone", "undone", "undone", "undone", "skipped" }, "no", "run rolled_back\nended\n" },
		{ "an undo has failed", "undoing", { "done", "undo_failed", "undone", "undone", "skipped" }, "no",
		  "run masking\nstep 5 added bmc power\nstep 6 added san1 map:a\nstep 7 added san2 map:b\n"
		  "intent 5\nsend 5 {\"power\":\"off\"} urgent\n" },
		{ "in a mask", "masking", { "done", "undo_failed", "undone", "undone", "skipped", "intent" }, "no",
		  "send 5 {\"power\":\"off\"} urgent\n" },
		{ "between masks", "masking", { "done", "undo_failed", "undone", "undone", "skipped", "failed" }, "no",
		  "intent 6\nsend 6 {\"exists\":false}\n" },
		{ "all masked", "masking", { "done", "undo_failed", "undone", "undone", "skipped", "done", "done" }, "no",
		  "run quarantined\nended\n" },
	};
	struct world w;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		resume(&w, rows[i].run, rows[i].states, rows[i].reason);
		if (strcmp(w.log.data, rows[i].saw) != 0)
			printf("row \"%s\"\n", rows[i].name);
		assert_saw(&w, rows[i].saw);
		world_close(&w);
	}
}

TEST(undoes_a_step_that_was_under_way_when_it_fails)
{
	struct world w;

	resume(&w, "running", STATES("intent"), NULL);
	forget_log(&w);
	answer(&w, 0, OUTCOME_NOT_APPLIED, ERROR_REFUSED);
	/* the attempt before the restart may have taken effect */
	assert_contains(w.log.data, "failed 0\nrun running stopping\nrun undoing\n");
	assert_contains(w.log.data, "undo 0\nsend 0 {\"power\":\"on\"}\n");
	world_close(&w);
}

TEST(gives_a_step_its_whole_time_again)
{
	struct world w;

	resume(&w, "running", STATES("intent"), NULL);
	forget_log(&w);
	w.now += 9000;
	answer(&w, 0, OUTCOME_UNKNOWN, ERROR_UNREACHABLE);
	assert_saw(&w, "timer 0 250\n");
	world_close(&w);
}

TEST(does_not_undo_what_the_undo_has_passed_by)
{
	struct world w;

	/* step 2 was refused for certain, or its phase would have been undone with it */
	resume(&w, "undoing", STATES("undo", "undone", "failed", "undone", "skipped"), "no");
	forget_log(&w);
	done(&w, 0);
	assert_saw(&w, "undone 0\nrun rolled_back\nended\n");
	world_close(&w);
}

TEST(keeps_the_reason_of_before)
{
	struct world w;

	resume(&w, "undoing", STATES("undo", "skipped", "skipped", "skipped", "skipped"), "step 1: no");
	done(&w, 0);
	assert_string_equal(w.ended, "rolled_back");
	assert_string_equal(w.reason, "step 1: no");
	world_close(&w);
}

TEST(holds_its_locks_again)
{
	struct world w;

	resume(&w, "running", STATES("intent"), NULL);
	assert_int_equal(engine_holder(w.e, "machine:node1"), 1);
	assert_int_equal(engine_count(w.e), 1);
	assert_int_equal(engine_at(w.e, 0)->created, 5);
	assert_int_equal(engine_run(w.e, 1)->casts[0].next_generation, 4);
	world_close(&w);
}

TEST(can_be_cancelled_afterwards)
{
	struct world w;

	resume(&w, "running", STATES("done", "done", "done", "done", "intent"), NULL);
	forget_log(&w);
	assert_int_equal(engine_cancel(w.e, 1, "alice", NULL), 0);
	assert_contains(w.log.data, "undo 3\nsend 3 {\"power\":\"off\"} urgent\n");
	world_close(&w);
}

TEST(goes_through_to_the_end)
{
	struct world w;

	resume(&w, "running", STATES("done", "intent", "intent"), NULL);
	done(&w, 1);
	done(&w, 2);
	done(&w, 3);
	assert_true(engine_reported(w.e, "node1", "script"));
	assert_string_equal(w.ended, "done");
	world_close(&w);
}

UNIT_MAIN(T(takes_a_run_up_in_every_state), T(undoes_a_step_that_was_under_way_when_it_fails),
	  T(gives_a_step_its_whole_time_again), T(does_not_undo_what_the_undo_has_passed_by), T(keeps_the_reason_of_before), T(holds_its_locks_again),
	  T(can_be_cancelled_afterwards), T(goes_through_to_the_end))
