"""Believing X-Forwarded-* from the proxies that the settings name, and from nobody else."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from werkzeug.middleware.proxy_fix import ProxyFix

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class TrustedProxies:
    """WSGI middleware: the client is the last address in X-Forwarded-For that is no trusted proxy itself."""

    def __init__(self, app: WSGIApplication, networks: Sequence[str]) -> None:
        self._app = app
        known = [ip_network(network, strict=False) for network in networks]

        @lru_cache(maxsize=4096)
        def trusts(address: str) -> bool:
            try:
                found = ip_address(address)
            except ValueError:
                return False
            return any(found in network for network in known)

        self._trusts = trusts
        self._fixed: dict[int, ProxyFix] = {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not self._trusts(environ.get("REMOTE_ADDR", "")):
            return self._app(environ, start_response)
        hops = self._hops(environ.get("HTTP_X_FORWARDED_FOR", ""))
        if hops not in self._fixed:
            self._fixed[hops] = ProxyFix(self._app, x_for=hops, x_proto=1, x_host=1)
        return self._fixed[hops](environ, start_response)

    def _hops(self, forwarded: str) -> int:
        """How many addresses at the end were written by proxies that are trusted."""
        addresses = [address.strip() for address in forwarded.split(",")]
        hops = 1
        while hops < len(addresses) and self._trusts(addresses[-hops]):
            hops += 1
        return hops
