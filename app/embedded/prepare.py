"""`python -m app.embedded.prepare`: what a database needs before the first request, with one boot of the application.

Two `flask` commands would boot it twice, which takes longer than what they do.
"""

import sys
from collections.abc import Sequence

from flask.cli import FlaskGroup, ScriptInfo

STEPS: Sequence[Sequence[str]] = (("db", "upgrade"), ("demo", "load"))


def prepare(info: ScriptInfo) -> int:
    """Run the steps until one fails; 0 when none did."""
    group = FlaskGroup()
    for step in STEPS:
        try:
            group.main(list(step), prog_name="flask", obj=info)
        except SystemExit as end:
            if end.code:
                print(f"playhall: `flask {' '.join(step)}` failed, its message is above.", file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(prepare(ScriptInfo()))
