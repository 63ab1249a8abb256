"""All processes under one terminal; when one goes, all go, and nothing is left."""

import ctypes
import multiprocessing
import shlex
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from app.embedded.child import Child
from app.embedded.manager import STOP_SIGNALS, Supervisor, end_children

_PR_SET_CHILD_SUBREAPER = 36

_SERVED = ("app/core/operating/server.py", "wsgi:application")
if not Path(_SERVED[0]).exists():  # no checkout: a plugin's author, in the plugin's folder
    _SERVED = ("python:app.core.operating.server", "app:create_app()")

# The one way to start each kind of process in development.
PROCESSES: Mapping[str, Sequence[str]] = {
    "web": [sys.executable, "-m", "gunicorn", "-c", *_SERVED],
    "worker": [sys.executable, "-m", "flask", "worker"],
    "relay": [sys.executable, "-m", "flask", "relay"],
    "scheduler": [sys.executable, "-m", "flask", "scheduler"],
}


def supervise(processes: Mapping[str, Sequence[str]], env: Mapping[str, str], servers: Sequence[Child] = ()) -> int:
    """Run the processes until a signal comes (0), or one of them or of `servers` ends by itself (not 0).

    No child of ours is left but those that were there before, the servers, which the processes need to the last.
    """
    if sys.platform == "linux":
        # The readers tell by their parent when to go: it must be us, not a fork server.
        multiprocessing.set_start_method("fork", force=True)
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    supervisor = Supervisor(servers)
    for name, command in processes.items():
        supervisor.add_process(name, f"exec {shlex.join(command)}", env={**env, "PYTHONUNBUFFERED": "1"})
    with _handlers_restored():
        try:
            supervisor.loop()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            end_children(supervisor.before)
    if supervisor.first_to_go is None:
        return 0
    if isinstance(supervisor.first_to_go, Child):
        print(supervisor.first_to_go.obituary(), flush=True)
        return 1
    code = supervisor.returncode
    print(f"playhall: {supervisor.first_to_go} ended by itself (exit code {code}), so everything was stopped.", flush=True)
    return abs(code) or 1


@contextmanager
def _handlers_restored() -> Iterator[None]:
    before = {signum: signal.getsignal(signum) for signum in (*STOP_SIGNALS, signal.SIGALRM)}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
