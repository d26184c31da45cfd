# SPDX-License-Identifier: GPL-3.0-or-later
"""What the zones act on: ports and who is logged in there, in memory or in a running lab/fcf."""
import json
import socket


class Memory:
    """Ports by number, logins by WWPN.  A WWPN that is logged in at another port shuts a port for good: the newcomer's
    (duplicate 0, the first one wins) or the old one's (1, the second one wins)."""

    def __init__(self, ports, domain):
        self.domain, self.duplicate, self.linger = domain, 0, False
        self._ports = {n: {"enabled": True, "persistent": False} for n in range(ports)}
        self._logins = {}

    def ports(self):
        return {n: dict(p, link=p["enabled"] and any(x["port"] == n for x in self._logins.values()))
                for n, p in self._ports.items()}

    def logins(self):
        return self._logins

    def set_port(self, n, enabled, persistent):
        p = self._ports[n]
        if persistent is not None:
            p["persistent"] = persistent
        p["enabled"] = enabled if enabled is not None else not p["persistent"]
        if not p["enabled"] and not self.linger:
            self._logins = {w: x for w, x in self._logins.items() if x["port"] != n}

    def reboot(self):
        for p in self._ports.values():
            p["enabled"] = not p["persistent"]
        self._logins = {w: x for w, x in self._logins.items() if self._ports[x["port"]]["enabled"]}

    def login(self, wwpn, port, node=None):
        """Whether it is in."""
        there = self._logins.get(wwpn)
        if not self._ports[port]["enabled"]:
            return False
        if there and there["port"] != port:
            self.set_port(port if self.duplicate == 0 else there["port"], False, True)
            if self.duplicate == 0:
                return False
        at = sum(x["port"] == port for x in self._logins.values())
        self._logins[wwpn] = {"port": port, "node": node or "1" + wwpn[1:], "fcid": self.domain << 16 | port << 8 | at}
        return True

    def logout(self, wwpn):
        return self._logins.pop(wwpn, None) is not None

    def force(self, cfg, zones, default_all):
        """Nothing here carries frames."""


class Fcf:
    """A running lab/fcf, by its control socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(path)
        self.file = self.socket.makefile("rw")
        self.persistent = set()

    def order(self, **order):
        self.file.write(json.dumps(order) + "\n")
        self.file.flush()
        answer = json.loads(self.file.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def ports(self):
        return {p["port"]: {"enabled": p["enabled"], "persistent": not p["enabled"], "link": p["up"] and p["logins"] > 0}
                for p in self.order(show="ports")["ports"]}

    def logins(self):
        return {x["wwpn"]: {"port": x["port"], "node": x["wwnn"], "fcid": int(x["fcid"], 16)}
                for x in self.order(show="logins")["logins"]}

    def set_port(self, n, enabled, persistent):
        self.order(port=n, enabled=enabled if enabled is not None else not persistent)

    def reboot(self):
        """The data plane of a switch goes on."""

    def force(self, cfg, zones, default_all):
        """The whole set that is in force; whom ports in no zone see is "none" whenever there is one."""
        self.order(zones={"name": cfg or "", "default": "none" if cfg or not default_all else "all", "zones": [
            {"name": name, "principals": z["principals"], "peers": z["members"]} if z["type"] else
            {"name": name, "members": z["members"]} for name, z in zones.items()]})
