# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller for persona(1): answers the API on a unix socket with canned values.

A run goes on by one state each time it is read, so nothing here depends on time.  The canned values are
checked against schema/api/openapi.yaml by a test, so they cannot drift from what the controller sends.
"""
import copy
import http.server
import json
import os
import shutil
import socketserver
import tempfile
import threading
from urllib.parse import parse_qs, unquote, urlsplit

STEPS = [
    {"n": 1, "phase": "off", "device": "node1-bmc", "class": "bmc", "object": "power", "verb": "!",
     "summary": "power off node1 and read off twice", "impact": "downtime", "undo": "power on", "from": "on", "to": "off"},
    {"n": 2, "phase": "prepare", "device": "leaf1", "class": "switch", "object": "port:node4-eth0", "verb": "~",
     "summary": "port leaf1/node4-eth0: VLAN 4000 -> 110", "impact": "link-blip", "undo": "vlan 4000", "from": {"vlan": 4000},
     "to": {"vlan": 110}},
    {"n": 3, "phase": "grant", "device": "san1", "class": "storage", "object": "map:web-root", "verb": "+",
     "summary": "map web on san1", "impact": "none", "undo": "no map", "from": None, "to": {"lun": 1}},
    {"n": 4, "phase": "grant", "device": "san1", "class": "storage", "object": "map:old-root", "verb": "-",
     "summary": "unmap old on san1", "impact": "none", "undo": "lun 1", "from": {"lun": 1}, "to": None},
]

PLAN = {
    "id": "3f2a9c1e5b7d48f0a1b2c3d4e5f60718", "action": "apply", "persona": "web", "with": None,
    "machine": "node4", "volume": None, "from": "node1", "group": None, "impact": "downtime",
    "fence": "F1 node1-bmc says off, read twice", "steps": STEPS, "restore": [], "changes": 4,
    "observed_hash": "0123456789abcdef0123456789abcdef", "generation": 3,
}

DRIFT = {
    "interval_ms": 60000,
    "items": [{"persona": "web", "machine": "node1", "device": "leaf1", "object": "port:node1-eth0", "what": "port",
               "found": {"native": 666}, "wanted": {"native": 110}, "summary": "port leaf1/node1-eth0 is VLAN 666, web wants web",
               "impact": "link-blip", "repairable": True, "since": 1767225600000}],
    "orphans": [{"device": "san1", "object": "map:old", "persona": "old", "generation": 3,
                 "summary": "map old on san1 is there, and old plays nowhere"}],
    "devices": [{"device": "leaf1", "read_at": 1767225600000, "error": None},
                {"device": "san2", "read_at": None, "error": {"code": "unreachable", "text": "san2: no answer\x1b[31m"}}],
}

MACHINES = [
    {"name": "node1", "arch": "x86_64", "cores": 16, "memory_bytes": 68719476736,
     "uuid": "a1234567-89ab-cdef-a123-456789000001", "state": "active", "persona": "web", "generation": 2,
     "run": None, "bmc": {"driver": "ipmi", "address": "127.0.1.1"},
     "nics": [{"name": "eth0", "mac": "52:54:00:00:01:01", "switch": "leaf1", "port": "node1-eth0"}],
     "groups": ["blades"]},
    {"name": "node4", "arch": "x86_64", "cores": 16, "memory_bytes": 68719476736,
     "uuid": "a1234567-89ab-cdef-a123-456789000004", "state": "free", "persona": None, "generation": 0,
     "run": None, "bmc": {"driver": "ipmi", "address": "127.0.1.4"}, "nics": [], "groups": ["blades"]},
]

PERSONAS = [
    {"name": "web", "from": "linux-server", "state": "active", "machine": "node1", "generation": 2, "run": None,
     "document": {"persona": "web", "vnics": {"eth0": {"network": "web", "mac": "auto"}}, "note": "yes"},
     "identities": [{"kind": "mac", "for": "eth0", "value": "02:ca:57:00:00:01"}],
     "boot": {"method": "ipxe-iscsi", "network": "provision"}, "requires": {"group": "blades"}},
    {"name": "db", "from": None, "state": "defined", "machine": None, "generation": 0, "run": None,
     "document": {"persona": "db"}, "identities": [], "boot": {"method": "local"}, "requires": {}},
]

DEVICES = [
    {"name": "leaf1", "class": "switch", "driver": "ovsdb", "state": "ready", "queued": 0, "inflight": 0,
     "last_error": None},
    {"name": "san1", "class": "storage", "driver": "tgt", "state": "backoff", "queued": 2, "inflight": 0,
     "last_error": {"code": "unreachable", "text": "san1: no answer\x1b[31m", "hint": "check its cable"}},
]

STATUS = {"version": "0.1.0", "site": "lab", "epoch": 4, "runs_open": 0, "machines": 2, "personas": 2, "pid": 4711,
          "uptime_ms": 3723000, "counters": {"commits": 12, "frames_sent": 99}}

DOCTOR = {"ok": False, "counts": {"ok": 1, "warn": 0, "fail": 1}, "checks": [
    {"group": "controller", "name": "database", "object": "state.db", "state": "ok", "text": "integrity checked", "hint": None},
    {"group": "devices", "name": "device", "object": "san1", "state": "fail", "text": "no answer", "hint": "check its cable"}]}

HEALTH = {"sensors": [{"name": "CPU Temp", "value": 41.5, "unit": "C", "state": "ok"}],
          "sel": [{"time": 1767225600000, "sensor": "PSU1", "text": "power supply lost"}],
          "identity": {"manufacturer": "Example", "product": "X1", "serial": "123"}}

LISTS = {
    "machines": MACHINES, "personas": PERSONAS, "devices": DEVICES,
    "networks": [{"name": "web", "vlan": 110, "subnet": "10.66.110.0/24", "pool": "10.66.110.10-10.66.110.99"},
                 {"name": "parking", "vlan": 4000, "subnet": None, "pool": None}],
    "groups": [{"name": "blades", "machines": ["node1", "node4"], "spares": 1}],
    "templates": [{"name": "linux-server", "document": {"template": "linux-server"}}],
    "identities": [{"name": "mac/prod", "kind": "mac", "range": "02:ca:57:00:00:00-02:ca:57:00:ff:ff", "used": 1,
                    "size": 65536}],
    "secrets": [{"name": "node1-bmc", "changed": 1767225600000}],
}


def problem(status, code, detail, hint="", **more):
    return status, {"type": "urn:recast:error:" + code, "title": code, "status": status, "detail": detail,
                    "code": code, "hint": hint, **more}


def not_found(kind, name):
    return problem(404, "not-found", "there is no %s `%s`" % (kind, name))


def make_run(id_, action="apply", state="running", **more):
    steps = [dict({k: s[k] for k in ("n", "phase", "device", "object", "summary")}, state="pending", started=None,
                  ended=None, error=None) for s in STEPS[:3]]
    return {"id": id_, "action": action, "persona": "web", "with": None, "machine": "node4", "volume": None, "from": "node1",
            "state": state, "created": 1767225600000, "ended": None, "error": None, "steps": steps, **more}


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    address_family = 1  # AF_UNIX

    def server_bind(self):
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "recast", 0

    def handle_error(self, request, client_address):
        pass  # a client that left


class Fake:
    """The server.  `ends` says how a run ends; `stall` keeps runs open; `answers` overrides (method, path)."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="persona-")
        self.socket = os.path.join(self.dir, "s")
        self.requests = []      # (method, path, query, headers, body)
        self.answers = {}       # (method, path) -> (status, body) or function(handler)
        self.ends = "done"
        self.stall = False
        self.events = []        # for GET /v1/events
        self.streams = 0        # how many event streams were opened
        self.ends_streams = False  # event streams end after the events there are
        self.drops = False      # every connection breaks
        self.stopped = False
        self.changed = threading.Condition()
        self.console_in = []
        self.console_typed = threading.Event()
        self.console_out = "login: "
        self.runs = {}
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def address_string(self):
                return "unix"

            def do(self):
                fake.handle(self)
            do_GET = do_POST = do_PUT = do_DELETE = do

        self.server = Server(self.socket, Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def close(self):
        self.stopped = True
        with self.changed:
            self.changed.notify_all()
        self.console_typed.set()
        self.server.shutdown()
        self.server.server_close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- requests ------------------------------------------------------------------------------

    def handle(self, h):
        url = urlsplit(h.path)
        length = int(h.headers.get("Content-Length") or 0)
        raw = h.rfile.read(length) if length else b""
        body = json.loads(raw) if raw else None
        path = unquote(url.path)
        self.requests.append((h.command, path, {k: v[0] for k, v in parse_qs(url.query).items()}, dict(h.headers),
                              body))
        if self.drops:
            h.close_connection = True
            return
        answer = self.answers.get((h.command, path))
        if callable(answer):
            answer = answer(h)
        elif answer is None:
            answer = self.route(h, h.command, path.split("/")[2:], parse_qs(url.query), body)
        if answer is not None:
            self.reply(h, *answer)

    @staticmethod
    def reply(h, status, body):
        data = json.dumps(body).encode() if body is not None else b""
        h.send_response(status)
        if data:
            h.send_header("Content-Type", "application/problem+json" if status >= 400 else "application/json")
        h.send_header("Content-Length", str(len(data)))
        h.end_headers()
        h.wfile.write(data)

    def route(self, h, method, parts, query, body):
        if method == "GET" and parts[0] == "events":
            return self.stream_events(h)
        if parts[0] == "runs":
            return self.route_runs(method, parts[1:], query, body)
        if parts[0] == "machines" and len(parts) > 2:
            return self.route_machine(h, method, parts[1], parts[2], body)
        if parts[0] == "arrays":
            return 202, copy.deepcopy(self.add_run(action="volume-delete", persona=None, machine=None, volume="san1/" + parts[3], **{"from": None}))
        if method == "GET" and parts[0] in LISTS:
            return self.route_list(parts[0], parts[1:])
        simple = {("GET", "status"): (200, STATUS), ("GET", "doctor"): (200, DOCTOR), ("POST", "plans"): (200, PLAN),
                  ("GET", "drift"): (200, DRIFT), ("POST", "drift"): (200, DRIFT)}
        if (method, parts[0]) in simple:
            return simple[method, parts[0]]
        if method == "POST" and parts[0] == "define":
            return self.define(body)
        if method == "POST" and parts[0] == "backup":
            return 200, {"path": body["path"], "bytes": 40960}
        if method == "PUT" and parts[0] == "secrets":
            return 200, {"name": parts[1]}
        if method == "DELETE" and parts[0] in ("personas", "secrets"):
            return (200, {"name": parts[1]}) if any(i["name"] == parts[1] for i in LISTS[parts[0]]) else not_found(parts[0], parts[1])
        return problem(404, "not-found", "no such path")

    @staticmethod
    def route_list(kind, rest):
        if not rest:
            return 200, {"items": LISTS[kind]}
        for item in LISTS[kind]:
            if item["name"] == rest[0]:
                return 200, item
        return not_found(kind[:-1], rest[0])

    @staticmethod
    def define(body):
        return 200, {"dry_run": body["dry_run"], "changes": [
            {"kind": "machine", "name": "node1", "action": "create", "fields": []},
            {"kind": "persona", "name": "web", "action": "update",
             "fields": [{"path": "/boot/method", "from": "local", "to": "ipxe-iscsi"}]},
            {"kind": "network", "name": "web", "action": "unchanged", "fields": []}]}

    # -- runs ----------------------------------------------------------------------------------

    def add_run(self, **more):
        id_ = len(self.runs) + 12
        self.runs[str(id_)] = make_run(id_, **more)
        return self.runs[str(id_)]

    def tell(self, type_, **more):
        """An event for all who listen."""
        with self.changed:
            seq = max([e["seq"] for e in self.events], default=0) + 1
            self.events.append({"seq": seq, "time": 1767225600000, "type": type_, **more})
            self.changed.notify_all()

    def advance(self, run):
        """One step further: pending, intent, done, one after the other, then the end."""
        if self.stall or run["ended"]:
            return
        self.tell("step", run=run["id"])
        run["state"] = "running"
        for step in run["steps"]:
            if step["state"] == "pending":
                step.update(state="intent", started=1767225601000)
                return
            if step["state"] == "intent":
                step.update(state="done", ended=1767225601800)
                return
        run.update(state=self.ends, ended=1767225642000)
        if self.ends != "done":
            run["error"] = {"code": "refused", "text": "leaf1 refused the VLAN", "hint": "allow VLAN 110 on leaf1"}

    def route_runs(self, method, rest, query, body):
        if method == "POST" and not rest:
            return 202, copy.deepcopy(self.add_run(action=body.get("action", "apply")))
        if not rest:
            items = [r for r in self.runs.values() if "state" not in query or not r["ended"]]
            return 200, {"items": [{k: v for k, v in r.items() if k != "steps"} for r in items]}
        if rest[0] not in self.runs:
            return not_found("run", rest[0])
        run = self.runs[rest[0]]
        if rest[1:] == ["cancel"]:
            return 200, run
        shown = copy.deepcopy(run)
        self.advance(run)
        return 200, shown

    # -- machines ------------------------------------------------------------------------------

    def route_machine(self, h, method, name, what, body):
        if all(m["name"] != name for m in MACHINES):
            return not_found("machine", name)
        if what == "power" and method == "GET":
            return 200, {"machine": name, "power": "on", "read_at": 1767225600000, "error": None}
        if what == "power":
            return 202, copy.deepcopy(self.add_run(action="power-" + body["power"], persona=None, machine=name,
                                                   **{"from": None}))
        if what == "return":
            return 202, copy.deepcopy(self.add_run(action="return", persona=None, machine=name, **{"from": None}))
        if what == "health":
            return 200, HEALTH
        if what == "console" and method == "GET":
            return self.stream_console(h)
        if what == "console":
            self.console_in.append(body["data"])
            self.console_typed.set()
        return 200, {"machine": name}

    # -- streams -------------------------------------------------------------------------------

    @staticmethod
    def begin_stream(h, type_):
        h.send_response(200)
        h.send_header("Content-Type", type_)
        h.send_header("Transfer-Encoding", "chunked")
        h.end_headers()

    @staticmethod
    def chunk(h, data):
        data = data.encode()
        h.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        h.wfile.flush()

    def stream_events(self, h):
        last = int(h.headers.get("Last-Event-ID") or 0)
        self.begin_stream(h, "text/event-stream")
        self.chunk(h, ": served\n\n")
        self.streams += 1
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.stopped or self.drops or self.ends_streams or
                                      any(e["seq"] > last for e in self.events), 30)
                events = [e for e in self.events if e["seq"] > last]
            for e in events:
                self.chunk(h, "id: %d\nevent: %s\ndata: %s\n\n" % (e["seq"], e["type"], json.dumps(e)))
                last = e["seq"]
            if self.stopped or self.drops or self.ends_streams:
                break
        self.chunk(h, "")

    def stream_console(self, h):
        self.begin_stream(h, "text/plain; charset=utf-8")
        self.chunk(h, self.console_out)
        self.console_typed.wait(30)
        self.chunk(h, "bye\n")
        self.chunk(h, "")
