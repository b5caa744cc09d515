"""Every statement that changes structure, rights, code or links, by the grammar's name."""

from collections.abc import Callable

from interlock.intent.sql.reading import Outputs, Reading
from interlock.intent.sql.statements import (
    alter,
    cluster,
    drop,
    grants,
    kinds,
    outside,
    standing,
    stored_code as code,
    structure,
)
from interlock.intent.sql.tree import Node

STATEMENTS: dict[str, Callable[[Reading, Node], Outputs]] = {
    **structure.STATEMENTS,
    **code.STATEMENTS,
    **kinds.STATEMENTS,
    **outside.STATEMENTS,
    **cluster.STATEMENTS,
    **standing.STATEMENTS,
    **alter.STATEMENTS,
    **drop.STATEMENTS,
    **grants.STATEMENTS,
}
