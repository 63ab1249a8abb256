"""Access tokens: what is in them, and the one strict verifier behind every guard."""

from __future__ import annotations

import hashlib
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

import jwt

from app.core.errors import MalformedRequest
from app.core.web.json import loads

ALGORITHM = "HS256"
ISSUER = "playhall"
LARGEST = 4096  # characters; a longer one is not even split
SKEW = 5  # seconds that the clock of the server that issued it may be ahead
CACHED = 4096  # tokens whose signature this process remembers
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


class _Strict(jwt.PyJWT):
    """PyJWT, reading its claims as strictly as any JSON that we take: one that stands twice is refused, and a number that is none."""

    def _decode_payload(self, decoded: dict[str, Any]) -> dict[str, Any]:
        try:
            payload = loads(decoded["payload"])
        except MalformedRequest as error:
            raise jwt.DecodeError("the payload is not strict JSON") from error
        if not isinstance(payload, dict):
            raise jwt.DecodeError("the payload is not an object")
        return payload


class Verifier:
    """Verifies tokens in memory. Whether the session still lives is asked elsewhere, on every request.

    We issue every token, so the header can only be one of a few exact strings, one for each key. Comparing it as text
    leaves nothing of it to interpret: no algorithm, no key address, no critical extension, no second `alg`.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = {_header(key): key for key in keys}
        self._jwt = _Strict()
        self._genuine = lru_cache(CACHED)(self._decode)

    def verify(self, token: str) -> Identity:
        """Who the token speaks for, or TokenRefused."""
        identity = self._genuine(token)
        if identity.expires <= time.time():
            raise TokenRefused("The access token has expired")
        return identity

    def _decode(self, token: str) -> Identity:
        # PyJWT takes padding at the end of a part, which would give one token several spellings.
        if len(token) > LARGEST or not token.isascii() or "=" in token:
            raise TokenRefused("The access token is malformed")
        key = self._keys.get(token.partition(".")[0])
        if key is None:
            raise TokenRefused("The access token was not issued here")
        options: Any = {"require": list(REQUIRED), "verify_exp": False, "verify_iat": False}
        try:
            return _identity(self._jwt.decode(token, key, algorithms=[ALGORITHM], issuer=ISSUER, options=options))
        except (jwt.PyJWTError, ValueError) as error:
            raise TokenRefused("The access token is not genuine") from error


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
    return urlsafe_b64encode(header.encode()).rstrip(b"=").decode()
