"""How often: every limit of a request is counted, and its session's liveness read, in one call to Redis.

Windows are fixed and begin with the first request counted in them. While Redis is gone requests pass uncounted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, wraps
from ipaddress import IPv6Address, IPv6Network
from typing import Any, cast

from flask import Flask, Response, current_app, g, request
from flask_limiter import Limiter
from limits.storage import RedisStorage
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.core.errors import TooManyRequests
from app.core.guarding import rates
from app.core.guarding.counters import FAILED_OPEN, Count, Counters, Unreachable
from app.core.guarding.rates import Rate
from app.core.guarding.redis_line import Line
from app.core.operating.access import PROBES
from app.core.state import Playhall, state

EXTENSION = "playhall-counters"

CORE_LIMITS: Mapping[str, str] = {
    "core.default": "600/minute",  # an account, on a route that names no limit
    "core.address": "6000/minute",  # all accounts of one address together
    "core.public": "120/minute",  # an address, on the core's own public routes
    "core.unauthenticated": "60/minute",  # an address, for requests refused with 401
}


def init_app(app: Flask) -> None:
    """Declare the core's limits and connect. flask-limiter owns settings, parsing and storage; counting is ours."""
    playhall: Playhall = app.extensions["playhall"]
    playhall.limits.update(CORE_LIMITS)
    app.config.setdefault("RATELIMIT_STORAGE_URI", _storage_uri(playhall.settings.redis_url))
    app.config.setdefault("RATELIMIT_STORAGE_OPTIONS", _storage_options(playhall.settings.redis_timeout_ms / 1000))
    limiter = Limiter(key_func=address)
    # An extension that stands here already adds no hooks: it would check each request in calls of its own, and it
    # forgets the default limits of an endpoint once a method of it has been decorated.
    app.extensions.setdefault("limiter", set()).add(limiter)
    limiter.init_app(app)
    app.extensions[EXTENSION] = Counters(Line(cast(Redis, cast(RedisStorage, limiter.storage).get_connection())))
    app.after_request(_add_headers)


def cover(app: Flask) -> None:
    """Count the routes that no operation guards, which are the core's own, by address; at the end of boot."""
    for endpoint, view in app.view_functions.items():
        if not hasattr(view, "__operation__") and PROBES.isdisjoint(rule.rule for rule in app.url_map.iter_rules(endpoint)):
            app.view_functions[endpoint] = _counted(view)


def problems(playhall: Playhall) -> list[str]:
    """What is wrong with any limit, declared or set; for the end of boot, when all are declared."""
    return rates.problems(playhall.limits, playhall.settings.limits)


def counters() -> Counters:
    """The current application's."""
    return cast(Counters, current_app.extensions[EXTENSION])


def count_address(limit: str) -> None:
    """Count the request under a limit of its address alone, or raise TooManyRequests."""
    here = address()
    count([(rate, here) for rate in rates_of(limit)])


def count_account(limit: str, account: str, session: str | None) -> Count | None:
    """Count the request of a signed-in account, or raise TooManyRequests. None: Redis is gone, nothing is known.

    With a session, nothing is counted unless Redis knows that it is live.
    """
    here = address()
    subjects = [(rate, account) for rate in rates_of(limit)]
    subjects += [(rate, here) for rate in rates_of("core.address")]
    return count(subjects, session)


def count(subjects: Sequence[tuple[Rate, str]], session: str | None = None) -> Count | None:
    """Count once under every rate and subject; the answer will carry the rate that is nearest to its end."""
    try:
        counted = counters().count(subjects, session)
    except Unreachable:
        FAILED_OPEN.inc()
        return None
    if counted.state in ("ok", "over"):
        reset = max(1, math.ceil(counted.milliseconds / 1000))
        g.limit = (counted.amount, counted.remaining, reset)
        if counted.state == "over":
            raise TooManyRequests(f"Try again in {reset} s", headers={"Retry-After": str(reset)})
    return counted


def rates_of(limit: str) -> tuple[Rate, ...]:
    """The rates of a limit, as set or as declared."""
    playhall = state()
    return _parsed(limit, playhall.settings.limits.get(limit) or playhall.limits[limit])


def address() -> str:
    """Whom to count when nobody signed in: the client's address, or its network where one customer has many."""
    return subject(request.remote_addr or "unknown")


@lru_cache(4096)
def subject(client: str) -> str:
    """An IPv4 address as it is; of an IPv6 address the /64, which is what one customer is given. A proxy's port is left out."""
    if ":" not in client:
        return client
    host = client.rpartition(":")[0] if client.count(":") == 1 or "]:" in client else client
    try:
        six = IPv6Address(host.strip("[]").partition("%")[0])
    except ValueError:
        return host
    return str(six.ipv4_mapped or IPv6Network((six, 64), strict=False))


_parsed = lru_cache(1024)(rates.parse)


def _counted(view: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(view)
    def counted(*args: Any, **kwargs: Any) -> Any:
        count_address("core.public")
        return view(*args, **kwargs)

    return counted


def _add_headers(response: Response) -> Response:
    if limit := g.get("limit"):
        for name, value in zip(("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"), limit, strict=True):
            response.headers[name] = str(value)
    return response


def _storage_uri(url: str) -> str:
    return url.replace("unix://", "redis+unix://", 1) if url.startswith("unix://") else url


def _storage_options(timeout: float) -> dict[str, object]:
    # redis-py would try again, and wait for a time-out several times.
    return {"socket_timeout": timeout, "socket_connect_timeout": timeout, "retry": Retry(NoBackoff(), 0)}
