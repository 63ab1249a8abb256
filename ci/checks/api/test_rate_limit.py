"""Every method of every address is limited, also after another method of the same address was called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from redis import Redis

from app.core.operating.access import PROBES
from playhall.testing import OverrideSettings
from playhall.testing.accounts import Client

from ...problems import Problem
from ..conftest import Judge
from .calls import Target, send, targets
from .world import World

GATE = "rate-limit"
HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
LIMIT_OF_CORE = "core.public"

Lower = Callable[[str, int], None]  # a limit's name, how many requests it lets pass


def test_rate_limit(world: World, judge: Judge, settings: OverrideSettings) -> None:
    """Counted down to 429."""
    judge(problems(world, lowered(world, settings)))


def lowered(world: World, settings: OverrideSettings) -> Lower:
    """Set one limit low, and begin to count anew."""

    def to(name: str, count: int) -> None:
        settings(limits={**dict.fromkeys(world.playhall.limits, "1000000/minute"), name: f"{count}/hour"})
        with Redis.from_url(world.playhall.settings.redis_url) as redis:
            redis.flushdb()

    return to


def problems(world: World, lower: Lower) -> Iterator[Problem]:
    """Methods that are not limited."""
    found = [one for one in targets(world.app, world.names, world.document, methods=["HEAD"]) if one.path not in PROBES]
    for target in found:
        siblings = [one for one in found if one.path == target.path and one != target]
        yield from _problems(world, target, siblings, lower)


def _problems(world: World, target: Target, siblings: list[Target], lower: Lower) -> Iterator[Problem]:
    """Call its siblings once, then it until it says 429: it has to before as many calls as there are in all."""
    lower(target.promise.limit if target.promise else LIMIT_OF_CORE, count := len(siblings) + 2)
    client = Client(world.app) if target.public else world.client()
    for sibling in siblings:
        send(client, sibling, next(world.examples.of(sibling)))
    after = f" after {', '.join(sorted(Counter(one.method for one in siblings)))} of the same address" if siblings else ""
    left: list[int] = []
    for _ in range(count + 1):
        answer = send(client, target, next(world.examples.of(target)))
        if missing := [name for name in HEADERS if name not in answer.headers]:
            yield _problem(target, f"it answers {answer.status_code} without {', '.join(missing)}{after}", "no limit was counted")
            return
        left.append(int(answer.headers["RateLimit-Remaining"]))
        if answer.status_code == 429:
            return
        if int(answer.headers["RateLimit-Limit"]) != count or (len(left) > 1 and left[-1] >= left[-2]):
            break
    shown = ", ".join(map(str, left))
    yield _problem(target, f"its limit does not count down: RateLimit-Remaining was {shown}{after}", "the limit stops nobody")


def _problem(target: Target, what: str, so: str) -> Problem:
    name = target.promise.limit if target.promise else LIMIT_OF_CORE
    return Problem(
        gate=GATE,
        where=str(target),
        what=what,
        why=f"Limits are what stands between one client and everybody else's database; here {so}",
        do=f"route it on playhall.Blueprint with @operation(limit={name!r}), and let nothing answer before it or take its headers away",
    )
