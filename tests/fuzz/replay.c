/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The main() of a fuzz target in a build without libFuzzer: every file that is named is handed to it once.  So seeds and
 * crashes that were found are played in any build, with any compiler and any sanitizer.
 */
#include "fuzz.h"

#include "text.h"

#include <errno.h>

enum { INPUT_MAX = 16 * 1024 * 1024 };

static int play(const char *path)
{
	size_t len;
	char *bytes = text_read_file(path, INPUT_MAX, &len);

	if (!bytes) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	fprintf(stderr, "Running: %s\n", path);
	LLVMFuzzerTestOneInput((const uint8_t *)bytes, len);
	free(bytes);
	return 0;
}

int main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (argv[i][0] != '-' && play(argv[i]))
			return 1;
	return 0;
}
