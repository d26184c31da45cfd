/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The life of a store under the shims: folders, opening, turns, backups, digests.  What a turn does is in
 * turn.c.  All chance comes from the seed, also salts, nonces and keys, so a log can be made again.
 */
#include "workload.h"

#include "shim.h"
#include "turn.h"

#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t random_state;

static const char *random_name(void)
{
	return "powerloss";
}

static uint32_t random_number(void)
{
	random_state = mix(random_state, 0x6e6f6e6365);
	return (uint32_t)random_state;
}

static void random_bytes(void *const buf, const size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		((unsigned char *)buf)[i] = (unsigned char)random_number();
}

static struct randombytes_implementation same_random = {
	.implementation_name = random_name,
	.random = random_number,
	.buf = random_bytes,
};

void folder_make(const char *path)
{
	char part[512], *slash;

	snprintf(part, sizeof(part), "%s/", path);
	for (slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(part, 0700);
		*slash = '/';
	}
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void folder_remove(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void load_init(struct load *l, const char *root, uint64_t seed, const char *pragmas)
{
	static const char *const folders[] = { "data", "keys", "backup" };
	char path[192];
	size_t i;

	memset(l, 0, sizeof(*l));
	snprintf(l->root, sizeof(l->root), "%s", root);
	snprintf(l->database, sizeof(l->database), "%s/data/recast.db", root);
	snprintf(l->key, sizeof(l->key), "%s/keys/recast.key", root);
	snprintf(l->backups, sizeof(l->backups), "%s/backup", root);
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", root, folders[i]);
		folder_make(path);
	}
	l->seed = seed;
	l->pragmas = pragmas;
	oplog_init(&l->log, root);
	randombytes_set_implementation(&same_random);
	random_state = mix(seed, 0x6b6579);
}

void load_fini(struct load *l)
{
	load_close(l, true);
	oplog_fini(&l->log);
	folder_remove(l->root);
}

static int digest_now(struct load *l, int64_t turn, struct error *err)
{
	bool armed = shim_fault.armed;
	int64_t found;
	int rc;

	shim_fault.armed = false; /* this is the rig's own reading */
	rc = digest_of(l->db, &l->digest[turn], &found);
	shim_fault.armed = armed;
	if (rc < 0 || found != turn)
		return error_set(err, ERROR_INTERNAL,
				 "the store says turn %lld after turn %lld: %s", (long long)found,
				 (long long)turn, sqlite3_errmsg(l->db));
	return 0;
}

int load_open(struct load *l, const char *session, struct error *err)
{
	bool first = l->turn == 0;

	shim_use(true, mix(l->seed, l->log.n));
	shim_log = &l->log;
	l->store = store_open(l->database, l->key, err);
	if (!l->store) {
		shim_log = NULL;
		return -1;
	}
	l->db = shim_connection;
	if (l->pragmas)
		sqlite3_exec(l->db, l->pragmas, NULL, NULL, NULL);
	if (session)
		sqlite3_exec(l->db, session, NULL, NULL, NULL);
	if (!first)
		return 0;
	oplog_mark(&l->log, OP_ACK, 0, -1, 0);
	return digest_now(l, 0, err);
}

void load_close(struct load *l, bool clean)
{
	if (!l->store)
		return;
	if (!clean)
		sqlite3_db_config(l->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	store_close(l->store);
	l->store = NULL;
	l->db = NULL;
	shim_log = NULL;
	shim_use(false, 0);
}

int load_turn(struct load *l, struct error *err)
{
	int64_t turn = l->turn + 1;
	char text[24];
	int rc;

	random_state = mix(l->seed, (uint64_t)turn);
	shim_fault.at_commit_record = false;
	oplog_mark(&l->log, OP_BEGIN, turn, -1, 0);
	store_set_time(l->store, 1000000 + turn * 1000);
	snprintf(text, sizeof(text), "%lld", (long long)turn);
	store_meta_set(l->store, "powerloss", text);
	turn_write(l->store, l->seed, turn);
	rc = store_commit(l->store, err);
	if (rc < 0) {
		oplog_mark(&l->log, OP_FAILED, turn, -1, shim_fault.at_commit_record);
		return -1;
	}
	oplog_mark(&l->log, OP_ACK, turn, -1, 0);
	l->turn = turn;
	return digest_now(l, turn, err);
}

int load_backup(struct load *l, int n, struct error *err)
{
	char path[224];
	int64_t bytes;

	snprintf(path, sizeof(path), "%s/%d.db", l->backups, n);
	if (store_backup(l->store, path, &bytes, err) < 0)
		return -1;
	oplog_mark(&l->log, OP_BACKUP, n, oplog_name(&l->log, path), 0);
	return 0;
}
