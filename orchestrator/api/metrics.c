/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * GET /metrics: what the core, its process and the front tell, in the text format of Prometheus.  Called by routes.c.
 */
#include "private.h"

#include "arena.h"
#include "json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One family of metrics: where its value stands in what was told, and the label of its members when that is an object. */
static const struct family {
	const char *name, *type, *source, *key, *label;
	double scale;
	const char *help;
} families[] = {
#define METRIC(name, type, source, key, label, scale, help) { name, #type, source, key, label, scale, help },
#include "metrics.def"
#undef METRIC
};

struct page {
	char *text;
	size_t len, size;
};

static void add(struct page *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add(struct page *p, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (p->size - p->len < 512) {
		p->size = p->size * 2 + 4096;
		p->text = xrealloc(p->text, p->size);
	}
	va_start(ap, fmt);
	n = vsnprintf(p->text + p->len, p->size - p->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		p->len += (size_t)n < p->size - p->len ? (size_t)n : p->size - p->len - 1;
}

static void add_value(struct page *p, const struct family *f, const json_t *value)
{
	if (f->scale == 1)
		add(p, " %lld\n", (long long)json_integer_value(value));
	else
		add(p, " %.6f\n", (double)json_integer_value(value) * f->scale);
}

static void add_family(struct page *p, const struct family *f, const json_t *told)
{
	json_t *value = json_object_get(json_object_get(told, f->source), f->key), *member;
	const char *name;

	if (!value)
		return;
	add(p, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name, f->type);
	if (!*f->label) {
		add(p, "%s", f->name);
		add_value(p, f, value);
		return;
	}
	json_object_foreach(value, name, member) {
		add(p, "%s{%s=\"%s\"}", f->name, f->label, name);
		add_value(p, f, member);
	}
}

static int64_t resident_bytes(void)
{
	long long size = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f && fscanf(f, "%lld %lld", &size, &resident) != 2)
		resident = 0;
	if (f)
		fclose(f);
	return resident * sysconf(_SC_PAGESIZE);
}

char *metrics_text(struct api *api, const json_t *front)
{
	json_t *told = json_pack("{s:o, s:{s:I}}", "core", service_metrics(api->core), "process", "resident_bytes",
				 (json_int_t)resident_bytes());
	struct page page = { 0 };
	size_t i;

	if (front)
		json_object_set(told, "front", (json_t *)front);
	for (i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		add_family(&page, &families[i], told);
	json_decref(told);
	return page.text;
}
