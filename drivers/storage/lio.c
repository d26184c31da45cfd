/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * recast-driver-lio: Linux' kernel target (LIO), iSCSI and Fibre Channel, with volumes as files of a folder.  See lio.h.
 */
#include "lio.h"

#include "arena.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

enum { REPLY_RESERVE_MS = 60 };

static const struct driver_option lio_options[] = {
	{ "address", "string", .required = true,
	  .help = "recast-lio-target: ssh://USER@ADDRESS[:PORT]/PATH, local:/PATH, or unix:/PATH of a socket that serves it" },
	{ "credential", "string", .secret = true, .help = "ssh: the private key or the password of USER" },
	{ "pool", "string", .required = true, .help = "folder of the volumes on the array, one file NAME.img each" },
	{ "suffix", "string", .missing = ".img", .help = "what follows a volume's name in its file's name" },
	{ "overcommit", "bool", .missing = "false", .help = "let volumes be larger in sum than the pool" },
	{ "portals", "list", .missing = "", .help = "ADDRESS:PORT of the iSCSI portals; without any, all addresses" },
	{ "configfs", "string", .missing = "/sys/kernel/config/target", .help = "configfs' folder of the target, on the array" },
	{ "state", "string", .missing = "/var/lib/recast-lio/state.json", .help = "what the array keeps over a reboot" },
	{ NULL },
};

/* What the helper has to know. */
static json_t *helper_options(const json_t *options)
{
	json_t *own = json_copy((json_t *)(uintptr_t)options);

	json_object_del(own, "address");
	json_object_del(own, "credential");
	return own;
}

static int lio_open(struct driver_device *dev, const struct driver_call *call, struct error *err)
{
	struct lio *l = xcalloc(1, sizeof(*l));

	(void)call;
	*l = (struct lio){ .name = dev->name,
			   .address = json_str(dev->options, "address", ""),
			   .pin = dev->pin,
			   .credential = dev->secret };
	if (lio_link_create(l, err)) {
		free(l);
		return error_wrap(err, "%s", dev->name);
	}
	l->options = helper_options(dev->options);
	dev->state = l;
	return 0;
}

static void lio_close(struct driver_device *dev)
{
	struct lio *l = dev->state;

	lio_link_destroy(l);
	json_decref(l->options);
	free(l);
}

/* The objects without "security", which is ours; *security tells whether it was among them. */
static json_t *objects_for_helper(const json_t *objects, bool *security)
{
	json_t *rest = json_array(), *one;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)objects, i, one)
		if (!strcmp(json_string_value(one), "security"))
			*security = true;
		else
			json_array_append_new(rest, json_string(json_string_value(one)));
	return rest;
}

static int add_security(const struct lio *l, json_t *document, int64_t deadline_ms, struct error *err)
{
	json_t *security = lio_security(l, deadline_ms, err);

	return security ? json_object_set_new(document, "security", security) : -1;
}

static json_t *lio_observe(struct driver_device *dev, const struct driver_call *call, const json_t *objects, struct error *err)
{
	int64_t deadline_ms = call->deadline_ms - REPLY_RESERVE_MS;
	json_t *frame = json_pack("{s:s}", "op", "observe"), *document;
	const struct lio *l = dev->state;
	json_auto_t *reply = NULL;
	bool security = false, sent;

	if (objects)
		json_object_set_new(frame, "objects", objects_for_helper(objects, &security));
	reply = lio_ask(l, call->urgent, frame, deadline_ms, &sent, err);
	document = reply ? lio_document(reply, err) : NULL;
	if (document && (!security || !add_security(l, document, deadline_ms, err)))
		return document;
	json_decref(document);
	error_wrap(err, "%s", dev->name);
	return NULL;
}

static json_t *change_frame(const struct driver_change *c)
{
	json_t *v = json_pack("{s:s, s:o}", "object", c->object, "set", json_deep_copy((json_t *)(uintptr_t)c->set));

	if (c->owner)
		json_object_set_new(v, "owner", json_string(c->owner));
	if (c->generation)
		json_object_set_new(v, "generation", json_integer(c->generation));
	return v;
}

static json_t *apply_frame(const struct driver_change *changes, size_t n)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < n; i++)
		json_array_append_new(list, change_frame(&changes[i]));
	return json_pack("{s:s, s:o}", "op", "apply", "changes", list);
}

static void all_failed(struct driver_change *changes, size_t n, const struct error *err)
{
	size_t i;

	for (i = 0; i < n; i++)
		change_failed(&changes[i], CHANGE_UNKNOWN, err);
}

static int lio_apply(struct driver_device *dev, const struct driver_call *call, struct driver_change *changes, size_t n,
		     struct error *err)
{
	const struct lio *l = dev->state;
	bool sent;
	json_auto_t *reply = lio_ask(l, call->urgent, apply_frame(changes, n), call->deadline_ms - REPLY_RESERVE_MS, &sent, err);
	size_t i;

	if (reply ? lio_results(reply, changes, n, err) : !sent)
		return error_wrap(err, "%s", dev->name);
	if (!reply)
		all_failed(changes, n, err);
	for (i = 0; i < n; i++)
		if (changes[i].status == CHANGE_NOT_APPLIED || changes[i].status == CHANGE_UNKNOWN)
			error_wrap(&changes[i].error, "%s", dev->name);
	return 0;
}

static const struct recast_driver lio = {
	.name = "lio",
	.cls = "storage",
	.summary = "Linux' kernel target (LIO): iSCSI and Fibre Channel, volumes as files",
	.caps = "clone sessions chap adopt security fc snapshots",
	.max_inflight = 8,
	.options = lio_options,
	.open = lio_open,
	.close = lio_close,
	.observe = lio_observe,
	.apply = lio_apply,
};

RECAST_DRIVER(lio)
