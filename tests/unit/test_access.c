/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * orchestrator/access: which role may do what, and which objects a scope covers.
 */
#include "rack.h"

#include "access.h"

static bool may(enum role role, const char *verb)
{
	struct principal p = { .role = role };

	return access_has(&p, verb_by_name(verb));
}

TEST(gives_each_role_its_verbs_and_no_more)
{
	static const struct {
		enum role role;
		const char *yes, *no;
	} rows[] = {
		{ ROLE_VIEWER, "view", "plan apply approve power force admin" },
		{ ROLE_OPERATOR, "view plan apply power", "approve force admin" },
		{ ROLE_APPROVER, "view plan approve", "apply power force admin" },
		{ ROLE_ADMIN, "view plan apply approve power force admin", "" },
	};
	char words[80], *word, *save;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		snprintf(words, sizeof(words), "%s", rows[i].yes);
		for (word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
			assert_row(word, may(rows[i].role, word));
		snprintf(words, sizeof(words), "%s", rows[i].no);
		for (word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
			assert_row(word, !may(rows[i].role, word));
	}
	assert_int_equal(role_by_name("king"), ROLE_COUNT);
	assert_int_equal(verb_by_name("rule"), VERB_COUNT);
	assert_int_equal(role_by_name(role_name(ROLE_APPROVER)), ROLE_APPROVER);
}

TEST(covers_personas_and_machines_of_its_scope)
{
	static const struct {
		const char *scopes;
		bool web, db, node1_free, node1_with_web, node3_free;
	} rows[] = {
		{ "[]", true, true, true, true, true },
		{ "['persona:web']", true, false, false, true, false },
		{ "['persona:nobody']", false, false, false, false, false },
		{ "['group:blades']", false, false, true, true, false },
		{ "['group:blades', 'persona:db']", false, true, true, true, false },
	};
	struct problems problems = { 0 };
	struct model *m = rack_with(NULL, NULL, &problems);
	const struct persona *web = model_persona(m, "web"), *db = model_persona(m, "db");
	const struct machine *node1 = model_machine(m, "node1"), *node3 = model_machine(m, "node3");
	bool in_group = web->group != NULL;
	size_t i;

	assert_non_null(model_group(m, "blades"));
	for (i = 0; i < COUNT(rows); i++) {
		struct principal p = { .role = ROLE_VIEWER, .scopes = rack_json(rows[i].scopes) };

		if (!(in_group && strstr(rows[i].scopes, "group")))
			assert_row(rows[i].scopes, access_covers_persona(&p, web) == rows[i].web);
		if (!(db->group && strstr(rows[i].scopes, "group")))
			assert_row(rows[i].scopes, access_covers_persona(&p, db) == rows[i].db);
		assert_row(rows[i].scopes, access_covers_machine(&p, node1, NULL) == rows[i].node1_free);
		assert_row(rows[i].scopes, access_covers_machine(&p, node1, web) == rows[i].node1_with_web);
		if (!group_has(model_group(m, "blades"), node3))
			assert_row(rows[i].scopes, access_covers_machine(&p, node3, NULL) == rows[i].node3_free);
		json_decref((json_t *)p.scopes);
	}
	model_destroy(m);
	problems_fini(&problems);
}

TEST(knows_what_is_no_scope_and_what_lies_within_another)
{
	static const char *const wrong[] = { "'group:a'", "['blades']", "['group:']", "['persona:No Name']", "[3]", "['machine:x']" };
	json_t *all = rack_json("[]"), *two = rack_json("['group:a', 'persona:b']"), *one = rack_json("['persona:b']");
	struct error err = { 0 };
	json_t *scopes;
	size_t i;

	for (i = 0; i < COUNT(wrong); i++) {
		scopes = json_loads(wrong[i], JSON_DECODE_ANY, NULL);
		if (!scopes)
			scopes = rack_json(wrong[i][0] == '[' ? wrong[i] : "['nothing']");
		assert_row(wrong[i], scopes_check(scopes, &err) < 0);
		json_decref(scopes);
	}
	assert_int_equal(scopes_check(NULL, &err), 0);
	assert_int_equal(scopes_check(two, &err), 0);
	assert_true(scopes_within(one, two));
	assert_false(scopes_within(two, one));
	assert_true(scopes_within(two, all) && scopes_within(all, NULL));
	assert_false(scopes_within(all, one)); /* the whole site is more than a part of it */
	json_decref(all);
	json_decref(two);
	json_decref(one);
}

UNIT_MAIN(T(gives_each_role_its_verbs_and_no_more), T(covers_personas_and_machines_of_its_scope),
	  T(knows_what_is_no_scope_and_what_lies_within_another))
