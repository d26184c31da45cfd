/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From documents as people write them to a flat list of objects (kind, name, document).
 * A document is a site (`site: NAME`), a template (`template: NAME`) or a persona (`persona: NAME`).
 */
#include "model.h"

#include "json.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

static const char *const kind_names[KIND_COUNT] = {
	[KIND_SITE] = "site",	    [KIND_NETWORK] = "network", [KIND_SWITCH] = "switch",
	[KIND_FABRIC] = "fabric",   [KIND_ARRAY] = "array",	[KIND_MODEL] = "model",
	[KIND_MACHINE] = "machine",
	[KIND_GROUP] = "group",	    [KIND_IDENTITY] = "identity", [KIND_TEMPLATE] = "template",
	[KIND_PERSONA] = "persona",
};

const char *kind_name(enum object_kind kind)
{
	return kind_names[kind];
}

enum object_kind kind_by_name(const char *name)
{
	int i;

	for (i = 0; i < KIND_COUNT; i++)
		if (!strcmp(kind_names[i], name))
			break;
	return (enum object_kind)i;
}

void objects_add(struct objects *o, enum object_kind kind, const char *name, json_t *doc,
		 const struct place *at)
{
	static const struct place stored = { .document = -1 };

	if (o->n == o->size) {
		o->size = o->size ? o->size * 2 : 64;
		o->items = xrealloc(o->items, o->size * sizeof(*o->items));
	}
	o->items[o->n++] = (struct object){ kind, xstrdup(name), json_incref(doc), at ? *at : stored, false };
}

void objects_fini(struct objects *o)
{
	size_t i;

	for (i = 0; i < o->n; i++) {
		free(o->items[i].name);
		json_decref(o->items[i].doc);
	}
	free(o->items);
	*o = (struct objects){ 0 };
}

/* The sections of a site document whose members are objects of their own. */
static const struct section {
	const char *key;
	enum object_kind kind;
} sections[] = {
	{ "networks", KIND_NETWORK }, { "switches", KIND_SWITCH }, { "fabrics", KIND_FABRIC },
	{ "arrays", KIND_ARRAY },     { "models", KIND_MODEL },	    { "machines", KIND_MACHINE },
	{ "groups", KIND_GROUP },     { "identities", KIND_IDENTITY },
};

const char *document_section(enum object_kind kind)
{
	size_t i;

	for (i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		if (sections[i].kind == kind)
			return sections[i].key;
	return NULL;
}

static const struct field site_fields[] = {
	{ "site", FIELD_NAME, true },	    { "description", FIELD_TEXT },
	{ "networks", FIELD_OBJECT },	    { "switches", FIELD_OBJECT },
	{ "fabrics", FIELD_OBJECT },	    { "arrays", FIELD_OBJECT },
	{ "models", FIELD_OBJECT },	    { "machines", FIELD_OBJECT },
	{ "groups", FIELD_OBJECT },
	{ "identities", FIELD_OBJECT },	    { "boot", FIELD_OBJECT },
	{ "identity_quarantine", FIELD_DURATION }, { NULL },
};

static void split_site(const json_t *doc, const struct place *at, struct objects *out,
		       struct problems *p)
{
	struct place section_at, object_at;
	json_t *head, *section, *value;
	const char *key;
	size_t i;

	fields_check(p, at, doc, site_fields);
	head = json_copy((json_t *)doc);
	for (i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		section = json_object_get(doc, sections[i].key);
		section_at = place_below(at, sections[i].key);
		json_object_foreach(section, key, value) {
			object_at = place_below(&section_at, key);
			if (!text_is_name(key))
				problems_add(p, &object_at, NULL, "`%s` is not a name: 1 to 63 of a-z 0-9 - . _", key);
			else
				objects_add(out, sections[i].kind, key, value, &object_at);
		}
		json_object_del(head, sections[i].key);
	}
	objects_add(out, KIND_SITE, json_str(doc, "site", "site"), head, at);
	json_decref(head);
}

void document_split(const json_t *document, int index, struct objects *out, struct problems *p)
{
	static const enum object_kind roles[] = { KIND_PERSONA, KIND_TEMPLATE };
	struct place at = { .document = index }, below;
	const char *name;
	size_t i;

	if (json_object_get(document, "site")) {
		split_site(document, &at, out, p);
		return;
	}
	for (i = 0; i < 2; i++) {
		if (!json_object_get(document, kind_name(roles[i])))
			continue;
		name = json_str(document, kind_name(roles[i]), "");
		below = place_below(&at, kind_name(roles[i]));
		if (!text_is_name(name))
			problems_add(p, &below, NULL,
				     "`%s` must be a name: 1 to 63 of a-z 0-9 - . _, beginning with a letter or digit",
				     kind_name(roles[i]));
		else
			objects_add(out, roles[i], name, (json_t *)document, &at);
		return;
	}
	problems_add(p, &at, "begin the file with `site:`, `template:` or `persona:` and a name",
		     "this is neither a site, a template nor a persona");
}
