# SPDX-License-Identifier: GPL-3.0-or-later
"""Fibre Channel with real frames: hosts and array are guests with Debian's kernel (libfc, tcm_fc), fabric A has the face of a
Brocade switch and fabric B that of a Cisco MDS, and every frame between them goes through lab/fcf.  One room for all (lab/fc);
each test begins with nothing broken, and with a role playing where it asks for it."""
import os

import sandbox
import tap
from controller import Controller, wait_until
from room import ARRAY_WWPN, BOOT_PORT, CONTROLLER, Room


class World:
    """The room and its controller, made for the first test that asks and taken down by the runner."""
    instance = None

    def __init__(self, builddir):
        self.room = Room(builddir)
        os.mkdir(f"{self.room.folder}/controller")
        self.controller = Controller(builddir, dir=f"{self.room.folder}/controller", options=[f"boot_listen={CONTROLLER}:{BOOT_PORT}"])
        for name, value in self.room.secrets().items():
            self.controller.persona("secret", "set", name, "-", input=value).expect(0)
        self.controller.define(self.room.site(fab_a={"lock_wait": "8s"}, fab_b={"lock_wait": "8s"}), persona("web"))

    def close(self):
        World.instance = None
        try:
            self.controller.close()
        finally:
            self.room.close()


def persona(name, **more):
    return {"persona": name, "vhbas": {"hba0": {"fabric": "fab-a", "wwpn": "auto"}, "hba1": {"fabric": "fab-b", "wwpn": "auto"}},
            "volumes": {"root": {"array": "san1", "volume": f"{name}-root", "source": "golden", "lun": 1, "boot": True}},
            "boot": {"method": "hba"}, "shutdown": 0, "proof": {"within": "90s", "report": "up"}, **more}


def world(builddir):
    if World.instance is None:
        World.instance = World(builddir)
    return World.instance


def wwpns(c, name="web"):
    ids = c.api("GET", f"/v1/personas/{name}")[1]["identities"]
    return {i["for"]: i["value"] for i in ids if i["kind"] == "wwpn"}


def test_the_LUN_of_a_persona_is_there_after_apply_and_not_before(builddir):
    w = world(builddir)
    c, r = w.controller, w.room
    run = c.run_to_end(action="apply", persona="web", machine="node1")
    tap.equal(run["state"], "done", run)
