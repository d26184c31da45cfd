/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Runs one request with the driver's functions and sends the reply.  Called by a worker thread; the
 * rules of worker.c make sure that open and close run alone.
 */
#include "kit.h"

#include "arena.h"
#include "clock.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

int64_t driver_time_left(const struct driver_call *call)
{
	int64_t left = call->deadline_ms - clock_mono_ms();

	return left > 0 ? left : 0;
}

void job_free(struct job *job)
{
	json_decref(job->request);
	free(job);
}

static int class_check(const char *cls, struct error *err)
{
	static const char *const classes[] = { "switch", "fabric",  "storage",
					       "bmc",    "compose", "probe", "password" };
	const char *own = kit_driver->cls;
	size_t i;

	for (i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (!strcmp(cls, classes[i]) && (!strcmp(own, "*") || !strcmp(own, cls)))
			return 0;
	error_set(err, ERROR_INVALID, "driver %s cannot serve a device of class \"%s\"",
		  kit_driver->name, cls);
	return error_hint(err, "It serves class \"%s\": correct `driver` in the site file.", own);
}

static void forget(struct kit_device *dev)
{
	secret_destroy(dev->secret);
	json_decref(dev->options);
	free(dev->cls);
	free(dev->pin);
	dev->secret = NULL;
	dev->options = NULL;
	dev->cls = dev->pin = NULL;
	dev->pub = (struct driver_device){ 0 };
}

/* In its normal form, so that a driver compares texts. */
static int take_pin(struct kit_device *dev, const char *pin, struct error *err)
{
	char normal[FINGERPRINT_TEXT];

	if (!pin)
		return 0;
	if (!fingerprint_parse(pin, normal))
		return error_set(err, ERROR_INVALID, "%s: pin must be SHA256: and 43 letters of base64", dev->name);
	dev->pin = xstrdup(normal);
	return 0;
}

static json_t *run_open(struct job *job, struct error *err)
{
	struct kit_device *dev = job->dev;
	const char *cls = json_str(job->request, "class", "");
	json_t *given = json_object_get(job->request, "options");

	if (dev->opened) {
		error_set(err, ERROR_CONFLICT, "%s is open already", dev->name);
		return NULL;
	}
	if (class_check(cls, err) ||
	    options_check(kit_driver->options, given, &dev->options, &dev->secret, err)) {
		forget(dev);
		return NULL;
	}
	if (take_pin(dev, json_str(job->request, "pin", NULL), err)) {
		forget(dev);
		return NULL;
	}
	dev->cls = xstrdup(cls);
	dev->pub = (struct driver_device){ .name = dev->name,
					   .cls = dev->cls,
					   .options = dev->options,
					   .secret = dev->secret,
					   .pin = dev->pin };
	if (kit_driver->open(&dev->pub, &job->call, err)) {
		forget(dev);
		return NULL;
	}
	dev->opened = true;
	return json_pack("{s:b, s:{s:s}}", "ok", 1, "facts", "driver", kit_driver->name);
}

static json_t *run_observe(struct job *job, struct error *err)
{
	json_t *objects = json_object_get(job->request, "objects");
	json_t *document, *one;
	size_t i;

	if (json_is_null(objects))
		objects = NULL;
	if (objects && !json_is_array(objects)) {
		error_set(err, ERROR_INVALID, "objects must be a list of names");
		return NULL;
	}
	json_array_foreach(objects, i, one)
		if (!json_is_string(one)) {
			error_set(err, ERROR_INVALID, "objects[%zu] is not a name", i);
			return NULL;
		}
	document = kit_driver->observe(&job->dev->pub, &job->call, objects, err);
	return document ? json_pack("{s:b, s:o}", "ok", 1, "document", document) : NULL;
}

static json_t *run_apply(struct job *job, struct error *err)
{
	struct kit_device *dev = job->dev;
	json_t *reply = NULL;
	struct driver_change *changes;
	size_t n;

	changes = changes_from_json(json_object_get(job->request, "changes"), &n, err);
	if (!changes)
		return NULL;
	if (!kit_driver->apply(&dev->pub, &job->call, changes, n, err))
		reply = json_pack("{s:b, s:o}", "ok", 1, "results",
				  changes_to_json(changes, n, dev->secret));
	changes_free(changes, n);
	return reply;
}

static json_t *run_console(struct job *job, struct error *err)
{
	const char *action = json_str(job->request, "action", "");
	const char *data = json_str(job->request, "data", NULL);

	if (!kit_driver->console)
		error_set(err, ERROR_UNSUPPORTED, "driver %s has no console", kit_driver->name);
	else if (strcmp(action, "open") && strcmp(action, "close") &&
		 (strcmp(action, "input") || !data))
		error_set(err, ERROR_INVALID,
			  "console wants action open, input (with data) or close");
	else if (!kit_driver->console(&job->dev->pub, &job->call, action, data, err))
		return json_pack("{s:b}", "ok", 1);
	return NULL;
}

static json_t *run_close(struct job *job)
{
	kit_driver->close(&job->dev->pub);
	job->dev->opened = false;
	forget(job->dev);
	return json_pack("{s:b}", "ok", 1);
}

static json_t *run(struct job *job, struct error *err)
{
	const char *name = job->dev->name;

	if (job->kind == JOB_OPEN)
		return run_open(job, err);
	if (!job->dev->opened) {
		error_set(err, ERROR_INVALID, "%s is not open here: open it first", name);
		return NULL;
	}
	if (job->kind == JOB_CLOSE)
		return run_close(job);
	if (!driver_time_left(&job->call)) {
		error_set(err, ERROR_BUSY, "%s: the deadline passed before the request could begin",
			  name);
		return NULL;
	}
	switch (job->kind) {
	case JOB_OBSERVE:
		return run_observe(job, err);
	case JOB_APPLY:
		return run_apply(job, err);
	case JOB_CONSOLE:
		return run_console(job, err);
	case JOB_OPEN:
	case JOB_CLOSE:
		break;
	}
	return NULL;
}

/* Overwrite the stack below the caller: functions that worked on a secret left pieces of it there, the
 * dynamic linker its copies of vector registers. */
__attribute__((noinline)) void kit_burn_stack(void)
{
	char below[32 * 1024];

	secret_wipe(below, sizeof(below));
}

void job_run(struct job *job)
{
	struct error err = { 0 };
	json_t *reply = run(job, &err);

	if (!reply) {
		if (!err.code)
			error_set(&err, ERROR_INTERNAL, "driver %s failed without a reason",
				  kit_driver->name);
		reply = json_pack("{s:o}", "error", error_to_json(&err, job->dev->secret));
	}
	json_object_set_new(reply, "id", json_integer(job->id));
	kit_send(reply);
}
