/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Frames of the FCoE Initialization Protocol: reading and writing.  Pure.  link.c says what they mean.
 */
#ifndef FCF_FIP_H
#define FCF_FIP_H

#include "fcframe.h"

#include <stdbool.h>

/* FC-BB-5, 7.8: operation and subcode in one number. */
enum fip_operation {
	FIP_SOLICITATION = 0x000101,
	FIP_ADVERTISEMENT = 0x000102,
	FIP_LINK_SERVICE_REQUEST = 0x000201,
	FIP_LINK_SERVICE_REPLY = 0x000202,
	FIP_KEEP_ALIVE = 0x000301,
	FIP_CLEAR_LINKS = 0x000302,
	FIP_VLAN_REQUEST = 0x000401,
	FIP_VLAN_NOTIFICATION = 0x000402,
};

enum { FIP_FLAG_FPMA = 0x8000, FIP_FLAG_AVAILABLE = 0x0004, FIP_FLAG_SOLICITED = 0x0002, FIP_FLAG_FPORT = 0x0001 };

enum fip_descriptor {
	FIP_PRIORITY = 1,
	FIP_MAC = 2,
	FIP_FC_MAP = 3,
	FIP_NAME = 4,
	FIP_FABRIC = 5,
	FIP_MAX_SIZE = 6,
	FIP_FLOGI = 7,
	FIP_FDISC = 8,
	FIP_LOGO = 9,
	FIP_ELP = 10,
	FIP_VN_PORT = 11,
	FIP_FKA = 12,
	FIP_VENDOR = 13,
	FIP_VLAN = 14,
	FIP_DESCRIPTORS,
};

/* A frame as it came.  What a descriptor says is valid when fip_has() it. */
struct fip {
	enum fip_operation operation;
	uint16_t flags, vlan, max_size;
	uint64_t source, mac, name;
	unsigned present;
	uint64_t vn_mac, vn_wwpn;
	uint32_t vn_fcid;
	enum fip_descriptor els_kind; /* FIP_FLOGI, FIP_FDISC or FIP_LOGO when @els is set */
	const uint8_t *els;	      /* FC header and payload */
	size_t els_len;
};

static inline bool fip_has(const struct fip *fip, enum fip_descriptor d)
{
	return fip->present >> d & 1;
}

/* The Ethernet frame of @len bytes.  -1 when it is malformed or has a critical descriptor that is not known. */
int fip_read(const uint8_t *eth, size_t len, struct fip *out);

/* Write a frame: begin, any number of descriptors, end. */
void fip_begin(struct frame *f, uint64_t dst, uint64_t src, enum fip_operation operation, uint16_t flags);
void fip_add_priority(struct frame *f, uint8_t priority);
void fip_add_mac(struct frame *f, uint64_t mac);
void fip_add_name(struct frame *f, uint64_t wwn);
void fip_add_fabric(struct frame *f, uint32_t fc_map, uint64_t wwn);
void fip_add_fka(struct frame *f, uint32_t period_ms);
void fip_add_vlan(struct frame *f, uint16_t vlan);
void fip_add_vn_port(struct frame *f, uint64_t mac, uint32_t fcid, uint64_t wwpn);
void fip_add_els(struct frame *f, enum fip_descriptor kind, const struct fc *fc);

/* @payload: pad what follows the Ethernet header to this many bytes; 0 only to the smallest Ethernet frame. */
void fip_end(struct frame *f, size_t payload);

#endif
