## drivers: programs that the core starts.  A driver sees lib/, the kit and its own folder, never orchestrator/.
DRIVER_CPPFLAGS = $(LIB_CPPFLAGS) -I$(top_srcdir)/drivers/sdk
DRIVER_LIBS = drivers/libdriversdk.a $(LIB_LIBS) -lpthread

noinst_LIBRARIES += drivers/libdriversdk.a
drivers_libdriversdk_a_CPPFLAGS = $(DRIVER_CPPFLAGS)
drivers_libdriversdk_a_SOURCES = drivers/sdk/driver.h drivers/sdk/kit.h drivers/sdk/protocol.c \
	drivers/sdk/request.c drivers/sdk/worker.c drivers/sdk/options.c drivers/sdk/result.c \
	drivers/sdk/port.c drivers/sdk/port.h drivers/sdk/map.c drivers/sdk/map.h

