## fos: scripts of the lab, run from the source folder.
EXTRA_DIST += lab/cinder_pace.py lab/fos/README.md lab/fos/cinder-client.py lab/fos/database.py lab/fos/fabric.py lab/fos/faults.py lab/fos/fos \
	lab/fos/media.py lab/fos/orders.py lab/fos/rest.py lab/fos/selftest
