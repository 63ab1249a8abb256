"""The door: everything a plugin may import from Playhall. Stable within one version of the plugin API.

Besides this, a plugin may import `app.economy.api` and the `api` module of a plugin that it requires; nothing else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.core.audit import audit
    from app.core.auth import current_account, current_roles, current_session
    from app.core.db import Base, Kind, after_commit, session, uuid7
    from app.core.errors import DomainError, Forbidden, Invalid, NotFound
    from app.core.events import Event, publish
    from app.core.guarding.sessions import Sessions, session_revoked
    from app.core.http import Blueprint
    from app.core.jobs import current_job, enqueue
    from app.core.models import Timestamp
    from app.core.operation import operation
    from app.core.pages import PageQuery, page, page_of
    from app.core.plugin import Job, Permission, Plugin, Subscription
    from app.core.schemas import Schema
    from app.core.services import get
    from app.core.settings import setting
    from app.core.state import settings
    from app.core.statement import Statement
    from playhall import fields

__all__ = [
    "Base",
    "Blueprint",
    "DomainError",
    "Event",
    "Forbidden",
    "Invalid",
    "Job",
    "Kind",
    "NotFound",
    "PageQuery",
    "Permission",
    "Plugin",
    "Schema",
    "Sessions",
    "Statement",
    "Subscription",
    "Timestamp",
    "after_commit",
    "audit",
    "current_account",
    "current_job",
    "current_roles",
    "current_session",
    "enqueue",
    "fields",
    "get",
    "operation",
    "page",
    "page_of",
    "publish",
    "session",
    "session_revoked",
    "setting",
    "settings",
    "uuid7",
]

_HOME = {
    "app.core.audit": ("audit",),
    "app.core.auth": ("current_account", "current_roles", "current_session"),
    "app.core.db": ("Base", "Kind", "after_commit", "session", "uuid7"),
    "app.core.errors": ("DomainError", "Forbidden", "Invalid", "NotFound"),
    "app.core.events": ("Event", "publish"),
    "app.core.guarding.sessions": ("Sessions", "session_revoked"),
    "app.core.http": ("Blueprint",),
    "app.core.jobs": ("current_job", "enqueue"),
    "app.core.models": ("Timestamp",),
    "app.core.operation": ("operation",),
    "app.core.pages": ("PageQuery", "page", "page_of"),
    "app.core.plugin": ("Job", "Permission", "Plugin", "Subscription"),
    "app.core.statement": ("Statement",),
    "app.core.schemas": ("Schema",),
    "app.core.services": ("get",),
    "app.core.settings": ("setting",),
    "app.core.state": ("settings",),
}

if not TYPE_CHECKING:
    # Each is imported when it is asked for: pytest loads playhall.testing in every project of an environment, and a
    # manifest needs no web framework.
    def __getattr__(name: str) -> Any:
        if name == "fields":
            return import_module("playhall.fields")
        home = next((module for module, names in _HOME.items() if name in names), None)
        if home is None:
            raise AttributeError(f"playhall has no {name!r}; docs/plugins/contract.md lists what it has")
        globals()[name] = value = getattr(import_module(home), name)
        return value
