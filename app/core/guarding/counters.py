"""The counters and the session marks in Redis, each request in one script call."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import redis
from prometheus_client import Counter

from app.core.guarding.breaker import Breaker
from app.core.guarding.rates import Rate
from app.core.guarding.redis_line import Line, Script

PAUSE = 1.0  # seconds between two tries of a Redis that failed
LIVE_SECONDS = 10  # how long a session's liveness is believed without asking PostgreSQL
FILL_SECONDS = 5  # a liveness read from PostgreSQL longer ago than this is not written down any more
MARK_SECONDS = 60  # how long the mark of a revoked session stays; longer than any fill can be late

FAILED_OPEN = Counter("playhall_limits_failed_open", "Requests that passed uncounted because Redis did not answer.")

# KEYS: the session (when ARGV[1] is 1), then one for each rate. ARGV: 0 or 1, then amount and window (ms) of each rate.
# A window is fixed and begins with the first request counted in it. All rates are looked at before one is counted, so
# a refused request counts nowhere and makes no window longer. A session that is unknown or revoked stops it before that.
COUNT = Script("""
local values = redis.call('MGET', unpack(KEYS))
local first = 0
if ARGV[1] == '1' then
  first = 1
  if not values[1] then
    local now = redis.call('TIME')
    return string.format('unknown 0 0 %.0f', now[1] * 1000 + math.floor(now[2] / 1000))
  end
  if string.sub(values[1], 1, 1) == '-' then return 'dead 0 0 0' end
end
local wait, amount = -1, 0
for i = first + 1, #KEYS do
  local most = tonumber(ARGV[2 * (i - first)])
  if tonumber(values[i] or 0) >= most then
    local left = redis.call('PTTL', KEYS[i])
    if left > wait then wait, amount = left, most end
  end
end
if wait >= 0 then return string.format('over %d 0 %d', amount, wait) end
local fewest, tightest
for i = first + 1, #KEYS do
  local most = tonumber(ARGV[2 * (i - first)])
  local used = 1
  if values[i] then used = redis.call('INCR', KEYS[i])
  else redis.call('SET', KEYS[i], 1, 'PX', ARGV[2 * (i - first) + 1]) end
  if not fewest or most - used < fewest then fewest, tightest, amount = most - used, i, most end
end
return string.format('ok %d %d %d', amount, fewest, redis.call('PTTL', KEYS[tightest]))
""")

# A session is written down as its version, a revoked one as minus its version. A fill says when (by the clock of Redis)
# it was found missing; one that comes late, or after a newer mark, changes nothing. Returns whether the session is live.
FILL = Script("""
local known = tonumber(redis.call('GET', KEYS[1]) or 0)
if known < 0 and -known >= tonumber(ARGV[1]) then return 0 end
local now = redis.call('TIME')
if now[1] * 1000 + math.floor(now[2] / 1000) - tonumber(ARGV[2]) <= tonumber(ARGV[3]) and known <= tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[4])
end
return 1
""")

# The mark of the newest version stays.
MARK = Script("""
if math.abs(tonumber(redis.call('GET', KEYS[1]) or 0)) <= tonumber(ARGV[1]) then redis.call('SET', KEYS[1], -ARGV[1], 'EX', ARGV[2]) end
return 1
""")


class Unreachable(Exception):
    """Redis does not answer, or did not a moment ago."""


@dataclass(frozen=True, slots=True)
class Count:
    """What became of one request: `ok`, `over` (refused), or its session is `dead` or `unknown` (nothing counted)."""

    state: str
    amount: int  # of the rate that is nearest to its end
    remaining: int
    milliseconds: int  # until that rate's window ends; for an unknown session the time at Redis


class Counters:
    """The scripts, with short time-outs and a breaker around them."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._breaker = Breaker(PAUSE)
        self._unsent: deque[tuple[str, int, float]] = deque()

    def count(self, rates: Sequence[tuple[Rate, str]], session: str | None = None) -> Count:
        """Count one request under every rate and subject, unless one of them is used up or the session is not known live."""
        keys = [rate.prefix + subject.encode() for rate, subject in rates]
        arguments = [argument for rate, _ in rates for argument in rate.arguments]
        if session is None:
            answer = self._call(COUNT, keys, [b"0", *arguments])
        else:
            answer = self._call(COUNT, [session.encode(), *keys], [b"1", *arguments])
        state, amount, remaining, milliseconds = answer.decode().split()
        return Count(state, int(amount), int(remaining), int(milliseconds))

    def fill(self, session: str, version: int, asked: int) -> bool:
        """Write down that a session was live in that version; false when it is known to be revoked since."""
        return bool(self._call(FILL, [session.encode()], _numbers(version, asked, FILL_SECONDS * 1000, LIVE_SECONDS)))

    def mark(self, session: str, version: int) -> None:
        """Write down that a session was revoked. While Redis is gone it is kept, and sent as soon as Redis answers again."""
        self._unsent.append((session, version, time.monotonic() + LIVE_SECONDS))
        with contextlib.suppress(Unreachable):
            self._send_marks()

    def bury(self, session: str) -> None:
        """Write down for seconds that there is no such session, so that asking again costs PostgreSQL nothing."""
        with contextlib.suppress(Unreachable):
            self._call(MARK, [session.encode()], _numbers(0, LIVE_SECONDS))

    def _send_marks(self) -> None:
        while self._unsent:
            with contextlib.suppress(IndexError):  # another thread sends the last one
                mark = self._unsent.popleft()
                try:
                    self._send_mark(*mark)
                except Unreachable:
                    self._unsent.append(mark)
                    raise

    def _send_mark(self, session: str, version: int, until: float) -> None:
        # By then Redis has forgotten whatever it knew of the session.
        if time.monotonic() < until:
            self._guarded(MARK, [session.encode()], _numbers(version, MARK_SECONDS))

    def _call(self, script: Script, keys: Sequence[bytes], arguments: Sequence[bytes]) -> Any:
        if self._unsent:
            self._send_marks()
        return self._guarded(script, keys, arguments)

    def _guarded(self, script: Script, keys: Sequence[bytes], arguments: Sequence[bytes]) -> Any:
        if not self._breaker.allows():
            raise Unreachable
        try:
            result = self._line.run(script, keys, arguments)
        except redis.RedisError as error:
            self._breaker.failed()
            raise Unreachable from error
        self._breaker.worked()
        return result


def _numbers(*values: int) -> list[bytes]:
    return [b"%d" % value for value in values]
