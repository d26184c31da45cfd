# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that go on: events and consoles."""
import tap
from fakecore import Reader
from test_http import HOST, STATUS, exchange, front

EVENTS = b"GET /v1/events HTTP/1.1\r\n" + HOST + b"Last-Event-ID: 41\r\n\r\n"


def open_stream(core, s, request=EVENTS):
    s.sendall(request)
    frame = core.frame()
    core.send(id=frame["id"], status=200, stream=True, type="text/event-stream")
    return frame


def test_passes_each_chunk_on_at_once_and_ends_cleanly(builddir):
    with front(builddir) as core, core.connect() as s:
        frame = open_stream(core, s)
        tap.equal(frame["headers"]["last-event-id"], "41")
        reader = Reader(s)
        status, headers = reader.head()
        tap.equal((status, headers["content-type"], headers["transfer-encoding"]), (200, "text/event-stream", "chunked"))
        for text in ("data: 1\n\n", "data: ü\n\n"):
            core.send(id=frame["id"], chunk=text)
            tap.equal(reader.chunk(), text.encode())
        core.send(id=frame["id"], chunk="")  # must not end the stream
        core.send(id=frame["id"], chunk="last", end=True)
        tap.equal(reader.chunk(), b"last")
        tap.equal(reader.chunk(), b"")
        s.sendall(STATUS)  # the connection lives on
        core.send(id=core.frame()["id"], status=200, body={})
        tap.equal(reader.response().status, 200)


def test_tells_the_core_that_a_reader_has_gone(builddir):
    with front(builddir) as core:
        s = core.connect()
        frame = open_stream(core, s)
        Reader(s).head()
        s.close()
        tap.equal(core.frame(), {"id": frame["id"], "closed": True})


def test_tells_the_core_also_when_the_reader_left_before_the_stream_began(builddir):
    with front(builddir) as core:
        s = core.connect()
        s.sendall(EVENTS)
        frame = core.frame()
        s.close()
        exchange(core, STATUS)  # by now the close has been seen
        core.send(id=frame["id"], status=200, stream=True, type="text/event-stream")
        tap.equal(core.frame(), {"id": frame["id"], "closed": True})


def test_does_not_report_a_stream_that_the_core_ended(builddir):
    with front(builddir) as core:
        s = core.connect()
        frame = open_stream(core, s)
        core.send(id=frame["id"], end=True)
        reader = Reader(s)
        reader.head()
        tap.equal(reader.chunk(), b"")
        s.close()
        tap.equal(core.frame(0.1), None)


def test_cuts_off_a_reader_that_does_not_keep_up(builddir):
    with front(builddir) as core, core.connect() as s:
        frame = open_stream(core, s)
        closed = None
        for _ in range(200):  # far more than the socket buffers and the limit
            core.send(id=frame["id"], chunk="x" * 65536)
            closed = core.frame(0.001)
            if closed:
                break
        tap.equal(closed or core.frame(), {"id": frame["id"], "closed": True})
        exchange(core, STATUS)
        tap.contains(core.log().decode(), "does not keep up")


def test_keeps_a_reader_that_keeps_up_with_much(builddir):
    with front(builddir) as core, core.connect() as s:
        frame = open_stream(core, s)
        reader = Reader(s)
        reader.head()
        for _ in range(100):
            core.send(id=frame["id"], chunk="x" * 65536)
            tap.equal(len(reader.chunk()), 65536)


def test_serves_others_while_streams_are_open(builddir):
    with front(builddir) as core:
        readers = [core.connect() for _ in range(20)]
        frames = [open_stream(core, s) for s in readers]
        exchange(core, STATUS)
        for frame, s in zip(frames, readers):
            core.send(id=frame["id"], chunk=str(frame["id"]))
            reader = Reader(s)
            reader.head()
            tap.equal(reader.chunk(), str(frame["id"]).encode())
            s.close()


def test_ends_a_stream_to_http_1_0_by_closing(builddir):
    with front(builddir) as core, core.connect() as s:
        frame = open_stream(core, s, b"GET /v1/events HTTP/1.0\r\n\r\n")
        core.send(id=frame["id"], chunk="abc", end=True)
        reader = Reader(s)
        assert "transfer-encoding" not in reader.head()[1]
        tap.equal(reader.exactly(3), b"abc")
        assert reader.at_eof()


def test_drops_a_reader_that_talks_into_the_stream(builddir):
    with front(builddir) as core, core.connect() as s:
        frame = open_stream(core, s)
        Reader(s).head()
        s.sendall(STATUS)
        tap.equal(core.frame(), {"id": frame["id"], "closed": True})
