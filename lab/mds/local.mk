## The command line of a Cisco MDS: scripts, run from the source folder.
EXTRA_DIST += lab/mds/README.md lab/mds/cinder-client.py lab/mds/cli.py lab/mds/mds-shell lab/mds/selftest lab/mds/switch.py
