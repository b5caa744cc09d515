"""The doctor at a target's minting role: can it make and lend what is needed, and nothing else?"""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec.structs import replace

from interlock.app.checkup.check import Check, counted, fail, fault, ok, warn
from interlock.app.checkup.target import target_login
from interlock.app.config import Config, MinterConfig
from interlock.app.credentials import minter_password
from interlock.gateways.postgres.lent.lender_look import LenderStanding, look_as_lender
from interlock.model import Fault

_MOST_NAMED: Final = 5
_NEEDED: Final = "CREATEROLE"


async def examine_minter(about: str, name: str, config: Config, environ: Mapping[str, str]) -> list[Check]:
    """Log in as the minter of a target, and judge what is found there; nothing where the target has none."""
    target = config.targets[name]
    minter = target.minter
    if minter is None:
        return []
    try:
        password = minter_password(minter, environ=environ)
        login = replace(target_login(target, environ=environ), user=minter.user, password=password)
        standing = await look_as_lender(login, gateway=config.gateway.id, target=name, owner_role=minter.owner_role)
    except Fault as raised:
        return [fault(about, raised)]
    return judge_minter(about, minter, standing)


def judge_minter(about: str, minter: MinterConfig, standing: LenderStanding) -> list[Check]:
    """What to think of what the minter is and may."""
    questions = (_makes, _holds, _lends, _leftovers)
    return [check for ask in questions for check in ask(about, minter, standing)]


def _makes(about: str, minter: MinterConfig, standing: LenderStanding) -> Iterator[Check]:
    if _NEEDED in standing.powers:
        yield ok(about, f"`{minter.user}` can make logins")
    else:
        todo = f"as its administrator: ALTER ROLE {minter.user} {_NEEDED}"
        yield fail(about, f"`{minter.user}` cannot make logins, so nobody can come in", todo)


def _holds(about: str, minter: MinterConfig, standing: LenderStanding) -> Iterator[Check]:
    """It lends, and needs nothing for itself: what else it is, its password is worth."""
    more = [power for power in standing.powers if power != _NEEDED]
    for power in more:
        todo = f"as its administrator: ALTER ROLE {minter.user} NO{power}"
        yield fail(about, f"`{minter.user}` is {power}: it lends privileges, and needs none of that", todo)
    if standing.owns:
        todo = "use a role that owns nothing: `interlock target prepare` prints it"
        yield fail(about, f"`{minter.user}` owns {counted(standing.owns, 'object')}", todo)
    for role in standing.members:
        lent = f"GRANT {role} TO {minter.user} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE"
        todo = lent if role == minter.owner_role else f"as its administrator: REVOKE {role} FROM {minter.user}"
        if role == minter.owner_role:
            found = (
                f"`{minter.user}` has the rights of `{role}`, which it is only to lend; before PostgreSQL 16 it must"
            )
            yield warn(about, found, todo)
        else:
            yield fail(about, f"`{minter.user}` has the rights of `{role}`", todo)
    if not more and not standing.owns and not standing.members:
        yield ok(about, f"`{minter.user}` owns nothing, and acts as nobody else")


def _lends(about: str, minter: MinterConfig, standing: LenderStanding) -> Iterator[Check]:
    if standing.lends_owner is False:
        todo = "run `interlock target prepare`"
        yield fail(about, f"`{minter.user}` cannot lend `{minter.owner_role}`: what needs an owner will not run", todo)
    if standing.unlent:
        named = ", ".join(standing.unlent[:_MOST_NAMED])
        more = len(standing.unlent) - _MOST_NAMED
        found = f"nobody can be lent {named}" + (f" and {more} more" if more > 0 else "")
        yield warn(about, found, "grant it WITH GRANT OPTION: `interlock target prepare` prints how")
    elif standing.lends_owner is not False:
        yield ok(about, f"it may pass on reading of all {standing.things} schemas, tables and views")


def _leftovers(about: str, minter: MinterConfig, standing: LenderStanding) -> Iterator[Check]:
    if standing.left is None:
        yield ok(about, "a gateway works with it now, and sweeps up after itself")
    elif standing.left:
        named = ", ".join(standing.left[:_MOST_NAMED])
        found = f"{counted(len(standing.left), 'role')} of a gateway that is gone: {named}"
        yield warn(about, found, "start the gateway: it removes them before anything else")
    else:
        yield ok(about, "nothing of a gateway is left over")
