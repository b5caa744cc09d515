"""Short-lived logins and pooled roles on a target: made, lent, taken back and swept up by a role of the gateway's own.

Nothing of a user's ever runs on this connection, and no session ever logs in as its role.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from hashlib import blake2b
from typing import Final, TypeVar

import asyncpg
from msgspec import Struct

from interlock.access.privileges import Privilege, Shape, quote
from interlock.access.verifier import derive_verifier
from interlock.gateways.postgres.lent.link import Link
from interlock.gateways.postgres.target.admin import quote_text
from interlock.gateways.postgres.target.side import SIDE_TROUBLE, SideConnection
from interlock.gateways.postgres.target.upstream import Address, Credential, Unreachable, cause
from interlock.model import TargetFault

MINTED: Final = "il_"  # what every role begins with that a gateway makes
LOGIN_SECONDS: Final = 30  # how long a minted credential opens the door; the session may last longer
SWEEP_SECONDS: Final = 5.0
_MOST_POOLED: Final = 1000  # shapes; beyond, those that nobody uses at the moment are made again when needed
_SALT_BYTES: Final = 16
_PASSWORD_BYTES: Final = 24
# For what a backend drops as it ends (temporary tables of the login's own), and for what somebody else has locked or
# is changing at the same time (an ANALYZE, another GRANT: "tuple concurrently updated", XX000).
_LAST_LOOKS, _LOOK_SECONDS = 20, 0.05
_NOT_YET: Final = (
    asyncpg.DependentObjectsStillExistError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InternalServerError,
)
_OPTIONS_SINCE: Final = 160_000  # GRANT role WITH INHERIT, SET
_Given = TypeVar("_Given")


class NotLent(TargetFault):
    """What a command needs cannot be activated for it, so it is not sent."""

    sqlstate = "42501"


class Loan(Struct, frozen=True, kw_only=True):
    """Membership of `login` in `role`, for the time of a command. With `steps` the session must take the role on."""

    login: str
    role: str
    steps: bool = False


class Minter:
    """One target's minting role, over one connection. Every method raises Unreachable where it is lost.

    What it makes is named `il_<gateway and target>_...`, so that a sweep never touches what others made; `gateway`
    is the gateway's id. `owner_role` is whom commands run as whose needs cannot be known; `entropy` gives random bytes.
    """

    def __init__(
        self,
        *,
        gateway: str,
        target: str,
        address: Address,
        credential: Credential,
        owner_role: str | None,
        entropy: Callable[[int], bytes],
    ) -> None:
        self.prefix = prefix_of(gateway, target)
        self._key = key_of(self.prefix)
        self._target = target
        self._database = credential.database
        self.owner_role = owner_role
        self._entropy = entropy
        # Each worker holds this lock shared, for as long as it lives.
        self._link = Link(address, credential, f"SELECT pg_advisory_lock_shared({self._key})")
        # GRANT on a table waits for whoever has locked it: meanwhile others must be lent to, and be taken from.
        self._making = Link(address, credential, "SELECT")
        self._pooled: set[str] = set()
        self._epoch = ""
        self._open: set[str] = set()  # logins of this process's sessions

    @property
    def reads_as(self) -> str:
        """A name that no schema has: what `$user` means to every session."""
        return f"{self.prefix}session"

    # -- logins --------------------------------------------------------------------------------------

    async def mint(self, session: str) -> Credential:
        """A login for this session, which may connect and nothing else, until `admitted` or for LOGIN_SECONDS."""
        login, password = f"{self.prefix}s_{session}", self._entropy(_PASSWORD_BYTES).hex()
        verifier = derive_verifier(password, salt=self._entropy(_SALT_BYTES))
        made = (
            f"EXECUTE pg_catalog.format('CREATE ROLE %I LOGIN CONNECTION LIMIT 1 PASSWORD %L VALID UNTIL %L', "
            f"{quote_text(login)}, {quote_text(str(verifier))}, "
            f"pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => {LOGIN_SECONDS}))"
        )
        self._open.add(login)
        try:
            await self._run(f"DO {quote_text(f'BEGIN {made}; END')}")
            await self._guarded(self._lend_pooled(login, self._door(), ""))
        except BaseException:
            self._open.discard(login)  # what there is of it the sweep removes
            raise
        return Credential(user=login, password=password, database=self._database)

    async def admitted(self, login: str) -> None:
        """It has logged in: from now on it may do nothing at all."""
        await self._run(f"REVOKE {quote(self._name(self._door(), ''))} FROM {quote(login)}")

    async def drop(self, login: str) -> None:
        """The session of this login has ended. What cannot be removed yet is left to the sweep."""
        try:
            for _ in range(_LAST_LOOKS):
                try:
                    return await self._run(f"DROP ROLE IF EXISTS {quote(login)}")
                except asyncpg.DependentObjectsStillExistError:
                    await asyncio.sleep(_LOOK_SECONDS)
        finally:
            self._open.discard(login)

    # -- loans ---------------------------------------------------------------------------------------

    async def lend(self, login: str, shape: Shape, epoch: str) -> Loan:
        """Activate a shape for a login. `epoch` is of the catalogue that it was worked out by. Raises NotLent."""
        if shape.stays:
            raise NotLent(
                "it would give somebody privileges that stay, and nobody has any on this target while idle; "
                "its administrator may do that around the gateway"
            )
        if shape.owner:
            return await self._lend_owner(login, steps=shape.inside)
        if epoch != self._epoch:
            self._epoch = epoch
            self._pooled.clear()
        return await self._guarded(self._lend_pooled(login, shape, epoch))

    async def take_back(self, loan: Loan) -> None:
        """Revoke it."""
        await self._run(f"REVOKE {quote(loan.role)} FROM {quote(loan.login)}")

    async def _lend_pooled(self, login: str, shape: Shape, epoch: str) -> Loan:
        for _ in range(_LAST_LOOKS):
            role = await self._pooled_role(shape, epoch)
            try:
                await self._grant(login, role, inherit=True)
            except asyncpg.UndefinedObjectError:  # swept up meanwhile, perhaps by a worker that knows a newer catalogue
                self._pooled.discard(role)
            else:
                return Loan(login=login, role=role)
        raise NotLent(f"what this command needs is removed again and again on `{self._target}`, or its login is gone")

    async def _lend_owner(self, login: str, *, steps: bool) -> Loan:
        if self.owner_role is None:
            raise NotLent(
                f"what this command needs on `{self._target}` cannot be known, or is ownership, and there is no "
                "`owner_role` that could run it: set one in its [targets] section"
            )
        try:
            await self._grant(login, self.owner_role, inherit=not steps)
        except asyncpg.PostgresError as error:
            raise NotLent(
                f"`{self.owner_role}` cannot be activated ({error}); run `interlock target prepare`"
            ) from error
        return Loan(login=login, role=self.owner_role, steps=steps)

    async def _grant(self, login: str, role: str, *, inherit: bool) -> None:
        """Membership, and no more of it than is used: either its rights are inherited or it can be taken on."""
        async with self._link.use() as connection:
            options = f" WITH INHERIT {inherit}, SET {not inherit}" if _has_options(connection) else ""
            await connection.execute(f"GRANT {quote(role)} TO {quote(login)}{options}")

    async def _pooled_role(self, shape: Shape, epoch: str) -> str:
        """The role that holds exactly this shape. Raises NotLent where the minter may not grant it."""
        role = self._name(shape, epoch)
        if role in self._pooled:
            return role
        try:
            await self._made(role, shape)
        except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
            pass  # made by another worker, in one transaction: it is whole
        except asyncpg.LockNotAvailableError as error:
            raise NotLent("somebody holds a lock on what this command needs, so nothing can be granted") from error
        except (asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedObjectError) as error:
            raise NotLent(f"the minting role may not grant what this command needs ({error})") from error
        self._pooled.add(role)
        return role

    async def _made(self, role: str, shape: Shape) -> None:
        for _ in range(_LAST_LOOKS):
            try:
                return await self._make(role, shape)
            except asyncpg.InternalServerError:  # another worker, or an administrator, grants on the same table
                await asyncio.sleep(_LOOK_SECONDS)
        await self._make(role, shape)

    async def _make(self, role: str, shape: Shape) -> None:
        async with self._making.transaction() as connection:
            if await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
                return
            await connection.execute(f"CREATE ROLE {quote(role)} NOLOGIN")
            for privilege in sorted(shape.privileges):
                await connection.execute(f"GRANT {privilege} TO {quote(role)}")
                if privilege.right == "INSERT":
                    for sequence in await _sequences(connection, privilege):
                        await connection.execute(f"GRANT USAGE ON SEQUENCE {sequence} TO {quote(role)}")

    def _name(self, shape: Shape, epoch: str) -> str:
        return f"{self.prefix}p_{epoch[:8] or 'door'}_{shape.digest}"

    def _door(self) -> Shape:
        connect = Privilege(right="CONNECT", what="DATABASE", on=(self._database,))
        return Shape(privileges=frozenset({connect}))

    # -- sweeping --------------------------------------------------------------------------------------

    async def follow(self) -> None:
        """Sweep at once, then every SWEEP_SECONDS, for ever. A target that is away is swept when it is back."""
        while True:
            try:
                await self.sweep()
            except Unreachable:
                self._pooled.clear()
            await asyncio.sleep(SWEEP_SECONDS)

    async def sweep(self, *, leaving: bool = False) -> int:
        """Remove what no session owns: logins without a session, and pooled roles that nobody can use any more.

        While another worker of this gateway is there, its logins get the time to log in, and the pool stays. Of those
        that are `leaving` the last one clears it. Returns how many could not be removed yet.
        """
        return await self._guarded(self._sweep(leaving=leaving))

    async def close(self) -> None:
        """Remove everything, if no other worker is there, and end the connection. Raises Unreachable: then it stays
        for whoever sweeps next."""
        try:
            for _ in range(_LAST_LOOKS):
                if not await self.sweep(leaving=True):
                    return
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            await self._making.close()
            await self._link.close()

    async def _sweep(self, *, leaving: bool) -> int:
        async with self._link.use() as connection:  # nothing is granted meanwhile, so nothing comes to be used
            # One worker sweeps at a time: two that had both let go of the shared lock would each believe to be alone.
            await connection.execute(
                f"SELECT pg_advisory_lock({self._key + 1}), pg_advisory_unlock_shared({self._key})"
            )
            alone = False
            try:
                alone = bool(await connection.fetchval("SELECT pg_try_advisory_lock($1)", self._key))
                logins = await connection.fetch(_LOGINS, f"{self.prefix}s_", alone, list(self._open))
                left = sum([not await self._remove(row["rolname"]) for row in logins])
                pooled = await connection.fetch(_POOLED, f"{self.prefix}p_", self._kept(alone=alone))
                return left + sum([not await self._remove(row["rolname"]) for row in pooled])
            finally:
                if not leaving:
                    await connection.execute(f"SELECT pg_advisory_lock_shared({self._key})")
                if alone:
                    await connection.execute(f"SELECT pg_advisory_unlock({self._key})")
                await connection.execute(f"SELECT pg_advisory_unlock({self._key + 1})")

    def _kept(self, *, alone: bool) -> list[str]:
        """The beginnings of names that stay in the pool."""
        if alone and not self._open:
            self._pooled.clear()
            return []
        if len(self._pooled) > _MOST_POOLED:
            self._pooled.clear()
            return [f"{self.prefix}p_door_"]
        return [f"{self.prefix}p_{self._epoch[:8] or 'door'}_", f"{self.prefix}p_door_"]

    async def _remove(self, role: str) -> bool:
        """Whether it is gone; if not, the next sweep tries again.

        Never DROP OWNED: what a role of ours came to own is for its administrator to look at (threats.md 13).
        """
        try:
            async with self._making.transaction() as connection:
                for row in await connection.fetch(_GRANTS, role):
                    await connection.execute(f"REVOKE {row['privilege']} FROM {quote(role)}")
                await connection.execute(f"DROP ROLE IF EXISTS {quote(role)}")
        except _NOT_YET:
            return False
        self._pooled.discard(role)
        return True

    # -- the connections ---------------------------------------------------------------------------

    async def _run(self, statement: str) -> None:
        await self._guarded(self._execute(statement))

    async def _execute(self, statement: str) -> None:
        async with self._link.use() as connection:
            await connection.execute(statement)

    async def _guarded(self, doing: Coroutine[object, object, _Given]) -> _Given:
        """What was begun on the target comes to its end there, also for a session that ends meanwhile."""
        try:
            return await asyncio.shield(doing)
        except asyncpg.DependentObjectsStillExistError:
            raise
        except SIDE_TROUBLE as error:
            raise Unreachable(
                f"the minting role on `{self._target}` fails: {cause(error)}; run `interlock target prepare`"
            ) from error


def prefix_of(gateway: str, target: str) -> str:
    """What every role begins with that this gateway makes for this target."""
    return f"{MINTED}{blake2b(f'{gateway}/{target}'.encode(), digest_size=4).hexdigest()}_"


def key_of(prefix: str) -> int:
    """The advisory lock that the workers of a gateway hold shared on a target."""
    return int.from_bytes(blake2b(prefix.encode(), digest_size=7).digest())


def _has_options(connection: SideConnection) -> bool:
    return connection.get_server_version().major >= _OPTIONS_SINCE // 10_000


async def _sequences(connection: SideConnection, privilege: Privilege) -> Sequence[str]:
    """Sequences that the defaults of a table take values from: whoever inserts needs them too."""
    table = ".".join(map(quote, privilege.on))
    return [row["named"] for row in await connection.fetch(_DEFAULTS, table)]


# An identity column needs no privilege on its sequence, and has no default either.
_DEFAULTS: Final = """
    SELECT DISTINCT s.oid::regclass::text AS named
    FROM pg_attrdef a JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid
        JOIN pg_class s ON d.refclassid = 'pg_class'::regclass AND s.oid = d.refobjid AND s.relkind = 'S'
    WHERE a.adrelid = $1::text::regclass
"""
_LOGINS: Final = """
    SELECT r.rolname FROM pg_roles r
    WHERE starts_with(r.rolname, $1) AND r.rolname <> ALL ($3)
        AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.usesysid = r.oid)
        AND ($2 OR r.rolvaliduntil < clock_timestamp())
"""
_POOLED: Final = """
    SELECT r.rolname FROM pg_roles r
    WHERE starts_with(r.rolname, $1) AND NOT EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = r.oid
        AND m.member <> (SELECT oid FROM pg_roles WHERE rolname = current_user))
        AND NOT EXISTS (SELECT FROM unnest($2::text[]) kept (beginning) WHERE starts_with(r.rolname, kept.beginning))
"""
# One privilege at a time: who PostgreSQL takes for the grantor depends on what is revoked (select_best_grantor).
_GRANTS: Final = """
    WITH held AS (SELECT d.classid, d.objid FROM pg_shdepend d, pg_roles r WHERE r.rolname = $1 AND d.refobjid = r.oid
        AND d.refclassid = 'pg_authid'::regclass AND d.deptype = 'a'
        AND d.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))),
    granted (acl, columns, what) AS (
        SELECT relacl, '', CASE relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || c.oid::regclass
            FROM held JOIN pg_class c ON classid = 'pg_class'::regclass AND c.oid = objid
        UNION ALL SELECT attacl, format(' (%I)', attname), 'TABLE ' || attrelid::regclass
            FROM held JOIN pg_attribute ON classid = 'pg_class'::regclass AND attrelid = objid
        UNION ALL SELECT nspacl, '', 'SCHEMA ' || n.oid::regnamespace
            FROM held JOIN pg_namespace n ON classid = 'pg_namespace'::regclass AND n.oid = objid
        UNION ALL SELECT proacl, '', 'ROUTINE ' || p.oid::regprocedure
            FROM held JOIN pg_proc p ON classid = 'pg_proc'::regclass AND p.oid = objid
        UNION ALL SELECT datacl, '', 'DATABASE ' || quote_ident(datname)
            FROM held JOIN pg_database b ON classid = 'pg_database'::regclass AND b.oid = objid)
    SELECT DISTINCT a.privilege_type || columns || ' ON ' || what AS privilege
    FROM granted, aclexplode(acl) a, pg_roles r WHERE r.rolname = $1 AND a.grantee = r.oid
"""
