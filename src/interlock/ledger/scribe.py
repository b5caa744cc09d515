"""Writing down decisions and outcomes: the hot path, so what repeats is encoded once."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from hashlib import sha256
from typing import Final, Generic, Protocol, TypeVar

from msgspec.json import encode

from interlock.ledger.groups import (
    arguments_text,
    decision_group,
    impact_group,
    intent_group,
    leases_group,
    session_groups,
    usage_group,
)
from interlock.ledger.leaf import MAX_LEAF, ROOM_FOR_PLACE, VERSION, Entry, Kind
from interlock.ledger.leases import request_entry
from interlock.ledger.outcomes import outcome_entry, unit_outcome_entry
from interlock.ledger.records import alert_entry, settlement_entry
from interlock.ledger.seal import SALT_SIZE
from interlock.model import (
    UNCOUNTED,
    UNKNOWN_IMPACT,
    Card,
    Case,
    Decision,
    Intent,
    Outcome,
    Session,
    Transaction,
)

_KIND: Final = Kind.DECISION
_DECISION: Final = (
    b'"id":%b,%b"kind":"decision",%b"ts":%d,%b"v":%d,"what":{"commitment":"%b",%b"language":%b,%b"unit":%b},%b'
)

SALTS_AT_ONCE: Final = 128
MAX_REFUSED: Final = 4096  # bytes kept of a text that never ran: refusals are free to ask for (threats.md 18)

Key = TypeVar("Key")
Fragment = TypeVar("Fragment")


class Fragments(Generic[Key, Fragment]):
    """Encoded pieces by identity of the value they were made of; values are held, so an identity is never reused."""

    __slots__ = ("_encode", "_known", "_limit")

    def __init__(self, encode_: Callable[[Key], Fragment], limit: int = 4096) -> None:
        self._encode = encode_
        self._limit = limit
        self._known: dict[int, tuple[Key, Fragment]] = {}

    def __call__(self, value: Key) -> Fragment:
        found = self._known.get(id(value))
        if found is not None:
            return found[1]
        if len(self._known) >= self._limit:
            self._known.clear()
        fragment = self._encode(value)
        self._known[id(value)] = (value, fragment)
        return fragment


class Entropy(Protocol):
    """`size` random bytes, fit for keys."""

    def __call__(self, size: int, /) -> bytes: ...


class Scribe:
    """Makes the entries of one gateway or worker: one for each process, made after the fork (it holds salts)."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy: Final = entropy
        self._salts: Iterator[bytes] = iter(())
        self._intents: Fragments[Intent, tuple[bytes, bytes]] = Fragments(intent_group)
        self._enforced: Fragments[Decision, bytes] = Fragments(decision_group)
        self._watched: Fragments[Decision, bytes] = Fragments(partial(decision_group, enforced=False))
        self._sessions: Fragments[Session, tuple[bytes, bytes]] = Fragments(session_groups)

    def decision(self, case: Case, decision: Decision, *, enforced: bool = True) -> Entry:
        """The record that must be durable before the command is forwarded. Its id is the command's id.

        `enforced` is False where the target is only observed: the command then goes through whatever the verdict.
        """
        head = (self._enforced if enforced else self._watched)(decision)
        said = case.command.text.encode("utf-8", "surrogatepass")
        if case.command.arguments:
            said += arguments_text(case.command.arguments)
        if enforced and not decision.allowed and len(said) > MAX_REFUSED:
            said = _abridged(said)
        salted = self._salt() + said
        entry = self._decision(case, head, salted, *self._intents(case.intent))
        if len(entry.head) + len(entry.tail) > MAX_LEAF - ROOM_FOR_PLACE:
            entry = self._decision(case, head, salted, *intent_group(case.intent, room=0))
        return entry

    def _decision(self, case: Case, head: bytes, salted: bytes, intent: bytes, rest: bytes) -> Entry:
        command = case.command
        surface_and_target, who_and_why = self._sessions(command.session)
        impact = b"" if case.impact is UNKNOWN_IMPACT else impact_group(case.impact)
        tail = _DECISION % (
            encode(command.id),
            impact,
            leases_group(case.leases) if case.leases else b"",
            case.at,
            b"" if case.usage is UNCOUNTED else usage_group(case.usage),
            VERSION,
            sha256(salted).hexdigest().encode(),
            intent,
            encode(command.language),
            surface_and_target,
            encode(command.unit),
            who_and_why,
        )
        return Entry(
            kind=_KIND,
            id=command.id,
            head=head,
            tail=tail,
            unit=command.unit,
            secret=salted,
            rest=rest,
        )

    def request(self, case: Case, decision: Decision, card: Card) -> Entry:
        """The record that a held command waits for people; see `request_entry`."""
        return request_entry(case, decision, card, salt=self._salt())

    def settlement(
        self, case: Case, decision: Decision, *, id: str, unit: str, transaction: Transaction, lands: bool
    ) -> Entry:
        """See `settlement_entry`."""
        return settlement_entry(case, decision, id=id, unit=unit, transaction=transaction, lands=lands)

    def alert(
        self, alert: str, *, id: str, at: int, session: Session, unit: str, detail: Mapping[str, int | str]
    ) -> Entry:
        """See `alert_entry`."""
        return alert_entry(id=id, at=at, alert=alert, session=session, unit=unit, detail=detail)

    def outcome(self, outcome: Outcome, *, id: str, at: int, unit: str) -> Entry:
        """See `outcome_entry`."""
        return outcome_entry(outcome, id=id, at=at, unit=unit)

    def unit_outcome(self, outcome: Outcome, *, id: str, at: int) -> Entry:
        """See `unit_outcome_entry`."""
        return unit_outcome_entry(outcome, id=id, at=at)

    def _salt(self) -> bytes:
        """32 fresh random bytes, fetched for many records at once."""
        salt = next(self._salts, None)
        if salt is None:
            pool = self._entropy(SALT_SIZE * SALTS_AT_ONCE)
            self._salts = iter([pool[at : at + SALT_SIZE] for at in range(0, len(pool), SALT_SIZE)])
            salt = next(self._salts)
        return salt


def _abridged(said: bytes) -> bytes:
    """The beginning, and what proves the rest to whoever has it."""
    kept = said[:MAX_REFUSED].decode("utf-8", "ignore").encode()
    return kept + b"\n... the first %d of %d bytes; sha256 of all: %b" % (
        len(kept),
        len(said),
        sha256(said).hexdigest().encode(),
    )


def decision_entry(case: Case, decision: Decision, *, entropy: Entropy, enforced: bool = True) -> Entry:
    """One decision, without the caches of a Scribe."""
    return Scribe(entropy).decision(case, decision, enforced=enforced)
