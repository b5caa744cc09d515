"""What is judged, and the judgement."""

from enum import StrEnum

from msgspec import Struct

from interlock.model.command import Command
from interlock.model.content import UNSEEN, Content
from interlock.model.impact import UNKNOWN_IMPACT, Impact
from interlock.model.lease import Lease
from interlock.model.meaning import Intent
from interlock.model.usage import UNCOUNTED, Usage


class Mask(Struct, frozen=True, kw_only=True):
    """Deliver values of columns with these labels only in this form (`token`, `partial`, `null`)."""

    labels: frozenset[str]
    form: str


class Limit(Struct, frozen=True, kw_only=True):
    """Deliver at most `rows` rows of the answer; what exceeds them is cut off with an error that says so."""

    rows: int


class Confine(Struct, frozen=True, kw_only=True):
    """Run where nothing can be written: on PostgreSQL a READ ONLY transaction of the gateway's own."""


class Measure(Struct, frozen=True, kw_only=True):
    """Run in a unit that is counted and judged again before it lands."""


class Fuse(Struct, frozen=True, kw_only=True):
    """Do not try what is expected to take more than `rows` rows in any step. What is expected allows nothing."""

    rows: int


# A gateway that cannot honour one of these denies.
Obligation = Mask | Limit | Confine | Measure | Fuse


class Verdict(StrEnum):
    """HOLD: something outside the command (an approval, a lease) would lift the denial; until then nothing runs."""

    ALLOW = "allow"
    HOLD = "hold"
    DENY = "deny"


_ALLOW = Verdict.ALLOW


class Reason(Struct, frozen=True, kw_only=True):
    """One policy that decided. `policy` is its @id, or one of `default-deny`, `engine-error`, `not-understood`,
    `unmet-promise`. `message` says why with the facts in numbers; `lift` what outside thing would help
    (`approval:dba-leads:2`); `instead` what the caller can do now."""

    policy: str
    title: str
    severity: str
    message: str
    lift: str | None = None
    instead: str | None = None


class Decision(Struct, frozen=True, kw_only=True):
    """The judgement of one case: the strictest over all its effects and all accountable actors.

    `policy_version` is the digest of the bundle that decided, `sha256:<hex>`. `lease` is what a held command waits
    for, and what an allowed one uses up.
    """

    verdict: Verdict
    reasons: tuple[Reason, ...]
    obligations: tuple[Obligation, ...]
    policy_version: str
    lease: Lease | None = None

    @property
    def allowed(self) -> bool:
        """True only for ALLOW: a hold is a refusal until it is lifted."""
        return self.verdict is _ALLOW


class Case(Struct, frozen=True, kw_only=True):
    """Everything a policy may look at; what is decided on is what is recorded and can be replayed.

    `offers` are the kinds of obligation the gateway can honour. `at` is in microseconds since the epoch, UTC.
    `leases` are valid, bound to this command or cover all of it, and live at `at`: the gate has verified that. `asked`
    is a lease for a while where that is what is judged: may somebody have it? `content` is for people who are asked,
    and what their approval is bound to: no policy sees it, and its rows reach no record but the sealed card.
    """

    command: Command
    intent: Intent
    offers: frozenset[type[Obligation]]
    at: int
    impact: Impact = UNKNOWN_IMPACT
    leases: tuple[Lease, ...] = ()
    usage: Usage = UNCOUNTED
    content: Content = UNSEEN
    asked: Lease | None = None
