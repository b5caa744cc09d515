"""The principals that the configuration names, and on whose behalf each of them acts."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct

from interlock.access.faults import CredentialRefused
from interlock.access.verifier import Verifier
from interlock.model import Principal, PrincipalKind

CONFIG_ISSUER: Final = "config"

# Actors before the root: more would be a chain nobody can answer for (access.md, "depth and lifetime capped").
MAX_ACTORS: Final = 3


class Entry(Struct, frozen=True, kw_only=True):
    """One principal as written: `on_behalf_of` names another entry; `targets` None means every target."""

    name: str
    kind: PrincipalKind
    groups: frozenset[str] = frozenset()
    on_behalf_of: str | None = None
    verifier: Verifier | None = None
    targets: frozenset[str] | None = None


class Account(Struct, frozen=True, kw_only=True):
    """A principal that may log in by name. `verifier` None: it has no password, so it can only stand in a chain."""

    principal: Principal
    verifier: Verifier | None
    targets: frozenset[str] | None

    def may_reach(self, target: str) -> bool:
        """Whether the configuration lets this principal, and all it acts for, open a session on `target`."""
        return self.targets is None or target in self.targets


class Directory:
    """The accounts by name. Made once from the configuration; a reload makes a new one."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        by_name = {entry.name: entry for entry in entries}
        if problems := tuple(directory_problems(by_name)):
            raise CredentialRefused("; ".join(f"principal `{name}`: {problem}" for name, problem in problems))
        self._accounts = {name: _account(entry, by_name) for name, entry in by_name.items()}

    def find(self, name: str) -> Account | None:
        """The account of that exact name. Do not let the answer's None show: see `mock_verifier`."""
        return self._accounts.get(name)

    def __iter__(self) -> Iterator[Account]:
        return iter(self._accounts.values())

    def __len__(self) -> int:
        return len(self._accounts)


def directory_problems(entries: Mapping[str, Entry]) -> Iterator[tuple[str, str]]:
    """(name, what is wrong) for every delegation that does not end at a root within MAX_ACTORS steps."""
    for entry in entries.values():
        parent = entry.on_behalf_of
        if parent is not None and parent not in entries:
            yield entry.name, f"acts on behalf of `{parent}`, which is not a principal here: name one that is"
        elif not _ends(entry, entries):
            yield entry.name, f"acts on behalf of itself, or through more than {MAX_ACTORS} others: shorten the chain"


def _ends(entry: Entry, entries: Mapping[str, Entry]) -> bool:
    for _ in range(MAX_ACTORS + 1):
        if entry.on_behalf_of is None or entry.on_behalf_of not in entries:
            return True
        entry = entries[entry.on_behalf_of]
    return False


def _account(entry: Entry, entries: Mapping[str, Entry]) -> Account:
    parent = None if entry.on_behalf_of is None else _account(entries[entry.on_behalf_of], entries)
    return Account(
        principal=Principal(
            id=entry.name,
            kind=entry.kind,
            issuer=CONFIG_ISSUER,
            groups=entry.groups,
            on_behalf_of=None if parent is None else parent.principal,
        ),
        verifier=entry.verifier,
        targets=_narrowed(entry.targets, None if parent is None else parent.targets),
    )


def _narrowed(own: frozenset[str] | None, parents: frozenset[str] | None) -> frozenset[str] | None:
    # Delegation only ever shrinks: nobody reaches through an agent what they cannot reach themselves.
    if own is None or parents is None:
        return own if parents is None else parents
    return own & parents
