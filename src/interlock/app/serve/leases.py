"""The supervisor's leases: one owner, in memory and beside the ledger, every step a record."""

import asyncio
from collections.abc import Callable, Iterable, Sequence, Set as AbstractSet
from typing import Final

from msgspec.structs import replace

from interlock.access import leases as rules
from interlock.access.binding import binds
from interlock.access.faults import ApprovalRefused
from interlock.app.journal import LocalJournal
from interlock.gate import Ends, Found
from interlock.ledger.faults import LedgerFull
from interlock.ledger.leaf import Entry, Kind
from interlock.ledger.leases import (
    approval_entry,
    break_glass_entry,
    break_glass_review_entry,
    lease_end_entry,
    lease_grant_entry,
    read_card,
    read_lease,
)
from interlock.ledger.seal import SALT_SIZE
from interlock.model import Approver, Card, End, Lease, OneCommand, Principal, Span
from interlock.model.lease import BREAK_GLASS

SECOND: Final = 1_000_000
LONG_OVER: Final = 64  # leases that ended last are kept in mind, so that people can be told how

# What happened (`requested`, `approved`, `granted`, or how it ended), to which lease; its card while it is new.
Heard = Callable[[str, Lease, Card | None], None]


class Leases:
    """Owns every lease of a gateway. `lasts` seconds is how long an approved command may wait to be sent.

    `still` tells whether a lease for a while would be granted by the policy in force, too; `closed` hears of each that
    may be used no more, at once. `now` gives microseconds since the epoch, UTC. Each step is durable before anybody
    else hears of it. One event loop runs
    all of it, so whoever comes first to `append` uses a lease, and nobody else does.
    """

    def __init__(
        self, found: Iterable[Lease], journal: LocalJournal, *, new_id: Callable[[], str], now: Callable[[], int]
    ) -> None:
        self._journal = journal
        self._new_id = new_id
        self._now = now
        self.lasts = 15 * 60
        self._open: dict[str, Lease] = {}
        self._over: dict[str, Lease] = {}
        self._waiting: dict[str, list[asyncio.Future[Lease]]] = {}
        self._hear: list[Heard] = []
        self.still: Callable[[Lease], bool] = lambda lease: False
        self.closed: Callable[[Lease], None] = lambda lease: None
        self._found = [*found]
        self.unreviewed: dict[str, Lease] = {}

    async def begin(self, policy_version: str) -> None:
        """Write down what a restart, or another policy, has ended."""
        self.unreviewed = {lease.id: lease for lease in self._found if lease.unreviewed}
        found = [lease for lease in self._found if lease.end in (None, End.OUTDATED)]
        self._open = {lease.id: replace(lease, end=None) for lease in found}
        for lease in [lease for lease in found if lease.end is not None]:
            await self._end(self._open[lease.id], End.OUTDATED, by="a restored ledger")
        await self.outdate(policy_version)
        await self.sweep()

    def listen(self, hear: Heard) -> None:
        """Be told of every step, once it is durable."""
        self._hear.append(hear)

    def deaf(self, hear: Heard) -> None:
        """Be told no more."""
        self._hear.remove(hear)

    # -- for people ----------------------------------------------------------------------------------

    def open(self) -> list[Lease]:
        """Everything that is asked for or granted and not over, oldest first."""
        return [lease for lease in self._open.values() if not rules.is_over(lease, self._now())]

    def find(self, name: str) -> Lease:
        """By its id, or an end of it that no other has. Raises ApprovalRefused."""
        known = self.unreviewed | self._over | self._open
        if name in known:
            return known[name]
        alike = [lease for key, lease in known.items() if len(name) >= 4 and key.endswith(name)]
        if len(alike) == 1:
            return alike[0]
        raise ApprovalRefused(
            f"`{name}` names {'several requests: write more of it' if alike else 'no request'}; "
            "`interlock approvals list` shows those that wait"
        )

    def standing(self) -> list[Lease]:
        """The leases for a while that are in force."""
        return [lease for lease in self.open() if isinstance(lease.scope, Span) and not lease.pending]

    async def request(self, lease: Lease, entry: Entry) -> Lease:
        """Ask for a lease for a while; one that needs nobody's approval is granted at once. Raises ApprovalRefused."""
        await self.sweep()
        if not self._room(lease.principal):
            raise ApprovalRefused(f"{rules.MOST_WAITING} requests of yours wait already: withdraw some first")
        entries = [entry]
        if not rules.missing(lease):
            lease = rules.granted(lease, at=self._now(), lasts=0)
            entries.append(lease_grant_entry(lease, id=self._new_id(), at=self._now()))
        self._open[lease.id] = lease
        await self._journal.append(entries)
        self._tell("requested" if lease.pending else "granted", lease, read_card(entry.secret[SALT_SIZE:]))
        return lease

    async def approve(self, name: str, who: Principal, approver: Approver, reason: str | None) -> Lease:
        """One approval more. Raises ApprovalRefused."""
        await self.sweep()
        lease = rules.approve(self.find(name), who, approver, lasts=self.lasts * SECOND)
        said = approval_entry(lease, approver, verdict="approve", reason=reason, id=self._new_id(), at=self._now())
        granted = lease.starts_at is not None
        entries = [said, lease_grant_entry(lease, id=self._new_id(), at=self._now())] if granted else [said]
        self._open[lease.id] = lease  # before the disk: the next approval of the same second builds on it
        await self._journal.append(entries)
        self._tell("granted" if granted else "approved", lease)
        return lease

    async def break_glass(
        self, name: str, who: Principal, approver: Approver, reason: str, *, group: str | None, mfa: bool
    ) -> Lease:
        """Granted by one, with a reason; loud, and to be reviewed. Raises ApprovalRefused."""
        await self.sweep()
        lasts = self.lasts * SECOND
        lease = rules.break_glass(self.find(name), who, approver, group=group, mfa=mfa, lasts=lasts)
        self._open[lease.id] = self.unreviewed[lease.id] = lease
        broken = break_glass_entry(lease, approver, reason=reason, id=self._new_id(), at=self._now())
        await self._journal.append([broken, lease_grant_entry(lease, id=self._new_id(), at=self._now())])
        self._tell(BREAK_GLASS, lease)
        return lease

    async def review(self, name: str, who: Principal, approver: Approver, finding: str) -> Lease:
        """Somebody else looked at why the glass was broken. Raises ApprovalRefused."""
        lease = rules.review(self.find(name), who, approver)
        if lease.id in self._open:
            self._open[lease.id] = lease
        elif lease.id in self._over:
            self._over[lease.id] = lease
        self.unreviewed.pop(lease.id, None)
        entry = break_glass_review_entry(lease, approver, finding=finding, id=self._new_id(), at=self._now())
        await self._journal.append([entry])
        self._tell("reviewed", lease)
        return lease

    async def refuse(self, name: str, who: Principal, approver: Approver, reason: str | None) -> Lease:
        """Nobody shall use it, says one who could have approved it. Raises ApprovalRefused."""
        lease = self.find(name)
        rules.may_deny(lease, who, at=self._now())
        taken = isinstance(lease.scope, Span) and not lease.pending
        end, verdict = (End.REVOKED, "revoke") if taken else (End.DENIED, "deny")
        return await self._over_by(lease, end, approver, verdict, reason)

    async def withdraw(self, name: str, who: Principal | None, approver: Approver, reason: str | None) -> Lease:
        """Taken back by who asked or approved; None is the gateway's operator. Raises ApprovalRefused."""
        lease = self.find(name)
        if who is not None:
            rules.may_withdraw(lease, who, at=self._now())
        elif lease.end is not None or rules.is_over(lease, self._now()):
            raise ApprovalRefused(f"request {lease.id} is over: it was {lease.end or End.EXPIRED}")
        end = rules.end_of(lease)
        verdict = "revoke" if end is End.REVOKED else "withdraw"
        return await self._over_by(lease, end, approver, verdict, reason)

    # -- for workers ---------------------------------------------------------------------------------

    async def seek(self, digest: str, principal: Principal) -> Found:
        """What is bound to this command of this principal, granted before asked for."""
        await self.sweep()
        mine = [lease for lease in self._open.values() if lease.principal == principal]
        bound = [lease for lease in mine if isinstance(lease.scope, OneCommand) and binds(lease.scope, digest)]
        found = next((lease for lease in bound if not lease.pending), bound[0] if bound else None)
        return Found(lease=found, room=self._room(principal))

    def _room(self, principal: Principal) -> bool:
        root = rules.person(principal.root.id)
        waiting = [one for one in self._open.values() if one.pending and rules.person(one.principal.root.id) == root]
        return len(waiting) < rules.MOST_WAITING

    async def append(self, entries: Sequence[Entry], ends: Ends, under: AbstractSet[str] = frozenset()) -> bool:
        """See `interlock.gate.Leases`: records and ends in one durable append, or neither."""
        if not all(name in self._open and self._open[name].live(self._now()) for name in under):
            return False
        over: list[Lease] = []
        records = [*entries]
        for name, (end, command) in ends.items():
            lease = self._open.get(name)
            if lease is None or not lease.live(self._now()):
                return False
            ended = rules.ended(lease, end)
            over.append(ended)
            records.append(
                lease_end_entry(ended, id=self._new_id(), at=self._now(), by="the gateway", decision=command)
            )
        before = {lease.id: self._open[lease.id] for lease in over}
        for lease in over:
            self._close(lease)
        asked = [entry for entry in entries if entry.kind is Kind.APPROVAL_REQUEST]
        try:
            await self._journal.append(records)
        except LedgerFull:  # nothing was written, and nothing will run
            self._open |= before
            raise
        for entry in asked:
            lease = self._open[entry.id] = read_lease(entry.lease)
            self._tell("requested", lease, read_card(entry.secret[SALT_SIZE:]))
        for lease in over:
            self._tell(str(lease.end), lease)
        return True

    async def decided(self, name: str) -> Lease | None:
        """The lease once it is no longer pending; None for one that nobody knows."""
        lease = self._open.get(name)
        if lease is None or not lease.pending:
            return lease or self._over.get(name)
        waiter: asyncio.Future[Lease] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(name, []).append(waiter)
        return await waiter

    # -- time passes ---------------------------------------------------------------------------------

    async def sweep(self) -> None:
        """Write down whose time is up."""
        for lease in [lease for lease in self._open.values() if rules.is_over(lease, self._now())]:
            await self._end(lease, End.EXPIRED, by="time")

    async def outdate(self, policy_version: str) -> None:
        """Another bundle decides: what the old one asked for is bound to it, and of no use any more."""
        for lease in [lease for lease in self._open.values() if lease.policy_version != policy_version]:
            if isinstance(lease.scope, Span) and not lease.pending and self.still(lease):
                continue  # what runs under it is judged by the new one anyway
            await self._end(lease, End.OUTDATED, by="another policy")

    # -- steps ---------------------------------------------------------------------------------------

    async def _over_by(self, lease: Lease, end: End, approver: Approver, verdict: str, reason: str | None) -> Lease:
        ended = rules.ended(lease, end)
        self._close(ended)
        at = self._now()
        await self._journal.append(
            [
                approval_entry(ended, approver, verdict=verdict, reason=reason, id=self._new_id(), at=at),
                lease_end_entry(ended, id=self._new_id(), at=at, by=approver.id),
            ]
        )
        self._tell(str(end), ended)
        return ended

    async def _end(self, lease: Lease, end: End, *, by: str) -> None:
        if lease.id not in self._open:
            return  # somebody else did, while this waited for the disk
        ended = rules.ended(lease, end)
        self._close(ended)
        await self._journal.append([lease_end_entry(ended, id=self._new_id(), at=self._now(), by=by)])
        self._tell(str(end), ended)

    def _close(self, lease: Lease) -> None:
        """Before the disk: nobody may use it from here on, whatever becomes of the record."""
        self._open.pop(lease.id, None)
        if lease.id in self.unreviewed:
            self.unreviewed[lease.id] = lease
        self._over[lease.id] = lease
        if isinstance(lease.scope, Span):
            self.closed(lease)
        while len(self._over) > LONG_OVER:
            del self._over[next(iter(self._over))]

    def _tell(self, what: str, lease: Lease, card: Card | None = None) -> None:
        if not lease.pending:
            for waiter in self._waiting.pop(lease.id, []):
                if not waiter.done():
                    waiter.set_result(lease)
        for hear in [*self._hear]:
            hear(what, lease, card)
