# SPDX-License-Identifier: GPL-3.0-or-later
"""The array guest: QEMU with Debian's kernel as an iSCSI and FCoE target (LIO), driven through SSH.
Whoever uses it has a network namespace of his own, makes the taps in it, and ends the process."""
import glob
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
NEEDED = {"qemu-system-x86_64": "qemu-system-x86", "lz4": "lz4", "cpio": "cpio", "busybox": "busybox-static",
          "dropbear": "dropbear-bin", "ssh-keygen": "openssh-client"}
MODULES = "virtio_pci virtio_net crc32c_generic crct10dif_generic md5 sha1_generic sha256_generic target_core_file " \
          "iscsi_target_mod tcm_fc fcoe"
QUIET = "console=ttyS0 quiet loglevel=3 mitigations=off nokaslr cryptomgr.notests random.trust_cpu=on panic=-1"
HELPER = "/usr/libexec/recast/recast-lio-target"


def newest_kernel():
    kernels = sorted(os.path.basename(path)[8:] for path in glob.glob("/boot/vmlinuz-*"))
    return next((k for k in reversed(kernels) if glob.glob(f"/lib/modules/{k}/kernel/drivers/target/tcm_fc/tcm_fc.ko*")), None)


def missing():
    """Debian packages that are not there."""
    away = {package for program, package in NEEDED.items() if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin")}
    return sorted(away | (set() if newest_kernel() else {"linux-image-amd64"}))


def libraries_of(program):
    text = subprocess.run(["ldd", program], stdout=subprocess.PIPE, check=True).stdout.decode()
    return re.findall(r"(?:=> |^\t)(/\S+)", text, re.M)


def place(root, path, source):
    os.makedirs(os.path.dirname(root + path), exist_ok=True)
    shutil.copy(source, root + path)


def write(root, path, text, mode=0o644):
    os.makedirs(os.path.dirname(root + path), exist_ok=True)
    with open(root + path, "w", encoding="ascii") as f:
        f.write(text)
    os.chmod(root + path, mode)


def build(folder, helper):
    """Build FOLDER/initrd with the helper in it, and the keys of the guest and of who logs in to it."""
    extra = f"{folder}/extra"
    for path, program in {"/usr/sbin/dropbear": "/usr/sbin/dropbear", HELPER: helper}.items():
        place(extra, path, program)
        for library in libraries_of(program):
            place(extra, library, library)
    for name in ("array-reset", "array-dump"):
        place(extra, f"/usr/sbin/{name}", f"{HERE}/guest/{name}")
    for name in ("hostkey", "client"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-m", "PEM", "-N", "", "-f", f"{folder}/{name}"], check=True)
    os.makedirs(f"{extra}/etc/dropbear")
    subprocess.run(["/usr/lib/dropbear/dropbearconvert" if os.path.exists("/usr/lib/dropbear/dropbearconvert") else "dropbearconvert",
                    "openssh", "dropbear", f"{folder}/hostkey", f"{extra}/etc/dropbear/hostkey"], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    write(extra, "/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
    write(extra, "/etc/group", "root:x:0:\n")
    write(extra, "/etc/shells", "/bin/sh\n")
    with open(f"{folder}/client.pub", encoding="ascii") as f:
        write(extra, "/root/.ssh/authorized_keys", f.read(), 0o600)
    os.chmod(f"{extra}/root", 0o700)
    os.chmod(f"{extra}/root/.ssh", 0o700)
    subprocess.run([f"{HERE}/../fcf/guest/initramfs", newest_kernel(), folder], check=True,
                   env=dict(os.environ, MODULES=MODULES, INIT=f"{HERE}/guest/init", EXTRA=extra))
    return subprocess.run(["ssh-keygen", "-lf", f"{folder}/hostkey.pub"], stdout=subprocess.PIPE,
                          check=True).stdout.decode().split()[1]


def qemu(folder, address, taps, log):
    """The command line: @taps are names of interfaces, the first for management and iSCSI, up to two more for FCoE."""
    cards = []
    for i, tap in enumerate(taps):
        cards += ["-netdev", f"tap,id=n{i},ifname={tap},script=no,downscript=no,vnet_hdr=off", "-device",
                  f"virtio-net-pci,netdev=n{i},mac=52:54:00:00:0a:0{i + 1},romfile=" + (",host_mtu=2500" if i else "")]
    return ["nice", "qemu-system-x86_64", "-accel", "tcg", "-cpu", "qemu64,+rdrand", "-m", "320", "-nodefaults", "-display", "none",
            "-no-reboot", "-kernel", f"/boot/vmlinuz-{newest_kernel()}", "-initrd", f"{folder}/initrd",
            "-append", f"{QUIET} address={address}", *cards,
            "-serial", f"file:{log}"]


class Array:
    """One that runs.  @start starts a program (argv, log) and @wait_until waits for a condition (what, probe, seconds)."""

    def __init__(self, folder, address, taps, start, wait_until):
        self.log, self.wait_until, self.host = f"{folder}/array.console", wait_until, address.split("/")[0]
        self.process = start(qemu(folder, address, taps, self.log), f"{folder}/array.output")
        with open(f"{folder}/hostkey.pub", encoding="ascii") as key, open(f"{folder}/known", "w", encoding="ascii") as known:
            known.write(f"{self.host} {' '.join(key.read().split()[:2])}\n")
        self.ssh = ["ssh", "-F", "none", "-i", f"{folder}/client", "-o", f"UserKnownHostsFile={folder}/known", "-o", "BatchMode=yes",
                    f"root@{self.host}"]

    def console(self):
        if not os.path.exists(self.log):
            return ""
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read().replace("\r", "")

    def wait_ready(self, seconds=180):
        self.wait_until("the array to boot", lambda: "=== ready" in self.console() or self.process.poll() is not None, seconds)
        if self.process.poll() is not None:
            raise RuntimeError(f"QEMU of the array has ended: {self.console()}")

    def run(self, command, seconds=60):
        """What the command prints; RuntimeError when it fails."""
        r = subprocess.run(self.ssh + [command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           timeout=seconds, check=False)
        if r.returncode:
            raise RuntimeError(f"{command}: {r.stdout.decode(errors='replace')}{r.stderr.decode(errors='replace')}")
        return r.stdout.decode(errors="replace")
