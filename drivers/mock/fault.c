/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Faults on demand.  Called by mock.c before every request and change, and by bmc.c where a fault
 * belongs to one deed.  Counts live in the rack, so that a driver that crashed once by order does
 * not crash again after its restart.
 */
#include "mock.h"

#include "arena.h"
#include "json.h"
#include "text.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[] = {
#define FAULT(id, name, what) name,
#include "fault_kinds.def"
#undef FAULT
};

static int kind_by_name(const char *name)
{
	int i;

	for (i = 0; i < FAULT_COUNT; i++)
		if (i != FAULT_GENERAL_END && !strcmp(name, kind_names[i]))
			return i;
	return -1;
}

static json_t *fault_json(const char *op, const char *object, int kind, int64_t n, int64_t arg)
{
	return json_pack("{s:s, s:s, s:s, s:I, s:I}", "op", op, "object", object, "kind",
			 kind_names[kind], "left", (json_int_t)n, "arg", (json_int_t)arg);
}

/* "OP:OBJECT-GLOB:KIND[:N[:ARG]]"; the glob itself may hold colons, so the kind is what divides. */
static json_t *fault_parse(const char *spec, struct error *err)
{
	char copy[256], *words[16], *save = NULL, *word, object[256] = "";
	int64_t n = -1, arg = -1;
	int count = 0, at, i;

	snprintf(copy, sizeof(copy), "%s", spec);
	for (word = strtok_r(copy, ":", &save); word && count < 16;
	     word = strtok_r(NULL, ":", &save))
		words[count++] = word;
	for (at = count - 1; at >= 2 && kind_by_name(words[at]) < 0; at--)
		;
	if (at < 2 || at + 3 < count ||
	    (at + 1 < count && text_parse_int(words[at + 1], 0, 1 << 30, &n)) ||
	    (at + 2 < count && text_parse_int(words[at + 2], 0, 1 << 30, &arg))) {
		error_set(err, ERROR_INVALID, "fault \"%s\" is not OP:OBJECT:KIND[:N[:ARG]]", spec);
		return NULL;
	}
	for (i = 1; i < at; i++) {
		size_t len = strlen(object);

		snprintf(object + len, sizeof(object) - len, "%s%s", i > 1 ? ":" : "", words[i]);
	}
	return fault_json(words[0], object, kind_by_name(words[at]), n, arg);
}

static bool listed(const json_t *list, const char *spec)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
		if (!strcmp(json_string_value(one), spec))
			return true;
	return false;
}

int faults_load(struct rack *rack, const char *device, const json_t *list, struct error *err)
{
	json_t *faults = rack_device(rack, "faults", device), *fault;
	const json_t *one;
	const char *name;
	void *tmp;
	size_t i;

	json_array_foreach(list, i, one)
		if (!json_is_string(one))
			return error_set(err, ERROR_INVALID, "faults[%zu] is not a text", i);
	json_object_foreach_safe(faults, tmp, name, fault)
		if (strchr(name, ':') && !listed(list, name))
			json_object_del(faults, name);
	json_array_foreach(list, i, one) {
		name = json_string_value(one);
		if (json_object_get(faults, name))
			continue;
		fault = fault_parse(name, err);
		if (!fault)
			return -1;
		json_object_set_new(faults, name, fault);
	}
	return 0;
}

static bool matches(const json_t *fault, const char *op, const char *object, unsigned mask)
{
	const char *its_op = json_str(fault, "op", "*");
	int kind = kind_by_name(json_str(fault, "kind", ""));

	return json_int(fault, "left", -1) != 0 && kind >= 0 && (mask >> kind & 1) &&
	       (!strcmp(its_op, "*") || !strcmp(its_op, op)) &&
	       !fnmatch(json_str(fault, "object", "*"), object, 0);
}

/* "stiff" lets ARG changes pass first; how many are left is counted in the rack as well. */
static bool lets_pass(struct rack *rack, json_t *fault)
{
	int64_t arg = json_int(fault, "arg", -1);

	if (!arg || strcmp(json_str(fault, "kind", ""), kind_names[FAULT_STIFF]) != 0)
		return false;
	json_object_set_new(fault, "arg", json_integer(arg > 0 ? arg - 1 : 0));
	rack->dirty = true;
	return true;
}

bool fault_take(struct rack *rack, const char *device, const char *op, const char *object,
		unsigned mask, struct fault_hit *hit)
{
	json_t *faults = json_object_get(json_object_get(rack->root, "faults"), device), *fault;
	const char *name;
	int64_t left;

	json_object_foreach(faults, name, fault) {
		if (!matches(fault, op, object, mask) || lets_pass(rack, fault))
			continue;
		left = json_int(fault, "left", -1);
		if (left > 0) {
			json_object_set_new(fault, "left", json_integer(left - 1));
			rack->dirty = true;
		}
		hit->kind = (enum fault_kind)kind_by_name(json_str(fault, "kind", ""));
		hit->arg = json_int(fault, "arg", -1);
		return true;
	}
	return false;
}

int fault_change(struct rack *rack, const char *device, struct driver_change *c, struct error *err)
{
	json_t *faults = rack_device(rack, "faults", device), *fault;
	const char *name = c->object + strlen("fault:");
	const char *spec = json_str(c->set, "spec", NULL);

	if (strchr(name, ':') || !*name)
		return error_set(err, ERROR_INVALID, "\"%s\" is not a name of a fault", name);
	if (spec) {
		fault = fault_parse(spec, err);
		if (!fault)
			return -1;
		json_object_set_new(faults, name, fault);
	} else if (json_is_false(json_object_get(c->set, "exists"))) {
		json_object_del(faults, name);
	} else {
		return error_set(err, ERROR_INVALID,
				 "a fault is set by {\"spec\": \"OP:OBJECT:KIND[:N[:ARG]]\"} "
				 "and removed by {\"exists\": false}");
	}
	rack->dirty = true;
	change_done(c, true, NULL);
	return 0;
}

int fault_error(const struct fault_hit *hit, const char *device, struct error *err)
{
	switch (hit->kind) {
	case FAULT_AUTH:
		error_set(err, ERROR_AUTH, "%s refused the password (fault)", device);
		return error_hint(err, "Correct the secret that the site file names for %s.",
				  device);
	case FAULT_PROTOCOL:
		return error_set(err, ERROR_PROTOCOL, "%s answered nonsense (fault)", device);
	case FAULT_BUSY:
		return error_set(err, ERROR_BUSY, "%s has no session left (fault)", device);
	case FAULT_REFUSE:
	case FAULT_STIFF:
		return error_set(err, ERROR_REFUSED, "%s refused the change (fault)", device);
	case FAULT_CONFLICT:
		return error_set(err, ERROR_CONFLICT,
				 "%s is locked by another administrator (fault)", device);
	default:
		return error_set(err, ERROR_UNREACHABLE, "%s does not answer (fault)", device);
	}
}
