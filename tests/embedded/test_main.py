"""`python -m app.embedded`: what a developer types."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from dotenv import dotenv_values

from app.embedded import __main__ as command
from app.embedded import development, place
from app.embedded.__main__ import main
from app.embedded.errors import EmbeddedError

ROOT = Path(development.__file__).parents[2]
SAY = (sys.executable, "-c", "import os, sys; print('flask', *sys.argv[1:], os.environ['DATABASE_URL'], flush=True)")


@pytest.fixture(autouse=True)
def checkout(reachable: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty checkout where flask is a program that says how it was called."""
    for name in ("DATABASE_URL", "REDIS_URL", "PLAYHALL_ENVIRONMENT", "PLAYHALL_BIND"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(development, "_BINDS", {"PLAYHALL_BIND": "127.0.0.1:0", "PLAYHALL_MANAGEMENT_BIND": "127.0.0.1:0"})
    monkeypatch.chdir(reachable)
    monkeypatch.setattr(command, "_FLASK", SAY)
    monkeypatch.setattr(command, "_PREPARE", (*SAY, "prepared"))
    monkeypatch.setattr(place, "PATIENCE", 0)
    return reachable


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that somebody else runs."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://given/db")
    monkeypatch.setenv("REDIS_URL", "redis://given/0")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_run_migrates_loads_the_demo_and_serves(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, checkout: Path, signum: signal.Signals
) -> None:
    """Servers, migrations, demo data, where to look, processes; then a signal ends it all with 0."""
    serve = """import os, time, psycopg, redis
redis.from_url(os.environ['REDIS_URL']).ping()
psycopg.connect(os.environ['DATABASE_URL']).close()
print('serving', os.environ['PLAYHALL_EMBEDDED'], flush=True)
os.kill(int(os.environ['ME']), int(os.environ['SIGNUM']))
time.sleep(60)"""
    monkeypatch.setenv("SIGNUM", str(signum.value))
    monkeypatch.setenv("ME", str(os.getpid()))
    monkeypatch.setattr(command, "PROCESSES", {"web": [sys.executable, "-c", serve]})
    handler = signal.getsignal(signal.SIGINT)
    assert main([]) == 0
    said = capfd.readouterr().out
    wanted = [
        "flask prepared postgresql://",
        "http://127.0.0.1:0/docs",
        "flask dev token",
        "serving true",
    ]
    positions = [said.index(text) for text in wanted]
    assert positions == sorted(positions)
    assert signal.getsignal(signal.SIGINT) is handler
    assert not (checkout / "var" / "services.env").exists()
    assert {path.name for path in (checkout / "var").iterdir()} == {"postgres", "redis", "lock"}


def test_address_that_is_taken_is_refused_before_anything_is_started(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], checkout: Path
) -> None:
    """The message names the setting and how to type it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("PLAYHALL_MANAGEMENT_BIND", where)
        assert main(["run"]) == 1
    said = capfd.readouterr().err
    assert said.startswith(f"playhall: {where}: Address already in use. Stop what listens there")
    assert "PLAYHALL_MANAGEMENT_BIND=127.0.0.1:" in said
    assert not (checkout / "var").exists()


def test_address_that_is_none_is_left_to_the_web_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """It knows more forms than we do, and says itself what is wrong."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("PLAYHALL_MANAGEMENT_BIND", where)
        monkeypatch.setenv("PLAYHALL_BIND", "unix:/tmp/playhall.sock")
        with pytest.raises(EmbeddedError, match=where):  # it was looked at, and only the other refused
            development.refuse_taken_addresses()


@pytest.mark.usefixtures("given")
def test_given_servers_are_used_and_nothing_is_embedded(checkout: Path) -> None:
    """With both addresses given no folder is made, and commands get these addresses."""
    (checkout / "x").touch()
    assert main(["flask", "routes", "--all"]) == 0
    assert not (checkout / "var").exists()


def test_each_server_is_replaced_alone_and_dotenv_counts(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address in `.env` or in a file counts as given; the other server is still embedded."""
    (checkout / ".env").write_text("DATABASE_URL=postgresql://given/db\n")
    with ExitStack() as stack:
        assert list(development.start(Path("var"), stack).urls) == ["REDIS_URL"]
    monkeypatch.setenv("REDIS_URL_FILE", "/run/secrets/redis")
    with ExitStack() as stack:
        assert list(development.start(Path("var"), stack).urls) == []


def test_nothing_is_served_when_preparing_fails(monkeypatch: pytest.MonkeyPatch, given: None) -> None:
    """A failed migration ends the run; it has said why itself."""
    monkeypatch.setattr(command, "_PREPARE", (sys.executable, "-c", "raise SystemExit(3)"))
    monkeypatch.setattr(command, "PROCESSES", {})
    assert main(["run"]) == 1


def test_process_that_dies_fails_the_run(monkeypatch: pytest.MonkeyPatch, given: None) -> None:
    """The run's exit code is the code of the process that went first."""
    monkeypatch.setattr(command, "PROCESSES", {"web": [sys.executable, "-c", "raise SystemExit(4)"]})
    assert main(["run"]) == 4


def test_services_prints_addresses_that_work_and_waits(capfd: pytest.CaptureFixture[str], checkout: Path) -> None:
    """What it prints can be pasted into a shell; until Ctrl-C the servers answer."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app.embedded", "services"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout
    (checkout / "said").write_text(process.stdout.readline() + process.stdout.readline())
    said = dotenv_values(checkout / "said")
    with psycopg.connect(str(said["DATABASE_URL"])) as connection:
        assert connection.info.dbname == "playhall"
    assert redis.from_url(str(said["REDIS_URL"])).ping()
    assert main(["flask", "dev", "token"]) == 0  # beside it, with its servers
    assert str(said["DATABASE_URL"]) in capfd.readouterr().out
    assert main(["run"]) == 1
    assert "stop that first" in capfd.readouterr().err
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    process.stdout.close()


@pytest.mark.parametrize("name", ["postgres", "redis-server"])
def test_services_end_when_one_of_them_is_killed(capfd: pytest.CaptureFixture[str], name: str) -> None:
    """Nobody goes on with half of them: the one that went is named."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app.embedded", "services"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout
    process.stdout.readline()
    [server] = [child for child in psutil.Process(process.pid).children() if child.name() == name]
    server.kill()
    assert process.wait(60) == 1
    process.stdout.close()
    assert f"{name} ended by itself" in capfd.readouterr().err


def test_flask_beside_nothing_starts_its_own_servers(checkout: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A command works with nothing running, and after a run that was killed."""
    (checkout / "var").mkdir()
    (checkout / "var" / "services.env").write_text("DATABASE_URL='postgresql://gone'\n")
    assert main(["flask", "dev", "token"]) == 0
    said = capfd.readouterr().out
    assert said.startswith("flask dev token postgresql://playhall@/playhall?host=")


def test_clean_deletes_what_the_servers_keep(checkout: Path) -> None:
    """Afterwards the next run starts from nothing; cleaning twice is no error."""
    assert main(["flask", "x"]) == 0
    (checkout / "var" / "mine").touch()
    assert main(["clean"]) == 0
    assert {path.name for path in (checkout / "var").iterdir()} == {"mine"}
    (checkout / "var" / "mine").unlink()
    assert main(["clean"]) == 0
    assert not (checkout / "var").exists()
    assert main(["clean"]) == 0


def test_production_embeds_nothing(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """In production a missing address is refused, naming it."""
    monkeypatch.setenv("PLAYHALL_ENVIRONMENT", "production")
    assert main(["run"]) == 1
    assert "set DATABASE_URL and REDIS_URL" in capfd.readouterr().err
