/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a BMC answers (drivers/bmc/ipmi_sdr.c, ipmi_info.c): sensor records, readings, the event log, identity.  Stands in
 * for ipmi_lane.c: each answer is a length, a completion code and so many bytes of the input.
 */
#include "fuzz.h"

#include "ipmi.h"

FUZZ_TARGET

enum { COMMANDS_MAX = 4000 };

static const uint8_t *input;
static size_t left;
static int commands;

int ipmi_send(struct ipmi_lane *lane, uint8_t netfn, uint8_t cmd, const uint8_t *data, size_t len,
	      struct ipmi_reply *reply, struct error *err)
{
	(void)lane, (void)netfn, (void)cmd, (void)data, (void)len;
	if (left < 2 || ++commands > COMMANDS_MAX)
		return error_set(err, ERROR_UNREACHABLE, "the BMC is silent");
	/* What a real BMC can carry, and now and then nothing behind it. */
	reply->len = input[0] < left - 2 ? input[0] : left - 2;
	reply->code = input[1] < 0x80 ? 0 : input[1];
	memset(reply->data, 0xa5, sizeof(reply->data));
	memcpy(reply->data, input + 2, reply->len);
	input += 2 + reply->len;
	left -= 2 + reply->len;
	return 0;
}

int ipmi_ask(struct ipmi_lane *lane, uint8_t netfn, uint8_t cmd, const uint8_t *data, size_t len, size_t want,
	     struct ipmi_reply *reply, struct error *err)
{
	if (ipmi_send(lane, netfn, cmd, data, len, reply, err))
		return -1;
	if (reply->code)
		return ipmi_code_error(lane->d->name, netfn, cmd, reply->code, err);
	return reply->len < want ? error_set(err, ERROR_PROTOCOL, "the answer is short") : 0;
}

int ipmi_code_error(const char *name, uint8_t netfn, uint8_t cmd, uint8_t code, struct error *err)
{
	return error_set(err, ERROR_REFUSED, "%s refused %02x/%02x: %02x", name, netfn, cmd, code);
}

static void check(json_t *(*document)(struct ipmi_lane *lane, struct error *err), struct ipmi_lane *lane)
{
	struct error err = { 0 };
	json_t *value = document(lane, &err);

	if (value)
		fuzz_check_json(value);
	else
		fuzz_check_error(&err);
	json_decref(value);
}

static void fuzz(const char *bytes, size_t len)
{
	static const char *const orders[] = { "smbios", "ipmi", "rfc4122" };
	struct ipmi_device device = { .name = "node1-bmc", .config = { .guid_order = orders[len % 3] } };
	struct ipmi_lane lane = { .d = &device, .sdr = sdr_cache_create() };

	input = (const uint8_t *)bytes;
	left = len;
	commands = 0;
	check(sensors_document, &lane);
	check(sel_document, &lane);
	check(identity_document, &lane);
	sdr_cache_destroy(lane.sdr);
}
