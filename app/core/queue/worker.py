"""`flask worker`: a parent that holds no connection to PostgreSQL, and beneath it RQ, or a poller while Redis is away."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable

import redis
import structlog
from flask import Flask
from rq import Worker
from rq.serializers import JSONSerializer

from app.core.queue import horse
from app.core.queue.horse import Stable
from app.core.queue.stop import Stop
from app.core.queue.wake import QUEUE, waker
from app.core.state import state

_ROUND_S = 1.0
_MISTRUST_S = 5.0

log = structlog.get_logger(__name__)


def work(app: Flask) -> None:
    """Work until SIGTERM or SIGINT; then finish the job that runs, and return when no process beneath is left."""
    Parent(app).run()


class Parent:
    """Keeps the right child alive. All processes beneath hold the other end of one line.

    They see it end when the parent stops or is killed; it sees it end when the last of them is gone.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._children: dict[str, int] = {}
        self._line, self._their_end = socket.socketpair()
        self._trusted_from = 0.0  # monotonic; RQ that died young is not started again before

    def run(self) -> None:
        """Tend the children until asked to stop."""
        stop = Stop()
        while True:
            self._tend()
            if stop.wait(_ROUND_S):
                break
        log.info("worker.stopping")
        self._their_end.close()
        self._line.shutdown(socket.SHUT_WR)
        while self._line.recv(1):
            pass
        for pid in self._children.values():
            os.waitpid(pid, 0)
        self._line.close()
        stop.close()

    def _tend(self) -> None:
        for name, pid in list(self._children.items()):
            if os.waitpid(pid, os.WNOHANG)[0]:
                del self._children[name]
                if name == "rq":
                    self._trusted_from = time.monotonic() + _MISTRUST_S
        if waker().answers() and time.monotonic() >= self._trusted_from:
            self._keep("rq", serve_rq)
            self._end("poll")
        else:
            self._keep("poll", horse.poll)

    def _keep(self, name: str, run: Callable[[Stable], None]) -> None:
        if name not in self._children:
            log.info("worker.child", kind=name)
            self._children[name] = os.fork() or self._be(run)

    def _end(self, name: str) -> None:
        if name in self._children:
            os.kill(self._children[name], signal.SIGTERM)

    def _be(self, run: Callable[[Stable], None]) -> int:
        """In the child: run it, and never come back."""
        code = 1
        try:
            os.setpgid(0, 0)  # Ctrl-C reaches the parent alone
            self._line.close()
            run(Stable(self._app, self._their_end))
            code = 0
        except BaseException:  # noqa: BLE001 - nothing of the child may run on in the parent's place
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)


def serve_rq(stable: Stable) -> None:
    """An RQ worker on one queue: with two, RQ loses jobs when it is killed."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    horse.settle(stable)
    threading.Thread(target=_stop_at_end_of, args=(stable.line,), daemon=True).start()
    horse.after_fork(stable.app)
    with stable.app.app_context():
        connection = redis.Redis.from_url(state().settings.redis_url)
    try:
        worker = Worker([QUEUE], connection=connection, serializer=JSONSerializer, log_job_description=False)
        worker.max_connection_wait_time = _ROUND_S
        worker.work(logging_level="WARNING")
    except redis.RedisError as error:
        log.warning("worker.redis_lost", error=str(error))


def _stop_at_end_of(line: socket.socket) -> None:
    line.recv(1)
    os.kill(os.getpid(), signal.SIGTERM)
