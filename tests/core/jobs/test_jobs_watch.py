"""A job under watch, in this process: who is to be killed is only noted."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from flask import Flask
from probing import ask, put, states
from sqlalchemy.exc import OperationalError, ProgrammingError

from app.core.db import db
from app.core.queue import claims, horse, stop, watch
from app.core.queue.drain import drain
from app.core.queue.watch import Watchman
from app.core.settings import CoreSettings


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The signals this process would have sent itself; its limits stay as they are."""
    sent: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, signum: sent.append(signum) if pid == os.getpid() else None)
    monkeypatch.setattr(resource, "setrlimit", lambda what, limits: None)
    before = signal.getsignal(signal.SIGALRM)
    yield sent
    signal.signal(signal.SIGALRM, before)


def watchman(app: Flask, timeout_s: int) -> Watchman:
    settings: CoreSettings = replace(app.extensions["playhall"].settings, job_timeout_s=timeout_s)
    return Watchman(db.engine, settings)


def test_a_lease_is_renewed_while_the_job_runs(probed: Flask, killed: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """A job may run longer than its lease: nobody takes it over."""
    monkeypatch.setattr(watch, "_RENEW_S", 0.1)
    put(probed, "probe.slow", tenths=10)
    leases = set()

    def renew(engine: object, claim: claims.Claim) -> bool:
        kept = claims_renew(engine, claim)
        leases.update(row.lease_until for row in ask(probed, "SELECT lease_until FROM core_job"))
        return kept

    claims_renew = claims.renew
    monkeypatch.setattr(claims, "renew", renew)
    with probed.app_context():
        drain(watch=watchman(probed, 60))
    assert states(probed) == {"done": 1}
    assert len(leases) > 3
    assert killed == []


def test_a_database_that_is_away_is_asked_again(probed: Flask, killed: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """A renewal that fails is tried at the next turn."""
    monkeypatch.setattr(watch, "_RENEW_S", 0.1)
    asked = []

    def renew(engine: object, claim: claims.Claim) -> bool:
        asked.append(claim)
        raise OperationalError("renew", None, Exception("away"))

    monkeypatch.setattr(claims, "renew", renew)
    put(probed, "probe.slow", tenths=10)
    with probed.app_context():
        drain(watch=watchman(probed, 60))
    assert len(asked) > 2
    assert states(probed) == {"done": 1}


def test_a_job_that_overstays_is_failed_and_its_process_killed(probed: Flask, killed: list[int]) -> None:
    """The reason is in the row before the process goes; should the handler come back after all, it is fenced."""
    put(probed, "probe.slow", tenths=20)
    with probed.app_context():
        drain(watch=watchman(probed, 1))
    assert killed[0] == signal.SIGKILL
    [row] = ask(probed, "SELECT state, error FROM core_job")
    assert tuple(row) == ("ready", "ran longer than PLAYHALL_JOB_TIMEOUT_S, 1 s, and was killed")
    assert ask(probed, "SELECT 1 FROM probe_effect") == []


def test_a_job_that_has_just_finished_is_not_killed(probed: Flask, killed: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The verdict is fenced: the handler's own came first."""
    put(probed, "probe.act")
    with probed.app_context():
        claim = claims.claim(db.engine)
        assert claim is not None
        keeper = watchman(probed, 0)
        ask(probed, "UPDATE core_job SET state = 'done' RETURNING 1")
        with keeper(claim, probed.extensions["playhall"].jobs["probe.act"]):
            time.sleep(0.3)
    assert killed == []
    assert states(probed) == {"done": 1}


def test_a_limit_that_is_already_lower_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the operator set with ulimit is not raised."""
    asked: list[object] = []
    monkeypatch.setattr(resource, "setrlimit", lambda what, limits: asked.append(limits))
    monkeypatch.setattr(resource, "getrlimit", lambda what: (100, 100))
    watch._limit_memory(200)
    assert asked == []
    watch._limit_memory(50)
    assert asked == [(50, 100)]


def test_a_plain_rq_worker_is_told_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is served by `flask worker`."""
    monkeypatch.setattr(horse, "_stable", None)
    with pytest.raises(RuntimeError, match="flask worker"):
        horse.drain_once()


def test_a_database_that_is_away_is_told_of_once(app: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    """However many rounds it lasts; and once more when it is back."""

    def away() -> None:
        raise OperationalError("SELECT 1", None, psycopg.OperationalError("gone"))

    steady = stop.Steady(app, "relay")
    assert [steady(away), steady(away), steady(lambda: None), steady(lambda: None), steady(away)] == [False, False, True, True, False]
    told = [line for line in capsys.readouterr().err.splitlines() if "database." in line]
    assert [("database.away" in line, "database.back" in line) for line in told] == [(True, False), (False, True), (True, False)]
    assert "gone" in told[0]


def test_another_failure_of_a_round_is_told_in_full(app: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    """A defect of ours is no outage: its traceback is there each time."""

    def wrong() -> None:
        raise ProgrammingError("SELECT 1", None, psycopg.ProgrammingError("no such table"))

    steady = stop.Steady(app, "relay")
    assert [steady(wrong), steady(wrong)] == [False, False]
    assert capsys.readouterr().err.count("queue.failed") == 2


def test_while_it_is_away_rounds_are_rarer() -> None:
    assert stop.pause(True, 0.1) == 0.1
    assert 1 <= stop.pause(False, 0.1) <= 2


def test_a_stop_ends_a_wait() -> None:
    """SIGTERM is noticed at once, and from then on every wait is over."""
    before = {signum: signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGINT)}
    asked = stop.Stop()
    try:
        assert asked.wait(0) is False
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        began = time.monotonic()
        assert asked.wait(100) is True
        assert asked.wait(100) is True
        assert time.monotonic() - began < 50
    finally:
        asked.close()
        for signum, handler in before.items():
            signal.signal(signum, handler)
