"""Commands that libraries bring and that would mislead here: not shown, and answered with what to do instead.

Found by the entry point of `run`, which goes before Flask's own; nothing but the command line loads it.
"""

from __future__ import annotations

from typing import Any, NoReturn

import click
from flask_limiter.commands import cli as limiter


def _withdraw(command: click.Command, instead: str) -> click.Command:
    def refuse(*_args: Any, **_values: Any) -> NoReturn:
        raise click.ClickException(instead)

    # Before its arguments are read: whatever they are, the answer is the same.
    vars(command).update(hidden=True, make_context=refuse)
    return command


run = _withdraw(
    click.Command("run"),
    "Flask's server is not ours, and knows no streams, probes or time-outs. In development: make run. Everywhere else: "
    "python -m gunicorn -c app/core/operating/server.py wsgi:application (docs/operating.md)",
)
_withdraw(limiter, "flask-limiter does not count here and would show no limits. They are in docs/settings.md and PLAYHALL_LIMITS.")
