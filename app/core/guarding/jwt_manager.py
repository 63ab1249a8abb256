"""flask-jwt-extended, set up so that its decorators give the same answers as the guards of `operation`."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask_jwt_extended import JWTManager
from flask_jwt_extended.exceptions import JWTDecodeError, JWTExtendedException
from jwt.exceptions import PyJWTError

from app.core import auth, guards
from app.core.guarding.tokens import ALGORITHM, ISSUER, TokenRefused, Verifier, key_id


def init_app(app: Flask) -> None:
    """flask-jwt-extended issues and owns the settings; every way to verify ends in our one verifier."""
    keys = app.extensions["playhall"].settings.secret_keys
    app.config.update(
        JWT_SECRET_KEY=keys[0],
        JWT_ALGORITHM=ALGORITHM,
        JWT_ENCODE_ISSUER=ISSUER,
        JWT_DECODE_ISSUER=ISSUER,
        JWT_ENCODE_NBF=False,
        JWT_TOKEN_LOCATION=["headers"],
    )
    app.extensions[auth.VERIFIER] = Verifier(keys)
    manager = _Manager(app)
    manager.additional_headers_loader(lambda _account: {"kid": key_id(keys[0])})
    manager.token_in_blocklist_loader(_admit)


class _Manager(JWTManager):
    """Decodes with our verifier, and answers a refusal as the guards do."""

    def _decode_jwt_from_config(self, encoded_token: str, *_args: Any, **_options: Any) -> dict[str, Any]:
        try:
            return {"fresh": False, "jti": None, **auth.verify(encoded_token).claims}
        except TokenRefused as refused:
            raise JWTDecodeError(str(refused)) from refused

    def _set_error_handler_callbacks(self, app: Flask) -> None:
        # Handed on, not raised: an exception raised in a handler would be a 500.
        for error in (JWTExtendedException, PyJWTError):
            app.register_error_handler(error, lambda refused: app.handle_user_exception(guards.refusal(str(refused))))


def _admit(_header: dict[str, Any], _claims: dict[str, Any]) -> bool:
    """Called by `jwt_required()`: count the request and ask whether the session lives, as every guard does."""
    guards.authenticate()
    return False
