"""What an approver is shown."""

from msgspec import Struct

from interlock.model.content import UNSEEN, Content
from interlock.model.decision import Reason
from interlock.model.identity import Target
from interlock.model.impact import Impact
from interlock.model.meaning import Effect, Finding


class Card(Struct, frozen=True, kw_only=True):
    """What a held command would do, beside the lease that it waits for.

    The worst of `effects` stands first. `shape` is the text without its literals, `text` the text as it was sent, None
    where it may hold secrets or labelled values; `values` are its parameters, likewise. `impact` says by its basis
    whether anybody counted, `content` which rows they are.
    """

    target: Target
    surface: str
    effects: tuple[Effect, ...]
    findings: tuple[Finding, ...]
    reasons: tuple[Reason, ...]
    impact: Impact
    shape: str
    text: str | None = None
    values: tuple[str | None, ...] = ()
    content: Content = UNSEEN
