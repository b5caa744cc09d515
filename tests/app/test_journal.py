"""The journal: durable before it returns, in order, and dead for good after the first error."""

import asyncio
import socket
from collections.abc import Coroutine
from pathlib import Path

import pytest

from interlock.app.clock import now
from interlock.app.ids import new_id
from interlock.app.journal import LocalJournal, RemoteJournal, record_as_operator, serve_journal, serve_operators
from interlock.app.journal.front import MAX_AHEAD, MAX_NOTED
from interlock.ledger.faults import LedgerFault, LedgerFull
from interlock.ledger.leaf import Entry, Kind
from interlock.ledger.reading import read_leaf
from interlock.ledger.records import heartbeat_entry, ledger_access_entry
from interlock.store.space import SpaceLimits
from interlock.store.sqlite import SqliteLedger
from tests.ledger.values import decided, ended
from tests.store.ledgers import NO_LIMITS, reading, replayed, settings


def run(test: Coroutine[object, object, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 120))  # it ends at all: a busy machine takes its time


class Deaths(list[LedgerFault]):
    """Remembers how journals died."""

    def __call__(self, fault: LedgerFault) -> None:
        self.append(fault)


def open_journal(folder: Path, deaths: Deaths, *, space: SpaceLimits = NO_LIMITS, cut: str = "") -> LocalJournal:
    def hook(name: str) -> None:
        if name == cut:
            raise OSError("the disk is gone")

    ledger = SqliteLedger(settings(folder, space=space), new_id=new_id, now=now)
    return LocalJournal(ledger, on_death=deaths, hook=hook)


def recorded(folder: Path) -> list[str]:
    """Ids of what others can read now, without the genesis."""
    with reading(folder) as reader:
        return [read_leaf(leaf).id for _, leaf in reader.leaves(1, 1 << 62)]


def test_append_returns_when_others_can_read_it(tmp_path: Path) -> None:
    async def test() -> None:
        journal = open_journal(tmp_path, deaths := Deaths())
        await journal.append([decided("a")])
        assert recorded(tmp_path) == ["a"]
        await journal.close()
        assert deaths == []

    run(test())


def test_notes_ride_along_in_order(tmp_path: Path) -> None:
    async def test() -> None:
        journal = open_journal(tmp_path, Deaths())
        journal.note([decided("a")])
        journal.note([ended("a")])
        await journal.append([decided("b")])
        assert recorded(tmp_path) == ["a", "end-of-a", "b"]
        journal.note([ended("b")])
        await journal.close()
        assert recorded(tmp_path)[-1] == "end-of-b"

    run(test())


def test_a_note_becomes_durable_by_itself(tmp_path: Path) -> None:
    async def test() -> None:
        journal = open_journal(tmp_path, Deaths())
        journal.note([decided("a")])
        while recorded(tmp_path) != ["a"]:
            await asyncio.sleep(0)
        await journal.close()

    run(test())


def test_whoever_runs_ahead_of_the_disk_is_slowed_down(tmp_path: Path) -> None:
    async def test() -> None:
        journal = open_journal(tmp_path, deaths := Deaths())

        async def client(name: int) -> None:
            for number in range(2500):
                await journal.append_relaxed([decided(f"{name}-{number}")])
                assert journal._queued <= MAX_AHEAD + 8 * MAX_NOTED

        async with asyncio.TaskGroup() as clients:
            for name in range(8):
                clients.create_task(client(name))
        await journal.close()
        assert deaths == []

    run(test())
    assert len(recorded(tmp_path)) == 20_000


def test_many_at_once_keep_their_order(tmp_path: Path) -> None:
    async def test() -> None:
        journal = open_journal(tmp_path, Deaths())

        async def client(name: int) -> None:
            for number in range(50):
                await journal.append([decided(f"{name}-{number}")])
                journal.note([ended(f"{name}-{number}")])

        async with asyncio.TaskGroup() as clients:
            for name in range(8):
                clients.create_task(client(name))
        await journal.close()

    run(test())
    report = replayed(tmp_path)
    assert (report.problems, report.unfinished, report.size) == ([], [], 801)
    ids = recorded(tmp_path)
    for name in range(8):
        mine = [one for one in ids if one.startswith((f"{name}-", f"end-of-{name}-"))]
        assert mine == [one for n in range(50) for one in (f"{name}-{n}", f"end-of-{name}-{n}")]


@pytest.mark.parametrize("cut", ["ledger.before-commit", "ledger.after-commit"])
def test_the_first_error_is_the_last(tmp_path: Path, cut: str) -> None:
    async def test() -> None:
        journal = open_journal(tmp_path, deaths := Deaths(), cut=cut)
        waiting = [journal.append([decided(name)]) for name in ("a", "b")]
        ends = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(end) for end in ends] == [LedgerFault, LedgerFault]
        assert [str(death) for death in deaths] == [str(end) for end in ends[:1]]
        assert "the disk is gone" in str(deaths[0])
        with pytest.raises(LedgerFault, match="journal has ended"):
            await journal.append([decided("c")])
        with pytest.raises(LedgerFault, match="journal has ended"):
            journal.note([decided("d")])

    run(test())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_nobody_waits_for_ever_when_the_writer_has_a_bug(tmp_path: Path) -> None:
    async def test() -> None:
        journal = open_journal(tmp_path, deaths := Deaths())
        broken = Entry(kind=Kind.HEARTBEAT, id="h", head=b"", tail="not bytes")  # type: ignore[arg-type]
        with pytest.raises(LedgerFault, match="ended by a bug"):
            await journal.append([broken])
        assert len(deaths) == 1
        await journal.close()

    run(test())


def test_a_full_disk_refuses_new_work_and_takes_the_rest(tmp_path: Path) -> None:
    async def test() -> None:
        journal = open_journal(tmp_path, deaths := Deaths(), space=SpaceLimits(watermark=1 << 60, reserve=0))
        with pytest.raises(LedgerFull, match="below its watermark"):
            await journal.append([decided("a")])
        await journal.append([ended("b"), heartbeat_entry(id="h", at=1)])
        await journal.close()
        assert deaths == []

    run(test())
    assert recorded(tmp_path) == ["end-of-b", "h"]


def test_a_worker_writes_through_the_supervisor(tmp_path: Path) -> None:
    async def test() -> None:
        local = open_journal(tmp_path, Deaths())
        ours, theirs = socket.socketpair()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(serve_journal(local, ours))
            remote = await RemoteJournal.connect(theirs, on_death=(deaths := Deaths()))
            remote.note([decided("a"), ended("a")])
            await remote.append([decided("b")])
            assert recorded(tmp_path) == ["a", "end-of-a", "b"]
            await asyncio.gather(*(remote.append([decided(f"c-{n}")]) for n in range(100)))
            assert recorded(tmp_path)[3:] == [f"c-{n}" for n in range(100)]
            remote.note([ended("b")])
            await remote.close()
        assert deaths == []
        await local.close()
        assert recorded(tmp_path)[-1] == "end-of-b"

    run(test())


def test_a_worker_without_its_supervisor_is_dead(tmp_path: Path) -> None:
    async def test() -> None:
        ours, theirs = socket.socketpair()
        remote = await RemoteJournal.connect(theirs, on_death=(deaths := Deaths()))

        async def hang_up() -> None:
            ours.close()

        with pytest.raises(LedgerFault, match="supervisor has gone"):
            await asyncio.gather(remote.append([decided("a")]), hang_up())
        with pytest.raises(LedgerFault, match="journal has ended"):
            await remote.append([decided("b")])
        assert len(deaths) == 1

    run(test())


def test_a_worker_learns_that_space_is_short(tmp_path: Path) -> None:
    async def test() -> None:
        local = open_journal(tmp_path, Deaths(), space=SpaceLimits(watermark=1 << 60, reserve=0))
        ours, theirs = socket.socketpair()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(serve_journal(local, ours))
            remote = await RemoteJournal.connect(theirs, on_death=Deaths())
            await remote.append([heartbeat_entry(id="h", at=1)])
            with pytest.raises(LedgerFull):
                await remote.append([decided("a")])
            await remote.close()
        await local.close()

    run(test())


def test_operators_leave_their_trace_through_a_running_gateway(tmp_path: Path) -> None:
    access = ledger_access_entry(id="access", at=1, by="ana", records=["a"])

    def record(entry: Entry) -> None:
        record_as_operator(settings(tmp_path), [entry], new_id=new_id, now=now)

    async def test() -> None:
        journal = open_journal(tmp_path, Deaths())
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(serve_operators(journal, settings(tmp_path).path))
            path = tmp_path / "records.db.sock"
            while not path.exists():
                await asyncio.sleep(0)
            assert path.stat().st_mode & 0o077 == 0
            await asyncio.to_thread(record, access)
            assert recorded(tmp_path) == ["access"]
            with pytest.raises(LedgerFault, match="refused the record"):
                await asyncio.to_thread(record, decided("forged"))
            serving.cancel()
        with pytest.raises(LedgerFault, match="does not take records"):
            await asyncio.to_thread(record, access)
        await journal.close()

    run(test())
    record(heartbeat_entry(id="alone", at=1))
    assert recorded(tmp_path) == ["access", "alone"]
