/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Ports, the proof that nobody is logged in, and the copy to the startup configuration.  See mds.h.
 */
#include "mds.h"

#include "cleanup.h"
#include "clock.h"
#include "json.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { COPIES = 3, COPY_PAUSE_MS = 200, SAVE_AGAIN_MS = 1000, LOGIN_AGAIN_MS = 500 };

/* The name when the object is of that kind, and well formed. */
static const char *name_of(const struct driver_change *c, enum fabric_kind kind)
{
	struct error err = { 0 };
	enum fabric_kind its;
	const char *name;

	return !fabric_object(c->object, &its, &name, &err) && its == kind ? name : NULL;
}

static int port_wish(const struct driver_change *c, const json_t *port, bool *enabled, struct error *err)
{
	if (fabric_port_wish_parse(enabled, c, err))
		return -1;
	return port ? 0 : error_set(err, ERROR_INVALID, "the VSAN has no port %s", c->object + strlen("port:"));
}

static int type_port(struct mds *m, const char *port, bool enabled, int64_t deadline_ms, struct error *err)
{
	char line[128];

	snprintf(line, sizeof(line), "interface %s", port);
	if (mds_type(m->link, "configure terminal", deadline_ms, err))
		return -1;
	if (mds_type(m->link, line, deadline_ms, err) ||
	    mds_type(m->link, enabled ? "no shutdown" : "shutdown", deadline_ms, err)) {
		struct error other = { 0 };

		mds_type(m->link, "end", deadline_ms, &other);
		return -1;
	}
	return mds_type(m->link, "end", deadline_ms, err);
}

/* 1: it was as wished; 0: it is now; -1. */
static int change_port(struct mds *m, const struct driver_change *c, const char *name, json_t **ports, int64_t deadline_ms,
		       struct error *err)
{
	bool enabled = false;

	if (port_wish(c, json_object_get(*ports, name), &enabled, err))
		return -1;
	if (json_bool(json_object_get(*ports, name), "enabled", false) == enabled)
		return 1;
	if (type_port(m, name, enabled, deadline_ms, err))
		return -1;
	json_decref(*ports);
	*ports = mds_ports_read(m, deadline_ms, err);
	if (!*ports)
		return -1;
	if (json_bool(json_object_get(*ports, name), "enabled", !enabled) != enabled)
		return error_set(err, ERROR_PROTOCOL, "the switch took the change of %s, and it is not as it was wished", name);
	m->unsaved = true;
	return 0;
}

void mds_ports_apply(struct mds *m, struct driver_change *changes, size_t n, int64_t deadline_ms)
{
	json_t *ports = NULL;
	size_t i;

	for (i = 0; i < n; i++) {
		const char *name = name_of(&changes[i], FABRIC_PORT);
		struct error err = { 0 };
		int rc = -1;

		if (!name)
			continue;
		if (!ports)
			ports = mds_ports_read(m, deadline_ms, &err);
		if (ports)
			rc = change_port(m, &changes[i], name, &ports, deadline_ms, &err);
		if (rc < 0)
			change_failed(&changes[i], err.code == ERROR_INVALID || err.code == ERROR_REFUSED ? CHANGE_NOT_APPLIED : CHANGE_UNKNOWN,
				      &err);
		else
			change_done(&changes[i], !rc, json_incref(json_object_get(ports, name)));
	}
	json_decref(ports);
}

static void judge_login(struct driver_change *c, const char *wwn, const json_t *logins)
{
	const json_t *login = json_object_get(logins, wwn);
	struct error err = { 0 };

	if (login_wish_check(c, &err)) {
		change_failed(c, CHANGE_NOT_APPLIED, &err);
	} else if (login) {
		error_set(&err, ERROR_BUSY, "%s is logged in at %s", wwn, json_str(login, "port", "the fabric"));
		change_waits(c, LOGIN_AGAIN_MS, &err);
	} else {
		change_done(c, false, json_pack("{s:b}", "online", 0));
	}
}

void mds_logins_apply(struct mds *m, struct driver_change *changes, size_t n, int64_t deadline_ms)
{
	json_t *logins = NULL;
	size_t i;

	for (i = 0; i < n; i++) {
		const char *name = name_of(&changes[i], FABRIC_LOGIN);
		struct error err = { 0 };

		if (!name)
			continue;
		if (!logins)
			logins = mds_logins_read(m, deadline_ms, &err);
		if (logins)
			judge_login(&changes[i], name, logins);
		else
			change_failed(&changes[i], CHANGE_NOT_APPLIED, &err);
	}
	json_decref(logins);
}

static int copy(struct mds *m, int64_t deadline_ms, struct error *err)
{
	struct timespec pause = { .tv_nsec = COPY_PAUSE_MS * 1000000L };
	int left;

	for (left = COPIES; left; left--) {
		error_clear(err);
		if (!mds_type(m->link, "copy running-config startup-config", deadline_ms, err))
			return 0;
		if (err->code == ERROR_UNREACHABLE || clock_mono_ms() + COPY_PAUSE_MS > deadline_ms)
			break;
		nanosleep(&pause, NULL);
	}
	return -1;
}

void mds_save(struct mds *m, struct driver_change *changes, size_t n, int64_t deadline_ms)
{
	struct error err = { 0 };
	size_t i;

	if (!m->save || !m->unsaved)
		return;
	if (!copy(m, deadline_ms, &err)) {
		m->unsaved = false;
		return;
	}
	error_wrap(&err, "the change is in force, and not in the startup configuration");
	for (i = 0; i < n; i++)
		if (changes[i].status == CHANGE_DONE && strncmp(changes[i].object, "login:", 6) != 0)
			change_waits(&changes[i], SAVE_AGAIN_MS, &err);
}
