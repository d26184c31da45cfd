/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Judging an image; see verify.h.  The shims are out of the way here: SQLite uses its own VFS.
 */
#include "verify.h"

#include "shim.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *const verdict_names[VERDICTS] = {
	"good", "lost", "half", "damaged", "refused", "backup"
};

static bool intact(sqlite3 *db, char *why)
{
	sqlite3_stmt *stmt;
	bool ok = false;

	if (sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW) {
		ok = !strcmp((const char *)sqlite3_column_text(stmt, 0), "ok");
		if (!ok)
			snprintf(why, 256, "%.200s", (const char *)sqlite3_column_text(stmt, 0));
	} else {
		snprintf(why, 256, "%.200s", sqlite3_errmsg(db));
	}
	sqlite3_finalize(stmt);
	return ok;
}

static enum verdict compare(const struct load *l, const struct disk *d, int64_t turn,
			    uint64_t digest, char *why)
{
	int64_t newest = d->refused ? d->acked : d->begun;

	if (turn < d->acked) {
		snprintf(why, 256, "turn %lld was acknowledged, found turn %lld",
			 (long long)d->acked, (long long)turn);
		return LOST;
	}
	if (turn > newest && turn > 0) {
		snprintf(why, 256, "found turn %lld, which was refused or has not begun",
			 (long long)turn);
		return HALF;
	}
	if (turn >= 0 && digest != l->digest[turn]) {
		snprintf(why, 256, "the content is not that of turn %lld", (long long)turn);
		return HALF;
	}
	return GOOD;
}

static enum verdict with_sqlite(const struct load *l, const struct disk *d, const char *path,
				char *why)
{
	enum verdict verdict = DAMAGED;
	sqlite3 *db = NULL;
	uint64_t digest;
	int64_t turn;

	if (access(path, F_OK) != 0)
		return compare(l, d, -1, 0, why);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, "unix") !=
	    SQLITE_OK)
		snprintf(why, 256, "%.200s", sqlite3_errmsg(db));
	else if (!intact(db, why))
		verdict = DAMAGED;
	else if (digest_of(db, &digest, &turn) < 0)
		snprintf(why, 256, "%.200s", sqlite3_errmsg(db));
	else
		verdict = compare(l, d, turn, digest, why);
	sqlite3_close(db);
	return verdict;
}

static bool secrets_open(struct store *s, char *why)
{
	sqlite3_stmt *stmt;
	struct error err = { 0 };
	struct secret *secret;
	bool ok = true;

	if (sqlite3_prepare_v2(shim_connection, "SELECT name FROM secret", -1, &stmt, NULL) !=
	    SQLITE_OK)
		return false;
	while (ok && sqlite3_step(stmt) == SQLITE_ROW) {
		secret = store_secret_get(s, (const char *)sqlite3_column_text(stmt, 0), &err);
		ok = secret != NULL;
		secret_destroy(secret);
	}
	sqlite3_finalize(stmt);
	if (!ok)
		snprintf(why, 256, "%.200s", err.text);
	return ok;
}

static enum verdict with_store(const struct load *l, const struct disk *d, const char *path,
			       const char *key, char *why)
{
	enum verdict verdict = REFUSED;
	struct error err = { 0 };
	struct store *s = store_open(path, key, &err);
	uint64_t digest;
	int64_t turn;

	if (!s) {
		snprintf(why, 256, "store_open: %.200s", err.text);
		return REFUSED;
	}
	if (digest_of(shim_connection, &digest, &turn) < 0)
		snprintf(why, 256, "store_open: %.200s", sqlite3_errmsg(shim_connection));
	else if (secrets_open(s, why))
		verdict = compare(l, d, turn, digest, why);
	store_close(s);
	return verdict;
}

enum verdict verify_image(const struct load *l, const struct disk *d, const struct image *image,
			  const char *dir, char *why)
{
	char path[256], key[256], shm[272];
	enum verdict verdict;

	why[0] = '\0';
	if (image_lacks_backup(image, d)) {
		snprintf(why, 256, "an acknowledged backup is not there");
		return BACKUP;
	}
	snprintf(path, sizeof(path), "%s/data/recast.db", dir);
	snprintf(key, sizeof(key), "%s/keys/recast.key", dir);
	snprintf(shm, sizeof(shm), "%s-shm", path);
	unlink(shm);
	image_put(image, &l->log, dir);
	verdict = with_sqlite(l, d, path, why);
	if (verdict != GOOD)
		return verdict;
	unlink(shm);
	image_put(image, &l->log, dir);
	return with_store(l, d, path, key, why);
}

bool verify_backup(const char *path, uint64_t digest)
{
	sqlite3 *db = NULL;
	char why[256];
	uint64_t found = 0;
	int64_t turn;
	bool ok = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, "unix") == SQLITE_OK &&
		  intact(db, why) && digest_of(db, &found, &turn) == 0 && found == digest;

	sqlite3_close(db);
	return ok;
}
