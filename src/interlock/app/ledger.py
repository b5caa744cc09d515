"""From the configuration to the ledger."""

from pathlib import Path

from interlock.app.clock import now
from interlock.app.config import Config
from interlock.app.ids import new_id
from interlock.store.space import SpaceLimits
from interlock.store.sqlite import LedgerSettings, SqliteLedger

RECORDS = "records.db"
MEBIBYTE = 1024 * 1024


def ledger_settings(config: Config) -> LedgerSettings:
    """Where the configured ledger is. Its outside memory lies with the keys: a backup of the ledger has none of it."""
    ledger = config.ledger
    return LedgerSettings(
        path=ledger_file(ledger.path),
        gateway=config.gateway.id,
        signing_key=ledger.signing_key,
        data_key=ledger.data_key,
        memory=ledger.signing_key.with_name("ledger.seen"),
        space=SpaceLimits(watermark=ledger.watermark_mb * MEBIBYTE),
    )


def ledger_file(path: Path) -> Path:
    """The file of a ledger named by its folder, or by itself."""
    return path if path.is_file() else path / RECORDS


def open_ledger(config: Config) -> SqliteLedger:
    """The configured ledger, for writing: checked, and made when it is missing."""
    return SqliteLedger(ledger_settings(config), new_id=new_id, now=now)
