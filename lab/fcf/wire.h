/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Numbers in big-endian bytes, and the constants of FCoE, FIP and Fibre Channel that more than one file needs.
 * MAC addresses and World Wide Names are numbers here; lib/text.h prints and reads them.
 */
#ifndef FCF_WIRE_H
#define FCF_WIRE_H

#include <stddef.h>
#include <stdint.h>

enum {
	ETH_HEADER = 14,
	ETH_SMALLEST = 60,
	ETHERTYPE_FCOE = 0x8906,
	ETHERTYPE_FIP = 0x8914,
};

/* FC-BB-5: the group addresses of FIP. */
#define MAC_ALL_ENODES UINT64_C(0x011018010001)
#define MAC_ALL_FCFS UINT64_C(0x011018010002)

/* FC-FS-3: well-known addresses. */
enum {
	FCID_DIRECTORY = 0xfffffc,
	FCID_CONTROLLER = 0xfffffd,
	FCID_FABRIC = 0xfffffe,
};

static inline uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | get16(p + 1);
}

static inline uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static inline uint64_t get48(const uint8_t *p)
{
	return (uint64_t)get16(p) << 32 | get32(p + 2);
}

static inline uint64_t get64(const uint8_t *p)
{
	return (uint64_t)get32(p) << 32 | get32(p + 4);
}

static inline void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void put24(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 16);
	put16(p + 1, v);
}

static inline void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static inline void put48(uint8_t *p, uint64_t v)
{
	put16(p, (uint32_t)(v >> 32));
	put32(p + 2, (uint32_t)v);
}

static inline void put64(uint8_t *p, uint64_t v)
{
	put32(p, (uint32_t)(v >> 32));
	put32(p + 4, (uint32_t)v);
}

#endif
