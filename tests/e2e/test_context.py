# SPDX-License-Identifier: GPL-3.0-or-later
"""persona(1) from afar: contexts over TLS, by CA or pinned key, with a token or a client certificate."""
import base64
import hashlib
import json
import os
import ssl
import subprocess

import rack
import tap
from controller import SAN, Result
from test_access import token
from test_faults import WEB1
from test_tls import TlsController


def persona(c, *args, **env):
    """Without --socket: the context decides."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("RECAST_")}
    return Result(subprocess.run([os.path.join(c.builddir, "persona"), *args], capture_output=True, text=True, timeout=120,
                                 stdin=subprocess.DEVNULL,
                                 env={**clean, **SAN, "NO_COLOR": "1", "HOME": c.dir, "XDG_CONFIG_HOME": os.path.join(c.dir, "config"), **env}))


def token_file(c, name, role, *scopes):
    path = os.path.join(c.dir, name + ".token")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
        f.write(token(c, name, role, *scopes)["Authorization"].split()[1] + "\n")
    return path


def pin_of(c):
    pem = ssl.get_server_certificate(("127.0.0.1", c.port))
    key = subprocess.run(["openssl", "x509", "-pubkey", "-noout"], input=pem.encode(), capture_output=True, check=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], input=key, capture_output=True, check=True).stdout
    return "sha256//" + base64.b64encode(hashlib.sha256(der).digest()).decode()


def ready(builddir):
    c = TlsController(builddir)
    c.define(rack.site(c.dir), rack.persona("web"), rack.persona("db", "db"))
    return c


def test_a_context_reaches_a_controller_over_tls_and_looks_the_same(builddir):
    with ready(builddir) as c:
        file = token_file(c, "hands", "operator")
        server = "https://localhost:%d" % c.port
        persona(c, "context", "list").expect(0, "local")
        persona(c, "context", "add", "lab", "--server", server, "--ca", c.ca.pem, "--token-file", file).expect(0, "in use")
        persona(c, "whoami").expect(0, "token hands", "operator", "the whole site")
        persona(c, "apply", "web", "--on", "node1", "--wait").expect(0)
        tap.equal(persona(c, "get", "personas").out, c.persona("get", "personas").out)
        tap.equal(persona(c, "secret", "list").code, 5)
        persona(c, "version").expect(0, "recastd")
        # The context in use, another by the environment, the socket of this host by its name.
        persona(c, "context", "add", "eyes", "--server", server, "--ca", c.ca.pem, "--token-command", "cat " + token_file(c, "eyes", "viewer")).expect(0)
        persona(c, "whoami").expect(0, "token eyes")
        persona(c, "--context", "lab", "whoami").expect(0, "token hands")
        persona(c, "whoami", RECAST_CONTEXT="lab").expect(0, "token hands")
        persona(c, "whoami", RECAST_SOCKET=c.socket).expect(0, "uid 0")
        persona(c, "context", "use", "lab").expect(0)
        persona(c, "context", "remove", "lab").expect(0)
        persona(c, "--context", "lab", "whoami").expect(3, "no context `lab`")
        config = os.path.join(c.dir, "config", "recast", "contexts.json")
        tap.equal(os.stat(config).st_mode & 0o777, 0o600)
        tap.lacks(open(config).read(), open(file).read().strip())
        tap.equal(json.load(open(config))["current"], "local")


def test_a_server_is_known_by_its_ca_or_its_pinned_key_and_by_nothing_less(builddir):
    with ready(builddir) as c:
        file = token_file(c, "eyes", "viewer")
        server = "https://localhost:%d" % c.port
        persona(c, "context", "add", "lab", "--server", server, "--token-file", file).expect(0)
        persona(c, "whoami").expect(6, "is not trusted", "--ca FILE")
        persona(c, "context", "add", "lab", "--server", server, "--pin", pin_of(c), "--token-file", file).expect(0)
        persona(c, "whoami").expect(0, "token eyes")
        wrong = "sha256//" + base64.b64encode(b"x" * 32).decode()
        persona(c, "context", "add", "lab", "--server", server, "--ca", c.ca.pem, "--pin", wrong, "--token-file", file).expect(0)
        persona(c, "whoami").expect(6, "another key than the one that is pinned")
        persona(c, "context", "add", "lab", "--server", "https://localhost:1", "--ca", c.ca.pem, "--token-file", file).expect(0)
        persona(c, "whoami").expect(6, "no controller answers at https://localhost:1", "listen")
        os.chmod(file, 0o644)
        persona(c, "whoami").expect(5, "others may read the token file", "chmod 0600")
        for args in (["--server", "http://localhost:1"], [], ["--server", server, "--pin", "abc"], ["--server", server, "--client-cert", c.ca.pem],
                     ["--server", server, "--token-file", file, "--token-command", "x"]):
            tap.equal(persona(c, "context", "add", "bad", *args).code, 2, args)


def test_a_client_certificate_comes_in_by_its_account(builddir):
    with ready(builddir) as c:
        cert, key = c.ca.issue("ci", "/O=Example/CN=ci")
        c.persona("account", "add", "--cert", "CN=ci,O=Example", "--role", "operator", "--scope", "persona:web").expect(0)
        persona(c, "context", "add", "ci", "--server", "https://localhost:%d" % c.port, "--ca", c.ca.pem, "--client-cert", cert,
                "--client-key", key).expect(0)
        persona(c, "whoami").expect(0, "cert CN=ci,O=Example", "persona:web")
        run = c.run_to_end(**WEB1)
        tap.equal(run["state"], "done")
        tap.equal(persona(c, "get", "personas", "-o", "name").out.split(), ["web"])
        persona(c, "can", "apply", "db").expect(5, "no")
        persona(c, "can", "power", "machine/node1").expect(0, "yes")
        c.persona("account", "remove", "--cert", "CN=ci,O=Example").expect(0)
        persona(c, "whoami").expect(5, "has no account")
