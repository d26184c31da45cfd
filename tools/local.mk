## tools
EXTRA_DIST += tools/embed-sql.sh tools/lint.sh tools/packages.sh tools/update-conf-man .clang-format

## A report on style: it fails only for shell scripts and manual pages with faults.
lint:
	$(top_srcdir)/tools/lint.sh
.PHONY: lint
