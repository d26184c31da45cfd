/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Documents read from files, for the commands that send them: define and edit.
 */
#ifndef RECAST_CLI_DEFINE_H
#define RECAST_CLI_DEFINE_H

#include "yamlfile.h"

#include <jansson.h>
#include <stddef.h>

struct document {
	char *file;
	struct yaml_document *yaml; /* within the set that its file gave */
};

struct documents {
	struct document *items;
	size_t n;
	struct {
		struct yaml_document *docs;
		int n;
	} * sets;
	size_t n_sets;
	int mistakes; /* found here, and shown */
};

/* Read @file ("-": standard input) and add its documents; mistakes are shown and counted. */
void documents_read(struct documents *d, const char *file);
/* FILE:LINE:COLUMN: text (hint), for each error of a problem body.  Returns how many there were. */
size_t documents_show_errors(const struct documents *d, const json_t *problem);
void documents_fini(struct documents *d);

#endif
