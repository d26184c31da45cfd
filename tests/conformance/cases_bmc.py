# SPDX-License-Identifier: GPL-3.0-or-later
"""What every BMC driver must do.  The peer's server is off at first."""
import time

from cases import all_done, check, registrar

CASES = []
case = registrar(CASES)


def power(state):
    return {"object": "power", "set": {"power": state}}


@case()
def power_is_absolute(lab):
    d = lab.opened()
    for state, changed in (("on", True), ("on", False), ("off", True), ("off", False)):
        r = all_done(d.apply("dev", [power(state)], deadline_ms=8000))[0]
        # A change that needed a second look (again) may end by finding the state already there.
        check(changed or r["changed"] is False, f"{state}: {r}")
        check(d.call("observe", "dev", objects=["power"])["document"]["power"] == state, state)


@case()
def a_power_that_there_is_not_is_refused(lab):
    d = lab.opened()
    for bad in ("cycle", "reset", "", None, 1):
        r = d.apply("dev", [power(bad)])["results"][0]
        check(r["status"] == "not_applied" and r["error"]["code"] == "invalid", f"{bad}: {r}")
    check(d.call("observe", "dev", objects=["power"])["document"]["power"] == "off", "it was switched on")


@case("off_is_slow")
def off_is_read_twice_a_second_apart(lab):
    d = lab.opened()
    began = time.monotonic()
    all_done(d.apply("dev", [power("off")], deadline_ms=8000))
    check(time.monotonic() - began >= 1.0, "two readings a second apart cannot be quicker")


@case("has_boot")
def the_boot_device_is_read_back(lab):
    d = lab.opened()
    for device in ("pxe", "disk", "none", "pxe"):
        change = {"object": "boot", "set": {"device": device}}
        all_done(d.apply("dev", [change]), [change])
        is_ = d.call("observe", "dev", objects=["boot"])["document"]["boot"]
        check(is_["device"] == device or not is_["valid"], f"{device}: {is_}")


@case("has_console")
def text_from_before_the_mark_never_counts(lab):
    d = lab.opened()
    capture = {"object": "console", "set": {"capture": True}}
    look = ["console:" + lab.peer.boot_text]
    all_done(d.apply("dev", [capture] + lab.peer.boot_wishes()))
    until = time.monotonic() + 60
    while not d.call("observe", "dev", objects=look)["document"]["console"]["seen"]:
        check(time.monotonic() < until, f"{lab.peer.boot_text} was not seen")
        time.sleep(0.05)
    all_done(d.apply("dev", [capture]))
    check(not d.call("observe", "dev", objects=look)["document"]["console"]["seen"], "old text was taken for new")
    all_done(d.apply("dev", [{"object": "console", "set": {"capture": False}}]))
    check(not d.call("observe", "dev", objects=look)["document"]["console"]["seen"], "seen without a capture")
