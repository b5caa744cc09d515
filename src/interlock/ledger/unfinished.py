"""Which decisions still wait for their end; what a crash leaves open is found here."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from interlock.ledger.leaf import Entry, Kind
from interlock.ledger.reading import Leaf, read_leaf
from interlock.model import NO_TRANSACTION, Status, Transaction

NOTHING: Final[Mapping[str, Transaction]] = MappingProxyType({})
SETTLEMENT: Final = '"kind":"settlement"'


class Unfinished(Struct, frozen=True, kw_only=True):
    """A decision without an outcome: nobody saw the end of `command`. Ask `target` before calling it unknown.

    `seq` is its place in the log, `decided_at` in microseconds since the epoch, UTC; `forwarded` is False
    where the verdict kept it from being sent. `transaction` is what the target called it, once it was about to end.
    """

    seq: int
    command: str
    unit: str
    session: str
    target: str
    verdict: str
    forwarded: bool
    decided_at: int
    transaction: Transaction = NO_TRANSACTION

    @classmethod
    def of(cls, leaf: Leaf, settled: Mapping[str, Transaction] = NOTHING) -> "Unfinished":
        """Read it from its decision record, and from what was settled about its unit."""
        what, who, decision = leaf.what, leaf.who, leaf.decision
        if what is None or who is None or decision is None:
            raise ValueError(f"record {leaf.gw.seq} is no decision")
        return cls(
            seq=leaf.gw.seq,
            command=leaf.id,
            unit=what.unit or leaf.id,
            session=who.session,
            target=what.target.name,
            verdict=decision.verdict,
            forwarded=decision.verdict == "allow" or not decision.enforced,
            decided_at=leaf.ts,
            transaction=settled.get(what.unit or leaf.id, NO_TRANSACTION),
        )


def landing(leaves: Iterable[bytes]) -> dict[str, Transaction]:
    """By unit the transactions that were about to end, as their settlements name them."""
    found: dict[str, Transaction] = {}
    for leaf in map(read_leaf, leaves):
        said = leaf.settlement
        if said is not None and said.lands and said.transaction:
            found[said.unit] = Transaction(id=said.transaction, system=said.system, timeline=said.timeline)
    return found


class OpenDecisions:
    """Commands by unit, oldest first, kept while records pass so that start-up need not read the whole log."""

    __slots__ = ("_unit_of", "_units")

    def __init__(self) -> None:
        self._units: dict[str, tuple[int, dict[str, int]]] = {}  # unit -> (first place ever, command -> place)
        self._unit_of: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._unit_of)

    def follow(self, entry: Entry, seq: int) -> None:
        """Take note of a record about to be written at place `seq`."""
        if entry.kind is Kind.DECISION:
            self._open(entry.id, entry.unit, seq)
        elif entry.closes:
            self._close(entry.closes)

    def replay(self, leaf: Leaf, seq: int) -> bool:
        """Take note of a record read back; False when it is an outcome of nothing that is open."""
        if leaf.decision is not None and leaf.what is not None:
            self._open(leaf.id, leaf.what.unit or leaf.id, seq)
        elif leaf.outcome is not None:
            of = leaf.outcome.of
            known = of in self._unit_of or of in self._units
            if leaf.outcome.status != Status.RAN:
                self._close(of)
            return known
        return True

    def _open(self, command: str, unit: str, seq: int) -> None:
        self._units.setdefault(unit, (seq, {}))[1][command] = seq
        self._unit_of[command] = unit

    def _close(self, of: str) -> None:
        """End one command, or everything of the unit of that id."""
        unit = self._unit_of.pop(of, None)
        if unit is None:
            for command in self._units.pop(of, (0, {}))[1]:
                del self._unit_of[command]
            return
        commands = self._units[unit][1]
        del commands[of]
        if not commands:
            del self._units[unit]

    def oldest(self, default: int) -> int:
        """A place in the log before which nothing is open: units stand in the order of their first command."""
        for first, _ in self._units.values():
            return first
        return default

    def places(self) -> list[int]:
        """Where the open decisions are, in the log's order."""
        return sorted(seq for _, commands in self._units.values() for seq in commands.values())
