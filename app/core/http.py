"""The Blueprint that plugins write their routes on: it puts the guards around a view in the one right order."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import flask_smorest
from flask import Request, Response, current_app, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.core import guards, idempotency
from app.core.db import abandon, db, transaction
from app.core.operation import Operation, Parts, parts_of
from app.core.web.parser import QUERY, StrictParser, refuse_body, refuse_query
from app.core.web.responses import Promise, document_operation

F = TypeVar("F", bound=Callable[..., Any])
View = Callable[..., ResponseReturnValue]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]  # it has no types
    """Routes of a plugin. Its name is the plugin's, or begins with the plugin's and a hyphen.

    `operation`, `arguments` and `response` may stand in any order under the route: they only record.
    """

    ARGUMENTS_PARSER = StrictParser()

    def __init__(self, name: str, import_name: str, **options: Any) -> None:
        super().__init__(name, import_name, **options)
        self._prepare_doc_cbks.append(document_operation)

    def arguments(self, schema: Any, **options: Any) -> Callable[[F], F]:
        """Parse a part of the request with a schema and pass the result to the view, before its path arguments."""

        # Made once: from a class it would be made anew for each request.
        made = schema() if isinstance(schema, type) else schema

        def decorator(view: F) -> F:
            parts_of(view).arguments.append((made, options))
            return view

        return decorator

    def response(self, status_code: Any, schema: Any = None, **options: Any) -> Callable[[F], F]:
        """Dump what the view returns with a schema, and answer with this status."""

        def decorator(view: F) -> F:
            parts_of(view).responses.append((status_code, schema, options))
            return view

        return decorator

    def route(self, rule: str, **options: Any) -> Callable[[F], F]:
        """Register the composed view; the function itself stays callable as it was written."""

        def decorator(view: F) -> F:
            register = super(Blueprint, self).route(rule, **options)
            register(self._compose(view, rule))
            return view

        return decorator

    def get(self, rule: str, **options: Any) -> Callable[[F], F]:
        """Route GET."""
        return self.route(rule, methods=["GET"], **options)

    def post(self, rule: str, **options: Any) -> Callable[[F], F]:
        """Route POST."""
        return self.route(rule, methods=["POST"], **options)

    def put(self, rule: str, **options: Any) -> Callable[[F], F]:
        """Route PUT."""
        return self.route(rule, methods=["PUT"], **options)

    def patch(self, rule: str, **options: Any) -> Callable[[F], F]:
        """Route PATCH."""
        return self.route(rule, methods=["PATCH"], **options)

    def delete(self, rule: str, **options: Any) -> Callable[[F], F]:
        """Route DELETE."""
        return self.route(rule, methods=["DELETE"], **options)

    def _compose(self, view: View, rule: str) -> View:
        parts = parts_of(view)
        composed: View = view
        for status, schema, options in parts.responses:
            composed = super().response(status, schema, **options)(composed)
        if parts.operation:
            composed = _edge(composed, parts.operation)
        for schema, options in parts.arguments:
            composed = super().arguments(schema, **options)(composed)
        if parts.operation:
            composed = _guarded(composed, parts.operation, self._refusals(parts))
            promise = Promise(f"{self.name.split('-')[0]}.{view.__name__}", f"{self.url_prefix or ''}{rule}", parts.operation)
            composed.__dict__["_apidoc"] = {**composed.__dict__.get("_apidoc", {}), "promise": promise}
        return composed

    def _refusals(self, parts: Parts) -> list[Callable[[Request], None]]:
        """What is left to refuse where no schema reads it."""
        read = {options.get("location", "json") for _, options in parts.arguments}
        bodies = self.DEFAULT_LOCATION_CONTENT_TYPE_MAPPING.keys()
        return [refuse for refuse, places in ((refuse_query, QUERY), (refuse_body, bodies)) if read.isdisjoint(places)]


def _edge(view: View, operation: Operation) -> View:
    """One transaction around the view, committed once; inside it the idempotency key."""

    @wraps(view)
    def edge(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        if request.method in SAFE_METHODS:
            answer = view(*args, **kwargs)
            if db.session.registry.has() and _written(db.session()):
                raise RuntimeError(f"{request.endpoint}: {request.method} changes nothing, so what it wrote would be lost; use POST")
            return answer

        def work() -> Response:
            response = current_app.make_response(view(*args, **kwargs))
            if response.status_code >= 400:
                abandon()  # a refusal changes nothing, and nothing follows it
            return response

        if operation.idempotent:
            return transaction(lambda: idempotency.once(work), again=idempotency.is_lost_race)
        return transaction(work)

    return edge


def _written(session: Session) -> bool:
    return bool(session.new or session.dirty or session.deleted or session.info.get("after_commit"))


def _guarded(view: View, operation: Operation, refusals: list[Callable[[Request], None]]) -> View:
    """Who and how often, before a byte of the body is looked at; then what nobody asked for."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        guards.check(operation)
        for refuse in refusals:
            refuse(request)
        return view(*args, **kwargs)

    guarded.__dict__["__operation__"] = operation
    return guarded
