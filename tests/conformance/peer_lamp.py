# SPDX-License-Identifier: GPL-3.0-or-later
"""The lamp: the example of a driver in another language must pass what every driver must."""
import os
import shutil

import sandbox
from peer import Peer

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../doc/examples")


class LampPeer(Peer):
    driver = "lamp"
    cls = "bmc"
    off_is_slow = True

    def argv(self, libexec):
        return [os.path.join(EXAMPLES, "recast-driver-lamp")]

    def start(self):
        self.dir = sandbox.folder()
        self.lamps = {name: f"{self.dir}/{name}" for name in ("dev", "dev2", "mute", "other")}
        for path in self.lamps.values():
            with open(path, "w", encoding="utf-8") as f:
                f.write("off\n")

    def stop(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def options(self, name):
        return {"path": self.lamps[name]}

    def nobody_options(self):
        return {"path": f"{self.dir}/no-such-lamp"}

    def wishes(self, generation=1):
        return [{"object": "power", "set": {"power": "on"}}]

    def other_wishes(self, generation=2):
        return [{"object": "power", "set": {"power": "off"}}]

    def dump(self):
        with open(self.lamps["dev"], encoding="utf-8") as f:
            return f.read()


PEERS = [LampPeer]
