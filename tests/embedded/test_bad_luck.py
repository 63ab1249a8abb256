"""Machines and moments that are not like the ones the servers were written on."""

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest

from app.embedded import binaries, child, cluster, place
from app.embedded.child import Child, die_with_parent
from app.embedded.errors import EmbeddedError, MissingServer

ELSEWHERE = 12345


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def installation(folder: Path, major: int) -> Path:
    program(folder / "initdb", "echo disk full >&2; exit 1")
    return program(folder / "postgres", f"echo 'postgres (PostgreSQL) {major}.4 (a distribution)'").parent


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without the wheel and with only what is put into the folder."""
    monkeypatch.setattr(binaries, "wheel_folder", lambda package: None)
    monkeypatch.setattr(binaries, "_SYSTEM", tmp_path / "system")
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    return tmp_path


def test_postgres_of_the_system_is_used_without_the_wheel(no_wheel: Path) -> None:
    """The newest complete server wins; data of an older one finds that one."""
    installation(no_wheel / "path", 16)
    older = installation(no_wheel / "system" / "15" / "bin", 15)
    program(no_wheel / "system" / "19" / "bin" / "postgres", "echo 'postgres (PostgreSQL) 19.0'")  # no initdb
    assert binaries.postgres_bin() == no_wheel / "path"
    assert binaries.postgres_bin(15) == older


def test_no_postgres_at_all(no_wheel: Path) -> None:
    """One sentence says what to install, or which variable to set."""
    with pytest.raises(MissingServer, match=r"Install PostgreSQL 15 or newer.*DATABASE_URL"):
        binaries.postgres_bin()


def test_programs_without_libraries_of_their_own_are_copied_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the server's user cannot run is copied, links kept; the copy can be run by all."""
    folder = installation(tmp_path / "package" / "pginstall" / "bin", 18)
    (folder / "postgres").chmod(0o700)
    (folder / "postmaster").symlink_to("postgres")
    monkeypatch.setattr(binaries, "can", lambda user, *command: False)
    copy = binaries.reachable_bin(folder, tmp_path / "place", None)
    assert copy == tmp_path / "place" / "programs" / "package" / "pginstall" / "bin"
    assert (copy / "postgres").stat().st_mode & 0o777 == 0o755
    assert (copy / "postmaster").is_symlink()


def test_programs_at_a_path_that_a_shell_would_change_are_copied(tmp_path: Path) -> None:
    """initdb asks a shell to run postgres by its path: one with a dollar or a quote in it is not used."""
    folder = installation(tmp_path / "a$HOME" / "package" / "pginstall" / "bin", 18)
    assert binaries.reachable_bin(folder, tmp_path / "place", None).is_relative_to(tmp_path / "place")


def test_failed_initialisation_says_why(tmp_path: Path) -> None:
    """What initdb said is in the message."""
    (tmp_path / "data").mkdir()
    with pytest.raises(EmbeddedError, match="disk full"):
        cluster.initialise(installation(tmp_path / "bin", 18), tmp_path, None, durable=True)
    assert not (tmp_path / "initialised").exists()


def test_older_postgres_gets_the_plain_locale(tmp_path: Path) -> None:
    """Before 17 there is no builtin locale provider."""
    assert cluster._locale(installation(tmp_path, 16)) == ["--no-locale"]


def test_only_root_becomes_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ordinary user's server runs as that user."""
    monkeypatch.setattr(os, "geteuid", lambda: ELSEWHERE)
    assert place.server_user() is None


def test_folder_of_another_user_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Data made by another user (often root) is refused with a sentence, not with a traceback."""
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: ELSEWHERE)
    with pytest.raises(EmbeddedError, match="belongs to another user"):
        place.private_folder(tmp_path / "data", None)


def test_lock_of_another_user_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """So is a lock that cannot be opened."""

    def refuse(*_: object) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(EmbeddedError, match="belongs to another user"), place.locked(tmp_path):
        pass


@pytest.mark.parametrize("ignored", ["INT", "INT QUIT"])
def test_server_that_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ignored: str) -> None:
    """Asked, told, killed: a stop always ends."""
    monkeypatch.setattr(child, "_PATIENCE", (0.2, 0.2, 5))
    server = Child(["sh", "-c", f"trap '' {ignored}; echo up; while :; do sleep 0.05; done"], tmp_path / "log", stop=signal.SIGINT)
    server.wait_until(lambda: "up" in (tmp_path / "log").read_text())
    server.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)


def test_server_that_never_answers_is_given_up(tmp_path: Path) -> None:
    """After its time it is stopped, and the end of its log is in the message."""
    server = Child(["sh", "-c", "echo thinking; exec sleep 60"], tmp_path / "log", stop=signal.SIGTERM)
    time.sleep(0.1)
    with pytest.raises(EmbeddedError, match="thinking"):
        server.wait_until(lambda: False, seconds=0.1)
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)


def test_child_of_a_parent_that_died_first_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between fork and the request for a signal the parent may die: nobody would send it."""
    left: list[int] = []
    monkeypatch.setattr(os, "_exit", left.append)
    hook = die_with_parent(0)  # 0 asks for no signal
    monkeypatch.setattr(os, "getppid", os.getpid)
    hook()
    assert left == []
    monkeypatch.setattr(os, "getppid", lambda: 1)
    hook()
    assert left == [1]


def test_other_systems_have_no_such_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel cannot tell a child that its parent died, nothing is asked of it."""
    left: list[int] = []
    monkeypatch.setattr(os, "_exit", left.append)
    monkeypatch.setattr(child, "_libc", None)
    hook = die_with_parent(signal.SIGKILL)
    monkeypatch.setattr(os, "getppid", lambda: 1)  # where there is such a signal, this ends the child
    hook()
    assert left == []


def test_server_gets_no_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is in our environment does not travel to a server, which may run as another user."""
    monkeypatch.setenv("PLAYHALL_SECRET_KEYS", "canary")
    server = Child(["env"], tmp_path / "log", stop=signal.SIGTERM)
    with contextlib.suppress(EmbeddedError):  # it may have ended before it is looked at
        server.wait_until(lambda: "TZ=UTC" in (tmp_path / "log").read_text())
    server.stop()
    assert "TZ=UTC" in (tmp_path / "log").read_text()
    assert "canary" not in (tmp_path / "log").read_text()
