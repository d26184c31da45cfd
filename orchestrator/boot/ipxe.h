/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * iPXE scripts, pure: a boot plan in, a script out.  iPXE has no quoting that is safe for every byte, so a
 * value goes in only when each of its characters is harmless in iPXE's grammar; anything else makes a
 * script that refuses.
 */
#ifndef RECAST_IPXE_H
#define RECAST_IPXE_H

#include <stdbool.h>
#include <stdint.h>

struct boot_plan {
	const char *persona, *machine;
	int64_t generation;
	const char *base_url;	 /* "http://10.1.0.1:8080" */
	const char *storage_mac; /* of the NIC that carries the disk */
	const char *address, *netmask, *gateway; /* of that NIC; gateway may be NULL */
	const char *initiator;	 /* IQN */
	const char *user, *secret; /* CHAP */
	const char *portal;	 /* "10.1.0.9" */
	int port;
	const char *target; /* IQN */
	int lun;
};

/* Whether @value may stand in a script as one word. */
bool ipxe_is_safe(const char *value);

/* The script that attaches and boots the LUN, by the first of @n paths (NIC and portal; all else is that of plan[0]) that
 * answers; heap, to be freed (and wiped: it holds the secret). */
char *ipxe_boot_script(const struct boot_plan *plans, int n);

/* A script that tells @sentence and stops; unsafe characters of it are replaced. */
char *ipxe_refusal(const char *sentence);

#endif
