"""The embedded Redis: real, private, durable, and gone when its parent is."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import redis

from app.embedded import binaries, place
from app.embedded.child import evict
from app.embedded.errors import EmbeddedError, FolderInUse, MissingServer
from app.embedded.redis import EmbeddedRedis

HOLD = """
import sys, time
from pathlib import Path
from app.embedded.redis import EmbeddedRedis
with EmbeddedRedis(Path(sys.argv[1])) as server:
    print(server.url, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("name", ["redis", "with space", "l" * 120])
def test_data_survives_a_restart_in_any_folder(tmp_path: Path, name: str) -> None:
    """What was written before a stop is there after the next start."""
    server = EmbeddedRedis(tmp_path / name)
    with server:
        redis.from_url(server.url).set("kept", "42")
    with server:
        assert redis.from_url(server.url).get("kept") == b"42"


def test_nothing_is_evicted_and_no_port_is_open(tmp_path: Path) -> None:
    """A full Redis refuses new work; it never drops what is queued."""
    with EmbeddedRedis(tmp_path, durable=False) as server:
        config: dict[str, str] = redis.from_url(server.url, decode_responses=True).config_get("*")  # type: ignore[assignment]
        assert config["maxmemory-policy"] == "noeviction"
        assert config["port"] == "0"
        assert config["appendonly"] == "no"


def test_folder_serves_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second server for one folder is refused."""
    monkeypatch.setattr(place, "PATIENCE", 0)
    with EmbeddedRedis(tmp_path, durable=False), pytest.raises(FolderInUse):
        EmbeddedRedis(tmp_path).start()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_killed_parent_leaves_a_folder_that_starts_again(tmp_path: Path) -> None:
    """After SIGKILL of its parent the server ends, and a start at once keeps its socket."""
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout
    assert holder.stdout.readline()
    holder.kill()
    holder.wait()
    with EmbeddedRedis(tmp_path) as server:
        assert redis.from_url(server.url).ping()
    holder.stdout.close()


def test_left_over_server_is_ended(tmp_path: Path) -> None:
    """A server that outlived its parent is ended by its pid file, and only when it lives in that folder."""
    # A shell that runs us in the background makes SIGINT ignored, and sleep, unlike a server, would inherit that.
    left = subprocess.Popen(["sleep", "60"], cwd=tmp_path, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    (tmp_path / "redis.pid").write_text(str(left.pid))
    evict(tmp_path / "redis.pid", tmp_path)
    assert not psutil.pid_exists(left.pid)
    left.wait()


def test_server_that_will_not_end_is_named(tmp_path: Path) -> None:
    """One that ignores the signal is not fought over: the message names it."""
    left = subprocess.Popen(["sh", "-c", "trap '' INT; echo ready; sleep 60"], cwd=tmp_path, stdout=subprocess.PIPE)
    assert left.stdout
    left.stdout.readline()
    (tmp_path / "redis.pid").write_text(str(left.pid))
    with pytest.raises(EmbeddedError, match=str(left.pid)):
        evict(tmp_path / "redis.pid", tmp_path, seconds=0.2)
    left.kill()
    left.wait()
    left.stdout.close()


def test_server_on_the_path_is_used_without_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no wheel fits, redis-server or valkey-server is found on the path."""
    monkeypatch.setattr(binaries, "wheel_folder", lambda package: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingServer, match=r"redis-server or valkey-server .* REDIS_URL"):
        binaries.redis_server()
    (tmp_path / "valkey-server").touch(mode=0o755)
    assert binaries.redis_server() == tmp_path / "valkey-server"
    assert os.access(binaries.redis_server(), os.X_OK)
