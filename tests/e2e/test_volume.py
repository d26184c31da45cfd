# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes by hand: list, create, clone, snapshot, restore, resize, delete; and nothing that is in use is lost."""
import rack
import tap
from controller import wait_until
from test_access import token
from test_faults import WEB1
from test_mock import ready

MIB = 1 << 20


def volumes(c, array="san1"):
    status, answer = c.api("GET", "/v1/arrays/%s/volumes" % array)
    tap.equal(status, 200, answer)
    return {v["name"]: v for v in answer["items"]}


def test_a_volume_lives_from_create_to_delete(builddir):
    with ready(builddir) as c:
        c.persona("volume", "create", "san1/data", "--size", "2GiB", "--wait").expect(0, "done")
        tap.equal(volumes(c)["data"], {"array": "san1", "name": "data", "size_bytes": 2048 * MIB, "snapshots": [], "maps": [],
                                       "personas": []})
        c.persona("volume", "snapshot", "san1/data@before", "--wait").expect(0, "volume-snapshot san1/data@before")
        c.persona("volume", "clone", "san1/data@before", "san1/copy", "--size", "3GiB", "--wait").expect(0)
        c.persona("volume", "clone", "san1/data", "san1/twin", "--wait").expect(0)
        c.persona("volume", "resize", "san1/data", "--size", "4GiB", "--wait").expect(0)
        tap.equal({n: v["size_bytes"] // MIB for n, v in volumes(c).items() if n in ("data", "copy", "twin")},
                  {"data": 4096, "copy": 3072, "twin": 2048})
        tap.equal(volumes(c)["data"]["snapshots"], [{"name": "before", "size_bytes": 2048 * MIB}])
        c.persona("volume", "list").expect(0, "ARRAY", "data", "before", "4 GiB")
        c.persona("volume", "list", "san1", "-o", "name").expect(0, "data\n")
        c.persona("volume", "restore", "san1/data@before", "--yes", "--wait").expect(0)
        tap.equal(rack.state(c.dir)["arrays"]["san1"]["volumes"]["data"]["token"][:4], "run-")
        c.persona("volume", "delete", "san1/data@before", "--yes", "--wait").expect(0)
        for name in ("data", "copy", "twin"):
            c.persona("volume", "delete", "san1/" + name, "--yes", "--wait").expect(0)
        assert not {"data", "copy", "twin"} & set(volumes(c)), volumes(c)
        runs = c.api("GET", "/v1/runs")[1]["items"]
        tap.equal({r["state"] for r in runs}, {"done"})
        tap.equal(runs[0]["volume"], "san1/twin")
        tap.equal((runs[0]["action"], runs[0]["persona"], runs[0]["machine"]), ("volume-delete", None, None))


def test_what_is_in_use_is_neither_deleted_nor_restored(builddir):
    with ready(builddir) as c:
        tap.equal(c.run_to_end(**WEB1)["state"], "done")
        tap.equal(volumes(c)["web-root"]["personas"], ["web"])
        tap.equal(volumes(c)["web-root"]["maps"], ["web"])
        c.persona("volume", "snapshot", "san1/web-root@s", "--wait").expect(0)
        c.persona("volume", "delete", "san1/web-root", "--yes").expect(4, "web plays on node1", "persona release web")
        c.persona("volume", "restore", "san1/web-root@s", "--yes").expect(4, "web plays on node1", "persona release web")
        rack.order(c.dir, "san1", "sim:map:iqn.2020-01.foreign:x", volume="golden")
        c.persona("volume", "delete", "san1/golden", "--yes").expect(4, "mapped", "iqn.2020-01.foreign:x")
        tap.equal(c.run_to_end(action="release", persona="web")["state"], "done")
        c.persona("volume", "restore", "san1/web-root@s", "--yes", "--wait").expect(0)
        # What the controller does not see, the array does: its answer ends the run, and nothing is lost.
        run = c.persona("volume", "delete", "san1/web-root", "--yes", "--wait")
        run.expect(7, "has the snapshot web-root@s")
        assert {"web-root", "golden"} <= set(volumes(c)), volumes(c)
        tap.equal(c.run_to_end(**WEB1)["state"], "done")


def test_volume_orders_that_make_no_sense_are_refused_with_what_to_do(builddir):
    with ready(builddir) as c:
        c.persona("volume", "create", "san1/data", "--size", "1GiB", "--wait").expect(0)
        for words, code, parts in (
                (["create", "san1/data", "--size", "1GiB"], 4, ["data is on san1 already"]),
                (["create", "data", "--size", "1GiB"], 2, ["`data` is not ARRAY/VOLUME", "persona volume list"]),
                (["create", "san1/new"], 2, ["--size is missing"]),
                (["create", "san1/new", "--size", "much"], 2, ["`much` is not the size of a volume", "--size 20GiB"]),
                (["create", "san1/new", "--size", "5"], 2, ["`5` is not the size of a volume"]),
                (["create", "san1/New!", "--size", "1GiB"], 2, ["`New!` is not a name of a volume"]),
                (["create", "san9/new", "--size", "1GiB"], 3, ["no array `san9`"]),
                (["create", "leaf1/new", "--size", "1GiB"], 3, ["no array `leaf1`"]),
                (["clone", "san1/nosuch@s", "san1/new"], 3, ["no snapshot nosuch@s on san1"]),
                (["clone", "san1/data", "san2/new"], 2, ["on the array of its source"]),
                (["snapshot", "san1/data"], 2, ["not ARRAY/VOLUME@SNAPSHOT"]),
                (["snapshot", "san1/nosuch@s"], 3, ["no volume nosuch on san1"]),
                (["resize", "san1/data", "--size", "1GiB"], 4, ["a volume only grows"]),
                (["resize", "san1/nosuch", "--size", "1GiB"], 3, ["no volume nosuch"]),
                (["restore", "san1/data@s", "--yes"], 3, ["no snapshot data@s"]),
                (["restore", "san1/data@s"], 2, ["cannot be undone", "--yes"]),
                (["delete", "san1/data"], 2, ["cannot be undone", "--yes"]),
                (["delete", "san1/nosuch", "--yes"], 3, ["no volume nosuch"])):
            c.persona("volume", *words).expect(code, *parts)
        for body in ({}, {"volume": "x"}, {"volume": "x", "size_bytes": 0}, {"volume": "x", "size_bytes": MIB + 1}, {"volume": "x", "size_bytes": -1}, {"volume": "x@y", "source": "z"},
                     {"volume": "x", "size_bytes": 1, "more": 1}, {"volume": 5, "size_bytes": 1}, {"volume": "x", "source": 7}):
            tap.equal(c.api("POST", "/v1/arrays/san1/volumes", body)[0], 400, body)
        tap.equal(len([r for r in c.api("GET", "/v1/runs")[1]["items"]]), 1)


def test_a_silent_array_starts_no_run_and_a_locked_volume_waits_for_nobody(builddir):
    with ready(builddir) as c:
        rack.order(c.dir, "san1", "fault:dead", spec="*:*:unreachable")
        c.persona("volume", "create", "san1/data", "--size", "1GiB").expect(6, "san1")
        c.persona("volume", "list", "san1").expect(6, "san1")
        tap.equal(c.api("GET", "/v1/runs")[1]["items"], [])
    with ready(builddir) as c:
        rack.order(c.dir, "san1", "fault:slow", spec="apply:volume:*:again:1000000")
        run = c.api("POST", "/v1/arrays/san1/volumes", {"volume": "web-root", "size_bytes": MIB})[1]["id"]
        status, problem = c.api("POST", "/v1/arrays/san1/volumes", {"volume": "web-root", "size_bytes": MIB})
        tap.equal((status, problem["code"]), (409, "conflict"), problem)
        tap.contains(problem["detail"], "run %d" % run)
        c.persona("apply", "web", "--on", "node1").expect(4, "run %d" % run)
        rack.order(c.dir, "san1", "fault:slow", exists=False)
        tap.equal(c.ended(run)["state"], "done")


def test_the_same_order_under_one_key_is_one_run_also_after_a_kill(builddir):
    with ready(builddir) as c:
        key = {"Idempotency-Key": "one-and-the-same"}
        body = {"volume": "data", "size_bytes": MIB}
        first = c.api("POST", "/v1/arrays/san1/volumes", body, headers=key)[1]["id"]
        c.ended(first)
        c.kill9()
        c.start()
        tap.equal(c.api("POST", "/v1/arrays/san1/volumes", body, headers=key)[1]["id"], first)
        tap.equal(c.api("POST", "/v1/arrays/san1/volumes", {**body, "volume": "other"}, headers=key)[0], 422)
        tap.equal([r["id"] for r in c.api("GET", "/v1/runs")[1]["items"]], [first])


def test_an_operator_makes_volumes_and_only_force_deletes_them(builddir):
    with ready(builddir) as c:
        for role, makes, deletes in (("viewer", 403, 403), ("operator", 202, 403), ("admin", 202, 202)):
            who = token(c, role, role)
            status, answer = c.api("POST", "/v1/arrays/san1/volumes", {"volume": "v-" + role, "size_bytes": MIB}, headers=who)
            tap.equal(status, makes, (role, answer))
            if status == 202:
                c.ended(answer["id"])
            status, answer = c.api("DELETE", "/v1/arrays/san1/volumes/v-" + role, headers=who)
            tap.equal(status, deletes, (role, answer))
            if status == 202:
                wait_until(lambda: "v-" + role not in volumes(c), what="the volume is gone")
            tap.equal(c.api("GET", "/v1/arrays/san1/volumes", headers=who)[0], 200)
