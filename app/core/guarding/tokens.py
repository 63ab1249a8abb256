"""Access tokens: what is in them, and the one strict verifier behind every guard."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from app.core.errors import MalformedRequest
from app.core.web.json import loads

ALGORITHM = "HS256"
ISSUER = "playhall"
LARGEST = 4096  # characters; a longer one is not even split
SKEW = 5  # seconds that the clock of the server that issued it may be ahead
CACHED = 4096  # tokens whose signature this process remembers
UNUSED = ("aud", "nbf")  # claims that would say when or where it does not count; ours have none
REQUIRED = ("sub", "sid", "iat", "exp", "iss", "type", "roles")


class TokenRefused(Exception):
    """The token is not one of ours, or not one for this, or too old. The message may be shown."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What an access token says: whose it is, which session it belongs to, and which roles it brings."""

    account: UUID
    session: UUID
    roles: frozenset[str]
    claims: dict[str, Any]

    @property
    def expires(self) -> int:
        """Unix time from which the token is refused."""
        return int(self.claims["exp"])


def key_id(key: str) -> str:
    """A short name of a key that tells nothing about it."""
    return hashlib.sha256(b"playhall key " + key.encode()).hexdigest()[:12]


class Verifier:
    """Verifies tokens in memory. Whether the session still lives is asked elsewhere, on every request.

    We issue every token, so the header can only be one of a few exact strings, one for each key, and the signature one
    exact string for what stands before it. Comparing both as text leaves nothing of them to interpret: no algorithm, no
    key address, no critical extension, no padding, no second spelling. It also costs a tenth of what a library's reading does.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = {_header(key): key.encode() for key in keys}
        self._genuine = lru_cache(CACHED)(self._decode)

    def verify(self, token: str) -> Identity:
        """Who the token speaks for, or TokenRefused."""
        identity = self._genuine(token)
        if identity.expires <= time.time():
            raise TokenRefused("The access token has expired")
        return identity

    def _decode(self, token: str) -> Identity:
        if len(token) > LARGEST or not token.isascii():
            raise TokenRefused("The access token is malformed")
        signed, _, signature = token.rpartition(".")
        header, _, payload = signed.partition(".")
        key = self._keys.get(header)
        if key is None:
            raise TokenRefused("The access token was not issued here")
        expected = _base64(hmac.digest(key, signed.encode(), "sha256"))
        try:
            if not hmac.compare_digest(signature, expected):
                raise ValueError("another signature")
            return _identity(_claims(payload))
        except (MalformedRequest, ValueError) as error:
            raise TokenRefused("The access token is not genuine") from error


def _claims(payload: str) -> dict[str, Any]:
    # Read only once it is known to be of our own writing, and as strictly as any JSON that we take.
    claims = loads(b64decode(payload + "=" * (-len(payload) % 4), altchars=b"-_", validate=True))
    if not isinstance(claims, dict) or any(claims.get(name) is None for name in REQUIRED):
        raise ValueError("a claim is missing")
    if claims["iss"] != ISSUER or not claims.keys().isdisjoint(UNUSED):
        raise ValueError("it was made for something else")
    return claims


def _identity(claims: dict[str, Any]) -> Identity:
    if claims["type"] != "access":
        raise TokenRefused("This is not an access token")
    # A bool is an int, and a text of digits is turned into one by many readers.
    if type(claims["exp"]) is not int or type(claims["iat"]) is not int or claims["iat"] > time.time() + SKEW:
        raise ValueError("a time is wrong")
    roles = claims["roles"]
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise ValueError("the roles are no list of texts")
    return Identity(_uuid(claims["sub"]), _uuid(claims["sid"]), frozenset(roles), claims)


def _uuid(text: object) -> UUID:
    if not isinstance(text, str) or str(value := UUID(text)) != text:
        raise ValueError("an id is not spelled as a UUID")
    return value


def _header(key: str) -> str:
    header = json.dumps({"alg": ALGORITHM, "kid": key_id(key), "typ": "JWT"}, separators=(",", ":"))
    return _base64(header.encode())


def _base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
