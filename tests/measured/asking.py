"""What a client is told, in few words, and what the ledger says of units."""

import json
from dataclasses import dataclass
from typing import Any

import psycopg

from interlock.store.connection import open_for_reading
from interlock.store.reader import Reader
from tests.stand import Stand


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An error as the client sees it."""

    state: str
    message: str
    detail: str
    hint: str


def refused(connection: "psycopg.Connection[Any]", text: str) -> Refusal:
    """The refusal of a statement; fails where it runs."""
    try:
        connection.execute(text.encode())
    except psycopg.Error as error:
        said = error.diag
        return Refusal(
            state=said.sqlstate or "",
            message=said.message_primary or "",
            detail=said.message_detail or "",
            hint=said.message_hint or "",
        )
    raise AssertionError(f"`{text}` ran")


def records(stand: Stand, kind: str) -> list[dict[str, Any]]:
    """The ledger's records of this kind, oldest first."""
    connection = open_for_reading(stand.directory / ".interlock" / "ledger" / "records.db")
    try:
        reader = Reader(connection)
        leaves = [json.loads(raw) for _, raw in reader.leaves(0, reader.head().size)]
    finally:
        connection.close()
    return [leaf for leaf in leaves if leaf["kind"] == kind]


def touched(record: dict[str, Any]) -> dict[str, int]:
    """`delete items` -> rows, as a settlement says them."""
    parts = record["impact"]["touched"]
    return {f"{part['verb']} {part['object'][-1]}": part["rows"] for part in parts}
