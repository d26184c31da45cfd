/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A chain of records.  See chain.h.
 */
#include "chain.h"

#include "cleanup.h"
#include "json.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

void chain_begin(char hash[CHAIN_TEXT])
{
	memset(hash, '0', CHAIN_TEXT - 1);
	hash[CHAIN_TEXT - 1] = '\0';
}

void chain_next(char hash[CHAIN_TEXT], int64_t seq, const json_t *doc)
{
	_cleanup_(freep) char *text = json_canonical(doc);
	unsigned char out[32];
	crypto_generichash_state state;
	char number[24];

	snprintf(number, sizeof(number), "|%lld|", (long long)seq);
	crypto_generichash_init(&state, NULL, 0, sizeof(out));
	crypto_generichash_update(&state, (const unsigned char *)hash, CHAIN_TEXT - 1);
	crypto_generichash_update(&state, (const unsigned char *)number, strlen(number));
	crypto_generichash_update(&state, (const unsigned char *)text, strlen(text));
	crypto_generichash_final(&state, out, sizeof(out));
	sodium_bin2hex(hash, CHAIN_TEXT, out, sizeof(out));
}
