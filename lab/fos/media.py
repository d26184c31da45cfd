# SPDX-License-Identifier: GPL-3.0-or-later
"""The two media of the REST interface: application/yang-data+xml and application/yang-data+json, to and from dicts, lists
and texts.  A list of one element is an object in JSON, as Fabric OS writes it; readers get lists from as_list()."""
import json
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import escape

XML, JSON = "application/yang-data+xml", "application/yang-data+json"


def as_list(value):
    if value is None or value == "":
        return []
    return value if isinstance(value, list) else [value]


def text(value):
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _xml(name, value):
    if isinstance(value, list):
        return "".join(_xml(name, one) for one in value)
    inner = "".join(_xml(k, v) for k, v in value.items()) if isinstance(value, dict) else escape(text(value))
    return f"<{name}>{inner}</{name}>"


def _single(value, one_as_object):
    if isinstance(value, dict):
        return {k: _single(v, one_as_object) for k, v in value.items()}
    if isinstance(value, list):
        items = [_single(v, one_as_object) for v in value]
        return items[0] if one_as_object and len(items) == 1 else items
    return value


def write(media, name, value, one_as_object=True):
    """A document whose root is `name`."""
    if media == JSON:
        return json.dumps({name: _single(value, one_as_object)}).encode()
    return ('<?xml version="1.0" encoding="UTF-8"?>' + _xml(name, value)).encode()


def _element(e):
    if not len(e):
        return e.text.strip() if e.text else ""
    out = {}
    for child in e:
        name = child.tag.split("}")[-1]
        value = _element(child)
        out[name] = as_list(out[name]) + [value] if name in out else value
    return out


def read(media, body):
    """A dict; of XML with the root as its one member.  ValueError when it is none."""
    if not body:
        return {}
    if media == JSON:
        value = json.loads(body)
    else:
        try:
            root = ElementTree.fromstring(body)
        except ElementTree.ParseError as e:
            raise ValueError(str(e)) from None
        value = {root.tag.split("}")[-1]: _element(root)}
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value
