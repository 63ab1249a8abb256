"""`python -m app.embedded`: everything a developer needs, on one machine, with one command.

run         servers, migrations, demo data, then all processes until Ctrl-C (the default; `make run`)
services    only the servers, until Ctrl-C; their addresses are printed
flask ...   a flask command beside a run, or with servers of its own when nothing runs
clean       delete what the embedded servers keep
"""

import argparse
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from app.embedded import development, place
from app.embedded.errors import EmbeddedError
from app.embedded.supervisor import PROCESSES, supervise

VAR = Path("var")
_FLASK = (sys.executable, "-m", "flask")
_PREPARE = (sys.executable, "-m", "app.embedded.prepare")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; 0 also when a person stopped it."""
    parser = argparse.ArgumentParser(
        prog="python -m app.embedded", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("run", "services", "flask", "clean"), nargs="?", default="run")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    before = {signum: signal.signal(signum, _stop) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        return flask(given.rest) if given.command == "flask" else {"run": run, "services": services, "clean": clean}[given.command]()
    except KeyboardInterrupt:
        return 0
    except EmbeddedError as error:
        print(f"playhall: {error}", file=sys.stderr)
        return 1
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _stop(*_: object) -> None:
    # Once is enough: a second signal must not interrupt the servers' shutdown.
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, signal.SIG_IGN)
    raise KeyboardInterrupt


def run() -> int:
    """Serve until stopped."""
    development.refuse_taken_addresses()
    with ExitStack() as stack:
        servers = development.start(VAR, stack)
        prepared = subprocess.run(_PREPARE, env=servers.env, stdin=subprocess.DEVNULL, check=False)  # noqa: S603
        if prepared.returncode != 0:
            return 1
        print(development.where_to_look(servers), flush=True)
        try:
            return supervise(PROCESSES, servers.env, servers.children)
        finally:
            for signum in (signal.SIGINT, signal.SIGTERM):
                signal.signal(signum, signal.SIG_IGN)


def services() -> int:
    """Hold the servers for commands typed elsewhere; 1 when one of them ends."""
    with ExitStack() as stack:
        servers = development.start(VAR, stack)
        print("".join(f"export {name}='{url}'\n" for name, url in servers.urls.items()), end="", flush=True)
        while not (gone := [child for child in servers.children if not child.alive()]):
            time.sleep(0.2)
        print(gone[0].obituary(), file=sys.stderr)
    return 1


def flask(rest: Sequence[str]) -> int:
    """Run one flask command with the servers' addresses and hand on its exit code."""
    with ExitStack() as stack:
        env = development.env_of_running(VAR) or development.start(VAR, stack).env
        return subprocess.run([*_FLASK, *rest], env=env, check=False).returncode  # noqa: S603 - our own command line


def clean() -> int:
    """Delete the servers' data; refused while they run."""
    if not VAR.exists():
        return 0
    with place.locked(VAR):
        for folder in (VAR / "postgres", VAR / "redis"):
            if folder.exists():
                place.remove(folder)
        (VAR / "lock").unlink()
    with suppress(OSError):  # what else is in there is not ours
        VAR.rmdir()
    return 0


if __name__ == "__main__":
    sys.exit(main())
