"""No test talks to the world."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from playhall.testing.network import NetworkRefused, guarded

AWAY = "192.0.2.1"  # for documentation: nobody has it


@pytest.mark.parametrize("host", [AWAY, "2001:db8::1"])
def test_connection_out_of_the_machine_is_refused(host: str) -> None:
    """At once, with what to do."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with guarded(), closing(socket.socket(family, socket.SOCK_DGRAM)) as line:
        for reach in (lambda: line.connect((host, 9)), lambda: line.connect_ex((host, 9)), lambda: line.sendto(b"", (host, 9))):
            with pytest.raises(NetworkRefused, match=rf'reaches out to {host}.*@pytest\.mark\.allow_hosts\("{host}"\)'):
                reach()


def test_name_is_not_even_looked_up() -> None:
    """A look-up is a datagram to somebody else."""
    with guarded(), pytest.raises(NetworkRefused, match=r"gateway\.example"):
        socket.create_connection(("gateway.example", 443))


def test_this_machine_answers(tmp_path_factory: pytest.TempPathFactory) -> None:
    """By address, by name, and through a unix socket."""
    with guarded(), socket.create_server(("127.0.0.1", 0)) as server:
        for host in ("127.0.0.1", "localhost"):
            socket.create_connection((host, server.getsockname()[1])).close()
    path = str(tmp_path_factory.mktemp("s") / "s")
    with guarded(), socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as line:
        server.bind(path)
        server.listen()
        line.connect(path)


def test_named_host_may_be_reached() -> None:
    """Others may not."""
    with guarded([AWAY]), closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as line:
        line.connect((AWAY, 9))
        with pytest.raises(NetworkRefused):
            line.connect(("192.0.2.2", 9))


def test_named_hosts_addresses_may_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection goes to an address: the name's are allowed with it."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [(socket.AF_INET, None, None, "", (AWAY, 0))])
    with guarded(["gateway.example"]), closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as line:
        line.connect((AWAY, 9))


def test_guard_ends_with_its_block() -> None:
    """And the one around it holds again."""
    with guarded():
        with guarded([AWAY]):
            pass
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as line, pytest.raises(NetworkRefused):
            line.connect((AWAY, 9))


def test_code_that_expects_outages_does_not_hide_it() -> None:
    """It is no Exception, so a fallback for a gateway that is down is not taken."""

    def charge() -> str:
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as line:
            try:
                line.connect((AWAY, 9))
            except Exception:
                return "the gateway is down"
        return "paid"

    with guarded(), pytest.raises(NetworkRefused):
        charge()


@pytest.mark.allow_hosts(AWAY)
def test_mark_allows_a_host(services: object) -> None:
    """For one test."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as line:
        line.connect((AWAY, 9))
        assert line.getpeername() == (AWAY, 9)


def test_tests_that_use_the_fixtures_are_offline(services: object) -> None:
    """Without a word in the test."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as line, pytest.raises(NetworkRefused):
        line.connect((AWAY, 9))


@pytest.mark.parametrize("name", ["0.0.0.0", "::", None])
def test_address_of_a_server_of_our_own_is_no_way_out(name: str | None) -> None:
    """Binding to every interface asks for no name."""
    with guarded():
        socket.getaddrinfo(name, 0, flags=socket.AI_PASSIVE)
