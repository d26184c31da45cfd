#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# lint.sh: a report on style.  Layout and lengths are only counted; faults in shell scripts and manual pages fail.
# A tool that is not there is named and left out.
set -u
cd "$(dirname "$0")/.." || exit 1
bad=0
have() { command -v "$1" >/dev/null || { echo "$2: left out, there is no $1 (Debian: ${3:-$1})"; return 1; }; }
sources() { find lib orchestrator drivers cli tests -name '*.[ch]' | sort; }
scripts() {
	find check demo .ci tools lab tests cli -type f ! -path '*/.*' -print0 | xargs -0 awk 'FNR == 1 && /^#!.*(bash|\/sh)/ {print FILENAME}'
	find lab -name '*.sh'
}

if have clang-format layout; then
	sources | while read -r f; do echo "$(clang-format --output-replacements-xml "$f" | grep -c '<replacement ') $f"; done |
		awk '{n += $1; clean += $1 == 0; if ($1 > most) {most = $1; where = $2}}
			END {printf "layout: %d of %d files as clang-format has them; %d places differ, most in %s (%d)\n", clean, NR, n, where, most}'
fi
sources | xargs awk 'length > 100 {n++} END {printf "columns: %d lines longer than 100\n", n}'

if have ctags lengths universal-ctags && ctags --version | grep -q Universal; then
	# shellcheck disable=SC2046
	ctags -f - --languages=C --kinds-C=f --fields=+ne $(sources) | grep -v '	tests/' |
		sed -n 's/^\([^\t]*\)\t\([^\t]*\)\t.*line:\([0-9]*\).*end:\([0-9]*\).*/\1 \2 \3 \4/p' |
		awk '{print $4 - $3 + 1, $1, $2}' | sort -n |
		awk '{len[NR] = $1; name[NR] = $2 " in " $3}
			END {printf "functions: %d; median %d lines, nine in ten at most %d, longest %d\n", NR, len[int((NR + 1) / 2)], len[int(NR * 0.9)], len[NR]
			for (i = NR; i > 0 && len[i] > 60; i--) printf "  %d lines: %s\n", len[i], name[i]}'
fi

if have shellcheck shell; then
	# Variables that a sourced file or udhcpc sets or uses are no faults.
	found=$(scripts | sort -u | xargs shellcheck -x -S warning -e SC2034,SC2154 -f gcc)
	echo "shell: $(printf '%s' "$found" | grep -c .) complaints"
	[ -z "$found" ] || { printf '%s\n' "$found"; bad=1; }
fi

if have mandoc manuals; then
	# Pages refer to each other and to other packages, installed or not.
	found=$(mandoc -T lint man/*.[1-9] 2>&1 | grep -vE 'referenced manual not found|outdated mandoc.db lacks')
	echo "manuals: $(printf '%s' "$found" | grep -c .) complaints"
	[ -z "$found" ] || { printf '%s\n' "$found"; bad=1; }
fi
exit $bad
