"""Defects of who gets what, how often, and how often it takes effect."""

from __future__ import annotations

from .seed import Edit, Seed

_HOME = "src/playhall_seedling"
HTTP, SERVICE, SCHEMAS = f"{_HOME}/http.py", f"{_HOME}/service.py", f"{_HOME}/schemas.py"
_MANIFEST, API, MODELS, _SETUP = f"{_HOME}/__init__.py", f"{_HOME}/api.py", f"{_HOME}/models.py", f"{_HOME}/setup.py"

LIST = "    return page(service.tickets(current_account()), key=(models.Ticket.id,), query=query)\n"
_ONE = '''

from uuid import UUID  # noqa: E402

from playhall import NotFound, session  # noqa: E402
from sqlalchemy import select  # noqa: E402


@blueprint.{method}("/tickets/<uuid:ticket>")
@operation(permission="seedling:take", limit="seedling.read", errors=[NotFound])
@blueprint.response({answer})
def one_ticket(ticket: UUID) -> Any:
    """{does} one ticket."""
    found = session().scalars(select(models.Ticket).where(models.Ticket.id == ticket)).one_or_none()
    if found is None:
        raise NotFound
    {then}
'''


def setup(body: str, imports: str = "") -> dict[str, Edit]:
    """The plugin with something done to the application after its routes are there."""
    return {
        _MANIFEST: ('    models="playhall_seedling.models",\n', f'    models="playhall_seedling.models",\n    setup="{_SETUP_NAME}",\n'),
        _SETUP: f"from typing import Any\n\n{imports}\n\ndef setup(app: Any, settings: Any) -> None:\n{body}",
    }


_SETUP_NAME = "playhall_seedling.setup:setup"

_AUTH = (
    Seed(
        gate="auth-matrix",
        name="a view that gives another account's row",
        says="GET /api/v1/seedling/tickets/{ticket}: another account is shown seedling_ticket.ride",
        edits={HTTP: (LIST, LIST + _ONE.format(method="get", answer="200, schemas.Ticket", does="Show", then="return found"))},
    ),
    Seed(
        gate="auth-matrix",
        name="a list of everybody's rows",
        says="GET /api/v1/seedling/tickets: another account is shown seedling_ticket.",
        edits={SERVICE: ("return select(Ticket).where(Ticket.account_id == account)", "return select(Ticket)")},
    ),
    Seed(
        gate="auth-matrix",
        name="another account's row can be deleted",
        says="DELETE /api/v1/seedling/tickets/{ticket}: with the id",
        edits={HTTP: (LIST, LIST + _ONE.format(method="delete", answer="204", does="Throw away", then="session().delete(found)"))},
    ),
    Seed(
        gate="auth-matrix",
        name="another account's row is changed and nothing is said",
        says="POST /api/v1/seedling/tickets/{ticket}: with the ids of another account it changed seedling_ticket",
        edits={
            HTTP: (
                LIST,
                LIST
                + _ONE.format(method="post", answer="204", does="Rename", then='found.ride = "mine"; session().commit(); raise NotFound'),
            )
        },
    ),
    Seed(
        gate="auth-matrix",
        name="a cache that answers before the guards",
        says="GET /api/v1/seedling/tickets: without a token it answers 200, not 401",
        edits=setup(
            "    @app.before_request\n    def cached() -> Any:\n"
            "        if request.endpoint == 'seedling.tickets':\n"
            "            return {'items': [], 'next_cursor': None}\n        return None\n",
            "from flask import request\n",
        ),
    ),
    Seed(
        gate="auth-matrix",
        name="a permission that is not asked for",
        says="to an account without a role it answers 200, not 403",
        edits=setup(
            "    view = app.view_functions['seedling.tickets']\n    free = Operation(limit='seedling.read')\n\n"
            "    @wraps(view)\n    def open_to_all(**options: Any) -> Any:\n"
            "        guards.check(free)\n        return view.__wrapped__(**options)\n\n"
            "    app.view_functions['seedling.tickets'] = open_to_all\n",
            "from functools import wraps\n\nfrom app.core import guards\nfrom app.core.operation import Operation\n",
        ),
    ),
)

_LIMITS = (
    Seed(
        gate="rate-limit",
        name="a view without its guards",
        says="GET /api/v1/seedling/tickets: it answers 401 without RateLimit-Limit",
        edits=setup(
            "    view = app.view_functions['seedling.tickets']\n\n"
            "    @wraps(view)\n    def bare(**options: Any) -> Any:\n        return view.__wrapped__(**options)\n\n"
            "    app.view_functions['seedling.tickets'] = bare\n",
            "from functools import wraps\n",
        ),
    ),
    Seed(
        gate="rate-limit",
        name="a limit that is lost after another method was called",
        says="after GET, HEAD of the same address",
        edits=setup(
            "    called = set()\n\n    def forget(response: Any) -> Any:\n"
            "        called.add(request.method)\n        if request.method == 'POST' and 'GET' in called:\n"
            "            response.headers.remove('RateLimit-Limit')\n        return response\n\n"
            "    app.after_request_funcs[None].insert(0, forget)\n",
            "from flask import request\n",
        ),
    ),
    Seed(
        gate="rate-limit",
        name="a limit that is never reached",
        says="its limit does not count down",
        edits=setup(
            "    def generous(response: Any) -> Any:\n"
            "        if request.endpoint == 'seedling.tickets':\n"
            "            response.headers['RateLimit-Remaining'] = '99'\n        return response\n\n"
            "    app.after_request_funcs[None].insert(0, generous)\n",
            "from flask import request\n",
        ),
    ),
)

_REPEATS = (
    Seed(
        gate="idempotency",
        name="a grant that can be repeated",
        says="sent twice it takes effect twice, in seedling_ticket",
        edits={HTTP: ("    idempotent=True,\n", "")},
    ),
    Seed(
        gate="idempotency",
        name="an effect beside the transaction",
        says="repeated with its key it takes effect again, in seedling_ticket",
        edits=setup(
            "    @app.after_request\n    def bonus(response: Any) -> Any:\n        if request.method == 'POST' and 'identity' in g:\n"
            "            with db.engine.begin() as other:\n"
            "                other.execute(insert(Ticket).values(account_id=g.identity.account, id=uuid7(), ride='bonus'))\n"
            "        return response\n",
            "from flask import g, request\nfrom playhall import uuid7\nfrom sqlalchemy import insert\n\n"
            "from app.core.db import db\nfrom playhall_seedling.models import Ticket\n",
        ),
    ),
    Seed(
        gate="idempotency",
        name="an answer that is not the first one",
        says="not the same bytes again",
        edits=setup(
            "    numbers = count()\n\n    @app.after_request\n    def number(response: Any) -> Any:\n        if request.method == 'POST':\n"
            "            response.set_data(response.get_data() + b' ' * next(numbers))\n        return response\n",
            "from itertools import count\n\nfrom flask import request\n",
        ),
    ),
    Seed(
        gate="idempotency",
        name="an operation that no example reaches",
        says="it is blind: the request made from the document and the rows of the tables was answered with 409",
        edits={SERVICE: (".one() >= per_day:", ".one() >= per_day or ride != 'carousel':")},
    ),
)

SEEDS = (*_AUTH, *_LIMITS, *_REPEATS)
