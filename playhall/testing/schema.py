"""What a database looks like: its schema as pg_dump tells it, in an order and a form that never depend on chance."""

from __future__ import annotations

import difflib
import re
import subprocess
from collections.abc import Iterator, Mapping

from sqlalchemy import URL

from app.embedded.binaries import postgres_bin

Entry = tuple[str, str]  # kind and name, such as ("INDEX", "ix_shop_order_state")
Schema = Mapping[Entry, str]  # -> the statements that make it

_ENTRY = re.compile(r"^--\n-- Name: (?P<name>.*?); Type: (?P<type>.*?); Schema: .*\n--\n", re.MULTILINE)
_NOISE = re.compile(r"^(--.*|SET .*|\\(un)?restrict .*|)$")


def schema(url: URL) -> Schema:
    """Dump the schema of a database, without version tables."""
    program = postgres_bin() / "pg_dump"
    target = url.set(drivername="postgresql").render_as_string(hide_password=False)
    options = ["--schema-only", "--no-owner", "--exclude-table=alembic_version*", f"--dbname={target}"]
    done = subprocess.run([program, *options], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{program} cannot read the schema: {done.stderr.strip()}")
    return normalise(done.stdout)


def normalise(dump: str) -> Schema:
    """The objects of a dump. A column that was dropped and added again comes last, which is no difference."""
    entries = list(_ENTRY.finditer(dump))
    ends = [*(entry.start() for entry in entries[1:]), len(dump)]
    found = {}
    for entry, end in zip(entries, ends, strict=False):
        lines = [line.rstrip() for line in dump[entry.end() : end].splitlines() if not _NOISE.match(line)]
        if entry["type"] == "TABLE":
            lines = sorted((line.rstrip(",") for line in lines), key=lambda line: (not line.startswith("CREATE"), line))
        found[entry["type"], entry["name"]] = "\n".join(lines)
    return found


def changed(before: Schema, after: Schema) -> Iterator[tuple[Entry, str]]:
    """Each object that is not the same in both, with what makes it, or made it."""
    for entry in sorted(before.keys() | after.keys()):
        if before.get(entry) != after.get(entry):
            yield entry, after.get(entry) or before[entry]


def difference(before: Schema, after: Schema) -> Iterator[str]:
    """One line per statement or column that is in one and not in the other, with + for what is new and - for what is gone."""
    for entry in sorted(before.keys() | after.keys()):
        old, new = before.get(entry, "").splitlines(), after.get(entry, "").splitlines()
        if old and new:
            lines = list(difflib.unified_diff(old, new, lineterm="", n=0))[2:]
            yield from (f"{line[0]} {' '.join(entry)}: {line[1:].strip()}" for line in lines if line[0] in "+-")
        elif old != new:
            yield f"{'-' if old else '+'} {' '.join(map(str.strip, old or new))}"


def table_of(entry: Entry, body: str) -> str:
    """The table (or sequence, type, function) that an object belongs to."""
    kind, name = entry
    if kind == "INDEX" and (on := re.search(r' ON (?:ONLY )?[\w"]+\."?(\w+)', body)):
        return str(on[1])
    words = re.findall(r"\w+", name)
    return str(words[1] if kind in ("COMMENT", "ACL") and len(words) > 1 else words[0])
