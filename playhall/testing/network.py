"""No test talks to the world: only this machine, and the hosts that were named."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any

_SENDING = ("socket.connect", "socket.sendto", "socket.sendmsg")

_allowed: frozenset[str] | None = None  # None: no guard
_hooked = False


class NetworkRefused(BaseException):
    """A test reached out of this machine. No Exception: code that catches those would go on as if the host were down."""


@contextmanager
def guarded(hosts: Iterable[str] = ()) -> Iterator[None]:
    """Refuse every connection, datagram and name look-up but to this machine and these hosts; in this process only.

    What C libraries open by themselves is not seen; the database's address is checked by the settings.
    """
    global _allowed, _hooked
    before, _allowed = _allowed, None
    try:
        _allowed = frozenset(_known(hosts))
        if not _hooked:
            sys.addaudithook(_hook)
            _hooked = True
        yield
    finally:
        _allowed = before


def _known(hosts: Iterable[str]) -> Iterator[str]:
    """The hosts and their addresses: a connection is made to an address."""
    for host in hosts:
        yield host
        if not _local(host):
            yield from (str(found[4][0]) for found in socket.getaddrinfo(host, None))


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if _allowed is None or not event.startswith("socket."):
        return
    if event == "socket.getaddrinfo":
        _check(args[0])
    elif event in _SENDING and args[0].family in (socket.AF_INET, socket.AF_INET6) and args[1]:
        _check(args[1][0])


def _check(host: Any) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if not name or _local(name) or name in (_allowed or ()):
        return
    raise NetworkRefused(
        f"this test reaches out to {name}; tests talk to this machine only. Replace what calls it with fake(...), "
        f'or allow it: @pytest.mark.allow_hosts("{name}")'
    )


def _local(name: str) -> bool:
    try:
        address = ip_address(name.partition("%")[0])
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
    return address.is_loopback or address.is_unspecified
