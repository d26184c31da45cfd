#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
#
# selftest-controller.py DIR: a stand-in for the controller at 10.66.10.1:8080.
#
# It answers /boot/ipxe and /boot/config with the files DIR/ipxe-MAC and
# DIR/config-MAC, takes /boot/report, and appends each request to DIR/requests
# as "SECONDS STATUS PATH".  While DIR/hang-reports exists it takes reports but
# does not answer them.  The self-test writes the files and reads the log.

import http.server
import os
import sys
import time
import urllib.parse

STATE = sys.argv[1]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        mac = urllib.parse.parse_qs(url.query).get("mac", [""])[0]
        body = self.body(url.path, mac)
        if url.path == "/boot/report" and os.path.exists(os.path.join(STATE, "hang-reports")):
            self.note("none")
            time.sleep(30)
            return
        self.note(200 if body is not None else 404)
        self.send_response(200 if body is not None else 404)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    @staticmethod
    def body(path, mac):
        if path == "/boot/report":
            return b"ok\n"
        name = {"/boot/ipxe": "ipxe-", "/boot/config": "config-"}.get(path)
        if name is None or not all(c in "0123456789abcdef:" for c in mac):
            return None
        try:
            with open(os.path.join(STATE, name + mac), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def note(self, status):
        with open(os.path.join(STATE, "requests"), "a", encoding="utf-8") as log:
            log.write(f"{time.time():.3f} {status} {self.path}\n")

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("10.66.10.1", 8080), Handler)
    with open(os.path.join(STATE, "requests"), "a", encoding="utf-8") as ready:
        ready.write("ready\n")
    server.serve_forever()
