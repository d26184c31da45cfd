# SPDX-License-Identifier: GPL-3.0-or-later
"""The cases that every driver must pass.  A case is a function of a Lab; its name with spaces is what the TAP
line says.  A case whose needs the peer does not offer is skipped by `needs`."""
import difflib
import os
import queue
import random
import re
import threading
import time

import sandbox
from client import DriverDied
from peer import Fake

CODES = {"auth", "untrusted", "unreachable", "protocol", "refused", "busy", "unsupported", "invalid", "conflict", "internal"}
CLASSES = {"switch", "fabric", "storage", "bmc", "compose", "probe", "*"}
CASES = []


class Skip(Exception):
    """The case does not apply, and why."""


def registrar(cases):
    """A decorator that puts cases into a list; its arguments name members of the peer that must not be None."""
    def case(*needs):
        def register(fn):
            fn.needs = needs
            cases.append(fn)
            return fn
        return register
    return case


case = registrar(CASES)


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def error_of(reply):
    check("error" in reply, f"an error was due, not {reply}")
    check(reply["error"]["code"] in CODES, f"unknown code {reply['error']['code']}")
    check(reply["error"]["text"], "an error without a text")
    return reply["error"]["code"]


def same(after, before):
    """What the device holds was not touched; tells where it was."""
    for line in difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "after", n=1, lineterm=""):
        check(False, f"something was written all the same, beginning with: {line}\n{before}\n{after}")


def all_done(reply, changes=None):
    check("results" in reply, f"no results: {reply}")
    check(changes is None or len(reply["results"]) == len(changes), "one result per change was due")
    for i, r in enumerate(reply["results"]):
        check(r["status"] == "done", f"change {i}: {r}")
    return reply["results"]


def part(document, obj):
    """What a document says about one object."""
    kind, _, name = obj.partition(":")
    if kind == "port":
        return document["ports"].get(name)
    if kind in ("volume", "map", "zone", "login"):
        return document[kind + "s"].get(name)
    if kind == "power":
        return {"power": document["power"]}
    return document[kind]


def agrees(lab, document, changes):
    for c in changes:
        is_, want = part(document, c["object"]), lab.peer.expect(c)
        for key, value in want.items():
            if (is_ or {}).get(key) != value and value is not False:
                raise AssertionError(f"{c['object']}: {key} is {(is_ or {}).get(key)!r}, wished {value!r}")


def objects_of(changes):
    return [c["object"] for c in changes]


def observed(lab, driver, device, changes):
    reply = driver.call("observe", device, objects=objects_of(changes))
    check("document" in reply, f"no document: {reply}")
    lab.validate(reply["document"])
    return reply["document"]


def converge(lab, driver, device, changes):
    all_done(driver.apply(device, changes), changes)
    agrees(lab, observed(lab, driver, device, changes), changes)


def told(driver, obj, seconds=1.0):
    """Wait for the event that says that `obj`, or anything, has changed; what it named, or None."""
    until = time.monotonic() + seconds
    while True:
        try:
            event = driver.events.get(timeout=max(0, until - time.monotonic()))
        except queue.Empty:
            raise AssertionError(f"no event told of {obj} within {seconds} s") from None
        check(event["event"] == "changed" and event["device"] and set(event) <= {"event", "device", "objects"},
              f"{event}")
        if "objects" not in event or obj in event["objects"]:
            return event.get("objects")


# --- the protocol ---

@case()
def hello_is_valid(lab):
    h = lab.driver().hello
    check(h["protocol"] == 1 and h["driver"] == lab.peer.driver, f"protocol or name: {h}")
    check(h["class"] in CLASSES and h["max_inflight"] >= 1 and isinstance(h["caps"], list), f"{h}")
    check(re.match(r"\d+\.\d+", h["version"]) and h["summary"], "version or summary")
    for o in h["options"]:
        check(set(o) == {"name", "type", "required", "default", "secret", "help"}, f"members of {o}")
        check(o["type"] in ("string", "int", "bool", "list") and o["help"], f"{o}")
        check(not (o["required"] and o["default"] is not None), f"{o['name']}: required and with a default")
        types = {"string": str, "int": int, "bool": bool, "list": list}
        check(o["default"] is None or isinstance(o["default"], types[o["type"]]), f"{o['name']}: default")
    check(sum(o["secret"] for o in h["options"]) <= 1, "more than one secret")


@case()
def the_manual_explains_every_option_and_capability(lab):
    manual = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../man/recast-driver.7")
    if lab.peer.driver == "lamp":
        raise Skip("it is an example")
    with open(manual, encoding="utf-8") as f:
        text = f.read()
    section = text.split(f".Ss {lab.peer.driver}: ")
    check(len(section) == 2, f"recast-driver(7) has no section on {lab.peer.driver}")
    words = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"^\.It Cm (.*)", section[1].split("\n.Ss ")[0].split(
        "\n.Sh ")[0], re.M))))
    caps = set(re.findall(r"^\.Cm (\w+)", text, re.M)) | {"tcp"}
    h = lab.driver().hello
    missing = [o["name"] for o in h["options"] if o["name"] not in words and not o["secret"]] + \
        [c for c in h["caps"] if c not in caps]
    check(not missing, f"recast-driver(7) says nothing of {missing}")


@case()
def an_unknown_option_is_refused(lab):
    options = dict(lab.peer.options("dev"), no_such_option=1)
    check(error_of(lab.open(lab.driver(), options=options)) == "invalid", "code")


@case()
def a_missing_option_is_refused(lab):
    d = lab.driver()
    required = [o["name"] for o in d.hello["options"] if o["required"]]
    if not required:
        raise Skip("no option is required")
    options = lab.peer.options("dev")
    options.pop(required[0])
    reply = lab.open(d, options=options)
    check(error_of(reply) == "invalid" and required[0] in reply["error"]["text"], f"{reply}")


@case()
def an_option_of_the_wrong_type_is_refused(lab):
    d = lab.driver()
    name = next((o["name"] for o in d.hello["options"] if o["type"] != "list"), None)
    if not name:
        raise Skip("it has no options")
    check(error_of(lab.open(d, options=dict(lab.peer.options("dev"), **{name: ["x"]}))) == "invalid", "code")


@case()
def a_device_of_another_class_is_refused(lab):
    d = lab.driver()
    if d.hello["class"] == "*":
        raise Skip("it serves every class")
    wrong = "switch" if lab.peer.cls != "switch" else "storage"
    reply = d.call("open", "dev", **{"class": wrong, "options": lab.peer.options("dev")})
    check(error_of(reply) == "invalid", "code")


@case()
def a_device_that_is_not_open_is_an_error(lab):
    d = lab.driver()
    for op in ("observe", "apply", "close"):
        check(error_of(d.call(op, "nobody", changes=[])) == "invalid", op)
    check(error_of(d.call("dance", "nobody")) in ("unsupported", "invalid"), "unknown request")


@case()
def a_device_can_be_closed_and_opened_again(lab):
    d = lab.opened()
    check(d.call("close", "dev").get("ok") is True, "close")
    check(error_of(d.call("observe", "dev")) == "invalid", "observe after close")
    check(lab.open(d).get("ok") is True, "second open")
    check("document" in d.call("observe", "dev", objects=lab.some_objects()), "observe after second open")


@case()
def input_that_is_no_frame_ends_the_driver_without_a_crash(lab):
    for rubbish in (b"rubbish\n", b"[1,2]\n", b"{" * 5000 + b"\n", b'{"a":1,"a":2}\n', b"\0\0\n"):
        d = lab.driver()
        d.process.stdin.write(rubbish)
        d.process.stdin.flush()
        sandbox.wait_until("the end of the driver", lambda d=d: d.process.poll() is not None, 3)
        check(d.process.returncode > 0, f"{rubbish[:20]}: status {d.process.returncode}")
        d.kill()
        lab.forget(d)


@case()
def odd_requests_are_answered(lab):
    d = lab.opened()
    for more in ({"objects": 5}, {"objects": [5]}, {"objects": ["bogus:x"]}):
        check(error_of(d.call("observe", "dev", **more)) in ("invalid", "unsupported"), f"observe {more}")
    for changes in (5, [5], [{}], [{"object": "x"}], [{"object": 5, "set": {}}]):
        check(error_of(d.call("apply", "dev", changes=changes)) == "invalid", f"apply {changes}")
    reply = d.call("apply", "dev", changes=[])
    check(reply.get("results") == [], f"no changes: {reply}")
    reply = d.call("apply", "dev", changes=[{"object": "bogus:x", "set": {}}])
    check("error" in reply or reply["results"][0]["status"] == "not_applied", f"bogus object: {reply}")
    first = lab.peer.wishes()[0]["object"] if lab.peer.wishes() else None
    if first:
        r = d.call("apply", "dev", changes=[{"object": first, "set": {"no_such_member": 1}}])
        check("error" in r or r["results"][0]["status"] == "not_applied", f"unknown member: {r}")


@case()
def the_end_of_stdin_ends_the_driver(lab):
    d = lab.opened()
    d.send("observe", "dev", objects=lab.some_objects())
    began = time.monotonic()
    check(d.close() == 0, "status of the driver")
    check(time.monotonic() - began < 2.5, "it took longer than 2 s")
    lab.forget(d)


# --- reading and writing ---

@case()
def observe_after_apply_equals_the_wish(lab):
    d = lab.opened()
    for wishes in (lab.wishes(), lab.peer.other_wishes()):
        results = all_done(d.apply("dev", wishes), wishes)
        check(any(r["changed"] for r in results), "nothing was said to have changed")
        document = observed(lab, d, "dev", wishes)
        agrees(lab, document, wishes)
        if lab.peer.native_check:
            lab.peer.native_check(document)


@case()
def a_full_observation_holds_every_object(lab):
    d = lab.opened()
    converge(lab, d, "dev", lab.wishes())
    document = d.call("observe", "dev")["document"]
    lab.validate(document)
    agrees(lab, document, lab.wishes())


@case()
def apply_twice_changes_nothing(lab):
    d = lab.opened()
    all_done(d.apply("dev", lab.wishes()), lab.wishes())
    before = lab.peer.dump() if lab.peer.dump else None
    for r in all_done(d.apply("dev", lab.wishes()), lab.wishes()):
        check(r["changed"] is False, f"changed again: {r}")
    if before is not None:
        same(lab.peer.dump(), before)


@case("dump")
def observe_never_writes(lab):
    d = lab.opened()
    all_done(d.apply("dev", lab.wishes()), lab.wishes())
    before = lab.peer.dump()
    for _ in range(3):
        d.call("observe", "dev")
        d.call("observe", "dev", objects=objects_of(lab.wishes()))
        if lab.peer.unknown_object:
            d.call("observe", "dev", objects=[lab.peer.unknown_object])
    same(lab.peer.dump(), before)


@case("foreign_dump")
def foreign_configuration_is_left_alone(lab):
    before = lab.peer.foreign_dump()
    d = lab.opened()
    for wishes in (lab.wishes(), lab.peer.other_wishes()):
        all_done(d.apply("dev", wishes), wishes)
        check(lab.peer.foreign_dump() == before, "somebody else's configuration was touched")


@case("unknown_object")
def an_impossible_change_spoils_no_other(lab):
    d = lab.opened()
    set_ = {"size_bytes": 1} if lab.peer.cls == "storage" else {}
    bad = {"object": lab.peer.unknown_object, "set": dict(lab.wishes()[0]["set"], **set_)}
    if lab.peer.cls == "storage":
        bad["set"] = {"exists": True, "source": "nosuch-source"}
    changes = [bad] + lab.wishes()
    reply = d.apply("dev", changes)
    check(reply["results"][0]["status"] == "not_applied", f"{reply['results'][0]}")
    all_done({"results": reply["results"][1:]}, lab.wishes())
    agrees(lab, observed(lab, d, "dev", lab.wishes()), lab.wishes())


@case()
def n_merged_equals_n_single(lab):
    d = lab.opened()
    converge(lab, d, "dev", lab.wishes())
    merged = observed(lab, d, "dev", lab.wishes())
    lab.restart_peer()
    d = lab.opened()
    for c in lab.wishes():
        all_done(d.apply("dev", [c]), [c])
    single = observed(lab, d, "dev", lab.wishes())
    for c in lab.wishes():
        check(part(merged, c["object"]) == part(single, c["object"]), f"{c['object']} differs")


@case()
def a_higher_generation_on_the_device_is_a_conflict(lab):
    if not any(c.get("generation") for c in lab.wishes()):
        raise Skip("its objects carry no generation")
    d = lab.opened()
    new, old = lab.peer.wishes(9), lab.peer.wishes(1)
    all_done(d.apply("dev", new), new)
    before = observed(lab, d, "dev", new)
    results = d.apply("dev", old)["results"]
    for c, r in zip(old, results):
        if c.get("generation"):
            check(r["status"] == "not_applied" and r["error"]["code"] == "conflict", f"{c['object']}: {r}")
    check(observed(lab, d, "dev", new) == before, "something was changed all the same")


# --- trouble ---

@case("bad_auth_options")
def a_wrong_password_is_auth(lab):
    d = lab.driver()
    reply = lab.open(d, options=lab.peer.bad_auth_options())
    if "error" not in reply:
        reply = d.call("observe", "dev", objects=lab.some_objects())
    check(error_of(reply) == "auth", f"{reply}")


@case("nobody_options")
def an_address_where_nobody_answers_is_unreachable(lab):
    d = lab.driver()
    began = time.monotonic()
    reply = lab.open(d, options=lab.peer.nobody_options())
    if "error" not in reply:
        reply = d.call("observe", "dev", deadline_ms=2000, objects=lab.some_objects())
    check(error_of(reply) == "unreachable", f"{reply}")
    reply = d.call("apply", "dev", deadline_ms=2000, changes=lab.wishes())
    check("error" in reply or reply["results"][-1]["status"] == "not_applied", f"{reply}")
    check(time.monotonic() - began < 8, "it took too long")


@case("silence")
def silence_is_unreachable_within_the_deadline(lab):
    d = lab.opened()
    converge(lab, d, "dev", lab.wishes())
    lab.peer.silence()
    try:
        for deadline in (300, 1500):
            began = time.monotonic()
            reply = d.call("observe", "dev", deadline_ms=deadline, objects=lab.some_objects())
            took = time.monotonic() - began
            check(error_of(reply) == "unreachable", f"{reply}")
            check(took <= deadline / 1000 + 0.2, f"deadline {deadline} ms, answer after {took:.3f} s")
        other = lab.peer.other_wishes()
        reply = d.call("apply", "dev", deadline_ms=500, changes=other)
        check("error" in reply or reply["results"][-1]["status"] != "done", f"{reply}")
    finally:
        lab.peer.speak()
    converge(lab, d, "dev", other)


@case("proxy", "cut_points")
def a_write_cut_half_way_converges(lab):
    first, second = lab.wishes(), lab.peer.other_wishes()
    for after in (False, True):
        for cut in lab.peer.cut_points():
            lab.restart_peer()
            direct = lab.opened()
            converge(lab, direct, "dev", first)
            proxy = lab.peer.proxy(cut=cut, after=after)
            try:
                broken = lab.driver()
                lab.open(broken, options=dict(lab.peer.options("dev"), **lab.peer.proxy_options(proxy.path)))
                reply = broken.call("apply", "dev", deadline_ms=4000, changes=second)
            finally:
                proxy.close()
            # What is said to be done must be so; the rest is settled by applying again.
            document = observed(lab, direct, "dev", second)
            for c, r in zip(second, reply.get("results", [])):
                if r["status"] == "done":
                    agrees(lab, document, [c])
            converge(lab, direct, "dev", second)


RUBBISH = [b"", b"rubbish\n", b"\0" * 300, b"\xff\xfe" * 300, b"{" * 100000, b"[" * 100000, b'{"id":1,"result":',
           b'{"id":1,"result":[],"error":null}', b'{"id":1,"result":5,"error":null}', b'"' + b"a" * 100000,
           b'{"id":1,"result":{"Open_vSwitch":5},"error":null}{"id":2,"result":[{"rows":5},7],"error":null}',
           b'{"id":1,"error":{"e":1}}', b"\x00\x00\x00\x00\xff\xff\xff\xff", b"\x00\x00\x00\x00\x00\x00\x00\x00",
           b"\x13\x00\x00\x00\x08\x00\x00\x00", b"\xff\xff\xff\xff\x08\x00\x00\x00",
           b"\x00\x00\x00\x00\x20\x00\x00\x00Target", b"\x00\x00\x00\x00\x40\x00\x00\x00" + b"Target 1: x\n" * 5]


@case("fake_options")
def rubbish_from_the_device_is_an_error_and_no_crash(lab):
    seed = int(os.environ.get("RECAST_SEED", "1"))
    dice = random.Random(seed)
    lots = RUBBISH + [bytes(dice.randrange(256) for _ in range(dice.randrange(400))) for _ in range(40)]
    path = f"{sandbox.folder()}/fake"
    d = lab.driver()
    for i, reply_bytes in enumerate(lots):
        for hold in (False, True):
            fake = Fake(path, reply_bytes, hold)
            try:
                lab.open(d, options=dict(lab.peer.options("dev"), **lab.peer.fake_options(path)))
                reply = d.call("observe", "dev", deadline_ms=250, objects=lab.some_objects())
                said = reply.get("error", {}).get("code")
                check(said in ("protocol", "unreachable", "refused", "invalid") or "document" in reply,
                      f"reply {i} (seed {seed}): {reply}")
                reply = d.call("apply", "dev", deadline_ms=250, changes=lab.wishes())
                check("error" in reply or all(r["status"] != "done" or r["changed"] is False or
                                              c["object"].startswith("volume:")
                                              for c, r in zip(lab.wishes(), reply["results"])),
                      f"reply {i} (seed {seed}): claimed to be done: {reply}")
                d.call("close", "dev")
            finally:
                fake.close()


@case()
def two_devices_in_parallel(lab):
    d = lab.opened("dev")
    lab.open(d, "dev2")
    failures = []

    def write():
        try:
            for i in range(10):
                wishes = lab.peer.other_wishes(i + 1) if i % 2 else lab.peer.wishes(i + 1)
                all_done(d.apply("dev", wishes), wishes)
        except (AssertionError, DriverDied) as e:
            failures.append(e)

    def read():
        try:
            for _ in range(40):
                lab.validate(d.call("observe", "dev2")["document"])
        except (AssertionError, DriverDied, KeyError) as e:
            failures.append(e)

    threads = [threading.Thread(target=write), threading.Thread(target=read), threading.Thread(target=read)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    check(not failures, f"{failures}")


@case("fake_options")
def a_silent_device_does_not_hold_up_another(lab):
    path = f"{sandbox.folder()}/fake"
    fake = Fake(path, b"", hold=True)
    try:
        d = lab.opened()
        lab.open(d, "mute", options=dict(lab.peer.options("mute"), **lab.peer.fake_options(path)))
        slow = d.send("observe", "mute", deadline_ms=2000, objects=lab.some_objects())
        began = time.monotonic()
        check("document" in d.call("observe", "dev", objects=lab.some_objects()), "the other device")
        check(time.monotonic() - began < 1, "it had to wait")
        check(error_of(d.wait(slow, 2000)) == "unreachable", "the silent one")
    finally:
        fake.close()


@case()
def a_killed_driver_loses_nothing(lab):
    dice = random.Random(int(os.environ.get("RECAST_SEED", "1")))
    began = time.monotonic()
    d = lab.opened()
    converge(lab, d, "dev", lab.wishes())
    one = max(time.monotonic() - began, 0.001)
    lab.discard(d)
    for i in range(12):
        d = lab.opened()
        wishes = lab.peer.other_wishes(i + 2) if i % 2 else lab.peer.wishes(i + 2)
        d.send("apply", "dev", changes=wishes)
        time.sleep(dice.random() * min(one, 0.05))
        lab.discard(d)
        d = lab.opened()
        converge(lab, d, "dev", wishes)
        lab.discard(d)


OTHER_KEY = "SHA256:" + "B" * 42 + "A"


def stopped(lab, d, pin, device="dev"):
    """Nothing may come through with this pin; the error of it."""
    before = lab.peer.heard() if lab.peer.heard else 0
    reply = lab.open(d, device, pin=pin)
    if "error" not in reply:
        reply = d.call("apply", device, changes=lab.wishes())
        check("error" in reply, f"an apply was attempted: {reply}")
        reply = d.call("observe", device, objects=lab.some_objects())
    check(error_of(reply) == "untrusted", f"{reply}")
    shown = reply["error"].get("presented", {})
    check(shown.get("fingerprint") == lab.peer.pin(device) and shown.get("kind") in ("tls", "ssh"), f"presented: {shown}")
    check(shown["fingerprint"] in reply["error"]["text"], f"{reply}")
    check(not lab.peer.heard or lab.peer.heard() == before, "something was said to a device that is not trusted")
    d.call("close", device)
    return reply["error"]


@case("pin")
def a_device_whose_key_is_not_pinned_is_told_nothing(lab):
    d = lab.driver()
    stopped(lab, d, None)
    # The same driver goes on as soon as it is given the pin.
    lab.open(d)
    converge(lab, d, "dev", lab.wishes())


@case("pin")
def another_key_than_the_pinned_one_stops_before_anything_is_sent(lab):
    d = lab.driver()
    error = stopped(lab, d, OTHER_KEY)
    check(OTHER_KEY in error["text"] and error.get("hint"), f"both fingerprints are due: {error}")
    lab.open(d, pin=lab.peer.pin("dev") + "=")  # as other programs write it
    converge(lab, d, "dev", lab.wishes())


@case("pin")
def a_pin_that_is_no_fingerprint_is_refused(lab):
    d = lab.driver()
    for pin in ("", "SHA256:", "MD5:00:11", "SHA256:" + "A" * 42, "SHA256:" + "*" * 43, "A" * 50):
        check(error_of(lab.open(d, pin=pin)) == "invalid", pin)


@case("pin")
def the_security_of_a_device_tells_its_key(lab):
    d = lab.opened()
    document = d.call("observe", "dev", objects=["security"])["document"]
    lab.validate(document)
    check(document["security"]["key"]["fingerprint"] == lab.peer.pin("dev"), f"{document}")


@case("restart")
def a_restarted_device_is_found_again(lab):
    d = lab.opened()
    converge(lab, d, "dev", lab.wishes())
    lab.peer.restart()
    converge(lab, d, "dev", lab.wishes())


@case()
def secrets_appear_nowhere(lab):
    secret = "Pa55word-that-must-not-leak"
    d = lab.driver(env=dict(os.environ, RECAST_LOG="debug"))
    options = lab.peer.options("dev")
    option = next((o["name"] for o in d.hello["options"] if o["secret"]), None)
    if not option and not lab.peer.secrets:
        raise Skip("it is given no secret")
    for bad in ({}, {"no_such_option": secret}):
        given = dict(options, **bad)
        if option:
            given[option] = given.get(option, secret)
        lab.open(d, options=given)
        d.call("observe", "dev", objects=lab.some_objects())
        d.call("apply", "dev", changes=lab.wishes() + [{"object": "bogus:x", "set": {}}])
        d.call("close", "dev")
    for secret_text in (secret, *lab.peer.secrets):
        for where in ("cmdline", "environ"):
            with open(f"/proc/{d.process.pid}/{where}", "rb") as f:
                check(secret_text.encode() not in f.read(), f"a secret is in /proc/PID/{where}")
        check(secret_text.encode() not in bytes(d.stdout_bytes), "a secret is in a reply")
        check(secret_text.encode() not in bytes(d.stderr_bytes), "a secret is in the log")


def copies_in_memory(pid, secret):
    """How often the bytes stand in the memory of a process."""
    count = 0
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            span, mode = line.split()[:2]
            begin, end = (int(x, 16) for x in span.split("-"))
            if "r" not in mode or end - begin > 1 << 30 or "[v" in line:
                continue
            try:
                mem.seek(begin)
                count += mem.read(end - begin).count(secret.encode())
            except OSError:
                pass
    return count


@case()
def a_secret_stays_in_memory_once_and_no_longer_than_needed(lab):
    d = lab.driver()
    if b"libasan" in open(f"/proc/{d.process.pid}/maps", "rb").read() or \
            b"libtsan" in open(f"/proc/{d.process.pid}/maps", "rb").read():
        raise Skip("sanitizers keep freed memory")
    option = next((o["name"] for o in d.hello["options"] if o["secret"]), None)
    if not option and not lab.peer.secrets:
        raise Skip("it is given no secret")
    options = lab.peer.options("dev")
    if option:
        options.setdefault(option, "Pa55word-that-must-not-stay")
    lab.open(d, options=options)
    all_done(d.apply("dev", lab.wishes()))
    d.call("observe", "dev", objects=lab.some_objects())
    if option:
        found = copies_in_memory(d.process.pid, options[option])
        check(1 <= found <= lab.peer.copies, f"the secret of the device is there {found} times")
    d.call("close", "dev")
    for secret in (*lab.peer.secrets, *([options[option]] if option else [])):
        end = time.monotonic() + 10  # a session that is just being closed has it for a moment still
        while (found := copies_in_memory(d.process.pid, secret)) and time.monotonic() < end:
            time.sleep(0.1)
        check(found == 0, f"a secret is left {found} times")


@case()
def closing_after_failures_leaks_nothing(lab):
    d = lab.driver()

    def cycle():
        for options in (lab.peer.options("dev"), dict(lab.peer.options("dev"), nonsense=1),
                        lab.peer.nobody_options() if lab.peer.nobody_options else None):
            if options is None:
                continue
            lab.open(d, options=options)
            d.call("observe", "dev", deadline_ms=1000, objects=lab.some_objects())
            d.call("apply", "dev", deadline_ms=1000, changes=[{"object": "bogus:x", "set": {}}])
            d.call("close", "dev")

    def held():
        return len(os.listdir(f"/proc/{d.process.pid}/fd")), len(os.listdir(f"/proc/{d.process.pid}/task"))

    cycle()
    fds, threads = held()
    for _ in range(30):
        cycle()
    # What a closed device was just doing may take a moment to end; a leak does not go away.
    end = time.monotonic() + 10
    while True:
        now = held()
        if now[0] <= fds and now[1] <= threads + d.hello["max_inflight"]:
            break
        check(time.monotonic() < end, f"descriptors, threads: {(fds, threads)} -> {now}")
        time.sleep(0.05)
