"""A command while the target works on it."""

from typing import TYPE_CHECKING

from interlock.gate import Ask
from interlock.intent.sql.statement import Flow

if TYPE_CHECKING:
    from interlock.access.privileges import Shape
    from interlock.gateways.postgres.planning.steps import Portal


class Running:
    """What is known of one admitted command until its outcome is written down.

    `limit` is the most rows that may be delivered, `fuse` the most that may be expected, None for no limit; `rows` and
    `bytes` count what was delivered; `started` is a monotonic clock in seconds. `tag_rows` is what the target said it
    changed.
    `listed` is True while the relay owes an outcome for it; `exceeded` once its answer went over the limit;
    `closed` once its end was written down, though its portal may be asked for more. `source` is the portal that the
    rows come from: its own, or the cursor of a FETCH. `measured` says that its answers wait until its unit was counted
    and judged, `writes` that it may have changed something. `released` is what closes its confinement, while that
    waits to be sent. `shape` is what it must be lent to run, None where the session holds its privileges anyway.
    """

    __slots__ = (
        "ask",
        "bytes",
        "closed",
        "confined",
        "error",
        "exceeded",
        "finished",
        "flow",
        "fuse",
        "limit",
        "listed",
        "measured",
        "released",
        "rows",
        "shape",
        "source",
        "started",
        "tag_rows",
        "writes",
    )

    def __init__(
        self,
        ask: Ask,
        *,
        flow: Flow,
        started: float,
        limit: int | None,
        confined: bool,
        measured: bool = False,
        writes: bool = False,
        fuse: int | None = None,
    ) -> None:
        self.ask = ask
        self.flow = flow
        self.started = started
        self.limit = limit
        self.fuse = fuse
        self.confined = confined
        self.measured = measured
        self.writes = writes
        self.rows = 0
        self.bytes = 0
        self.tag_rows: int | None = None
        self.error: str | None = None
        self.finished = False
        self.listed = False
        self.closed = False
        self.exceeded = False
        self.source: Portal | None = None
        self.released: object = None
        self.shape: Shape | None = None

    def start_over(self) -> None:
        """It is run once more, as if it had not been."""
        self.rows = self.bytes = 0
        self.tag_rows = self.error = None
        self.finished = self.listed = False

    @property
    def delivered(self) -> int:
        """Rows that came out of its portal so far, whatever fetched them: a limit counts them together."""
        return self.rows if self.source is None else self.source.rows

    def count(self, rows: int) -> None:
        """So many more rows go to the client."""
        self.rows += rows
        if self.source is not None:
            self.source.rows += rows
