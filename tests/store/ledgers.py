"""Ledgers in a test's own folder."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from interlock.ledger.leaf import Entry
from interlock.ledger.note import Signer
from interlock.ledger.seal import Sealer
from interlock.ledger.verify import Report, verify
from interlock.store.connection import open_for_reading
from interlock.store.keys import load
from interlock.store.reader import Reader
from interlock.store.space import SpaceLimits
from interlock.store.sqlite import LedgerSettings, SqliteLedger
from tests.ledger.values import counting_clock, counting_ids, decided, ended

NO_LIMITS = SpaceLimits(watermark=0, reserve=0)


def settings(folder: Path, *, gateway: str = "gw.test", space: SpaceLimits = NO_LIMITS) -> LedgerSettings:
    return LedgerSettings(path=folder / "records.db", gateway=gateway, space=space)


@contextmanager
def opened(folder: Path, *, gateway: str = "gw.test", space: SpaceLimits = NO_LIMITS) -> Iterator[SqliteLedger]:
    chosen = settings(folder, gateway=gateway, space=space)
    ledger = SqliteLedger(chosen, new_id=counting_ids("own"), now=counting_clock())
    with closing(ledger):
        yield ledger


def statements(count: int, *, start: int = 0) -> list[Entry]:
    """Decisions, each followed by its outcome."""
    return [
        entry
        for number in range(start, start + count)
        for entry in (decided(f"c-{number}", text=f"SELECT {number}"), ended(f"c-{number}"))
    ]


def replayed(folder: Path) -> Report:
    """What `interlock ledger verify` would find."""
    chosen = settings(folder)
    with closing(open_for_reading(chosen.path)) as connection:
        reader = Reader(connection)
        head = reader.head()
        return verify(
            reader,
            note=head.checkpoint,
            size=head.size,
            verifier=Signer(head.gateway, load(chosen.signing_key_path)).verifier,
            sealer=Sealer(load(chosen.data_key_path)),
        )


@contextmanager
def reading(folder: Path) -> Iterator[Reader]:
    """One moment of the ledger."""
    with closing(open_for_reading(settings(folder).path)) as connection:
        yield Reader(connection)
