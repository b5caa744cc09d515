"""What became of transactions that nobody saw the end of: a target still knows."""

import asyncio
from collections.abc import Mapping
from typing import Final

from interlock.gateways.postgres.target.side import SIDE_TROUBLE, SideConnection, connect_aside
from interlock.gateways.postgres.target.upstream import Address, Credential, Unreachable, cause
from interlock.model import Status, Transaction

_SECONDS: Final = 10.0
_AGAIN: Final = 0.1
_SETTINGS: Final = {"default_transaction_read_only": "on", "statement_timeout": "3s", "search_path": "pg_catalog"}
_HERE: Final = (
    "SELECT c.system_identifier::pg_catalog.text, pg_catalog.left(pg_catalog.pg_walfile_name("
    "pg_catalog.pg_current_wal_lsn()), 8) FROM pg_catalog.pg_control_system() AS c"
)
_FATE: Final = "SELECT pg_catalog.pg_xact_status($1::pg_catalog.text::pg_catalog.xid8)"
_FATES: Final = {"committed": Status.LANDED, "aborted": Status.UNDONE}


async def ask(
    address: Address, credential: Credential, units: Mapping[str, Transaction], found: dict[str, Status]
) -> None:
    """Put into `found` what the target says, by unit. Raises Unreachable: what was said until then holds."""
    try:
        connection = await connect_aside(address, credential, _SETTINGS, seconds=_SECONDS)
    except SIDE_TROUBLE as error:
        raise Unreachable(f"the target at `{address}` cannot be asked: {cause(error)}") from error
    try:
        here = tuple(await connection.fetchrow(_HERE) or ())
        for unit, transaction in units.items():
            # After a failover or a restore the same number may be another transaction.
            if here == (transaction.system, transaction.timeline):
                await _settle(connection, unit, transaction, found)
    except SIDE_TROUBLE as error:  # a standby, or a number that this server has not given out yet
        raise Unreachable(f"the target at `{address}` does not say: {cause(error)}") from error
    finally:
        connection.terminate()


async def _settle(connection: SideConnection, unit: str, transaction: Transaction, found: dict[str, Status]) -> None:
    """One that is still open ends soon: its client is gone."""
    while (said := await connection.fetchval(_FATE, transaction.id)) == "in progress":
        await asyncio.sleep(_AGAIN)
    if said in _FATES:
        found[unit] = _FATES[said]
