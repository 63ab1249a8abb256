"""The door: everything a plugin may import from Playhall. Stable within one version of the plugin API.

Besides this, a plugin may import `app.economy.api` and the `api` module of a plugin that it requires; nothing else.
"""

from __future__ import annotations

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
