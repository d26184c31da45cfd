# SPDX-License-Identifier: GPL-3.0-or-later
"""The API description: it is sound, and what persona sends and the fake answers is what it says."""
import json
import os
import re

import tap
from fakeserver import DEVICES, DRIFT, DOCTOR, HEALTH, LISTS, MACHINES, PERSONAS, PLAN, STATUS, Fake, make_run, problem
from program import SOURCE, persona
from test_follow import EVENTS

try:
    import jsonschema
    import yaml
except ImportError:
    jsonschema = yaml = None


def document():
    if not yaml:
        raise tap.Skip("needs python3-yaml and python3-jsonschema")
    with open(os.path.join(SOURCE, "schema", "api", "openapi.yaml")) as f:
        return yaml.safe_load(f)


def check(doc, schema, value):
    jsonschema.Draft202012Validator({**schema, "components": doc["components"]}).validate(value)


def resolve(doc, node):
    while "$ref" in node:
        target = doc
        for part in node["$ref"][2:].split("/"):
            target = target[part]
        node = target
    return node


def operations(doc):
    for path, item in doc["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                parameters = [resolve(doc, p) for p in item.get("parameters", []) + operation.get("parameters", [])]
                yield path, method.upper(), operation, parameters


def walk(node):
    yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from walk(child)


def find(doc, method, path):
    for template, item in doc["paths"].items():
        pattern = re.sub(r"\{\w+\}", "[^/]+", template)
        if re.fullmatch(pattern, path) and method.lower() in item:
            return template, item[method.lower()]
    return None, None


def test_the_description_is_sound(builddir):
    doc = document()
    seen = set()
    for node in walk(doc):
        if isinstance(node, dict) and isinstance(node.get("$ref"), str):
            resolve(doc, node)
    for name, schema in doc["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
    for path, method, operation, parameters in operations(doc):
        where = method + " " + path
        assert operation["operationId"] not in seen, where
        seen.add(operation["operationId"])
        assert operation["summary"] and "default" in operation["responses"], where
        declared = {p["name"] for p in parameters if p["in"] == "path"}
        tap.equal(declared, set(re.findall(r"\{(\w+)\}", path)), where)
        for response in operation["responses"].values():
            assert resolve(doc, response)["description"], where
    assert len(seen) > 30


def test_every_object_schema_is_used(builddir):
    doc = document()
    used = {n["$ref"].rsplit("/", 1)[1] for n in walk(doc) if isinstance(n, dict) and "$ref" in n}
    for part in doc["components"].values():
        for name in part:
            assert name in used, name


def test_the_fake_controller_answers_as_described(builddir):
    doc = document()
    ended = make_run(9, state="rolled_back", ended=1, error={"code": "refused", "text": "x", "hint": None})
    cases = [("Status", STATUS), ("Doctor", DOCTOR), ("Health", HEALTH), ("Plan", PLAN), ("Run", make_run(12)), ("Drift", DRIFT),
             ("Run", ended), ("Problem", problem(404, "not-found", "x", "y")[1]),
             ("DefineResult", Fake.define({"dry_run": False})[1])]
    cases += [("Machine", m) for m in MACHINES] + [("Persona", p) for p in PERSONAS] + [("Device", d) for d in DEVICES]
    for kind, schema in (("networks", "Network"), ("groups", "Group"), ("templates", "Template"),
                         ("identities", "IdentityPool"), ("secrets", "SecretName")):
        cases += [(schema, item) for item in LISTS[kind]]
    cases += [("Event", e) for e in EVENTS]
    for schema, value in cases:
        check(doc, {"$ref": "#/components/schemas/" + schema}, value)


def test_the_schemas_refuse_what_is_wrong(builddir):
    doc = document()
    for schema, value in (("Machine", {**MACHINES[0], "state": "asleep"}), ("Plan", {**PLAN, "id": "x"}),
                          ("Wish", {"action": "apply"}), ("Wish", {"action": "explode", "persona": "web"}),
                          ("Status", {}), ("SecretName", {"name": "a", "value": "b"})):
        try:
            check(doc, {"$ref": "#/components/schemas/" + schema}, value)
        except jsonschema.ValidationError:
            continue
        raise AssertionError("%s takes %r" % (schema, value))


def test_every_call_that_a_command_names_is_described(builddir):
    doc = document()
    known = {(method, path) for path, method, _, _ in operations(doc)}
    with open(os.path.join(SOURCE, "cli", "commands.def")) as f:
        text = re.sub(r'"\s*\n\s*"', "", f.read())  # one string of each that is written in pieces
    named = re.findall(r"\b(GET|POST|PUT|DELETE) (/v1/[\w/{}]+)", text)
    assert len(named) > 30
    for call in named:
        assert call in known, call
    unused = known - set(named) - {("GET", "/v1/errors")}
    tap.equal({path for _, path in unused if path.startswith("/v1/")}, set(), "no command uses")


def test_the_error_codes_are_those_of_the_program(builddir):
    doc = document()
    _, out, _ = persona(builddir, None, "explain", "-o", "name")
    tap.equal(sorted(out.split()), sorted(doc["components"]["schemas"]["Code"]["enum"]))


COMMANDS = [
    "get machines", "get machine node1", "get personas", "get persona web", "get networks", "get groups",
    "get devices", "get device leaf1", "get templates", "get identities", "get runs", "get secrets", "show web",
    "show node4", "show leaf1", "plan web --on node4", "plan web --group blades", "plan web --to node4",
    "plan --swap web db", "plan --release web", "plan web", "apply web --on node4 --wait", "apply web --on node4 --replace db", "move web --to node4 --replace db",
    "apply web --group blades",
    "apply web", "move web --to node4", "swap web db", "release web", "delete persona web", "power status node1",
    "power on node1", "power off node1", "power soft node1", "health node1", "identify node1 --for 60s",
    "machine return node4", "fence confirm node4 --because unplugged", "runs", "runs --open --limit 5", "run show 12", "run cancel 12", "status", "doctor",
    "backup /tmp/x.db", "secret list", "secret delete node1-bmc", "version", "secret set node1-bmc -",
    "define -f -", "define --dry-run -", "swap web db --wait", "drift", "drift web --now", "repair web", "adopt web --on node4",
    "adopt web --on node4 --take", "sweep", "sweep --dry-run",
]


def test_every_request_of_every_command_is_as_described(builddir):
    doc = document()
    with Fake() as fake:
        for line in COMMANDS:
            before = len(fake.requests)
            status, _, err = persona(builddir, fake, *line.split(), input=b"site: lab\n")
            assert status == (1 if line.split()[0] in ("doctor", "drift") else 0), "%s: %d %s" % (line, status, err)
            assert len(fake.requests) > before, line
        for method, path, query, headers, body in fake.requests:
            template, operation = find(doc, method, path)
            assert operation, "%s %s" % (method, path)
            schema = resolve(doc, operation.get("requestBody", {"content": {}}))["content"].get("application/json")
            tap.equal(schema is not None, body is not None, "%s %s has a body" % (method, path))
            if schema:
                check(doc, schema["schema"], body)
            parameters = {p["name"]: p for p in map(lambda p: resolve(doc, p), operation.get("parameters", []))}
            for name, value in query.items():
                parameter = resolve(doc, parameters[name]["schema"])
                check(doc, parameter, int(value) if parameter.get("type") == "integer" else value)
            for name in ("Idempotency-Key", "Last-Event-ID"):
                if name in headers:
                    assert name in parameters, "%s %s sends %s" % (method, path, name)
                    value = headers[name]
                    check(doc, parameters[name]["schema"], int(value) if value.isdigit() else value)
        starts = [h for m, p, _, h, _ in fake.requests if m == "POST" and (p == "/v1/runs" or p.endswith(("/power", "/return")))]
        keys = [h.get("Idempotency-Key") for h in starts]
        assert len(keys) > 8 and None not in keys and len(set(keys)) == len(keys), keys


def test_a_plan_file_is_sent_as_it_was_read(builddir):
    doc = document()
    with Fake() as fake:
        path = os.path.join(fake.dir, "web.json")
        tap.equal(persona(builddir, fake, "plan", "web", "--on", "node4", "-o", path)[0], 0)
        tap.equal(json.load(open(path)), PLAN)
        tap.equal(persona(builddir, fake, "apply", "--plan", path)[0], 0)
        method, api_path, _, _, body = fake.requests[-1]
        tap.equal((method, api_path, body), ("POST", "/v1/runs", {"plan": PLAN}))
        check(doc, find(doc, method, api_path)[1]["requestBody"]["content"]["application/json"]["schema"], body)
