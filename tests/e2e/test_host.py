# SPDX-License-Identifier: GPL-3.0-or-later
"""recastd on a host: what it tells the service manager and takes from it, and what --check-config finds."""
import fcntl
import os
import re
import shutil
import signal
import socket
import stat
import struct
import subprocess
import threading
import time

import rack
import tap
from certificates import Authority
from controller import PATIENCE, Controller, UnixConnection, wait_until
from manager import HAND_OVER, JOURNAL, Supervised, Told, listening
from test_tls import TlsController

FEEDS = "WATCHDOG"


def needs_systemd(builddir):
    with open(os.path.join(builddir, "config.h")) as f:
        if "#define HAVE_SYSTEMD 1" not in f.read():
            raise tap.Skip("it was built --without-systemd")


def script(c, name, text):
    """A program in the controller's folder."""
    path = os.path.join(c.dir, name)
    with open(path, "w") as f:
        f.write("#!/bin/bash\n" + text)
    os.chmod(path, 0o755)
    return path


# --- what it tells

def test_ready_is_told_only_when_a_client_is_answered(builddir):
    needs_systemd(builddir)
    with Supervised(builddir, start=False) as c:
        waits, go = os.path.join(c.dir, "waits"), os.path.join(c.dir, "go")
        os.mkfifo(go)
        front = script(c, "front", ': >%s; read -r _ <%s; exec %s/recast-front "$@"\n' % (waits, go, builddir))
        c.options = ["front=" + front]
        c.start(ready=False)
        wait_until(lambda: os.path.exists(waits), what="the front is started")
        c.told.drain()
        for _ in range(3):  # the loop turns, and there is no door yet
            c.told.until(lambda m: FEEDS in m)
        assert not c.told.has("READY"), c.told.messages
        with open(go, "w") as f:
            f.write("\n")
        c.ready()
        tap.equal(c.api("GET", "/v1/status")[0], 200)  # at the first try


def test_a_start_that_fails_is_never_told_as_ready(builddir):
    needs_systemd(builddir)
    with Supervised(builddir, start=False) as c:
        with open(os.path.join(c.dir, "recast.key"), "wb") as f:
            f.write(bytes(32))
        os.chmod(f.name, 0o644)
        c.start(ready=False)
        assert c.process.wait(PATIENCE) not in (0, -signal.SIGSEGV)
        c.told.drain()
        assert not c.told.has("READY"), c.told.messages
        os.chmod(f.name, 0o400)
        taken = socket.create_server(("127.0.0.1", 0))
        c.options = ["boot_listen=127.0.0.1:%d" % taken.getsockname()[1]]
        c.start(ready=False)
        wait_until(lambda: c.log().count("cannot listen on") >= 2, what="the front cannot open its doors")
        c.told.until(lambda m: FEEDS in m)
        assert not c.told.has("READY"), c.told.messages
        taken.close()
        c.ready()


def test_a_core_that_is_stopped_does_not_feed_the_watchdog(builddir):
    needs_systemd(builddir)
    with Supervised(builddir) as c:
        c.ready()
        c.told.until(lambda m: FEEDS in m)
        os.kill(c.process.pid, signal.SIGSTOP)
        wait_until(lambda: open("/proc/%d/stat" % c.process.pid).read().split()[2] == "T", what="it is stopped")
        c.told.drain()
        assert c.told.next(1.0) is None, "a process that is stopped was heard"
        os.kill(c.process.pid, signal.SIGCONT)
        c.told.until(lambda m: FEEDS in m)


def fill(fd):
    """Until nothing more goes into a pipe."""
    os.set_blocking(fd, False)
    try:
        while os.write(fd, b"\n" * 4096):
            pass
    except BlockingIOError:
        pass
    try:
        while os.write(fd, b"\n"):
            pass
    except BlockingIOError:
        pass


def test_a_core_whose_loop_is_stuck_does_not_feed_the_watchdog(builddir):
    """Stuck in a line of its log, which nobody reads; every other thread that it might have goes on."""
    needs_systemd(builddir)
    with Supervised(builddir, start=False) as c:
        pipe = os.path.join(c.dir, "stderr")
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        writer = os.open(pipe, os.O_WRONLY)
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        # O_NONBLOCK belongs to one opening of the pipe: recastd gets another, which blocks.
        c.prefix = ["bash", "-c", 'exec 2>"$0"; exec "$@"', pipe]
        c.start(ready=False)
        c.ready()
        c.told.until(lambda m: FEEDS in m)
        fill(writer)
        os.kill(c.process.pid, signal.SIGHUP)
        wait_until(lambda: "pipe_w" in open("/proc/%d/wchan" % c.process.pid).read(), what="it waits for its log")
        c.told.drain()
        assert c.told.next(1.0) is None, "a loop that is stuck was heard: %r" % c.told.messages[-1]
        while True:
            try:
                if not os.read(reader, 65536):
                    break
            except BlockingIOError:
                break
        c.told.until(lambda m: FEEDS in m)
        os.close(writer)
        os.close(reader)


def test_the_status_tells_the_site_and_the_open_runs(builddir):
    needs_systemd(builddir)
    with Supervised(builddir) as c:
        c.ready()
        tap.equal([m["STATUS"] for m in c.told.messages if "STATUS" in m],
                  ["opening the database", "no site yet: 0 machines, 0 runs open"])
        c.define(rack.site(c.dir), rack.persona("web", proof={"within": "60s", "serial": "NEVER"}))
        c.told.until(lambda m: m.get("STATUS") == "site test: 3 machines, 0 runs open")
        status, run = c.api("POST", "/v1/runs", {"action": "apply", "persona": "web", "machine": "node1"})
        tap.equal(status, 202)
        c.told.until(lambda m: m.get("STATUS") == "site test: 3 machines, 1 run open")
        c.api("POST", "/v1/runs/%d/cancel" % run["id"])
        c.told.until(lambda m: m.get("STATUS") == "site test: 3 machines, 0 runs open")


def test_the_end_is_told_before_it_comes(builddir):
    needs_systemd(builddir)
    with Supervised(builddir) as c:
        c.ready()
        tap.equal(c.stop(), 0)
        c.told.drain()
        tap.equal(c.told.messages[-1].get("STOPPING"), "1")


class SupervisedTls(TlsController):
    def start(self, ready=True):
        self.told = Told(os.path.join(self.dir, "notify"))
        self.environment = {"NOTIFY_SOCKET": self.told.path, "WATCHDOG_USEC": "300000"}
        super().start(ready)

    def close(self):
        super().close()
        self.told.close()


def test_a_reload_ends_when_the_new_certificate_is_served(builddir):
    needs_systemd(builddir)
    with SupervisedTls(builddir) as c:
        c.told.until(lambda m: "READY" in m)
        before = c.served()
        new = c.ca.issue("second", "/CN=localhost", "serverAuth")
        for old, fresh in zip(c.server, new):
            os.replace(fresh, old)
        front = c.front_pid()
        os.kill(front, signal.SIGSTOP)
        start = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        os.kill(c.process.pid, signal.SIGHUP)
        told = c.told.until(lambda m: m.get("RELOADING") == "1")
        end = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        assert start <= int(told["MONOTONIC_USEC"]) <= end, (start, told, end)
        for _ in range(3):  # the loop turns, and the front has not answered
            assert "READY" not in c.told.until(lambda m: FEEDS in m or "READY" in m)
        os.kill(front, signal.SIGCONT)
        c.told.until(lambda m: "READY" in m)
        assert c.served() != before, "ready, and the old certificate is still served"
        os.unlink(c.server[1])  # what cannot be loaded ends as well
        os.kill(c.process.pid, signal.SIGHUP)
        c.told.until(lambda m: m.get("RELOADING") == "1")
        c.told.until(lambda m: "READY" in m)


def test_nobody_else_is_told_where_the_manager_listens(builddir):
    needs_systemd(builddir)
    with Supervised(builddir) as c:
        c.ready()
        c.define(rack.site(c.dir), rack.persona("web"))
        c.run_to_end(action="apply", persona="web", machine="node1")
        children = [pid for pid in c.children_left() if pid != c.process.pid]
        assert len(children) >= 2, children  # the front, and a driver
        for pid in children:
            with open("/proc/%d/environ" % pid, "rb") as f:
                tap.lacks(f.read().decode(), "NOTIFY_SOCKET")


# --- the socket that is handed over

class Activated(Controller):
    """A recastd whose unix socket somebody else has made, and keeps."""

    def __init__(self, builddir, start=True, **more):
        super().__init__(builddir, start=False, **more)
        self.door = listening(self.socket)
        self.hand_over([self.door])
        if start:
            self.start()

    def hand_over(self, sockets):
        self.pass_fds = [s.fileno() for s in sockets]
        self.prefix = HAND_OVER + [str(self.pass_fds[0])]

    def close(self):
        super().close()
        self.door.close()


def test_who_asks_before_recastd_runs_is_answered_once_it_does(builddir):
    needs_systemd(builddir)
    with Activated(builddir, start=False) as c:
        early = UnixConnection(c.socket, PATIENCE)
        early.request("GET", "/v1/whoami")
        c.start(ready=False)
        response = early.getresponse()
        tap.equal(response.status, 200)
        tap.contains(response.read().decode(), "uid %d" % os.getuid())
        early.close()


def test_the_kernel_tells_who_connects_to_a_socket_that_was_handed_over(builddir):
    needs_systemd(builddir)
    if os.getuid() != 0:
        raise tap.Skip("only root can be somebody else")
    with Activated(builddir) as c:
        os.chmod(c.dir, 0o755)
        os.chmod(c.socket, 0o666)
        done = subprocess.run([*NOBODY, "curl", "-s", "--unix-socket", c.socket,
                               "-o", "/dev/null", "-w", "%{http_code}", "http://localhost/v1/status"], capture_output=True, text=True)
        assert done.stdout in ("401", "403"), done


class Knocker(threading.Thread):
    """Connects again and again, and counts who was not let in."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.stopping, self.knocks, self.refused = path, False, 0, []

    def run(self):
        while not self.stopping:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
                try:
                    s.settimeout(PATIENCE)
                    s.connect(self.path)
                    self.knocks += 1
                except OSError as e:
                    self.refused.append(e)
            time.sleep(0.002)


def test_no_client_is_refused_while_recastd_or_its_front_is_killed_or_stops(builddir):
    needs_systemd(builddir)
    with Activated(builddir) as c:
        knocker = Knocker(c.socket)
        knocker.start()
        try:
            for _ in range(3):
                c.kill9()
                c.start()
            front = next(pid for pid in c.children_left() if pid != c.process.pid)
            os.kill(front, signal.SIGKILL)
            wait_until(lambda: "starting it again" in c.log() and c.answers(), what="another front answers")
            tap.equal(c.stop(), 0)
            assert stat.S_ISSOCK(os.stat(c.socket).st_mode), "the socket is gone"
            seen = knocker.knocks
            wait_until(lambda: knocker.knocks > seen, what="somebody waits at the door of nobody")
            c.start()
        finally:
            knocker.stopping = True
            knocker.join(PATIENCE)
        tap.equal([repr(e) for e in knocker.refused], [])
        assert knocker.knocks > 50, knocker.knocks


def test_a_socket_that_cannot_be_served_is_refused_with_a_reason(builddir):
    needs_systemd(builddir)
    with Activated(builddir, start=False) as c:
        with socket.create_server(("127.0.0.1", 0)) as tcp:
            c.hand_over([tcp])
            c.start(ready=False)
            assert c.process.wait(PATIENCE) == 2
            tap.contains(c.log(), "recastd takes one")


# --- the journal

def test_log_lines_are_fields_of_the_journal(builddir):
    needs_systemd(builddir)
    if os.getuid() != 0:
        raise tap.Skip("only root can mount")
    with Controller(builddir, start=False) as c:
        journal = Told(os.path.join(c.dir, "journal"))
        c.prefix = JOURNAL + [journal.path]
        c.start()
        entry = journal.until(lambda m: "is ready on" in m["MESSAGE"])
        tap.equal({k: entry[k] for k in ("PRIORITY", "RECAST_MODULE", "SYSLOG_IDENTIFIER")},
                  {"PRIORITY": "6", "RECAST_MODULE": "main", "SYSLOG_IDENTIFIER": "recastd"})
        c.define(rack.site(c.dir), rack.persona("web"))
        run = c.run_to_end(action="apply", persona="web", machine="node1")["id"]
        entry = journal.until(lambda m: "ended: done" in m["MESSAGE"])
        tap.equal({k: v for k, v in entry.items() if k.startswith("RECAST_")},
                  {"RECAST_MODULE": "core", "RECAST_RUN": str(run), "RECAST_PERSONA": "web", "RECAST_MACHINE": "node1"})
        c.define(rack.persona("db", "db", proof={"within": "1s", "serial": "NEVER"}))
        run = c.run_to_end(action="apply", persona="db", machine="node2")["id"]
        entry = journal.until(lambda m: "RECAST_STEP" in m)
        tap.equal({k: entry[k] for k in ("PRIORITY", "RECAST_RUN", "RECAST_DEVICE", "RECAST_PERSONA", "RECAST_MACHINE")},
                  {"PRIORITY": "4", "RECAST_RUN": str(run), "RECAST_DEVICE": "node2-bmc", "RECAST_PERSONA": "db", "RECAST_MACHINE": "node2"})
        # Of recastd nothing goes to stderr; of its children lines with a priority do.
        lines = c.log().splitlines()
        assert lines and all(re.match(r"<[3467]>\w+: ", line) for line in lines), lines
        tap.contains(c.log(), "<6>main: serving")
        c.stop()
        journal.close()


def test_a_stderr_that_is_not_the_journal_gets_plain_lines(builddir):
    with Controller(builddir, start=False) as c:
        c.environment = {"JOURNAL_STREAM": "1:1"}  # of whom started us, before stderr became something else
        c.start()
        wait_until(lambda: re.search(r"^\d{4}-\d\d-\d\dT\S+Z recastd info main: recastd \S+ is ready on", c.log(), re.M),
                   what="a line with a time")


# --- the master key

def key_of(c, mode, uid=0):
    """A folder of credentials with a key in it."""
    folder = os.path.join(c.dir, "credentials")
    os.mkdir(folder)
    path = os.path.join(folder, "recast.key")
    with open(path, "wb") as f:
        f.write(os.urandom(32))
    os.chmod(path, mode)
    os.chown(path, uid, uid)
    c.environment = {"CREDENTIALS_DIRECTORY": folder}
    return path


def test_the_master_key_may_be_a_credential_and_is_never_made_then(builddir):
    with Controller(builddir, options=["key_file="], start=False) as c:
        path = key_of(c, 0o400, os.getuid())
        c.start()
        tap.equal(c.api("PUT", "/v1/secrets/bmc", {"value": "geheim"})[0], 200)
        tap.equal(c.stop(), 0)
        tap.equal([f for f in os.listdir(c.dir) if "key" in f], [])
        os.unlink(path)  # and nothing else may take its place
        c.options = ["key_file=" + os.path.join(c.dir, "other.key")]
        c.start(ready=False)
        assert c.process.wait(PATIENCE) != 0
        tap.contains(c.log(), "its key is not")


def grant(path, uid):
    """An access list, as newer versions of systemd give a credential: root's, mode 0440, and @uid may read it."""
    entries = [(1, 4, 2 ** 32 - 1), (2, 4, uid), (4, 0, 2 ** 32 - 1), (16, 4, 2 ** 32 - 1), (32, 0, 2 ** 32 - 1)]
    os.setxattr(path, "system.posix_acl_access", struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in entries))


def for_others(c):
    """Copies of the programs where everybody can run them; where they were built may be closed."""
    folder = os.path.join(c.dir, "bin")
    os.mkdir(folder)
    for name in ("recastd", "recast-front", "recast-driver-mock", "persona"):
        shutil.copy(os.path.join(c.builddir, name), folder)
    os.chmod(c.dir, 0o755)
    c.builddir = folder


NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def test_a_credential_that_an_access_list_gives_to_recastd_is_taken(builddir):
    if os.getuid() != 0:
        raise tap.Skip("only root can own the file as systemd does")
    with Controller(builddir, options=["key_file="], prefix=NOBODY, start=False) as c:
        path = key_of(c, 0o400)
        grant(path, 65534)
        tap.equal(stat.S_IMODE(os.stat(path).st_mode), 0o440)
        for_others(c)
        os.chmod(os.path.dirname(path), 0o755)
        state = os.path.join(c.dir, "state")
        os.mkdir(state)
        os.chown(state, 65534, 65534)
        c.database, c.socket = os.path.join(state, "db"), os.path.join(state, "s")
        c.start()
        tap.equal(c.api("PUT", "/v1/secrets/bmc", {"value": "geheim"})[0], 200)


def test_a_key_file_that_is_named_wins_over_the_credential(builddir):
    with Controller(builddir, start=False) as c:
        os.chmod(key_of(c, 0o400, os.getuid()), 0o000 if os.getuid() else 0o666)  # looking at it would fail
        c.start()
        assert os.path.exists(os.path.join(c.dir, "recast.key"))


def test_a_credential_that_others_can_read_is_refused(builddir):
    if os.getuid() != 0:
        raise tap.Skip("only root can give a file away")
    with Controller(builddir, options=["key_file="], start=False) as c:
        key_of(c, 0o440, 65534)
        c.start(ready=False)
        assert c.process.wait(PATIENCE) != 0
        tap.contains(c.log(), "may be read by others")


# --- recastd --check-config

class Checked(Controller):
    """A configuration in a file, of a folder that is as it should be."""

    def __init__(self, builddir, **keys):
        super().__init__(builddir, start=False)
        os.chmod(self.dir, 0o700)
        self.conf = os.path.join(self.dir, "recast.conf")
        self.keys = {"database": self.database, "key_file": os.path.join(self.dir, "recast.key"), "socket": self.socket,
                     "driver_path": builddir, "front": os.path.join(builddir, "recast-front"), **keys}

    def check(self, *more, prefix=()):
        """(exit status, lines)"""
        with open(self.conf, "w") as f:
            f.write("# a test\n" + "".join("%s = %s\n" % item for item in self.keys.items()))
            f.write("".join(line + "\n" for line in more))
        done = subprocess.run([*prefix, os.path.join(self.builddir, "recastd"), "--check-config", "-c", self.conf],
                              capture_output=True, text=True, timeout=PATIENCE)
        tap.equal(done.stderr, "")
        return done.returncode, done.stdout

    def line(self, key):
        return "%s:%d: " % (self.conf, 2 + list(self.keys).index(key))


def test_check_config_finds_nothing_in_what_works(builddir):
    with Checked(builddir) as c:
        ca = Authority(c.dir)
        certificate_with(c, ca)
        c.keys.update(listen="127.0.0.1:8443 [::1]:8443",
                      socket_mode="0600", socket_group="root", reconcile_interval="90s", log_level="warn")
        before = sorted(os.listdir(c.dir) + ["recast.conf"])
        status, out = c.check()
        tap.equal((status, out), (0, "no mistakes in %s\n" % c.conf))
        tap.equal(sorted(os.listdir(c.dir)), before, "it changed something")


def test_check_config_tells_every_mistake_with_its_line(builddir):
    with Checked(builddir, socket_mode="rw", socket_group="nobody-has-this-group", boot_listen="10.0.0.1", listen="host:1",
                 front_user="nobody-is-this-user", reconcile_interval="3ms", log_level="loud", keep_events="12", keep_runs="x",
                 tls_certificate="/nonexistent/c", tls_key="/nonexistent/k", tls_client_ca="/nonexistent/ca") as c:
        c.keys.update(driver_path="/nonexistent/drivers", front="/nonexistent/front", database="/nonexistent/db")
        status, out = c.check("databse = /x", "no equals sign")
        tap.equal(status, 2)
        for key in c.keys:
            if key not in ("socket", "key_file"):
                tap.contains(out, c.line(key))
        tap.contains(out, "unknown key `databse`\n  try: Did you mean `database`?")
        tap.contains(out, "is not KEY = VALUE")
        tap.contains(out, "%d mistakes" % (len(c.keys) - 2 + 2))


def test_check_config_looks_at_files_and_their_modes(builddir):
    with Checked(builddir) as c:
        loose = os.path.join(c.dir, "loose")
        os.mkdir(loose)
        os.chmod(loose, 0o777)
        c.keys["database"] = os.path.join(loose, "db")
        with open(c.keys["key_file"], "wb") as f:
            f.write(bytes(8))
        os.chmod(f.name, 0o644)
        driver = script(c, "recast-driver-lamp", "exit 0\n")
        os.chmod(driver, 0o777)
        c.keys["driver_path"] = c.dir
        status, out = c.check()
        tap.equal(status, 2)
        tap.contains(out, c.line("database") + "database: others may write to the folder")
        tap.contains(out, "others may read " + c.keys["key_file"])
        tap.contains(out, "no file of at least 32 bytes")
        tap.contains(out, "others may write to " + driver)
        tap.contains(out, "4 mistakes")
        os.unlink(f.name)  # a key that is missing beside a database that is there
        with open(c.keys["database"], "w"):
            pass
        tap.contains(c.check()[1], "is missing, and the database is there")


def certificate_with(c, ca, days=30):
    certificate, key = ca.issue("server", "/CN=localhost", "serverAuth", days)
    os.chmod(key, 0o600)
    c.keys.update(listen="127.0.0.1:8443", tls_certificate=certificate, tls_key=key, tls_client_ca=ca.pem)


def test_check_config_asks_whether_certificates_can_be_served(builddir):
    with Checked(builddir) as c:
        ca = Authority(c.dir)
        certificate_with(c, ca)
        other = ca.issue("other", "/CN=localhost", "serverAuth")[1]
        os.chmod(other, 0o604)
        c.keys["tls_key"] = other
        with open(os.path.join(c.dir, "empty.pem"), "w") as f:
            f.write("nothing\n")
        c.keys["tls_client_ca"] = f.name
        status, out = c.check()
        tap.equal(status, 2)
        tap.contains(out, c.line("tls_key") + "tls_key: does not belong to tls_certificate")
        tap.contains(out, "everybody may read or write " + other)
        tap.contains(out, c.line("tls_client_ca") + "tls_client_ca: holds no certificate")
        tap.contains(out, "3 mistakes")
        for days, word, wanted in ((-1, c.line("tls_certificate") + "tls_certificate: has ended at", 2),
                                   (3, "soon: tls_certificate: ends at", 0)):
            certificate_with(c, ca, days)
            status, out = c.check()
            tap.equal(status, wanted, out)
            tap.contains(out, word)


def test_check_config_as_somebody_else_says_what_it_could_not_see(builddir):
    if os.getuid() != 0:
        raise tap.Skip("only root can be somebody else")
    with Checked(builddir) as c:
        os.chmod(c.dir, 0o755)
        state = os.path.join(c.dir, "state")
        os.mkdir(state, 0o700)
        c.keys.update(database=os.path.join(state, "db"), key_file=os.path.join(state, "key"))
        for_others(c)
        c.keys.update(driver_path=c.builddir, front=os.path.join(c.builddir, "recast-front"))
        status, out = c.check(prefix=NOBODY)
        tap.equal(status, 0, out)
        tap.contains(out, "not checked: " + c.line("database") + "whether recastd can write to " + state)
        tap.contains(out, "not checked: " + c.line("key_file"))
        tap.contains(out, "no mistakes")
