"""PostgreSQL text to meaning: `understand` reads statements against a `Catalog`."""

from typing import Final

from interlock.intent.sql import tree
from interlock.intent.sql.catalog.labels import LabelBook
from interlock.intent.sql.catalog.snapshot import FINGERPRINT, QUERIES, Catalog, CatalogUnreadable
from interlock.intent.sql.limits import DEFAULT_LIMITS, Limits
from interlock.intent.sql.memory import Memory
from interlock.intent.sql.reading import Scope
from interlock.intent.sql.statement import Flow, Statement
from interlock.intent.sql.understand import understand

# Whether it is what an installed wheel holds, or the source as it is edited (ADR 0011).
COMPILED: Final = not str(tree.__file__).endswith(".py")

__all__ = [
    "COMPILED",
    "DEFAULT_LIMITS",
    "FINGERPRINT",
    "QUERIES",
    "Catalog",
    "CatalogUnreadable",
    "Flow",
    "LabelBook",
    "Limits",
    "Memory",
    "Scope",
    "Statement",
    "understand",
]
