# SPDX-License-Identifier: GPL-3.0-or-later
"""The control socket: what tests order.  An order is a JSON object in a line, so is the answer: {} or what was asked for, or
{"error": …}."""
import json
import re

from database import Refused

WWN = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){7}")
SOMEBODY = {"user": "admin", "ip": "10.0.0.9", "interface": "CLI", "application": ""}


class Orders:
    def __init__(self, switch):
        self.switch, self.db, self.strangers = switch, switch.db, 0

    def line(self, line):
        try:
            order = json.loads(line)
            verb = next((v for v in ("show", "login", "logout", "lock", "unlock", "open", "commit", "default", "disable", "limit",
                                     "reboot", "expire", "fault", "duplicate", "database", "session_seconds", "max_sessions", "linger", "abort") if v in order), None)
            if not verb:
                raise ValueError("no such order")
            return getattr(self, "_" + verb)(order) or {}
        except (ValueError, KeyError, TypeError, Refused, AttributeError) as e:
            return {"error": str(e) or type(e).__name__}

    def _show(self, order):
        s, db, what = self.switch, self.db, order["show"]
        db.expire()
        s.rest.sessions.expire()
        value = {
            "database": lambda: {**db.saved, "cfg": db.cfg, "effective": db.zones, "default": "all" if db.default_all else "none"},
            "activations": lambda: db.activations,
            "requests": lambda: s.requests,
            "sessions": lambda: [{k: v for k, v in x.items() if k != "used"} for x in s.rest.sessions.by_token.values()],
            "transactions": lambda: [{**t.who, "left": t.left} for t in db.transactions.values()],
            "ports": lambda: s.fabric.ports(),
            "logins": lambda: s.fabric.logins(),
            "faults": lambda: s.faults.list,
            "checksum": lambda: db.checksum(),
        }
        if what not in value:
            raise ValueError(f"nothing is called {what}: {' '.join(value)}")
        return {what: value[what]()}

    def _memory(self):
        if not hasattr(self.switch.fabric, "login"):
            raise ValueError("cards log in to the fcf, not here")
        return self.switch.fabric

    def _login(self, order):
        if not WWN.fullmatch(order["login"]) or int(order["port"]) not in self.switch.fabric.ports():
            raise ValueError("a WWPN of eight lower-case octets and a port are due")
        return {"in": self._memory().login(order["login"], int(order["port"]), order.get("node"))}

    def _logout(self, order):
        return {"out": self._memory().logout(order["logout"])}

    def _somebody(self, order):
        """A session of somebody who is none of the clients."""
        self.strangers -= 1
        return {"id": self.strangers, **SOMEBODY, **{k: order[k] for k in SOMEBODY if k in order}}

    def _open(self, order):
        """Changes of somebody else that are not committed: {"open": {"zones": {NAME: [MEMBER]}}}; they hold the lock."""
        t = self.db.open(self._somebody(order["open"]))
        self._put(t.db, order["open"])
        if "seconds" in order["open"]:
            t.until += order["open"]["seconds"] - self.db.lock_seconds

    def _lock(self, order):
        """{"lock": {"user", "ip", "seconds"}}: an open transaction without a change in it is a lock."""
        self._open({"open": order["lock"]})

    def _put(self, db, what):
        for name, members in what.get("zones", {}).items():
            self.db.add_zone(db, name, None, members, [])
        for part in ("cfgs", "aliases"):
            for name, members in what.get(part, {}).items():
                self.db.add_list(db, part, name, members)
        for name in what.get("remove", []):
            for cfg in db["cfgs"].values():
                if name in cfg:
                    cfg.remove(name)

    def _unlock(self, order):
        """Somebody else gives up what he has open."""
        for key, t in list(self.db.transactions.items()):
            if t.who["id"] < 0:
                del self.db.transactions[key]

    def _commit(self, order):
        """Somebody else commits: {"commit": {"zones": …, "cfgs": {NAME: [ZONE]}, "remove": [ZONE], "enable": CFG}}."""
        who, what = self._somebody(order["commit"]), order["commit"]
        held, self.db.transactions = self.db.transactions, {}  # he had it before all that is open now
        try:
            self._put(self.db.open(who).db, what)
            if "enable" in what:
                self.db.enable(who, self.db.checksum(), what["enable"])
            else:
                self.db.save(who, self.db.checksum())
            for t in held.values():
                t.stale = True
        finally:
            self.db.transactions = held

    def _database(self, order):
        """The whole of what is saved, for a beginning: {"database": {zones, aliases, cfgs, enable}}."""
        what = order["database"]
        for name, z in what.get("zones", {}).items():
            if isinstance(z, dict):
                self.db.add_zone(self.db.saved, name, 1, z["members"], z["principals"])
        self._put(self.db.saved, {"aliases": what.get("aliases", {})})
        self._put(self.db.saved, {"zones": {n: z for n, z in what.get("zones", {}).items() if isinstance(z, list)},
                                  "cfgs": what.get("cfgs", {})})
        if "enable" in what:
            self._commit({"commit": {"enable": what["enable"]}})

    def _default(self, order):
        self.db.default_all = order["default"] == "all"
        self.db.on_force()

    def _disable(self, order):
        self.db.disable(self._somebody({}), self.db.checksum())

    def _limit(self, order):
        self.db.limit = int(order["limit"])

    def _reboot(self, order):
        """Sessions and what was not saved are lost; ports that are disabled for good stay so."""
        self.switch.rest.sessions.by_token.clear()
        self.db.transactions.clear()
        self.switch.fabric.reboot()
        self.switch.cut_all()
        self.switch.log("reboot")

    def _expire(self, order):
        self.switch.rest.sessions.by_token.clear()

    def _session_seconds(self, order):
        self.switch.rest.sessions.seconds = float(order["session_seconds"])

    def _abort(self, _order):
        """The switch itself gives up all that is open, as it does when its time is over."""
        self.db.transactions.clear()

    def _max_sessions(self, order):
        self.switch.rest.sessions.limit = int(order["max_sessions"])

    def _fault(self, order):
        self.switch.faults.order(order["fault"], int(order.get("n", 1)), order.get("on", ""), int(order.get("ms", 500)))

    def _linger(self, order):
        """The name server does not notice that a port is shut; false: it notices."""
        self._memory().linger = bool(order["linger"])

    def _duplicate(self, order):
        self._memory().duplicate = int(order["duplicate"])
