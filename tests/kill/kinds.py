# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of run that are killed: how the rack is before, what is asked for, how it has to end.  Called by run, which
makes a series of each kind and each system call of its list; case.py plays one case."""
import copy

import world

CALLS = ("fdatasync", "writev", "readv", "pwrite64")
# A commit writes up to twelve pages, each as a header and a page.  An odd step meets both, in every commit that
# matters; what waits a second for a proof that never comes is killed less often.
STRIDE, STRIDE_SLOW = 3, 7
PARKED = (dict(action="apply", persona="web", machine="node1"), dict(action="move", persona="web", machine="node2"),
          dict(action="release", persona="web"))
WEB1 = dict(action="apply", persona="web", machine="node1")
DB2 = dict(action="apply", persona="db", machine="node2")
MOVE = dict(action="move", persona="web", machine="node2")
BACK = dict(action="move", persona="web", machine="node1")
SWAP = {"action": "swap", "persona": "web", "with": "db"}
RELEASE = dict(action="release", persona="web")
NO_BOOT = ("node2-bmc", "deaf", "apply:power:no_boot")
ONCE = ("san1", "fickle", "apply:map:web:stiff:1:1")  # takes the map, and refuses when it is sent again
NO_UNDO = ("leaf1", "stiff", "apply:port:node2-eth1:stiff")


class Kind:
    """@before: wishes that make the site.  @wish: the body of POST /v1/runs.  @end: the states it may end in, in one text."""

    placed = None      # wiring when it is done: machine -> persona that plays on it
    after = ()         # wishes that must be done after it, with all faults gone
    faults = ()        # (device, name, spec) that the rack plays from the beginning
    held = ()          # machines that end in quarantine
    power = None       # machine: the wish is one for POST /v1/machines/{name}/power
    full_log = False   # the run makes the database take up its log
    again = None       # (kind, call, k): it begins as the one that was killed there, and is killed while it starts
    calls = CALLS      # the system calls that it is killed at
    case = None        # a class for cases that are played otherwise
    victim = None      # the child that is killed instead of recastd

    def __init__(self, name, before, wish, end="done", **more):
        self.name, self.before, self.wish, self.end = name, before, wish, end.split()
        vars(self).update(more)

    def stride(self, call):
        return 1 if call != "pwrite64" else STRIDE_SLOW if self.faults else STRIDE

    def key(self):
        return {} if self.power else {"Idempotency-Key": "the wish of " + self.name}

    def request(self):
        if self.power:
            return "/v1/machines/%s/power" % self.power, self.wish
        return "/v1/runs", self.wish

    def check_end(self, end, state, before):
        assert end in self.end, "the run ended " + end
        if end == "done":
            world.check_placed(state, self.placed)
        elif end == "rolled_back":
            world.check_as_before(state, before)
        else:
            world.check_held(state, self.held)


def like(kind, name, again):
    other = copy.copy(kind)
    other.name, other.again = name, again
    return other


def make():
    on1, on2 = {"node1": "web", "node2": None}, {"node1": None, "node2": "web"}
    kinds = [
        Kind("rollback", PARKED + (WEB1,), MOVE, "rolled_back", faults=(NO_BOOT,), after=(MOVE,)),
        Kind("quarantine", PARKED + (WEB1,), MOVE, "quarantined", faults=(NO_BOOT, NO_UNDO), held=("node1", "node2"),
             after=(WEB1, MOVE)),
        Kind("apply", PARKED, WEB1, placed=on1, after=(MOVE,)),
        # Killed between the deed and its record, the deed is repeated, refused, and has to be undone all the same.
        Kind("fickle", PARKED, WEB1, "done rolled_back", placed=on1, faults=(ONCE,), after=(WEB1, MOVE)),
        Kind("move", PARKED + (WEB1,), MOVE, placed=on2, after=(BACK,)),
        Kind("checkpoint", PARKED + (WEB1,), MOVE, placed=on2, after=(BACK,), full_log=True,
             calls=("fdatasync", "pwrite64")),
        Kind("swap", PARKED + (WEB1, DB2), SWAP, placed={"node1": "db", "node2": "web"}, after=(SWAP,)),
        Kind("release", PARKED + (WEB1,), RELEASE, placed={"node1": None, "node2": None}, after=(WEB1,)),
        Kind("power-off", PARKED + (WEB1,), {"power": "off"}, placed={"node1": "web:off", "node2": None}, power="node1",
             after=(WEB1, RELEASE)),
    ]
    by_name = {k.name: k for k in kinds}
    kinds += [like(by_name["move"], "move-again", ("move", "writev", 6)),
              like(by_name["rollback"], "rollback-again", ("rollback", "fdatasync", 10))]
    return kinds
