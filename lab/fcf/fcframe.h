/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Frames of Fibre Channel, bare (in FIP) and in FCoE: reading with every length checked, writing, CRC.
 * Pure: no fabric, no sockets.
 */
#ifndef FCF_FCFRAME_H
#define FCF_FCFRAME_H

#include "fault.h"
#include "wire.h"

#include <stddef.h>
#include <stdint.h>

enum {
	FC_HEADER = 24,
	FC_PAYLOAD_MAX = 2112,
	FC_PAYLOAD_MIN = 256,	/* FC-LS: the smallest receive size that a port may have */
	FCOE_HEADER = 14,	/* version, reserved, SOF: FC-BB-5, 7.7 */
	FCOE_TRAILER = 8,	/* CRC, EOF, reserved */
	FCOE_SIZE_MAX = FCOE_HEADER + FC_HEADER + FC_PAYLOAD_MAX + FCOE_TRAILER,
	FRAME_MAX = ETH_HEADER + FCOE_SIZE_MAX,
};

/* R_CTL and TYPE of FC-FS-3, as far as a fabric answers them. */
enum {
	R_CTL_CT_REQUEST = 0x02,
	R_CTL_CT_REPLY = 0x03,
	R_CTL_ELS_REQUEST = 0x22,
	R_CTL_ELS_REPLY = 0x23,
	TYPE_ELS = 0x01,
	TYPE_CT = 0x20,
};

/* F_CTL of a request in one sequence (first of the exchange), and of the reply that ends it. */
enum {
	F_CTL_RESPONDER = 0x800000,
	F_CTL_FIRST = 0x200000,
	F_CTL_LAST = 0x100000,
	F_CTL_END = 0x080000,
	F_CTL_INITIATIVE = 0x010000,
	F_CTL_REQUEST = F_CTL_FIRST | F_CTL_END | F_CTL_INITIATIVE,
	F_CTL_REPLY = F_CTL_RESPONDER | F_CTL_LAST | F_CTL_END,
};

/* An Ethernet frame on its way out, without a VLAN tag. */
struct frame {
	enum frame_kind kind;
	uint16_t vlan;
	size_t len;
	uint8_t data[FRAME_MAX];
};

struct fc {
	uint8_t r_ctl, type, seq_id;
	uint32_t d_id, s_id, f_ctl;
	uint16_t seq_cnt, ox_id, rx_id;
	const uint8_t *payload; /* points into what was read */
	size_t len;
};

enum fcoe_verdict { FCOE_OK, FCOE_BAD_LENGTH, FCOE_BAD_DELIMITER, FCOE_BAD_CRC };

/* CRC-32 as FC-FS-3 has it, which is also Ethernet's; in FCoE it stands least significant byte first. */
uint32_t fc_crc(const uint8_t *p, size_t len);

/* Header and payload in @len bytes.  -1 when it is too short, too long or not whole words. */
int fc_read(const uint8_t *p, size_t len, struct fc *out);
void fc_write_header(uint8_t *p, const struct fc *fc);

/* The FC frame in an Ethernet frame of FCoE. */
enum fcoe_verdict fcoe_read(const uint8_t *eth, size_t len, struct fc *out);

/* One FCoE frame from @fc.  A frame with F_CTL_END set ends with EOFt, others with EOFn. */
void fcoe_write(struct frame *f, uint64_t dst, uint64_t src, const struct fc *fc);

/* Make the CRC of a frame of FCoE wrong; false, and nothing done, when it is none. */
bool fcoe_spoil(struct frame *f);

/* The reply to @request: addresses exchanged, same exchange.  The payload is for the caller to set. */
struct fc fc_reply(const struct fc *request, uint8_t r_ctl);

#endif
