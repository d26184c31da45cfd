/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Asks for the parts of a view.  See brocade.h.
 */
#include "brocade.h"

#include <string.h>

/* The part @what of the switch, whose name its answer has to have in it: an answer without is not one that there is
 * nothing. */
static int get(struct fos_lane *lane, const char *what, json_t **reply, int64_t deadline, struct error *err)
{
	struct fos_ask ask = { .method = "GET", .what = what };
	const char *name = strchr(what, '/') + 1;

	if (fos_call(lane, &ask, reply, deadline, err))
		return -1;
	if (!*reply || json_object_get(*reply, name))
		return 0;
	json_decref(*reply);
	*reply = NULL;
	return error_set(err, ERROR_PROTOCOL, "its answer has no %s", name);
}

static int read_zones(struct fos_lane *lane, struct fos_view *view, int64_t deadline, struct error *err)
{
	json_t *reply;
	int rc;

	if (get(lane, "zoning/effective-configuration", &reply, deadline, err))
		return -1;
	rc = fos_take_effective(view, reply, err);
	json_decref(reply);
	if (rc || get(lane, "zoning/defined-configuration", &reply, deadline, err))
		return -1;
	fos_take_defined(view, reply);
	json_decref(reply);
	return 0;
}

int fos_read_lock(struct fos_lane *lane, struct fos_lock *lock, int64_t deadline, struct error *err)
{
	struct error why = { 0 };
	json_t *reply;

	*lock = (struct fos_lock){ 0 };
	if (get(lane, "zoning/fabric-lock", &reply, deadline, &why)) {
		/* Before 9.0 there is none. */
		if (why.code == ERROR_REFUSED)
			return 0;
		if (err)
			*err = why;
		return -1;
	}
	fos_take_lock(lock, reply);
	json_decref(reply);
	return 0;
}

bool fos_lock_is_ours(const struct fos_lane *lane, const struct fos_lock *lock)
{
	return lock->held && !strcmp(lock->user, lane->fos->user) && !strcmp(lock->from, https_local_address(lane->https)) &&
	       !strncmp(lock->application, FOS_AGENT, strlen(FOS_AGENT));
}

static int read_ports(struct fos_lane *lane, struct fos_view *view, int64_t deadline, struct error *err)
{
	json_t *reply;

	if (get(lane, "brocade-interface/fibrechannel", &reply, deadline, err))
		return -1;
	fos_take_ports(view, reply);
	json_decref(reply);
	return 0;
}

static int read_logins(struct fos_lane *lane, struct fos_view *view, int64_t deadline, struct error *err)
{
	json_t *reply;
	int rc;

	if (get(lane, "brocade-name-server/fibrechannel-name-server", &reply, deadline, err))
		return -1;
	rc = fos_take_logins(view, reply, err);
	json_decref(reply);
	return rc;
}

int fos_read(struct fos_lane *lane, struct fos_view *view, unsigned what, int64_t deadline, struct error *err)
{
	*view = (struct fos_view){ 0 };
	/* A login tells its port by index: ports first. */
	if (((what & (FOS_READ_PORTS | FOS_READ_LOGINS)) && read_ports(lane, view, deadline, err)) ||
	    ((what & FOS_READ_LOGINS) && read_logins(lane, view, deadline, err)) ||
	    ((what & FOS_READ_ZONES) && read_zones(lane, view, deadline, err)) ||
	    ((what & FOS_READ_LOCK) && fos_read_lock(lane, &view->lock, deadline, err))) {
		fos_view_fini(view);
		return -1;
	}
	return 0;
}
