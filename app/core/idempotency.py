"""A request that is sent twice with one key happens once.

Only an answer that says the work was done is kept. A refusal rolls everything back and leaves the key free, so the same
key may be used again once the reason has gone. Answers are kept for 7 days.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Response, request
from psycopg.errors import UniqueViolation
from sqlalchemy.exc import DBAPIError, IntegrityError
from werkzeug.exceptions import HTTPException

from app.core.auth import current_account
from app.core.db import abandon
from app.core.errors import DomainError, IdempotencyKeyInUse, IdempotencyKeyReused, MalformedRequest, MissingIdempotencyKey
from app.core.statement import Statement

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
LONGEST = 255  # characters

# One statement tries the lock and looks for an answer. The lock is let go by the commit, the rollback or a lost connection.
CLAIM = Statement("""
SELECT pg_try_advisory_xact_lock($1), k.fingerprint, k.status, k.headers, k.body
FROM (SELECT) AS once LEFT JOIN core_idempotency_key k ON k.account_id = $2 AND k.key = $3
""")

LOOK = Statement("SELECT fingerprint, status, headers, body FROM core_idempotency_key WHERE account_id = $1 AND key = $2")

KEEP = Statement("""
INSERT INTO core_idempotency_key (account_id, key, fingerprint, status, headers, body) VALUES ($1, $2, $3, $4, $5, $6)
""")


def once(work: Callable[[], Response]) -> Response:
    """Do the work and keep its answer with the key, in the transaction under way; or give the answer that was kept.

    Raises MissingIdempotencyKey or MalformedRequest before the first statement, IdempotencyKeyInUse while another
    request with the key is running, and IdempotencyKeyReused when the key belongs to another request.
    """
    key = _key()
    account = current_account()
    fingerprint = _fingerprint()
    [(locked, *kept)] = CLAIM.rows(_lock(account, key), account, key)
    if kept[0] is not None:
        return _replay(fingerprint, *kept)
    if not locked:
        raise IdempotencyKeyInUse(headers={"Retry-After": "1"})
    try:
        response = work()
    except (DomainError, HTTPException, IntegrityError):
        if (done := _done_meanwhile(account, key, fingerprint)) is not None:
            return done
        raise
    if response.status_code >= 400:
        return _done_meanwhile(account, key, fingerprint) or response
    KEEP.send(account, key, fingerprint, response.status_code, _headers(response), response.get_data())
    return response


def _done_meanwhile(account: UUID, key: str, fingerprint: bytes) -> Response | None:
    """The kept answer, when the work refused because the other request with the key had just done it.

    The claim looks before it has the lock, so the other may commit in between; whoever is refused looks again, anew.
    """
    abandon()
    kept = LOOK.rows(account, key)
    return _replay(fingerprint, *kept[0]) if kept else None


def is_lost_race(error: DBAPIError) -> bool:
    """Whether another request with the key committed after this one had looked and before it got the lock.

    Nothing of this one remains; tried again, it finds the other's answer. What the business sends with the commit may be
    refused for the same reason.
    """
    if isinstance(error.orig, UniqueViolation) and error.orig.diag.constraint_name == "pk_core_idempotency_key":
        return True
    return isinstance(error, IntegrityError) and bool(LOOK.rows(current_account(), _key()))


def _key() -> str:
    key = request.headers.get(HEADER)
    if key is None:
        raise MissingIdempotencyKey(f"Send a new {HEADER} with each new request, and the same one when you repeat it")
    if not key.strip() or len(key) > LONGEST or not (key.isascii() and key.isprintable()):
        raise MalformedRequest(f"{HEADER} must be 1 to {LONGEST} printable ASCII characters")
    return key


def _fingerprint() -> bytes:
    """What makes two requests the same: method, path, query and body, to the byte."""
    digest = hashlib.sha256()
    for part in (request.method.encode(), request.path.encode("utf-8", "surrogatepass"), request.query_string, request.get_data()):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def _lock(account: UUID, key: str) -> int:
    digest = hashlib.blake2b(account.bytes + key.encode(), digest_size=8, person=b"idempotency")
    return int.from_bytes(digest.digest(), "big", signed=True)


def _headers(response: Response) -> str:
    kept: dict[str, str] = {}
    for name, value in response.headers:
        if name != "Content-Length":
            kept[name] = f"{kept[name]}, {value}" if name in kept else value
    return json.dumps(kept)


def _replay(fingerprint: bytes, kept_fingerprint: bytes, status: int, headers: dict[str, Any], body: bytes) -> Response:
    if fingerprint != kept_fingerprint:
        raise IdempotencyKeyReused(f"This {HEADER} came with another method, path, query or body; use a new one")
    return Response(body, status, {**headers, REPLAYED: "true"})
