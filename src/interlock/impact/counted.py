"""What was counted for a unit before it lands."""

from collections.abc import Sequence

from msgspec import Struct

from interlock.model import NO_TRANSACTION, Impact, Intent, Reason, Transaction


class Counted(Struct, frozen=True, kw_only=True):
    """What a unit has touched so far.

    `transaction` is the target's own name for it. `problem` is a reason of the
    gateway's own why it must not land whatever the policy says.
    """

    impact: Impact
    transaction: Transaction = NO_TRANSACTION
    problem: Reason | None = None


def ran_out(what: str, instead: str) -> Reason:
    """Something of ours was not enough to see the whole effect."""
    return Reason(
        policy="not-measured",
        title="What was not counted to its end does not land",
        severity="high",
        message=what,
        instead=instead,
    )


def opaque(intents: Sequence[Intent]) -> bool:
    """Whether code ran that nobody could follow to its end."""
    return any(effect.opaque for intent in intents for effect in intent.effects)
