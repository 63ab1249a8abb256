"""docs/plugins/testing.md: its code runs, and it names every fixture and every rule."""

from __future__ import annotations

import re
from pathlib import Path

from playhall.testing import PluginContract, plugin
from tests.testing.authoring import LOOT, ROOT, installed, pytest_in

PAGE = (ROOT / "docs" / "plugins" / "testing.md").read_text()


def blocks(language: str) -> list[str]:
    """The code of the page in this language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_code_runs(services: object, tmp_path: Path) -> None:
    """Each block is a test file of the example's author."""
    site = installed(tmp_path / "site", "loot", "playhall_loot")
    project = tmp_path / "project"
    project.mkdir()
    (project / "setup.cfg").write_text(blocks("ini")[0])
    # The contract itself is run on the example elsewhere.
    for number, code in enumerate(block for block in blocks("python") if "PluginContract" not in block):
        (project / f"test_{number}.py").write_text(code)
    done = pytest_in(project, "-W", "error", path=(site, LOOT / "src"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{PAGE.count('def test_')} passed" in done.stdout


def test_every_fixture_is_named() -> None:
    """And none that is not there."""
    table = PAGE.split("\n## Fixtures\n")[1].split("\n### ")[0]
    named = {name for line in table.splitlines() if line.startswith("| `") for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    assert named == {name for name, one in vars(plugin).items() if hasattr(one, "_get_wrapped_function")}


def test_every_rule_is_named() -> None:
    """As many as the page says."""
    rules = {name for name in vars(PluginContract) if name.startswith("test_")}
    assert set(re.findall(r"`(test_\w+)`", PAGE)) == rules
    assert len(rules) == 20
    assert "twenty tests" in PAGE
