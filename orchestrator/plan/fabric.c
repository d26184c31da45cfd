/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The Fibre Channel part of a plan: zones, one for each vHBA; proof that its WWPN is logged in nowhere before anything is
 * granted to it; ports of fabrics, which are shut when a role leaves: the cards of the machine keep its WWPNs, and whoever
 * powers it on later would write to its LUNs.  No secret that changes with the generation stops them, as CHAP does.
 *
 * A zone takes its generation's name, so an old one is gone before the new one comes.  Fabrics of side A are changed in a
 * phase of their own, before those of side B: what goes wrong on one leaves the other as it is.
 */
#include "build.h"

#include "json.h"

#include <stdlib.h>
#include <string.h>

enum { GONE_MS = 30000 };

bool plan_fabric_is_silent(const struct planner *pl, const struct device *fabric)
{
	return json_bool(json_object_get(pl->observed, fabric->name), "silent", false);
}

static const char *wwpn_of(const struct cast *c, int i)
{
	return c->identities->vhbas[i].wwpn ? c->identities->vhbas[i].wwpn : "";
}

static char *zone_key(struct arena *a, const struct cast *c, int i)
{
	return arena_printf(a, "%s.%s", c->persona->name, c->persona->vhbas[i].name);
}

static int by_text(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static json_t *sorted(const char **all, int n)
{
	json_t *list = json_array();
	int i;

	qsort(all, (size_t)n, sizeof(*all), by_text);
	for (i = 0; i < n; i++)
		if (!i || strcmp(all[i], all[i - 1]) != 0)
			json_array_append_new(list, json_string(all[i]));
	return list;
}

/* The ports on @fabric (NULL: on any that the persona is on) of @array, or of each array that it has volumes on over FC. */
static json_t *targets_on(const struct persona *p, const struct device *fabric, const struct device *array)
{
	const char *all[256];
	const struct device *a;
	int n = 0, i, k, v;

	for (i = 0; (a = persona_array(p, i)); i++) {
		if ((array && a != array) || !persona_over_fc(p, a))
			continue;
		for (k = 0; k < a->n_fc_ports && n < 256; k++)
			for (v = 0; v < p->n_vhbas; v++)
				if (p->vhbas[v].fabric == a->fc_ports[k].fabric && (!fabric || fabric == p->vhbas[v].fabric)) {
					all[n++] = a->fc_ports[k].wwpn;
					break;
				}
	}
	return sorted(all, n);
}

bool persona_over_fc(const struct persona *p, const struct device *array)
{
	int i;

	for (i = 0; i < p->n_volumes; i++)
		if (p->volumes[i].array == array)
			return p->volumes[i].fc;
	return false;
}

/* Does the map of the generation in force let the WWPN in? */
static bool is_let_in(struct planner *pl, const struct cast *c, const struct device *array, const char *wwpn)
{
	const json_t *seen = plan_seen(pl, array->name, "maps", c->persona->name), *initiators = json_object_get(seen, "initiators");
	size_t i;

	for (i = 0; json_int(seen, "generation", -1) == c->generation && i < json_array_size(initiators); i++)
		if (!strcmp(json_string_value(json_array_get(initiators, i)), wwpn))
			return true;
	return false;
}

/* The vHBAs that reach the array: what its map lets in.  Where nobody answers nobody new is let in: nothing there was fenced.  A
 * map that is in force stays what it is. */
static json_t *initiators_of(struct planner *pl, const struct cast *c, const struct device *array, int64_t generation)
{
	const char *all[VHBAS_MAX];
	int n = 0, i, k;

	for (i = 0; i < c->persona->n_vhbas; i++)
		for (k = 0; k < array->n_fc_ports; k++)
			if (array->fc_ports[k].fabric == c->persona->vhbas[i].fabric &&
			    (!plan_fabric_is_silent(pl, c->persona->vhbas[i].fabric) ||
			     (generation == c->generation && is_let_in(pl, c, array, wwpn_of(c, i))))) {
				all[n++] = wwpn_of(c, i);
				break;
			}
	return sorted(all, n);
}

json_t *wish_fc_map(struct planner *pl, const struct cast *c, const struct device *array, json_t *luns, int64_t generation)
{
	return json_pack("{s:b, s:s, s:o, s:o, s:o, s:I}", "exists", 1, "protocol", "fc", "ports",
			 targets_on(c->persona, NULL, array), "initiators", initiators_of(pl, c, array, generation), "luns", luns, "generation",
			 (json_int_t)generation);
}

static json_t *wish_zone(const struct cast *c, int i, int64_t generation)
{
	return json_pack("{s:b, s:[s], s:o, s:I}", "exists", 1, "initiators", wwpn_of(c, i), "targets",
			 targets_on(c->persona, c->persona->vhbas[i].fabric, NULL), "generation", (json_int_t)generation);
}

/* A vHBA whose fabric leads to no array of the persona has no zone. */
static bool has_zone(const struct cast *c, int i)
{
	json_t *targets = targets_on(c->persona, c->persona->vhbas[i].fabric, NULL);
	bool any = json_array_size(targets) > 0;

	json_decref(targets);
	return any;
}

static const json_t *seen_zone(struct planner *pl, const struct cast *c, int i)
{
	const json_t *seen = plan_seen(pl, c->persona->vhbas[i].fabric->name, "zones", zone_key(&pl->plan->arena, c, i));

	return seen && json_bool(seen, "exists", true) ? seen : NULL;
}

/* What a zone holds, as a document tells it. */
static json_t *members_of(const json_t *wish)
{
	const char *all[257];
	json_t *targets = json_object_get(wish, "targets");
	size_t i;
	int n = 0;

	all[n++] = json_string_value(json_array_get(json_object_get(wish, "initiators"), 0));
	for (i = 0; i < json_array_size(targets) && n < 257; i++)
		all[n++] = json_string_value(json_array_get(targets, i));
	return sorted(all, n);
}

static bool zone_met(const json_t *wish, const json_t *seen)
{
	json_t *members = members_of(wish);
	bool met = seen && json_bool(seen, "active", false) && json_equal(members, json_object_get(seen, "members")) &&
		   json_int(seen, "generation", -1) == json_int(wish, "generation", 0);

	json_decref(members);
	return met;
}

static void warn_silent(struct planner *pl, const struct cast *c, int i)
{
	const struct device *fabric = c->persona->vhbas[i].fabric;
	json_t *text = json_sprintf("%s does not answer: %s gets no path by its vhba %s (%s)", fabric->name, c->persona->name,
				    c->persona->vhbas[i].name, json_str(json_object_get(pl->observed, fabric->name), "why", "unreachable"));

	plan_warn(pl, text);
	/* The plan rests on it: once the fabric answers it is another one. */
	json_object_set_new(pl->used, fabric->name, json_string("silent"));
}

static int refuse_config(struct planner *pl, const struct device *fabric)
{
	const json_t *config = json_object_get(json_object_get(pl->observed, fabric->name), "config");

	if (config && !*json_str(config, "name", "")) {
		error_set(pl->err, ERROR_CONFLICT, "no zone configuration is in force on %s", fabric->name);
		return error_hint(pl->err, "Enable one there, with a zone of your own in it: Recast adds its zones to the one in force.");
	}
	if (config && !strcmp(json_str(config, "default_access", "none"), "all")) {
		error_set(pl->err, ERROR_CONFLICT, "on %s ports in no zone see each other", fabric->name);
		return error_hint(pl->err, "Set its default zone to deny (FOS: defzone --noaccess; MDS: no zone default-zone permit): without that, a zone protects nobody.");
	}
	return 0;
}

/* Where the WWPN may be logged in: at a port of the machine that the role leaves. */
static bool is_own_login(const struct cast *c, const struct device *fabric, const char *port)
{
	int k;

	for (k = 0; c->from && k < c->from->n_hbas; k++)
		if (c->from->hbas[k].fabric == fabric && !strcmp(c->from->hbas[k].port, port))
			return true;
	return false;
}

static int refuse_duplicate(struct planner *pl, const struct cast *c, int i)
{
	const struct device *fabric = c->persona->vhbas[i].fabric;
	const json_t *login = plan_seen(pl, fabric->name, "logins", wwpn_of(c, i));
	const char *port = json_str(login, "port", "");

	if (!json_bool(login, "online", false) || is_own_login(c, fabric, port))
		return 0;
	error_set(pl->err, ERROR_CONFLICT, "%s, the WWPN of %s's vhba %s, is logged in on %s at port %s already", wwpn_of(c, i),
		  c->persona->name, c->persona->vhbas[i].name, fabric->name, port);
	return error_hint(pl->err, "Somebody else uses it: find out what is at that port. A second login would have one of the two ports shut.");
}

/* About what a zone takes in the database: the drivers know exactly, and refuse; here it is told before anything is touched. */
static int refuse_full(struct planner *pl, const struct cast *c, int i)
{
	const struct device *fabric = c->persona->vhbas[i].fabric;
	const json_t *capacity = json_object_get(json_object_get(pl->observed, fabric->name), "capacity");
	json_t *wish;
	int64_t needs, limit = json_int(capacity, "limit_bytes", 0), used = json_int(capacity, "used_bytes", 0);

	if (!capacity || !limit || seen_zone(pl, c, i))
		return 0;
	wish = wish_zone(c, i, c->next_generation);
	needs = 64 + 24 * (int64_t)(1 + json_array_size(json_object_get(wish, "targets")));
	json_decref(wish);
	if (used + needs <= limit)
		return 0;
	error_set(pl->err, ERROR_CONFLICT, "the zone database of %s is full: %lld of %lld bytes are used, and a zone takes %lld",
		  fabric->name, (long long)used, (long long)limit, (long long)needs);
	return error_hint(pl->err, "Remove zones that nobody needs there; `persona drift` lists those of Recast that belong to nobody.");
}

/* Whether at least one vHBA reaches every array of the persona though @fabric and its likes are silent. */
static int refuse_silence(struct planner *pl, const struct cast *c)
{
	const struct device *array;
	int i, k, v;

	for (i = 0; (array = persona_array(c->persona, i)); i++) {
		bool reached = !persona_over_fc(c->persona, array);

		for (k = 0; k < array->n_fc_ports && !reached; k++)
			for (v = 0; v < c->persona->n_vhbas; v++)
				reached = reached || (c->persona->vhbas[v].fabric == array->fc_ports[k].fabric &&
						      !plan_fabric_is_silent(pl, c->persona->vhbas[v].fabric));
		if (!reached)
			return error_set(pl->err, ERROR_UNREACHABLE, "no fabric answers by which %s reaches %s", c->persona->name,
					 array->name);
	}
	return 0;
}

/* A machine that is left, and whose port cannot be shut. */
static int refuse_unfenced(struct planner *pl, const struct cast *c, const struct device *fabric)
{
	if (!c->from || c->from == c->to || !strcmp(power_of(pl, c->from), "confirmed"))
		return 0;
	error_set(pl->err, ERROR_UNREACHABLE, "%s does not answer, so the port of %s there cannot be shut: powered on later, it would write to the LUNs of %s",
		  fabric->name, c->from->name, c->persona->name);
	return error_hint(pl->err, "Wait for %s. Or make sure that %s stays off, and say so: persona fence confirm %s --because TEXT",
			  fabric->name, c->from->name, c->from->name);
}

int plan_check_fabrics(struct planner *pl, const struct cast *c)
{
	int i;

	if (refuse_silence(pl, c) < 0)
		return -1;
	for (i = 0; i < c->persona->n_vhbas; i++) {
		if (plan_fabric_is_silent(pl, c->persona->vhbas[i].fabric)) {
			if (refuse_unfenced(pl, c, c->persona->vhbas[i].fabric) < 0)
				return -1;
			warn_silent(pl, c, i);
			continue;
		}
		if (refuse_config(pl, c->persona->vhbas[i].fabric) < 0 || refuse_duplicate(pl, c, i) < 0 ||
		    refuse_full(pl, c, i) < 0)
			return -1;
	}
	return 0;
}

/* Somebody else's lock does not refuse a plan: a run waits for it.  Who reads the plan shall know. */
static const char *lock_note(struct planner *pl, const struct device *fabric)
{
	const json_t *lock = json_object_get(json_object_get(pl->observed, fabric->name), "lock");

	if (!json_bool(lock, "held", false))
		return "";
	return arena_printf(&pl->plan->arena, "; %s holds the lock and is waited for", json_str(lock, "user", "somebody else"));
}

static struct plan_step *zone_step(struct planner *pl, const struct cast *c, int i, enum phase side_a, json_t *set, json_t *undo,
				   int64_t generation)
{
	const struct device *fabric = c->persona->vhbas[i].fabric;
	struct plan_step *s = plan_add_on(pl, (enum phase)(side_a + (unsigned)fabric->side), fabric,
					  arena_printf(&pl->plan->arena, "zone:%s", zone_key(&pl->plan->arena, c, i)), set, undo, c,
					  NULL, generation);

	s->deadline_ms = fabric->lock_wait_ms;
	return s;
}

/* Only the zone of the generation in force is put back; one of another was left by somebody. */
static json_t *old_zone_undo(const struct cast *c, int i, const json_t *seen)
{
	if (c->kind == CAST_RETURN)
		return NULL;
	if (!c->generation || json_int(seen, "generation", -1) != c->generation)
		return json_pack("{s:b}", "exists", 0);
	return wish_zone(c, i, c->generation);
}

void plan_unzones(struct planner *pl, const struct cast *c)
{
	const struct device *fabric;
	struct plan_step *s;
	const json_t *seen;
	int i;

	for (i = 0; i < c->persona->n_vhbas; i++) {
		fabric = c->persona->vhbas[i].fabric;
		if (plan_fabric_is_silent(pl, fabric) || !(seen = seen_zone(pl, c, i)))
			continue;
		s = zone_step(pl, c, i, PHASE_UNZONE_A, json_pack("{s:b}", "exists", 0), old_zone_undo(c, i, seen), c->generation);
		s->verb = '-';
		s->summary = arena_printf(&pl->plan->arena, "take zone %s of %s off %s%s", json_str(seen, "name", ""), c->persona->name,
					  fabric->name, lock_note(pl, fabric));
	}
}

/* Nobody may be logged in as the one who is about to come: two of one name have a switch shut a port. */
void plan_logged_out(struct planner *pl, const struct cast *c)
{
	const struct device *fabric;
	struct plan_step *s;
	int i;

	for (i = 0; i < c->persona->n_vhbas; i++) {
		fabric = c->persona->vhbas[i].fabric;
		if (plan_fabric_is_silent(pl, fabric))
			continue;
		s = plan_add_on(pl, PHASE_VERIFY, fabric, arena_printf(&pl->plan->arena, "login:%s", wwpn_of(c, i)),
				json_pack("{s:b}", "online", 0), NULL, c, NULL, c->next_generation);
		s->verb = '=';
		s->deadline_ms = GONE_MS;
		s->summary = arena_printf(&pl->plan->arena, "ask the name server of %s for %s (%s of %s): it must not be there",
					  fabric->name, wwpn_of(c, i), c->persona->vhbas[i].name, c->persona->name);
	}
}

static void grant_zone(struct planner *pl, const struct cast *c, int i, json_t *wish, json_t *undo)
{
	const struct device *fabric = c->persona->vhbas[i].fabric;
	struct plan_step *s = zone_step(pl, c, i, PHASE_ZONE_A, wish, undo, json_int(wish, "generation", 0));
	size_t n = json_array_size(json_object_get(wish, "targets"));

	s->verb = '+';
	s->summary = arena_printf(&pl->plan->arena, "zone %s of %s (%s) with %zu port%s of arrays on %s%s", c->persona->vhbas[i].name,
				  c->persona->name, wwpn_of(c, i), n, n == 1 ? "" : "s", fabric->name, lock_note(pl, fabric));
}

void plan_zones(struct planner *pl, const struct cast *c)
{
	int i;

	for (i = 0; i < c->persona->n_vhbas; i++)
		if (has_zone(c, i) && !plan_fabric_is_silent(pl, c->persona->vhbas[i].fabric))
			grant_zone(pl, c, i, wish_zone(c, i, c->next_generation), json_pack("{s:b}", "exists", 0));
}

/* The zones of a role that runs: those that are missing or differ, in its generation. */
void plan_zones_live(struct planner *pl, const struct cast *c)
{
	const json_t *seen;
	json_t *wish;
	int i;

	for (i = 0; i < c->persona->n_vhbas; i++) {
		if (!has_zone(c, i) || plan_fabric_is_silent(pl, c->persona->vhbas[i].fabric))
			continue;
		wish = wish_zone(c, i, c->generation);
		seen = seen_zone(pl, c, i);
		if (zone_met(wish, seen))
			json_decref(wish);
		else
			grant_zone(pl, c, i, wish, seen ? NULL : json_pack("{s:b}", "exists", 0));
	}
}

static struct plan_step *port_step(struct planner *pl, const struct cast *c, const struct machine *m, const struct hba *hba,
				   enum phase phase, bool enabled, bool before)
{
	return plan_add_on(pl, phase, hba->fabric, arena_printf(&pl->plan->arena, "port:%s", hba->port),
			   json_pack("{s:b}", "enabled", enabled), json_pack("{s:b}", "enabled", before), c, m, 0);
}

static bool port_is_shut(struct planner *pl, const struct hba *hba)
{
	const json_t *seen = plan_seen(pl, hba->fabric->name, "ports", hba->port);

	return seen && !json_bool(seen, "enabled", true);
}

/* Does a role that enters @m in this plan use this HBA? */
static bool is_entered_by(const struct planner *pl, const struct machine *m, const struct hba *hba)
{
	int i, k;

	for (i = 0; i < pl->n; i++)
		for (k = 0; pl->casts[i].to == m && pl->casts[i].persona && k < pl->casts[i].persona->n_vhbas; k++)
			if (model_hba(pl->casts[i].persona, k, m) == hba)
				return true;
	return false;
}

/* The HBA of vhba @i on @m, when no vhba before lies on it too. */
static const struct hba *first_hba(const struct persona *p, int i, const struct machine *m)
{
	const struct hba *hba = model_hba(p, i, m);
	int k;

	for (k = 0; k < i; k++)
		if (model_hba(p, k, m) == hba)
			return NULL;
	return hba;
}

void plan_shut_ports(struct planner *pl, const struct cast *c)
{
	const struct hba *hba;
	struct plan_step *s;
	int i;

	for (i = 0; i < c->persona->n_vhbas; i++) {
		hba = first_hba(c->persona, i, c->from);
		if (!hba || is_entered_by(pl, c->from, hba) || plan_fabric_is_silent(pl, hba->fabric) || port_is_shut(pl, hba))
			continue;
		s = port_step(pl, c, c->from, hba, PHASE_PARK, false, true);
		s->verb = '-';
		s->summary = arena_printf(&pl->plan->arena, "shut port %s/%s, which %s leaves (fence F3)", hba->fabric->name, hba->port,
					  c->persona->name);
	}
}

static void leave_unfenced(struct planner *pl, const struct cast *c, const struct hba *hba)
{
	if (!pl->plan->unfenced)
		pl->plan->unfenced = json_array();
	json_array_append_new(pl->plan->unfenced, json_pack("{s:o, s:s, s:s}", "port", json_sprintf("%s/%s", hba->fabric->name, hba->port),
							    "machine", c->to->name, "persona", c->persona->name));
}

/* What earlier casts had to leave: it stays shut, whatever becomes of this one. */
void plan_shut_unfenced(struct planner *pl, const struct cast *c)
{
	const struct hba *hba;
	struct plan_step *s;
	int i;

	for (i = 0; i < c->n_unfenced; i++) {
		hba = c->unfenced[i].hba;
		if (is_entered_by(pl, c->unfenced[i].machine, hba) || !json_object_get(pl->observed, hba->fabric->name) ||
		    plan_fabric_is_silent(pl, hba->fabric))
			continue;
		s = port_step(pl, c, c->unfenced[i].machine, hba, PHASE_PARK, false, false);
		json_decref(s->undo);
		s->undo = NULL;
		s->machine = NULL; /* which may play another role by now, without this card */
		s->verb = port_is_shut(pl, hba) ? '=' : '-';
		s->summary = arena_printf(&pl->plan->arena, "shut port %s/%s of %s, where %s was cast while %s did not answer (fence F3)",
					  hba->fabric->name, hba->port, c->unfenced[i].machine->name, c->persona->name, hba->fabric->name);
	}
}

/* They open for a machine that is off for certain; and when this is undone they are shut, unless a role was there before. */
void plan_open_ports(struct planner *pl, const struct cast *c)
{
	bool played = machine_is_source(pl, c->to);
	const struct hba *hba;
	struct plan_step *s;
	int i;

	for (i = 0; i < c->persona->n_vhbas; i++) {
		hba = first_hba(c->persona, i, c->to);
		if (hba && plan_fabric_is_silent(pl, hba->fabric))
			leave_unfenced(pl, c, hba);
		if (!hba || plan_fabric_is_silent(pl, hba->fabric))
			continue;
		s = port_step(pl, c, c->to, hba, PHASE_PREPARE, true, played && !port_is_shut(pl, hba));
		s->verb = port_is_shut(pl, hba) ? '+' : '=';
		s->summary = arena_printf(&pl->plan->arena, port_is_shut(pl, hba) ? "open port %s/%s, which is shut, for %s"
										  : "port %s/%s is open for %s",
					  hba->fabric->name, hba->port, c->persona->name);
	}
}

/* Those of a role that runs, when somebody has shut them.  Who else has its names was looked at before. */
void plan_open_ports_live(struct planner *pl, const struct cast *c)
{
	const struct hba *hba;
	struct plan_step *s;
	int i;

	for (i = 0; i < c->persona->n_vhbas; i++) {
		hba = first_hba(c->persona, i, c->to);
		if (!hba || plan_fabric_is_silent(pl, hba->fabric) || !port_is_shut(pl, hba))
			continue;
		s = port_step(pl, c, c->to, hba, PHASE_PREPARE, true, false);
		s->verb = '+';
		s->summary = arena_printf(&pl->plan->arena, "open port %s/%s, which is shut, for %s", hba->fabric->name, hba->port,
					  c->persona->name);
	}
}

/* Each path is told; that one is missing is no failure, that all are is: the engine judges the group. */
void plan_paths(struct planner *pl, const struct cast *c)
{
	struct plan_step *s;
	int i;

	for (i = 0; i < c->persona->n_vhbas; i++) {
		if (!has_zone(c, i) || plan_fabric_is_silent(pl, c->persona->vhbas[i].fabric))
			continue;
		s = plan_add_on(pl, PHASE_CONFIRM, c->persona->vhbas[i].fabric,
				arena_printf(&pl->plan->arena, "path:%s", wwpn_of(c, i)),
				json_pack("{s:s}", "login", wwpn_of(c, i)), NULL, c, c->to, c->next_generation);
		s->verb = '=';
		s->deadline_ms = plan_paths_ms(c);
		s->optional = true;
		s->group = arena_printf(&pl->plan->arena, "paths of %s", c->persona->name);
		s->summary = arena_printf(&pl->plan->arena, "see %s of %s logged in on %s", c->persona->vhbas[i].name, c->persona->name,
					  c->persona->vhbas[i].fabric->name);
	}
}

json_t *plan_boot_vhbas(const struct cast *c)
{
	const struct hba *hba;
	json_t *list = json_array();
	int i;

	for (i = 0; i < c->persona->n_vhbas; i++)
		if ((hba = model_hba(c->persona, i, c->to)))
			json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "fabric", hba->fabric->name, "port", hba->port,
							      "wwpn", wwpn_of(c, i)));
	return list;
}

/* One that is defined and not in force looks like ours and lets nobody through. */
static const char *zone_trouble(const json_t *seen)
{
	if (!seen)
		return "has gone";
	return json_bool(seen, "active", true) ? "is another one" : "is defined there, but not in force";
}

static void drift_zone(struct planner *pl, const struct cast *c, int i, drift_note *note, void *arg)
{
	const struct device *fabric = c->persona->vhbas[i].fabric;
	struct arena *a = &pl->plan->arena;
	const json_t *seen = seen_zone(pl, c, i);
	json_t *wish;

	if (!has_zone(c, i))
		return;
	wish = wish_zone(c, i, c->generation);
	if (!zone_met(wish, seen))
		note(arg, fabric, arena_printf(a, "zone:%s", zone_key(a, c, i)), "zone", json_incref((json_t *)seen), json_incref(wish), true,
		     arena_printf(a, "the zone of %s's vhba %s on %s %s", c->persona->name, c->persona->vhbas[i].name, fabric->name,
				  zone_trouble(seen)));
	json_decref(wish);
}

/* A port that is shut under a running role: somebody's deed, or the switch's own, when a WWPN came twice. */
static void drift_hba(struct planner *pl, const struct cast *c, int i, drift_note *note, void *arg)
{
	const struct hba *hba = first_hba(c->persona, i, c->from);
	struct arena *a = &pl->plan->arena;

	if (hba && port_is_shut(pl, hba))
		note(arg, hba->fabric, arena_printf(a, "port:%s", hba->port), "fabric-port", json_pack("{s:b}", "enabled", 0),
		     json_pack("{s:b}", "enabled", 1), true,
		     arena_printf(a, "port %s/%s of %s is shut: %s gets nothing by its vhba %s", hba->fabric->name, hba->port, c->from->name,
				  c->persona->name, c->persona->vhbas[i].name));
}

/* No repair helps: somebody else has the name, and a second login would have one of the two ports shut. */
static void drift_login(struct planner *pl, const struct cast *c, int i, drift_note *note, void *arg)
{
	const struct device *fabric = c->persona->vhbas[i].fabric;
	const json_t *login = plan_seen(pl, fabric->name, "logins", wwpn_of(c, i));
	const char *port = json_str(login, "port", "");
	struct arena *a = &pl->plan->arena;

	if (!json_bool(login, "online", false) || is_own_login(c, fabric, port))
		return;
	note(arg, fabric, arena_printf(a, "login:%s", wwpn_of(c, i)), "login", json_incref((json_t *)login), NULL, false,
	     arena_printf(a, "%s, the WWPN of %s's vhba %s, is logged in on %s at port %s, which is not of %s", wwpn_of(c, i),
			  c->persona->name, c->persona->vhbas[i].name, fabric->name, port, c->from->name));
}

void drift_fabrics(struct planner *pl, const struct cast *c, drift_note *note, void *arg)
{
	const struct device *fabric;
	int i;

	for (i = 0; i < c->persona->n_vhbas; i++) {
		fabric = c->persona->vhbas[i].fabric;
		if (!json_object_get(pl->observed, fabric->name) || plan_fabric_is_silent(pl, fabric))
			continue;
		drift_zone(pl, c, i, note, arg);
		drift_hba(pl, c, i, note, arg);
		drift_login(pl, c, i, note, arg);
	}
}
