/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Documents of the site and of roles (orchestrator/model): a list of documents becomes a model, or complaints that each
 * have a document, a pointer and words.
 */
#include "fuzz.h"

#include "model.h"

FUZZ_TARGET

static void check_complaints(const struct problems *p)
{
	const json_t *item;
	size_t i;

	fuzz_assert(problems_any(p) && json_array_size(p->items) > 0);
	json_array_foreach(p->items, i, item)
		fuzz_assert(json_is_integer(json_object_get(item, "document")) && json_str(item, "pointer", NULL) &&
			    json_str(item, "detail", "")[0]);
	fuzz_check_json(p->items);
}

/* Every machine and persona is found by its name, and whether they fit can be said. */
static void check_model(const struct model *m)
{
	const struct persona *persona;
	const struct machine *machine;
	struct error err = { 0 };
	size_t i, k;

	for (i = 0; (persona = model_at(m, KIND_PERSONA, i)); i++) {
		fuzz_assert(model_persona(m, persona->name) == persona && persona->n_vnics <= VNICS_MAX);
		for (k = 0; (machine = model_at(m, KIND_MACHINE, k)); k++)
			if (model_fits(persona, machine, &err))
				fuzz_check_error(&err);
	}
	for (k = 0; (machine = model_at(m, KIND_MACHINE, k)); k++)
		fuzz_assert(model_machine(m, machine->name) == machine && machine->bmc);
}

static void fuzz(const char *bytes, size_t len)
{
	json_t *documents = json_decode(bytes, len, NULL), *document;
	struct objects objects = { 0 };
	struct problems p = { 0 };
	struct model *m;
	size_t i;

	json_array_foreach(documents, i, document)
		document_split(document, (int)i, &objects, &p);
	m = model_build(&objects, &p);
	if (m)
		check_model(m);
	else
		check_complaints(&p);
	model_destroy(m);
	problems_fini(&p);
	objects_fini(&objects);
	json_decref(documents);
}
