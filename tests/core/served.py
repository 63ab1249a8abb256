"""What the tests of the server serve: the application, and two routes on which requests get stuck."""

from __future__ import annotations

import os
from collections.abc import Iterator

from flask import request
from sqlalchemy import text

from app import create_app
from app.core.db import session
from app.core.operating.native import original

application = create_app()


@application.get("/stuck/asleep")
def asleep() -> str:
    """Hold up the whole loop for a while: a call that gevent knows nothing of."""
    original("time", "sleep")(8)
    return "awake"


@application.get("/stuck/asking")
def asking() -> str:
    """Hold a thread and a connection until PostgreSQL has slept as long as it is told."""
    session().execute(text("SELECT pg_sleep(:seconds)"), {"seconds": request.args.get("seconds", 30)})
    return "answered"


@application.get("/pid")
def pid() -> str:
    """Which worker answers."""
    return str(os.getpid())


@application.get("/broken")
def broken() -> str:
    """Fail, with a secret in the exception."""
    raise RuntimeError("the password=hunter2-planted was refused")


@application.post("/read")
def read() -> dict[str, int]:
    """Read the whole body."""
    return {"bytes": len(request.get_data())}


@application.get("/half")
def half() -> Iterator[str]:
    """Fail at the first piece of a stream, when the view itself is over."""
    raise RuntimeError("too late")
    yield ""
