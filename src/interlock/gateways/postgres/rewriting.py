"""What is forwarded for a statement: its parsed text, re-encoded, with what the session's pins need."""

from interlock.intent.sql.statement import Flow, Statement


def forwarded(statement: Statement) -> str:
    """The text for the target. Never the bytes that the client sent (sql.md: comment and NUL differentials)."""
    match statement.flow:
        case Flow.BEGIN if statement.read_only is None:
            # Sessions begin READ ONLY (default_transaction_read_only): what is written is decided statement by
            # statement. On a line of its own, because the text may end in a comment.
            return f"{statement.text}\nREAD WRITE"
        case _:
            return statement.text
