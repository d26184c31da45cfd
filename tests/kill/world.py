# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold in the rack: always, and at the end of a run.  Reads only the files of the mock driver; what the
controller says about itself proves nothing here.  Called by case.py."""
import json
import os

NATIVE = {"web": 110, "db": 120}
STORAGE, PARKING = 20, 4000


def history(dir):
    """Every state that the rack ever was in.  The last line is cut short when the driver died while writing."""
    try:
        with open(os.path.join(dir, "history")) as f:
            lines = f.read().split("\n")
    except FileNotFoundError:
        return []
    states = [json.loads(line) for line in lines[:-1]]
    return states


def powered(state):
    return {name[:-4]: bmc for name, bmc in state.get("bmcs", {}).items() if bmc.get("power") == "on"}


def check_always(state, vlans=NATIVE):
    """Two machines on one volume destroy it: this is what Recast exists to prevent."""
    on = powered(state)
    for array in state.get("arrays", {}).values():
        by_volume = {}
        for name, one in array.get("maps", {}).items():
            users = [m for m, bmc in on.items() if bmc.get("boot", {}).get("hint", {}).get("map") == name]
            logged_in = [m for m, bmc in on.items() if bmc.get("session", {}).get("map") == name]
            assert len(set(users + logged_in)) <= 1, "map %s serves %s at once" % (name, sorted(set(users + logged_in)))
            for volume in one["luns"].values():
                by_volume.setdefault(volume, []).append(name)
        for volume, maps in by_volume.items():
            assert len(maps) == 1, "volume %s is in maps %s at once" % (volume, maps)
    check_one_place(state, vlans)


def check_one_place(state, vlans):
    """An identity is on the network of one machine only: @vlans are those that belong to one persona."""
    for persona, vlan in vlans.items():
        places = {port.split("-")[0] for switch in state.get("switches", {}).values()
                  for port, config in switch.get("ports", {}).items() if config.get("native") == vlan}
        assert len(places) <= 1, "the ports of %s are wired for %s at once" % (sorted(places), persona)


def wiring(state):
    """What counts as wiring.  The stamp (owner, generation) only grows; a session comes and goes with the server."""
    ports = {n: {p: {k: v for k, v in port.items() if k not in ("owner", "generation")} for p, port in s["ports"].items()}
             for n, s in state.get("switches", {}).items()}
    maps = {n: {m: {k: v for k, v in one.items() if k not in ("generation", "sessions")} for m, one in a.get("maps", {}).items()}
            for n, a in state.get("arrays", {}).items() if n}
    power = {n: (b.get("power"), b.get("boot", {}).get("device")) for n, b in state.get("bmcs", {}).items()}
    return {"ports": ports, "maps": maps, "power": power}


def differences(got, wanted, path=""):
    if isinstance(got, dict) and isinstance(wanted, dict):
        return [d for k in sorted(set(got) | set(wanted))
                for d in differences(got.get(k), wanted.get(k), path + "/" + str(k))]
    return [] if got == wanted else ["%s: %r instead of %r" % (path, got, wanted)]


def check_as_before(state, before):
    found = differences(wiring(state), wiring(before))
    assert not found, "not wired as before the run: " + "; ".join(found)


def check_ports(state, machine, persona):
    ports = state["switches"]["leaf1"]["ports"]
    wanted = (NATIVE[persona], STORAGE) if persona else (PARKING, PARKING)
    found = tuple(ports["%s-eth%d" % (machine, i)]["native"] for i in (0, 1))
    assert found == wanted, "the ports of %s are in VLANs %s instead of %s" % (machine, found, wanted)


def check_placed(state, placement):
    """@placement: machine -> persona that plays on it, or None; "persona:off" when it is powered off."""
    maps = state["arrays"]["san1"]["maps"]
    wanted = {p.split(":")[0] for p in placement.values() if p}
    assert set(maps) == wanted, "there are maps %s instead of %s" % (sorted(maps), sorted(wanted))
    for machine, text in placement.items():
        persona, _, off = (text or ":off").partition(":")
        power = state["bmcs"][machine + "-bmc"]["power"]
        assert power == (off or "on"), "%s is %s" % (machine, power)
        check_ports(state, machine, persona)
        if persona:
            one = maps[persona]
            assert one["luns"] == {"1": persona + "-root"}, one
            assert len(one["sessions"]) == (0 if off else 1), "%s has sessions %s" % (persona, one["sessions"])


def check_held(state, machines):
    """Quarantined: off, and no way to any volume."""
    for machine in machines:
        power = state["bmcs"][machine + "-bmc"]["power"]
        assert power == "off", "%s is in quarantine and %s" % (machine, power)
    maps = state["arrays"]["san1"]["maps"]
    assert not maps, "maps %s are left" % sorted(maps)
