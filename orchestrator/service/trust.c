/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Pins: the server keys that devices are known by.  See private/trust.h.  The pin goes to the driver when it opens the
 * device; the driver judges (drivers/transport/pin.c) and tells what it was shown when it stops.
 */
#include "trust.h"
#include "rights.h"

#include "json.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

enum { ASK_MS = 8000 };

static const char pinned_kind[] = "trust", shown_kind[] = "presented";

json_t *dull_objects(const struct device *d)
{
	return json_pack("[s]", d->cls == CLASS_BMC	 ? "power"
				: d->cls == CLASS_SWITCH ? "port:recast-doctor"
				: d->cls == CLASS_FABRIC ? "config"
							 : "volume:recast-doctor");
}

static bool made_for(const json_t *record, const struct device *d)
{
	return !strcmp(json_str(record, "address", ""), d->address) && !strcmp(json_str(record, "driver", ""), d->driver);
}

/* The record of @d, or NULL when there is none for where it is now.  A new reference. */
static json_t *record_of(struct core *c, const char *kind, const struct device *d)
{
	json_t *record = store_record_get(c->store, kind, d->name);

	if (record && made_for(record, d))
		return record;
	json_decref(record);
	return NULL;
}

static void put_record(struct core *c, const char *kind, const struct device *d, json_t *record)
{
	json_object_set_new(record, "address", json_string(d->address));
	json_object_set_new(record, "driver", json_string(d->driver));
	store_set_time(c->store, env_wall(c->env));
	store_record_put(c->store, kind, d->name, record);
}

bool trust_pin(struct core *c, const struct device *d, char out[FINGERPRINT_TEXT])
{
	json_auto_t *record = NULL;

	if (d->pin)
		return fingerprint_parse(d->pin, out);
	record = record_of(c, pinned_kind, d);
	return record && fingerprint_parse(json_str(record, "fingerprint", ""), out);
}

static json_t *pinned_json(struct core *c, const struct device *d)
{
	json_t *record = d->pin ? json_pack("{s:s}", "fingerprint", d->pin) : record_of(c, pinned_kind, d);

	if (!record)
		return json_null();
	json_object_set_new(record, "from", json_string(d->pin ? "site" : "command"));
	json_object_del(record, "address");
	json_object_del(record, "driver");
	return record;
}

static json_t *shown_json(struct core *c, const struct device *d)
{
	json_t *record = record_of(c, shown_kind, d);

	if (!record)
		return json_null();
	json_object_del(record, "address");
	json_object_del(record, "driver");
	return record;
}

static enum trust_state state_of(const json_t *pinned, const json_t *shown)
{
	if (json_is_null(pinned))
		return json_is_null(shown) ? TRUST_NONE : TRUST_UNPINNED;
	if (json_is_null(shown) || !strcmp(json_str(pinned, "fingerprint", ""), json_str(shown, "fingerprint", "")))
		return TRUST_PINNED;
	return TRUST_MISMATCH;
}

enum trust_state trust_state(struct core *c, const struct device *d)
{
	json_auto_t *pinned = pinned_json(c, d), *shown = shown_json(c, d);

	return state_of(pinned, shown);
}

json_t *trust_json(struct core *c, const struct device *d)
{
	static const char *const names[] = { "none", "unpinned", "pinned", "mismatch" };
	json_t *pinned = pinned_json(c, d), *shown = shown_json(c, d);

	return json_pack("{s:s, s:o, s:o}", "state", names[state_of(pinned, shown)], "pinned", pinned, "presented", shown);
}

/* For a log line, an event and the audit: the same words. */
static void tell(struct core *c, const struct device *d, const struct server_key *shown, const char *pin)
{
	const char *action = pin[0] ? "mismatch" : "presented";
	json_t *doc = json_pack("{s:s, s:s, s:s}", "device", d->name, "action", action, "presented", shown->fingerprint);

	if (pin[0])
		json_object_set_new(doc, "pinned", json_string(pin));
	log_warn("trust", "%s shows the %s key %s; pinned is %s", d->name, shown->kind, shown->fingerprint,
		 pin[0] ? pin : "none");
	if (pin[0])
		audit_note(c, json_pack("{s:s, s:O}", "who", "recastd", "what", doc));
	core_event(c, "trust", 0, doc);
}

void trust_shown(struct core *c, const char *device, const struct server_key *shown)
{
	const struct device *d = model_device(c->model, device);
	json_auto_t *before = d ? record_of(c, shown_kind, d) : NULL;
	char pin[FINGERPRINT_TEXT] = "";
	json_t *record;

	if (!d || !strcmp(json_str(before, "fingerprint", ""), shown->fingerprint))
		return;
	trust_pin(c, d, pin);
	record = server_key_to_json(shown);
	json_object_set_new(record, "at", json_integer(env_wall(c->env)));
	put_record(c, shown_kind, d, record);
	json_decref(record);
	tell(c, d, shown, pin);
}

void trust_held(struct core *c, const struct device *d)
{
	if (trust_state(c, d) != TRUST_MISMATCH)
		return;
	store_set_time(c->store, env_wall(c->env));
	store_record_delete(c->store, shown_kind, d->name);
	core_event(c, "trust", 0, json_pack("{s:s, s:s}", "device", d->name, "action", "agrees"));
}

struct settling {
	const struct model *model;
	json_t *stale; /* names */
	bool pins;
};

static void find_stale(void *arg, const char *name, json_t *record)
{
	struct settling *s = arg;
	const struct device *d = model_device(s->model, name);

	if (!d || !made_for(record, d) ||
	    (s->pins && d->pin && strcmp(d->pin, json_str(record, "fingerprint", "")) != 0))
		json_array_append_new(s->stale, json_string(name));
}

static void settle(struct core *c, const struct model *m, const char *kind)
{
	json_auto_t *stale = json_array();
	struct settling s = { m, stale, kind == pinned_kind };
	const json_t *name;
	size_t i;

	store_record_each(c->store, kind, find_stale, &s);
	json_array_foreach(stale, i, name) {
		store_record_delete(c->store, kind, json_string_value(name));
		if (s.pins)
			core_event(c, "trust", 0,
				   json_pack("{s:O, s:s}", "device", (json_t *)name, "action", "dropped"));
	}
}

void trust_settle(struct core *c, const struct model *m)
{
	settle(c, m, pinned_kind);
	settle(c, m, shown_kind);
}

static const struct device *named(struct core *c, struct answer *a, const char *name)
{
	const struct device *d = model_device(c->model, name);
	struct error err = { 0 };

	if (d)
		return d;
	error_set(&err, ERROR_NOT_FOUND, "there is no device `%s`", name);
	answer_error(c, a, &err);
	return NULL;
}

static void answer_trust(struct core *c, struct answer *a, const struct device *d, const struct error *err)
{
	json_t *body = trust_json(c, d);

	json_object_set_new(body, "device", json_string(d->name));
	json_object_set_new(body, "error",
			    err ? json_pack("{s:s, s:s}", "code", error_name(err->code), "text", err->text) : json_null());
	core_answer(c, a, 200, body, NULL);
}

struct asking {
	struct core *core;
	struct answer *answer;
	char device[];
};

static void on_asked(void *arg, const struct op_result *r)
{
	struct asking *q = arg;
	const struct device *d = named(q->core, q->answer, q->device);

	if (d && r->document)
		trust_held(q->core, d);
	if (d)
		answer_trust(q->core, q->answer, d, r->document ? NULL : &r->error);
	free(q);
}

/* The device is asked first, so that what is shown is what it shows now. */
void service_trust_get(struct core *c, struct answer *a, const char *name)
{
	const struct device *d = named(c, a, name);
	json_auto_t *objects = d ? dull_objects(d) : NULL;
	struct asking *q;

	if (!d)
		return;
	q = xcalloc(1, sizeof(*q) + strlen(name) + 1);
	q->core = c;
	q->answer = a;
	strcpy(q->device, name);
	dispatch_observe(c->dispatch, name, objects, ASK_MS, on_asked, q);
	core_turn_soon(c);
}

/* Whether the device showed the key that is to be pinned, and the site file does not say otherwise. */
static int check_wish(const struct device *d, const json_t *body, const json_t *shown, enum trust_state state,
		      struct error *err)
{
	const char *presented = json_str(shown, "fingerprint", NULL), *given = json_str(body, "fingerprint", NULL);
	char wish[FINGERPRINT_TEXT];

	if (given && !fingerprint_parse(given, wish))
		return error_set(err, ERROR_USAGE, "`fingerprint` must be SHA256: and 43 letters of base64");
	if (!given && !json_bool(body, "first_use", false))
		return error_set(err, ERROR_USAGE, "give `fingerprint`, or `first_use` to trust whatever it shows");
	if (!presented) {
		error_set(err, ERROR_CONFLICT, "%s has shown no key yet", d->name);
		return error_hint(err, "Ask it first: persona device trust %s; a device without TLS or SSH has none.", d->name);
	}
	if (given && strcmp(wish, presented) != 0)
		return error_set(err, ERROR_CONFLICT, "%s shows %s, not %s; nothing was pinned", d->name, presented, wish);
	if (!given && state == TRUST_MISMATCH)
		return error_set(err, ERROR_CONFLICT, "another key of %s is pinned already: this is not its first use", d->name);
	if (d->pin && strcmp(d->pin, presented) != 0) {
		error_set(err, ERROR_CONFLICT, "the site file pins %s for %s, which shows %s", d->pin, d->name, presented);
		return error_hint(err, "Change `pin` in the site file and define it again.");
	}
	return 0;
}

void service_trust_put(struct core *c, struct answer *a, const char *name, const json_t *body)
{
	const struct device *d = named(c, a, name);
	json_auto_t *shown = NULL, *record = NULL;
	struct error err = { 0 };

	if (!d)
		return;
	shown = shown_json(c, d);
	if (trust_state(c, d) == TRUST_PINNED && json_is_null(shown))
		shown = pinned_json(c, d); /* it was never seen with another one */
	if (check_wish(d, body, shown, trust_state(c, d), &err)) {
		answer_error(c, a, &err);
		return;
	}
	record = json_pack("{s:s, s:s, s:s, s:I, s:s}", "kind", json_str(shown, "kind", "tls"), "algorithm",
			   json_str(shown, "algorithm", ""), "fingerprint", json_str(shown, "fingerprint", ""), "since",
			   (json_int_t)env_wall(c->env), "by", a->caller.name);
	put_record(c, pinned_kind, d, record);
	core_event(c, "trust", 0,
		   json_pack("{s:s, s:s, s:s, s:s}", "device", name, "action", "pinned", "pinned",
			     json_str(record, "fingerprint", ""), "by", a->caller.name));
	dispatch_refresh(c->dispatch);
	answer_trust(c, a, d, NULL);
}

void service_trust_delete(struct core *c, struct answer *a, const char *name)
{
	const struct device *d = named(c, a, name);
	json_auto_t *record = d ? record_of(c, pinned_kind, d) : NULL;
	struct error err = { 0 };

	if (!d)
		return;
	if (d->pin)
		error_set(&err, ERROR_CONFLICT, "the key of %s is pinned in the site file: remove `pin` there", name);
	else if (!record)
		error_set(&err, ERROR_NOT_FOUND, "no key of %s is pinned", name);
	if (err.code) {
		answer_error(c, a, &err);
		return;
	}
	store_set_time(c->store, env_wall(c->env));
	store_record_delete(c->store, pinned_kind, name);
	core_event(c, "trust", 0, json_pack("{s:s, s:s, s:s}", "device", name, "action", "forgotten", "by", a->caller.name));
	dispatch_refresh(c->dispatch);
	answer_trust(c, a, d, NULL);
}
