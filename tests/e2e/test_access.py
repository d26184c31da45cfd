# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what: tokens, roles, scopes, approvals; and the audit of it."""
import json
import os
import re
import sqlite3

import rack
import tap
from controller import OPENAPI, wait_until
from test_faults import WEB1
from test_mock import ready


def token(c, name, role, *scopes, **more):
    status, made = c.api("POST", "/v1/tokens", {"name": name, "role": role, "scopes": list(scopes), **more})
    tap.equal(status, 201, made)
    return {"Authorization": "Bearer " + made["token"]}


def audit(c):
    return c.api("GET", "/v1/audit?limit=1000")[1]["items"]


def names(c, path, who):
    return [i["name"] for i in c.api("GET", path, headers=who.items())[1]["items"]]


def test_a_token_does_what_its_role_and_scope_say_and_no_more(builddir):
    with ready(builddir) as c:
        viewer, operator = token(c, "eyes", "viewer"), token(c, "hands", "operator", "persona:web")
        tap.equal(c.api("GET", "/v1/whoami")[1]["role"], "admin")
        tap.equal(c.api("GET", "/v1/whoami", headers=operator.items())[1],
                  {"name": "token hands", "role": "operator", "scopes": ["persona:web"], "verbs": ["view", "plan", "apply", "power"]})
        status, problem = c.api("POST", "/v1/runs", WEB1, headers=viewer.items())
        tap.equal((status, problem["code"]), (403, "denied"))
        tap.contains(problem["detail"], "token eyes may not apply")
        # The machine is in no group of the scope, but web may be cast on it.
        status, run = c.api("POST", "/v1/runs", WEB1, headers=operator.items())
        tap.equal(status, 202, run)
        tap.equal(c.ended(run["id"])["state"], "done")
        db = dict(action="apply", persona="db", machine="node2")
        tap.equal(c.api("POST", "/v1/runs", db, headers=operator.items())[0], 403)
        tap.equal(c.run_to_end(**db)["state"], "done")
        # Lists, objects, runs and drift show what is in scope.
        tap.equal(names(c, "/v1/personas", operator), ["web"])
        tap.equal(names(c, "/v1/machines", operator), ["node1"])
        tap.equal(sorted(names(c, "/v1/personas", viewer)), ["db", "web"])
        tap.equal([r["persona"] for r in c.api("GET", "/v1/runs", headers=operator.items())[1]["items"]], ["web"])
        tap.equal(c.api("GET", "/v1/runs/2", headers=operator.items())[0], 403)
        tap.equal(c.api("POST", "/v1/machines/node2/power", {"power": "off"}, headers=operator.items())[0], 403)
        tap.equal(c.api("POST", "/v1/runs", dict(action="swap", persona="web", **{"with": "db"}), headers=operator.items())[0], 403)
        rack.order(c.dir, "leaf1", "sim:port:node2-eth0", native=666)
        tap.equal(len(c.api("POST", "/v1/drift/check")[1]["items"]), 1)
        tap.equal(c.api("GET", "/v1/drift", headers=operator.items())[1]["items"], [])
        tap.equal(c.api("POST", "/v1/can", {"verb": "apply", "persona": "db"}, headers=operator.items())[1]["allowed"], False)
        tap.equal(c.api("POST", "/v1/can", {"verb": "apply", "persona": "web"}, headers=operator.items())[1]["allowed"], True)


def test_a_token_beyond_its_role_is_refused_on_every_route(builddir):
    """From the API description: whatever is not for a viewer answers 403 to one, and nothing answers without a token."""
    with ready(builddir) as c:
        viewer = token(c, "eyes", "viewer", "persona:web")
        nobody = {"Authorization": "Bearer rct_" + "x" * 43}
        tried = 0
        for template, item in OPENAPI["paths"].items():
            if template.startswith("/boot/") or not template.startswith("/v1/") or template == "/v1/events":
                continue
            path = re.sub(r"{id}", "1", re.sub(r"{name}", "db", template))
            for method in set(item) & {"get", "post", "put", "delete"}:
                if item[method].get("security") == []:
                    continue  # logging in is for who is not in yet
                body = None if method in ("get", "delete") else {"action": "apply", "persona": "db", "verb": "apply"}
                status, answer = c.api(method.upper(), path, body, headers=nobody.items())
                tap.equal((status, answer["code"]), (401, "unauthenticated"), method + " " + path)
                status, answer = c.api(method.upper(), path, body, headers=viewer.items())
                if method != "get" and template not in ("/v1/can", "/v1/logout", "/v1/password"):
                    tap.equal(status, 403, "%s %s: %s" % (method, path, answer))
                tried += 1
        assert tried > 40, tried
        tap.equal(c.api("GET", "/v1/personas/db")[1]["state"], "defined")


def test_tokens_are_shown_once_expire_and_are_revoked(builddir):
    with ready(builddir) as c:
        made = c.persona("token", "create", "ci", "--role", "operator", "--scope", "group:blades", "--expires", "1h").expect(0)
        secret = made.out.strip()
        assert re.fullmatch(r"rct_[\w-]{43}", secret), made
        c.persona("token", "create", "ci", "--role", "viewer").expect(4, "already")
        c.persona("token", "create", "x", "--role", "king").expect(2, "viewer, operator")
        c.persona("token", "create", "x", "--role", "viewer", "--scope", "blades").expect(2, "group:NAME")
        c.persona("token", "create", "x").expect(2, "--role is missing")
        tap.lacks(c.persona("token", "list", "-o", "json").expect(0, "ci", "operator", "group:blades").out, secret)
        for path in (c.database, c.database + "-wal"):
            if os.path.exists(path):
                assert secret.encode() not in open(path, "rb").read(), "the token is in the database"
        tap.lacks(c.log(), secret)
        who = {"Authorization": "Bearer " + secret}
        tap.equal(c.api("GET", "/v1/whoami", headers=who.items())[0], 200)
        c.kill9()
        c.start()
        tap.equal(c.api("GET", "/v1/whoami", headers=who.items())[0], 200)
        c.persona("token", "revoke", "ci").expect(0)
        tap.equal(c.api("GET", "/v1/whoami", headers=who.items())[0], 401)
        c.persona("token", "revoke", "ci").expect(3)
        short = token(c, "short", "viewer", expires=c.api("GET", "/v1/machines/node1/power")[1]["read_at"] + 1500)
        wait_until(lambda: c.api("GET", "/v1/whoami", headers=short.items())[0] == 401, what="the token expires")
        # Nobody gives more than he has.
        admin = token(c, "part", "admin", "group:blades")
        tap.equal(c.api("POST", "/v1/tokens", {"name": "more", "role": "viewer"}, headers=admin.items())[0], 403)
        tap.equal(c.api("POST", "/v1/tokens", {"name": "same", "role": "viewer", "scopes": ["group:blades"]}, headers=admin.items())[0], 201)


def test_a_persona_that_needs_it_is_changed_only_by_a_plan_that_another_approved(builddir):
    with ready(builddir) as c:
        c.define(rack.persona("web", approval="required"))
        asks, nods = token(c, "asks", "operator"), token(c, "nods", "approver")
        status, problem = c.api("POST", "/v1/runs", WEB1, headers=asks.items())
        tap.equal((status, problem["code"]), (403, "denied"))
        tap.contains(problem["hint"], "persona approve")
        plan = c.api("POST", "/v1/plans", WEB1, headers=asks.items())[1]
        tap.equal(c.api("POST", "/v1/approvals", {"plan": plan}, headers=asks.items())[0], 403)  # an operator cannot
        tap.equal(c.api("POST", "/v1/approvals", {"plan": plan}, headers=nods.items())[0], 201)
        tap.equal([a["by"] for a in c.api("GET", "/v1/approvals")[1]["items"]], ["token nods"])
        tap.equal(c.api("POST", "/v1/runs", {"plan": plan}, headers=nods.items())[0], 403)  # an approver does not run
        status, run = c.api("POST", "/v1/runs", {"plan": plan}, headers=asks.items())
        tap.equal(status, 202, run)
        tap.equal(c.ended(run["id"])["state"], "done")
        tap.equal(c.api("GET", "/v1/approvals")[1]["items"], [])  # it is used up
        # Not by whoever approved it himself, and not once the world has moved.
        path = os.path.join(c.dir, "plan.json")
        c.persona("plan", "--release", "web", "-o", path).expect(0)
        c.persona("approve", path).expect(0, "unmap web", "Approved for an hour")
        c.persona("apply", "--plan", path).expect(5, "cannot carry it out as well")
        rack.order(c.dir, "node1-bmc", "sim:power", power="off")
        status, problem = c.api("POST", "/v1/runs", {"plan": json.load(open(path))}, headers=asks.items())
        tap.equal((status, problem["code"]), (409, "stale"))


def test_every_change_is_recorded_before_it_is_made_in_a_chain_that_shows_a_touch(builddir):
    with ready(builddir) as c:
        hands = token(c, "hands", "operator")
        run = c.api("POST", "/v1/runs", WEB1, headers=hands.items())[1]["id"]
        c.ended(run)
        c.api("POST", "/v1/define", {"documents": []}, headers=hands.items())
        c.api("PUT", "/v1/secrets/canary", {"value": "do-not-tell"})
        rows = audit(c)
        tap.lacks(json.dumps(rows), "do-not-tell")
        asked = [r for r in rows if r["doc"].get("path") == "/v1/runs"][0]
        tap.equal((asked["doc"]["who"], asked["doc"]["from"], asked["doc"]["what"]["persona"]), ("token hands", "socket", "web"))
        answered = [r for r in rows if r["doc"].get("of") == asked["seq"]][0]
        tap.equal((answered["doc"]["status"], answered["doc"]["run"]), (202, run))
        tap.equal(answered["doc"]["plan"], c.api("GET", "/v1/runs/%d" % run)[1]["plan"])
        assert re.fullmatch("[0-9a-f]{32}", answered["doc"]["plan"]), answered
        tap.equal([r["doc"]["state"] for r in rows if r["doc"].get("run") == run and "state" in r["doc"]], ["done"])
        refused = [r["doc"] for r in rows if r["doc"].get("path") == "/v1/define" and r["doc"]["who"] == "token hands"]
        tap.equal([r["denied"] for r in refused], ["denied"])
        c.persona("audit", "list").expect(0, "token hands from socket: POST /v1/runs", "ended: done")
        good = c.persona("audit", "verify").expect(0, "unbroken").out
        assert len(c.persona("audit", "export").expect(0).out.splitlines()) >= len(rows)
        head = re.search(r"head\S*\s+(\w{64})", good).group(1)
        c.stop()
        tamper(c.database, asked["seq"])
        c.start()
        broken = c.persona("audit", "verify").expect(1, "BROKEN at record %d" % asked["seq"]).out
        tap.lacks(broken, head)


def tamper(database, seq):
    db = sqlite3.connect(database)
    db.execute("UPDATE audit SET doc = replace(doc, 'web', 'bad') WHERE seq = ?", (seq,))
    db.commit()
    db.close()
