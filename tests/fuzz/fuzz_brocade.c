/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a Brocade switch says: bodies of replies, cut at NUL bytes, as effective and defined configuration, lock, ports and
 * name server (drivers/fabric/brocade_view.c), each as words of a refusal too.  What is planned on such a view
 * (brocade_plan.c) names no zone but ours, and the document of it is one.
 */
#include "fuzz.h"

#include "brocade.h"

FUZZ_TARGET

static json_t *next(const char **bytes, size_t *len)
{
	char *piece = fuzz_piece(bytes, len), words[64];
	struct error err = { 0 };
	json_t *reply;

	fos_words(piece, strlen(piece), words, sizeof(words));
	fuzz_assert(strlen(words) < sizeof(words));
	reply = fos_response(piece, strlen(piece), &err);
	if (!reply)
		fuzz_check_error(&err);
	free(piece);
	return reply;
}

static void read_view(struct fos_view *view, const char *bytes, size_t len)
{
	void (*const take[])(struct fos_view *, const json_t *) = { fos_take_defined, fos_take_ports };
	struct error err = { 0 };
	json_t *reply = next(&bytes, &len);
	size_t i;

	if (fos_take_effective(view, reply, &err))
		fuzz_check_error(&err);
	json_decref(reply);
	for (i = 0; i < sizeof(take) / sizeof(take[0]); i++) {
		reply = next(&bytes, &len);
		take[i](view, reply);
		json_decref(reply);
	}
	reply = next(&bytes, &len);
	if (fos_take_logins(view, reply, &err))
		fuzz_check_error(&err);
	json_decref(reply);
	reply = next(&bytes, &len);
	fos_take_lock(&view->lock, reply);
	fos_take_firmware(reply, view->lock.application, sizeof(view->lock.application));
	json_decref(reply);
}

static void check_part(json_t *part)
{
	fuzz_assert(part);
	fuzz_check_json(part);
	json_decref(part);
}

static void check_documents(const struct fos_view *view)
{
	json_t *capacity = fos_capacity_document(view), *login;
	const char *wwpn;

	check_part(fos_zones_document(view));
	check_part(fos_zone_document(view, "web.hba0"));
	check_part(fos_ports_document(view));
	check_part(fos_port_document(view, "4"));
	check_part(fos_config_document(view));
	if (capacity)
		check_part(capacity);
	json_object_foreach(view->logins, wwpn, login)
		fuzz_assert(strlen(wwpn) == WWN_SIZE - 1 && json_str(login, "port", NULL));
	check_part(json_incref(view->logins));
}

/* Every name in a list of names, or of zones with a zone-name, is of a zone that Recast made. */
static void check_ours(const json_t *list)
{
	char key[ZONE_KEY_SIZE];
	int64_t generation;
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one) {
		const char *name = json_is_string(one) ? json_string_value(one) : json_str(one, "zone-name", "");

		fuzz_assert(zone_name_parse(name, key, &generation) && !strcmp(key, "web.hba0"));
	}
}

static void check_plan(const struct fos_view *view, const struct zone_wish *wish, bool peer)
{
	struct error err = { 0 };
	struct fos_plan plan;

	fos_plan_init(&plan);
	if (fos_plan_zone(&plan, view, view->config, "web.hba0", wish, peer, &err))
		fuzz_check_error(&err);
	check_ours(plan.post);
	check_ours(plan.enlist);
	check_ours(plan.cut);
	check_ours(plan.unlist);
	check_ours(plan.drop);
	check_ours(plan.repost);
	fos_plan_empties(&plan, view, view->config);
	fos_plan_fini(&plan);
}

static void fuzz(const char *bytes, size_t len)
{
	struct zone_wish wish = { .exists = true, .initiator = "20:00:02:ca:57:00:00:01", .n_targets = 1, .generation = 3,
				  .targets = { "50:00:02:00:00:00:0a:01" } };
	struct zone_wish gone = { .exists = false };
	struct fos_view view = { 0 };

	read_view(&view, bytes, len);
	check_documents(&view);
	fos_staged(&view, view.config);
	check_plan(&view, &wish, true);
	check_plan(&view, &wish, false);
	check_plan(&view, &gone, true);
	fos_view_fini(&view);
}
