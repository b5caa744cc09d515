"""A command while the target works on it."""

from typing import TYPE_CHECKING

from interlock.gate import Ask
from interlock.intent.sql.statement import Flow

if TYPE_CHECKING:
    from interlock.gateways.postgres.steps import Portal


class Running:
    """What is known of one admitted command until its outcome is written down.

    `limit` is the most rows that may be delivered, None for no limit; `rows` and `bytes` count what was
    delivered; `started` is a monotonic clock in seconds. `tag_rows` is what the target said it changed.
    `listed` is True while the relay owes an outcome for it; `exceeded` once its answer went over the limit.
    `source` is the cursor that a FETCH reads from. `released` is what closes its confinement, while that waits to be
    sent.
    """

    __slots__ = (
        "ask",
        "bytes",
        "confined",
        "error",
        "exceeded",
        "finished",
        "flow",
        "limit",
        "listed",
        "released",
        "rows",
        "source",
        "started",
        "tag_rows",
    )

    def __init__(self, ask: Ask, *, flow: Flow, started: float, limit: int | None, confined: bool) -> None:
        self.ask = ask
        self.flow = flow
        self.started = started
        self.limit = limit
        self.confined = confined
        self.rows = 0
        self.bytes = 0
        self.tag_rows: int | None = None
        self.error: str | None = None
        self.finished = False
        self.listed = False
        self.exceeded = False
        self.source: Portal | None = None
        self.released: object = None
