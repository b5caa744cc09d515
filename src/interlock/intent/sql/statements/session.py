"""Statements that steer the session: transactions, settings, prepared statements, cursors, channels."""

from collections.abc import Callable

from interlock.intent.sql.parser import parse, statement_of
from interlock.intent.sql.queries.expressions import QUERIES, walk
from interlock.intent.sql.reading import Outputs, Reading
from interlock.intent.sql.refusals import REFUSED, refuse_by_name
from interlock.intent.sql.statement import Flow, Statement
from interlock.intent.sql.statements.settings import reset_setting, set_setting, show_setting
from interlock.intent.sql.statements.shown import refuse_list, sees_secrets
from interlock.intent.sql.statements.standing import text_of
from interlock.intent.sql.tree import Node, body, constant, flag, node, nodes, number, unwrap, within, word
from interlock.model import FindingCode, ObjectKind, Reach, Verb

_TRANSACTIONS = {
    "TRANS_STMT_BEGIN": Flow.BEGIN,
    "TRANS_STMT_START": Flow.BEGIN,
    "TRANS_STMT_COMMIT": Flow.COMMIT,
    "TRANS_STMT_ROLLBACK": Flow.ROLLBACK,
    "TRANS_STMT_SAVEPOINT": Flow.SAVEPOINT,
    "TRANS_STMT_RELEASE": Flow.RELEASE,
    "TRANS_STMT_ROLLBACK_TO": Flow.ROLLBACK_TO,
    "TRANS_STMT_PREPARE": Flow.PREPARE_TRANSACTION,
    "TRANS_STMT_COMMIT_PREPARED": Flow.COMMIT_PREPARED,
    "TRANS_STMT_ROLLBACK_PREPARED": Flow.ROLLBACK_PREPARED,
}
_CURSOR_HOLD = 0x0020  # nodes/parsenodes.h: CURSOR_OPT_HOLD


def transaction(reading: Reading, inner: Node) -> Outputs:
    """BEGIN to ROLLBACK PREPARED; none touches anything by itself, except two-phase commit."""
    kind = word(inner, "kind")
    flow = _TRANSACTIONS.get(kind)
    if flow is None:
        reading.unmapped(f"TransactionStmt {kind}")
        return []
    reading.flow = flow
    reading.name = word(inner, "savepoint_name") or word(inner, "gid") or None
    reading.chain = flag(inner, "chain")
    if kind in REFUSED:
        refuse_by_name(reading, kind)
    if flow is Flow.BEGIN:
        _modes(reading, nodes(inner, "options"))
    return []


def _modes(reading: Reading, options: list[Node]) -> None:
    for wrapped in options:
        option = body(wrapped, "DefElem") or {}
        name = word(option, "defname")
        if name == "transaction_read_only":
            reading.read_only = bool(constant(node(option, "arg")))
        elif name not in {"transaction_isolation", "transaction_deferrable"}:
            reading.refuse(FindingCode.SETTING_REFUSED, f"`{name}` cannot be set here: it is not on the list")


def variable_set(reading: Reading, inner: Node) -> Outputs:
    """SET, RESET, SET TRANSACTION, SET SESSION CHARACTERISTICS."""
    kind, name = word(inner, "kind"), word(inner, "name").lower()
    if kind == "VAR_RESET_ALL":
        reading.flow = Flow.RESET
        reading.add(Verb.CONFIGURE, reading.object(ObjectKind.SETTING, "all"), Reach.ALL)
    elif kind == "VAR_RESET":
        reset_setting(reading, name)
    elif kind == "VAR_SET_MULTI":
        _set_many(reading, name, nodes(inner, "args"))
    elif kind in {"VAR_SET_VALUE", "VAR_SET_DEFAULT"}:
        values = [text_of(argument) for argument in nodes(inner, "args")]
        value = ", ".join(values) if kind == "VAR_SET_VALUE" else None
        set_setting(reading, name, value, flag(inner, "is_local"), number(inner, "location", -1))
    else:
        reading.unmapped(f"VariableSetStmt {kind}")
    return []


def _set_many(reading: Reading, name: str, options: list[Node]) -> None:
    reading.flow, reading.name = Flow.SET, name
    if name == "transaction":
        _modes(reading, options)
    elif name == "session characteristics":
        for wrapped in options:
            option = body(wrapped, "DefElem") or {}
            set_setting(reading, f"default_{word(option, 'defname')}", text_of(node(option, "arg") or {}), False)
        reading.name, reading.value = name, None
    else:
        reason = REFUSED.get(name, "it is not on the list")
        reading.refuse(FindingCode.SETTING_REFUSED, f"`set {name}` is refused: {reason}")


def variable_show(reading: Reading, inner: Node) -> Outputs:
    """SHOW."""
    name = word(inner, "name").lower()
    show_setting(reading, name)
    if name == "all" and sees_secrets(reading):
        refuse_list(reading, -1)
    return None if name == "all" else [(name, ())]


def constraints(reading: Reading, inner: Node) -> Outputs:
    """SET CONSTRAINTS moves checks within the transaction; what they do belongs to the writes."""
    reading.flow = Flow.CONSTRAINTS
    return []


def discard(reading: Reading, inner: Node) -> Outputs:
    """DISCARD: drops what this session made for itself."""
    target = word(inner, "target")
    reading.flow = Flow.DISCARD
    reading.name = None if target == "DISCARD_ALL" else target.removeprefix("DISCARD_").lower()
    reading.transactional = target != "DISCARD_ALL"
    reading.add(Verb.CONFIGURE, reading.object(ObjectKind.SETTING, "all"), Reach.ALL)
    return []


def prepare(reading: Reading, inner: Node) -> Outputs:
    """PREPARE is an act (threats.md 1): the effects count here, and again at EXECUTE."""
    reading.flow, reading.name = Flow.PREPARE, word(inner, "name")
    _parameters(reading, inner)
    _run_query(reading, node(inner, "query"))
    return []


def _parameters(reading: Reading, inner: Node) -> None:
    """The types of its parameters: what is given for them at EXECUTE is converted to them, and a domain checks it."""
    types: list[Node] = [{"typeName": body(wrapped, "TypeName")} for wrapped in nodes(inner, "argtypes")]
    walk(reading, None, types)


def _run_query(reading: Reading, wrapped: Node | None) -> Outputs:
    kind, inner = unwrap(wrapped)
    function = QUERIES.get(kind)
    if function is None:
        reading.unmapped(kind)
        return None
    return function(reading, None, inner)


def execute(reading: Reading, inner: Node) -> Outputs:
    """EXECUTE stands for what was prepared; its arguments are expressions of their own."""
    name = word(inner, "name")
    reading.flow, reading.name = Flow.EXECUTE, name
    walk(reading, None, inner.get("params"))
    statement = reading.scope.prepared.get(name)
    if statement is not None and statement.node == "PrepareStmt":
        # The server parses it anew when the search path or a definition changed (docs, PREPARE); so do we.
        reading.inner = statement
        _, prepared = unwrap(statement_of(parse(statement.text.encode())[0]))
        reading.own = False
        _parameters(reading, prepared)
        _fill(node(prepared, "query"), nodes(inner, "params"), nodes(prepared, "argtypes"))
        return _run_query(reading, node(prepared, "query"))
    return stand_for(reading, statement, f"no statement `{name}` was prepared in this session")


def _fill(query: Node | None, values: list[Node], types: list[Node]) -> None:
    """Put the values that are written out in the place of their parameters: `WHERE $1` means all rows for `true`.

    The tree is changed: it was parsed for this statement alone.
    """
    for found in within(query):
        reference = body(found, "ParamRef")
        at = number(reference, "number") - 1 if reference is not None else -1
        if not 0 <= at < len(values) or "A_Const" not in values[at]:
            continue
        found.clear()
        found.update(
            values[at] if at >= len(types) else {"TypeCast": {"arg": values[at], "typeName": types[at]["TypeName"]}}
        )


def stand_for(reading: Reading, statement: Statement | None, missing: str) -> Outputs:
    """Take over the meaning of a statement that was named before; unknown names are not understood."""
    if statement is None:
        reading.refuse(FindingCode.DYNAMIC, f"{missing}; prepare it through this connection first")
        return None
    adopt(reading, statement)
    reading.inner = statement
    returns = statement.intent.returns
    return None if returns is None else [(column.name, column.sources) for column in returns]


def adopt(reading: Reading, statement: Statement) -> None:
    """Add the effects and needs of another statement to this one."""
    for effect in statement.intent.effects:
        fields = None if effect.fields is None else tuple(f.name for f in effect.fields)
        relation = reading.catalog.relation(*effect.object.path[1:]) if len(effect.object.path) == 3 else None
        reading.add(effect.verb, effect.object, effect.reach, *effect.findings, fields=fields, relation=relation)
    for finding in statement.intent.findings:
        reading.note(finding.code, finding.message)
    reading.understood = reading.understood and statement.intent.understood
    reading.writes = reading.writes or statement.writes
    reading.ddl = reading.ddl or statement.ddl


def deallocate(reading: Reading, inner: Node) -> Outputs:
    """DEALLOCATE name or ALL."""
    reading.flow, reading.name = Flow.DEALLOCATE, word(inner, "name") or None
    return []


def declare(reading: Reading, inner: Node) -> Outputs:
    """DECLARE CURSOR; WITH HOLD runs the query at COMMIT, after counting (threats.md 3): only pure reads may."""
    reading.flow, reading.name = Flow.DECLARE, word(inner, "portalname")
    reading.held = bool(number(inner, "options") & _CURSOR_HOLD)
    outputs = _run_query(reading, node(inner, "query"))
    acts = any(effect.verb is not Verb.READ for effect in reading.effects())
    if reading.held and (acts or reading.writes):
        reading.refuse(
            FindingCode.DANGEROUS_FUNCTION, "a cursor WITH HOLD runs at COMMIT, unseen; declare it without hold"
        )
    return outputs


def fetch(reading: Reading, inner: Node) -> Outputs:
    """FETCH and MOVE continue what DECLARE began."""
    name = word(inner, "portalname")
    reading.flow, reading.name = Flow.FETCH, name
    return stand_for(reading, reading.scope.cursors.get(name), f"no cursor `{name}` is open in this session")


def close(reading: Reading, inner: Node) -> Outputs:
    """CLOSE name or ALL."""
    reading.flow, reading.name = Flow.CLOSE, word(inner, "portalname") or None
    return []


def _channel(flow: Flow, verb: Verb) -> Callable[[Reading, Node], Outputs]:
    def handle(reading: Reading, inner: Node) -> Outputs:
        reading.flow, reading.name = flow, word(inner, "conditionname") or None
        if flow is not Flow.UNLISTEN:
            channel = reading.object(ObjectKind.UNKNOWN, "channel", reading.name or "*")
            reading.add(verb, channel, Reach.UNKNOWN)
        return []

    return handle


STATEMENTS: dict[str, Callable[[Reading, Node], Outputs]] = {
    "TransactionStmt": transaction,
    "VariableSetStmt": variable_set,
    "VariableShowStmt": variable_show,
    "ConstraintsSetStmt": constraints,
    "DiscardStmt": discard,
    "PrepareStmt": prepare,
    "ExecuteStmt": execute,
    "DeallocateStmt": deallocate,
    "DeclareCursorStmt": declare,
    "FetchStmt": fetch,
    "ClosePortalStmt": close,
    "ListenStmt": _channel(Flow.LISTEN, Verb.READ),
    "NotifyStmt": _channel(Flow.NOTIFY, Verb.CREATE),
    "UnlistenStmt": _channel(Flow.UNLISTEN, Verb.READ),
}
