/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The options of a BMC from the site file, checked once when the device is opened.  Cipher suites
 * 0 to 2 are refused whatever the site file says: they send the session in clear, or let anybody in.
 */
#include "ipmi.h"

#include "json.h"
#include "text.h"

#include <freeipmi/freeipmi.h>
#include <ipmiconsole.h>
#include <string.h>

const struct driver_option ipmi_options[] = {
	{ "address", "string", .required = true, .help = "the BMC: HOST or HOST:PORT (UDP, 623 when left out)" },
	{ "user", "string", .missing = "", .help = "user name, at most 16 bytes" },
	{ "password", "string", .secret = true, .help = "password, at most 20 bytes" },
	{ "privilege", "string", .missing = "operator", .help = "operator or admin" },
	{ "ciphers", "list", .help = "cipher suites in the order to try, [17, 3] when left out; 0 to 2 are refused" },
	{ "workarounds", "list", .help = "FreeIPMI's names of workarounds for BMCs with faults" },
	{ "session_timeout_ms", "int", .missing = "5000", .help = "silence after which the BMC is unreachable" },
	{ "retransmit_ms", "int", .missing = "500", .help = "silence after which a packet is sent again" },
	{ "efi", "bool", .missing = "false", .help = "set boot devices for UEFI rather than legacy BIOS" },
	{ "guid_order", "string", .missing = "rfc4122", .help = "byte order of the GUID: rfc4122, smbios or ipmi" },
	{ NULL },
};

static const struct workaround {
	const char *name;
	unsigned session, sol;
} workarounds[] = {
	{ "authcap", IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_AUTHENTICATION_CAPABILITIES,
	  IPMICONSOLE_WORKAROUND_AUTHENTICATION_CAPABILITIES },
	{ "intel20", IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_INTEL_2_0_SESSION, IPMICONSOLE_WORKAROUND_INTEL_2_0_SESSION },
	{ "supermicro20", IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_SUPERMICRO_2_0_SESSION,
	  IPMICONSOLE_WORKAROUND_SUPERMICRO_2_0_SESSION },
	{ "sun20", IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_SUN_2_0_SESSION, IPMICONSOLE_WORKAROUND_SUN_2_0_SESSION },
	{ "opensesspriv", IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_OPEN_SESSION_PRIVILEGE,
	  IPMICONSOLE_WORKAROUND_OPEN_SESSION_PRIVILEGE },
	{ "nochecksumcheck", IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_NO_CHECKSUM_CHECK,
	  IPMICONSOLE_WORKAROUND_NO_CHECKSUM_CHECK },
	{ "serialalertsdeferred", 0, IPMICONSOLE_WORKAROUND_SERIAL_ALERTS_DEFERRED },
	{ "solpacketseq", 0, IPMICONSOLE_WORKAROUND_INCREMENT_SOL_PACKET_SEQUENCE },
	{ "solpayloadsize", 0, IPMICONSOLE_WORKAROUND_IGNORE_SOL_PAYLOAD_SIZE },
	{ "solport", 0, IPMICONSOLE_WORKAROUND_IGNORE_SOL_PORT },
	{ "solstatus", 0, IPMICONSOLE_WORKAROUND_SKIP_SOL_ACTIVATION_STATUS },
	{ "solchannelsupport", 0, IPMICONSOLE_WORKAROUND_SKIP_CHANNEL_PAYLOAD_SUPPORT },
};

enum { WORKAROUNDS = sizeof(workarounds) / sizeof(workarounds[0]) };

static const struct workaround *workaround_find(const char *name)
{
	size_t i;

	for (i = 0; i < WORKAROUNDS; i++)
		if (!strcmp(workarounds[i].name, name))
			return &workarounds[i];
	return NULL;
}

static int parse_workarounds(struct ipmi_config *c, const char *name, const json_t *list, struct error *err)
{
	const char *names[WORKAROUNDS], *near, *word = "";
	const struct workaround *w;
	const json_t *one;
	size_t i;

	/* See try_cipher() in ipmi_lane.c.  The others leave out checks that tell nothing of use: the question
	 * for payload support crashes OpenIPMI's BMC, and its payload sizes have their bytes swapped. */
	c->flags = IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_OPEN_SESSION_PRIVILEGE;
	c->sol_flags = IPMICONSOLE_WORKAROUND_OPEN_SESSION_PRIVILEGE |
		       IPMICONSOLE_WORKAROUND_SKIP_CHANNEL_PAYLOAD_SUPPORT |
		       IPMICONSOLE_WORKAROUND_IGNORE_SOL_PAYLOAD_SIZE;
	if (!list)
		return 0;
	c->flags = c->sol_flags = 0;
	c->flags_given = true;
	json_array_foreach(list, i, one) {
		word = json_is_string(one) ? json_string_value(one) : "";
		w = workaround_find(word);
		if (!w)
			break;
		c->flags |= w->session;
		c->sol_flags |= w->sol;
	}
	if (i == json_array_size(list))
		return 0;
	error_set(err, ERROR_INVALID, "%s: workarounds: \"%s\" is none that is known", name, word);
	for (i = 0; i < WORKAROUNDS; i++)
		names[i] = workarounds[i].name;
	near = text_nearest(word, names, WORKAROUNDS);
	return near ? error_hint(err, "Did you mean \"%s\"?", near) :
		      error_hint(err, "See recast-driver-ipmi in recast-driver(7) for the list.");
}

static bool usable_cipher(int64_t id)
{
	/* Those with both integrity and encryption, as FreeIPMI has them. */
	return id == 3 || id == 8 || id == 12 || id == 17;
}

static int parse_ciphers(struct ipmi_config *c, const char *name, const json_t *list, struct error *err)
{
	const json_t *one;
	size_t i;

	if (!list) {
		c->ciphers[c->n_ciphers++] = 17;
		c->ciphers[c->n_ciphers++] = 3;
		return 0;
	}
	if (!json_array_size(list) || json_array_size(list) > IPMI_CIPHERS_MAX)
		return error_set(err, ERROR_INVALID, "%s: ciphers must name 1 to %d cipher suites", name,
				 IPMI_CIPHERS_MAX);
	json_array_foreach(list, i, one) {
		int64_t id = json_is_integer(one) ? json_integer_value(one) : -1;

		if (!usable_cipher(id)) {
			error_set(err, ERROR_INVALID, "%s: cipher suite %lld %s", name, (long long)id,
				  id >= 0 && id <= 2 ? "is not safe and is never used" :
						       "is not one of 17, 3, 12 and 8");
			return error_hint(err, "Use `ciphers: [17, 3]`, or leave it out.");
		}
		c->ciphers[c->n_ciphers++] = (int)id;
	}
	return 0;
}

static int check_address(const char *name, const char *address, struct error *err)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:_-[]%";
	const char *colon = strchr(address, ':');
	int64_t port;

	if (!*address || strlen(address) > 200 || strspn(address, allowed) != strlen(address))
		return error_set(err, ERROR_INVALID, "%s: address must be HOST or HOST:PORT", name);
	if (colon && colon == strrchr(address, ':') && text_parse_int(colon + 1, 1, 65535, &port))
		return error_set(err, ERROR_INVALID, "%s: the port in address must be 1 to 65535", name);
	return 0;
}

static int parse_privilege(struct ipmi_config *c, const char *name, const char *word, struct error *err)
{
	if (!strcmp(word, "operator"))
		c->privilege = IPMI_PRIVILEGE_LEVEL_OPERATOR;
	else if (!strcmp(word, "admin"))
		c->privilege = IPMI_PRIVILEGE_LEVEL_ADMIN;
	else
		return error_set(err, ERROR_INVALID, "%s: privilege must be operator or admin", name);
	return 0;
}

static int parse_times(struct ipmi_config *c, const char *name, const json_t *options, struct error *err)
{
	int64_t timeout = json_int(options, "session_timeout_ms", 0), again = json_int(options, "retransmit_ms", 0);

	if (timeout < 200 || timeout > 60000)
		return error_set(err, ERROR_INVALID, "%s: session_timeout_ms must be 200 to 60000", name);
	if (again < 50 || again >= timeout)
		return error_set(err, ERROR_INVALID, "%s: retransmit_ms must be 50 to less than session_timeout_ms",
				 name);
	c->session_timeout_ms = (int)timeout;
	c->retransmit_ms = (int)again;
	return 0;
}

static int check_login(const struct ipmi_config *c, const char *name, struct error *err)
{
	if (strlen(c->user) > IPMI_MAX_USER_NAME_LENGTH)
		return error_set(err, ERROR_INVALID, "%s: a user name of IPMI has at most %d bytes", name,
				 IPMI_MAX_USER_NAME_LENGTH);
	if (c->password && secret_len(c->password) > IPMI_2_0_MAX_PASSWORD_LENGTH)
		return error_set(err, ERROR_INVALID, "%s: a password of IPMI 2.0 has at most %d bytes", name,
				 IPMI_2_0_MAX_PASSWORD_LENGTH);
	return 0;
}

int ipmi_config_parse(struct ipmi_config *c, const struct driver_device *dev, struct error *err)
{
	const json_t *o = dev->options;

	*c = (struct ipmi_config){ .address = json_str(o, "address", ""),
				   .user = json_str(o, "user", ""),
				   .password = dev->secret,
				   .efi = json_bool(o, "efi", false),
				   .guid_order = json_str(o, "guid_order", "rfc4122") };
	if (check_address(dev->name, c->address, err) || check_login(c, dev->name, err) ||
	    parse_privilege(c, dev->name, json_str(o, "privilege", ""), err) ||
	    parse_ciphers(c, dev->name, json_object_get(o, "ciphers"), err) ||
	    parse_workarounds(c, dev->name, json_object_get(o, "workarounds"), err) ||
	    parse_times(c, dev->name, o, err))
		return -1;
	if (strcmp(c->guid_order, "rfc4122") && strcmp(c->guid_order, "smbios") && strcmp(c->guid_order, "ipmi"))
		return error_set(err, ERROR_INVALID, "%s: guid_order must be rfc4122, smbios or ipmi", dev->name);
	return 0;
}
