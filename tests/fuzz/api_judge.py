# SPDX-License-Identifier: GPL-3.0-or-later
"""One request on the wire, byte for byte as it was made, and what every answer must be: described by the OpenAPI file, a
problem when it is none of success, and without secrets.  Used by tests/fuzz/api."""
import collections
import http.client
import json
import socket

from jsonschema import Draft202012Validator

from wire import OPENAPI, RESOLVER

PATIENCE = 15
SECRET = "canary-4f1d0c7be2"  # put under the names that the site uses; must never come out


class Request(collections.namedtuple("Request", "operation method path headers body")):
    def __repr__(self):
        return "%s %s %r %r" % (self.method, self.path[:400], self.headers, self.body if self.body is None else self.body[:800])


class Wire:
    """One request on a connection of its own, byte for byte as it was made."""

    def __init__(self, path):
        self.path = path

    @staticmethod
    def encode(r):
        headers = {"Host": "x", "Content-Type": "application/json", **r.headers}
        if r.body is not None:
            headers.setdefault("Content-Length", str(len(r.body)))
        lines = ["%s %s HTTP/1.1" % (r.method, r.path)] + ["%s: %s" % h for h in headers.items()]
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + (r.body or b"")

    def ask(self, r):
        """(status, content type, bytes), of what has no length only the head; None when a body that was announced did not come."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.settimeout(PATIENCE)
            s.connect(self.path)
            broken = "Content-Length" in r.headers
            try:
                s.sendall(self.encode(r))
                if broken:
                    s.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                pass  # it has heard enough; the answer says why
            response = http.client.HTTPResponse(s, method=r.method)
            try:
                response.begin()
            except (http.client.RemoteDisconnected, ConnectionResetError):
                if broken:
                    return None
                raise
            kind = (response.getheader("Content-Type") or "").split(";")[0]
            endless = response.getheader("Content-Length") is None
            return response.status, kind, None if endless else response.read()


class Judge:
    """What every answer must be."""

    def __init__(self, controller):
        self.controller = controller
        self.errors = {e["code"]: e["status"] for e in controller.api("GET", "/v1/errors")[1]["items"]}
        self.hidden = [SECRET.encode()]
        self.places = [controller.dir.encode(), b"10.66.20.1:3260"]
        self.seen = collections.Counter()
        self.asked = collections.Counter()

    def check(self, r, status, kind, body):
        operation = r.operation[2]
        self.asked[operation["operationId"]] += 1
        self.seen[status // 100] += 1
        for secret in self.hidden if body else ():
            assert secret not in body or secret in (r.body or b""), "a secret is in the answer"
        if status >= 400:
            self.check_problem(r, status, kind, body)
        self.check_content(described(operation["responses"], status), kind, body)

    def check_content(self, documented, kind, body):
        content = documented.get("content")
        if not content:
            return
        if kind == "application/problem+json" and kind not in content:
            return  # check_problem() has looked at it
        assert kind in content, "%r is not described, only %s" % (kind, ", ".join(content))
        if "json" in kind:
            assert body is not None, "JSON without Content-Length"
            value = parse(body)
            for error in Draft202012Validator(content[kind]["schema"], resolver=RESOLVER).iter_errors(value):
                raise AssertionError("%s at %s" % (error.message[:300], list(error.path)))
            if isinstance(value, dict) and isinstance(value.get("token"), str):
                self.hidden.append(value["token"].encode())  # shown once

    def check_problem(self, r, status, kind, body):
        if kind == "text/plain" and "text/plain" in r.operation[2]["responses"].get(str(status), {}).get("content", {}):
            return
        assert kind == "application/problem+json", "an error is a problem, not %r" % kind
        problem = parse(body)
        schema = OPENAPI["components"]["schemas"]["Problem"]
        for error in Draft202012Validator(schema, resolver=RESOLVER).iter_errors(problem):
            raise AssertionError("%s at %s" % (error.message[:300], list(error.path)))
        assert problem["status"] == status, "the problem says %d" % problem["status"]
        code = problem["code"]
        assert code in self.errors, "nobody knows the code %s" % code
        assert status < 500, "whoever asks is not to blame, and no device is at fault here: %s" % problem["detail"]
        for place in self.places:
            assert place not in body or place in (r.body or b""), "where a device is, is told"


def described(responses, status):
    """What stands there about @status.  `default` is about what went wrong: a success has its own line."""
    answer = responses.get(str(status)) or responses.get("%dXX" % (status // 100))
    if not answer and status >= 400:
        answer = responses.get("default")
    assert answer, "status %d is not described" % status
    return RESOLVER.resolve(answer["$ref"])[1] if "$ref" in answer else answer


def parse(body):
    def once(pairs):
        assert len({k for k, _ in pairs}) == len(pairs), "a key stands twice in the answer"
        return dict(pairs)
    return json.loads(body.decode("utf-8"), object_pairs_hook=once)
