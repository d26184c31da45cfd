## The power-loss rig: the real store on a simulated disk (tests/powerloss/README.md).
EXTRA_DIST += tests/powerloss/README.md tests/powerloss/run
check_PROGRAMS += tests/powerloss/recast-powerloss
tests_powerloss_recast_powerloss_CPPFLAGS = $(orchestrator_libstore_a_CPPFLAGS) -I$(top_srcdir)/tests/powerloss
tests_powerloss_recast_powerloss_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=open -Wl,--wrap=write -Wl,--wrap=fsync \
	-Wl,--wrap=link -Wl,--wrap=unlink -Wl,--wrap=close
tests_powerloss_recast_powerloss_LDADD = orchestrator/libstore.a $(LIB_LIBS) $(SQLITE_LIBS)
tests_powerloss_recast_powerloss_SOURCES = tests/powerloss/digest.c tests/powerloss/disk.c tests/powerloss/disk.h \
	tests/powerloss/faults.c tests/powerloss/image.c tests/powerloss/libc.c tests/powerloss/oplog.c \
	tests/powerloss/oplog.h tests/powerloss/powerloss.c tests/powerloss/rig.h tests/powerloss/shim.c \
	tests/powerloss/shim.h tests/powerloss/turn.c tests/powerloss/turn.h tests/powerloss/verify.c \
	tests/powerloss/verify.h tests/powerloss/workload.c tests/powerloss/workload.h tests/powerloss/worlds.c
