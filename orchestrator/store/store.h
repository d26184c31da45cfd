/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The database: one SQLite file, one connection, owned by the core's thread.  The only SQL of Recast.
 *
 * Writes join the transaction of the current turn of the loop; store_commit() ends it with one fsync.
 * Whoever must not act before his write is durable waits for that commit (group commit).  A write
 * or a read between writes that fails makes store_commit() fail and roll the whole turn back; nothing of it has
 * happened then.  Only when the fsync of the commit itself fails, nobody can know: no later read shows the turn, but
 * after a power loss it may be there as a whole, unless another turn was committed since.
 */
#ifndef RECAST_STORE_H
#define RECAST_STORE_H

#include "chain.h"
#include "error.h"
#include "secret.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct store;

/* Open or make the database at @path and the 0400 master key at @key_path, migrate, check.  A database of
 * a newer Recast, a damaged one and one that another process has open are refused. */
struct store *store_open(const char *path, const char *key_path, struct error *err);
void store_close(struct store *s);

/* True while the turn has uncommitted writes. */
bool store_dirty(const struct store *s);
int store_commit(struct store *s, struct error *err);
uint64_t store_commits(const struct store *s);

/* Begin a new term of control: the epoch in the database grows by one, all locks are taken over, and this
 * is committed.  From then on a commit fails with SUPERSEDED once another term has begun. */
int store_claim(struct store *s, int64_t *epoch, struct error *err);
/* Whether no later term has begun, as far as the database can be read. */
bool store_in_term(struct store *s);

/* Note the time of the writes to come (UTC ms). */
void store_set_time(struct store *s, int64_t now_ms);

/* A consistent copy of the database into a new file @path (mode 0600). */
int store_backup(struct store *s, const char *path, int64_t *bytes, struct error *err);

/* meta: a text by key; NULL when absent (free it).  */
char *store_meta_get(struct store *s, const char *key);
void store_meta_set(struct store *s, const char *key, const char *value);

/* object: what people define. */
typedef void (*store_object_fn)(void *arg, const char *kind, const char *name, json_t *doc);
int store_object_each(struct store *s, store_object_fn fn, void *arg, struct error *err);
json_t *store_object_get(struct store *s, const char *kind, const char *name);
void store_object_put(struct store *s, const char *kind, const char *name, const json_t *doc);
void store_object_delete(struct store *s, const char *kind, const char *name);

/* identity: [{kind, value, slot}] of a persona; who holds a value ({persona, slot, state, since} or NULL). */
json_t *store_identity_of(struct store *s, const char *persona);
json_t *store_identity_holder(struct store *s, const char *kind, const char *value);
void store_identity_put(struct store *s, const char *kind, const char *value, int64_t number,
			const char *persona, const char *slot);
void store_identity_release(struct store *s, const char *kind, const char *value);
void store_identity_purge(struct store *s, int64_t before_ms);
/* How many active values of @kind there are, in [first, last] when last is not 0. */
int64_t store_identity_count(struct store *s, const char *kind, int64_t first, int64_t last);
/* A number in [first, last] that no row of @kind has: after the highest, else a gap; -1 when full. */
int64_t store_identity_free(struct store *s, const char *kind, int64_t first, int64_t last);

/* assignment and quarantine, read once at start. */
typedef void (*store_assignment_fn)(void *arg, const char *persona, const char *machine, int64_t generation,
				    int64_t last);
int store_assignment_each(struct store *s, store_assignment_fn fn, void *arg, struct error *err);
void store_assignment_put(struct store *s, const char *persona, const char *machine, int64_t generation,
			  int64_t last);
typedef void (*store_quarantine_fn)(void *arg, const char *machine, const char *reason, const char *confirmed);
int store_quarantine_each(struct store *s, store_quarantine_fn fn, void *arg, struct error *err);
/* @run 0: by hand; @confirmed: who has given his word that it is off, or NULL. */
void store_quarantine_put(struct store *s, const char *machine, const char *reason, int64_t run,
			  const char *confirmed);
void store_quarantine_delete(struct store *s, const char *machine);

/* record: small documents by kind ("drift", "token", "account", "approval") and a key of the caller's; in order of keys. */
typedef void (*store_record_fn)(void *arg, const char *key, json_t *doc);
void store_record_each(struct store *s, const char *kind, store_record_fn fn, void *arg);
json_t *store_record_get(struct store *s, const char *kind, const char *key); /* NULL: none */
void store_record_put(struct store *s, const char *kind, const char *key, const json_t *doc);
void store_record_delete(struct store *s, const char *kind, const char *key);

/* audit: a chain of records; see chain.h.  The number of the new record. */
int64_t store_audit_add(struct store *s, const json_t *doc);
/* [{seq, doc, hash}] after @seq. */
json_t *store_audit_after(struct store *s, int64_t seq, int limit);
/* The last record of the chain, with the turn's own: its number (0: none) and hash. */
int64_t store_audit_head(struct store *s, char hash[CHAIN_TEXT]);
/* A keyed hash of @text that cannot be told back, under a key that is made from the root for @purpose (8 bytes). */
void store_keyed_hash(struct store *s, const char *purpose, const char *text, size_t len, char out[CHAIN_TEXT]);
/* Sign @text with the key of the controller, which is made from the root; hex.  The key that checks it, hex. */
void store_sign(struct store *s, const char *text, char signature[129], char public_key[65]);

/* secret: encrypted at rest.  get returns NULL with NOT_FOUND, or INTERNAL when it cannot be opened. */
struct secret *store_secret_get(struct store *s, const char *name, struct error *err);
int store_secret_put(struct store *s, const char *name, const struct secret *value, struct error *err);
bool store_secret_delete(struct store *s, const char *name);
json_t *store_secret_names(struct store *s);

/* Box all secrets anew under a new master key, which takes the place of the old one; with @new_root make other keys for tokens
 * and signatures, too, so that no token is known any more.  To be called between turns; commits.  How many secrets there are,
 * or -1, and then nothing has changed. */
int store_key_rotate(struct store *s, bool new_root, struct error *err);

/* run, step, lock: the journal of the engine. */
int64_t store_run_last(struct store *s);
void store_run_add(struct store *s, int64_t id, const char *action, const char *persona,
		   const char *machine, const json_t *doc, const char *request);
void store_run_state(struct store *s, int64_t id, const char *state, const char *reason, bool ended);
/* {id, action, persona, machine, state, reason, created, ended, doc}; without steps. */
json_t *store_run_get(struct store *s, int64_t id);
json_t *store_run_by_request(struct store *s, const char *request);
json_t *store_run_open(struct store *s);
json_t *store_run_recent(struct store *s, int64_t before, int limit);
/* {state: how many are kept} */
json_t *store_run_counts(struct store *s);
void store_step_add(struct store *s, int64_t run, int n, const json_t *doc);
void store_step_state(struct store *s, int64_t run, int n, const char *state, const char *reason, bool ended);
/* [{n, doc, state, reason, started, ended}] */
json_t *store_step_all(struct store *s, int64_t run);
void store_lock_add(struct store *s, const char *target, int64_t run, int64_t epoch);
void store_lock_release(struct store *s, int64_t run);
json_t *store_lock_of(struct store *s, int64_t run);

/* event: the public stream, numbered without gaps. */
int64_t store_event_add(struct store *s, const char *type, int64_t run, const json_t *doc);
/* [{seq, time, type, run, doc}] after @seq. */
json_t *store_event_after(struct store *s, int64_t seq, int limit);
/* The last one that was committed. */
int64_t store_event_last(const struct store *s);
/* Keep only the newest @keep events and ended runs. */
void store_trim(struct store *s, int64_t keep_events, int64_t keep_runs);

#endif
