# SPDX-License-Identifier: GPL-3.0-or-later
"""Hypothesis strategies for requests, made of an OpenAPI description: what fits a schema, what nearly fits, what is hostile.
Pure; used by tests/fuzz/api."""
import json

from hypothesis import strategies as st

# \udcXX is a byte that is no UTF-8, where bytes can be said.
NASTY_TEXT = ["", " ", ".", "..", "a/b", "a%2fb", "\u0000", "\n", "\r\nX: y", "'\"`$(id)", "\u00e4" * 300, "\U0001f600",
              "\udcff\udcfe", "a\udcc3", "\u202e", "a" * 64, "a" * 5000, "-1", "0", "1e9", "null", "*", "%s%n"]
NASTY_NUMBERS = [-1, 0, 2 ** 31, 2 ** 53, 2 ** 63 - 1, -2 ** 63, 2 ** 63, 10 ** 40, 1e308, 0.5]
NASTY_BODIES = [b"", b"null", b"[]", b"5", b'"text"', b"{", b'{"a":1,"a":2}', b'{"persona":"web","persona":"db"}',
                b"[" * 100 + b"]" * 100, b'{"a":' * 80 + b"1" + b"}" * 80, b'{"a":"\x00"}', b'{"a":"\\u0000"}',
                b'{"a":"\xff\xfe"}', b"\xef\xbb\xbf{}", b'{"a":1e999}', b'{"a":NaN}', b"{} {}"]
DEPTH = 6

nasty_text = st.one_of(st.sampled_from(NASTY_TEXT), st.text(max_size=40))
nasty_json = st.recursive(st.one_of(st.none(), st.booleans(), st.sampled_from(NASTY_NUMBERS), nasty_text),
                          lambda inner: st.one_of(st.lists(inner, max_size=4),
                                                  st.dictionaries(nasty_text, inner, max_size=4)), max_leaves=8)


class Schemas:
    """What the description says, with its references followed."""

    def __init__(self, openapi, known):
        self.openapi = openapi
        self.known = known  # names that are there

    def resolve(self, thing):
        while "$ref" in thing:
            at = self.openapi
            for part in thing["$ref"].lstrip("#/").split("/"):
                at = at[part]
            thing = at
        return thing

    def value(self, schema, depth=0):
        """A strategy of values that fit @schema, as far as its usual words say."""
        schema = self.resolve(schema) if isinstance(schema, dict) else {}
        if "const" in schema:
            return st.just(schema["const"])
        if "enum" in schema:
            return st.sampled_from(schema["enum"])
        for word in ("oneOf", "anyOf"):
            if word in schema:
                return st.one_of([self.value(s, depth + 1) for s in schema[word]])
        if "allOf" in schema:
            return self.value(self.merged(schema), depth + 1)
        kind = schema.get("type", "object" if "properties" in schema else None)
        if isinstance(kind, list):
            return st.one_of([self.value({**schema, "type": k}, depth + 1) for k in kind])
        return self.of_type(kind, schema, depth)

    def merged(self, schema):
        whole = {k: v for k, v in schema.items() if k != "allOf"}
        for part in map(self.resolve, schema["allOf"]):
            whole = {**part, **whole, "properties": {**part.get("properties", {}), **whole.get("properties", {})}}
        return whole

    def of_type(self, kind, schema, depth):
        if kind == "string":
            return self.text(schema)
        if kind == "integer":
            low, high = schema.get("minimum", -5), schema.get("maximum", 1000)
            return st.integers(low, max(low, high))
        if kind == "boolean":
            return st.booleans()
        if kind == "number":
            return st.floats(allow_nan=False, allow_infinity=False)
        if kind == "null":
            return st.none()
        if depth > DEPTH:
            return st.just([] if kind == "array" else {})
        if kind == "array":
            return st.lists(self.value(schema.get("items", {}), depth + 1), min_size=schema.get("minItems", 0), max_size=4)
        return self.object(schema, depth) if kind == "object" else nasty_json

    def text(self, schema):
        fits = st.text(min_size=schema.get("minLength", 0), max_size=schema.get("maxLength", 40))
        if "pattern" in schema:
            fits = st.from_regex(schema["pattern"], fullmatch=True)
        return st.one_of(st.sampled_from(self.known), fits) if self.known else fits

    def object(self, schema, depth):
        properties = schema.get("properties", {})
        required = set(schema.get("required", ()))
        members = {k: self.value(v, depth + 1) for k, v in properties.items()}
        return st.fixed_dictionaries({k: v for k, v in members.items() if k in required},
                                     optional={k: v for k, v in members.items() if k not in required})


def places(value, at=()):
    """Where something stands in a JSON value, as tuples of keys."""
    yield at
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, at + (key,))


@st.composite
def damaged(draw, values):
    """One of @values with one place of it taken away, replaced, renamed or joined by something."""
    value = json.loads(json.dumps(draw(values)))
    where = draw(st.sampled_from(list(places(value))))
    if not where:
        return draw(nasty_json)
    parent = value
    for key in where[:-1]:
        parent = parent[key]
    deed = draw(st.sampled_from(["replace", "remove", "rename"]))
    old = parent.pop(where[-1])
    if deed == "remove":
        return value
    new, key = (draw(nasty_json), where[-1]) if deed == "replace" else (old, draw(nasty_text))
    if isinstance(parent, list):
        parent.insert(where[-1], new)
    else:
        parent[key] = new
    return value


def encoded(values):
    """JSON as bytes."""
    return values.map(lambda v: json.dumps(v).encode())


def bodies(values):
    """What is sent instead of, or as, one of @values."""
    return st.one_of(encoded(values), encoded(values), encoded(damaged(values)), encoded(damaged(values)), encoded(nasty_json),
                     st.sampled_from(NASTY_BODIES), st.binary(max_size=60))
