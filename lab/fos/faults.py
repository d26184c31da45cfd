# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong on demand: each fault for the next n requests that it concerns."""

WHAT = {
    "busy": "503, as when the switch has too much to do",
    "not-ready": '503 "Chassis is not ready for management"',
    "slow": "the answer comes ms late",
    "drop-before": "the connection is cut before anything is done",
    "drop-after": "it is done and the connection is cut",
    "truncate": "half of the answer, then the end",
    "garbage": "an answer that is none",
    "hollow": "success, and a Response with nothing in it",
    "lie": "success is told of a write that is not done",
    "expired": "the session is over",
    "refuse-login": "a login is refused as if the password were wrong",
    "sessions": "a login is refused: too many sessions",
    "checksum": "somebody else commits first",
    "full": "the zone database is full",
    "already": "400 for a zone that is there",
    "commit-fails": "a commit is accepted and comes to nothing",
}
WRITES, LOGINS, COMMITS = {"lie", "already"}, {"refuse-login", "sessions"}, {"checksum", "full", "commit-fails"}


class Faults:
    def __init__(self):
        self.list = []

    def order(self, name, n, on, ms):
        """`on` is "METHOD PART-OF-THE-PATH"; either may be left out."""
        if name not in WHAT:
            raise ValueError(f"no fault {name!r}: {' '.join(sorted(WHAT))}")
        self.list = [f for f in self.list if (f["fault"], f["on"]) != (name, on)]
        if n:
            self.list.append({"fault": name, "n": n, "on": on, "ms": ms})

    @staticmethod
    def _concerns(f, method, path):
        login = path == "/rest/login"
        if f["on"]:
            first, _, part = f["on"].partition(" ")
            wanted, part = (first, part) if first.isupper() else (method, f["on"])
            return wanted == method and part in path
        if f["fault"] in LOGINS:
            return login
        if f["fault"] in COMMITS:
            return method == "PATCH" and "effective-configuration" in path
        if f["fault"] in WRITES:
            return method in ("POST", "PATCH", "DELETE") and path not in ("/rest/login", "/rest/logout")
        if f["fault"] == "expired":
            return path not in ("/rest/login", "/rest/logout")
        return path != "/rest/logout"

    def take(self, method, path):
        """The fault that this request meets, or None."""
        for f in self.list:
            if self._concerns(f, method, path):
                f["n"] -= 1
                if not f["n"]:
                    self.list.remove(f)
                return f
        return None
