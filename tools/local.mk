## tools
EXTRA_DIST += tools/embed-sql.sh tools/lint.sh tools/packages.sh tools/update-conf-man .clang-format

noinst_PROGRAMS += tools/embed-json
tools_embed_json_CPPFLAGS = $(LIB_CPPFLAGS) $(YAML_CFLAGS)
tools_embed_json_SOURCES = tools/embed-json.c
tools_embed_json_LDADD = $(YAML_LIB) $(LIB_LIBS)

## A report on style: it fails only for shell scripts and manual pages with faults.
lint:
	$(top_srcdir)/tools/lint.sh
.PHONY: lint
