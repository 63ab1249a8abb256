"""Defects of what an operation says of itself: errors, rows, the document."""

from __future__ import annotations

from .api import API, HTTP, LIST, MODELS, SCHEMAS, SERVICE, setup
from .seed import Seed

_LEFT = '"seedling.no_ticket_left", 409, "There is no ticket left today"\n'
_CLOSED = '\n\nclass RideClosed(DomainError):\n    """Take another one."""\n\n    code, status, title = "{}", 410, "The ride is closed"\n'

_ERRORS = (
    Seed(
        gate="errors-documented",
        name="an error that is raised and not declared",
        says="it can raise NoTicketLeft (seedling.no_ticket_left), at src/playhall_seedling/service.py:",
        edits={HTTP: ("errors=[api.NoTicketLeft]", "errors=[]")},
    ),
    Seed(
        gate="errors-documented",
        name="an error that no operation declares",
        says="RideClosed (seedling.ride_closed) is raised, and no operation declares it",
        edits={
            API: (_LEFT, _LEFT + _CLOSED.format("seedling.ride_closed")),
            SERVICE: (
                "def print_ticket(",
                "def closed(ride: str) -> None:\n    raise api.RideClosed(ride)\n\n\nRULES = [closed]\n\n\ndef print_ticket(",
            ),
        },
    ),
    Seed(
        gate="errors-documented",
        name="two errors with one code",
        says="its code seedling.no_ticket_left is also that of",
        edits={API: (_LEFT, _LEFT + _CLOSED.format("seedling.no_ticket_left"))},
    ),
    Seed(
        gate="errors-documented",
        name="a document that leaves an answer out",
        says="it declares NoTicketLeft, and the OpenAPI document has no seedling.no_ticket_left",
        edits=setup(
            "    api = app.extensions['flask-smorest']['apis']['']['ext_obj']\n"
            "    api.spec._paths['/api/v1/seedling/tickets']['post']['responses'].pop('409')\n"
        ),
    ),
)

_COLUMN = "    ride: Mapped[str] = mapped_column(Text)\n"
_ROWS = (
    Seed(
        gate="n-plus-one",
        name="a lazy relation in a list",
        says="GET /api/v1/seedling/tickets: ",
        edits={
            MODELS: (
                "    printed_at: Mapped[datetime | None] = mapped_column(Timestamp)\n",
                "    printed_at: Mapped[datetime | None] = mapped_column(Timestamp)\n"
                "    from sqlalchemy.orm import relationship\n\n"
                '    same_ride = relationship("Ticket", viewonly=True, uselist=True,\n'
                "        primaryjoin='foreign(remote(Ticket.ride)) == Ticket.ride')\n",
            ),
            SCHEMAS: ("    taken_at =", "    same_ride = fields.List(fields.Nested(lambda: Ticket(only=['id'])))\n    taken_at ="),
        },
    ),
    Seed(
        gate="n-plus-one",
        name="a column that is fetched row by row",
        says="GET /api/v1/seedling/tickets: ",
        edits={MODELS: (_COLUMN, _COLUMN.replace("Text)", "Text, deferred=True)"))},
    ),
    Seed(
        gate="n-plus-one",
        name="a list that cannot be reached",
        says="GET /api/v1/seedling/tickets: it is blind",
        edits={HTTP: (LIST, f"    raise RuntimeError\n{LIST}")},
    ),
)

_TRUTH = (
    Seed(
        gate="openapi-true",
        name="a status that nobody documented",
        says="Undocumented status code",
        edits={HTTP: (LIST, f"    from flask import abort\n\n    abort(410)\n{LIST}")},
    ),
    Seed(
        gate="openapi-true",
        name="a 500 on odd input",
        says="POST /api/v1/seedling/tickets: ",
        edits={SERVICE: ('"ride": ride}', '"ride": ride.encode("ascii").decode()}')},
    ),
    Seed(
        gate="openapi-true",
        name="an answer that its schema does not allow",
        says="Response violates schema",
        edits={SCHEMAS: ("allow_none=True, metadata", "metadata")},
    ),
    Seed(
        gate="openapi-true",
        name="another content type",
        says="Undocumented Content-Type",
        edits=setup(
            "    @app.after_request\n    def plain(response: Any) -> Any:\n"
            "        response.content_type = 'text/plain'\n        return response\n"
        ),
    ),
)

SEEDS = (*_ERRORS, *_ROWS, *_TRUTH)
