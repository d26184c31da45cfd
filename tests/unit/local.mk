## Unit tests: one small cmocka program per module, each compiled with the flags of the layer that it tests.
EXTRA_DIST += tests/unit/run
if HAVE_CMOCKA
UNIT_CPPFLAGS = $(CMOCKA_CFLAGS) -I$(top_srcdir)/tests/unit -DSRCDIR='"$(abs_top_srcdir)"'
UNIT_LIBS = $(LIB_LIBS) $(CMOCKA_LIBS)

unit_programs = \
	tests/unit/test_access tests/unit/test_arena tests/unit/test_brake tests/unit/test_breaker tests/unit/test_clock tests/unit/test_confine tests/unit/test_engine tests/unit/test_etag tests/unit/test_key tests/unit/test_throttle \
	tests/unit/test_error tests/unit/test_frame tests/unit/test_ipxe tests/unit/test_json tests/unit/test_log tests/unit/test_memstore \
	tests/unit/test_persona tests/unit/test_fabric tests/unit/test_place tests/unit/test_plan tests/unit/test_problems tests/unit/test_resume \
	tests/unit/test_schema tests/unit/test_secret tests/unit/test_serverkey tests/unit/test_sim tests/unit/test_simrack tests/unit/test_site tests/unit/test_store \
	tests/unit/test_table tests/unit/test_text tests/unit/test_yamlfile
check_PROGRAMS += $(unit_programs)
TESTS += $(unit_programs)

tests_unit_test_access_CPPFLAGS = $(orchestrator_libaccess_a_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_access_LDADD = orchestrator/libaccess.a orchestrator/libmodel.a $(UNIT_LIBS)
tests_unit_test_access_SOURCES = tests/unit/test_access.c tests/unit/unit.h tests/unit/rack.h

tests_unit_test_arena_CPPFLAGS = $(LIB_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_arena_LDADD = $(UNIT_LIBS)
tests_unit_test_arena_SOURCES = tests/unit/test_arena.c tests/unit/unit.h

tests_unit_test_serverkey_CPPFLAGS = $(LIB_CPPFLAGS) -I$(top_srcdir)/drivers/transport $(UNIT_CPPFLAGS)
tests_unit_test_serverkey_LDADD = drivers/libtransport.a $(UNIT_LIBS)
tests_unit_test_serverkey_SOURCES = tests/unit/test_serverkey.c tests/unit/unit.h

tests_unit_test_etag_CPPFLAGS = $(orchestrator_libapi_a_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_etag_LDADD = $(UNIT_LIBS)
tests_unit_test_etag_SOURCES = tests/unit/test_etag.c tests/unit/unit.h orchestrator/api/etag.c
tests_unit_test_throttle_CPPFLAGS = $(orchestrator_libaccess_a_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_throttle_LDADD = orchestrator/libaccess.a $(UNIT_LIBS)
tests_unit_test_throttle_SOURCES = tests/unit/test_throttle.c tests/unit/unit.h
tests_unit_test_brake_CPPFLAGS = $(recast_front_CPPFLAGS) -I$(top_srcdir)/orchestrator/front $(UNIT_CPPFLAGS)
tests_unit_test_brake_LDADD = $(UNIT_LIBS)
tests_unit_test_brake_SOURCES = tests/unit/test_brake.c tests/unit/unit.h orchestrator/front/brake.c

tests_unit_test_breaker_CPPFLAGS = $(orchestrator_libdispatch_a_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_breaker_LDADD = $(UNIT_LIBS)
tests_unit_test_breaker_SOURCES = tests/unit/test_breaker.c tests/unit/unit.h

tests_unit_test_clock_CPPFLAGS = $(LIB_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_clock_LDADD = $(UNIT_LIBS)
tests_unit_test_clock_SOURCES = tests/unit/test_clock.c tests/unit/unit.h

tests_unit_test_confine_CPPFLAGS = $(recast_front_CPPFLAGS) -I$(top_srcdir)/orchestrator/front $(UNIT_CPPFLAGS)
tests_unit_test_confine_LDADD = $(UNIT_LIBS) $(SECCOMP_LIBS)
tests_unit_test_confine_SOURCES = tests/unit/test_confine.c tests/unit/unit.h orchestrator/front/confine.c

tests_unit_test_engine_CPPFLAGS = $(orchestrator_libengine_a_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_engine_LDADD = orchestrator/libengine.a $(UNIT_LIBS)
tests_unit_test_engine_SOURCES = tests/unit/test_engine.c tests/unit/unit.h tests/unit/world.h

tests_unit_test_error_CPPFLAGS = $(LIB_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_error_LDADD = $(UNIT_LIBS)
tests_unit_test_error_SOURCES = tests/unit/test_error.c tests/unit/unit.h

tests_unit_test_frame_CPPFLAGS = $(LIB_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_frame_LDADD = $(UNIT_LIBS)
tests_unit_test_frame_SOURCES = tests/unit/test_frame.c tests/unit/unit.h

tests_unit_test_ipxe_CPPFLAGS = $(orchestrator_libboot_a_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_ipxe_LDADD = orchestrator/libboot.a $(UNIT_LIBS)
tests_unit_test_ipxe_SOURCES = tests/unit/test_ipxe.c tests/unit/unit.h

tests_unit_test_json_CPPFLAGS = $(LIB_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_json_LDADD = $(UNIT_LIBS)
tests_unit_test_json_SOURCES = tests/unit/test_json.c tests/unit/unit.h

tests_unit_test_log_CPPFLAGS = $(LIB_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_log_LDADD = $(UNIT_LIBS)
tests_unit_test_log_SOURCES = tests/unit/test_log.c tests/unit/unit.h

tests_unit_test_memstore_CPPFLAGS = $(SIM_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_memstore_LDADD = tests/sim/libmemstore.a $(UNIT_LIBS)
tests_unit_test_memstore_SOURCES = tests/unit/test_memstore.c tests/unit/unit.h

tests_unit_test_persona_CPPFLAGS = $(orchestrator_libmodel_a_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_persona_LDADD = orchestrator/libmodel.a $(UNIT_LIBS)
tests_unit_test_persona_SOURCES = tests/unit/test_persona.c tests/unit/unit.h tests/unit/rack.h

tests_unit_test_plan_CPPFLAGS = $(orchestrator_libplan_a_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_plan_LDADD = orchestrator/libplan.a orchestrator/libmodel.a $(UNIT_LIBS)
tests_unit_test_plan_SOURCES = tests/unit/test_plan.c tests/unit/unit.h tests/unit/rack.h tests/unit/scene.h
tests_unit_test_fabric_CPPFLAGS = $(orchestrator_libplan_a_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_fabric_LDADD = orchestrator/libplan.a orchestrator/libmodel.a $(UNIT_LIBS)
tests_unit_test_fabric_SOURCES = tests/unit/test_fabric.c tests/unit/unit.h tests/unit/rack.h tests/unit/scene.h
tests_unit_test_place_CPPFLAGS = $(orchestrator_libplan_a_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_place_LDADD = orchestrator/libplan.a orchestrator/libmodel.a $(UNIT_LIBS)
tests_unit_test_place_SOURCES = tests/unit/test_place.c tests/unit/unit.h tests/unit/rack.h tests/unit/scene.h

tests_unit_test_problems_CPPFLAGS = $(orchestrator_libmodel_a_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_problems_LDADD = orchestrator/libmodel.a $(UNIT_LIBS)
tests_unit_test_problems_SOURCES = tests/unit/test_problems.c tests/unit/unit.h

tests_unit_test_resume_CPPFLAGS = $(orchestrator_libengine_a_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_resume_LDADD = orchestrator/libengine.a $(UNIT_LIBS)
tests_unit_test_resume_SOURCES = tests/unit/test_resume.c tests/unit/unit.h tests/unit/world.h

tests_unit_test_schema_CPPFLAGS = $(orchestrator_libengine_a_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_schema_LDADD = orchestrator/libengine.a $(UNIT_LIBS)
tests_unit_test_schema_SOURCES = tests/unit/test_schema.c tests/unit/unit.h

tests_unit_test_secret_CPPFLAGS = $(LIB_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_secret_LDADD = $(UNIT_LIBS)
tests_unit_test_secret_SOURCES = tests/unit/test_secret.c tests/unit/unit.h

tests_unit_test_sim_CPPFLAGS = $(SIM_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_sim_LDADD = tests/sim/libsim.a $(UNIT_LIBS)
tests_unit_test_sim_SOURCES = tests/unit/test_sim.c tests/unit/unit.h

tests_unit_test_simrack_CPPFLAGS = $(SIM_CPPFLAGS) -I$(top_srcdir)/orchestrator/model -I$(top_srcdir)/orchestrator/boot $(UNIT_CPPFLAGS)
tests_unit_test_simrack_LDADD = $(SIM_LIBS) orchestrator/libmodel.a orchestrator/libboot.a $(UNIT_LIBS)
tests_unit_test_simrack_SOURCES = tests/unit/test_simrack.c tests/unit/unit.h

tests_unit_test_site_CPPFLAGS = $(orchestrator_libmodel_a_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_site_LDADD = orchestrator/libmodel.a $(UNIT_LIBS)
tests_unit_test_site_SOURCES = tests/unit/test_site.c tests/unit/unit.h tests/unit/rack.h

tests_unit_test_key_CPPFLAGS = $(orchestrator_libstore_a_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_key_LDADD = orchestrator/libstore.a $(UNIT_LIBS) $(SQLITE_LIBS)
tests_unit_test_key_SOURCES = tests/unit/test_key.c tests/unit/unit.h
tests_unit_test_store_CPPFLAGS = $(orchestrator_libstore_a_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_store_LDADD = orchestrator/libstore.a $(UNIT_LIBS) $(SQLITE_LIBS)
tests_unit_test_store_SOURCES = tests/unit/test_store.c tests/unit/unit.h

tests_unit_test_table_CPPFLAGS = $(LIB_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_table_LDADD = $(UNIT_LIBS)
tests_unit_test_table_SOURCES = tests/unit/test_table.c tests/unit/unit.h

tests_unit_test_text_CPPFLAGS = $(LIB_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_text_LDADD = $(UNIT_LIBS)
tests_unit_test_text_SOURCES = tests/unit/test_text.c tests/unit/unit.h

tests_unit_test_yamlfile_CPPFLAGS = $(lib_libyamlfile_a_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_yamlfile_LDADD = $(YAML_LIB) $(UNIT_LIBS)
tests_unit_test_yamlfile_SOURCES = tests/unit/test_yamlfile.c tests/unit/unit.h
endif
