/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who is logged in to the arrays of the simulated room and what is written; maps that other people make; an array that
 * starts anew.  Called by rack_array.c for its changes and by rack_host.c for its machines.
 */
#include "rack_private.h"

#include <stdio.h>
#include <string.h>

struct rack_volume *array_volume(struct rack_array *a, const char *name)
{
	int i;

	for (i = 0; name && i < RACK_VOLUMES; i++)
		if (a->volumes[i].name[0] && !strcmp(a->volumes[i].name, name))
			return &a->volumes[i];
	return NULL;
}

/* Sessions whose host is gone, and of which the array has noticed by now. */
void array_notice(struct rack_array *a)
{
	int i;

	for (i = 0; i < RACK_SESSIONS; i++)
		if (a->sessions[i].id && !a->sessions[i].live &&
		    a->sessions[i].ends <= a->dev.rack->sim->now)
			a->sessions[i].id = 0;
}

bool array_has_session(const struct rack_array *a, const struct rack_map *map)
{
	int i;

	for (i = 0; i < RACK_SESSIONS; i++)
		if (a->sessions[i].id && &a->maps[a->sessions[i].map] == map)
			return true;
	return false;
}

void array_drop(struct rack_array *a, const struct rack_map *map)
{
	int i;

	for (i = 0; i < RACK_SESSIONS; i++)
		if (a->sessions[i].id && &a->maps[a->sessions[i].map] == map)
			a->sessions[i].id = 0;
}

struct rack_session *array_session(struct rack_array *a, int machine)
{
	int i;

	for (i = 0; i < RACK_SESSIONS; i++)
		if (a->sessions[i].id && a->sessions[i].live && a->sessions[i].machine == machine)
			return &a->sessions[i];
	return NULL;
}

static bool admits(const struct rack_array *a, const struct rack_map *map,
		   const struct rack_machine *m)
{
	return map->name[0] && !strcmp(map->initiator, m->initiator) &&
	       !strcmp(map->user, m->user) && !strcmp(map->secret, m->secret) &&
	       (strcmp(a->portal, m->portal) != 0 || !strcmp(map->target, m->target));
}

static struct rack_session *session_make(struct rack_array *a, int map, int machine,
					 const char *initiator)
{
	struct rack_session *s = NULL;
	int i;

	for (i = 0; i < RACK_SESSIONS && !s; i++)
		if (!a->sessions[i].id)
			s = &a->sessions[i];
	if (!s)
		return NULL;
	*s = (struct rack_session){
		.id = ++a->last_session, .map = map, .machine = machine, .live = true
	};
	snprintf(s->initiator, sizeof(s->initiator), "%s", initiator);
	return s;
}

/* By which side the cards of @m reach this map, or -1. */
static int path_to(struct rack_array *a, const struct rack_map *map, const struct rack_machine *m)
{
	char wwpn[WWN_SIZE];
	int side, i;

	for (side = 0; m->card >= 0 && map->name[0] && map->fc && side < RACK_FABRICS; side++) {
		rack_wwpn(m->card, side, wwpn);
		for (i = 0; i < RACK_FABRICS; i++)
			if (!strcmp(map->wwpns[i], wwpn) && fabric_reaches(a->dev.rack, m, a->dev.index, side))
				return side;
	}
	return -1;
}

struct rack_session *array_login_fc(struct rack_array *a, struct rack_machine *m)
{
	struct rack_session *s = NULL;
	char wwpn[WWN_SIZE];
	int i, side;

	array_notice(a);
	if (a->down_until > a->dev.rack->sim->now)
		return NULL;
	for (i = 0; i < RACK_MAPS && !s; i++) {
		side = path_to(a, &a->maps[i], m);
		if (side < 0)
			continue;
		rack_wwpn(m->card, side, wwpn);
		s = session_make(a, i, m->index, wwpn);
		if (s)
			m->generation = a->maps[i].generation;
	}
	if (s) {
		rack_trace(a->dev.rack, "%s logs in to %s as %s", m->name, a->dev.name, s->initiator);
		rack_changed(a->dev.rack);
	}
	return s;
}

struct rack_session *array_login(struct rack_array *a, const struct rack_machine *m)
{
	struct rack_session *s = NULL;
	int i;

	array_notice(a);
	if (a->down_until > a->dev.rack->sim->now || !port_reaches(m, m->nic, VLAN_STORAGE))
		return NULL;
	for (i = 0; i < RACK_MAPS && !s; i++)
		if (admits(a, &a->maps[i], m))
			s = session_make(a, i, m->index, m->initiator);
	if (s) {
		rack_trace(a->dev.rack, "%s logs in to %s as %s", m->name, a->dev.name, m->user);
		rack_changed(a->dev.rack);
	}
	return s;
}

void array_lost(struct rack_array *a, int machine)
{
	struct sim *sim = a->dev.rack->sim;
	int i;

	for (i = 0; i < RACK_SESSIONS; i++)
		if (a->sessions[i].id && a->sessions[i].live && a->sessions[i].machine == machine) {
			a->sessions[i].live = false;
			a->sessions[i].ends = sim->now + sim_between(sim, 5000, 30000);
		}
}

void array_write(struct rack_array *a, struct rack_machine *m, const struct rack_session *session)
{
	const struct rack_map *map = &a->maps[session->map];
	struct rack *r = a->dev.rack;
	struct rack_write *w;
	struct rack_volume *v;
	int i;

	if (a->down_until > r->sim->now || (map->fc ? path_to(a, map, m) < 0 : !port_reaches(m, m->nic, VLAN_STORAGE)))
		return;
	for (i = 0; i < map->n_luns; i++) {
		v = &a->volumes[map->luns[i].volume];
		w = &r->writes[r->n_writes++ % RACK_WRITES];
		/* Over FC the generation is the map's: a WWPN has none.  Who else could have it is what the ports are shut for. */
		*w = (struct rack_write){ .machine = m->index,
					  .generation = map->fc ? map->generation : m->generation,
					  .array = a->dev.index,
					  .volume = map->luns[i].volume,
					  .time = r->sim->now,
					  .stale = (map->fc ? map->generation : m->generation) != v->granted };
		memcpy(w->persona, m->persona, sizeof(w->persona));
		r->stale_writes += w->stale;
		v->last = *w;
		v->writes++;
		m->writes++;
		if (r->ops->wrote)
			r->ops->wrote(r->arg, w);
	}
}

bool rack_foreign_map(struct rack *r, int array, const char *volume, bool session)
{
	struct rack_array *a = &r->arrays[array];
	struct rack_volume *v = array_volume(a, volume);
	struct rack_map *map = NULL;
	int i;

	for (i = 0; v && i < RACK_MAPS && !map; i++)
		if (!a->maps[i].name[0])
			map = &a->maps[i];
	if (!map)
		return false;
	*map = (struct rack_map){ .since = r->sim->now, .n_luns = 1, .luns = { { 1, (int)(v - a->volumes) } } };
	snprintf(map->target, sizeof(map->target), "iqn.2026-01.example:other.%d",
		 ++a->last_session);
	memcpy(map->name, map->target, sizeof(map->name));
	strcpy(map->initiator, "iqn.2026-01.example:other");
	if (session)
		session_make(a, (int)(map - a->maps), -1, map->initiator);
	rack_trace(r, "somebody maps %s/%s%s", a->dev.name, volume, session ? " and logs in" : "");
	rack_changed(r);
	return true;
}

void rack_foreign_unmap(struct rack *r)
{
	struct rack_map *map;
	int a, i;

	for (a = 0; a < r->n_arrays; a++)
		for (i = 0; i < RACK_MAPS; i++) {
			map = &r->arrays[a].maps[i];
			if (!map->name[0] || map->managed)
				continue;
			rack_trace(r, "somebody removes their map of %s", r->arrays[a].dev.name);
			array_drop(&r->arrays[a], map);
			*map = (struct rack_map){ 0 };
			rack_changed(r);
		}
}

void rack_array_restart(struct rack *r, int array)
{
	struct rack_array *a = &r->arrays[array];
	int i;

	for (i = 0; i < r->n_machines; i++) /* who boots just now may give up */
		rack_touched(r, r->machines[i].bmc.dev.name, "boot", NULL, TOUCH_OTHERS);
	memset(a->sessions, 0, sizeof(a->sessions));
	a->down_until = a->dev.away_until = r->sim->now + sim_between(r->sim, 5000, 20000);
	rack_trace(r, "%s starts anew, all sessions are gone", a->dev.name);
	rack_changed(r);
}
