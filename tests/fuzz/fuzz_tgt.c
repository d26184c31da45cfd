/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What tgtd prints (drivers/storage/tgt_view.c): targets and sessions out of any text, each with all its members; and
 * the mark that we write comes back as it was.
 */
#include "fuzz.h"

#include "text.h"
#include "tgt.h"

FUZZ_TARGET

static void check_view(const char *text)
{
	static const char *const members[] = { "tid",	  "iqn",  "managed", "adopted",	 "map",
					       "generation", "luns", "serials", "accounts", "acl" };
	json_t *view = tgt_view_parse(text), *target;
	size_t i, k;

	fuzz_check_json(view);
	json_array_foreach(view, i, target) {
		for (k = 0; k < sizeof(members) / sizeof(members[0]); k++)
			fuzz_assert(json_object_get(target, members[k]));
		fuzz_assert(json_int(target, "generation", -1) >= 0);
	}
	json_decref(view);
}

static void check_sessions(const char *text)
{
	json_t *sessions = tgt_sessions_parse(text), *one;
	size_t i;

	fuzz_check_json(sessions);
	json_array_foreach(sessions, i, one)
		fuzz_assert(json_is_integer(json_object_get(one, "sid")) && json_str(one, "initiator", NULL));
	json_decref(sessions);
}

/* A target whose LUN 0 carries the mark of @map, as tgtd shows it: ours when that is a name. */
static void check_mark(const char *map)
{
	char mark[256], *sn, *text;
	json_t *view;

	if (strlen(map) > 60 || strcspn(map, ", \r\n") < strlen(map) || !fuzz_is_utf8(map) ||
	    !tgt_mark(mark, sizeof(mark), map, 7, false))
		return;
	sn = strstr(mark, ",scsi_sn=");
	fuzz_assert(sn && !strncmp(mark, "targetOps scsi_id=", 18));
	*sn = '\0';
	text = xasprintf("Target 1: iqn.x\n    LUN information:\n        LUN: 0\n            SCSI ID: %s\n            SCSI SN: %s\n",
			 mark + 18, sn + 9);
	view = tgt_view_parse(text);
	fuzz_assert(json_bool(json_array_get(view, 0), "managed", false) == text_is_name(map));
	if (text_is_name(map)) {
		fuzz_assert(!strcmp(json_str(json_array_get(view, 0), "map", ""), map));
		fuzz_assert(json_int(json_array_get(view, 0), "generation", 0) == 7);
	}
	json_decref(view);
	free(text);
}

static void fuzz(const char *bytes, size_t len)
{
	char *text = fuzz_string(bytes, len);

	check_view(text);
	check_sessions(text);
	check_mark(text);
	free(text);
}
