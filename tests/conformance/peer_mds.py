# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of a Cisco MDS (lab/mds) behind a real sshd."""
import fcntl
import json
import os
import shlex
import sys
import time

import cases_fabric
import sandbox
from cases import agrees, all_done, check, converge, error_of, observed, part
from cases_fabric import once, waits
from peer import Peer
from sshd import KINDS, PASSWORD, PORT, SshHost, knows_rsa

LAB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../lab/mds")
sys.path.insert(0, LAB)
sys.dont_write_bytecode = True
from cli import Session  # noqa: E402
from switch import Switch  # noqa: E402

VSAN = "10"
HOSTS = ["20:00:02:ca:57:00:00:%02x" % n for n in range(1, 40)]
ARRAY = ["50:00:02:00:00:00:0a:%02x" % n for n in range(1, 9)]
FOREIGN = ("conf t", "device-alias database", "device-alias name ora1 pwwn 10:00:00:00:c9:00:00:01", "end", "conf t",
           "zone name oracle vsan 10", "member device-alias ora1", "member pwwn 50:00:00:00:00:00:00:aa",
           "zone name recasting vsan 10", "member pwwn 10:00:00:00:c9:00:00:02", "member pwwn 10:00:00:00:c9:00:00:03",
           "zoneset name prod vsan 10", "member oracle", "member recasting", "zoneset name spare vsan 10", "member oracle",
           "zoneset activate name prod vsan 10", "zone commit vsan 10", "end")


def zone(key, initiator, targets, generation=1, **more):
    change = cases_fabric.zone(key, generation, targets=targets)
    return {**change, "set": {**change["set"], "initiators": [initiator]}, **more}


def no_zone(key):
    return {"object": f"zone:{key}", "set": {"exists": False}}


def twelve(generation=1):
    return [zone(f"p{n}.hba0", HOSTS[n], ARRAY[:2], generation) for n in range(12)]


class MdsPeer(SshHost, Peer):
    driver = "mds"
    cls = "fabric"
    needs = {"sshd": "openssh-server", "ssh-keygen": "openssh-client", "openssl": "openssl"}
    unknown_object = "port:fc9/9"
    own_cases = ()
    copies = 1
    free_port = "fc1/7"      # nothing is cabled there
    mode, smart = "enhanced", False

    def sshd_more(self):
        return f"ForceCommand {shlex.quote(sys.executable)} -I -S -B {LAB}/mds-shell --dir {self.dir}/mds"

    def start(self):
        self.dir = sandbox.folder()
        self.switch = Switch(f"{self.dir}/mds").create()
        with self.switch.locked() as state:
            state["vsans"][VSAN].update(mode=self.mode, smart=self.smart)
        self.by("admin", *FOREIGN)
        with self.switch.locked():
            self.switch.login("10:00:00:00:c9:00:00:01", "fc1/8")
            self.switch.save_startup()
        self.began = self.count("activations")
        self.held = None
        self.start_ssh()

    def stop(self):
        if self.held:
            self.speak()
        self.stop_ssh()

    # --- the switch, by its own means ---

    def by(self, user, *lines):
        """Somebody else types; what the last line printed."""
        session, text = Session(self.switch, user), ""
        session.ask = False
        for line in lines:
            text = session.run(line)
        return text

    def count(self, what):
        with self.switch.locked() as state:
            return state["counters"][what]

    def activations(self):
        return self.count("activations") - self.began

    def trouble(self, **what):
        with self.switch.locked() as state:
            state["trouble"].update(what)

    def all_trouble(self):
        with self.switch.locked() as state:
            return dict(state["trouble"])

    @staticmethod
    def part_of(d, obj):
        return part(d.call("observe", "dev", objects=[obj])["document"], obj)

    def login(self, wwpn, port):
        with self.switch.locked():
            self.switch.login(wwpn, port)

    def logout(self, wwpn):
        with self.switch.locked():
            self.switch.logout(wwpn)

    def vsan(self):
        with self.switch.locked() as state:
            return json.loads(json.dumps(state["vsans"][VSAN]))

    def lock(self, user="eve", seconds=None, **how):
        """Somebody else begins to edit."""
        with self.switch.locked() as state:
            v = state["vsans"][VSAN]
            v["session"] = {"user": user, "since": 0, "until": seconds and time.time() + seconds, "db": json.loads(json.dumps(v["full"])), "activate": None,
                            "deactivate": False, **how}

    def unlock(self):
        with self.switch.locked() as state:
            state["vsans"][VSAN]["session"] = None

    def read_only_config(self):
        """Nothing is in force any more."""
        with self.switch.locked() as state:
            state["vsans"][VSAN]["active"] = None

    def commands(self):
        with open(f"{self.dir}/mds/log", encoding="utf-8") as f:
            return [line.split(" ", 3)[3].strip() for line in f if line.split(" ", 2)[1] == "command" and "user=root" in line]

    # --- what the cases want ---

    def options(self, _name):
        return {"address": f"ssh://root@127.0.0.1:{PORT}", "credential": self.private_key(), "vsan": int(VSAN)}

    def bad_auth_options(self):
        return dict(self.options("dev"), credential="not-the-password")

    def nobody_options(self):
        return dict(self.options("dev"), address="ssh://root@127.0.0.1:1")

    def wishes(self, generation=1):
        return [zone("web.hba0", HOSTS[0], ARRAY[:2], generation), zone("db.hba1", HOSTS[1], ARRAY[:1], generation),
                {"object": "port:fc1/3", "set": {"enabled": False}}]

    def other_wishes(self, generation=2):
        return [zone("web.hba0", HOSTS[2], ARRAY[2:4], generation), zone("db.hba1", HOSTS[1], ARRAY[:3], generation),
                {"object": "port:fc1/3", "set": {"enabled": True}}]

    def expect(self, change):
        w = change["set"]
        if not change["object"].startswith("zone:") or not w["exists"]:
            return w
        return {**cases_fabric.expected(change), "kind": "smart" if self.smart else "plain"}

    def silence(self):
        self.held = open(f"{self.dir}/mds/lock", "a", encoding="ascii")
        fcntl.flock(self.held, fcntl.LOCK_EX)

    def speak(self):
        self.held.close()
        self.held = None

    def restart(self):
        self.end_sshd()
        with self.switch.locked():
            self.switch.reboot()
        self.start_sshd()

    def dump(self):
        with self.switch.locked() as state:
            kept = {k: state[k] for k in ("vsans", "aliases", "ports")}
            return json.dumps(kept, indent=1, sort_keys=True)

    def foreign_dump(self):
        def others(zones):
            return {n: z for n, z in zones.items() if not n.startswith("recast_")}
        with self.switch.locked() as state:
            v = state["vsans"][VSAN]
            sets = {n: [z for z in s if not z.startswith("recast_")] for n, s in v["full"]["zonesets"].items()}
            kept = [others(v["full"]["zones"]), sets, v["active"]["name"], others(v["active"]["zones"]), state["aliases"],
                    {n: p for n, p in state["ports"].items() if n != "fc1/3"}, state["vsans"]["1"]]
            return json.dumps(kept, indent=1, sort_keys=True)


class MdsBasicPeer(MdsPeer):
    label = "mds, basic and smart zoning"
    mode, smart = "basic", True
    own_cases = ()
    generic = ("observe_after_apply_equals_the_wish", "a_full_observation_holds_every_object", "apply_twice_changes_nothing",
               "observe_never_writes", "foreign_configuration_is_left_alone", "an_impossible_change_spoils_no_other",
               "n_merged_equals_n_single", "a_higher_generation_on_the_device_is_a_conflict", "a_killed_driver_loses_nothing",
               "a_restarted_device_is_found_again")


def own(*peers):
    def register(fn):
        fn.needs = ()
        for peer in peers or (MdsPeer,):
            peer.own_cases += (fn,)
        return fn
    return register


BOTH = (MdsPeer, MdsBasicPeer)


def first(reply):
    check("results" in reply, f"{reply}")
    return reply["results"][0]


@own(*BOTH)
def twelve_zones_are_one_session_one_activation_and_one_commit(lab):
    d, p = lab.opened(), lab.peer
    d.call("observe", "dev")
    before, commits, logins = len(p.commands()), p.count("commits"), p.heard()
    all_done(d.apply("dev", twelve(), deadline_ms=20000), twelve())
    check(p.activations() == 1, f"{p.activations()} activations")
    check(p.count("commits") - commits == (p.mode == "enhanced"), "commits")
    check(p.heard() == logins, "it logged in again")
    said = p.commands()[before:]
    shows = [c for c in said if c.startswith("show")]
    check(len(said) <= 82 and len(shows) <= 15, f"{len(said)} commands, {len(shows)} of them to show: {said}")
    print(f"# 12 zones: {len(said)} commands, {len(shows)} of them show", flush=True)
    all_done(d.apply("dev", twelve()), twelve())
    check(p.activations() == 1, "it activated what was in force")
    gone = [no_zone(f"p{n}.hba0") for n in range(12)]
    all_done(d.apply("dev", gone, deadline_ms=20000), gone)
    check(p.activations() == 2, "activations")
    check(not [z for z in p.vsan()["full"]["zones"] if z.startswith("recast_")], "a zone is left")


@own(*BOTH)
def a_new_generation_takes_the_place_of_the_old_one_in_one_activation(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", [zone("web.hba0", HOSTS[0], ARRAY[:2], 3)]))
    converge(lab, d, "dev", [zone("web.hba0", HOSTS[5], ARRAY[:2], 4)])
    check(p.activations() == 2, "activations")
    check([z for z in p.vsan()["full"]["zones"] if z.startswith("recast_")] == ["recast_web_hba0_g4"], "the old one is left")


@own()
def another_ones_lock_is_told_and_waited_for(lab):
    d, p = lab.opened(), lab.peer
    for how, words in ((dict(), ["eve"]), ({"from": "10.0.0.9", "domain": 4}, ["eve", "10.0.0.9"])):
        p.lock(**how)
        before = p.dump()
        r = first(d.call("apply", "dev", changes=p.wishes()[:1]))
        check(r["status"] == "again" and r["error"]["code"] == "busy", f"{r}")
        check(all(w in r["error"]["text"] for w in words), f"{r}")
        check(p.dump() == before, "something was written all the same")
        lock = d.call("observe", "dev", objects=["lock"])["document"]["lock"]
        check(lock["held"] is True and lock["user"] == "eve" and ("from" not in how or lock["from"] == how["from"]), f"{lock}")
        p.unlock()
        check(d.call("observe", "dev", objects=["lock"])["document"]["lock"] == {"held": False}, "the lock is still told")
    p.lock(seconds=1)
    converge(lab, d, "dev", p.wishes()[:2])
    with open(f"{p.dir}/mds/log", encoding="utf-8") as f:
        check("clear-lock" not in f.read(), "it broke a lock")


@own()
def a_lock_in_our_own_name_is_given_back_only_when_it_is_ours(lab):
    d, p = lab.opened(), lab.peer
    p.by("root", "conf t", "zone name recast_old_hba0_g1 vsan 10", "member pwwn " + HOSTS[9])
    converge(lab, d, "dev", p.wishes()[:2])
    check("recast_old_hba0_g1" not in p.vsan()["full"]["zones"], "what a driver left was committed")
    p.by("root", "conf t", "zone name oracle vsan 10", "member pwwn " + HOSTS[9])
    r = first(d.call("apply", "dev", changes=p.other_wishes()[:1]))
    check(r["status"] == "again" and r["error"]["code"] == "busy" and "root" in r["error"]["text"], f"{r}")
    check(p.vsan()["session"], "it took back what somebody else had open")


@own()
def a_commit_that_fails_later_is_told_and_leaves_no_lock(lab):
    d, p = lab.opened(), lab.peer
    before = p.foreign_dump()
    for slow in (0, 300, 2600):
        p.trouble(commit={"fail": "Zone server rejected it", "slow_ms": slow, "n": 1})
        reply = d.apply("dev", p.wishes()[:2])
        for r in reply["results"]:
            if r["status"] == "done":  # the second was asked again after the failure of both was told
                continue
            check(r["status"] == "not_applied" and "Zone server rejected it" in r["error"]["text"], f"{slow}: {r}")
        check(reply["results"][0]["status"] == "not_applied", f"{slow}: {reply}")
        check(p.vsan()["session"] is None, f"{slow}: a lock is left")
        check(p.foreign_dump() == before, "foreign zones")
        converge(lab, d, "dev", p.wishes()[:2])
        all_done(d.apply("dev", [no_zone("web.hba0"), no_zone("db.hba1")]))


@own(*BOTH)
def a_slow_commit_is_answered_with_again_and_not_done_twice(lab):
    d, p = lab.opened(), lab.peer
    p.trouble(commit={"slow_ms": 3500, "n": 1})
    began = time.monotonic()
    r = first(d.call("apply", "dev", changes=p.wishes()[:1]))
    check(time.monotonic() - began < 2.5 and r["status"] == "again", f"{r}")
    converge(lab, d, "dev", p.wishes()[:1])
    check(p.activations() == 1, "activations")


@own()
def noise_on_the_terminal_changes_nothing(lab):
    p = lab.peer
    banner = "\nWelcome to mds1# \n\n--More-- not\n# \n\033[1mAll is logged\033[0m\nmds9# \n"
    for n, trouble in enumerate((dict(slow_echo=0.2), dict(pager=True), dict(banner=banner), dict(midway=40))):
        with p.switch.locked() as state:
            state["trouble"] = trouble
        d = lab.opened()
        wishes = [zone(f"web{i}.hba{n}", HOSTS[i], ARRAY[:2]) for i in range(1 if "slow_echo" in trouble else 6)]
        all_done(d.apply("dev", wishes, deadline_ms=30000), wishes)
        reply = d.call("observe", "dev", deadline_ms=20000)
        check("document" in reply, f"{reply}")
        agrees(lab, reply["document"], wishes)
        lab.discard(d)


CUTS = ("configure", "zone name recast", "member pwwn", "zoneset name", "member recast", "zoneset activate", "zone commit",
        "show zone status", "copy running")


@own(*BOTH)
def a_connection_that_ends_in_mid_command_converges(lab):
    p, generation = lab.peer, 1
    for when in ("before", "after"):
        for cut in CUTS:
            generation += 1
            p.trouble(**{"drop_" + when: {"match": "^" + cut, "n": 1}})
            d = lab.opened()
            wishes = p.wishes(generation)[:2]
            reply = d.call("apply", "dev", changes=wishes)
            for c, r in zip(wishes, reply.get("results", [])):
                check(r["status"] != "not_applied" or "error" in r, f"{r}")
                if r["status"] == "done":
                    agrees(lab, observed(lab, lab.opened(), "dev", wishes), [c])
                if r["status"] == "not_applied":
                    name = f"recast_{c['object'][5:].replace('.', '_')}_g{generation}"
                    check(name not in p.vsan()["active"]["zones"], f"{when} {cut}: it is in force: {r}")
            with p.switch.locked() as state:
                state["trouble"] = {}
            converge(lab, d, "dev", wishes)
            check(p.vsan()["session"] is None, "a lock is left")
            for one in list(lab.drivers):
                lab.discard(one)


@own(*BOTH)
def what_somebody_commits_meanwhile_is_not_overwritten(lab):
    """His are in force before ours are: under a lock that he broke, where there is one."""
    d, p, wishes = lab.opened(), lab.peer, lab.peer.wishes()[:1]
    commit = ("zone commit vsan 10",) if p.mode == "enhanced" else ()
    his = ("clear zone lock vsan 10", "conf t", "zone name his vsan 10", "member pwwn " + HOSTS[20], "member pwwn " + ARRAY[5],
           "zoneset name prod vsan 10", "member his", "zoneset activate name prod vsan 10", *commit, "end")
    for match in ("^member pwwn", "^member recast", "^zoneset activate"):
        p.trouble(meanwhile={"match": match, "n": 1, "user": "eve", "lines": his})
        r = once(d, *wishes)
        check("meanwhile" not in p.all_trouble(), f"{match}: it was not met")
        zones = p.vsan()["active"]["zones"]
        check({"his", "oracle", "recasting"} <= set(zones), f"{match}: {zones}")
        # In a basic VSAN his activation may have taken all of ours along: then it is there, and may be called so.
        if r["status"] == "done":
            check(p.mode == "basic" and "recast_web_hba0_g1" in zones, f"{match}: {r}")
        elif p.mode == "enhanced" and match != "^zoneset activate":
            waits(r, "somebody changed the zones")
        else:
            check(r["status"] in ("unknown", "again"), f"{match}: {r}")
        converge(lab, d, "dev", wishes)
        check(p.vsan()["session"] is None and "his" in p.vsan()["active"]["zones"], f"{match}: his zone is gone, or a lock is left")
        all_done(d.apply("dev", [no_zone("web.hba0")]))
        p.by("eve", "conf t", "zoneset name prod vsan 10", "no member his", "no zone name his vsan 10",
             "zoneset activate name prod vsan 10", *commit)


@own()
def a_session_that_the_switch_gave_up_is_not_told_as_done(lab):
    d, p, wishes = lab.opened(), lab.peer, lab.peer.wishes()[:2]
    for match in ("^member pwwn", "^zoneset name", "^zoneset activate", "^zone commit"):
        p.trouble(meanwhile={"match": match, "n": 1, "user": "eve", "lines": ["clear zone lock vsan 10"]})
        reply = d.call("apply", "dev", changes=wishes)
        check("meanwhile" not in p.all_trouble(), f"{match}: it was not met")
        for c, r in zip(wishes, reply["results"]):
            if r["status"] == "done":
                agrees(lab, observed(lab, d, "dev", wishes), [c])
        check(match == "^member pwwn" or reply["results"][0]["status"] != "done", f"{match}: {reply}")
        check({"oracle", "recasting"} <= set(p.vsan()["active"]["zones"]), f"{match}: zones of others are gone")
        converge(lab, d, "dev", wishes)
        check(p.vsan()["session"] is None, f"{match}: a lock is left")
        all_done(d.apply("dev", [no_zone("web.hba0"), no_zone("db.hba1")]))


@own(*BOTH)
def a_switch_that_reboots_in_mid_write_converges(lab):
    p = lab.peer
    for match in ("^member pwwn", "^zoneset activate", "^show zone status", "^copy running"):
        d = lab.opened()
        d.call("observe", "dev", objects=["login:" + HOSTS[7]])  # it is logged in
        p.trouble(meanwhile={"match": match, "n": 1, "reboot": True})
        reply = d.call("apply", "dev", changes=p.wishes()[:2])
        check("meanwhile" not in p.all_trouble(), f"{match}: it was not met")
        check("error" in reply or not any(r["status"] == "done" for r in reply["results"]), f"{match}: {reply}")
        check(not [z for z in p.vsan()["active"]["zones"] if z.startswith("recast_")], f"{match}: it was saved: the case proves nothing")
        converge(lab, d, "dev", p.wishes()[:2])
        check(p.vsan()["session"] is None, f"{match}: a lock is left")
        all_done(d.apply("dev", [no_zone("web.hba0"), no_zone("db.hba1")]))
        lab.discard(d)


@own(*BOTH)
def a_command_that_hangs_ends_at_the_deadline(lab):
    d, p = lab.opened(), lab.peer
    d.call("observe", "dev", objects=["config"])
    for n, match in enumerate(("^member pwwn", "^zoneset activate", "^show zone status"), 1):
        wishes = p.wishes(n)[:1]
        p.trouble(hang={"match": match, "n": 1, "ms": 2500})
        began = time.monotonic()
        reply = d.call("apply", "dev", changes=wishes, deadline_ms=1000)
        check(time.monotonic() - began < 1.1, f"{match}: it took longer than it had")
        check("error" in reply or reply["results"][0]["status"] in ("unknown", "not_applied"), f"{match}: {reply}")
        check(error_of(reply if "error" in reply else reply["results"][0]) == "unreachable", f"{match}: {reply}")
        converge(lab, d, "dev", wishes)
        check(p.vsan()["session"] is None, f"{match}: a lock is left")


SHOWN = {"zone status": "zone:web.hba0", "zone vsan": "zone:web.hba0", "zoneset active": "zone:web.hba0", "zoneset vsan": "zone:web.hba0",
         "fcns": "login:" + HOSTS[7], "flogi": "login:" + HOSTS[7], "interface brief": "port:fc1/7"}


@own(*BOTH)
def what_is_shown_in_part_or_not_at_all_proves_nothing(lab):
    d, p = lab.opened(), lab.peer
    all_done(d.apply("dev", p.wishes()[:1]))
    p.login(HOSTS[7], p.free_port)
    gone = {"object": "login:" + HOSTS[7], "set": {"online": False}}
    want = {o: p.part_of(d, o) for o in set(SHOWN.values())}
    for what, obj in SHOWN.items():
        for how in ("empty", "noise", "cut"):
            p.trouble(garble={"match": "^show " + what, "how": how, "n": 1})
            reply = d.call("observe", "dev", objects=[obj])
            check("garble" not in p.all_trouble(), f"{what} {how}: it was not met")
            code = reply.get("error", {}).get("code")
            # At which port of this switch it is, is said only where it is known.
            check(code in ("protocol", "unreachable") or (what == "flogi" and reply["document"]["logins"][HOSTS[7]]["online"]),
                  f"{what} {how}: {reply}")
            check(p.part_of(d, obj) == want[obj], f"{what} {how}: afterwards")
    for how in ("empty", "noise", "cut", "half"):
        p.trouble(garble={"match": "^show fcns", "how": how, "n": 1})
        r = once(d, gone)
        check("garble" not in p.all_trouble(), f"fcns {how}: it was not met")
        check(r["status"] == "not_applied" and r["error"]["code"] in ("protocol", "unreachable"), f"{how}: {r}")
    waits(once(d, gone), HOSTS[7])


@own()
def a_switch_that_lets_nobody_in_for_a_while_is_found_again(lab):
    d, p = lab.opened(), lab.peer
    p.trouble(refuse_login={"n": 2})
    check(error_of(d.call("observe", "dev", objects=["config"])) == "unreachable", "it was let in")
    reply = d.call("apply", "dev", changes=p.wishes()[:1])
    check(error_of(reply if "error" in reply else first(reply)) == "unreachable", f"{reply}")
    converge(lab, d, "dev", p.wishes()[:1])


@own(*BOTH)
def a_reboot_loses_what_was_not_saved(lab):
    p, d = lab.peer, lab.driver()
    lab.open(d, options=dict(p.options("dev"), save="never"))
    converge(lab, d, "dev", p.wishes())
    check(p.count("saves") == 0, "it saved")
    p.restart()
    document = observed(lab, d, "dev", p.wishes())
    check(document["zones"]["web.hba0"] == {"exists": False}, f"{document}")
    d.call("close", "dev")
    lab.open(d)
    converge(lab, d, "dev", p.wishes())
    check(p.count("saves") == 1, f"{p.count('saves')} copies for one apply")
    p.restart()
    agrees(lab, observed(lab, d, "dev", p.wishes()), p.wishes())


@own()
def a_copy_that_is_busy_is_tried_again_until_it_is_made(lab):
    d, p = lab.opened(), lab.peer
    p.trouble(copy_busy={"n": 2})
    all_done(d.apply("dev", p.wishes()), p.wishes())
    check(p.count("saves") == 1, "saves")
    p.trouble(copy_busy={"n": 5})
    r = first(d.call("apply", "dev", changes=p.other_wishes()))
    check(r["status"] == "again" and "startup" in r["error"]["text"], f"{r}")
    all_done(d.apply("dev", p.other_wishes()))
    check(p.count("saves") == 2 and p.activations() == 2, "saves or activations")


@own()
def smart_zoning_is_used_where_there_is_some_and_not_where_it_is_not_wished(lab):
    p = lab.peer
    with p.switch.locked() as state:
        state["vsans"][VSAN]["smart"] = True
    for zoning, kind in (("auto", "smart"), ("plain", "plain"), ("smart", "smart")):
        d = lab.driver()
        lab.open(d, options=dict(p.options("dev"), zoning=zoning))
        all_done(d.apply("dev", p.wishes()[:1]))
        got = observed(lab, d, "dev", p.wishes()[:1])["zones"]["web.hba0"]
        check(got["kind"] == kind and got["active"], f"{zoning}: {got}")
        roles = {m[1]: m[2] for m in p.vsan()["active"]["zones"]["recast_web_hba0_g1"]}
        check(roles == ({HOSTS[0]: "init", ARRAY[0]: "target", ARRAY[1]: "target"} if kind == "smart" else
                        dict.fromkeys([HOSTS[0], *ARRAY[:2]])), f"{roles}")
        lab.discard(d)
    with p.switch.locked() as state:
        state["vsans"][VSAN]["smart"] = False
    d = lab.driver()
    lab.open(d, options=dict(p.options("dev"), zoning="smart"))
    r = first(d.apply("dev", [zone("x.hba0", HOSTS[3], ARRAY[:1])]))
    check(r["status"] == "not_applied" and r["error"]["code"] == "refused", f"{r}")


@own(*BOTH)
def what_others_defined_and_did_not_activate_is_not_brought_into_force(lab):
    d, p = lab.opened(), lab.peer
    more = ("zone commit vsan 10",) if p.mode == "enhanced" else ()
    p.by("eve", "conf t", "zone name oracle vsan 10", "member pwwn 50:00:00:00:00:00:00:ab", *more)
    r = first(d.call("apply", "dev", changes=p.wishes()[:1]))
    check(r["status"] == "again" and r["error"]["code"] == "busy" and "oracle" in r["error"]["text"], f"{r}")
    check(p.activations() == 0, "it activated")
    p.by("eve", "conf t", "zoneset activate name prod vsan 10", *more)
    converge(lab, d, "dev", p.wishes()[:1])


@own()
def the_last_zone_is_never_taken_away_and_no_configuration_is_made(lab):
    p, d = lab.peer, lab.opened()
    all_done(d.apply("dev", p.wishes()[:1]))
    p.by("eve", "conf t", "zoneset name prod vsan 10", "no member oracle", "no member recasting", "zoneset activate name prod vsan 10",
         "zone commit vsan 10")
    r = first(d.apply("dev", [no_zone("web.hba0")]))
    check(r["status"] == "not_applied" and r["error"]["code"] == "refused", f"{r}")
    p.by("eve", "conf t", "no zoneset activate vsan 10", "zone commit vsan 10")
    r = first(d.apply("dev", [zone("x.hba0", HOSTS[3], ARRAY[:1])]))
    check(r["status"] == "not_applied" and r["error"]["code"] == "refused" and "zone set" in r["error"]["text"], f"{r}")
    p.by("eve", "conf t", "zoneset activate name spare vsan 10", "zone commit vsan 10", "zone default-zone permit vsan 10")
    r = first(d.apply("dev", [zone("x.hba0", HOSTS[3], ARRAY[:1])]))
    check(r["status"] == "not_applied" and "default" in r["error"]["text"], f"{r}")
    check(d.call("observe", "dev", objects=["config"])["document"]["config"] == {"name": "spare", "default_access": "all"}, "config")


@own()
def capacity_is_told_and_a_database_that_is_full_refuses(lab):
    d, p = lab.opened(), lab.peer
    capacity = d.call("observe", "dev", objects=["capacity"])["document"]["capacity"]
    check(capacity["limit_bytes"] == 2097152 and capacity["used_bytes"] > 0, f"{capacity}")
    with p.switch.locked() as state:
        state["vsans"][VSAN]["limit"] = capacity["used_bytes"] + 40
    r = first(d.apply("dev", p.wishes()[:1]))
    check(r["status"] == "not_applied" and "size" in r["error"]["text"], f"{r}")
    check(p.vsan()["session"] is None, "a lock is left")


@own()
def a_switch_that_takes_a_line_and_does_nothing_is_found_out(lab):
    d, p = lab.opened(), lab.peer
    for n, line in enumerate(("^member pwwn", "^member recast", "^zoneset activate", "^zone commit")):
        wishes = p.wishes(n + 1)[:2]
        p.trouble(lie={"match": line, "n": 1})
        reply = d.call("apply", "dev", changes=wishes)
        check(any(r["status"] != "done" for r in reply["results"]), f"{line}: {reply}")
        for c, r in zip(wishes, reply["results"]):
            if r["status"] == "done":
                agrees(lab, observed(lab, d, "dev", wishes), [c])
        converge(lab, d, "dev", wishes)


@own(*BOTH)
def ports_are_shut_and_logins_are_proved_to_be_gone(lab):
    d, p = lab.opened(), lab.peer
    wwpn, gone = HOSTS[7], [{"object": "login:" + HOSTS[7], "set": {"online": False}}]
    p.login(wwpn, p.free_port)
    document = d.call("observe", "dev", objects=["login:" + wwpn, "port:" + p.free_port, "port:fc9/9"])["document"]
    lab.validate(document)
    check(document["logins"][wwpn]["port"] == p.free_port and document["logins"][wwpn]["online"], f"{document}")
    check(document["ports"] == {p.free_port: {"exists": True, "enabled": True, "link": True}, "fc9/9": {"exists": False}}, f"{document}")
    r = first(d.call("apply", "dev", changes=gone))
    check(r["status"] == "again", f"{r}")
    shut = [{"object": "port:" + p.free_port, "set": {"enabled": False}}]
    all_done(d.apply("dev", shut + gone))
    check(d.call("observe", "dev", objects=["login:" + wwpn])["document"]["logins"][wwpn] == {"online": False}, "it is there")
    p.restart()
    check(d.call("observe", "dev", objects=["port:" + p.free_port])["document"]["ports"][p.free_port]["enabled"] is False, "reboot")


@own()
def any_host_key_and_any_credential_leads_to_the_command_line(lab):
    p = lab.peer
    ways = [dict(pam="no", password="yes", questions="no"), dict(pam="yes", password="no", questions="yes")]
    for kind in KINDS:
        if kind == "rsa" and not knows_rsa(lab.libexec):
            continue
        for how in ways:
            p.restart_sshd(kinds=(kind,), **how)
            d = lab.driver()
            lab.open(d, options=dict(p.options("dev"), credential=PASSWORD))
            check("document" in d.call("observe", "dev", objects=["config"]), f"{kind} {how}")
            lab.discard(d)
        p.make_key(kind, "user-" + kind)
        with open(f"{p.ssh}/user-{kind}.pub", encoding="ascii") as key, open(f"{p.ssh}/authorized", "a", encoding="ascii") as f:
            f.write(key.read())
        d = lab.driver()
        lab.open(d, options=dict(p.options("dev"), credential=p.private_key("user-" + kind)))
        check("document" in d.call("observe", "dev", objects=["config"]), kind)
        lab.discard(d)


@own()
def a_fence_does_not_wait_for_another_ones_lock(lab):
    d, p = lab.opened(), lab.peer
    p.lock()
    reply = d.call("apply", "dev", changes=[p.wishes()[0], {"object": "port:fc1/3", "set": {"enabled": False}}])
    check([r["status"] for r in reply["results"]] == ["again", "done"], f"{reply}")


@own()
def names_and_options_that_make_no_sense_are_refused(lab):
    d, p = lab.opened(), lab.peer
    for key in ("web", "web.", ".hba0", "w_b.hba0", "web.hba;0", "web.hba 0", "a" * 60 + ".hba0"):
        r = first(d.apply("dev", [zone(key, HOSTS[0], ARRAY[:1])]))
        check(r["status"] == "not_applied" and r["error"]["code"] == "invalid", f"{key}: {r}")
    for set_ in ({"exists": True, "initiators": HOSTS[:2], "targets": ARRAY[:1], "generation": 1},
                 {"exists": True, "initiators": HOSTS[:1], "targets": [], "generation": 1},
                 {"exists": True, "initiators": ["x"], "targets": ARRAY[:1], "generation": 1},
                 {"exists": True, "initiators": HOSTS[:1], "targets": HOSTS[:1], "generation": 1}, {"exists": 1}):
        r = first(d.apply("dev", [{"object": "zone:web.hba0", "set": set_}]))
        check(r["status"] == "not_applied" and r["error"]["code"] == "invalid", f"{set_}: {r}")
    for bad in (dict(vsan=0), dict(zoning="x"), dict(save="x"), dict(address="ssh://root@127.0.0.1/x")):
        check(error_of(lab.open(d, "x", options=dict(p.options("x"), **bad))) == "invalid", f"{bad}")


PEERS = [MdsPeer, MdsBasicPeer]
