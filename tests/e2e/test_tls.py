# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller over TLS: who comes in, what monitoring sees, and what does not bring it down."""
import http.client
import json
import os
import shutil
import signal
import socket
import sqlite3
import ssl
import statistics
import subprocess
import threading
import time

import rack
import tap
from certificates import Authority, free_port
from controller import OPENAPI, PATIENCE, Controller, check_answer, wait_until
from test_access import token


class TlsController(Controller):
    """Listens on 127.0.0.1 with a certificate of its own CA, in the same folder as all else."""

    def __init__(self, builddir, options=(), **more):
        self.port = free_port()
        super().__init__(builddir, options=options, start=False, **more)
        self.ca = Authority(self.dir)
        self.server = self.ca.issue("server", "/CN=localhost", "serverAuth")
        self.options += ["listen=127.0.0.1:%d" % self.port, "tls_certificate=" + self.server[0], "tls_key=" + self.server[1],
                         "tls_client_ca=" + self.ca.pem]
        self.start()
        wait_until(lambda: "and TLS" in self.log(), what="recast-front serves TLS")

    def connection(self, certificate=None, source=None, timeout=PATIENCE):
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=self.ca.context(certificate),
                                           source_address=(source, 0) if source else None)

    def ask(self, method, path, body=None, headers=(), certificate=None, source=None):
        """(status, text, headers) over TLS."""
        connection = self.connection(certificate, source)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None,
                               {"Content-Type": "application/json", **dict(headers)})
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        if "json" in response.headers.get("Content-Type", ""):
            check_answer(method, path.split("?")[0], response.status, dict(response.headers), json.loads(text))
        return response.status, text, response.headers

    def curl(self, *args):
        return subprocess.run(["curl", "-sS", "-m", "10", "--cacert", self.ca.pem, *args], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL)

    def url(self, path):
        return "https://localhost:%d%s" % (self.port, path)

    def front_pid(self):
        for pid in self.children_left():
            try:
                with open("/proc/%d/cmdline" % pid, "rb") as f:
                    if f.read().split(b"\0")[0].endswith(b"recast-front"):
                        return pid
            except OSError:
                pass  # it has just ended
        return None

    def served(self):
        """The certificate that a new connection is shown."""
        return ssl.get_server_certificate(("127.0.0.1", self.port))


def refused(c, certificate):
    try:
        c.ask("GET", "/v1/whoami", certificate=certificate)
    except (ssl.SSLError, OSError, http.client.HTTPException):
        return True
    return False


def test_a_certificate_is_as_good_as_its_account(builddir):
    with TlsController(builddir) as c:
        ci = c.ca.issue("ci", "/O=Example/CN=ci")
        status, text, _ = c.ask("GET", "/v1/whoami", certificate=ci)
        tap.equal(status, 401)
        tap.contains(json.loads(text)["detail"], "CN=ci,O=Example has no account")
        tap.equal(c.api("PUT", "/v1/accounts", {"cert": "CN=ci,O=Example", "role": "viewer"})[0], 200)
        status, text, _ = c.ask("GET", "/v1/whoami", certificate=ci)
        tap.equal((status, json.loads(text)["name"], json.loads(text)["role"]), (200, "cert CN=ci,O=Example", "viewer"))
        tap.equal(c.ask("GET", "/v1/secrets", certificate=ci)[0], 403)
        curl = c.curl("--cert", ci[0], "--key", ci[1], "-o", "/dev/null", "-w", "%{http_code} %{ssl_verify_result}", c.url("/v1/status"))
        tap.equal((curl.returncode, curl.stdout), (0, "200 0"), curl.stderr)
        # The same subject from another CA is a stranger, and so is who shows none.
        assert refused(c, Authority(c.dir, "other").issue("evil", "/O=Example/CN=ci"))
        tap.equal(c.ask("GET", "/v1/whoami")[0], 401)
        tap.equal(c.api("POST", "/v1/accounts/remove", {"cert": "CN=ci,O=Example"})[0], 200)
        tap.equal(c.ask("GET", "/v1/whoami", certificate=ci)[0], 401)


def test_tokens_come_in_and_who_tries_them_is_stopped(builddir):
    with TlsController(builddir) as c:
        good = token(c, "ci", "operator")
        tap.equal(c.ask("GET", "/v1/whoami", headers=good)[0], 200)
        tap.contains(json.dumps(c.api("GET", "/v1/audit")[1]), "tokens")
        answers = [c.ask("GET", "/v1/whoami", headers={"Authorization": "Bearer rct_" + "x" * 43}, source="127.0.0.9")
                   for _ in range(12)]
        tap.equal([a[0] for a in answers], [401] * 10 + [429] * 2)
        assert 1 <= int(answers[11][2]["Retry-After"]) <= 60
        tap.equal(c.ask("GET", "/v1/whoami", headers=good, source="127.0.0.9")[0], 429)
        tap.equal(c.ask("GET", "/v1/whoami", headers=good)[0], 200)


def test_nothing_of_the_boot_service_is_told_over_tls(builddir):
    with TlsController(builddir) as c:
        for path in ("ipxe", "report", "config"):
            tap.equal(c.ask("GET", "/boot/%s?mac=52:54:00:00:00:01" % path)[0], 404)


def test_everybody_may_ask_for_health_and_the_rest_needs_a_role(builddir):
    with TlsController(builddir) as c:
        tap.equal(c.ask("GET", "/healthz")[:2], (200, "ok\n"))
        tap.equal(c.ask("GET", "/readyz")[:2], (200, "ready\n"))
        viewer, scoped = token(c, "eyes", "viewer"), token(c, "some", "viewer", "persona:web")
        for path in ("/metrics", "/openapi.json"):
            tap.equal(c.ask("GET", path)[0], 401)
            tap.equal(c.ask("GET", path, headers=viewer)[0], 200)
        tap.equal(c.ask("GET", "/metrics", headers=scoped)[0], 403)
        tap.equal(json.loads(c.ask("GET", "/openapi.json", headers=scoped)[1]), OPENAPI)


def metrics(c):
    connection = c.connection(source="127.0.0.3")
    connection.request("GET", "/metrics", headers=c.eyes)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    tap.equal((response.status, response.headers["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return text, {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines}


def test_metrics_count_what_happens(builddir):
    with TlsController(builddir) as c:
        c.eyes = token(c, "eyes", "viewer")
        c.define(rack.site(c.dir), rack.persona("web"), rack.persona("db", "db"))
        before = metrics(c)[1]
        tap.equal((before["recast_machines"], before["recast_personas"], before["recast_runs{state=\"done\"}"]), (3, 2, 0))
        tap.equal(c.run_to_end(action="apply", persona="web", machine="node1")["state"], "done")
        rack.order(c.dir, "leaf1", "sim:port:node1-eth0", native=666)
        tap.equal(len(c.api("POST", "/v1/drift/check")[1]["items"]), 1)
        assert refused(c, Authority(c.dir, "other").issue("evil", "/CN=x"))
        text, after = metrics(c)
        tap.equal((after["recast_active_personas"], after["recast_runs{state=\"done\"}"], after["recast_open_runs"],
                   after["recast_drift_items"], after["recast_orphans"], after["recast_quarantined_machines"]), (1, 1, 0, 1, 0, 0))
        for grows in ("recast_driver_starts_total", "recast_driver_requests_total", "recast_driver_changes_total",
                      "recast_store_commits_total", "recast_events_total", "recast_audit_records_total",
                      "recast_front_connections_accepted_total{door=\"unix\"}", "recast_front_tls_handshakes_failed_total",
                      "recast_front_requests_total", "process_cpu_seconds_total"):
            assert after[grows] > before[grows], grows
        assert after["process_resident_memory_bytes"] > 1 << 20
        assert abs(after["recast_front_certificate_expiry_timestamp_seconds"] - time.time() - 30 * 86400) < 3600
        tool = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
        tap.equal((tool.returncode, tool.stdout + tool.stderr), (0, ""))


def test_is_not_ready_while_the_disk_takes_nothing(builddir):
    if os.getuid() != 0:
        raise tap.Skip("only root can mount a small disk")
    with TlsController(builddir) as c:
        c.stop()
        disk = os.path.join(c.dir, "disk")
        os.mkdir(disk)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "recast-tls", disk], check=True)
        try:
            c.options += ["database=" + os.path.join(disk, "recast.db")]
            c.start()
            tap.equal(c.ask("GET", "/readyz")[:2], (200, "ready\n"))
            filler = os.open(os.path.join(disk, "filler"), os.O_WRONLY | os.O_CREAT)
            try:
                while os.write(filler, b"x" * 4096):
                    pass
            except OSError:
                os.close(filler)

            def told():
                status, text, _ = c.ask("GET", "/readyz")
                return text if status == 503 else None
            tap.contains(wait_until(told, what="it says that it is not ready"), "not ready: ")
            tap.equal(c.ask("GET", "/healthz")[0], 200)
            os.unlink(os.path.join(disk, "filler"))
            wait_until(lambda: c.ask("GET", "/readyz")[0] == 200, what="it is ready again")
            c.stop()
        finally:
            c.stop()
            subprocess.run(["umount", "-l", disk], check=True)


def test_sighup_changes_the_certificate_and_a_bad_file_does_not(builddir):
    with TlsController(builddir) as c:
        first = c.served()
        for n, (certificate, key) in enumerate((c.ca.issue("second", "/CN=localhost", "serverAuth"),
                                                c.ca.issue("third", "/CN=localhost", "serverAuth"))):
            shutil.copy(certificate, c.server[0])
            if n == 0:  # the key is still the old one
                os.kill(c.daemon_pid(), signal.SIGHUP)
                wait_until(lambda: "tls_key does not belong to tls_certificate" in c.log(), what="it complains")
                tap.equal(c.served(), first)
            shutil.copy(key, c.server[1])
            os.kill(c.daemon_pid(), signal.SIGHUP)
            wait_until(lambda: c.served() != first, what="the new certificate is served")
            first = c.served()
        # What is bad on disk harms a front that is started again as little.
        os.unlink(c.server[1])
        os.kill(c.daemon_pid(), signal.SIGHUP)
        wait_until(lambda: "tls_key: " in c.log(), what="it complains of the missing file")
        with open(c.server[0], "w") as f:
            f.write("no certificate")
        shutil.copy(c.ca.path("third.key"), c.server[1])
        os.kill(c.daemon_pid(), signal.SIGHUP)
        wait_until(lambda: "tls_certificate holds no certificate" in c.log(), what="it complains of the certificate")
        os.kill(c.front_pid(), signal.SIGKILL)

        def again():
            try:
                return c.served() == first
            except OSError:
                return False
        wait_until(again, what="the front that was started again serves what was good")


def test_a_revoked_token_ends_its_stream(builddir):
    with TlsController(builddir) as c:
        c.define(rack.site(c.dir), rack.persona("web"))
        streams = []
        for name in ("gone", "stays"):
            connection = c.connection()
            connection.request("GET", "/v1/events", headers=token(c, name, "viewer"))
            streams.append(connection.getresponse())
            tap.equal(streams[-1].readline(), b": recast\n")
        tap.equal(c.api("DELETE", "/v1/tokens/gone")[0], 200)
        tap.lacks(streams[0].read().decode(), "revoked")  # to its end, without the event that ended it
        line = b""
        while b"revoked" not in line:
            line = streams[1].readline()
            assert line, "the other stream ended as well"


def test_a_token_that_expires_and_an_account_that_is_narrowed_end_their_streams(builddir):
    with TlsController(builddir) as c:
        short = token(c, "short", "viewer", expires=int(time.time() * 1000) + 3000)
        first = c.connection()
        first.request("GET", "/v1/events", headers=short)
        stream = first.getresponse()
        tap.equal(stream.readline(), b": recast\n")
        stream.read()  # to its end, without any event
        ci = c.ca.issue("ci", "/CN=ci")
        tap.equal(c.api("PUT", "/v1/accounts", {"cert": "CN=ci", "role": "viewer"})[0], 200)
        second = c.connection(ci)
        second.request("GET", "/v1/events")
        stream = second.getresponse()
        tap.equal(stream.readline(), b": recast\n")
        tap.equal(c.api("PUT", "/v1/accounts", {"cert": "CN=ci", "role": "viewer", "scopes": ["persona:web"]})[0], 200)
        stream.read()  # what it was opened for it may not see any more


def test_a_removed_account_ends_the_stream_of_its_certificate(builddir):
    with TlsController(builddir) as c:
        ci = c.ca.issue("ci", "/CN=ci")
        tap.equal(c.api("PUT", "/v1/accounts", {"cert": "CN=ci", "role": "viewer"})[0], 200)
        connection = c.connection(ci)
        connection.request("GET", "/v1/events")
        stream = connection.getresponse()
        tap.equal(stream.readline(), b": recast\n")
        tap.equal(c.api("POST", "/v1/accounts/remove", {"cert": "CN=ci"})[0], 200)
        stream.read()  # to its end


def test_a_stream_begins_now(builddir):
    with TlsController(builddir) as c:
        c.define(rack.site(c.dir), rack.persona("web"))
        eyes = token(c, "eyes", "viewer")
        connection = c.connection()
        connection.request("GET", "/v1/events", headers=eyes)
        stream = connection.getresponse()
        tap.equal(stream.readline() + stream.readline(), b": recast\n\n")
        token(c, "later", "viewer")
        seen = b""
        while b"\n\n" not in seen:
            seen += stream.readline()
        tap.contains(seen.decode(), '"token":"later"')


def test_the_front_of_a_real_controller_is_confined(builddir):
    with open(os.path.join(builddir, "config.h")) as f:
        config = f.read()
    with TlsController(builddir) as c:
        with open("/proc/%d/status" % c.front_pid()) as f:
            status = f.read()
        tap.contains(status, "NoNewPrivs:\t1")
        confined = "#define FRONT_UNCONFINED 1" not in config
        if confined and "#define HAVE_SECCOMP 1" in config:
            tap.contains(status, "Seccomp:\t2")
        if os.getuid() == 0 and confined:
            tap.contains(status, "Uid:\t65534\t65534\t65534\t65534")
            tap.contains(status, "CapEff:\t0000000000000000")
        c.stop()
        assert not os.path.exists(c.socket), "the socket file stays behind"


def test_listening_needs_a_certificate(builddir):
    for options, word in (([], "needs tls_certificate and tls_key"), (["tls_certificate=/nonexistent", "tls_key=/nonexistent"], "/nonexistent")):
        c = Controller(builddir, options=["listen=127.0.0.1:%d" % free_port(), *options], start=False)
        with c:
            c.start(ready=False)
            assert c.process.wait(PATIENCE) not in (0, -signal.SIGSEGV)
            tap.contains(c.log(), word)


class Client(threading.Thread):
    """Applies a persona of its own and releases it, again and again, each run under a key that it repeats until it is
    acknowledged."""

    def __init__(self, c, n, who):
        super().__init__(daemon=True)
        self.c, self.n, self.who = c, n, who
        self.acknowledged, self.stopping, self.failure, self.broken = {}, False, None, 0

    def insist(self, method, path, body=None, key=None):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                status, text, _ = self.c.ask(method, path, body, {**self.who, **({"Idempotency-Key": key} if key else {})})
                if status < 500:
                    return status, json.loads(text)
            except (OSError, http.client.HTTPException, ssl.SSLError):
                self.broken += 1
            time.sleep(0.01)
        raise TimeoutError("no answer to %s %s" % (method, path))

    def one(self, i):
        persona = "p%d" % self.n
        wish = dict(action="apply", persona=persona, machine="node%d" % self.n) if i % 2 == 0 else dict(action="release", persona=persona)
        key = "key-%d-%05d" % (self.n, i)
        status, run = self.insist("POST", "/v1/runs", wish, key)
        assert status in (200, 202), (wish, status, run)
        self.acknowledged[key] = run["id"]
        while self.insist("GET", "/v1/runs/%d" % run["id"])[1].get("ended") is None:
            time.sleep(0.01)

    def run(self):
        try:
            i = 0
            while not self.stopping:
                self.one(i)
                i += 1
        except Exception as e:
            self.failure = e


def kill_fronts(c, times):
    """Each as soon as the one before has served somebody."""
    killed = set()
    for _ in range(times):
        pid = wait_until(lambda: (lambda p: p if p and p not in killed else None)(c.front_pid()), what="a new front")
        wait_until(lambda: os.path.exists("/proc/%d/fd/3" % pid), what="it runs")
        before = sum(len(client.acknowledged) for client in c.clients)
        if len(killed) % 4 == 0:  # now and then only after it has done something
            wait_until(lambda: sum(len(client.acknowledged) for client in c.clients) > before, what="a run is acknowledged")
        os.kill(pid, signal.SIGKILL)
        killed.add(pid)
    return killed


def test_a_hundred_killed_fronts_lose_no_run_and_make_none_twice(builddir):
    with TlsController(builddir) as c:
        c.define(rack.site(c.dir, machines=4), *[rack.persona("p%d" % n) for n in range(1, 5)])
        who = token(c, "ci", "operator")
        c.clients = [Client(c, n, who) for n in range(1, 5)]
        for client in c.clients:
            client.start()
        killed = kill_fronts(c, 100)
        for client in c.clients:
            client.stopping = True
        for client in c.clients:
            client.join(PATIENCE)
            assert not client.is_alive() and not client.failure, client.failure
        acknowledged = {}
        for client in c.clients:
            acknowledged.update(client.acknowledged)
        c.stop()
        with sqlite3.connect(c.database) as db:
            rows = db.execute("SELECT request, id, state FROM run").fetchall()
        assert len(killed) == 100 and len(acknowledged) > 50, (len(killed), len(acknowledged))
        tap.equal(sorted(r[0] for r in rows), sorted(acknowledged), "one run for each key, and no other")
        tap.equal({r[0]: r[1] for r in rows}, acknowledged)
        tap.equal({r[2] for r in rows}, {"done"})
        print("# %d fronts killed, %d runs acknowledged, %d requests broken" %
              (len(killed), len(acknowledged), sum(client.broken for client in c.clients)))


def latencies(c, who, seconds, source):
    """Of a good client on connections of its own, in ms."""
    out = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begin = time.monotonic()
        tap.equal(c.ask("GET", "/v1/status", headers=who, source=source)[0], 200)
        out.append((time.monotonic() - begin) * 1000)
        time.sleep(0.02)
    return sorted(out)


def tell(name, values, more=""):
    print("# %s: %d requests, median %.1f ms, 95th %.1f ms, worst %.1f ms%s" %
          (name, len(values), statistics.median(values), values[len(values) * 95 // 100], values[-1], more))


def slow(c, *mode):
    """By number: slowhttptest tries only the first address of a name, which may be ::1."""
    return subprocess.Popen(["slowhttptest", *mode, "-c", "1000", "-r", "500", "-l", "8", "-i", "2", "-x", "8", "-p", "3",
                             "-u", "https://127.0.0.1:%d/v1/status" % c.port], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True)


def test_a_thousand_slow_connections_do_not_slow_a_good_client(builddir):
    with TlsController(builddir) as c:
        who = token(c, "ci", "viewer")
        c.eyes = who
        tell("alone", latencies(c, who, 1, "127.0.0.2"))
        for name, mode in (("slow heads", ["-H"]), ("slow bodies", ["-B", "-f", "application/json"]), ("slow readers", ["-X", "-k", "3"])):
            before, crowd = metrics(c)[1], slow(c, *mode)
            try:
                values = latencies(c, who, 6, "127.0.0.2")
            finally:
                crowd.terminate()
                crowd.communicate(timeout=PATIENCE)
            assert statistics.median(values) < 100, values
            taken, away = (metrics(c)[1][k] - before[k] for k in ("recast_front_connections_accepted_total{door=\"tls\"}",
                                                                  "recast_front_connections_refused_total{door=\"tls\"}"))
            taken -= len(values)
            tell(name, values, "; of %d slow connections %d taken" % (taken + away, taken))
            assert taken + away >= 1000, (taken, away)


def test_a_slow_crowd_from_many_addresses_leaves_room_for_a_good_client(builddir):
    """1,000 connections from 40 addresses: some only connect, some shake hands, some begin a request."""
    with TlsController(builddir) as c:
        who = token(c, "ci", "viewer")
        context, crowd = c.ca.context(), []
        deadline = time.monotonic() + 20
        for i in range(1000):
            s = socket.create_connection(("127.0.0.1", c.port), PATIENCE, ("127.0.2.%d" % (i % 40 + 1), 0))
            crowd.append(s)
            try:
                if i % 3 == 1:
                    s.sendall(b"\x16\x03\x01\x02\x00\x01")
                elif i % 3 == 2 and time.monotonic() < deadline:
                    s.settimeout(2)
                    crowd[-1] = context.wrap_socket(s, server_hostname="localhost")
                    crowd[-1].sendall(b"GET / HTTP/1.1\r\nX: ")
            except OSError:
                pass
        try:
            values = latencies(c, who, 4, "127.0.0.2")
            assert statistics.median(values) < 100, values
            tap.equal(c.api("GET", "/v1/status")[0], 200)
            tell("a crowd of many addresses", values)
        finally:
            for s in crowd:
                s.close()
