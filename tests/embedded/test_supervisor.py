"""The supervisor: one goes, all go; a signal stops all; nothing is left, whatever the processes do."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil
import pytest

from app.embedded import manager
from app.embedded.supervisor import PROCESSES, supervise

SLEEP = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(600)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('here', flush=True); time.sleep(600)",
]
ORPHAN = ["sh", "-c", "setsid sleep 611 & echo here; exec sleep 600"]

RUN = """
import ast, os, sys
from app.embedded.supervisor import supervise
print("supervisor", os.getpid(), flush=True)
sys.exit(supervise(ast.literal_eval(sys.argv[1]), os.environ))
"""

SERVED = """
import ast, os, signal, sys
from contextlib import ExitStack
from pathlib import Path
from app.embedded.child import Child
from app.embedded.supervisor import supervise
folder = Path(sys.argv[2])
servers = []
with ExitStack() as stack:
    for name in ("first", "second"):
        program = folder / name
        program.write_text(f"#!/bin/sh\\necho the last words of {name}\\nexec sleep 600\\n")
        program.chmod(0o755)
        servers.append(server := Child([str(program)], folder / f"{name}.log", stop=signal.SIGTERM))
        stack.callback(server.stop)
        server.wait_until(lambda: "words" in server.log.read_text())
        (folder / f"{name}.pid").write_text(str(server.pid))
    sys.exit(supervise(ast.literal_eval(sys.argv[1]), os.environ, servers))
"""


@pytest.fixture
def mark(tmp_path: Path) -> Iterator[str]:
    """A value in the environment of everything one test starts; what still has it at the end was left behind."""
    yield str(tmp_path)
    for process in marked(str(tmp_path)):
        process.kill()


def marked(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TEST_MARK") == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def start(processes: Mapping[str, Sequence[str]], mark: str, program: str = RUN, *rest: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", program, repr(dict(processes)), *rest]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "TEST_MARK": mark})


def read_until(process: "subprocess.Popen[str]", text: str, times: int) -> None:
    assert process.stdout
    while times:
        line = process.stdout.readline()
        assert line, f"ended before it said {text!r}"
        times -= text in line


def gone(mark: str, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while marked(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not marked(mark)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_signal_stops_everything_and_is_no_failure(mark: str, signum: signal.Signals) -> None:
    """Stopped by a person: exit code 0 and no process left."""
    process = start({"one": SLEEP, "two": SLEEP}, mark)
    read_until(process, "here", 2)
    process.send_signal(signum)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 0, output
    assert marked(mark) == []


def test_process_that_left_its_group_is_ended_too(mark: str) -> None:
    """One that became its own session, and holds the output open, neither survives nor keeps us waiting."""
    process = start({"one": SLEEP, "two": ORPHAN}, mark)
    read_until(process, "here", 2)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert marked(mark) == []


def test_signal_in_the_first_moment_is_not_lost(mark: str) -> None:
    """Ctrl-C while the processes are being started stops what was started."""
    for delay in (0.0, 0.01, 0.04):
        process = start({"one": SLEEP, "two": SLEEP, "three": SLEEP}, mark)
        read_until(process, "supervisor", 1)
        time.sleep(delay)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
        assert gone(mark)


def test_one_that_dies_stops_the_rest_and_is_named(mark: str) -> None:
    """A process that ends by itself ends everything, with its exit code and its name."""
    process = start({"steady": SLEEP, "broken": ["sh", "-c", "sleep 0.3; exit 7"]}, mark)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 7
    assert "broken ended by itself (exit code 7)" in output
    assert marked(mark) == []


def test_one_that_is_finished_is_a_failure_too(mark: str) -> None:
    """None of them is meant to end: 0 from a process is not 0 from the supervisor."""
    process = start({"steady": SLEEP, "done": ["true"]}, mark)
    process.communicate(timeout=20)
    assert process.returncode == 1


@pytest.mark.parametrize("name", ["first", "second"])
def test_server_that_is_killed_stops_the_rest_and_is_named(mark: str, tmp_path: Path, name: str) -> None:
    """Servers are no processes of honcho's, but the end of one is: named, with the end of its log, and not 0."""
    process = start({"one": SLEEP, "two": SLEEP}, mark, SERVED, str(tmp_path))
    read_until(process, "here", 2)
    os.kill(int((tmp_path / f"{name}.pid").read_text()), signal.SIGKILL)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"{name} ended by itself. What was committed is kept: start again." in output
    assert f"the last words of {name}" in output
    assert marked(mark) == []


def test_deaf_process_is_killed(mark: str) -> None:
    """One that ignores SIGTERM does not keep the terminal for ever."""
    process = start({"one": DEAF, "two": SLEEP}, mark)
    read_until(process, "here", 2)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert marked(mark) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_killed_supervisor_leaves_nothing(mark: str) -> None:
    """SIGKILL of the supervisor reaches every process it started."""
    process = start({"one": SLEEP, "two": SLEEP}, mark)
    read_until(process, "here", 2)
    process.kill()
    process.communicate(timeout=20)
    assert gone(mark)


def test_signal_while_a_line_is_printed_waits_for_its_turn(capsys: pytest.CaptureFixture[str]) -> None:
    """What a signal's handler prints in the middle of a line comes after it, and breaks nothing."""
    from honcho.printer import Message

    def message(text: str) -> object:
        return Message(type="line", data=text, time=__import__("datetime").datetime.now(), name="x", colour=None)

    class Interrupted:
        def write(self, text: str) -> int:
            if "outer" in text:
                printer.write(message("inner"))
            return sys.stdout.write(text)

        def flush(self) -> None: ...

    printer = manager._Printer(Interrupted())  # type: ignore[arg-type]
    printer.write(message("outer"))
    lines = capsys.readouterr().out.splitlines()
    assert [line[-5:] for line in lines] == ["outer", "inner"]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")  # the test runner is
def test_in_this_process(capfd: pytest.CaptureFixture[str], mark: str) -> None:
    """Called as a function it gives the code back, restores the handlers and ends only what it started."""
    before = signal.getsignal(signal.SIGINT)
    mine = subprocess.Popen(["sleep", "60"])
    try:
        code = supervise({"a": ["sh", "-c", "echo said; exit 3"], "b": SLEEP}, {**os.environ, "TEST_MARK": mark})
        assert mine.poll() is None
    finally:
        mine.kill()
        mine.wait()
    assert code == 3
    assert signal.getsignal(signal.SIGINT) is before
    assert "said" in capfd.readouterr().out
    assert marked(mark) == []


def test_every_kind_of_process_is_in_the_table() -> None:
    """Development runs what production runs."""
    assert list(PROCESSES) == ["web", "worker", "relay", "scheduler"]
    assert "gunicorn" in PROCESSES["web"]
