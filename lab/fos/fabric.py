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

    def is_ready(self):
        return True

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
    """A running lab/fcf, by its control socket.  It may end and be started again, as a switch that reboots: what a switch keeps
    over that, the zones in force and the ports that are shut, it is told again."""

    def __init__(self, path):
        self.path, self.shut, self.zones = path, set(), None
        self._connect()

    def _connect(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(self.path)
        self.file = self.socket.makefile("rw")

    def is_ready(self):
        """Whether there is a data plane; one that is back has been told what it was."""
        try:
            self.order(show="fabric")
            return True
        except OSError:
            pass
        try:
            self._connect()
            for n in self.shut:
                self.order(port=n, enabled=False)
            if self.zones:
                self.order(zones=self.zones)
            return True
        except OSError:
            return False

    def order(self, **order):
        self.file.write(json.dumps(order) + "\n")
        self.file.flush()
        line = self.file.readline()
        if not line:
            raise ConnectionError("the fcf has ended")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def ports(self):
        ports = self.order(show="ports")["ports"]
        self.shut = {p["port"] for p in ports if not p["enabled"]}
        return {p["port"]: {"enabled": p["enabled"], "persistent": not p["enabled"], "link": p["up"] and p["logins"] > 0}
                for p in ports}

    def logins(self):
        return {x["wwpn"]: {"port": x["port"], "node": x["wwnn"], "fcid": int(x["fcid"], 16)}
                for x in self.order(show="logins")["logins"]}

    def set_port(self, n, enabled, persistent):
        self.order(port=n, enabled=enabled if enabled is not None else not persistent)
        self.ports()

    def reboot(self):
        """Of the management only: the data plane goes on."""

    def force(self, cfg, zones, default_all):
        """The whole set that is in force; whom ports in no zone see is "none" whenever there is one."""
        self.zones = {"name": cfg or "", "default": "none" if cfg or not default_all else "all", "zones": [
            {"name": name, "principals": z["principals"], "peers": z["members"]} if z["type"] else
            {"name": name, "members": z["members"]} for name, z in zones.items()]}
        self.order(zones=self.zones)
