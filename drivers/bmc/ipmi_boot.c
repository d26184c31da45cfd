/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The boot device: parameter 5 of the boot options, with its valid bit, and parameter 3, which keeps
 * the BMC from forgetting it when no power command follows within a minute.
 *
 * BMCs lie here in two ways.  Some do what they are told and still read back flags that are not valid: such
 * a change is done, with "verified": false in what was observed.  Some know no parameter 3: that is no failure.
 */
#include "ipmi.h"

#include "json.h"

#include <string.h>

enum {
	SET_BOOT_OPTIONS = 0x08,
	GET_BOOT_OPTIONS = 0x09,

	PARAM_CLEARING = 3,
	PARAM_FLAGS = 5,

	CLEARING_KEEP = 0x08, /* not cleared when no power command comes within 60 s */

	FLAG_VALID = 0x80,
	FLAG_PERSISTENT = 0x40,
	FLAG_EFI = 0x20,
	DEVICE_MASK = 0x3c,
};

static const struct boot_device {
	const char *name;
	uint8_t code;
} devices[] = {
	{ "none", 0x00 }, { "pxe", 0x04 }, { "disk", 0x08 },
};

struct boot_flags {
	uint8_t flags, device;
};

static const char *device_name(uint8_t code)
{
	size_t i;

	for (i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		if (devices[i].code == (code & DEVICE_MASK))
			return devices[i].name;
	return "other";
}

static int device_code(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		if (!strcmp(devices[i].name, name))
			return devices[i].code;
	return -1;
}

static int read_flags(struct ipmi_lane *lane, struct boot_flags *f, struct error *err)
{
	static const uint8_t query[] = { PARAM_FLAGS, 0, 0 };
	struct ipmi_reply reply;

	if (ipmi_ask(lane, IPMI_CHASSIS, GET_BOOT_OPTIONS, query, sizeof(query), 4, &reply, err))
		return -1;
	f->flags = reply.data[2];
	f->device = reply.data[3] & DEVICE_MASK;
	/* The whole parameter is locked or was never set. */
	if (reply.data[1] & 0x80)
		f->flags &= (uint8_t)~FLAG_VALID;
	return 0;
}

json_t *boot_document(struct ipmi_lane *lane, struct error *err)
{
	struct boot_flags f;

	if (read_flags(lane, &f, err))
		return NULL;
	return json_pack("{s:s, s:b, s:b}", "device", device_name(f.device), "valid", !!(f.flags & FLAG_VALID),
			 "persistent", !!(f.flags & FLAG_PERSISTENT));
}

/* Whether the BMC keeps the flags for longer than a minute; written when @write.  Silence is -1. */
static int keep_flags(struct ipmi_lane *lane, bool write, bool *kept, struct error *err)
{
	static const uint8_t query[] = { PARAM_CLEARING, 0, 0 };
	uint8_t set[] = { PARAM_CLEARING, CLEARING_KEEP };
	struct ipmi_reply reply;

	*kept = true; /* a BMC without the parameter keeps what it keeps */
	if (ipmi_send(lane, IPMI_CHASSIS, GET_BOOT_OPTIONS, query, sizeof(query), &reply, err))
		return -1;
	if (!reply.code && reply.len >= 3) {
		*kept = reply.data[2] & CLEARING_KEEP;
		set[1] |= reply.data[2] & 0x1f;
		if (*kept)
			return 0;
	}
	return write ? ipmi_send(lane, IPMI_CHASSIS, SET_BOOT_OPTIONS, set, sizeof(set), &reply, err) : 0;
}

static int write_flags(struct ipmi_lane *lane, const struct boot_flags *want, struct error *err)
{
	const uint8_t set[] = { PARAM_FLAGS, want->flags, want->device, 0, 0, 0 };
	struct ipmi_reply reply;

	return ipmi_ask(lane, IPMI_CHASSIS, SET_BOOT_OPTIONS, set, sizeof(set), 0, &reply, err);
}

static bool matches(const struct boot_flags *is, const struct boot_flags *want)
{
	const uint8_t all = FLAG_VALID | FLAG_PERSISTENT | FLAG_EFI;

	/* Without a device there is nothing to be valid. */
	if (!want->device)
		return !is->device || !(is->flags & FLAG_VALID);
	return is->device == want->device && (is->flags & all) == (want->flags & all);
}

static int parse_wish(struct ipmi_lane *lane, const struct driver_change *c, struct boot_flags *want,
		      struct error *err)
{
	int code = device_code(json_str(c->set, "device", ""));

	if (code < 0)
		return error_set(err, ERROR_INVALID, "%s: boot.device must be pxe, disk or none", lane->d->name);
	want->device = (uint8_t)code;
	want->flags = FLAG_VALID;
	if (code && json_bool(c->set, "persistent", false))
		want->flags |= FLAG_PERSISTENT;
	if (code && lane->d->config.efi)
		want->flags |= FLAG_EFI;
	return 0;
}

/* The device is what counts; a BMC that drops the other flags or calls them invalid is only noted. */
static void judge(struct ipmi_lane *lane, struct driver_change *c, const struct boot_flags *is,
		  const struct boot_flags *want, bool changed)
{
	struct error err = { 0 };

	if (is->device != want->device && (is->flags & FLAG_VALID)) {
		error_set(&err, ERROR_REFUSED, "%s: the BMC took boot device %s and then read %s", lane->d->name,
			  device_name(want->device), device_name(is->device));
		error_hint(&err, "Try option efi: true, or set the boot order in the machine's firmware.");
		ipmi_change_failed(c, true, &err);
		return;
	}
	change_done(c, changed, json_pack("{s:{s:s, s:b}, s:b}", "boot", "device", device_name(is->device), "valid",
					  !!(is->flags & FLAG_VALID), "verified", matches(is, want)));
}

void boot_change(struct ipmi_lane *lane, struct driver_change *c)
{
	struct boot_flags want, is;
	struct error err = { 0 };
	bool kept, sent = false;

	if (parse_wish(lane, c, &want, &err) || read_flags(lane, &is, &err) || keep_flags(lane, false, &kept, &err))
		goto failed;
	if (matches(&is, &want) && (kept || !want.device)) {
		judge(lane, c, &is, &want, false);
		return;
	}
	sent = true;
	if (keep_flags(lane, true, &kept, &err) || write_flags(lane, &want, &err) || read_flags(lane, &is, &err))
		goto failed;
	judge(lane, c, &is, &want, true);
	return;
failed:
	ipmi_change_failed(c, sent, &err);
}
