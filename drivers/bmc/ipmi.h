/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The inside of recast-driver-ipmi: what its files share.
 *
 *     ipmi.c          options, the document, the dispatch of changes
 *     ipmi_config.c   options of a device, checked
 *     ipmi_session.c  one RMCP+ session: a thread that owns libfreeipmi's context
 *     ipmi_lane.c     who may use which session, opening it, cipher suites, one command
 *     ipmi_error.c    libfreeipmi's errors and IPMI completion codes in our terms
 *     ipmi_power.c    power, shutdown, identify      ipmi_boot.c  boot flags
 *     ipmi_info.c     identity, event log            ipmi_sdr.c   sensors
 *     ipmi_sol.c      serial over LAN: capture and console
 *     ipmi_password.c another password
 *     ipmi_security.c what lets others in            ipmi_rakp.c   the first half of a login
 *
 * Lock order: lane, then device, then session; sol is apart.  Nothing is called with the device's lock held.
 */
#ifndef RECAST_IPMI_H
#define RECAST_IPMI_H

#include "driver.h"

#include <pthread.h>

enum { IPMI_CIPHERS_MAX = 8, IPMI_DATA_MAX = 255, IPMI_REPLY_RESERVE_MS = 60 };

enum { IPMI_CHASSIS = 0x00, IPMI_SENSOR_EVENT = 0x04, IPMI_APP = 0x06, IPMI_STORAGE = 0x0a };

/* Options of a device, checked.  The strings stay those of the kit. */
struct ipmi_config {
	const char *address; /* HOST or HOST:PORT, as libfreeipmi takes it */
	const char *user;
	const struct secret *password; /* NULL: none */
	int privilege;		       /* IPMI_PRIVILEGE_LEVEL_… */
	int ciphers[IPMI_CIPHERS_MAX];
	int n_ciphers;
	unsigned flags, sol_flags; /* workarounds of libfreeipmi and libipmiconsole */
	bool flags_given;	   /* the site file named them: nothing else is tried */
	int session_timeout_ms, retransmit_ms;
	bool efi;
	const char *guid_order;
};

struct ipmi_reply {
	uint8_t code; /* completion code */
	uint8_t data[1024];
	size_t len; /* of data */
};

struct ipmi_session;
struct ipmi_sol;
struct sdr_cache;

/* One user of the BMC at a time.  Ordinary requests use the first; urgent ones the second when the
 * first is busy, so that a slow read never delays a fence. */
struct ipmi_lane {
	struct ipmi_device *d;
	pthread_mutex_t lock;
	struct ipmi_session *session; /* NULL: none */
	int64_t deadline_ms;	      /* of the request that holds the lock */
	bool proven;		      /* the session has answered this request */
	struct sdr_cache *sdr;
};

/* What is known about a power change under way.  Under the device's lock. */
struct power_watch {
	int64_t off_first_ms, off_last_ms; /* readings for it, without an "on" between; 0: none */
	int64_t sent_ms;		   /* when the wish was last sent; 0: not */
	bool sent_on, changed;
};

struct ipmi_device {
	const char *name;
	struct ipmi_config config;
	struct ipmi_lane lane[2];
	pthread_mutex_t lock;
	int cipher_index;	    /* last one that worked, in config.ciphers */
	int cipher;		    /* of the last session; -1: none yet */
	unsigned session_flags;	    /* workarounds that worked */
	struct power_watch watch;
	struct ipmi_sol *sol;
};

/* ipmi_config.c: fill @config from the options.  ERROR_INVALID says what is wrong. */
extern const struct driver_option ipmi_options[];
int ipmi_config_parse(struct ipmi_config *config, const struct driver_device *dev, struct error *err);

/* ipmi_session.c: all waits end at @until (on clock_mono_ms()).  A session that did not answer in
 * time may not be used again, only put; its thread ends by itself. */
struct session_params {
	const char *address, *user;
	const struct secret *password;
	int privilege, cipher;
	unsigned flags;
	int session_timeout_ms, retransmit_ms;
};

enum session_result { SESSION_OK, SESSION_LATE, SESSION_FAILED };

/* A session, or NULL when there is no thread to be had.  @params is copied. */
struct ipmi_session *session_create(const struct session_params *params);
/* SESSION_FAILED: *errnum is libfreeipmi's. */
enum session_result session_open(struct ipmi_session *s, int64_t until, int *errnum);
enum session_result session_command(struct ipmi_session *s, uint8_t netfn, const uint8_t *request, size_t len,
				    struct ipmi_reply *reply, int64_t until, int *errnum);
/* False when it ended by itself for lack of use, failed, or was opened in such a hurry that it would
 * not wait @timeout_ms for an answer. */
bool session_fits(struct ipmi_session *s, int64_t timeout_ms);
/* The session is closed in the background.  NULL is allowed. */
void session_put(struct ipmi_session *s);

/* ipmi_lane.c */
struct ipmi_lane *lane_enter(struct ipmi_device *d, const struct driver_call *call, struct error *err);
void lane_leave(struct ipmi_lane *lane);
void lane_fini(struct ipmi_lane *lane);

/* Send a command and take whatever completion code comes.  -1: no answer, with the reason. */
int ipmi_send(struct ipmi_lane *lane, uint8_t netfn, uint8_t cmd, const uint8_t *data, size_t len,
	      struct ipmi_reply *reply, struct error *err);
/* The same; a completion code other than 0, or fewer than @want bytes of data, is an error too. */
int ipmi_ask(struct ipmi_lane *lane, uint8_t netfn, uint8_t cmd, const uint8_t *data, size_t len, size_t want,
	     struct ipmi_reply *reply, struct error *err);

/* ipmi_error.c: always return -1. */
int ipmi_library_error(const char *name, int errnum, struct error *err);
int ipmi_code_error(const char *name, uint8_t netfn, uint8_t cmd, uint8_t code, struct error *err);
/* Is the error one after which nobody knows whether the command was carried out? */
bool ipmi_error_is_silence(const struct error *err);

/* What a change came to: fill in its result. */
void power_change(struct ipmi_lane *lane, struct driver_change *c);
void shutdown_change(struct ipmi_lane *lane, struct driver_change *c);
void identify_change(struct ipmi_lane *lane, struct driver_change *c);
void boot_change(struct ipmi_lane *lane, struct driver_change *c);
void password_change(struct ipmi_lane *lane, struct driver_change *c);
/* CHANGE_NOT_APPLIED, or CHANGE_UNKNOWN when @sent and the BMC fell silent. */
void ipmi_change_failed(struct driver_change *c, bool sent, const struct error *err);

/* Parts of the document; a new reference or NULL. */
json_t *power_document(struct ipmi_lane *lane, struct error *err);
json_t *boot_document(struct ipmi_lane *lane, struct error *err);
json_t *identity_document(struct ipmi_lane *lane, struct error *err);
json_t *sel_document(struct ipmi_lane *lane, struct error *err);
json_t *sensors_document(struct ipmi_lane *lane, struct error *err);
json_t *security_document(struct ipmi_lane *lane, struct error *err);

/* ipmi_sdr.c: the records of the sensors, kept while the BMC says that they are the same. */
struct sdr_cache *sdr_cache_create(void);
void sdr_cache_destroy(struct sdr_cache *cache);
/* The name of a sensor as far as it is known already, or NULL. */
const char *sdr_name(const struct sdr_cache *cache, uint8_t number);

/* ipmi_sol.c */
struct ipmi_sol *sol_create(const struct ipmi_device *d);
void sol_destroy(struct ipmi_sol *sol);
/* Begin to capture and set the mark at the end of what was printed so far; or stop. */
int sol_capture(struct ipmi_sol *sol, bool on, bool *changed, int64_t until, struct error *err);
/* {"text", "seen"}: the text since the mark, and whether @wanted came. */
json_t *sol_document(struct ipmi_sol *sol, const char *wanted);
int sol_console(struct ipmi_sol *sol, const char *action, const char *data, int64_t until, struct error *err);

#endif
