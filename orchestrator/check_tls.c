/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * recastd --check-config: whether certificate, key and CA could be served.  recastd knows nothing of TLS and never holds the
 * key, so recast-front is run for a moment to look at them (orchestrator/front/judge.h).
 */
#include "check_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const enum config_key files[] = { CONFIG_tls_certificate, CONFIG_tls_key, CONFIG_tls_client_ca };
enum { N_FILES = sizeof(files) / sizeof(files[0]) };

/* Whether the file can be read by who asks. */
static bool check_file(struct check *c, enum config_key key)
{
	const char *path = config_value(c->config, key);
	struct stat st;

	if (!*path)
		return key == CONFIG_tls_client_ca;
	if (!check_stat(c, key, path, &st))
		return false;
	if (key == CONFIG_tls_key && (st.st_mode & 07))
		check_wrong(c, key, "chmod o-rwx it, and get a new key if somebody may have read it.",
			    "tls_key: everybody may read or write %s (mode %04o)", path, st.st_mode & 07777);
	if (access(path, R_OK) == 0)
		return true;
	check_unseen(c, key, "what is in %s: this user may not read it", path);
	return false;
}

/* "wrong KEY TEXT" or "unseen KEY TEXT" of recast-front. */
static void hear(struct check *c, char *line)
{
	char *rest = line, *kind = strsep(&rest, " "), *name = strsep(&rest, " ");
	int i;

	rest = rest ? rest : (char *)"";
	rest[strcspn(rest, "\n")] = '\0';
	for (i = 0; i < N_FILES; i++) {
		if (!name || strcmp(name, config_name(files[i])) != 0)
			continue;
		if (!strcmp(kind, "wrong"))
			check_wrong(c, files[i], "", "%s: %s", name, rest);
		else
			printf("soon: %s: %s\n", name, rest);
	}
}

static void judge(const char *front, const struct config *config, int out)
{
	const char *argv[] = { front, "--judge", config->tls_certificate, config->tls_key,
			       *config->tls_client_ca ? config->tls_client_ca : NULL, NULL };

	if (dup2(out, STDOUT_FILENO) >= 0)
		execv(front, (char *const *)argv);
	_exit(127);
}

static void ask_front(struct check *c)
{
	char line[512];
	int pair[2], status = 0;
	FILE *in;
	pid_t pid;

	fflush(stdout);
	if (pipe(pair) < 0)
		return;
	pid = fork();
	if (pid == 0)
		judge(c->config->front, c->config, pair[1]);
	close(pair[1]);
	in = fdopen(pair[0], "r");
	while (in && fgets(line, sizeof(line), in))
		hear(c, line);
	if (in)
		fclose(in);
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
		check_unseen(c, CONFIG_tls_certificate, "what recast-front thinks of the certificate: it cannot be run");
}

void check_tls(struct check *c)
{
	bool readable = true;
	int i;

	if (!*c->config->tls_certificate || !*c->config->tls_key)
		return;
	for (i = 0; i < N_FILES; i++)
		readable &= check_file(c, files[i]);
	if (readable)
		ask_front(c);
}
