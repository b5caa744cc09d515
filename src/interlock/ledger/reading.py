"""Reading leaves back: the parts of a record that the ledger itself acts on."""

import msgspec

from interlock.ledger.faults import LedgerDamaged
from interlock.ledger.leaf import Kind


class Place(msgspec.Struct, frozen=True):
    """The gw group: whose record this is, and what came before it."""

    epoch: int
    id: str
    prev: str
    seq: int


class TargetName(msgspec.Struct, frozen=True):
    """The target's name, environment and labels."""

    name: str
    env: str
    kind: str = ""
    labels: list[str] = []


class EffectPart(msgspec.Struct, frozen=True):
    """One effect: a verb on an object. `fields` are the first of `field_count`; None where all of them are meant."""

    verb: str
    object: list[str]
    kind: str
    reach: str
    labels: list[str] = []
    known: bool = True
    fields: list[str] | None = []
    field_count: int = 0
    field_labels: list[str] = []
    findings: list[str] = []


class FindingPart(msgspec.Struct, frozen=True):
    """What the analyser noticed."""

    code: str
    message: str


class IntentPart(msgspec.Struct, frozen=True):
    """What a decision says about the effects that did not fit it."""

    effect_count: int
    fingerprint: str
    shape: str
    understood: bool
    effects: list[EffectPart] = []
    findings: list[FindingPart] = []
    effect_digest: str | None = None


class What(msgspec.Struct, frozen=True):
    """The what group of a decision or a session."""

    target: TargetName
    surface: str
    commitment: str | None = None
    unit: str | None = None
    language: str | None = None
    intent: IntentPart | None = None


class Actor(msgspec.Struct, frozen=True):
    """One link of the delegation chain."""

    id: str
    kind: str
    issuer: str = ""
    groups: list[str] = []


class Who(msgspec.Struct, frozen=True):
    """The who group: session, acting principal, and the chain from the root human to it."""

    session: str
    subject: str
    kind: str | None = None
    chain: list[Actor] = []

    def names(self) -> set[str]:
        """Everybody in the chain."""
        return {self.subject, *(actor.id for actor in self.chain)}


class Why(msgspec.Struct, frozen=True):
    """The why group."""

    purpose: str | None = None


class ReasonPart(msgspec.Struct, frozen=True):
    """One policy that decided, and what it said."""

    policy: str
    message: str
    severity: str
    lift: str | None = None


class Decided(msgspec.Struct, frozen=True):
    """The decision group."""

    verdict: str
    policy: str
    enforced: bool
    reasons: list[ReasonPart]
    obligations: list[dict[str, str | int | list[str]]] = []
    lease: str | None = None
    lifts: list[str] = []


class TouchedPart(msgspec.Struct, frozen=True):
    """Rows of one object that one verb touched; None where that is not known."""

    object: list[str]
    verb: str
    rows: int | None


class ImpactPart(msgspec.Struct, frozen=True):
    """The impact group."""

    basis: str
    rows: int | None
    touched_count: int
    touched: list[TouchedPart] = []
    reversible: bool | None = None


class SettledPart(msgspec.Struct, frozen=True):
    """The settlement group: what was decided on the impact of `unit`, whose last command was `of`."""

    of: str
    unit: str
    verdict: str
    lands: bool
    reasons: list[ReasonPart] = []
    lifts: list[str] = []
    transaction: str = ""
    system: str = ""
    timeline: str = ""


class Ended(msgspec.Struct, frozen=True):
    """The outcome group; `of` is a command's id, or that of `unit` for a whole unit."""

    of: str
    status: str
    unit: str
    rows: int | None = None
    bytes: int | None = None
    us: int | None = None
    error: str | None = None


class LeaseState(msgspec.Struct, frozen=True):
    """What every record about a lease says: which, and the digest of its state from then on."""

    lease: str
    state: str


class Erased(msgspec.Struct, frozen=True):
    """The erasure group: whose texts are gone."""

    records: list[str]


class Leaf(msgspec.Struct, frozen=True):
    """One record, as far as the ledger reads it; other groups are left alone."""

    id: str
    kind: Kind
    ts: int
    v: int
    gw: Place
    what: What | None = None
    who: Who | None = None
    why: Why | None = None
    leases: list[str] = []
    usage: dict[str, int] = {}
    decision: Decided | None = None
    outcome: Ended | None = None
    settlement: SettledPart | None = None
    impact: ImpactPart | None = None
    erasure: Erased | None = None
    approval_request: LeaseState | None = None
    approval: LeaseState | None = None
    lease_grant: LeaseState | None = None
    lease_end: LeaseState | None = None
    break_glass: LeaseState | None = None
    break_glass_review: LeaseState | None = None

    @property
    def lease_state(self) -> LeaseState | None:
        """What the record says about a lease, if it does."""
        asked = self.approval_request or self.approval or self.lease_grant or self.lease_end
        return asked or self.break_glass or self.break_glass_review


_decoder = msgspec.json.Decoder(Leaf)


def read_leaf(leaf: bytes) -> Leaf:
    """The record in `leaf`; raises LedgerDamaged when it is none."""
    try:
        return _decoder.decode(leaf)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LedgerDamaged(f"a leaf is no record: {error}") from None
