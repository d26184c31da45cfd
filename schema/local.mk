MIGRATIONS = schema/sql/0001_first.sql schema/sql/0002_fence.sql schema/sql/0003_records.sql schema/sql/0004_records.sql schema/sql/0005_models.sql
EXTRA_DIST += $(MIGRATIONS)
dist_recastdata_DATA += schema/device/bmc.json schema/device/fabric.json schema/device/storage.json schema/device/switch.json

orchestrator/store/migrations.c: $(MIGRATIONS) $(top_srcdir)/tools/embed-sql.sh
	@$(MKDIR_P) orchestrator/store
	$(AM_V_GEN)$(top_srcdir)/tools/embed-sql.sh $(top_srcdir)/schema/sql > $@.tmp && mv $@.tmp $@
CLEANFILES += orchestrator/store/migrations.c

orchestrator/api/openapi.c: $(top_srcdir)/schema/api/openapi.yaml tools/embed-json$(EXEEXT)
	@$(MKDIR_P) orchestrator/api
	$(AM_V_GEN)tools/embed-json$(EXEEXT) $(top_srcdir)/schema/api/openapi.yaml openapi_json > $@.tmp && mv $@.tmp $@
CLEANFILES += orchestrator/api/openapi.c
