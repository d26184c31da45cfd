## lab: scripts, run from the source folder.
EXTRA_DIST += demo lab/README.md lab/lab lab/selftest lab/selftest-controller.py \
	lab/image/fast.py lab/image/initramfs-init lab/image/linux lab/image/root-dhcp lab/image/root-init \
	lab/image/unsign.py \
	lab/lib/array.sh lab/lib/chassis lab/lib/client.sh lab/lib/common.sh lab/lib/console.py lab/lib/fault.sh \
	lab/lib/httpget.py lab/lib/image.sh lab/lib/machine.sh lab/lib/net.sh lab/lib/provision.sh lab/lib/qmp.py \
	lab/lib/serial.py lab/lib/site.sh lab/lib/status.sh lab/lib/switch.sh \
	lab/mock-rack/site.yaml lab/mock-rack/personas/db.yaml lab/mock-rack/personas/linux-server.yaml \
	lab/mock-rack/personas/web.yaml
include lab/bmcsim/local.mk
include lab/fcf/local.mk
include lab/mds/local.mk
include lab/fos/local.mk
include lab/fc/local.mk
EXTRA_DIST += lab/lio/README.md lab/lio/array lab/lio/guest.py lab/lio/guest/array-dump lab/lio/guest/array-reset lab/lio/guest/init
