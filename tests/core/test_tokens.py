"""Access tokens: what is accepted, and every forgery that is not, on both ways that lead to the verifier."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import timeit
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_jwt_extended import create_refresh_token, decode_token
from flask_jwt_extended.exceptions import JWTDecodeError
from guarding import SignedIn, SignIn, a_guarded_app, guarded, guarded_app, problem, sign_in

from app.core.auth import issue_access_token
from app.core.guarding import tokens
from app.core.guarding.tokens import Identity, TokenRefused, Verifier, key_id

__all__ = ["guarded", "guarded_app", "sign_in"]

KEY, OLD, FOREIGN = "k" * 40, "o" * 40, "f" * 40
WAYS = ("/guarded/me", "/guarded/theirs")


def claims(**changes: Any) -> dict[str, Any]:
    """Claims that are accepted; a change to None leaves one out."""
    now = int(time.time())
    good = {"sub": str(uuid4()), "sid": str(uuid4()), "iat": now, "exp": now + 60, "iss": "playhall", "type": "access", "roles": ["player"]}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def part(value: Any) -> str:
    """A value as one part of a token."""
    raw = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def sign(head: str, body: str, key: str, digest: str = "sha256") -> str:
    """Two parts and their signature."""
    return f"{head}.{body}.{part(hmac.new(key.encode(), f'{head}.{body}'.encode(), digest).digest())}"


def ours(key: str) -> str:
    """The header that our own tokens have."""
    return part({"alg": "HS256", "kid": key_id(key), "typ": "JWT"})


def token(payload: Any, key: str = KEY, header: dict[str, Any] | None = None) -> str:
    """A well-signed token with any payload and header."""
    return sign(ours(key) if header is None else part(header), part(payload), key)


def test_what_was_signed_is_read() -> None:
    """Account, session and roles come out as they went in."""
    given = claims(roles=["player", "admin"])
    identity = Verifier([KEY]).verify(token(given))
    assert (str(identity.account), str(identity.session), identity.roles) == (given["sub"], given["sid"], {"player", "admin"})


def test_every_key_verifies_and_none_other() -> None:
    """After a rotation the old key's tokens are good until they expire; a foreign key's never."""
    verifier = Verifier([KEY, OLD])
    assert verifier.verify(token(claims(), KEY))
    assert verifier.verify(token(claims(), OLD))
    with pytest.raises(TokenRefused):
        verifier.verify(token(claims(), FOREIGN))
    with pytest.raises(TokenRefused):
        Verifier([KEY]).verify(token(claims(), OLD))


def test_a_remembered_token_expires_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remembering the signature does not make a token live longer."""
    verifier, good = Verifier([KEY]), token(claims())
    verifier.verify(good)
    late = time.time() + 60
    monkeypatch.setattr(tokens.time, "time", lambda: late)
    with pytest.raises(TokenRefused, match="expired"):
        verifier.verify(good)


def test_a_token_that_was_issued_a_moment_ahead_is_accepted() -> None:
    """Two servers' clocks differ by a second or two; by a minute they do not."""
    now = int(time.time())
    assert Verifier([KEY]).verify(token(claims(iat=now + 3)))
    with pytest.raises(TokenRefused):
        Verifier([KEY]).verify(token(claims(iat=now + 60)))


def test_the_key_id_does_not_tell_the_key() -> None:
    """It is short, differs by key, and is no plain digest of it."""
    assert key_id(KEY) != key_id(OLD)
    assert len(key_id(KEY)) == 12
    assert not hashlib.sha256(KEY.encode()).hexdigest().startswith(key_id(KEY))


def test_verifying_costs_far_less_than_the_budget() -> None:
    """Both the first look at a token and every later one: CPU time, the best of several, with a margin for a busy machine."""
    verifier, good = Verifier([KEY]), token(claims())
    first = min(timeit.repeat(lambda: verifier._decode(good), number=200, repeat=5, timer=time.process_time)) / 200
    later = min(timeit.repeat(lambda: verifier.verify(good), number=200, repeat=5, timer=time.process_time)) / 200
    assert first < 0.0005
    assert later < 0.0001


# --- forgeries -----------------------------------------------------------------------------------------------------

Forge = Callable[[dict[str, Any], str], str]


def _headed(**header: Any) -> Forge:
    return lambda good, key: token(good, key, {"alg": "HS256", "kid": key_id(key), "typ": "JWT", **header})


def _claimed(**changes: Any) -> Forge:
    return lambda good, key: token({name: value for name, value in {**good, **changes}.items() if value != "ABSENT"}, key)


def _spelled(change: Callable[[str], str]) -> Forge:
    return lambda good, key: token({**good, "sub": change(good["sub"])}, key)


def _raw(change: Callable[[str], str]) -> Forge:
    return lambda good, key: change(token(good, key))


def _payload(change: Callable[[str], str]) -> Forge:
    def forge(good: dict[str, Any], key: str) -> str:
        return sign(ours(key), part(change(json.dumps(good)).encode()), key)

    return forge


def _unsigned(alg: str) -> Forge:
    return lambda good, key: f"{part({'alg': alg, 'kid': key_id(key), 'typ': 'JWT'})}.{part(good)}."


def _swapped(index: int, text: str) -> Forge:
    def forge(good: dict[str, Any], key: str) -> str:
        parts = token(good, key).split(".")
        parts[index] = text
        return ".".join(parts)

    return forge


def _flipped(index: int) -> Forge:
    def forge(good: dict[str, Any], key: str) -> str:
        parts = token(good, key).split(".")
        parts[index] = parts[index][:-2] + ("A" if parts[index][-2] != "A" else "B") + parts[index][-1]
        return ".".join(parts)

    return forge


NOW = int(time.time())
FORGERIES: dict[str, Forge] = {
    **{
        f"algorithm {alg!r}, unsigned": _unsigned(alg)
        for alg in ("none", "None", "NONE", "nOnE", "noNe", "NonE", "none ", "", "\x00none", "nonе")
    },
    **{
        f"algorithm {alg!r}, signed as HS256": _headed(alg=alg)
        for alg in ("none", "RS256", "ES256", "PS256", "EdDSA", "hs256", "HS-256", None, 1, ["HS256"])
    },
    "HS512 with the right key": lambda good, key: sign(part({"alg": "HS512", "kid": key_id(key), "typ": "JWT"}), part(good), key, "sha512"),
    "HS384 with the right key": lambda good, key: sign(part({"alg": "HS384", "kid": key_id(key), "typ": "JWT"}), part(good), key, "sha384"),
    **{
        f"kid {kid!r}": _headed(kid=kid)
        for kid in ("../../../../dev/null", "/dev/null", "' UNION SELECT 'k' --", "", None, 0, ["x"], {"a": 1}, "x" * 300)
    },
    "no kid": lambda good, key: token(good, key, {"alg": "HS256", "typ": "JWT"}),
    "no algorithm": lambda good, key: token(good, key, {"kid": key_id(key), "typ": "JWT"}),
    "no type in the header": lambda good, key: token(good, key, {"alg": "HS256", "kid": key_id(key)}),
    "another type in the header": _headed(typ="at+jwt"),
    "a JWE": _headed(typ="JWE", enc="A256GCM"),
    "jku": _headed(jku="https://attacker.example/keys.json"),
    "x5u": _headed(x5u="https://attacker.example/cert.pem"),
    "x5c": _headed(x5c=["MIIB"]),
    "a key in the header": lambda good, key: token(
        good, FOREIGN, {"alg": "HS256", "jwk": {"kty": "oct", "k": part(FOREIGN.encode())}, "typ": "JWT"}
    ),
    "a critical extension": _headed(crit=["exp"], exp=1),
    "an unencoded payload": _headed(b64=False, crit=["b64"]),
    "a second algorithm in the header": lambda good, key: sign(part(b'{"alg":"none","alg":"HS256","typ":"JWT"}'), part(good), key),
    "spaces in the header": lambda good, key: sign(
        part(json.dumps({"alg": "HS256", "kid": key_id(key), "typ": "JWT"}).encode()), part(good), key
    ),
    "a header that is a list": lambda good, key: token(good, key, []),  # type: ignore[arg-type]
    "another environment's key": lambda good, key: token(good, FOREIGN),
    "another environment's key under our kid": lambda good, key: sign(ours(key), part(good), FOREIGN),
    "an empty key under our kid": lambda good, key: sign(ours(key), part(good), ""),
    "the key id as the key": lambda good, key: sign(ours(key), part(good), key_id(key)),
    "a bit of the header": _flipped(0),
    "a bit of the payload": _flipped(1),
    "a bit of the signature": _flipped(2),
    "a zero signature": _swapped(2, part(bytes(32))),
    "a zero ECDSA signature": _swapped(2, part(bytes(64))),
    "half a signature": _raw(lambda text: text[:-20]),
    "no signature": _swapped(2, ""),
    "no payload": _swapped(1, ""),
    "padding after the signature": _raw(lambda text: text + "="),
    "other last bits of the signature": lambda good, key: _loose_bits(token(good, key)),
    "standard base64": _swapped(2, "a+/b"),
    "a fourth part": _raw(lambda text: text + ".x"),
    "a fifth part": _raw(lambda text: text + ".x.y"),
    "two parts": _raw(lambda text: text.rpartition(".")[0]),
    "dots alone": _raw(lambda text: ".."),
    "a word": _raw(lambda text: "token"),
    "a space inside": _raw(lambda text: text[:30] + " " + text[30:]),
    "a tab after": _raw(lambda text: text + "\t"),
    "a comma after": _raw(lambda text: text + ","),
    "another scheme before": _raw(lambda text: f"x, Bearer {text}"),
    "the scheme twice": _raw(lambda text: f"Bearer {text}"),
    "letters that are not ASCII": _raw(lambda text: text + "é"),
    "a megabyte": _raw(lambda text: text + "A" * 1_000_000),
    "a genuine token of half a megabyte": _claimed(more="x" * 500_000),
    "deep JSON": lambda good, key: sign(ours(key), part(b"[" * 1500 + b"]" * 1500), key),
    "a payload that is a list": lambda good, key: token([good], key),
    "a payload that is null": lambda good, key: token(None, key),
    "a payload that is no JSON": lambda good, key: sign(ours(key), part(b"{"), key),
    "a payload that is no UTF-8": lambda good, key: sign(ours(key), part(b'{"a":"\xff"}'), key),
    "the account twice": _payload(lambda text: text[:-1] + f', "sub": "{uuid4()}"}}'),
    "the same account twice": _payload(lambda text: text[:-1] + ', "sub": ' + json.dumps(json.loads(text)["sub"]) + "}"),
    "expiry twice": _payload(lambda text: text[:-1] + ', "exp": 9999999999}'),
    "expiry NaN": _claimed(exp=float("nan")),
    "expiry Infinity": _claimed(exp=float("inf")),
    "expiry 1e400": _payload(lambda text: text[:-1].replace('"exp"', '"was"') + ', "exp": 1e400}'),
    "expiry as a text": _claimed(exp=str(NOW + 60)),
    "expiry as a fraction": _claimed(exp=NOW + 60.5),
    "expiry true": _claimed(exp=True),
    "expiry null": _claimed(exp=None),
    "expiry negative": _claimed(exp=-1),
    "expired just now": _claimed(exp=NOW),
    "issued tomorrow": _claimed(iat=NOW + 86400, exp=NOW + 90000),
    "issued true": _claimed(iat=True),
    "issued as a text": _claimed(iat="0"),
    "not before tomorrow": _claimed(nbf=NOW + 86400),
    "not before a word": _claimed(nbf="soon"),
    "an audience": _claimed(aud="somebody else"),
    **{f"no {name}": _claimed(**{name: "ABSENT"}) for name in ("sub", "sid", "iat", "exp", "iss", "type", "roles")},
    "another issuer": _claimed(iss="elsewhere"),
    "an issuer that begins like ours": _claimed(iss="playhall.attacker.example"),
    "a list of issuers": _claimed(iss=["playhall"]),
    "a refresh token": _claimed(type="refresh"),
    "a type with a capital": _claimed(type="Access"),
    "a list of types": _claimed(type=["access"]),
    "an account that is a number": _claimed(sub=1),
    "an account that is a word": _claimed(sub="admin"),
    "the account in braces": _spelled(lambda sub: "{" + sub + "}"),
    "the account without hyphens": _spelled(lambda sub: sub.replace("-", "")),
    "the account in capitals": _spelled(str.upper),
    "the account as a URN": _spelled(lambda sub: f"urn:uuid:{sub}"),
    "the account with a newline": _spelled(lambda sub: sub + "\n"),
    "a list of accounts": _claimed(sub=[str(uuid4())]),
    "a session that is a path": _claimed(sid="../live"),
    "a session of another account": _claimed(sid=str(uuid4())),
    "an account that does not exist": _claimed(sub=str(uuid4())),
    "roles as a text": _claimed(roles="admin"),
    "roles that are numbers": _claimed(roles=[1]),
    "roles as an object": _claimed(roles={"admin": True}),
    "a nested token": lambda good, key: token({"jwt": token(good, key)}, key),
}


def _loose_bits(text: str) -> str:
    """The same signature by value: the last letter of 43 carries two bits that mean nothing."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"  # pragma: allowlist secret
    return text[:-1] + alphabet[alphabet.index(text[-1]) + 1]


def test_the_corpus_is_large_enough() -> None:
    """At least forty ways to forge a token are tried."""
    assert len(FORGERIES) >= 40


@pytest.mark.parametrize("path", WAYS)
@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_refused(guarded: FlaskClient, sign_in: SignIn, name: str, path: str) -> None:
    """With the same problem document by `operation` and by `jwt_required`: 401, never 200 and never 500."""
    signed_in = sign_in()
    key = guarded.application.extensions["playhall"].settings.secret_keys[0]
    genuine = jwt.decode(signed_in.token, options={"verify_signature": False})
    assert guarded.get(path, headers=signed_in.headers).status_code == 200
    response = guarded.get(path, headers={"Authorization": f"Bearer {FORGERIES[name](genuine, key)}"})
    assert response.status_code == 401
    assert problem(response)["code"] == "core.unauthenticated"
    assert response.headers["WWW-Authenticate"] == "Bearer"


HEADERS = {
    "none": None,
    "empty": "",
    "the scheme alone": "Bearer",
    "the scheme and a space": "Bearer ",
    "no scheme": "{token}",
    "another scheme": "Basic {token}",
    "a lower-case scheme": "bearer {token}",
    "two spaces": "Bearer  {token}",
    "two credentials": "Basic eDp5, Bearer {token}",
    "a comma after": "Bearer {token},",
    "twice": "Bearer {token}, Bearer {token}",
    "a tab": "Bearer\t{token}",
}


@pytest.mark.parametrize("path", WAYS)
@pytest.mark.parametrize("name", HEADERS)
def test_a_genuine_token_stands_in_one_place_in_one_form(guarded: FlaskClient, sign_in: SignIn, name: str, path: str) -> None:
    """What one way takes and the other refuses would be a hole in one of them."""
    header = HEADERS[name]
    headers = {} if header is None else {"Authorization": header.format(token=sign_in().token)}
    assert guarded.get(path, headers=headers).status_code == 401


@pytest.mark.parametrize("path", WAYS)
def test_a_token_in_the_address_or_a_cookie_is_not_looked_at(guarded: FlaskClient, sign_in: SignIn, path: str) -> None:
    """It would end in logs and in other sites' requests."""
    token = sign_in().token
    guarded.set_cookie("access_token_cookie", token)
    assert guarded.get(f"{path}?jwt={token}&access_token={token}").status_code == 401


@pytest.mark.parametrize("path", WAYS)
def test_a_token_of_ours_is_accepted_by_both(guarded: FlaskClient, sign_in: SignIn, path: str) -> None:
    """And both know the same account, session and roles."""
    signed_in: SignedIn = sign_in(roles=["player", "admin"])
    answer = guarded.get(path, headers=signed_in.headers)
    assert answer.get_json() == {"account": str(signed_in.account), "session": str(signed_in.session), "roles": ["admin", "player"]}


def test_an_expired_token_is_refused(guarded: FlaskClient, sign_in: SignIn) -> None:
    """By both ways, and the answer says why."""
    late = sign_in(lifetime=timedelta(seconds=-1))
    for path in WAYS:
        assert "expired" in problem(guarded.get(path, headers=late.headers))["detail"]


def test_keys_rotate_without_signing_anybody_out(app: Flask, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new key in front signs from now on; the one behind it still verifies, until it is taken away."""
    before = sign_in()
    old = app.extensions["playhall"].settings.secret_keys[0]
    monkeypatch.setenv("PLAYHALL_SECRET_KEYS", f"{KEY},{old}")
    with a_guarded_app() as rotated:
        with rotated.app_context():
            after = issue_access_token(before.account, before.session, ["player"], timedelta(minutes=1))
        assert jwt.get_unverified_header(after)["kid"] == key_id(KEY)
        for path in WAYS:
            for token in (before.token, after):
                assert rotated.test_client().get(path, headers={"Authorization": f"Bearer {token}"}).status_code == 200
    monkeypatch.setenv("PLAYHALL_SECRET_KEYS", KEY)
    with a_guarded_app() as retired:
        assert retired.test_client().get("/guarded/me", headers=before.headers).status_code == 401


def test_the_library_decodes_with_our_verifier(guarded_app: Flask, sign_in: SignIn) -> None:
    """`decode_token` refuses what the guards refuse, its own refresh tokens too."""
    signed_in = sign_in()
    with guarded_app.app_context():
        assert decode_token(signed_in.token)["sid"] == str(signed_in.session)
        with pytest.raises(JWTDecodeError, match="not genuine"):
            decode_token(create_refresh_token(str(signed_in.account)))


def test_an_identity_is_compared_by_what_it_says() -> None:
    """Two readings of one token are the same identity."""
    good = token(claims())
    assert Verifier([KEY]).verify(good) == Verifier([KEY]).verify(good) != Verifier([KEY]).verify(token(claims()))
    assert isinstance(Verifier([KEY]).verify(good), Identity)
