# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of NX-OS that are about zoning: a session of one user.  run() takes a line and gives what is printed; `prompt` is
what stands before the next one."""
import re
import time

from switch import now_text

INVALID = "% Invalid command at '^' marker."
INCOMPLETE = "% Incomplete command"
LOCKED = "% Zoning database update in progress, command rejected"
WWN = r"(?:[0-9a-fA-F]{2}:){7}[0-9a-fA-F]{2}"
ROLES = {"init": "init", "initiator": "init", "target": "target", "both": "both"}
HARMLESS = "WARNING: Specified zoneset already active and unchanged"


class Question(Exception):
    """The command goes on when it is answered with y: text and what to do then."""

    def __init__(self, text, then):
        super().__init__(text)
        self.text, self.then = text, then


class Hangup(Exception):
    """The connection ends here."""


class Cut(Hangup):
    """And this is printed before."""

    def __init__(self, text):
        super().__init__()
        self.text = text


GARBLED = {"empty": lambda _: "", "half": lambda text: text[:text.rfind("\n", 0, len(text) // 2) + 1],
           "noise": lambda text: "".join(chr(33 + (7 * i + 5 * len(text)) % 90) + ("\n" if i % 61 == 60 else "") for i in range(len(text))) + "\n"}


class Session:
    def __init__(self, switch, user="admin"):
        self.switch, self.user = switch, user
        self.mode, self.where, self.ask = "exec", None, True
        self.length = None  # lines of a page; 0: none

    @property
    def prompt(self):
        return f"{self.switch.state['name']}{'' if self.mode == 'exec' else f'({self.mode})'}# "

    def run(self, line):
        """What one line prints.  Question and Hangup come through."""
        line = " ".join(line.split())
        show, _, pipe = line.partition("|")
        with self.switch.locked() as state:
            if line:
                self.switch.count("commands")
                self.switch.log(f"command user={self.user} {line}")
            self.state = state
            self._meanwhile(line)
            if self._met("drop_before", line):
                raise Hangup
            if self._met("lie", line):
                return ""
            text = self._dispatch(show.strip() if pipe.strip() == "no-more" else line)
            if self._met("drop_after", line):
                raise Hangup
            hang, garble = self._met("hang", line), self._met("garble", line)
        if hang:
            time.sleep(hang["ms"] / 1000)
        if garble and garble["how"] == "cut":
            raise Cut(text[:len(text) // 2])
        return GARBLED[garble["how"]](text) if garble else text

    def _met(self, name, line):
        """The trouble of that name, when this is a line that it is about; one less then."""
        t = self.state["trouble"].get(name)
        return self.switch.trouble(name) if t and line and re.search(t["match"], line) else None

    def _meanwhile(self, line):
        """Somebody else types, or the switch reboots, right before this line."""
        t = self._met("meanwhile", line)
        if not t:
            return
        if t.get("reboot"):
            self.switch.reboot()
            raise Hangup
        other = Session(self.switch, t["user"])
        other.ask, other.state = False, self.state
        for one in t["lines"]:
            self.switch.log(f"command user={other.user} {one}")
            other._dispatch(one)

    def _dispatch(self, line):
        if not line or line.startswith("!"):
            return ""
        for where, pattern, fn in COMMANDS:
            if where not in (None, self.mode, "exec" if self.mode == "exec" else "config"):
                continue
            m = re.fullmatch(pattern, line)
            if m:
                return fn(self, *m.groups()) or ""
        return " " * (len(self.prompt) + max(0, len(line) - 1)) + "^\n" + INVALID + "\n"

    # --- modes ---

    def configure(self):
        self.mode = "config"
        return "Enter configuration commands, one per line.  End with CNTL/Z.\n"

    def end(self):
        self.mode, self.where = "exec", None

    def leave(self):
        if self.mode == "exec":
            raise Hangup
        self.mode = {"config": "exec"}.get(self.mode, "config")
        self.where = None

    def terminal_length(self, n):
        if not self.switch.trouble("pager"):
            self.length = int(n)

    # --- zones ---

    def _vsan(self, vsan):
        return self.state["vsans"].get(vsan)

    def _edit(self, vsan):
        """(db, None) or (None, words)"""
        if not self._vsan(vsan):
            return None, f"% VSAN {vsan} is not configured\n"
        db = self.switch.session_db(vsan, self.user)
        return (db, None) if db is not None else (None, LOCKED + "\n")

    def zone(self, name, vsan=None):
        # Without a VSAN it is a command of the zone set, which the zone becomes a member of.
        inside = self.where if self.mode.startswith("config-zoneset") and not vsan else None
        vsan = vsan or (inside and inside[0])
        if not vsan:
            return INCOMPLETE + "\n"
        db, words = self._edit(vsan)
        if words:
            return words
        if len(name) > 64:
            return "% Zone name is too long\n"
        db["zones"].setdefault(name, [])
        if inside and name not in db["zonesets"][inside[-1]]:
            db["zonesets"][inside[-1]].append(name)
        self.mode = "config-zoneset-zone" if inside else "config-zone"
        self.where = (vsan, name, inside[-1]) if inside else (vsan, name)

    def no_zone(self, name, vsan=None):
        vsan = vsan or (self.where[0] if self.mode.startswith("config-zoneset") else None)
        if not vsan:
            return INCOMPLETE + "\n"
        db, words = self._edit(vsan)
        if words:
            return words
        if name not in db["zones"]:
            return "% Zone not present\n"
        del db["zones"][name]
        for members in db["zonesets"].values():
            if name in members:
                members.remove(name)

    def zone_member(self, no, kind, value, role):
        vsan, name = self.where[:2]
        v = self._vsan(vsan)
        db, words = self._edit(vsan)
        if words:
            return words
        if role and not v["smart"]:
            return "% Smart Zoning is not enabled\n"
        if kind == "pwwn" and not re.fullmatch(WWN, value):
            return INVALID + "\n"
        if kind == "device-alias" and value not in self.state["aliases"]:
            return "% Device alias not present\n"
        member = [kind, value.lower() if kind == "pwwn" else value, ROLES.get(role) if role else None]
        members = db["zones"].setdefault(name, [])
        rest = [m for m in members if m[:2] != member[:2]]
        if no and len(rest) == len(members):
            return "% Member not present\n"
        if not no and member in members:
            return "Duplicate member\n"
        db["zones"][name] = rest + ([] if no else [member])

    def zoneset(self, name, vsan):
        db, words = self._edit(vsan)
        if words:
            return words
        db["zonesets"].setdefault(name, [])
        self.mode, self.where = "config-zoneset", (vsan, name)

    def no_zoneset(self, name, vsan):
        db, words = self._edit(vsan)
        if words:
            return words
        return None if db["zonesets"].pop(name, None) is not None else "% Zoneset not present\n"

    def zoneset_member(self, no, name):
        vsan, zoneset = self.where[0], self.where[-1]
        db, words = self._edit(vsan)
        if words:
            return words
        members = db["zonesets"].setdefault(zoneset, [])
        if no:
            return members.remove(name) if name in members else "% Zone not present in the zoneset\n"
        if name not in db["zones"]:
            return "% Zone not present\n"
        if name not in members:
            members.append(name)

    def activate(self, name, vsan):
        db, words = self._edit(vsan)
        if words:
            return words
        v = self._vsan(vsan)
        if name not in db["zonesets"]:
            return "% Zoneset not present\n"
        if not db["zonesets"][name] or not any(db["zones"].get(z) for z in db["zonesets"][name]):
            return "% Zoneset is empty\n"
        if v["active"] and v["active"]["name"] != name and self.ask:
            raise Question(f"WARNING: You are trying to activate zoneset {name}, which is different from current active zoneset "
                           f"{v['active']['name']}. Do you want to continue? (y/n) [n] ", lambda: self._activate(name, vsan))
        return self._activate(name, vsan)

    def _activate(self, name, vsan):
        v = self._vsan(vsan)
        if v["mode"] == "enhanced":
            v["session"]["activate"] = name
            return ""
        new = {z: v["full"]["zones"][z] for z in v["full"]["zonesets"][name] if z in v["full"]["zones"]}
        if v["active"] and v["active"] == {"name": name, "zones": new}:
            v["status"] = f"Operation failed: [Error: {HARMLESS}]: at {now_text()}"
            return HARMLESS + "\n"
        self.switch.start(vsan, "activate", self.user, name)
        return "Zoneset activation initiated. check zone status\n"

    def deactivate(self, vsan):
        _db, words = self._edit(vsan)
        if words:
            return words
        v = self._vsan(vsan)
        if v["mode"] == "enhanced":
            v["session"]["deactivate"] = True
        else:
            v["active"] = None
            self.switch.push(vsan)

    def commit(self, vsan):
        v = self._vsan(vsan)
        if not v or not v["session"]:
            return "No pending info found\n"
        if v["session"]["user"] != self.user or v["session"].get("from") or v["pending"]:
            return LOCKED + "\n"
        s = v["session"]
        changed = s["db"] != v["full"] or s["deactivate"]
        if s["activate"] and not changed and v["active"]:
            zones = {z: s["db"]["zones"][z] for z in s["db"]["zonesets"][s["activate"]] if z in s["db"]["zones"]}
            changed = v["active"] != {"name": s["activate"], "zones": zones}
            if not changed:
                v["session"] = None
                v["status"] = f"Operation failed: [Error: {HARMLESS}]: at {now_text()}"
                return "Commit operation initiated. Check zone status\n"
        self.switch.count("commits")
        self.switch.start(vsan, "commit", self.user)
        return "Commit operation initiated. Check zone status\n"

    def no_commit(self, vsan):
        v = self._vsan(vsan)
        if not v or not v["session"]:
            return "No pending info found\n"
        if v["session"]["user"] != self.user or v["session"].get("from") or v["pending"]:
            return LOCKED + "\n"
        v["session"] = None
        self.switch.log(f"unlock vsan={vsan} user={self.user}")

    def clear_lock(self, vsan):
        self.switch.log(f"clear-lock vsan={vsan} user={self.user}")
        self._vsan(vsan)["session"] = None

    def set_vsan(self, vsan, key, value):
        v = self._vsan(vsan)
        if v["session"] or v["pending"]:
            return LOCKED + "\n"
        v[key] = value
        self.switch.push(vsan)

    # --- aliases and ports ---

    def alias_mode(self):
        self.mode, self.where = "config-device-alias-db", None

    def alias(self, name, wwpn):
        self.state["aliases"][name] = wwpn.lower()

    def interface(self, name):
        if name not in self.state["ports"]:
            return "% Invalid interface\n"
        self.mode, self.where = "config-if", (name,)

    def shutdown(self, no):
        self.switch.set_port(self.where[0], bool(no))

    def copy_run_start(self):
        if self.switch.trouble("copy_busy"):
            return "% Another configuration copy is in progress, try again later\n"
        self.switch.save_startup()
        self.switch.count("saves")
        self.switch.log("saved")
        return "[########################################] 100%\nCopy complete.\n"

    # --- show ---

    def show_status(self, vsan):
        v = self._vsan(vsan)
        if not v:
            return f"VSAN {vsan} is not configured\n"
        s, size, active = v["session"], self.switch.size(v["full"]), self.switch.active_size(v)
        # "remote" as Cisco's guides print it; the notation of a local session is this face's own.
        who = "none" if not s else f"remote [dom: {s.get('domain', 2)}][ip: {s['from']}][user: {s['user']}]" if s.get("from") \
            else f"cli [{s['user']}]"
        lines = [f"VSAN: {vsan} default-zone: {v['default']} distribute: full Interop: default",
                 f"    mode: {v['mode']} merge-control: allow", f"    session: {who}",
                 "    hard-zoning: enabled broadcast: unsupported",
                 f"    smart-zoning: {'enabled' if v['smart'] else 'disabled'}", "    rscn-format: fabric-address",
                 "Default zone:", "    qos: none broadcast: unsupported ronly: unsupported", "Full Zoning Database :",
                 f"    DB size: {size} bytes",
                 f"    Zonesets:{len(v['full']['zonesets'])}  Zones:{len(v['full']['zones'])} Aliases: 0",
                 "Active Zoning Database :"]
        if v["active"]:
            lines += [f"    DB size: {active} bytes",
                      f"    Name: {v['active']['name']}  Zonesets:1  Zones:{len(v['active']['zones'])}"]
        else:
            lines.append("    Database Not Available")
        used, pending = size + active, f"{self.switch.size(s['db'])} bytes" if s else "n/a"
        lines += [f"Current Total Zone DB Usage: {used} / {v['limit']} bytes ({used * 100 // v['limit']} % used)",
                  "Pending (Session) DB size:",
                  f"    Full DB Copy size: {pending}",
                  "    Active DB Copy size: n/a",
                  f"SFC size: {used} / {v['limit']} bytes ({used * 100 // v['limit']} % used)",
                  f"Status: {v['status']}"]
        return "\n".join(lines) + "\n"

    def _member_full(self, m):
        role = f" {m[2]}" if m[2] else ""
        return f"{m[0]} {m[1]}{role}"

    def _zone_lines(self, name, members, vsan, indent):
        return [f"{indent}zone name {name} vsan {vsan}"] + [f"{indent}  {self._member_full(m)}" for m in members] + [""]

    def show_zone(self, name, vsan):
        v = self._vsan(vsan)
        zones = {n: z for n, z in (v or {"full": {"zones": {}}})["full"]["zones"].items() if not name or n == name}
        if not zones:
            return "Zone not present\n"
        return "\n".join(sum((self._zone_lines(n, z, vsan, "") for n, z in zones.items()), [])) + "\n"

    def show_zoneset(self, name, vsan):
        v = self._vsan(vsan)
        sets = {n: z for n, z in (v or {"full": {"zonesets": {}}})["full"]["zonesets"].items() if not name or n == name}
        if not sets:
            return "Zoneset not present\n"
        lines = []
        for n, members in sets.items():
            lines.append(f"zoneset name {n} vsan {vsan}")
            for z in members:
                lines += self._zone_lines(z, v["full"]["zones"].get(z, []), vsan, "  ")
        return "\n".join(lines) + "\n"

    def show_active(self, vsan):
        v = self._vsan(vsan)
        if not v or not v["active"]:
            return "Zoneset not present\n"
        logins = self.switch.logins(vsan)
        lines = [f"zoneset name {v['active']['name']} vsan {vsan}"]
        for z, members in v["active"]["zones"].items():
            lines.append(f"  zone name {z} vsan {vsan}")
            for m in members:
                wwpn, role = self.switch.resolve(m), f" {m[2]}" if m[2] else ""
                alias = f" [{m[1]}]" if m[0] == "device-alias" else ""
                if wwpn in logins:
                    lines.append(f"  * fcid {logins[wwpn]['fcid']} [pwwn {wwpn}]{alias}{role}")
                else:
                    lines.append(f"    {'device-alias ' + m[1] if not wwpn else 'pwwn ' + wwpn}{alias}{role}")
            lines.append("")
        return "\n".join(lines) + "\n"

    def show_pending(self, vsan):
        v = self._vsan(vsan)
        if not v or not v["session"]:
            return "No pending info found\n"
        old, new = v["full"], v["session"]["db"]
        lines = []
        for name in sorted(set(old["zones"]) | set(new["zones"])):
            a, b = old["zones"].get(name), new["zones"].get(name)
            if a == b:
                continue
            lines.append(f"{'+' if a is None else '-' if b is None else ' '}zone name {name} vsan {vsan}")
            lines += [f"-  {self._member_full(m)}" for m in a or [] if m not in (b or [])]
            lines += [f"+  {self._member_full(m)}" for m in b or [] if m not in (a or [])]
        for name in sorted(set(old["zonesets"]) | set(new["zonesets"])):
            a, b = old["zonesets"].get(name), new["zonesets"].get(name)
            if a == b:
                continue
            lines.append(f"{'+' if a is None else '-' if b is None else ' '}zoneset name {name} vsan {vsan}")
            lines += [f"-  zone name {z} vsan {vsan}" for z in a or [] if z not in (b or [])]
            lines += [f"+  zone name {z} vsan {vsan}" for z in b or [] if z not in (a or [])]
        return "\n".join(lines) + "\n"

    def show_fcns(self, vsan):
        rule = "-" * 74
        rows = sorted((one["fcid"], w) for w, one in self.switch.logins(vsan).items())
        lines = [f"VSAN {vsan}:", rule, "FCID        TYPE  PWWN                    (VENDOR)        FC4-TYPE:FEATURE", rule]
        lines += [f"{fcid}    N     {w}                 scsi-fcp" for fcid, w in rows]
        return "\n".join(lines + ["", f"Total number of entries = {len(rows)}"]) + "\n"

    def show_flogi(self, vsan):
        rule = "-" * 80
        lines = [rule, "INTERFACE        VSAN    FCID           PORT NAME               NODE NAME       ", rule]
        rows = sorted(self.switch.logins(vsan).items())
        lines += [f"{one['port']:<16} {vsan:<6}  {one['fcid']}  {w} {one['node']}" for w, one in rows]
        return "\n".join(lines + ["", f"Total number of flogi = {len(rows)}."]) + "\n"

    def show_aliases(self):
        lines = [f"device-alias name {n} pwwn {w}" for n, w in sorted(self.state["aliases"].items())]
        return "\n".join(lines + ["", f"Total number of entries = {len(lines)}"]) + "\n"

    def show_alias_status(self):
        return ("Fabric Distribution: Enabled\nDatabase:- Device Aliases {}  Mode: Basic\n"
                "Checksum: 0x0\n".format(len(self.state["aliases"])))

    def show_vsan(self):
        return "".join(f"vsan {n} information\n         name:VSAN{int(n):04d}  state:active \n"
                       "         interoperability mode:default \n         loadbalancing:src-id/dst-id/oxid \n"
                       "         operational state:up \n\n" for n in self.state["vsans"])

    def show_brief(self):
        rule = "-" * 79
        lines = ["", rule, "Interface  Vsan   Admin  Admin   Status          SFP    Oper  Oper   Port",
                 "                  Mode   Trunk                          Mode  Speed  Channel", rule]
        for name, p in self.state["ports"].items():
            up = self.switch.link(name)
            status = "up" if up else "notConnected" if p["enabled"] else "down"
            lines.append(f"{name:<10} {p['vsan']:<6} F      auto    {status:<15} swl    {'F' if up else '--':<5} "
                         f"{'16' if up else '--':<6} --")
        return "\n".join(lines) + "\n"

    def show_interface(self, name):
        p = self.state["ports"].get(name)
        if not p:
            return "% Invalid interface\n"
        how = "up" if self.switch.link(name) else "down (Link failure or not-connected)" if p["enabled"] else \
            "down (Administratively down)"
        return f"{name} is {how}\n"

    def show_version(self):
        return "Cisco Nexus Operating System (NX-OS) Software\n  a face for tests, of no vendor\n"


N = r"(\d+)"
NAME = r"([A-Za-z][\w$^-]*)"
COMMANDS = (
    (None, r"terminal length " + N, Session.terminal_length),
    (None, r"terminal width \d+", lambda s: None),
    (None, r"terminal dont-ask", lambda s: setattr(s, "ask", False)),
    (None, r"no terminal dont-ask", lambda s: setattr(s, "ask", True)),
    ("exec", r"conf(?:ig|igure)?(?: t(?:erminal)?)?", Session.configure),
    (None, r"end", Session.end),
    (None, r"exit", Session.leave),
    (None, r"show version", Session.show_version),
    (None, r"show zone status vsan " + N, Session.show_status),
    (None, rf"show zone(?: name {NAME})? vsan {N}", Session.show_zone),
    (None, r"show zone pending-diff vsan " + N, Session.show_pending),
    (None, r"show zoneset active vsan " + N, Session.show_active),
    (None, rf"show zoneset(?: name {NAME})? vsan {N}", Session.show_zoneset),
    (None, r"show fcns database vsan " + N, Session.show_fcns),
    (None, r"show flogi database vsan " + N, Session.show_flogi),
    (None, r"show device-alias database", Session.show_aliases),
    (None, r"show device-alias status", Session.show_alias_status),
    (None, r"show vsan", Session.show_vsan),
    (None, r"show interface brief", Session.show_brief),
    (None, r"show interface (fc\d+/\d+)", Session.show_interface),
    (None, r"copy running-config startup-config", Session.copy_run_start),
    ("exec", r"clear zone lock vsan " + N, Session.clear_lock),
    ("config", rf"zone name {NAME}(?: vsan {N})?", Session.zone),
    ("config", rf"no zone name {NAME}(?: vsan {N})?", Session.no_zone),
    ("config", rf"zoneset name {NAME} vsan {N}", Session.zoneset),
    ("config", rf"no zoneset name {NAME} vsan {N}", Session.no_zoneset),
    ("config", rf"zoneset activate name {NAME} vsan {N}", Session.activate),
    ("config", rf"no zoneset activate(?: name \S+)? vsan {N}", Session.deactivate),
    ("config", r"zone commit vsan " + N, Session.commit),
    ("config", r"no zone commit vsan " + N, Session.no_commit),
    ("config", r"zone mode enhanced vsan " + N, lambda s, n: s.set_vsan(n, "mode", "enhanced")),
    ("config", r"no zone mode enhanced vsan " + N, lambda s, n: s.set_vsan(n, "mode", "basic")),
    ("config", r"zone smart-zoning enable vsan " + N, lambda s, n: s.set_vsan(n, "smart", True)),
    ("config", r"no zone smart-zoning enable vsan " + N, lambda s, n: s.set_vsan(n, "smart", False)),
    ("config", r"zone default-zone permit vsan " + N, lambda s, n: s.set_vsan(n, "default", "permit")),
    ("config", r"no zone default-zone permit vsan " + N, lambda s, n: s.set_vsan(n, "default", "deny")),
    ("config", r"device-alias database", Session.alias_mode),
    ("config", r"device-alias commit", lambda s: None),
    ("config-device-alias-db", rf"device-alias name {NAME} pwwn ({WWN})", Session.alias),
    ("config", r"interface (fc\d+/\d+)", Session.interface),
    ("config-if", r"(no )?shutdown", Session.shutdown),
    ("config-zone", rf"(no )?member (pwwn|device-alias) (\S+)(?: (init|initiator|target|both))?", Session.zone_member),
    ("config-zoneset-zone", rf"(no )?member (pwwn|device-alias) (\S+)(?: (init|initiator|target|both))?", Session.zone_member),
    ("config-zoneset", rf"(no )?member {NAME}", Session.zoneset_member),
)
