/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Modes and owners of the controller's files and of the folders they lie in, and the ends of its certificates.  See
 * hygiene.h.  It reads certificates and modes only, never a byte of a key.
 */
#include "hygiene.h"

#include "arena.h"
#include "cleanup.h"
#include "secret.h"

#include <errno.h>
#include <libgen.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SOON_DAYS = 30, DAY_S = 24 * 3600 };

/* What others may not do with a file. */
enum guard {
	GUARD_READ,	   /* nothing at all */
	GUARD_WRITE = 022, /* change it: these bits of its mode */
};

struct visit {
	finding_fn note;
	void *x;
};

static void report(const struct visit *v, const char *name, const char *object, const char *state, const char *text,
		   const char *hint)
{
	v->note(v->x, &(struct finding){ "controller", name, object, state, text, hint });
}

/* Files of root are as safe as our own: root needs no permission. */
static bool owned_by_stranger(const struct stat *st)
{
	return st->st_uid != 0 && st->st_uid != geteuid();
}

static bool is_guarded(const struct stat *st, enum guard guard)
{
	if (guard == GUARD_READ)
		return secret_file_is_private(st, geteuid()) && !owned_by_stranger(st);
	return !(st->st_mode & GUARD_WRITE) && !owned_by_stranger(st);
}

/* A folder with the sticky bit, such as /tmp, lets nobody replace the files of others. */
static bool folder_is_open(const struct stat *st)
{
	return owned_by_stranger(st) || ((st->st_mode & GUARD_WRITE) && !(st->st_mode & S_ISVTX));
}

static bool examine_folder(const struct visit *v, const char *name, const char *path)
{
	_cleanup_(freep) char *copy = xstrdup(path), *text = NULL, *hint = NULL;
	const char *folder = dirname(copy);
	struct stat st;

	if (stat(folder, &st) || !folder_is_open(&st))
		return true;
	text = xasprintf("others may put another file in its place (mode %04o)", st.st_mode & 07777);
	hint = xasprintf("chmod go-w %s, and chown it to the user of recastd", folder);
	report(v, name, folder, "fail", text, hint);
	return false;
}

/* @required: it has to be there. */
static void examine_file(const struct visit *v, const char *name, const char *path, enum guard guard, bool required)
{
	_cleanup_(freep) char *text = NULL, *hint = NULL;
	struct stat st;

	if (stat(path, &st)) {
		if (!required)
			return;
		text = xasprintf("it cannot be looked at: %s", strerror(errno));
		report(v, name, path, "fail", text, "Bring it back, or correct its path in recast.conf.");
		return;
	}
	if (is_guarded(&st, guard)) {
		if (examine_folder(v, name, path))
			report(v, name, path, "ok", guard == GUARD_READ ? "only its owner may read it" : "only its owner may change it",
			       "");
		return;
	}
	text = xasprintf(guard == GUARD_READ ? "others than recastd may read or change it (mode %04o, uid %d)" :
					       "others than recastd may change it (mode %04o, uid %d)",
			 st.st_mode & 07777, (int)st.st_uid);
	hint = xasprintf("chmod %s %s, and chown it to the user of recastd", guard == GUARD_READ ? "go-rwx" : "go-w", path);
	report(v, name, path, "fail", text, hint);
}

static void examine_database(const struct visit *v, const char *path)
{
	_cleanup_(freep) char *wal = xasprintf("%s-wal", path), *shm = xasprintf("%s-shm", path);

	examine_file(v, "database", path, GUARD_READ, true);
	examine_file(v, "database", wal, GUARD_READ, false);
	examine_file(v, "database", shm, GUARD_READ, false);
}

static void examine_socket(const struct visit *v, const char *path)
{
	_cleanup_(freep) char *text = NULL;
	struct stat st;

	if (stat(path, &st))
		return;
	if (st.st_mode & 07) {
		text = xasprintf("everybody on this host may use the controller (mode %04o)", st.st_mode & 0777);
		report(v, "socket", path, "fail", text, "Set socket_mode = 0660 and socket_group in recast.conf.");
	} else if (examine_folder(v, "socket", path)) {
		report(v, "socket", path, "ok", "only its owner and group may use it", "");
	}
}

/* Days until @at, rounded down; negative when it has passed. */
static int days_until(const ASN1_TIME *at)
{
	int days = 0, seconds = 0;

	if (!ASN1_TIME_diff(&days, &seconds, NULL, at))
		return 0;
	return days < 0 || seconds < 0 ? days - 1 : days;
}

static void judge_certificate(const struct visit *v, const char *name, const char *path, X509 *certificate)
{
	int days = days_until(X509_get0_notAfter(certificate));
	_cleanup_(freep) char *text = NULL;

	if (days < 0)
		text = xasprintf("it expired %d days ago", -days - 1);
	else
		text = xasprintf("it expires in %d days", days);
	report(v, name, path, days < 0 ? "fail" : days <= SOON_DAYS ? "warn" : "ok", text,
	       days <= SOON_DAYS ? "Put a new one in its place, then systemctl reload recastd (SIGHUP)." : "");
}

/* Every certificate in the file: a chain, or several CAs. */
static void examine_certificates(const struct visit *v, const char *name, const char *path)
{
	FILE *f = fopen(path, "re");
	X509 *certificate;
	int n = 0;

	while (f && (certificate = PEM_read_X509(f, NULL, NULL, (void *)""))) {
		judge_certificate(v, name, path, certificate);
		X509_free(certificate);
		n++;
	}
	ERR_clear_error();
	if (f)
		fclose(f);
	if (!n)
		report(v, name, path, "fail", "no certificate can be read from it", "It must be a PEM file that recastd may read.");
	else
		examine_file(v, name, path, GUARD_WRITE, true);
}

static void examine_tls(const struct visit *v, const struct config *c)
{
	if (*c->tls_certificate)
		examine_certificates(v, "tls-certificate", c->tls_certificate);
	if (*c->tls_client_ca)
		examine_certificates(v, "tls-client-ca", c->tls_client_ca);
	if (*c->tls_key)
		examine_file(v, "tls-key", c->tls_key, GUARD_READ, true);
}

void hygiene_examine(void *arg, finding_fn note, void *x)
{
	const struct hygiene *h = arg;
	const struct config *c = h->config;
	const struct visit v = { note, x };

	if (h->file)
		examine_file(&v, "config-file", h->file, GUARD_WRITE, true);
	examine_file(&v, "key-file", h->key_file, GUARD_READ, true);
	examine_database(&v, c->database);
	examine_socket(&v, c->socket);
	examine_tls(&v, c);
}
