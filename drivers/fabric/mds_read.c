/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What NX-OS shows.  See mds.h.  Nothing of it is trusted: a line that is not understood says nothing.
 */
#include "mds.h"

#include "arena.h"
#include "json.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { WORDS_MAX = 12, LINE_MAX_BYTES = 1024 };

struct line {
	char bytes[LINE_MAX_BYTES];
	char *words[WORDS_MAX + 1];
	int n;
};

/* The next line, without its end and without what is too long of it, in words between blanks and brackets. */
static bool next_line(const char **text, struct line *l)
{
	size_t len = strcspn(*text, "\n"), kept = len < sizeof(l->bytes) - 1 ? len : sizeof(l->bytes) - 1;
	char *save, *word;

	if (!**text)
		return false;
	memcpy(l->bytes, *text, kept);
	l->bytes[kept] = '\0';
	*text += len + ((*text)[len] == '\n');
	l->n = 0;
	for (word = strtok_r(l->bytes, " \t\r[]", &save); word && l->n < WORDS_MAX; word = strtok_r(NULL, " \t\r[]", &save))
		l->words[l->n++] = word;
	l->words[l->n] = NULL;
	return true;
}

static const char *word_after(const struct line *l, const char *what)
{
	int i;

	for (i = 0; i + 1 < l->n; i++)
		if (!strcmp(l->words[i], what))
			return l->words[i + 1];
	return NULL;
}

static bool word_is(const struct line *l, const char *what, const char *value)
{
	const char *word = word_after(l, what);

	return word && !strcmp(word, value);
}

/* What follows @label in the text, up to the end of its line. */
static void rest_of_line(const char *text, const char *label, char *out, size_t size)
{
	const char *at = strstr(text, label);

	out[0] = '\0';
	if (!at)
		return;
	at += strlen(label);
	at += strspn(at, " \t");
	snprintf(out, size, "%.*s", (int)strcspn(at, "\r\n"), at);
}

/* "none", "cli [admin]", "remote [dom: 2][ip: 10.0.0.9][user: admin]" */
static void parse_session(struct mds_status *s, const struct line *l)
{
	const char *kind = word_after(l, "session:"), *who = word_after(l, "user:"), *from = word_after(l, "ip:");

	s->locked = strcmp(kind, "none") != 0;
	if (!s->locked)
		return;
	if (!who && !strcmp(kind, "cli"))
		who = word_after(l, "cli");
	if (!from)
		from = word_after(l, "dom:");
	snprintf(s->user, sizeof(s->user), "%s", who ? who : "");
	snprintf(s->from, sizeof(s->from), "%s", from ? from : "");
}

static void parse_usage(struct mds_status *s, const struct line *l)
{
	const char *used = word_after(l, "Usage:"), *limit = word_after(l, "/");

	if (used && limit && (text_parse_int(used, 0, INT64_MAX, &s->used_bytes) || text_parse_int(limit, 1, INT64_MAX, &s->limit_bytes)))
		s->used_bytes = s->limit_bytes = 0;
}

static void judge_words(struct mds_status *s)
{
	s->unchanged = strstr(s->words, "already active and unchanged") != NULL;
	s->in_progress = strstr(s->words, "progress") != NULL;
	s->has_failed = !s->unchanged && (strstr(s->words, "failed") || strstr(s->words, "Error"));
}

int mds_status_parse(const char *text, struct mds_status *out, struct error *err)
{
	bool has_mode = false, has_session = false;
	struct line l;

	*out = (struct mds_status){ 0 };
	rest_of_line(text, "\nStatus:", out->words, sizeof(out->words));
	judge_words(out);
	while (next_line(&text, &l)) {
		if (word_after(&l, "default-zone:"))
			out->deny = word_is(&l, "default-zone:", "deny");
		if (word_after(&l, "mode:")) {
			out->enhanced = word_is(&l, "mode:", "enhanced");
			has_mode = true;
		}
		if (word_is(&l, "smart-zoning:", "enabled"))
			out->smart = true;
		if (word_after(&l, "session:") && !has_session) {
			parse_session(out, &l);
			has_session = true;
		}
		if (word_after(&l, "Usage:"))
			parse_usage(out, &l);
	}
	if (has_mode && has_session)
		return 0;
	return error_set(err, ERROR_PROTOCOL, "it does not tell the status of its zones: is there such a VSAN?");
}

static bool is_role(const char *word)
{
	return !strcmp(word, "init") || !strcmp(word, "target") || !strcmp(word, "both");
}

/* "pwwn W [alias]", "* fcid F [pwwn W] [alias]", "device-alias A", each with a role at its end; or anything. */
static void add_member(json_t *zone, const struct line *l)
{
	const char *wwn = word_after(l, "pwwn"), *alias = word_after(l, "device-alias"), *role = l->words[l->n - 1];
	char name[256], normal[WWN_SIZE];
	int i = !strcmp(l->words[0], "*"), n = 0;

	if (wwn && wwn_canonical(wwn, normal))
		snprintf(name, sizeof(name), "%s", normal);
	else if (alias)
		snprintf(name, sizeof(name), "alias %s", alias);
	else
		for (name[0] = '\0'; i < l->n && n < (int)sizeof(name) - 1; i++)
			n += snprintf(name + n, sizeof(name) - (size_t)n, "%s%s", n ? " " : "", l->words[i]);
	text_clean_utf8(name);
	if (name[0])
		json_object_set_new(zone, name, json_string(is_role(role) ? role : ""));
}

static json_t *member_object(json_t *of, const char *name)
{
	char clean[128];
	json_t *one;

	snprintf(clean, sizeof(clean), "%s", name);
	text_clean_utf8(clean);
	one = json_object_get(of, clean);
	if (!one)
		json_object_set_new(of, clean, one = json_object());
	return one;
}

json_t *mds_zonesets_parse(const char *text)
{
	json_t *sets = json_object(), *set = NULL, *zone = NULL;
	struct line l;

	while (next_line(&text, &l)) {
		if (l.n >= 3 && !strcmp(l.words[0], "zoneset") && !strcmp(l.words[1], "name")) {
			set = member_object(sets, l.words[2]);
			zone = NULL;
		} else if (l.n >= 3 && !strcmp(l.words[0], "zone") && !strcmp(l.words[1], "name")) {
			set = set ? set : member_object(sets, "");
			zone = member_object(set, l.words[2]);
		} else if (l.n >= 2 && zone) {
			add_member(zone, &l);
		}
	}
	return sets;
}

json_t *mds_aliases_parse(const char *text)
{
	json_t *aliases = json_object();
	char wwn[WWN_SIZE];
	struct line l;

	while (next_line(&text, &l)) {
		const char *name = word_after(&l, "name"), *its = word_after(&l, "pwwn");

		if (!name || !its || !wwn_canonical(its, wwn))
			continue;
		text_clean_utf8((char *)(uintptr_t)name);
		json_object_set_new(aliases, name, json_string(wwn));
	}
	return aliases;
}

static bool is_fcid(const char *s)
{
	return !strncmp(s, "0x", 2) && strlen(s) == 8 && strspn(s + 2, "0123456789abcdef") == 6;
}

json_t *mds_fcns_parse(const char *text)
{
	json_t *logins = json_object();
	char wwn[WWN_SIZE];
	struct line l;

	while (next_line(&text, &l))
		if (l.n >= 3 && is_fcid(l.words[0]) && wwn_canonical(l.words[2], wwn))
			json_object_set_new(logins, wwn, json_pack("{s:b, s:s, s:s}", "online", 1, "fcid", l.words[0], "port", ""));
	return logins;
}

/* The name server counts what it shows: that somebody is not there proves that a machine is fenced, and half of it is no proof. */
bool mds_fcns_is_whole(const char *text, const json_t *logins)
{
	char count[32];
	int64_t n;

	rest_of_line(text, "Total number of entries =", count, sizeof(count));
	count[strcspn(count, " \t")] = '\0';
	return !text_parse_int(count, 0, INT64_MAX, &n) && n == (int64_t)json_object_size(logins);
}

/* The name server knows ports of the whole fabric; at which port and under which node name, only their own switch. */
void mds_flogi_parse(const char *text, json_t *logins)
{
	char wwn[WWN_SIZE], node[WWN_SIZE];
	struct line l;

	while (next_line(&text, &l)) {
		json_t *one;

		if (l.n < 5 || !is_fcid(l.words[2]) || !wwn_canonical(l.words[3], wwn) || !wwn_canonical(l.words[4], node) ||
		    !(one = json_object_get(logins, wwn)))
			continue;
		text_clean_utf8(l.words[0]);
		json_object_set_new(one, "port", json_string(l.words[0]));
		json_object_set_new(one, "node", json_string(node));
	}
}

json_t *mds_ports_parse(const char *text, int vsan)
{
	json_t *ports = json_object();
	int64_t its_vsan;
	struct line l;

	while (next_line(&text, &l)) {
		bool up;

		if (l.n < 5 || strncmp(l.words[0], "fc", 2) != 0 || !isdigit((unsigned char)l.words[0][2]) ||
		    text_parse_int(l.words[1], 1, 4094, &its_vsan) || its_vsan != vsan)
			continue;
		up = !strcmp(l.words[4], "up") || !strcmp(l.words[4], "trunking");
		text_clean_utf8(l.words[0]);
		json_object_set_new(ports, l.words[0], json_pack("{s:b, s:b, s:b}", "exists", 1, "enabled",
								 strcmp(l.words[4], "down") != 0, "link", up));
	}
	return ports;
}

/* Is each changed line, or the zone that changed members are in, one of ours?  What is said in another way is not understood, and
 * therefore not ours. */
bool mds_pending_is_ours(const char *text)
{
	bool ours = true, changed = false, said = false;
	struct line l;

	while (next_line(&text, &l)) {
		char *first = l.n ? l.words[0] : NULL;
		char sign = first ? *first : '\0';
		const char *zone;

		if (!first || !strncmp(first, "No", 2))
			continue;
		zone = word_after(&l, "name");
		if (zone && strstr(first, "zoneset"))
			ours = sign != '+' && sign != '-';
		else if (zone)
			ours = zone_is_ours(zone);
		if ((sign == '+' || sign == '-') && !ours)
			return false;
		changed = changed || sign == '+' || sign == '-';
		said = true;
	}
	return changed || !said;
}

bool mds_has_aliases(const json_t *zonesets)
{
	const char *set, *zone, *member;
	json_t *s, *z, *role;

	json_object_foreach((json_t *)(uintptr_t)zonesets, set, s)
		json_object_foreach(s, zone, z)
			json_object_foreach(z, member, role)
				if (!strncmp(member, "alias ", 6))
					return true;
	return false;
}

static json_t *resolved(const json_t *zone, const json_t *aliases)
{
	json_t *out = json_object(), *role;
	const char *member;

	json_object_foreach((json_t *)(uintptr_t)zone, member, role) {
		const char *wwn = strncmp(member, "alias ", 6) ? NULL : json_str(aliases, member + 6, NULL);

		json_object_set(out, wwn ? wwn : member, role);
	}
	return out;
}

void mds_resolve(json_t *zonesets, const json_t *aliases)
{
	const char *set, *zone;
	json_t *s, *z;
	void *next;

	json_object_foreach(zonesets, set, s)
		json_object_foreach_safe(s, next, zone, z)
			json_object_set_new(s, zone, resolved(z, aliases));
}

const char *mds_trouble(const char *text, char *line, size_t size)
{
	static const char *const harmless[] = { "already active and unchanged", "Duplicate member", "No pending info" };
	const char *at;
	size_t i;

	for (at = text; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (*at != '%' && strncasecmp(at, "error", 5) != 0)
			continue;
		snprintf(line, size, "%.*s", (int)strcspn(at, "\r\n"), at);
		for (i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
			if (strstr(line, harmless[i]))
				break;
		if (i == sizeof(harmless) / sizeof(harmless[0]))
			return line;
	}
	return NULL;
}
