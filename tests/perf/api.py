# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API costs at the door, over TLS: requests a second and their 99th percentile by wrk(1), with nginx serving the
same bytes from a file beside it; and what event streams cost that nobody writes to.  Called by bench."""
import os
import re
import selectors
import socket
import ssl
import subprocess
import time

import tap  # noqa: F401
from certificates import free_port
from test_access import token
from test_tls import TlsController

TICK = os.sysconf("SC_CLK_TCK")
SECONDS, CONNECTIONS = 4, 30  # an address may have 32


def cpu_s(pid):
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def rss_kib(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def front_pid(c):
    for pid in c.children_left():
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            if os.path.basename(f.read().split(b"\0")[0]) == b"recast-front":
                return pid
    raise AssertionError("there is no recast-front")


def milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return round(float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit], 3)


def wrk(url, *args, script=None, connections=CONNECTIONS):
    done = subprocess.run(["wrk", "-t1", "-c%d" % connections, "-d%ds" % SECONDS, "--latency", *args,
                           *(["-s", script] if script else []), url], capture_output=True, text=True, check=True)
    out = done.stdout
    assert " 0 requests in" not in out and "Socket errors: connect" not in out, out
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    return {"requests": int(re.search(r"(\d+) requests in", out).group(1)), "per_s": round(float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))),
            "p50_ms": milliseconds(re.search(r"^ +50% +(\S+)", out, re.M).group(1)), "p99_ms": milliseconds(re.search(r"^ +99% +(\S+)", out, re.M).group(1)),
            "not_ok": int(bad.group(1)) if bad else 0}


def measured(c, *args, **more):
    pids = {"core": c.process.pid, "front": front_pid(c)}
    before = {name: cpu_s(pid) for name, pid in pids.items()}
    result = wrk(*args, **more)
    for name, pid in pids.items():
        result[name + "_cpu_us"] = round((cpu_s(pid) - before[name]) * 1e6 / result["requests"])
    return result


def applies_script(c, personas):
    """Each request is a wish that nobody had before; beyond the last one it begins again, and those answers do not count."""
    path = os.path.join(c.dir, "applies.lua")
    with open(path, "w") as f:
        f.write('''local n = 0
function request()
  n = n %% %d + 1
  local body = string.format('{"action":"apply","persona":"p%%d","machine":"node%%d"}', n, n)
  return wrk.format("POST", "/v1/runs", {["Authorization"] = wrk.headers["Authorization"], ["Content-Type"] = "application/json"}, body)
end
''' % personas)
    return path


def peer(c, text):
    """nginx with the same certificate, the same bytes, and one worker."""
    dir, port = os.path.join(c.dir, "nginx"), free_port()
    os.mkdir(dir)
    with open(os.path.join(dir, "answer"), "w") as f:
        f.write(text)
    with open(os.path.join(dir, "conf"), "w") as f:
        f.write("daemon off; master_process off; worker_processes 1; pid %s/pid; error_log %s/log;\nevents {}\n"
                "http { access_log off; client_body_temp_path %s/t; proxy_temp_path %s/t; fastcgi_temp_path %s/t; uwsgi_temp_path %s/t; scgi_temp_path %s/t;\n"
                "keepalive_requests 1000000; server { listen 127.0.0.1:%d ssl; ssl_certificate %s; ssl_certificate_key %s; root %s; default_type application/json; } }\n"
                % (dir, dir, dir, dir, dir, dir, dir, port, *c.server, dir))
    process = subprocess.Popen(["nginx", "-e", dir + "/log", "-c", dir + "/conf"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 10
        while socket.socket().connect_ex(("127.0.0.1", port)):
            assert time.monotonic() < end and process.poll() is None, open(dir + "/log").read()
        before = cpu_s(process.pid)
        result = wrk("https://127.0.0.1:%d/answer" % port)
        result["cpu_us"] = round((cpu_s(process.pid) - before) * 1e6 / result["requests"])
        return result
    finally:
        process.terminate()
        process.wait()


def requests(builddir, define, machines, personas):
    """Reads at the edge of the core, of one machine and of a page of a hundred; and the 202 of applies."""
    with TlsController(builddir, options=["log_level=error"]) as c:
        define(c, machines, personas)
        who = token(c, "bench", "admin")["Authorization"]
        ask = ["-H", "Authorization: " + who]
        one, text = "/v1/machines/node%d" % (machines // 2), c.api("GET", "/v1/machines/node%d" % (machines // 2))[1]
        at = "https://127.0.0.1:%d" % c.port
        result = {"machines": machines, "connections": CONNECTIONS,
                  "healthz": measured(c, at + "/healthz"),
                  "one_machine": measured(c, at + one, *ask),
                  "one_machine_alone": measured(c, at + one, *ask, connections=1),
                  "page_of_100": measured(c, at + "/v1/machines?limit=100&cursor=node%d" % (machines // 2), *ask)}
        import json
        result["nginx_same_bytes"] = peer(c, json.dumps(text))
        before = c.api("GET", "/v1/status")[1]["counters"]["commits"]
        applies = measured(c, at + "/v1/runs", *ask, script=applies_script(c, personas))
        applies["runs"] = c.api("GET", "/v1/runs?limit=1")[1]["items"][0]["id"]  # the others found it done, or held
        applies["commits"] = c.api("GET", "/v1/status")[1]["counters"]["commits"] - before
        result["applies_202"] = applies
        return result


def streams(builddir, n):
    """@n readers of events over TLS, from as many addresses as it takes; then one event for all of them."""
    with TlsController(builddir, options=["log_level=error"]) as c:
        who, context = token(c, "bench", "viewer")["Authorization"], c.ca.context()
        front, before = front_pid(c), None
        readers, chosen = [], selectors.DefaultSelector()
        before = {"core": rss_kib(c.process.pid), "front": rss_kib(front)}
        for i in range(n):
            sock = socket.create_connection(("127.0.0.1", c.port), source_address=("127.0.2.%d" % (i // 30 + 1), 0))
            reader = context.wrap_socket(sock, server_hostname="localhost")
            reader.sendall(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: %s\r\n\r\n" % who.encode())
            while b": recast" not in reader.recv(4096):
                pass
            reader.setblocking(False)
            readers.append(reader)
            chosen.register(reader, selectors.EVENT_READ)
        idle = {"core": rss_kib(c.process.pid), "front": rss_kib(front)}
        cpu, begin = (cpu_s(c.process.pid), cpu_s(front)), time.monotonic()
        c.api("PUT", "/v1/secrets/news", {"value": "v"})
        missing = set(readers)
        while missing:
            for key, _ in chosen.select(10):
                try:
                    if b"event: secret" in key.fileobj.recv(65536):
                        missing.discard(key.fileobj)
                except (ssl.SSLWantReadError, BlockingIOError):
                    pass
            assert time.monotonic() - begin < 60, "%d readers wait for the event" % len(missing)
        told = time.monotonic() - begin
        for reader in readers:
            reader.close()
        return {"streams": n, "front_kib_per_stream": round((idle["front"] - before["front"]) / n, 2),
                "core_kib_per_stream": round((idle["core"] - before["core"]) / n, 2),
                "event_to_all_ms": round(told * 1000), "cpu_us_per_reader": {"core": round((cpu_s(c.process.pid) - cpu[0]) * 1e6 / n),
                                                                            "front": round((cpu_s(front) - cpu[1]) * 1e6 / n)}}
