/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/fcf/fcf: an FCoE forwarder with name server and zoning, for the lab and for tests.  README.md says what it does.
 * Options, the loop, and the end.
 */
#include "arena.h"
#include "clock.h"
#include "control.h"
#include "fcf.h"
#include "link.h"
#include "port.h"
#include "text.h"
#include "zone.h"

#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

enum { TICK_MS = 20, FKA_MIN_MS = 50, FKA_MAX_MS = 90000, VLAN_MAX = 4094, VN_MAX_MS = 3600000 };

static const char usage[] = "\
fcf --port N=INTERFACE [--port …] [OPTION]…: an FCoE forwarder, one fabric of one switch.\n\
  --switch WWN     name of the switch, 10:00:MAC; its MAC is the FCF-MAC (10:00:02:00:00:00:0f:cf)\n\
  --fabric WWN     name of the fabric (the switch's)\n\
  --domain ID      1 to 239 (1)\n\
  --fc-map HEX     upper half of each VN_Port's MAC (0efc00)\n\
  --vlan ID        FCoE VLAN, told by VLAN discovery; 0: untagged and not told (0)\n\
  --fka MS         FKA_ADV_Period (8000)\n\
  --vn-period MS   period of VN_Ports' keep alives (90000)\n\
  --default none|all   access of ports in no zone (none)\n\
  --duplicate 0|1|2    a WWPN on a second port: first wins, second wins, by type (0)\n\
  --control SOCKET     orders, a line of JSON each\n\
  --log FILE           a line for each event\n";

struct options {
	struct settings set;
	const char *port_words[FCF_PORTS];
	int n_ports;
	bool default_all;
	const char *control, *log;
};

void fcf_log(struct fcf *fcf, const char *fmt, ...)
{
	int64_t now = clock_mono_ms();
	va_list args;

	if (!fcf->log)
		return;
	fprintf(fcf->log, "%lld.%03d ", (long long)(now / 1000), (int)(now % 1000));
	va_start(args, fmt);
	vfprintf(fcf->log, fmt, args);
	va_end(args);
	fputc('\n', fcf->log);
}

bool fcf_may_talk(const struct fcf *fcf, const struct login *a, const struct login *b)
{
	return zoneset_allows(fcf->zones, a->wwpn, b->wwpn);
}

struct port *fcf_port(struct fcf *fcf, int number)
{
	for (int i = 0; i < fcf->n_ports; i++)
		if (fcf->ports[i].number == number)
			return &fcf->ports[i];
	return NULL;
}

static int take_number(const char *text, int64_t min, int64_t max, int64_t *out, struct error *err)
{
	if (text_parse_int(text, min, max, out) == 0)
		return 0;
	return error_set(err, ERROR_INVALID, "\"%s\" is no number from %lld to %lld", text, (long long)min, (long long)max);
}

static int take_wwn(const char *text, uint64_t *out, struct error *err)
{
	if (text_parse_octets(text, out) == 8)
		return 0;
	return error_set(err, ERROR_INVALID, "\"%s\" is no WWN", text);
}

static int take_fc_map(const char *text, uint32_t *out, struct error *err)
{
	char *end;
	unsigned long value = strtoul(text, &end, 16);

	/* It begins MAC addresses of single stations. */
	if (strlen(text) != 6 || *end || value >> 16 & 1)
		return error_set(err, ERROR_INVALID, "\"%s\" is no FC-MAP", text);
	*out = (uint32_t)value;
	return 0;
}

static int take_access(const char *text, bool *all, struct error *err)
{
	*all = !strcmp(text, "all");
	if (*all || !strcmp(text, "none"))
		return 0;
	return error_set(err, ERROR_INVALID, "the default access is none or all");
}

static int take_port(struct options *o, const char *text, struct error *err)
{
	if (o->n_ports == FCF_PORTS)
		return error_set(err, ERROR_INVALID, "more than %d ports", FCF_PORTS);
	o->port_words[o->n_ports++] = text;
	return 0;
}

static int take_option(struct options *o, int option, const char *text, struct error *err)
{
	struct settings *set = &o->set;
	int64_t number = 0;
	int rc = 0;

	switch (option) {
	case 'p': return take_port(o, text, err);
	case 's': return take_wwn(text, &set->switch_wwn, err);
	case 'f': return take_wwn(text, &set->fabric_wwn, err);
	case 'm': return take_fc_map(text, &set->fc_map, err);
	case 'a': return take_access(text, &o->default_all, err);
	case 'c': o->control = text; return 0;
	case 'l': o->log = text; return 0;
	case 'd': rc = take_number(text, 1, 239, &number, err); set->domain = (uint8_t)number; return rc;
	case 'v': rc = take_number(text, 0, VLAN_MAX, &number, err); set->vlan = (uint16_t)number; return rc;
	case 'k': rc = take_number(text, FKA_MIN_MS, FKA_MAX_MS, &number, err); set->fka_ms = (uint32_t)number; return rc;
	case 'n': rc = take_number(text, FKA_MIN_MS, VN_MAX_MS, &number, err); set->vn_ms = (uint32_t)number; return rc;
	case 'u': rc = take_number(text, 0, 2, &number, err); set->duplicate = (enum duplicate_mode)number; return rc;
	}
	return error_set(err, ERROR_INVALID, "see --help");
}

static const struct option long_options[] = {
	{ "port", 1, NULL, 'p' },   { "switch", 1, NULL, 's' },	   { "fabric", 1, NULL, 'f' },	  { "domain", 1, NULL, 'd' },
	{ "fc-map", 1, NULL, 'm' }, { "vlan", 1, NULL, 'v' },	   { "fka", 1, NULL, 'k' },	  { "vn-period", 1, NULL, 'n' },
	{ "default", 1, NULL, 'a' }, { "duplicate", 1, NULL, 'u' }, { "control", 1, NULL, 'c' }, { "log", 1, NULL, 'l' },
	{ "help", 0, NULL, 'h' },   { 0 },
};

static int read_options(struct options *o, int argc, char **argv, struct error *err)
{
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) >= 0) {
		if (option == 'h') {
			fputs(usage, stdout);
			exit(0);
		}
		if (take_option(o, option, optarg, err) < 0)
			return -1;
	}
	if (optind < argc || !o->n_ports)
		return error_set(err, ERROR_INVALID, "name the ports: --port 1=veth0; see --help");
	if (!o->set.fabric_wwn)
		o->set.fabric_wwn = o->set.switch_wwn;
	o->set.mac = o->set.switch_wwn & UINT64_C(0xffffffffffff);
	if (o->set.mac >> 40 & 1)
		return error_set(err, ERROR_INVALID, "the switch's name has to end with the MAC of a single station");
	return 0;
}

/* "N=INTERFACE" */
static int open_port(struct fcf *fcf, const char *words, struct error *err)
{
	const char *equals = strchr(words, '=');
	char digits[8] = "";
	int64_t number;

	if (!equals || (size_t)(equals - words) >= sizeof(digits))
		return error_set(err, ERROR_INVALID, "\"%s\" is no NUMBER=INTERFACE", words);
	memcpy(digits, words, (size_t)(equals - words));
	if (take_number(digits, 0, 255, &number, err) < 0)
		return -1;
	return port_open(fcf, (int)number, equals + 1, err);
}

static void tick(evutil_socket_t fd, short what, void *arg)
{
	struct fcf *fcf = arg;
	int64_t now = clock_mono_ms();

	(void)fd;
	(void)what;
	for (int i = 0; i < fcf->n_ports; i++)
		port_tick(&fcf->ports[i], now);
	fault_release(&fcf->faults, now);
	link_tick(fcf, now);
}

static void stop(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(arg);
}

static int open_fabric(struct fcf *fcf, const struct options *o, struct error *err)
{
	fcf->set = o->set;
	fcf->base = event_base_new();
	fcf->zones = zoneset_empty(o->default_all);
	if (o->log && !(fcf->log = fopen(o->log, "ae")))
		return error_set(err, ERROR_INVALID, "%s: %s", o->log, strerror(errno));
	if (fcf->log)
		setvbuf(fcf->log, NULL, _IOLBF, 0);
	for (int i = 0; i < o->n_ports; i++)
		if (open_port(fcf, o->port_words[i], err) < 0)
			return -1;
	return 0;
}

static void close_fabric(struct fcf *fcf)
{
	fault_fini(&fcf->faults);
	for (int i = 0; i < fcf->n_ports; i++)
		port_close(&fcf->ports[i]);
	zoneset_destroy(fcf->zones);
	if (fcf->log)
		fclose(fcf->log);
	event_base_free(fcf->base);
}

static void run(struct fcf *fcf)
{
	struct timeval period = { 0, TICK_MS * 1000 };
	struct event *ticks = event_new(fcf->base, -1, EV_PERSIST, tick, fcf);
	struct event *term = evsignal_new(fcf->base, SIGTERM, stop, fcf->base);
	struct event *interrupt = evsignal_new(fcf->base, SIGINT, stop, fcf->base);

	event_add(ticks, &period);
	event_add(term, NULL);
	event_add(interrupt, NULL);
	event_base_dispatch(fcf->base);
	event_free(ticks);
	event_free(term);
	event_free(interrupt);
}

int main(int argc, char **argv)
{
	struct options o = {
		.set = { .switch_wwn = UINT64_C(0x1000020000000fcf), .fc_map = 0x0efc00, .domain = 1, .fka_ms = 8000, .vn_ms = 90000 },
	};
	struct fcf *fcf = xcalloc(1, sizeof(*fcf));
	struct control *control = NULL;
	struct error err = { 0 };
	int rc = 1;

	signal(SIGPIPE, SIG_IGN);
	if (read_options(&o, argc, argv, &err) < 0) {
		fprintf(stderr, "fcf: %s\n", err.text);
		free(fcf);
		return 2;
	}
	if (open_fabric(fcf, &o, &err) == 0 && (!o.control || (control = control_open(fcf, o.control, &err)))) {
		run(fcf);
		rc = 0;
	} else {
		fprintf(stderr, "fcf: %s\n", err.text);
	}
	control_close(control);
	close_fabric(fcf);
	free(fcf);
	return rc;
}
