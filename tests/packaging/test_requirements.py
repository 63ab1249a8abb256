"""What is installed is what setup.cfg asks for, pinned, with hashes."""

import configparser
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
EXTRAS = {"base.txt": (), "kafka.txt": ("kafka",), "dev.txt": ("kafka", "embedded", "gates", "test"), "nightly.txt": ("nightly",)}


def asked_for(extras: tuple[str, ...]) -> list[Requirement]:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    texts = [config["options"]["install_requires"], *(config["options.extras_require"][extra] for extra in extras)]
    return [Requirement(line) for text in texts for line in text.splitlines() if line.strip()]


def pins(name: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for pin, version in re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", (ROOT / "requirements" / name).read_text(), re.MULTILINE):
        found.setdefault(pin, []).append(version)
    return found


@pytest.mark.parametrize("name", EXTRAS)
def test_every_requirement_is_pinned_to_a_version_that_fits(name: str) -> None:
    """After a change of setup.cfg, `make lock` was run: every package is there, in a version that is asked for."""
    pinned = pins(name)
    missing = [str(wanted) for wanted in asked_for(EXTRAS[name]) if not any(map(wanted.specifier.contains, pinned.get(wanted.name, ())))]
    assert missing == [], "run `make lock` and commit requirements/"


@pytest.mark.parametrize("name", EXTRAS)
def test_every_pin_has_a_hash_and_no_file_names_a_host(name: str) -> None:
    """Whoever serves the packages cannot change them, and nobody's registry is written down."""
    text = (ROOT / "requirements" / name).read_text()
    entries = re.findall(r"^[a-z0-9-]+==(?:.*\\\n)+.*", text, re.MULTILINE)
    assert len(entries) == sum(map(len, pins(name).values()))
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text


def test_what_is_deployed_is_what_was_tested() -> None:
    """The deployed files pin the same versions as the one that tests install; the nightly tools come beside those."""
    tested = pins("dev.txt")
    for name in ("base.txt", "kafka.txt"):
        assert {pin: versions for pin, versions in pins(name).items() if tested.get(pin) != versions} == {}
    assert {pin: versions for pin, versions in pins("nightly.txt").items() if tested.get(pin, versions) != versions} == {}
