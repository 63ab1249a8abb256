"""Installed plugins that are only made for a test, and a boot of their own in a fresh process."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

BOOT = "from app import create_app; app = create_app(); print(*(p.name for p in app.extensions['playhall'].plugins))"


def install(folder: Path, name: str, modules: Mapping[str, str], *, package: str | None = None, version: str = "1.0.0") -> None:
    """Put a package `<name>_plugin` into the folder as pip would: modules (file -> source) and an entry point."""
    package = package or f"{name}_plugin"
    home = folder / package
    for file, source in {"__init__.py": "", **modules}.items():
        path = home / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))
    info = folder / f"{package}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[playhall.plugins]\n{name} = {package}:plugin\n")


def manifest(name: str, **fields: object) -> str:
    """The source of a manifest with these fields."""
    rest = "".join(f", {field}={value!r}" for field, value in fields.items())
    return f"from playhall import Job, Permission, Plugin, Subscription\nplugin = Plugin(name={name!r}, version='1.0.0'{rest})\n"


def boot(folder: Path, plugins: str, code: str = BOOT, **env: str) -> subprocess.CompletedProcess[str]:
    """Start Python with the folder's plugins installed and these enabled, and run the code."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PLAYHALL_", "DATABASE_", "REDIS_"))}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**inherited, "PYTHONPATH": os.pathsep.join([str(folder), str(Path.cwd())]), "PLAYHALL_PLUGINS": plugins, **env},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
