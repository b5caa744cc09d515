"""A gateway whose policy holds deletes and drops for two of `dba-leads`, and how its clients and approvers speak."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg import errors as pg

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
groups = ["engineers"]
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
def guarded(server: EmbeddedPostgres, directory: Path, *, count: int = 1, **settings: str) -> Iterator[Stand]:
    """Not started yet."""
    pack = directory / "pack"
    shutil.copytree(find_pack(named_pack("development")), pack)
    (pack / "cases.yaml").unlink()
    (pack / "20-held.cedar").write_text(HELD.format(count=count))
    more = LEADS + settings.pop("more", "")
    with standing(server, directory, SMALL, pack="pack", environment="dev", more=more, **settings) as made:
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


def decide(stand: Stand, verb: str, request: str, who: str | None, *more: str) -> tuple[int, str]:
    """(exit code, words) of `interlock approvals`."""
    known = ("--as", who, "--secret-file", "client.secret") if who else ()
    done = stand.interlock("approvals", verb, request, *known, *more)
    return done.code, done.out + done.err


def approve(stand: Stand, request: str, who: str = "dora") -> None:
    """It must succeed, and be enough."""
    code, text = decide(stand, "approve", request, who)
    assert code == 0, text


def records(stand: Stand, *kinds: str) -> list[dict[str, Any]]:
    """Everything the ledger says about leases, oldest first, or only these kinds."""
    wanted = kinds or ("approval_request", "approval", "lease_grant", "lease_end")
    with open_for_reading(stand.directory / ".interlock" / "ledger" / "records.db") as connection:
        reader = Reader(connection)
        leaves = [raw for _, raw in reader.leaves(0, reader.head().size)]
    connection.close()
    found: list[dict[str, Any]] = []
    for raw in leaves:
        if read_leaf(raw).kind in wanted:
            leaf = json.loads(raw)
            found.append({"kind": leaf["kind"], "by": None} | leaf[leaf["kind"]])
    return found
