/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Wishes: who shall play where, checked against who plays where now.
 */
#include "wish.h"

#include "json.h"

#include <stdlib.h>
#include <string.h>

static char *copy(const json_t *body, const char *key)
{
	const char *s = json_str(body, key, NULL);

	return s ? xstrdup(s) : NULL;
}

void wish_fini(struct wish *w)
{
	free(w->action);
	free(w->persona);
	free(w->machine);
	free(w->with);
}

static bool is_free(struct core *c, const struct machine *m)
{
	char *target = xasprintf("machine:%s", m->name);
	bool held = engine_holder(c->engine, target) != 0;

	free(target);
	return !held && !roster_on(c->roster, m->name) && !roster_quarantine(c->roster, m->name);
}

/* The first free machine that fits; the group's spares are left free. */
static const struct machine *choose(struct core *c, const struct persona *p, const struct group *g,
				    struct error *err)
{
	const struct machine *m, *found = NULL;
	struct error why = { 0 };
	int free_machines = 0;
	size_t i;

	for (i = 0; (m = g ? (i < (size_t)g->n_members ? g->members[i] : NULL) : model_at(c->model, KIND_MACHINE, i)); i++) {
		if (!is_free(c, m))
			continue;
		free_machines++;
		if (!found && model_fits(p, m, &why) == 0)
			found = m;
	}
	if (found && (!g || free_machines > g->spares))
		return found;
	if (found)
		error_set(err, ERROR_CONFLICT, "the %d free machine%s of group %s are kept as spares", free_machines,
			  free_machines == 1 ? "" : "s", g->name);
	else if (why.code)
		*err = why, error_wrap(err, "no free machine fits");
	else
		error_set(err, ERROR_CONFLICT, "no machine%s%s is free for %s", g ? " of group " : "", g ? g->name : "",
			  p->name);
	error_hint(err, "See `persona get machines`; name a machine with --on, or release one.");
	return NULL;
}

static int choose_machine(struct core *c, const struct persona *p, const char *group, struct wish *w,
			  struct error *err)
{
	const struct assignment *now = roster_of(c->roster, p->name);
	const struct group *g = group ? model_group(c->model, group) : p->group;
	const struct machine *m;

	if (group && !g)
		return error_set(err, ERROR_NOT_FOUND, "there is no group `%s`", group);
	if (now && now->machine) {
		w->machine = xstrdup(now->machine);
		return 0;
	}
	m = choose(c, p, g, err);
	if (!m)
		return -1;
	w->machine = xstrdup(m->name);
	return 0;
}

int wish_parse(struct core *c, const json_t *body, struct wish *w, struct error *err)
{
	static const char *const actions[] = { "apply", "move", "swap", "release" };
	const struct persona *p;
	size_t i;

	w->action = copy(body, "action");
	w->persona = copy(body, "persona");
	w->machine = copy(body, "machine");
	w->with = copy(body, "with");
	if (!w->action)
		w->action = xstrdup("apply");
	for (i = 0; i < 4 && strcmp(actions[i], w->action) != 0; i++)
		;
	if (i == 4)
		return error_set(err, ERROR_USAGE, "action `%s` is not one of apply, move, swap, release", w->action);
	if (!w->persona) {
		w->persona = xstrdup("");
		return error_set(err, ERROR_USAGE, "`persona` is missing");
	}
	p = core_persona(c, w->persona, err);
	if (!p)
		return -1;
	if (!strcmp(w->action, "move") && !w->machine)
		return error_set(err, ERROR_USAGE, "a move needs the machine to go to");
	if (!strcmp(w->action, "swap") && !w->with)
		return error_set(err, ERROR_USAGE, "a swap needs two personas");
	if (!strcmp(w->action, "apply") && !w->machine)
		return choose_machine(c, p, json_str(body, "group", NULL), w, err);
	return 0;
}

static int fill(struct core *c, const char *persona, struct cast *cast, struct arena *a, struct error *err)
{
	const struct persona *p = core_persona(c, persona, err);
	const struct assignment *now;

	if (!p)
		return -1;
	now = roster_of(c->roster, persona);
	*cast = (struct cast){ .persona = p,
			       .from = now && now->machine ? model_machine(c->model, now->machine) : NULL,
			       .generation = now ? now->generation : 0,
			       .next_generation = now ? now->last + 1 : 1,
			       .identities = identities_load(c, p, a) };
	return 0;
}

static int not_playing(const struct cast *cast, struct error *err)
{
	error_set(err, ERROR_CONFLICT, "%s plays on no machine", cast->persona->name);
	return error_hint(err, "Start it with `persona apply %s`.", cast->persona->name);
}

/* The machine that @cast goes to must be free or left by another cast of the same wish. */
static int check_target(struct core *c, const struct cast *casts, int n, const struct cast *cast,
			struct error *err)
{
	const struct assignment *on;
	const char *quarantine;
	int i;

	if (!cast->to)
		return 0;
	quarantine = roster_quarantine(c->roster, cast->to->name);
	if (quarantine) {
		error_set(err, ERROR_CONFLICT, "%s is quarantined: %s", cast->to->name, quarantine);
		return error_hint(err, "Once it is repaired: persona machine return %s", cast->to->name);
	}
	on = roster_on(c->roster, cast->to->name);
	for (i = 0; on && i < n; i++)
		if (!strcmp(casts[i].persona->name, on->persona))
			return 0;
	if (!on)
		return 0;
	error_set(err, ERROR_CONFLICT, "%s plays %s already", cast->to->name, on->persona);
	return error_hint(err, "Take it off in the same run (--replace %s), swap (persona swap %s %s), or choose another machine.",
			  on->persona, cast->persona->name, on->persona);
}

/* The persona that has to make room plays where the new one goes. */
static int check_displaced(const struct cast *comes, const struct cast *goes, struct error *err)
{
	if (comes->persona == goes->persona)
		return error_set(err, ERROR_USAGE, "a persona cannot replace itself");
	if (goes->from == comes->to)
		return 0;
	error_set(err, ERROR_CONFLICT, "%s does not play on %s", goes->persona->name, comes->to->name);
	return error_hint(err, "See who does: persona show %s", comes->to->name);
}

static int set_targets(struct core *c, const struct wish *w, struct cast *casts, struct error *err)
{
	if (!strcmp(w->action, "release") && w->with)
		return error_set(err, ERROR_USAGE, "a release concerns one persona");
	if (!strcmp(w->action, "release"))
		return casts[0].from ? 0 : not_playing(&casts[0], err);
	if (!strcmp(w->action, "swap")) {
		if (!casts[0].from || !casts[1].from)
			return not_playing(&casts[casts[0].from ? 1 : 0], err);
		casts[0].to = casts[1].from;
		casts[1].to = casts[0].from;
		return casts[0].persona != casts[1].persona ? 0 : error_set(err, ERROR_USAGE, "a persona cannot swap with itself");
	}
	casts[0].to = core_machine(c, w->machine, err);
	if (!casts[0].to)
		return -1;
	if (!strcmp(w->action, "move") && !casts[0].from)
		return not_playing(&casts[0], err);
	if (w->with && check_displaced(&casts[0], &casts[1], err) < 0)
		return -1;
	if (!strcmp(w->action, "apply") && casts[0].from && casts[0].from != casts[0].to) {
		error_set(err, ERROR_CONFLICT, "%s plays on %s already", w->persona, casts[0].from->name);
		return error_hint(err, "To take it to %s: persona move %s --to %s", w->machine, w->persona, w->machine);
	}
	return 0;
}

int wish_casts(struct core *c, const struct wish *w, struct cast *casts, struct arena *a, struct error *err)
{
	int n = w->with ? 2 : 1, i;

	if (fill(c, w->persona, &casts[0], a, err) < 0 || (n == 2 && fill(c, w->with, &casts[1], a, err) < 0) ||
	    set_targets(c, w, casts, err) < 0)
		return -1;
	for (i = 0; i < n; i++)
		if (check_target(c, casts, n, &casts[i], err) < 0 ||
		    (casts[i].to && model_fits(casts[i].persona, casts[i].to, err) < 0))
			return -1;
	return n;
}

static void add_target(json_t *targets, const char *fmt, const char *a, const char *b)
{
	json_t *text = json_sprintf("%s:%s%s%s", fmt, a, b ? "/" : "", b ? b : "");
	size_t i;

	for (i = 0; i < json_array_size(targets); i++)
		if (json_equal(json_array_get(targets, i), text))
			break;
	if (i == json_array_size(targets))
		json_array_append(targets, text);
	json_decref(text);
}

static void add_machine(json_t *targets, const struct machine *m)
{
	int i;

	if (!m)
		return;
	add_target(targets, "machine", m->name, NULL);
	for (i = 0; i < m->n_nics; i++)
		add_target(targets, "port", m->nics[i].sw->name, m->nics[i].port);
}

json_t *wish_targets(const struct cast *casts, int n)
{
	json_t *targets = json_array();
	int i, k;

	for (i = 0; i < n; i++) {
		add_target(targets, "persona", casts[i].persona->name, NULL);
		add_machine(targets, casts[i].from);
		add_machine(targets, casts[i].to);
		for (k = 0; k < casts[i].persona->n_volumes; k++)
			add_target(targets, "volume", casts[i].persona->volumes[k].array->name,
				   casts[i].persona->volumes[k].volume);
	}
	return targets;
}
