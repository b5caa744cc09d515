"""What the last run left open: the target is asked what became of it, before it is called unknown."""

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from interlock.app.config import Config
from interlock.app.credentials import target_password
from interlock.app.serve.wiring import address_of
from interlock.gateways.postgres.landing.fates import ask
from interlock.gateways.postgres.target.upstream import Credential
from interlock.ledger.leaf import Entry
from interlock.ledger.outcomes import outcome_entry
from interlock.ledger.unfinished import Unfinished
from interlock.model import Fault, Outcome, Status, Transaction

SECONDS: Final = 10.0  # for all targets together: whoever starts a gateway waits for it


def ends_of(
    left: Iterable[Unfinished], fates: Mapping[str, Status], *, new_id: Callable[[], str], now: Callable[[], int]
) -> list[Entry]:
    """The outcomes of what has none: refused, landed or undone where that is known, else unknown."""
    return [outcome_entry(_end(one, fates), id=new_id(), at=now(), unit=one.unit) for one in left]


def _end(left: Unfinished, fates: Mapping[str, Status]) -> Outcome:
    status = fates.get(left.unit, Status.UNKNOWN) if left.forwarded else Status.REFUSED
    return Outcome(command=left.command, status=status)


def told(left: Sequence[Unfinished], fates: Mapping[str, Status]) -> Iterator[str]:
    """For the operator, line by line."""
    known = sum(one.forwarded and one.unit in fates for one in left)
    if known:
        yield f"{known} commands of the last run: their target knew the end"
    if known < len(left):
        yield f"{len(left) - known} commands of the last run have no known end: recorded as unknown"


async def fates_of(left: Iterable[Unfinished], config: Config) -> dict[str, Status]:
    """By unit what the targets say of their transactions. One that cannot be asked says nothing."""
    asked: dict[str, dict[str, Transaction]] = {}
    for one in left:
        if one.transaction.id and one.target in config.targets:
            asked.setdefault(one.target, {})[one.unit] = one.transaction
    found: dict[str, Status] = {}
    try:
        async with asyncio.timeout(SECONDS):
            for target, units in asked.items():
                await _ask(target, units, config, found)
    except TimeoutError:
        return found  # what was answered until then holds
    return found


async def _ask(name: str, units: Mapping[str, Transaction], config: Config, found: dict[str, Status]) -> None:
    target = config.targets[name]
    try:
        password = target_password(target, environ=os.environ)
        credential = Credential(user=target.user, password=password, database=target.database)
        await ask(address_of(target), credential, units, found)
    except Fault:
        return  # nobody answers
