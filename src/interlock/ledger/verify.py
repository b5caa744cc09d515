"""Replaying a whole log: every leaf, the tree, the signature, every sequence, and every decision's end."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from msgspec import Struct

from interlock.ledger.faults import LedgerDamaged
from interlock.ledger.growth import Growth
from interlock.ledger.leaf import NO_PREVIOUS, Kind, digest, is_canonical
from interlock.ledger.note import Checkpoint, Verifier
from interlock.ledger.reading import Leaf, read_leaf
from interlock.ledger.seal import Sealer, commitment
from interlock.ledger.tree import leaf_hash
from interlock.ledger.unfinished import OpenDecisions, Unfinished

MAX_PROBLEMS: Final = 100  # named; all are counted


class Source(Protocol):
    """What is verified: stored leaves, full tiles and side rows."""

    def leaves(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        """(seq, leaf) for start <= seq < end, as far as they are there."""

    def tile_places(self) -> Iterator[tuple[int, int]]:
        """(level, place) of every stored tile."""

    def tile(self, level: int, place: int) -> bytes | None:
        """The hashes of a full tile."""

    def text(self, seq: int) -> bytes | None:
        """The sealed text of a record."""

    def rest(self, seq: int) -> bytes | None:
        """The effects that did not fit a record."""

    def side_places(self) -> Iterator[tuple[str, int]]:
        """(what, seq) of every side row."""


class Problem(Struct, frozen=True, kw_only=True):
    """One contradiction. `place` is a record's number, or what it is about."""

    place: str
    message: str


@dataclass(slots=True, kw_only=True)
class Report:
    """What a replay found. `unfinished` are decisions without their end; they are named, and no contradiction.

    `texts` counts the texts opened and compared with their commitments (0 without the data key), `erased` those
    that an erasure record accounts for.
    """

    size: int = 0
    root: bytes = b""
    kinds: Counter[Kind] = field(default_factory=Counter)
    epochs: int = 0
    texts: int = 0
    erased: int = 0
    unfinished: list[Unfinished] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    problem_count: int = 0

    @property
    def intact(self) -> bool:
        """Whether nothing contradicts anything."""
        return self.problem_count == 0

    def add(self, place: object, message: str) -> None:
        """Note one contradiction."""
        self.problem_count += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(place=str(place), message=message))


def verify(source: Source, *, note: str, size: int, verifier: Verifier, sealer: Sealer | None) -> Report:
    """Replay everything up to the signed `note` and beyond it. Without `sealer` sealed texts are not opened."""
    report = Report(size=size)
    replay = _Replay(source, report, sealer)
    for seq, leaf in source.leaves(0, 1 << 62):
        replay.leaf(seq, leaf)
    replay.finish()
    report.root = replay.growth.root()
    try:
        signed = Checkpoint.parse(verifier.open(note))
    except LedgerDamaged as fault:
        report.add("checkpoint", str(fault))
        return report
    if signed.size != size or signed.size != replay.count:
        report.add("checkpoint", f"it signs {signed.size} records, {replay.count} are there, the head says {size}")
    if signed.root != report.root:
        report.add("checkpoint", "the root of the replayed tree is not the signed one")
    return report


class _Replay:
    """The running state of one verification."""

    def __init__(self, source: Source, report: Report, sealer: Sealer | None) -> None:
        self.growth: Final = Growth.empty()
        self.count = 0
        self._source: Final = source
        self._report: Final = report
        self._sealer: Final = sealer
        self._open: Final = OpenDecisions()
        self._chains: Final[dict[str, tuple[int, int, bytes]]] = {}  # gateway -> (epoch, next seq, previous hash)
        self._erased: Final[set[str]] = set()
        self._no_text: Final[dict[str, int]] = {}
        self._expected_sides: Final[Counter[str]] = Counter()
        self._tiles = 0

    def leaf(self, seq: int, raw: bytes) -> None:
        """One stored leaf."""
        if seq != self.count:
            self._report.add(seq, f"record {self.count} is missing before it")
        self.count = seq + 1
        hashed = leaf_hash(raw)
        self.growth.append(hashed)
        for level, place, hashes in self.growth.take_full():
            self._tile(level, place, hashes)
        try:
            leaf = read_leaf(raw)
        except LedgerDamaged as fault:
            self._report.add(seq, str(fault))
            return
        if not is_canonical(raw):
            self._report.add(seq, "the leaf is not in canonical form")
        self._report.kinds[leaf.kind] += 1
        self._chain(seq, leaf, hashed)
        self._ends(seq, leaf)
        self._sides(seq, leaf)

    def _tile(self, level: int, place: int, hashes: bytes) -> None:
        self._tiles += 1
        stored = self._source.tile(level, place)
        if stored is None:
            self._report.add(f"tile {level}/{place}", "it is missing")
        elif stored != hashes:
            self._report.add(f"tile {level}/{place}", "its hashes are not those of the records")

    def _chain(self, seq: int, leaf: Leaf, hashed: bytes) -> None:
        gw = leaf.gw
        epoch, expected, previous = self._chains.get(gw.id, (gw.epoch, 0, NO_PREVIOUS))
        if gw.seq != expected:
            self._report.add(seq, f"gateway `{gw.id}` goes from {expected - 1} to {gw.seq}: records are missing")
        if gw.prev != previous.hex():
            self._report.add(seq, f"it does not follow the record before it of gateway `{gw.id}`")
        if gw.epoch < epoch:
            self._report.add(seq, f"epoch {gw.epoch} comes after epoch {epoch}")
        self._report.epochs = max(self._report.epochs, gw.epoch)
        self._chains[gw.id] = (gw.epoch, gw.seq + 1, hashed)

    def _ends(self, seq: int, leaf: Leaf) -> None:
        if not self._open.replay(leaf, seq) and leaf.outcome is not None:
            self._report.add(seq, f"an outcome of `{leaf.outcome.of}`, for which no decision waits")

    def _sides(self, seq: int, leaf: Leaf) -> None:
        for record in leaf.erasure.records if leaf.erasure else ():
            if self._no_text.pop(record, None) is not None:
                self._erased.add(record)
            elif record not in self._erased:
                self._report.add(seq, f"the text of `{record}` is said to be erased and is still there")
        if leaf.what is None or leaf.what.commitment is None:
            return
        self._text(seq, leaf, leaf.what.commitment)
        if leaf.what.intent is not None and leaf.what.intent.effect_digest is not None:
            self._expected_sides["rest"] += 1
            rest = self._source.rest(seq)
            if rest is None or digest(rest) != leaf.what.intent.effect_digest:
                self._report.add(seq, "its list of effects is missing or changed")

    def _text(self, seq: int, leaf: Leaf, committed: str) -> None:
        sealed = self._source.text(seq)
        if sealed is None:
            self._no_text[leaf.id] = seq
            return
        self._expected_sides["text"] += 1
        if self._sealer is None:
            return
        try:
            salted = self._sealer.open(sealed, leaf.id.encode())
        except LedgerDamaged as fault:
            self._report.add(seq, str(fault))
            return
        self._report.texts += 1
        if commitment(salted) != committed:
            self._report.add(seq, "its text is not the one it was committed to")

    def finish(self) -> None:
        """What only shows at the end."""
        self._report.erased = len(self._erased)
        for record, seq in self._no_text.items():
            self._report.add(seq, f"the text of `{record}` is gone, and no erasure record says so")
        if sum(1 for _ in self._source.tile_places()) != self._tiles:
            self._report.add("tiles", "there are tiles that belong to no record")
        if Counter(what for what, _ in self._source.side_places()) != self._expected_sides:
            self._report.add("side rows", "there are texts or effects that belong to no record")
        for seq in self._open.places():
            for _, raw in self._source.leaves(seq, seq + 1):
                self._report.unfinished.append(Unfinished.of(read_leaf(raw)))
