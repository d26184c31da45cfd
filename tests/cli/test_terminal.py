# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens on a terminal: the console, prompts, progress, colour."""
import os
import re
import shutil
import signal
import subprocess
import threading

import tap
from fakeserver import Fake
from program import PATIENCE, Terminal, environment, persona

SECRET = "correct-horse-battery-staple"


# -- console ---------------------------------------------------------------------------------------

def in_console(builddir, fake):
    t = Terminal(builddir, fake, "console", "node1")
    t.expect("login: ")
    t.until(t.is_raw)
    return t


def test_the_console_passes_keys_and_leaves_with_its_own(builddir):
    with Fake() as fake:
        fake.console_typed = threading.Event()
        fake.console_typed.set = lambda: None  # the stream stays open
        with in_console(builddir, fake) as t:
            t.type("ro\x03\x1aé".encode())  # control keys belong to the machine
            t.until(lambda: "".join(fake.console_in) == "ro\x03\x1aé")
            t.type(b"last\x1drest")
            tap.equal(t.wait(), 0)
            tap.equal(t.attributes(), t.before)
            tap.equal("".join(fake.console_in), "ro\x03\x1aélast")


def test_the_terminal_is_put_back_when_the_stream_ends(builddir):
    with Fake() as fake, in_console(builddir, fake) as t:
        t.type(b"x")  # the fake says bye after the first key
        tap.equal(t.wait(), 0)
        tap.contains(t.output.decode(), "bye")
        tap.equal(t.attributes(), t.before)


def test_the_terminal_is_put_back_on_every_signal(builddir):
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        with Fake() as fake, in_console(builddir, fake) as t:
            assert t.is_raw()
            t.signal(number)
            tap.equal(t.wait(), -number)
            tap.equal(t.attributes(), t.before, number)


def test_the_terminal_is_put_back_when_the_controller_dies(builddir):
    with Fake() as fake:
        def die(h):
            fake.begin_stream(h, "text/plain")
            fake.chunk(h, "login: ")
            fake.console_typed.wait(PATIENCE)
            h.connection.shutdown(2)
        fake.answers["GET", "/v1/machines/node1/console"] = die
        with in_console(builddir, fake) as t:
            fake.console_typed.set()
            tap.equal(t.wait(), 6)
            tap.equal(t.attributes(), t.before)
            tap.contains(t.output.decode(), "broke")


def test_the_console_of_no_machine_leaves_the_terminal_alone(builddir):
    with Fake() as fake, Terminal(builddir, fake, "console", "nodeX") as t:
        tap.equal(t.wait(), 3)
        tap.equal(t.attributes(), t.before)


def test_the_console_works_without_a_terminal(builddir):
    with Fake() as fake:
        fake.console_out = "boot\n"
        status, out, err = persona(builddir, fake, "console", "node1", input=b"hello\x1d\n")
        tap.equal((status, out, err), (0, "boot\nbye\n", ""))
        tap.equal(fake.console_in, ["hello\x1d\n"])


# -- secrets ---------------------------------------------------------------------------------------

def stored(fake):
    return [(m, p, b) for m, p, _, _, b in fake.requests]


def test_a_secret_is_asked_for_twice_without_echo(builddir):
    with Fake() as fake, Terminal(builddir, fake, "secret", "set", "node1-bmc") as t:
        t.expect("Secret node1-bmc: ")
        t.until(lambda: not t.echoes())
        t.type(SECRET.encode() + b"\n")
        t.expect("The same again: ")
        t.type(SECRET.encode() + b"\n")
        tap.equal(t.wait(), 0)
        tap.lacks(t.output.decode(), SECRET)
        tap.equal(t.attributes(), t.before)
        tap.equal(stored(fake), [("PUT", "/v1/secrets/node1-bmc", {"value": SECRET})])


def test_only_a_yes_deletes_a_volume(builddir):
    for answer, code, sent in ((b"yes\n", 0, [("DELETE", "/v1/arrays/san1/volumes/web-root@before")]), (b"y\n", 4, []), (b"no\n", 4, []),
                               (b"\x04", 4, [])):
        with Fake() as fake, Terminal(builddir, fake, "volume", "delete", "san1/web-root@before") as t:
            t.expect("Delete the snapshot san1/web-root@before?  This cannot be undone; yes or no: ")
            t.type(answer)
            tap.equal(t.wait(), code)
            tap.equal([(m, p) for m, p, _, _, _ in fake.requests], sent)


def test_two_different_answers_store_nothing(builddir):
    with Fake() as fake, Terminal(builddir, fake, "secret", "set", "x") as t:
        t.expect("Secret x: ")
        t.type(b"one\n")
        t.expect("again: ")
        t.type(b"two\n")
        tap.equal(t.wait(), 2)
        tap.contains(t.output.decode(), "the two differ")
        tap.equal((stored(fake), t.attributes()), ([], t.before))


def test_echo_comes_back_when_the_prompt_is_interrupted(builddir):
    with Fake() as fake, Terminal(builddir, fake, "secret", "set", "x") as t:
        t.expect("Secret x: ")
        t.until(lambda: not t.echoes())
        t.type(b"\x03")
        tap.equal(t.wait(), -signal.SIGINT)
        tap.equal((stored(fake), t.attributes()), ([], t.before))


def test_a_secret_comes_from_a_file_or_standard_input(builddir):
    with Fake() as fake:
        path = os.path.join(fake.dir, "password")
        with open(path, "wb") as f:
            f.write(b"from file\r\n")
        for args, data, value in ((("--file", path), b"", "from file"), (("-",), b"from stdin\n", "from stdin"),
                                  (("--file", "-"), b"two\nlines\n\n", "two\nlines\n"), (("-",), " é ".encode(), " é ")):
            status, out, err = persona(builddir, fake, "secret", "set", "x", *args, input=data)
            tap.equal((status, out, err), (0, "", "Secret x is stored.\n"))
            tap.equal(stored(fake)[-1], ("PUT", "/v1/secrets/x", {"value": value}))


def test_bad_secrets_are_refused_without_showing_them(builddir):
    with Fake() as fake:
        for data, part in ((b"", "empty"), (b"\n", "empty"), (SECRET.encode() + b"\xff", "not UTF-8"),
                           (SECRET.encode() + b"\0x", "NUL"), (SECRET.encode() * 1000, "at most")):
            status, out, err = persona(builddir, fake, "secret", "set", "x", "-", input=data)
            tap.equal((status, out), (2, ""), data[:30])
            tap.contains(err, part)
            tap.lacks(err, "horse")
        status, _, err = persona(builddir, fake, "secret", "set", "x", input=b"piped")
        tap.equal(status, 2)
        tap.contains(err, "no terminal to ask")
        tap.equal(stored(fake), [])


def test_a_secret_is_in_no_argument_environment_or_core_file(builddir):
    with Fake() as fake:
        seen = {}

        def look(h):
            pid = process.pid
            for what in ("cmdline", "environ"):
                with open("/proc/%d/%s" % (pid, what), "rb") as f:
                    seen[what] = f.read()
            seen["owner"] = os.stat("/proc/%d/environ" % pid).st_uid
            return 204, None
        fake.answers["PUT", "/v1/secrets/x"] = look
        # As another user, so that the owner of the files in /proc tells whether a core may be dumped.
        os.chmod(fake.dir, 0o755)
        os.chmod(fake.socket, 0o666)
        user = {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}
        program = shutil.copy(os.path.join(builddir, "persona"), fake.dir)
        process = subprocess.Popen([program, "secret", "set", "x", "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=environment(fake), cwd="/", **user)
        _, err = process.communicate(SECRET.encode(), timeout=PATIENCE)
        tap.equal(process.returncode, 0, err)
        for what in ("cmdline", "environ"):
            tap.lacks(seen[what].decode(), "horse")
        tap.equal(seen["owner"], 0, "the owner of /proc/PID of a process that may not dump core")


# -- progress and colour ---------------------------------------------------------------------------

def test_progress_is_redrawn_in_place(builddir):
    with Fake() as fake, Terminal(builddir, fake, "apply", "web", "--on", "node4", "--wait") as t:
        tap.equal(t.wait(), 0)
        screen = render(t.output.decode(), 24)
        tap.equal(screen[0], "12")
        tap.contains(screen[1], "run 12  done  3/3  ")
        tap.equal([line.split()[0] for line in screen[2:5]], ["done"] * 3)
        tap.equal(screen[5], "Done: apply web from node1 to node4; 3 steps in 42.0 s.")
        tap.contains(t.output.decode(), "doing")


def test_progress_fits_a_small_terminal(builddir):
    with Fake() as fake:
        run = fake.add_run()
        run["steps"] = [dict(run["steps"][0], n=i, summary="step %d " % i + "x" * 100) for i in range(40)]
        with Terminal(builddir, fake, "watch", "--run", "12", rows=10, columns=40) as t:
            tap.equal(t.wait(), 0)
            for line in plain(t.output.decode()).replace("\r", "").split("\n")[:-3]:
                assert len(line) < 40, line
            tap.contains(t.output.decode(), "step 39")


def plain(text):
    """Without escape sequences."""
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)


def render(text, rows):
    """The screen after @text: enough of a terminal for lines, colours, cursor up and erase."""
    screen, row, column = [""] * rows, 0, 0
    for token in re.findall(r"\x1b\[[0-9;]*[A-Za-z]|[\r\n]|[^\x1b\r\n]+", text):
        if token == "\n":
            row += 1
        elif token == "\r":
            column = 0
        elif token.startswith("\x1b"):
            if token[-1] == "A":
                row -= int(token[2:-1])
            elif token[-1] == "K":
                screen[row] = screen[row][:column]
        else:
            screen[row] = screen[row][:column].ljust(column) + token + screen[row][column + len(token):]
            column += len(token)
        if token == "\n":
            column = 0
    return [line.rstrip() for line in screen]


def test_colour_on_a_terminal_is_never_the_only_sign(builddir):
    with Fake() as fake:
        for args in (("get", "machines"), ("plan", "web"), ("doctor",), ("aply",)):
            with Terminal(builddir, fake, *args) as t:
                t.wait()
                coloured = t.output.decode()
            with Terminal(builddir, fake, *args, NO_COLOR="1") as t:
                t.wait()
                bare = t.output.decode()
            tap.contains(coloured, "\x1b[3")
            tap.lacks(bare, "\x1b[3")
            tap.equal(plain(coloured), plain(bare), args)


def test_a_dumb_terminal_gets_no_colour(builddir):
    with Fake() as fake, Terminal(builddir, fake, "plan", "web", TERM="dumb") as t:
        t.wait()
        tap.lacks(t.output.decode(), "\x1b")
