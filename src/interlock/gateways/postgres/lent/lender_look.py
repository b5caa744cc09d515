"""What a target's minting role is, and may pass on: looked at by itself, and nothing is changed."""

from typing import Final

from msgspec import Struct

from interlock.gateways.postgres.lent.minting import key_of, prefix_of
from interlock.gateways.postgres.target.admin import POWERS, Login, logged_in


class LenderStanding(Struct, frozen=True, kw_only=True):
    """What the minter found of itself. `powers` are its role attributes; `members` roles whose rights it has.

    `unlent` are those of all `things` (schemas, tables and views of users) that it may pass on to nobody; `lends_owner`
    whether it may lend the owner role, None where there is none. `left` are roles that a gateway of ours has left, None
    while one works there.
    """

    powers: tuple[str, ...]
    owns: int
    members: tuple[str, ...]
    things: int
    unlent: tuple[str, ...]
    lends_owner: bool | None
    left: tuple[str, ...] | None


async def look_as_lender(login: Login, *, gateway: str, target: str, owner_role: str | None) -> LenderStanding:
    """Log in as the minting role and look around; changes nothing. Raises TargetUnreachable."""
    prefix = prefix_of(gateway, target)
    async with logged_in(login, server_settings={"search_path": "pg_catalog"}) as connection:
        (role,) = await connection.fetch(POWERS)
        lendable = await connection.fetch(_LENDABLE)
        works = await connection.fetchval(_WORKS, key_of(prefix))
        left = [row["rolname"] for row in await connection.fetch(_LEFT, prefix)]
        return LenderStanding(
            powers=tuple(name for name, held in role.items() if held),
            owns=await connection.fetchval(_OWNS),
            members=tuple(row["rolname"] for row in await connection.fetch(_MEMBERS, prefix, owner_role)),
            things=len(lendable),
            unlent=tuple(row["name"] for row in lendable if not row["lends"]),
            lends_owner=None if owner_role is None else bool(await connection.fetchval(_LENDS, owner_role)),
            left=None if works else tuple(left),
        )


_OWNS: Final = """
    SELECT count(*) FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid
    WHERE r.rolname = current_user AND d.refclassid = 'pg_authid'::regclass AND d.deptype = 'o'
"""
# Whose rights it has: not what it may merely pass on, nor what comes with the owner role alone.
_MEMBERS: Final = """
    SELECT r.rolname FROM pg_roles r WHERE r.rolname <> current_user AND NOT starts_with(r.rolname, $1)
        AND pg_has_role(current_user, r.oid, 'USAGE')
        AND NOT EXISTS (SELECT FROM pg_roles o WHERE o.rolname = $2 AND o.oid <> r.oid
            AND pg_has_role(current_user, o.oid, 'USAGE') AND pg_has_role(o.oid, r.oid, 'USAGE'))
    ORDER BY r.rolname
"""
_LENDABLE: Final = """
    SELECT n.nspname AS name, has_schema_privilege(n.oid, 'USAGE WITH GRANT OPTION') AS lends
    FROM pg_namespace n WHERE n.nspname <> 'information_schema' AND NOT starts_with(n.nspname, 'pg_')
    UNION ALL SELECT n.nspname || '.' || c.relname, has_table_privilege(c.oid, 'SELECT WITH GRANT OPTION')
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname <> 'information_schema'
        AND NOT starts_with(n.nspname, 'pg_')
    ORDER BY 1
"""
# From 16 on a membership without any right of its own is enough to pass a role on; before, CREATEROLE alone was.
_LENDS: Final = """
    SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1 AND NOT rolsuper) AND (
        current_setting('server_version_num')::int < 160000
        OR EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles u ON u.oid = m.member
            WHERE r.rolname = $1 AND u.rolname = current_user AND m.admin_option))
"""
# Workers hold the gateway's lock shared (minting.py): a key of 64 bits stands in two halves, with objsubid 1.
_WORKS: Final = """
    SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted
        AND classid = (($1::bigint >> 32) & 4294967295)::oid AND objid = ($1::bigint & 4294967295)::oid)
"""
_LEFT: Final = "SELECT rolname FROM pg_roles WHERE starts_with(rolname, $1) ORDER BY rolname"
