"""The values that pass through Interlock: frozen structs, and nothing that acts (ADR 14)."""

from interlock.model.card import Card
from interlock.model.command import Command, Ground
from interlock.model.content import UNSEEN, Content, Sample
from interlock.model.decision import (
    Case,
    Confine,
    Decision,
    Fuse,
    Limit,
    Mask,
    Measure,
    Obligation,
    Reason,
    Verdict,
)
from interlock.model.faults import CallerFault, Fault, OurFault, TargetFault
from interlock.model.identity import Principal, PrincipalKind, Session, Target
from interlock.model.impact import UNKNOWN_IMPACT, Basis, Impact, Touched
from interlock.model.lease import Approver, End, Lease, OneCommand, Span
from interlock.model.meaning import (
    Column,
    Effect,
    Field,
    Finding,
    FindingCode,
    Intent,
    Object,
    ObjectKind,
    Reach,
    Verb,
)
from interlock.model.outcome import NO_TRANSACTION, Outcome, Status, Transaction
from interlock.model.usage import UNCOUNTED, Usage

__all__ = [
    "NO_TRANSACTION",
    "UNCOUNTED",
    "UNKNOWN_IMPACT",
    "UNSEEN",
    "Approver",
    "Basis",
    "CallerFault",
    "Card",
    "Case",
    "Column",
    "Command",
    "Confine",
    "Content",
    "Decision",
    "Effect",
    "End",
    "Fault",
    "Field",
    "Finding",
    "FindingCode",
    "Fuse",
    "Ground",
    "Impact",
    "Intent",
    "Lease",
    "Limit",
    "Mask",
    "Measure",
    "Object",
    "ObjectKind",
    "Obligation",
    "OneCommand",
    "OurFault",
    "Outcome",
    "Principal",
    "PrincipalKind",
    "Reach",
    "Reason",
    "Sample",
    "Session",
    "Span",
    "Status",
    "Target",
    "TargetFault",
    "Touched",
    "Transaction",
    "Usage",
    "Verb",
    "Verdict",
]
