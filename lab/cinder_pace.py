# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast a client of OpenStack Cinder makes zones, for fos/cinder-client.py and mds/cinder-client.py."""
import time


def measure(add, how, n):
    """Seconds for n zones of one initiator and two targets: add() of all at once, or of one after the other (one-by-one)."""
    zones = {f"openstack{i}": ["20:00:02:ca:57:00:%02x:%02x" % divmod(i, 256), "50:00:02:00:00:00:0a:01", "50:00:02:00:00:00:0a:02"]
             for i in range(n)}
    began = time.monotonic()
    for part in [zones] if how == "at-once" else [{name: members} for name, members in zones.items()]:
        add(part)
    return time.monotonic() - began
