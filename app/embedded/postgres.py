"""A PostgreSQL server of our own: on a unix socket only, run as an ordinary user even when we are root."""

import contextlib
import signal
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from app.embedded import binaries, cluster, place
from app.embedded.child import Child, User, evict
from app.embedded.cluster import SUPERUSER

_SOCKET = ".s.PGSQL.5432"
_OWNER = "playhall"
# Of autovacuum, because nobody but a superuser may drop a database that it is at work in.
_FAST_AND_FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}


class EmbeddedPostgres:
    """Start a server with its data in `folder`; `durable=False` is for tests, which throw the data away."""

    def __init__(self, folder: Path, *, database: str = "playhall", durable: bool = True) -> None:
        self.folder, self.database, self.durable = folder.absolute(), database, durable
        self.url, self.pid = "", 0
        self.child: Child | None = None
        self._user: User | None = None
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Return when the database answers at `url`; raise EmbeddedError with a sentence when it cannot."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(place.locked(self.folder))
            self._user = place.server_user()
            where = place.find_place(self.folder, self._user)
            data = place.private_folder(where / "data", self._user)
            programs = binaries.reachable_bin(binaries.postgres_bin(cluster.major_version(data)), where, self._user)
            cluster.initialise(programs, where, self._user, durable=self.durable)
            run = stack.enter_context(place.socket_folder(where, _SOCKET, self._user))
            evict(data / "postmaster.pid", data)
            child = self._serve(programs, where, run)
            stack.callback(child.stop)
            child.wait_until(lambda: self._answers(run))
            self._ensure_database(run)
            self.url = f"postgresql://{_OWNER}@/{quote(self.database)}?host={quote(str(run), safe='/')}"
            self.child, self.pid = child, child.pid
            self._cleanup = stack.pop_all()

    def stop(self) -> None:
        """Shut down and wait for it. Safe to repeat."""
        self._cleanup.close()

    def _serve(self, programs: Path, where: Path, run: Path) -> Child:
        quoted = str(run).replace('"', '""')
        settings = {
            "listen_addresses": "",
            **cluster.admit_only_us(where, (_OWNER, SUPERUSER)),
            "unix_socket_directories": f'"{quoted}"',
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            "timezone": "UTC",
            **({} if self.durable else _FAST_AND_FORGETFUL),
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        stop = signal.SIGINT if self.durable else signal.SIGQUIT
        command = [str(programs / "postgres"), "-D", str(where / "data"), *options]
        return Child(command, where / "log", stop=stop, user=self._user)

    def _connect(self, run: Path) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(host=str(run), user=SUPERUSER, dbname="postgres", autocommit=True, connect_timeout=5)

    def _answers(self, run: Path) -> bool:
        try:
            self._connect(run).close()
        except psycopg.OperationalError:
            return False
        return True

    def _ensure_database(self, run: Path) -> None:
        # Not a superuser, like in production: what needs one must fail here first.
        with self._connect(run) as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [_OWNER]).fetchone():
                connection.execute(f"CREATE ROLE {_OWNER} LOGIN CREATEDB")
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [self.database]).fetchone():
                names = map(sql.Identifier, (self.database, _OWNER))
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(*names))
