"""Services: a Protocol is asked for, the plugin that provides it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

import svcs

if TYPE_CHECKING:
    from flask import Flask

T = TypeVar("T")


def get(protocol: type[T]) -> T:
    """The service that was registered for a Protocol; made once per request or job."""
    return cast(T, svcs.flask.get_abstract(protocol))


def overwrite(app: Flask, protocol: type[T], value: T) -> None:
    """Answer with this value from now on; for tests that put a fake in a collaborator's place."""
    svcs.flask.overwrite_value(protocol, value, enter=False)
