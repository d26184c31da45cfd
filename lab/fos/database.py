# SPDX-License-Identifier: GPL-3.0-or-later
"""The zone database: what is saved, what is in force, and the open transactions.  A transaction is a copy of what is saved
and belongs to the session that began it; it stays when the session is gone, until somebody aborts it or it times out."""
import copy
import hashlib
import json
import re
import time

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_$^-]{0,63}")
MEMBER = re.compile(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){7}|[0-9]{1,3},[0-9]{1,4}")
TYPES = ["zone", "user-created-peer-zone", "target-created-peer-zone"]
SAVE, DISABLE, CLEAR, ABORT = 1, 2, 3, 4


class Refused(Exception):
    """What Fabric OS would answer: an HTTP status, its words, and its number for them."""

    def __init__(self, text, status=400, code=-1):
        super().__init__(text)
        self.text, self.status, self.code = text, status, code


def empty():
    return {"zones": {}, "aliases": {}, "cfgs": {}}


def size_of(db):
    """About what Fabric OS counts: names, members and a few bytes for each object."""
    return 4 + sum(len(name) + 8 + sum(len(m) + 1 for m in z["members"] + z["principals"]) for name, z in db["zones"].items()) + \
        sum(len(name) + 8 + sum(len(m) + 1 for m in v) for part in ("aliases", "cfgs") for name, v in db[part].items())


def add(to, new):
    for one in new:
        if one not in to:
            to.append(one)


class Transaction:
    def __init__(self, who, db, checksum, token, seconds):
        self.who, self.db, self.checksum, self.token = who, copy.deepcopy(db), checksum, token
        self.until = time.monotonic() + seconds
        self.stale = False

    @property
    def left(self):
        return max(0, int(self.until - time.monotonic() + 0.999))


class Database:
    def __init__(self, limit, has_lock, lock_seconds, on_force):
        self.limit, self.has_lock, self.lock_seconds, self.on_force = limit, has_lock, lock_seconds, on_force
        self.saved, self.cfg, self.zones = empty(), None, {}
        self.default_all, self.activations, self.token = False, 0, 1000
        self.transactions, self.salt = {}, 0
        self.delete_later = False

    def checksum(self):
        known = json.dumps([self.saved, self.cfg, self.zones, self.salt], sort_keys=True)
        return hashlib.md5(known.encode()).hexdigest()

    # --- transactions ---

    def expire(self):
        for key, t in list(self.transactions.items()):
            if t.until < time.monotonic():
                del self.transactions[key]

    def holder(self):
        """The transaction that has the fabric's lock, or None.  Without a lock (before 9.0) nobody has."""
        self.expire()
        return next(iter(self.transactions.values()), None) if self.has_lock else None

    def open(self, who):
        """The transaction of this session, begun when there is none."""
        self.expire()
        if who["id"] in self.transactions:
            return self.transactions[who["id"]]
        if self.holder():
            h = self.holder().who
            raise Refused(f"Zone database is locked: fabric lock is held by {h['user']} ({h['ip']})", code=-26)
        self.token += 1
        self.transactions[who["id"]] = Transaction(who, self.saved, self.checksum(), self.token, self.lock_seconds)
        return self.transactions[who["id"]]

    def of(self, who):
        """What this session sees as defined: its own changes, or what is saved."""
        self.expire()
        t = self.transactions.get(who["id"])
        return t.db if t else self.saved

    def abort(self, who):
        """The session's own transaction; else one that no session stands behind any more, or that is anybody's: any
        administrator may abort a transaction.  The one whose it was, or None."""
        self.expire()
        key = who["id"] if who["id"] in self.transactions else next(iter(self.transactions), None)
        return self.transactions.pop(key).who if key is not None else None

    # --- changes of a transaction ---

    def _check_new(self, db, name):
        if not NAME.fullmatch(name):
            raise Refused(f'"{name}": invalid name: 1 to 64 characters, a letter first, then letters, digits, _ - $ ^', code=-14)
        if any(name in db[part] for part in db):
            raise Refused(f'"{name}" duplicate name: an object of another kind has it', code=-15)

    @staticmethod
    def _check_members(db, members):
        for m in members:
            if not MEMBER.fullmatch(m) and m not in db["aliases"]:
                raise Refused(f'"{m}" is no WWN, no domain,index and no alias', code=-16)

    def add_zone(self, db, name, kind, members, principals):
        z = db["zones"].get(name)
        if z is None:
            self._check_new(db, name)
            if not members + principals:
                raise Refused(f'"{name}": a zone must have members', code=-17)
            z = {"type": kind or 0, "members": [], "principals": []}
        elif kind is not None and kind != z["type"]:
            raise Refused(f'"{name}": the type of a zone cannot be changed', code=-18)
        if principals and z["type"] == 0:
            raise Refused(f'"{name}": only a peer zone has principal members', code=-19)
        self._check_members(db, members + principals)
        add(z["members"], members)
        add(z["principals"], principals)
        db["zones"][name] = z

    def remove_zone(self, db, name, members, principals):
        z = db["zones"].get(name)
        if z is None:
            raise Refused(f'"{name}" not found', code=-20)
        if not members + principals:
            used = [c for c, zones in db["cfgs"].items() if name in zones]
            if used and not self.delete_later:
                raise Refused(f'"{name}" is a member of cfg {used[0]}: remove it there first', code=-21)
            del db["zones"][name]
            return
        for have, gone in ((z["members"], members), (z["principals"], principals)):
            for m in gone:
                if m not in have:
                    raise Refused(f'"{m}" is no member of "{name}"', code=-22)
                have.remove(m)

    def replace_zone(self, db, name, members, principals):
        z = db["zones"].get(name)
        if z is None:
            raise Refused(f'"{name}" not found', code=-20)
        self._check_members(db, members + principals)
        z["members"], z["principals"] = list(members) or z["members"], list(principals) or z["principals"]

    def add_list(self, db, part, name, members, replace=False):
        """To an alias or a configuration."""
        if name not in db[part]:
            if replace:
                raise Refused(f'"{name}" not found', code=-20)
            self._check_new(db, name)
            if not members:
                raise Refused(f'"{name}" must not be empty', code=-17)
        if part == "cfgs":
            for z in members:
                if z not in db["zones"]:
                    raise Refused(f'zone "{z}" not found', code=-20)
        else:
            self._check_members(db, members)
        there = [] if replace else db[part].get(name, [])
        add(there, members)
        db[part][name] = there

    def remove_list(self, db, part, name, members):
        if name not in db[part]:
            raise Refused(f'"{name}" not found', code=-20)
        if not members:
            if part == "cfgs" and name == self.cfg:
                raise Refused(f'cfg "{name}" is in force: disable it first', code=-23)
            del db[part][name]
        for m in members:
            if m not in db[part][name]:
                raise Refused(f'"{m}" is no member of "{name}"', code=-22)
            db[part][name].remove(m)

    # --- commits ---

    def _check_whole(self, db):
        for name, z in db["zones"].items():
            if not z["members"] or (z["type"] and not z["principals"]):
                raise Refused(f'zone "{name}" is empty or has no principal', code=-17)
        for part in ("cfgs", "aliases"):
            for name, members in db[part].items():
                if not members:
                    raise Refused(f'"{name}" must not be empty', code=-17)
        for name, zones in db["cfgs"].items():
            for z in zones:
                if z not in db["zones"]:
                    raise Refused(f'cfg "{name}": zone "{z}" not found', code=-20)
        if size_of(db) > self.limit:
            raise Refused(f"Zone database is too large: {size_of(db)} bytes, the limit is {self.limit}", code=-24)

    @staticmethod
    def _resolved(db, cfg):
        def members(names):
            out = []
            for n in names:
                add(out, [m.lower() for m in db["aliases"].get(n, [n])])
            return out

        return {name: {"type": db["zones"][name]["type"], "members": members(db["zones"][name]["members"]),
                       "principals": members(db["zones"][name]["principals"])} for name in db["cfgs"][cfg]}

    def _ready(self, who, checksum):
        """What is to be committed, checked."""
        self.expire()
        t = self.transactions.get(who["id"])
        if not t and self.holder():
            h = self.holder().who
            raise Refused(f"Zone database is locked: fabric lock is held by {h['user']} ({h['ip']})", code=-26)
        if checksum != self.checksum() or (t and t.stale):
            raise Refused("The checksum does not match: the zone database was changed by someone else", code=-25)
        db = t.db if t else self.saved
        self._check_whole(db)
        return db

    def _committed(self, who, db):
        self.transactions.pop(who["id"], None)
        for t in self.transactions.values():
            t.stale = True
        self.saved = copy.deepcopy(db)

    def save(self, who, checksum):
        self._committed(who, self._ready(who, checksum))

    def enable(self, who, checksum, cfg):
        db = self._ready(who, checksum)
        if cfg not in db["cfgs"]:
            raise Refused(f'cfg "{cfg}" not found', code=-20)
        self._committed(who, db)
        self.cfg, self.zones = cfg, self._resolved(db, cfg)
        self.activations += 1
        self.on_force()

    def disable(self, who, checksum):
        if not self.cfg:
            raise Refused("No effective configuration", code=-27)
        self._committed(who, self._ready(who, checksum))
        self.cfg, self.zones = None, {}
        self.activations += 1
        self.on_force()

    def clear(self, who, checksum):
        if self.cfg:
            raise Refused("A configuration is in force: disable it first", code=-23)
        self._ready(who, checksum)
        self._committed(who, empty())
