"""What pip installs: the packages, their data, and nothing under a general name."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging_tools import clean_environment, install

ROOT = Path(__file__).resolve().parents[2]
IMPORT = """
import importlib, importlib.metadata, sys
for name in ("app", "app.migrations", "app.migrations.versions", "playhall", "playhall.ci", "playhall.testing"):
    module = importlib.import_module(name)
    assert module.__file__.startswith(sys.prefix), (name, module.__file__)
for name in ("ci", "migrations", "tests"):
    assert importlib.util.find_spec(name) is None, name
print(*[point.value for point in importlib.metadata.distribution("playhall").entry_points.select(group="flask.commands")])
"""


def test_only_our_two_names_are_taken(wheel: Path) -> None:
    """Nothing of ours lands under a general name."""
    names = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in names if not name.endswith(".dist-info")} == {"app", "playhall"}


def test_every_file_of_the_packages_is_there(wheel: Path) -> None:
    """Templates, scaffold and migrations travel too: what is in the folders is in the wheel."""
    installed = {"app": "app", "playhall": "playhall", "ci": "playhall/ci", "migrations": "app/migrations"}
    wanted = {
        f"{target}/{path.relative_to(ROOT / folder).as_posix()}"
        for folder, target in installed.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not any("cache" in part for part in path.relative_to(ROOT).parts)
    }
    assert wanted - set(zipfile.ZipFile(wheel).namelist()) == set()


def test_it_works_in_a_clean_environment(wheel: Path, tmp_path: Path) -> None:
    """Installed somewhere else, without the checkout, everything is importable and Flask finds the command."""
    python = clean_environment(tmp_path / "venv")
    install(python, wheel)
    done = subprocess.run([python, "-I", "-c", IMPORT], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "app.core.cli:plugin" in done.stdout.split()


@pytest.mark.parametrize("where", ["in the checkout", "elsewhere"])
def test_editable_install_maps_the_folders_too(where: str, tmp_path: Path) -> None:
    """`app.migrations` and `playhall.ci` are the checkout's folders, from inside it and from outside."""
    code = "import app.migrations, playhall.ci; print(app.migrations.__file__); print(playhall.ci.__file__)"
    cwd = ROOT if where == "in the checkout" else tmp_path
    done = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == [str(ROOT / "migrations" / "__init__.py"), str(ROOT / "ci" / "__init__.py")]
