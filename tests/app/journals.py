"""A writer process for crash tests: python -m tests.app.journals FOLDER; acknowledged commands go to stdout."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from interlock.app.clock import now
from interlock.app.ids import new_id
from interlock.app.journal import LocalJournal
from interlock.app.killpoints import kill_point
from interlock.ledger.faults import LedgerFault
from interlock.ledger.outcomes import outcome_entry
from interlock.ledger.scribe import Scribe
from interlock.model import Outcome, Status
from interlock.store.sqlite import SqliteLedger
from tests.ledger.values import ALLOW, case
from tests.store.ledgers import settings

CLIENTS = 8


def stop(fault: LedgerFault) -> None:
    """What a gateway does when its journal dies."""
    raise SystemExit(f"journal died: {fault}")


@asynccontextmanager
async def journal_in(folder: Path) -> AsyncIterator[LocalJournal]:
    ledger = SqliteLedger(settings(folder), new_id=new_id, now=now)
    journal = LocalJournal(ledger, on_death=stop, hook=kill_point(os.environ))
    try:
        yield journal
    finally:
        await journal.close()


async def write(folder: Path, statements: int) -> None:
    async with journal_in(folder) as journal:
        scribe = Scribe(os.urandom)
        for one in journal.unfinished:
            outcome = Outcome(command=one.command, status=Status.UNKNOWN)
            await journal.append([outcome_entry(outcome, id=new_id(), at=now(), unit=one.unit)])

        async def client() -> None:
            for _ in range(statements):
                command = new_id()
                await journal.append([scribe.decision(case(command), ALLOW)])
                os.write(1, f"{command}\n".encode())
                ended = Outcome(command=command, status=Status.LANDED, rows=1)
                journal.note([outcome_entry(ended, id=new_id(), at=now(), unit=f"unit-{command}")])

        async with asyncio.TaskGroup() as clients:
            for _ in range(CLIENTS):
                clients.create_task(client())


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1]), int(sys.argv[2])))
