"""What is no longer believed: single tokens, and everything a subject was given before a moment."""

from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Struct, field

from interlock.access.faults import CredentialRefused


class TokenRevoked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="revoke", tag="token"):
    """The token with this `jti`. `at` is in seconds since the epoch."""

    id: str
    at: int


class SubjectRevoked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="revoke", tag="subject"):
    """Every token issued at `at` or before (seconds since the epoch) in whose chain `id` stands."""

    id: str
    at: int


Revocation = TokenRevoked | SubjectRevoked


class Revocations(Struct, frozen=True, kw_only=True):
    """The revocation list as looked up: token ids, and for each subject the last revoked second of issue."""

    tokens: frozenset[str] = frozenset()
    subjects: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def collect(cls, entries: Iterable[Revocation]) -> "Revocations":
        """Later entries only ever revoke more: nothing can be un-revoked by appending."""
        tokens: set[str] = set()
        subjects: dict[str, int] = {}
        for entry in entries:
            match entry:
                case TokenRevoked():
                    tokens.add(entry.id)
                case SubjectRevoked():
                    subjects[entry.id] = max(entry.at, subjects.get(entry.id, 0))
        return cls(tokens=frozenset(tokens), subjects=subjects)

    def revokes(self, *, token: str, subjects: Iterable[str], issued_at: int) -> bool:
        """Whether a token with this id, chain and second of issue is revoked."""
        return token in self.tokens or any(issued_at <= self.subjects.get(subject, -1) for subject in subjects)


def read_revocations(text: bytes) -> Revocations:
    """The list from its file: one JSON object a line. A line that cannot be read refuses the whole list."""
    entries: list[Revocation] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            entries.append(msgspec.json.decode(line, type=Revocation))
        except msgspec.DecodeError as error:
            raise CredentialRefused(
                f"line {number} of the revocation list cannot be read ({error}): mend it, for nothing else of it holds"
            ) from error
    return Revocations.collect(entries)


def write_revocation(entry: Revocation) -> bytes:
    """One line to append to the list, newline included."""
    return msgspec.json.encode(entry) + b"\n"
