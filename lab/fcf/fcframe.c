/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Fibre Channel frames (FC-FS-3) and their encapsulation (FC-BB-5, 7.7).
 *
 *	Ethernet 14 | version and reserved 13 | SOF 1 | FC header 24 | payload 0..2112 | CRC 4 | EOF 1 | reserved 3
 *
 * The smallest FCoE frame is as long as the smallest Ethernet frame, so padding never hides where it ends.
 */
#include "fcframe.h"

#include <string.h>

enum { SOF_F = 0x28, SOF_I2 = 0x2d, SOF_I3 = 0x2e, SOF_N2 = 0x35, SOF_N3 = 0x36, EOF_N = 0x41, EOF_T = 0x42 };

uint32_t fc_crc(const uint8_t *p, size_t len)
{
	static uint32_t table[256];
	uint32_t crc = 0xffffffff;

	for (uint32_t i = 0; !table[255] && i < 256; i++) {
		table[i] = i;
		for (int bit = 0; bit < 8; bit++)
			table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320 : 0);
	}
	while (len--)
		crc = crc >> 8 ^ table[(crc ^ *p++) & 0xff];
	return ~crc;
}

static void put_crc(uint8_t *p, uint32_t crc)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(crc >> 8 * i);
}

static uint32_t get_crc(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

int fc_read(const uint8_t *p, size_t len, struct fc *out)
{
	if (len < FC_HEADER || len > FC_HEADER + FC_PAYLOAD_MAX || len % 4)
		return -1;
	*out = (struct fc){
		.r_ctl = p[0],
		.d_id = get24(p + 1),
		.s_id = get24(p + 5),
		.type = p[8],
		.f_ctl = get24(p + 9),
		.seq_id = p[12],
		.seq_cnt = get16(p + 14),
		.ox_id = get16(p + 16),
		.rx_id = get16(p + 18),
		.payload = p + FC_HEADER,
		.len = len - FC_HEADER,
	};
	return 0;
}

void fc_write_header(uint8_t *p, const struct fc *fc)
{
	memset(p, 0, FC_HEADER);
	p[0] = fc->r_ctl;
	put24(p + 1, fc->d_id);
	put24(p + 5, fc->s_id);
	p[8] = fc->type;
	put24(p + 9, fc->f_ctl);
	p[12] = fc->seq_id;
	put16(p + 14, fc->seq_cnt);
	put16(p + 16, fc->ox_id);
	put16(p + 18, fc->rx_id);
}

static bool delimiters_known(uint8_t version, uint8_t sof, uint8_t eof)
{
	if (version >> 4)
		return false;
	if (sof != SOF_F && sof != SOF_I2 && sof != SOF_I3 && sof != SOF_N2 && sof != SOF_N3)
		return false;
	return eof == EOF_N || eof == EOF_T;
}

enum fcoe_verdict fcoe_read(const uint8_t *eth, size_t len, struct fc *out)
{
	const size_t around = ETH_HEADER + FCOE_HEADER + FCOE_TRAILER;
	const uint8_t *fc = eth + ETH_HEADER + FCOE_HEADER, *trailer;

	if (len < around || fc_read(fc, len - around, out) < 0)
		return FCOE_BAD_LENGTH;
	trailer = fc + (len - around);
	if (!delimiters_known(eth[ETH_HEADER], fc[-1], trailer[4]))
		return FCOE_BAD_DELIMITER;
	return get_crc(trailer) == fc_crc(fc, len - around) ? FCOE_OK : FCOE_BAD_CRC;
}

void fcoe_write(struct frame *f, uint64_t dst, uint64_t src, const struct fc *fc)
{
	uint8_t *header = f->data + ETH_HEADER + FCOE_HEADER, *trailer = header + FC_HEADER + fc->len;

	memset(f->data, 0, ETH_HEADER + FCOE_HEADER);
	put48(f->data, dst);
	put48(f->data + 6, src);
	put16(f->data + 12, ETHERTYPE_FCOE);
	header[-1] = fc->seq_cnt ? SOF_N3 : SOF_I3;
	fc_write_header(header, fc);
	memcpy(header + FC_HEADER, fc->payload, fc->len);
	memset(trailer, 0, FCOE_TRAILER);
	put_crc(trailer, fc_crc(header, FC_HEADER + fc->len));
	trailer[4] = fc->f_ctl & F_CTL_END ? EOF_T : EOF_N;
	f->len = (size_t)(trailer + FCOE_TRAILER - f->data);
}

bool fcoe_spoil(struct frame *f)
{
	if (f->len < ETH_SMALLEST || get16(f->data + 12) != ETHERTYPE_FCOE)
		return false;
	f->data[f->len - FCOE_TRAILER] ^= 0xff;
	return true;
}

struct fc fc_reply(const struct fc *request, uint8_t r_ctl)
{
	return (struct fc){
		.r_ctl = r_ctl,
		.type = request->type,
		.d_id = request->s_id,
		.s_id = request->d_id,
		.f_ctl = F_CTL_REPLY,
		.ox_id = request->ox_id,
		.rx_id = request->rx_id == 0xffff ? request->ox_id : request->rx_id,
	};
}
