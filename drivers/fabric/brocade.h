/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The inside of recast-driver-brocade.  A request reads all that it needs, compares, and writes: zones in one transaction
 * with one activation, ports in one request.  Then it reads again.
 *
 *   brocade.c           the driver: open, close, observe
 *   brocade_session.c   the one session of a device: login, logout, requests, errors
 *   brocade_read.c      asks for each part and gives the replies to brocade_view.c
 *   brocade_view.c      replies to a view of zones, ports and logins; pure
 *   brocade_plan.c      wishes and a view to differences; pure
 *   brocade_commit.c    differences to a transaction
 *   brocade_apply.c     apply
 *   brocade_document.c  a view to the document of the class
 *
 * Lock order: zoning, then a lane, then the session.
 */
#ifndef RECAST_DRIVER_BROCADE_H
#define RECAST_DRIVER_BROCADE_H

#include "driver.h"
#include "https.h"
#include "zone.h"

#include <pthread.h>

#define FOS_AGENT "recast-driver-brocade"

enum { FOS_WORD = 96, FOS_AGAIN_MS = 1000 };

/* One connection; urgent requests have one of their own, so that fencing waits for nobody. */
struct fos_lane {
	struct fos *fos;
	struct https *https;
	pthread_mutex_t lock;
};

struct fos {
	const char *name, *user, *cfg; /* cfg NULL: the one in force */
	const struct secret *password;
	int64_t vf_id; /* -1: none */
	bool peer;     /* the kind of the zones that are made */
	struct fos_lane lane[2];
	pthread_mutex_t zoning; /* one transaction at a time: it belongs to the session */
	struct driver_watch *tidy;
	int wake_fd;

	/* Of the session, under its lock. */
	pthread_mutex_t lock;
	struct secret *token; /* a header line; NULL: not logged in */
	int64_t serial;       /* of logins */
	int64_t used_ms;
	bool old; /* the paths of before 8.2.1b */
	char firmware[FOS_WORD];
};

/* What one call asks for. */
struct fos_ask {
	const char *method, *what; /* below /rest/running/: "zoning/…", "switch/…" get the names of the firmware */
	const json_t *body;
	bool once;	  /* see https.h */
	int64_t serial;	  /* not 0: only in this session, which has changes open */
};

/* Who has the fabric's lock. */
struct fos_lock {
	bool held, known; /* known: the firmware tells */
	char user[FOS_WORD], from[FOS_WORD], application[FOS_WORD];
	int64_t seconds;
};

/* What the fabric held at one moment.  A zone is {"kind", "members", "principals"}, both sorted and canonical. */
struct fos_view {
	char config[FOS_WORD]; /* empty: none is in force */
	char checksum[FOS_WORD];
	bool default_all;
	int64_t used, limit; /* limit 0: not told */
	int64_t token;	     /* of an open transaction; 0: there is none */
	json_t *active;	     /* name -> zone, as it is in force */
	json_t *zones, *cfgs, *aliases; /* as defined: name -> zone, name -> names, name -> members */
	json_t *ports;	     /* name -> {"exists", "enabled", "link", "wire", "index", "persistent"}; NULL: not read */
	json_t *logins;	     /* WWPN -> its document; NULL: not read */
	struct fos_lock lock;
};

/* brocade_session.c.  The value below "Response" (NULL when there is none: nothing was found, or nothing is told), by a new
 * reference in *reply.  ERROR_AUTH, ERROR_UNTRUSTED, ERROR_UNREACHABLE, ERROR_PROTOCOL; ERROR_BUSY: nothing was done;
 * ERROR_REFUSED with the switch's words. */
int fos_call(struct fos_lane *lane, const struct fos_ask *ask, json_t **reply, int64_t deadline_ms, struct error *err);
/* Log in when we are not.  The session's serial, or -1. */
int64_t fos_login(struct fos_lane *lane, int64_t deadline_ms, struct error *err);
void fos_logout(struct fos_lane *lane, int64_t deadline_ms);
int64_t fos_serial(struct fos *fos); /* 0: there is no session */
/* The thread of a device that logs out when nothing was asked for a while. */
void fos_tidy(void *fos, int stop_fd);
/* The body of a refusal as words; pure. */
void fos_words(const char *body, size_t len, char *words, size_t size);
/* The value below "Response" of a body, or NULL and *err; pure. */
json_t *fos_response(const char *body, size_t len, struct error *err);

/* brocade_view.c: take a reply (NULL: nothing was found) into a view. */
void fos_view_fini(struct fos_view *view);
int fos_take_effective(struct fos_view *view, const json_t *reply, struct error *err);
void fos_take_defined(struct fos_view *view, const json_t *reply);
void fos_take_lock(struct fos_lock *lock, const json_t *reply);
void fos_take_ports(struct fos_view *view, const json_t *reply);
int fos_take_logins(struct fos_view *view, const json_t *reply, struct error *err);
/* A port by its index, "4", or its slot and port, "0/4" or "3/12"; NULL: there is none. */
json_t *fos_port(const struct fos_view *view, const char *name);
json_t *fos_zone_new(const struct zone_wish *wish, bool peer);
/* The firmware of a reply about the switch. */
void fos_take_firmware(const json_t *reply, char *firmware, size_t size);
/* A list that is an object when it has one element: the list, by a new reference. */
json_t *fos_list(const json_t *v);

/* brocade_read.c */
enum { FOS_READ_ZONES = 1, FOS_READ_LOCK = 2, FOS_READ_PORTS = 4, FOS_READ_LOGINS = 8 };
int fos_read(struct fos_lane *lane, struct fos_view *view, unsigned what, int64_t deadline_ms, struct error *err);
int fos_read_lock(struct fos_lane *lane, struct fos_lock *lock, int64_t deadline_ms, struct error *err);
/* Is the lock our own, of this session or of one of ours that was lost? */
bool fos_lock_is_ours(const struct fos_lane *lane, const struct fos_lock *lock);

/* brocade_plan.c: the bodies of what makes a view as wished, all empty when nothing differs. */
struct fos_plan {
	json_t *post, *enlist;	  /* zones, with the members that are new; names that the configuration lacks */
	json_t *cut;		  /* zones, with the members that go */
	json_t *unlist, *drop;	  /* names that leave the configuration; that are deleted */
	json_t *repost, *relist;  /* zones of another kind are made anew after that */
	json_t *dirty;		  /* keys of zones that differ -> true */
	bool differs;		  /* something is to be written, or only to be activated */
};
void fos_plan_init(struct fos_plan *plan);
void fos_plan_fini(struct fos_plan *plan);
/* Add what zone @key takes to become as wished in configuration @cfg.  ERROR_CONFLICT: a higher generation is there, or an
 * object of another kind has the name. */
int fos_plan_zone(struct fos_plan *plan, const struct fos_view *view, const char *cfg, const char *key,
		  const struct zone_wish *wish, bool peer, struct error *err);
/* Would the configuration be empty? */
bool fos_plan_empties(const struct fos_plan *plan, const struct fos_view *view, const char *cfg);
/* A zone of others in @cfg whose saved state is not in force, so that an activation would change it; or NULL. */
const char *fos_staged(const struct fos_view *view, const char *cfg);

/* brocade_commit.c: one transaction and its activation. */
enum fos_outcome { FOS_COMMITTED, FOS_WAIT, FOS_NOT_DONE, FOS_UNKNOWN };
enum fos_outcome fos_commit(struct fos_lane *lane, const struct fos_plan *plan, const struct fos_view *view, const char *cfg,
			    int64_t deadline_ms, struct error *err);
/* Take back the transaction that a session of ours left open. */
int fos_abort(struct fos_lane *lane, int64_t serial, int64_t deadline_ms, struct error *err);

/* brocade_apply.c */
int fos_apply(struct fos_lane *lane, const struct driver_call *call, struct driver_change *changes, size_t n, struct error *err);

/* brocade_document.c: parts of the document, by new references. */
json_t *fos_zone_document(const struct fos_view *view, const char *key);
json_t *fos_zones_document(const struct fos_view *view); /* all there are */
json_t *fos_login_document(const struct fos_view *view, const char *wwpn);
json_t *fos_port_document(const struct fos_view *view, const char *name);
json_t *fos_ports_document(const struct fos_view *view);
json_t *fos_config_document(const struct fos_view *view);
json_t *fos_lock_document(const struct fos_lane *lane, const struct fos_view *view);
json_t *fos_capacity_document(const struct fos_view *view); /* NULL: not told */

#endif
