"""A process under gevent that meets a frozen PostgreSQL: prints what each of its requests got, as JSON."""

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402

import psutil  # noqa: E402
from sqlalchemy import create_engine, text  # noqa: E402

from app.core.operating import native  # noqa: E402
from app.core.operating.outage import Guard  # noqa: E402
from app.core.operating.probe import Probe, conninfo  # noqa: E402

url, pid = sys.argv[1], int(sys.argv[2])
engine = create_engine(url, pool_timeout=0.9)
guard = Guard(engine)
probe = Probe(conninfo(engine), guard.freeze, guard.thaw)
native.start(probe.run)
answers: dict[str, str] = {}


def ask(name: str, sql: str) -> None:
    started = time.monotonic()
    try:
        with engine.connect() as connection:
            connection.execute(text(sql))
            answers[name] = "ok"
    except Exception as error:
        answers[name] = type(error).__name__
    answers[f"{name} within 3 s"] = str(time.monotonic() - started < 3)


def send(signum: signal.Signals) -> None:
    parent = psutil.Process(pid)
    for process in (parent, *parent.children(recursive=True)):
        process.send_signal(signum)


ask("before", "SELECT 1")
while probe.problem:
    time.sleep(0.05)
stuck = threading.Thread(target=ask, args=("inside a statement", "SELECT pg_sleep(60)"))
stuck.start()
time.sleep(0.2)
send(signal.SIGSTOP)
stuck.join()
ask("while frozen", "SELECT 1")
send(signal.SIGCONT)
deadline = time.monotonic() + 2
while guard.frozen and time.monotonic() < deadline:
    time.sleep(0.05)
ask("after", "SELECT 1")
print(json.dumps(answers))
