"""docs/settings.md and docs/errors.md, written from the code so that they cannot lie."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import click
from flask import Flask
from flask.cli import AppGroup

from app.core.errors import DomainError
from app.core.settings import CoreSettings, Declared, declared, prefix
from app.core.state import Playhall, state

FOLDER = Path("docs")

SETTINGS_HEAD = """# Settings

Written from the code by `flask docs write`; do not edit.

Each is an environment variable, or a line in `.env`; `NAME_FILE` names a file that holds the value instead, which suits
secrets. A list is separated by commas, a mapping is `name=value` pairs separated by commas. Everything missing or wrong is
reported at start, all at once. Secrets are never shown in logs or by `flask doctor`.
"""
ERRORS_HEAD = """# Errors

Written from the code by `flask docs write`; do not edit.

Every answer that is no success is a problem document (RFC 9457), `application/problem+json`:

```json
{
  "type": "/docs/errors#core.invalid",
  "title": "Some fields are wrong",
  "status": 422,
  "code": "core.invalid",
  "detail": "Some fields are wrong: see errors.",
  "errors": {"count": ["Send a whole number, for example 5."]},
  "request_id": "0197f3a4-5b6c-7d8e-9f00-112233445566"
}
```

Programs go by `code`, which never changes; `title` and `detail` are for people. `request_id` is also in the `X-Request-Id` header
and in our log. `errors` is there for `core.invalid` alone.
"""

_KINDS: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "`true` or `false`",
    tuple[str, ...]: "list",
    Mapping[str, str]: "mapping",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Section:
    """What the core or one plugin brings: its settings, its errors."""

    title: str
    settings: list[Declared]
    errors: list[type[DomainError]]


def sections(playhall: Playhall) -> list[Section]:
    """The core, then each plugin that is on, in load order."""
    found = [Section("core", declared(CoreSettings, "PLAYHALL_"), _errors({"core", "jobs"}))]
    for plugin in playhall.plugins:
        settings = declared(resolve_name(plugin.settings), prefix(plugin.name)) if plugin.settings else []
        found.append(Section(plugin.name, settings, _errors({plugin.name})))
    return found


def kind(setting: Declared) -> str:
    """What may stand in it."""
    return _KINDS[setting.type]


def default(setting: Declared) -> str:
    """What holds without it. A secret's is not shown."""
    if setting.default is dataclasses.MISSING:
        return "required"
    if setting.secret:
        return "for development only" if setting.default else "none"
    if setting.default in ("", (), {}):
        return "none"
    if isinstance(setting.default, bool):
        return str(setting.default).lower()
    return ",".join(setting.default) if isinstance(setting.default, tuple) else str(setting.default)


def advice(error: type[DomainError]) -> str:
    """What to do about it: the docstring, in one line."""
    return " ".join((inspect.getdoc(error) or "").split()) if error.__doc__ else ""


def settings_page(found: Iterable[Section]) -> str:
    """docs/settings.md."""
    return SETTINGS_HEAD + "".join(_table(section.title, SETTING_COLUMNS, map(_setting_row, section.settings)) for section in found)


def errors_page(found: Iterable[Section]) -> str:
    """docs/errors.md."""
    return ERRORS_HEAD + "".join(_table(section.title, ERROR_COLUMNS, map(_error_row, section.errors)) for section in found)


SETTING_COLUMNS = ("variable", "what it does", "type", "default")
ERROR_COLUMNS = ("code", "status", "what it says", "what to do")


def _setting_row(one: Declared) -> tuple[str, ...]:
    return (f"`{one.env}`" + (" (secret)" if one.secret else ""), one.doc, kind(one), default(one))


def _error_row(error: type[DomainError]) -> tuple[str, ...]:
    return (f'<a id="{error.code}"></a>`{error.code}`', str(error.status), error.title, advice(error))


def _table(title: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    if not lines:
        return ""
    return "\n".join([f"\n## {title}\n", "| " + " | ".join(columns) + " |", "|---" * len(columns) + "|", *lines, ""])


def _errors(owners: set[str]) -> list[type[DomainError]]:
    """The errors whose code begins with one of these, by status and code."""
    found = {error for error in _tree(DomainError) if "code" in vars(error) and error.code.split(".")[0] in owners}
    return sorted(found, key=lambda error: (error.status, error.code))


def _tree(error: type[DomainError]) -> Iterator[type[DomainError]]:
    yield error
    for inner in error.__subclasses__():
        yield from _tree(inner)


def pages() -> dict[str, str]:
    """The files in docs/ that are written from the code of the current application."""
    found = sections(state())
    return {"settings.md": settings_page(found), "errors.md": errors_page(found)}


def init_app(app: Flask) -> None:
    """Add `flask docs`."""
    app.cli.add_command(commands)


commands = AppGroup("docs", help="The documents that are written from the code.")
folder = click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=FOLDER)


@commands.command("write")
@folder
def write(folder: Path) -> None:
    """Write settings.md and errors.md into FOLDER (default docs)."""
    for name, text in pages().items():
        (folder / name).write_text(text)


@commands.command("check")
@folder
def check(folder: Path) -> None:
    """Fail when settings.md or errors.md in FOLDER (default docs) is not what the code says."""
    if stale := [name for name, text in pages().items() if not (folder / name).is_file() or (folder / name).read_text() != text]:
        raise click.ClickException(f"{' and '.join(stale)} in {folder} is not what the code says. Run: flask docs write {folder}")
