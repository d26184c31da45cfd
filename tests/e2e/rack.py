# SPDX-License-Identifier: GPL-3.0-or-later
"""Sites on the simulated rack of recast-driver-mock, and what the rack holds."""
import json
import os


def machine(name, n, rack, switch="leaf1", **more):
    mac = "52:54:00:%02x:%02x:" % (n >> 8, n & 255)
    return {"arch": "x86_64", "cores": 8, "memory": "32GiB",
            "bmc": {"driver": "mock", "nics": [mac + "01=%s/%s-eth0" % (switch, name)], "boot_vlan": 10, **rack},
            "nics": {"eth0": {"mac": mac + "01", "port": "%s/%s-eth0" % (switch, name)},
                     "eth1": {"mac": mac + "02", "port": "%s/%s-eth1" % (switch, name)}}, **more}


def site(dir, machines=3, **rack):
    """A site whose rack is kept in dir/rack.json, so that it outlives a killed driver."""
    rack = {"state": os.path.join(dir, "rack.json"), "control": os.path.join(dir, "control"), **rack}
    pools = {"web": 110, "db": 120, "storage": 20}
    return {"site": "test",
            "networks": {"provision": {"vlan": 10}, "parking": {"vlan": 4000},
                         **{n: {"vlan": v, "subnet": "10.66.%d.0/24" % v, "pool": "10.66.%d.10-10.66.%d.250" % (v, v)}
                            for n, v in pools.items()}},
            "boot": {"network": "provision", "url": "http://10.66.10.1:8080"},
            "switches": {"leaf1": {"driver": "mock", **rack}},
            "arrays": {"san1": {"driver": "mock", "portals": ["10.66.20.1:3260"], **rack}},
            "machines": {"node%d" % i: machine("node%d" % i, i, rack) for i in range(1, machines + 1)},
            "groups": {"blades": {"machines": ["node%d" % i for i in range(1, machines + 1)]}},
            "identities": {"mac": {"prod": "02:ca:57:00:00:00-02:ca:57:00:ff:ff"},
                           "iqn": {"prod": "iqn.2026-01.example:{persona}"}}}


def persona(name, network="web", **more):
    return {"persona": name, "vnics": {"eth0": {"network": network, "mac": "auto", "address": "auto"},
                                       "eth1": {"network": "storage", "address": "auto"}},
            "volumes": {"root": {"array": "san1", "volume": name + "-root", "source": "golden", "lun": 1, "boot": True}},
            "boot": {"method": "ipxe-iscsi", "network": "provision"}, "shutdown": 0,
            "proof": {"within": "10s", "serial": "PERSONA %s UP" % name}, **more}


ARRAY_A, ARRAY_B = "50:00:02:00:00:00:0a:01", "50:00:02:00:00:00:0b:01"


def fc_site(dir, machines=3, **rack):
    """The same with two fabrics: the array is on both, and so is each machine (port N of each for nodeN)."""
    doc = site(dir, machines, **rack)
    options = doc["switches"]["leaf1"]
    doc["fabrics"] = {"fab-a": {"lock_wait": "5s", **options}, "fab-b": {"lock_wait": "5s", **options}}
    doc["arrays"]["san1"]["wwpns"] = {"fab-a": [ARRAY_A], "fab-b": [ARRAY_B]}
    for i in range(1, machines + 1):
        doc["machines"]["node%d" % i]["hbas"] = {"hba0": {"port": "fab-a/%d" % i}, "hba1": {"port": "fab-b/%d" % i}}
    doc["identities"]["wwpn"] = {"prod": "20:00:02:ca:57:00:00:00-20:00:02:ca:57:00:ff:ff"}
    return doc


def fc_persona(name, **more):
    return persona(name, **{"vhbas": {"hba0": {"fabric": "fab-a", "wwpn": "auto"}, "hba1": {"fabric": "fab-b", "wwpn": "auto"}},
                            "boot": {"method": "hba"}, **more})


def state(dir):
    """What the rack holds, or {} before anything was written."""
    try:
        with open(os.path.join(dir, "rack.json")) as f:
            return json.load(f)
    except FileNotFoundError:
        return {}


def order(dir, device, object, **set):
    """Orders from outside, such as fault:NAME; the driver takes them at its next request."""
    path = os.path.join(dir, "control")
    try:
        os.rename(path, path + ".new")  # orders that were not taken yet come first
    except FileNotFoundError:
        pass
    with open(path + ".new", "a") as f:
        f.write(json.dumps({"device": device, "object": object, "set": set}) + "\n")
    os.rename(path + ".new", path)
