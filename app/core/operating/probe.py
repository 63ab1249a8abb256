"""Asks PostgreSQL twice a second whether it is there, from a native thread and on a connection of its own.

`statement_timeout` and `connect_timeout` do not help against a server that is frozen: it cannot cancel, and it has accepted.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo
from sqlalchemy import Engine

from app.core.operating import native
from app.core.operating.checks import UNASKED

Fetch = Callable[[str], Sequence[Any]]  # SQL without parameters -> rows of text

EVERY = 0.5  # seconds between two questions
PATIENCE = 1.5  # seconds without an answer: frozen. With EVERY and a retry it stays below three
GIVE_UP = 6.0  # seconds until a new connection is tried; an attempt a second would fill a frozen server's queue
FACTS_EVERY = 5.0

# The server ends a slow question of ours long before we would take it for frozen.
OWN = {"options": "-c statement_timeout=1000 -c lock_timeout=300", "application_name": "playhall-probe"}


class Gone(Exception):
    """There is no connection, or it ended."""


class Silent(Exception):
    """No answer came in time."""


class Refused(Exception):
    """The database answered with an error."""


@dataclass(slots=True)
class Probe:
    """Knows whether the database answers. `facts` are questions of others, asked on the same connection every few seconds.

    `problem` is a sentence, None while the database answers; `known` holds a fact's answer or the exception it ended in.
    """

    conninfo: bytes
    on_frozen: Callable[[], None]
    on_answer: Callable[[], None]
    facts: Mapping[str, Callable[[Fetch], Any]] = field(default_factory=dict)
    problem: str | None = UNASKED
    frozen: bool = False
    give_up: float = GIVE_UP
    known: dict[str, Any] = field(default_factory=dict)
    _line: pq.abc.PGconn | None = None
    _asked: float = 0.0
    _stopped: bool = False
    _facts_at: float = float("-inf")

    def run(self) -> None:
        """Ask until stopped; for a native thread."""
        while not self._stopped:
            self.look()
            self._rest()
        self.hang_up()

    def stop(self) -> None:
        """Ask no more."""
        self._stopped = True

    def look(self) -> None:
        """Ask once; give up after GIVE_UP seconds at the latest, and never raise."""
        connected = self._line is not None
        try:
            self._ask()
        except Silent:
            self.hang_up()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next round has to happen
            self.hang_up()
            if connected:  # it may be our connection alone that was ended
                return self.look()
            # A refusal comes at once: nobody has to be kept from it.
            self._settle(" ".join(str(error).split()) or repr(error))

    def _ask(self) -> None:
        self._asked = time.monotonic()
        if self._line is None:
            self._connect()
        self.fetch("SELECT 1")
        self._settle(None)
        if time.monotonic() >= self._facts_at + FACTS_EVERY:
            self._facts_at = time.monotonic()
            for name, ask in self.facts.items():
                self.known[name] = self._fact(ask)

    def _fact(self, ask: Callable[[Fetch], Any]) -> Any:
        try:
            return ask(self.fetch)
        except (Gone, Silent, psycopg.OperationalError):
            raise
        except Exception as error:  # noqa: BLE001 - one fact that cannot be had must not hide the others
            return error

    def fetch(self, sql: str) -> list[tuple[str | None, ...]]:
        """Ask on the open connection: rows of text, or Refused, Gone or Silent."""
        self._asked = time.monotonic()
        line = self._line
        if line is None:
            raise Gone("not connected")
        line.send_query(sql.encode())
        while line.flush():
            self._wait(line, select.POLLIN | select.POLLOUT)
        found: list[tuple[str | None, ...]] = []
        refused = None
        while True:
            while line.is_busy():
                self._wait(line, select.POLLIN)
                line.consume_input()
            result = line.get_result()
            if result is None:
                break
            if result.status != pq.ExecStatus.TUPLES_OK:
                refused = result.error_message.decode(errors="replace").strip()
            found = [tuple(_text(result.get_value(row, column)) for column in range(result.nfields)) for row in range(result.ntuples)]
        if line.status != pq.ConnStatus.OK:
            raise Gone(refused or "the connection was lost")
        if refused is not None:
            raise Refused(refused)
        return found

    def _connect(self) -> None:
        line = self._line = pq.PGconn.connect_start(self.conninfo)
        while (state := line.connect_poll()) != pq.PollingStatus.OK:
            if state == pq.PollingStatus.FAILED:
                said = line.error_message.decode(errors="replace").strip()
                raise Gone(said)
            self._wait(line, select.POLLIN if state == pq.PollingStatus.READING else select.POLLOUT)
        line.nonblocking = 1

    def _wait(self, line: pq.abc.PGconn, events: int) -> None:
        poll = native.original("select", "poll")()
        poll.register(line.socket, events)
        # Looked at once more after the time is over: it may be us who had no turn, and not the server.
        while not poll.poll(100):
            silent = time.monotonic() - self._asked
            if silent > PATIENCE and not poll.poll(0):
                self._freeze()
            if silent > self.give_up and not poll.poll(0):
                raise Silent

    def _freeze(self) -> None:
        if not self.frozen:
            self.frozen, self.problem = True, "frozen: it accepts connections and answers nothing"
            self.on_frozen()

    def _settle(self, problem: str | None) -> None:
        self.problem, self.frozen = problem, False
        self.on_answer()

    def hang_up(self) -> None:
        """Close the connection; the next question opens another."""
        line, self._line = self._line, None
        if line is not None:
            line.finish()

    def _rest(self) -> None:
        """Pause between two questions, cut short when the server ends our connection."""
        if self._line is None:
            native.original("time", "sleep")(EVERY)
            return
        poll = native.original("select", "poll")()
        poll.register(self._line.socket, select.POLLIN)
        poll.poll(EVERY * 1000)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")


def conninfo(engine: Engine) -> bytes:
    """Where the engine connects to, as libpq reads it, with time-outs of our own."""
    _, options = engine.dialect.create_connect_args(engine.url)
    plain = {name: str(value) for name, value in options.items() if isinstance(value, str | int)}
    return make_conninfo(**{**plain, **OWN}).encode()
