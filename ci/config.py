"""What a project says about its gates in setup.cfg: [ci], [ci:plugin:NAME], [ci:waiver:...]; and where its baselines are.

[ci]
base = origin/main              # what a change is compared with
baseline = ci/baseline.ini      # the bars, read as they are at the merge base

[ci:plugin:loot]
tests = tests                   # its tests; default "tests"
samples =                       # values where a CHECK cannot be guessed; see docs/plugins/migrations.md
    loot_code.code = 1234

[ci:waiver:big-index]
gate = locks
object = loot_20270101_1
reason = the table is empty everywhere
expires = 2027-02-01
"""

from __future__ import annotations

from collections.abc import Mapping
from configparser import ConfigParser, SectionProxy
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from .problems import Waiver


class ConfigError(Exception):
    """setup.cfg says something that cannot be; the message says what to write."""


@dataclass(frozen=True, slots=True)
class Config:
    """The sections of a project's setup.cfg that are about gates."""

    root: Path
    general: Mapping[str, str]
    plugins: Mapping[str, Mapping[str, str]]
    waivers: tuple[Waiver, ...]

    @property
    def base(self) -> str:
        """The branch that a change is compared with."""
        return self.general.get("base", "origin/main")

    @property
    def baseline(self) -> Path:
        """The file with one number per plugin, relative to the root."""
        return Path(self.general.get("baseline", "ci/baseline.ini"))


def read(root: Path) -> Config:
    """Read setup.cfg of the project at `root`; without one, everything is at its default."""
    parser = ConfigParser(interpolation=None, inline_comment_prefixes=("#",))
    parser.read(root / "setup.cfg", encoding="utf-8")
    plugins = {name.removeprefix("ci:plugin:"): dict(parser[name]) for name in parser.sections() if name.startswith("ci:plugin:")}
    waivers = tuple(_waiver(parser[name]) for name in parser.sections() if name.startswith("ci:waiver:"))
    return Config(root, dict(parser["ci"]) if "ci" in parser else {}, plugins, waivers)


def _waiver(section: SectionProxy) -> Waiver:
    missing = [name for name in ("gate", "object", "reason", "expires") if not section.get(name, "").strip()]
    if missing:
        raise ConfigError(f"setup.cfg [{section.name}]: write {', '.join(missing)}; a waiver says what, why and until when")
    try:
        expires = date.fromisoformat(section["expires"])
    except ValueError:
        raise ConfigError(f"setup.cfg [{section.name}]: expires is no date; write for example 2027-01-31") from None
    return Waiver(gate=section["gate"], object=section["object"], reason=section["reason"], expires=expires)
