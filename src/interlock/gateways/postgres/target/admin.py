"""The administrator's side of a target: what its gateway role must be granted, and what it finds when it logs in."""

import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

import asyncpg
from msgspec import Struct

from interlock.access.verifier import Verifier
from interlock.gateways.postgres.target.upstream import cause
from interlock.impact import postgres as count
from interlock.model import TargetFault

OLDEST: Final = 15
NEWEST: Final = 18
_SECONDS: Final = 10
_SETTINGS: Final = ("track_counts", "standard_conforming_strings", "server_encoding", "listen_addresses")


class TargetUnreachable(TargetFault):
    """A target that did not let the gateway's role in; the text says what it answered."""


class PreparationFailed(TargetFault):
    """A target that refused what its administrator ran; nothing of it was kept."""


class Login(Struct, frozen=True, kw_only=True):
    """Where a target is and who we are there. `host` is a name or a socket directory; `tls` None is the clear."""

    host: str
    port: int
    database: str
    user: str
    password: str
    tls: ssl.SSLContext | None


class Opening(Struct, frozen=True, kw_only=True):
    """One line of pg_hba.conf that lets somebody in over the network."""

    line: int
    kind: str
    databases: tuple[str, ...]
    users: tuple[str, ...]
    address: str


class Standing(Struct, frozen=True, kw_only=True):
    """What the gateway's role is and sees on its target.

    `powers` are the role attributes it should not have, `owns` how many relations it owns; `unreadable`: there are
    relations, and it may read none of them. `others` are sessions of other roles in
    the same database. `openings` is None where pg_hba.conf may not be read. `withheld` is what counting a write asks,
    and sessions may not.
    """

    version: int
    encrypted: bool
    powers: tuple[str, ...]
    owns: int
    unreadable: bool
    settings: Mapping[str, str]
    others: Mapping[str, int]
    openings: tuple[Opening, ...] | None
    withheld: tuple[str, ...] = ()

    @property
    def major(self) -> int:
        """18 for 18.6."""
        return self.version // 10_000


class Lender(Struct, frozen=True, kw_only=True):
    """The minting role of a target, and the owner role that it may lend."""

    role: str
    owner_role: str | None = None
    verifier: Verifier | None = None


class Wish(Struct, frozen=True, kw_only=True):
    """What the gateway's role shall be allowed. `owners` are roles whose future tables are granted as well. With a
    `lender` that one is allowed it, to pass on, and the gateway's role nothing but to connect."""

    database: str
    role: str
    schemas: Sequence[str]
    write: bool = False
    owners: Sequence[str] = ()
    revoke_public: bool = False
    lender: Lender | None = None
    verifier: Verifier | None = None


async def look(login: Login, *, session: str | None = None) -> Standing:
    """Log in as the gateway's role and look around; changes nothing. Raises TargetUnreachable.

    `session` is whom commands run as, `public` for logins that hold nothing of their own; None: as the same role.
    """
    async with logged_in(login) as connection:
        (role,) = await connection.fetch(POWERS)
        return Standing(
            version=int(await connection.fetchval("SELECT pg_catalog.current_setting('server_version_num')")),
            encrypted=bool(await connection.fetchval(_ENCRYPTED)),
            powers=tuple(name for name, held in role.items() if held),
            owns=await connection.fetchval(_OWNED),
            unreadable=bool(await connection.fetchval(_UNREADABLE)),
            settings={row["name"]: row["setting"] for row in await connection.fetch(_SETTING, _SETTINGS)},
            others={row["name"]: row["sessions"] for row in await connection.fetch(_OTHERS)},
            openings=await _openings(connection),
            withheld=tuple(
                row["name"] for row in await connection.fetch(_WITHHELD, session or login.user, *map(list, _COUNTING))
            ),
        )


def preparation(wish: Wish) -> list[str]:
    """The statements that an administrator runs in the target's database, in order, without semicolons."""
    role, database = quote_name(wish.role), quote_name(wish.database)
    statements = _login(wish.role, "NOCREATEROLE", wish.verifier)
    if wish.lender is None:
        statements.append(f"GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {role}")
        for schema in wish.schemas:
            statements += _schema_grants(quote_name(schema), role, wish)
    else:
        statements.append(f"GRANT CONNECT ON DATABASE {database} TO {role}")
        statements += _lender_grants(wish.lender, database, wish)
    if wish.revoke_public:
        statements.append(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")
        statements += [f"REVOKE ALL ON SCHEMA {quote_name(schema)} FROM PUBLIC" for schema in wish.schemas]
    if wish.revoke_public and wish.lender is not None:
        statements += _public_keeps_nothing(wish)
    return statements


def _login(name: str, creates: str, verifier: Verifier | None) -> list[str]:
    """CREATE ROLE has no IF NOT EXISTS, and a second run must do no harm."""
    role = quote_name(name)
    password = "" if verifier is None else f" PASSWORD {quote_text(str(verifier))}"
    known = f"SELECT FROM pg_catalog.pg_roles WHERE rolname = {quote_text(name)}"
    return [
        "DO " + quote_text(f"BEGIN IF NOT EXISTS ({known}) THEN CREATE ROLE {role}; END IF; END"),
        f"ALTER ROLE {role} LOGIN NOSUPERUSER NOCREATEDB {creates} NOREPLICATION NOBYPASSRLS{password}",
    ]


def _lender_grants(lender: Lender, database: str, wish: Wish) -> list[str]:
    """What the minting role may pass on, one command at a time."""
    role = quote_name(lender.role)
    grants = _login(lender.role, "CREATEROLE", lender.verifier)
    grants.append(f"GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {role} WITH GRANT OPTION")
    tables = "SELECT, INSERT, UPDATE, DELETE, TRUNCATE" if wish.write else "SELECT"
    sequences = "USAGE, SELECT" if wish.write else "SELECT"
    rights = {"TABLES": tables, "SEQUENCES": sequences, "ROUTINES": "EXECUTE"}
    for schema in map(quote_name, wish.schemas):
        grants.append(f"GRANT USAGE ON SCHEMA {schema} TO {role} WITH GRANT OPTION")
        for kind, right in rights.items():
            grants.append(f"GRANT {right} ON ALL {kind} IN SCHEMA {schema} TO {role} WITH GRANT OPTION")
            for owner in map(quote_name, wish.owners):
                future = f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema}"
                grants.append(f"{future} GRANT {right} ON {kind} TO {role} WITH GRANT OPTION")
    if lender.owner_role is not None:
        grants.append(_lends(quote_name(lender.owner_role), role))
    return grants


def _lends(owner: str, role: str) -> str:
    """It may lend the owner role; from 16 on without having any of its rights itself."""
    newer = f"GRANT {owner} TO {role} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE"
    text = f"""BEGIN IF pg_catalog.current_setting('server_version_num')::int >= 160000
        THEN EXECUTE {quote_text(newer)}; ELSE GRANT {owner} TO {role} WITH ADMIN OPTION; END IF; END"""
    return "DO " + quote_text(" ".join(text.split()))


def _public_keeps_nothing(wish: Wish) -> list[str]:
    """What everybody holds no session could be without."""
    kinds = ("TABLES", "SEQUENCES", "ROUTINES")
    taken = [
        f"REVOKE ALL ON ALL {kind} IN SCHEMA {quote_name(one)} FROM PUBLIC" for one in wish.schemas for kind in kinds
    ]
    # Only without IN SCHEMA can a default be taken away that PostgreSQL itself gives (ALTER DEFAULT PRIVILEGES, Notes).
    future = [
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {quote_name(owner)} REVOKE EXECUTE ON ROUTINES FROM PUBLIC"
        for owner in wish.owners
    ]
    return taken + future


async def apply(admin_url: str, statements: Sequence[str]) -> None:
    """Run `statements` in one transaction as the administrator. Raises PreparationFailed; nothing is kept then."""
    async with connected(dsn=admin_url) as connection:
        try:
            async with connection.transaction():
                for statement in statements:
                    await connection.execute(statement)
        except asyncpg.PostgresError as error:
            raise PreparationFailed(
                f"the target refused it ({error}): nothing was changed; mend that and try again"
            ) from error


def quote_name(name: str) -> str:
    """An SQL identifier, always quoted."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """An SQL string that reads the same whatever standard_conforming_strings says."""
    quoted = "'" + text.replace("'", "''").replace("\\", "\\\\") + "'"
    return f"E{quoted}" if "\\" in text else quoted


def _schema_grants(schema: str, role: str, wish: Wish) -> list[str]:
    tables = "SELECT, INSERT, UPDATE, DELETE" if wish.write else "SELECT"
    sequences = "USAGE, SELECT" if wish.write else "SELECT"
    grants = [
        f"GRANT USAGE ON SCHEMA {schema} TO {role}",
        f"GRANT {tables} ON ALL TABLES IN SCHEMA {schema} TO {role}",
        f"GRANT {sequences} ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
    ]
    for owner in map(quote_name, wish.owners):
        future = f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema} GRANT"
        grants += [f"{future} {tables} ON TABLES TO {role}", f"{future} {sequences} ON SEQUENCES TO {role}"]
    return grants


def logged_in(login: Login, **more: object) -> AbstractAsyncContextManager["asyncpg.Connection[asyncpg.Record]"]:
    """A connection for a look around, as this login. Raises TargetUnreachable."""
    return connected(
        host=login.host,
        port=login.port,
        database=login.database,
        user=login.user,
        password=login.password,
        ssl=login.tls or False,
        **more,
    )


@asynccontextmanager
async def connected(**options: object) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection for a look around. Raises TargetUnreachable."""
    try:
        connection = await asyncpg.connect(timeout=_SECONDS, command_timeout=_SECONDS, **options)  # type: ignore[call-overload]
    except TimeoutError as error:
        raise TargetUnreachable(
            f"the target did not answer within {_SECONDS} s: check host, port and firewall"
        ) from error
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise TargetUnreachable(f"the target did not let us in ({cause(error)}): {_advice(error)}") from error
    try:
        yield connection
    finally:
        await connection.close()


def _advice(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return "set `ca` to the authority that signed the server's certificate, and `host` to a name it bears"
        case asyncpg.InvalidPasswordError() | asyncpg.InvalidAuthorizationSpecificationError():
            return "check user and password, and pg_hba.conf"
        case asyncpg.InvalidCatalogNameError():
            return "check `database`"
        case ConnectionError() if "SSL" in str(error):
            return 'the server has no TLS: turn `ssl` on there, or set tls = "disable" on this machine alone'
        case OSError():
            return "check host and port, and that the server runs"
        case _:
            return "check the settings of this target"


async def _openings(connection: "asyncpg.Connection[asyncpg.Record]") -> tuple[Opening, ...] | None:
    try:
        rows = await connection.fetch(_HBA)
    except asyncpg.InsufficientPrivilegeError:
        return None
    return tuple(
        Opening(
            line=row["line_number"],
            kind=row["type"],
            databases=tuple(row["database"]),
            users=tuple(row["user_name"]),
            address=row["address"],
        )
        for row in rows
    )


POWERS: Final = """
    SELECT rolsuper AS "SUPERUSER", rolbypassrls AS "BYPASSRLS", rolcreaterole AS "CREATEROLE",
           rolcreatedb AS "CREATEDB", rolreplication AS "REPLICATION"
    FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) current_user
"""
_ENCRYPTED: Final = """
    SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()
"""
_UNREADABLE: Final = """
    SELECT pg_catalog.bool_and(NOT (pg_catalog.has_schema_privilege(c.relnamespace, 'USAGE')
        AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT')))
    FROM pg_catalog.pg_class c WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,v,m,f}')
    AND c.oid OPERATOR(pg_catalog.>=) 16384 AND c.relpersistence OPERATOR(pg_catalog.<>) 't'
"""
_OWNED: Final = """
    SELECT pg_catalog.count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_roles r
        ON r.oid OPERATOR(pg_catalog.=) c.relowner
    WHERE r.rolname OPERATOR(pg_catalog.=) current_user AND c.relpersistence OPERATOR(pg_catalog.<>) 't'
"""
_SETTING: Final = """
    SELECT name, setting FROM pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.text[])
"""
_OTHERS: Final = """
    SELECT usename AS name, pg_catalog.count(*) AS sessions FROM pg_catalog.pg_stat_activity
    WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
        AND usename OPERATOR(pg_catalog.<>) current_user
    GROUP BY usename ORDER BY usename
"""
_COUNTING: Final = (count.FUNCTIONS, count.RELATIONS)
# $1 is a role, or `public`; of the catalogue's own functions and relations these names, as GRANT takes them.
_WITHHELD: Final = """
    SELECT 'FUNCTION pg_catalog.' || f.proname || '(' || pg_catalog.pg_get_function_identity_arguments(f.oid) || ')'
        AS name FROM pg_catalog.pg_proc f
    WHERE f.pronamespace OPERATOR(pg_catalog.=) 11::pg_catalog.oid
        AND f.proname OPERATOR(pg_catalog.=) ANY ($2::pg_catalog.name[])
        AND NOT pg_catalog.has_function_privilege($1::pg_catalog.name, f.oid, 'EXECUTE')
    UNION ALL SELECT 'TABLE pg_catalog.' || c.relname FROM pg_catalog.pg_class c
    WHERE c.relnamespace OPERATOR(pg_catalog.=) 11::pg_catalog.oid
        AND c.relname OPERATOR(pg_catalog.=) ANY ($3::pg_catalog.name[])
        AND NOT pg_catalog.has_table_privilege($1::pg_catalog.name, c.oid, 'SELECT')
    ORDER BY 1
"""
_HBA: Final = """
    SELECT line_number, type, database, user_name, address FROM pg_catalog.pg_hba_file_rules
    WHERE type OPERATOR(pg_catalog.<>) 'local' AND auth_method OPERATOR(pg_catalog.<>) 'reject' AND error IS NULL
    ORDER BY line_number
"""
