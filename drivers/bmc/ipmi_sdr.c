/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Sensors: the records that describe them (SDR) and their readings.  Reading the records takes
 * two commands for each of a hundred or more, so they are kept as long as the repository says that it
 * has not changed.  Records are the BMC's bytes: every length is checked, what makes no sense is skipped.
 */
#include "ipmi.h"

#include "arena.h"
#include "json.h"

#include <freeipmi/freeipmi.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	GET_SDR_INFO = 0x20,
	RESERVE_SDR = 0x22,
	GET_SDR = 0x23,
	GET_SENSOR_READING = 0x2d,

	RECORD_FULL = 0x01,
	RECORD_COMPACT = 0x02,

	SENSORS_MAX = 256,
	RECORDS_MAX = 1024,
	RECORD_MAX = 5 + 255,
	CHUNK = 16, /* bytes a command: more than old BMCs can give is an error */
	UNIT_NONE = 0,
};

struct sensor {
	char name[17];
	uint8_t number, owner, lun, type, event_type, unit;
	bool analog, percent;
	int m, b;
	int8_t b_exp, r_exp;
	uint8_t linearization, format;
};

struct sdr_cache {
	bool valid;
	uint8_t stamp[10]; /* record count, last addition, last erase */
	struct sensor sensors[SENSORS_MAX];
	size_t n;
};

struct sdr_cache *sdr_cache_create(void)
{
	return xcalloc(1, sizeof(struct sdr_cache));
}

void sdr_cache_destroy(struct sdr_cache *cache)
{
	free(cache);
}

const char *sdr_name(const struct sdr_cache *cache, uint8_t number)
{
	size_t i;

	for (i = 0; i < cache->n; i++)
		if (cache->sensors[i].number == number)
			return cache->sensors[i].name;
	return NULL;
}

/* A number of @bits bits in two's complement. */
static int signed_bits(unsigned v, int bits)
{
	return v & (1u << (bits - 1)) ? (int)v - (1 << bits) : (int)v;
}

static void copy_name(struct sensor *s, const uint8_t *r, size_t len, size_t at)
{
	size_t n, i;

	if (at >= len)
		return;
	n = r[at] & 0x1f;
	if (r[at] >> 6 != 3) /* only 8-bit text: the other codings died out */
		n = 0;
	for (i = 0; i < n && i < 16 && at + 1 + i < len; i++)
		s->name[i] = r[at + 1 + i] >= 0x20 && r[at + 1 + i] < 0x7f ? (char)r[at + 1 + i] : '?';
	while (i > 0 && s->name[i - 1] == ' ')
		s->name[--i] = 0;
}

/* A record as the sensor that it describes; false when it describes none. */
static bool parse_record(const uint8_t *r, size_t len, struct sensor *s)
{
	if (len < 24 || (r[3] != RECORD_FULL && r[3] != RECORD_COMPACT))
		return false;
	*s = (struct sensor){ .owner = r[5], .lun = r[6] & 3, .number = r[7], .type = r[12], .event_type = r[13] };
	if (r[3] == RECORD_COMPACT) {
		copy_name(s, r, len, 31);
	} else if (len >= 48) {
		s->analog = r[20] >> 6 != 3 && r[13] == 0x01;
		s->format = r[20] >> 6;
		s->percent = r[20] & 1;
		s->unit = r[21];
		s->linearization = r[23] & 0x7f;
		s->m = signed_bits(r[24] | (unsigned)(r[25] & 0xc0) << 2, 10);
		s->b = signed_bits(r[26] | (unsigned)(r[27] & 0xc0) << 2, 10);
		s->r_exp = (int8_t)signed_bits(r[29] >> 4, 4);
		s->b_exp = (int8_t)signed_bits(r[29] & 0x0f, 4);
		copy_name(s, r, len, 47);
	}
	if (!s->name[0])
		snprintf(s->name, sizeof(s->name), "sensor %d", s->number);
	return true;
}

static int reserve(struct ipmi_lane *lane, uint8_t id[2], struct error *err)
{
	struct ipmi_reply reply;

	if (ipmi_ask(lane, IPMI_STORAGE, RESERVE_SDR, NULL, 0, 2, &reply, err))
		return -1;
	memcpy(id, reply.data, 2);
	return 0;
}

/* Bytes [at, at + n) of a record; *next is the id of the one after it. */
static int read_chunk(struct ipmi_lane *lane, const uint8_t reservation[2], int record, size_t at, size_t n,
		      uint8_t *out, int *next, struct error *err)
{
	const uint8_t query[] = { reservation[0], reservation[1], (uint8_t)record, (uint8_t)(record >> 8), (uint8_t)at,
				  (uint8_t)n };
	struct ipmi_reply reply;

	if (ipmi_ask(lane, IPMI_STORAGE, GET_SDR, query, sizeof(query), 2 + n, &reply, err))
		return -1;
	*next = reply.data[0] | reply.data[1] << 8;
	memcpy(out, reply.data + 2, n);
	return 0;
}

static int read_record(struct ipmi_lane *lane, const uint8_t reservation[2], int record, uint8_t *out, size_t *len,
		       int *next, struct error *err)
{
	size_t at, n;
	int same;

	if (read_chunk(lane, reservation, record, 0, 5, out, next, err))
		return -1;
	*len = 5 + (size_t)out[4];
	if (out[3] != RECORD_FULL && out[3] != RECORD_COMPACT) {
		*len = 5;
		return 0;
	}
	for (at = 5; at < *len; at += n) {
		n = *len - at < CHUNK ? *len - at : CHUNK;
		if (read_chunk(lane, reservation, record, at, n, out + at, &same, err))
			return -1;
	}
	return 0;
}

static int fill_cache(struct ipmi_lane *lane, struct sdr_cache *cache, struct error *err)
{
	uint8_t record[RECORD_MAX], reservation[2];
	int id, next, left = RECORDS_MAX;
	size_t len;

	cache->n = 0;
	if (reserve(lane, reservation, err))
		return -1;
	for (id = 0; id != 0xffff && left > 0 && cache->n < SENSORS_MAX; id = next, left--) {
		if (read_record(lane, reservation, id, record, &len, &next, err))
			return -1;
		if (parse_record(record, len, &cache->sensors[cache->n]))
			cache->n++;
	}
	return 0;
}

static int refresh(struct ipmi_lane *lane, struct sdr_cache *cache, struct error *err)
{
	struct ipmi_reply info;

	if (ipmi_ask(lane, IPMI_STORAGE, GET_SDR_INFO, NULL, 0, 13, &info, err))
		return -1;
	if (cache->valid && !memcmp(cache->stamp, info.data + 1, 2) && !memcmp(cache->stamp + 2, info.data + 5, 8))
		return 0;
	cache->valid = false;
	if (!info.data[1] && !info.data[2])
		cache->n = 0; /* some BMCs refuse to read from an empty repository */
	else if (fill_cache(lane, cache, err))
		return -1;
	memcpy(cache->stamp, info.data + 1, 2);
	memcpy(cache->stamp + 2, info.data + 5, 8);
	cache->valid = true;
	return 0;
}

static const char *threshold_state(uint8_t bits)
{
	if (bits & 0x24)
		return "failed"; /* non-recoverable */
	if (bits & 0x12)
		return "critical";
	return bits & 0x09 ? "warning" : "ok";
}

static json_t *reading_value(const struct sensor *s, uint8_t raw)
{
	double value;

	if (!s->analog || ipmi_sensor_decode_value(s->r_exp, s->b_exp, (int16_t)s->m, (int16_t)s->b, s->linearization,
						   s->format, raw, &value) < 0 || !isfinite(value))
		return json_null();
	return json_real(round(value * 1000) / 1000);
}

static const char *unit_name(const struct sensor *s)
{
	if (s->percent)
		return "%";
	if (!s->analog || s->unit == UNIT_NONE || s->unit > IPMI_SENSOR_UNIT_GRAMS)
		return "";
	return ipmi_sensor_units_abbreviated[s->unit];
}

/* "Temperature" as "temperature". */
static json_t *type_name(const struct sensor *s)
{
	const char *words = ipmi_get_sensor_type_string(s->type);
	char text[64];
	size_t i;

	snprintf(text, sizeof(text), "%s", words ? words : "other");
	for (i = 0; text[i]; i++)
		if (text[i] >= 'A' && text[i] <= 'Z')
			text[i] = (char)(text[i] - 'A' + 'a');
	return json_string(text);
}

static json_t *read_sensor(struct ipmi_lane *lane, const struct sensor *s, struct error *err)
{
	struct ipmi_reply reply;
	const char *state = "unknown";
	json_t *value = NULL;

	if (s->lun || (s->owner != 0x20 && s->owner != 0))
		return NULL; /* behind another controller */
	if (ipmi_send(lane, IPMI_SENSOR_EVENT, GET_SENSOR_READING, &s->number, 1, &reply, err))
		return NULL;
	/* Scanning is on and the reading is there. */
	if (!reply.code && reply.len >= 2 && reply.data[1] & 0x40 && !(reply.data[1] & 0x20)) {
		value = reading_value(s, reply.data[0]);
		if (s->event_type == 0x01)
			state = reply.len >= 3 ? threshold_state(reply.data[2]) : "ok";
		else
			state = reply.len >= 3 && (reply.data[2] || (reply.len >= 4 && reply.data[3] & 0x7f)) ?
					"asserted" : "ok";
	}
	return json_pack("{s:s, s:o, s:o, s:s, s:s}", "name", s->name, "type", type_name(s), "value",
			 value ? value : json_null(), "unit", unit_name(s), "state", state);
}

json_t *sensors_document(struct ipmi_lane *lane, struct error *err)
{
	struct sdr_cache *cache = lane->sdr;
	struct error why = { 0 };
	json_t *list, *one;
	size_t i;

	if (refresh(lane, cache, err))
		return NULL;
	list = json_array();
	for (i = 0; i < cache->n && !why.code; i++) {
		one = read_sensor(lane, &cache->sensors[i], &why);
		if (one)
			json_array_append_new(list, one);
	}
	if (!why.code)
		return list;
	*err = why;
	json_decref(list);
	return NULL;
}
