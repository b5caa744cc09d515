"""What waits to leave for the target, and how what was decided is taken back out of it."""

from collections import deque
from collections.abc import Callable, Sequence

from interlock.gateways.postgres.answering.due import Due, poison
from interlock.gateways.postgres.answering.running import Running
from interlock.gateways.postgres.planning.steps import Group
from interlock.gateways.postgres.sending.queue import Item, Parcel, Settle, Weigh, behind_commit, ends
from interlock.gateways.postgres.sending.weighing import not_tried
from interlock.gateways.postgres.target import owned
from interlock.model import Status


class Tray:
    """The session empties `queue` in order. `dropped` hears of commands that were allowed and then never sent."""

    def __init__(self, dropped: Callable[[Running, Status], None]) -> None:
        self.queue: deque[Item] = deque()
        self._dropped = dropped

    def cut(self, group: Group) -> None:
        """An answer went over its limit and the client was told: make the target fail the group as well."""
        self.fail(group, b"")

    def undo(self, settle: Settle, error: bytes) -> None:
        """A unit was refused after it ran: take it back, and fail its group with this error."""
        self.fail(settle.group, error)
        if settle.lands:
            dues = tuple(owned.bare_dues())
            self.queue.appendleft(Parcel(group=settle.group, data=owned.UNDO, dues=dues, alone=True))

    def weigh(self, item: Weigh) -> None:
        """Do not try what is expected to take more rows than may be, or nobody knows how many."""
        if (error := not_tried(item.running, item.pieces)) is not None:
            self.fail(item.group, error)

    def fail(self, group: Group, error: bytes) -> None:
        """The rest of a group is not sent, though it was decided, and fails with this."""
        group.fallen = True
        while self.queue and self.queue[0].group is group and not ends(self.queue[0]):
            self.drop(self.queue.popleft())
        self.queue.appendleft(Parcel(group=group, data=owned.POISON, dues=(poison(error),)))

    def look_again(self, settle: Settle, data: bytes, dues: Sequence[Due]) -> None:
        """Put a question of ours behind the COMMIT that lands a unit, where nothing of the client's stands there."""
        if (at := behind_commit(self.queue, settle.group)) is not None:
            self.queue.insert(at, Parcel(group=settle.group, data=data, dues=tuple(dues), alone=True))

    def drop_queued(self, group: Group) -> None:
        """Nothing of a simple Query runs when any of it is refused."""
        items = [*self.queue]
        self.queue.clear()
        for item in items:
            if item.group is group:
                self.drop(item)
            else:
                self.queue.append(item)

    def drop(self, item: Item) -> None:
        """It is never sent."""
        dues = item.dues if isinstance(item, Parcel) else ()
        for running in {due.running for due in dues if due.running is not None}:
            if not running.finished and not running.listed:
                running.finished = True
                self._dropped(running, Status.UNDONE)

    def parcel(self, group: Group, data: bytes, *dues: Due, ends: bool = False, alone: bool = False) -> None:
        """Queue bytes with what is owed for them, together with what already waits of the group."""
        last = self.queue[-1] if self.queue and not (ends or alone) else None
        if isinstance(last, Parcel) and last.group is group and not (last.ends or last.alone):
            last.data += data
            last.dues += dues
        else:
            self.queue.append(Parcel(group=group, data=data, dues=dues, ends=ends, alone=alone))
