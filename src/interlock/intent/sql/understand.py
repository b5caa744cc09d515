"""From PostgreSQL text to meaning: the one entry point of this language."""

from collections.abc import Callable
from typing import Final

from interlock.intent.sql.code.bodies import follower
from interlock.intent.sql.limits import DEFAULT_LIMITS, Limits, refuse_chains, refuse_copies, refuse_early
from interlock.intent.sql.parser import TooDeep, Unparsed, parse, statement_of
from interlock.intent.sql.places import dropped, places
from interlock.intent.sql.queries.expressions import QUERIES
from interlock.intent.sql.queries.names import Level
from interlock.intent.sql.queries.unasked import unasked
from interlock.intent.sql.reading import FOLLOWERS, Outputs, Reading, Scope, TooMuch
from interlock.intent.sql.shape import fingerprint_of, shape_of
from interlock.intent.sql.statement import Statement
from interlock.intent.sql.statements import ddl, session, utility
from interlock.intent.sql.statements.locks import LOCKS
from interlock.intent.sql.statements.select import SELECTS
from interlock.intent.sql.statements.shown import judge_shown
from interlock.intent.sql.statements.write import WRITES
from interlock.intent.sql.tree import Node, number, unwrap
from interlock.model import Column, Finding, FindingCode, Intent

__all__ = ["DEFAULT_LIMITS", "Limits", "Scope", "Statement", "understand"]

_MOST_KEPT: Final = 256  # shapes of which the last meaning is kept
_LONGEST_KEPT: Final = 1_024  # characters of such a shape
StatementFunction = Callable[[Reading, Node], Outputs]
STATEMENTS: Final[dict[str, StatementFunction]] = {**session.STATEMENTS, **utility.STATEMENTS, **ddl.STATEMENTS}
QUERIES.update(SELECTS | WRITES)
_COMPUTING = QUERIES.keys() | {"CallStmt", "CopyStmt", "ExecuteStmt"}


def understand(text: str, scope: Scope, limits: Limits = DEFAULT_LIMITS) -> tuple[Statement, ...]:
    """What each statement of `text` means in this scope, in order; () for a text without statements.

    Never raises for bad input: a text that is malformed, too big or too deep is one statement that is not understood.
    Pure, so equal arguments give equal results and callers may cache on the exact text and scope.
    """
    refused = refuse_early(text, limits)
    if refused is not None:
        return (_refused(text, refused, shape=""),)
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        # A lone surrogate: no UTF-8 text holds one.
        finding = Finding(
            code=FindingCode.MALFORMED,
            message="the text holds half a character; send valid UTF-8",
            span=(error.start, error.end),
        )
        return (_refused(text, finding, shape=""),)
    if len(data) > limits.max_bytes:
        return (
            _refused(
                text,
                _over(f"the text is longer than {limits.max_bytes} bytes; send it in smaller statements"),
                shape="",
            ),
        )
    shape = shape_of(text)
    refused = refuse_chains(shape, limits) or refuse_copies(shape, limits)
    if refused is not None:
        return (_refused(text, refused, shape=shape),)
    try:
        raws = parse(data)
    except Unparsed as error:
        return (_refused(text, _malformed(error, data), shape=""),)
    except TooDeep as error:
        return (_refused(text, _over(str(error)), shape=""),)
    if len(raws) > limits.max_statements:
        return (_refused(text, _over(f"more than {limits.max_statements} statements; send fewer at a time"), shape=""),)
    if len(raws) == 1:
        return (_statement(text, data, raws[0], scope, limits, shape),)
    return tuple(_statement(text, data, raw, scope, limits, None) for raw in raws)


def _statement(text: str, data: bytes, raw: Node, scope: Scope, limits: Limits, shape: str | None) -> Statement:
    own, start = _slice(text, data, raw)
    kind, inner = unwrap(statement_of(raw))
    if shape is None or len(own) < len(text):
        shape = shape_of(own)
    reading = Reading(scope, limits, data if len(data) != len(text) else None, start)
    try:
        meaning(reading, None, kind, inner)
    except TooMuch as error:
        return _refused(own, _over(str(error)), shape=shape, node=kind)
    except RecursionError:
        return _refused(own, _over("the statement nests too deeply; write it flatter"), shape=shape, node=kind)
    return Statement(
        text=own,
        span=(start, start + len(own)),
        node=kind,
        intent=_intent(reading, shape),
        flow=reading.flow,
        name=reading.name,
        value=reading.value,
        local=reading.local,
        chain=reading.chain,
        read_only=reading.read_only,
        writes=reading.writes,
        ddl=reading.ddl,
        transactional=reading.transactional,
        held=reading.held,
        inner=reading.inner,
        places=dropped(reading, own) if reading.dropped else places(reading, data, start, ascii=len(data) == len(text)),
    )


def meaning(reading: Reading, level: Level | None, kind: str, inner: Node) -> None:
    """Dispatch one statement node; a kind without a function is refused by name. `level` surrounds a query."""
    if kind in _COMPUTING:
        unasked(reading)
    if kind in QUERIES:
        reading.returns = QUERIES[kind](reading, level, inner)
        if reading.shows:
            judge_shown(reading, {kind: inner})
        return
    function = STATEMENTS.get(kind)
    if function is None:
        reading.returns = None
        reading.unmapped(kind or "empty statement")
        return
    reading.returns = function(reading, inner)
    if reading.shows:
        judge_shown(reading, {kind: inner})
    if kind in LOCKS:
        LOCKS[kind](reading, inner)


FOLLOWERS.append(follower(meaning))


def _intent(reading: Reading, shape: str) -> Intent:
    """What was read; the very value that the last text of this shape meant where that is equal, as it mostly is."""
    effects, findings, last = reading.effects(), tuple(reading.findings), reading.catalog.intents
    known = last.get(shape)
    if (
        known is not None and known.effects == effects and known.findings == findings
        and known.understood == reading.understood and _equal(known.returns, reading.returns)
    ):  # fmt: skip
        return known
    intent = Intent(
        effects=effects,
        returns=_columns(reading.returns),
        findings=findings,
        understood=reading.understood,
        shape=shape,
        fingerprint=fingerprint_of(shape),
    )
    if len(shape) <= _LONGEST_KEPT:
        if len(last) >= _MOST_KEPT:
            last.clear()
        last[shape] = intent
    return intent


def _equal(columns: tuple[Column, ...] | None, outputs: Outputs) -> bool:
    """Whether these are the columns that would be made of these outputs."""
    if columns is None or outputs is None:
        return columns is None and outputs is None
    if not columns or not outputs:
        return len(columns) == len(outputs)
    pairs = zip(columns, outputs, strict=False)
    return len(columns) == len(outputs) and all(
        column.name == name and column.sources == sources for column, (name, sources) in pairs
    )


def _columns(outputs: Outputs) -> tuple[Column, ...] | None:
    return None if outputs is None else tuple([Column(name=name, sources=sources) for name, sources in outputs])


def _slice(text: str, data: bytes, raw: Node) -> tuple[str, int]:
    """One statement's own text, re-encoded from what was parsed, and where it starts in characters."""
    base, length = number(raw, "stmt_location"), number(raw, "stmt_len")
    if not base and not length and not text[:1].isspace() and not text[-1:].isspace() and text[-1:] != ";":
        return text, 0
    own = data[base : base + length if length else len(data)].decode()
    stripped = own.lstrip()
    start = (base if len(data) == len(text) else len(data[:base].decode())) + len(own) - len(stripped)
    stripped = stripped.rstrip()
    while stripped.endswith(";"):
        stripped = stripped[:-1].rstrip()
    return stripped, start


def _refused(text: str, finding: Finding, *, shape: str, node: str = "") -> Statement:
    """A statement that is not understood; its text is kept for people, it is never forwarded."""
    intent = Intent(
        effects=(), returns=None, findings=(finding,), understood=False, shape=shape, fingerprint=fingerprint_of(shape)
    )
    safe = text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
    return Statement(text=safe, span=(0, len(text)), node=node, intent=intent)


def _malformed(error: Unparsed, data: bytes) -> Finding:
    """The parser quotes the word it stumbled over: kept out, since it may be a value; the span says where."""
    message = str(error)
    kept = message.split(" at or near ")[0] if " at or near " in message else message.split('"')[0].strip()
    span = None
    if error.position is not None:
        at = len(data[: error.position].decode("utf-8", "replace"))
        span = (at, at + 1)
    return Finding(code=FindingCode.MALFORMED, message=f"{kept}; check the statement at the marked place", span=span)


def _over(message: str) -> Finding:
    return Finding(code=FindingCode.OVER_LIMIT, message=message)
