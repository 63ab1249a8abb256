"""`python -m ci list` and `python -m ci run [GATE...]`: exit 0 when all hold, 1 when one failed, 2 when one could not run."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence

from .gates import GATES, Gate


def main(argv: Sequence[str] | None = None) -> int:
    """Run what the arguments say; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ci", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="say which gates there are")
    run = actions.add_parser("run", help="run these gates, or all")
    run.add_argument("gates", nargs="*", choices=[[], *(gate.id for gate in GATES)], metavar="GATE")
    chosen = parser.parse_args(argv)
    if chosen.action == "list":
        for gate in GATES:
            print(f"{gate.id:12}{gate.proves}")
        return 0
    return max(_run(gate) for gate in GATES if not chosen.gates or gate.id in chosen.gates)


def _run(gate: Gate) -> int:
    if not gate.tool.exists():
        print(f"{gate.id}: could not run, {gate.tool.name} is not installed. Do: make test, which installs it", flush=True)
        return 2
    failed = subprocess.run([gate.tool, *gate.argv[1:]], check=False).returncode != 0  # noqa: S603 - the table above
    print(f"{gate.id}: {'failed. To see it again: ' + ' '.join(gate.argv) if failed else 'holds'}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
