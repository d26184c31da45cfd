## Fuzz targets: one small program for each parser, with the flags of the layer that it tests.  Configured with
## --enable-fuzz-targets they are driven by libFuzzer, otherwise they play files.  tests/fuzz/run builds and runs them.
EXTRA_DIST += tests/fuzz/api tests/fuzz/api_judge.py tests/fuzz/api_schema.py tests/fuzz/run tests/fuzz/dictionaries \
	tests/fuzz/regressions tests/fuzz/seeds

if FUZZ_TARGETS
FUZZ_MAIN = $(FUZZ_ENGINE)
else
FUZZ_MAIN = tests/fuzz/libreplay.a
check_LIBRARIES += tests/fuzz/libreplay.a
endif
tests_fuzz_libreplay_a_CPPFLAGS = $(LIB_CPPFLAGS)
tests_fuzz_libreplay_a_SOURCES = tests/fuzz/fuzz.h tests/fuzz/replay.c
FUZZ_LIBS = $(FUZZ_MAIN) $(LIB_LIBS)

fuzz_targets = \
	tests/fuzz/fuzz_brocade tests/fuzz/fuzz_command tests/fuzz/fuzz_config tests/fuzz/fuzz_frame tests/fuzz/fuzz_http \
	tests/fuzz/fuzz_ipmi tests/fuzz/fuzz_ipxe tests/fuzz/fuzz_kit tests/fuzz/fuzz_lio tests/fuzz/fuzz_mds tests/fuzz/fuzz_model \
	tests/fuzz/fuzz_ovsdb tests/fuzz/fuzz_shell tests/fuzz/fuzz_sse tests/fuzz/fuzz_tgt tests/fuzz/fuzz_tls tests/fuzz/fuzz_words \
	tests/fuzz/fuzz_yaml
check_PROGRAMS += $(fuzz_targets)

tests_fuzz_fuzz_brocade_CPPFLAGS = $(recast_driver_brocade_CPPFLAGS) -I$(top_srcdir)/drivers/fabric
tests_fuzz_fuzz_brocade_LDADD = drivers/libtransport.a drivers/libdriversdk.a -lpthread $(CURL_LIBS) $(SSL_LIBS) $(FUZZ_LIBS)
tests_fuzz_fuzz_brocade_SOURCES = tests/fuzz/fuzz_brocade.c tests/fuzz/fuzz.h drivers/fabric/brocade_view.c \
	drivers/fabric/brocade_plan.c drivers/fabric/brocade_document.c drivers/fabric/brocade_session.c drivers/fabric/brocade_read.c

tests_fuzz_fuzz_command_CPPFLAGS = $(LIB_CPPFLAGS) -I$(top_srcdir)/cli
tests_fuzz_fuzz_command_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_command_SOURCES = tests/fuzz/fuzz_command.c tests/fuzz/fuzz.h cli/command.c cli/parse.c

tests_fuzz_fuzz_config_CPPFLAGS = $(LIB_CPPFLAGS) -I$(top_srcdir)/orchestrator -DSYSCONFDIR='"/etc"' -DSTATEDIR='"/var/lib/recast"' \
	-DRUNDIR='"/run/recast"' -DLIBEXECDIR='"$(recastlibexecdir)"'
tests_fuzz_fuzz_config_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz_config.c tests/fuzz/fuzz.h orchestrator/config.c

tests_fuzz_fuzz_frame_CPPFLAGS = $(LIB_CPPFLAGS)
tests_fuzz_fuzz_frame_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_frame_SOURCES = tests/fuzz/fuzz_frame.c tests/fuzz/fuzz.h

tests_fuzz_fuzz_http_CPPFLAGS = $(recast_front_CPPFLAGS) -I$(top_srcdir)/orchestrator/front
tests_fuzz_fuzz_http_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_http_SOURCES = tests/fuzz/fuzz_http.c tests/fuzz/fuzz.h orchestrator/front/http.c

tests_fuzz_fuzz_ipmi_CPPFLAGS = $(recast_driver_ipmi_CPPFLAGS) -I$(top_srcdir)/drivers/bmc
tests_fuzz_fuzz_ipmi_LDADD = $(FREEIPMI_LIBS) -lm $(FUZZ_LIBS)
tests_fuzz_fuzz_ipmi_SOURCES = tests/fuzz/fuzz_ipmi.c tests/fuzz/fuzz.h drivers/bmc/ipmi_info.c drivers/bmc/ipmi_sdr.c

tests_fuzz_fuzz_ipxe_CPPFLAGS = $(orchestrator_libboot_a_CPPFLAGS)
tests_fuzz_fuzz_ipxe_LDADD = orchestrator/libboot.a $(FUZZ_LIBS)
tests_fuzz_fuzz_ipxe_SOURCES = tests/fuzz/fuzz_ipxe.c tests/fuzz/fuzz.h

tests_fuzz_fuzz_kit_CPPFLAGS = $(DRIVER_CPPFLAGS)
tests_fuzz_fuzz_kit_LDADD = drivers/libdriversdk.a -lpthread $(FUZZ_LIBS)
tests_fuzz_fuzz_kit_SOURCES = tests/fuzz/fuzz_kit.c tests/fuzz/fuzz.h

tests_fuzz_fuzz_lio_CPPFLAGS = $(recast_driver_lio_CPPFLAGS) -I$(top_srcdir)/drivers/storage -I$(top_srcdir)/drivers/storage/lio-target
tests_fuzz_fuzz_lio_LDADD = drivers/libdriversdk.a -lpthread $(FUZZ_LIBS)
tests_fuzz_fuzz_lio_SOURCES = tests/fuzz/fuzz_lio.c tests/fuzz/fuzz.h drivers/storage/lio_reply.c $(LIO_TARGET)

tests_fuzz_fuzz_mds_CPPFLAGS = $(recast_driver_mds_CPPFLAGS) -I$(top_srcdir)/drivers/fabric
tests_fuzz_fuzz_mds_LDADD = drivers/libdriversdk.a -lpthread $(FUZZ_LIBS)
tests_fuzz_fuzz_mds_SOURCES = tests/fuzz/fuzz_mds.c tests/fuzz/fuzz.h drivers/fabric/mds_read.c

tests_fuzz_fuzz_model_CPPFLAGS = $(orchestrator_libmodel_a_CPPFLAGS)
tests_fuzz_fuzz_model_LDADD = orchestrator/libmodel.a $(FUZZ_LIBS)
tests_fuzz_fuzz_model_SOURCES = tests/fuzz/fuzz_model.c tests/fuzz/fuzz.h

tests_fuzz_fuzz_ovsdb_CPPFLAGS = $(recast_driver_ovsdb_CPPFLAGS) -I$(top_srcdir)/drivers/switch
tests_fuzz_fuzz_ovsdb_LDADD = drivers/libtransport.a drivers/libdriversdk.a -lpthread $(SSL_LIBS) $(FUZZ_LIBS)
tests_fuzz_fuzz_ovsdb_SOURCES = tests/fuzz/fuzz_ovsdb.c tests/fuzz/fuzz.h drivers/switch/ovsdb_link.c drivers/switch/ovsdb_view.c

tests_fuzz_fuzz_shell_CPPFLAGS = $(LIB_CPPFLAGS) -I$(top_srcdir)/drivers/transport
tests_fuzz_fuzz_shell_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_shell_SOURCES = tests/fuzz/fuzz_shell.c tests/fuzz/fuzz.h drivers/transport/screen.c

tests_fuzz_fuzz_sse_CPPFLAGS = $(LIB_CPPFLAGS) -I$(top_srcdir)/cli
tests_fuzz_fuzz_sse_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_sse_SOURCES = tests/fuzz/fuzz_sse.c tests/fuzz/fuzz.h cli/sse.c

tests_fuzz_fuzz_tgt_CPPFLAGS = $(recast_driver_tgt_CPPFLAGS) -I$(top_srcdir)/drivers/storage
tests_fuzz_fuzz_tgt_LDADD = drivers/libtransport.a drivers/libdriversdk.a -lpthread $(SSH_LIBS) $(SSL_LIBS) $(FUZZ_LIBS)
tests_fuzz_fuzz_tgt_SOURCES = tests/fuzz/fuzz_tgt.c tests/fuzz/fuzz.h drivers/storage/tgt_ipc.c drivers/storage/tgt_link.c drivers/storage/tgt_view.c

tests_fuzz_fuzz_tls_CPPFLAGS = $(recast_front_CPPFLAGS) -I$(top_srcdir)/orchestrator/front
tests_fuzz_fuzz_tls_LDADD = $(EVENT_LIBS) $(SSL_LIBS) $(FUZZ_LIBS)
tests_fuzz_fuzz_tls_SOURCES = tests/fuzz/fuzz_tls.c tests/fuzz/fuzz.h orchestrator/front/tls.c

tests_fuzz_fuzz_words_CPPFLAGS = $(orchestrator_libmodel_a_CPPFLAGS) -I$(top_srcdir)/drivers/sdk
tests_fuzz_fuzz_words_LDADD = orchestrator/libmodel.a drivers/libdriversdk.a -lpthread $(FUZZ_LIBS)
tests_fuzz_fuzz_words_SOURCES = tests/fuzz/fuzz_words.c tests/fuzz/fuzz.h

tests_fuzz_fuzz_yaml_CPPFLAGS = $(lib_libyamlfile_a_CPPFLAGS)
tests_fuzz_fuzz_yaml_LDADD = $(YAML_LIB) $(FUZZ_LIBS)
tests_fuzz_fuzz_yaml_SOURCES = tests/fuzz/fuzz_yaml.c tests/fuzz/fuzz.h

## These two stand in the rack and the scene of the unit tests.
if HAVE_CMOCKA
check_PROGRAMS += tests/fuzz/fuzz_core tests/fuzz/fuzz_plan
endif
tests_fuzz_fuzz_core_CPPFLAGS = $(tests_sim_recast_sim_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_fuzz_fuzz_core_LDADD = $(tests_sim_recast_sim_LDADD) $(FUZZ_MAIN) $(LIB_LIBS) $(CMOCKA_LIBS)
tests_fuzz_fuzz_core_SOURCES = tests/fuzz/fuzz_core.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_plan_CPPFLAGS = $(orchestrator_libplan_a_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_fuzz_fuzz_plan_LDADD = orchestrator/libplan.a orchestrator/libmodel.a $(FUZZ_LIBS) $(CMOCKA_LIBS)
tests_fuzz_fuzz_plan_SOURCES = tests/fuzz/fuzz_plan.c tests/fuzz/fuzz.h
