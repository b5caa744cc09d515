"""Conditions that spell out every value there is: all labels of an enumeration, all that a CHECK leaves.

A column is tried at each value that the condition or a CHECK mentions, and once between and beyond them: nothing else
can tell rows apart. Where the condition holds in each of these rows that the CHECKs allow, it selects nothing.
"""

from interlock.intent.sql.conditions.evaluating import evaluate
from interlock.intent.sql.conditions.folding import never_null, structure
from interlock.intent.sql.conditions.points import confined, points
from interlock.intent.sql.queries.names import Level
from interlock.intent.sql.tree import Node


def exhausts(level: Level, condition: Node) -> bool:
    """Whether a condition holds in every row that is possible; where values are supposed, wherever there are some."""
    if not level.ranges or not confined(level, condition):
        return False
    found = points(level, condition)
    if (text := structure(level, condition)) is not None and text in found.said and never_null(level, condition):
        return True
    if not found.few():
        return False
    tried = False
    for supposed in found.rows(supposing=level.supposing):
        if any(evaluate(found.row, check) is False for check in found.checks):
            continue
        tried = True
        held = evaluate(found.row, condition)
        if held is not True and not (held is None and supposed and level.supposing):
            return False
    return tried
