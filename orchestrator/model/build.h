/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Private to the model: what the parsers of the single kinds share while a model is built.
 */
#ifndef RECAST_MODEL_BUILD_H
#define RECAST_MODEL_BUILD_H

#include "model.h"

struct build {
	struct model *m;
	struct problems *p;
	const struct objects *objects;
	struct table *interned;
};

void complain(struct build *b, const struct object *o, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* "there is no machine `nod1`", with the nearest name as hint. */
void complain_nearest(struct build *b, const struct object *o, const char *key, enum object_kind kind,
		      const char *name);

/* One copy of a text that many objects share (arch, driver, NIC names). */
const char *build_intern(struct build *b, const char *text);

/* Enter @value into the table of the object's kind; a second one of that name is refused. */
void build_add(struct build *b, const struct object *o, const char *name, void *value);

/* A FIELD_SIZE member in bytes, 0 when absent. */
int64_t build_size(const json_t *doc, const char *key);

/* Whether @address lies in the subnet of @n. */

/* A FIELD_DURATION member in milliseconds. */
int64_t build_duration(const json_t *doc, const char *key, int64_t missing_ms);

/* fibre.c: what Fibre Channel adds to devices, machines and personas. */
void fibre_fabric(struct build *b, const struct object *o, struct device *fabric);
void fibre_array(struct build *b, const struct object *o, struct device *array);
void fibre_hbas(struct build *b, const struct object *o, struct machine *m);
void fibre_persona(struct build *b, const struct object *o, const json_t *doc, struct persona *p);
/* After the volumes are read: which of them go over Fibre Channel. */
void fibre_volumes(struct build *b, const struct object *o, const json_t *doc, struct persona *p);
int fibre_fits(const struct persona *persona, const struct machine *machine, struct error *err);

void build_site(struct build *b, const struct object *o);
void build_network(struct build *b, const struct object *o);
void build_device(struct build *b, const struct object *o);
void build_machine_model(struct build *b, const struct object *o);
void build_machine(struct build *b, const struct object *o);
void build_group(struct build *b, const struct object *o);
void build_identity(struct build *b, const struct object *o);
void build_persona(struct build *b, const struct object *o);
void build_template(struct build *b, const struct object *o);

#endif
