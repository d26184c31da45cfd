#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The UARTs of the servers: serial.py DIR N…   For each N a server's QEMU connects to DIR/nodeN/serial and its BMC's
SOL to TCP 127.0.0.1:910N.  A UART is there also while its server is off, as in a real box, so that a console opened
before power on misses nothing.  What nobody is connected to read is lost, as on a real line."""
import os
import selectors
import socket
import sys


class Line:
    """One UART: at most one peer on each side."""

    def __init__(self, selector, dir, n):
        self.selector = selector
        self.peers = {"server": None, "bmc": None}
        path = os.path.join(dir, "node%s" % n, "serial")
        if os.path.exists(path):
            os.unlink(path)
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
        bmc = socket.socket()
        bmc.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bmc.bind(("127.0.0.1", 9100 + int(n)))
        for side, listener in (("server", server), ("bmc", bmc)):
            listener.listen(4)
            selector.register(listener, selectors.EVENT_READ, (self.accept, side))

    def accept(self, listener, side):
        peer = listener.accept()[0]
        peer.setblocking(False)
        self.drop(side)  # the newest is the one that counts
        self.peers[side] = peer
        self.selector.register(peer, selectors.EVENT_READ, (self.forward, side))

    def drop(self, side):
        if self.peers[side]:
            self.selector.unregister(self.peers[side])
            self.peers[side].close()
            self.peers[side] = None

    def forward(self, peer, side):
        try:
            data = peer.recv(4096)
        except OSError:
            data = b""
        if not data:
            self.drop(side)
            return
        other = self.peers["bmc" if side == "server" else "server"]
        try:
            if other:
                other.send(data)
        except OSError:
            pass  # a full or dying peer loses characters


def main():
    selector = selectors.DefaultSelector()
    lines = [Line(selector, sys.argv[1], n) for n in sys.argv[2:]]
    while lines:
        for key, _ in selector.select():
            handler, side = key.data
            if key.fileobj.fileno() >= 0:
                handler(key.fileobj, side)


main()
