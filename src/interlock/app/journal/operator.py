"""How the command line leaves its trace while a gateway owns the ledger: a socket of the owner's own, next to it."""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from interlock.app.journal.local import LocalJournal
from interlock.app.journal.remote import answer_batches, frame
from interlock.app.sockets import listen_privately
from interlock.ledger.faults import LedgerFault
from interlock.ledger.leaf import Entry, Kind
from interlock.store.lock import LedgerBusy
from interlock.store.sqlite import LedgerSettings, SqliteLedger

OPERATOR_KINDS: Final = frozenset({Kind.LEDGER_ACCESS, Kind.EXPORT, Kind.ERASURE, Kind.RUNBOOK})
PATIENCE: Final = 10.0  # seconds


def socket_path(ledger: Path) -> Path:
    """Where the gateway that writes `ledger` listens for operators."""
    return ledger.with_name(ledger.name + ".sock")


def _is_of_operators(entry: Entry) -> bool:
    return entry.kind in OPERATOR_KINDS and not entry.budget


async def serve_operators(journal: LocalJournal, ledger: Path) -> None:
    """Accept records of operators until cancelled. Only the ledger's owner can connect."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer_batches(journal, reader, writer, _is_of_operators)
        finally:
            writer.close()

    await listen_privately(socket_path(ledger), converse)


def record_as_operator(
    settings: LedgerSettings, entries: Sequence[Entry], *, new_id: Callable[[], str], now: Callable[[], int]
) -> None:
    """Make `entries` durable, here or through the gateway that runs. Raises LedgerFault when neither is possible."""
    try:
        ledger = SqliteLedger(settings, new_id=new_id, now=now)
    except LedgerBusy:
        _through_gateway(settings.path, entries)
        return
    try:
        ledger.append(entries)
    finally:
        ledger.close()


def _through_gateway(ledger: Path, entries: Sequence[Entry]) -> None:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(os.fspath(socket_path(ledger)))
            connection.sendall(frame(entries))
            if connection.recv(1):
                return
    except OSError as error:
        raise LedgerFault(
            f"the gateway that writes `{ledger}` does not take records from here: {error}; "
            "run this as the gateway's user"
        ) from error
    raise LedgerFault(f"the gateway that writes `{ledger}` refused the record; see its log")
