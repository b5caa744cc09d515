"""A client's side of a conversation with a real server, by the product's table of answers: whose answer is it?"""

from collections import deque
from typing import Generic, NamedTuple, TypeVar

from interlock.wire.postgres import kinds
from interlock.wire.postgres.answers import ANSWERS, UNASKED
from interlock.wire.postgres.kinds import CLIENT_NAMES, SERVER_NAMES
from interlock.wire.postgres.violations import ServerViolation

Tag = TypeVar("Tag")


class Answer(NamedTuple, Generic[Tag]):
    """Whose answer a message is, whether it is the last of it, and which requests an error made void."""

    tag: Tag
    ends: bool
    skipped: tuple[Tag, ...] = ()


class Answers(Generic[Tag]):
    """The requests that were forwarded to one server and are not answered yet, in order.

    A tag is whatever the gateway needs to know about a request when its answer comes.
    """

    __slots__ = ("_owed", "_skipping", "_swallowed")

    def __init__(self) -> None:
        self._owed: deque[tuple[int, Tag]] = deque()
        self._skipping = False  # an error came and no Sync has been forwarded since
        self._swallowed = 0  # Syncs that a COPY has taken, unless it failed before it read them

    @property
    def owed(self) -> int:
        """How many requests wait for their answer."""
        return len(self._owed)

    @property
    def skipping(self) -> bool:
        """True when the open group has failed: the server drops everything up to the next Sync."""
        return self._skipping

    def expect(self, request: int, tag: Tag) -> bool:
        """Notes a request as it is forwarded; False if no answer of its own will come."""
        if request not in ANSWERS:
            return False
        if self._skipping:
            if request != kinds.SYNC:
                return False
            self._skipping = False
        self._owed.append((request, tag))
        return True

    def take(self, kind: int) -> Answer[Tag] | None:
        """Whose answer the server's next message is; None if nobody asked for it.

        Nobody asked for notices, notifications, changed settings, and an error that ends an idle session.
        Raises ServerViolation for a message that does not answer the oldest request.
        """
        if kind in UNASKED:
            return None
        if not self._owed:
            self._take_unowed(kind)
            return None
        request, tag = self._owed[0]
        may, ends = ANSWERS[request]
        if kind in may:
            if kind == kinds.COPY_IN_RESPONSE and request == kinds.EXECUTE:
                self._swallow_syncs()
            return Answer(tag, False)
        if kind in ends:
            self._owed.popleft()
            if request == kinds.EXECUTE:
                self._swallowed = 0
            return Answer(tag, True)
        if kind == kinds.ERROR_RESPONSE:
            self._owed.popleft()
            return Answer(tag, True, self._skip())
        self._take_unowed(kind)
        return None

    def _skip(self) -> tuple[Tag, ...]:
        skipped: list[Tag] = []
        while self._owed and self._owed[0][0] != kinds.SYNC:
            skipped.append(self._owed.popleft()[1])
        self._skipping = not self._owed
        return tuple(skipped)

    def _swallow_syncs(self) -> None:
        """A server that reads COPY data ignores Sync, so those sent before the COPY was seen have no answer."""
        while len(self._owed) > 1 and self._owed[1][0] == kinds.SYNC:
            del self._owed[1]
            self._swallowed += 1

    def _take_unowed(self, kind: int) -> None:
        if kind == kinds.READY_FOR_QUERY and self._swallowed:
            self._swallowed -= 1  # the COPY failed before it read anything, so this Sync was answered after all
        elif kind != kinds.ERROR_RESPONSE:
            asked = CLIENT_NAMES[self._owed[0][0]] if self._owed else "nothing"
            name = SERVER_NAMES.get(kind, f"0x{kind:02x}")
            raise ServerViolation(f"the target sent {name} in answer to {asked}")
