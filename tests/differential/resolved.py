"""The server as resolver (intent/sql/resolver.py) on the stage of these tests."""

import psycopg

from interlock.intent.sql.resolver import DEPENDS, Resolved, read_resolved, resolver
from tests.differential.stage import Stage


def resolve(stage: Stage, text: str) -> Resolved | None:
    """What one statement depends on; None where the server does not take it as the body of a function."""
    stage.session.pgconn.exec_(b"BEGIN")
    made = stage.run(resolver(text))
    found = None
    if made.error is None and not made.ended:
        try:
            found = read_resolved(stage.rows(DEPENDS))
        except psycopg.Error as error:
            raise AssertionError(f"the resolver could not be asked about `{text}`: {error}") from error
    stage.undo(spoilt=made.ended)
    return found
