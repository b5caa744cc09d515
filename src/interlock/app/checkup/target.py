"""The doctor at a target: does it let the gateway in, is its role powerless, is there a way around?"""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Final

from interlock.app.checkup.check import Check, fail, fault, ok, warn
from interlock.app.config import Access, TargetConfig
from interlock.app.credentials import target_context, target_password
from interlock.gateways.postgres.lent.minting import MINTED
from interlock.gateways.postgres.target.admin import NEWEST, OLDEST, Login, Opening, Standing, look
from interlock.model import Fault

_EVERYBODY: Final = "public"  # what a login that was minted a moment ago may do
_RIGHTS: Final = {"FUNCTION": "EXECUTE", "TABLE": "SELECT"}


async def examine_target(about: str, target: TargetConfig, environ: Mapping[str, str]) -> list[Check]:
    """Log in as the gateway would, and judge what is found there."""
    try:
        session = None if target.access is Access.STANDING else _EVERYBODY
        standing = await look(target_login(target, environ=environ), session=session)
    except Fault as raised:
        return [fault(about, raised)]
    return judge(about, target, standing)


def judge(about: str, target: TargetConfig, standing: Standing) -> list[Check]:
    """What to think of what the gateway's role is and sees."""
    questions = (_version, _encryption, _powers, _settings, _counting, _way_around)
    return [check for ask in questions for check in ask(about, target, standing)]


def target_login(target: TargetConfig, *, environ: Mapping[str, str]) -> Login:
    """Where the gateway logs in. Raises SecretUnavailable without its password."""
    return Login(
        host=str(target.socket) if target.socket is not None else target.host or "localhost",
        port=target.port,
        database=target.database,
        user=target.user,
        password=target_password(target, environ=environ),
        tls=target_context(target),
    )


def _version(about: str, target: TargetConfig, standing: Standing) -> Iterator[Check]:
    if OLDEST <= standing.major <= NEWEST:
        yield ok(about, f"PostgreSQL {standing.major} lets `{target.user}` in")
    else:
        yield fail(about, f"PostgreSQL {standing.major} is not supported", f"use {OLDEST} to {NEWEST}")


def _encryption(about: str, target: TargetConfig, standing: Standing) -> Iterator[Check]:
    if standing.encrypted and target.tls.value.startswith("verify"):
        yield ok(about, "the connection is encrypted and the server verified")
    elif standing.encrypted:
        yield warn(about, "the connection is encrypted, the server not verified", 'set tls = "verify-full" and ca')
    else:
        yield ok(about, "the connection does not leave this machine")


def _powers(about: str, target: TargetConfig, standing: Standing) -> Iterator[Check]:
    role = target.user
    for power in standing.powers:
        todo = f"as its administrator: ALTER ROLE {role} NO{power}"
        # These three undo what the gateway stands for; the others are merely more than it needs.
        if power in {"SUPERUSER", "BYPASSRLS", "CREATEROLE"}:
            yield fail(about, f"`{role}` is {power}: a mistake in any policy would reach everything", todo)
        else:
            yield warn(about, f"`{role}` is {power}, which it does not need", todo)
    if standing.owns:
        todo = "use a role that owns nothing: `interlock target prepare` prints it"
        yield warn(about, f"`{role}` owns {standing.owns} relations, and owners may drop them", todo)
    if standing.unreadable and target.access is Access.STANDING:
        yield warn(about, f"`{role}` may read none of the tables there", "run `interlock target prepare`, with --apply")
    elif not standing.powers and not standing.owns:
        yield ok(about, f"`{role}` holds nothing but what it was granted")


def _settings(about: str, target: TargetConfig, standing: Standing) -> Iterator[Check]:
    wanted = {"track_counts": "on", "standard_conforming_strings": "on", "server_encoding": "UTF8"}
    wrong = {name: value for name, value in wanted.items() if standing.settings.get(name) != value}
    for name, value in wrong.items():
        found = f"{name} is {standing.settings.get(name)}, not {value}"
        if name == "server_encoding":
            yield warn(about, found, "text that does not convert to UTF-8 is refused: use a UTF8 database")
        else:
            yield fail(about, found, f"ALTER DATABASE {target.database} SET {name} = {value}")
    if not wrong:
        yield ok(about, "its settings are as the gateway needs them")


def _counting(about: str, target: TargetConfig, standing: Standing) -> Iterator[Check]:
    """Whether what counting a write asks may be asked; where not, every write that is to be measured fails."""
    if not standing.withheld:
        return
    who = target.user if target.access is Access.STANDING else _EVERYBODY.upper()
    found = f"writes cannot be counted, since sessions may not use {', '.join(standing.withheld)}"
    grants = [f"GRANT {_RIGHTS[one.split()[0]]} ON {one} TO {who}" for one in standing.withheld]
    yield fail(about, found, f"as a superuser, in database {target.database}: {'; '.join(grants)}")


def _way_around(about: str, target: TargetConfig, standing: Standing) -> Iterator[Check]:
    """Whether a client can reach the target without passing the gateway."""
    found: list[Check] = []
    listening = [name.strip() for name in standing.settings.get("listen_addresses", "*").split(",") if name.strip()]
    wide = [name for name in listening if not _is_loopback(name)]
    if wide and standing.openings is None:
        todo = "let pg_hba.conf admit the gateway's address alone; to have it checked, grant pg_hba_file_rules"
        found.append(warn(about, f"the server listens on {', '.join(wide)}, beside the gateway", todo))
    elif wide:
        found += [_opened(about, opening) for opening in standing.openings or () if _lets_others_in(opening, target)]
    others = {name: count for name, count in standing.others.items() if not _ours(name, target)}
    if others:
        who = ", ".join(f"{name} ({count})" for name, count in others.items())
        found.append(warn(about, f"others are in it past the gateway: {who}", "give them the gateway's address"))
    yield from found or [ok(about, "no way around the gateway is open, as far as it can see")]


def _ours(role: str, target: TargetConfig) -> bool:
    """The minter, and the logins that it makes, are the gateway."""
    return target.minter is not None and (role == target.minter.user or role.startswith(MINTED))


def _opened(about: str, opening: Opening) -> Check:
    who = ", ".join(opening.users)
    return warn(
        about,
        f"pg_hba.conf line {opening.line} lets {who} in from {opening.address}, past the gateway",
        "narrow that line to the gateway's own role and address, and reload",
    )


def _lets_others_in(opening: Opening, target: TargetConfig) -> bool:
    reaches = {"all", target.database} & set(opening.databases)
    return bool(reaches) and not _is_loopback(opening.address) and set(opening.users) != {target.user}


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
