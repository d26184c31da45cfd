# SPDX-License-Identifier: GPL-3.0-or-later
"""`persona define`: what is read, what is sent, and where mistakes are shown."""
import os

import tap
from fakeserver import Fake, problem
from program import persona

SITE = """\
site: lab
machines:
  node1:
    cores: 16
    vlna: 3
  "node/2~":
    nics:
    - {mac: a}
    - {mac: b, prot: c}
"""


def write(fake, name, text):
    path = os.path.join(fake.dir, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    return path


def sent(fake):
    return fake.requests[-1][4]


def mistakes(*errors):
    return problem(422, "invalid", "the documents hold mistakes", "correct them", errors=list(errors))


def test_sends_plain_values_of_all_documents(builddir):
    with Fake() as fake:
        a = write(fake, "a.yaml", "site: lab\nn: 1\n---\npersona: web\nlist: [1, 1.5, yes, 'no', true, null, 64GiB]\n")
        b = write(fake, "b.json", '{"persona": "db", "t": "x\\u00e9"}')
        status, out, err = persona(builddir, fake, "define", "-f", a, "-f", b)
        tap.equal(status, 0, err)
        tap.equal(sent(fake), {"dry_run": False, "documents": [
            {"name": a, "value": {"site": "lab", "n": 1}},
            {"name": a, "value": {"persona": "web", "list": [1, 1.5, "yes", "no", True, None, "64GiB"]}},
            {"name": b, "value": {"persona": "db", "t": "xé"}}]})
        tap.equal(out.splitlines(), ["+ machine   node1", "~ persona   web", "      /boot/method: local -> ipxe-iscsi"])
        tap.contains(err, "1 created, 1 updated, 0 deleted, 1 unchanged")


def test_reads_a_directory_in_order(builddir):
    with Fake() as fake:
        for name in ("d/b.yml", "d/a.yaml", "d/c.json", "d/.hidden.yaml", "d/notes.txt", "d/x.yaml~", "d/sub/z.yaml"):
            write(fake, name, '{"persona": "x"}')
        for argument in ("d", "d/"):
            tap.equal(persona(builddir, fake, "define", "-f", argument, cwd=fake.dir)[0], 0)
            tap.equal([d["name"] for d in sent(fake)["documents"]], ["d/a.yaml", "d/b.yml", "d/c.json"])


def test_reads_standard_input_and_words_without_an_option(builddir):
    with Fake() as fake:
        a = write(fake, "a.yaml", "persona: a\n")
        tap.equal(persona(builddir, fake, "define", "-", a, "--dry-run", input=b"persona: web\n")[0], 0)
        tap.equal(sent(fake), {"dry_run": True, "documents": [{"name": "<stdin>", "value": {"persona": "web"}},
                                                             {"name": a, "value": {"persona": "a"}}]})


def test_a_dry_run_says_that_nothing_was_changed(builddir):
    with Fake() as fake:
        _, _, err = persona(builddir, fake, "define", "-n", "-", input=b"site: lab\n")
        tap.contains(err, "nothing was changed")


def test_shows_each_mistake_of_the_controller_where_it_stands(builddir):
    with Fake() as fake:
        site = write(fake, "site.yaml", SITE)
        web = write(fake, "web.yaml", "persona: one\n---\n\npersona: two\nboot:\n  methud: x\n")
        fake.answers["POST", "/v1/define"] = mistakes(
            {"document": 0, "pointer": "/machines/node1/vlna", "detail": "unknown key `vlna`", "hint": "did you mean `vlan`?"},
            {"document": 0, "pointer": "/machines/node~12~0/nics/1/prot", "detail": "unknown key `prot`"},
            {"document": 0, "pointer": "/machines/node1/bmc", "detail": "bmc is missing", "hint": None},
            {"document": 2, "pointer": "/boot/methud", "detail": "unknown key `methud`"},
            {"document": 1, "pointer": "", "detail": "no boot"},
            {"document": None, "detail": "no site is defined"},
            {"document": 99, "pointer": "/x", "detail": "elsewhere"})
        status, out, err = persona(builddir, fake, "define", "-f", site, "-f", web)
        tap.equal((status, out), (2, ""))
        tap.equal(err.splitlines(), [
            site + ":5:5: unknown key `vlna` (did you mean `vlan`?)",
            site + ":9:16: unknown key `prot`",
            site + ":3:3: bmc is missing",
            web + ":6:3: unknown key `methud`",
            web + ":1:1: no boot",
            "no site is defined",
            "elsewhere",
            "persona: 7 mistakes; nothing was defined",
            "  try: correct the lines above and define again."])


def test_shows_all_files_that_cannot_be_read_and_sends_nothing(builddir):
    with Fake() as fake:
        a = write(fake, "a.yaml", "a: 1\na: 2\n")
        b = write(fake, "b.yaml", "x:\n  - &anchor y\n")
        c = write(fake, "c.json", '{"a": ')
        good = write(fake, "good.yaml", "site: lab\n")
        os.mkdir(os.path.join(fake.dir, "empty"))
        status, _, err = persona(builddir, fake, "define", a, good, b, c, "/nonexistent.yaml", fake.dir + "/empty")
        tap.equal((status, fake.requests), (2, []))
        tap.contains(err, a + ":2:1: duplicate key: a")
        tap.contains(err, b + ":2:5: anchors")
        tap.contains(err, c + ":")
        tap.contains(err, "/nonexistent.yaml: No such file or directory")
        tap.contains(err, "/empty: holds no *.yaml")
        tap.contains(err, "5 files could not be read; nothing was defined")


def test_an_empty_file_is_nothing_to_define(builddir):
    with Fake() as fake:
        for text in (b"", b"---\n", b"# only a comment\n"):
            status, _, err = persona(builddir, fake, "define", "-", input=text)
            tap.equal((status, fake.requests), (2, []), repr(text))
            tap.contains(err, "there is nothing to define")


def test_other_failures_are_shown_as_they_are(builddir):
    with Fake() as fake:
        fake.answers["POST", "/v1/define"] = problem(409, "conflict", "node1 is in use by web", "release web first")
        status, _, err = persona(builddir, fake, "define", "-", input=b"site: lab\n")
        tap.equal((status, err), (4, "persona: node1 is in use by web\n  try: release web first\n"))


def test_names_and_json_of_the_result(builddir):
    with Fake() as fake:
        tap.equal(persona(builddir, fake, "define", "-", "-o", "name", input=b"site: lab\n")[1],
                  "machine/node1\npersona/web\nnetwork/web\n")
        tap.contains(persona(builddir, fake, "define", "-", "-o", "json", input=b"site: lab\n")[1], '"action": "create"')
