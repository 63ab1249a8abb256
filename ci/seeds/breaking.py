"""Breaks of the API: each is a change after which a client that was made for the document before it fails."""

from __future__ import annotations

from collections.abc import Mapping

from .seed import Edit, Seed

_HTTP, _SCHEMAS = "src/playhall_seedling/http.py", "src/playhall_seedling/schemas.py"

_IMPORT = "from playhall import Schema, fields\n"
_QUERY = '@blueprint.arguments(PageQuery, location="query")'
_LIST = '@blueprint.get("/tickets")\n@operation(permission="seedling:take", limit="seedling.read")'
_RIDE = '    ride = fields.String(required=True, shortest=1, longest=80, metadata={"example": "ferris wheel"})\n'
_TAKEN = "    taken_at = fields.Timestamp(required=True)\n"
_SEAT = "    seat = fields.Integer()\n"
_KEY = "    idempotent=True,\n"
_ONE_OF = "    from marshmallow.validate import OneOf\n\n    {} = fields.String(required=True, validate=OneOf([{}]))\n"

Edits = Mapping[str, Edit]


def _schema(old: str, new: str) -> Edits:
    return {_SCHEMAS: (old, new)}


def _http(old: str, new: str) -> Edits:
    return {_HTTP: (old, new)}


def _asked(field: str) -> Edits:
    """The list with one more parameter in its query."""
    return {
        _HTTP: (_QUERY, '@blueprint.arguments(schemas.TicketQuery, location="query")'),
        _SCHEMAS: (_IMPORT, f"from playhall import PageQuery, Schema, fields\n\n\nclass TicketQuery(PageQuery):\n    {field}\n"),
    }


def _break(name: str, says: str, edits: Edits, before: Edits | None = None) -> Seed:
    return Seed(gate="openapi-compat", name=name, says=says, edits=edits, before=before or {})


_KIND = "kind = fields.String()"
_BY_LIST = _http(_LIST, _LIST.replace('"/tickets"', '"/list"'))

_OPERATIONS = (
    _break("a path removed", "POST /api/v1/seedling/tickets: its address is gone", _http('post("/tickets")', 'post("/passes")'), _BY_LIST),
    _break("a method removed", "GET /api/v1/seedling/tickets: the method is gone", _BY_LIST),
    _break("an operation renamed", "'seedling.take_ticket' is now 'seedling.take'", _http("def take_ticket(body", "def take(body")),
    _break("another status of success", "success was 201 and is now 200", _http("response(201", "response(200")),
    _break(
        "a token is demanded",
        "GET /api/v1/seedling/tickets: it demands a token now",
        _http("@operation(public=True, ", "@operation("),
        _http(_LIST, _LIST.replace('permission="seedling:take"', "public=True")),
    ),
    _break(
        "a permission is demanded",
        "it demands the permission seedling:take now",
        _http('@operation(limit="seedling.read")', '@operation(permission="seedling:take", limit="seedling.read")'),
        _http(_LIST, _LIST.replace('permission="seedling:take", ', "")),
    ),
    _break(
        "a key of idempotency is demanded",
        "new required header parameter 'Idempotency-Key'",
        _http('    limit="seedling.take",\n', f'    limit="seedling.take",\n{_KEY}'),
        _http(_KEY, ""),
    ),
    _break("a header is gone", "the answer has no header Idempotency-Replayed any more", _http(_KEY, "")),
)

_PARAMETERS = (
    _break("a new required parameter", "new required query parameter 'kind'", _asked("kind = fields.String(required=True)")),
    _break(
        "a parameter becomes required",
        "was optional and is now a required query parameter 'kind'",
        _schema(_KIND, "kind = fields.String(required=True)"),
        _asked(_KIND),
    ),
    _break("a parameter removed", "query parameter 'kind' is gone", _http("schemas.TicketQuery", "PageQuery"), _asked(_KIND)),
    _break(
        "another type of a parameter",
        "query parameter 'kind' may not be string any more",
        _schema(_KIND, "kind = fields.Integer()"),
        _asked(_KIND),
    ),
)

_BODIES = (
    _break("a new required field", "the body has to have 'seat' now", _schema(_RIDE, f"{_RIDE}    seat = fields.Integer(required=True)\n")),
    _break("a field removed", "the body may not have 'seat' any more", _schema(_SEAT, ""), _schema(_RIDE, _RIDE + _SEAT)),
    _break(
        "another type of a field",
        "the body.ride may not be string any more",
        _schema(_RIDE, "    ride = fields.Integer(required=True)\n"),
    ),
    _break("a shorter text", "the body.ride has maxLength 8 now, not 80", _schema("longest=80", "longest=8")),
    _break(
        "a value less",
        "the body.ride may not say wheel any more",
        _schema('"wheel", "boat"', '"boat"'),
        _schema(_RIDE, _ONE_OF.format("ride", '"wheel", "boat"')),
    ),
)

_ANSWERS = (
    _break("a field of the answer removed", "the answer has no 'taken_at' now", _schema(_TAKEN, "")),
    _break(
        "another type of a field of the answer",
        "the answer.taken_at can be integer now",
        _schema(_TAKEN, "    taken_at = fields.Integer(required=True)\n"),
    ),
    _break(
        "a field of the answer becomes nullable",
        "the answer.taken_at can be null now",
        _schema(_TAKEN, "    taken_at = fields.Timestamp(required=True, allow_none=True)\n"),
    ),
    _break(
        "a field of the answer becomes optional",
        "the answer may lack 'taken_at' now",
        _schema(_TAKEN, "    taken_at = fields.Timestamp()\n"),
    ),
    _break(
        "a value more in the answer",
        "the answer.state can say lost now",
        _schema('"new", "used"', '"new", "used", "lost"'),
        _schema(_TAKEN, _ONE_OF.format("state", '"new", "used"') + _TAKEN),
    ),
)

SEEDS = (*_OPERATIONS, *_PARAMETERS, *_BODIES, *_ANSWERS)
