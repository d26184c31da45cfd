# SPDX-License-Identifier: GPL-3.0-or-later
"""BMCs for the IPMI driver: OpenIPMI's ipmi_sim, which speaks cipher suite 3, and lab/bmcsim, which speaks 17 too and
makes faults on demand.  Each case gets two of them, "dev" and "dev2"."""
import json
import os
import random
import shutil
import signal
import socket
import threading
import time

import sandbox
from cases import all_done, check, error_of
from peer import Peer

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PASSWORD = "Bmc-Secret-4711"
NAMES = ("dev", "dev2")
TEXT = "PERSONA web UP"


class IpmiPeer(Peer):
    driver = "ipmi"
    cls = "bmc"
    secrets = (PASSWORD,)
    copies = 3  # the device's, the console's, and that which libfreeipmi keeps for an open session
    unknown_object = "nosuch"
    boot_text = TEXT
    has_boot = has_console = off_is_slow = True

    def start(self):
        self.dir = sandbox.folder()
        self.sims = {}
        for name in NAMES:
            os.mkdir(f"{self.dir}/{name}")
            self.start_one(name)

    def stop(self):
        for sim in self.sims.values():
            sandbox.end(sim)
        shutil.rmtree(self.dir, ignore_errors=True)

    def env(self):
        # What the libraries do among their own locks is not ours to judge.
        return dict(os.environ, TSAN_OPTIONS=f"ignore_noninstrumented_modules=1 suppressions={TOP}/tests/conformance/"
                    "ipmi.tsan " + os.environ.get("TSAN_OPTIONS", ""))

    def options(self, name):
        return {"address": self.address(name), "user": "admin", "password": PASSWORD}

    def bad_auth_options(self):
        return dict(self.options("dev"), password="not-the-password")

    def nobody_options(self):
        return dict(self.options("dev"), address="127.0.3.99", session_timeout_ms=200, retransmit_ms=50)

    def silence(self):
        self.sims["dev"].send_signal(signal.SIGSTOP)

    def speak(self):
        self.sims["dev"].send_signal(signal.SIGCONT)

    def restart(self):
        for name in NAMES:
            sandbox.end(self.sims[name])
            self.start_one(name)

    def boot_wishes(self):
        return [{"object": "boot", "set": {"device": "pxe"}}, {"object": "power", "set": {"power": "on"}}]

    def acts(self, name="dev"):
        """What the BMC did: (seconds, act, more)."""
        try:
            with open(f"{self.dir}/{name}/log", encoding="utf-8") as f:
                lines = [line.split() for line in f]
        except FileNotFoundError:
            return []
        return [(float(words[0]), *self.act(words[1:])) for words in lines if len(words) > 1]

    def writes(self, name="dev"):
        return [a for a in self.acts(name) if a[1] in ("control", "set-boot", "identify")]

    def power_readings(self, name="dev"):
        return [a for a in self.acts(name) if a[1] == "read-power"]

    def dump(self):
        return json.dumps([self.writes(n) for n in NAMES])


CHASSIS = """#!/bin/bash
# chassis control of ipmi_sim: keeps power and boot device in files, writes what happened to log
cd "{dir}" || exit 1
now=$(date +%s.%N) verb=$1
shift
if [ $verb = get ]; then
	for what; do
		read -r value <$what
		echo "$what:$value"
		echo "$now get $what $value" >>log
	done
	exit 0
fi
echo "$now set $*" >>log
while [ $# -ge 2 ]; do
	case $1 in power|boot) echo "$2" >$1.new && mv $1.new $1 ;; esac
	shift 2
done
"""

LAN = """name "{name}"
set_working_mc 0x20
  startlan 1
    addr {address} 623
    priv_limit admin
    allowed_auths_callback {auths}
    allowed_auths_user {auths}
    allowed_auths_operator {auths}
    allowed_auths_admin {auths}
    guid {guid}
  endlan
  chassis_control "{dir}/chassis"
  sol "tcp:127.0.0.1:{serial}" 115200
  user 1 {anonymous} "" "" user 10 {auths}
  user 2 true "admin" "{password}" admin 10 {auths}
{users}"""

EMU = """mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
mc_set_guid 0x20 {guid}
sel_enable 0x20 1000 0x0a
sensor_add 0x20 0 0 35 0x6f event-only
mc_enable 0x20
"""


class Serial(threading.Thread):
    """The serial port of a server behind ipmi_sim: prints the boot text when the power comes on."""

    def __init__(self, folder, port):
        super().__init__(daemon=True)
        self.folder, self.stopped, self.client, self.chatty = folder, False, None, False
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen(4)
        self.listener.settimeout(0.02)
        self.start()

    def _power(self):
        with open(f"{self.folder}/power", encoding="ascii") as f:
            return f.read().strip()

    def run(self):
        was, spoke = "0", 0
        while not self.stopped:
            try:
                self.client = self.listener.accept()[0]
            except TimeoutError:
                pass
            except OSError:
                return
            try:
                now = self._power()
                if now == "1" and was == "0" and self.client:
                    self.client.sendall(f"{TEXT}\r\n".encode())
                was = now
                if self.chatty and self.client and time.monotonic() - spoke > 1.05:
                    spoke = time.monotonic()
                    self.client.sendall(b".")
            except OSError:
                pass

    def close(self):
        self.stopped = True
        self.join(2)
        self.listener.close()
        if self.client:
            self.client.close()


class IpmiSim(IpmiPeer):
    label = "ipmi, OpenIPMI"
    auths, anonymous, users = "none md2 md5 straight", "false", ""
    needs = {"ipmi_sim": "openipmi"}

    def address(self, name):
        return f"127.0.3.{NAMES.index(name) + 1}"

    def act(self, words):
        if words[:2] == ["get", "power"]:
            return ("read-power", "on" if words[2] == "1" else "off")
        if words[0] == "set":
            return {"boot": "set-boot", "identify": "identify"}.get(words[1], "control"), " ".join(words[1:])
        return (words[0], " ".join(words[1:]))

    def start(self):
        self.serials = []
        super().start()

    def start_one(self, name):
        folder, number = f"{self.dir}/{name}", NAMES.index(name)
        guid = f"a123456789abcdefa12345678900000{number + 1}"
        if not os.path.exists(f"{folder}/power"):
            for path, text in (("power", "0"), ("boot", "none")):
                with open(f"{folder}/{path}", "w", encoding="ascii") as f:
                    f.write(text + "\n")
            with open(f"{folder}/chassis", "w", encoding="ascii") as f:
                f.write(CHASSIS.format(dir=folder))
            os.chmod(f"{folder}/chassis", 0o755)
            os.mkdir(f"{folder}/state")
            with open(f"{folder}/lan.conf", "w", encoding="ascii") as f:
                f.write(LAN.format(name=name, address=self.address(name), guid=guid, dir=folder, serial=9101 + number,
                                   password=PASSWORD, auths=self.auths, anonymous=self.anonymous, users=self.users))
            with open(f"{folder}/sim.emu", "w", encoding="ascii") as f:
                f.write(EMU.format(guid=guid))
            self.serials.append(Serial(folder, 9101 + number))
        self.sims[name] = sandbox.start(["ipmi_sim", "-n", "-c", f"{folder}/lan.conf", "-f", f"{folder}/sim.emu", "-s",
                                         f"{folder}/state"], f"{folder}/output")
        wanted = f" 0{number + 1}03007F:026F "
        sandbox.wait_until("ipmi_sim", lambda: wanted in open("/proc/self/net/udp", encoding="ascii").read())

    def stop(self):
        for serial in self.serials:
            serial.close()
        super().stop()

    def wishes(self, generation=1):
        return [{"object": "power", "set": {"power": "on"}}]

    def other_wishes(self, generation=2):
        return [{"object": "power", "set": {"power": "off"}}]


class BmcSim(IpmiPeer):
    label = "ipmi, suite 17"
    needs = {"ipmitool": "ipmitool"}
    more = ()
    password = PASSWORD

    def missing(self):
        try:
            import cryptography  # pylint: disable=unused-import,import-outside-toplevel
        except ImportError:
            if not os.path.exists("/usr/lib/python3/dist-packages/cryptography"):
                return ["python3-cryptography"]
        return super().missing() if isinstance(self, Peer) else Peer.missing(self)

    def address(self, name):
        return f"127.0.3.{NAMES.index(name) + 11}:6230"

    def act(self, words):
        return (words[0], " ".join(words[1:]))

    def start_one(self, name, *more):
        folder = f"{self.dir}/{name}"
        with open(f"{folder}/password", "w", encoding="ascii") as f:
            f.write(self.password + "\n")
        control = f"{folder}/control"
        if os.path.exists(control):
            os.unlink(control)
        self.sims[name] = sandbox.start(
            [f"{TOP}/lab/bmcsim/bmcsim", "--address", self.address(name), "--password-file", f"{folder}/password",
             "--control", control, "--log", f"{folder}/log", "--boot-text", f"{TEXT}\r\n", "--fault", "sessions=63",
             *more], f"{folder}/output")
        sandbox.wait_until("bmcsim", lambda: sandbox.listens(control))

    def restart_with(self, *more, password=None):
        sandbox.end(self.sims["dev"])
        self.password = password or PASSWORD
        self.start_one("dev", *more)

    def order(self, name="dev", **order):
        return sandbox.order(f"{self.dir}/{name}/control", **order)

    def fault(self, **faults):
        return self.order(fault=faults)

    def ipmitool(self, *args):
        host, _, port = self.address("dev").partition(":")
        return sandbox.out(["ipmitool", "-I", "lanplus", "-C", "17", "-H", host, "-p", port, "-U", "admin", "-f",
                            f"{self.dir}/dev/password", *args])

    def wishes(self, generation=1):
        return [{"object": "boot", "set": {"device": "pxe", "persistent": True}},
                {"object": "power", "set": {"power": "on"}}]

    def other_wishes(self, generation=2):
        return [{"object": "boot", "set": {"device": "disk", "persistent": True}},
                {"object": "power", "set": {"power": "off"}}]

    def native_check(self, document):
        said = self.ipmitool("chassis", "power", "status").split()[-1]
        check(said == document["power"], f"ipmitool says {said}, the document {document['power']}")
        said = self.ipmitool("chassis", "bootparam", "get", "5")
        want = {"pxe": "Force PXE", "disk": "Force Boot from default Hard-Drive"}[document["boot"]["device"]]
        check(want in said and "Boot Flag Valid" in said, said)


# --- cases of both ---

OFF = [{"object": "power", "set": {"power": "off"}}]
ON = [{"object": "power", "set": {"power": "on"}}]
CAPTURE = [{"object": "console", "set": {"capture": True}}]


def own(fn):
    fn.needs = ()
    return fn


def power_of(driver, name="dev", **more):
    return driver.call("observe", name, objects=["power"], **more)


@own
def suites_without_protection_are_refused_even_when_they_are_configured(lab):
    d = lab.driver()
    for ciphers in ([0], [1], [2], [17, 0], [3, 2], [15], [], ["17"], [999]):
        reply = lab.open(d, options=dict(lab.peer.options("dev"), ciphers=ciphers))
        check(error_of(reply) == "invalid", f"{ciphers}: {reply}")
        if ciphers and ciphers[-1] in (0, 1, 2):
            check("not safe" in reply["error"]["text"], f"{reply}")


@own
def options_that_make_no_sense_are_refused(lab):
    d = lab.driver()
    for more in ({"privilege": "root"}, {"workarounds": ["opensespriv"]}, {"session_timeout_ms": 10},
                 {"retransmit_ms": 9999}, {"address": "host:0"}, {"address": "a b"}, {"address": ""},
                 {"user": "x" * 17}, {"password": "x" * 21}, {"guid_order": "random"}):
        reply = lab.open(d, options=dict(lab.peer.options("dev"), **more))
        check(error_of(reply) == "invalid", f"{more}: {reply}")
        if "workarounds" in more:
            check("opensesspriv" in reply["error"]["hint"], f"{reply}")


def check_off_twice(lab, before, name="dev"):
    """By the BMC's own log, after the first so many readings, the last two said off, a second or more apart, with no on
    between.  Not by time: two readings may fall into one millisecond."""
    readings = lab.peer.power_readings(name)[before:]
    offs = []
    for r in readings:
        offs = offs + [r[0]] if r[2] == "off" else []
    check(len(offs) >= 2 and offs[-1] - offs[0] >= 0.99, f"readings: {readings}")


@own
def off_is_read_twice_by_the_log_of_the_bmc(lab):
    d = lab.opened()
    all_done(d.apply("dev", ON))
    for was_on in (True, False):
        before = len(lab.peer.power_readings())
        r = all_done(d.apply("dev", OFF))[0]
        check(r["changed"] is was_on, f"{r}")
        check_off_twice(lab, before)
    check([w[2] for w in lab.peer.writes()] in (["on", "off"], ["power 1", "power 0"]), f"{lab.peer.writes()}")


@own
def a_silent_bmc_is_never_off(lab):
    d = lab.opened()
    all_done(d.apply("dev", ON))
    lab.peer.silence()
    try:
        for deadline in (400, 1200, 3000):
            reply = power_of(d, deadline_ms=deadline)
            check(error_of(reply) == "unreachable", f"{reply}")
            reply = d.call("apply", "dev", deadline_ms=deadline, changes=OFF)
            if "error" not in reply:
                check(reply["results"][0]["status"] == "unknown", f"{reply}")
                reply = reply["results"][0]
            check(error_of(reply) == "unreachable", f"{reply}")
    finally:
        lab.peer.speak()
    reply = power_of(d)
    check(reply.get("document", {}).get("power") == "on", f"{reply}")


@own
def a_driver_killed_while_switching_off_is_repeated(lab):
    d = lab.opened()
    all_done(d.apply("dev", ON))
    for wait in (0.0, 0.01, 0.05, 0.5):
        d.send("apply", "dev", changes=OFF)
        time.sleep(wait)
        lab.discard(d)
        before = len(lab.peer.power_readings())
        d = lab.opened()
        all_done(d.apply("dev", OFF))
        check_off_twice(lab, before)
        all_done(d.apply("dev", ON))


@own
def two_bmcs_are_switched_off_at_once(lab):
    d = lab.opened("dev")
    lab.open(d, "dev2")
    for name in NAMES:
        all_done(d.apply(name, ON))
    before = {n: len(lab.peer.power_readings(n)) for n in NAMES}
    threads = [threading.Thread(target=d.apply, args=(n, OFF)) for n in NAMES]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    spans = []
    for name in NAMES:
        check_off_twice(lab, before[name], name)
        spans.append([r[0] for r in lab.peer.power_readings(name)[before[name]:] if r[2] == "off"])
        check(power_of(d, name)["document"]["power"] == "off", name)
    check(max(span[0] for span in spans) < min(span[-1] for span in spans), f"one waited for the other: {spans}")


@own
def a_soft_shutdown_is_asked_for_and_nothing_is_forced(lab):
    d = lab.opened()
    shutdown = [{"object": "shutdown", "set": {"requested": True}}]
    check(all_done(d.apply("dev", shutdown))[0]["changed"] is False, "asked a machine that is off")
    all_done(d.apply("dev", ON))
    check(all_done(d.apply("dev", shutdown))[0]["changed"] is True, "it was not asked")
    check([w[2] for w in lab.peer.writes()] in (["on", "soft"], ["power 1", "shutdown 1"]), f"{lab.peer.writes()}")


@own
def the_identity_is_that_of_the_bmc(lab):
    d = lab.opened()
    document = d.call("observe", "dev", objects=["identity"])["document"]
    lab.validate(document)
    check(document["identity"]["uuid"] == "a1234567-89ab-cdef-a123-456789000001", f"{document}")
    check(document["cipher"] == (17 if isinstance(lab.peer, BmcSim) else 3), f"{document}")
    lab.open(d, "swapped", dict(lab.peer.options("dev"), guid_order="smbios"))
    document = d.call("observe", "swapped", objects=["identity"])["document"]
    check(document["identity"]["uuid"] == "674523a1-ab89-efcd-a123-456789000001", f"{document}")


@own
def the_light_is_lit(lab):
    d = lab.opened()
    all_done(d.apply("dev", [{"object": "identify", "set": {"seconds": 9}}]))
    check(any(w[1] == "identify" and w[2].startswith(("9", "identify 9")) for w in lab.peer.writes()),
          f"{lab.peer.writes()}")
    r = d.apply("dev", [{"object": "identify", "set": {"seconds": 300}}])["results"][0]
    check(r["error"]["code"] == "invalid", f"{r}")


def udp_rubbish(lab, respond, rounds):
    """A BMC that answers each packet with what `respond` makes of it."""
    d = lab.driver()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.3.77", 6230))
        s.settimeout(0.02)
        stop = []

        def serve():
            while not stop:
                try:
                    packet, address = s.recvfrom(4096)
                    s.sendto(respond(packet), address)
                except OSError:
                    pass
        t = threading.Thread(target=serve)
        t.start()
        try:
            options = dict(lab.peer.options("dev"), address="127.0.3.77:6230", session_timeout_ms=200, retransmit_ms=50)
            lab.open(d, options=options)
            for _ in range(rounds):
                code = error_of(d.call("observe", "dev", deadline_ms=1000))
                check(code in ("unreachable", "protocol", "unsupported", "refused", "auth", "busy"), code)
                reply = d.call("apply", "dev", deadline_ms=1000, changes=OFF)
                check("error" in reply or reply["results"][0]["status"] == "not_applied", f"{reply}")
        finally:
            stop.append(1)
            t.join()


@own
def rubbish_on_the_wire_is_an_error_and_no_crash(lab):
    dice = random.Random(int(os.environ.get("RECAST_SEED", "1")))
    noise = lambda n: bytes(dice.randrange(256) for _ in range(dice.randrange(n)))  # noqa: E731
    head = b"\x06\x00\xff\x07"
    for respond in (lambda p: b"", lambda p: p, lambda p: noise(200), lambda p: head + noise(200),
                    lambda p: head + b"\x06" + noise(200), lambda p: p[:len(p) // 2], lambda p: p + noise(2000)):
        udp_rubbish(lab, respond, 4)


def console_text(driver, text=TEXT):
    return driver.call("observe", "dev", objects=["console:" + text])["document"]["console"]


@own
def a_console_that_does_nothing_but_print_stays_open(lab):
    # ipmi_sim forgets a session that sends no command for half a minute, however much it prints.
    d = lab.opened()
    all_done(d.apply("dev", CAPTURE))
    lab.peer.serials[0].chatty = True
    time.sleep(38)
    lab.peer.serials[0].client.sendall(b"still here")
    sandbox.wait_until("the text", lambda: console_text(d, "still here")["seen"], 3)
    check(console_text(d)["text"].count(".") >= 34, "text was lost")


# --- what only bmcsim can do ---

@own
def only_suites_that_protect_are_tried(lab):
    lab.peer.restart_with("--ciphers", "0,1,2,15,16")
    d = lab.opened()
    reply = power_of(d)
    check(error_of(reply) == "unsupported", f"{reply}")
    check(not [a for a in lab.peer.acts() if a[1] == "session"], "a session without protection was opened")


@own
def suite_3_is_used_when_there_is_no_17(lab):
    lab.peer.restart_with("--ciphers", "3")
    d = lab.opened()
    check(power_of(d)["document"]["cipher"] == 3, "the suite")
    lab.open(d, "strict", dict(lab.peer.options("dev"), ciphers=[17]))
    check(error_of(power_of(d, "strict")) == "unsupported", "suite 3 was used though it was not allowed")


@own
def a_wrong_hash_is_auth_and_not_tried_with_another_suite(lab):
    d = lab.opened()
    for message in (2, 4):
        lab.peer.fault(wrong_rakp=message)
        check(error_of(power_of(d)) == "auth", f"RAKP {message}")
    opened = [a for a in lab.peer.acts() if a[1] == "open-session"]
    check(len(opened) == 2, f"{opened}")


@own
def no_room_for_a_session_is_busy(lab):
    d = lab.opened()
    lab.peer.fault(sessions=0)
    check(error_of(power_of(d)) == "busy", "sessions")
    lab.peer.fault(sessions=63, busy=1)
    check(error_of(power_of(d)) == "busy", "node busy")
    check(power_of(d)["document"]["power"] == "off", "it did not recover")


@own
def a_slow_power_off_is_again_and_then_done(lab):
    d = lab.opened()
    all_done(d.apply("dev", ON))
    lab.peer.fault(power_delay=2)
    r = d.call("apply", "dev", changes=OFF)["results"][0]
    check(r["status"] == "again" and 0 < r["after_ms"] <= 1000, f"{r}")
    all_done(d.apply("dev", OFF))
    acts = lab.peer.acts()
    is_off = [i for i, a in enumerate(acts) if a[1] == "power-is" and a[2] == "off"][-1]
    check_off_twice(lab, sum(a[1] == "read-power" for a in acts[:is_off]))
    check(len([a for a in acts if a[1] == "control" and a[2] == "off"]) == 1, "it was told more than once")


@own
def a_power_that_stays_on_is_never_off(lab):
    for fault in ("ignore_power", "lie", "flap"):
        d = lab.opened()
        lab.peer.order(power="on")
        lab.peer.fault(**{fault: 1})
        until = time.monotonic() + 7
        while time.monotonic() < until:
            r = d.call("apply", "dev", changes=OFF)["results"][0]
            check(r["status"] == "again", f"{fault}: {r}")
            time.sleep(r["after_ms"] / 1000)
            lab.peer.order(power="on")
        lab.peer.fault(**{fault: 0})
        lab.discard(d)


@own
def only_on_off_and_soft_are_ever_sent(lab):
    d = lab.opened()
    for changes in (lab.wishes(), lab.peer.other_wishes(), ON, ON, [{"object": "shutdown", "set": {"requested": True}}]):
        all_done(d.apply("dev", changes))
    sent = {a[2] for a in lab.peer.acts() if a[1] == "control"}
    check(sent == {"on", "off", "soft"}, f"{sent}")


@own
def boot_flags_that_are_not_kept_are_told(lab):
    d = lab.opened()
    pxe = [{"object": "boot", "set": {"device": "pxe"}}]
    r = all_done(d.apply("dev", pxe))[0]
    check(r["observed"]["verified"] is True and r["observed"]["boot"] == {"device": "pxe", "valid": True}, f"{r}")
    check(lab.peer.order()["boot_clearing"] & 8, "the flags would be forgotten after a minute")
    check(lab.peer.order()["boot"] == "8004000000", "flags")
    lab.peer.fault(forget_boot=2)
    r = all_done(d.apply("dev", pxe))[0]
    check(r["observed"]["verified"] is False and r["observed"]["boot"]["valid"] is False, f"{r}")
    lab.peer.fault(forget_boot=1)
    r = d.apply("dev", [{"object": "boot", "set": {"device": "disk"}}])["results"][0]
    check(r["status"] == "not_applied" and r["error"]["code"] == "refused", f"{r}")
    lab.peer.fault(forget_boot=0, no_boot_clearing=1)
    lab.open(d, "uefi", dict(lab.peer.options("dev"), efi=True))
    r = all_done(d.apply("uefi", [{"object": "boot", "set": {"device": "disk", "persistent": True}}]))[0]
    check(lab.peer.order()["boot"] == "e008000000" and r["observed"]["verified"] is True, f"{r}")


@own
def sensors_and_log_agree_with_ipmitool(lab):
    d = lab.opened()
    all_done(d.apply("dev", ON))
    lab.peer.order(temperature=51, event={"sensor_type": 1, "sensor": 1, "type": 1, "data": [0x57, 51, 42],
                                          "time": 1767225600})
    lab.peer.order(event={"sensor_type": 8, "sensor": 3, "type": 0xEF, "data": [1, 255, 255]})
    document = d.call("observe", "dev", objects=["sensors", "sel"])["document"]
    lab.validate(document)
    said = lab.peer.ipmitool("sdr", "elist")
    for sensor in document["sensors"]:
        line = next(line for line in said.splitlines() if line.startswith(sensor["name"]))
        check(sensor["value"] is None or f"{sensor['value']:.0f} " in line, f"{sensor}: {line}")
    check([s["state"] for s in document["sensors"]] == ["warning", "ok", "asserted"], f"{document['sensors']}")
    sel = document["sel"]
    check(sel[0]["time"] == "2026-01-01T00:00:00.000Z" and "Upper Non-critical" in sel[0]["event"], f"{sel}")
    check(sel[1]["sensor"] == "PSU 1" and sel[1]["event"].endswith("(ended)"), f"{sel}")
    check(len(lab.peer.ipmitool("sel", "elist").splitlines()) == len(sel), "number of entries")
    for _ in range(100):
        lab.peer.order(event={"sensor_type": 8, "sensor": 3, "type": 0x6F, "data": [0, 255, 255]})
    sel = d.call("observe", "dev", objects=["sel"])["document"]["sel"]
    check(len(sel) == 64 and sel[-1]["id"] == 102 and sel[0]["id"] == 39, f"{len(sel)} {sel[0]} {sel[-1]}")


@own
def old_text_of_a_new_session_comes_before_the_mark(lab):
    lab.peer.restart_with("--history")
    lab.peer.order(print=f"{TEXT}\r\n" * 100)
    d = lab.opened()
    all_done(d.apply("dev", CAPTURE))
    time.sleep(0.5)     # old text would have come by now
    check(console_text(d) == {"text": "", "seen": False}, f"{console_text(d)}")
    lab.peer.order(print=f"noise \xff {TEXT}\r\n")
    sandbox.wait_until("new text", lambda: console_text(d)["seen"], 5)


@own
def a_capture_keeps_the_last_64_kib(lab):
    d = lab.opened()
    all_done(d.apply("dev", CAPTURE))
    lab.peer.order(print="".join(f"line {i:06d}\r\n" for i in range(6000)) + "the end")
    sandbox.wait_until("the end", lambda: console_text(d, "the end")["seen"], 60)
    text = console_text(d)["text"]
    check(len(text) == 65536 and text.endswith("line 005999\r\nthe end"), f"{len(text)} {text[-40:]!r}")


@own
def capture_and_viewers_share_one_session(lab):
    d = lab.opened()
    check(error_of(d.call("console", "dev", action="input", data="x")) == "invalid", "input before open")
    all_done(d.apply("dev", CAPTURE))
    check(d.call("console", "dev", action="open").get("ok"), "open")
    check(d.call("console", "dev", action="input", data="root\r").get("ok"), "input")
    sandbox.wait_until("typing", lambda: lab.peer.order()["typed"] == "root\r", 5)
    lab.peer.order(print="login: ")
    event = d.events.get(timeout=5)
    check(event == {"event": "console", "device": "dev", "data": "login: "}, f"{event}")
    check(console_text(d, "login")["seen"], "the capture missed it")
    all_done(d.apply("dev", [{"object": "console", "set": {"capture": False}}]))
    check(lab.peer.order()["sol"], "the viewer lost its session")
    check(d.call("console", "dev", action="close").get("ok"), "close")
    sandbox.wait_until("the end of the session", lambda: not lab.peer.order()["sol"], 5)
    check(lab.peer.order()["counts"]["sol-activate"] == 1, "more than one session")


@own
def a_console_that_was_lost_comes_back(lab):
    d = lab.opened()
    all_done(d.apply("dev", CAPTURE))
    lab.peer.ipmitool("sol", "deactivate")
    sandbox.wait_until("the session", lambda: lab.peer.order()["sol"], 60)
    lab.peer.order(print=f"{TEXT}\r\n")
    sandbox.wait_until("new text", lambda: console_text(d)["seen"], 5)


@own
def a_burst_shares_a_session_that_is_closed_after_it(lab):
    d = lab.opened()
    for _ in range(20):
        power_of(d)
    check(lab.peer.order()["counts"]["open-session"] == 1, "one session was due")
    check(lab.peer.order()["sessions"] == 1, "it was closed too soon")
    sandbox.wait_until("the end of the session", lambda: not lab.peer.order()["sessions"], 12)
    check(lab.peer.order()["counts"]["close-session"] == 1, "it was not closed but forgotten")


@own
def lost_packets_only_slow_it_down(lab):
    d = lab.opened()
    lab.peer.fault(drop=20)
    for changes in (lab.wishes(), lab.peer.other_wishes()):
        for _ in range(8):
            reply = d.apply("dev", changes, deadline_ms=10000)
            if "results" in reply and all(r["status"] == "done" for r in reply["results"]):
                break
        all_done(reply)


@own
def answers_that_are_wrong_inside_a_session_are_errors(lab):
    d = lab.opened()
    power_of(d)
    lab.peer.fault(garbage=2)
    for objects in (["power"], ["boot"], ["identity"], ["sensors"], ["sel"]):
        reply = d.call("observe", "dev", objects=objects)
        check(error_of(reply) == "protocol", f"{objects}: {reply}")
    lab.peer.fault(garbage=3)
    for objects in (["boot"], ["identity"], ["sensors"], ["sel"]) * 50:
        reply = d.call("observe", "dev", objects=objects)
        if "error" not in reply:
            lab.validate(reply["document"])
    lab.peer.fault(garbage=1)
    check(error_of(power_of(d, deadline_ms=1500)) == "unreachable", "noise")
    reply = d.call("apply", "dev", deadline_ms=1500, changes=OFF)
    check("error" in reply or reply["results"][0]["status"] == "unknown", f"{reply}")


@own
def a_fence_does_not_wait_for_a_slow_read(lab):
    lab.peer.order(power="on")
    lab.peer.fault(deaf_session=1)
    d = lab.opened()
    slow = d.send("observe", "dev", deadline_ms=4000, objects=["sensors"])
    sandbox.wait_until("the slow one", lambda: lab.peer.order()["counts"].get("session"), 2)
    lab.peer.fault(deaf_session=0)
    began = time.monotonic()
    all_done(d.apply("dev", OFF, urgent=True))
    check(time.monotonic() - began < 1.8, "it had to wait")
    check(error_of(d.wait(slow, 4000)) == "unreachable", "the slow one")


SAFE = {"default_password": False, "no_authentication": False, "old_protocol": False, "default_users": []}


def security_of(lab, driver):
    document = driver.call("observe", "dev", deadline_ms=10000, objects=["security"])["document"]
    lab.validate(document)
    return document["security"]


def restart_open_ipmi(lab, **how):
    lab.peer.stop()
    for name, value in how.items():
        setattr(lab.peer, name, value)
    lab.peer.start()


@own
def a_weak_bmc_is_found_weak(lab):
    restart_open_ipmi(lab, anonymous="true", users='  user 3 true "ADMIN" "ADMIN" admin 10 md5\n'
                      '  user 4 true "root" "Not-calvin-1" admin 10 md5\n  user 5 false "USERID" "PASSW0RD" admin 10 md5\n')
    # Suite 0 cannot be switched off here: ipmitool gets in with any password, whatever is configured.
    check(security_of(lab, lab.opened()) == dict(SAFE, no_authentication=True, old_protocol=True, anonymous_user=True,
                                                 cipher_zero=True, default_users=["ADMIN"]), "differs")


@own
def a_bmc_that_was_set_up_well_has_only_the_weakness_that_it_cannot_lose(lab):
    restart_open_ipmi(lab, auths="")
    check(security_of(lab, lab.opened()) == dict(SAFE, anonymous_user=False, cipher_zero=True), "differs")
    restart_open_ipmi(lab, auths="md5")
    check(security_of(lab, lab.opened())["old_protocol"] is True, "IPMI 1.5 with MD5")


@own
def a_good_bmc_is_clean_and_was_not_logged_in_to(lab):
    d = lab.opened()
    power_of(d)
    before = len([a for a in lab.peer.acts() if a[1] == "session"])
    check(security_of(lab, d) == dict(SAFE, cipher_zero=False), "differs")
    check(len([a for a in lab.peer.acts() if a[1] == "session"]) == before, "a guess became a session")
    check(not [a for a in lab.peer.acts() if "status=0xf" in a[2]], "a BMC would have counted a failed login")
    sandbox.wait_until("what was begun is taken back", lambda: lab.peer.order()["sessions"] <= 1, 1)


@own
def cipher_suite_0_is_found(lab):
    lab.peer.restart_with("--ciphers", "17,3,0")
    d = lab.opened()
    security = security_of(lab, d)
    check(security["cipher_zero"] is True, f"{security}")
    check(d.call("observe", "dev", objects=["power"])["document"]["cipher"] == 17, "it was used")
    sandbox.wait_until("what was begun is taken back", lambda: lab.peer.order()["sessions"] <= 1, 1)


@own
def passwords_of_the_vendor_are_found_without_a_login(lab):
    for ciphers in ("17", "3"):
        for user, password in (("root", "calvin"), ("USERID", "PASSW0RD")):
            lab.peer.restart_with("--user", user, "--ciphers", ciphers, password=password)
            d = lab.driver()
            lab.open(d, options=dict(lab.peer.options("dev"), user=user, password=password))
            security = security_of(lab, d)
            check(security["default_password"] is True and security["default_users"] == [user], f"{user}: {security}")
            check(not [a for a in lab.peer.acts() if "status=0xf" in a[2]], "a BMC would have counted a failed login")
            lab.discard(d)
    lab.peer.restart_with("--user", "root", password="calvin2")
    d = lab.driver()
    lab.open(d, options=dict(lab.peer.options("dev"), user="root", password="calvin2"))
    security = security_of(lab, d)
    check(security["default_password"] is False and security["default_users"] == [], f"{security}")


@own
def an_examination_of_a_bmc_that_talks_rubbish_ends(lab):
    d = lab.opened()
    power_of(d)
    for fault in ({"wrong_rakp": 2}, {"drop": 40}):
        lab.peer.fault(**fault)
        began = time.monotonic()
        reply = d.call("observe", "dev", deadline_ms=4000, objects=["security"])
        check("document" in reply or error_of(reply) in ("unreachable", "protocol"), f"{reply}")
        check(time.monotonic() - began < 4.3, "it took too long")


@own
def another_password_is_done_when_it_logs_in(lab):
    d, new = lab.opened(), "N3w-and-16-bytes"
    r = d.apply("dev", [{"object": "credential", "set": {"password": new + "x"}}])["results"][0]
    check(r["error"]["code"] == "invalid", f"{r}")
    all_done(d.apply("dev", [{"object": "credential", "set": {"password": new}}]))
    for password, wanted in ((PASSWORD, "auth"), (new, None)):
        other = lab.driver()
        lab.open(other, options=dict(lab.peer.options("dev"), password=password))
        reply = power_of(other)
        check((error_of(reply) if "error" in reply else None) == wanted, f"{reply}")
    all_done(other.apply("dev", [{"object": "credential", "set": {"password": new}}]))  # the same again
    said = sandbox.out(["ipmitool", "-I", "lanplus", "-C", "3", "-H", lab.peer.address("dev"), "-U", "admin", "-P", new,
                        "chassis", "power", "status"])
    check("Chassis Power is" in said, said)


BOTH = (suites_without_protection_are_refused_even_when_they_are_configured, options_that_make_no_sense_are_refused,
        off_is_read_twice_by_the_log_of_the_bmc, a_silent_bmc_is_never_off,
        a_driver_killed_while_switching_off_is_repeated, two_bmcs_are_switched_off_at_once,
        a_soft_shutdown_is_asked_for_and_nothing_is_forced, the_identity_is_that_of_the_bmc, the_light_is_lit)
IpmiSim.own_cases = BOTH + (another_password_is_done_when_it_logs_in, a_console_that_does_nothing_but_print_stays_open, a_weak_bmc_is_found_weak,
                            a_bmc_that_was_set_up_well_has_only_the_weakness_that_it_cannot_lose)
BmcSim.own_cases = BOTH + (
    rubbish_on_the_wire_is_an_error_and_no_crash, only_suites_that_protect_are_tried,
    suite_3_is_used_when_there_is_no_17, a_wrong_hash_is_auth_and_not_tried_with_another_suite,
    no_room_for_a_session_is_busy, a_slow_power_off_is_again_and_then_done, a_power_that_stays_on_is_never_off,
    only_on_off_and_soft_are_ever_sent, boot_flags_that_are_not_kept_are_told, sensors_and_log_agree_with_ipmitool,
    old_text_of_a_new_session_comes_before_the_mark, a_capture_keeps_the_last_64_kib,
    capture_and_viewers_share_one_session, a_console_that_was_lost_comes_back,
    a_burst_shares_a_session_that_is_closed_after_it, lost_packets_only_slow_it_down,
    answers_that_are_wrong_inside_a_session_are_errors, a_fence_does_not_wait_for_a_slow_read,
    a_good_bmc_is_clean_and_was_not_logged_in_to, cipher_suite_0_is_found, passwords_of_the_vendor_are_found_without_a_login,
    an_examination_of_a_bmc_that_talks_rubbish_ends)
PEERS = [IpmiSim, BmcSim]
