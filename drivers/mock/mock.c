/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * recast-driver-mock: a rack of switches, fabrics, arrays and servers in memory, of every class, with faults
 * on demand: the reference of what a driver does, and what the core's own tests run against.
 *
 * Devices opened with the same option `rack` share one rack.h; all work on it holds the rack lock,
 * sleeping is done without it.
 */
#include "mock.h"

#include "arena.h"
#include "clock.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct driver_option mock_options[] = {
	{ "rack", "string", .missing = "rack",
	  .help = "name of the simulated rack; devices of one rack see each other" },
	{ "state", "string",
	  .help = "file in which the rack is saved on each change; one driver process at a time" },
	{ "history", "string",
	  .help = "file to which each saved state is added as a line, for tests that look back" },
	{ "control", "string",
	  .help = "file with orders from outside: one {device, object, set} per line, removed when "
		  "done" },
	{ "tally", "string",
	  .help = "file to which a line is added for each request, for tests that count" },
	{ "latency_ms", "int", .missing = "0", .help = "time that each request takes" },
	{ "faults", "list", .missing = "", .help = "faults to play: OP:OBJECT:KIND[:N[:ARG]]" },
	{ "ports", "list", .missing = "",
	  .help = "switch: the ports that there are (none named: any)" },
	{ "volumes", "list", .missing = "",
	  .help = "array: the volumes that are there at first (none named: any source of a "
		  "clone)" },
	{ "portals", "list", .missing = "", .help = "array: addresses of its iSCSI portals" },
	{ "nics", "list", .missing = "", .help = "BMC: the server's NICs, MAC=SWITCH/PORT" },
	{ "boot_vlan", "int", .missing = "0",
	  .help = "BMC: the VLAN that the first NIC must be in to boot (0: any)" },
	{ "power_ms", "int", .missing = "0",
	  .help = "BMC: time from the order until the power has changed" },
	{ "uuid", "string", .help = "BMC: the server's UUID" },
	{ "server_key", "string",
	  .help = "fingerprint of the key that the device shows, as SHA256:…; without it, there is none" },
	{ "key_days", "int", .missing = "0",
	  .help = "days until the certificate of that key ends (0: it does not)" },
	{ "weaknesses", "list", .missing = "",
	  .help = "members of the security document that are true, such as cipher_zero" },
	{ "address", "string", .help = "not used" },
	{ "user", "string", .help = "not used" },
	{ "password", "string", .secret = true, .help = "not used" },
	{ NULL },
};

static void sleep_until(int64_t mono_ms)
{
	struct timespec at = { .tv_sec = mono_ms / 1000, .tv_nsec = mono_ms % 1000 * 1000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL))
		;
}

static void mock_sleep(const struct driver_call *call, int64_t ms)
{
	int64_t left = driver_time_left(call);

	if (ms > 0)
		sleep_until(clock_mono_ms() + (ms < left ? ms : left));
}

/* A fault that delays or breaks the process, not the answer.  True when the work goes on. */
static bool play_process_fault(struct mock_device *m, const struct driver_call *call,
			       const struct fault_hit *hit)
{
	if (hit->kind == FAULT_CRASH) {
		rack_save(m->rack);
		_exit(3);
	}
	if (hit->kind == FAULT_GARBAGE) {
		rack_save(m->rack); /* the core kills us for it; the fault must not come again then */
		if (write(STDOUT_FILENO, "*** NOT A FRAME ***\n", 20) < 0)
			_exit(3);
	}
	if (hit->kind == FAULT_SLOW || hit->kind == FAULT_HANG) {
		rack_unlock();
		if (hit->kind == FAULT_SLOW)
			mock_sleep(call, hit->arg >= 0 ? hit->arg : 500);
		else
			sleep_until(clock_mono_ms() + 3600 * 1000);
		rack_lock();
	}
	return hit->kind == FAULT_SLOW || hit->kind == FAULT_HANG || hit->kind == FAULT_GARBAGE;
}

static int mock_open(struct driver_device *dev, const struct driver_call *call, struct error *err)
{
	struct mock_device *m = xcalloc(1, sizeof(*m));
	struct driver_watch *watch = NULL;
	struct fault_hit hit;
	int rc = 0;

	*m = (struct mock_device){ .dev = dev,
				   .name = dev->name,
				   .latency_ms = json_int(dev->options, "latency_ms", 0),
				   .power_ms = json_int(dev->options, "power_ms", 0) };
	rack_lock();
	m->rack = rack_get(dev->options, err);
	if (!m->rack || mock_key_check(m, err) || faults_load(m->rack, m->name, json_object_get(dev->options, "faults"), err))
		rc = -1;
	else if (fault_take(m->rack, m->name, "open", "", FAULTS_GENERAL, &hit) &&
		 !play_process_fault(m, call, &hit))
		rc = fault_error(&hit, m->name, err);
	else if (!strcmp(dev->cls, "bmc"))
		rc = mock_bmc_open(m, err);
	if (rc && m->rack)
		watch = rack_put(m->rack);
	else if (!rc)
		json_object_set_new(m->rack->open, m->name, json_true());
	rack_unlock();
	driver_watch_end(watch);
	if (rc)
		free(m);
	else
		dev->state = m;
	return rc;
}

void mock_tally(const struct mock_device *m, const char *op, size_t objects)
{
	FILE *f = m->rack->tally ? fopen(m->rack->tally, "ae") : NULL;

	if (!f)
		return;
	fprintf(f,
		"{\"device\": \"%s\", \"class\": \"%s\", \"op\": \"%s\", \"objects\": %zu}\n",
		m->name, m->dev->cls, op, objects);
	fclose(f);
}

static void mock_close(struct driver_device *dev)
{
	struct mock_device *m = dev->state;
	struct driver_watch *watch;

	rack_lock();
	json_object_del(m->rack->watched, m->name);
	json_object_del(m->rack->open, m->name);
	watch = rack_put(m->rack);
	rack_unlock();
	driver_watch_end(watch);
	free(m);
}

/* What leaves the lock must share nothing with the rack, not even a reference counter. */
static json_t *detached(json_t *v)
{
	json_t *copy = json_deep_copy(v);

	json_decref(v);
	return copy;
}

static json_t *class_document(struct mock_device *m, const json_t *objects, struct error *err)
{
	if (!strcmp(m->dev->cls, "switch"))
		return mock_switch_document(m, objects, err);
	if (!strcmp(m->dev->cls, "storage"))
		return mock_storage_document(m, objects, err);
	if (!strcmp(m->dev->cls, "fabric"))
		return mock_fabric_document(m, objects, err);
	if (!strcmp(m->dev->cls, "bmc"))
		return mock_bmc_document(m, objects, err);
	error_set(err, ERROR_UNSUPPORTED, "the mock has nothing of class %s yet", m->dev->cls);
	return NULL;
}

static json_t *document(struct mock_device *m, const json_t *objects, struct error *err)
{
	json_auto_t *rest = mock_without_security(objects);
	json_t *v = class_document(m, rest, err);

	if (v && json_array_size(rest) < json_array_size(objects))
		json_object_set_new(v, "security", mock_security(m));
	return v;
}

/* The fault of an observation is looked for under the name of its first object, or "*". */
static json_t *mock_observe(struct driver_device *dev, const struct driver_call *call,
			    const json_t *objects, struct error *err)
{
	struct mock_device *m = dev->state;
	const char *first = json_string_value(json_array_get(objects, 0));
	struct fault_hit hit;
	json_t *v = NULL;

	mock_sleep(call, m->latency_ms);
	rack_lock();
	mock_tally(m, "observe", json_array_size(objects));
	mock_control(m->rack);
	if (fault_take(m->rack, m->name, "observe", first ? first : "", FAULTS_GENERAL, &hit) &&
	    !play_process_fault(m, call, &hit))
		fault_error(&hit, m->name, err);
	else if (!mock_login(m, err))
		v = detached(document(m, objects, err));
	rack_save(m->rack);
	rack_unlock();
	return v;
}

static int change_by_class(struct mock_device *m, struct driver_change *c, struct error *err)
{
	if (!strncmp(c->object, "fault:", 6))
		return fault_change(m->rack, m->name, c, err);
	if (!strncmp(c->object, "sim:", 4))
		return mock_sim_change(m->rack, m->name, c, err);
	if (!strcmp(m->dev->cls, "switch"))
		return mock_port_change(m, c, err);
	if (!strcmp(m->dev->cls, "storage"))
		return mock_storage_change(m, c, err);
	if (!strcmp(m->dev->cls, "fabric"))
		return mock_fabric_change(m, c, err);
	if (!strcmp(m->dev->cls, "bmc"))
		return mock_bmc_change(m, c, err);
	return error_set(err, ERROR_UNSUPPORTED, "the mock has nothing of class %s yet",
			 m->dev->cls);
}

static void do_change(struct mock_device *m, struct driver_change *c)
{
	struct error err = { 0 };

	if (change_by_class(m, c, &err))
		change_failed(c, CHANGE_NOT_APPLIED, &err);
	c->observed = detached(c->observed);
}

/* Play @hit on @c.  Returns true when no further change can be attempted. */
static bool faulty_change(struct mock_device *m, const struct driver_call *call,
			  struct driver_change *c, const struct fault_hit *hit)
{
	struct error err = { 0 };

	if (play_process_fault(m, call, hit)) {
		do_change(m, c);
		return false;
	}
	fault_error(hit, m->name, &err);
	switch (hit->kind) {
	case FAULT_UNKNOWN:
	case FAULT_CUT:
	case FAULT_CRASH_AFTER:
		do_change(m, c);
		if (hit->kind == FAULT_CRASH_AFTER) {
			rack_save(m->rack);
			_exit(3);
		}
		change_failed(c, CHANGE_UNKNOWN, &err);
		return hit->kind == FAULT_CUT;
	case FAULT_LOST:
		change_failed(c, CHANGE_UNKNOWN, &err);
		return false;
	case FAULT_LIE:
		change_done(c, true, NULL);
		return false;
	case FAULT_AGAIN:
		change_again(c, hit->arg >= 0 ? hit->arg : 50);
		return false;
	default:
		change_failed(c, CHANGE_NOT_APPLIED, &err);
		return err.code == ERROR_AUTH || err.code == ERROR_UNREACHABLE ||
		       err.code == ERROR_PROTOCOL;
	}
}

static int apply_all(struct mock_device *m, const struct driver_call *call,
		     struct driver_change *changes, size_t n, struct error *err)
{
	struct fault_hit hit;
	size_t i;

	for (i = 0; i < n; i++) {
		struct driver_change *c = &changes[i];

		if (!fault_take(m->rack, m->name, "apply", c->object, FAULTS_GENERAL, &hit)) {
			do_change(m, c);
			continue;
		}
		if (!faulty_change(m, call, c, &hit))
			continue;
		if (!i && c->status == CHANGE_NOT_APPLIED) {
			*err = c->error;
			return -1;
		}
		while (++i < n)
			change_failed(&changes[i], c->status, &c->error);
	}
	return 0;
}

static int mock_apply(struct driver_device *dev, const struct driver_call *call,
		      struct driver_change *changes, size_t n, struct error *err)
{
	struct mock_device *m = dev->state;
	int rc;

	mock_sleep(call, m->latency_ms);
	rack_lock();
	mock_tally(m, "apply", n);
	mock_control(m->rack);
	rc = mock_login(m, err) ? -1 : apply_all(m, call, changes, n, err);
	mock_fabric_activate(m);
	rack_save(m->rack);
	rack_unlock();
	return rc;
}

static int mock_console(struct driver_device *dev, const struct driver_call *call,
			const char *action, const char *data, struct error *err)
{
	struct mock_device *m = dev->state;
	int rc;

	(void)call;
	if (strcmp(dev->cls, "bmc"))
		return error_set(err, ERROR_UNSUPPORTED, "%s has no console", m->name);
	rack_lock();
	rc = mock_login(m, err);
	if (rc)
		goto out;
	if (!strcmp(action, "open"))
		json_object_set_new(m->rack->watched, m->name, json_true());
	else if (!strcmp(action, "close"))
		json_object_del(m->rack->watched, m->name);
	else
		mock_bmc_print(m->rack, m->name, data); /* a terminal that echoes */
out:
	rack_save(m->rack);
	rack_unlock();
	return rc;
}

static const struct recast_driver mock = {
	.name = "mock",
	.cls = "*",
	.summary = "A simulated rack of switches, fabrics, arrays and servers, with faults on demand",
	.caps = "merge rate trunk enable macs neighbours stamp clone sessions chap adopt fc snapshots peer console watch security credential",
	.max_inflight = 64,
	.options = mock_options,
	.open = mock_open,
	.close = mock_close,
	.observe = mock_observe,
	.apply = mock_apply,
	.console = mock_console,
};

RECAST_DRIVER(mock)
