/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Secrets, backup and the doctor.
 */
#include "core.h"

#include "json.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DOCTOR_READ_MS = 8000 };

void service_secret_put(struct core *c, struct answer *a, const char *name, json_t *body)
{
	json_t *value = json_object_get(body, "value");
	struct error err = { 0 };
	struct secret *s;

	if (secret_is_rotating(c, name)) {
		error_set(&err, ERROR_CONFLICT, "the password of its device is being changed");
		error_hint(&err, "`persona secret rotate %s` brings it to an end.", name);
	} else if (!text_is_name(name)) {
		error_set(&err, ERROR_USAGE, "`%s` is not a name: 1 to 63 of a-z 0-9 - . _", name);
	} else if (!json_is_string(value) || !json_string_length(value)) {
		error_set(&err, ERROR_USAGE, "`value` must be text and not empty");
	} else {
		store_set_time(c->store, env_wall(c->env));
		s = secret_create(json_string_value(value), json_string_length(value));
		secret_wipe((char *)json_string_value(value), json_string_length(value));
		store_secret_put(c->store, name, s, &err);
		secret_destroy(s);
	}
	if (err.code) {
		answer_error(c, a, &err);
		return;
	}
	core_event(c, "secret", 0, json_pack("{s:s, s:s, s:s}", "name", name, "action", "set", "by", a->caller.name));
	dispatch_refresh(c->dispatch);
	core_answer(c, a, 200, json_pack("{s:s}", "name", name), NULL);
}

void service_secret_list(struct core *c, struct answer *a)
{
	json_t *items = store_secret_names(c->store), *item;
	size_t i;

	json_array_foreach(items, i, item)
		json_object_set_new(item, "rotating", json_boolean(secret_is_rotating(c, json_str(item, "name", ""))));
	core_answer(c, a, 200, json_pack("{s:o}", "items", items), NULL);
}

void service_secret_delete(struct core *c, struct answer *a, const char *name)
{
	struct error err = { 0 };

	store_set_time(c->store, env_wall(c->env));
	if (secret_is_rotating(c, name)) {
		error_set(&err, ERROR_CONFLICT, "the password of its device is being changed");
		error_hint(&err, "`persona secret rotate %s` brings it to an end.", name);
		answer_error(c, a, &err);
		return;
	}
	if (!text_is_name(name) || !store_secret_delete(c->store, name)) {
		error_set(&err, ERROR_NOT_FOUND, "there is no secret `%s`", name);
		answer_error(c, a, &err);
		return;
	}
	core_event(c, "secret", 0, json_pack("{s:s, s:s, s:s}", "name", name, "action", "deleted", "by", a->caller.name));
	core_answer(c, a, 200, json_pack("{s:s}", "name", name), NULL);
}

void service_backup(struct core *c, struct answer *a, const json_t *body)
{
	const char *path = json_str(body, "path", "");
	struct error err = { 0 };
	int64_t bytes = 0;

	if (core_commit(c, &err) < 0 || store_backup(c->store, path, &bytes, &err) < 0) {
		answer_error(c, a, &err);
		return;
	}
	core_answer(c, a, 200, json_pack("{s:s, s:I}", "path", path, "bytes", (json_int_t)bytes), NULL);
}

struct examination {
	struct core *core;
	struct answer *answer;
	json_t *checks;
	bool ok;
	size_t left;
};

struct patient {
	struct examination *examination;
	char device[];
};

static void note(struct examination *x, const char *name, const char *object, const char *state,
		 const char *text, const char *hint)
{
	json_array_append_new(x->checks, json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", name, "object", object, "state",
						   state, "text", text, "hint", hint));
	if (!strcmp(state, "fail"))
		x->ok = false;
}

static void examined(struct examination *x)
{
	if (--x->left)
		return;
	core_answer(x->core, x->answer, 200, json_pack("{s:b, s:o}", "ok", x->ok, "checks", x->checks), NULL);
	free(x);
}

static void on_patient(void *arg, const struct op_result *r)
{
	struct patient *p = arg;

	if (r->document)
		note(p->examination, "device", p->device, "ok", "answers", "");
	else
		note(p->examination, "device", p->device, "fail", r->error.text,
		     r->error.hint[0] ? r->error.hint : error_advice(r->error.code));
	examined(p->examination);
	free(p);
}

static void examine_device(struct examination *x, const struct device *d)
{
	struct patient *p = xcalloc(1, sizeof(*p) + strlen(d->name) + 1);
	/* A name that nobody uses: the answer is dull, but it comes from the device. */
	json_t *objects = json_pack("[s]", d->cls == CLASS_BMC	    ? "power"
					   : d->cls == CLASS_SWITCH ? "port:recast-doctor"
								    : "volume:recast-doctor");

	p->examination = x;
	memcpy(p->device, d->name, strlen(d->name) + 1);
	x->left++;
	dispatch_observe(x->core->dispatch, d->name, objects, DOCTOR_READ_MS, on_patient, p);
	json_decref(objects);
}

static void examine_files(struct examination *x)
{
	struct core *c = x->core;

	if (c->config.is_private(c->config.key_file))
		note(x, "key-file", c->config.key_file, "ok", "only its owner may read it", "");
	else
		note(x, "key-file", c->config.key_file, "fail", "it is missing or others may read it", "chmod 0400 it");
	if (c->config.is_private(c->config.database))
		note(x, "database", c->config.database, "ok", "only its owner may read it", "");
	else
		note(x, "database", c->config.database, "fail", "it is missing or others may read it", "chmod 0600 it");
	if (!c->model->site[0])
		note(x, "site", "", "warn", "no site is defined", "Define one: persona define -f site.yaml");
}

static void examine_machines(struct examination *x)
{
	const struct machine *m;
	const char *reason;
	size_t i;

	for (i = 0; (m = model_at(x->core->model, KIND_MACHINE, i)); i++) {
		reason = roster_quarantine(x->core->roster, m->name);
		if (reason)
			note(x, "machine", m->name, "warn", reason, "It is quarantined; repair it, then `persona machine return`.");
	}
}

void service_doctor(struct core *c, struct answer *a)
{
	struct examination *x = xcalloc(1, sizeof(*x));
	const struct device *d;
	size_t i;

	x->core = c;
	x->answer = a;
	x->checks = json_array();
	x->ok = true;
	x->left = 1;
	examine_files(x);
	examine_machines(x);
	for (i = 0; (d = model_device_at(c->model, i)); i++)
		examine_device(x, d);
	core_turn_soon(c);
	examined(x);
}
