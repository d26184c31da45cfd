/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The use cases of Recast, free of sockets and SQL text: what the API calls.  Every function answers
 * through a `struct answer`, at once or later; an answer to a change leaves only after its commit.
 */
#ifndef RECAST_SERVICE_H
#define RECAST_SERVICE_H

#include "env.h"
#include "error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct core;

/* Who asks, once service_authenticate() has found out. */
struct caller {
	bool local; /* over the unix socket, by its uid */
	int64_t uid;
	char name[96]; /* "uid 0", "token ci", "cert CN=ci" */
	char from[64]; /* "socket", or an address */
	char token[65]; /* the token's hash; empty: another way */
	char account[256]; /* key of a certificate's account; empty: another way */
	int role;	/* enum role of access.h */
	json_t *scopes; /* owned; NULL or empty: the whole site */
};

/* What a request shows of who sends it. */
struct credentials {
	const char *from;	   /* "socket", or an address */
	int64_t uid;		   /* over the unix socket; -1: another way */
	bool trusted;		   /* that uid may do everything */
	const char *authorization; /* header, or NULL */
	const char *subject;	   /* of a client certificate that was verified, or NULL */
};

/* What a request is about, for its rights. */
enum target { TARGET_ANY, TARGET_SITE, TARGET_MACHINE, TARGET_PERSONA, TARGET_RUN, TARGET_WISH };

/* How an answer gets back.  `send` is called exactly once and frees the object. */
struct answer {
	void (*send)(struct answer *a, int status, json_t *body, const char *location); /* steals body */
	struct caller caller;
	int64_t audit; /* the record of the request; 0: it changes nothing */
};

/* One thing that the doctor looked at.  The strings are borrowed. */
struct finding {
	const char *group;  /* "controller", "site" or "devices" */
	const char *name;   /* of the check */
	const char *object; /* the file, machine or device */
	const char *state;  /* "ok", "warn" or "fail" */
	const char *text, *hint;
};

typedef void (*finding_fn)(void *x, const struct finding *f);

/* A request that may come again: its Idempotency-Key (NULL: none), and a hash of what it asks for. */
struct once {
	const char *key;
	char what[33];
};

/* core.c */
struct core_config {
	const char *database, *key_file, *driver_path;
	int64_t keep_events, keep_runs;
	int64_t reconcile_ms; /* 0: devices are read for drift only on request */
	void (*superseded)(void *arg); /* another controller has taken over the database; NULL: nobody asks */
	void *arg;
	/* Looks after the controller's own files for the doctor; NULL: nobody does. */
	void (*examine)(void *arg, finding_fn note, void *x);
	void *examine_arg;
};

/* Open the store, load the model and take up open runs.  NULL with the reason. */
struct core *core_create(struct env *env, const struct core_config *config, struct error *err);
void core_destroy(struct core *c);

/* Called after each commit that made events: send what is new to the streams. */
void core_on_events(struct core *c, void (*fn)(void *arg), void *arg);
/* Called with console output of a machine. */
void core_on_console(struct core *c, void (*fn)(void *arg, const char *machine, const char *data), void *arg);

/* Events after @seq as [{seq, time, type, run, doc}]. */
json_t *core_events_after(struct core *c, int64_t seq, int limit);
int64_t core_last_event(const struct core *c);
int64_t core_time(const struct core *c); /* UTC ms */

/* A problem body (RFC 9457) for an error. */
json_t *problem_json(const struct error *err);
void answer_error(struct core *c, struct answer *a, const struct error *err);

/* rights.c: UNAUTHENTICATED or DENIED when nobody comes in like this.  @caller's scopes are the receiver's to free. */
int service_authenticate(struct core *c, const struct credentials *k, struct caller *caller, struct error *err);
/* Whether @caller may do @verb ("apply", see access/roles.def) with the object; DENIED with what it lacks. */
int service_may(struct core *c, const struct caller *caller, const char *verb, enum target target, const char *object,
		const json_t *body, struct error *err);
/* For streams: whether what it came in with is still good and means the same, and whether it may see an event. */
bool service_still_in(struct core *c, const struct caller *caller);
bool service_shows_event(struct core *c, const struct caller *caller, const json_t *doc);
void service_whoami(struct core *c, struct answer *a);
void service_can(struct core *c, struct answer *a, const json_t *body);

/* login.c: users, their passwords and sessions.  @from: where the request comes from. */
void service_user_put(struct core *c, struct answer *a, const char *name, const json_t *body);
void service_user_delete(struct core *c, struct answer *a, const char *name);
void service_login(struct core *c, struct answer *a, const char *from, const json_t *body);
void service_logout(struct core *c, struct answer *a);
void service_password(struct core *c, struct answer *a, const json_t *body);

/* token.c */
void service_user_list(struct core *c, struct answer *a);
void service_token_create(struct core *c, struct answer *a, const json_t *body);
void service_token_list(struct core *c, struct answer *a);
void service_token_revoke(struct core *c, struct answer *a, const char *name);
void service_account_put(struct core *c, struct answer *a, const json_t *body);
void service_account_list(struct core *c, struct answer *a);
void service_account_delete(struct core *c, struct answer *a, const json_t *body);

/* approval.c: {plan: …}, by somebody else than who will carry it out. */
void service_approve(struct core *c, struct answer *a, const json_t *body);
void service_approval_list(struct core *c, struct answer *a);

/* audit.c: record a request before it is carried out; @denied: that it was not. */
void service_audit_request(struct core *c, struct answer *a, const char *method, const char *path, const json_t *body,
			   const struct error *denied);
void service_audit_verify(struct core *c, struct answer *a);

/* define.c */
void service_define(struct core *c, struct answer *a, const json_t *body);
/* One document as its whole; "site", "personas" or "templates".  Answered with what GET tells then. */
void service_document_put(struct core *c, struct answer *a, const char *collection, const char *name, const json_t *body);
/* Forget a persona that plays nowhere, or a template that nothing is made from. */
void service_definition_delete(struct core *c, struct answer *a, const char *collection, const char *name);

/* cast.c: plan and run a wish {action, persona?, machine?, group?, with?} or {plan: …}. */
void service_plan(struct core *c, struct answer *a, const json_t *body);
void service_run(struct core *c, struct answer *a, const json_t *body, const struct once *once);
void service_cancel(struct core *c, struct answer *a, int64_t run);
/* A run that takes a machine out of quarantine: off, its role's maps gone, its ports parked. */
void service_return(struct core *c, struct answer *a, const char *machine, const struct once *once);

/* reconcile.c: what was found to differ; with @now after all devices were read anew. */
void service_drift(struct core *c, struct answer *a, const char *persona, bool now);

/* volume.c: what is on an array, and runs that change it.  @volume is VOLUME, or VOLUME@SNAPSHOT where that is said. */
void service_volumes(struct core *c, struct answer *a, const char *array);
void service_volume_create(struct core *c, struct answer *a, const char *array, const json_t *body, const struct once *once);
void service_volume_delete(struct core *c, struct answer *a, const char *array, const char *volume /* or snapshot */,
			   const struct once *once);
void service_volume_resize(struct core *c, struct answer *a, const char *array, const char *volume, const json_t *body,
			   const struct once *once);
void service_volume_restore(struct core *c, struct answer *a, const char *array, const char *volume, const json_t *body,
			    const struct once *once);

/* power.c */
void service_power_get(struct core *c, struct answer *a, const char *machine);
void service_power_set(struct core *c, struct answer *a, const char *machine, const json_t *body, const struct once *once);
void service_health(struct core *c, struct answer *a, const char *machine);
void service_identify(struct core *c, struct answer *a, const char *machine, const json_t *body);
void service_console(struct core *c, struct answer *a, const char *machine, const char *action,
		     const char *data);

/* fence.c */
void service_fence(struct core *c, struct answer *a, const char *machine, const json_t *body);

/* list.c: a page of a list, which follows what the one before has told as `next`; NULL: the first. */
enum { PAGE_MAX = 1000 };
struct list_page {
	const char *after;
	int limit;
};
void service_list(struct core *c, struct answer *a, const char *collection, const struct list_page *page);
void service_runs(struct core *c, struct answer *a, bool open_only, const struct list_page *page);
void service_audit_list(struct core *c, struct answer *a, const struct list_page *page);

/* view.c */
void service_status(struct core *c, struct answer *a);
/* What GET tells of an object, or of its document when @part is "document"; NULL: NOT_FOUND.  A new reference. */
json_t *service_object(struct core *c, const char *collection, const char *name, const char *part, struct error *err);
void service_show(struct core *c, struct answer *a, const char *collection, const char *name, const char *part);
/* One line for who supervises the controller: the site, and what is under way. */
void service_summary(struct core *c, char *out, size_t size);
void service_run_show(struct core *c, struct answer *a, int64_t id);
void service_errors(struct core *c, struct answer *a);

/* metrics.c: 200 when a commit just succeeded, or succeeds now; else the problem.  And the numbers of it all. */
void service_ready(struct core *c, struct answer *a);
json_t *service_metrics(struct core *c);

/* admin.c */
void service_secret_put(struct core *c, struct answer *a, const char *name, json_t *body);
/* Another password for the device that uses the secret, on the device and here. */
void service_secret_rotate(struct core *c, struct answer *a, const char *name);
/* Another master key; with `tokens` in @body also other keys for tokens and signatures. */
void service_key_rotate(struct core *c, struct answer *a, const json_t *body);
void service_secret_list(struct core *c, struct answer *a);
void service_secret_delete(struct core *c, struct answer *a, const char *name);
void service_backup(struct core *c, struct answer *a, const json_t *body);

/* doctor.c */
void service_doctor(struct core *c, struct answer *a);

/* trust.c: the server keys of devices; GET asks the device what it shows now. */
void service_trust_get(struct core *c, struct answer *a, const char *device);
void service_trust_put(struct core *c, struct answer *a, const char *device, const json_t *body);
void service_trust_delete(struct core *c, struct answer *a, const char *device);

/* boot.c: text for the firmware, always to be served as it is. */
char *service_boot_script(struct core *c, const char *mac, const char *uuid, const char *address);
char *service_boot_report(struct core *c, const char *mac, const char *uuid, const char *stage,
			  const char *address);
char *service_boot_config(struct core *c, const char *mac, const char *uuid);

#endif
