# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of a change on real parts: Open vSwitch, tgtd, ipmi_sim, QEMU with iPXE.  Most tests use the fast tier (a LUN
whose boot sector prints PERSONA x UP); one boots full Linux.  One lab for all; each test begins with it healed."""
import json
import os
import re
import signal
import subprocess
import time

import tap
import yaml
from controller import ROOT, Controller, wait_until

LAB = os.path.join(ROOT, "lab", "lab")


class Lab:
    """A lab and its controller, made for the first test that asks and taken down by the runner."""
    instance = None

    def __init__(self, builddir):
        self.name = "e2e%d" % os.getpid()
        self.dir = "/run/recast-" + self.name
        self.cmd("up", check=True)
        self.controller = Controller(builddir, dir=self.make("controller"), start=False,
                                     prefix=[LAB, "--name", self.name, "exec"], options=["boot_listen=10.66.10.1:8080"])
        self.controller.start()
        with open(os.path.join(self.dir, "site.yaml")) as f:
            self.site = yaml.safe_load(f)
        for n in range(1, 6):
            self.controller.persona("secret", "set", "node%d-bmc" % n, "--file", self.path("secrets/node%d-bmc" % n)).expect(0)
        self.controller.define(self.site, fast("web"), fast("db"))

    def make(self, name):
        path = self.path(name)
        os.makedirs(path, exist_ok=True)
        return path

    def path(self, name):
        return os.path.join(self.dir, name)

    def cmd(self, *args, check=False, timeout=90):
        done = subprocess.run([LAB, "--name", self.name, *args], capture_output=True, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL)
        assert not check or done.returncode == 0, "lab %s: %s" % (args, done.stderr)
        return done

    def close(self):
        try:
            self.controller.stop()
        finally:
            self.cmd("down")

    def console(self, node):
        with open(self.path("node%d/console.log" % node), errors="replace") as f:
            return f.read()

    def boots(self, node, text):
        """How often the text appeared on the console of a node."""
        return self.console(node).count(text)

    def ovs_ports(self):
        """VLAN, mode and rate of every port as the switch itself tells it."""
        done = subprocess.run(["ovs-vsctl", "--db=unix:" + self.path("ovs/db.sock"), "--format=json", "--columns=name,tag,trunks,vlan_mode",
                               "list", "Port"], capture_output=True, text=True, timeout=20, check=True)
        # A port with a tag and no mode is an access port: two spellings of one thing.
        rows = [[name, tag, trunks, "access" if isinstance(tag, int) and mode == ["set", []] else mode]
                for name, tag, trunks, mode in json.loads(done.stdout)["data"]]
        return sorted(map(str, rows))

    def targets(self):
        """The array's targets, sessions and ACLs as tgtd itself tells them."""
        done = subprocess.run(["tgtadm", "--lld", "iscsi", "--mode", "target", "--op", "show"], capture_output=True, text=True,
                              timeout=20, env={**os.environ, "TGT_IPC_SOCKET": self.path("tgtd/sock")})
        return done.stdout

    def drop_targets(self):
        for tid in re.findall(r"^Target (\d+)", self.targets(), re.M):
            subprocess.run(["tgtadm", "--lld", "iscsi", "--mode", "target", "--op", "delete", "--force", "--tid", tid], timeout=20,
                           env={**os.environ, "TGT_IPC_SOCKET": self.path("tgtd/sock")})

    def sessions(self):
        return self.targets().count("I_T nexus:")

    def wiring(self):
        """Ports and targets; sessions and target numbers left out, since they differ by nature."""
        text = re.sub(r"^Target \d+", "Target", self.targets(), flags=re.M)
        return self.ovs_ports(), [line for line in text.splitlines() if re.match(r"Target:|\s+(iqn\.|Backing store path)", line)]

    def power(self, node):
        return self.controller.api("GET", "/v1/machines/node%d/power" % node)[1].get("power")


def lab(builddir):
    if os.geteuid():
        raise tap.Skip("the lab needs root")
    if Lab.instance is None:
        Lab.instance = Lab(builddir)
    lab = Lab.instance
    lab.cmd("heal")
    c = lab.controller
    for run in c.api("GET", "/v1/runs?state=open")[1]["items"]:
        c.api("POST", "/v1/runs/%d/cancel" % run["id"])
        c.ended(run["id"], 150)
    for persona in c.api("GET", "/v1/personas")[1]["items"]:
        if persona["machine"]:
            c.run_to_end(action="release", persona=persona["name"])
    for machine in c.api("GET", "/v1/machines")[1]["items"]:
        if machine["state"] == "quarantined":
            tap.equal(c.ended(c.api("POST", "/v1/machines/%s/return" % machine["name"])[1]["id"])["state"], "done")
    return lab


def fast(name, **more):
    """A persona whose disk prints PERSONA name UP and halts."""
    return {"persona": name, "vnics": {"eth0": {"network": name, "mac": "auto", "address": "auto"},
                                       "eth1": {"network": "storage", "address": "auto"}},
            "volumes": {"root": {"array": "san1", "volume": "fast-%s-root" % name, "source": "golden-fast-" + name, "lun": 1,
                                 "boot": True}},
            "boot": {"method": "ipxe-iscsi", "network": "provision"}, "shutdown": 0,
            "proof": {"within": "60s", "serial": "PERSONA %s UP" % name}, **more}


def up(lab, persona, node):
    """Apply and see it on the real console, not only in Recast's word."""
    before = lab.boots(node, "PERSONA %s UP" % persona)
    run = lab.controller.run_to_end(action="apply", persona=persona, machine="node%d" % node)
    tap.equal(run["state"], "done", run.get("error"))
    came_up(lab, persona, node, before + 1)
    return run


def came_up(lab, persona, node, times):
    """The role's own words on the serial line, exactly so many times."""
    wait_until(lambda: lab.boots(node, "PERSONA %s UP" % persona) >= times, 30, "%s is up on node%d" % (persona, node))
    tap.equal(lab.boots(node, "PERSONA %s UP" % persona), times)


def test_apply_boots_a_real_machine_and_again_writes_nothing(builddir):
    l = lab(builddir)
    up(l, "web", 1)
    tap.equal(l.power(1), "on")
    wait_until(lambda: l.sessions() == 1, what="a session at the array")
    before, changes = l.wiring(), l.controller.api("GET", "/v1/status")[1]["counters"]["changes"]
    tap.equal(l.controller.run_to_end(action="apply", persona="web", machine="node1")["changes"], 0)
    tap.equal((l.wiring(), l.controller.api("GET", "/v1/status")[1]["counters"]["changes"]), (before, changes))


def test_move_breaks_the_old_and_makes_the_new(builddir):
    l = lab(builddir)
    up(l, "web", 1)
    run = l.controller.run_to_end(action="move", persona="web", machine="node2")
    tap.equal(run["state"], "done", run.get("error"))
    tap.equal((l.power(1), l.power(2)), ("off", "on"))
    wait_until(lambda: l.sessions() == 1, what="one session at the array")
    ports = "".join(l.ovs_ports())
    assert re.search(r"'node1-eth0', 4000", ports) and re.search(r"'node2-eth0', 110", ports), ports


def test_a_portal_that_is_silent_is_told_and_the_next_one_boots(builddir):
    l = lab(builddir)
    site = json.loads(json.dumps(l.site))
    site["arrays"]["san1"]["portals"].insert(0, "10.66.20.9:3260")  # nobody has that address
    role = fast("web")
    role["proof"]["within"] = "40s"
    try:
        l.controller.define(site, role)
        l.controller.persona("plan", "web", "--on", "node1").expect(0, "session 1 of 2 of web on san1", "session 2 of 2 of web on san1")
        run = l.controller.run_to_end(action="apply", persona="web", machine="node1")
        tap.equal(run["state"], "done", run.get("error"))
        paths = {s["object"]: s["error"] and s["error"]["code"] for s in run["steps"] if s["object"].startswith("path:")}
        # The array tells who is logged in, and not by which portal: one session of two is missing.
        tap.equal([error for _, error in sorted(paths.items())], [None, "unreachable"])
        tap.contains(l.console(1), "no disk by this portal, trying the next")
        tap.equal(l.sessions(), 1)
    finally:
        l.controller.run_to_end(action="release", persona="web")
        l.controller.define(l.site, fast("web"))


def test_swap_on_real_parts(builddir):
    l = lab(builddir)
    up(l, "web", 1)
    up(l, "db", 2)
    counts = l.boots(2, "PERSONA web UP"), l.boots(1, "PERSONA db UP")
    run = l.controller.run_to_end(action="swap", persona="web", **{"with": "db"})
    tap.equal(run["state"], "done", run.get("error"))
    came_up(l, "web", 2, counts[0] + 1)
    came_up(l, "db", 1, counts[1] + 1)


def test_release_leaves_nothing_at_the_array(builddir):
    l = lab(builddir)
    up(l, "web", 1)
    tap.equal(l.controller.run_to_end(action="release", persona="web")["state"], "done")
    tap.equal((l.targets().strip(), l.power(1)), ("", "off"))


def test_full_linux_keeps_disk_identity_and_vlan_and_is_isolated(builddir):
    l = lab(builddir)
    c = l.controller
    with open(l.path("personas/web.yaml")) as f:
        c.define({**yaml.safe_load(f), "persona": "linux", "volumes": {"root": {"array": "san1", "volume": "linux-root",
                  "source": "golden-linux", "lun": 1, "boot": True}}, "proof": {"within": "90s", "report": "up", "tcp": 80}})
    tap.equal(c.run_to_end(action="apply", persona="linux", machine="node1")["state"], "done")
    address = [i["value"] for i in c.api("GET", "/v1/personas/linux")[1]["identities"] if i["kind"] == "ip" and i["for"] == "eth0"][0]
    page = l.cmd("probe", "web", address, "80").stdout
    for part in ("persona=linux", "machine=node1", "mac=02:ca:57:", "boots=1"):
        tap.contains(page, part)
    mac = re.search(r"mac=(\S+)", page).group(1)
    tap.equal(l.cmd("probe", "db", address).returncode, 1, "reached from the VLAN of db")
    tap.equal(c.run_to_end(action="move", persona="linux", machine="node2")["state"], "done")
    page = l.cmd("probe", "web", address, "80").stdout
    for part in ("persona=linux", "machine=node2", "mac=" + mac, "boots=2"):
        tap.contains(page, part)
    c.define({**yaml.safe_load(open(l.path("personas/db.yaml"))), "persona": "linux", "volumes": {"root": {"array": "san1",
              "volume": "linux-root", "source": "golden-linux", "lun": 1, "boot": True}}, "proof": {"within": "90s", "report": "up"}})
    plan = c.api("POST", "/v1/plans", {"action": "apply", "persona": "linux"})[1]
    tap.equal(plan["impact"], "link-blip")
    tap.equal(c.run_to_end(action="apply", persona="linux")["state"], "done")
    tap.equal(l.cmd("probe", "web", address).returncode, 1, "the old VLAN still reaches it")
    tap.equal(c.run_to_end(action="release", persona="linux")["state"], "done")
    c.persona("delete", "persona", "linux").expect(0)


def test_a_dead_bmc_refuses_and_is_never_taken_for_off(builddir):
    l = lab(builddir)
    before = l.wiring()
    l.cmd("break", "bmc", "3", check=True)
    l.controller.persona("apply", "web", "--on", "node3").expect(6, "node3-bmc")
    l.controller.persona("power", "status", "node3").expect(6)
    tap.equal(l.wiring(), before)


def test_a_dead_bmc_of_the_old_holder_leads_to_array_and_switch(builddir):
    """The old server runs on, without its disk and in the parking VLAN; the new one has both."""
    l = lab(builddir)
    c = l.controller
    up(l, "web", 4)
    l.cmd("break", "bmc", "4", check=True)
    run = c.run_to_end(action="move", persona="web", machine="node5")
    tap.equal(run["state"], "done", run)
    tap.equal([s["state"] for s in run["steps"] if s["device"] == "node4-bmc" and s["phase"] == "off"], ["failed"])
    tap.equal(l.sessions(), 1)
    old = [row for row in l.ovs_ports() if "node4" in row]
    assert old and all("4000" in row for row in old), old
    tap.equal(c.api("GET", "/v1/machines/node4")[1]["state"], "quarantined")
    l.cmd("heal", check=True)
    wait_until(lambda: l.power(4) == "on", 60, "the BMC answers again, and nobody powered the old server off")
    c.persona("machine", "return", "node4", "--wait").expect(0)
    tap.equal((l.power(4), c.api("GET", "/v1/machines/node4")[1]["state"]), ("off", "free"))


def test_a_wrong_bmc_password_is_told_at_once(builddir):
    l = lab(builddir)
    c = l.controller
    c.persona("secret", "set", "node3-bmc", "-", input="wrong-one\n").expect(0)
    try:
        begin = time.monotonic()
        c.persona("apply", "web", "--on", "node3").expect(6, "node3-bmc", "secret")
        assert time.monotonic() - begin < 15, "retried"
        tap.lacks(c.log(), "wrong-one")
    finally:
        c.persona("secret", "set", "node3-bmc", "--file", l.path("secrets/node3-bmc")).expect(0)


def test_a_refused_chap_login_rolls_back(builddir):
    l = lab(builddir)
    before = l.wiring()
    c = l.controller
    c.define(fast("web", proof={"within": "12s", "report": "up"}))
    try:
        run = c.api("POST", "/v1/runs", {"action": "apply", "persona": "web", "machine": "node1"})[1]["id"]
        wait_until(lambda: any(s["phase"] == "on" and s["state"] != "pending" for s in c.api("GET", "/v1/runs/%d" % run)[1]["steps"]),
                   what="power on")
        target = re.search(r"^Target (\d+)", l.targets(), re.M).group(1)
        l.cmd("break", "chap", target, check=True)
        end = c.ended(run, 120)
        tap.equal(end["state"], "rolled_back")
        tap.contains(end["error"]["text"], "gave no sign in time")
        tap.equal((l.wiring(), l.power(1)), (before, "off"))
    finally:
        c.define(fast("web"))


def test_a_move_that_fails_brings_the_role_back_up_in_its_old_place(builddir):
    l = lab(builddir)
    c = l.controller
    up(l, "web", 1)
    before, boots = l.wiring(), l.boots(1, "PERSONA web UP")
    run = c.api("POST", "/v1/runs", {"action": "move", "persona": "web", "machine": "node2"})[1]["id"]
    wait_until(lambda: any(s["phase"] == "unmap" and s["state"] == "done" for s in c.api("GET", "/v1/runs/%d" % run)[1]["steps"]),
               what="node1 has lost its disk")
    c.persona("run", "cancel", str(run)).expect(0)
    end = c.ended(run, 150)
    tap.equal(end["state"], "rolled_back", end)
    came_up(l, "web", 1, boots + 1)
    tap.equal((l.wiring(), l.power(1), l.power(2), l.sessions()), (before, "on", "off", 1))


def test_a_port_that_somebody_rewires_is_told_and_repaired_while_the_role_runs(builddir):
    l = lab(builddir)
    c = l.controller
    up(l, "web", 1)
    before, boots = l.wiring(), l.console(1)
    tap.equal(c.api("POST", "/v1/drift/check")[1]["items"], [])
    subprocess.run(["ovs-vsctl", "--db=unix:" + l.path("ovs/db.sock"), "--no-wait", "set", "port", "node1-eth0", "tag=666"],
                   check=True, timeout=20)
    # Nobody asks: the switch tells of the change by itself.
    items = wait_until(lambda: c.api("GET", "/v1/drift")[1]["items"], 20, "the drift is told")
    tap.equal([(i["device"], i["object"], i["what"], i["repairable"]) for i in items], [("leaf1", "port:node1-eth0", "port", True)])
    c.persona("drift").expect(1, "VLAN 666", "link-blip")
    c.persona("repair", "web", "--wait").expect(0)
    tap.equal((l.wiring(), l.power(1), l.console(1)), (before, "on", boots))
    tap.equal(c.api("POST", "/v1/drift/check")[1]["items"], [])


def test_a_running_role_gets_a_volume_and_keeps_its_session(builddir):
    l = lab(builddir)
    c = l.controller
    up(l, "web", 1)
    session = re.findall(r"I_T nexus: (\d+)", l.targets())
    more = fast("web")
    more["volumes"]["data"] = {"array": "san1", "volume": "fast-web-data", "size": "16MiB", "lun": 2}
    c.define(more)
    try:
        run = c.run_to_end(action="apply", persona="web")
        tap.equal((run["state"], [s for s in run["steps"] if s["device"].endswith("-bmc")]), ("done", []), run)
        tap.contains(l.targets(), "fast-web-data")
        tap.equal(re.findall(r"I_T nexus: (\d+)", l.targets()), session)
    finally:
        c.define(fast("web"))


def test_a_role_that_others_wired_is_adopted_without_a_touch(builddir):
    """Its controller is new and knows nothing: everything on switch and array was made by somebody else."""
    l = lab(builddir)
    c = l.controller
    up(l, "web", 1)
    targets = l.targets()
    # The map as tgtd has it, made foreign: its mark is taken off, as if an administrator had made it.
    tid = re.search(r"^Target (\d+): (\S+)", targets, re.M)
    subprocess.run(["tgtadm", "--lld", "iscsi", "--mode", "logicalunit", "--op", "update", "--tid", tid.group(1), "--lun", "0", "--params",
                    "scsi_id=by hand,scsi_sn=by hand,vendor_id=IET,product_id=Controller"], check=True, timeout=20,
                   env={**os.environ, "TGT_IPC_SOCKET": l.path("tgtd/sock")})
    c.stop()  # the boot service has one address
    stranger = Controller(builddir, start=False, prefix=[LAB, "--name", l.name, "exec"], options=["boot_listen=10.66.10.1:8080"])
    try:
        adopt_and_move(l, stranger, tid.group(2))
    finally:
        l.drop_targets()  # what a failure leaves would be foreign to every test after this one
        c.start()


def adopt_and_move(l, stranger, target):
    with stranger as s:
        s.start()
        for n in range(1, 6):
            s.persona("secret", "set", "node%d-bmc" % n, "--file", l.path("secrets/node%d-bmc" % n)).expect(0)
        s.define(l.site, fast("web"), fast("db"))
        s.persona("adopt", "db", "--on", "node1").expect(4, "is not wired as db", "port node1-eth0")
        s.persona("adopt", "web", "--on", "node1").expect(0, "take over map " + target, "its sessions and credentials stay")
        before = l.wiring(), l.sessions(), l.console(1)
        s.persona("adopt", "web", "--on", "node1", "--take", "--wait").expect(0)
        tap.equal((l.wiring(), l.sessions(), l.console(1)), before)
        tap.equal(s.api("POST", "/v1/drift/check")[1]["items"], [])
        # From now on it is a role like any other.
        boots = l.boots(2, "PERSONA web UP")
        tap.equal(s.run_to_end(action="move", persona="web", machine="node2")["state"], "done")
        came_up(l, "web", 2, boots + 1)
        s.run_to_end(action="release", persona="web")


def test_a_foreign_map_of_the_volume_stops_everything(builddir):
    l = lab(builddir)
    up(l, "web", 1)
    l.controller.run_to_end(action="release", persona="web")
    before = l.wiring()
    l.cmd("break", "foreign", "fast-web-root", check=True)
    l.controller.persona("apply", "web", "--on", "node1").expect(4, "mapped elsewhere", "not made by Recast")
    l.cmd("heal")
    tap.equal((l.wiring(), l.power(1)), (before, "off"))


def test_a_switch_that_stops_in_mid_run_rolls_back_to_the_prior_wiring(builddir):
    l = lab(builddir)
    c = l.controller
    before = l.wiring()
    run = c.api("POST", "/v1/runs", {"action": "apply", "persona": "web", "machine": "node1"})[1]["id"]
    # The first step, off read twice, takes a second: the switch stops before its ports are asked for.
    l.cmd("break", "switch", check=True)
    wait_until(lambda: any(s["object"].startswith("port:") and s["state"] == "failed"
                           for s in c.api("GET", "/v1/runs/%d" % run)[1]["steps"]), 120, "the ports fail")
    l.cmd("heal", check=True)
    end = c.ended(run, 150)
    tap.equal(end["state"], "rolled_back", end)
    tap.equal((l.wiring(), l.power(1), l.sessions()), (before, "off", 0))


def test_power_lost_behind_our_back_is_seen_and_healed_by_apply(builddir):
    l = lab(builddir)
    up(l, "web", 1)
    l.cmd("break", "power", "1", check=True)
    tap.equal(l.power(1), "off")
    before = l.boots(1, "PERSONA web UP")
    tap.equal(l.controller.run_to_end(action="apply", persona="web")["state"], "done")
    came_up(l, "web", 1, before + 1)


def test_sigkill_of_recastd_in_mid_run_on_real_parts(builddir):
    l = lab(builddir)
    c = l.controller
    for phase in ("off", "grant", "on"):
        run = c.api("POST", "/v1/runs", {"action": "apply", "persona": "web", "machine": "node1"})[1]["id"]
        wait_until(lambda: any(s["phase"] == phase and s["state"] != "pending"
                               for s in c.api("GET", "/v1/runs/%d" % run)[1]["steps"]), what=phase)
        c.kill9()
        c.start()
        end = c.ended(run, 150)
        assert end["state"] in ("done", "rolled_back"), end
        print("# killed in phase %s: %s" % (phase, end["state"]), flush=True)
        tap.equal(l.power(1), "on" if end["state"] == "done" else "off")
        if end["state"] == "rolled_back":
            tap.equal(l.sessions(), 0)
        if end["state"] == "done":
            c.run_to_end(action="release", persona="web")
        tap.equal(l.targets().strip(), "")


def test_no_secret_is_in_any_command_line_or_log(builddir):
    l = lab(builddir)
    up(l, "web", 1)
    secrets = [open(l.path("secrets/node%d-bmc" % n)).read().strip() for n in range(1, 6)]
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open("/proc/%s/cmdline" % entry, errors="replace") as f:
                    line = f.read()
            except OSError:
                continue
            assert not any(s in line for s in secrets), line
    for s in secrets:
        tap.lacks(l.controller.log(), s)


def test_an_unknown_machine_gets_a_clear_refusal(builddir):
    l = lab(builddir)
    answer = l.cmd("exec", "curl", "-sS", "--max-time", "5", "http://10.66.10.1:8080/boot/ipxe?mac=52:54:00:99:99:99").stdout
    tap.contains(answer, "#!ipxe")
    tap.contains(answer, "no machine with MAC 52:54:00:99:99:99")
    answer = l.cmd("exec", "curl", "-sS", "--max-time", "5", "http://10.66.10.1:8080/boot/ipxe?mac=52:54:00:00:01:01").stdout
    tap.contains(answer, "plays no persona")
    answer = l.cmd("exec", "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "5", "http://10.66.10.1:8080/v1/status").stdout
    tap.equal(answer, "404", "the API is open to booting machines")
    events = l.controller.api("GET", "/v1/runs?limit=1")[0]
    tap.equal(events, 200)


def test_health_boot_device_and_identify_of_a_real_bmc(builddir):
    l = lab(builddir)
    health = l.controller.api("GET", "/v1/machines/node1/health")[1]
    tap.contains(health["identity"]["uuid"], "a1234567-89ab-cdef-a123-456789000001")
    l.controller.persona("identify", "node1").expect(0)


def test_the_doctor_finds_what_is_not_safe_in_the_lab(builddir):
    l = lab(builddir)
    checks = l.controller.api("GET", "/v1/doctor", timeout=60)[1]["checks"]
    answers = {x["object"] for x in checks if x["name"] == "device" and x["state"] == "ok"}
    assert {"node%d-bmc" % i for i in range(1, 6)} <= answers, checks
    # OpenIPMI's simulator opens sessions with suite 0, and the lab lets IPMI 1.5 in without authentication.
    tap.equal({x["name"] for x in checks if x["state"] == "fail"}, {"cipher-zero", "no-authentication"})
    tap.equal(len([x for x in checks if x["name"] == "cipher-zero"]), 5)
    l.controller.persona("doctor").expect(1, "node5-bmc", "cipher suite 0 is enabled", "Not all is well.")


def test_a_bmc_gets_a_password_that_nobody_knows(builddir):
    """The last test: nobody can set it back."""
    l = lab(builddir)
    c = l.controller
    old = ["ipmitool", "-I", "lanplus", "-C", "3", "-R", "1", "-N", "1", "-H", c.api("GET", "/v1/machines/node5")[1]["bmc"]["address"], "-U",
           "admin", "-f", l.path("secrets/node5-bmc"), "chassis", "power", "status"]
    tap.contains(l.cmd("exec", *old).stdout, "Chassis Power is")
    c.persona("secret", "rotate", "node5-bmc").expect(0, "node5-bmc has a new password")
    tap.lacks(l.cmd("exec", *old).stdout, "Chassis Power is")
    c.persona("power", "status", "node5").expect(0, "off")
    c.kill9()
    c.start()
    c.persona("power", "status", "node5").expect(0, "off")
