"""A PostgreSQL data folder: made once, readable by its server alone, and open to nobody but us."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from app.embedded import binaries
from app.embedded.child import User, as_user, bare_environment
from app.embedded.errors import EmbeddedError

SUPERUSER = "postgres"


def major_version(data: Path) -> int | None:
    """Tell which PostgreSQL wrote this folder; None when none has."""
    version = data / "PG_VERSION"
    return int(version.read_text()) if version.exists() else None


def initialise(programs: Path, where: Path, user: User | None, *, durable: bool) -> None:
    """Fill `where`/data with an empty cluster, unless that was done to its end before."""
    data, done = where / "data", where / "initialised"
    if done.exists():
        return
    for left in data.iterdir():  # by an initialisation that was killed
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    options = [f"--username={SUPERUSER}", "--encoding=UTF8", "--auth=peer", *_locale(programs)]
    command = [str(programs / "initdb"), f"--pgdata={data}", *options, *([] if durable else ["--no-sync"])]
    made = subprocess.run(command, cwd="/", env=bare_environment(), capture_output=True, check=False, **as_user(user))  # noqa: S603
    if made.returncode != 0:
        raise EmbeddedError(f"PostgreSQL could not prepare {data}:\n{made.stderr.decode(errors='replace')}")
    done.touch()


def admit_only_us(where: Path, roles: Iterable[str]) -> dict[str, str]:
    """Write who may connect, and give the settings that name these files."""
    # Peer asks the kernel who is at the other end of the socket: nobody else on this machine gets in, and there is no
    # password to leak. The files are ours, not the server's user's: root never writes where another user could.
    rules, names = where / "pg_hba.conf", where / "pg_ident.conf"
    me = pwd.getpwuid(os.geteuid()).pw_name
    rules.write_text("local all all peer map=playhall\n")
    names.write_text("".join(f'playhall "{me}" {role}\n' for role in roles))
    for path in (rules, names):
        path.chmod(0o644)
    return {"hba_file": str(rules), "ident_file": str(names)}


def _locale(programs: Path) -> list[str]:
    # The builtin provider (17 and newer) sorts and folds case alike on every machine.
    major = binaries.major_version(programs) or 0
    return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if major >= 17 else ["--no-locale"]
