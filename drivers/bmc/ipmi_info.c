/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who the machine is (device id, GUID) and what its event log says.  Reads only.
 */
#include "ipmi.h"

#include "clock.h"
#include "json.h"

#include <freeipmi/freeipmi.h>
#include <stdio.h>
#include <string.h>

enum {
	GET_DEVICE_ID = 0x01,
	GET_SYSTEM_GUID = 0x37,
	GET_DEVICE_GUID = 0x08,
	GET_SEL_INFO = 0x40,
	GET_SEL_ENTRY = 0x43,

	SEL_LAST = 0xffff,
	SEL_MAX = 64, /* entries in the document, the newest */
	SEL_RECORD = 16,
};

/* The bytes of @raw in the order in which a UUID is printed. */
static void order_guid(const char *order, const uint8_t raw[16], uint8_t out[16])
{
	static const uint8_t smbios[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
	size_t i;

	for (i = 0; i < 16; i++) {
		size_t from = i;

		if (!strcmp(order, "smbios"))
			from = smbios[i];
		else if (!strcmp(order, "ipmi"))
			from = 15 - i;
		out[i] = raw[from];
	}
}

static json_t *format_uuid(const uint8_t b[16])
{
	char text[37];

	snprintf(text, sizeof(text), "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		 b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
	return json_string(text);
}

/* The system's GUID, else the BMC's own, else empty. */
static int read_guid(struct ipmi_lane *lane, json_t **uuid, struct error *err)
{
	static const uint8_t commands[] = { GET_SYSTEM_GUID, GET_DEVICE_GUID };
	struct ipmi_reply reply;
	uint8_t bytes[16];
	size_t i;

	for (i = 0; i < 2; i++) {
		if (ipmi_send(lane, IPMI_APP, commands[i], NULL, 0, &reply, err))
			return -1;
		if (reply.code || reply.len < 16)
			continue;
		order_guid(lane->d->config.guid_order, reply.data, bytes);
		*uuid = format_uuid(bytes);
		return 0;
	}
	*uuid = json_string("");
	return 0;
}

json_t *identity_document(struct ipmi_lane *lane, struct error *err)
{
	struct ipmi_reply id;
	char firmware[16];
	json_t *uuid;

	if (ipmi_ask(lane, IPMI_APP, GET_DEVICE_ID, NULL, 0, 11, &id, err) || read_guid(lane, &uuid, err))
		return NULL;
	/* The minor number is two decimal digits, one in each half of the byte. */
	snprintf(firmware, sizeof(firmware), "%d.%x", id.data[2] & 0x7f, id.data[3]);
	return json_pack("{s:o, s:i, s:i, s:s}", "uuid", uuid, "manufacturer",
			 id.data[6] | id.data[7] << 8 | (id.data[8] & 0x0f) << 16, "product",
			 id.data[9] | id.data[10] << 8, "firmware", firmware);
}

static json_t *sel_time(const uint8_t *b)
{
	uint32_t seconds = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
	char text[40];

	/* Below are seconds since the BMC started, all ones is "not known". */
	if (seconds <= 0x20000000 || seconds == 0xffffffff)
		return json_string("");
	return json_string(clock_format((int64_t)seconds * 1000, text, sizeof(text)));
}

static void sensor_words(const struct sdr_cache *sdr, const uint8_t *r, char *out, size_t size)
{
	const char *name = sdr_name(sdr, r[11]), *type = ipmi_get_sensor_type_string(r[10]);

	if (name)
		snprintf(out, size, "%s", name);
	else
		snprintf(out, size, "%s #%d", type ? type : "sensor", r[11]);
}

static void event_words(const uint8_t *r, char *out, size_t size)
{
	uint8_t kind = r[12] & 0x7f, offset = r[13] & 0x0f;
	char words[160] = "";
	int n;

	if (kind == 0x6f)
		n = ipmi_get_sensor_type_message(r[10], offset, words, sizeof(words));
	else
		n = ipmi_get_generic_event_message(kind, offset, words, sizeof(words));
	if (n <= 0)
		snprintf(words, sizeof(words), "event %02x %02x %02x %02x", kind, r[13], r[14], r[15]);
	snprintf(out, size, "%s%s", words, r[12] & 0x80 ? " (ended)" : "");
}

static json_t *sel_record(const struct sdr_cache *sdr, const uint8_t *r)
{
	int id = r[0] | r[1] << 8;
	char sensor[64], event[192];

	if (r[2] >= 0xe0) /* OEM, without a time */
		return json_pack("{s:i, s:s, s:s, s:s}", "id", id, "time", "", "sensor", "OEM", "event", "OEM record");
	if (r[2] >= 0xc0)
		return json_pack("{s:i, s:o, s:s, s:s}", "id", id, "time", sel_time(r + 3), "sensor", "OEM", "event",
				 "OEM record");
	sensor_words(sdr, r, sensor, sizeof(sensor));
	event_words(r, event, sizeof(event));
	return json_pack("{s:i, s:o, s:s, s:s}", "id", id, "time", sel_time(r + 3), "sensor", sensor, "event", event);
}

/* Read the record @id.  1: read, with the id of the next; 0: there is none; -1: error. */
static int read_record(struct ipmi_lane *lane, int id, struct ipmi_reply *reply, int *next, struct error *err)
{
	const uint8_t query[] = { 0, 0, (uint8_t)id, (uint8_t)(id >> 8), 0, 0xff };

	if (ipmi_send(lane, IPMI_STORAGE, GET_SEL_ENTRY, query, sizeof(query), reply, err))
		return -1;
	if (reply->code == 0xcb) /* not present */
		return 0;
	if (reply->code)
		return ipmi_code_error(lane->d->name, IPMI_STORAGE, GET_SEL_ENTRY, reply->code, err);
	if (reply->len < 2 + SEL_RECORD)
		return 0;
	*next = reply->data[0] | reply->data[1] << 8;
	return 1;
}

/* A log is read from old to new.  Most BMCs number records one after the other, so begin near the end
 * and fall back to the beginning when there is no such record. */
static int first_record(struct ipmi_lane *lane, int entries, int *id, struct error *err)
{
	struct ipmi_reply reply;
	int next, rc, last;

	*id = 0;
	if (entries <= SEL_MAX)
		return 0;
	rc = read_record(lane, SEL_LAST, &reply, &next, err);
	if (rc <= 0)
		return rc;
	last = reply.data[2] | reply.data[3] << 8;
	if (last <= SEL_MAX)
		return 0;
	rc = read_record(lane, last - SEL_MAX + 1, &reply, &next, err);
	if (rc > 0)
		*id = last - SEL_MAX + 1;
	return rc < 0 ? -1 : 0;
}

static int walk_records(struct ipmi_lane *lane, int entries, json_t *list, struct error *err)
{
	struct ipmi_reply reply;
	int id, next, rc, left = entries + 1;

	if (first_record(lane, entries, &id, err))
		return -1;
	/* A log that grows or goes in circles ends the walk too. */
	for (; left > 0 && id != SEL_LAST; left--, id = next) {
		rc = read_record(lane, id, &reply, &next, err);
		if (rc <= 0)
			return rc;
		json_array_append_new(list, sel_record(lane->sdr, reply.data + 2));
		if (json_array_size(list) > SEL_MAX)
			json_array_remove(list, 0);
	}
	return 0;
}

json_t *sel_document(struct ipmi_lane *lane, struct error *err)
{
	struct ipmi_reply reply;
	json_t *list;
	int entries;

	if (ipmi_ask(lane, IPMI_STORAGE, GET_SEL_INFO, NULL, 0, 3, &reply, err))
		return NULL;
	entries = reply.data[1] | reply.data[2] << 8;
	list = json_array();
	if (!entries || !walk_records(lane, entries, list, err))
		return list;
	json_decref(list);
	return NULL;
}
