/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The servers of a rack and their BMCs.  A server that is powered on with boot device pxe looks at
 * the port of its first NIC and logs in to the map that the boot change hinted at; then its serial
 * line says "PERSONA map UP".  Time for "off read twice" is the simulation's: off is off at once
 * unless option power_ms or the fault "late" says otherwise.
 */
#include "mock.h"

#include "arena.h"
#include "cleanup.h"
#include "clock.h"
#include "json.h"
#include "text.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONSOLE_KEEP = 32 * 1024 };

static json_t *bmc_of(struct rack *rack, const char *name)
{
	return rack_device(rack, "bmcs", name);
}

static bool is_on(const json_t *bmc)
{
	return !strcmp(json_str(bmc, "power", "off"), "on");
}

void mock_bmc_print(struct rack *rack, const char *name, const char *text)
{
	json_t *bmc = bmc_of(rack, name);
	_cleanup_(freep) char *all = xasprintf("%s%s", json_str(bmc, "console", ""), text);
	size_t len = strlen(all), skip = len > CONSOLE_KEEP ? len - CONSOLE_KEEP : 0;

	json_object_set_new(bmc, "console", json_string(all + skip));
	json_object_set_new(bmc, "printed",
			    json_integer(json_int(bmc, "printed", 0) + (int64_t)strlen(text)));
	rack->dirty = true;
	if (json_object_get(rack->watched, name))
		driver_emit_console(name, text, strlen(text));
}

static json_t *parse_nic(const char *text, struct error *err)
{
	const char *at = text ? strchr(text, '=') : NULL, *slash = at ? strchr(at, '/') : NULL;
	char mac[18], word[64];

	if (slash && slash[1] && (size_t)(at - text) < sizeof(word)) {
		snprintf(word, sizeof(word), "%.*s", (int)(at - text), text);
		if (text_mac(word, mac))
			return json_pack("{s:s, s:s%, s:s}", "mac", mac, "switch", at + 1,
					 (size_t)(slash - at - 1), "port", slash + 1);
	}
	error_set(err, ERROR_INVALID, "nics: \"%s\" is not MAC=SWITCH/PORT", text ? text : "");
	return NULL;
}

static void hash_of(const char *password, char out[65])
{
	unsigned char hash[32];

	crypto_generichash(hash, sizeof(hash), (const unsigned char *)password, strlen(password), NULL, 0);
	sodium_bin2hex(out, 65, hash, sizeof(hash));
}

/* A BMC takes every password until somebody gives it one. */
static int log_in(const struct mock_device *m, const json_t *bmc, struct error *err)
{
	const char *wanted = json_str(bmc, "password_hash", NULL);
	char hash[65];

	hash_of(m->dev->secret ? secret_reveal(m->dev->secret) : "", hash);
	if (!wanted || !strcmp(wanted, hash))
		return 0;
	error_set(err, ERROR_AUTH, "%s refused the password", m->name);
	return error_hint(err, "Correct the secret that the site file names for %s.", m->name);
}

static int change_password(struct mock_device *m, json_t *bmc, struct driver_change *c, struct error *err)
{
	const char *password = json_str(c->set, "password", "");
	char hash[65];

	if (!*password || strlen(password) > 20)
		return error_set(err, ERROR_INVALID, "a password has from 1 to 20 characters");
	hash_of(password, hash);
	change_done(c, strcmp(json_str(bmc, "password_hash", ""), hash) != 0, NULL);
	json_object_set_new(bmc, "password_hash", json_string(hash));
	m->rack->dirty = true;
	return 0;
}

int mock_bmc_open(struct mock_device *m, struct error *err)
{
	json_t *bmc = bmc_of(m->rack, m->name), *nics = json_array(), *nic;
	const json_t *one;
	size_t i;

	if (log_in(m, bmc, err) < 0) {
		json_decref(nics);
		return -1;
	}

	json_array_foreach(json_object_get(m->dev->options, "nics"), i, one) {
		nic = parse_nic(json_string_value(one), err);
		if (!nic) {
			json_decref(nics);
			return -1;
		}
		json_array_append_new(nics, nic);
	}
	json_object_set_new(bmc, "nics", nics);
	json_object_set_new(bmc, "boot_vlan",
			    json_integer(json_int(m->dev->options, "boot_vlan", 0)));
	if (!json_object_get(bmc, "power"))
		json_object_set_new(bmc, "power", json_string("off"));
	if (!json_object_get(bmc, "boot"))
		json_object_set_new(bmc, "boot", json_pack("{s:s}", "device", "none"));
	return 0;
}

static bool port_boots(struct rack *rack, const json_t *bmc)
{
	const json_t *nic = json_array_get(json_object_get(bmc, "nics"), 0), *port;
	int64_t vlan = json_int(bmc, "boot_vlan", 0);

	if (!vlan || !nic)
		return true;
	port = mock_port(rack, json_str(nic, "switch", ""), json_str(nic, "port", ""));
	return json_int(port, "native", 1) == vlan && json_bool(port, "enabled", true);
}

/* The cards log in with the names that they were given, and look for their LUN: [session], one for each path. */
static json_t *boot_over_fc(struct rack *rack, json_t *bmc, const json_t *hint)
{
	const char *array = json_str(hint, "array", ""), *map = json_str(hint, "map", "");
	const json_t *vhba, *port, *ports = mock_fc_ports(rack, array, map);
	json_t *sessions = json_array(), *logins = json_array(), *session;
	size_t i, k;

	json_array_foreach(json_object_get(hint, "vhbas"), i, vhba) {
		const char *fabric = json_str(vhba, "fabric", ""), *wwpn = json_str(vhba, "wwpn", "");

		if (!mock_fabric_login(rack, fabric, json_str(vhba, "port", ""), wwpn))
			continue;
		json_array_append_new(logins, json_pack("{s:s, s:s}", "fabric", fabric, "wwpn", wwpn));
		json_array_foreach(ports, k, port)
			if (mock_fabric_zoned(rack, fabric, wwpn, json_string_value(port)) &&
			    mock_fc_admits(rack, array, map, wwpn, json_string_value(port)) &&
			    mock_session_of(rack, array, map, wwpn, json_string_value(port), &session))
				json_array_append_new(sessions, session);
	}
	json_object_set_new(bmc, "logins", logins);
	return sessions;
}

/* What it had open at the arrays and on the fabrics. */
static void close_sessions(struct rack *rack, const json_t *bmc)
{
	const json_t *one;
	size_t i;

	mock_session_close(rack, json_object_get(bmc, "session"));
	json_array_foreach(json_object_get(bmc, "sessions"), i, one)
		mock_session_close(rack, one);
	json_array_foreach(json_object_get(bmc, "logins"), i, one)
		mock_fabric_logout(rack, json_str(one, "fabric", ""), json_str(one, "wwpn", ""));
}

/* One session for each of its paths; those that are ordered down (sim:path:ADDRESS) are not there. */
static json_t *boot_by_portals(struct rack *rack, const json_t *hint, const char *map)
{
	json_t *sessions = json_array(), *session;
	const char *array = json_str(hint, "array", "");
	const json_t *address;
	size_t i;

	json_array_foreach(json_object_get(hint, "addresses"), i, address)
		if (!mock_path_is_down(rack, array, json_string_value(address)) &&
		    mock_session_open(rack, array, map ? map : "", json_string_value(address), &session))
			json_array_append_new(sessions, session);
	return sessions;
}

static bool reaches_lun(struct rack *rack, json_t *bmc, const json_t *hint)
{
	const char *map = json_str(hint, "map", NULL);
	json_t *session = NULL;

	if (json_object_get(hint, "vhbas")) {
		json_object_set_new(bmc, "sessions", boot_over_fc(rack, bmc, hint));
		return json_array_size(json_object_get(bmc, "sessions")) > 0;
	}
	if (json_array_size(json_object_get(hint, "addresses"))) {
		json_object_set_new(bmc, "sessions", boot_by_portals(rack, hint, map));
		return json_array_size(json_object_get(bmc, "sessions")) > 0;
	}
	if (map && !mock_session_open(rack, json_str(hint, "array", ""), map, "192.0.2.1", &session))
		return false;
	if (session)
		json_object_set_new(bmc, "session", session);
	return true;
}

static void boot_server(struct rack *rack, const char *name, json_t *bmc)
{
	const json_t *boot = json_object_get(bmc, "boot"), *hint = json_object_get(boot, "hint");
	const char *map = json_str(hint, "map", NULL), *persona = json_str(hint, "persona", map);
	const char *device = json_str(boot, "device", "none");
	bool from_hba = !strcmp(device, "disk") && json_object_get(hint, "vhbas");
	_cleanup_(freep) char *up = NULL;

	if (strcmp(device, "pxe") != 0 && !from_hba) {
		mock_bmc_print(rack, name, "No bootable device.\r\n");
	} else if (!from_hba && !port_boots(rack, bmc)) {
		mock_bmc_print(rack, name, "No configuration methods succeeded.\r\n");
	} else if (!persona) {
		mock_bmc_print(rack, name, "Nothing to boot.\r\n");
	} else if (!reaches_lun(rack, bmc, hint)) {
		mock_bmc_print(rack, name, "Could not open SAN device: no such target.\r\n");
	} else {
		up = xasprintf("PERSONA %s UP\r\n", persona);
		mock_bmc_print(rack, name, up);
	}
}

/* What happens in the server when its power changes now. */
void mock_power_to(struct rack *rack, const char *name, bool on)
{
	json_t *bmc = bmc_of(rack, name);
	struct fault_hit hit;

	rack->dirty = true;
	json_object_del(bmc, "pending");
	json_object_set_new(bmc, "power", json_string(on ? "on" : "off"));
	if (!on) {
		if (!fault_take(rack, name, "apply", "power", 1u << FAULT_STUCK_SESSION, &hit))
			close_sessions(rack, bmc);
		json_object_del(bmc, "session");
		json_object_del(bmc, "sessions");
		json_object_del(bmc, "logins");
		return;
	}
	if (json_object_get(bmc, "forget"))
		json_object_set_new(bmc, "boot", json_pack("{s:s}", "device", "disk"));
	json_object_del(bmc, "forget");
	if (!fault_take(rack, name, "apply", "power", 1u << FAULT_NO_BOOT, &hit))
		boot_server(rack, name, bmc);
}

/* Carry out a power change whose time has come. */
static void settle(struct rack *rack, const char *name)
{
	const json_t *pending = json_object_get(bmc_of(rack, name), "pending");

	if (pending && clock_wall_ms() >= json_int(pending, "at_ms", 0))
		mock_power_to(rack, name, json_bool(pending, "on", false));
}

static void set_pending(json_t *bmc, bool on, int64_t after_ms)
{
	json_object_set_new(bmc, "pending",
			    json_pack("{s:b, s:I}", "on", on, "at_ms",
				      (json_int_t)(clock_wall_ms() + after_ms)));
}

static int change_power(struct mock_device *m, json_t *bmc, struct driver_change *c,
			struct error *err)
{
	const char *want = json_str(c->set, "power", "");
	const json_t *pending;
	struct fault_hit hit;
	bool on = !strcmp(want, "on");

	if (!on && strcmp(want, "off"))
		return error_set(err, ERROR_INVALID, "power must be on or off");
	pending = json_object_get(bmc, "pending");
	if (pending && json_bool(pending, "on", false) == on) {
		change_again(c, json_int(pending, "at_ms", 0) - clock_wall_ms() + 1);
		return 0;
	}
	if (is_on(bmc) != on && !pending && m->power_ms) {
		set_pending(bmc, on, m->power_ms);
		change_again(c, m->power_ms);
		return 0;
	}
	change_done(c, is_on(bmc) != on, json_pack("{s:s}", "power", want));
	if (is_on(bmc) == on)
		json_object_del(bmc, "pending");
	else if (fault_take(m->rack, m->name, "apply", "power", 1u << FAULT_LATE, &hit))
		set_pending(bmc, on, hit.arg >= 0 ? hit.arg : 2000);
	else
		mock_power_to(m->rack, m->name, on);
	return 0;
}

static int change_shutdown(struct mock_device *m, json_t *bmc, struct driver_change *c,
			   struct error *err)
{
	struct fault_hit hit;

	if (!json_is_true(json_object_get(c->set, "requested")))
		return error_set(err, ERROR_INVALID, "shutdown can only be requested");
	change_done(c, is_on(bmc), NULL);
	if (is_on(bmc) &&
	    !fault_take(m->rack, m->name, "apply", "shutdown", 1u << FAULT_IGNORE, &hit))
		mock_power_to(m->rack, m->name, false);
	return 0;
}

static int change_boot(struct mock_device *m, json_t *bmc, struct driver_change *c,
		       struct error *err)
{
	const char *device = json_str(c->set, "device", "");
	const json_t *now = json_object_get(bmc, "boot");
	struct fault_hit hit;

	if (strcmp(device, "pxe") && strcmp(device, "disk") && strcmp(device, "none"))
		return error_set(err, ERROR_INVALID, "boot.device must be pxe, disk or none");
	change_done(c, !json_equal(now, c->set),
		    json_pack("{s:{s:s, s:b}}", "boot", "device", device, "valid", 1));
	json_object_set_new(bmc, "boot", json_deep_copy(c->set));
	if (fault_take(m->rack, m->name, "apply", "boot", 1u << FAULT_FORGET, &hit))
		json_object_set_new(bmc, "forget", json_true());
	return 0;
}

static int change_console(json_t *bmc, struct driver_change *c, struct error *err)
{
	const json_t *capture = json_object_get(c->set, "capture");

	if (!json_is_boolean(capture))
		return error_set(err, ERROR_INVALID, "console wants capture true or false");
	change_done(c, json_is_true(capture) || json_object_get(bmc, "mark"), NULL);
	if (json_is_true(capture))
		json_object_set_new(bmc, "mark", json_integer(json_int(bmc, "printed", 0)));
	else
		json_object_del(bmc, "mark");
	return 0;
}

int mock_bmc_change(struct mock_device *m, struct driver_change *c, struct error *err)
{
	json_t *bmc = bmc_of(m->rack, m->name);

	settle(m->rack, m->name);
	m->rack->dirty = true;
	if (!strcmp(c->object, "power"))
		return change_power(m, bmc, c, err);
	if (!strcmp(c->object, "shutdown"))
		return change_shutdown(m, bmc, c, err);
	if (!strcmp(c->object, "boot"))
		return change_boot(m, bmc, c, err);
	if (!strcmp(c->object, "console"))
		return change_console(bmc, c, err);
	if (!strcmp(c->object, "credential"))
		return change_password(m, bmc, c, err);
	if (!strcmp(c->object, "identify")) {
		change_done(c, true, NULL);
		return 0;
	}
	return error_set(err, ERROR_INVALID, "a BMC has no object \"%s\"", c->object);
}

/* The text since the mark, or NULL when nothing is captured. */
static const char *captured(const json_t *bmc)
{
	const char *kept = json_str(bmc, "console", "");
	int64_t mark = json_int(bmc, "mark", -1), printed = json_int(bmc, "printed", 0);
	int64_t since = printed - mark, len = (int64_t)strlen(kept);

	if (mark < 0)
		return NULL;
	return since < len ? kept + len - since : kept;
}

static const char *observed_power(struct mock_device *m, const json_t *bmc)
{
	struct fault_hit hit;

	if (!fault_take(m->rack, m->name, "observe", "power", 1u << FAULT_FLAP | 1u << FAULT_BLIND,
			&hit))
		return is_on(bmc) ? "on" : "off";
	if (hit.kind == FAULT_BLIND)
		return "unknown";
	return is_on(bmc) ? "off" : "on";
}

static int add_part(struct mock_device *m, json_t *document, const char *object, struct error *err)
{
	const json_t *bmc = bmc_of(m->rack, m->name);
	const char *text;
	json_t *part = NULL;

	if (!strcmp(object, "power")) {
		part = json_string(observed_power(m, bmc));
	} else if (!strcmp(object, "boot")) {
		part = json_pack("{s:s, s:b}", "device",
				 json_str(json_object_get(bmc, "boot"), "device", "none"), "valid",
				 1);
	} else if (!strcmp(object, "identity")) {
		part = json_pack("{s:s, s:i, s:s}", "uuid", json_str(m->dev->options, "uuid", ""),
				 "manufacturer", 0, "firmware", "mock 1.0");
	} else if (!strcmp(object, "sensors")) {
		part = json_pack("[{s:s, s:s, s:f, s:s, s:s}]", "name", "Inlet Temp", "type",
				 "temperature", "value", 23.0, "unit", "C", "state", "ok");
	} else if (!strcmp(object, "sel")) {
		part = json_object_get(bmc, "sel") ? json_incref(json_object_get(bmc, "sel"))
						   : json_array();
	} else if (!strncmp(object, "console:", 8)) {
		text = captured(bmc);
		part = json_pack("{s:s, s:b}", "text", text ? text : "", "seen",
				 text && strstr(text, object + 8));
		object = "console";
	}
	if (!part)
		return error_set(err, ERROR_INVALID, "a BMC has no object \"%s\"", object);
	return json_object_set_new(document, object, part);
}

json_t *mock_bmc_document(struct mock_device *m, const json_t *objects, struct error *err)
{
	static const char *const all[] = { "power", "boot", "identity", "sensors", "sel" };
	json_t *document = json_object();
	const json_t *one;
	size_t i;
	int rc = 0;

	settle(m->rack, m->name);
	for (i = 0; !objects && i < sizeof(all) / sizeof(all[0]); i++)
		rc |= add_part(m, document, all[i], err);
	json_array_foreach(objects, i, one)
		rc |= add_part(m, document, json_string_value(one), err);
	json_object_set_new(document, "cipher", json_integer(17));
	if (!rc)
		return document;
	json_decref(document);
	return NULL;
}
