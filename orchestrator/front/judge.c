/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Whether certificate, key and CA could be served.  See judge.h.
 */
#include "judge.h"

#include "clock.h"
#include "credentials.h"
#include "secret.h"
#include "text.h"
#include "tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1 << 20, FILES_MAX = 3 };

static const char *const keys[FILES_MAX] = { "tls_certificate", "tls_key", "tls_client_ca" };

struct loaded {
	char *bytes;
	size_t len;
};

/* Errors of tls.c begin with the key. */
static void tell(const struct error *err)
{
	printf("wrong %s\n", err->text);
}

static void tell_end(int64_t not_after)
{
	int64_t end = not_after * 1000, now = clock_wall_ms();
	char text[40];

	clock_format(end, text, sizeof(text));
	if (end <= now)
		printf("wrong tls_certificate has ended at %s: renew it\n", text);
	else if (end < now + CREDENTIALS_SOON_MS)
		printf("soon tls_certificate ends at %s: renew it, then send recastd a SIGHUP\n", text);
}

static void look(const struct loaded f[FILES_MAX])
{
	struct tls_pem pem = { f[0].bytes, f[1].bytes, NULL, f[0].len, f[1].len, 0 };
	struct tls *tls = tls_create();
	struct error err = { 0 };

	if (tls_load(tls, &pem, &err) == 0)
		tell_end(tls_not_after(tls));
	else
		tell(&err);
	error_clear(&err);
	if (f[2].bytes && tls_try_ca(f[2].bytes, f[2].len, &err))
		tell(&err);
	tls_destroy(tls);
}

int judge(const char *const *files, int n)
{
	struct loaded f[FILES_MAX] = { 0 };
	int i, rc = n < 2 || n > FILES_MAX ? 2 : 0;

	for (i = 0; i < n && rc == 0; i++) {
		f[i].bytes = text_read_file(files[i], FILE_MAX, &f[i].len);
		if (!f[i].bytes) {
			printf("wrong %s cannot be read: %s\n", keys[i], strerror(errno));
			rc = 1;
		}
	}
	if (rc == 0)
		look(f);
	for (i = 0; i < FILES_MAX; i++) {
		if (f[i].bytes)
			secret_wipe(f[i].bytes, f[i].len);
		free(f[i].bytes);
	}
	return rc == 1 ? 0 : rc;
}
