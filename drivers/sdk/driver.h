/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The driver kit.  A driver fills one `struct recast_driver`, writes RECAST_DRIVER(name) and has a
 * main(): the kit speaks the protocol of doc/driver-protocol.md, runs each request in a worker
 * thread, keeps one request per device under way (urgent and console requests excepted), keeps
 * secrets in locked memory, and turns errors into replies.  Driver code may block, up to the
 * deadline.
 *
 * Life cycle of a device: open, then any number of observe / apply / console, then close.  close is
 * called after every successful open, also when the process ends, and never while another call of
 * that device runs.  Urgent applies and console requests run beside an ordinary request of the same
 * device: state that they share wants a lock.
 */
#ifndef RECAST_DRIVER_H
#define RECAST_DRIVER_H

#include "error.h"
#include "secret.h"

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct driver_option {
	const char *name;
	const char *type; /* "string", "int", "bool", "list" */
	bool required;
	bool secret;
	const char *missing; /* default as text, or NULL */
	const char *help;
};

/* What a driver is given about one device.  The kit owns it; valid from open to close. */
struct driver_device {
	const char *name;      /* as in the site file */
	const char *cls;       /* the class it was opened as */
	const json_t *options; /* checked, defaults filled in, without secrets */
	const struct secret *secret; /* the option marked secret, or NULL */
	const char *pin;	     /* fingerprint of the server key that may be talked to, or NULL: none may */
	void *state;	       /* the driver's own, set in open */
};

struct driver_call {
	int64_t deadline_ms; /* on clock_mono_ms(): every wait inside ends by then */
	bool urgent;
};

enum change_status { CHANGE_DONE, CHANGE_NOT_APPLIED, CHANGE_UNKNOWN, CHANGE_AGAIN };

/* One change of an apply and its result.  The kit owns all; the driver sets the lower part. */
struct driver_change {
	const char *object;  /* "port:node1-eth0" */
	const json_t *set;   /* the wish */
	const char *owner;   /* persona, or NULL */
	int64_t generation;  /* 0: none */

	enum change_status status; /* starts as CHANGE_NOT_APPLIED with error "not attempted" */
	bool changed;
	json_t *observed;	  /* new reference or NULL; the kit releases it */
	int64_t after_ms;	  /* with CHANGE_AGAIN */
	struct error error;
};

struct recast_driver {
	const char *name;    /* recast-driver-NAME */
	const char *cls;     /* class, "*" for any */
	const char *summary; /* one line */
	const char *caps;    /* words separated by spaces: "merge rate trunk" */
	int max_inflight;    /* requests at once over all devices */
	const struct driver_option *options; /* ended by a NULL name */

	/* 0 with dev->state set, or -1.  May answer at once and connect later. */
	int (*open)(struct driver_device *dev, const struct driver_call *call, struct error *err);
	void (*close)(struct driver_device *dev);

	/* The document of the class, for @objects (NULL: all).  A new reference or NULL.  Never
	 * writes.  Nothing in it may be shared with what another thread uses. */
	json_t *(*observe)(struct driver_device *dev, const struct driver_call *call,
			   const json_t *objects, struct error *err);

	/* Make each change so.  -1 only when nothing was attempted. */
	int (*apply)(struct driver_device *dev, const struct driver_call *call,
		     struct driver_change *changes, size_t n, struct error *err);

	/* May be NULL.  action is "open", "input" (with data) or "close"; output goes by
	 * driver_emit_console(). */
	int (*console)(struct driver_device *dev, const struct driver_call *call,
		       const char *action, const char *data, struct error *err);
};

/* The main() of a driver: speaks the protocol on stdin and stdout until stdin ends. */
int driver_main(const struct recast_driver *driver, int argc, char **argv);

#define RECAST_DRIVER(d)                                \
	int main(int argc, char **argv)                 \
	{                                               \
		return driver_main(&(d), argc, argv);   \
	}

/* Events; from any thread.  @objects is a list of names, whose reference is taken, or NULL: anything
 * may have changed. */
void driver_emit_console(const char *device, const char *data, size_t len);
void driver_emit_changed(const char *device, json_t *objects);

/* A thread that looks out for what others change, for a driver with the capability "watch": started
 * in open, ended in close.  @fn may block on what it waits for and on @stop_fd, returns soon after
 * that is readable, and does nothing but emit events.  The name of the thread is for people.  NULL
 * when there is no thread to be had: the device works without. */
struct driver_watch;
struct driver_watch *driver_watch_start(const char *name, void (*fn)(void *arg, int stop_fd),
					void *arg);
void driver_watch_end(struct driver_watch *watch);

/* Wait for a lock no longer than there is time: ERROR_BUSY that says so. */
int driver_lock(pthread_mutex_t *lock, int64_t deadline_ms, struct error *err);

/* Milliseconds left until the deadline of @call, never negative. */
int64_t driver_time_left(const struct driver_call *call);

/* Shorthands for filling in a result. */
void change_done(struct driver_change *c, bool changed, json_t *observed);
void change_failed(struct driver_change *c, enum change_status status, const struct error *err);
void change_again(struct driver_change *c, int64_t after_ms);
/* The same, and what it waits for: people are told. */
void change_waits(struct driver_change *c, int64_t after_ms, const struct error *why);

#endif
