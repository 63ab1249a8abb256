"""The short line to Redis: connections that were closed, left in the middle, or inherited do no harm."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as NotThere
from redis.exceptions import ResponseError

from app.core.guarding.redis_line import Line, Script
from app.core.limits import _storage_options
from playhall.testing.services import Services

ECHO = Script("return ARGV[1]")
WRONG = Script("return redis.call('NOSUCH')")


@pytest.fixture
def redis(services: Services) -> Iterator[Redis]:
    """The server's other client."""
    with Redis.from_url(services.redis_url) as client:
        yield client


@pytest.fixture
def line(services: Services) -> Line:
    """A line of this test's own."""
    return Line(Redis.from_url(services.redis_url, **_storage_options(5)))  # type: ignore[arg-type]


def ask(line: Line, word: bytes = b"word") -> Any:
    return line.run(ECHO, [], [word])


def test_one_caller_needs_one_connection(line: Line) -> None:
    """However often it calls."""
    assert [ask(line, word) for word in (b"a", b"", b"b\r\n$")] == [b"a", b"", b"b\r\n$"]
    assert len(line._idle) == 1


def test_many_callers_get_their_own_answers(line: Line) -> None:
    """No answer reaches another caller."""
    wrong: list[bytes] = []

    def run(name: bytes) -> None:
        wrong.extend(word for word in (b"%b %d" % (name, number) for number in range(200)) if ask(line, word) != word)

    threads = [threading.Thread(target=run, args=(b"%d" % number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert 1 <= len(line._idle) <= 8


def test_a_connection_that_the_server_closed_is_replaced(line: Line, redis: Redis) -> None:
    """The caller does not notice."""
    ask(line)
    (connection,) = line._idle
    connection.send_command("CLIENT", "ID")
    redis.client_kill_filter(_id=connection.read_response())
    assert ask(line) == b"word"


def test_a_script_that_fails_leaves_the_line_usable(line: Line) -> None:
    """Its answer was read to the end."""
    for _ in range(2):
        with pytest.raises(ResponseError):
            line.run(WRONG, [], [])
    assert ask(line) == b"word"
    assert len(line._idle) == 1


def test_a_caller_that_gave_up_leaves_no_answer_to_the_next(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that was left between question and answer is not used again."""
    ask(line)
    (connection,) = line._idle

    def give_up() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(connection, "read_response", give_up)
    with pytest.raises(KeyboardInterrupt):
        ask(line, b"abandoned")
    assert ask(line) == b"word"
    assert connection not in line._idle


def test_a_forked_process_opens_its_own(line: Line) -> None:
    """Two processes on one connection would read each other's answers."""
    ask(line)
    (inherited,) = line._idle
    child = os.fork()
    if child == 0:
        fresh = ask(line) == b"word" and inherited not in line._idle
        os._exit(0 if fresh else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert ask(line) == b"word"


def test_a_server_that_is_not_there_is_an_error_at_once() -> None:
    """Nothing is kept of it."""
    line = Line(Redis(host="127.0.0.1", port=1, **_storage_options(5)))  # type: ignore[arg-type]
    with pytest.raises(NotThere):
        ask(line)
    assert not line._idle
