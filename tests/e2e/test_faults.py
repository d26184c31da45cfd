# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input and faults: a clear error, the right exit code, and devices as before."""
import json
import os
import subprocess

import rack
import tap
from controller import Controller, wait_until
from test_mock import ready

WEB1 = dict(action="apply", persona="web", machine="node1")


def wiring(c):
    """What counts as wiring in the rack: ports, maps with their sessions, boot device and power."""
    world = rack.state(c.dir)
    # The stamp (owner, generation) is no wiring: it only grows, so that a stale actor is refused.
    ports = {n: {p: {k: v for k, v in port.items() if k not in ("owner", "generation")} for p, port in s["ports"].items()}
             for n, s in world.get("switches", {}).items()}
    return {"ports": ports,
            "maps": {n: a.get("maps") for n, a in world.get("arrays", {}).items()},
            "power": {n: (b.get("power"), b.get("boot", {}).get("device")) for n, b in world.get("bmcs", {}).items()}}


def test_unknown_names_are_answered_with_the_nearest(builddir):
    with ready(builddir) as c:
        c.persona("apply", "wbe", "--on", "node1").expect(3, "there is no persona `wbe`", "`web`")
        c.persona("apply", "web", "--on", "nod1").expect(3, "there is no machine `nod1`", "`node1`")
        c.persona("show", "nothing-like-it").expect(3)
        tap.equal(rack.state(c.dir), {})


def test_a_machine_that_does_not_fit_is_refused(builddir):
    with ready(builddir) as c:
        for needs, word in (({"arch": "aarch64"}, "arch"), ({"cores": 64}, "64 cores"), ({"memory": "1TiB"}, "memory")):
            c.define(rack.persona("web", requires=needs))
            c.persona("apply", "web", "--on", "node1").expect(4, word, "node1")
        c.persona("apply", "web").expect(4, "no free machine fits")
        tap.equal(rack.state(c.dir), {})


def test_a_taken_machine_is_refused_with_the_ways_out(builddir):
    with ready(builddir) as c:
        c.run_to_end(**WEB1)
        before = wiring(c)
        c.persona("apply", "db", "--on", "node1").expect(4, "node1 plays web already", "--replace web", "persona swap db web")
        c.persona("apply", "web", "--on", "node2").expect(4, "plays on node1", "persona move web --to node2")
        c.persona("move", "db", "--to", "node2").expect(4, "plays on no machine")
        tap.equal(wiring(c), before)


def define_file(c, text, name="file.yaml"):
    path = os.path.join(c.dir, name)
    with open(path, "wb") as f:
        f.write(text.encode() if isinstance(text, str) else text)
    return c.persona("define", "-f", path)


def test_mistakes_in_files_have_file_line_column_and_hint(builddir):
    with Controller(builddir) as c:
        site = "site: x\nnetworks:\n  web: {vlna: 110}\n  db: {vlan: 9999}\n  parking: {vlan: 4000}\n"
        define_file(c, site).expect(2, "file.yaml:3:9:", "unknown key `vlna`", "did you mean `vlan`?", "file.yaml:4:8:",
                                    "must be between 1 and 4094, not 9999")
        define_file(c, "site: x\nsite: y\n").expect(2, "file.yaml:2:1:", "duplicate key")
        define_file(c, "a: &x 1\nb: *x\n").expect(2, "anchors")
        define_file(c, "site: !!str x\n").expect(2, "tags")
        define_file(c, "site: x\nnetworks: [\n").expect(2, "file.yaml:")
        define_file(c, b"site: x\0y\n").expect(2, "NUL")
        define_file(c, "hello: world\n").expect(2, "neither a site, a template nor a persona")
        define_file(c, "").expect(2)
        tap.equal(c.api("GET", "/v1/status")[1]["machines"], 0)


def test_a_10_mb_file_is_refused_quickly(builddir):
    with Controller(builddir) as c:
        define_file(c, "site: x\nnetworks:\n" + "".join("  n%d: {vlan: 2}\n" % i for i in range(600000))).expect(2, "larger than")


def test_port_mac_vlan_and_lun_may_be_used_once(builddir):
    with Controller(builddir) as c:
        site = rack.site(c.dir)
        site["machines"]["node2"]["nics"]["eth0"]["port"] = "leaf1/node1-eth0"
        site["machines"]["node3"]["nics"]["eth0"]["mac"] = "52:54:00:00:01:01"
        site["networks"]["twin"] = {"vlan": 110}
        status, answer = c.api("POST", "/v1/define", {"documents": [{"name": "s", "value": site}]})
        details = " | ".join(e["detail"] for e in answer["errors"])
        tap.equal(status, 422)
        for part in ("port leaf1/node1-eth0 is used twice", "MAC 52:54:00:00:01:01 is used twice", "VLAN 110 is network"):
            tap.contains(details, part)
        web = rack.persona("web")
        web["volumes"]["data"] = {"array": "san1", "volume": "data", "size": "1GiB", "lun": 1}
        status, answer = c.api("POST", "/v1/define", {"documents": [{"name": "s", "value": rack.site(c.dir)},
                                                                    {"name": "w", "value": web}]})
        tap.contains(answer["errors"][0]["detail"], "both have lun 1")


def test_a_duplicate_identity_is_refused_and_named(builddir):
    with Controller(builddir) as c:
        one, two = rack.persona("one"), rack.persona("two")
        one["vnics"]["eth0"]["mac"] = two["vnics"]["eth0"]["mac"] = "02:ca:57:aa:00:01"
        c.define(rack.site(c.dir), one)
        status, answer = c.api("POST", "/v1/define", {"documents": [{"name": "t", "value": two}]})
        tap.equal(status, 422)
        tap.contains(answer["errors"][0]["detail"], "belongs to persona one")
        two["vnics"]["eth0"]["mac"] = "52:54:00:00:01:01"
        answer = c.api("POST", "/v1/define", {"documents": [{"name": "t", "value": two}]})[1]
        tap.contains(answer["errors"][0]["detail"], "that of a nic of machine node1")


def test_a_dry_run_of_define_changes_nothing(builddir):
    with Controller(builddir) as c:
        path = os.path.join(c.dir, "site.json")
        with open(path, "w") as f:
            json.dump(rack.site(c.dir), f)
        c.persona("define", "-f", path, "--dry-run").expect(0, "node1")
        tap.equal(c.api("GET", "/v1/status")[1]["machines"], 0)
        c.persona("define", "-f", path).expect(0)
        c.persona("define", "-f", path).expect(0, "0 created, 0 updated, 0 deleted")


def test_a_volume_of_another_persona_is_refused(builddir):
    with ready(builddir) as c:
        c.run_to_end(**WEB1)
        thief = rack.persona("thief")
        thief["volumes"]["root"]["volume"] = "web-root"
        c.define(thief)
        before = wiring(c)
        c.persona("apply", "thief", "--on", "node2").expect(4, "web-root", "mapped elsewhere", "map web")
        tap.equal(wiring(c), before)


def test_a_wrong_bmc_password_is_told_and_not_retried(builddir):
    with ready(builddir) as c:
        rack.order(c.dir, "node1-bmc", "fault:pw", spec="*:*:auth")
        c.persona("apply", "web", "--on", "node1").expect(6, "node1-bmc refused the password", "secret")
        tap.equal(c.api("GET", "/v1/machines/node1")[1]["state"], "free")


def test_an_unknown_power_state_is_never_off(builddir):
    with ready(builddir) as c:
        rack.order(c.dir, "node1-bmc", "fault:blind", spec="observe:*:blind")
        c.persona("apply", "web", "--on", "node1").expect(6, "power state of node1 is unknown")
        rack.order(c.dir, "node2-bmc", "fault:dead", spec="*:*:unreachable")
        c.persona("apply", "web", "--on", "node2").expect(6, "node2-bmc does not answer")
        assert "maps" not in json.dumps(rack.state(c.dir)) or "web.g" not in json.dumps(rack.state(c.dir))


def failing(builddir, device, spec, persona=None):
    """An apply that meets a fault; the run, and the wiring before and after."""
    with ready(builddir) as c:
        c.run_to_end(**WEB1)
        c.run_to_end(action="release", persona="web")
        before = wiring(c)
        rack.order(c.dir, device, "fault:f", spec=spec)
        run = c.run_to_end(**WEB1)
        rack.order(c.dir, device, "fault:f", exists=False)
        c.api("POST", "/v1/plans", WEB1)
        return run, before, wiring(c), c.api("GET", "/v1/machines/node1")[1]["state"]


def test_an_array_that_refuses_rolls_back_to_the_prior_wiring(builddir):
    run, before, after, machine = failing(builddir, "san1", "apply:map:*:refuse:1")
    tap.equal((run["state"], machine), ("rolled_back", "free"))
    tap.contains(run["error"]["text"], "refused")
    tap.equal(after, before)


def test_a_role_that_never_comes_up_rolls_back(builddir):
    with ready(builddir, personas=()) as c:
        c.define(rack.persona("web", proof={"within": "1s", "serial": "PERSONA web UP"}))
        rack.order(c.dir, "node1-bmc", "fault:f", spec="apply:power:no_boot")
        run = c.run_to_end(**WEB1)
        tap.equal(run["state"], "rolled_back")
        tap.contains(run["error"]["text"], "gave no sign in time")
        tap.equal(c.api("GET", "/v1/machines/node1/power")[1]["power"], "off")


def test_a_lost_answer_is_settled_by_reading(builddir):
    for device, spec in (("leaf1", "apply:port:*:unknown:2"), ("san1", "apply:map:*:unknown:1"), ("node1-bmc", "apply:power:lost:1"),
                         ("san1", "apply:map:*:cut:1")):
        run, _, _, _ = failing(builddir, device, spec)
        tap.equal(run["state"], "done", spec)


def test_a_driver_that_dies_in_mid_apply_loses_nothing(builddir):
    for spec in ("apply:map:*:crash:1", "apply:map:*:crash-after:1", "apply:map:*:garbage:1"):
        run, _, _, _ = failing(builddir, "san1", spec)
        tap.equal(run["state"], "done", spec)


def test_a_move_that_fails_goes_back_to_the_old_machine(builddir):
    with ready(builddir) as c:
        c.run_to_end(**WEB1)
        rack.order(c.dir, "node2-bmc", "fault:f", spec="apply:power:refuse")
        run = c.run_to_end(action="move", persona="web", machine="node2")
        tap.equal(run["state"], "rolled_back")
        persona = c.api("GET", "/v1/personas/web")[1]
        tap.equal((persona["machine"], persona["generation"], persona["state"]), ("node1", 1, "active"))
        tap.equal(c.api("GET", "/v1/machines/node1/power")[1]["power"], "on")
        rack.order(c.dir, "node2-bmc", "fault:f", exists=False)
        tap.equal(c.run_to_end(action="move", persona="web", machine="node2")["state"], "done")
        tap.equal(c.api("GET", "/v1/personas/web")[1]["generation"], 3)


def test_what_can_neither_go_on_nor_back_is_quarantined(builddir):
    with ready(builddir) as c:
        rack.order(c.dir, "san1", "fault:f", spec="apply:map:*:refuse")
        rack.order(c.dir, "leaf1", "fault:g", spec="apply:port:node1-eth1:refuse:9")
        c.run_to_end(**WEB1)
        rack.order(c.dir, "leaf1", "fault:g", exists=False)
        rack.order(c.dir, "leaf1", "fault:h", spec="apply:port:*:crash-after:0")
        run = c.persona("apply", "web", "--on", "node1", "--wait")
        assert run.code in (7, 8), run


def test_a_machine_in_quarantine_is_held_until_it_is_returned(builddir):
    with ready(builddir) as c:
        # The map is granted, then the array refuses everything: neither forward nor back.
        rack.order(c.dir, "node1-bmc", "fault:f", spec="apply:power:no_boot")
        c.define(rack.persona("web", proof={"within": "2s", "serial": "PERSONA web UP"}))
        run = c.api("POST", "/v1/runs", WEB1)[1]["id"]
        wait_until(lambda: any(s["phase"] == "proof" and s["state"] == "intent"
                               for s in c.api("GET", "/v1/runs/%d" % run)[1]["steps"]), what="the proof is waited for")
        rack.order(c.dir, "san1", "fault:g", spec="apply:map:*:refuse")
        end = c.ended(run)
        tap.equal(end["state"], "quarantined")
        tap.equal(c.api("GET", "/v1/machines/node1")[1]["state"], "quarantined")
        tap.equal(c.api("GET", "/v1/machines/node1/power")[1]["power"], "off")
        c.persona("apply", "web", "--on", "node1").expect(4, "quarantined", "persona machine return node1")
        c.persona("apply", "db").expect(0)
        tap.equal(c.api("GET", "/v1/personas/db")[1]["machine"] != "node1", True)
        rack.order(c.dir, "san1", "fault:g", exists=False)
        rack.order(c.dir, "node1-bmc", "fault:f", exists=False)
        c.persona("machine", "return", "node1", "--wait").expect(0)
        end = c.run_to_end(**WEB1)
        tap.equal(end["state"], "done", end)


def test_an_unknown_driver_is_named(builddir):
    with Controller(builddir) as c:
        site = rack.site(c.dir)
        site["switches"]["leaf1"] = {"driver": "nosuch"}
        c.define(site, rack.persona("web"))
        c.persona("apply", "web", "--on", "node1").expect(2, "there is no driver `nosuch`")


def test_wrong_options_of_a_driver_are_named(builddir):
    with Controller(builddir) as c:
        site = rack.site(c.dir)
        site["switches"]["leaf1"] = {"driver": "ovsdb", "adress": "tcp:127.0.0.1:1"}
        c.define(site, rack.persona("web"))
        c.persona("apply", "web", "--on", "node1").expect(2, "has no option `adress`")
        site["switches"]["leaf1"] = {"driver": "ovsdb"}
        c.define(site)
        c.persona("apply", "web", "--on", "node1").expect(2, "option", "is missing")


def test_sigkill_in_mid_run_ends_the_run_after_restart(builddir):
    with ready(builddir, latency_ms=40) as c:
        for i, target in enumerate(["node1", "node2", "node1", "node2", "node1", "node2"]):
            wish = {"action": "move" if i else "apply", "persona": "web", "machine": target}
            run = c.api("POST", "/v1/runs", wish)[1]["id"]
            wait_until(lambda: sum(s["state"] != "pending" for s in c.api("GET", "/v1/runs/%d" % run)[1]["steps"]) > 2 * i,
                       what="step %d" % (2 * i))
            c.kill9()
            c.start()
            end = c.ended(run)
            assert end["state"] in ("done", "rolled_back"), end
            where = c.api("GET", "/v1/personas/web")[1]["machine"]
            tap.equal(where, target if end["state"] == "done" else end["from"])
            if end["state"] == "rolled_back":
                c.run_to_end(action="move" if where else "apply", persona="web", machine=target)


def test_a_full_disk_is_an_error_and_nothing_is_lost(builddir):
    with Controller(builddir, start=False) as c:
        mount = os.path.join(c.dir, "disk")
        os.mkdir(mount)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", mount], capture_output=True).returncode:
            raise tap.Skip("mounting a small file system needs root")
        try:
            c.database = os.path.join(mount, "recast.db")
            c.start()
            c.define(rack.site(c.dir), rack.persona("web"))
            fill = os.open(os.path.join(mount, "fill"), os.O_WRONLY | os.O_CREAT)
            try:
                while os.write(fill, b"x" * 4096):
                    pass
            except OSError:
                os.close(fill)
            result = c.persona("apply", "web", "--on", "node1")
            result.expect(1, "database", "disk")
            tap.lacks(json.dumps(rack.state(c.dir)), "web.g")
            os.unlink(os.path.join(mount, "fill"))
            wait_until(lambda: c.api("POST", "/v1/runs", WEB1)[0] == 202, what="it works again")
            wait_until(lambda: c.api("GET", "/v1/personas/web")[1]["state"] == "active", what="web plays")
            c.stop()
        finally:
            c.stop()
            subprocess.run(["umount", mount], check=True)


def test_a_damaged_database_is_refused_with_advice(builddir):
    with ready(builddir) as c:
        c.stop()
        size = os.path.getsize(c.database)
        with open(c.database, "r+b") as f:
            f.truncate(size // 2)
        for junk in ("-wal", "-shm"):
            if os.path.exists(c.database + junk):
                os.unlink(c.database + junk)
        c.start(ready=False)
        assert c.process.wait(20) != 0
        tap.contains(c.log(), "damaged")
        tap.contains(c.log(), "persona backup")


def test_a_newer_database_is_refused(builddir):
    import sqlite3
    with ready(builddir) as c:
        c.stop()
        db = sqlite3.connect(c.database)
        db.execute("PRAGMA user_version = 999")
        db.close()
        c.start(ready=False)
        assert c.process.wait(20) != 0
        tap.contains(c.log(), "schema 999")


def test_only_one_recastd_may_have_a_database(builddir):
    with ready(builddir) as c:
        other = Controller(builddir, start=False)
        with other:
            other.database = c.database
            subprocess.run(["cp", os.path.join(c.dir, "recast.key"), other.dir], check=True)
            other.start(ready=False)
            assert other.process.wait(30) != 0
            tap.contains(other.log(), "another process has the database open")
        tap.equal(c.api("GET", "/v1/status")[0], 200)


def test_a_missing_or_open_key_file_is_refused(builddir):
    with ready(builddir) as c:
        c.stop()
        key = os.path.join(c.dir, "recast.key")
        tap.equal(oct(os.stat(key).st_mode & 0o777), "0o400")
        os.chmod(key, 0o644)
        c.start(ready=False)
        assert c.process.wait(20) != 0
        tap.contains(c.log(), "may be read by others")
        os.unlink(key)
        c.start(ready=False)
        assert c.process.wait(20) != 0
        tap.contains(c.log(), "put back the key file")


def test_secrets_are_written_and_never_read_back(builddir):
    with Controller(builddir) as c:
        canary = "canary-4711-secret"
        c.persona("secret", "set", "bmc1", "-", input=canary + "\n").expect(0)
        tap.lacks(c.persona("secret", "list").expect(0, "bmc1").out, canary)
        tap.equal([s["name"] for s in c.api("GET", "/v1/secrets")[1]["items"]], ["bmc1"])
        c.persona("backup", os.path.join(c.dir, "b.db")).expect(0)
        c.stop()
        for name in os.listdir(c.dir):
            path = os.path.join(c.dir, name)
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    assert canary.encode() not in f.read(), "the secret stands in " + name


def test_strangers_may_not_use_the_socket(builddir):
    with ready(builddir) as c:
        os.chmod(c.dir, 0o755)
        os.chmod(c.socket, 0o666)
        done = subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", os.path.join(builddir, "persona"), "--socket",
                               c.socket, "get", "machines"], capture_output=True, text=True)
        if "setpriv" in done.stderr:
            raise tap.Skip("needs root")
        tap.equal(done.returncode, 5, done.stderr)
        tap.contains(done.stderr, "uid 65534")


def test_the_front_may_die_and_comes_back(builddir):
    with ready(builddir) as c:
        for pid in c.children_left():
            with open("/proc/%d/cmdline" % pid) as f:
                if "recast-front" in f.read().split("\0")[0]:
                    os.kill(pid, 9)
        wait_until(c.answers, what="a new front answers")
        tap.equal(c.run_to_end(**WEB1)["state"], "done")
