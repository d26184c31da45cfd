# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates for tests, made with openssl(1) in the test's own folder; and ports to serve them on."""
import os
import random
import socket
import ssl
import subprocess

import tap


def openssl(*args):
    done = subprocess.run(["openssl", *args], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def free_port(host="127.0.0.1"):
    """Below those that the kernel gives to clients, so that none of them has it a moment later; and of this process's own."""
    share = 20000 // tap.workers
    while True:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as s:
            try:
                s.bind((host, 12000 + tap.worker * share + random.randrange(share)))
                return s.getsockname()[1]
            except OSError:
                pass


class Authority:
    """A CA in @dir: issue() makes NAME.pem and NAME.key there."""

    def __init__(self, dir, name="ca"):
        self.dir, self.name, self.serial = dir, name, 0
        self.pem = self.path(name + ".pem")
        self._key(name)
        openssl("req", "-x509", "-new", "-key", self.path(name + ".key"), "-subj", "/CN=Test " + name, "-days", "30",
                "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign", "-out", self.pem)

    def path(self, name):
        return os.path.join(self.dir, name)

    def _key(self, name, kind="EC"):
        options = {"EC": ["-pkeyopt", "ec_paramgen_curve:P-256"], "RSA": ["-pkeyopt", "rsa_keygen_bits:2048"], "ED25519": []}[kind]
        openssl("genpkey", "-algorithm", kind, *options, "-out", self.path(name + ".key"))

    def issue(self, name, subject, usage="clientAuth", days=30, kind="EC"):
        """(certificate, key) as paths; @subject as "/O=Example/CN=ci"."""
        self._key(name, kind)
        openssl("req", "-new", "-utf8", "-key", self.path(name + ".key"), "-subj", subject, "-out", self.path(name + ".csr"))
        with open(self.path(name + ".ext"), "w") as f:
            f.write("extendedKeyUsage=%s\nsubjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\n" % usage)
        self.serial += 1
        openssl("x509", "-req", "-in", self.path(name + ".csr"), "-CA", self.pem, "-CAkey", self.path(self.name + ".key"),
                "-set_serial", str(self.serial), "-days", str(days), "-extfile", self.path(name + ".ext"),
                "-out", self.path(name + ".pem"))
        return self.path(name + ".pem"), self.path(name + ".key")

    def context(self, certificate=None):
        """For a client that trusts this CA, with the (certificate, key) that it shows."""
        context = ssl.create_default_context(cafile=self.pem)
        if certificate:
            context.load_cert_chain(*certificate)
        return context
