"""The management port's little server: it answers, whatever the others on it do."""

from __future__ import annotations

import _socket
import errno
import http.client
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest

from app.core.operating import management
from app.core.operating.management import Reply, Server

LARGE = b"x" * 4_000_000


def answer(path: str) -> Reply:
    if path == "/fails":
        raise RuntimeError("not like this")
    if path == "/exits":
        raise SystemExit  # which ends a thread without a word
    if path == "/nonsense":
        return Reply(299, b"")  # there is no such status
    return Reply(200, LARGE if path == "/large" else path.encode(), "text/plain")


@pytest.fixture
def port() -> Iterator[int]:
    """A port that is answered on by a thread."""
    listener = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    listener.setblocking(False)
    server, done = Server(listener, answer), threading.Event()

    def run() -> None:
        while not done.is_set():
            server.turn(0.05)

    thread = threading.Thread(target=run)
    thread.start()
    yield listener.getsockname()[1]
    done.set()
    thread.join()
    for number in list(server._callers):
        server._drop(number)
    listener.close()


def ask(port: int, path: str, method: str = "GET") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request(method, path)
    response = connection.getresponse()
    found = response.status, response.read()
    connection.close()
    return found


def test_a_path_is_answered_without_its_query(port: int) -> None:
    assert ask(port, "/livez?verbose=1") == (200, b"/livez")


def test_a_large_answer_arrives_whole(port: int) -> None:
    assert ask(port, "/large") == (200, LARGE)


def test_head_has_no_body_and_other_methods_are_refused(port: int) -> None:
    assert ask(port, "/livez", "HEAD") == (200, b"")
    assert ask(port, "/livez", "DELETE") == (405, b"")


@pytest.mark.parametrize("path", ["/fails", "/exits", "/nonsense"])
def test_an_answer_that_fails_is_an_error_and_not_the_end(port: int, path: str) -> None:
    assert ask(port, path)[0] == 500
    assert ask(port, "/livez")[0] == 200


def test_a_head_in_pieces_is_put_together(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        for piece in (b"GET /li", b"vez HTTP/1.1\r\n", b"\r\n"):
            connection.sendall(piece)
        assert b"/livez" in b"".join(iter(lambda: connection.recv(4096), b""))


def test_idle_callers_keep_nobody_out(port: int) -> None:
    """More than there is room for: the oldest has to go."""
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(management.MOST + 5)]
    assert [ask(port, "/livez")[0] for _ in range(20)] == [200] * 20
    assert idle[0].recv(1) == b""
    for connection in idle:
        connection.close()


def test_a_slow_caller_is_given_up(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(management, "PATIENCE", 0.2)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"GET /live")
        assert connection.recv(1) == b""


def test_a_head_without_end_is_cut_off(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        for _ in range(management.LONGEST_HEAD // 4096 + 1):
            connection.sendall(b"x" * 4096)
        try:
            assert connection.recv(1) == b""
        except ConnectionResetError:
            """Cut off with something of ours still unread."""


def test_what_is_not_there_yet_is_waited_for() -> None:
    """Another process may take the caller, and a caller may have sent nothing."""
    listener = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    listener.setblocking(False)
    server = Server(listener, answer)
    server._accept()
    assert not server._callers
    with socket.create_connection(listener.getsockname()):
        server.turn(1)
        (number,) = server._callers
        server._attend(number)
        assert list(server._callers) == [number]
        server._drop(number)
    listener.close()


def test_too_many_open_files_do_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def fileno(self) -> int:
            return 0

        def _accept(self) -> None:
            raise OSError(errno.EMFILE, "Too many open files")

    server = Server(cast(Any, Full()), answer)
    server._accept()
    assert not server._callers


def test_nothing_ends_the_thread(capsys: pytest.CaptureFixture[str]) -> None:
    """A poll that fails, a caller that cannot be attended to: it goes on, and tells of each failure once."""
    listener = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0))
    listener.listen(8)
    listener.setblocking(False)
    server = Server(listener, answer)
    sound, failures = server._poll, iter([OSError("no poll"), OSError("no poll"), MemoryError()])

    class Failing:
        def poll(self, milliseconds: float) -> list[tuple[int, int]]:
            for failure in failures:
                raise failure
            found: list[tuple[int, int]] = sound.poll(milliseconds)
            return found

        def __getattr__(self, name: str) -> Any:
            return getattr(sound, name)

    server._poll = Failing()
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        assert ask(listener.getsockname()[1], "/livez")[0] == 200
        told = "".join(capsys.readouterr())
        assert (told.count("no poll"), told.count("MemoryError")) == (1, 1)
    finally:
        server.stopped = True
        thread.join(30)
        for number in list(server._callers):
            server._drop(number)
        listener.close()


def test_a_caller_that_cannot_be_attended_to_is_dropped(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """He is the only one who has to go."""
    receive = Server._receive

    def choosy(server: Server, caller: Any, number: int) -> bool:
        if b"bad" in caller.socket.recv(4096, socket.MSG_PEEK):
            raise ValueError("not him")
        return receive(server, caller, number)

    monkeypatch.setattr(Server, "_receive", choosy)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"bad")
        try:
            assert connection.recv(1) == b""
        except ConnectionResetError:
            """Dropped with something of his still unread."""
    assert ask(port, "/livez")[0] == 200


def test_a_caller_who_goes_away_is_forgotten(port: int) -> None:
    """Also with a reset, in the middle of an answer."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.sendall(b"GET /large HTTP/1.1\r\n\r\n")
    connection.recv(10)
    connection.close()
    socket.create_connection(("127.0.0.1", port)).close()
    assert ask(port, "/livez")[0] == 200
