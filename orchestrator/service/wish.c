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
	while (w->n_with)
		free(w->with[--w->n_with]);
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

static const struct {
	const char *name;
	enum cast_kind kind;
	bool persona; /* names one */
} actions[] = { { "apply", CAST_PLAY, true },	  { "move", CAST_PLAY, true },	   { "swap", CAST_PLAY, true },
		{ "release", CAST_PLAY, true },	  { "repair", CAST_REPAIR, true }, { "adopt", CAST_ADOPT, true },
		{ "return", CAST_RETURN, false }, { "sweep", CAST_PLAY, false } };
enum { N_ACTIONS = sizeof(actions) / sizeof(actions[0]) };

static bool is(const struct wish *w, const char *action)
{
	return !strcmp(w->action, action);
}

/* One name, or a list of them. */
static int parse_with(const json_t *with, struct wish *w, struct error *err)
{
	json_t *item = (json_t *)with;
	size_t i, n = json_is_array(with) ? json_array_size(with) : with && !json_is_null(with);

	if (n > CASTS_MAX - 1)
		return error_set(err, ERROR_USAGE, "at most %d personas can change places in one run", CASTS_MAX);
	for (i = 0; i < n; i++) {
		if (json_is_array(with))
			item = json_array_get(with, i);
		if (!json_is_string(item))
			return error_set(err, ERROR_USAGE, "`with` must be the name of a persona, or a list of names");
		w->with[w->n_with++] = xstrdup(json_string_value(item));
	}
	return 0;
}

static int check_form(const struct wish *w, struct error *err)
{
	if ((is(w, "move") || is(w, "adopt")) && !w->machine)
		return error_set(err, ERROR_USAGE, "`%s` needs a machine", w->action);
	if (is(w, "swap") && !w->n_with)
		return error_set(err, ERROR_USAGE, "a swap needs two personas or more");
	if (w->n_with > 1 && !is(w, "swap"))
		return error_set(err, ERROR_USAGE, "one persona can make room; `with` names %d", w->n_with);
	if (w->n_with && !is(w, "swap") && !is(w, "apply") && !is(w, "move"))
		return error_set(err, ERROR_USAGE, "a %s concerns one persona", w->action);
	return 0;
}

int wish_parse(struct core *c, const json_t *body, struct wish *w, struct error *err)
{
	const struct persona *p;
	int i;

	w->action = copy(body, "action");
	w->persona = copy(body, "persona");
	w->machine = copy(body, "machine");
	if (!w->action)
		w->action = xstrdup("apply");
	for (i = 0; i < N_ACTIONS && strcmp(actions[i].name, w->action) != 0; i++)
		;
	if (i == N_ACTIONS || is(w, "return")) /* that has a door of its own */
		return error_set(err, ERROR_USAGE, "action `%s` is not one of apply, move, swap, release, repair, adopt, sweep", w->action);
	w->kind = actions[i].kind;
	if (!actions[i].persona)
		return 0;
	if (!w->persona)
		return error_set(err, ERROR_USAGE, "`persona` is missing");
	p = core_persona(c, w->persona, err);
	if (!p || parse_with(json_object_get(body, "with"), w, err) < 0 || check_form(w, err) < 0)
		return -1;
	return is(w, "apply") && !w->machine ? choose_machine(c, p, json_str(body, "group", NULL), w, err) : 0;
}

static int fill(struct core *c, const char *persona, enum cast_kind kind, struct cast *cast, struct arena *a,
		struct error *err)
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
			       .identities = identities_load(c, p, a),
			       .kind = kind };
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

/* Each takes the machine of the next, the last that of the first. */
static int set_rotation(struct cast *casts, int n, struct error *err)
{
	int i, k;

	for (i = 0; i < n; i++) {
		if (!casts[i].from)
			return not_playing(&casts[i], err);
		for (k = 0; k < i; k++)
			if (casts[k].persona == casts[i].persona)
				return error_set(err, ERROR_USAGE, "a persona cannot swap with itself");
	}
	for (i = 0; i < n; i++)
		casts[i].to = casts[(i + 1) % n].from;
	return 0;
}

static int set_machine(struct core *c, const struct wish *w, struct cast *casts, struct error *err)
{
	casts[0].to = core_machine(c, w->machine, err);
	if (!casts[0].to)
		return -1;
	if (is(w, "move") && !casts[0].from)
		return not_playing(&casts[0], err);
	if (w->n_with && check_displaced(&casts[0], &casts[1], err) < 0)
		return -1;
	if (!is(w, "move") && casts[0].from && (casts[0].from != casts[0].to || is(w, "adopt"))) {
		error_set(err, ERROR_CONFLICT, "%s plays on %s already", w->persona, casts[0].from->name);
		if (is(w, "adopt"))
			return error_hint(err, "There is nothing to adopt; see `persona drift %s`.", w->persona);
		return error_hint(err, "To take it to %s: persona move %s --to %s", w->machine, w->persona, w->machine);
	}
	return 0;
}

static int set_targets(struct core *c, const struct wish *w, struct cast *casts, int n, struct error *err)
{
	if (is(w, "swap"))
		return set_rotation(casts, n, err);
	if (is(w, "apply") || is(w, "move") || is(w, "adopt"))
		return set_machine(c, w, casts, err);
	if (!casts[0].from)
		return not_playing(&casts[0], err);
	if (is(w, "repair"))
		casts[0].to = casts[0].from;
	return 0;
}

/* The machine is taken out of quarantine; a persona that is assigned to it stays so, and is down. */
static int return_cast(struct core *c, const struct wish *w, struct cast *cast, struct arena *a, struct error *err)
{
	const struct machine *m = core_machine(c, w->machine, err);
	const struct assignment *on;

	if (!m)
		return -1;
	if (!roster_quarantine(c->roster, m->name)) {
		error_set(err, ERROR_CONFLICT, "%s is not quarantined", m->name);
		return error_hint(err, "See `persona show %s`.", m->name);
	}
	on = roster_on(c->roster, m->name);
	*cast = (struct cast){ 0 };
	if (on && fill(c, on->persona, CAST_RETURN, cast, a, err) < 0)
		return -1;
	cast->kind = CAST_RETURN;
	cast->from = m;
	return 1;
}

int wish_casts(struct core *c, const struct wish *w, struct cast *casts, struct arena *a, struct error *err)
{
	int n = 1 + w->n_with, i;

	if (is(w, "sweep"))
		return 0;
	if (w->kind == CAST_RETURN)
		return return_cast(c, w, casts, a, err);
	for (i = 0; i < n; i++)
		if (fill(c, i ? w->with[i - 1] : w->persona, w->kind, &casts[i], a, err) < 0)
			return -1;
	if (set_targets(c, w, casts, n, err) < 0)
		return -1;
	for (i = 0; i < n; i++)
		unfenced_load(c, &casts[i], a);
	for (i = 0; i < n; i++)
		if (check_target(c, casts, n, &casts[i], err) < 0 ||
		    (casts[i].to && model_fits(casts[i].persona, casts[i].to, err) < 0))
			return -1;
	return n;
}

void targets_add(json_t *targets, const char *kind, const char *a, const char *b)
{
	json_t *text = json_sprintf("%s:%s%s%s", kind, a, b ? "/" : "", b ? b : "");
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
	targets_add(targets, "machine", m->name, NULL);
	for (i = 0; i < m->n_nics; i++)
		targets_add(targets, "port", m->nics[i].sw->name, m->nics[i].port);
	for (i = 0; i < m->n_hbas; i++)
		targets_add(targets, "port", m->hbas[i].fabric->name, m->hbas[i].port);
}

json_t *wish_targets(const struct cast *casts, int n)
{
	json_t *targets = json_array();
	int i, k;

	for (i = 0; i < n; i++) {
		add_machine(targets, casts[i].from);
		add_machine(targets, casts[i].to);
		if (!casts[i].persona)
			continue;
		targets_add(targets, "persona", casts[i].persona->name, NULL);
		for (k = 0; k < casts[i].n_unfenced; k++)
			targets_add(targets, "port", casts[i].unfenced[k].hba->fabric->name, casts[i].unfenced[k].hba->port);
		for (k = 0; k < casts[i].persona->n_volumes; k++)
			targets_add(targets, "volume", casts[i].persona->volumes[k].array->name,
				   casts[i].persona->volumes[k].volume);
	}
	return targets;
}
