"""A Redis server of our own, on a unix socket that only we can open."""

import contextlib
import signal
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.embedded import binaries, place
from app.embedded.child import Child, evict

_SOCKET = "redis.sock"


class EmbeddedRedis:
    """Start a server with its data in `folder`; `durable=False` is for tests, which throw the data away."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.folder, self.durable = folder.absolute(), durable
        self.url, self.pid = "", 0
        self.child: Child | None = None
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Return when the server answers at `url`; raise EmbeddedError with a sentence when it cannot."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(place.locked(self.folder))
            data = place.private_folder(self.folder.resolve() / "data", None)
            run = stack.enter_context(place.socket_folder(self.folder.resolve(), _SOCKET, None))
            evict(data / "redis.pid", data)
            child = self._serve(data, run / _SOCKET)
            stack.callback(child.stop)
            child.wait_until(lambda: _answers(run / _SOCKET))
            self.url = f"unix://{quote(str(run / _SOCKET))}?db=0"
            self.child, self.pid = child, child.pid
            self._cleanup = stack.pop_all()

    def stop(self) -> None:
        """Shut down and wait for it. Safe to repeat."""
        self._cleanup.close()

    def _serve(self, data: Path, socket: Path) -> Child:
        settings = {
            "port": "0",
            "unixsocket": str(socket),
            "unixsocketperm": "700",
            "dir": str(data),
            "pidfile": str(data / "redis.pid"),
            "appendonly": "yes" if self.durable else "no",
            "save": "",
            # What is queued must never be thrown away to make room: full is an error that somebody sees.
            "maxmemory-policy": "noeviction",
        }
        options = [part for name, value in settings.items() for part in (f"--{name}", value)]
        return Child([str(binaries.redis_server()), *options], self.folder / "log", stop=signal.SIGTERM)


def _answers(socket: Path) -> bool:
    at_once = Retry(NoBackoff(), retries=0)
    client = redis.Redis(unix_socket_path=str(socket), socket_timeout=5, retry=at_once)
    try:
        return bool(client.ping())
    except redis.RedisError:  # not there yet, or still reading its file
        return False
    finally:
        client.close()
