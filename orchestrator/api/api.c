/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The API as a whole: made, and let go.  What comes from recast-front goes to a request or to a stream.
 */
#include "private.h"

#include "arena.h"
#include "json.h"

#include <stdlib.h>

struct api *api_create(struct event_base *base, struct core *core, const struct api_config *config,
		       struct error *err)
{
	static const struct timeval every = { 5, 0 };
	struct api *api = xcalloc(1, sizeof(*api));

	api->base = base;
	api->core = core;
	api->config = *config;
	api->more = event_new(base, -1, 0, streams_more, api);
	if (credentials_read(api, err) < 0 || front_start(api, err) < 0) {
		credentials_forget(api);
		event_free(api->more);
		free(api);
		return NULL;
	}
	api->watch = event_new(base, -1, EV_PERSIST, streams_watch, api);
	event_add(api->watch, &every);
	core_on_events(core, streams_push_events, api);
	core_on_console(core, streams_push_console, api);
	return api;
}

void api_destroy(struct api *api)
{
	struct stream *s;

	core_on_events(api->core, NULL, NULL);
	core_on_console(api->core, NULL, NULL);
	event_free(api->watch);
	event_free(api->more);
	front_stop(api);
	while ((s = api->streams)) {
		api->streams = s->next;
		json_decref(s->caller.scopes);
		free(s->machine);
		free(s);
	}
	free(api);
}
