/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The password of a device is changed, on the device and here.  Both cannot happen at once, so the new one is durable
 * before the device hears of it, as secret next/NAME, with a record that says so; it takes the old one's place when the
 * device has it.  Whatever is not certain is settled by logging in: with the old password, and when that is refused with
 * the new one.  A rotation that was begun goes on after a restart, and with each further wish for it, to the same new
 * password, until it is done.
 */
#include "core.h"

#include "json.h"
#include "log.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

/* IPMI takes 16 bytes from every BMC, 20 only from some. */
enum { PASSWORD_CHARS = 16, ASK_MS = 20000, TRIES = 3, LATER_MS = 60000, SOON_MS = 500 };

struct rotation {
	struct rotation *next;
	struct core *core;
	struct answer *answer; /* NULL: it goes on by itself, or has answered */
	char secret[64], device[128];
	bool swapped; /* the new one stands under the name, and the old one as next/NAME */
	int tries;
	struct env_timer *timer; /* until it is tried again */
};

static char *next_of(const char *secret)
{
	return xasprintf("next/%s", secret);
}

static struct rotation *find(struct core *c, const char *secret)
{
	struct rotation *r = c->rotations;

	while (r && strcmp(r->secret, secret) != 0)
		r = r->next;
	return r;
}

static struct rotation *begin(struct core *c, const char *secret, const char *device)
{
	struct rotation *r = xcalloc(1, sizeof(*r));

	r->core = c;
	snprintf(r->secret, sizeof(r->secret), "%s", secret);
	snprintf(r->device, sizeof(r->device), "%s", device);
	r->next = c->rotations;
	c->rotations = r;
	return r;
}

static void forget(struct rotation *r)
{
	struct rotation **at = &r->core->rotations;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	env_cancel(r->core->env, r->timer);
	free(r);
}

static void answer_with(struct rotation *r, const struct error *err)
{
	struct answer *a = r->answer;

	r->answer = NULL;
	if (!a)
		return;
	if (err)
		answer_error(r->core, a, err);
	else
		core_answer(r->core, a, 200, json_pack("{s:s, s:s}", "name", r->secret, "device", r->device), NULL);
}

static void event(struct rotation *r, const char *action)
{
	core_event(r->core, "secret", 0, json_pack("{s:s, s:s, s:s}", "name", r->secret, "action", action, "device", r->device));
}

/* The secret under its name is the device's; the other one means nothing any more. */
static void end(struct rotation *r, const struct error *why_not)
{
	char *next = next_of(r->secret);

	store_set_time(r->core->store, env_wall(r->core->env));
	store_secret_delete(r->core->store, next);
	store_record_delete(r->core->store, "rotation", r->secret);
	event(r, why_not ? "not rotated" : "rotated");
	log_info("secret", "%s %s on %s", r->secret, why_not ? "stays as it was" : "was changed", r->device);
	answer_with(r, why_not);
	free(next);
	forget(r);
}

static void put_record(struct core *c, const char *secret, const char *device, bool swapped)
{
	json_t *doc = json_pack("{s:s, s:b}", "device", device, "swapped", swapped);

	store_record_put(c->store, "rotation", secret, doc);
	json_decref(doc);
}

/* The two change places. */
static int swap(struct rotation *r, struct error *err)
{
	struct store *s = r->core->store;
	char *name = next_of(r->secret);
	struct secret *old = store_secret_get(s, r->secret, err), *new = old ? store_secret_get(s, name, err) : NULL;
	int rc = -1;

	store_set_time(s, env_wall(r->core->env));
	if (new && store_secret_put(s, r->secret, new, err) == 0 && store_secret_put(s, name, old, err) == 0) {
		put_record(r->core, r->secret, r->device, !r->swapped);
		rc = core_commit(r->core, err);
	}
	if (rc == 0) {
		r->swapped = !r->swapped;
		dispatch_refresh(r->core->dispatch);
	}
	secret_destroy(old);
	secret_destroy(new);
	free(name);
	return rc;
}

static void tell(struct rotation *r);
static void probe(struct rotation *r);

static void on_timer(void *arg)
{
	struct rotation *r = arg;

	r->timer = NULL;
	r->tries = 0;
	probe(r);
}

/* Nothing is certain: both stay, and it is tried again. */
static void later(struct rotation *r, const struct error *err)
{
	struct error told = *err;

	error_wrap(&told, "whether %s has its new password is not certain yet", r->device);
	error_hint(&told, "Both are kept and it is tried again every minute; `persona secret rotate %s` tries at once.", r->secret);
	log_warn("secret", "%s", told.text);
	answer_with(r, &told);
	if (!r->timer)
		r->timer = env_after(r->core->env, LATER_MS, on_timer, r);
}

/* It was logged in anew with the secret under the name. */
static void on_probed(void *arg, const struct op_result *result)
{
	struct rotation *r = arg;
	struct error err = result->error;
	bool in = result->outcome == OP_DONE && !err.code;

	if (in && r->swapped)
		end(r, NULL);
	else if (in && ++r->tries < TRIES)
		tell(r);
	else if (in)
		later(r, &(struct error){ .code = ERROR_REFUSED, .text = "the device keeps the old one" });
	else if (err.code != ERROR_AUTH)
		later(r, &err);
	else if (r->swapped) /* neither: who has the device must say */
		swap(r, &err), later(r, &err);
	else if (swap(r, &err) == 0)
		probe(r);
	else
		later(r, &err);
}

static void probe(struct rotation *r)
{
	json_t *objects = json_pack("[s]", "power");

	dispatch_refresh(r->core->dispatch); /* a session that is open proves nothing */
	dispatch_observe(r->core->dispatch, r->device, objects, ASK_MS, on_probed, r);
	json_decref(objects);
	core_turn_soon(r->core);
}

static void on_told(void *arg, const struct op_result *result)
{
	struct rotation *r = arg;
	struct error err = result->error;

	if (result->outcome == OP_DONE && swap(r, &err) == 0)
		end(r, NULL);
	else if (result->outcome == OP_NOT_APPLIED && err.code != ERROR_AUTH && err.code != ERROR_UNREACHABLE)
		end(r, &err);
	else if (result->outcome == OP_NOT_APPLIED && err.code == ERROR_UNREACHABLE)
		later(r, &err);
	else
		probe(r);
}

/* Have the driver give the device the password of next/NAME. */
static void tell(struct rotation *r)
{
	char *name = next_of(r->secret);
	struct error err = { 0 };
	struct secret *new = store_secret_get(r->core->store, name, &err);
	json_t *change;

	free(name);
	if (!new) {
		later(r, &err);
		return;
	}
	change = json_pack("{s:s, s:{s:s}}", "object", "credential", "set", "password", secret_reveal(new));
	secret_destroy(new);
	dispatch_apply(r->core->dispatch, r->device, change, false, ASK_MS, on_told, r);
	json_decref(change);
	core_turn_soon(r->core);
}

/* The one device that uses the secret. */
static const char *device_of(struct core *c, const char *secret, struct error *err)
{
	const struct device *d, *found = NULL;
	int n = 0;
	size_t i;

	for (i = 0; (d = model_device_at(c->model, i)); i++)
		if (d->secret && !strcmp(d->secret, secret))
			found = d, n++;
	if (n == 1 && found->cls == CLASS_BMC)
		return found->name;
	if (n == 0)
		error_set(err, ERROR_CONFLICT, "no device uses the secret `%s`", secret);
	else if (n == 1)
		error_set(err, ERROR_CONFLICT, "%s is a %s; so far only the passwords of BMCs can be changed", found->name, class_name(found->cls));
	else
		error_set(err, ERROR_CONFLICT, "%d devices use the secret `%s`", n, secret);
	if (n == 0 || n == 1)
		error_hint(err, "Change it there and say so: persona secret set %s", secret);
	else
		error_hint(err, "Give each a secret of its own in the site file first.");
	return NULL;
}

/* The new password and the record, durable before the device hears of it. */
static int prepare(struct core *c, const char *secret, const char *device, struct error *err)
{
	uint16_t words[PASSWORD_CHARS];
	char *name = next_of(secret);
	struct secret *new;

	env_random(c->env, words, sizeof(words));
	new = secret_from_random(words, PASSWORD_CHARS);
	secret_wipe(words, sizeof(words));
	store_set_time(c->store, env_wall(c->env));
	store_secret_put(c->store, name, new, err);
	put_record(c, secret, device, false);
	secret_destroy(new);
	free(name);
	return core_commit(c, err);
}

void service_secret_rotate(struct core *c, struct answer *a, const char *name)
{
	json_auto_t *begun = store_record_get(c->store, "rotation", name);
	struct rotation *r = find(c, name);
	struct error err = { 0 };
	struct secret *now = store_secret_get(c->store, name, &err);
	const char *device = now ? device_of(c, name, &err) : NULL;

	secret_destroy(now);
	if (device && r && !r->timer)
		error_set(&err, ERROR_CONFLICT, "the password of %s is being changed at this moment", device);
	if (err.code || (!begun && prepare(c, name, device, &err) < 0)) {
		answer_error(c, a, &err);
		return;
	}
	if (!r) {
		r = begin(c, name, device);
		r->swapped = json_bool(begun, "swapped", false);
	}
	env_cancel(c->env, r->timer);
	r->timer = NULL;
	r->answer = a;
	r->tries = 0;
	if (begun)
		probe(r);
	else
		tell(r);
}

static void take_up(void *arg, const char *key, json_t *doc)
{
	struct core *c = arg;
	struct rotation *r;

	if (find(c, key))
		return;
	r = begin(c, key, json_str(doc, "device", ""));
	r->swapped = json_bool(doc, "swapped", false);
	r->timer = env_after(c->env, SOON_MS, on_timer, r);
}

void rotations_load(struct core *c)
{
	store_record_each(c->store, "rotation", take_up, c);
}

void rotations_drop(struct core *c)
{
	while (c->rotations)
		forget(c->rotations);
}

bool secret_is_rotating(struct core *c, const char *name)
{
	json_t *doc = store_record_get(c->store, "rotation", name);

	json_decref(doc);
	return doc != NULL;
}
