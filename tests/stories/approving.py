"""A gateway whose policy holds deletes and drops for two of `dba-leads`, and how its clients and approvers speak."""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg import errors as pg

from interlock.access.faults import ApprovalRefused
from interlock.app.approvals import Desk
from interlock.app.approvals.messages import Verdict
from interlock.app.bundles import find_pack, named_pack
from interlock.app.embedded import EmbeddedPostgres
from interlock.ledger.reading import read_leaf
from interlock.store.connection import open_for_reading
from interlock.store.reader import Reader
from tests.stand import Stand, standing
from tests.stories.worlds import SMALL

LEADS: Final = """
[principals.dora]
kind = "person"
groups = ["dba-leads", "engineers"]
secret_file = "client.secret"

[principals.dan]
kind = "person"
groups = ["dba-leads", "engineers"]
secret_file = "client.secret"

[principals.helper]
kind = "agent"
groups = ["engineers", "dba-leads"]
on_behalf_of = "dora"
secret_file = "client.secret"
"""
HELD: Final = """
@id("deletes-are-approved")
@title("Rows are deleted after {count} said yes")
@severity("high")
@lift("approval:dba-leads:{count}")
@instead("ask")
forbid (principal, action in [Action::"delete", Action::"destroy"], resource)
unless {{ context.lifts.contains("approval:dba-leads:{count}") }};
"""
DELETE: Final = "DELETE FROM items WHERE id <= 10"


@contextmanager
def guarded(
    server: EmbeddedPostgres, directory: Path, *, count: int = 1, pii: Sequence[str] = (), **settings: str
) -> Iterator[Stand]:
    """Not started yet."""
    pack = directory / "pack"
    shutil.copytree(find_pack(named_pack("development")), pack)
    (pack / "cases.yaml").unlink()
    (pack / "20-held.cedar").write_text(HELD.format(count=count))
    more = LEADS + settings.pop("more", "")
    with standing(server, directory, SMALL, pack="pack", environment="dev", pii=pii, more=more, **settings) as made:
        yield made


def held(client: "psycopg.Connection[Any]", statement: Any = DELETE, values: Any = None) -> dict[str, Any]:
    """The request that a held statement makes, as an agent reads it."""
    with pytest.raises(pg.InsufficientPrivilege) as refused:
        client.execute(statement, values)
    said = requested(refused.value)
    assert said is not None, refused.value
    assert said["request"] in (refused.value.diag.message_hint or "")
    return said


def requested(error: psycopg.Error) -> dict[str, Any] | None:
    """What the refusal says for agents; None where nobody is asked."""
    for line in (error.diag.message_detail or "").splitlines():
        if line.startswith("interlock: "):
            said: dict[str, Any] = json.loads(line.removeprefix("interlock: "))
            return said
    return None


def decide(stand: Stand, verb: Verdict, request: str, who: str | None, reason: str | None = None) -> tuple[int, str]:
    """(0 done, 75 others have to agree too, 77 refused; why), as `interlock approvals` exits."""
    with Desk(stand.directory / ".interlock" / "approvals.sock") as desk:
        try:
            if who is not None:
                desk.be(who, stand.secret)
            lease = desk.decide(request, verdict=verb, reason=reason)
        except ApprovalRefused as refused:
            return 77, str(refused)
    return (75 if lease.pending else 0), ""


def approve(stand: Stand, request: str, who: str = "dora") -> None:
    """It must succeed, and be enough."""
    code, text = decide(stand, "approve", request, who)
    assert code == 0, text


def open_requests(stand: Stand) -> list[str]:
    """What is asked for or granted, oldest first."""
    with Desk(stand.directory / ".interlock" / "approvals.sock") as desk:
        return [lease.id for lease in desk.open()]


def clean(stand: Stand) -> None:
    """The rows as they were, and nothing asked for."""
    for request in open_requests(stand):
        decide(stand, "withdraw", request, None)
    stand.ask("TRUNCATE items, notes")
    stand.ask("INSERT INTO items SELECT n, 'item ' || n FROM generate_series(1, 1000) AS n")


def records(stand: Stand, *requests: str) -> list[dict[str, Any]]:
    """Everything the ledger says about these requests, oldest first, each with its kind."""
    connection = open_for_reading(stand.directory / ".interlock" / "ledger" / "records.db")
    try:
        reader = Reader(connection)
        leaves = [raw for _, raw in reader.leaves(0, reader.head().size)]
    finally:
        connection.close()
    found: list[dict[str, Any]] = []
    for raw in leaves:
        said = read_leaf(raw).lease_state
        if said is not None and (not requests or said.lease in requests):
            leaf = json.loads(raw)
            found.append({"kind": leaf["kind"]} | leaf[leaf["kind"]])
    return found


def ends(stand: Stand, *requests: str) -> list[tuple[str, str]]:
    """(request, how it ended), in order."""
    return [(one["lease"], one["end"]) for one in records(stand, *requests) if one["kind"] == "lease_end"]
