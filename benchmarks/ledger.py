"""What two records a statement cost: python3 dev.py bench ledger

CPU is that of every process together, less what the driver itself takes to make its cases.
"""

import asyncio
import os
import socket
import sys
import tempfile
import time
from pathlib import Path
from statistics import quantiles

import uvloop

from interlock.app.clock import now
from interlock.app.ids import new_id
from interlock.app.journal import LocalJournal, RemoteJournal, serve_journal
from interlock.app.journal.front import Front
from interlock.ledger.faults import LedgerFault
from interlock.ledger.note import Verifier
from interlock.ledger.scribe import Scribe
from interlock.ledger.seal import Sealer
from interlock.ledger.verify import verify
from interlock.model import Case, Outcome, Status
from interlock.store.connection import open_for_reading
from interlock.store.keys import load
from interlock.store.reader import Reader
from interlock.store.sqlite import LedgerSettings, SqliteLedger
from tests.ledger.values import ALLOW, case


def stop(fault: LedgerFault) -> None:
    raise SystemExit(str(fault))


def made(number: int) -> tuple[Case, Outcome]:
    """What a gateway has in its hands when it turns to the ledger."""
    command = new_id()
    asked = case(command, text=f"SELECT id, email FROM orders WHERE id = {number}", unit=new_id())
    return asked, Outcome(command=command, status=Status.LANDED, rows=1, bytes=60, milliseconds=0.4)


async def drive(journal: Front, clients: int, statements: int, relaxed: bool) -> list[float]:
    """Run the clients; milliseconds each waited for its decision."""
    scribe = Scribe(os.urandom)
    waits: list[float] = []

    async def client() -> None:
        for number in range(statements):
            asked, outcome = made(number)
            entry = scribe.decision(asked, ALLOW)
            began = time.perf_counter()
            if relaxed:
                await journal.append_relaxed([entry])
                if number % 16 == 0:
                    await asyncio.sleep(0.001)
            else:
                await journal.append([entry])
                waits.append((time.perf_counter() - began) * 1000)
            journal.note([scribe.outcome(outcome, id=new_id(), at=now(), unit=asked.command.unit)])

    async with asyncio.TaskGroup() as all_clients:
        for _ in range(clients):
            all_clients.create_task(client())
    return waits


async def measure(folder: Path, clients: int, statements: int, *, relaxed: bool, remote: bool) -> str:
    ledger = SqliteLedger(LedgerSettings(path=folder / "records.db", gateway="bench"), new_id=new_id, now=now)
    local = LocalJournal(ledger, on_death=stop)
    cpu, began = time.process_time(), time.perf_counter()
    if remote:
        ours, theirs = socket.socketpair()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(serve_journal(local, ours))
            worker = await RemoteJournal.connect(theirs, on_death=stop)
            waits = await drive(worker, clients, statements, relaxed)
            await worker.close()
    else:
        waits = await drive(local, clients, statements, relaxed)
    await local.close()
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    count = clients * statements
    cost = (cpu - driver_cost(count)) / count * 1e6
    latency = f"p50 {quantiles(waits, n=100)[49]:.2f} p99 {quantiles(waits, n=100)[98]:.2f} ms" if waits else ""
    mode = ("relaxed" if relaxed else "strict") + (", through a worker" if remote else "")
    return f"{clients:4} clients, {mode:26} {cost:6.1f} us CPU a statement  {count / seconds:7,.0f}/s  {latency}"


def driver_cost(count: int) -> float:
    """CPU seconds that making cases, outcomes and ids takes."""
    began = time.process_time()
    for number in range(count):
        made(number)
        new_id()
        now()
    return time.process_time() - began


def replay(folder: Path) -> str:
    connection = open_for_reading(folder / "records.db")
    reader = Reader(connection)
    head = reader.head()
    vkey = Verifier.parse(reader.leaf(0).split(b'"vkey":"')[1].split(b'"')[0].decode())
    began = time.perf_counter()
    sealer = Sealer(load(folder / "records.db.data-key"))
    report = verify(reader, note=head.checkpoint, size=head.size, verifier=vkey, sealer=sealer)
    seconds = time.perf_counter() - began
    connection.close()
    size = (folder / "records.db").stat().st_size / head.size
    rate = report.size / seconds
    return f"replay of {report.size:,} records: intact {report.intact}, {rate:,.0f}/s; {size:.0f} B a record"


def main(statements: int) -> None:
    for clients, relaxed, remote in (
        (1, False, False),
        (8, False, False),
        (8, True, False),
        (8, False, True),
        (100, False, False),
    ):
        with tempfile.TemporaryDirectory() as name:
            each = max(1, statements // clients)
            print(uvloop.run(measure(Path(name), clients, each, relaxed=relaxed, remote=remote)))
            if clients == 100:
                print(replay(Path(name)))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40_000)
