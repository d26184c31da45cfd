/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/sim/rack*.c: the simulated room does what doc/driver-protocol.md says, its machines live as doc/boot.md says, its
 * faults all come, and its invariants can be broken.  The core is played by hand here, with the real boot script.
 */
#include "unit.h"

#include "../sim/rack.h"

#include "arena.h"
#include "ipxe.h"
#include "json.h"
#include "model.h"
#include "problems.h"
#include "text.h"

#include <time.h>

struct room {
	struct sim sim;
	struct rack *rack;
	json_t *reply; /* the last one */
	int replies, gone, id;
	struct {
		const char *persona, *secret;
		int generation;
	} role[RACK_MACHINES];
	struct text stages, story;
};

static void on_reply(void *arg, const char *driver, json_t *frame)
{
	struct room *w = arg;

	(void)driver;
	json_decref(w->reply);
	w->reply = frame;
	w->replies++;
}

static void on_gone(void *arg, const char *driver)
{
	struct room *w = arg;

	w->gone++;
	rack_driver_start(w->rack, driver);
}

static char *on_script(void *arg, const char *mac, const char *uuid)
{
	struct room *w = arg;
	char user[64], initiator[64];
	struct boot_plan plan;
	int i;

	(void)uuid;
	for (i = 0; strcmp(w->rack->machines[i].mac[0], mac) != 0; i++)
		;
	if (!w->role[i].persona)
		return ipxe_refusal("it plays no persona now");
	snprintf(user, sizeof(user), "%s.g%d", w->role[i].persona, w->role[i].generation);
	snprintf(initiator, sizeof(initiator), "iqn.2026-01.example:%s", w->role[i].persona);
	plan = (struct boot_plan){ .persona = w->role[i].persona,
				   .machine = w->rack->machines[i].name,
				   .generation = w->role[i].generation,
				   .base_url = "http://10.66.10.1:8080",
				   .storage_mac = w->rack->machines[i].mac[1],
				   .address = "10.66.20.10",
				   .netmask = "255.255.255.0",
				   .initiator = initiator,
				   .user = user,
				   .secret = w->role[i].secret,
				   .portal = "10.66.20.1",
				   .port = 3260,
				   .target = "iqn.2026-01.example:san1:web",
				   .lun = 17 };
	return ipxe_boot_script(&plan, 1);
}

static void on_report(void *arg, const char *mac, const char *uuid, const char *stage)
{
	struct room *w = arg;

	(void)mac;
	(void)uuid;
	text_printf(&w->stages, "%s ", stage);
}

static void on_trace(void *arg, const char *line)
{
	struct room *w = arg;

	text_printf(&w->story, "%s\n", line);
}

static const struct rack_ops ops = { .reply = on_reply,
				     .driver_gone = on_gone,
				     .boot_script = on_script,
				     .boot_report = on_report,
				     .trace = on_trace };

static void wait_ms(struct room *w, int64_t ms)
{
	sim_run_until(&w->sim, w->sim.now + ms);
}

static void room_open(struct room *w, uint64_t seed, int machines)
{
	*w = (struct room){ 0 };
	sim_init(&w->sim, seed);
	w->rack = rack_create(&w->sim, machines, 2, 2, &ops, w);
	rack_driver_start(w->rack, "switch");
	rack_driver_start(w->rack, "array");
	rack_driver_start(w->rack, "bmc");
	wait_ms(w, 100);
}

static void room_close(struct room *w)
{
	rack_destroy(w->rack);
	sim_fini(&w->sim);
	json_decref(w->reply);
	text_fini(&w->stages);
	text_fini(&w->story);
}

static const char *driver_for(const char *device)
{
	return !strncmp(device, "leaf", 4)  ? "switch"
	       : !strncmp(device, "san", 3) ? "array"
					    : "bmc";
}

static void send_frame(struct room *w, const char *device, const char *op, const char *key,
		       json_t *value)
{
	json_t *frame = json_pack("{s:i, s:s, s:s, s:i}", "id", ++w->id, "op", op, "device", device,
				  "deadline_ms", 20000);

	if (key)
		json_object_set_new(frame, key, value);
	rack_send(w->rack, driver_for(device), frame);
	json_decref(frame);
}

/* The reply to it, or NULL after 25 s. */
static const json_t *request(struct room *w, const char *device, const char *op, const char *key,
			     json_t *value)
{
	int64_t end = w->sim.now + 25000;

	send_frame(w, device, op, key, value);
	while (w->sim.now < end && sim_step(&w->sim))
		if (json_int(w->reply, "id", 0) == w->id)
			return w->reply;
	return NULL;
}

static void open_all(struct room *w)
{
	static const char *const devices[] = { "leaf1", "leaf2", "san1", "san2" };
	size_t i;
	int k;

	for (i = 0; i < COUNT(devices); i++)
		assert_true(json_bool(request(w, devices[i], "open", "options", json_object()),
				      "ok", false));
	for (k = 0; k < w->rack->n_machines; k++)
		assert_true(json_bool(request(w, w->rack->machines[k].bmc.dev.name, "open",
					      "options", json_object()),
				      "ok", false));
}

static json_t *change_json(const char *object, const char *owner, int generation, const char *set)
{
	json_t *v = json_pack("{s:s, s:s, s:i}", "object", object, "owner", owner, "generation",
			      generation);
	json_t *wish = json_loads(set, 0, NULL);

	assert_non_null(wish);
	json_object_set_new(v, "set", wish);
	return v;
}

/* The result of one change. */
static const json_t *apply(struct room *w, const char *device, const char *object, int generation,
			   const char *set)
{
	const json_t *reply =
		request(w, device, "apply", "changes",
			json_pack("[o]", change_json(object, "web", generation, set)));

	return json_array_get(json_object_get(reply, "results"), 0);
}

static void must(struct room *w, const char *device, const char *object, int generation,
		 const char *set)
{
	const json_t *result;
	int tries = 0;

	while (!strcmp(json_str(result = apply(w, device, object, generation, set), "status", ""),
		       "again") &&
	       tries++ < 60)
		wait_ms(w, json_int(result, "after_ms", 500));
	assert_string_equal(json_str(result, "status", "no answer"), "done");
}

static const json_t *see(struct room *w, const char *device, const char *object)
{
	return json_object_get(request(w, device, "observe", "objects", json_pack("[s]", object)),
			       "document");
}

#define MAP(generation, secret)                                                                                           \
	"{\"exists\": true, \"target\": \"iqn.2026-01.example:san1:web\", \"initiators\": [\"iqn.2026-01.example:web\"]," \
	" \"luns\": {\"17\": \"web-root\"}, \"chap\": {\"user\": \"web.g" #generation                                     \
	"\", \"secret\": \"" secret "\"},"                                                                                \
	" \"generation\": " #generation "}"

static void prepare(struct room *w, int machine)
{
	char port[2][32];

	snprintf(port[0], sizeof(port[0]), "port:node%d-eth0", machine + 1);
	snprintf(port[1], sizeof(port[1]), "port:node%d-eth1", machine + 1);
	must(w, "leaf1", port[0], 1, "{\"mode\": \"access\", \"native\": 10}");
	must(w, "leaf2", port[1], 1, "{\"mode\": \"access\", \"native\": 20}");
	must(w, w->rack->machines[machine].bmc.dev.name, "boot", 1, "{\"device\": \"pxe\"}");
	must(w, w->rack->machines[machine].bmc.dev.name, "console", 1, "{\"capture\": true}");
}

static void grant(struct room *w, int machine, int generation, const char *set, const char *secret)
{
	must(w, "san1", "volume:web-root", generation,
	     "{\"exists\": true, \"source\": \"golden\"}");
	must(w, "san1", "map:web", generation, set);
	w->role[machine].persona = "web";
	w->role[machine].generation = generation;
	w->role[machine].secret = secret;
}

static void power(struct room *w, int machine, bool on)
{
	must(w, w->rack->machines[machine].bmc.dev.name, "power", 1,
	     on ? "{\"power\": \"on\"}" : "{\"power\": \"off\"}");
}

static void sound(struct room *w)
{
	char why[256];

	if (!rack_sound(w->rack, why, sizeof(why)))
		fail_msg("%s", why);
}

/* node1 plays web in generation 1 and writes. */
static void cast(struct room *w)
{
	open_all(w);
	prepare(w, 0);
	grant(w, 0, 1, MAP(1, "secret-of-the-first"), "secret-of-the-first");
	power(w, 0, true);
	wait_ms(w, 30000);
	assert_int_equal(w->rack->machines[0].phase, HOST_UP);
	assert_true(w->rack->machines[0].writes > 5);
}

TEST(the_site_document_is_one_that_the_model_takes)
{
	struct objects objects = { 0 };
	struct problems p = { 0 };
	struct room w;
	struct model *m;
	json_t *site;
	char *why;

	room_open(&w, 1, 8);
	site = rack_site(w.rack);
	document_split(site, 0, &objects, &p);
	m = model_build(&objects, &p);
	why = p.items ? json_dumps(p.items, 0) : NULL;
	if (!m)
		fail_msg("%s", why);
	free(why);
	assert_non_null(model_device(m, "node8-bmc"));
	assert_non_null(model_device(m, "san2"));
	assert_string_equal(model_machine(m, "node8")->nics[1].port, "node8-eth1");
	assert_string_equal(model_machine(m, "node8")->nics[1].sw->name, "leaf2");
	model_destroy(m);
	objects_fini(&objects);
	problems_fini(&p);
	json_decref(site);
	room_close(&w);
}

TEST(a_driver_says_hello_and_wants_its_devices_opened)
{
	struct room w;
	const json_t *hello, *reply;

	room_open(&w, 1, 1);
	assert_int_equal(w.replies, 3);
	hello = json_object_get(w.reply, "hello");
	assert_int_equal(json_int(hello, "protocol", 0), 1);
	reply = request(&w, "leaf1", "observe", NULL, NULL);
	assert_string_equal(json_str(json_object_get(reply, "error"), "code", ""), "invalid");
	open_all(&w);
	assert_true(json_bool(request(&w, "leaf1", "observe", NULL, NULL), "ok", false));
	rack_driver_kill(w.rack, "switch");
	assert_null(request(&w, "leaf1", "observe", NULL, NULL));
	rack_driver_start(w.rack, "switch");
	wait_ms(&w, 100);
	reply = request(&w, "leaf1", "observe", NULL, NULL); /* a new process knows no device */
	assert_string_equal(json_str(json_object_get(reply, "error"), "code", ""), "invalid");
	room_close(&w);
}

TEST(a_port_is_set_and_an_older_generation_refused)
{
	struct room w;
	const json_t *result;

	room_open(&w, 1, 1);
	open_all(&w);
	must(&w, "leaf1", "port:node1-eth0", 4,
	     "{\"mode\": \"access\", \"native\": 110, \"description\": \"recast web#4 eth0\"}");
	result = json_object_get(json_object_get(see(&w, "leaf1", "port:node1-eth0"), "ports"),
				 "node1-eth0");
	assert_int_equal(json_int(result, "native", 0), 110);
	assert_int_equal(json_int(result, "generation", 0), 4);
	result = apply(&w, "leaf1", "port:node1-eth0", 3, "{\"native\": 120}");
	assert_string_equal(json_str(result, "status", ""), "not_applied");
	assert_string_equal(json_str(json_object_get(result, "error"), "code", ""), "conflict");
	assert_int_equal(w.rack->switches[0].ports[0].running.native, 110);
	assert_int_equal(w.rack->n_conflicts, 1);
	result = apply(&w, "leaf1", "port:node9-eth0", 3, "{\"native\": 120}");
	assert_string_equal(json_str(result, "status", ""), "not_applied");
	result = json_object_get(json_object_get(see(&w, "leaf1", "port:node9-eth0"), "ports"),
				 "node9-eth0");
	assert_false(json_bool(result, "exists", true));
	room_close(&w);
}

TEST(a_switch_that_starts_anew_has_its_startup_configuration)
{
	struct room w;

	room_open(&w, 1, 1);
	open_all(&w);
	must(&w, "leaf1", "port:node1-eth0", 1, "{\"native\": 110}");
	w.rack->faults.rate[FAULT_SWITCH_UNSAVED] = 10000;
	w.rack->faults.until = INT64_MAX;
	must(&w, "leaf1", "port:node1-eth0", 1, "{\"native\": 120}");
	assert_int_equal(w.rack->switches[0].ports[0].running.native, 120);
	rack_switch_reboot(w.rack, 0);
	assert_int_equal(w.rack->switches[0].ports[0].running.native, 110);
	room_close(&w);
}

TEST(a_machine_boots_its_role_reports_and_writes)
{
	struct room w;
	struct rack_volume *v;

	room_open(&w, 1, 2);
	cast(&w);
	assert_string_equal(w.stages.data, "script up ");
	assert_true(json_bool(json_object_get(see(&w, "node1-bmc", "console:PERSONA web UP"),
					      "console"),
			      "seen", false));
	assert_int_equal(w.rack->machines[0].lun, 17); /* it is hexadecimal in the script */
	assert_int_equal(json_array_size(json_object_get(see(&w, "san1", "map:web"), "sessions")),
			 1);
	v = &w.rack->arrays[0].volumes[1];
	assert_string_equal(v->name, "web-root");
	assert_int_equal(v->last.generation, 1);
	assert_int_equal(v->last.machine, 0);
	assert_string_equal(v->last.persona, "web");
	assert_int_equal(rack_writers(w.rack, 0, 1), 1);
	sound(&w);
	room_close(&w);
}

TEST(a_machine_without_map_port_or_role_does_not_come_up)
{
	int what;

	for (what = 0; what < 5; what++) {
		struct room w;

		room_open(&w, 1, 1);
		open_all(&w);
		prepare(&w, 0);
		grant(&w, 0, 1, MAP(1, "secret-of-the-first"), "secret-of-the-first");
		if (what == 0)
			must(&w, "san1", "map:web", 1, "{\"exists\": false}");
		if (what == 1)
			must(&w, "leaf1", "port:node1-eth0", 1, "{\"native\": 110}");
		if (what == 2)
			w.role[0].persona = NULL;
		if (what == 3)
			w.role[0].secret = "not-the-secret-of-it";
		if (what == 4)
			must(&w, "leaf2", "port:node1-eth1", 1, "{\"native\": 110}");
		power(&w, 0, true);
		wait_ms(&w, 300000);
		assert_int_equal(w.rack->machines[0].phase, HOST_STOPPED);
		assert_int_equal(w.rack->n_writes, 0);
		room_close(&w);
	}
}

TEST(power_takes_time_and_off_is_read_twice)
{
	struct room w;
	const json_t *result;
	int64_t begin, off;

	room_open(&w, 1, 1);
	cast(&w);
	begin = w.sim.now;
	result = apply(&w, "node1-bmc", "power", 1, "{\"power\": \"off\"}");
	assert_string_equal(json_str(result, "status", ""), "again");
	assert_true(w.rack->machines[0].on);
	while (w.rack->machines[0].on)
		assert_true(sim_step(&w.sim));
	off = w.sim.now;
	assert_in_range(off - begin, 2000, 6100);
	assert_string_equal(json_str(see(&w, "node1-bmc", "power"), "power", ""), "off");
	off = w.sim.now;
	power(&w, 0, false);
	assert_true(w.sim.now - off >= 1000);
	assert_int_equal(rack_writers(w.rack, 0, 1), 0);
	/* The array still lists the session for a while, then notices. */
	wait_ms(&w, 31000);
	assert_int_equal(json_array_size(json_object_get(see(&w, "san1", "map:web"), "sessions")),
			 0);
	room_close(&w);
}

TEST(a_new_secret_ends_the_old_holder_even_when_its_bmc_lies)
{
	struct room w;
	uint64_t writes;

	room_open(&w, 1, 2);
	cast(&w);
	w.rack->faults.until = INT64_MAX;
	w.rack->faults.rate[FAULT_BMC_LIE_OFF] = 10000;
	power(&w, 0, false);
	w.rack->faults.rate[FAULT_BMC_LIE_OFF] = 0;
	assert_true(w.rack->machines[0].on); /* it says off and writes on */
	must(&w, "san1", "map:web", 1, "{\"exists\": false}");
	writes = w.rack->machines[0].writes;
	prepare(&w, 1);
	grant(&w, 1, 2, MAP(2, "secret-of-the-second"), "secret-of-the-second");
	power(&w, 1, true);
	wait_ms(&w, 60000);
	assert_int_equal(w.rack->machines[0].writes, writes);
	assert_true(w.rack->machines[1].writes > 5);
	assert_int_equal(w.rack->arrays[0].volumes[1].granted, 2);
	sound(&w);
	rack_heal(w.rack);
	assert_string_equal(json_str(see(&w, "node1-bmc", "power"), "power", ""),
			    "on"); /* the truth again */
	room_close(&w);
}

TEST(a_bmc_may_be_off_later_than_it_says)
{
	struct room w;

	room_open(&w, 1, 1);
	cast(&w);
	w.rack->faults.until = INT64_MAX;
	w.rack->faults.rate[FAULT_BMC_LATE_OFF] = 10000;
	power(&w, 0, false);
	assert_true(w.rack->machines[0].on);
	wait_ms(&w, 45000);
	assert_false(w.rack->machines[0].on);
	w.rack->faults.rate[FAULT_BMC_LIE_ON] = 10000;
	power(&w, 0, true);
	assert_false(w.rack->machines[0].on);
	room_close(&w);
}

/* What a core without fences would do: the invariants must see it. */
TEST(the_invariants_see_two_writers_and_stale_blocks)
{
	char why[256] = "";
	struct room w;

	room_open(&w, 1, 2);
	cast(&w);
	prepare(&w, 1);
	must(&w, "san1", "map:two", 2,
	     "{\"exists\": true, \"target\": \"iqn.2026-01.example:san1:two\", \"initiators\": [\"iqn.2026-01.example:web\"],"
	     " \"luns\": {\"1\": \"web-root\"}, \"chap\": {\"user\": \"web.g2\", \"secret\": \"secret-of-the-second\"},"
	     " \"generation\": 2}");
	wait_ms(&w, 3000);
	assert_false(rack_sound(w.rack, why, sizeof(why)));
	assert_contains(why, "generation that was over");
	w.rack->stale_writes = 0;
	w.role[1] = w.role[0]; /* and the same role on two machines */
	power(&w, 1, true);
	wait_ms(&w, 30000);
	w.rack->stale_writes = 0;
	assert_int_equal(rack_writers(w.rack, 0, 1), 2);
	assert_false(rack_sound(w.rack, why, sizeof(why)));
	assert_contains(why, "2 machines that are on can write to volume web-root of san1");
	room_close(&w);
}

TEST(a_foreign_map_is_seen_with_the_volume_and_goes_when_all_heals)
{
	struct room w;
	const json_t *seen, *map = NULL;
	json_t *m;
	const char *name;

	room_open(&w, 1, 1);
	cast(&w);
	assert_true(rack_foreign_map(w.rack, 0, "web-root", true));
	assert_false(rack_foreign_map(w.rack, 0, "nothing", true));
	seen = see(&w, "san1", "volume:web-root");
	assert_int_equal(json_object_size(json_object_get(seen, "maps")), 2);
	json_object_foreach(json_object_get(seen, "maps"), name, m)
		if (!json_bool(m, "managed", true))
			map = m;
	assert_non_null(map);
	assert_int_equal(json_array_size(json_object_get(seen, "sessions")), 2);
	rack_heal(w.rack);
	seen = see(&w, "san1", "volume:web-root");
	assert_int_equal(json_object_size(json_object_get(seen, "maps")), 1);
	room_close(&w);
}

#define GROWN                                                                                                             \
	"{\"exists\": true, \"target\": \"iqn.2026-01.example:san1:web\", \"initiators\": [\"iqn.2026-01.example:web\"]," \
	" \"luns\": {\"17\": \"web-root\", \"2\": \"web-data\"}, \"generation\": 1,"                                      \
	" \"chap\": {\"user\": \"web.g1\", \"secret\": \"secret-of-the-first\"}}"

static json_t *sessions_of(struct room *w, const char *map)
{
	return json_deep_copy(json_object_get(see(w, "san1", map), "sessions"));
}

TEST(a_map_that_grows_keeps_its_sessions_and_no_other_does)
{
	json_t *before, *after;
	struct room w;

	room_open(&w, 1, 1);
	cast(&w);
	must(&w, "san1", "volume:web-data", 1, "{\"exists\": true, \"size_bytes\": 512}");
	before = sessions_of(&w, "map:web");
	assert_int_equal(json_array_size(before), 1);
	must(&w, "san1", "map:web", 1, GROWN);
	after = sessions_of(&w, "map:web");
	assert_true(json_equal(before, after));
	assert_false(json_bool(apply(&w, "san1", "map:web", 1, GROWN), "changed", true));
	json_decref(after);
	must(&w, "san1", "map:web", 1, MAP(1, "secret-of-the-first"));
	after = sessions_of(&w, "map:web");
	assert_false(json_equal(before, after)); /* a LUN less */
	json_decref(after);
	json_decref(before);
	room_close(&w);
}

static const json_t *adopt(struct room *w, const char *name, int generation, const char *target,
			   const char *initiator, const char *lun)
{
	char set[512];

	snprintf(set, sizeof(set),
		 "{\"exists\": true, \"adopt\": \"%s\", \"initiators\": [\"iqn.2026-01.example:%s\"],"
		 " \"luns\": {\"%s\": \"web-root\"}}",
		 target, initiator, lun);
	return apply(w, "san1", name, generation, set);
}

TEST(a_foreign_map_is_adopted_only_as_it_is)
{
	struct room w;
	char target[96] = "";
	json_t *m, *rows, *maps;
	const char *name;

	room_open(&w, 1, 1);
	cast(&w);
	assert_true(rack_foreign_map(w.rack, 0, "web-root", true));
	maps = json_object_get(see(&w, "san1", "volume:web-root"), "maps");
	json_object_foreach(maps, name, m)
		if (!json_bool(m, "managed", true))
			snprintf(target, sizeof(target), "%s", json_str(m, "target", ""));
#define SAID(r) json_str(r, "status", "")
	assert_string_equal(SAID(adopt(&w, "map:disk", 7, target, "web", "1")), "not_applied");
	assert_string_equal(SAID(adopt(&w, "map:disk", 7, target, "other", "2")), "not_applied");
	assert_string_equal(SAID(adopt(&w, "map:web", 7, target, "other", "1")), "not_applied");
	assert_true(json_bool(adopt(&w, "map:disk", 7, target, "other", "1"), "changed", false));
	assert_false(json_bool(adopt(&w, "map:disk", 7, target, "other", "1"), "changed", true));
	assert_string_equal(SAID(adopt(&w, "map:disk2", 7, target, "other", "1")), "not_applied");
	assert_string_equal(SAID(adopt(&w, "map:disk", 8, target, "other", "1")), "not_applied");
	m = json_object_get(json_object_get(see(&w, "san1", "map:disk"), "maps"), "disk");
	assert_true(json_bool(m, "managed", false));
	assert_int_equal(json_int(m, "generation", 0), 7);
	rows = sessions_of(&w, "map:disk");
	assert_int_equal(json_array_size(rows), 1);
	json_decref(rows);
	must(&w, "san1", "map:disk", 7, "{\"exists\": false}");
	room_close(&w);
}

TEST(a_killed_driver_takes_along_what_has_not_reached_a_device)
{
	struct room w;
	int replies;

	room_open(&w, 1, 1);
	open_all(&w);
	replies = w.replies;
	send_frame(&w, "leaf1", "apply", "changes",
		   json_pack("[o]", change_json("port:node1-eth0", "web", 1, "{\"native\": 110}")));
	rack_driver_kill(w.rack, "switch"); /* at once: still on its way */
	wait_ms(&w, 5000);
	assert_int_equal(w.rack->switches[0].ports[0].running.native, 1);
	rack_driver_start(w.rack, "switch");
	wait_ms(&w, 100);
	assert_true(json_bool(request(&w, "leaf1", "open", "options", json_object()), "ok", false));
	replies = w.replies;
	send_frame(&w, "leaf1", "apply", "changes",
		   json_pack("[o]", change_json("port:node1-eth0", "web", 1, "{\"native\": 110}")));
	while (w.rack->switches[0].ports[0].running.native != 110)
		assert_true(sim_step(&w.sim));
	rack_driver_kill(w.rack, "switch"); /* it has reached the switch */
	wait_ms(&w, 5000);
	assert_int_equal(w.rack->switches[0].ports[0].running.native, 110);
	assert_int_equal(w.replies, replies);
	assert_int_equal(w.gone, 0);
	room_close(&w);
}

TEST(a_late_request_takes_effect_after_its_driver_is_dead)
{
	const json_t *result;
	struct room w;

	room_open(&w, 1, 1);
	open_all(&w);
	w.rack->faults.until = INT64_MAX;
	w.rack->faults.rate[FAULT_LATE] = 10000;
	result = apply(&w, "leaf1", "port:node1-eth0", 1, "{\"native\": 110}");
	assert_string_equal(json_str(result, "status", ""), "unknown");
	w.rack->faults.rate[FAULT_LATE] = 0;
	rack_driver_kill(w.rack, "switch");
	wait_ms(&w, 61000);
	assert_int_equal(w.rack->switches[0].ports[0].running.native, 110);
	room_close(&w);
}

TEST(a_late_map_of_an_older_generation_is_refused)
{
	struct room w;

	room_open(&w, 1, 2);
	cast(&w);
	w.rack->faults.until = INT64_MAX;
	w.rack->faults.rate[FAULT_LATE] = 10000;
	apply(&w, "san1", "map:web", 1, "{\"exists\": false}");
	w.rack->faults.rate[FAULT_LATE] = 0;
	assert_int_equal(rack_writers(w.rack, 0, 1), 1);
	must(&w, "san1", "map:web", 2, MAP(2, "secret-of-the-second"));
	assert_int_equal(rack_writers(w.rack, 0, 1), 0); /* another secret: no session survives */
	wait_ms(&w, 61000);
	assert_int_equal(w.rack->arrays[0].maps[0].generation, 2);
	assert_int_equal(rack_writers(w.rack, 0, 1), 0);
	sound(&w);
	assert_int_equal(w.rack->n_conflicts, 1);
	room_close(&w);
}

TEST(a_device_that_is_away_fails_whole_requests_and_comes_back)
{
	const json_t *reply;
	struct room w;

	room_open(&w, 1, 1);
	open_all(&w);
	rack_away(w.rack, "san1", 30000);
	reply = request(&w, "san1", "observe", NULL, NULL);
	assert_string_equal(json_str(json_object_get(reply, "error"), "code", ""), "unreachable");
	wait_ms(&w, 31000);
	assert_true(json_bool(request(&w, "san1", "observe", NULL, NULL), "ok", false));
	rack_bmc_reset(w.rack, 0);
	reply = request(&w, "node1-bmc", "observe", NULL, NULL);
	assert_string_equal(json_str(json_object_get(reply, "error"), "code", ""), "unreachable");
	room_close(&w);
}

TEST(an_array_that_starts_anew_gets_its_hosts_back)
{
	struct room w;

	room_open(&w, 1, 1);
	cast(&w);
	rack_array_restart(w.rack, 0);
	assert_int_equal(rack_writers(w.rack, 0, 1), 0);
	wait_ms(&w, 25000);
	assert_int_equal(rack_writers(w.rack, 0, 1), 1);
	sound(&w);
	room_close(&w);
}

/* A core that wants web on one machine, then on another, badly. */
static void pester(struct room *w, int rounds)
{
	static const char *const sets[] = { MAP(1, "secret-of-the-first"),
					    MAP(2, "secret-of-the-second"), "{\"exists\": false}" };
	int i, to;

	w->role[0].persona = w->role[1].persona = "web";
	w->role[0].generation = w->role[1].generation = 1;
	w->role[0].secret = w->role[1].secret = "secret-of-the-first";
	for (i = 0; i < rounds; i++) {
		to = sim_below(&w->sim, w->rack->n_machines);
		send_frame(w, "san1", "open", "options", json_object());
		send_frame(w, "leaf1", "open", "options", json_object());
		send_frame(w, w->rack->machines[to].bmc.dev.name, "open", "options", json_object());
		wait_ms(w, 300);
		send_frame(w, "leaf1", "apply", "changes",
			   json_pack("[o, o]",
				     change_json("port:node1-eth0", "web", i, "{\"native\": 10}"),
				     change_json("port:node2-eth0", "web", i, "{\"native\": 10}")));
		send_frame(
			w, "san1", "apply", "changes",
			json_pack("[o, o]",
				  change_json("volume:web-root", "web", 1,
					      "{\"exists\": true, \"source\": \"golden\"}"),
				  change_json("map:web", "web", 0, sets[sim_below(&w->sim, 3)])));
		send_frame(w, w->rack->machines[to].bmc.dev.name, "apply", "changes",
			   json_pack("[o, o]",
				     change_json("boot", "web", 1, "{\"device\": \"pxe\"}"),
				     change_json("power", "web", 1,
						 sim_below(&w->sim, 3) ? "{\"power\": \"on\"}"
								       : "{\"power\": \"off\"}")));
		wait_ms(w, 4000);
		if (i % 10 == 9) { /* as the core does with one that hangs */
			rack_driver_kill(w->rack, "array");
			rack_driver_kill(w->rack, "switch");
			rack_driver_kill(w->rack, "bmc");
			rack_driver_start(w->rack, "array");
			rack_driver_start(w->rack, "switch");
			rack_driver_start(w->rack, "bmc");
			wait_ms(w, 100);
		}
	}
}

TEST(every_fault_comes)
{
	struct room w;
	int f;

	for (f = 0; f < FAULT_COUNT; f++) {
		room_open(&w, 5, 2);
		open_all(&w);
		must(&w, "leaf2", "port:node1-eth1", 1, "{\"native\": 20}");
		must(&w, "leaf2", "port:node2-eth1", 1, "{\"native\": 20}");
		w.rack->faults.until = INT64_MAX;
		w.rack->faults.rate[f] = 8000;
		pester(&w, 60);
		assert_row(fault_names[f], w.rack->fault_counts[f] > 0);
		assert_int_equal(fault_by_name(fault_names[f]), f);
		room_close(&w);
	}
	assert_int_equal(fault_by_name("earthquake"), -1);
}

TEST(nothing_begins_to_fail_after_the_time_for_faults)
{
	struct room w;
	uint64_t before = 0, after = 0;
	int f;

	room_open(&w, 5, 2);
	open_all(&w);
	for (f = 0; f < FAULT_COUNT; f++)
		w.rack->faults.rate[f] = 500;
	w.rack->faults.until = w.sim.now + 120000;
	pester(&w, 28);
	for (f = 0; f < FAULT_COUNT; f++)
		before += w.rack->fault_counts[f];
	assert_true(before > 5);
	wait_ms(&w, 70000); /* what was late has arrived */
	before = after = 0;
	for (f = 0; f < FAULT_COUNT; f++)
		before += w.rack->fault_counts[f];
	rack_driver_kill(w.rack, "switch");
	rack_driver_kill(w.rack, "array");
	rack_driver_kill(w.rack, "bmc");
	rack_driver_start(w.rack, "switch");
	rack_driver_start(w.rack, "array");
	rack_driver_start(w.rack, "bmc");
	wait_ms(&w, 100);
	open_all(&w);
	must(&w, "leaf1", "port:node1-eth0", 1000, "{\"native\": 110}");
	power(&w, 0, false);
	power(&w, 1, false);
	for (f = 0; f < FAULT_COUNT; f++)
		after += w.rack->fault_counts[f];
	assert_true(before == after);
	room_close(&w);
}

static char *story_of(uint64_t seed)
{
	struct room w;
	char *story;
	int f;

	room_open(&w, seed, 3);
	open_all(&w);
	for (f = 0; f < FAULT_COUNT; f++)
		w.rack->faults.rate[f] = 200;
	w.rack->faults.until = w.sim.now + 100000;
	pester(&w, 40);
	story = xstrdup(w.story.data);
	room_close(&w);
	return story;
}

TEST(a_seed_is_a_story)
{
	char *a = story_of(77), *b = story_of(77), *c = story_of(78);

	assert_string_equal(a, b);
	assert_string_not_equal(a, c);
	free(a);
	free(b);
	free(c);
}

/* Not a proof of speed, but something is very wrong when a story of ten rounds needs more than this. */
TEST(a_story_is_cheap)
{
	struct timespec a, b;
	struct rack_ops quiet = ops;
	struct room w;
	int64_t us;
	int i;

	quiet.trace = NULL;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	for (i = 0; i < 100; i++) {
		room_open(&w, (uint64_t)i, 4);
		w.rack->ops = &quiet;
		pester(&w, 10);
		room_close(&w);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	us = ((b.tv_sec - a.tv_sec) * 1000000 + (b.tv_nsec - a.tv_nsec) / 1000) / 100;
	printf("# a story of ten rounds: %lld us\n", (long long)us);
	assert_true(us < 20000);
}

UNIT_MAIN(T(the_site_document_is_one_that_the_model_takes),
	  T(a_driver_says_hello_and_wants_its_devices_opened),
	  T(a_port_is_set_and_an_older_generation_refused),
	  T(a_switch_that_starts_anew_has_its_startup_configuration),
	  T(a_machine_boots_its_role_reports_and_writes),
	  T(a_machine_without_map_port_or_role_does_not_come_up),
	  T(power_takes_time_and_off_is_read_twice),
	  T(a_new_secret_ends_the_old_holder_even_when_its_bmc_lies),
	  T(a_bmc_may_be_off_later_than_it_says),
	  T(the_invariants_see_two_writers_and_stale_blocks),
	  T(a_map_that_grows_keeps_its_sessions_and_no_other_does),
			  T(a_foreign_map_is_adopted_only_as_it_is),
			  T(a_foreign_map_is_seen_with_the_volume_and_goes_when_all_heals),
	  T(a_killed_driver_takes_along_what_has_not_reached_a_device),
	  T(a_late_request_takes_effect_after_its_driver_is_dead),
	  T(a_late_map_of_an_older_generation_is_refused),
	  T(a_device_that_is_away_fails_whole_requests_and_comes_back),
	  T(an_array_that_starts_anew_gets_its_hosts_back), T(every_fault_comes),
	  T(nothing_begins_to_fail_after_the_time_for_faults), T(a_seed_is_a_story),
	  T(a_story_is_cheap))
