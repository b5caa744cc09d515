"""What lets a principal act on a target that asks for it; an approval is a lease for one command."""

from collections import Counter
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from interlock.model.identity import Principal
from interlock.model.impact import Impact
from interlock.model.meaning import Verb

BREAK_GLASS = "break-glass"
MOST_COUNTED = 9  # approvals of one group that a policy can ask for


class End(StrEnum):
    """How a lease ended. WITHDRAWN before it was in force, REVOKED while it was. OUTDATED: another policy decides now,
    or the ledger that holds it was restored."""

    USED = "used"
    EXCEEDED = "exceeded"
    EXPIRED = "expired"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"
    OUTDATED = "outdated"


class Approver(Struct, frozen=True, kw_only=True):
    """One who said yes, in the name of one `group`.

    `proof` is how the person was identified: `scram` or `token`. `uid` is the operating system's user at the other
    end of the socket, `operator` whether that is the gateway's own, `mfa` whether whoever issued
    the token was shown a second factor. `signature` is one over the card, in base64 (access/sshsig.py), `key` the
    fingerprint of its key, `presence` what that says of who was there. `at` is in microseconds since the epoch, UTC.
    """

    id: str
    issuer: str
    group: str
    proof: str
    uid: int
    operator: bool
    at: int
    mfa: bool = False
    signature: str = ""
    key: str = ""
    presence: str = ""


class OneCommand(Struct, frozen=True, kw_only=True):
    """The scope of an approval: one command, with everything that its meaning rests on.

    `binding` is a salted digest of these. `fingerprint` only groups what is shown; `command` is the decision that
    asked. Each of `ways` is a set of lifts that is enough by itself. `replaces` names the lease that this command
    went beyond. `content` is a salted digest of the keys of the rows that were shown; "" where they were only counted.
    """

    salt: str
    binding: str
    fingerprint: str
    command: str
    ways: tuple[frozenset[str], ...]
    replaces: str | None = None
    content: str = ""


class Span(NamedTuple):
    """The scope of a lease for a while: any number of commands that do nothing but `verbs` to `objects`.

    Policies know it by its `name`, as `lease:<name>`. Each object is (schema, name), `*` for all of either. `lasts` is
    in microseconds, from the grant. `ways` are as for one command; none where policy grants it by itself. A named
    tuple, because its JSON is a list then: no reader takes one scope for the other.
    """

    name: str
    verbs: tuple[Verb, ...]
    objects: tuple[tuple[str, str], ...]
    lasts: int
    ticket: str | None = None
    ways: tuple[frozenset[str], ...] = ()


class Lease(Struct, frozen=True, kw_only=True):
    """A request until `starts_at`, from then on granted, and over once it has an `end`.

    `ends_at` is until when a request waits, later until when the lease may be used, `uses` how often it still may
    (None: as often as wanted). `ceiling` is the impact that was shown; None where nothing was measured. Times are in
    microseconds since the epoch, UTC. `policy_version` is the bundle that asked. `broken_by` broke the glass: a person
    who put a reason in the place of approvals, which somebody else has to review. A `runbook` was approved in advance,
    by signature: each command gets one of its own, which nobody has to end.
    """

    id: str
    principal: Principal
    target: str
    scope: OneCommand | Span
    purpose: str | None
    asked_at: int
    ends_at: int
    policy_version: str
    approved_by: tuple[Approver, ...] = ()
    starts_at: int | None = None
    uses: int | None = 1
    ceiling: Impact | None = None
    end: End | None = None
    broken_by: Approver | None = None
    reviewed_by: Approver | None = None
    runbook: bool = False

    def lifts(self) -> frozenset[str]:
        """What it amounts to for a policy: for one command its approvals, for a while its name alone. Where the glass
        was broken also `break-glass`, which a policy can forbid."""
        if isinstance(self.scope, Span):
            return frozenset({f"lease:{self.scope.name}"}) | (self.given() & {BREAK_GLASS})
        return self.given()

    def given(self) -> frozenset[str]:
        """Its approvals as lifts: two of one group are also one, those of two never add up. Where the glass was
        broken, all that the first of the ways asks for, and `break-glass`."""
        counts = Counter(approver.group for approver in self.approved_by)
        broken = frozenset[str]()
        if self.broken_by is not None:
            broken = frozenset({BREAK_GLASS})
            for _, group, count in (lift.split(":") for lift in self.scope.ways[0]):
                counts[group] = max(counts[group], int(count))
        return broken.union(
            f"approval:{group}:{number}"
            for group, count in counts.items()
            for number in range(1, min(count, MOST_COUNTED) + 1)
        )

    @property
    def unreviewed(self) -> bool:
        """Whether the glass was broken for it and nobody has looked at that since."""
        return self.broken_by is not None and self.reviewed_by is None

    @property
    def pending(self) -> bool:
        """Whether it still waits for people."""
        return self.end is None and self.starts_at is None

    def live(self, at: int) -> bool:
        """Whether it may be used at `at`."""
        started = self.starts_at is not None and self.starts_at <= at
        return started and at < self.ends_at and self.uses != 0 and self.end is None
