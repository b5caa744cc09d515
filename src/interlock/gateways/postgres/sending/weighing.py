"""What the target's planner expects of a statement, asked before it runs: an estimate can refuse, and never allows."""

import json
from collections.abc import Sequence
from typing import Final

from interlock.gate import Ask
from interlock.gateways.postgres.answering.due import Due, Show
from interlock.gateways.postgres.answering.rows import first_values
from interlock.gateways.postgres.answering.running import Running
from interlock.gateways.postgres.planning.rewriting import forwarded
from interlock.intent.sql.statement import Flow, Statement
from interlock.wire.postgres import kinds
from interlock.wire.postgres.messages import Part, build_bind, build_close, build_error, build_execute, build_parse

NOT_TRIED: Final = "54001"  # statement_too_complex
_NAME: Final = "il_weigh"
_FORGET: Final = build_close(Part.STATEMENT, _NAME)
# What EXPLAIN takes (sql-explain), and what runs nothing of what it names or was weighed when it was named.
_EXPLAINABLE: Final = frozenset({"SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"})
_RUNS: Final = frozenset({Flow.PLAIN, Flow.EXECUTE, Flow.DECLARE})
_NAMES: Final = frozenset({Flow.PREPARE, Flow.FETCH})


def weighable(statement: Statement) -> bool:
    """Whether the planner can be asked about it, or need not be."""
    match statement.flow:
        case Flow.PLAIN:
            return statement.node in _EXPLAINABLE
        case flow:
            return flow in _RUNS or flow in _NAMES


def weighs(statement: Statement, ask: Ask) -> bool:
    """Whether it has to be asked before this: it is about to run by itself."""
    return statement.flow in _RUNS and not ask.prepares


def question(ask: Ask, statement: Statement, running: Running, pieces: list[bytes]) -> tuple[bytes, tuple[Due, ...]]:
    """EXPLAIN with the parameters of the command; its rows gather in `pieces`."""
    command = ask.command  # one that failed before may have left the name
    data = _FORGET + build_parse(_NAME, f"EXPLAIN (FORMAT JSON) {forwarded(statement)}", command.types)
    data += build_bind(_NAME, _NAME, command.arguments, command.formats) + build_execute(_NAME)
    dues = [
        Due(kinds.CLOSE, Show.NOTHING),
        *(Due(kind, Show.NOTHING, running=running) for kind in (kinds.PARSE, kinds.BIND)),
        Due(kinds.EXECUTE, Show.NOTHING, rows=pieces.append),
    ]
    return data + build_close(Part.PORTAL, _NAME) + _FORGET, (*dues, *_closed(), *_closed())


def _closed() -> list[Due]:
    return [Due(kinds.CLOSE, Show.NOTHING)]


def expected(pieces: Sequence[bytes]) -> int | None:
    """The most rows that any step of the plan is expected to give; None where that was not said."""
    texts = [value for value in first_values(b"".join(pieces)) if value is not None]
    try:
        said = json.loads("\n".join(texts))
    except ValueError:
        return None
    found = _rows(said)
    return max(found, default=None)


def _rows(plan: object) -> list[int]:
    """Every `Plan Rows` of a plan, however deep. ModifyTable itself gives none, and what it takes is below it."""
    if isinstance(plan, list):
        return [rows for part in plan for rows in _rows(part)]
    if not isinstance(plan, dict):
        return []
    own = [int(rows)] if isinstance(rows := plan.get("Plan Rows"), int | float) else []
    return own + [rows for part in plan.values() if isinstance(part, list | dict) for rows in _rows(part)]


def not_tried(running: Running, pieces: Sequence[bytes]) -> bytes | None:
    """The error for what is expected to take more than it may, or for what nobody expects anything of."""
    rows, most = expected(pieces), running.fuse or 0
    if rows is not None and rows <= most:
        return None
    running.error = NOT_TRIED
    return _refusal(running, rows, most)


def _refusal(running: Running, rows: int | None, most: int) -> bytes:
    said = "does not say how many rows" if rows is None else f"expects about {rows:,} rows"
    return build_error(
        "ERROR",
        NOT_TRIED,
        "interlock did not try a statement that is expected to be too large",
        detail=f"The target's planner {said} in a step of it; the policy lets at most {most:,} be tried. "
        "It did not run. This is an estimate: statistics that are old make it wrong, and ANALYZE makes it better.",
        hint=f"Narrow it: a WHERE, a LIMIT, or smaller steps. Decision {running.ask.command.id}.",
    )
