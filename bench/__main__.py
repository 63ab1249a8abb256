"""`python -m bench`: measure in interleaved rounds, print the table, and exit 1 when an aim was missed."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from bench.database import durability, pgbench
from bench.load import CLIENTS, LoadError, Request, generators, send
from bench.report import AIMS, TITLES, Figure, Round, table
from bench.servers import Server, Servers, servers

FOLDER = Path("var/bench")
REQUESTS = {
    "bare": Request("GET", "/bare"),
    "nothing": Request("GET", "/api/v1/bench/me"),
    "row": Request("GET", "/api/v1/bench/things/{account}"),
    "write": Request("POST", "/api/v1/bench/things", '{"note":"a note of some length","amount":5}'),
}
SCRIPTS = {"pgbench read": "read", "pgbench write": "write"}
ORDER = ("bare", "nothing", "row", "pgbench read", "write", "pgbench write")


class Bench:
    """Measures one part at a time, and adds up what the sender of the bare route used."""

    def __init__(self, running: Servers, generator: str) -> None:
        self._running, self._generator = running, generator
        self.sender_cpu: list[float] = []  # microseconds a request, on the bare route

    def measure(self, part: str, seconds: int) -> Figure:
        """One part for so long."""
        running = self._running
        if part in SCRIPTS:
            return Figure(pgbench(running.database_url, SCRIPTS[part], seconds, running.folder))
        asked: Server = running.bare if part == "bare" else running.product
        before = asked.cpu()
        try:
            sent = send(self._generator, asked.port, REQUESTS[part], seconds, running.tokens)
        except LoadError:
            say("".join(asked.log.read_text().splitlines(keepends=True)[-20:]))
            raise
        if part == "bare":
            self.sender_cpu.append(sent.cpu / sent.answers * 1e6)
        return Figure(sent.rate, (asked.cpu() - before) / sent.answers * 1e6)

    def round(self, number: int, rounds: int, seconds: int) -> Round:
        """Every part once."""
        found = {}
        for part in ORDER:
            found[part] = figure = self.measure(part, seconds)
            cpu = f", {figure.cpu:.0f} µs of CPU each" if figure.cpu is not None else ""
            say(f"round {number} of {rounds}: {TITLES[part]}: {figure.rate:,.0f}/s{cpu}")
        return found


def say(line: str) -> None:
    """Tell how far it is, apart from the result."""
    print(line, file=sys.stderr, flush=True)


def run(generator: str, rounds: int, seconds: int) -> int:
    """Measure and print; the exit code."""
    say(f"about {(rounds * seconds + 1) * len(ORDER) + 10} s: starting PostgreSQL, Redis, a bare application and the product")
    load = os.getloadavg()[0]  # of others: ours has not begun
    with servers(FOLDER, os.environ) as running:
        bench = Bench(running, generator)
        for part in ORDER:
            bench.measure(part, 1)  # connections, caches and prepared statements are there afterwards
        measured = [bench.round(number, rounds, seconds) for number in range(1, rounds + 1)]
        promised = durability(running.database_url)
        print(f"{machine(running.product.worker, load)}; {promised}; {CLIENTS} clients; {rounds} rounds of {seconds} s\n")
    print(table(measured))
    print(f"\n{ceiling(generator, measured, bench.sender_cpu)}")
    if load > 1:
        print("Others used this machine: PostgreSQL's many processes then get more of it than two workers do. Repeat it when it is quiet.")
    missed = [sentence for aim in AIMS if (sentence := aim.missed(measured))]
    print("\n".join(missed) if missed else "Both aims are met.")
    return 1 if missed else 0


def ceiling(generator: str, rounds: Sequence[Round], sender_cpu: Sequence[float]) -> str:
    """Whether the sender could have been what was measured."""
    middle: Callable[[Sequence[float]], float] = lambda values: sorted(values)[len(values) // 2]  # noqa: E731
    each = max(middle(sender_cpu), 0.1)
    return (
        f"The load came from {generator}: on the bare route it sent {middle([one['bare'].rate for one in rounds]):,.0f}/s and used "
        f"{each:.0f} µs of CPU a request, so a core of it sends at most {1e6 / each:,.0f}/s."
    )


def machine(worker: str, load: float) -> str:
    """What it ran on."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB, Python {platform.python_version()}, "
        f"2 workers of gunicorn ({worker}), load average {load:.1f} before the start"
    )


def main() -> int:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4, help="of each part in each round")
    parser.add_argument("--load", choices=generators(), default=generators()[0], help="what sends the requests")
    chosen = parser.parse_args()
    return run(chosen.load, chosen.rounds, chosen.seconds)


if __name__ == "__main__":
    sys.exit(main())
