"""Between the outbox and the target: what a command needs is lent before it leaves, and taken back when it is over."""

from collections.abc import Callable

from msgspec import Struct

from interlock.access.privileges import Shape
from interlock.gateways.postgres.answering import replies
from interlock.gateways.postgres.answering.due import Due
from interlock.gateways.postgres.answering.relay import Relay
from interlock.gateways.postgres.connection import Connection
from interlock.gateways.postgres.lent.lending import Lending
from interlock.gateways.postgres.lent.minting import NotLent
from interlock.gateways.postgres.planning.steps import Group
from interlock.gateways.postgres.sending.queue import Activate
from interlock.gateways.postgres.target import owned
from interlock.gateways.postgres.target.inquiry import Inquiry
from interlock.wire.postgres.messages import TransactionStatus


class Activation(Struct, frozen=True, kw_only=True):
    """One session's. `fail` hears of a group that cannot be lent what it needs, `mark` where a command stands."""

    lending: Lending
    relay: Relay
    client: Connection
    inquiry: Inquiry
    fail: Callable[[Group, bytes], None]
    mark: Callable[[str], None]

    async def begin(self, item: Activate) -> None:
        """Lend this and nothing else; what was sent so far is on its way. Raises Unreachable."""
        if self.lending.has(item.shape) or (self.relay.failed and self.relay.idle):
            return
        await self._take_back()
        try:
            await self.lending.activate(item.shape)
        except NotLent as refused:
            self.fail(item.group, replies.not_lent(str(refused)))
        self.mark("activated")

    async def end(self) -> None:
        """Take back what is lent for a command, once nothing uses it any more and before the client hears so.

        Raises Unreachable.
        """
        if self.lending.active:
            await self._take_back()

    async def _take_back(self) -> None:
        lending = self.lending
        if not lending.any:
            return
        await self.inquiry.rest()
        try:
            if lending.steps and not self._undone():
                await self.inquiry.put_down()
            await lending.take_back()
        finally:
            self.client.write(lending.release())
        self.mark("taken-back")

    def _undone(self) -> bool:
        """Whether the transaction has failed: nothing more runs in it, and its roles end with it."""
        return self.relay.failed or self.relay.status is TransactionStatus.FAILED


def hear(lending: Lending, shape: Shape) -> tuple[bytes, list[Due]]:
    """For a session, inside its transaction: it looks anew at what it may do, and takes on the owner where it must."""
    if not shape.owner:
        return owned.HEAR, owned.run_dues(done=lending.hear)
    return owned.HEAR + owned.become(lending.owner_role), [*owned.run_dues(done=lending.hear), *owned.run_dues()]


def activation(
    lending: Lending | None,
    relay: Relay,
    client: Connection,
    inquiry: Inquiry,
    fail: Callable[[Group, bytes], None],
    mark: Callable[[str], None],
) -> Activation | None:
    """A session's, where it holds nothing by itself."""
    if lending is None:
        return None
    return Activation(lending=lending, relay=relay, client=client, inquiry=inquiry, fail=fail, mark=mark)
