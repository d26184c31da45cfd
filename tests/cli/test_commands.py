# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines, help, tables, formats, errors and exit statuses."""
import json
import os
import re
import shutil
import socket
import subprocess
import threading

import tap
from fakeserver import DEVICES, MACHINES, PERSONAS, PLAN, Fake, problem
from program import SOURCE, environment, persona

try:
    import yaml
except ImportError:
    yaml = None


def words_of_commands(builddir):
    _, out, _ = persona(builddir, None, "help")
    return re.findall(r"^  (\w+(?: \w+)?)  +\S", out, re.M)


# -- command lines ---------------------------------------------------------------------------------

WRONG = [
    ("", "usage: persona COMMAND"),
    ("aply web", "did you mean `persona apply`?"),
    ("xyzzy", "`persona help` lists the commands"),
    ("secret ste x", "did you mean `persona secret set`?"),
    ("secret", "`persona secret set`, `persona secret rotate`, `persona secret list`, `persona secret delete`"),
    ("run", "`run` is not a whole command"),
    ("apply web --onn node1", "did you mean `--on`?"),
    ("apply web -z", "there is no option `-z`"),
    ("apply web --on", "--on needs a MACHINE"),
    ("apply web --dry-run", "`apply` has no option --dry-run"),
    ("apply web --swap=x", "--swap takes no value"),
    ("apply", "`apply` needs a persona"),
    ("apply a b", "`b` is one word too many"),
    ("apply web --on a --group b", "give one of them"),
    ("apply web --plan x.json", "--plan stands alone"),
    ("apply web --wait=soon", "`soon` is not a duration"),
    ("move web", "needs --to"),
    ("swap web", "`swap` needs PERSONA"),
    ("plan web --on a --to b", "only one of"),
    ("plan web db", "planned with --swap"),
    ("plan --swap web", "--swap needs two personas"),
    ("power of node1", "`of` is not one of on|off|soft|status"),
    ("power on", "`power` needs MACHINE"),
    ("get", "`get` needs KIND"),
    ("get mashines", "did you mean `persona get machines`?"),
    ("get machines -o yml", "did you mean `yaml`?"),
    ("get machines -o x.json", "only `plan` writes to a file"),
    ("runs --limit many", "--limit takes a number"),
    ("identify node1 --for 10h", "from 1s to 255s"),
    ("completion zsh", "`zsh` is not one of bash"),
    ("secret set x hunter2", "never taken from the command line"),
    ("define", "there is nothing to define"),
    ("explain quarantind", "did you mean `quarantined`?"),
    ("help aply", "did you mean `persona apply`?"),
]


def test_says_what_is_wrong_with_a_command_line(builddir):
    for line, part in WRONG:
        with Fake() as fake:
            status, out, err = persona(builddir, fake, *line.split())
            tap.equal((status, out), (3 if line.startswith("explain") else 2, ""), line)
            tap.contains(err, part)
            tap.equal(fake.requests, [], line + ": nothing is asked of the controller")


def test_an_empty_word_is_refused(builddir):
    for args in (("show", ""), ("delete", "persona", ""), ("power", "off", "")):
        with Fake() as fake:
            status, _, err = persona(builddir, fake, *args)
            tap.equal((status, fake.requests), (2, []))
            tap.contains(err, "empty word")


def test_options_may_stand_anywhere_and_in_each_form(builddir):
    for line in ("--on node4 apply web", "apply --on=node4 web", "apply web --on node4", "apply --on node4 -- web"):
        with Fake() as fake:
            tap.equal(persona(builddir, fake, *line.split())[0], 0, line)
            tap.equal(fake.requests[-1][4], {"action": "apply", "persona": "web", "machine": "node4"}, line)
    with Fake() as fake:
        for line in ("get machines -o name", "get machines -oname", "-o=name get machines", "get machines --output=name"):
            tap.equal(persona(builddir, fake, *line.split())[1], "node1\nnode4\n", line)


def test_names_are_escaped_in_paths(builddir):
    with Fake() as fake:
        persona(builddir, fake, "get", "machine", "../secrets?x=1#/é%")
        tap.equal(fake.requests[0][1], "/v1/machines/../secrets?x=1#/é%")
        tap.equal(fake.requests[0][2], {})
        persona(builddir, fake, "delete", "persona", "..")
        assert ("DELETE", "/v1/personas/..") in [r[:2] for r in fake.requests]


# -- help ------------------------------------------------------------------------------------------

def test_every_command_has_help_with_an_example(builddir):
    commands = words_of_commands(builddir)
    assert len(commands) > 25
    for words in commands:
        status, out, err = persona(builddir, None, "help", *words.split())
        tap.equal((status, err), (0, ""), words)
        tap.contains(out, "usage: persona " + words)
        examples = out.split("\nexample")[1].splitlines()[1:]
        assert examples and any(e.strip().startswith(("persona " + words, "source", "pass")) for e in examples), words
        tap.equal(persona(builddir, None, *words.split(), "--help"), (0, out, ""), words)
        tap.equal(persona(builddir, None, "-h", *words.split()), (0, out, ""), words)


def test_every_example_is_a_valid_command_line(builddir):
    for words in words_of_commands(builddir):
        _, out, _ = persona(builddir, None, "help", *words.split())
        for line in out.split("\nexample")[1].splitlines()[1:]:
            line = line.strip().split("| persona")[-1].split(" | ")[0].split(" > ")[0]
            if line.startswith("source"):
                continue
            args = line.replace("persona ", "", 1).split() + ["--help"]
            status, _, err = persona(builddir, None, *args)
            tap.equal((status, err), (0, ""), line)
            allowed = set(re.findall(r"--[a-z-]+", out.split("options:")[1].split("\nexample")[0]))
            for option in re.findall(r"--[a-z-]+", line):
                assert option in allowed, line


def test_help_lists_every_command_once(builddir):
    commands = words_of_commands(builddir)
    tap.equal(len(commands), len(set(commands)))
    status, out, _ = persona(builddir, None, "--help")
    tap.equal((status, out), (0, persona(builddir, None, "help")[1]))


def test_the_manual_page_lists_the_commands_as_they_are(builddir):
    with open(os.path.join(SOURCE, "man", "persona.1")) as f:
        page = f.read()
    listed = page.split('.\\" BEGIN COMMANDS\n')[1].split('.\\" END COMMANDS\n')[0]
    if listed != persona(builddir, None, "help", "mdoc")[1]:
        raise AssertionError("man/persona.1 is out of step; run: cli/update-man %s/persona" % builddir)


def test_the_manual_pages_are_well_formed(builddir):
    if not shutil.which("mandoc"):
        raise tap.Skip("needs mandoc")
    for page in ("persona.1", "recast-api.7"):
        lint = subprocess.run(["mandoc", "-T", "lint", os.path.join(SOURCE, "man", page)], capture_output=True,
                              text=True, check=False).stdout
        complaints = [line for line in lint.splitlines() if "referenced manual not found" not in line]
        tap.equal(complaints, [], page)


# -- completion ------------------------------------------------------------------------------------

def complete(builddir, fake, line):
    """What bash offers when TAB is pressed at the end of @line."""
    script = persona(builddir, None, "completion", "bash")[1]
    words = line.split(" ")
    quoted = " ".join("'%s'" % w for w in words)
    done = subprocess.run(
        ["bash", "--norc", "-c", script + "COMP_WORDS=(%s); COMP_CWORD=%d; _persona; printf '%%s\\n' \"${COMPREPLY[@]}\""
         % (quoted, len(words) - 1)],
        capture_output=True, text=True, timeout=15, check=True, cwd=fake.dir,
        env=environment(fake, PATH=builddir + ":" + os.environ["PATH"]))
    tap.equal(done.stderr, "", line)
    return done.stdout.split()


def test_bash_completes_words_options_and_names(builddir):
    with Fake() as fake:
        fake.add_run()
        open(os.path.join(fake.dir, "site.yaml"), "w").close()
        for line, wanted in (
                ("persona def", ["define"]), ("persona sec", ["secret"]), ("persona secret ", ["set", "rotate", "list", "delete"]),
                ("persona get ma", ["machines"]), ("persona get machines ", ["node1", "node4"]),
                ("persona apply ", ["web", "db"]), ("persona apply web --on ", ["node1", "node4"]),
                ("persona apply web --gr", ["--group"]), ("persona apply web --group ", ["blades"]),
                ("persona power ", ["on", "off", "soft", "status"]), ("persona power off node4 no", ["node1", "node4"]),
                ("persona run show ", ["12"]), ("persona secret delete ", ["node1-bmc"]),
                ("persona -o j", ["json"]), ("persona get machines -o w", ["wide"]), ("persona explain quar", ["quarantined"]),
                ("persona help swa", ["swap"]), ("persona help run ", ["show", "cancel"]), ("persona define -f s", ["s", "site.yaml"]),
                ("persona delete ", ["persona", "template"]), ("persona nonsense ", [])):
            tap.equal(sorted(complete(builddir, fake, line)), sorted(wanted), line)


def test_completion_is_silent_without_a_controller(builddir):
    with Fake() as fake:
        env = {"RECAST_SOCKET": "/nonexistent"}
        tap.equal(persona(builddir, None, "__complete", "apply", "", **env), (0, "", ""))
        tap.equal(persona(builddir, None, "__complete", "appl", **env), (0, "apply\n", ""))
        del fake


# -- output ----------------------------------------------------------------------------------------

def test_prints_tables(builddir):
    with Fake() as fake:
        status, out, err = persona(builddir, fake, "get", "machines")
        tap.equal((status, err), (0, ""))
        lines = out.splitlines()
        tap.equal(lines[0].split(), ["NAME", "STATE", "PERSONA", "ARCH", "CORES", "MEMORY", "BMC"])
        tap.equal(lines[1].split(), ["node1", "active", "web", "x86_64", "16", "64", "GiB", "127.0.1.1"])
        tap.equal(lines[2].split()[:3], ["node4", "free", "-"])
        tap.equal(len(lines), 3)
        wide = persona(builddir, fake, "get", "machines", "-o", "wide")[1].splitlines()
        tap.contains(wide[0], "UUID")
        tap.contains(wide[1], "a1234567-89ab-cdef-a123-456789000001")


def test_an_empty_list_is_said_on_stderr_only(builddir):
    with Fake() as fake:
        tap.equal(persona(builddir, fake, "runs", "--open"), (0, "", "No run is open.\n"))
        tap.equal(persona(builddir, fake, "runs", "-o", "json"), (0, "[]\n", ""))


def test_json_and_yaml_carry_the_same_values(builddir):
    if not yaml:
        raise tap.Skip("needs python3-yaml")
    with Fake() as fake:
        for args, value in ((("get", "machines"), MACHINES), (("get", "personas"), PERSONAS),
                            (("get", "machine", "node4"), MACHINES[1]), (("get", "devices"), DEVICES)):
            tap.equal(json.loads(persona(builddir, fake, *args, "-o", "json")[1]), value)
            tap.equal(yaml.safe_load(persona(builddir, fake, *args, "-o", "yaml")[1]), value)


def test_yaml_quotes_what_could_be_taken_for_something_else(builddir):
    if not yaml:
        raise tap.Skip("needs python3-yaml")
    strings = ["yes", "No", "null", "~", "", " ", "1", "1.5", "1e3", "0x1f", "0o7", "-", "- a", "a: b", "a:", "a #b", "#a",
               "[a", "{a", "*a", "&a", "!a", "|", ">", "%a", "@a", "`a", "'a", '"a', "a\nb", "a\tb", "é ü", "a\x7fb",
               "a\x85b", "2026-01-01", "12:30:45", "52:54:00:00:01:01", "plain word", "a/b.c-d_e", "?", "? a", "a, b",
               "tcp:127.0.0.1:16640", "trailing ", ".inf", ".nan", "=", "<<", "\\", "\u2028", "😀", "on", "true"]
    value = {"name": "x", "strings": strings, "map": {s: s for s in strings}, "nested": [[1, [2]], [], {}, [{"a": [{}]}]],
             "n": None, "t": True, "i": -5, "r": 1.25}
    with Fake() as fake:
        fake.answers["GET", "/v1/machines/x"] = (200, value)
        tap.equal(yaml.safe_load(persona(builddir, fake, "get", "machine", "x", "-o", "yaml")[1]), value)


def test_control_characters_of_devices_do_not_reach_the_terminal(builddir):
    with Fake() as fake:
        fake.answers["GET", "/v1/machines/x"] = problem(409, "conflict", "evil \x1b]0;title\x07 \x9b31m \n text", "\x1b[2J")
        for args in (("get", "devices"), ("show", "san1"), ("doctor",), ("show", "machine/x")):
            _, out, err = persona(builddir, fake, *args)
            for c in "\x1b\x07\x9b":
                tap.lacks(out + err, c)
        tap.contains(persona(builddir, fake, "get", "devices")[1], "san1: no answer?[31m")


def test_no_colour_without_a_terminal(builddir):
    with Fake() as fake:
        for args in (("get", "machines"), ("plan", "web"), ("doctor",), ("aply",)):
            _, out, err = persona(builddir, fake, *args)
            tap.lacks(out + err, "\x1b")


def test_reports_output_that_cannot_be_written(builddir):
    with Fake() as fake, open("/dev/full", "wb") as full:
        done = subprocess.run([os.path.join(builddir, "persona"), "get", "machines"], stdout=full, stderr=subprocess.PIPE,
                              env=environment(fake), timeout=15, check=False)
        tap.equal(done.returncode, 1)
        tap.contains(done.stderr.decode(), "cannot write the output")


def test_shows_one_thing_whatever_it_is(builddir):
    with Fake() as fake:
        fake.add_run(state="rolled_back", ended=1767225642000,
                     error={"code": "refused", "text": "leaf1 refused", "hint": "allow it"})
        for name, part in (("web", "02:ca:57:00:00:01"), ("node1", "a1234567-89ab-cdef-a123-456789000001"),
                           ("leaf1", "ovsdb"), ("12", "leaf1 refused (refused)"), ("machine/node1", "node1-eth0"),
                           ("personas/web", "linux-server")):
            status, out, err = persona(builddir, fake, "show", name)
            tap.equal((status, err), (0, ""), name)
            tap.contains(out, part)
        tap.equal(persona(builddir, fake, "show", "leaf1", "-o", "name")[1], "device/leaf1\n")


def test_guesses_what_a_wrong_name_may_have_meant(builddir):
    with Fake() as fake:
        for args, guess in ((("get", "persona", "wbe"), "web"), (("show", "nod1"), "node1"),
                            (("show", "device/laef1"), "leaf1"), (("get", "network", "wep"), "web"),
                            (("power", "off", "nod1"), "node1"), (("power", "status", "nodel"), "node1"),
                            (("health", "nod4"), "node4"), (("delete", "persona", "wbe"), "web"),
                            (("secret", "delete", "node1-bcm"), "node1-bmc"), (("console", "nide1"), "node1"),
                            (("machine", "return", "node5"), "node1")):
            status, _, err = persona(builddir, fake, *args)
            tap.equal(status, 3)
            tap.contains(err, "did you mean `%s`?" % guess)


def test_prints_a_plan_like_a_difference(builddir):
    with Fake() as fake:
        status, out, err = persona(builddir, fake, "plan", "web", "--on", "node4")
        tap.equal(status, 0)
        tap.equal(out.splitlines(), [
            "off:",
            "! node1-bmc  power off node1 and read off twice       downtime",
            "prepare:",
            "~ leaf1      port leaf1/node4-eth0: VLAN 4000 -> 110  link-blip",
            "grant:",
            "+ san1       map web on san1",
            "- san1       unmap old on san1",
            "fence: F1 node1-bmc says off, read twice",
            "Plan: 4 changes on 3 devices, downtime of web; nothing is changed yet."])
        tap.contains(err, "Next: persona apply web --on node4 --wait")
        wide = persona(builddir, fake, "plan", "web", "-o", "wide")[1]
        tap.contains(wide, "undo: vlan 4000")
        tap.contains(wide, "~ leaf1      port:node4-eth0  port leaf1/node4-eth0: VLAN")


def test_a_plan_without_changes_says_so(builddir):
    with Fake() as fake:
        fake.answers["POST", "/v1/plans"] = (200, {"id": "0" * 32, "changes": 0, "steps": []})
        status, out, err = persona(builddir, fake, "plan", "web")
        tap.equal((status, out, err), (0, "Plan: no changes; all is so already.\n", ""))
        fake.answers["POST", "/v1/plans"] = (200, {"id": "0" * 32, "changes": 0, "steps": [], "warnings": ["fab-b does not answer"]})
        tap.contains(persona(builddir, fake, "plan", "web")[1], "warning: fab-b does not answer\nPlan: no changes")


def test_doctor_fails_when_a_check_does(builddir):
    with Fake() as fake:
        status, out, err = persona(builddir, fake, "doctor")
        tap.equal(status, 1)
        tap.contains(out, "fail")
        tap.contains(err, "device san1: check its cable")
        tap.contains(err, "1 checks are ok, 0 to be looked at, 1 failed.  Not all is well.")
        assert out.index("controller:") < out.index("database") < out.index("devices:") < out.index("san1"), out
        fake.answers["GET", "/v1/doctor"] = (200, {"ok": True, "checks": []})
        tap.equal(persona(builddir, fake, "doctor")[0], 0)


def test_backup_names_an_absolute_path(builddir):
    with Fake() as fake:
        status, out, _ = persona(builddir, fake, "backup", "x.db", cwd="/tmp")
        tap.equal((status, out), (0, "/tmp/x.db\n"))
        tap.equal(fake.requests[-1][4], {"path": "/tmp/x.db"})


def test_version_works_without_a_controller(builddir):
    with Fake() as fake:
        tap.equal(persona(builddir, fake, "version"), (0, "persona 0.1.0\nrecastd 0.1.0\n", ""))
    status, out, err = persona(builddir, None, "version", "--socket", "/nonexistent")
    tap.equal((status, out), (0, "persona 0.1.0\n"))
    tap.contains(err, "no answer")


# -- errors and exit statuses ----------------------------------------------------------------------

def test_the_exit_status_is_that_of_the_code(builddir):
    codes = json.loads(persona(builddir, None, "explain", "-o", "json")[1])
    assert len(codes) > 15
    with Fake() as fake:
        for code in codes:
            fake.answers["GET", "/v1/status"] = problem(code["status"], code["code"], "the reason", "the advice")
            status, out, err = persona(builddir, fake, "status")
            tap.equal((status, out), (code["exit"], ""), code["code"])
            tap.equal(err, "persona: the reason\n  try: the advice\n")
    tap.equal({c["code"]: c["exit"] for c in codes if c["exit"] > 6},
              {"rolled-back": 7, "quarantined": 8, "timeout": 124})


def test_an_error_without_a_hint_gets_the_advice_of_its_code(builddir):
    with Fake() as fake:
        fake.answers["GET", "/v1/status"] = problem(409, "stale", "it moved")
        tap.contains(persona(builddir, fake, "status")[2], "try: Make a new plan")


def test_says_how_to_start_a_controller_that_is_not_there(builddir):
    with Fake() as fake:
        path = os.path.join(fake.dir, "none")
        status, out, err = persona(builddir, None, "status", RECAST_SOCKET=path)
        tap.equal((status, out), (6, ""))
        tap.contains(err, "recastd is not running: there is no socket " + path)
        tap.contains(err, "start recastd(8)")
        with socket.socket(socket.AF_UNIX) as s:  # a socket that nobody listens on
            s.bind(path)
        status, _, err = persona(builddir, None, "status", "--socket", path)
        tap.equal(status, 6)
        tap.contains(err, "recastd does not answer on " + path)
        status, _, err = persona(builddir, None, "status", "--socket", "/" + "x" * 200)
        tap.equal(status, 2)
        tap.contains(err, "socket path is too long")


def test_says_who_may_use_a_socket_that_is_closed_to_us(builddir):
    if os.getuid() != 0:
        raise tap.Skip("only root can try another user")
    with Fake() as fake:
        os.chmod(fake.dir, 0o755)
        os.chmod(fake.socket, 0o660)
        program = shutil.copy(os.path.join(builddir, "persona"), fake.dir)  # the build may lie where nobody gets in
        done = subprocess.run([program, "status"], capture_output=True, text=True, timeout=15, user=65534, group=65534,
                              extra_groups=[], env=environment(fake), check=False, cwd="/")
        tap.equal(done.returncode, 5, done.stderr)
        tap.contains(done.stderr, "you may not use " + fake.socket)
        tap.contains(done.stderr, "group root")


def test_complains_about_answers_that_are_no_answers(builddir):
    def raw(data):
        def answer(h):
            h.wfile.write(data)
            h.close_connection = True
        return answer

    with Fake() as fake:
        for data, part in ((b"HTTP/1.1 500 X\r\nContent-Length: 4\r\n\r\noops", "status 500 and no explanation"),
                           (b"HTTP/1.1 200 X\r\nContent-Length: 4\r\n\r\noops", "not JSON"),
                           (b"HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n", "empty answer"),
                           (b"HTTP/1.1 200 X\r\nContent-Length: 16\r\n\r\n{\"a\": 1, \"a\": 2}", "not JSON"),
                           (b"", "the connection to recastd broke"), (b"garbage\r\n\r\n", "recastd broke")):
            fake.answers["GET", "/v1/status"] = raw(data)
            status, out, err = persona(builddir, fake, "status")
            assert status == 6 and not out, (data, status, out)
            tap.contains(err, part)


def test_sends_a_wish_again_with_the_same_key_when_the_connection_breaks(builddir):
    with Fake() as fake:
        lock = threading.Lock()
        drops = [1, 1]

        def flaky(h):
            with lock:
                if drops:
                    drops.pop()
                    h.close_connection = True
                    return None
            return fake.route_runs("POST", [], {}, {})
        fake.answers["POST", "/v1/runs"] = flaky
        status, out, err = persona(builddir, fake, "apply", "web")
        tap.equal((status, out), (0, "12\n"), err)
        keys = {h["Idempotency-Key"] for m, p, _, h, _ in fake.requests if p == "/v1/runs"}
        tap.equal((len(fake.requests), len(keys)), (3, 1))


def test_does_not_send_again_what_may_not_happen_twice(builddir):
    with Fake() as fake:
        def drop(h):
            h.close_connection = True
        fake.answers["POST", "/v1/machines/node1/fence"] = drop
        tap.equal(persona(builddir, fake, "fence", "confirm", "node1", "--because", "pulled")[0], 6)
        tap.equal(len(fake.requests), 1)


def test_a_broken_plan_file_is_refused(builddir):
    with Fake() as fake:
        path = os.path.join(fake.dir, "p.json")
        for text in ("", "{}", "[]", "{", '{"id": 1, "steps": []}'):
            with open(path, "w") as f:
                f.write(text)
            status, _, err = persona(builddir, fake, "apply", "--plan", path)
            tap.equal((status, fake.requests), (2, []), text)
            tap.contains(err, "is not a plan")
        tap.equal(persona(builddir, fake, "apply", "--plan", path + "x")[0], 3)


def test_power_asks_for_all_machines_even_when_one_is_wrong(builddir):
    with Fake() as fake:
        status, out, err = persona(builddir, fake, "power", "off", "node1", "nodeX", "node4")
        tap.equal((status, out), (3, "12\n13\n"))
        tap.contains(err, "nodeX")
        tap.equal([p for m, p, _, _, _ in fake.requests if m == "POST"], ["/v1/machines/%s/power" % n for n in ("node1", "nodeX", "node4")])


def test_drift_is_shown_with_what_repairs_it_and_what_is_nobodys(builddir):
    with Fake() as fake:
        status, out, err = persona(builddir, fake, "drift")
        tap.equal((status, err), (1, ""))
        for part in ("web", "link-blip", "port leaf1/node1-eth0 is VLAN 666", "persona sweep", "old plays nowhere", "san2: no answer"):
            tap.contains(out, part)
        assert "\x1b" not in out, "a device's escape reached the terminal"
        tap.equal(json.loads(persona(builddir, fake, "drift", "-o", "json")[1])["items"][0]["object"], "port:node1-eth0")
        tap.equal(fake.requests[-1][:2], ("GET", "/v1/drift"))
        fake.answers["GET", "/v1/drift"] = 200, {"interval_ms": 0, "items": [], "orphans": [], "devices": []}
        status, out, _ = persona(builddir, fake, "drift", "web")
        tap.equal((status, out), (0, "No drift: every device that was read is as wired.\n"))
        tap.equal(fake.requests[-1][2], {"persona": "web"})


def test_adopt_looks_first_and_lists_what_differs(builddir):
    with Fake() as fake:
        plan = {**PLAN, "action": "adopt", "differences": [{"device": "leaf1", "object": "port:a", "summary": "port a is in db; web wants web"}]}
        fake.answers["POST", "/v1/plans"] = 200, plan
        status, out, err = persona(builddir, fake, "adopt", "web", "--on", "node4")
        tap.equal(status, 4)
        tap.contains(out, "~ leaf1: port a is in db; web wants web")
        tap.contains(err, "nothing was changed")
        fake.answers["POST", "/v1/plans"] = 200, {**plan, "differences": []}
        status, out, err = persona(builddir, fake, "adopt", "web", "--on", "node4")
        tap.equal(status, 0)
        tap.contains(err, "persona adopt web --on node4 --take --wait")
        assert not [r for r in fake.requests if r[1] == "/v1/runs"], "looking started a run"


def test_a_swap_of_three_sends_them_in_order(builddir):
    with Fake() as fake:
        tap.equal(persona(builddir, fake, "swap", "web", "db", "batch")[0], 0)
        tap.equal(fake.requests[-1][4], {"action": "swap", "persona": "web", "with": ["db", "batch"]})
        tap.equal(persona(builddir, fake, "swap", "web")[0], 2)
