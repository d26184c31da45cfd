# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets: nothing of them is to be found anywhere, and another master key loses none, whenever it is killed."""
import base64
import glob
import json
import os
import re
import resource
import signal
import sys
import urllib.parse

import rack
import tap
from controller import PATIENCE, UnixConnection, wait_until
from test_context import token_file
from test_login import GOOD, bearer, login
from test_mock import ready
from test_tls import TlsController, free_port
from wire import OPENAPI

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "kill"))
from core import Tracer, may_trace  # noqa: E402


def encodings(secret):
    """How @secret may stand somewhere: {name: bytes}.  Of base64 what does not depend on its neighbours, at each offset."""
    raw = secret if isinstance(secret, bytes) else secret.encode()
    out = {"plain": raw, "hex": raw.hex().encode(), "HEX": raw.hex().upper().encode()}
    for i in range(3):
        out["base64+%d" % i] = base64.b64encode(b"\0" * i + raw)[-(-i * 4 // 3) + (1 if i else 0):len(raw) * 4 // 3 - 2]
    if not isinstance(secret, bytes):
        out.update({"utf-16": secret.encode("utf-16-le"), "url": urllib.parse.quote(secret, safe="").encode(),
                    "json": json.dumps(secret)[1:-1].encode(), "backwards": raw[::-1]})
    return out


class Scanner:
    def __init__(self):
        self.secrets, self.found, self.bytes, self.sinks = {}, [], 0, 0

    def plant(self, what, secret):
        assert len(secret) >= 8, what
        self.secrets[what] = encodings(secret)

    def look(self, sink, data):
        data = data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape")
        self.bytes += len(data)
        self.sinks += 1
        for what, forms in self.secrets.items():
            self.found += ["%s as %s in %s" % (what, form, sink) for form, bytes in forms.items() if bytes in data]

    def file(self, path):
        with open(path, "rb") as f:
            self.look(path, f.read())


def test_the_scanner_finds_what_it_looks_for(builddir):
    secret = "canary-Zy%4/711"
    for name, form in encodings(secret).items():
        scanner = Scanner()
        scanner.plant("canary", secret)
        scanner.look("a log", b"before " + form + b" after")
        assert "canary as %s in a log" % name in scanner.found, (name, scanner.found)
    for offset in range(7):
        scanner = Scanner()
        scanner.plant("canary", secret)
        scanner.look("a frame", base64.b64encode(b"x" * offset + secret.encode() + b"yy"))
        assert scanner.found, offset
    scanner = Scanner()
    scanner.plant("canary", secret)
    scanner.look("elsewhere", b"canary-Zy%4/712")
    tap.equal(scanner.found, [])


def processes(c):
    return [c.process.pid] + c.children_left()


def look_at_processes(c, scanner):
    """What others can see of them, and whether they would leave a core."""
    for pid in processes(c):
        for file in ("cmdline", "environ", "comm"):
            scanner.file("/proc/%d/%s" % (pid, file))
        with open("/proc/%d/limits" % pid) as f:
            limit = re.search(r"^Max core file size +(\S+) +(\S+)", f.read(), re.M).groups()
        tap.equal(limit, ("0", "0"), "core limit of %d" % pid)


def look_at_answers(c, scanner):
    """Every GET that is described, and what a reader of events gets from the beginning."""
    names = {"machines": "node1", "personas": "web", "devices": "leaf1", "templates": "t"}
    asked = 0
    for template, item in OPENAPI["paths"].items():
        if "get" not in item or template in ("/v1/events", "/v1/machines/{name}/console") or template.startswith("/boot/"):
            continue
        path = template.replace("{id}", "1").replace("{name}", names.get(template.split("/")[2], "x") if template.count("/") > 1 else "x")
        _, headers, body = c.exchange("GET", path)
        scanner.look("GET " + path, json.dumps(body) + json.dumps(headers))
        asked += 1
    assert asked > 25, asked
    last = c.api("PUT", "/v1/secrets/last", {"value": "the last event"})
    tap.equal(last[0], 200)
    connection = UnixConnection(c.socket, PATIENCE)
    connection.request("GET", "/v1/events", headers={"Last-Event-ID": "0"})
    response, text = connection.getresponse(), ""
    while '"name":"last"' not in text:
        text += response.readline().decode()
    connection.close()
    scanner.look("GET /v1/events", text)
    scanner.look("persona audit export", c.persona("audit", "export").expect(0).out)
    scanner.look("persona doctor", repr(c.persona("doctor")))


def look_at_files(c, scanner):
    backup = os.path.join(c.dir, "backup.db")
    tap.equal(c.api("POST", "/v1/backup", {"path": backup})[0], 200)
    for path in glob.glob(c.database + "*") + [backup, c.log_path]:
        scanner.file(path)
    os.unlink(backup)


def key_lines(path):
    """The lines of a PEM file that are the key itself."""
    with open(path) as f:
        return [line for line in f.read().splitlines() if len(line) > 40 and "-" not in line]


def chap_of(c, port):
    import http.client
    machine = c.api("GET", "/v1/machines/node1")[1]
    mac = [n["mac"] for n in machine["nics"] if n["name"] == "eth0"][0]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request("GET", "/boot/ipxe?mac=%s&uuid=%s" % (mac, machine["uuid"] or "00000000-0000-0000-0000-000000000000"))
    text = connection.getresponse().read().decode()
    connection.close()
    return re.search(r"set password (\S+)", text).group(1)


def refusals(c, canary):
    """Mistakes around a secret: none may be told by telling the secret."""
    c.api("POST", "/v1/define", {"documents": [{"name": "x", "value": {"site": "test", "secret": canary}}]})
    c.api("PUT", "/v1/secrets/UPPER", {"value": canary})
    c.api("PUT", "/v1/secrets/x", {"value": [canary]})
    c.api("PUT", "/v1/secrets/x", {"value": canary, "more": canary})
    c.api("POST", "/v1/login", {"user": "kim", "password": canary})
    c.api("POST", "/v1/login", {"user": "nobody", "password": canary})
    c.api("GET", "/v1/status", headers={"Authorization": "Bearer " + canary}.items())
    c.api("GET", "/v1/status", headers={"Authorization": "Basic " + canary}.items())
    connection = UnixConnection(c.socket, PATIENCE)
    connection.request("PUT", "/v1/secrets/x", '{"value": "%s",}' % canary, {"Content-Type": "application/json"})
    text = connection.getresponse().read().decode()
    connection.close()
    assert canary not in text, text


def test_no_secret_is_to_be_found_in_any_place(builddir):
    boot = free_port()
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)  # it is recastd that wants no core files
    with TlsController(builddir, options=["log_level=debug", "boot_listen=127.0.0.1:%d" % boot]) as c:
        scanner, canary = Scanner(), "canary-%s-" + os.urandom(6).hex()
        site = rack.site(c.dir)
        site["switches"]["leaf1"]["secret"] = "leaf"
        site["machines"]["node1"]["bmc"]["secret"] = "bmc"
        for name in ("leaf", "bmc"):
            scanner.plant("secret " + name, canary % name)
            c.persona("secret", "set", name, "-", input=canary % name + "\n").expect(0)
        c.define(site, rack.persona("web"), {"template": "t"})
        scanner.plant("password", canary % "password")
        scanner.plant("new password", canary % "changed")
        tap.equal(c.api("PUT", "/v1/users/kim", {"password": canary % "password", "role": "operator"})[0], 201)
        session = login(c, "kim", canary % "password")[2]
        scanner.plant("session", session["token"])
        look_at_processes(c, scanner)
        tap.equal(c.api("POST", "/v1/password", {"old": canary % "password", "new": canary % "changed"}, bearer(session))[0], 200)
        with open(token_file(c, "hands", "operator")) as f:
            scanner.plant("token", f.read().strip())
        tap.equal(c.run_to_end(action="apply", persona="web", machine="node1")["state"], "done")
        scanner.plant("CHAP secret", chap_of(c, boot))
        for i, line in enumerate(key_lines(c.server[1])[:4]):
            scanner.plant("line %d of the TLS key" % i, line)
        with open(os.path.join(c.dir, "recast.key"), "rb") as f:
            scanner.plant("master key", f.read())
        scanner.plant("mistaken secret", canary % "refused")
        refusals(c, canary % "refused")
        look_at_processes(c, scanner)
        look_at_answers(c, scanner)
        look_at_files(c, scanner)
        c.persona("secret", "rotate", "--tokens").expect(0)
        with open(os.path.join(c.dir, "recast.key"), "rb") as f:
            scanner.plant("new master key", f.read())
        look_at_processes(c, scanner)
        look_at_files(c, scanner)
        tap.equal(scanner.found, [])
        assert scanner.bytes > 200000 and scanner.sinks > 60, (scanner.bytes, scanner.sinks)
        print("# %d secrets, %d sinks, %d bytes" % (len(scanner.secrets), scanner.sinks, scanner.bytes))
        # What makes others dump their core leaves no picture of the memory.
        os.kill(c.process.pid, signal.SIGQUIT)
        status = os.waitpid(c.process.pid, 0)[1]
        assert os.WIFSIGNALED(status) and not os.WCOREDUMP(status), status
        c.process.returncode = -signal.SIGQUIT
        wait_until(lambda: not c.children_left(), what="drivers and front end with it")


def killed_while(c, call, k, path):
    """Whether recastd was killed at its k-th @call of POST @path; it runs again then."""
    tracer = Tracer(c.process.pid, call, k, c.dir)
    try:
        killed = c.api("POST", path)[0] != 200 or not c.answers()
    except (OSError, ValueError):
        killed = True
    if killed:
        c.process.wait(PATIENCE)
        wait_until(lambda: not c.children_left(), what="drivers and front end with it")
    tracer.close()
    if killed:
        c.start()
    return killed


def kill_while_rotating(c, call, k, known):
    """True when recastd was killed at the k-th @call of a rotation; afterwards nothing may be lost either way."""
    killed = killed_while(c, call, k, "/v1/key/rotate")
    tap.equal(c.api("GET", "/v1/whoami", headers=known)[0], 200, "%s %d: the session" % (call, k))
    errors = [d["error"] for d in c.api("POST", "/v1/drift/check")[1]["devices"]]
    tap.equal(errors, [None] * len(errors), "%s %d: the devices' secrets" % (call, k))
    assert not glob.glob(c.dir + "/recast.key.*"), "%s %d: a key is left over" % (call, k)
    return killed


def test_a_rotation_that_is_killed_anywhere_loses_no_secret(builddir):
    with ready(builddir) as c:
        why = may_trace(c.dir)
        if why:
            raise tap.Skip(why)
        site = rack.site(c.dir)
        site["switches"]["leaf1"]["secret"] = "leaf"
        c.api("PUT", "/v1/secrets/leaf", {"value": "of the switch"})
        c.define(site)
        c.api("PUT", "/v1/users/kim", {"password": GOOD, "role": "operator"})
        known = bearer(login(c)[2])
        kills = 0
        for call in ("openat", "fsync", "fdatasync", "rename", "pwrite64", "unlink"):
            k = 1
            while kill_while_rotating(c, call, k, known):
                kills, k = kills + 1, k + 1
        print("# killed %d times" % kills)
        assert kills >= 10, kills


def with_bmc_secret(builddir):
    c = ready(builddir)
    site = rack.site(c.dir)
    for n in (1, 2):
        site["machines"]["node%d" % n]["bmc"]["secret"] = "bmc%d" % n
        c.api("PUT", "/v1/secrets/bmc%d" % n, {"value": "the first one"})
    site["machines"]["node3"]["bmc"]["secret"] = "bmc2"
    site["switches"]["leaf1"]["secret"] = "leaf"
    c.api("PUT", "/v1/secrets/leaf", {"value": "of the switch"})
    c.define(site)
    return c


def password_of(c):
    return rack.state(c.dir).get("bmcs", {}).get("node1-bmc", {}).get("password_hash")


def rotating(c):
    return [s["name"] for s in c.api("GET", "/v1/secrets")[1]["items"] if s["rotating"]]


def logs_in(c):
    """Devices with a secret are opened anew for this."""
    tap.equal(c.api("PUT", "/v1/secrets/leaf", {"value": "of the switch"})[0], 200)
    return [d for d in c.api("POST", "/v1/drift/check")[1]["devices"] if d["device"] == "node1-bmc"][0]["error"] is None


def test_a_bmc_gets_another_password_and_nobody_sees_it(builddir):
    with with_bmc_secret(builddir) as c:
        c.persona("secret", "rotate", "bmc1").expect(0, "node1-bmc has a new password")
        first = password_of(c)
        assert first and logs_in(c)
        c.persona("secret", "rotate", "bmc1").expect(0)
        assert password_of(c) != first and logs_in(c)
        tap.equal(rotating(c), [])
        c.persona("secret", "rotate", "bmc2").expect(4, "2 devices use")
        c.persona("secret", "rotate", "leaf").expect(4, "only the passwords of BMCs")
        c.persona("secret", "rotate", "none").expect(3)
        c.persona("secret", "rotate", "bmc1", "--tokens").expect(2, "belongs to the master key")


def test_a_password_of_which_nothing_is_certain_is_settled_by_logging_in(builddir):
    with with_bmc_secret(builddir) as c:
        # It took effect and the answer was lost; it was lost before the effect.
        for fault in ("unknown", "lost"):
            before = password_of(c)
            rack.order(c.dir, "node1-bmc", "fault:" + fault, spec="apply:credential:%s:1" % fault)
            status, answer = c.api("POST", "/v1/secrets/bmc1/rotate")
            tap.equal(status, 200, answer)
            assert password_of(c) != before and logs_in(c), fault
        # Refused: all is as it was.
        before = password_of(c)
        rack.order(c.dir, "node1-bmc", "fault:no", spec="apply:credential:refuse:1")
        tap.equal(c.api("POST", "/v1/secrets/bmc1/rotate")[1]["code"], "refused")
        assert password_of(c) == before and logs_in(c) and rotating(c) == []
        # It has it, and then nobody answers: both are kept, and the next wish ends it.
        rack.order(c.dir, "node1-bmc", "fault:unknown", spec="apply:credential:unknown:1")
        rack.order(c.dir, "node1-bmc", "fault:gone", spec="open:*:unreachable")
        status, problem = c.api("POST", "/v1/secrets/bmc1/rotate")
        tap.equal((status, problem["code"], rotating(c)), (503, "unreachable", ["bmc1"]))
        tap.equal(c.api("PUT", "/v1/secrets/bmc1", {"value": "by hand"})[0], 409)
        tap.equal(c.api("DELETE", "/v1/secrets/bmc1")[0], 409)
        rack.order(c.dir, "node1-bmc", "fault:gone", exists=False)
        # The opening that goes on by itself may be the last one to fail.
        wait_until(lambda: c.api("POST", "/v1/secrets/bmc1/rotate")[0] == 200, what="the wish ends it")
        assert password_of(c) != before and logs_in(c) and rotating(c) == []


def test_a_killed_controller_brings_the_change_of_a_password_to_its_end(builddir):
    with with_bmc_secret(builddir) as c:
        why = may_trace(c.dir)
        if why:
            raise tap.Skip(why)
        kills = 0
        for call in ("fdatasync", "writev", "readv"):
            k = 1
            before = password_of(c)
            while killed_while(c, call, k, "/v1/secrets/bmc1/rotate"):
                wait_until(lambda: not rotating(c), what="%s %d: it goes on" % (call, k))
                assert logs_in(c), "%s %d: nobody can log in any more" % (call, k)
                kills, k, before = kills + 1, k + 1, password_of(c)
            assert password_of(c) != before
        print("# killed %d times" % kills)
        assert kills >= 8, kills
