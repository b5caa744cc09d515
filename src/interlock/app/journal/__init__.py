"""The ledger for everybody who writes to it: group commit behind an asyncio face, here or in the supervisor."""

from interlock.app.journal.local import LocalJournal
from interlock.app.journal.operator import OPERATOR_KINDS, record_as_operator, serve_operators
from interlock.app.journal.remote import RemoteJournal, serve_journal

__all__ = [
    "OPERATOR_KINDS",
    "LocalJournal",
    "RemoteJournal",
    "record_as_operator",
    "serve_journal",
    "serve_operators",
]
