# SPDX-License-Identifier: GPL-3.0-or-later
"""recastd.service as it is installed, started by a real systemd with its whole sandbox.  One container for all tests; each
begins with the service stopped and no drop-ins."""
import json
import os
import re
import time

import rack
import tap
from box import Box, missing, wait_until
from certificates import Authority

SOCKET = "/run/recast/recast.sock"
CONF = "/usr/local/etc/recast/recast.conf"
# Where the unit lets recastd write; the folders of this build are those of its prefix.
PATHS = "database = /var/lib/recast/recast.db\nsocket_group = recast\n"
KEY = "key_file = /var/lib/recast/recast.key\n"

the_box = None
why_not = None


def end():
    if the_box:
        the_box.close()


def box(builddir, conf=PATHS + KEY):
    """The container with the service stopped, a new database, and @conf as recast.conf."""
    global the_box, why_not
    if why_not is None:
        why_not = missing() or ""
        with open(os.path.join(builddir, "config.h")) as f:
            if "#define HAVE_SYSTEMD 1" not in f.read():
                why_not = "it was built --without-systemd"
    if why_not:
        raise tap.Skip(why_not)
    if not the_box:
        try:
            b = Box(builddir)
            b.boot()
        except tap.Skip as skip:
            why_not = str(skip)
            raise
        the_box = b
        b.must("systemd-sysusers")
    b = the_box
    b.run("systemctl", "stop", "recastd.socket", "recastd.service")
    b.run("systemctl", "reset-failed")
    b.no_drop_ins()
    b.must("sh", "-c", "rm -rf /var/lib/recast/* /etc/credstore; mkdir -p /usr/local/etc/recast /etc/credstore")
    b.must("tee", CONF, input=conf)
    return b


def start(b):
    b.must("systemctl", "start", "recastd.service", timeout=20)
    assert b.show("ActiveState") == "active", b.journal()


def persona(b, *args, **kwargs):
    return b.must("persona", "--socket", SOCKET, *args, **kwargs)


def define(b, *personas):
    """A site on the simulated rack, whose files lie where recastd may write."""
    documents = [rack.site("/var/lib/recast"), *(rack.persona(p) for p in personas)]
    b.must("mkdir", "-p", "/tmp/site")
    for i, d in enumerate(documents):
        b.must("tee", "/tmp/site/%d.yaml" % i, input=json.dumps(d))
    persona(b, "define", *(w for i in range(len(documents)) for w in ("-f", "/tmp/site/%d.yaml" % i)))


def status_of(b, pid):
    return dict(line.split(":\t", 1) for line in b.must("cat", "/proc/%s/status" % pid).splitlines() if ":\t" in line)


def children(b):
    """{program: pid} of the service."""
    out = {}
    for line in b.must("ps", "-eo", "pid=,ppid=,comm=").splitlines():
        pid, ppid, comm = line.split(None, 2)
        if ppid == b.show("MainPID"):
            out[comm] = pid
    return out


def test_the_service_is_ready_when_it_is_started_and_tells_how_it_is(builddir):
    b = box(builddir)
    start(b)
    persona(b, "status")  # at the first try
    assert not [e for e in b.entries("_COMM=recast-front") if "landlock" in e["MESSAGE"]], "the front is less confined than it could be"
    tap.contains(b.show("StatusText"), "no site yet")
    define(b, "web")
    wait_until(lambda: "site test: 3 machines" in b.show("StatusText"), "the status tells the site")
    tap.equal(b.must("stat", "-c", "%U %G %a", SOCKET).strip(), "recast recast 660")
    tap.equal(b.must("stat", "-c", "%U %a", "/var/lib/recast", "/var/lib/recast/recast.key").split(), ["recast", "700", "recast", "400"])


def test_every_process_of_the_service_is_confined(builddir):
    b = box(builddir)
    start(b)
    define(b, "web")
    persona(b, "apply", "web", "--on", "node1", "--wait")
    found = {"recastd": b.show("MainPID"), **children(b)}
    assert len(found) >= 3, found
    for name, pid in found.items():
        s = status_of(b, pid)
        tap.equal((name, s["NoNewPrivs"], s["Seccomp"], s["CapEff"], s["CapBnd"], s["CapAmb"]),
                  (name, "1", "2", "0" * 16, "0" * 16, "0" * 16))
        assert s["Uid"].split()[0] == b.must("id", "-u", "recast").strip(), s["Uid"]
    front = status_of(b, found["recast-front"])
    assert int(front["Seccomp_filters"]) > int(status_of(b, found["recastd"])["Seccomp_filters"]), "the front has no filter of its own"


def test_nothing_that_the_service_does_is_outside_of_its_filter(builddir):
    """A call that is not allowed kills here, instead of failing; TLS, boot port, drivers, probes and a reload included."""
    b = box(builddir)
    os.makedirs(ca_dir := os.path.join(b.dir, "ca"), exist_ok=True)
    ca = Authority(ca_dir)
    certificate, key = ca.issue("server", "/CN=localhost", "serverAuth")
    for name, path in (("c.pem", certificate), ("k.pem", key), ("ca.pem", ca.pem)):
        with open(path) as f:
            b.must("tee", "/var/lib/recast/" + name, input=f.read())
    b.must("chown", "-R", "recast", "/var/lib/recast")
    b.must("chmod", "0600", "/var/lib/recast/k.pem")
    b.must("tee", CONF, input=PATHS + KEY + "listen = 127.0.0.1:8443 [::1]:8443\nboot_listen = 127.0.0.1:8080\n"
           "tls_certificate = /var/lib/recast/c.pem\ntls_key = /var/lib/recast/k.pem\ntls_client_ca = /var/lib/recast/ca.pem\n"
           "reconcile_interval = 1s\n")
    b.drop_in("kill", "SystemCallErrorNumber=\n")
    start(b)
    define(b, "web", "db")
    persona(b, "apply", "web", "--on", "node1", "--wait")
    persona(b, "move", "web", "--to", "node2", "--wait")
    persona(b, "secret", "set", "bmc", "--file", "-", input="geheim\n")
    persona(b, "doctor")
    persona(b, "user", "set", "kim", "--role", "viewer", "--file", "-", input="four words make one\n")
    b.must("curl", "-sf", "--cacert", "/var/lib/recast/ca.pem", "--json", '{"user": "kim", "password": "four words make one"}',
           "https://localhost:8443/v1/login")
    persona(b, "secret", "rotate")
    persona(b, "backup", "/var/lib/recast/copy.db")
    b.must("curl", "-sf", "--cacert", "/var/lib/recast/ca.pem", "https://localhost:8443/healthz")
    b.run("curl", "-s", "http://127.0.0.1:8080/boot/ipxe?mac=02:00:00:00:00:01")
    b.must("systemctl", "reload", "recastd")
    persona(b, "drift", "--now")
    tap.equal((b.show("NRestarts"), b.show("ActiveState")), ("0", "active"))
    assert not [e for e in b.entries() if re.search("SIGSYS|filter of system calls|code=dumped", str(e.get("MESSAGE")))], b.journal()
    b.must("systemctl", "stop", "recastd.service")
    tap.equal(b.show("Result"), "success")


def real_site():
    """A switch that is there, an array and a BMC that are not."""
    site = rack.site("/var/lib/recast", machines=1)
    site["switches"]["leaf1"] = {"driver": "ovsdb", "address": "tcp:127.0.0.1:16640", "bridge": "br0"}
    site["arrays"]["san1"] = {"driver": "tgt", "socket": "/run/tgtd/none", "pool": "/var/lib/recast", "portals": ["10.66.20.1:3260"]}
    site["machines"]["node1"]["bmc"] = {"driver": "ipmi", "address": "127.0.1.1", "user": "admin", "secret": "bmc"}
    return site


def test_the_drivers_of_real_devices_work_within_the_sandbox(builddir):
    b = box(builddir)
    b.drop_in("kill", "SystemCallErrorNumber=\n")
    start(b)
    b.must("sh", "-c", "command -v ovsdb-server")
    b.must("sh", "-c", "rm -f /tmp/ovs.db; ovsdb-tool create /tmp/ovs.db && ovsdb-server --detach --no-chdir --pidfile=/tmp/ovs.pid "
           "--log-file=/tmp/ovs.log --unixctl=/tmp/ovs.ctl --remote=ptcp:16640:127.0.0.1 /tmp/ovs.db && "
           "ovs-vsctl --db=tcp:127.0.0.1:16640 --no-wait init -- add-br br0 -- add-port br0 node1-eth0")
    persona(b, "secret", "set", "bmc", "--file", "-", input="geheim\n")
    b.must("tee", "/tmp/real.yaml", input=json.dumps(real_site()))
    persona(b, "define", "-f", "/tmp/real.yaml")
    b.run("persona", "--socket", SOCKET, "drift", "--now")
    told = {d: json.loads(b.must("curl", "-sf", "--unix-socket", SOCKET, "http://localhost/v1/devices/" + d)) for d in
            ("leaf1", "san1", "node1-bmc")}
    assert told["leaf1"]["last_error"] is None, told  # over TCP
    tap.contains(told["san1"]["last_error"]["text"], "No such file or directory")  # the socket, not the call
    tap.contains(told["node1-bmc"]["last_error"]["text"], "did not answer in time")  # over UDP
    assert {"recast-driver-o", "recast-driver-t", "recast-driver-i"} <= set(children(b)), children(b)
    tap.equal((b.show("NRestarts"), b.show("ActiveState")), ("0", "active"))
    assert not [e for e in b.entries() if re.search("SIGSYS|ended by itself", str(e.get("MESSAGE")))], b.journal()
    b.must("sh", "-c", "kill $(cat /tmp/ovs.pid)")


def test_a_core_that_hangs_is_started_again_and_nobody_finds_the_door_closed(builddir):
    b = box(builddir)
    b.drop_in("watchdog", "WatchdogSec=2\nRestartSec=100ms\n")
    start(b)
    before = b.show("MainPID")
    b.must("kill", "-STOP", before)
    persona(b, "status", timeout=60)  # waits at the door until somebody opens
    wait_until(lambda: b.show("NRestarts") == "1", "systemd starts it again")
    assert b.show("MainPID") != before
    assert any("watchdog" in str(e.get("MESSAGE", "")).lower() for e in b.entries("-u", "recastd.service"))


def test_the_socket_starts_the_service_and_outlives_it(builddir):
    b = box(builddir)
    b.must("systemctl", "start", "recastd.socket")
    tap.equal(b.show("ActiveState"), "inactive")
    persona(b, "status")
    tap.equal(b.show("ActiveState"), "active")
    inode = b.must("stat", "-c", "%i", SOCKET)
    b.must("systemctl", "restart", "recastd.service")
    persona(b, "status")
    tap.equal(b.must("stat", "-c", "%i", SOCKET), inode)


def test_without_its_socket_unit_the_service_makes_the_socket_itself(builddir):
    b = box(builddir)
    b.must("systemctl", "mask", "--runtime", "recastd.socket")
    try:
        start(b)
        persona(b, "status")
        tap.equal(b.must("stat", "-c", "%U %G %a", SOCKET).strip(), "recast recast 660")
        b.must("systemctl", "restart", "recastd.service")
        persona(b, "status")
    finally:
        b.run("systemctl", "stop", "recastd.service")
        b.must("systemctl", "unmask", "--runtime", "recastd.socket")


def test_a_member_of_the_group_comes_in_and_another_user_does_not(builddir):
    b = box(builddir)
    start(b)
    b.must("sh", "-c", "id member >/dev/null 2>&1 || useradd -M -G recast member; id stranger >/dev/null 2>&1 || useradd -M stranger")
    as_user = lambda user: b.run("runuser", "-u", user, "--", "persona", "--socket", SOCKET, "status")
    tap.equal(as_user("member").returncode, 0)
    assert as_user("stranger").returncode != 0
    b.must("chmod", "666", SOCKET)  # not only the mode of the file keeps strangers out
    assert as_user("stranger").returncode != 0
    tap.equal(as_user("member").returncode, 0)


def test_the_master_key_comes_from_the_store_of_credentials(builddir):
    b = box(builddir, PATHS)
    b.must("sh", "-c", "head -c 32 /dev/urandom >/etc/credstore/recast.key; chmod 400 /etc/credstore/recast.key")
    start(b)
    persona(b, "secret", "set", "bmc", "--file", "-", input="geheim\n")
    tap.equal(b.run("find", "/var/lib/recast", "/usr/local/var", "-name", "*.key*").stdout, "")
    given = b.must("nsenter", "-t", b.show("MainPID"), "-m", "-r", "stat", "-c", "%U %G %a", "/run/credentials/recastd.service/recast.key").strip()
    print("# systemd gives the credential as: " + given)
    b.must("systemctl", "restart", "recastd.service")
    tap.contains(persona(b, "doctor"), "only its owner may read it")


def test_the_master_key_may_be_encrypted_at_rest(builddir):
    b = box(builddir, PATHS)
    b.drop_in("encrypted", "LoadCredential=\nLoadCredentialEncrypted=recast.key\n")
    b.must("sh", "-c", "mkdir -p /etc/credstore.encrypted && head -c 32 /dev/urandom | "
           "systemd-creds encrypt --with-key=host --name=recast.key - /etc/credstore.encrypted/recast.key")
    try:
        start(b)
        persona(b, "secret", "set", "bmc", "--file", "-", input="geheim\n")
        tap.equal(b.run("find", "/var/lib/recast", "/usr/local/var", "-name", "*.key*").stdout, "")
        tap.contains(persona(b, "doctor"), "/run/credentials/recastd.service/recast.key")
    finally:
        b.must("rm", "-r", "/etc/credstore.encrypted")


def test_the_journal_has_fields_and_priorities(builddir):
    b = box(builddir)
    start(b)
    begin = time.monotonic()
    define(b, "web")
    persona(b, "apply", "web", "--on", "node1", "--wait")
    entry = wait_until(lambda: b.entries("RECAST_RUN=1", "RECAST_MODULE=core"), "the end of the run is in the journal")[-1]
    tap.equal((entry["RECAST_PERSONA"], entry["RECAST_MACHINE"], entry["PRIORITY"], entry["_SYSTEMD_UNIT"]),
              ("web", "node1", "6", "recastd.service"))
    front = [e for e in b.entries("_COMM=recast-front") if "serving" in e["MESSAGE"]]
    assert front and front[-1]["MESSAGE"].startswith("main: serving") and front[-1]["PRIORITY"] == "6", front
    head = wait_until(lambda: b.entries("RECAST_MODULE=audit"), "the head of the audit is logged", 90)[-1]
    assert re.fullmatch("[0-9a-f]{64}", head["RECAST_AUDIT_HEAD"]) and head["RECAST_AUDIT_SEQ"].isdigit(), head
    print("# the head of the audit came after %.0f s" % (time.monotonic() - begin))


def test_a_port_below_1024_needs_one_capability_and_drivers_do_not_get_it(builddir):
    b = box(builddir, PATHS + KEY + "boot_listen = 127.0.0.1:80\n")
    b.drop_in("port", "AmbientCapabilities=CAP_NET_BIND_SERVICE\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\n")
    start(b)
    tap.equal(b.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://127.0.0.1:80/").stdout, "404")
    define(b, "web")
    persona(b, "apply", "web", "--on", "node1", "--wait")
    drivers = [pid for name, pid in children(b).items() if name.startswith("recast-driver")]
    assert drivers
    for pid in drivers:
        tap.equal(status_of(b, pid)["CapEff"], "0" * 16)
