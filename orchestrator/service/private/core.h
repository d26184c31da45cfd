/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Private to the services: the state that the core's one thread owns.
 */
#ifndef RECAST_CORE_H
#define RECAST_CORE_H

#include "dispatch.h"
#include "engine.h"
#include "model.h"
#include "plan.h"
#include "roster.h"
#include "service.h"
#include "store.h"

struct outgoing; /* a device operation that waits for the commit */
struct timer;	 /* of the engine */
struct waiting;	 /* an answer that waits for the commit */
struct reconcile;
struct throttle;
struct rotation;

struct core {
	struct env *env;
	struct core_config config;
	struct store *store;
	struct model *model;
	struct roster *roster;
	struct engine *engine;
	struct dispatch *dispatch;
	struct reconcile *reconcile;
	struct throttle *throttle; /* who tries passwords */
	int logins;		   /* passwords that are being worked out */
	struct rotation *rotations; /* passwords of devices that are being changed */
	int64_t epoch, last_run, started;
	uint64_t era; /* of the engine: answers to an older one are dropped */
	int64_t committed_at; /* the last commit that wrote (monotonic ms) */
	bool commit_failed;   /* the last one did */
	bool superseded; /* another controller has taken over: nothing more may be sent */
	int planning; /* wishes that are being observed */

	struct env_timer *turn, *reload; /* the end of the turn; NULL: not due */
	struct env_timer *audit_head;	 /* when the head of the audit is logged */
	int64_t audit_logged;		 /* the last one */
	struct timer *timers;
	struct outgoing *out_first, **out_last;
	struct waiting *wait_first, **wait_last;

	void (*events_fn)(void *arg);
	void *events_arg;
	void (*console_fn)(void *arg, const char *machine, const char *data);
	void *console_arg;
};

/* The device that works out passwords; a name that no site can give. */
#define PASSWORDS "@password"

/* End the turn soon: commit, let answers and device work go, pump the queues. */
void core_turn_soon(struct core *c);

/* Answer once the turn's writes are durable (at once when there are none).  Steals @body. */
void core_answer(struct core *c, struct answer *a, int status, json_t *body, const char *location);

/* Commit now.  When that fails the engine is taken up again from the journal, as after a restart. */
int core_commit(struct core *c, struct error *err);

/* Append an event to the stream. */
void core_event(struct core *c, const char *type, int64_t run, json_t *doc); /* steals doc */

/* Read the model anew from the store; used at start and after a define. */
struct model *core_load_model(struct core *c, struct error *err);

/* The engine's hands. */
extern const struct engine_ops core_engine_ops;
void outgoing_flush(struct core *c);
void outgoing_drop(struct core *c);
void timers_drop(struct core *c);

/* identity.c: make the identities of @p so, adding complaints; with @write false only check. */
void identities_settle(struct core *c, const struct model *m, const struct persona *p, const struct place *at,
		       bool write, struct problems *problems);
/* The identities of a persona, in @a. */
struct identities *identities_load(struct core *c, const struct persona *p, struct arena *a);

/* A run without its steps, as the API tells it: of a row of the store, and by its number. */
json_t *run_json(const json_t *row);
json_t *run_json_of(struct core *c, int64_t id);

/* The same request sent twice is one run: true when one was started under this key, which is the answer then; or when
 * the key is that of another request, which is an error. */
bool answered_before(struct core *c, struct answer *a, const struct once *once);

/* rotation.c: go on with those that the database knows; let go of them; whether one is under way. */
void rotations_load(struct core *c);
void rotations_drop(struct core *c);
bool secret_is_rotating(struct core *c, const char *name);

/* A machine by name, or an error with the nearest name. */
const struct machine *core_machine(struct core *c, const char *name, struct error *err);
/* The run that holds "KIND:NAME", or 0. */
int64_t core_holder(const struct core *c, const char *kind, const char *name);
/* Whose BMC the device of this name is (model.h: NAME-bmc), or NULL. */
const struct machine *core_machine_of_bmc(struct core *c, const char *device);
const struct persona *core_persona(struct core *c, const char *name, struct error *err);

/* unfenced.c: what the plan leaves unfenced is remembered; a step that shuts or opens such a port has ended; those that
 * earlier casts of the persona left, into the cast. */
void unfenced_note(struct core *c, const struct plan *plan);
void unfenced_settle(struct core *c, const struct step *step);
void unfenced_load(struct core *c, struct cast *cast, struct arena *a);

#endif
