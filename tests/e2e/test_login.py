# SPDX-License-Identifier: GPL-3.0-or-later
"""People and their passwords: users, sessions, and what stops those who try passwords."""
import os
import threading

import tap
from controller import PATIENCE, wait_until
from test_context import persona, pin_of
from test_context import ready as ready_far
from test_mock import ready

GOOD = "four words make one"


def user(c, name="kim", password=GOOD, role="operator", **more):
    return c.api("PUT", "/v1/users/" + name, {"password": password, "role": role, **more})


def login(c, name="kim", password=GOOD):
    return c.exchange("POST", "/v1/login", {"user": name, "password": password})


def bearer(session):
    return {"Authorization": "Bearer " + session["token"]}.items()


def test_who_knows_his_password_gets_a_session_that_ends_with_it(builddir):
    with ready(builddir) as c:
        tap.equal(c.api("PUT", "/v1/users/kim", {"role": "operator"})[0], 422)  # a new user needs one
        tap.equal(user(c, password="short")[0], 422)
        tap.equal(user(c, scopes=["persona:web"])[0], 201)
        status, _, session = login(c)
        tap.equal((status, session["user"], session["role"]), (201, "kim", "operator"))
        tap.equal(c.api("GET", "/v1/whoami", headers=bearer(session))[1]["name"], "user kim")
        tap.equal(c.api("GET", "/v1/personas/db", headers=bearer(session))[0], 403)
        c.kill9()
        c.start()
        tap.equal(c.api("GET", "/v1/whoami", headers=bearer(session))[0], 200)
        other = login(c)[2]
        tap.equal(c.api("POST", "/v1/logout", headers=bearer(other))[0], 200)
        tap.equal(c.api("GET", "/v1/whoami", headers=bearer(other))[0], 401)
        tap.equal(c.api("GET", "/v1/whoami", headers=bearer(session))[0], 200, "the other session stays")
        # His own password: only with the old one, and all sessions end.
        tap.equal(c.api("POST", "/v1/password", {"old": "not it at all", "new": "another one of mine"}, bearer(session))[0], 401)
        tap.equal(c.api("POST", "/v1/password", {"old": GOOD, "new": "another one of mine"}, bearer(session))[0], 200)
        tap.equal(c.api("GET", "/v1/whoami", headers=bearer(session))[0], 401)
        tap.equal(login(c)[0], 401)
        session = login(c, password="another one of mine")[2]
        # What he may do is changed, or he is gone: so are his sessions.
        tap.equal(c.api("PUT", "/v1/users/kim", {"role": "viewer"})[0], 200)
        tap.equal(c.api("GET", "/v1/whoami", headers=bearer(session))[0], 401)
        session = login(c, password="another one of mine")[2]
        tap.equal(session["role"], "viewer")
        tap.equal(c.api("DELETE", "/v1/users/kim")[0], 200)
        tap.equal(c.api("GET", "/v1/whoami", headers=bearer(session))[0], 401)
        tap.equal(login(c, password="another one of mine")[0], 401)
        # It is recorded who came in; nowhere is what opens the door.
        tap.contains(c.persona("audit", "list").expect(0).out, "user kim from socket: POST /v1/login")
        everything = open(c.database, "rb").read() + open(c.database + "-wal", "rb").read() + c.log().encode()
        for secret in (GOOD, "another one of mine", session["token"]):
            assert secret.encode() not in everything, "%s is kept somewhere" % secret
        assert b"$argon2id$" in everything, "the hash is where the password was looked for"


def test_who_tries_passwords_waits_and_learns_nothing(builddir):
    with ready(builddir) as c:
        user(c)
        answers = [login(c, password="wrong %d" % i) for i in range(6)]
        tap.equal([a[0] for a in answers], [401] * 5 + [429])
        tap.equal(answers[5][1]["Retry-After"], "1")
        tap.equal({a[2]["detail"] for a in answers[:5]}, {"user or password is wrong"})
        tap.equal(login(c)[0], 429)  # also with the right one
        wait_until(lambda: login(c)[0] == 201, what="the wait is over")
        tap.equal([login(c, password="wrong %d" % i)[0] for i in range(2)], [401, 401])  # the count began anew
        tap.equal(login(c)[0], 201)
        # For a name that is not there the same work is done, and the same is said.
        user(c, "lee")

        def hashed():
            return c.api("GET", "/v1/status")[1]["counters"]["changes"]
        for name in ("lee", "nobody"):
            before = hashed()
            tap.equal(login(c, name, "wrong password")[2]["detail"], "user or password is wrong")
            tap.equal(hashed() - before, 1, name)


def test_the_core_serves_others_while_passwords_are_worked_out(builddir):
    with ready(builddir) as c:
        user(c)
        results, served = [], 0
        threads = [threading.Thread(target=lambda: results.append(login(c)[0])) for _ in range(12)]
        for t in threads:
            t.start()
        while any(t.is_alive() for t in threads):
            tap.equal(c.api("GET", "/v1/status")[0], 200)
            served += 1
        for t in threads:
            t.join(PATIENCE)
        # Some come in, and beyond eight at once some are told to come again; nobody is left without an answer.
        assert set(results) <= {201, 503} and results.count(201) >= 8 and len(results) == 12, results
        assert served >= 8, "others were answered %d times while eight passwords were worked out" % served
        tap.equal(login(c)[0], 201)


def test_persona_logs_in_and_out_over_tls(builddir):
    with ready_far(builddir) as c:
        state = {"XDG_STATE_HOME": os.path.join(c.dir, "state")}
        word = os.path.join(c.dir, "word")
        with open(os.open(word, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(GOOD + "\n")
        c.persona("user", "set", "kim", "--role", "operator", "--file", word).expect(0, "kim may log in as operator")
        c.persona("login", "kim", "--file", word).expect(2, "nobody logs in there")
        persona(c, "context", "add", "lab", "--server", "https://localhost:%d" % c.port, "--pin", pin_of(c), **state).expect(0)
        persona(c, "get", "machines", **state).expect(5)
        persona(c, "login", "kim", "--file", word, **state).expect(0, "You are kim, operator, until")
        session = os.path.join(state["XDG_STATE_HOME"], "recast", "lab.session")
        tap.equal(os.stat(session).st_mode & 0o777, 0o600)
        persona(c, "whoami", **state).expect(0, "user kim")
        persona(c, "get", "machines", **state).expect(0, "node1")
        c.persona("user", "set", "kim", "--role", "viewer").expect(0, "The password stays")
        persona(c, "whoami", **state).expect(5)
        persona(c, "login", "kim", "--file", word, **state).expect(0, "viewer")
        persona(c, "logout", **state).expect(0, "logged out")
        assert not os.path.exists(session)
        persona(c, "whoami", **state).expect(5)
        c.persona("user", "list").expect(0, "kim", "viewer")
        c.persona("user", "remove", "kim").expect(0)
        persona(c, "login", "kim", "--file", word, **state).expect(5, "wrong")
