"""What is understood by the grammar and refused by name, each with its reason: the whole list."""

from interlock.intent.sql.reading import Reading
from interlock.intent.sql.tree import words
from interlock.model import FindingCode

# The key is the name that the grammar gives it; docs/reference/statements.md shows this table.
REFUSED: dict[str, str] = {
    "DoStmt": "a DO block can do anything and says it in another language; send the statements themselves",
    "COPY PROGRAM": "it runs a command on the server; use STDIN or STDOUT",
    "TRANS_STMT_PREPARE": "two-phase commit lands a transaction out of this session's sight; use COMMIT",
    "TRANS_STMT_COMMIT_PREPARED": "two-phase commit lands a transaction out of this session's sight; use COMMIT",
    "TRANS_STMT_ROLLBACK_PREPARED": "two-phase commit ends a transaction out of this session's sight; use ROLLBACK",
    "transaction snapshot": "it adopts another session's snapshot; begin a transaction of your own",
    "PLAssignStmt": "it is a statement of PL/pgSQL and of no client; send SQL",
}
# Never in a parsed text: the server makes them for itself, or they name what no statement can.
NEVER = words(
    """AT_AddColumnToView AT_CookedColumnDefault AT_AddIndex AT_ReAddIndex AT_ReAddConstraint AT_ReAddDomainConstraint
    AT_ReAddComment AT_ReplaceRelOptions AT_ReAddStatistics OBJECT_AMOP OBJECT_AMPROC OBJECT_DEFAULT OBJECT_DEFACL
    OBJECT_PUBLICATION_NAMESPACE OBJECT_PUBLICATION_REL OBJECT_USER_MAPPING PUBLICATIONOBJ_CONTINUATION"""
)


def refuse_by_name(reading: Reading, name: str, location: int = -1) -> None:
    """Refuse what is on the list with its reason, anything else as not understood."""
    reason = REFUSED.get(name)
    if reason is None:
        reading.unmapped(name, location)
    else:
        reading.refuse(FindingCode.NOT_MAPPED, f"`{name}` is refused: {reason}", location)
