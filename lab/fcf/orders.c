/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Orders.  A line is an object; the first key that names an order decides, the others are its parameters.  An order is
 * either carried out as a whole or refused with a sentence.  Called by control.c.
 */
#include "orders.h"

#include "clock.h"
#include "json.h"
#include "link.h"
#include "login.h"
#include "port.h"
#include "rscn.h"
#include "show.h"
#include "text.h"
#include "zone.h"

#include <string.h>

enum { FAULTS_MAX = 1000000, TIME_MAX_MS = 3600000, DELAY_MS = 500, FLAP_MS = 500 };

static const struct view {
	const char *name;
	json_t *(*show)(const struct fcf *fcf);
} views[] = {
	{ "fabric", show_fabric }, { "ports", show_ports },	  { "logins", show_logins }, { "names", show_names },
	{ "zones", show_zones },   { "counters", show_counters }, { "faults", show_faults },
};

static int order_show(struct fcf *fcf, const json_t *order, json_t *answer, struct error *err)
{
	const char *what = json_str(order, "show", "");

	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
		if (!strcmp(views[i].name, what)) {
			json_object_set_new(answer, what, views[i].show(fcf));
			return 0;
		}
	return error_set(err, ERROR_INVALID, "there is no \"%s\" to show", what);
}

/* Replaces all zones, then tells the ports whose sight changed. */
static int order_zones(struct fcf *fcf, const json_t *order, json_t *answer, struct error *err)
{
	struct zoneset *before = fcf->zones, *after = zoneset_read(json_object_get(order, "zones"), err);

	(void)answer;
	if (!after)
		return -1;
	fcf->zones = after;
	fcf_log(fcf, "zones name=%s", json_str(json_object_get(order, "zones"), "name", ""));
	rscn_zones(fcf, before);
	zoneset_destroy(before);
	return 0;
}

static struct port *port_of(struct fcf *fcf, const json_t *order, const char *key, struct error *err)
{
	int64_t number = json_int(order, key, -1);
	struct port *port = number >= 0 && number < 256 ? fcf_port(fcf, (int)number) : NULL;

	if (!port)
		error_set(err, ERROR_NOT_FOUND, "there is no such port");
	return port;
}

static int order_port(struct fcf *fcf, const json_t *order, json_t *answer, struct error *err)
{
	struct port *port = port_of(fcf, order, "port", err);
	const json_t *enabled = json_object_get(order, "enabled");

	(void)answer;
	if (!port)
		return -1;
	if (!json_is_boolean(enabled))
		return error_set(err, ERROR_INVALID, "\"enabled\" is to be true or false");
	if (json_is_true(enabled))
		port_enable(port);
	else
		port_disable(port, "administrator");
	return 0;
}

static int64_t ms_of(const json_t *order, int64_t missing)
{
	int64_t ms = json_int(order, "ms", missing);

	return ms < 0 ? 0 : ms > TIME_MAX_MS ? TIME_MAX_MS : ms;
}

static int order_flap(struct fcf *fcf, const json_t *order, json_t *answer, struct error *err)
{
	struct port *port = port_of(fcf, order, "flap", err);

	(void)answer;
	if (!port)
		return -1;
	if (!port_is_up(port))
		return error_set(err, ERROR_CONFLICT, "port %d is down already", port->number);
	port_flap(port, clock_mono_ms() + ms_of(order, FLAP_MS));
	return 0;
}

/* {"clear": WWPN} one link, by unicast; {"clear": "all", "of": PORT} all of a port, by multicast. */
static int order_clear(struct fcf *fcf, const json_t *order, json_t *answer, struct error *err)
{
	const char *what = json_str(order, "clear", "");
	struct login *login = NULL;
	struct port *port;
	uint64_t wwpn;

	(void)answer;
	if (!strcmp(what, "all")) {
		port = port_of(fcf, order, "of", err);
		if (port)
			link_clear_port(port, "cleared by order");
		return port ? 0 : -1;
	}
	if (text_parse_octets(what, &wwpn) == 8)
		login = login_by_wwpn(fcf, wwpn);
	if (!login)
		return error_set(err, ERROR_NOT_FOUND, "nobody is logged in as \"%s\"", what);
	link_clear(login, "cleared by order");
	return 0;
}

static int order_duplicate(struct fcf *fcf, const json_t *order, json_t *answer, struct error *err)
{
	int64_t mode = json_int(order, "duplicate", -1);

	(void)answer;
	if (mode < 0 || mode >= DUPLICATE_MODES)
		return error_set(err, ERROR_INVALID, "the mode is 0, 1 or 2");
	fcf->set.duplicate = (enum duplicate_mode)mode;
	return 0;
}

/* Refusing and forgetting are about what comes in, and have only one kind each; a CRC is in FCoE only. */
static bool fault_makes_sense(enum fault_action action, enum frame_kind kind)
{
	if (action == FAULT_refuse)
		return kind == KIND_login;
	if (action == FAULT_forget)
		return kind == KIND_keepalive;
	if (action == FAULT_crc)
		return kind == KIND_any || (kind >= KIND_els && kind <= KIND_forward);
	return kind != KIND_keepalive;
}

static enum frame_kind usual_kind(enum fault_action action)
{
	return action == FAULT_refuse ? KIND_login : action == FAULT_forget ? KIND_keepalive : KIND_any;
}

static int order_fault(struct fcf *fcf, const json_t *order, json_t *answer, struct error *err)
{
	const char *name = json_str(order, "fault", "");
	enum fault_action action = fault_action_by_name(name);
	int64_t n = json_int(order, "n", 1);
	enum frame_kind kind;

	(void)answer;
	if (action == FAULT_ACTION_COUNT)
		return error_set(err, ERROR_INVALID, "there is no fault \"%s\"", name);
	kind = frame_kind_by_name(json_str(order, "kind", frame_kind_name(usual_kind(action))));
	if (kind == KIND_COUNT || !fault_makes_sense(action, kind))
		return error_set(err, ERROR_INVALID, "\"%s\" does not know that kind", name);
	if (n < 0 || n > FAULTS_MAX)
		return error_set(err, ERROR_INVALID, "n is to be 0 to %d", FAULTS_MAX);
	fcf->faults.left[action][kind] = (unsigned)n;
	if (action == FAULT_delay)
		fcf->faults.delay_ms = (unsigned)ms_of(order, DELAY_MS);
	fcf_log(fcf, "fault %s kind=%s n=%d", name, frame_kind_name(kind), (int)n);
	return 0;
}

static const struct order {
	const char *name;
	int (*obey)(struct fcf *fcf, const json_t *order, json_t *answer, struct error *err);
} orders[] = {
	{ "show", order_show },	  { "zones", order_zones }, { "port", order_port },	      { "flap", order_flap },
	{ "clear", order_clear }, { "fault", order_fault }, { "duplicate", order_duplicate },
};

static int obey(struct fcf *fcf, const json_t *order, json_t *answer, struct error *err)
{
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		if (json_object_get(order, orders[i].name))
			return orders[i].obey(fcf, order, answer, err);
	return error_set(err, ERROR_INVALID, "no order is known by any of these keys");
}

json_t *orders_obey(struct fcf *fcf, const char *line, size_t len)
{
	struct error err = { 0 };
	json_t *order = json_decode(line, len, &err), *answer = json_object();

	if (!order || obey(fcf, order, answer, &err) < 0)
		json_setf(answer, "error", "%s", err.text);
	json_decref(order);
	return answer;
}
