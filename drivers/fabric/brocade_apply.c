/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Apply.  See brocade.h.  All that is needed is read before anything is written, so that a switch that does not answer fails the
 * request as a whole; then come logins, ports and zones, each with its own results.
 */
#include "brocade.h"

#include "arena.h"
#include "clock.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REPLY_RESERVE_MS = 60, SETTLE_MS = 1500, LOOK_AGAIN_MS = 150, PORT_AGAIN_MS = 200 };

/* One change, as it was understood. */
struct item {
	struct driver_change *c; /* NULL: it makes no sense, and says so already */
	enum fabric_kind kind;
	const char *name;
	struct zone_wish *zone;
	bool enabled;
	bool valid;	 /* it makes sense */
	bool stands;	 /* its result is still to come */
	bool superseded; /* a later change is of the same zone: its result is ours */
};

struct batch {
	struct fos_lane *lane;
	struct item *items;
	size_t n;
	int64_t deadline;
	struct fos_view view;
};

static void fail(const struct batch *b, struct item *it, enum change_status status, const struct error *why)
{
	struct error err = *why;

	error_wrap(&err, "%s", b->lane->fos->name);
	if (status == CHANGE_AGAIN)
		change_waits(it->c, FOS_AGAIN_MS, &err);
	else
		change_failed(it->c, status, &err);
	it->stands = false;
}

static int understand(struct item *it, struct error *err)
{
	char name[ZONE_NAME_SIZE];

	if (fabric_object(it->c->object, &it->kind, &it->name, err))
		return -1;
	switch (it->kind) {
	case FABRIC_ZONE:
		it->zone = xcalloc(1, sizeof(*it->zone));
		return zone_wish_parse(it->zone, it->c, err) || zone_name(it->name, it->zone->exists ? it->zone->generation : 1, name, err);
	case FABRIC_PORT:
		return fabric_port_wish_parse(&it->enabled, it->c, err);
	case FABRIC_LOGIN:
		return login_wish_check(it->c, err);
	case FABRIC_CONFIG:
	case FABRIC_LOCK:
	case FABRIC_CAPACITY:
		break;
	}
	return error_set(err, ERROR_INVALID, "%s can only be read", it->c->object);
}

/* Of several wishes for one zone the last one counts. */
static void supersede(struct batch *b)
{
	json_auto_t *later = json_object();
	size_t i;

	for (i = b->n; i-- > 0;) {
		struct item *it = &b->items[i];

		if (!it->stands || it->kind != FABRIC_ZONE)
			continue;
		it->superseded = json_object_get(later, it->name) != NULL;
		json_object_set_new(later, it->name, json_true());
	}
}

/* What has to be read for all changes that make sense; fails the others. */
static unsigned understand_all(struct batch *b, struct driver_change *changes)
{
	static const unsigned reads[] = { [FABRIC_ZONE] = FOS_READ_ZONES | FOS_READ_LOCK,
					  [FABRIC_PORT] = FOS_READ_PORTS | FOS_READ_LOGINS,
					  [FABRIC_LOGIN] = FOS_READ_LOGINS };
	unsigned what = 0;
	size_t i;

	for (i = 0; i < b->n; i++) {
		struct item *it = &b->items[i];
		struct error err = { 0 };

		*it = (struct item){ .c = &changes[i], .stands = true };
		it->valid = !understand(it, &err);
		if (it->valid)
			what |= reads[it->kind];
		else
			fail(b, it, CHANGE_NOT_APPLIED, &err);
	}
	supersede(b);
	return what;
}

static void fail_standing(struct batch *b, enum change_status status, const struct error *err)
{
	size_t i;

	for (i = 0; i < b->n; i++)
		if (b->items[i].stands)
			fail(b, &b->items[i], status, err);
}

/* --- logins --- */

static void prove_logins(struct batch *b)
{
	struct error err = { 0 };
	size_t i;

	for (i = 0; i < b->n; i++) {
		struct item *it = &b->items[i];
		const json_t *login;

		if (!it->stands || it->kind != FABRIC_LOGIN)
			continue;
		login = json_object_get(b->view.logins, it->name);
		if (login) {
			error_set(&err, ERROR_BUSY, "%s is still logged in at port %s", it->name, json_str(login, "port", ""));
			fail(b, it, CHANGE_AGAIN, &err);
			continue;
		}
		change_done(it->c, false, fos_login_document(&b->view, it->name));
		it->stands = false;
	}
}

/* --- ports --- */

static bool is_occupied(const struct fos_view *view, const json_t *port)
{
	json_t *login;
	const char *wwpn;

	json_object_foreach(view->logins, wwpn, login)
		if (fos_port(view, json_str(login, "port", "")) == port)
			return true;
	return false;
}

static json_t *port_body(const json_t *port, bool enabled)
{
	json_t *body = json_pack("{s:s, s:i}", "name", json_str(port, "wire", ""), "persistent-disable", !enabled);

	if (json_bool(port, "by_state", false)) /* before 9.0 */
		json_object_set_new(body, "enabled-state", json_integer(enabled ? 2 : 6));
	else
		json_object_set_new(body, "is-enabled-state", json_boolean(enabled));
	return body;
}

/* The bodies of all ports that differ. */
static json_t *port_changes(struct batch *b)
{
	json_t *bodies = json_array();
	struct error err = { 0 };
	size_t i;

	for (i = 0; i < b->n; i++) {
		struct item *it = &b->items[i];
		const json_t *port = it->stands && it->kind == FABRIC_PORT ? fos_port(&b->view, it->name) : NULL;

		if (!it->stands || it->kind != FABRIC_PORT)
			continue;
		if (!port) {
			error_set(&err, ERROR_REFUSED, "there is no port %s", it->name);
			fail(b, it, CHANGE_NOT_APPLIED, &err);
			continue;
		}
		it->c->changed = json_bool(port, "enabled", false) != it->enabled;
		if (it->c->changed)
			json_array_append_new(bodies, port_body(port, it->enabled));
	}
	return bodies;
}

static void fail_ports(struct batch *b, const struct error *err, bool certain)
{
	enum change_status status = err->code == ERROR_BUSY && certain ? CHANGE_AGAIN : certain ? CHANGE_NOT_APPLIED : CHANGE_UNKNOWN;
	size_t i;

	for (i = 0; i < b->n; i++)
		if (b->items[i].stands && b->items[i].kind == FABRIC_PORT)
			fail(b, &b->items[i], status, err);
}

/* Off is proved when nobody is logged in there any more. */
static void settle_ports(struct batch *b, const struct fos_view *now)
{
	size_t i;

	for (i = 0; i < b->n; i++) {
		struct item *it = &b->items[i];
		const json_t *port = it->stands && it->kind == FABRIC_PORT ? fos_port(now, it->name) : NULL;

		if (!it->stands || it->kind != FABRIC_PORT)
			continue;
		if (!port || json_bool(port, "enabled", false) != it->enabled || (!it->enabled && is_occupied(now, port)))
			change_again(it->c, PORT_AGAIN_MS);
		else
			change_done(it->c, it->c->changed, fos_port_document(now, it->name));
		it->stands = false;
	}
}

static void set_ports(struct batch *b)
{
	json_auto_t *bodies = port_changes(b), *body = json_pack("{s:O}", "fibrechannel", bodies);
	struct fos_ask ask = { .method = "PATCH", .what = "brocade-interface/fibrechannel", .body = body };
	struct error err = { 0 };
	struct fos_view now;

	if (!json_array_size(bodies)) {
		settle_ports(b, &b->view);
		return;
	}
	if (fos_call(b->lane, &ask, NULL, b->deadline, &err))
		fail_ports(b, &err, err.code == ERROR_REFUSED || err.code == ERROR_BUSY);
	else if (fos_read(b->lane, &now, FOS_READ_PORTS | FOS_READ_LOGINS, b->deadline, &err))
		fail_ports(b, &err, false);
	else {
		settle_ports(b, &now);
		fos_view_fini(&now);
	}
}

/* --- zones --- */

static bool is_zone(const struct item *it)
{
	return it->stands && it->kind == FABRIC_ZONE && !it->superseded;
}

static void plan_zones(struct batch *b, struct fos_plan *plan, const struct fos_view *view, const char *cfg)
{
	size_t i;

	fos_plan_init(plan);
	for (i = 0; i < b->n; i++) {
		struct item *it = &b->items[i];
		struct error err = { 0 };

		if (is_zone(it) &&
		    fos_plan_zone(plan, view, cfg, it->name, it->zone, b->lane->fos->peer, &err))
			fail(b, it, CHANGE_NOT_APPLIED, &err);
	}
}

static bool is_dirty(const struct fos_plan *plan, const struct item *it)
{
	return json_object_get(plan->dirty, it->name) != NULL;
}

/* The zones that differ end so, those that do not are done. */
static void end_zones(struct batch *b, const struct fos_plan *plan, enum change_status status, const struct error *err)
{
	size_t i;

	for (i = 0; i < b->n; i++) {
		struct item *it = &b->items[i];

		if (!is_zone(it))
			continue;
		if (is_dirty(plan, it)) {
			fail(b, it, status, err);
			continue;
		}
		change_done(it->c, false, fos_zone_document(&b->view, it->name));
		it->stands = false;
	}
}

/* Why nothing can be put in force here, whoever waits for it. */
static int check_config(const struct batch *b, const char *cfg, struct error *err)
{
	const struct fos_view *v = &b->view;

	if (!*v->config) {
		error_set(err, ERROR_REFUSED, "no zone configuration is in force");
		return error_hint(err, "Make one on the switch with a zone of your own, and enable it.");
	}
	if (v->default_all) {
		error_set(err, ERROR_REFUSED, "its default zone lets everybody see everybody");
		return error_hint(err, "Set it on the switch: defzone --noaccess, then cfgsave.");
	}
	if (strcmp(cfg, v->config) != 0) {
		error_set(err, ERROR_REFUSED, "configuration %s is not in force, %s is", cfg, v->config);
		return error_hint(err, "Enable it on the switch, or correct `cfg` of %s in the site file.", b->lane->fos->name);
	}
	return 0;
}

static void refuse_zones(struct batch *b, const struct fos_plan *plan, const struct error *err)
{
	size_t i;

	for (i = 0; i < b->n; i++)
		if (is_zone(&b->items[i]) && b->items[i].zone->exists)
			fail(b, &b->items[i], CHANGE_NOT_APPLIED, err);
	end_zones(b, plan, CHANGE_NOT_APPLIED, err);
}

/* Whom the switch has us wait for. */
static int check_others(const struct batch *b, const char *cfg, struct error *err)
{
	const struct fos_lock *lock = &b->view.lock;
	const char *staged = fos_staged(&b->view, cfg);

	if (lock->held && !fos_lock_is_ours(b->lane, lock))
		return error_set(err, ERROR_BUSY, "it is locked by %s from %s, %lld s left", lock->user, lock->from,
				 (long long)lock->seconds);
	if (b->view.token && !lock->held) {
		error_set(err, ERROR_BUSY, "somebody has zone changes open that are not saved");
		return error_hint(err, "See whose they are on the switch: cfgtransshow.");
	}
	if (!staged)
		return 0;
	error_set(err, ERROR_BUSY, "somebody has saved changes of zone %s that are not in force: an activation would take them along", staged);
	return error_hint(err, "Enable them on the switch, or take them back.");
}

static void look_again(struct batch *b, const struct fos_plan *first, const struct fos_view *now, const struct fos_plan *plan)
{
	size_t i;

	for (i = 0; i < b->n; i++) {
		struct item *it = &b->items[i];

		if (!is_zone(it) || is_dirty(plan, it))
			continue;
		change_done(it->c, is_dirty(first, it), fos_zone_document(now, it->name));
		it->stands = false;
	}
}

static bool zones_stand(const struct batch *b)
{
	size_t i;

	for (i = 0; i < b->n; i++)
		if (is_zone(&b->items[i]))
			return true;
	return false;
}

/* -1: it could not be read any more. */
static int read_back(struct batch *b, const struct fos_plan *first, const char *cfg, struct error *err)
{
	struct fos_plan plan;
	struct fos_view now;

	if (fos_read(b->lane, &now, FOS_READ_ZONES, b->deadline, err))
		return -1;
	plan_zones(b, &plan, &now, cfg);
	look_again(b, first, &now, &plan);
	fos_plan_fini(&plan);
	fos_view_fini(&now);
	return 0;
}

static void settle_zones(struct batch *b, const struct fos_plan *first, const char *cfg, int64_t serial)
{
	int64_t until = clock_mono_ms() + SETTLE_MS;
	struct timespec pause = { 0, LOOK_AGAIN_MS * 1000000L };
	struct error err = { 0 };

	until = until < b->deadline ? until : b->deadline;
	while (!read_back(b, first, cfg, &err) && zones_stand(b) && clock_mono_ms() + LOOK_AGAIN_MS < until)
		nanosleep(&pause, NULL);
	if (!zones_stand(b))
		return;
	if (!err.code) {
		error_set(&err, ERROR_REFUSED, "it accepted the change of its zones, which is not in force all the same");
		fos_abort(b->lane, serial, b->deadline, NULL);
	}
	end_zones(b, first, CHANGE_UNKNOWN, &err);
}

static void write_zones(struct batch *b, const struct fos_plan *plan, const char *cfg)
{
	static const enum change_status status[] = { [FOS_WAIT] = CHANGE_AGAIN, [FOS_NOT_DONE] = CHANGE_NOT_APPLIED,
						     [FOS_UNKNOWN] = CHANGE_UNKNOWN };
	struct error err = { 0 };
	enum fos_outcome outcome = fos_commit(b->lane, plan, &b->view, cfg, b->deadline, &err);

	if (outcome == FOS_COMMITTED)
		settle_zones(b, plan, cfg, fos_serial(b->lane->fos));
	else
		end_zones(b, plan, status[outcome], &err);
}

static void change_zones(struct batch *b)
{
	const char *cfg = b->lane->fos->cfg ? b->lane->fos->cfg : b->view.config;
	struct error err = { 0 };
	struct fos_plan plan;

	plan_zones(b, &plan, &b->view, cfg);
	if (check_config(b, cfg, &err)) {
		refuse_zones(b, &plan, &err);
	} else if (!plan.differs) {
		end_zones(b, &plan, CHANGE_NOT_APPLIED, &err);
	} else if (check_others(b, cfg, &err)) {
		end_zones(b, &plan, CHANGE_AGAIN, &err);
	} else if (fos_plan_empties(&plan, &b->view, cfg)) {
		error_set(&err, ERROR_REFUSED, "configuration %s would have no zone left", cfg);
		error_hint(&err, "Put a zone of your own into it on the switch.");
		end_zones(b, &plan, CHANGE_NOT_APPLIED, &err);
	} else {
		write_zones(b, &plan, cfg);
	}
	fos_plan_fini(&plan);
}

/* --- all of it --- */

/* What a driver that was killed has left open is ours to take back; then all is read once more. */
static int read_all(struct batch *b, unsigned what, struct error *err)
{
	if (fos_read(b->lane, &b->view, what, b->deadline, err))
		return -1;
	if (!fos_lock_is_ours(b->lane, &b->view.lock))
		return 0;
	fos_view_fini(&b->view);
	return fos_abort(b->lane, 0, b->deadline, err) || fos_read(b->lane, &b->view, what, b->deadline, err) ? -1 : 0;
}

static int work(struct batch *b, unsigned what, struct error *err)
{
	if (read_all(b, what, err)) {
		if (err->code != ERROR_BUSY)
			return error_wrap(err, "%s", b->lane->fos->name);
		fail_standing(b, CHANGE_AGAIN, err);
		return 0;
	}
	prove_logins(b);
	set_ports(b);
	if (zones_stand(b))
		change_zones(b);
	fos_view_fini(&b->view);
	return 0;
}

static void copy_result(struct driver_change *to, const struct driver_change *from)
{
	to->status = from->status;
	to->changed = from->changed;
	to->after_ms = from->after_ms;
	to->error = from->error;
}

static void share_results(struct batch *b)
{
	size_t i, k;

	for (i = 0; i < b->n; i++)
		for (k = i + 1; b->items[i].superseded && k < b->n; k++)
			if (b->items[k].zone && b->items[k].valid && !b->items[k].superseded && !strcmp(b->items[k].name, b->items[i].name))
				copy_result(b->items[i].c, b->items[k].c);
}

/* Zone changes of both lanes are one transaction after the other. */
static int run(struct batch *b, unsigned what, struct error *err)
{
	int rc;

	if (!(what & FOS_READ_ZONES))
		return work(b, what, err);
	if (driver_lock(&b->lane->fos->zoning, b->deadline, err))
		return error_wrap(err, "%s: another change of its zones takes long", b->lane->fos->name);
	rc = work(b, what, err);
	pthread_mutex_unlock(&b->lane->fos->zoning);
	return rc;
}

int fos_apply(struct fos_lane *lane, const struct driver_call *call, struct driver_change *changes, size_t n, struct error *err)
{
	struct batch b = { .lane = lane, .items = xcalloc(n + 1, sizeof(*b.items)), .n = n,
			   .deadline = call->deadline_ms - REPLY_RESERVE_MS };
	unsigned what = understand_all(&b, changes);
	int rc = what ? run(&b, what, err) : 0;
	size_t i;

	share_results(&b);
	for (i = 0; i < n; i++)
		free(b.items[i].zone);
	free(b.items);
	return rc;
}
