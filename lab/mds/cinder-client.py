#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenStack Cinder's client for the zones of a Cisco MDS against mds-shell behind sshd, VSAN 10:
cinder-client.py PASSWORD PORT KNOWN-HOSTS STATE-FOLDER [at-once|one-by-one N]
With a number it adds so many zones, as Cinder's zone driver does for one connection with so many pairs or for so many
connections, and prints the seconds that this took.  Else it reads, adds and deletes one, and prints what it saw as JSON."""
import json
import os
import sys

from oslo_config import cfg
from cinder.common import config  # noqa: F401, registers the options
from cinder import ssh_utils  # noqa: F401

sys.dont_write_bytecode = True
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from cinder_pace import measure  # noqa: E402

password, port, known, state = sys.argv[1:5]
cfg.CONF(["--config-file", "/dev/null"])
cfg.CONF.set_override("ssh_hosts_key_file", known)
cfg.CONF.set_override("state_path", state)
from cinder.zonemanager.drivers.cisco.cisco_fc_zone_client_cli import CiscoFCZoneClientCLI  # noqa: E402


def login():
    return CiscoFCZoneClientCLI("127.0.0.1", "root", password, port, "10")


def add(zones):
    """What Cinder's zone driver does for a connection: each of the three with a login of its own."""
    def ask(what):
        c = login()
        try:
            return what(c)
        finally:
            c.cleanup()

    status, active = ask(lambda c: c.get_zoning_status()), ask(lambda c: c.get_active_zone_set())
    ask(lambda c: c.add_zones(zones, True, "10", active, status))


def try_all():
    c = login()
    out = {"status": c.get_zoning_status(), "before": c.get_active_zone_set(), "names": c.get_nameserver_info()}
    c.add_zones({"openstack7": ["10:00:00:00:c9:00:00:07", "50:00:00:00:00:00:00:07"]}, True, "10", out["before"], out["status"])
    out["after"] = c.get_active_zone_set()
    c.delete_zones("openstack7", True, "10", out["after"], c.get_zoning_status())
    out["end"] = c.get_active_zone_set()
    print(json.dumps(out))


if len(sys.argv) > 5:
    print(measure(add, sys.argv[5], int(sys.argv[6])))
else:
    try_all()
