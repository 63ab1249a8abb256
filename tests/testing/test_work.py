"""Events and jobs, at the test's own pace."""

from __future__ import annotations

import pytest
from flask import Flask

from playhall import enqueue, publish
from playhall.testing import Clock, Events, Jobs, transaction
from tests.testing.bell import Heard, Rang, called


def do(app: Flask, *what: object) -> None:
    """Publish events and enqueue jobs (name or (name, payload)), and commit."""

    def work() -> None:
        for one in what:
            publish(one) if isinstance(one, Rang | Heard) else enqueue(*one)  # type: ignore[misc]

    with app.app_context():
        transaction(work)


def test_events_are_objects_in_their_order(bell: Flask, events: Events) -> None:
    """All, or those of a class, as they were published."""
    do(bell, Rang(times=1), Heard(), Rang(times=2))
    assert events() == [Rang(times=1), Heard(), Rang(times=2)] == list(events)
    assert [rang.times for rang in events(Rang)] == [1, 2]


def test_event_of_a_transaction_that_failed_never_was(bell: Flask, events: Events) -> None:
    """Only what was committed counts."""

    def work() -> None:
        publish(Heard())
        raise RuntimeError

    with bell.app_context(), pytest.raises(RuntimeError):
        transaction(work)
    assert events() == []


def test_run_does_what_follows_too(bell: Flask, jobs: Jobs, events: Events) -> None:
    """An event becomes a job, whose own event is published; then there is nothing left to do."""
    do(bell, Rang(times=3))
    assert jobs.run() == ["bell.echo"]
    assert called == [("echo", 3)]
    assert events(Heard) == [Heard()]
    assert jobs.run() == []


def test_failure_is_raised_with_what_it_was_doing(bell: Flask, jobs: Jobs) -> None:
    """The handler's own exception, and the rest stays for the next run."""
    do(bell, ("bell.crack", {"times": 1}), ("bell.echo", {"times": 2}))
    with pytest.raises(ZeroDivisionError) as raised:
        jobs.run()
    assert raised.value.__notes__ == ["raised by job bell.crack, attempt 1, with {'times': 1}"]
    assert jobs.run() == ["bell.echo"]


def test_failure_can_be_looked_at_instead(bell: Flask, jobs: Jobs) -> None:
    """It is recorded, and tried again when its time has come."""
    do(bell, ("bell.crack", {"times": 1}))
    assert jobs.run(raising=False) == ["bell.crack"]
    assert [(name, str(error)) for name, error in jobs.failed] == [("bell.crack", "the bell broke")]


def test_retry_comes_when_its_time_has_come(bell: Flask, jobs: Jobs, clock: Clock) -> None:
    """Not before, and only as often as the job allows."""
    do(bell, ("bell.crack", {"times": 1}))
    jobs.run(raising=False)
    assert jobs.run(raising=False) == []
    clock.move(hours=1)
    assert "bell.crack" in jobs.run(raising=False)
    clock.move(hours=1)
    assert "bell.crack" not in jobs.run(raising=False)


def test_jobs_that_cause_themselves_end(bell: Flask, jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """With their names, instead of a test that hangs."""
    monkeypatch.setattr("playhall.testing.work.MOST", 10)
    do(bell, ("bell.swing",))
    with pytest.raises(RuntimeError, match=r"bell\.swing"):
        jobs.run()
