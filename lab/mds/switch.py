# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Cisco MDS holds: zones per VSAN, aliases, ports, logins.  One state file in a folder, locked for each command, so that
any number of sessions are one switch.  What takes time on the device (activations, commits) is settled by whoever looks next."""
import contextlib
import copy
import fcntl
import json
import os
import socket
import time

LIMIT = 2097152
SWWN = "20:00:02:0d:ec:00:00:01"


def new_vsan():
    return {"mode": "enhanced", "smart": False, "default": "deny", "full": {"zones": {}, "zonesets": {}}, "active": None,
            "session": None, "pending": None, "status": "", "limit": LIMIT}


def new_state(name="mds1", ports=8):
    vsans = {"1": new_vsan(), "10": new_vsan()}
    return {"name": name, "swwn": SWWN, "vsans": vsans, "aliases": {}, "logins": {}, "next_fcid": 0x010100,
            "ports": {f"fc1/{n}": {"enabled": True, "vsan": "10"} for n in range(1, ports + 1)},
            "startup": None, "trouble": {}, "counters": {"commands": 0, "activations": 0, "commits": 0, "saves": 0}}


CONFIG = ("vsans", "aliases", "ports")


def now_text():
    return time.strftime("%H:%M:%S UTC %b %d %Y", time.gmtime())


class Switch:
    """The state in @folder.  with switch.locked(): read and change switch.state."""

    def __init__(self, folder, fcf=None):
        self.folder, self.fcf, self.state = folder, fcf, None

    def create(self, **how):
        os.makedirs(self.folder, exist_ok=True)
        with open(f"{self.folder}/lock", "a", encoding="ascii"):
            pass
        self.state = new_state(**how)
        self.save_startup()
        self._write()
        return self

    @contextlib.contextmanager
    def locked(self):
        with open(f"{self.folder}/lock", "a", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with open(f"{self.folder}/state", encoding="utf-8") as f:
                before = f.read()
            self.state = json.loads(before)
            try:
                for vsan in self.state["vsans"]:
                    self.settle(vsan)
                yield self.state
            finally:
                if json.dumps(self.state) != before:
                    self._write()

    def _write(self):
        with open(f"{self.folder}/state.new", "w", encoding="utf-8") as f:
            json.dump(self.state, f)
        os.rename(f"{self.folder}/state.new", f"{self.folder}/state")

    def log(self, text):
        with open(f"{self.folder}/log", "a", encoding="utf-8") as f:
            f.write(f"{time.monotonic():.3f} {text}\n")

    def count(self, what):
        self.state["counters"][what] += 1

    # --- trouble on order ---

    def trouble(self, name):
        """The trouble of that name, if any is left of it; one less then."""
        t = self.state["trouble"].get(name)
        if not t:
            return None
        if isinstance(t, dict) and "n" in t:
            t = dict(t)
            self.state["trouble"][name]["n"] -= 1
            if self.state["trouble"][name]["n"] <= 0:
                del self.state["trouble"][name]
        return t

    # --- zones ---

    def size(self, db):
        return sum(8 + len(n) + sum(16 + len(m[1]) for m in z) for n, z in db["zones"].items()) + \
            sum(8 + len(n) + 4 * len(s) for n, s in db["zonesets"].items())

    def active_size(self, v):
        return self.size({"zones": v["active"]["zones"], "zonesets": {v["active"]["name"]: []}}) if v["active"] else 0

    def session_db(self, vsan, user):
        """The zones that this user edits: those of his session, which his first edit opens; None: it is another's."""
        v = self.state["vsans"][vsan]
        if v["mode"] == "basic":
            return None if v["pending"] else v["full"]
        if v["pending"]:
            return None
        if not v["session"]:
            v["session"] = {"user": user, "since": time.time(), "until": None, "db": copy.deepcopy(v["full"]), "activate": None,
                            "deactivate": False}
            self.log(f"lock vsan={vsan} user={user}")
        return v["session"]["db"] if v["session"]["user"] == user and not v["session"].get("from") else None

    def start(self, vsan, what, user, name=None):
        """Something that is asynchronous has begun: an activation (basic) or a commit (enhanced)."""
        v = self.state["vsans"][vsan]
        how = self.trouble("commit") or {}
        v["pending"] = {"what": what, "at": time.time() + how.get("slow_ms", 0) / 1000, "fail": how.get("fail"), "user": user,
                        "name": name}
        v["status"] = "Activation in progress" if what == "activate" else "Commit in progress"
        self.settle(vsan)

    def settle(self, vsan):
        v = self.state["vsans"][vsan]
        s = v["session"]
        if s and s.get("until") and time.time() >= s["until"]:
            v["session"] = None
        p = v["pending"]
        if not p or time.time() < p["at"]:
            return
        v["pending"] = None
        db = s["db"] if s and v["mode"] == "enhanced" else v["full"]
        if not p["fail"] and self.size(db) + self.active_size(v) > v["limit"]:
            p["fail"] = "Zone database size exceeds the limit"
        if p["fail"]:
            v["status"] = f"Operation failed: [Error: {p['fail']}]: at {now_text()}"
            self.log(f"failed vsan={vsan} {p['fail']}")
            return
        activated = self._take_effect(v, p)
        v["status"] = f"{'Activation' if activated else 'Commit'} completed at {now_text()}"
        self.log(f"done vsan={vsan} what={p['what']} activated={activated}")
        self.push(vsan)

    def _take_effect(self, v, p):
        name, off = p.get("name"), False
        if v["mode"] == "enhanced" and v["session"]:
            v["full"], name, off = v["session"]["db"], v["session"]["activate"], v["session"]["deactivate"]
            v["session"] = None
        if name:
            zones = v["full"]["zones"]
            v["active"] = {"name": name, "zones": {z: copy.deepcopy(zones[z]) for z in v["full"]["zonesets"].get(name, []) if z in zones}}
            self.count("activations")
        elif off:
            v["active"] = None
        return bool(name)

    # --- logins ---

    def fcf_order(self, order):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.fcf)
            f = s.makefile("rw")
            f.write(json.dumps(order) + "\n")
            f.flush()
            return json.loads(f.readline())

    def logins(self, vsan):
        """{wwpn: {fcid, node, port}}"""
        if not self.fcf:
            return {w: one for w, one in self.state["logins"].items()
                    if self.state["ports"].get(one["port"], {}).get("vsan") == str(vsan)}
        return {one["wwpn"]: {"fcid": "0x" + one["fcid"], "node": one["wwnn"], "port": f"fc1/{one['port']}"}
                for one in self.fcf_order({"show": "logins"})["logins"]}

    def login(self, wwpn, port, node=None):
        if not self.state["ports"][port]["enabled"]:
            return
        self.state["next_fcid"] += 1
        self.state["logins"][wwpn] = {"port": port, "fcid": f"0x{self.state['next_fcid']:06x}", "node": node or "10" + wwpn[2:]}
        self.log(f"login {wwpn} {port}")

    def logout(self, wwpn):
        self.state["logins"].pop(wwpn, None)

    def set_port(self, name, enabled):
        self.state["ports"][name]["enabled"] = enabled
        self.log(f"port {name} {'no shutdown' if enabled else 'shutdown'}")
        if self.fcf:
            self.fcf_order({"port": int(name.split("/")[1]), "enabled": enabled})
        elif not enabled:
            for wwpn in [w for w, one in self.state["logins"].items() if one["port"] == name]:
                self.logout(wwpn)

    def link(self, name):
        if not self.state["ports"][name]["enabled"]:
            return False
        if self.fcf:
            return any(p["port"] == int(name.split("/")[1]) and p["up"] for p in self.fcf_order({"show": "ports"})["ports"])
        return any(one["port"] == name for one in self.state["logins"].values())

    def resolve(self, member):
        kind, value, _role = member
        return self.state["aliases"].get(value) if kind == "device-alias" else value

    def push(self, vsan):
        """The effective zones to the data plane."""
        v = self.state["vsans"][vsan]
        if not self.fcf or vsan == "1":
            return
        zones = []
        for name, members in (v["active"] or {"zones": {}})["zones"].items():
            zones += self._fcf_zones(v, name, members)
        answer = self.fcf_order({"zones": {"name": v["active"]["name"] if v["active"] else "", "zones": zones,
                                           "default": "none" if v["default"] == "deny" else "all"}})
        self.log(f"push vsan={vsan} zones={len(zones)} {answer.get('error', 'ok')}")

    def _fcf_zones(self, v, name, members):
        known = [(self.resolve(m), m[2]) for m in members if self.resolve(m)]
        if not v["smart"] or any(role is None for _, role in known):
            return [{"name": name, "members": sorted({w for w, _ in known})}]
        targets = sorted({w for w, role in known if role in ("target", "both")})
        return [{"name": f"{name}_{i}", "principals": [w], "peers": [t for t in targets if t != w]}
                for i, (w, role) in enumerate(known) if role in ("init", "both") and [t for t in targets if t != w]]

    # --- running and startup ---

    def save_startup(self):
        kept = {k: copy.deepcopy(self.state[k]) for k in CONFIG}
        for v in kept["vsans"].values():
            v.update(session=None, pending=None)
        self.state["startup"] = kept

    def reboot(self):
        self.state.update(copy.deepcopy(self.state["startup"]))
        for vsan in self.state["vsans"]:
            self.push(vsan)
        self.log("reboot")
