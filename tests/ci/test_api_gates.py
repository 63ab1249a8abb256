"""The gates of the API: what each finds in a small plugin's routes, and what it lets pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask, Response, abort, request
from sqlalchemy import delete, select, update

from app import create_app
from app.core.db import db, session, uuid7
from app.core.errors import NotFound
from app.core.http import Blueprint
from app.core.operation import operation
from app.core.pages import PageQuery, page, page_of
from app.core.plugin import Permission
from app.core.schemas import Schema
from app.plugins.auth.models import AuthSession
from ci.checks.api import test_auth_matrix as matrix
from ci.checks.api import test_idempotency as idempotency
from ci.checks.api import test_n_plus_one as rows
from ci.checks.api import test_openapi_true as true
from ci.checks.api import test_rate_limit as limits
from ci.checks.api.calls import Examples, targets
from ci.checks.api.raising import Package
from ci.checks.api.world import World
from ci.problems import Problem
from playhall import current_account, fields
from playhall.testing import OverrideSettings
from playhall.testing.queries import CountQueries

Route = Callable[[Blueprint], object]


class Place(Schema):
    """Where somebody is signed in."""

    id = fields.UUID(required=True)
    created_at = fields.Timestamp(required=True)


class Wish(Schema):
    """What is asked for."""

    name = fields.String(required=True, longest=20, metadata={"example": "boat"})


class Make:
    """Makes the application with routes of a plugin "tried" and the world over it."""

    def __init__(self, app: Flask) -> None:
        self.made: list[Flask] = [app]

    def __call__(self, *routes: Route) -> World:
        app = create_app()
        self.made.append(app)
        playhall = app.extensions["playhall"]
        use = Permission(name="tried:use", description="Use", roles=("player",))
        playhall.permissions = {**playhall.permissions, use.name: use}
        playhall.limits = dict.fromkeys([*playhall.limits, "tried.use"], "1000000/minute")
        blueprint = Blueprint("tried", __name__, description="Tried.")
        for route in routes:
            route(blueprint)
        app.extensions["flask-smorest"]["apis"][""]["ext_obj"].register_blueprint(blueprint, url_prefix="/api/v1/tried")
        return World(app, ["tried", "auth"])


@pytest.fixture
def make(app: Flask) -> Iterator[Make]:
    """Applications over empty tables."""
    made = Make(app)
    yield made
    for one in made.made[1:]:
        with one.app_context():
            db.engine.dispose()


def said(found: Iterator[Problem]) -> list[str]:
    """What was found in the routes of "tried"."""
    return [f"{problem.where}: {problem.what}" for problem in found if "/tried/" in problem.where]


def sound(blueprint: Blueprint) -> None:
    """Routes with which nothing is wrong."""

    @blueprint.get("/places")
    @operation(permission="tried:use", limit="tried.use")
    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, page_of(Place))
    def places(query: dict[str, Any]) -> dict[str, Any]:
        """List places."""
        own = select(AuthSession).where(AuthSession.account_id == current_account())
        return page(own, key=(AuthSession.id,), query=query)

    @blueprint.get("/places/<uuid:session>")
    @operation(errors=[NotFound])
    @blueprint.response(200, Place)
    def place(session: UUID) -> AuthSession:
        """Show a place."""
        return found(session, AuthSession.account_id == current_account())

    @blueprint.post("/places")
    @operation(idempotent=True)
    @blueprint.arguments(Wish)
    @blueprint.response(201, Wish)
    def add_place(body: dict[str, Any]) -> dict[str, Any]:
        """Add a place."""
        session().add(AuthSession(account_id=current_account()))
        return body


def found(place: UUID, *which: Any) -> AuthSession:
    """The place, or NotFound."""
    one = session().scalars(select(AuthSession).where(AuthSession.id == place, *which)).one_or_none()
    if one is None:
        raise NotFound
    return one


def test_sound_routes_pass(make: Make) -> None:
    """No gate raises a false alarm."""
    world = make(sound)
    assert said(matrix.problems(world)) == []
    assert said(idempotency.problems(world)) == []
    assert said(rows.problems(world, CountQueries(world.app))) == []
    assert said(limits.problems(world, lower(world))) == []
    assert said(true.problems(world, 5)) == []


def lower(world: World) -> limits.Lower:
    """Set one limit low; each call counts anew under a name that was not used."""
    return limits.lowered(world, OverrideSettings(world.playhall))


# Who reaches what


def shows_all(blueprint: Blueprint) -> None:
    @blueprint.get("/places/<uuid:session>")
    @operation(errors=[NotFound])
    @blueprint.response(200, Place)
    def place(session: UUID) -> AuthSession:
        """Show a place."""
        return found(session)


def lists_all(blueprint: Blueprint) -> None:
    @blueprint.get("/places")
    @operation()
    @blueprint.response(200, Place(many=True))
    def places() -> Any:
        """List places."""
        return session().scalars(select(AuthSession)).all()


def ends_all(blueprint: Blueprint) -> None:
    @blueprint.delete("/places/<uuid:session>")
    @operation()
    @blueprint.response(204)
    def end(session: UUID) -> None:
        """End a place."""
        db.session.execute(delete(AuthSession).where(AuthSession.id == session))


def spoils_all(blueprint: Blueprint) -> None:
    @blueprint.post("/spoil")
    @operation()
    @blueprint.response(204)
    def spoil() -> None:
        """Spoil what is others'."""
        session().execute(update(AuthSession).where(AuthSession.account_id != current_account()).values(version=77))


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        (shows_all, "GET /api/v1/tried/places/{session}: with the id of another account's row it answers 200, not 404"),
        (lists_all, "GET /api/v1/tried/places: another account is shown auth_session."),
        (ends_all, "DELETE /api/v1/tried/places/{session}: with the id of another account's row it answers 204, not 404"),
        (spoils_all, "POST /api/v1/tried/spoil: with the ids of another account it changed auth_session"),
    ],
)
def test_what_is_not_theirs_is_found(make: Make, route: Route, expected: str) -> None:
    """In an answer, in a list, in what is changed."""
    first, *_ = said(matrix.problems(make(route)))
    assert first.startswith(expected)


def test_door_without_a_guard_is_found(make: Make) -> None:
    """For nobody, and for the wrong role."""
    world = make(sound)
    world.app.before_request_funcs.setdefault(None, []).append(lambda: {} if request.endpoint == "tried.places" else None)
    entries = [said(matrix.entry_problems(world, target)) for target in world.targets if target.path == "/api/v1/tried/places"]
    assert entries[0][:2] == [
        "GET /api/v1/tried/places: without a token it answers 200, not 401",
        "GET /api/v1/tried/places: to an account without a role it answers 200, not 403",
    ]
    assert entries[1] == []


# How often


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda headers: headers.remove("RateLimit-Limit"), "it answers 200 without RateLimit-Limit after HEAD, POST of the same address"),
        (lambda headers: headers.set("RateLimit-Remaining", "9"), "its limit does not count down: RateLimit-Remaining was 9, 9"),
    ],
)
def test_limit_that_is_lost_is_found(make: Make, spoil: Callable[[Any], None], expected: str) -> None:
    """Whether it is not there, or does not count."""
    world = make(sound)

    def after(response: Response) -> Response:
        if request.method == "GET" and request.endpoint == "tried.places":
            spoil(response.headers)
        return response

    world.app.after_request_funcs.setdefault(None, []).insert(0, after)
    (only,) = said(limits.problems(world, lower(world)))
    assert only.startswith(f"GET /api/v1/tried/places: {expected}")


# How often it takes effect


def grants_twice(blueprint: Blueprint) -> None:
    @blueprint.put("/places")
    @operation()
    @blueprint.response(204)
    def add_place() -> None:
        """Add a place."""
        session().add(AuthSession(account_id=current_account()))


def refuses(blueprint: Blueprint) -> None:
    @blueprint.post("/places")
    @operation()
    @blueprint.response(204)
    def add_place() -> None:
        """Refuse."""
        raise NotFound


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        (grants_twice, ["PUT /api/v1/tried/places: sent twice it takes effect twice, in auth_session"]),
        (refuses, ["POST /api/v1/tried/places: it is blind: the request made from the document and the rows of the tables was answered "]),
    ],
)
def test_repetition_with_effect_is_found(make: Make, route: Route, expected: list[str]) -> None:
    """And what could not be repeated is said."""
    assert [one[: len(expected[0])] for one in said(idempotency.problems(make(route)))] == expected


def test_answer_that_differs_is_found(make: Make) -> None:
    """A replay is the same bytes."""
    world = make(sound)
    world.app.after_request_funcs.setdefault(None, []).append(lambda answer: (answer.headers.pop("Idempotency-Replayed", None), answer)[1])
    (only,) = said(idempotency.problems(world))
    assert only.endswith("repeated with its key it answers 201 Idempotency-Replayed: None, not the same bytes again")


# Statements


def reads_one_by_one(blueprint: Blueprint) -> None:
    @blueprint.get("/places")
    @operation()
    @blueprint.response(200, Place(many=True))
    def places() -> Any:
        """List places."""
        ids = session().scalars(select(AuthSession.id).where(AuthSession.account_id == current_account())).all()
        return [found(one) for one in ids]


def test_statements_that_grow_are_found(make: Make) -> None:
    """With how many there were."""
    world = make(reads_one_by_one)
    (only,) = said(rows.problems(world, CountQueries(world.app)))
    assert only.startswith("GET /api/v1/tried/places: ")
    assert "most often SELECT auth_session" in only


# The document


def lies(blueprint: Blueprint) -> None:
    @blueprint.get("/gone")
    @operation()
    @blueprint.response(200)
    def gone() -> None:
        """Answer with what nobody documented."""
        abort(410)

    @blueprint.post("/names")
    @operation()
    @blueprint.arguments(Wish)
    @blueprint.response(200, Wish)
    def names(body: dict[str, Any]) -> dict[str, Any]:
        """Take English alone."""
        return {"name": body["name"].encode("ascii").decode()}

    @blueprint.get("/shape")
    @operation()
    @blueprint.response(200, Place)
    def shape() -> Any:
        """Answer without what is promised."""
        return {}


def test_untrue_document_is_found(make: Make) -> None:
    """A status, a failure, a shape; each once."""
    found = said(true.problems(make(lies), true.EXAMPLES))
    for part in ("GET /api/v1/tried/gone: ", "POST /api/v1/tried/names: ", "GET /api/v1/tried/shape: "):
        assert len([one for one in found if one.startswith(part)]) >= 1, found
    assert len([one for one in found if "410: Undocumented status code" in one]) == 1
    assert [one for one in found if "/names" in one and "answered with 500" in one]
    assert [one for one in found if "/shape" in one and "Response violates schema" in one]


# Requests


def test_request_is_made_of_what_is_there(make: Make) -> None:
    """Examples of the document, rows of the name, and what setup.cfg gives."""
    world = make(sound)
    world.client()
    world.look()
    by_name = {(target.method, target.path): target for target in targets(world.app, ["tried"], world.document)}
    post = by_name["POST", "/api/v1/tried/places"]
    show = by_name["GET", "/api/v1/tried/places/{session}"]
    assert next(world.examples.of(post)).body == {"name": "boat"}
    [row] = world.look()["auth_session"]
    assert [one.path for one in world.examples.of(show)] == [f"/api/v1/tried/places/{row['id']}"]
    given = Examples(world.document, world.found, {"path.session": str(uuid7())})
    assert next(given.of(show)).path != f"/api/v1/tried/places/{row['id']}"


# Errors


SOURCES = {
    "__init__.py": "",
    "errors.py": """
from app.core.errors import DomainError
class Sold(DomainError):
    code, status, title = "tried.sold", 409, "Sold"
class Late(DomainError):
    code, status, title = "tried.late", 409, "Late"
""",
    "service.py": """
from . import errors
class Shelf:
    def take(self):
        self._look()
    def _look(self):
        raise errors.Sold
    def wait(self):
        raise errors.Late("so late")
def careful():
    try:
        Shelf().take()
    except errors.Sold:
        return None
def unsure(shelf):
    shelf.wait()
""",
    "http.py": """
from .service import Shelf, careful, unsure
def take():
    Shelf().take()
def look():
    careful()
def wait(shelf):
    unsure(shelf)
""",
}


def test_errors_are_read_from_the_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Along calls, past what is caught; to a method of something unknown only as a guess."""
    home = tmp_path / "tried_sources"
    home.mkdir()
    for name, source in SOURCES.items():
        (home / name).write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    package = Package("tried_sources", home)

    def reached(function: str, *, guess: bool = False) -> set[str]:
        return {one.error.code for one in package.reached([f"tried_sources.http.{function}"], guess=guess)}

    assert {one.error.code for one in package.raised()} == {"tried.sold", "tried.late"}
    assert (reached("take"), reached("look"), reached("wait")) == ({"tried.sold"}, set(), set())
    assert reached("wait", guess=True) == {"tried.late"}
