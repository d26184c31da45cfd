/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The inside of recast-driver-ovsdb.  A request reads a view (one transaction of selects),
 * compares, writes one transaction, waits until ovs-vswitchd has followed, and reads a view again.
 *
 *   ovsdb.c        the driver: open, observe
 *   ovsdb_apply.c  apply
 *   ovsdb_link.c   connection, transact, the wait for cur_cfg
 *   ovsdb_view.c   rows to port_config
 *   ovsdb_write.c  differences to operations
 *   ovsdb_watch.c  tells of changes by others
 *   ovsdb_mac.c    the MAC table from ovs-vswitchd's control socket
 */
#ifndef RECAST_DRIVER_OVSDB_H
#define RECAST_DRIVER_OVSDB_H

#include "driver.h"
#include "jsonrpc.h"
#include "port.h"

struct ovsdb {
	const char *name, *bridge;
	struct stream_peer peer; /* ovsdb-server */
	const char *unixctl; /* NULL: no MAC table */
	bool lldp;
	struct jsonrpc *rpc; /* NULL: not connected */
	int64_t cur_cfg;     /* the last that the monitor told */
};

/* What the database held at one moment. */
struct ovs_view {
	json_t *ports;      /* name -> row of Port */
	json_t *interfaces; /* uuid -> row */
	json_t *qos, *queues;
	json_t *members; /* uuid -> true, of the ports of our bridge */
	bool bridge_exists;
	int64_t next_cfg, cur_cfg;
};

/* One port in a view; pointers belong to the view. */
struct ovs_port {
	const json_t *row; /* NULL: the bridge has no such port */
	struct port_config config;
	bool link;
	bool lldp;               /* every interface sends LLDP */
	const char *qos, *queue; /* uuid or NULL */
	bool qos_ours;
};

/* ovsdb_link.c: all close the connection on failure.  ovsdb_transact takes the reference to @ops
 * and returns one result per operation; ERROR_CONFLICT: a wait did not hold; ERROR_REFUSED: the
 * database refused; both mean that nothing was written. */
int ovsdb_connect(struct ovsdb *o, int64_t deadline_ms, struct error *err);
void ovsdb_disconnect(struct ovsdb *o);
json_t *ovsdb_transact(struct ovsdb *o, json_t *ops, int64_t deadline_ms, struct error *err);
/* Wait until ovs-vswitchd has applied configuration @cfg. */
int ovsdb_confirm(struct ovsdb *o, int64_t cfg, int64_t deadline_ms, struct error *err);

/* ovsdb_view.c */
int ovs_view_read(struct ovsdb *o, struct ovs_view *view, const json_t *names, int64_t deadline_ms,
		  struct error *err);
void ovs_view_fini(struct ovs_view *view);
void ovs_view_port(const struct ovs_view *view, const char *name, struct ovs_port *port);
/* OVSDB's notations: the string of ["uuid", s]; member @key of a ["map", …]; the bare list of a
 * set. */
const char *ovs_uuid(const json_t *v);
const char *ovs_map_get(const json_t *map, const char *key);
json_t *ovs_set(const json_t *v);

/* ovsdb_write.c: append the operations that make port @now as @want. */
void ovs_write_port(const struct ovsdb *o, json_t *ops, const char *name,
		    const struct ovs_port *now, const struct port_config *want);
/* Append next_cfg += 1 and the select that reads it back, which becomes the last operation. */
void ovs_write_end(json_t *ops);

/* ovsdb_apply.c.  Read a view; a connection that died while nobody looked is replaced once.  What a
 * view holds is in force only when ovs_confirm(view.next_cfg) says that ovs-vswitchd has followed.
 */
int64_t ovs_deadline(const struct driver_call *call);
int ovs_read(struct ovsdb *o, struct ovs_view *view, const json_t *names, int64_t deadline_ms,
	     struct error *err);
int ovs_confirm(struct ovsdb *o, int64_t cfg, const struct driver_call *call, struct error *err);
json_t *ovs_port_document(const struct ovs_view *view, const char *name);
int ovs_apply(struct ovsdb *o, const struct driver_call *call, struct driver_change *changes,
	      size_t n, struct error *err);

/* ovsdb_watch.c: the strings of @o must stay until the end.  End takes NULL. */
struct ovs_watch *ovs_watch_start(const struct ovsdb *o);
void ovs_watch_end(struct ovs_watch *w);

/* ovsdb_link.c: the switch document's security, of the connection that there is or is made; or NULL. */
json_t *ovs_security(struct ovsdb *o, int64_t deadline_ms, struct error *err);

/* ovsdb_mac.c: rows of the switch document's macs, or NULL. */
json_t *ovs_macs(const struct ovsdb *o, const struct ovs_view *view, int64_t deadline_ms,
		 struct error *err);

#endif
