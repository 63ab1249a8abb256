"""Services: a Protocol is asked for, the plugin that provides it answers."""

from __future__ import annotations

from typing import TypeVar, cast

import svcs

T = TypeVar("T")


def get(protocol: type[T]) -> T:
    """The service that was registered for a Protocol; made once per attempt of a request or job."""
    return cast(T, svcs.flask.get_abstract(protocol))


def close() -> None:
    """Close those that were made here, so that what is done again begins with new ones."""
    svcs.flask.teardown(None)
