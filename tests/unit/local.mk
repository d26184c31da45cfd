## Unit tests: one small cmocka program per module, each compiled with the flags of the layer that it tests.
EXTRA_DIST += tests/unit/run
if HAVE_CMOCKA
UNIT_CPPFLAGS = $(CMOCKA_CFLAGS) -I$(top_srcdir)/tests/unit -DSRCDIR='"$(abs_top_srcdir)"'
UNIT_LIB_LIBS = $(LIB_LIBS) $(CMOCKA_LIBS)

unit_lib_programs = tests/unit/test_arena tests/unit/test_clock tests/unit/test_error tests/unit/test_frame \
	tests/unit/test_json tests/unit/test_secret tests/unit/test_table tests/unit/test_text tests/unit/test_yamlfile
check_PROGRAMS += $(unit_lib_programs)
TESTS += $(unit_lib_programs)

tests_unit_test_arena_CPPFLAGS = $(LIB_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_arena_LDADD = $(UNIT_LIB_LIBS)
tests_unit_test_arena_SOURCES = tests/unit/test_arena.c tests/unit/unit.h
tests_unit_test_clock_CPPFLAGS = $(LIB_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_clock_LDADD = $(UNIT_LIB_LIBS)
tests_unit_test_clock_SOURCES = tests/unit/test_clock.c tests/unit/unit.h
tests_unit_test_error_CPPFLAGS = $(LIB_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_error_LDADD = $(UNIT_LIB_LIBS)
tests_unit_test_error_SOURCES = tests/unit/test_error.c tests/unit/unit.h
tests_unit_test_frame_CPPFLAGS = $(LIB_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_frame_LDADD = $(UNIT_LIB_LIBS)
tests_unit_test_frame_SOURCES = tests/unit/test_frame.c tests/unit/unit.h
tests_unit_test_json_CPPFLAGS = $(LIB_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_json_LDADD = $(UNIT_LIB_LIBS)
tests_unit_test_json_SOURCES = tests/unit/test_json.c tests/unit/unit.h
tests_unit_test_secret_CPPFLAGS = $(LIB_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_secret_LDADD = $(UNIT_LIB_LIBS)
tests_unit_test_secret_SOURCES = tests/unit/test_secret.c tests/unit/unit.h
tests_unit_test_table_CPPFLAGS = $(LIB_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_table_LDADD = $(UNIT_LIB_LIBS)
tests_unit_test_table_SOURCES = tests/unit/test_table.c tests/unit/unit.h
tests_unit_test_text_CPPFLAGS = $(LIB_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_text_LDADD = $(UNIT_LIB_LIBS)
tests_unit_test_text_SOURCES = tests/unit/test_text.c tests/unit/unit.h
tests_unit_test_yamlfile_CPPFLAGS = $(lib_libyamlfile_a_CPPFLAGS) $(UNIT_CPPFLAGS)
tests_unit_test_yamlfile_LDADD = $(YAML_LIB) $(UNIT_LIB_LIBS)
tests_unit_test_yamlfile_SOURCES = tests/unit/test_yamlfile.c tests/unit/unit.h
endif
