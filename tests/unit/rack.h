/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A small rack for tests: three machines, a switch, two arrays, written as JSON with ' for ".  Rows of tables
 * patch it: members are merged, and the text "DELETE" takes a member away.
 */
#ifndef RECAST_UNIT_RACK_H
#define RECAST_UNIT_RACK_H

#include "unit.h"

#include "json.h"
#include "model.h"
#include "text.h"

static const char rack_site[] =
	"{'site': 'lab', 'boot': {'network': 'provision', 'url': 'http://10.66.10.1:8080'},"
	" 'networks': {'provision': {'vlan': 10, 'subnet': '10.66.10.0/24'},"
	"  'web': {'vlan': 110, 'subnet': '10.66.110.0/24', 'pool': '10.66.110.10-10.66.110.99', 'gateway': '10.66.110.1'},"
	"  'backup': {'vlan': 120}, 'storage': {'vlan': 20}, 'parking': {'vlan': 4000}},"
	" 'switches': {'leaf1': {'driver': 'mock', 'bridge': 'br0'}},"
	" 'arrays': {'san1': {'driver': 'mock', 'portals': ['10.66.20.1:3260'], 'secret': 'san1'},"
	"  'san2': {'driver': 'mock', 'portals': ['10.66.20.2:3260'], 'target': 'iqn.x:{array}.{persona}.t'}},"
	" 'machines': {"
	"  'node1': {'arch': 'x86_64', 'cores': 16, 'memory': '64GiB', 'uuid': '52540000-0101-4000-8000-00000000000A',"
	"   'bmc': {'driver': 'ipmi', 'address': '127.0.1.1'},"
	"   'nics': {'eth0': {'mac': '52:54:00:00:01:01', 'port': 'leaf1/p11'},"
	"            'eth1': {'mac': '52:54:00:00:01:02', 'port': 'leaf1/p12'}}},"
	"  'node2': {'arch': 'x86_64', 'cores': 16, 'memory': '64GiB', 'bmc': {'driver': 'ipmi', 'address': '127.0.1.2'},"
	"   'nics': {'eth0': {'mac': '52:54:00:00:02:01', 'port': 'leaf1/p21'},"
	"            'eth1': {'mac': '52:54:00:00:02:02', 'port': 'leaf1/p22'}}},"
	"  'node3': {'arch': 'aarch64', 'cores': 8, 'memory': '32GiB', 'bmc': {'driver': 'mock'},"
	"   'nics': {'eth0': {'mac': '52:54:00:00:03:01', 'port': 'leaf1/p31'}}}},"
	" 'groups': {'blades': {'machines': ['node1', 'node2'], 'spares': 1}},"
	" 'identities': {'mac': {'prod': '02:ca:57:00:00:00-02:ca:57:00:ff:ff'},"
	"  'iqn': {'prod': 'iqn.2026-01.example:{persona}'}}}";

static const char rack_template[] =
	"{'template': 'linux-server', 'requires': {'arch': 'x86_64', 'memory': '32GiB'},"
	" 'boot': {'method': 'ipxe-iscsi', 'network': 'provision'}, 'shutdown': '20s',"
	" 'proof': {'within': '1m', 'report': 'script'}}";

static const char rack_web[] =
	"{'persona': 'web', 'from': 'linux-server', 'vnics': {"
	"  'eth0': {'network': 'web', 'mac': 'auto', 'address': 'auto', 'bandwidth': '2Gbit'},"
	"  'eth1': {'network': 'storage', 'trunk': ['backup']}},"
	" 'volumes': {'root': {'array': 'san1', 'volume': 'web-root', 'source': 'golden', 'lun': 1, 'boot': true}}}";

static const char rack_db[] =
	"{'persona': 'db', 'from': 'linux-server', 'vnics': {'eth0': {'network': 'storage'}},"
	" 'volumes': {'root': {'array': 'san1', 'volume': 'db-root', 'size': '10GiB', 'lun': 1, 'boot': true},"
	"  'data': {'array': 'san2', 'volume': 'db-data', 'size': '1TiB', 'lun': 17}}}";

/* JSON written with ' for ". */
static inline json_t *rack_json(const char *text)
{
	char *copy = xstrdup(text), *c;
	json_t *value;
	struct error err = { 0 };

	for (c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	value = json_decode(copy, strlen(copy), &err);
	if (!value)
		fail_msg("%s: %s", text, err.text);
	free(copy);
	return value;
}

static inline void rack_delete_marked(json_t *value)
{
	const char *key;
	json_t *v;
	void *tmp;

	json_object_foreach_safe(value, tmp, key, v) {
		if (json_is_string(v) && !strcmp(json_string_value(v), "DELETE"))
			json_object_del(value, key);
		else
			rack_delete_marked(v);
	}
}

/* @base with the members of @patch (NULL: none). */
static inline json_t *rack_patched(const char *base, const char *patch)
{
	json_t *value = rack_json(base), *over;

	if (!patch)
		return value;
	over = rack_json(patch);
	json_object_update_recursive(value, over);
	rack_delete_marked(value);
	json_decref(over);
	return value;
}

/* The model of the documents; steals them.  NULL with complaints in @p. */
static inline struct model *rack_model(json_t **documents, int n, struct problems *p)
{
	struct objects objects = { 0 };
	struct model *m;
	int i;

	for (i = 0; i < n; i++)
		document_split(documents[i], i, &objects, p);
	m = model_build(&objects, p);
	objects_fini(&objects);
	for (i = 0; i < n; i++)
		json_decref(documents[i]);
	return m;
}

/* The rack with the patches on site and web (NULL: as it is): documents 0 site, 1 template, 2 web, 3 db. */
static inline struct model *rack_with(const char *site, const char *web, struct problems *p)
{
	json_t *documents[] = { rack_patched(rack_site, site), rack_json(rack_template), rack_patched(rack_web, web),
				rack_json(rack_db) };

	return rack_model(documents, 4, p);
}

/* A patch that must be refused, with where, what and (when not NULL) the hint. */
struct rack_refusal {
	const char *patch, *pointer, *detail, *hint;
};

static inline int rack_complains(const json_t *items, int document, const struct rack_refusal *row)
{
	const json_t *item;
	size_t i;

	json_array_foreach((json_t *)items, i, item)
		if (json_int(item, "document", -1) == document && !strcmp(json_str(item, "pointer", ""), row->pointer) &&
		    strstr(json_str(item, "detail", ""), row->detail) &&
		    (!row->hint || strstr(json_str(item, "hint", ""), row->hint)))
			return 1;
	return 0;
}

static inline void rack_check_refusal(const struct model *m, const struct problems *p, int document,
				      const struct rack_refusal *row)
{
	char *all;

	if (!m && p->items && rack_complains(p->items, document, row))
		return;
	all = p->items ? json_dumps(p->items, JSON_INDENT(1)) : xstrdup("nothing");
	printf("%s\n  must be refused at %s: %s (%s)\n  got %s\n", row->patch, row->pointer, row->detail,
		    row->hint ? row->hint : "any hint", all);
	free(all);
	fail();
}

#endif
