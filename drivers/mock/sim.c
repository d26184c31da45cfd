/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The world outside the rack: power loss, a foreign administrator, a host that logs in.  For tests
 * only. Orders come as changes "sim:…" or as lines of the file that option `control` names:
 * {"device": "node1-bmc", "object": "sim:power", "set": {"power": "off"}}.
 */
#include "mock.h"

#include "arena.h"
#include "cleanup.h"
#include "clock.h"
#include "json.h"
#include "log.h"
#include "map.h"
#include "text.h"

#include <errno.h>
#include <libgen.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

static int sim_power(struct rack *rack, const char *device, struct driver_change *c,
		     struct error *err)
{
	const char *power = json_str(c->set, "power", "");
	json_t *bmc = rack_device(rack, "bmcs", device), *sel = json_object_get(bmc, "sel");

	if (strcmp(power, "on") && strcmp(power, "off"))
		return error_set(err, ERROR_INVALID, "sim:power wants power on or off");
	if (!sel) {
		sel = json_array();
		json_object_set_new(bmc, "sel", sel);
	}
	json_array_append_new(sel, json_pack("{s:I, s:s, s:s, s:s}", "id",
					     (json_int_t)json_array_size(sel) + 1, "time", "",
					     "sensor", "power", "event",
					     strcmp(power, "off") ? "power on" : "power lost"));
	mock_power_to(rack, device, !strcmp(power, "on"));
	return 0;
}

/* Somebody else's map of a volume, keyed by its target; or one with our mark, keyed by its name. */
static int sim_map(struct rack *rack, const char *device, struct driver_change *c,
		   struct error *err)
{
	json_t *array = rack_device(rack, "arrays", device);
	const char *name = c->object + strlen("sim:map:"),
		   *volume = json_str(c->set, "volume", NULL),
		   *target = json_str(c->set, "target", name);
	bool managed = json_bool(c->set, "managed", false);

	if (json_is_false(json_object_get(c->set, "exists"))) {
		mock_map_put(array, name, NULL);
		return 0;
	}
	if (!is_iscsi_name(target) || !volume || managed == is_iscsi_name(name))
		return error_set(err, ERROR_INVALID,
				 "sim:map:TARGET wants a volume; sim:map:NAME also a target and "
				 "\"managed\": true");
	mock_map_put(array, name,
		     json_pack("{s:s, s:[s], s:{s:s}, s:s, s:I, s:b, s:[]}", "target", target,
			       "initiators",
			       json_str(c->set, "initiator", "iqn.2026-01.example:other"), "luns",
			       "1", volume, "chap_user", "", "generation",
			       (json_int_t)json_int(c->set, "generation", 0), "managed", managed,
			       "sessions"));
	return 0;
}

static int sim_session(struct rack *rack, const char *device, struct driver_change *c,
		       struct error *err)
{
	const char *map = c->object + strlen("sim:session:");
	json_t *session = NULL;

	if (!mock_session_open(rack, device, map, json_str(c->set, "address", "192.0.2.9"),
			       &session))
		return error_set(err, ERROR_REFUSED, "%s has no map %s", device, map);
	json_decref(session);
	return 0;
}

/* A port that somebody set by hand: the members are stored as they are. */
static int sim_port(struct rack *rack, const char *device, struct driver_change *c, struct error *err)
{
	(void)err;
	json_t *ports = rack_child(rack_device(rack, "switches", device), "ports");

	json_t *set = json_deep_copy(c->set);

	json_object_update(rack_child(ports, c->object + strlen("sim:port:")), set);
	json_decref(set);
	return 0;
}

/* Somebody else takes the fabric's lock for so many seconds; 0 gives it back. */
static int sim_lock(struct rack *rack, const char *device, struct driver_change *c, struct error *err)
{
	(void)err;
	json_object_set_new(rack_device(rack, "fabrics", device), "lock",
			    json_pack("{s:s, s:s, s:I}", "user", json_str(c->set, "user", "admin"), "from",
				      json_str(c->set, "from", "192.0.2.7"), "until_ms",
				      (json_int_t)(clock_wall_ms() + 1000 * json_int(c->set, "seconds", 3600))));
	return 0;
}

/* How much its zone database takes. */
static int sim_capacity(struct rack *rack, const char *device, struct driver_change *c, struct error *err)
{
	(void)err;
	json_object_set_new(rack_device(rack, "fabrics", device), "limit", json_integer(json_int(c->set, "limit", 0)));
	return 0;
}

/* A card that Recast knows nothing of: {"port": …} logs in, without it out. */
static int sim_login(struct rack *rack, const char *device, struct driver_change *c, struct error *err)
{
	const char *wwpn = c->object + strlen("sim:login:"), *port = json_str(c->set, "port", NULL);

	if (!port)
		mock_fabric_logout(rack, device, wwpn);
	else if (!mock_fabric_login(rack, device, port, wwpn))
		return error_set(err, ERROR_REFUSED, "port %s of %s is shut", port, device);
	return 0;
}

/* Somebody else's zone, or ours changed by hand; {"exists": false} takes it away. */
static int sim_zone(struct rack *rack, const char *device, struct driver_change *c, struct error *err)
{
	(void)err;
	json_t *zones = rack_child(rack_device(rack, "fabrics", device), "zones");
	const char *key = c->object + strlen("sim:zone:");

	if (json_is_false(json_object_get(c->set, "exists")))
		json_object_del(zones, key);
	else
		json_object_set_new(zones, key, json_deep_copy(c->set));
	return 0;
}

static int sim_console(struct rack *rack, const char *device, struct driver_change *c, struct error *err)
{
	(void)err;
	mock_bmc_print(rack, device, json_str(c->set, "text", ""));
	return 0;
}

/* From this address nobody reaches the array, while it is down. */
static int sim_path(struct rack *rack, const char *device, struct driver_change *c, struct error *err)
{
	(void)err;
	mock_path_set(rack, device, c->object + strlen("sim:path:"), json_bool(c->set, "down", true));
	return 0;
}

static int order(struct rack *rack, const char *device, struct driver_change *c, struct error *err)
{
	/* With a name after the colon, or without one. */
	static const struct {
		const char *object;
		int (*carry_out)(struct rack *, const char *, struct driver_change *, struct error *);
	} orders[] = { { "sim:power", sim_power }, { "sim:console", sim_console }, { "sim:map:", sim_map },
		       { "sim:session:", sim_session }, { "sim:path:", sim_path }, { "sim:port:", sim_port },
		       { "sim:lock", sim_lock }, { "sim:capacity", sim_capacity }, { "sim:login:", sim_login },
		       { "sim:zone:", sim_zone } };
	size_t i, len;

	for (i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		len = strlen(orders[i].object);
		if (!strncmp(c->object, orders[i].object, len) && (orders[i].object[len - 1] == ':' || !c->object[len]))
			return orders[i].carry_out(rack, device, c, err);
	}
	return error_set(err, ERROR_INVALID, "there is nothing to simulate called \"%s\"", c->object);
}

int mock_sim_change(struct rack *rack, const char *device, struct driver_change *c,
		    struct error *err)
{
	if (order(rack, device, c, err))
		return -1;
	rack->dirty = true;
	change_done(c, true, NULL);
	return 0;
}

/* Tell the core what an order has changed, by the name that the object has in documents. */
static void tell(const struct rack *rack, const char *device, const char *object)
{
	if (!strcmp(object, "sim:power") || !strncmp(object, "sim:map:", 8) ||
	    !strncmp(object, "sim:port:", 9) || !strncmp(object, "sim:zone:", 9) ||
	    !strncmp(object, "sim:login:", 10) || !strcmp(object, "sim:lock"))
		rack_tell(rack, device, object + strlen("sim:"));
}

static void obey(struct rack *rack, const char *line)
{
	struct error err = { 0 };
	json_auto_t *order = json_decode(line, strlen(line), &err);
	struct driver_change c = { .object = json_str(order, "object", ""),
				   .set = json_object_get(order, "set") };
	const char *device = json_str(order, "device", "");
	int rc = order ? 0 : -1;

	if (!rc && !strncmp(c.object, "fault:", 6))
		rc = fault_change(rack, device, &c, &err);
	else if (!rc)
		rc = mock_sim_change(rack, device, &c, &err);
	if (rc)
		log_warn("mock", "%s: %s", rack->control, err.text);
	else
		tell(rack, device, c.object);
}

void mock_control(struct rack *rack)
{
	_cleanup_(freep) char *taken = NULL, *bytes = NULL;
	char *line, *save = NULL;

	if (!rack->control || access(rack->control, F_OK))
		return;
	taken = xasprintf("%s.taken", rack->control);
	if (rename(rack->control, taken))
		return;
	bytes = text_read_file(taken, 1024 * 1024, NULL);
	for (line = bytes ? strtok_r(bytes, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save))
		obey(rack, line);
	unlink(taken);
}

void mock_watch(void *arg, int stop_fd)
{
	struct rack *rack = arg;
	_cleanup_(freep) char *folder = xstrdup(rack->control);
	_cleanup_(closep) int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	struct pollfd p[] = { { .fd = stop_fd, .events = POLLIN }, { .fd = fd, .events = POLLIN } };
	char names[4096];

	if (fd < 0 || inotify_add_watch(fd, dirname(folder), IN_MOVED_TO) < 0) {
		log_warn("mock", "%s is looked for at each request only: %s", rack->control,
			 strerror(errno));
		return;
	}
	while (!p[0].revents) {
		while (read(fd, names, sizeof(names)) > 0)
			;
		rack_lock();
		mock_control(rack);
		rack_save(rack);
		rack_unlock();
		poll(p, 2, -1);
	}
}
