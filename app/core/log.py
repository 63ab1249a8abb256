"""Logs: one line per event, JSON in production and readable elsewhere, with the ids that are bound and without secrets.

What the standard library's loggers say (gunicorn, werkzeug, rq, alembic, sqlalchemy) goes the same way.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import structlog

from app.core.operating.masking import HIDDEN, Mask

if TYPE_CHECKING:
    from app.core.settings import CoreSettings
    from app.core.state import Playhall

Line = MutableMapping[str, Any]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL_IN_TRACEBACK = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")

# As SQLAlchemy reads an address, where a password may hold / and libpq's lets it hold @.
_PASSWORD = re.compile(r"://[^/\s:@]*:(\S+)@|[?&][^=&]*pass[^=&]*=([^&\s]+)")

_encode = json.JSONEncoder(default=str, separators=(",", ":")).encode

# Loggers keep this very list, so that those made before `configure` follow it too.
_chain: list[structlog.typing.Processor] = []

# The levels that `tell` writes itself; none where people read.
_direct: set[str] = set()


def init_app(playhall: Playhall) -> None:
    """Log as the settings say, and never one of the secrets in them."""
    configure(playhall.settings, known(playhall))


def known(playhall: Playhall) -> list[str]:
    """Every secret in the settings."""
    return [secret for one in (playhall.settings, *playhall.plugin_settings.values()) for secret in secrets(one)]


def mask(playhall: Playhall) -> Mask:
    """What hides them in a text."""
    return Mask(known(playhall))


def secrets(settings: Any) -> Iterator[str]:
    """The values of the settings that are declared secret, and the passwords in those that are addresses."""
    for field in dataclasses.fields(settings):
        if field.metadata["secret"]:
            value = getattr(settings, field.name)
            for one in map(str, value.values() if isinstance(value, Mapping) else value if isinstance(value, tuple) else [value]):
                yield one
                yield from passwords(one)


def passwords(address: str) -> Iterator[str]:
    """Those in an address and its query, as they are written and as they are meant; more rather than too little."""
    for found in _PASSWORD.finditer(address):
        yield from {found[1] or found[2], unquote(found[1] or found[2])}


def configure(settings: CoreSettings, secrets: Iterable[str] = ()) -> None:
    """Send every log to standard error. `secrets` are values that must never be seen, wherever they turn up."""
    mask = Mask(secrets)
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    common: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = [structlog.processors.format_exc_info, mask, *(_JSON if settings.production else _READABLE)]
    _chain[:] = [*common, *last]
    _direct.clear()
    if settings.production:
        _direct.update(name.lower() for name, number in logging.getLevelNamesMapping().items() if number >= level)
    structlog.configure(
        processors=_chain,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_Output,
        cache_logger_on_first_use=True,
    )
    _adopt_standard_library(level, [*common, structlog.stdlib.ExtraAdder(), _without_leftovers], last)


def tell(level: str, logger: str, event: str, fields: Line) -> None:
    """Log one line whose fields are plain and hold no secret, such as the one of each request.

    In production it is written at once: the way of all others costs three times as much.
    """
    if not _direct:
        getattr(structlog.get_logger(logger), level)(event, **fields)
    elif level in _direct:
        bound = structlog.contextvars.get_contextvars()
        line = {"event": event, **fields, **bound, "level": level, "logger": logger, "timestamp": f"{datetime.now(UTC).isoformat()[:-6]}Z"}
        if "eyJ" in line.get("request_id", ""):  # whoever sends a token for an id
            line["request_id"] = HIDDEN
        sys.stderr.write(_encode(line) + "\n")


def _adopt_standard_library(level: int, before: list[structlog.typing.Processor], last: list[structlog.typing.Processor]) -> None:
    handler = _Handler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [*(one for one in root.handlers if not isinstance(one, _Handler)), handler]
    root.setLevel(level)
    # The server of the development tools names every request; our own line does that.
    # What these say at each request or revision, we say better.
    for chatty in ("werkzeug", "alembic"):
        logging.getLogger(chatty).setLevel(max(level, logging.WARNING))


class _Output:
    """What structlog's loggers write to: standard error as it is now, one call for a line."""

    def __init__(self, name: str = "playhall") -> None:
        self.name = name

    def msg(self, line: str) -> None:
        sys.stderr.write(line + "\n")

    debug = info = warning = warn = error = critical = fatal = exception = msg


class _Handler(logging.Handler):
    """The same for the standard library's."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
        except Exception:  # noqa: BLE001 - as every handler of the standard library: a line must not end a request
            self.handleError(record)


def _without_leftovers(_logger: Any, _method: str, line: Line) -> Line:
    # Another handler's formatter leaves them in the record, where they look like extras.
    line.pop("message", None)
    line.pop("asctime", None)
    return line


def _as_json(_logger: Any, _method: str, line: Line) -> str:
    # ASCII: then nothing in it can be read as the end of a line, whoever reads it.
    return _encode(line)


def _on_one_line(_logger: Any, _method: str, line: Line) -> Line:
    for key, value in line.items():
        if not isinstance(value, str):
            line[key] = value if value is None or isinstance(value, int | float) else _escaped(str(value))
        elif key == "exception":
            line[key] = textwrap.indent(_CONTROL_IN_TRACEBACK.sub(_escape, value), "    ")
        else:
            line[key] = _escaped(value)
    return line


def _escaped(text: str) -> str:
    return _CONTROL.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


_JSON: list[structlog.typing.Processor] = [_as_json]
_READABLE: list[structlog.typing.Processor] = [
    _on_one_line,
    structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback),
]
