/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The operator of a story: racks the site, defines personas, and wants something every few seconds: sensible things
 * mostly, and at any moment.
 */
#include "story.h"

#include "json.h"

#include <stdio.h>
#include <stdlib.h>

static json_t *persona(int i)
{
	char name[16];
	json_t *p;

	snprintf(name, sizeof(name), "p%d", i + 1);
	p = json_pack("{s:s, s:{s:{s:s, s:s, s:s}, s:{s:s, s:s}}, s:{s:{s:s, s:o, s:s, s:i, s:b}}, s:{s:s, s:s}, s:i, s:{s:s, s:s}}",
		      "persona", name, "vnics", "eth0", "network", i % 2 ? "db" : "web", "mac", "auto", "address", "auto",
		      "eth1", "network", "storage", "address", "auto", "volumes", "root", "array", i % 3 ? "san1" : "san2",
		      "volume", json_sprintf("%s-root", name), "source", "golden", "lun", 1, "boot", 1, "boot", "method",
		      "ipxe-iscsi", "network", "provision", "shutdown", 0, "proof", "within", "60s", "report",
		      i % 2 ? "up" : "script");
	return p;
}

static void define(struct story *s)
{
	json_t *documents = json_array(), *body;
	int i;

	json_array_append_new(documents, json_pack("{s:s, s:o}", "name", "site", "value", rack_site(s->rack)));
	for (i = 0; i < s->options.personas; i++)
		json_array_append_new(documents, json_pack("{s:s, s:o}", "name", "persona", "value", persona(i)));
	body = json_pack("{s:o}", "documents", documents);
	service_define(s->core, story_answer(s), body);
	json_decref(body);
	if (s->refused)
		story_violation(s, "the site or a persona is refused");
}

static json_t *some(struct story *s, const char *letter, int n)
{
	return json_sprintf("%s%d", letter, 1 + sim_below(&s->sim, n));
}

static void change(struct story *s)
{
	static const char *const actions[] = { "apply", "apply", "move", "move", "swap", "release" };
	const char *action = actions[sim_below(&s->sim, 6)];
	json_t *body = json_pack("{s:s, s:o}", "action", action, "persona", some(s, "p", s->options.personas));

	if (action[0] == 's')
		json_object_set_new(body, "with", some(s, "p", s->options.personas));
	else if (action[0] != 'r')
		json_object_set_new(body, "machine", some(s, "node", s->options.machines));
	if (s->options.trace)
		printf("            wish: %s %s %s%s\n", action, json_str(body, "persona", ""), json_str(body, "machine", ""),
		       json_str(body, "with", ""));
	service_run(s->core, story_answer(s), body, NULL);
	json_decref(body);
}

static void power(struct story *s)
{
	json_t *body = json_pack("{s:s}", "power", sim_below(&s->sim, 2) ? "on" : "off"), *machine = some(s, "node", s->options.machines);

	service_power_set(s->core, story_answer(s), json_string_value(machine), body, NULL);
	json_decref(machine);
	json_decref(body);
}

static void give_back(struct story *s)
{
	json_t *machine = some(s, "node", s->options.machines);

	service_return(s->core, story_answer(s), json_string_value(machine), NULL);
	json_decref(machine);
}

static void want(struct story *s)
{
	int what = sim_below(&s->sim, 100);

	if (what < 75)
		change(s);
	else if (what < 82 && s->core->last_run)
		service_cancel(s->core, story_answer(s), s->core->last_run - sim_below(&s->sim, 2));
	else if (what < 90)
		give_back(s);
	else
		power(s);
}

static void on_wish(void *arg)
{
	struct story *s = arg;

	if (s->core && !s->dead) {
		want(s);
		s->wishes_left--;
		if (sim_below(&s->sim, 100) < s->options.crash_percent) {
			s->crash_seam = (enum seam)sim_below(&s->sim, SEAM_COUNT);
			s->crash_at = s->seams[s->crash_seam] + 1 + (uint64_t)sim_below(&s->sim, 12);
		}
	}
	if (s->wishes_left)
		sim_after(&s->sim, sim_chance(&s->sim, 3000) ? 5 : sim_between(&s->sim, 500, 30000), on_wish, s);
}

void operator_begin(struct story *s)
{
	define(s);
	if (s->options.faults)
		s->rack->faults.until = INT64_MAX;
	sim_after(&s->sim, 1000, on_wish, s);
}
