/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Boot scripts (orchestrator/boot/ipxe.c): whatever the values are, a script has only lines of the kinds that we write,
 * and none of the characters that iPXE gives a meaning other than ours.
 */
#include "fuzz.h"

#include "ipxe.h"

FUZZ_TARGET

/* ${name} stands only as we write it; everything else is printable and has no meaning to iPXE. */
static void check_line(const char *line, size_t len)
{
	static const char *const words[] = { "#!ipxe", "echo ", "clear ", "iseq ", "isset ", "set ", "ifopen ", "imgfetch ",
					     "imgfree ", "sanboot ", "inc ", "sleep ", "goto ", "exit ", ":" };
	size_t i, n = sizeof(words) / sizeof(words[0]);

	for (i = 0; i < n && strncmp(line, words[i], strlen(words[i])); i++)
		;
	fuzz_assert(i < n);
	for (i = 0; i < len; i++) {
		fuzz_assert((unsigned char)line[i] >= 0x20 && (unsigned char)line[i] < 0x7f);
		fuzz_assert(!strchr("`\"'\\;!", line[i]) || !strncmp(line, "#!ipxe", 6));
		fuzz_assert(line[i] != '$' || !strncmp(line + i, "${recast_", 9) || !strncmp(line + i, "${net", 5) ||
			    !strncmp(line + i, "${uuid}", 7));
		fuzz_assert(line[i] != '#' || i == 0);
	}
}

static int check_script(const char *script)
{
	const char *line = script, *end;
	int lines = 0;

	fuzz_assert(!strncmp(script, "#!ipxe\n", 7));
	for (; *line; line = end + 1, lines++) {
		end = strchr(line, '\n');
		fuzz_assert(end);
		check_line(line, (size_t)(end - line));
	}
	return lines;
}

static void fuzz(const char *bytes, size_t len)
{
	enum { WITHOUT_GATEWAY = 41, REFUSAL = 4 };
	char *part[12], *script;
	int i, lines;

	for (i = 0; i < 12; i++)
		part[i] = fuzz_piece(&bytes, &len);
	struct boot_plan plan = { part[0], part[1], (int64_t)len - 5, part[2],	part[3], part[4],	 part[5], *part[6] ? part[6] : NULL,
				  part[7], part[8], part[9],	      part[10], 3260,	 part[11], (int)len };
	script = ipxe_boot_script(&plan, 1);
	lines = check_script(script);
	fuzz_assert(lines == WITHOUT_GATEWAY || (plan.gateway && lines == WITHOUT_GATEWAY + 1) || lines == REFUSAL);
	free(script);
	script = ipxe_refusal(part[0]);
	fuzz_assert(check_script(script) == REFUSAL);
	free(script);
	for (i = 0; i < 12; i++)
		free(part[i]);
}
