# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting runs, following them to their end, and watching events."""
import json
import os
import signal
import subprocess
import threading
import time

import tap
from fakeserver import Fake, Server, problem
from program import PATIENCE, environment, persona


def test_starting_a_run_prints_its_id_and_returns(builddir):
    with Fake() as fake:
        fake.stall = True
        status, out, err = persona(builddir, fake, "apply", "web", "--on", "node4")
        tap.equal((status, out), (0, "12\n"))
        tap.contains(err, "persona watch --run 12")
        tap.equal(len(fake.requests), 1)
        tap.equal(json.loads(persona(builddir, fake, "apply", "web", "-o", "json")[1])["id"], 13)
        tap.equal(persona(builddir, fake, "apply", "web", "-o", "name"), (0, "14\n", ""))


def test_nothing_to_do_is_success_without_a_run(builddir):
    with Fake() as fake:
        fake.answers["POST", "/v1/runs"] = (200, {"state": "done", "changes": 0, "message": "web is on node4 already"})
        tap.equal(persona(builddir, fake, "apply", "web", "--wait"), (0, "", "web is on node4 already\n"))


def test_waits_until_the_run_is_done(builddir):
    with Fake() as fake:
        status, out, err = persona(builddir, fake, "apply", "web", "--on", "node4", "--wait")
        tap.equal((status, out), (0, "12\n"))
        lines = err.splitlines()
        tap.equal(lines[0], "Run 12: apply web from node1 to node4")
        tap.equal([line.split()[:2] for line in lines[1:4]], [["done", "1/3"], ["done", "2/3"], ["done", "3/3"]])
        tap.contains(lines[2], "port leaf1/node4-eth0: VLAN 4000 -> 110  (0.8 s)")
        tap.equal(lines[4], "Done: apply web from node1 to node4; 3 steps in 42.0 s.")
        tap.equal(len(lines), 5)


def test_the_end_of_the_run_is_the_exit_status(builddir):
    for ends, wanted, part in (("rolled_back", 7, "failed and was rolled back: leaf1 refused the VLAN"),
                               ("quarantined", 8, "node4 is quarantined: leaf1 refused the VLAN"),
                               ("cancelled", 7, "was cancelled")):
        with Fake() as fake:
            fake.ends = ends
            status, out, err = persona(builddir, fake, "move", "web", "--to", "node4", "--wait")
            tap.equal((status, out), (wanted, "12\n"), ends)
            tap.contains(err, "persona: run 12 ")
            tap.contains(err, part)
            tap.contains(err, "try: allow VLAN 110 on leaf1")
            fake.add_run()
            tap.equal(persona(builddir, fake, "watch", "--run", "13")[0], wanted, ends)


def test_shows_steps_that_fail_and_are_undone(builddir):
    with Fake() as fake:
        run = fake.add_run(state="undoing")
        for step, state in zip(run["steps"], ("undone", "failed", "skipped")):
            step["state"] = state
        _, _, err = persona(builddir, fake, "watch", "--run", "12")
        for word in ("undone   1/3", "FAILED   2/3", "skipped  3/3"):
            tap.contains(err, word)


def test_gives_up_waiting_in_time(builddir):
    with Fake() as fake:
        fake.stall = True
        begin = time.monotonic()
        status, out, err = persona(builddir, fake, "apply", "web", "--wait=500ms")
        tap.equal((status, out), (124, "12\n"))
        assert 0.4 < time.monotonic() - begin < 5
        tap.contains(err, "run 12 has not ended within 0.5 s; it goes on")
        tap.contains(err, "try: persona watch --run 12")


def test_wait_prints_the_run_as_it_ended_in_json(builddir):
    with Fake() as fake:
        status, out, err = persona(builddir, fake, "apply", "web", "--wait", "-o", "json")
        run = json.loads(out)
        tap.equal((status, run["id"], run["state"], len(run["steps"])), (0, 12, "done", 3), err)


def test_polls_when_there_are_no_events(builddir):
    for answer in (problem(503, "busy", "no streams"), (204, None)):
        with Fake() as fake:
            fake.answers["GET", "/v1/events"] = answer
            run = fake.add_run()
            del run["steps"][1:]
            tap.equal(persona(builddir, fake, "watch", "--run", "12")[0], 0)


def test_an_event_makes_it_look_at_once(builddir):
    """With the stream held open, the only reason to read the run sooner than the poll is an event."""
    with Fake() as fake:
        fake.events = [{"seq": i, "time": 1767225600000, "type": "step", "run": 12} for i in range(1, 4)]
        fake.stall = True
        status, _, _ = persona(builddir, fake, "apply", "web", "--wait=1400ms")
        tap.equal(status, 124)
        reads = [r for r in fake.requests if r[1] == "/v1/runs/12"]
        assert 3 <= len(reads) <= 6, len(reads)
        tap.equal([r[2] for r in fake.requests if r[1] == "/v1/events"], [{"run": "12"}])


def test_waits_for_a_controller_that_restarts(builddir):
    with Fake() as fake:
        fake.stall = True
        process = subprocess.Popen([os.path.join(builddir, "persona"), "apply", "web", "--wait=14s"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(fake))
        wait_until(lambda: any(r[1] == "/v1/runs/12" for r in fake.requests))
        handler = fake.server.RequestHandlerClass
        fake.drops = True
        fake.server.shutdown()
        fake.server.server_close()
        os.unlink(fake.socket)
        line = b""
        while b"waiting for it" not in line:
            line = process.stderr.readline()
            assert line, "it gave up"
        fake.stall = fake.drops = False
        fake.server = Server(fake.socket, handler)
        threading.Thread(target=fake.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        out, err = process.communicate(timeout=PATIENCE)
        tap.equal(process.returncode, 0, err)
        tap.contains(err.decode(), "Done: apply web")


def wait_until(condition, patience=PATIENCE):
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("condition not met")
        time.sleep(0.01)


def test_an_interrupt_leaves_the_run_alone(builddir):
    with Fake() as fake:
        fake.stall = True
        process = subprocess.Popen([os.path.join(builddir, "persona"), "apply", "web", "--wait"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(fake))
        wait_until(lambda: fake.streams > 0)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
        tap.equal(process.returncode, 130)
        tap.contains(err.decode(), "Run 12 goes on. Follow it: persona watch --run 12")
        tap.equal([r for r in fake.requests if r[1].endswith("/cancel")], [])


def test_power_of_several_machines_is_followed_to_the_worst_end(builddir):
    with Fake() as fake:
        fake.ends = "rolled_back"
        status, out, err = persona(builddir, fake, "power", "on", "node1", "node4", "--wait")
        tap.equal((status, out), (7, "12\n13\n"))
        tap.contains(err, "run 12 failed")
        tap.contains(err, "run 13 failed")
        first_read = [r[1] for r in fake.requests].index("/v1/runs/12")
        tap.equal(len([r for r in fake.requests[:first_read] if r[0] == "POST"]), 2, "both were asked for first")


def test_a_run_that_does_not_exist_is_an_error(builddir):
    with Fake() as fake:
        tap.equal(persona(builddir, fake, "watch", "--run", "99")[0], 3)
        tap.equal(persona(builddir, fake, "run", "show", "99")[0], 3)


EVENTS = [{"seq": 41, "time": 1767225600000, "type": "run", "id": 12, "action": "apply", "persona": "web",
           "machine": "node1", "state": "running"},
          {"seq": 42, "time": 1767225601000, "type": "step", "run": 12, "n": 0, "device": "leaf1",
           "object": "port:a", "state": "done", "summary": "vlan\x1b[0m 110"}]


class Watching:
    def __init__(self, builddir, fake, *args):
        self.process = subprocess.Popen([os.path.join(builddir, "persona"), "watch", *args], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=environment(fake), text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def lines(self, n):
        return [self.process.stdout.readline() for _ in range(n)]

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        _, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, err


def test_watch_prints_events_as_lines(builddir):
    with Fake() as fake:
        fake.events = list(EVENTS)
        with Watching(builddir, fake) as w:
            tap.equal(w.lines(2), ["2026-01-01 00:00:00 run      id=12 action=apply persona=web machine=node1 state=running\n",
                       "2026-01-01 00:00:01 step     run=12 device=leaf1 object=port:a state=done  vlan?[0m 110\n"])
            tap.equal(w.interrupt()[0], 130)
        with Watching(builddir, fake, "-o", "json") as w:
            tap.equal([json.loads(line) for line in w.lines(2)], EVENTS)


def test_watch_goes_on_where_a_broken_stream_ended(builddir):
    with Fake() as fake:
        fake.events = list(EVENTS)
        fake.ends_streams = True
        with Watching(builddir, fake, "-o", "json") as w:
            w.lines(2)
            wait_until(lambda: fake.streams >= 2)
            fake.ends_streams = False
            fake.tell("define")
            tap.equal(json.loads(w.lines(1)[0])["seq"], 43)
            w.interrupt()
        ids = [r[3].get("Last-Event-ID") for r in fake.requests]
        tap.equal((ids[0], ids[1]), (None, "42"))


def test_watch_fails_at_once_when_there_is_no_controller(builddir):
    status, _, err = persona(builddir, None, "watch", RECAST_SOCKET="/nonexistent")
    tap.equal(status, 6)
    tap.contains(err, "recastd is not running")


def test_watch_ends_when_nobody_reads_it(builddir):
    with Fake() as fake:
        fake.events = EVENTS * 2000
        head = subprocess.run("'%s/persona' watch -o json | head -n 1" % builddir, shell=True, capture_output=True,
                              timeout=PATIENCE, env=environment(fake), check=True)
        tap.equal(json.loads(head.stdout)["seq"], 41)


def test_says_what_a_run_is_about(builddir):
    cases = [({"action": "apply", "from": None}, "apply web on node4"), ({"action": "move"}, "move web from node1 to node4"),
             ({"action": "release", "machine": "", "from": "node1"}, "release web from node1"),
             ({"action": "release", "machine": None, "from": "node1"}, "release web from node1"),
             ({"action": "apply", "from": "node4"}, "apply web on node4"),
             ({"action": "release", "from": None}, "release web from node4"),
             ({"action": "swap", "with": "db"}, "swap web and db"),
             ({"action": "power-on", "persona": "", "from": ""}, "power-on node4"),
             ({"action": "power-off", "persona": None, "from": None}, "power-off node4")]
    with Fake() as fake:
        for i, (more, wanted) in enumerate(cases):
            run = fake.add_run()
            run.update(more)
            line = persona(builddir, fake, "run", "show", str(12 + i))[1].splitlines()[1]
            tap.equal(line, "action:       " + wanted)
