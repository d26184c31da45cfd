# SPDX-License-Identifier: GPL-3.0-or-later
"""tgtd behind a real sshd: the array on another host."""
import os
import shutil
import signal
import subprocess
import threading
import time

import sandbox
from cases import Skip, all_done, check, converge, copies_in_memory, error_of
from peer_tgt import TgtPeer, only_the_named_initiators_with_the_secret_may_log_in, removing_a_map_ends_its_sessions
from sshd import KINDS, PASSWORD, PORT, SshHost, knows_rsa


class TgtSshPeer(SshHost, TgtPeer):
    label = "tgt over SSH"
    needs = dict(TgtPeer.needs, **{"sshd": "openssh-server", "ssh-keygen": "openssh-client", "openssl": "openssl"})
    fake_options = proxy = cut_points = None
    own_cases = ()
    copies = 1

    def start(self):
        super().start()
        self.start_ssh()

    def stop(self):
        self.stop_ssh()
        super().stop()

    def options(self, name):
        return {"address": f"ssh://root@127.0.0.1:{PORT}{self.socket}.7", "pool": self.pool, "credential": self.private_key()}

    def bad_auth_options(self):
        return dict(self.options("dev"), credential="not-the-password")

    def nobody_options(self):
        return dict(self.options("dev"), address="ssh://root@127.0.0.1:1/nowhere")


def own(fn):
    fn.needs = ()
    TgtSshPeer.own_cases += (fn,)
    return fn


def usable_kinds(lab):
    return [kind for kind in KINDS if kind != "rsa" or knows_rsa(lab.libexec)]


@own
def host_keys_of_each_kind_are_known_as_ssh_keygen_prints_them(lab):
    for kind in usable_kinds(lab):
        lab.peer.restart_sshd(kinds=(kind,))
        d = lab.driver()
        reply = lab.open(d, pin=None) and d.call("observe", "dev")
        check(error_of(reply) == "untrusted" and reply["error"]["presented"]["fingerprint"] == lab.peer.pin("dev"),
              f"{kind}: {reply}")
        d.call("close", "dev")
        lab.open(d)
        check("document" in d.call("observe", "dev"), kind)
        lab.discard(d)


@own
def any_key_of_the_host_may_be_the_pinned_one(lab):
    d = lab.driver()
    for kind in usable_kinds(lab):
        lab.open(d, pin=lab.peer.pin("dev", kind))
        document = d.call("observe", "dev", objects=["security"])["document"]
        check(document["security"]["key"]["fingerprint"] == lab.peer.pin("dev", kind), f"{kind}: {document}")
        d.call("close", "dev")


@own
def a_host_key_that_changes_stops_it(lab):
    d, p, old = lab.opened(), lab.peer, lab.peer.pin("dev")
    converge(lab, d, "dev", p.wishes())
    p.make_key("ed25519", "other")
    p.restart_sshd(kinds=("other",))
    before = p.heard()
    reply = d.call("apply", "dev", changes=p.other_wishes())
    check(error_of(reply) == "untrusted", f"{reply}")
    check(old in reply["error"]["text"] and p.pin("dev") in reply["error"]["text"], f"{reply}")
    check(p.heard() == before, "a login was tried")
    d.call("close", "dev")
    lab.open(d)
    converge(lab, d, "dev", p.wishes())


@own
def a_password_is_given_as_the_host_asks_for_it(lab):
    p = lab.peer
    for how in (dict(pam="no", password="yes", questions="no"), dict(pam="yes", password="no", questions="yes")):
        p.restart_sshd(**how)
        d = lab.driver()
        lab.open(d, options=dict(p.options("dev"), credential=PASSWORD))
        check("document" in d.call("observe", "dev"), f"{how}")
        d.call("close", "dev")
        before = p.heard()
        lab.open(d, options=dict(p.options("dev"), credential="wrong"))
        check(error_of(d.call("observe", "dev")) == "auth", f"{how}")
        check(p.heard() <= before + 2, "more than one password was tried")  # the first asks for the methods
        lab.discard(d)
        with open(p.log, encoding="utf-8", errors="replace") as f:
            check("Accepted " + ("password" if how["pam"] == "no" else "keyboard-interactive") in f.read(), f"{how}")


@own
def a_password_stays_in_memory_once(lab):
    p, d = lab.peer, lab.driver()
    if b"libasan" in open(f"/proc/{d.process.pid}/maps", "rb").read():
        raise Skip("sanitizers keep freed memory")
    for how in (dict(pam="no", password="yes", questions="no"), dict(pam="yes", password="no", questions="yes")):
        p.restart_sshd(**how)
        lab.open(d, options=dict(p.options("dev"), credential=PASSWORD))
        all_done(d.apply("dev", p.wishes()))
        check(copies_in_memory(d.process.pid, PASSWORD) == 1, f"{how}: {copies_in_memory(d.process.pid, PASSWORD)} copies")
        d.call("close", "dev")
        check(copies_in_memory(d.process.pid, PASSWORD) == 0, f"{how}: a copy is left")
        check(PASSWORD.encode() not in bytes(d.stdout_bytes) + bytes(d.stderr_bytes), "it is in a reply or the log")


@own
def a_key_that_the_host_does_not_know_is_auth(lab):
    p, d = lab.peer, lab.driver()
    for kind in KINDS:
        p.make_key(kind, "stranger-" + kind)
        lab.open(d, options=dict(p.options("dev"), credential=p.private_key("stranger-" + kind)))
        check(error_of(d.call("observe", "dev")) == "auth", kind)
        d.call("close", "dev")
        shutil.copy(f"{p.ssh}/stranger-{kind}.pub", f"{p.ssh}/authorized")
        lab.open(d, options=dict(p.options("dev"), credential=p.private_key("stranger-" + kind)))
        reply = d.call("observe", "dev")
        if kind in usable_kinds(lab):
            check("document" in reply, f"{kind}: a key that it knows: {reply}")
        else:
            check(error_of(reply) == "auth" and "SHA-1" in reply["error"]["text"], f"it does not say why: {reply}")
        d.call("close", "dev")
    lab.open(d, options=dict(p.options("dev"), credential=p.private_key()[:200]))
    reply = d.call("observe", "dev")
    check(error_of(reply) == "invalid", f"half a key: {reply}")
    options = p.options("x")
    options.pop("credential")
    lab.open(d, "x", options=options)
    check(error_of(d.call("observe", "x")) == "auth", "no credential")
    p.restart_sshd(password="no")
    lab.open(d, "y", options=dict(options, credential=PASSWORD))
    check(error_of(d.call("observe", "y")) == "auth", "a password for a host that takes none")


@own
def a_connection_that_dies_in_mid_command_is_unreachable_within_the_deadline(lab):
    d, p = lab.opened(), lab.peer
    converge(lab, d, "dev", p.wishes())
    p.silence()
    try:
        slow = d.send("apply", "dev", deadline_ms=5000, changes=p.other_wishes())
        killer = threading.Timer(0.3, p.end_sshd)
        killer.start()
        began = time.monotonic()
        reply = d.wait(slow, 5000)
        killer.join()
        check(time.monotonic() - began < 5.2, "it took too long")
        codes = [reply["error"]["code"]] if "error" in reply else [r["error"]["code"] for r in reply["results"] if "error" in r]
        check(codes and all(c in ("unreachable", "protocol") for c in codes), f"{reply}")
        check("error" in reply or all(r["status"] != "done" for r in reply["results"][2:]), f"{reply}")
    finally:
        p.speak()
    p.start_sshd()
    converge(lab, d, "dev", p.other_wishes())


@own
def a_host_that_stops_in_the_handshake_is_unreachable_within_the_deadline(lab):
    d, p = lab.opened(), lab.peer
    p.sshd.send_signal(signal.SIGSTOP)  # the kernel still takes connections
    try:
        began = time.monotonic()
        check(error_of(d.call("observe", "dev", deadline_ms=700)) == "unreachable", "code")
        check(time.monotonic() - began < 0.95, "it took too long")
    finally:
        p.sshd.send_signal(signal.SIGCONT)
    check("document" in d.call("observe", "dev"), "afterwards")


@own
def one_login_serves_many_requests_and_a_lost_one_is_made_anew(lab):
    d, p = lab.opened(), lab.peer
    converge(lab, d, "dev", p.wishes())
    logins = p.heard()
    for _ in range(5):
        check("document" in d.call("observe", "dev"), "observe")
    check(p.heard() == logins, "it logged in again")
    p.restart_sshd()
    converge(lab, d, "dev", p.other_wishes())


@own
def a_socket_that_is_not_there_is_unreachable(lab):
    d = lab.driver()
    lab.open(d, options=dict(lab.peer.options("dev"), address=f"ssh://root@127.0.0.1:{PORT}/nosuch/socket"))
    check(error_of(d.call("observe", "dev")) == "unreachable", "code")


@own
def addresses_that_make_no_sense_are_refused(lab):
    d = lab.driver()
    for address in ("ssh://", "ssh://root", "ssh://root@127.0.0.1", "ssh://@127.0.0.1/x", "http://root@127.0.0.1/x",
                    "ssh://" + "u" * 100 + "@127.0.0.1/x", "ssh://root@127.0.0.1/" + "x" * 200, "ssh://root@/x"):
        check(error_of(lab.open(d, options=dict(lab.peer.options("dev"), address=address))) == "invalid", address)
    lab.open(d, options=dict(lab.peer.options("dev"), address="ssh://root@some.name/x"))
    check(error_of(d.call("observe", "dev")) == "invalid", "a name, whose look-up cannot be bounded in time")


@own
def commands_run_there(lab):
    program = os.path.join(lab.libexec, "tests/conformance/remote-exec")
    p = lab.peer

    def run(pin, command, credential):
        return subprocess.run([program, f"ssh://root@127.0.0.1:{PORT}", pin, command], input=credential, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=10, check=False)

    done = run(p.pin("dev"), "read line; echo got $line; head -c 200000 /dev/zero | tr '\\0' x", p.private_key())
    check(done.returncode == 0 and done.stdout == "got hello\n" + "x" * 200000, f"{done.stderr} {len(done.stdout)}")
    done = run(p.pin("dev", "rsa")[:-1] + "x", "echo never", p.private_key())
    check(done.returncode == 1 and "untrusted" in done.stderr and not done.stdout, f"{done}")
    began = time.monotonic()
    done = run(p.pin("dev"), "sleep 60", p.private_key())
    check("unreachable" in done.stderr and time.monotonic() - began < 4, f"{done}")


TgtSshPeer.own_cases += (only_the_named_initiators_with_the_secret_may_log_in, removing_a_map_ends_its_sessions)
PEERS = [TgtSshPeer]
