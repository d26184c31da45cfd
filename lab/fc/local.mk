## A room with Fibre Channel: scripts, run from the source folder.
EXTRA_DIST += lab/fc/README.md lab/fc/fc lab/fc/host-init lab/fc/room.py
