# SPDX-License-Identifier: GPL-3.0-or-later
"""The API as its clients meet it: entity tags, pages, keys, dry runs, and streams that go on where they were."""
import glob
import json
import os
import threading

import rack
import tap
from controller import PATIENCE, Controller, UnixConnection, wait_until
from test_faults import WEB1
from test_mock import ready

WEB = "/v1/personas/web/document"


def tag(c, path):
    return c.exchange("GET", path)[1]["ETag"]


def put(c, path, document, **headers):
    return c.exchange("PUT", path, document, {k.replace("_", "-"): v for k, v in headers.items()}.items())


def test_two_who_change_the_same_document_at_once_do_not_overwrite_each_other(builddir):
    with ready(builddir) as c:
        for round in range(5):
            etag, document = tag(c, WEB), c.api("GET", WEB)[1]
            answers = []

            def change(n):
                answers.append((n, put(c, WEB, {**document, "requires": {"cores": 1 + n}}, If_Match=etag)))
            threads = [threading.Thread(target=change, args=(round * 8 + n,)) for n in range(8)]
            for t in threads:
                t.start()
            for t in threads:
                t.join(PATIENCE)
            won = [(n, a) for n, a in answers if a[0] == 200]
            tap.equal(len(won), 1, [a[0] for _, a in answers])
            tap.equal({a[0] for _, a in answers}, {200, 412})
            tap.equal(c.api("GET", WEB)[1]["requires"]["cores"], 1 + won[0][0])
            tap.equal(won[0][1][1]["ETag"], tag(c, WEB), "the answer to PUT has the new tag")


def test_a_change_must_say_what_it_changes(builddir):
    with ready(builddir) as c:
        document, etag = c.api("GET", WEB)[1], tag(c, WEB)
        status, _, problem = put(c, WEB, document)
        tap.equal((status, problem["code"]), (428, "precondition-required"))
        tap.equal(put(c, WEB, document, If_Match="web")[0], 400)
        tap.equal(put(c, WEB, document, If_Match='W/' + etag)[0], 412)  # weak tags never match for a change
        tap.equal(put(c, WEB, document, If_Match='"x", ' + etag)[0], 200)
        tap.equal(put(c, WEB, document, If_Match="*")[0], 200)
        tap.equal(put(c, WEB, document, If_None_Match="*")[0], 412)
        new = "/v1/personas/new/document"
        tap.equal(put(c, new, rack.persona("new"), If_Match="*")[0], 412)
        tap.equal(put(c, new, rack.persona("other"), If_None_Match="*")[0], 422)  # another name than its path
        tap.equal(put(c, new, rack.persona("new"), If_None_Match="*")[0], 201)
        tap.equal(put(c, new, rack.persona("new", network="nowhere"), If_Match=tag(c, new))[0], 422)
        # What has no tag cannot be expected to have one.
        tap.equal(c.api("PUT", "/v1/secrets/s", {"value": "v"}, {"If-Match": '"x"'}.items())[0], 412)
        # The whole object's tag is that of its state, too: what was read before a run is old after it.
        before = tag(c, "/v1/personas/web")
        tap.equal(c.exchange("GET", "/v1/personas/web", headers={"If-None-Match": before}.items())[0], 304)
        c.run_to_end(**WEB1)
        tap.equal(c.exchange("GET", "/v1/personas/web", headers={"If-None-Match": before}.items())[0], 200)
        tap.equal(c.api("DELETE", "/v1/personas/new", headers={"If-Match": before}.items())[0], 412)
        tap.equal(c.api("DELETE", "/v1/personas/new", headers={"If-Match": tag(c, "/v1/personas/new")}.items())[0], 200)
        # Tags outlive the process.
        etag = tag(c, WEB)
        c.kill9()
        c.start()
        tap.equal(tag(c, WEB), etag)


def test_site_and_templates_are_documents_too(builddir):
    with ready(builddir) as c:
        site = c.api("GET", "/v1/site")[1]
        tap.equal(sorted(site), sorted(rack.site(c.dir)))
        site["networks"]["extra"] = {"vlan": 700}
        tap.equal(put(c, "/v1/site", site, If_Match=tag(c, "/v1/site"))[2], site)
        tap.equal([n["name"] for n in c.api("GET", "/v1/networks")[1]["items"]], ["db", "extra", "parking", "provision", "storage", "web"])
        template = {"template": "small", "requires": {"cores": 2}}
        tap.equal(put(c, "/v1/templates/small/document", template, If_None_Match="*")[0], 201)
        c.define(rack.persona("tiny", **{"from": "small"}))
        tap.equal(c.api("DELETE", "/v1/templates/small")[0], 409)
        tap.equal(c.api("DELETE", "/v1/personas/tiny")[0], 200)
        tap.equal(c.api("DELETE", "/v1/templates/small")[0], 200)
        tap.equal(c.api("GET", "/v1/templates/small")[0], 404)


def editor(c, name, *lines):
    path = os.path.join(c.dir, name)
    with open(path, "w") as f:
        f.write("#!/bin/sh\n" + "\n".join(lines) + "\n")
    os.chmod(path, 0o755)
    return {"EDITOR": path, "VISUAL": "", "TMPDIR": c.dir}


def test_edit_sends_what_the_editor_leaves_and_never_over_the_change_of_another(builddir):
    with ready(builddir) as c:
        c.persona("edit", "web", env=editor(c, "idle", "true")).expect(0, "Nothing was changed")
        c.persona("edit", "web", env=editor(c, "fails", "exit 1")).expect(2, "did not end well")
        c.persona("edit", "web", env=editor(c, "sets", "sed -i 's/serial: .*/serial: HELLO/' \"$1\"")).expect(0, "Changed")
        tap.equal(c.api("GET", WEB)[1]["proof"]["serial"], "HELLO")
        tap.equal(glob.glob(c.dir + "/persona-*.yaml"), [])
        c.persona("edit", "web", env=editor(c, "typo", "sed -i 's/network: web/network: wbe/' \"$1\"")).expect(2, "wbe", "what you wrote is in")
        c.persona("edit", "nobody", env=editor(c, "idle", "true")).expect(3)
        c.persona("edit", "site", env=editor(c, "site", "sed -i 's/vlan: 110/vlan: 111/' \"$1\"")).expect(0)
        tap.equal(c.api("GET", "/v1/site")[1]["networks"]["web"]["vlan"], 111)
        theirs = editor(c, "theirs", "sed -i 's/serial: .*/serial: THEIRS/' \"$1\"")
        mine = editor(c, "mine", "sed -i 's/serial: .*/serial: MINE/' \"$1\"",
                      "EDITOR=%s %s --socket %s edit web" % (theirs["EDITOR"], os.path.join(builddir, "persona"), c.socket))
        c.persona("edit", "web", env=mine).expect(4, "somebody else has changed it", "what you wrote is in")
        tap.equal(c.api("GET", WEB)[1]["proof"]["serial"], "THEIRS")


def pages(c, path, limit, between=lambda: None):
    names, cursor, n = [], "", 0
    while True:
        answer = c.api("GET", "%s?limit=%d%s" % (path, limit, "&cursor=" + cursor if cursor else ""))[1]
        assert len(answer["items"]) <= limit, len(answer["items"])
        names += [i.get("name", i.get("id", i.get("seq"))) for i in answer["items"]]
        cursor, n = answer["next"], n + 1
        if cursor is None:
            return names, n
        between()


def test_lists_come_in_pages_that_nothing_falls_between(builddir):
    with Controller(builddir) as c:
        c.define(rack.site(c.dir, machines=1205), *[rack.persona("p%d" % i) for i in range(12)])
        tap.equal(pages(c, "/v1/machines", 500), (["node%d" % i for i in range(1, 1206)], 3))
        tap.equal(len(c.api("GET", "/v1/machines")[1]["items"]), 1000)
        tap.equal(len(c.persona("get", "machines", "-o", "name").expect(0).out.split()), 1205)
        # One that goes between two pages takes no other with it.
        names, _ = pages(c, "/v1/personas", 5, lambda: c.api("DELETE", "/v1/personas/p1"))
        tap.equal(names, ["p%d" % i for i in range(12)])
        for bad in ("limit=0", "limit=1001", "limit=x"):
            tap.equal(c.api("GET", "/v1/machines?" + bad)[1]["code"], "usage")
        tap.equal(c.api("GET", "/v1/runs?cursor=x")[1]["code"], "usage")
        for _ in range(7):
            c.api("POST", "/v1/machines/node1/power", {"power": "on"})
            wait_until(lambda: not c.api("GET", "/v1/runs?state=open")[1]["items"], what="it is on")
        runs = c.api("GET", "/v1/runs")[1]["items"]
        tap.equal(pages(c, "/v1/runs", 2), ([r["id"] for r in runs], (len(runs) + 1) // 2))
        records, _ = pages(c, "/v1/audit", 3)
        tap.equal(records, list(range(1, len(records) + 1)))


def test_a_key_stands_for_one_wish(builddir):
    with ready(builddir) as c:
        key = {"Idempotency-Key": "one-wish-only"}
        status, headers, run = c.exchange("POST", "/v1/runs", WEB1, key.items())
        tap.equal((status, headers["Location"]), (202, "/v1/runs/%d" % run["id"]))
        c.ended(run["id"])
        c.kill9()
        c.start()
        status, headers, again = c.exchange("POST", "/v1/runs", WEB1, key.items())
        tap.equal((status, headers["Location"], again["id"]), (202, "/v1/runs/%d" % run["id"], run["id"]))
        status, _, problem = c.exchange("POST", "/v1/runs", {**WEB1, "machine": "node2"}, key.items())
        tap.equal((status, problem["code"]), (422, "invalid"))
        tap.contains(problem["detail"], "run %d" % run["id"])
        tap.equal(c.api("POST", "/v1/machines/node1/power", {"power": "off"}, key.items())[0], 422)


def test_a_dry_run_tells_the_plan_and_starts_nothing(builddir):
    with ready(builddir) as c:
        status, plan = c.api("POST", "/v1/runs", {**WEB1, "dry_run": True}, {"Idempotency-Key": "not-used-by-a-look"}.items())
        tap.equal(status, 200)
        assert len(plan["steps"]) > 5, plan
        tap.equal(c.api("GET", "/v1/runs")[1]["items"], [])
        tap.equal(c.api("POST", "/v1/runs", {"plan": plan, "dry_run": True})[1]["id"], plan["id"])
        rack.order(c.dir, "node1-bmc", "sim:power", power="on")
        tap.equal(c.api("POST", "/v1/runs", {"plan": plan, "dry_run": True})[1]["code"], "stale")
        tap.equal(c.api("POST", "/v1/runs", WEB1, {"Idempotency-Key": "not-used-by-a-look"}.items())[0], 202)


def test_a_method_that_is_not_there_says_which_are(builddir):
    with ready(builddir) as c:
        status, headers, _ = c.exchange("DELETE", "/v1/site")
        tap.equal((status, headers["Allow"]), (405, "GET, PUT"))


class Stream:
    """A reader of /v1/events."""

    def __init__(self, c, last=None, query=""):
        self.connection = UnixConnection(c.socket, PATIENCE)
        self.connection.request("GET", "/v1/events" + query, headers={"Last-Event-ID": str(last)} if last is not None else {})
        self.response = self.connection.getresponse()
        self.status = self.response.status

    def next(self):
        event = {}
        while True:
            line = self.response.readline().decode().rstrip("\n")
            if not line and event:
                return int(event["id"]), event["event"], json.loads(event["data"])
            if line and not line.startswith(":"):
                key, _, value = line.partition(": ")
                event[key] = value

    def close(self):
        self.connection.close()


def news(c, n, first=0):
    for i in range(n):
        c.api("PUT", "/v1/secrets/n%d" % (first + i), {"value": "v"})


def test_a_stream_goes_on_after_a_restart_without_losing_or_repeating_an_event(builddir):
    with ready(builddir) as c:
        stream = Stream(c, 0)
        news(c, 5)
        seen = [stream.next()[0] for _ in range(4)]
        stream.close()
        c.kill9()
        c.start()
        news(c, 3, 5)
        stream = Stream(c, seen[-1])
        seen += [stream.next()[0] for _ in range(4)]
        stream.close()
        tap.equal(seen, list(range(seen[0], seen[0] + 8)))


def test_what_a_stream_has_missed_for_ever_is_said(builddir):
    with Controller(builddir, options=["keep_events=1000"]) as c:
        news(c, 1200)  # trimmed in bites of a tenth
        stream = Stream(c, 10)
        number, kind, data = stream.next()
        tap.equal((kind, data["after"], number == data["seq"]), ("gap", 10, True))
        tap.equal(stream.next()[0], number + 1)
        stream.close()
        # A number from before a backup was put back.
        stream = Stream(c, 999999)
        number, kind, data = stream.next()
        tap.equal((kind, data["after"]), ("gap", 999999))
        news(c, 1)
        tap.equal(stream.next()[:2], (number + 1, "secret"))
        stream.close()
        for bad in ("x", "-1", "1.5"):
            tap.equal(Stream(c, bad).status, 400)
        tap.equal(Stream(c, query="?run=x").status, 400)


def test_a_slow_reader_gets_every_event_and_costs_no_memory(builddir):
    with Controller(builddir) as c:
        news(c, 3000)
        pid = c.daemon_pid()
        before = resident_kb(pid)
        streams = [Stream(c, 0) for _ in range(20)]
        tap.equal(c.api("GET", "/v1/status")[0], 200)
        grown = resident_kb(pid) - before
        sanitized = "keeps its rights" in c.log()  # such a build holds on to what was freed
        assert grown < 6000 or sanitized, "%d kB more for 20 readers that do not read" % grown
        for stream in streams[:3]:
            tap.equal([stream.next()[0] for _ in range(3000)], list(range(1, 3001)))
        for stream in streams:
            stream.close()


def resident_kb(pid):
    with open("/proc/%d/status" % pid) as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
