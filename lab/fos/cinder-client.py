# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenStack Cinder's REST client for Brocade zones against a running fos:
cinder-client.py FOLDER URL USER PASSWORD-FILE [at-once|one-by-one N]
With a number it adds so many zones, as Cinder's zone driver does for one connection with so many pairs or for so many
connections, and prints the seconds that this took.  Else it tries what there is, and prints what went well.
FOLDER holds the package cinder as Debian has it; of all its own modules only the Brocade driver's are used.  Two mistakes of that
client are worked around: it takes the keys of a dict for a list, and gives sets to json."""
import json
import os
import sys
import types

sys.dont_write_bytecode = True
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from cinder_pace import measure  # noqa: E402

folder, address, user, password_file = sys.argv[1:5]
BASE = folder + "/cinder/zonemanager/drivers/brocade"


def module(name, path=None, **members):
    m = types.ModuleType(name)
    if path:
        m.__path__ = [path]
    m.__dict__.update(members)
    sys.modules[name] = m
    return m


class DriverError(Exception):
    def __init__(self, **kwargs):
        super().__init__(str(kwargs))


module("cinder", folder + "/none")
module("cinder.i18n", _=lambda text: text)
exception = module("cinder.exception", __getattr__=lambda name: DriverError)  # all that the driver derives its own from
sys.modules["cinder"].exception = exception
module("cinder.zonemanager", folder + "/none")
module("cinder.zonemanager.drivers", folder + "/none")
module("cinder.zonemanager.drivers.brocade", BASE)
from cinder.zonemanager.drivers.brocade import brcd_rest_fc_zone_client as brcd  # noqa: E402


class Keys(dict):
    def keys(self):
        return list(dict.keys(self))


class Client(brcd.BrcdRestFCZoneClient):
    def _get_effective_zone_set(self):
        active, checksum = super()._get_effective_zone_set()
        return dict(active, zones=Keys(active["zones"])), checksum


brcd.json = types.SimpleNamespace(dumps=lambda v: json.dumps(v, default=sorted), loads=json.loads)

with open(password_file, encoding="utf-8") as f:
    password = f.read().strip()
A, B, C = ("10:00:00:00:00:00:00:0%d" % n for n in (1, 2, 3))


def login(secret=password):
    return Client(address, user, secret, None, None, brcd.fc_zone_constants.REST_HTTPS)


def add(zones):
    """What Cinder's zone driver does for a connection: a session, what is in force, the zones, the end of the session."""
    client = login()
    client.get_active_zone_set()
    client.add_zones(zones, True)
    client.cleanup()


def try_all():
    client = login()
    assert client.is_supported_firmware()
    assert sorted(client.get_nameserver_info()) == [A, B], client.get_nameserver_info()
    before = client.get_active_zone_set()
    assert before["active_zone_config"] == "prod" and list(before["zones"]) == ["first"], before
    client.add_zones({"openstack_one": [A, B], "openstack_two": [B, C]}, True)
    after = client.get_active_zone_set()["zones"]
    assert sorted(after) == ["first", "openstack_one", "openstack_two"] and after["openstack_one"] == [A, B], after
    client.update_zones({"openstack_one": [B]}, True, "REMOVE")
    assert client.get_active_zone_set()["zones"]["openstack_one"] == A, client.get_active_zone_set()  # a list of one is no list
    client.delete_zones("openstack_two", True)
    assert sorted(client.get_active_zone_set()["zones"]) == ["first", "openstack_one"]
    client.cleanup()
    try:
        login("wrong")
        raise SystemExit("a wrong password was let in")
    except DriverError:
        pass
    print("cinder: login, firmware, name server, add, update, delete, logout")


if len(sys.argv) > 5:
    print(measure(add, sys.argv[5], int(sys.argv[6])))
else:
    try_all()
