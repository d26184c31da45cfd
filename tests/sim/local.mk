## The simulated world: virtual time, a store in memory, a room of devices.  Linked with the core into one process.
SIM_CPPFLAGS = $(LIB_CPPFLAGS) -I$(top_srcdir)/tests/sim -I$(top_srcdir)/orchestrator/store -I$(top_srcdir)/drivers/sdk
## libstore.a and libmemstore.a are two answers to one header: link one of them.
SIM_LIBS = tests/sim/libsim.a drivers/libdriversdk.a
check_LIBRARIES += tests/sim/libsim.a tests/sim/libmemstore.a

tests_sim_libsim_a_CPPFLAGS = $(SIM_CPPFLAGS)
tests_sim_libsim_a_SOURCES = tests/sim/faults.def tests/sim/rack.c tests/sim/rack.h tests/sim/rack_array.c \
	tests/sim/rack_bmc.c tests/sim/rack_driver.c tests/sim/rack_fabric.c tests/sim/rack_host.c tests/sim/rack_private.h \
	tests/sim/rack_request.c tests/sim/rack_request.h tests/sim/rack_session.c \
	tests/sim/rack_switch.c tests/sim/rack_world.c tests/sim/sim.c tests/sim/sim.h

tests_sim_libmemstore_a_CPPFLAGS = $(SIM_CPPFLAGS)
tests_sim_libmemstore_a_SOURCES = tests/sim/memrow.h tests/sim/memstore.c tests/sim/memstore.h \
	tests/sim/memstore_object.c tests/sim/memstore_record.c tests/sim/memstore_run.c

## The core in a story: its libraries as recastd has them, but for the store, the loop and the driver processes.
check_PROGRAMS += tests/sim/recast-sim
EXTRA_DIST += tests/sim/pinned tests/sim/run tests/sim/soak
tests_sim_recast_sim_CPPFLAGS = $(orchestrator_libservice_a_CPPFLAGS) -I$(top_srcdir)/tests/sim -I$(top_srcdir)/drivers/sdk
tests_sim_recast_sim_SOURCES = tests/sim/doors.c tests/sim/ends.c tests/sim/ledger.c tests/sim/ledger.h \
	tests/sim/main.c tests/sim/operator.c tests/sim/story.c tests/sim/story.h tests/sim/witness.c tests/sim/witness.h \
	tests/sim/witness_private.h
tests_sim_recast_sim_LDADD = orchestrator/libservice.a orchestrator/libengine.a orchestrator/libdispatch.a \
	orchestrator/libplan.a orchestrator/libaccess.a orchestrator/libmodel.a orchestrator/libboot.a tests/sim/libmemstore.a $(SIM_LIBS) $(LIB_LIBS)

## New stories for as long as wanted, on all cores: make soak MINUTES=60
MINUTES = 60
soak: tests/sim/recast-sim
	$(top_srcdir)/tests/sim/soak --builddir $(builddir) --minutes $(MINUTES)
.PHONY: soak

## Crash points: the same core, told by scripts, in a program that can go back.
check_PROGRAMS += tests/sim/recast-points
EXTRA_DIST += tests/sim/points-run
tests_sim_recast_points_CPPFLAGS = $(tests_sim_recast_sim_CPPFLAGS)
tests_sim_recast_points_SOURCES = tests/sim/doors.c tests/sim/ends.c tests/sim/judge.c tests/sim/ledger.c \
	tests/sim/ledger.h tests/sim/witness.c tests/sim/witness.h tests/sim/witness_private.h tests/sim/operator.c tests/sim/points.c tests/sim/script.c tests/sim/script.h \
	tests/sim/snap.c tests/sim/snap.h tests/sim/story.c tests/sim/story.h tests/sim/transitions.def
tests_sim_recast_points_LDADD = $(tests_sim_recast_sim_LDADD)
