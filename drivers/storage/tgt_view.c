/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Reads what tgtd prints for `show`.  Text in, JSON out; lines that are not understood are skipped.
 *
 * The mark of a target that Recast made: its LUN 0 has the SCSI id "recast:MAP" and the serial
 * number "gGENERATION:", or "aGENERATION:" when it was made by somebody else and adopted.  Both hold
 * 36 characters, so what does not fit of a long map name goes behind that colon.
 */
#include "tgt.h"

#include "arena.h"
#include "cleanup.h"
#include "json.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELD_MAX = 36, ID_NAME_MAX = FIELD_MAX - 7 };

bool tgt_mark(char *out, size_t size, const char *map, int64_t generation, bool adopted)
{
	char head[32];
	size_t len = strlen(map), first = len < ID_NAME_MAX ? len : ID_NAME_MAX;
	int n = snprintf(head, sizeof(head), "%c%" PRId64 ":", adopted ? 'a' : 'g', generation);

	if (n < 0 || (size_t)n + len - first > FIELD_MAX)
		return false;
	n = snprintf(out, size, "targetOps scsi_id=recast:%.*s,scsi_sn=%s%s", (int)first, map, head,
		     map + first);
	return n > 0 && (size_t)n < size;
}

/* Read the mark out of the fields that LUN 0 showed. */
static void take_mark(json_t *target, const char *id, const char *sn)
{
	const char *colon = strchr(sn, ':');
	char number[24], map[140];
	int64_t generation;

	if (strncmp(id, "recast:", 7) || (sn[0] != 'g' && sn[0] != 'a') || !colon ||
	    (size_t)(colon - sn) > sizeof(number))
		return;
	snprintf(number, sizeof(number), "%.*s", (int)(colon - sn - 1), sn + 1);
	if (text_parse_int(number, 0, INT64_MAX, &generation))
		return;
	snprintf(map, sizeof(map), "%s%s", id + 7, colon + 1);
	if (!text_is_name(map))
		return; /* no map of ours is called so */
	json_object_set_new(target, "map", json_string(map));
	json_object_set_new(target, "generation", json_integer(generation));
	json_object_set_new(target, "managed", json_true());
	json_object_set_new(target, "adopted", json_boolean(sn[0] == 'a'));
}

struct parser {
	json_t *targets, *target;
	char section; /* 'N'exus, 'L'un, 'A'ccount, a'C'l, or 0 */
	char lun[16];
	char id[64], sn[64];
};

static void end_target(struct parser *p)
{
	if (!p->target)
		return;
	take_mark(p->target, p->id, p->sn);
	json_array_append_new(p->targets, p->target);
	p->target = NULL;
}

static void begin_target(struct parser *p, const char *line)
{
	char iqn[256];
	int tid;

	end_target(p);
	p->section = 0;
	p->id[0] = p->sn[0] = p->lun[0] = '\0';
	if (sscanf(line, "Target %d: %255s", &tid, iqn) == 2)
		p->target = json_pack("{s:i, s:s, s:b, s:b, s:s, s:i, s:{}, s:{}, s:[], s:[]}",
				      "tid", tid, "iqn", iqn, "managed", 0, "adopted", 0, "map",
				      iqn, "generation", 0, "luns", "serials", "accounts", "acl");
}

static void begin_section(struct parser *p, const char *word)
{
	static const struct {
		const char *head;
		char section;
	} heads[] = { { "I_T nexus information:", 'N' },
		      { "LUN information:", 'L' },
		      { "Account information:", 'A' },
		      { "ACL information:", 'C' } };
	size_t i;

	p->section = 0;
	for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (!strcmp(word, heads[i].head))
			p->section = heads[i].section;
}

static void lun_line(struct parser *p, const char *word)
{
	if (!strncmp(word, "LUN: ", 5))
		snprintf(p->lun, sizeof(p->lun), "%s", word + 5);
	else if (!strncmp(word, "SCSI ID: ", 9) && !strcmp(p->lun, "0"))
		snprintf(p->id, sizeof(p->id), "%s", word + 9);
	else if (!strncmp(word, "SCSI SN: ", 9) && !strcmp(p->lun, "0"))
		snprintf(p->sn, sizeof(p->sn), "%s", word + 9);
	else if (!strncmp(word, "SCSI SN: ", 9) && p->lun[0])
		json_object_set_new(json_object_get(p->target, "serials"), p->lun,
				    json_string(word + 9));
	else if (!strncmp(word, "Backing store path: ", 20) && strcmp(p->lun, "0") && p->lun[0])
		json_object_set_new(json_object_get(p->target, "luns"), p->lun,
				    json_string(word + 20));
}

static void target_line(struct parser *p, const char *line)
{
	size_t indent = strspn(line, " ");
	const char *word = line + indent;

	if (!indent) {
		begin_target(p, line);
	} else if (!p->target) {
		return;
	} else if (indent == 4) {
		begin_section(p, word);
	} else if (p->section == 'L') {
		lun_line(p, word);
	} else if (p->section == 'A' && indent == 8) {
		json_array_append_new(json_object_get(p->target, "accounts"), json_string(word));
	} else if (p->section == 'C' && indent == 8) {
		json_array_append_new(json_object_get(p->target, "acl"), json_string(word));
	}
}

/* Call @fn for each line of @text. */
static void each_line(const char *text, void (*fn)(struct parser *, const char *), struct parser *p)
{
	_cleanup_(freep) char *copy = xstrdup(text);
	char *line, *save = NULL;

	for (line = strtok_r(copy, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save))
		fn(p, line);
}

json_t *tgt_view_parse(const char *text)
{
	struct parser p = { .targets = json_array() };

	each_line(text, target_line, &p);
	end_target(&p);
	return p.targets;
}

json_t *tgt_view_read(const struct tgt *t, int64_t deadline_ms, struct error *err)
{
	struct tgt_request q = { .mode = TGT_TARGET, .op = TGT_SHOW, .lun = -1 };
	_cleanup_(freep) char *text = tgt_call(t, &q, deadline_ms, NULL, err);

	return text ? tgt_view_parse(text) : NULL;
}

static void session_line(struct parser *p, const char *line)
{
	const char *word = line + strspn(line, " ");
	unsigned long long number;

	if (sscanf(word, "Session: %llu", &number) == 1) {
		json_decref(p->target);
		p->target = json_pack("{s:I}", "sid", (json_int_t)number);
	} else if (!p->target) {
		return;
	} else if (sscanf(word, "Connection: %llu", &number) == 1) {
		json_t *row =
			json_pack("{s:O, s:I, s:s, s:s}", "sid", json_object_get(p->target, "sid"),
				  "cid", (json_int_t)number, "initiator", "", "address", "");

		json_array_append_new(p->targets, row);
	} else {
		json_t *row = json_array_get(p->targets, json_array_size(p->targets) - 1);

		if (!strncmp(word, "Initiator: ", 11) && row)
			json_object_set_new(row, "initiator", json_string(word + 11));
		else if (!strncmp(word, "IP Address: ", 12) && row)
			json_object_set_new(row, "address", json_string(word + 12));
	}
}

json_t *tgt_sessions_parse(const char *text)
{
	struct parser p = { .targets = json_array() };

	each_line(text, session_line, &p);
	json_decref(p.target);
	return p.targets;
}

json_t *tgt_sessions_read(const struct tgt *t, int tid, int64_t deadline_ms, int *code,
			  struct error *err)
{
	struct tgt_request q = { .mode = TGT_CONNECTION, .op = TGT_SHOW, .tid = tid, .lun = -1 };
	_cleanup_(freep) char *text = tgt_call(t, &q, deadline_ms, code, err);

	return text ? tgt_sessions_parse(text) : NULL;
}

static void account_line(struct parser *p, const char *line)
{
	if (line[0] == ' ')
		json_array_append_new(p->targets, json_string(line + strspn(line, " ")));
}

json_t *tgt_accounts_read(const struct tgt *t, int64_t deadline_ms, struct error *err)
{
	struct tgt_request q = { .mode = TGT_ACCOUNT, .op = TGT_SHOW, .lun = -1 };
	_cleanup_(freep) char *text = tgt_call(t, &q, deadline_ms, NULL, err);
	struct parser p = { 0 };

	if (!text)
		return NULL;
	p.targets = json_array();
	each_line(text, account_line, &p);
	return p.targets;
}
