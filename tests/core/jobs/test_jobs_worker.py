"""`flask worker` in processes of its own: killed, stopped, poisoned, and without Redis."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from flask import Flask
from probing import Process, ask, process, put, states, until
from redis import Redis, RedisError

from app.core.queue.claims import WORKER_DIED
from app.embedded.redis import EmbeddedRedis
from playhall.testing.services import Services


def effects(app: Flask) -> int:
    [row] = ask(app, "SELECT count(*) FROM probe_effect")
    return int(row[0])


def done(app: Flask, count: int) -> bool:
    return states(app) == {"done": count}


def test_a_worker_runs_one_job_after_another(probed: Flask, env: Mapping[str, str]) -> None:
    """The second job works like the first: no connection is shared over the fork."""
    with process("worker", env) as worker:
        for number in (1, 2, 3):
            put(probed, "probe.act")
            until(lambda count=number: done(probed, count))
        assert worker.stop() == 0
    pids = {row.pid for row in ask(probed, "SELECT pid FROM probe_effect")}
    assert worker.popen.pid not in pids


def test_sigterm_lets_the_running_job_finish(probed: Flask, env: Mapping[str, str]) -> None:
    """The job that runs is finished, the waiting ones are left, and no process stays behind."""
    put(probed, "probe.slow", tenths=20)
    put(probed, "probe.slow", 20, tenths=20)
    with process("worker", env) as worker:
        until(lambda: states(probed).get("running"))
        assert worker.stop() == 0
        assert worker.family() == []
    assert states(probed)["done"] == 1
    assert states(probed) == {"done": 1, "ready": 20}
    assert effects(probed) == 1


def test_a_signal_to_every_process_is_as_good(probed: Flask, env: Mapping[str, str]) -> None:
    """A service manager signals all processes at once: the running job is finished all the same."""
    put(probed, "probe.slow", 5, tenths=20)
    with process("worker", env) as worker:
        until(lambda: states(probed).get("running"))
        for one in worker.family():
            one.terminate()
        assert worker.popen.wait(20) == 0
        assert worker.family() == []
    assert states(probed) == {"done": 1, "ready": 4}


def test_a_killed_parent_leaves_no_worker_behind(probed: Flask, env: Mapping[str, str]) -> None:
    """What is beneath finishes its job and goes, without being told."""
    put(probed, "probe.slow", 5, tenths=20)
    with process("worker", env) as worker:
        until(lambda: states(probed).get("running"))
        worker.family()
        worker.kill(whole=False)
        until(lambda: worker.family() == [])
    assert states(probed) == {"done": 1, "ready": 4}


def test_poison_kills_itself_alone(probed: Flask, env: Mapping[str, str]) -> None:
    """A job that exits, crashes, hangs, spins or eats memory ends as a dead letter with a reason; every good job is done."""
    poisons = ["exit", "segfault", "hang", "spin", "hog"]
    for poison in poisons:
        put(probed, f"probe.{poison}")
        put(probed, "probe.act", 20)
    env = {**env, "PLAYHALL_JOB_TIMEOUT_S": "4", "PLAYHALL_JOB_MEMORY_MB": "500"}
    with process("relay", env), process("worker", env):
        until(lambda: states(probed) == {"done": 100, "dead": 5}, 120)
    reasons = {row.name: row.error for row in ask(probed, "SELECT name, error FROM core_job WHERE state = 'dead'")}
    assert reasons == {
        "probe.exit": WORKER_DIED,
        "probe.segfault": WORKER_DIED,
        "probe.hang": "ran longer than PLAYHALL_JOB_TIMEOUT_S, 4 s, and was killed",
        "probe.spin": WORKER_DIED,
        "probe.hog": "MemoryError",
    }
    assert effects(probed) == 100


def test_a_worker_outlives_redis(probed: Flask, env: Mapping[str, str], tmp_path: Path) -> None:
    """It works before Redis is there, while it is away, and after it came back empty."""
    folder = tmp_path / "redis"
    first = EmbeddedRedis(folder, durable=False)
    with first:
        url = first.url
    env = {**env, "REDIS_URL": url}
    with process("relay", env), process("worker", env) as worker:
        put(probed, "probe.act", 150)
        until(lambda: done(probed, 150))
        with EmbeddedRedis(folder, durable=False) as again:
            assert again.url == url
            until(lambda: by_rq(url, worker))
            put(probed, "probe.act", 10)
            until(lambda: done(probed, 160))
        put(probed, "probe.act", 10)
        until(lambda: done(probed, 170))
        with EmbeddedRedis(folder, durable=False):
            until(lambda: by_rq(url, worker))
            put(probed, "probe.act", 10)
            until(lambda: done(probed, 180))
        assert worker.stop() == 0
        assert worker.family() == []


def by_rq(url: str, worker: Process) -> bool:
    """Whether RQ waits for work, and nobody polls."""
    with Redis.from_url(url) as redis, suppress(RedisError):
        return len(worker.family()) == 2 and any(client["cmd"] == "blmove" for client in redis.client_list())
    return False


class Storm:
    """Workers and a relay, and somebody who kills them."""

    def __init__(self, stack: ExitStack, env: Mapping[str, str], workers: int) -> None:
        self.stack, self.env = stack, env
        self.workers = [self._start() for _ in range(workers)]
        self.kills = 0

    def _start(self) -> Process:
        return self.stack.enter_context(process("worker", self.env))

    def kill_one(self) -> None:
        """SIGKILL one, every other time its parent alone, and start another."""
        victim = self.workers.pop(0)
        victim.kill(whole=self.kills % 2 == 0)
        self.kills += 1
        self.workers.append(self._start())


def storm(probed: Flask, env: Mapping[str, str], services: Services, *, jobs: int, kills: int, wipes: int) -> None:
    """Kill workers and wipe Redis while the jobs run; then every effect is there once."""
    with ExitStack() as stack:
        stack.enter_context(process("relay", env))
        chaos = Storm(stack, env, 2)
        redis = stack.enter_context(Redis.from_url(services.redis_url))
        put(probed, "probe.slow", jobs, tenths=0)
        for step in range(kills):
            began = effects(probed)
            until(lambda began=began, step=step: effects(probed) >= min(began + jobs // (2 * kills), jobs), 60)
            chaos.kill_one()
            if step < wipes:
                redis.flushall()
        until(lambda: done(probed, jobs), 120)
    assert ask(probed, "SELECT job FROM probe_effect GROUP BY 1 HAVING count(*) > 1") == []
    assert effects(probed) == jobs
    # The kills were felt: some jobs were taken by a second worker.
    assert ask(probed, "SELECT 1 FROM core_job WHERE attempt > 1 LIMIT 1")


def test_no_job_is_lost_or_done_twice(probed: Flask, env: Mapping[str, str], services: Services) -> None:
    """A thousand jobs, four killed workers, Redis wiped twice: every effect once."""
    storm(probed, env, services, jobs=1000, kills=4, wipes=2)


@pytest.mark.slow
def test_no_job_is_lost_or_done_twice_in_full(probed: Flask, env: Mapping[str, str], services: Services) -> None:
    """Ten thousand jobs, twenty killed workers, Redis wiped ten times."""
    storm(probed, env, services, jobs=10_000, kills=20, wipes=10)
