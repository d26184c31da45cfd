/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * recast-driver-lio: whatever the helper answers (drivers/storage/lio_reply.c), nothing is done that it did not say in whole;
 * and whatever the helper is asked for (drivers/storage/lio-target/wish.c), what passes is safe to make names of.
 */
#include "fuzz.h"

/* Both ends have a `struct lio`; this side needs only the functions of lio.h. */
#include "target.h"
#include "text.h"
int lio_error(const json_t *reply, struct error *err);
int lio_hello(const json_t *frame, struct error *err);
int lio_results(const json_t *reply, struct driver_change *changes, size_t n, struct error *err);
json_t *lio_document(const json_t *reply, struct error *err);

FUZZ_TARGET

static void check_reply(const json_t *reply)
{
	struct driver_change changes[2] = { { .object = "volume:a" }, { .object = "map:b" } };
	const json_t *results = json_object_get(reply, "results");
	json_t *document = lio_document(reply, NULL);
	struct error err = { 0 };
	size_t i;

	lio_hello(reply, NULL);
	fuzz_assert(lio_error(reply, &err) == -1 && err.code && err.text[0]);
	if (!lio_results(reply, changes, 2, &err))
		for (i = 0; i < 2; i++) {
			fuzz_assert(changes[i].status != CHANGE_DONE ||
				    !strcmp(json_str(json_array_get(results, i), "status", ""), "done"));
			fuzz_assert(changes[i].status == CHANGE_DONE || changes[i].status == CHANGE_AGAIN || changes[i].error.code);
			json_decref(changes[i].observed);
		}
	fuzz_check_json(document);
	json_decref(document);
}

static void check_names(const json_t *list)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
		fuzz_assert(!strchr(json_string_value(one), '/') && strcmp(json_string_value(one), "..") != 0);
}

static void check_map(const struct driver_change *c)
{
	const json_t *volume;
	struct lio_map m;
	const char *lun;

	if (lio_map_parse(&m, "web", c, NULL) || !m.wish.exists)
		return;
	fuzz_assert(json_array_size(m.wish.initiators) && json_object_size(m.wish.luns));
	check_names(m.wish.initiators);
	check_names(m.wish.ports);
	fuzz_assert(m.wish.fc ? json_array_size(m.wish.ports) > 0 : !strchr(m.wish.target, '/'));
	json_object_foreach((json_t *)(uintptr_t)m.wish.luns, lun, volume)
		fuzz_assert(!strchr(lun, '/') && !strpbrk(json_string_value(volume), "/,@"));
}

static void check_volume(const struct driver_change *c)
{
	struct volume_wish w;

	if (volume_wish_parse(&w, c, NULL))
		return;
	fuzz_assert(w.size_bytes >= 0 && (!w.source || !strchr(w.source, '/')));
	fuzz_assert(!w.snapshot || (w.token && !strchr(w.snapshot, '/')));
}

static void check_mark(const char *text)
{
	int64_t generation = -1;
	char map[64], again[128];

	if (!mark_parse(text, map, &generation))
		return;
	fuzz_assert(generation >= 0 && mark_format(again, sizeof(again), map, generation));
	fuzz_assert(strlen(again) <= strlen(text));
}

static void fuzz(const char *bytes, size_t len)
{
	json_t *frame = json_decode(bytes, len, NULL);
	struct driver_change c = { .object = "map:web", .set = frame };
	char *text = fuzz_string(bytes, len);

	check_mark(text);
	fuzz_assert(!text_is_snapshot_name(text) || !strchr(text, '/'));
	if (json_is_object(frame)) {
		check_reply(frame);
		check_map(&c);
		check_volume(&c);
	}
	json_decref(frame);
	free(text);
}
