"""honcho's manager, made safe against signals at any moment and against its own death."""

import multiprocessing
import signal
import sys
from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TextIO

import psutil
from honcho.manager import Manager
from honcho.printer import Printer
from honcho.process import Popen, Process

from app.embedded.child import Child, die_with_parent

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Seconds from the first signal to the processes until those that are left are killed.
_GRACE = 10


class _Reader(Process):  # type: ignore[misc]
    """honcho's reader of one process's output, which goes when the supervisor goes and takes the process along."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._go_with_supervisor = die_with_parent(signal.SIGKILL)

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        for signum in STOP_SIGNALS:
            # A handler and not SIG_IGN: what is ignored here would be ignored by the process, too.
            signal.signal(signum, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        self._go_with_supervisor()
        self._child_ctor = partial(Popen, preexec_fn=die_with_parent(signal.SIGTERM))
        super().run(events, ignore_signals)


class _Printer(Printer):  # type: ignore[misc]
    """honcho's printer, for a signal's handler too: what it prints while a line is being written waits for its turn."""

    def __init__(self, output: TextIO) -> None:
        super().__init__(output)
        self._waiting: deque[Any] = deque()
        self._busy = False

    def write(self, message: Any) -> None:
        self._waiting.append(message)
        if self._busy:
            return
        self._busy = True
        while self._waiting:
            super().write(self._waiting.popleft())
        self._busy = False


class Supervisor(Manager):  # type: ignore[misc]
    """honcho's manager, for whom a signal may come at any moment and who knows which process went first."""

    def __init__(self, servers: Sequence[Child]) -> None:
        super().__init__(_Printer(sys.stdout))
        self._process_ctor = _Reader
        self._servers = servers
        self.before = {child.pid for child in psutil.Process().children()}  # not ours to end
        self.first_to_go: str | Child | None = None

    def _start(self) -> None:
        # A signal between a fork and the reader's own handlers would run ours in the reader.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        super()._start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def _any_stopped(self) -> bool:
        # Asked in each turn of honcho's loop: the end of a server is the end of a process.
        return bool(super()._any_stopped() or self._gone_servers())

    def _gone_servers(self) -> list[Child]:
        return [server for server in self._servers if not server.alive()]

    def terminate(self) -> None:
        """Ask all processes to end, and make them after a while."""
        if self._terminating:
            return
        if not self._all_started():  # honcho would fail on those without a number yet
            _call_later(0.1, self.terminate)
            return
        gone = [*self._gone_servers(), *(name for name, process in self._processes.items() if "returncode" in process)]
        self.first_to_go = gone[0] if gone else None
        _call_later(_GRACE, self.kill)
        super().terminate()

    def kill(self) -> None:
        """Kill what is left; also what left its group, or its reader would wait for the end of its output for ever."""
        super().kill()
        end_children(self.before, spare={reader.pid for reader in multiprocessing.active_children()})


def _call_later(seconds: float, act: Callable[[], None]) -> None:
    signal.signal(signal.SIGALRM, lambda *_: act())
    signal.setitimer(signal.ITIMER_REAL, seconds)


def end_children(keep: Collection[int], spare: Collection[int | None] = ()) -> None:
    """Kill our descendants, orphans too, which a subreaper inherits: not `keep` and theirs, not `spare` themselves."""
    left = []
    for child in psutil.Process().children():
        if child.pid in keep:
            continue
        with suppress(psutil.NoSuchProcess):  # gone by itself meanwhile
            left += child.children(recursive=True)
        left += [] if child.pid in spare else [child]
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=5)
