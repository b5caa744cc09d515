"""Statements that were approved in advance: found for a held case, or the reason why they do not fit."""

from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from interlock.access.runbooks import Signature, Signed, lease_of, too_many, unfit
from interlock.intent.sql.holes import fill
from interlock.model import Case, Lease, Reason

OUT_OF_RANGE: Final = "runbook-does-not-fit"


class Covered(Struct, frozen=True, kw_only=True):
    """A lease for this one command; or why none of the runbooks that it is a case of lets it pass."""

    lease: Lease | None = None
    reason: Reason | None = None


class Runbooks(Struct, frozen=True, kw_only=True):
    """Those of a target, each with the signatures that count. `revoked` tells those that hold no more, by id."""

    signed: Sequence[tuple[Signed, tuple[Signature, ...]]]
    revoked: Callable[[], frozenset[str]]

    def __call__(self, case: Case) -> Covered:
        """The first that covers the case, or what is wrong with the last that is about this statement."""
        command, reason = case.command, None
        for signed, signatures in self.signed:
            runbook, session = signed.runbook, command.session
            values = fill(runbook.text, command.text, command.arguments, command.types, command.formats)
            if values is None:
                continue
            if runbook.id in self.revoked():
                reason = _reason(runbook.id, "it was revoked")
                continue
            wrong = unfit(runbook, session.principal, session.target, values, case.at)
            lease = lease_of(signed, signatures, session.principal, case.at)
            wrong = wrong or too_many(lease, case.impact)
            if wrong is None:
                return Covered(lease=lease)
            reason = _reason(runbook.id, wrong)
        return Covered(reason=reason)


def _reason(runbook: str, wrong: str) -> Reason:
    return Reason(
        policy=OUT_OF_RANGE,
        title="A runbook does not cover this",
        severity="info",
        message=f"runbook `{runbook}`: {wrong}",
        instead="stay within what was signed, or ask for an approval",
    )
