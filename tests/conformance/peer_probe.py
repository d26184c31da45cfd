# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe: listeners on loopback."""
import socket
import time

from cases import check, error_of
from peer import Peer


class ProbePeer(Peer):
    driver = "probe"
    cls = "probe"

    def start(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]

    def stop(self):
        self.listener.close()

    def options(self, name):
        return {"timeout_ms": 400}

    def wishes(self, generation=1):
        return []

    generic = ("hello_is_valid", "the_manual_explains_every_option_and_capability",
               "an_unknown_option_is_refused", "an_option_of_the_wrong_type_is_refused",
               "a_device_of_another_class_is_refused", "a_device_that_is_not_open_is_an_error",
               "a_device_can_be_closed_and_opened_again", "input_that_is_no_frame_ends_the_driver_without_a_crash",
               "the_end_of_stdin_ends_the_driver")


def look(lab, objects, **more):
    return lab.opened().call("observe", "dev", objects=objects, **more)


def what_listens_is_open_and_what_does_not_is_not(lab):
    here, shut = f"tcp:127.0.0.1:{lab.peer.port}", "tcp:127.0.0.1:1"
    document = look(lab, [here, shut, "tcp:[::1]:1", "tcp:::1:1"])["document"]
    check(document[here]["open"] is True and isinstance(document[here]["ms"], int), f"{document}")
    for other in (shut, "tcp:[::1]:1", "tcp:::1:1"):
        check(document[other] == {"open": False}, f"{document}")


def silence_is_not_open_and_does_not_add_up(lab):
    # A listener that accepts nobody: once its queue is full, further connects get no answer.
    silent = socket.socket()
    silent.bind(("127.0.0.1", 0))
    silent.listen(0)
    port = silent.getsockname()[1]
    clients = []
    for _ in range(8):
        c = socket.socket()
        c.setblocking(False)
        c.connect_ex(("127.0.0.1", port))
        clients.append(c)
    began = time.monotonic()
    objects = [f"tcp:127.0.0.1:{port}"] + [f"tcp:127.0.0.{i}:1" for i in range(2, 60)] + \
        [f"tcp:127.0.0.1:{lab.peer.port}"]
    document = look(lab, objects)["document"]
    took = time.monotonic() - began
    check(document[objects[0]] == {"open": False} and document[objects[-1]]["open"], f"{document}")
    check(0.3 < took < 1.5, f"took {took:.2f} s")
    began = time.monotonic()
    check("document" in look(lab, objects[:1], deadline_ms=200), "a short deadline")
    check(time.monotonic() - began < 0.6, "the deadline was missed")
    for s in clients + [silent]:
        s.close()


def what_is_no_address_is_invalid(lab):
    for bad in ("tcp:localhost:80", "tcp:127.0.0.1:0", "tcp:127.0.0.1:70000", "tcp:127.0.0.1", "udp:127.0.0.1:1", "tcp::80",
                "tcp:[::1:80", ""):
        check(error_of(look(lab, [bad])) == "invalid", bad)


def a_thousand_at_once_work(lab):
    objects = [f"tcp:127.0.{i // 200}.{i % 200 + 1}:{lab.peer.port if i == 0 else 9}" for i in range(1000)]
    document = look(lab, objects)["document"]
    check(len(document) == 1000 and document[objects[0]]["open"] and not document[objects[-1]]["open"], "wrong answers")


for fn in (what_listens_is_open_and_what_does_not_is_not, silence_is_not_open_and_does_not_add_up,
           what_is_no_address_is_invalid, a_thousand_at_once_work):
    fn.needs = ()
    ProbePeer.own_cases += (fn,)

PEERS = [ProbePeer]
