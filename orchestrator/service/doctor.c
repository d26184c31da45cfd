/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The doctor: the controller's own files and certificates, the site, and every device, which is read and, where its
 * driver can tell, asked how safe it is.  One answer when the last device has answered; what was found is sorted, so
 * that two examinations can be compared.
 */
#include "doctor.h"
#include "trust.h"

#include "json.h"

#include <stdlib.h>
#include <string.h>

enum { READ_MS = 8000, SECURITY_MS = 15000 };

struct examination {
	struct core *core;
	struct answer *answer;
	json_t *checks;
	size_t left;
	int ok, warn, fail;
};

struct patient {
	struct examination *examination;
	char device[];
};

void doctor_note(struct examination *x, const struct finding *f)
{
	json_array_append_new(x->checks,
			      json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "group", f->group, "name", f->name, "object",
					f->object, "state", f->state, "text", f->text, "hint", f->hint ? f->hint : ""));
	if (!strcmp(f->state, "fail"))
		x->fail++;
	else if (!strcmp(f->state, "warn"))
		x->warn++;
	else
		x->ok++;
}

static void note_own(void *x, const struct finding *f)
{
	doctor_note(x, f);
}

static int by_group(const void *a, const void *b)
{
	static const char *const keys[] = { "group", "object", "name", "text" };
	const json_t *one = *(json_t *const *)a, *other = *(json_t *const *)b;
	int order = 0;
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]) && !order; i++)
		order = strcmp(json_str(one, keys[i], ""), json_str(other, keys[i], ""));
	return order;
}

/* Steals @checks. */
static json_t *sorted(json_t *checks)
{
	size_t n = json_array_size(checks), i;
	json_t **rows = xcalloc(n + 1, sizeof(*rows)), *out = json_array();

	for (i = 0; i < n; i++)
		rows[i] = json_array_get(checks, i);
	qsort(rows, n, sizeof(*rows), by_group);
	for (i = 0; i < n; i++)
		json_array_append(out, rows[i]);
	free(rows);
	json_decref(checks);
	return out;
}

static void examined(struct examination *x)
{
	if (--x->left)
		return;
	core_answer(x->core, x->answer, 200,
		    json_pack("{s:b, s:{s:i, s:i, s:i}, s:o}", "ok", !x->fail, "counts", "ok", x->ok, "warn", x->warn, "fail",
			      x->fail, "checks", sorted(x->checks)),
		    NULL);
	free(x);
}

static void done_with(struct patient *p)
{
	examined(p->examination);
	free(p);
}

static void on_security(void *arg, const struct op_result *r)
{
	struct patient *p = arg;
	struct core *c = p->examination->core;
	const struct device *d = model_device(c->model, p->device);

	if (d && r->document)
		doctor_security(p->examination, c, d, json_object_get(r->document, "security"));
	else if (d)
		doctor_note(p->examination, &(struct finding){ "devices", "security", p->device, "warn", r->error.text,
							       "How safe it is could not be found out." });
	done_with(p);
}

static void note_answer(struct examination *x, const char *device, const struct op_result *r)
{
	struct finding f = { "devices", "device", device, "ok", "answers", "" };

	if (!r->document) {
		f.state = "fail";
		f.text = r->error.text;
		f.hint = r->error.hint[0] ? r->error.hint : error_advice(r->error.code);
	}
	doctor_note(x, &f);
}

static void on_patient(void *arg, const struct op_result *r)
{
	struct patient *p = arg;
	struct core *c = p->examination->core;
	const struct device *d = model_device(c->model, p->device);
	json_auto_t *objects = NULL;

	if (d && r->document)
		trust_held(c, d);
	/* One that showed a wrong key is told of once, by its key. */
	if (r->error.code != ERROR_UNTRUSTED)
		note_answer(p->examination, p->device, r);
	if (d)
		doctor_trust(p->examination, c, d);
	if (!d || !r->document || !dispatch_can(c->dispatch, p->device, "security")) {
		done_with(p);
		return;
	}
	objects = json_pack("[s]", "security");
	dispatch_observe(c->dispatch, p->device, objects, SECURITY_MS, on_security, p);
	core_turn_soon(c);
}

static void examine_device(struct examination *x, const struct device *d)
{
	struct patient *p = xcalloc(1, sizeof(*p) + strlen(d->name) + 1);
	json_auto_t *objects = dull_objects(d);

	p->examination = x;
	memcpy(p->device, d->name, strlen(d->name) + 1);
	x->left++;
	dispatch_observe(x->core->dispatch, d->name, objects, READ_MS, on_patient, p);
}

static void examine_site(struct examination *x)
{
	const struct core *c = x->core;
	const struct machine *m;
	const char *reason;
	size_t i;

	if (!c->model->site[0])
		doctor_note(x, &(struct finding){ "site", "site", "", "warn", "no site is defined",
						  "Define one: persona define -f site.yaml" });
	for (i = 0; (m = model_at(c->model, KIND_MACHINE, i)); i++) {
		reason = roster_quarantine(c->roster, m->name);
		if (reason)
			doctor_note(x, &(struct finding){ "site", "machine", m->name, "warn", reason,
							  "It is quarantined; repair it, then `persona machine return`." });
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
	x->left = 1;
	if (c->config.examine)
		c->config.examine(c->config.examine_arg, note_own, x);
	examine_site(x);
	for (i = 0; (d = model_device_at(c->model, i)); i++)
		examine_device(x, d);
	core_turn_soon(c);
	examined(x);
}
