"""The management port: a small HTTP server in a native thread, so that it answers while every request is stuck.

It does no I/O but its own, and asks nobody: what it says was found out by others before.
"""

from __future__ import annotations

import _socket
import select
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

import structlog

from app.core.operating import native

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its status, its body, and what the body is."""

    status: int
    body: bytes
    media_type: str = "application/json"

    def encode(self, *, head: bool) -> bytes:
        """The answer as it goes over the wire; the connection ends with it."""
        lines = (
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            f"Content-Type: {self.media_type}",
            f"Content-Length: {len(self.body)}",
            "Cache-Control: no-store",
            "Connection: close",
        )
        return "\r\n".join((*lines, "", "")).encode() + (b"" if head else self.body)


Answer = Callable[[str], Reply]  # of a path; must not wait

LONGEST_HEAD = 8192  # bytes
PATIENCE = 5.0  # seconds that a connection may take
MOST = 64  # connections at a time

_READ, _WRITE = select.POLLIN, select.POLLOUT


def start(listener: _socket.socket, answer: Answer) -> None:
    """Answer on it from a native thread, for as long as the process lives."""
    native.start(Server(listener, answer).run)


@dataclass(slots=True)
class _Caller:
    socket: _socket.socket
    deadline: float
    head: bytes = b""
    reply: bytes = b""


class Server:
    """One loop over all connections: a slow caller costs the others nothing."""

    def __init__(self, listener: _socket.socket, answer: Answer) -> None:
        self._listener, self._answer = listener, answer
        self._callers: dict[int, _Caller] = {}
        self._poll = native.original("select", "poll")()
        self._poll.register(listener.fileno(), _READ)
        self._told = ""
        self.stopped = False

    def run(self) -> None:
        """Serve, whatever happens: without this thread a process that works would be taken for dead, and killed."""
        while not self.stopped:
            try:
                self.turn()
            except BaseException as error:  # noqa: BLE001 - whatever it is, the next turn has to come
                self._tell(repr(error))
                native.original("time", "sleep")(0.05)

    def turn(self, patience: float = 1.0) -> None:
        """Do what can be done now; wait for it so long at most, in seconds."""
        for number, _ in self._poll.poll(patience * 1000):
            if number == self._listener.fileno():
                self._accept()
            elif number in self._callers:
                self._attend(number)
        now = time.monotonic()
        for number in [number for number, caller in self._callers.items() if caller.deadline < now]:
            self._drop(number)

    def _tell(self, failure: str) -> None:
        with suppress(Exception):  # standard error may be what fails
            if failure != self._told:
                log.error("management.failed", error=failure)
        self._told = failure

    def _accept(self) -> None:
        try:
            number, _ = self._listener._accept()  # type: ignore[attr-defined]
        except BlockingIOError:  # another process was first
            return
        except OSError:  # too many open files: the caller waits, and so do we
            native.original("time", "sleep")(0.05)
            return
        caller = _socket.socket(fileno=number)
        caller.setblocking(False)
        if len(self._callers) >= MOST:
            self._drop(min(self._callers, key=lambda one: self._callers[one].deadline))
        self._callers[number] = _Caller(caller, time.monotonic() + PATIENCE)
        self._poll.register(number, _READ)

    def _attend(self, number: int) -> None:
        caller = self._callers[number]
        try:
            done = self._send(caller) if caller.reply else self._receive(caller, number)
        except BlockingIOError:
            return
        except Exception:  # noqa: BLE001 - a caller who went away, or what could not be foreseen: only he has to go
            done = True
        if done:
            self._drop(number)

    def _receive(self, caller: _Caller, number: int) -> bool:
        """Read on; whether the connection is over."""
        read = caller.socket.recv(4096)
        caller.head += read
        if b"\r\n\r\n" in caller.head:
            caller.reply = self._reply_to(caller.head)
            self._poll.modify(number, _WRITE)
            return self._send(caller)
        return not read or len(caller.head) > LONGEST_HEAD

    def _send(self, caller: _Caller) -> bool:
        caller.reply = caller.reply[caller.socket.send(caller.reply) :]
        return not caller.reply

    def _reply_to(self, head: bytes) -> bytes:
        method, _, rest = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
        if method not in ("GET", "HEAD"):
            return Reply(405, b"").encode(head=True)
        head_only = method == "HEAD"
        try:
            return self._answer(rest.split(" ")[0].partition("?")[0]).encode(head=head_only)
        except BaseException as error:  # noqa: BLE001 - one answer that fails must not end all others
            return Reply(500, repr(error).encode(), "text/plain").encode(head=head_only)

    def _drop(self, number: int) -> None:
        caller = self._callers.pop(number)
        with suppress(KeyError):
            self._poll.unregister(number)
        caller.socket.close()
