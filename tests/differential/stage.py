"""A real server that holds a filled world, where texts run inside transactions that are undone."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql
from psycopg.pq import DiagnosticField, ExecStatus, PGconn, TransactionStatus

from interlock.app.embedded import EmbeddedPostgres
from tests.differential.holding import Holding, holding

SETTINGS: Final = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_prepared_transactions": "2",
    "autovacuum": "off",
    "jit": "off",
}
SESSION: Final = """
SET search_path = {path}; SET lock_timeout = '200ms';
SET client_min_messages = error; SET synchronous_commit = off
"""
_PATIENCE: Final = b"SET statement_timeout = '500ms'"
_PREPARED: Final = "SELECT gid FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database()"
_SLOTS: Final = "SELECT pg_catalog.pg_drop_replication_slot(slot_name) FROM pg_catalog.pg_replication_slots"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What the server said to a text: `error` is its SQLSTATE and message, None where it took all of it."""

    error: str | None
    ended: bool  # the text ended our transaction: nothing can be said about it, and the world is no longer whole


@dataclass(slots=True, kw_only=True)
class Stage:
    """One database with a session in it; the database is made anew whenever a text has spoilt it."""

    server: EmbeddedPostgres
    version: int
    template: str
    database: str
    holding: Holding
    _session: "psycopg.Connection[tuple[object, ...]] | None" = field(default=None, repr=False)
    fresh: bool = False
    path: str = '"$user", public, pg_temp'

    @property
    def session(self) -> "psycopg.Connection[tuple[object, ...]]":
        """A superuser's session, autocommit, under the gateway's search_path."""
        if self._session is None or self._session.closed:
            if not self.fresh:
                self._recreate()
            self._session = psycopg.connect(self.server.dsn(self.database), autocommit=True, prepare_threshold=None)
            self._session.pgconn.exec_(self._setup)
        return self._session

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """The rows of one of our own questions, asked inside the open transaction."""
        return self.session.execute(query.encode()).fetchall()

    def run(self, text: str) -> Ran:
        """Run a text in the open transaction. Parameters are NULL; COPY gets and gives no rows."""
        server = self.session.pgconn
        encoded = text.encode()
        server.exec_(_PATIENCE)
        result = server.prepare(b"", encoded) if _bound(text) else server.exec_(encoded)
        if _bound(text) and result.status == ExecStatus.COMMAND_OK:
            wanted = server.describe_prepared(b"").nparams
            result = server.exec_prepared(b"", [None] * wanted)
        if result.status == ExecStatus.COPY_IN:
            server.put_copy_end()
            result = server.get_result() or result
        elif result.status == ExecStatus.COPY_OUT:
            while server.get_copy_data(0)[0] > 0:
                pass
            result = server.get_result() or result
        _drain(server)
        server.exec_(b"SET statement_timeout = 0")
        state = result.error_field(DiagnosticField.SQLSTATE)
        said = None if state is None else f"{state.decode()} {result.error_message.decode()}"
        open_ = server.transaction_status in {TransactionStatus.INTRANS, TransactionStatus.INERROR}
        return Ran(error=said or (None if _alive(server) else "08006 the session ended"), ended=not open_)

    def undo(self, *, spoilt: bool) -> None:
        """Roll back; with `spoilt` the next text gets a new database."""
        session = self._session
        if session is None or session.closed or not _alive(session.pgconn):
            self.close()
            return
        if not spoilt:
            session.pgconn.exec_(b"ROLLBACK")
            session.pgconn.exec_(b"DEALLOCATE ALL; UNLISTEN *;" + self._setup)
            return
        session.pgconn.exec_(b"ROLLBACK")
        self.close()

    @property
    def _setup(self) -> bytes:
        return SESSION.format(path=self.path).encode()

    def close(self) -> None:
        """End the session; the next one sees a world that is whole."""
        if self._session is not None:
            self._session.close()
        self._session, self.fresh = None, False

    def _recreate(self) -> None:
        """What survives the end of a session goes first: prepared transactions and replication slots."""
        with (
            suppress(psycopg.OperationalError),
            psycopg.connect(self.server.dsn(self.database), autocommit=True) as old,
        ):
            for (name,) in old.execute(_PREPARED.encode()).fetchall():
                old.execute(sql.SQL("ROLLBACK PREPARED {}").format(sql.Literal(name)))
            old.execute(_SLOTS.encode())
        with psycopg.connect(self.server.dsn(), autocommit=True) as admin:
            admin.execute(f'DROP DATABASE IF EXISTS "{self.database}" WITH (FORCE)'.encode())
            admin.execute(f'CREATE DATABASE "{self.database}" TEMPLATE "{self.template}"'.encode())
        self.fresh = True


def _bound(text: str) -> bool:
    return "$1" in text and "PREPARE" not in text.upper() and "GENERIC_PLAN" not in text.upper()


def _alive(server: PGconn) -> bool:
    return server.transaction_status != TransactionStatus.UNKNOWN


def _drain(server: PGconn) -> None:
    while server.transaction_status == TransactionStatus.ACTIVE and server.get_result() is not None:
        pass


@contextmanager
def staged(server: EmbeddedPostgres, version: int, name: str, schema: Path, rows: Path) -> Iterator[Stage]:
    """A stage of this schema and these rows on a server."""
    template = f"{name}_template"
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{template}" TEMPLATE template0'.encode())
    with psycopg.connect(server.dsn(template), autocommit=True) as connection:
        connection.execute(schema.read_bytes())
        connection.execute(rows.read_bytes())
        held = holding(connection)
    stage = Stage(server=server, version=version, template=template, database=name, holding=held)
    try:
        yield stage
    finally:
        stage.close()
