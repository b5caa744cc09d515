"""The append-only log: canonical form, tree, checkpoint, proof, verify."""

from interlock.ledger.faults import LedgerDamaged, LedgerFault, LedgerFull
from interlock.ledger.leaf import Entry, Kind
from interlock.ledger.outcomes import outcome_entry, unit_outcome_entry
from interlock.ledger.scribe import Scribe, decision_entry

__all__ = [
    "Entry",
    "Kind",
    "LedgerDamaged",
    "LedgerFault",
    "LedgerFull",
    "Scribe",
    "decision_entry",
    "outcome_entry",
    "unit_outcome_entry",
]
