# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions, routes, and errors as Fabric OS words them."""
import base64
import binascii
import secrets
import time
import urllib.parse

import media
from database import ABORT, CLEAR, DISABLE, SAVE, TYPES, Refused, size_of
from media import as_list

OPEN_ROUTES = ("/rest/login", "/rest/logout")
LISTS = {"zone": ("zone-name", "zones"), "cfg": ("cfg-name", "cfgs"), "alias": ("alias-name", "aliases")}


def number(value, what):
    try:
        return int(value)
    except (TypeError, ValueError):
        raise Refused(f"{what}: invalid value {value!r}") from None


def flag(value):
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "1", "false", "0"):
        return str(value).lower() in ("true", "1")
    raise Refused(f"invalid value {value!r}")


class Sessions:
    """Who is logged in.  There are few, and one that is not used for a while ends."""

    def __init__(self, limit, seconds, log):
        self.limit, self.seconds, self.log = limit, seconds, log
        self.by_token, self.serial = {}, 0

    def expire(self):
        for token, s in list(self.by_token.items()):
            if s["used"] + self.seconds < time.monotonic():
                self.log(f"session {s['id']} of {s['user']} expired")
                del self.by_token[token]

    def login(self, user, ip, application):
        self.expire()
        if len(self.by_token) >= self.limit:
            raise Refused("Max limit for REST sessions reached", 503, -11)
        self.serial += 1
        token = "Custom_Basic " + base64.b64encode(f"{user}:xxx:{secrets.token_hex(32)}".encode()).decode()
        self.by_token[token] = {"id": self.serial, "user": user, "ip": ip, "application": application, "used": time.monotonic()}
        return token

    def find(self, token):
        self.expire()
        s = self.by_token.get(token)
        if not s:
            raise Refused("Unauthorized", 401, -10)
        s["used"] = time.monotonic()
        return s


class Rest:
    """One request in, (status, headers, body) out.  The caller holds the lock."""

    def __init__(self, switch):
        self.switch, self.db, self.fabric = switch, switch.db, switch.fabric
        self.sessions = Sessions(switch.args.max_sessions, switch.args.session_seconds, switch.log)

    # --- the frame of a request ---

    def handle(self, method, target, headers, body, ip):
        accept = headers.get("Accept", "")
        kind = media.JSON if "json" in accept else media.XML
        path, _, query = target.partition("?")
        try:
            if path in OPEN_ROUTES:
                return self._session(method, path, headers, ip)
            who = self.sessions.find(headers.get("Authorization", ""))
            self._check_vf(query)
            try:
                given = media.read(media.JSON if "json" in headers.get("Content-Type", "") else media.XML, body)
            except ValueError as e:
                raise Refused(f"malformed body: {e}", 400, -2) from None
            status, name, value = self._route(who, method, [urllib.parse.unquote(p) for p in path.strip("/").split("/")], given)
            if value is None:
                return status, {}, b""
            return status, {"Content-Type": kind}, media.write(kind, "Response", {name: value}, self.switch.one_as_object)
        except Refused as e:
            return self.error(kind, e)

    def error(self, kind, e):
        tag = {401: "access-denied", 404: "invalid-value", 405: "operation-not-supported", 503: "resource-denied"}
        value = {"error": [{"error-type": "application", "error-tag": tag.get(e.status, "operation-failed"), "error-app-tag": "Error",
                            "error-message": e.text, "error-info": {"error-code": e.code, "error-module": "zone"}}]}
        return e.status, {"Content-Type": kind}, media.write(kind, "errors", value, self.switch.one_as_object)

    def _check_vf(self, query):
        asked = urllib.parse.parse_qs(query).get("vf-id", [None])[0]
        wanted = self.switch.args.vf_id
        if wanted is not None and asked not in (None, str(wanted)):
            raise Refused(f"VF-ID {asked} is not configured on this chassis", 400, -3)

    def _session(self, method, path, headers, ip):
        if method != "POST":
            raise Refused("Method not allowed", 405)
        given = headers.get("Authorization", "")
        if path == "/rest/logout":
            s = self.sessions.find(given)
            del self.sessions.by_token[given]
            self.switch.log(f"session {s['id']} of {s['user']} logged out")
            return 204, {}, b""
        try:
            user, _, password = base64.b64decode(given.partition(" ")[2], validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user = password = ""
        if not given.startswith("Basic ") or (user, password) != (self.switch.args.user, self.switch.password):
            raise Refused("Authentication failed: invalid user name or password", 401, -10)
        token = self.sessions.login(user, ip, headers.get("User-Agent", "").split(" ")[0])
        return 200, {"Authorization": token}, b""

    # --- routes ---

    def _route(self, who, method, parts, body):
        if parts[:2] != ["rest", "running"] or len(parts) < 4:
            raise Refused("The requested URI was not found", 404, -4)
        module, container, rest = parts[2], parts[3], parts[4:]
        new = self.switch.version >= (8, 2, 1)
        zoning = ("brocade-zone", "zoning") if new else ("zoning",)
        switches = ("brocade-fibrechannel-switch", "switch") if new else ("switch",)
        if module in zoning and container == "defined-configuration":
            return self._defined(who, method, rest, body)
        if module in zoning and container == "effective-configuration":
            return self._effective(who, method, rest, body)
        if module == "brocade-zone" and container == "fabric-lock" and self.switch.version >= (9, 0, 0):
            return self._get(method, "fabric-lock", self._lock())
        if module in switches and container == "fibrechannel-switch":
            return self._get(method, "fibrechannel-switch", self._switch())
        if module == "brocade-name-server" and container == "fibrechannel-name-server":
            return self._get(method, "fibrechannel-name-server", self._names(rest))
        if module == "brocade-interface" and container == "fibrechannel":
            return self._ports(method, rest, body)
        raise Refused("The requested URI was not found", 404, -4)

    @staticmethod
    def _get(method, name, value):
        if method != "GET":
            raise Refused("Method not allowed", 405)
        if value == []:
            raise Refused("No entries in Name Server" if "name-server" in name else "No entries found", 404, -5)
        return 200, name, value

    def _switch(self):
        return [{"name": "10:00:00:05:1e:00:0f:05", "domain-id": self.switch.args.domain, "fcid-hex": "0xfffc01",
                 "user-friendly-name": "fos", "principal": 1, "enabled-state": 2, "operational-status": 2,
                 "firmware-version": "v" + self.switch.args.firmware, "vf-id": self.switch.args.vf_id or -1}]

    def _lock(self):
        h = self.db.holder()
        if not h:
            return {"lock-principal-domain-id": 0, "lock-principal-transaction-token": 0, "timeout": 0, "remaining-time": 0,
                    "client-user-name": "", "client-role": "", "client-ip-address": "", "client-interface": "",
                    "client-application-name": ""}
        return {"lock-principal-domain-id": self.switch.args.domain, "lock-principal-transaction-token": h.token,
                "timeout": int(self.db.lock_seconds), "remaining-time": h.left, "client-user-name": h.who["user"],
                "client-role": "admin", "client-ip-address": h.who["ip"], "client-interface": h.who.get("interface", "REST"),
                "client-application-name": h.who.get("application", "")}

    def _names(self, rest):
        entries = []
        for wwpn, x in sorted(self.fabric.logins().items()):
            if rest and (rest[0] != "port-id" or int(rest[1], 16) != x["fcid"]):
                continue
            entries.append({"port-id": f"0x{x['fcid']:06x}", "port-name": wwpn, "port-symbolic-name": "", "node-name": x["node"],
                            "node-symbolic-name": "", "port-index": x["port"], "port-type": "N",
                            "permanent-port-name": wwpn, "link-speed": "16G", "state-change-registration": ""})
        return entries

    # --- ports ---

    def _port(self, n, p):
        out = {"name": f"0/{n}", "operational-status": 2 if p["link"] else 3, "persistent-disable": int(p["persistent"])}
        if self.switch.version >= (9, 0, 0):
            out.update({"default-index": n, "is-enabled-state": p["enabled"]})
        else:
            out["enabled-state"] = 2 if p["enabled"] else 6
        return out

    def _ports(self, method, rest, body):
        ports = self.fabric.ports()
        if method == "GET":
            return self._get(method, "fibrechannel", [self._port(n, p) for n, p in sorted(ports.items())
                                                      if not rest or rest[1:] == [f"0/{n}"]])
        if method != "PATCH":
            raise Refused("Method not allowed", 405)
        if rest[:1] == ["name"] and len(rest) == 2:
            wishes = [dict(body.get("fibrechannel", body), name=rest[1])]
        else:
            wishes = as_list(body.get("fibrechannel"))
        for w in wishes:
            slot, _, n = str(w.get("name", "")).partition("/")
            if slot != "0" or not n.isdigit() or int(n) not in ports:
                raise Refused(f"port {w.get('name')} not found", 404, -6)
        for w in wishes:
            self._set_port(int(w["name"].partition("/")[2]), w)
        return 204, None, None

    def _set_port(self, n, w):
        enabled = flag(w["is-enabled-state"]) if "is-enabled-state" in w else \
            number(w["enabled-state"], "enabled-state") == 2 if "enabled-state" in w else None
        persistent = flag(w["persistent-disable"]) if "persistent-disable" in w else None
        if enabled and persistent is None and self.fabric.ports()[n]["persistent"]:
            raise Refused(f"port 0/{n} is persistently disabled", 400, -7)
        self.fabric.set_port(n, enabled, persistent)
        self.switch.log(f"port 0/{n} enabled={self.fabric.ports()[n]['enabled']}")

    # --- zones ---

    def _zone(self, name, z):
        kind = {"zone-type": z["type"]}
        if self.switch.version >= (9, 0, 0):
            kind["zone-type-string"] = TYPES[z["type"]]
        member = {"entry-name": list(z["members"])}
        if z["type"]:
            member["principal-entry-name"] = list(z["principals"])
        return {"zone-name": name, **kind, "member-entry": member}

    def _defined_value(self, db):
        out = {"cfg": [{"cfg-name": n, "member-zone": {"zone-name": list(v)}} for n, v in db["cfgs"].items()],
               "zone": [self._zone(n, z) for n, z in db["zones"].items()],
               "alias": [{"alias-name": n, "member-entry": {"alias-entry-name": list(v)}} for n, v in db["aliases"].items()]}
        return {k: v for k, v in out.items() if v}

    def _defined(self, who, method, rest, body):
        if method == "GET":
            value = self._defined_value(self.db.of(who))
            if not rest:
                return 200, "defined-configuration", value
            key = LISTS.get(rest[0], ("", ""))[0]
            found = [o for o in value.get(rest[0], []) if len(rest) < 3 or o.get(key) == rest[2]]
            return self._get(method, rest[0], found)
        if method not in ("POST", "DELETE", "PATCH"):
            raise Refused("Method not allowed", 405)
        if len(rest) == 3 and rest[0] in LISTS:
            objects = {rest[0]: dict(body.get(rest[0], body), **{rest[1]: rest[2]})}
        else:
            objects = body.get("defined-configuration", body)
        if not isinstance(objects, dict) or not set(objects) & set(LISTS):
            raise Refused("The body names no zone, cfg or alias", 400, -2)
        self._change(self.db.open(who).db, method, objects)
        return {"POST": 201}.get(method, 204), None, None

    def _change(self, db, method, objects):
        """All of a request or nothing of it."""
        parts = ("alias", "zone", "cfg") if method != "DELETE" else ("cfg", "zone", "alias")
        before = {k: {n: (dict(v, members=list(v["members"]), principals=list(v["principals"])) if k == "zones" else list(v))
                      for n, v in part.items()} for k, part in db.items()}
        try:
            for part in parts:
                for o in as_list(objects.get(part)):
                    name = o.get(LISTS[part][0]) if isinstance(o, dict) else None
                    if not name:
                        raise Refused(f"a {part} without a name", 400, -2)
                    self._change_one(db, method, part, str(name), o)
        except Refused:
            db.clear()
            db.update(before)
            raise

    def _change_one(self, db, method, part, name, o):
        if part == "zone":
            entry = o.get("member-entry") or {}
            members, principals = as_list(entry.get("entry-name")), as_list(entry.get("principal-entry-name"))
            if method == "DELETE":
                self.db.remove_zone(db, name, members, principals)
            elif method == "PATCH" and self.switch.args.patch == "replace":
                self.db.replace_zone(db, name, members, principals)
            else:
                self.db.add_zone(db, name, self._type(o), members, principals)
            return
        inner, leaf = ("member-zone", "zone-name") if part == "cfg" else ("member-entry", "alias-entry-name")
        members = as_list((o.get(inner) or {}).get(leaf))
        if method == "DELETE":
            self.db.remove_list(db, LISTS[part][1], name, members)
        else:
            self.db.add_list(db, LISTS[part][1], name, members, method == "PATCH" and self.switch.args.patch == "replace")

    def _type(self, o):
        if "zone-type-string" in o:
            if self.switch.version < (9, 0, 0) or o["zone-type-string"] not in TYPES:
                raise Refused(f"zone-type-string: invalid value {o['zone-type-string']!r}")
            return TYPES.index(o["zone-type-string"])
        if "zone-type" not in o:
            return None
        kind = number(o["zone-type"], "zone-type")
        if kind not in (0, 1):
            raise Refused("zone-type: only 0 and 1 can be created")
        return kind

    # --- what is in force ---

    def _effective_value(self, who):
        db, open_ = self.db, self.db.transactions.get(who["id"])
        self.db.expire()
        some = open_ or next(iter(db.transactions.values()), None)
        used = size_of(db.saved)
        out = {"checksum": db.checksum(), "cfg-action": 0, "default-zone-access": int(db.default_all), "db-max": db.limit,
               "db-avail": max(0, db.limit - used), "db-committed": used, "db-transaction": size_of(some.db) if some else 0,
               "transaction-token": some.token if some else 0}
        if db.cfg:
            out["cfg-name"] = db.cfg
            out["enabled-zone"] = [self._zone(n, z) for n, z in db.zones.items()]
        return out

    def _effective(self, who, method, rest, body):
        if method == "GET":
            value = self._effective_value(who)
            if rest and rest[0] not in value:
                raise Refused("No entries found", 404, -5)
            return 200, "effective-configuration", {rest[0]: value[rest[0]]} if rest else value
        if method != "PATCH":
            raise Refused("Method not allowed", 405)
        wish = dict(body.get("effective-configuration", body))
        if len(rest) == 2:
            wish[rest[0]] = rest[1]
        self._commit(who, wish)
        return 204, None, None

    def _commit(self, who, wish):
        checksum, db = wish.get("checksum"), self.db
        action = number(wish.get("cfg-action", 0), "cfg-action")
        if action == ABORT:
            whose = db.abort(who)
            if not whose:
                raise Refused("There is no open transaction", 400, -28)
            self.switch.log(f"abort by {who['user']} of a transaction of {whose['user']}{'' if whose['id'] == who['id'] else ' (another session)'}")
            return
        if checksum is None:
            raise Refused("checksum is missing", 400, -25)
        if "cfg-name" in wish:
            self.switch.commit("enable", lambda: db.enable(who, checksum, wish["cfg-name"]))
        elif action == SAVE:
            self.switch.commit("save", lambda: db.save(who, checksum))
        elif action == DISABLE:
            self.switch.commit("disable", lambda: db.disable(who, checksum))
        elif action == CLEAR:
            self.switch.commit("clear", lambda: db.clear(who, checksum))
        else:
            raise Refused(f"cfg-action: invalid value {action}", 400, -2)
