"""Finding records: by number, by id, and the newest decisions first."""

from collections.abc import Iterator

from msgspec import Struct

from interlock.ledger.faults import LedgerFault
from interlock.ledger.leaf import Kind
from interlock.ledger.proof import Proof
from interlock.ledger.reading import Leaf, read_leaf
from interlock.ledger.tree import inclusion_proof
from interlock.store.reader import Reader

SCAN = 2048  # records read at once


class NoSuchRecord(LedgerFault):
    """The ledger has no record of that id or number."""


class Wanted(Struct, frozen=True, kw_only=True):
    """Which decisions: None leaves a question open. `since` is in microseconds since the epoch, UTC."""

    verdict: str | None = None
    principal: str | None = None
    session: str | None = None
    since: int | None = None

    def fits(self, leaf: Leaf) -> bool:
        """Whether `leaf` is such a decision."""
        if leaf.decision is None or leaf.who is None:
            return False
        return (
            self.verdict in (None, leaf.decision.verdict)
            and (self.principal is None or self.principal in leaf.who.names())
            and self.session in (None, leaf.who.session)
        )


def record_of(reader: Reader, size: int, name: str) -> int:
    """The number of the record named by its number or id; raises NoSuchRecord."""
    if name.isdecimal() and int(name) < size:
        return int(name)
    for seq, leaf in reader.newest_first(name, size):
        if read_leaf(leaf).id == name:
            return seq
    raise NoSuchRecord(f"there is no record `{name}` in this ledger; `interlock ledger show` lists the newest ones")


def newest_decisions(reader: Reader, size: int, wanted: Wanted) -> Iterator[tuple[int, Leaf, Leaf | None]]:
    """(seq, decision, its outcome if it has one), newest first.

    The outcome may be the unit's. One that came after the decisions already given is still known.
    """
    ends: dict[str, Leaf] = {}
    for end in range(size, 0, -SCAN):
        for seq, raw in reversed([*reader.leaves(max(0, end - SCAN), end)]):
            leaf = read_leaf(raw)
            if leaf.outcome is not None:
                ends.setdefault(leaf.outcome.of, leaf)
            elif leaf.kind is Kind.DECISION and wanted.since is not None and leaf.ts < wanted.since:
                return
            elif wanted.fits(leaf):
                unit = leaf.what.unit if leaf.what is not None else None
                yield seq, leaf, _later(ends.get(leaf.id), ends.get(unit or ""))


def _later(own: Leaf | None, units: Leaf | None) -> Leaf | None:
    """A unit's end says more than `ran`."""
    if own is not None and own.outcome is not None and own.outcome.status != "ran":
        return own
    return units or own


def outcome_of(reader: Reader, size: int, decision: Leaf) -> Leaf | None:
    """How that decision ended, as far as the log knows."""
    for _, leaf, outcome in newest_decisions(reader, size, Wanted()):
        if leaf.id == decision.id:
            return outcome
    return None


def settlement_of(reader: Reader, size: int, decision: Leaf) -> Leaf | None:
    """The last judgement of that decision's unit on what it touched; None where nothing of it was counted."""
    unit = decision.what.unit if decision.what is not None else None
    for end in range(size, decision.gw.seq, -SCAN):
        for _, raw in reversed([*reader.leaves(max(decision.gw.seq, end - SCAN), end)]):
            leaf = read_leaf(raw)
            if leaf.settlement is not None and leaf.settlement.unit == unit:
                return leaf
    return None


def prove(reader: Reader, seq: int) -> Proof:
    """The proof of record `seq` under the newest checkpoint."""
    head = reader.head()
    path = inclusion_proof(seq, head.size, reader.node)
    return Proof(leaf=reader.leaf(seq), index=seq, path=tuple(path), checkpoint=head.checkpoint)
