# SPDX-License-Identifier: GPL-3.0-or-later
"""A real sshd with host keys of its own, on an address of the private network, as the way to a device.  Root's password is one
of a shadow file that only the tests' mount namespace sees."""
import os
import re
import shutil
import signal
import subprocess

import sandbox

PASSWORD = "Root-Secret-4711"
PORT = 2222
KINDS = ("ed25519", "ecdsa", "rsa")
RSA_BY_SHA2 = (1, 11)


CONFIG = """Port {port}
ListenAddress 127.0.0.1
{keys}
PidFile none
LogLevel DEBUG1
StrictModes no
PermitRootLogin yes
AuthorizedKeysFile {dir}/authorized
AllowStreamLocalForwarding yes
UsePAM {pam}
PasswordAuthentication {password}
KbdInteractiveAuthentication {questions}
MaxAuthTries 6
{more}
"""


def library(libexec):
    """("libssh2", (1, 10)): what the drivers speak SSH with."""
    name, version = sandbox.out([os.path.join(libexec, "tests/conformance/remote-exec"), "--library"]).split()
    return name, tuple(int(x) for x in version.split(".")[:2])


def knows_rsa(libexec):
    """libssh2 before 1.11 has RSA with SHA-1 only, which sshd refuses."""
    name, version = library(libexec)
    return name != "libssh2" or version >= RSA_BY_SHA2


class SshHost:
    """For a peer: start_ssh() when self.dir is there, stop_ssh() at the end."""
    kinds, pam, password, questions = KINDS, "no", "yes", "no"

    def sshd_more(self):
        """More lines of its configuration."""
        return ""

    keys = None  # a folder of key pairs, made once for all cases: a key of RSA takes longer than most of them

    def start_ssh(self):
        self.ssh = f"{self.dir}/ssh"
        os.mkdir(self.ssh)
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        for kind in KINDS:
            self.make_key(kind)
        self.make_key("ed25519", "client")
        shutil.copy(f"{self.ssh}/client.pub", f"{self.ssh}/authorized")
        self.mounts = []
        digest = sandbox.out(["openssl", "passwd", "-6", PASSWORD]).strip()
        with open("/etc/shadow", encoding="utf-8") as f:
            self.hide("/etc/shadow", re.sub(r"(?m)^root:[^:]*:", lambda _: f"root:{digest}:", f.read()), 0o640)
        self.hide("/etc/pam.d/sshd", "auth required pam_unix.so\naccount required pam_unix.so\nsession required pam_unix.so\n")
        if os.path.exists("/root/.bashrc"):
            self.hide("/root/.bashrc", "")  # a shell of sshd reads it, and it may hold anything
        self.start_sshd()

    def stop_ssh(self):
        self.end_sshd()
        while self.mounts:
            sandbox.unmount(self.mounts.pop())

    def hide(self, path, text, mode=0o644):
        """Another text in place of a file, for this mount namespace only."""
        own = f"{self.ssh}/{os.path.basename(path)}.own"
        with open(own, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(own, mode)
        subprocess.run(["mount", "--bind", own, path], check=True)
        self.mounts.append(path)

    def make_key(self, kind, name=None):
        """In the folder of this case; the pair of that name is the same in all of them."""
        if not SshHost.keys:
            SshHost.keys = sandbox.folder()
        made = f"{SshHost.keys}/{name or kind}"
        if not os.path.exists(made):
            sandbox.out(["ssh-keygen", "-q", "-t", kind, *(["-b", "2048"] if kind == "rsa" else []), "-N", "", "-f", made])
        for end in ("", ".pub"):
            shutil.copy(made + end, f"{self.ssh}/{name or kind}{end}")

    def start_sshd(self):
        with open(f"{self.ssh}/config", "w", encoding="utf-8") as f:
            f.write(CONFIG.format(port=PORT, dir=self.ssh, pam=self.pam, password=self.password, questions=self.questions,
                                  more=self.sshd_more(), keys="\n".join(f"HostKey {self.ssh}/{k}" for k in self.kinds)))
        self.log = f"{self.ssh}/log"
        began = os.path.getsize(self.log) if os.path.exists(self.log) else 0
        self.sshd = sandbox.start(["/usr/sbin/sshd", "-D", "-e", "-f", f"{self.ssh}/config"], self.log)

        def listening():
            with open(self.log, encoding="utf-8", errors="replace") as f:
                f.seek(began)
                return "Server listening" in f.read()

        sandbox.wait_until("sshd", listening)

    def sessions_of_sshd(self):
        """Pids of the processes that serve its connections, the eldest first."""
        found, look = [], [self.sshd.pid]
        while look:
            try:
                with open(f"/proc/{look[0]}/task/{look[0]}/children", encoding="ascii") as f:
                    children = [int(pid) for pid in f.read().split()]
            except OSError:
                children = []
            found += children
            look = look[1:] + children
        return found

    def end_sshd(self):
        children = self.sessions_of_sshd()
        sandbox.end(self.sshd)
        for pid in children:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def restart_sshd(self, **how):
        self.end_sshd()
        for name, value in how.items():
            setattr(self, name, value)
        self.start_sshd()

    def pin(self, _name, kind=None):
        return sandbox.out(["ssh-keygen", "-lf", f"{self.ssh}/{kind or self.kinds[0]}.pub"]).split()[1]

    def heard(self):
        """How often somebody began to log in: what comes right after the handshake."""
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read().count("userauth-request for user")

    def private_key(self, name="client"):
        with open(f"{self.ssh}/{name}", encoding="ascii") as f:
            return f.read()
