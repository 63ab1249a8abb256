"""What PostgreSQL itself can do: pgbench with the statements that the routes send."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psycopg

from app.embedded.binaries import postgres_bin
from app.embedded.errors import MissingServer
from bench.load import CLIENTS, LoadError

_HERE = Path(__file__).parent
_RATE = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)
_FAILED = re.compile(r"^number of failed transactions: (\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Durability:
    """What PostgreSQL promises when it says that a transaction is done."""

    version: str
    fsync: str
    synchronous_commit: str

    def __str__(self) -> str:
        return f"PostgreSQL {self.version}, fsync {self.fsync}, synchronous_commit {self.synchronous_commit}"


def durability(url: str) -> Durability:
    """Ask it."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT current_setting(n) FROM unnest(%s::text[]) n", [["server_version", "fsync", "synchronous_commit"]])
        return Durability(*(str(value) for (value,) in row))


def pgbench(url: str, script: str, seconds: int, folder: Path) -> float:
    """Transactions a second of bench/<script>.sql with prepared statements and as many clients as the load has."""
    with psycopg.connect(url) as connection:
        made_in_order = connection.info.server_version >= 180000
    text = (_HERE / f"{script}.sql").read_text().replace("new_id()", "uuidv7()" if made_in_order else "gen_random_uuid()")
    file = folder / f"{script}.sql"
    file.write_text(text)
    command = [_program(), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-T", str(seconds), "-f", str(file), url]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    rate, failed = _RATE.search(ran.stdout), _FAILED.search(ran.stdout)
    if ran.returncode or not rate or not failed or failed[1] != "0":
        raise LoadError(f"pgbench failed:\n{ran.stdout}{ran.stderr}")
    return float(rate[1])


def _program() -> str:
    try:
        beside = postgres_bin() / "pgbench"
    except MissingServer:
        beside = Path("pgbench")
    found = str(beside) if beside.exists() else shutil.which("pgbench")
    if not found:
        raise LoadError("There is no pgbench: install PostgreSQL's client programs, or the extra playhall[embedded]")
    return found
