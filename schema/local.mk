EXTRA_DIST += schema/sql/0001_first.sql
dist_recastdata_DATA += $(wildcard $(srcdir)/schema/device/*.json)

orchestrator/store/migrations.c: $(top_srcdir)/schema/sql/0001_first.sql $(top_srcdir)/tools/embed-sql.sh
	@$(MKDIR_P) orchestrator/store
	$(AM_V_GEN)$(top_srcdir)/tools/embed-sql.sh $(top_srcdir)/schema/sql > $@.tmp && mv $@.tmp $@
CLEANFILES += orchestrator/store/migrations.c
