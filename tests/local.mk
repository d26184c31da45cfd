## tests: `make check` runs the unit tests; ./check runs everything.
EXTRA_DIST += .ci/run tests/certificates.py tests/tap.py \
	tests/build/demo tests/build/docs tests/build/install tests/build/layers tests/build/units \
	tests/conformance/cases.py tests/conformance/cases_bmc.py tests/conformance/cases_storage.py \
	tests/conformance/cases_switch.py tests/conformance/client.py tests/conformance/peer.py \
	tests/conformance/ipmi.tsan tests/conformance/peer_ipmi.py tests/conformance/peer_lamp.py tests/conformance/peer_mock.py tests/conformance/peer_ovsdb.py \
	tests/conformance/peer_probe.py tests/conformance/peer_tgt.py tests/conformance/peer_tgt_ssh.py tests/conformance/run \
	tests/conformance/sandbox.py \
	tests/e2e/controller.py tests/e2e/rack.py tests/e2e/run-mock tests/e2e/test_access.py tests/e2e/test_api.py tests/e2e/test_context.py tests/e2e/test_drift.py tests/e2e/test_fabric.py tests/e2e/test_faults.py tests/e2e/test_fence.py tests/e2e/test_host.py tests/e2e/manager.py tests/e2e/test_login.py tests/e2e/test_mock.py tests/e2e/test_portals.py tests/e2e/test_secrets.py tests/e2e/test_tls.py tests/e2e/test_trust.py tests/e2e/test_volume.py \
	tests/e2e/wire.py tests/e2e/run-lab tests/e2e/test_lab.py tests/e2e/run-fc tests/e2e/test_fc.py \
	tests/kill/case.py tests/kill/core.py tests/kill/kinds.py tests/kill/others.py tests/kill/recovery.py tests/kill/run tests/kill/world.py \
	tests/service/box.py tests/service/run tests/service/test_service.py \
	tests/perf/api.py tests/perf/bench tests/perf/fabric.py tests/perf/ipmi-bench \
	tests/sabotage/README.md tests/sabotage/plants.txt tests/sabotage/run
include tests/powerloss/local.mk
include tests/sim/local.mk
include tests/unit/local.mk
include tests/fuzz/local.mk

## ./check has the name of a target, so as a part of EXTRA_DIST it would run the tests.
dist-hook:
	cp -p $(srcdir)/check $(distdir)/check

## Numbers on the simulated rack; the other bench where it is there.
bench: all
	$(top_srcdir)/tests/perf/bench --builddir $(builddir)
	@if [ -x $(top_srcdir)/tests/perf/ipmi-bench ]; then $(top_srcdir)/tests/perf/ipmi-bench --driver $(builddir)/recast-driver-ipmi; fi
.PHONY: bench
