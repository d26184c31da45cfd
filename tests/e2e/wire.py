# SPDX-License-Identifier: GPL-3.0-or-later
"""A socket in front of the controller's that passes everything on and afterwards compares what went over it with
schema/api/openapi.yaml: routes, statuses, headers, bodies, and each event of a stream."""
import json
import os
import re
import select
import socket
import threading

import yaml
from jsonschema import Draft202012Validator, RefResolver

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
with open(os.path.join(ROOT, "schema/api/openapi.yaml")) as f:
    OPENAPI = yaml.safe_load(f)
RESOLVER = RefResolver.from_schema(OPENAPI)


def operation(method, path):
    for template, item in OPENAPI["paths"].items():
        if re.fullmatch(re.sub(r"{[^}]+}", "[^/]+", template), path) and method.lower() in item:
            return template, item[method.lower()]
    raise AssertionError("%s %s is not in openapi.yaml" % (method, path))


def resolved(node):
    return RESOLVER.resolve(node["$ref"])[1] if "$ref" in node else node


def fits(schema, value, what):
    errors = list(Draft202012Validator(schema, resolver=RESOLVER).iter_errors(value))
    assert not errors, "%s: %s at %s in %s" % (what, errors[0].message, list(errors[0].path), json.dumps(value)[:600])


def check_head(described, status, headers, what):
    for name, header in described.get("headers", {}).items():
        value = {k.lower(): v for k, v in headers.items()}.get(name.lower())
        schema = resolved(header)["schema"]
        if value is None:
            assert name == "Retry-After" and status not in (429, 503), "%s has no %s" % (what, name)
        else:
            fits(schema, int(value) if schema.get("type") == "integer" else value, "%s: %s" % (what, name))
    assert status != 405 or "Allow" in headers, what + " has no Allow"


def check_answer(method, path, status, headers, body):
    """Whether an answer is as described; @body is what JSON says, text, or None."""
    if status == 405 or (status == 404 and not known(path)):
        return  # of what is not there nothing is described
    template, op = operation(method, path)
    responses = op["responses"]
    described = responses.get(str(status)) or responses.get("default")
    what = "%s %s %d" % (method, template, status)
    assert described and (str(status) in responses or status >= 400), what + " is not in openapi.yaml"
    described = resolved(described)
    check_head(described, status, headers, what)
    kind = headers.get("Content-Type", "").split(";")[0]
    assert not body or kind in described.get("content", {}), "%s answers with %s" % (what, kind)
    if "json" in kind:
        fits(described["content"][kind]["schema"], body, what)


def known(path):
    return any(re.fullmatch(re.sub(r"{[^}]+}", "[^/]+", template), path) for template in OPENAPI["paths"])


def check_events(text):
    for block in text.split("\n\n")[:-1]:
        data = [line[6:] for line in block.splitlines() if line.startswith("data: ")]
        if data:
            fits({"$ref": "#/components/schemas/Event"}, json.loads("\n".join(data)), "an event")


def head_of(bytes):
    head, _, rest = bytes.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    return lines[0].split(" ", 2), dict(line.split(": ", 1) for line in lines[1:]), rest


def unchunked(bytes):
    """What the chunks hold, as far as they are whole, and what follows them."""
    out = b""
    while b"\r\n" in bytes:
        size, rest = bytes.split(b"\r\n", 1)
        n = int(size, 16)
        if len(rest) < n + 2:
            break
        out, bytes = out + rest[:n], rest[n + 2:]
        if n == 0:
            break
    return out, bytes


def check_exchange(sent, got):
    """All that one connection carried."""
    while sent and got.startswith(b"HTTP/"):
        (method, target, _), headers, sent = head_of(sent)
        sent = sent[int(headers.get("Content-Length", 0)):]
        (_, status, _), headers, got = head_of(got)
        if headers.get("Transfer-Encoding") == "chunked":
            body, got = unchunked(got)
        else:
            n = int(headers.get("Content-Length", 0))
            if len(got) < n:
                return  # the client left in the middle
            body, got = got[:n], got[n:]
        body = body.decode()
        if headers.get("Content-Type", "").startswith("text/event-stream"):
            check_events(body)
        is_json = "json" in headers.get("Content-Type", "")
        check_answer(method, target.split("?")[0], int(status), headers, json.loads(body) if is_json else body)


class Wire:
    """Listens at @path, passes on to @to.  `wrong` fills with what is not as described."""

    def __init__(self, path, to):
        self.path, self.to, self.wrong, self.exchanges, self.threads = path, to, [], 0, []
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(path)
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            thread = threading.Thread(target=self.serve, args=(client,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def serve(self, client):
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            server.connect(self.to)
        except OSError:
            client.close()
            return
        took = {client: b"", server: b""}
        with client, server:
            try:
                self.relay(client, server, took)
            except OSError:
                pass
        try:
            check_exchange(took[client], took[server])
            self.exchanges += 1
        except Exception as why:  # of whatever kind: it must not be lost with its thread
            self.wrong.append("%s: %s" % (type(why).__name__, why))

    @staticmethod
    def relay(client, server, took):
        open_ends = {client: server, server: client}
        while open_ends:
            for end in select.select(list(open_ends), [], [])[0]:
                bytes = end.recv(65536)
                took[end] += bytes
                if bytes:
                    open_ends[end].sendall(bytes)
                else:
                    if end is server:
                        return
                    server.shutdown(socket.SHUT_WR)
                    del open_ends[end]

    def close(self):
        self.listener.close()
        for thread in self.threads:
            thread.join(5)
        if os.path.exists(self.path):
            os.unlink(self.path)
