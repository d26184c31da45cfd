/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The judgement of a story that was told by a script: is all wired as the end of its run says?  Called by points.c.
 */
#include "script.h"

#include "json.h"
#include "secret.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct paper {
	char *at, *end;
};

static void line(struct paper *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void line(struct paper *p, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(p->at, (size_t)(p->end - p->at), fmt, ap);
	va_end(ap);
	p->at += n < p->end - p->at ? n : p->end - p->at - 1;
}

static void ports(const struct rack_switch *sw, struct paper *p)
{
	const struct port_config *c;
	int i, w;

	for (i = 0; i < sw->n_ports; i++) {
		c = &sw->ports[i].running;
		line(p, "%s/%s %s %d", sw->dev.name, sw->ports[i].name, c->mode == PORT_OPEN ? "open" : c->mode == PORT_TRUNK ? "trunk" : "access",
		     c->native);
		for (w = 0; w < 64; w++)
			if (c->tagged[w])
				line(p, " %d:%llx", w, (unsigned long long)c->tagged[w]);
		line(p, " %lld \"%s\"\n", (long long)c->rate_kbit, c->description);
	}
}

static void maps(const struct rack_array *a, struct paper *p)
{
	const struct rack_map *m;
	const char *names[RACK_MAPS];
	int i, k, n = 0;

	for (i = 0; i < RACK_MAPS; i++) { /* in the order of their names */
		if (!a->maps[i].name[0])
			continue;
		for (k = n++; k && strcmp(names[k - 1], a->maps[i].name) > 0; k--)
			names[k] = names[k - 1];
		names[k] = a->maps[i].name;
	}
	for (i = 0; i < n; i++) {
		m = (const struct rack_map *)((const char *)names[i] - offsetof(struct rack_map, name));
		line(p, "%s map %s %s %s %s", a->dev.name, m->name, m->user, m->initiator, m->target);
		for (k = 0; k < m->n_luns; k++)
			line(p, " %d=%s", m->luns[k].number, a->volumes[m->luns[k].volume].name);
		line(p, "\n");
	}
}

static void zones(const struct rack_fabric *f, int machines, struct paper *p)
{
	const char *keys[RACK_ZONES];
	const struct rack_zone *z;
	int i, k, n = 0;

	for (i = 0; i < RACK_ZONES; i++)
		if (f->zones[i].key[0]) {
			for (k = n++; k && strcmp(keys[k - 1], f->zones[i].key) > 0; k--)
				keys[k] = keys[k - 1];
			keys[k] = f->zones[i].key;
		}
	for (i = 0; i < n; i++) {
		z = (const struct rack_zone *)((const char *)keys[i] - offsetof(struct rack_zone, key));
		line(p, "%s zone %s #%lld", f->dev.name, z->key, (long long)z->generation);
		for (k = 0; k < z->n_members; k++)
			line(p, " %s", z->members[k]);
		line(p, "\n");
	}
	for (i = 0; i < machines; i++)
		line(p, "%s port %d is %s\n", f->dev.name, i + 1, f->ports[i].enabled ? "lit" : "dark");
}

static void roles(struct core *c, struct paper *p)
{
	const struct assignment *a;
	const struct persona *who;
	size_t i;

	for (i = 0; (who = model_at(c->model, KIND_PERSONA, i)); i++) {
		a = roster_of(c->roster, who->name);
		if (a && a->machine)
			line(p, "%s plays on %s #%lld\n", who->name, a->machine, (long long)a->generation);
	}
}

static bool is_dead(const struct rack_machine *m)
{
	return m->bmc.dev.away_until > m->rack->sim->now;
}

void script_wiring(const struct script *x, struct wiring *w)
{
	struct paper p = { w->text, w->text + sizeof(w->text) };
	const struct rack *r = x->story.rack;
	const struct rack_machine *m;
	int i;

	w->text[0] = '\0';
	for (i = 0; i < r->n_machines; i++) {
		m = &r->machines[i];
		line(&p, "%s is %s, boots %s%s\n", m->name, is_dead(m) ? "beyond reach" : m->on ? "on" : "off", m->bmc.boot,
		     x->story.core && roster_quarantine(x->story.core->roster, m->name) ? ", in quarantine" : "");
	}
	for (i = 0; i < r->n_switches; i++)
		ports(&r->switches[i], &p);
	for (i = 0; i < r->n_arrays; i++)
		maps(&r->arrays[i], &p);
	for (i = 0; i < r->n_fabrics; i++)
		zones(&r->fabrics[i], r->n_machines, &p);
	if (x->story.core)
		roles(x->story.core, &p);
}

enum run_state script_outcome(struct script *x)
{
	json_auto_t *runs = store_run_recent(x->story.core->store, INT64_MAX, 10);
	enum run_state state = RUN_STATE_COUNT;
	json_t *run;
	size_t i;
	int k, n = 0;

	json_array_foreach(runs, i, run) {
		if (json_int(run, "id", 0) <= x->runs_before)
			continue;
		for (k = 0; k < RUN_STATE_COUNT; k++)
			if (!n && !strcmp(json_str(run, "state", ""), run_state_name((enum run_state)k)))
				state = (enum run_state)k;
		n++;
	}
	if (n > 1)
		story_violation(&x->story, "one wish has made %d runs", n);
	return state;
}

/* A machine in quarantine may be off. */
static bool is_off_by_now(const char *want, const char *got)
{
	const char *power = strstr(want, " is on, "), *end = want + strcspn(want, "\n");

	return power && power < end && strstr(want, "in quarantine") && strstr(want, "in quarantine") < end &&
	       !strncmp(want, got, (size_t)(power - want)) && !strncmp(got + (power - want), " is off, ", 9) &&
	       !strncmp(power + 8, got + (power - want) + 9, (size_t)(end - power - 8));
}

/* Is the line of @got what @want says?  Generations may be others; a port that trunked everything may be parked. */
static bool line_fits(const char *want, const char *got, bool prior)
{
	const char *open = strstr(want, " open ");
	const char *end = want + strcspn(want, "\n");

	if (prior && open && open < end && !strncmp(want, got, (size_t)(open - want)) && strstr(got, "\"recast parked\""))
		return true;
	if (prior && is_off_by_now(want, got))
		return true;
	/* A port of a fabric that a role entered in vain is shut, though it was open. */
	if (prior && !strncmp(want, "fab-", 4) && !strncmp(want + 5, " port ", 6) && !strncmp(want, got, 12) &&
	    !strncmp(want + 12, " is lit", 7) && !strncmp(got + 12, " is dark", 8))
		return true;
	for (; *want && *want != '\n'; want++, got++) {
		if (*want != *got)
			return false;
		if (prior || (*want != '#' && strncmp(want, ".g", 2) != 0))
			continue;
		want += *want == '#' ? 1 : 2;
		got += *got == '#' ? 1 : 2;
		want += strspn(want, "0123456789") - 1;
		got += strspn(got, "0123456789") - 1;
	}
	return *got == '\n' || !*got;
}

/* The first lines that differ; the ends when none does. */
static bool fits(const char **a, const char **b, bool prior)
{
	while (**a && **b && line_fits(*a, *b, prior)) {
		*a += strcspn(*a, "\n") + 1;
		*b += strcspn(*b, "\n") + 1;
	}
	return !**a && !**b;
}

static void compare(struct script *x, const struct wiring *want, const struct wiring *got, bool prior)
{
	const char *a = want->text, *b = got->text;

	if (!fits(&a, &b, prior))
		story_violation(&x->story, "the run has ended with %s wiring, and it is not so: wanted \"%.*s\", found \"%.*s\"",
				prior ? "the prior" : "the new", (int)strcspn(a, "\n"), a, (int)strcspn(b, "\n"), b);
}

/* Every machine of the run is off and in quarantine, and its personas have no map, as far as the devices let us. */
static void judge_quarantine(struct script *x)
{
	struct core *c = x->story.core;
	struct rack *r = x->story.rack;
	const struct assignment *a;
	int i, k, n = 0;

	for (i = 0; i < r->n_machines; i++) {
		if (!roster_quarantine(c->roster, r->machines[i].name))
			continue;
		n++;
		if (r->machines[i].on && !is_dead(&r->machines[i]))
			story_violation(&x->story, "%s is in quarantine, and on", r->machines[i].name);
		a = roster_on(c->roster, r->machines[i].name);
		for (k = 0; a && k < RACK_MAPS * r->n_arrays; k++)
			if (!strcmp(r->arrays[k / RACK_MAPS].maps[k % RACK_MAPS].name, a->persona))
				story_violation(&x->story, "%s is in quarantine, and %s has a map", r->machines[i].name, a->persona);
	}
	if (!n)
		story_violation(&x->story, "the run has ended in quarantine, and no machine is");
}

/* Power by hand and a map of an unknown secret are not put back; what is done of them stays.  A machine that is not let out
 * of quarantine stays there, off. */
static bool has_no_way_back(const struct script *x, const struct wiring *after, const struct wiring *now)
{
	const char *a = after->text, *b = now->text;

	if (!strncmp(x->transition->change, "return", 6))
		return strstr(now->text, " is off, boots pxe, in quarantine") != NULL;
	return (!strncmp(x->transition->change, "power", 5) || !strncmp(x->transition->change, "sweep", 5)) && fits(&a, &b, false);
}

static void judge_without_run(struct script *x, const struct wiring *prior, const struct wiring *after, const struct wiring *now)
{
	const char *a = after->text, *b = now->text;

	if (x->refused && x->again && fits(&a, &b, false))
		return; /* it was done the first time, and nobody heard */
	compare(x, x->refused ? prior : after, now, x->refused != 0);
}

static const struct rack_map *map_of(const struct rack *r, const char *array, const char *persona)
{
	int a, i;

	for (a = 0; a < r->n_arrays; a++)
		for (i = 0; i < RACK_MAPS && !strcmp(r->arrays[a].dev.name, array); i++)
			if (!strcmp(r->arrays[a].maps[i].name, persona))
				return &r->arrays[a].maps[i];
	return NULL;
}

/* A role that is up has the map of its generation on each of its arrays, and its first port in its network. */
static void judge_role(struct script *x, const struct persona *p, const struct assignment *a)
{
	const struct rack *r = x->story.rack;
	const struct port_config *port = &r->switches[0].ports[script_number_of(a->machine)].running;
	const struct rack_map *map;
	int i;

	for (i = 0; i < p->n_volumes; i++) {
		map = map_of(r, p->volumes[i].array->name, p->name);
		if (!map || map->generation != a->generation)
			story_violation(&x->story, "%s plays in generation %lld, and its map on %s is of %lld", p->name,
					(long long)a->generation, p->volumes[i].array->name, map ? (long long)map->generation : 0LL);
	}
	if (port->native != p->vnics[0].network->vlan)
		story_violation(&x->story, "%s plays on %s, whose first port is in VLAN %d", p->name, a->machine, port->native);
}

/* A machine that plays nothing is in no network of a role. */
static void judge_free(struct script *x, int machine)
{
	const struct rack *r = x->story.rack;
	int i;

	if (is_dead(&r->machines[machine]) && !roster_quarantine(x->story.core->roster, r->machines[machine].name))
		story_violation(&x->story, "%s was left while its BMC is dead, and is not in quarantine", r->machines[machine].name);
	for (i = 0; i < r->n_switches; i++)
		if (!strncmp(r->switches[i].ports[machine].running.description, "recast p", 8) &&
		    strcmp(r->switches[i].ports[machine].running.description, "recast parked") != 0)
			story_violation(&x->story, "%s plays nothing, and its port on %s is \"%s\"", r->machines[machine].name,
					r->switches[i].dev.name, r->switches[i].ports[machine].running.description);
}

/* Without it the role does not survive its next boot. */
static void judge_secret(struct script *x, const struct assignment *a)
{
	struct secret *secret;
	struct error err = { 0 };
	const struct persona *p = model_persona(x->story.core->model, a->persona);
	char name[64];

	if (p && p->n_vhbas)
		return; /* there is none over Fibre Channel */
	snprintf(name, sizeof(name), "chap/%s.g%lld", a->persona, (long long)a->generation);
	secret = store_secret_get(x->story.core->store, name, &err);
	if (!secret)
		story_violation(&x->story, "%s plays on %s, and its secret is gone", a->persona, a->machine);
	secret_destroy(secret);
}

/* What plays on a machine that is on is up, or will never be. */
static void judge_up(struct script *x)
{
	const struct rack *r = x->story.rack;
	const struct assignment *a;
	int i;

	for (i = 0; i < r->n_machines; i++) {
		a = roster_on(x->story.core->roster, r->machines[i].name);
		if (a && a->generation)
			judge_secret(x, a);
		if (a && r->machines[i].on && !roster_quarantine(x->story.core->roster, r->machines[i].name) &&
		    r->machines[i].phase != HOST_UP)
			story_violation(&x->story, "%s plays on %s, which is on and not up", a->persona, r->machines[i].name);
	}
}

/* After a good end; whatever the change was. */
static void judge_roles(struct script *x)
{
	struct core *c = x->story.core;
	const struct assignment *a;
	const struct persona *p;
	size_t i;
	int k;

	for (i = 0; (p = model_at(c->model, KIND_PERSONA, i)); i++) {
		a = roster_of(c->roster, p->name);
		if (a && a->machine && x->story.rack->machines[script_number_of(a->machine)].on && !roster_quarantine(c->roster, a->machine))
			judge_role(x, p, a);
		else if ((!a || !a->machine) && (map_of(x->story.rack, "san1", p->name) || map_of(x->story.rack, "san2", p->name)))
			story_violation(&x->story, "%s plays nowhere, and has a map", p->name);
	}
	for (k = 0; k < x->story.rack->n_machines; k++)
		if (!roster_on(c->roster, x->story.rack->machines[k].name))
			judge_free(x, k);
	if (x->cancel_taken && script_outcome(x) == RUN_DONE && strncmp(x->transition->change, "power", 5) != 0)
		story_violation(&x->story, "a cancel was taken, and the run has ended as done");
}

void script_judge(struct script *x, const struct wiring *prior, const struct wiring *after)
{
	struct story *s = &x->story;
	enum run_state end;
	struct wiring now;

	story_check_end(s);
	if (s->why[0])
		return;
	end = script_outcome(x);
	if (end == RUN_DONE)
		judge_roles(x);
	if (end == RUN_DONE || end == RUN_ROLLED_BACK)
		judge_up(x);
	if (end != RUN_STATE_COUNT && x->refused && x->again)
		story_violation(s, "a wish was asked again under its key, and refused, though its run is there");
	if (!after || s->why[0])
		return;
	script_wiring(x, &now);
	switch (end) {
	case RUN_DONE:
		compare(x, after, &now, false);
		break;
	case RUN_ROLLED_BACK:
		if (!has_no_way_back(x, after, &now))
			compare(x, prior, &now, true);
		break;
	case RUN_QUARANTINED:
		judge_quarantine(x);
		break;
	case RUN_STATE_COUNT: /* none was wanted, or all wishes were refused */
		judge_without_run(x, prior, after, &now);
		break;
	case RUN_RUNNING:
	case RUN_UNDOING:
	case RUN_MASKING:
		break;
	}
}
