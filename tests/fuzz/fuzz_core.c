/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The whole core between those who wish and drivers that lie: services, engine, dispatcher and planner over a store in
 * memory and virtual time.  A line of the input is a wish {"do": …, "body": …}, a wait {"ms": …}, or a frame of the
 * driver, whose "id": 0 stands for the oldest request that it has not answered.  Each answer comes once, can be written as
 * JSON, and is a problem with a known code when it is none of success.
 */
#include "../unit/rack.h"
#include "fuzz.h"

#include "frame.h"
#include "log.h"
#include "memstore.h"
#include "service.h"
#include "sim.h"

#include "../../orchestrator/dispatch/private.h"

FUZZ_TARGET

enum { WAIT_MAX_MS = 600000, LINES_MAX = 40, ANSWERS_MAX = 64, ROLE_OF_ALL = 3, TURN_MS = 50, MINUTES_MAX = 60 };

static struct world {
	struct env env;
	struct sim sim;
	struct core *core;
	struct driver *driver; /* NULL: no process runs */
	json_t *asked;	       /* ids of requests, oldest first */
	struct answer answers[ANSWERS_MAX];
	int n_answers;
} w;

static int64_t now_ms(struct env *env)
{
	(void)env;
	return w.sim.now;
}

static struct env_timer *timer(struct env *env, int64_t delay_ms, void (*fn)(void *arg), void *arg)
{
	(void)env;
	return (struct env_timer *)sim_after(&w.sim, delay_ms, fn, arg);
}

static void cancel(struct env *env, struct env_timer *t)
{
	(void)env;
	sim_cancel(&w.sim, (struct sim_event *)t);
}

static void random_bytes(struct env *env, void *out, size_t n)
{
	(void)env;
	for (; n; n--)
		((unsigned char *)out)[n - 1] = (unsigned char)sim_random(&w.sim);
}

static const struct env_ops env_ops = { now_ms, now_ms, timer, cancel, now_ms, random_bytes };

/* The process of the driver. */

struct process *process_start(struct driver *drv, struct error *err)
{
	if (w.driver) {
		error_set(err, ERROR_UNSUPPORTED, "one driver is enough");
		return NULL;
	}
	w.driver = drv;
	return (struct process *)&w;
}

void process_send(struct process *p, json_t *frame)
{
	(void)p;
	json_array_append(w.asked, json_object_get(frame, "id"));
	json_decref(frame);
}

static void on_gone(void *arg)
{
	if (w.driver == arg)
		driver_gone(arg);
}

void process_kill(struct process *p)
{
	(void)p;
	sim_after(&w.sim, 1, on_gone, w.driver);
}

void process_destroy(struct process *p)
{
	if (!p)
		return;
	w.driver = NULL;
	json_array_clear(w.asked);
}

static void driver_says(json_t *frame)
{
	if (!w.driver)
		return;
	if (!json_int(frame, "id", -1) && json_array_size(w.asked)) {
		json_object_set(frame, "id", json_array_get(w.asked, 0));
		json_array_remove(w.asked, 0);
	}
	driver_took(w.driver, frame);
	if (w.driver)
		driver_pump(w.driver);
}

/* Who wishes. */

static void on_answer(struct answer *a, int status, json_t *body, const char *location)
{
	(void)location;
	fuzz_assert(a->send); /* once */
	a->send = NULL;
	fuzz_assert(body && status >= 200 && status < 600);
	fuzz_check_json(body);
	fuzz_assert(status < 400 || error_by_name(json_str(body, "code", "")) != ERROR_INTERNAL);
	json_decref(body);
}

static const struct {
	const char *name;
	void (*begin)(struct core *c, struct answer *a, const json_t *body);
} wishes[] = {
	{ "account", service_account_put }, { "approve", service_approve }, { "can", service_can },
	{ "define", service_define },	    { "plan", service_plan },	    { "token", service_token_create },
};

static void wish_for_machine(const char *what, struct answer *a, const char *machine, const json_t *body)
{
	if (!strcmp(what, "power"))
		service_power_set(w.core, a, machine, body, &(const struct once){ 0 });
	else if (!strcmp(what, "fence"))
		service_fence(w.core, a, machine, body);
	else if (!strcmp(what, "return"))
		service_return(w.core, a, machine, &(const struct once){ 0 });
	else
		service_health(w.core, a, machine);
}

static void wish(const char *what, const json_t *line, const json_t *body)
{
	struct answer *a = &w.answers[w.n_answers++];
	size_t i;

	*a = (struct answer){ .send = on_answer, .caller = { .local = true, .name = "uid 0", .from = "socket", .role = ROLE_OF_ALL } };
	for (i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++)
		if (!strcmp(what, wishes[i].name)) {
			wishes[i].begin(w.core, a, body);
			return;
		}
	if (!strcmp(what, "run"))
		service_run(w.core, a, body, &(const struct once){ 0 });
	else if (!strcmp(what, "cancel"))
		service_cancel(w.core, a, json_int(body, "run", 1));
	else if (!strcmp(what, "drift"))
		service_drift(w.core, a, NULL, true);
	else
		wish_for_machine(what, a, json_str(line, "name", "node1"), body);
}

/* Somebody at the network's door: a certificate that has an account comes in, a token that nobody was shown does not. */
static void come_in(const json_t *body)
{
	struct credentials shown = { .from = "10.66.10.9", .uid = -1, .authorization = json_str(body, "authorization", NULL),
				     .subject = json_str(body, "subject", NULL) };
	struct caller caller = { 0 };
	struct error err = { 0 };

	if (service_authenticate(w.core, &shown, &caller, &err))
		fuzz_check_error(&err);
	else
		fuzz_assert(shown.subject && caller.account[0] && !caller.token[0] && !caller.local);
	json_decref(caller.scopes);
}

/* A machine at the boot port. */
static void boot(const json_t *body)
{
	const char *mac = json_str(body, "mac", ""), *uuid = json_str(body, "uuid", ""), *stage = json_str(body, "stage", "");
	char *script = service_boot_script(w.core, mac, uuid, "10.66.10.9");

	fuzz_assert(script && !strncmp(script, "#!ipxe\n", 7));
	free(script);
	free(service_boot_report(w.core, mac, uuid, stage, "10.66.10.9"));
	free(service_boot_config(w.core, mac, uuid));
}

static void act(const char *what, const json_t *line)
{
	const json_t *body = json_object_get(line, "body");

	if (!json_is_object(body) || w.n_answers == ANSWERS_MAX)
		return;
	if (!strcmp(what, "come in"))
		come_in(body);
	else if (!strcmp(what, "boot"))
		boot(body);
	else
		wish(what, line, body);
}

static void live(json_t *line)
{
	const char *what = json_str(line, "do", NULL);
	int64_t ms = json_int(line, "ms", 0);

	if (what)
		act(what, line);
	else if (ms > 0)
		sim_run_until(&w.sim, w.sim.now + (ms < WAIT_MAX_MS ? ms : WAIT_MAX_MS));
	else
		driver_says(line);
	sim_run_until(&w.sim, w.sim.now + TURN_MS);
}

/* Defines the rack of the unit tests, with all of its devices behind one driver. */
static void define_rack(void)
{
	static const char one_driver[] = "{'arrays': {'san1': {'secret': 'DELETE'}}, 'machines': {'node1': {'bmc': {'driver': 'mock'}},"
					 " 'node2': {'bmc': {'driver': 'mock'}}}}";
	json_t *line = json_pack("{s:s, s:{s:[{s:s, s:o}, {s:s, s:o}, {s:s, s:o}, {s:s, s:o}]}}", "do", "define", "body", "documents",
				 "name", "a", "value", rack_patched(rack_site, one_driver), "name", "b", "value",
				 rack_json(rack_template), "name", "c", "value", rack_json(rack_web), "name", "d", "value",
				 rack_json(rack_db));

	live(line);
	json_decref(line);
}

static void begin(struct memdisk *disk)
{
	struct core_config config = { .database = memdisk_path(disk), .key_file = "", .driver_path = "", .keep_events = 100,
				      .keep_runs = 10 };
	struct error err = { 0 };

	log_set_level("error");
	w = (struct world){ .env = { &env_ops }, .asked = json_array() };
	sim_init(&w.sim, 1);
	w.core = core_create(&w.env, &config, &err);
	fuzz_assert(w.core);
	define_rack();
}

static bool all_answered(void)
{
	int i;

	for (i = 0; i < w.n_answers; i++)
		if (w.answers[i].send)
			return false;
	return true;
}

/* Whoever asked is answered in the end, although the driver says nothing any more. */
static void end(void)
{
	int minutes;

	for (minutes = 0; !all_answered() && minutes < MINUTES_MAX; minutes++)
		sim_run_until(&w.sim, w.sim.now + 60000);
	fuzz_assert(all_answered());
	core_destroy(w.core);
	sim_fini(&w.sim);
	json_decref(w.asked);
}

static void fuzz(const char *bytes, size_t len)
{
	struct frame_reader reader = { 0 };
	struct memdisk *disk = memdisk_create();
	json_t *line;
	int lines = 0;

	begin(disk);
	frame_feed(&reader, bytes, len);
	while (lines++ < LINES_MAX && frame_next(&reader, &line, NULL) > 0) {
		live(line);
		json_decref(line);
	}
	end();
	memdisk_destroy(disk);
	frame_fini(&reader);
}
