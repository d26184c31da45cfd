noinst_LIBRARIES += lib/librecast.a lib/libyamlfile.a
lib_librecast_a_CPPFLAGS = $(LIB_CPPFLAGS)
lib_librecast_a_SOURCES = lib/address.c lib/address.h lib/arena.c lib/arena.h lib/chain.c lib/chain.h lib/cleanup.h lib/clock.c lib/clock.h lib/env.h \
	lib/error.c lib/error.h lib/error_codes.def lib/frame.c lib/frame.h lib/json.c lib/json.h \
	lib/log.c lib/log.h lib/secret.c lib/secret.h lib/serverkey.c lib/serverkey.h lib/table.c lib/table.h lib/text.c lib/text.h
LIB_LIBS = lib/librecast.a $(JANSSON_LIBS) $(SODIUM_LIBS)

## Reading YAML is the business of persona(1) only: the core never sees it.
lib_libyamlfile_a_CPPFLAGS = $(LIB_CPPFLAGS) $(YAML_CFLAGS)
lib_libyamlfile_a_SOURCES = lib/yamlfile.c lib/yamlfile.h
YAML_LIB = lib/libyamlfile.a $(YAML_LIBS)
