"""`python -m bench.sender PORT SECONDS CONNECTIONS FILE METHOD PATH [BODY]`: load from Python, where wrk is not installed.

One process on raw sockets; it prints what wrk's script prints. It costs several times as much as wrk.
"""

from __future__ import annotations

import os
import re
import selectors
import socket
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def requests(file: str, method: str, path: str, body: str = "") -> Callable[[], bytes]:
    """What to send next: another account each time, another key for each POST."""
    senders = [line.split() for line in Path(file).read_text().splitlines()]
    numbers = count(os.getpid())

    def text() -> bytes:
        number = next(numbers)
        account, token = senders[number % len(senders)]
        head = f"{method} {path.replace('{account}', account)} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        if method != "GET":
            head += f"Idempotency-Key: {os.getpid()}-{number}-{began}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return f"{head}\r\n{body}".encode()

    began = time.time_ns()
    return text


def answered(received: bytes) -> bool:
    """Whether an answer is there to its end."""
    head, _, body = received.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return length is not None and len(body) >= int(length[1])


def run(port: int, seconds: float, connections: int, next_request: Callable[[], bytes]) -> tuple[int, int, float]:
    """Answers, failures among them, and seconds."""
    selector = selectors.DefaultSelector()
    partial: dict[socket.socket, bytes] = {}
    for _ in range(connections):
        opened = socket.create_connection(("127.0.0.1", port))
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(opened, selectors.EVENT_READ)
        opened.sendall(next_request())
        partial[opened] = b""
    done = failed = 0
    began = time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        for key, _ in selector.select(0.1):
            one: Any = key.fileobj
            got = one.recv(65536)
            if not got:
                raise ConnectionError("the server closed a connection")
            partial[one] += got
            if answered(partial[one]):
                done += 1
                failed += not partial[one].startswith(b"HTTP/1.1 2")
                partial[one] = b""
                one.sendall(next_request())
    return done, failed, passed


if __name__ == "__main__":
    _port, _seconds, _connections, *_what = sys.argv[1:]
    _done, _failed, _passed = run(int(_port), float(_seconds), int(_connections), requests(*_what))
    print(f"DONE {_done} {_failed} {_passed * 1e6:.0f}")
