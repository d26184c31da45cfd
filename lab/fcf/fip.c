/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * FIP (FC-BB-5, 7.8):
 *
 *	Ethernet 14 | version 1 | 0 | operation 2 | 0 | subcode 1 | words of descriptors 2 | flags 2 | descriptors
 *
 * A descriptor is type 1 | words 1 | rest.  Lengths come from the header, never from the frame: an advertisement is padded.
 */
#include "fip.h"

#include <string.h>

enum { FIP_VERSION = 0x10, FIP_HEADER = 10, FIP_AT = ETH_HEADER + FIP_HEADER, LARGEST_NOT_CRITICAL = 128 };

/* Words of each descriptor; 0: any number (it has a Fibre Channel frame or a vendor's own in it). */
static const uint8_t words_of[FIP_DESCRIPTORS] = {
	[FIP_PRIORITY] = 1, [FIP_MAC] = 2, [FIP_FC_MAP] = 2, [FIP_NAME] = 3, [FIP_FABRIC] = 4,
	[FIP_MAX_SIZE] = 1, [FIP_VN_PORT] = 5, [FIP_FKA] = 2, [FIP_VLAN] = 1,
};

static int take_els(struct fip *out, const uint8_t *d, size_t len)
{
	if (out->els || len < 4 + FC_HEADER)
		return -1;
	out->els_kind = d[0];
	out->els = d + 4;
	out->els_len = len - 4;
	return 0;
}

/* A known descriptor, whose length is right.  Those that say nothing to an FCF are only noted. */
static int take_descriptor(struct fip *out, const uint8_t *d, size_t len)
{
	switch (d[0]) {
	case FIP_MAC:
		out->mac = get48(d + 2);
		return 0;
	case FIP_NAME:
		out->name = get64(d + 4);
		return 0;
	case FIP_MAX_SIZE:
		out->max_size = get16(d + 2);
		return 0;
	case FIP_VN_PORT:
		out->vn_mac = get48(d + 2);
		out->vn_fcid = get24(d + 9);
		out->vn_wwpn = get64(d + 12);
		return 0;
	case FIP_FLOGI:
	case FIP_FDISC:
	case FIP_LOGO:
		return take_els(out, d, len);
	default:
		return 0;
	}
}

/* FC-BB-5: a frame with an unknown descriptor below 128 is not processed; those from 128 on are skipped. */
static int read_descriptor(struct fip *out, const uint8_t *d, size_t len)
{
	uint8_t type = d[0];

	if (type >= LARGEST_NOT_CRITICAL)
		return 0;
	if (type == 0 || type >= FIP_DESCRIPTORS || (words_of[type] && len != words_of[type] * 4u))
		return -1;
	if (fip_has(out, type) && type != FIP_VENDOR)
		return -1;
	out->present |= 1u << type;
	return take_descriptor(out, d, len);
}

static int read_descriptors(struct fip *out, const uint8_t *d, size_t left)
{
	while (left) {
		size_t len = left >= 4 ? d[1] * 4u : 0;

		if (len < 4 || len > left || read_descriptor(out, d, len) < 0)
			return -1;
		d += len;
		left -= len;
	}
	return 0;
}

int fip_read(const uint8_t *eth, size_t len, struct fip *out)
{
	const uint8_t *h = eth + ETH_HEADER;
	size_t descriptors;

	if (len < FIP_AT || h[0] >> 4 != FIP_VERSION >> 4)
		return -1;
	descriptors = get16(h + 6) * 4u;
	if (descriptors > len - FIP_AT)
		return -1;
	*out = (struct fip){
		.source = get48(eth + 6),
		.operation = get16(h + 2) << 8 | h[5],
		.flags = get16(h + 8),
	};
	return read_descriptors(out, h + FIP_HEADER, descriptors);
}

void fip_begin(struct frame *f, uint64_t dst, uint64_t src, enum fip_operation operation, uint16_t flags)
{
	uint8_t *h = f->data + ETH_HEADER;

	memset(f->data, 0, FIP_AT);
	put48(f->data, dst);
	put48(f->data + 6, src);
	put16(f->data + 12, ETHERTYPE_FIP);
	h[0] = FIP_VERSION;
	put16(h + 2, operation >> 8);
	h[5] = operation & 0xff;
	put16(h + 8, flags);
	f->len = FIP_AT;
}

/* Room for a descriptor: zeros but for its type and length.  All that we write fits well into a frame. */
static uint8_t *add(struct frame *f, enum fip_descriptor type, size_t len)
{
	uint8_t *d = f->data + f->len;

	memset(d, 0, len);
	d[0] = (uint8_t)type;
	d[1] = (uint8_t)(len / 4);
	f->len += len;
	return d;
}

static uint8_t *add_fixed(struct frame *f, enum fip_descriptor type)
{
	return add(f, type, words_of[type] * 4u);
}

void fip_add_priority(struct frame *f, uint8_t priority)
{
	add_fixed(f, FIP_PRIORITY)[3] = priority;
}

void fip_add_mac(struct frame *f, uint64_t mac)
{
	put48(add_fixed(f, FIP_MAC) + 2, mac);
}

void fip_add_name(struct frame *f, uint64_t wwn)
{
	put64(add_fixed(f, FIP_NAME) + 4, wwn);
}

void fip_add_fabric(struct frame *f, uint32_t fc_map, uint64_t wwn)
{
	uint8_t *d = add_fixed(f, FIP_FABRIC);

	put24(d + 5, fc_map);
	put64(d + 8, wwn);
}

void fip_add_fka(struct frame *f, uint32_t period_ms)
{
	put32(add_fixed(f, FIP_FKA) + 4, period_ms);
}

void fip_add_vlan(struct frame *f, uint16_t vlan)
{
	put16(add_fixed(f, FIP_VLAN) + 2, vlan);
}

void fip_add_vn_port(struct frame *f, uint64_t mac, uint32_t fcid, uint64_t wwpn)
{
	uint8_t *d = add_fixed(f, FIP_VN_PORT);

	put48(d + 2, mac);
	put24(d + 9, fcid);
	put64(d + 12, wwpn);
}

void fip_add_els(struct frame *f, enum fip_descriptor kind, const struct fc *fc)
{
	uint8_t *d = add(f, kind, 4 + FC_HEADER + fc->len);

	fc_write_header(d + 4, fc);
	memcpy(d + 4 + FC_HEADER, fc->payload, fc->len);
}

void fip_end(struct frame *f, size_t payload)
{
	size_t wanted = ETH_HEADER + payload;

	put16(f->data + ETH_HEADER + 6, (uint32_t)(f->len - FIP_AT) / 4);
	if (wanted < ETH_SMALLEST)
		wanted = ETH_SMALLEST;
	if (wanted > FRAME_MAX)
		wanted = FRAME_MAX;
	if (wanted > f->len) {
		memset(f->data + f->len, 0, wanted - f->len);
		f->len = wanted;
	}
}
