# SPDX-License-Identifier: GPL-3.0-or-later
"""A container of this very system in which a real systemd is process 1: its files are an overlay over those of the host, with
what `make install` puts in place on top, and its network is a loopback of its own.  Nothing of it stays."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

import tap

PATIENCE = 40.0
# Reached when systemd is up; nothing that the host would start besides is wanted.
TARGET = "[Unit]\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n"
# The mounts end with the namespace.
BOOT = """
mount -t overlay overlay -o "lowerdir=/,upperdir=$0/upper,workdir=$0/work" "$0/root" || exit 125
exec systemd-nspawn --quiet --directory="$0/root" --register=no --keep-unit --private-network --link-journal=no \\
	--console=pipe --system-call-filter='landlock_create_ruleset landlock_add_rule landlock_restrict_self' --machine=recast-$$ -b systemd.unit=recast-test.target
"""


def missing():
    """Why there can be no container here, or None."""
    if os.getuid() != 0:
        return "only root can make a container"
    if not shutil.which("systemd-nspawn"):
        return "there is no systemd-nspawn (Debian: systemd-container)"
    return None


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)


class Box:
    def __init__(self, builddir):
        self.dir = tempfile.mkdtemp(prefix="recast-box-", dir="/var/tmp")
        for name in ("upper", "work", "root"):
            os.mkdir(os.path.join(self.dir, name))
        os.chmod(self.path("/"), 0o755)
        self.process = self.leader = None
        self.console = None
        subprocess.run(["make", "-s", "-C", builddir, "install", "DESTDIR=" + self.path("/")], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       env={k: v for k, v in os.environ.items() if not k.startswith("MAKE")})
        self.write("/etc/systemd/system/recast-test.target", TARGET)
        # Only what is below is looked at: units of the host that a target would pull in are of no interest.
        self.write("/etc/machine-id", "")

    def path(self, inside):
        """Where a file of the container is written before it boots."""
        return os.path.join(self.dir, "upper", inside.lstrip("/"))

    def write(self, inside, text, mode=0o644):
        write(self.path(inside), text, mode)

    def boot(self):
        self.console = open(os.path.join(self.dir, "console"), "wb")
        self.process = subprocess.Popen(["unshare", "-m", "--propagation", "private", "bash", "-c", BOOT, self.dir],
                                        stdin=subprocess.DEVNULL, stdout=self.console, stderr=self.console, start_new_session=True)
        try:
            self._wait_for_systemd()
        except BaseException:
            self.close()
            raise

    def _wait_for_systemd(self):
        end = time.monotonic() + PATIENCE
        while True:
            if self.process.poll() is not None:
                raise tap.Skip("no container boots here: " + self.said()[-300:].replace("\n", " "))
            self.leader = self._find_leader()
            if self.leader and self.run("systemctl", "is-active", "recast-test.target").stdout.strip() == "active":
                return
            if time.monotonic() > end:
                raise tap.Skip("systemd does not come up in a container here: " + self.said()[-300:].replace("\n", " "))
            time.sleep(0.05)

    def said(self):
        with open(os.path.join(self.dir, "console"), errors="replace") as f:
            return f.read()

    def _find_leader(self):
        """The pid here of process 1 in there."""
        try:
            with open("/proc/%d/task/%d/children" % (self.process.pid, self.process.pid)) as f:
                for pid in f.read().split():
                    with open("/proc/%s/status" % pid) as status:
                        nspid = [line for line in status if line.startswith("NSpid:")][0].split()
                    if nspid[-1] == "1" and len(nspid) > 2:
                        return int(pid)
        except (OSError, IndexError):
            pass
        return None

    def run(self, *argv, input=None, timeout=PATIENCE):
        """A command in the container; CompletedProcess."""
        return subprocess.run(["nsenter", "-t", str(self.leader), "-m", "-p", "-u", "-i", "-n", "-C", "-r", "-w", *argv],
                              capture_output=True, text=True, input=input, timeout=timeout,
                              stdin=subprocess.DEVNULL if input is None else None,
                              env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"})

    def must(self, *argv, **kwargs):
        """Its stdout; it must end well."""
        done = self.run(*argv, **kwargs)
        assert done.returncode == 0, "%s: exit %d\n%s%s\n%s" % (" ".join(argv), done.returncode, done.stdout, done.stderr, self.journal())
        return done.stdout

    def show(self, name, unit="recastd.service"):
        return self.must("systemctl", "show", "--value", "-p", name, unit).strip()

    def journal(self):
        return self.run("journalctl", "--no-pager", "-q", "-b", "-n", "40", "-o", "short-precise").stdout

    def entries(self, *match):
        """Of the journal, as dictionaries."""
        return [json.loads(line) for line in self.must("journalctl", "--no-pager", "-q", "-o", "json", *match).splitlines()]

    def drop_in(self, name, text):
        """Change the service while it runs; read with the next start."""
        self.must("mkdir", "-p", "/run/systemd/system/recastd.service.d")
        self.must("tee", "/run/systemd/system/recastd.service.d/%s.conf" % name, input="[Service]\n" + text)
        self.must("systemctl", "daemon-reload")

    def no_drop_ins(self):
        self.must("rm", "-rf", "/run/systemd/system/recastd.service.d")
        self.must("systemctl", "daemon-reload")

    def close(self):
        if self.process and self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGTERM)  # systemd-nspawn ends systemd in good order
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        if self.process:
            self.console.close()
        shutil.rmtree(self.dir, ignore_errors=True)


def wait_until(condition, what, patience=PATIENCE):
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError("%s: not within %g s" % (what, patience))
        time.sleep(0.05)
