#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# embed-sql.sh DIR > migrations.c: the migrations of schema/sql as a C array.  Refuses a gap, a twin
# number and a name that is not NNNN_what.sql.
set -eu
dir=$1
expect=1
printf '/* Made by tools/embed-sql.sh; do not edit. */\n#include "migrations.h"\nconst char *const migrations[] = {\n'
for f in "$dir"/[0-9]*.sql; do
	base=${f##*/}
	number=${base%%_*}
	case $base in
	[0-9][0-9][0-9][0-9]_*.sql) ;;
	*) echo "embed-sql: $base is not NNNN_what.sql" >&2; exit 1 ;;
	esac
	if [ "$number" != "$(printf %04d $expect)" ]; then
		echo "embed-sql: expected number $(printf %04d $expect), found $base" >&2
		exit 1
	fi
	# Comments go, quotes and backslashes are escaped, each line becomes a string.
	sed -e 's/--.*$//' -e '/^[[:space:]]*$/d' -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$/\\n"/' "$f"
	printf ',\n'
	expect=$((expect + 1))
done
printf '};\nconst int n_migrations = %d;\n' $((expect - 1))
