"""`flask plugin check NAME`: the gates that concern a plugin, beside what its QUALITY.md says of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from app.core.operating import quality

SUMMARY = Path("build") / "gates" / "summary.json"


def check(name: str, folder: Path) -> int:
    """Run them in the plugin's folder and print the table of rules; the exit code is the run's: an exemption lets nothing pass."""
    if find_spec("junitparser") is None:
        raise click.ClickException("the gates are not installed; run: pip install 'playhall[gates]'")
    summary = folder / SUMMARY
    summary.unlink(missing_ok=True)
    command = [sys.executable, "-m", "playhall.ci", "run", "--plugin", name]
    code = subprocess.run(command, cwd=folder, check=False).returncode  # noqa: S603
    if summary.exists():
        click.echo()
        for line in table(json.loads(summary.read_text(encoding="utf-8")), quality.rules(folder)):
            click.echo(line)
    return code


def table(verdicts: list[dict[str, Any]], rules: Mapping[str, tuple[int, str]]) -> Iterator[str]:
    """A line for each rule: proven, failed, or exempt with the reason."""
    yield f"{'RULE':18} STATE"
    for verdict in verdicts:
        said = quality.reason(rules.get(verdict["gate"], (0, ""))[1])
        yield f"{verdict['gate']:18} {_state(verdict, said)}"


def _state(verdict: Mapping[str, Any], exempt: str | None) -> str:
    if verdict["state"] == "holds":
        waived = "; ".join(sorted({one["reason"] for one in verdict["waived"]}))
        return f"exempt: {exempt or waived}" if waived else "proven"
    state = f"{verdict['state']}: {verdict['reason']}" if verdict["reason"] else str(verdict["state"])
    return f"{state} (exempt: {exempt}; without a waiver in setup.cfg it counts)" if exempt else state
