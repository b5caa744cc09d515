"""CREATE and ALTER of what runs by itself: functions, triggers, rules, policies, event triggers, languages, casts."""

from collections.abc import Callable

from interlock.intent.sql.catalog.relation import Relation
from interlock.intent.sql.code.planted import (
    argument_names,
    attach,
    attach_function,
    changes_structure,
    created_in,
)
from interlock.intent.sql.queries.expressions import query, walk
from interlock.intent.sql.queries.names import Level, Range
from interlock.intent.sql.reading import Outputs, Reading
from interlock.intent.sql.statements.definitions import code_kept
from interlock.intent.sql.statements.objects import named_object, object_of
from interlock.intent.sql.statements.select import add_relation
from interlock.intent.sql.statements.standing import standing, text_of
from interlock.intent.sql.tree import Json, Node, body, constant, flag, names, node, nodes, number, word
from interlock.model import FindingCode, Object, ObjectKind, Reach, Verb

_NATIVE = frozenset({"c", "internal"})
_ENFORCED = frozenset({"O", "A"})


def create_function(reading: Reading, inner: Node) -> Outputs:
    """CREATE FUNCTION plants code that others will run: EXECUTE for everyone, later (threats.md 16)."""
    schema, name = created_in(reading, inner, "funcname")
    object_ = reading.function_object(schema, name)
    if flag(inner, "replace") and any(f.schema == schema for f in reading.catalog.functions.get(name, ())):
        reading.add(Verb.CONFIGURE, object_, Reach.ALL)
    message = "a new function runs for whoever calls it, as whoever it says; it wants a second pair of eyes"
    attach(reading, object_, message)
    before = len(reading.effects())
    for wrapped in nodes(inner, "parameters"):
        walk(reading, None, (body(wrapped, "FunctionParameter") or {}).get("defexpr"))
    code_kept(reading, before, "a default of an argument")
    _properties(reading, object_, nodes(inner, "options"))
    return []


def alter_function(reading: Reading, inner: Node) -> Outputs:
    """ALTER FUNCTION: how code runs for everyone who calls it."""
    changes_structure(reading)
    object_ = object_of(reading, word(inner, "objtype"), {"ObjectWithArgs": node(inner, "func") or {}})
    reading.add(Verb.CONFIGURE, object_, Reach.ALL)
    _properties(reading, object_, nodes(inner, "actions"))
    return []


def _properties(reading: Reading, object_: Object, listed: list[Node]) -> None:
    """What the options of a function say beyond its text: whose rights it has, in which language it is written."""
    for wrapped in listed:
        option = body(wrapped, "DefElem") or {}
        name, value = word(option, "defname"), node(option, "arg")
        if name == "security" and constant(value):
            message = "it runs with its owner's rights, whoever calls it (SECURITY DEFINER)"
            reading.add(Verb.GRANT, object_, Reach.ALL, reading.finding(FindingCode.USER_CODE, message))
        elif name == "leakproof" and constant(value):
            message = "it sees rows before a policy or a security barrier hides them (LEAKPROOF)"
            reading.add(Verb.GRANT, object_, Reach.ALL, reading.finding(FindingCode.USER_CODE, message))
        elif name == "language":
            _language(reading, object_, text_of(value or {}).lower())
        elif name == "support":
            attach_function(reading, argument_names(option), "the planner calls it for every use of the function")
        elif name == "set" and value is not None:
            standing(reading, body(value, "VariableSetStmt") or {}, Reach.ONE)


def _language(reading: Reading, object_: Object, language: str) -> None:
    if language in _NATIVE or language.endswith("u"):
        message = f"code in `{language}` may do whatever the server's own account may; write it in SQL or PL/pgSQL"
        reading.add(Verb.EXECUTE, object_, Reach.ALL, reading.finding(FindingCode.DANGEROUS_FUNCTION, message))


def create_trigger(reading: Reading, inner: Node) -> Outputs:
    """CREATE TRIGGER attaches code to every later write of a table."""
    relation, object_, level = _on_table(reading, node(inner, "relation") or {})
    reading.add(Verb.CONFIGURE, object_, Reach.ALL, relation=relation)
    message = f"the trigger makes every later write of `{object_.path[-1]}` run this function"
    attach_function(reading, names(inner, "funcname"), message)
    _condition(reading, level, [inner.get("whenClause")], "a trigger")
    return []


def _on_table(reading: Reading, holder: Node) -> tuple[Relation | None, Object, Level]:
    """The table that code is attached to, and a level where its columns, NEW and OLD have a meaning."""
    changes_structure(reading)
    relation, object_ = reading.named(holder)
    level = Level(None)
    for alias in ("new", "old"):
        range_ = Range(alias, relation=relation)
        range_.columns = dict.fromkeys(relation.fields, ()) if relation is not None else None
        level.ranges.append(range_)
    return relation, object_, level


def _condition(reading: Reading, level: Level, listed: list[Json], where: str) -> None:
    before = len(reading.effects())
    for expression in listed:
        walk(reading, level, expression)
    code_kept(reading, before, where)


def create_rule(reading: Reading, inner: Node) -> Outputs:
    """CREATE RULE: every later statement on the table becomes, or also runs, another one."""
    relation, object_, level = _on_table(reading, node(inner, "relation") or {})
    reading.add(Verb.CONFIGURE, object_, Reach.ALL, relation=relation)
    event = word(inner, "event").removeprefix("CMD_").lower()
    does = _later(reading, level, nodes(inner, "actions"))
    message = f"every later {event} on `{object_.path[-1]}` {'runs' if flag(inner, 'instead') else 'also runs'} {does}"
    attach(reading, reading.function_object(*object_.path[1:], word(inner, "rulename")), message)
    _condition(reading, level, [inner.get("whereClause")], "a rule")
    return []


def _later(reading: Reading, level: Level, actions: list[Node]) -> str:
    """What the statements of a rule will do, for people: they do it later, for others."""
    told: list[str] = []
    inner = Reading(reading.scope, reading.limits, None, 0)
    inner.follows = False
    for wrapped in actions:
        if (channel := body(wrapped, "NotifyStmt")) is not None:
            told.append(f"NOTIFY `{word(channel, 'conditionname')}`")
        else:
            query(inner, level, wrapped)
    reading.understood = reading.understood and inner.understood
    reading.places |= inner.places
    for finding in inner.findings:
        reading.note(finding.code, finding.message)
    for effect in inner.effects():
        told.append(f"{effect.verb} `{effect.object}`")
        if effect.verb is Verb.EXECUTE:
            attach(reading, effect.object, "a rule keeps it: it runs for everyone who touches the table")
    return ", ".join(told) or "nothing"


def create_policy(reading: Reading, inner: Node) -> Outputs:
    """CREATE and ALTER POLICY say who sees which rows, by an expression that runs for everyone who looks."""
    changes_structure(reading)
    holder = node(inner, "table") or {}
    relation, object_ = reading.named(holder)
    reading.add(Verb.CONFIGURE, object_, Reach.ALL, relation=relation)
    if flag(inner, "permissive") or "cmd_name" not in inner:
        message = f"the policy decides which rows of `{object_.path[-1]}` others see and change"
        reading.add(Verb.GRANT, object_, Reach.ALL, reading.finding(FindingCode.UNPROTECTS, message), relation=relation)
    level = Level(None)
    add_relation(reading, level, holder, written=True)
    before = len(reading.effects())
    walk(reading, level, [inner.get("qual"), inner.get("with_check")])
    code_kept(reading, before, "a policy")
    return []


def create_event_trigger(reading: Reading, inner: Node) -> Outputs:
    """CREATE EVENT TRIGGER: every later change of structure, or login, of anybody runs a function."""
    changes_structure(reading)
    reading.add(Verb.CONFIGURE, reading.database(), Reach.ALL)
    message = f"`{word(inner, 'eventname')}` of everybody runs it, with their rights"
    attach_function(reading, names(inner, "funcname"), message)
    return []


def alter_event_trigger(reading: Reading, inner: Node) -> Outputs:
    """ALTER EVENT TRIGGER switches one on or off for everybody."""
    changes_structure(reading)
    object_ = named_object(reading, "OBJECT_EVENT_TRIGGER", (word(inner, "trigname"),))
    if word(inner, "tgenabled") in _ENFORCED:
        reading.add(Verb.CONFIGURE, object_, Reach.ALL)
        function = next((t for t in reading.catalog.event_triggers if t.name == word(inner, "trigname")), None)
        if function is not None:
            attach_function(reading, (function.schema, function.function), "everybody's changes of structure run it")
        return []
    finding = reading.finding(FindingCode.UNPROTECTS, "changes of structure no longer run it")
    reading.add(Verb.DESTROY, object_, Reach.ONE, finding)
    return []


def create_language(reading: Reading, inner: Node) -> Outputs:
    """CREATE LANGUAGE: functions of a new kind may be written, and what runs them is native code."""
    changes_structure(reading)
    reading.add(Verb.CONFIGURE, reading.database(), Reach.ONE)
    for key in ("plhandler", "plinline", "plvalidator"):
        attach_function(reading, names(inner, key), f"it runs all code in `{word(inner, 'plname')}`")
    return []


def create_cast(reading: Reading, inner: Node) -> Outputs:
    """CREATE CAST: values change type by a function, without a word where the cast is implicit."""
    changes_structure(reading)
    implicit = word(inner, "context") != "COERCION_EXPLICIT"
    reading.add(Verb.CONFIGURE, reading.database(), Reach.ALL if implicit else Reach.ONE)
    when = "whenever a value takes the type, unasked" if implicit else "wherever the cast is written"
    attach_function(reading, names(node(inner, "func") or {}, "objname"), f"it runs {when}")
    return []


def create_transform(reading: Reading, inner: Node) -> Outputs:
    """CREATE TRANSFORM: values pass through these functions on their way into a language and back."""
    changes_structure(reading)
    reading.add(Verb.CONFIGURE, reading.database(), Reach.ONE)
    for key in ("fromsql", "tosql"):
        message = f"values pass through it on their way into `{word(inner, 'lang')}`"
        attach_function(reading, names(node(inner, key) or {}, "objname"), message)
    return []


def create_access_method(reading: Reading, inner: Node) -> Outputs:
    """CREATE ACCESS METHOD: native code that stores tables or looks things up."""
    changes_structure(reading)
    reading.add(Verb.CONFIGURE, reading.database(), Reach.ONE)
    attach_function(reading, names(inner, "handler_name"), "it stores and finds the rows of whatever uses it")
    return []


def load(reading: Reading, inner: Node) -> Outputs:
    """LOAD runs a library of the server in this session."""
    message = "LOAD runs native code in the server; ask its administrator to preload what you need"
    finding = reading.finding(FindingCode.DANGEROUS_FUNCTION, message)
    reading.add(Verb.EXECUTE, reading.object(ObjectKind.PROGRAM, "server"), Reach.ALL, finding)
    return []


def create_extension(reading: Reading, inner: Node) -> Outputs:
    """CREATE EXTENSION runs a script of the server, often as superuser."""
    changes_structure(reading)
    finding = reading.finding(FindingCode.USER_CODE, "an extension runs its script and brings code of its own")
    reading.add(Verb.CONFIGURE, reading.database(), Reach.ALL, finding)
    reading.add(Verb.EXECUTE, reading.function_object("extension", word(inner, "extname")), Reach.ALL, finding)
    return []


def alter_extension(reading: Reading, inner: Node) -> Outputs:
    """ALTER EXTENSION ... UPDATE runs the scripts between two versions and replaces its code."""
    changes_structure(reading)
    name = word(inner, "extname")
    reading.add(Verb.CONFIGURE, named_object(reading, "OBJECT_EXTENSION", (name,)), Reach.ALL)
    message = "the update runs its scripts and replaces the code of the extension"
    attach(reading, reading.function_object("extension", name), message)
    return []


def alter_extension_contents(reading: Reading, inner: Node) -> Outputs:
    """ALTER EXTENSION ... ADD or DROP: what belongs to it goes and comes with it."""
    changes_structure(reading)
    reading.add(Verb.CONFIGURE, named_object(reading, "OBJECT_EXTENSION", (word(inner, "extname"),)), Reach.ONE)
    member = object_of(reading, word(inner, "objtype"), node(inner, "object") or {})
    reading.add(Verb.CONFIGURE, member, Reach.ALL)
    if number(inner, "action") > 0:
        reading.note(FindingCode.CASCADES, f"dropping the extension will drop `{member}` too")
    return []


STATEMENTS: dict[str, Callable[[Reading, Node], Outputs]] = {
    "CreateFunctionStmt": create_function,
    "AlterFunctionStmt": alter_function,
    "CreateTrigStmt": create_trigger,
    "RuleStmt": create_rule,
    "CreatePolicyStmt": create_policy,
    "AlterPolicyStmt": create_policy,
    "CreateEventTrigStmt": create_event_trigger,
    "AlterEventTrigStmt": alter_event_trigger,
    "CreatePLangStmt": create_language,
    "CreateCastStmt": create_cast,
    "CreateTransformStmt": create_transform,
    "CreateAmStmt": create_access_method,
    "LoadStmt": load,
    "CreateExtensionStmt": create_extension,
    "AlterExtensionStmt": alter_extension,
    "AlterExtensionContentsStmt": alter_extension_contents,
}
