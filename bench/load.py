"""The load: 16 clients that each send their next request when the last is answered."""

from __future__ import annotations

import re
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

CLIENTS = 16
SENDERS = 2  # threads of wrk or processes of Python: as many as there are workers
_HERE = Path(__file__).parent
_DONE = re.compile(r"^DONE (\d+) (\d+) (\d+)$", re.MULTILINE)


class LoadError(Exception):
    """The load could not be sent, or was not answered well."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent; `{account}` in the path is whoever sends it."""

    method: str
    path: str
    body: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of it: answers, seconds, and the seconds of CPU that sending took."""

    answers: int
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


def generators() -> list[str]:
    """What can send load here, best first."""
    return ["wrk", "python"] if shutil.which("wrk") else ["python"]


def send(generator: str, port: int, request: Request, seconds: int, tokens: Path) -> Sent:
    """Send it for so long; raises LoadError when an answer was no success."""
    before = _children_cpu()
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for command in _commands(generator, port, request, seconds, tokens)
    ]
    said = [process.communicate(timeout=seconds + 30)[0] for process in processes]
    found = [_DONE.search(text) for text in said]
    if not all(found):
        raise LoadError("\n".join(said))
    figures = [[int(number) for number in match.groups()] for match in found if match]
    answers, failed = (sum(one[column] for one in figures) for column in (0, 1))
    if failed or not answers:
        raise LoadError(f"{request.method} {request.path}: {answers} answers, {failed} of them no success")
    return Sent(answers, max(one[2] for one in figures) / 1e6, _children_cpu() - before)


def _commands(generator: str, port: int, request: Request, seconds: int, tokens: Path) -> list[list[str]]:
    what = [str(tokens), request.method, request.path, *([request.body] if request.body else [])]
    if generator == "wrk":
        url, script = f"http://127.0.0.1:{port}", str(_HERE / "load.lua")
        return [["wrk", f"-t{SENDERS}", f"-c{CLIENTS}", f"-d{seconds}s", "-s", script, url, "--", *what]]
    return [[sys.executable, "-m", "bench.sender", str(port), str(seconds), str(CLIENTS // SENDERS), *what]] * SENDERS


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
