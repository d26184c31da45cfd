## drivers: programs that the core starts.  A driver sees lib/, the kit and its own folder, never orchestrator/.
DRIVER_CPPFLAGS = $(LIB_CPPFLAGS) -I$(top_srcdir)/drivers/sdk
# Bound at start: a late binding saves the vector registers, and with them pieces of secrets, on whatever stack it meets.
DRIVER_LINKING = $(AM_LDFLAGS) -Wl,-z,relro,-z,now
DRIVER_LIBS = drivers/libdriversdk.a $(LIB_LIBS) -lpthread

noinst_LIBRARIES += drivers/libdriversdk.a
drivers_libdriversdk_a_CPPFLAGS = $(DRIVER_CPPFLAGS)
drivers_libdriversdk_a_SOURCES = drivers/sdk/driver.h drivers/sdk/kit.h drivers/sdk/protocol.c \
	drivers/sdk/request.c drivers/sdk/worker.c drivers/sdk/options.c drivers/sdk/result.c \
	drivers/sdk/port.c drivers/sdk/port.h drivers/sdk/map.c drivers/sdk/map.h drivers/sdk/watch.c \
	drivers/sdk/lock.c drivers/sdk/zone.c drivers/sdk/zone.h

if HAVE_CMOCKA
DRIVER_TESTS = tests/unit/test_driver_port tests/unit/test_driver_zone tests/unit/test_driver_tgt tests/unit/test_driver_jsonrpc \
	tests/unit/test_driver_shell
check_PROGRAMS += $(DRIVER_TESTS)
TESTS += $(DRIVER_TESTS)
endif
tests_unit_test_driver_port_CPPFLAGS = $(DRIVER_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_driver_port_LDADD = $(DRIVER_LIBS) $(CMOCKA_LIBS)
tests_unit_test_driver_port_SOURCES = tests/unit/test_driver_port.c
tests_unit_test_driver_zone_CPPFLAGS = $(DRIVER_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_driver_zone_LDADD = $(DRIVER_LIBS) $(CMOCKA_LIBS)
tests_unit_test_driver_zone_SOURCES = tests/unit/test_driver_zone.c
tests_unit_test_driver_tgt_CPPFLAGS = $(DRIVER_CPPFLAGS) -I$(top_srcdir)/drivers/storage \
	-I$(top_srcdir)/drivers/transport $(CMOCKA_CFLAGS)
tests_unit_test_driver_tgt_LDADD = $(TRANSPORT_LIBS) $(DRIVER_LIBS) $(CMOCKA_LIBS)
tests_unit_test_driver_tgt_SOURCES = tests/unit/test_driver_tgt.c drivers/storage/tgt_view.c \
	drivers/storage/tgt_ipc.c drivers/storage/tgt_link.c
tests_unit_test_driver_jsonrpc_CPPFLAGS = $(DRIVER_CPPFLAGS) -I$(top_srcdir)/drivers/transport \
	$(CMOCKA_CFLAGS)
tests_unit_test_driver_jsonrpc_LDADD = $(TRANSPORT_LIBS) $(DRIVER_LIBS) $(CMOCKA_LIBS)
tests_unit_test_driver_jsonrpc_SOURCES = tests/unit/test_driver_jsonrpc.c
tests_unit_test_driver_shell_CPPFLAGS = $(DRIVER_CPPFLAGS) -I$(top_srcdir)/drivers/transport $(CMOCKA_CFLAGS)
tests_unit_test_driver_shell_LDADD = $(TRANSPORT_LIBS) $(DRIVER_LIBS) $(CMOCKA_LIBS)
tests_unit_test_driver_shell_SOURCES = tests/unit/test_driver_shell.c

EXTRA_DIST += doc/examples/recast-driver-lamp doc/driver-protocol.md tests/conformance/run \
	tests/conformance/cases.py tests/conformance/cases_bmc.py tests/conformance/cases_fabric.py tests/conformance/cases_storage.py \
	tests/conformance/cases_switch.py tests/conformance/client.py tests/conformance/initiator.py tests/conformance/peer.py \
	tests/conformance/peer_brocade.py tests/conformance/peer_lamp.py tests/conformance/peer_lio.py \
	tests/conformance/peer_lio_kernel.py tests/conformance/peer_mds.py tests/conformance/peer_mock.py \
	tests/conformance/peer_ovsdb.py tests/conformance/peer_probe.py tests/conformance/peer_tgt.py \
	tests/conformance/peer_tgt_ssh.py tests/conformance/sandbox.py tests/conformance/sshd.py
dist_man_MANS += man/recast-driver.7

recastlibexec_PROGRAMS += recast-driver-mock
recast_driver_mock_LDFLAGS = $(DRIVER_LINKING)
recast_driver_mock_CPPFLAGS = $(DRIVER_CPPFLAGS) -I$(top_srcdir)/drivers/mock -I$(top_srcdir)/drivers/transport
recast_driver_mock_LDADD = drivers/libtransport.a $(DRIVER_LIBS)
recast_driver_mock_SOURCES = drivers/mock/mock.c drivers/mock/mock.h drivers/mock/rack.c \
	drivers/mock/fault.c drivers/mock/fault_kinds.def drivers/mock/switch.c drivers/mock/fabric.c drivers/mock/storage.c \
	drivers/mock/bmc.c drivers/mock/security.c drivers/mock/sim.c

recastlibexec_PROGRAMS += recast-driver-password
recast_driver_password_LDFLAGS = $(DRIVER_LINKING)
recast_driver_password_CPPFLAGS = $(DRIVER_CPPFLAGS)
recast_driver_password_LDADD = $(DRIVER_LIBS)
recast_driver_password_SOURCES = drivers/password/password.c

recastlibexec_PROGRAMS += recast-driver-probe
recast_driver_probe_LDFLAGS = $(DRIVER_LINKING)
recast_driver_probe_CPPFLAGS = $(DRIVER_CPPFLAGS)
recast_driver_probe_LDADD = $(DRIVER_LIBS)
recast_driver_probe_SOURCES = drivers/probe/probe.c

## What more than one driver says to its devices.
noinst_LIBRARIES += drivers/libtransport.a
drivers_libtransport_a_CPPFLAGS = $(LIB_CPPFLAGS) $(SSL_CFLAGS) $(SSH_CFLAGS) $(CURL_CFLAGS)
TRANSPORT_LIBS = drivers/libtransport.a $(SSL_LIBS) $(SSH_LIBS)
drivers_libtransport_a_SOURCES = drivers/transport/stream.c drivers/transport/stream.h drivers/transport/stream_kind.h \
	drivers/transport/stream_program.c \
	drivers/transport/jsonrpc.c drivers/transport/jsonrpc.h drivers/transport/pin.c drivers/transport/pin.h drivers/transport/tls.c \
	drivers/transport/tls_key.c drivers/transport/tls_key.h drivers/transport/https.c drivers/transport/https.h \
	drivers/transport/ssh.h drivers/transport/ssh_address.c \
	drivers/transport/screen.c drivers/transport/screen.h drivers/transport/shell.c drivers/transport/shell.h
if HAVE_LIBSSH
drivers_libtransport_a_SOURCES += drivers/transport/ssh.c drivers/transport/ssh_wire.h drivers/transport/ssh_libssh.c
else
if HAVE_LIBSSH2
drivers_libtransport_a_SOURCES += drivers/transport/ssh.c drivers/transport/ssh_wire.h drivers/transport/ssh_libssh2.c
else
drivers_libtransport_a_SOURCES += drivers/transport/ssh_none.c
endif
endif

recastlibexec_PROGRAMS += recast-driver-ovsdb
recast_driver_ovsdb_LDFLAGS = $(DRIVER_LINKING)
recast_driver_ovsdb_CPPFLAGS = $(DRIVER_CPPFLAGS) -I$(top_srcdir)/drivers/transport
recast_driver_ovsdb_LDADD = $(TRANSPORT_LIBS) $(DRIVER_LIBS)
recast_driver_ovsdb_SOURCES = drivers/switch/ovsdb.c drivers/switch/ovsdb.h drivers/switch/ovsdb_link.c \
	drivers/switch/ovsdb_view.c drivers/switch/ovsdb_write.c drivers/switch/ovsdb_mac.c \
	drivers/switch/ovsdb_apply.c drivers/switch/ovsdb_watch.c

recastlibexec_PROGRAMS += recast-driver-brocade
recast_driver_brocade_LDFLAGS = $(DRIVER_LINKING)
recast_driver_brocade_CPPFLAGS = $(DRIVER_CPPFLAGS) -I$(top_srcdir)/drivers/transport
recast_driver_brocade_LDADD = $(TRANSPORT_LIBS) $(CURL_LIBS) $(DRIVER_LIBS)
recast_driver_brocade_SOURCES = drivers/fabric/brocade.c drivers/fabric/brocade.h drivers/fabric/brocade_session.c \
	drivers/fabric/brocade_read.c drivers/fabric/brocade_view.c drivers/fabric/brocade_plan.c drivers/fabric/brocade_commit.c \
	drivers/fabric/brocade_apply.c drivers/fabric/brocade_document.c

recastlibexec_PROGRAMS += recast-driver-tgt
recast_driver_tgt_LDFLAGS = $(DRIVER_LINKING)
recast_driver_tgt_CPPFLAGS = $(DRIVER_CPPFLAGS) -I$(top_srcdir)/drivers/transport
recast_driver_tgt_LDADD = $(TRANSPORT_LIBS) $(DRIVER_LIBS)
recast_driver_tgt_SOURCES = drivers/storage/tgt.c drivers/storage/tgt.h drivers/storage/tgt_ipc.c drivers/storage/tgt_link.c \
	drivers/storage/tgt_view.c drivers/storage/tgt_map.c drivers/storage/tgt_target.c \
	drivers/storage/tgt_volume.c drivers/storage/tgt_clone.c

recastlibexec_PROGRAMS += recast-driver-mds
recast_driver_mds_LDFLAGS = $(DRIVER_LINKING)
recast_driver_mds_CPPFLAGS = $(DRIVER_CPPFLAGS) -I$(top_srcdir)/drivers/transport
recast_driver_mds_LDADD = $(TRANSPORT_LIBS) $(DRIVER_LIBS)
recast_driver_mds_SOURCES = drivers/fabric/mds.c drivers/fabric/mds.h drivers/fabric/mds_link.c drivers/fabric/mds_read.c \
	drivers/fabric/mds_wish.c drivers/fabric/mds_view.c drivers/fabric/mds_edit.c drivers/fabric/mds_zone.c \
	drivers/fabric/mds_port.c

recastlibexec_PROGRAMS += recast-driver-lio
recast_driver_lio_LDFLAGS = $(DRIVER_LINKING)
recast_driver_lio_CPPFLAGS = $(DRIVER_CPPFLAGS) -I$(top_srcdir)/drivers/transport
recast_driver_lio_LDADD = $(TRANSPORT_LIBS) $(DRIVER_LIBS)
recast_driver_lio_SOURCES = drivers/storage/lio.c drivers/storage/lio.h drivers/storage/lio_link.c \
	drivers/storage/lio_reply.c

## What that one starts on the machine of the array.  It includes neither the transports nor the driver.
recastlibexec_PROGRAMS += recast-lio-target
recast_lio_target_LDFLAGS = $(DRIVER_LINKING)
recast_lio_target_CPPFLAGS = $(DRIVER_CPPFLAGS)
recast_lio_target_LDADD = $(DRIVER_LIBS)
LIO_TARGET = drivers/storage/lio-target/backstore.c drivers/storage/lio-target/copy.c drivers/storage/lio-target/fc.c \
	drivers/storage/lio-target/iscsi.c drivers/storage/lio-target/lun.c drivers/storage/lio-target/map.c \
	drivers/storage/lio-target/state.c drivers/storage/lio-target/target.h drivers/storage/lio-target/tree.c \
	drivers/storage/lio-target/view.c drivers/storage/lio-target/volume.c drivers/storage/lio-target/wish.c
recast_lio_target_SOURCES = drivers/storage/lio-target/target.c $(LIO_TARGET)

include drivers/bmc/local.mk

## What the conformance suite needs beside the drivers.
noinst_PROGRAMS += tests/conformance/remote-exec
tests_conformance_remote_exec_CPPFLAGS = $(LIB_CPPFLAGS) -I$(top_srcdir)/drivers/transport
tests_conformance_remote_exec_LDADD = $(TRANSPORT_LIBS) $(LIB_LIBS)
tests_conformance_remote_exec_SOURCES = tests/conformance/remote-exec.c
